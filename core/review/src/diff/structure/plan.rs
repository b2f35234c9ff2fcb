//! A plan of Terraform or OpenTofu, compared with the state that it holds itself.

use super::Op;
use super::path::Step;
use super::tree::Tree;
use super::walk::Walk;

/// Compares `before` with `after` of every resource that the plan changes.
pub(super) fn compare(walk: &mut Walk<'_>, plan: &Tree<'_>) {
    let resources = plan.at("resource_changes").map_or(&[][..], Tree::items);
    walk.path.push(key("resource_changes"));
    for (index, resource) in resources.iter().enumerate() {
        walk.path.push(Step::Element {
            name: super::name(resource).map(std::borrow::Cow::into_owned),
            before: Some(index),
            after: Some(index),
        });
        let first = walk.changes.len();
        if let Some(change) = resource.at("change") {
            one(walk, change);
            let actions = change.at("actions").map(Tree::written).unwrap_or_default();
            let note = crate::text::Untrusted::from(format!("planned actions: {actions}")).escaped();
            for change in walk.changes.iter_mut().skip(first) {
                change.notes.push(note.clone());
            }
        }
        walk.path.pop();
    }
    walk.path.pop();
}

fn one(walk: &mut Walk<'_>, change: &Tree<'_>) {
    let (before, after) = (change.at("before"), change.at("after"));
    let real = |tree: &&Tree<'_>| tree.lexeme() != Some("null");
    let first = walk.changes.len();
    let depth = walk.path.len();
    match (before.filter(real), after.filter(real)) {
        (Some(before), Some(after)) => walk.value(before, after),
        (Some(before), None) => walk.put(Op::Remove, Some(before), None),
        (None, Some(after)) => walk.put(Op::Add, None, Some(after)),
        (None, None) => {}
    }
    let Some(unknown) = change.at("after_unknown") else {
        return;
    };
    for change in walk.changes.iter_mut().skip(first) {
        let steps = change.path.steps.get(depth..).unwrap_or_default();
        let found = steps.iter().try_fold(unknown, |tree, step| match step {
            Step::Key { name, .. } => tree.at(name),
            Step::Element { after, .. } => tree.items().get((*after)?),
            Step::Held | Step::Lines { .. } => None,
        });
        if found.is_some_and(|tree| tree.lexeme() == Some("true")) {
            change
                .notes
                .push("the value after is known only when it is applied".to_owned());
        }
    }
    // What is unknown and was not there before has no value on either side.
    for entry in unknown.entries() {
        let known = |side: Option<&Tree<'_>>| side.is_some_and(|tree| tree.at(&entry.key).is_some());
        if entry.value.lexeme() == Some("true") && !known(before) && !known(after) {
            walk.path.push(key(&entry.key));
            walk.put(Op::Add, None, None);
            walk.path.pop();
            if let Some(change) = walk.changes.last_mut() {
                change
                    .notes
                    .push("the value after is known only when it is applied".to_owned());
            }
        }
    }
}

fn key(name: &str) -> Step {
    Step::Key {
        name: name.to_owned(),
        nth: 0,
    }
}
