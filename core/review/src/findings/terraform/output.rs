//! Outputs of plans: what was hidden, in the output itself or in a resource, and is shown now.
//!
//! A plan marks what is sensitive in the resources and in the outputs apart; an output that is not sensitive is printed
//! wherever the plan is, and stands in clear in the state.

use super::plan::resources;
use crate::document::{Documents, Node, Value};
use crate::findings::observation::quote;
use crate::findings::{Observation, rule};
use aho_corasick::AhoCorasick;
use std::collections::{BTreeMap, BTreeSet};

/// Shorter texts stand in other texts by chance.
const LEAST: usize = 8;

/// Hidden texts that overlap could stand in an output more often than anybody can count.
const MOST_HITS: usize = 100_000;

/// Observes the outputs that show what was hidden.
pub(super) fn observe(plan: &Value, seen: &mut Vec<Observation>) {
    let outputs = plan.at("output_changes").map(Value::entries).unwrap_or_default();
    if outputs.is_empty() {
        return;
    }
    let secrets = Secrets::of(plan);
    for (name, output) in outputs {
        let hidden = |side: &str| output.at(side).is_some_and(Value::is_true);
        if hidden("after_sensitive") || is_gone(output) {
            continue;
        }
        let what = if hidden("before_sensitive") {
            format!("the output {} is no longer hidden", quote(name))
        } else if let Some(address) = secrets
            .shown_newly(output)
            .or_else(|| secrets.referred(plan, name, output))
        {
            format!(
                "the output {} shows what is hidden in {}",
                quote(name),
                quote(address)
            )
        } else {
            continue;
        };
        seen.push(Observation::new(&rule::PLAN_OUTPUT_SHOWN, name, what).line(output.line));
    }
}

fn is_gone(output: &Value) -> bool {
    let actions = output.at("actions").map(Value::items).unwrap_or_default();
    actions.iter().any(|action| action.text() == Some("delete"))
}

/// Returns the places of the settings that a plan hides after the change as it hid them before: their values were rotated.
pub(in crate::findings) fn still_hidden(documents: &Documents) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for resource in resources(documents) {
        let side = |side: &str| resource.change.at(side).map(Value::entries).unwrap_or_default();
        for (key, mark) in side("after_sensitive").iter().filter(|(_, mark)| mark.is_true()) {
            let was = resource.change.path(&["before", key]).and_then(Value::text);
            let hid = resource.change.path(&["before_sensitive", key]);
            if hid.is_some_and(|hid| hid.node == mark.node) && was.is_some_and(|was| !was.is_empty()) {
                found.insert(format!("{}/{key}", resource.place.pointer));
            }
        }
    }
    found
}

/// What the resources of a plan hide.
struct Secrets<'a> {
    /// The address of the resource of each text that the search knows.
    addresses: Vec<&'a str>,
    search: Option<AhoCorasick>,
    /// By address, which settings are hidden.
    settings: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Secrets<'a> {
    fn of(plan: &'a Value) -> Self {
        let mut texts = BTreeMap::new();
        let mut settings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for resource in plan.at("resource_changes").map(Value::items).unwrap_or_default() {
            let address = resource.text_at("address").unwrap_or("?");
            let Some(marks) = resource.path(&["change", "after_sensitive"]) else {
                continue;
            };
            for (key, mark) in marks.entries() {
                if mark.is_true() {
                    settings.entry(address).or_default().push(key);
                }
            }
            if let Some(after) = resource.path(&["change", "after"]) {
                hidden(after, marks, &mut |text| {
                    texts.entry(text).or_insert(address);
                });
            }
        }
        // With more than can be searched for, only what an output refers to is known.
        let search = AhoCorasick::new(texts.keys()).ok();
        Self {
            addresses: texts.into_values().collect(),
            search,
            settings,
        }
    }

    /// Returns the resource of which an output shows something hidden that it did not show before.
    fn shown_newly(&self, output: &Value) -> Option<&'a str> {
        let before: BTreeSet<usize> = self.hits(output, "before").into_iter().collect();
        let after = self.hits(output, "after");
        // More than was looked for counts as new.
        let whole = after.len() >= MOST_HITS;
        let new = after.iter().find(|hit| whole || !before.contains(hit))?;
        self.addresses.get(*new).copied()
    }

    /// Returns which of the hidden texts stand in one side of an output, as often as they do.
    fn hits(&self, output: &Value, side: &str) -> Vec<usize> {
        let mut hits = Vec::new();
        let (Some(search), Some(value)) = (&self.search, output.at(side)) else {
            return hits;
        };
        value.walk(&mut |_, value| {
            let found = value.text().map(|text| search.find_overlapping_iter(text));
            let room = MOST_HITS.saturating_sub(hits.len());
            hits.extend(
                found
                    .into_iter()
                    .flatten()
                    .take(room)
                    .map(|hit| hit.pattern().as_usize()),
            );
        });
        hits
    }

    /// Returns the resource whose hidden setting an output refers to, where its value is only known afterwards.
    fn referred(&self, plan: &Value, name: &str, output: &Value) -> Option<&'a str> {
        let is_new = output
            .at("before")
            .is_none_or(|before| matches!(before.node, Node::Null));
        if !is_new || !output.at("after_unknown").is_some_and(Value::is_true) {
            return None;
        }
        let path = [
            "configuration",
            "root_module",
            "outputs",
            name,
            "expression",
            "references",
        ];
        let references = plan.path(&path).map(Value::items).unwrap_or_default();
        references.iter().filter_map(Value::text).find_map(|reference| {
            let (address, setting) = reference.rsplit_once('.')?;
            let (address, settings) = self.settings.get_key_value(address)?;
            settings.contains(&setting).then_some(*address)
        })
    }
}

/// Calls `visit` with the texts of a value that its marks say are hidden. The depth of a document is bounded.
fn hidden<'a>(value: &'a Value, marks: &Value, visit: &mut dyn FnMut(&'a str)) {
    if marks.is_true() {
        value.walk(&mut |_, value| {
            if let Some(text) = value.text().filter(|text| text.len() >= LEAST) {
                visit(text);
            }
        });
        return;
    }
    for (key, mark) in marks.entries() {
        if let Some(value) = value.at(key) {
            hidden(value, mark, visit);
        }
    }
    for (mark, value) in marks.items().iter().zip(value.items()) {
        hidden(value, mark, visit);
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(output: &str) -> Option<Severity> {
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "random_password.db", "type": "random_password", "change": {{"actions": ["no-op"], "before": {{"length": 20}}, "after": {{"length": 20, "result": "h7Kq2mZx9PfW4sLt"}}, "after_sensitive": {{"result": true}}}}}}], "output_changes": {{"dsn": {output}}}, "configuration": {{"root_module": {{"outputs": {{"dsn": {{"expression": {{"references": ["random_password.db.result", "random_password.db"]}}}}}}}}}}}}"#
        );
        let findings = analyze("terraform-plan", None, plan.as_bytes());
        let shown = findings
            .iter()
            .find(|finding| finding.rule.as_str() == "plan-output-shown");
        assert!(!format!("{shown:?}").contains("h7Kq2"));
        shown.map(|finding| finding.severity)
    }

    #[test]
    fn an_output_that_shows_what_a_resource_hides_is_told() {
        let output = |before: &str, after: &str, sensitive: bool| {
            told(&format!(
                r#"{{"actions": ["create"], "before": {before}, "after": {after}, "after_unknown": false, "before_sensitive": false, "after_sensitive": {sensitive}}}"#
            ))
        };
        let secret = r#"{"url": "mysql://a:h7Kq2mZx9PfW4sLt@db.acme.example/a"}"#;
        assert_eq!(output("null", secret, false), Some(Severity::Medium));
        assert_eq!(output("null", secret, true), None);
        assert_eq!(output(secret, secret, false), None);
        assert_eq!(output("null", r#""db.acme.example""#, false), None);
    }

    #[test]
    fn an_output_that_is_not_known_yet_is_told_by_what_it_refers_to() {
        let output = |sensitive: bool| {
            told(&format!(
                r#"{{"actions": ["create"], "before": null, "after_unknown": true, "after_sensitive": {sensitive}}}"#
            ))
        };
        assert_eq!(output(false), Some(Severity::Medium));
        assert_eq!(output(true), None);
    }
}
