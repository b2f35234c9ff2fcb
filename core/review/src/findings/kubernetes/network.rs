//! Network policies: through whom and to which ports a change lets more.
//!
//! A peer is a list entry under `from` or `to`; its selectors must all fit, so one with fewer of them lets more
//! through. One dash in YAML makes two wide peers of a narrow one.

use super::manifest::Object;
use crate::document::{Node, Value};
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Observation, Severity, Side, rule};
use std::collections::BTreeSet;

/// Tells how a network policy guards less than before.
pub(super) fn changed(old: &Object<'_>, new: &Object<'_>, changes: &mut Vec<Change>) {
    if new.kind != "NetworkPolicy" {
        return;
    }
    let mut add = |about, what: String, line| {
        let what = format!("{} {what}", quote(&new.name));
        let seen = Observation::new(about, new.name.clone(), what)
            .severity(Severity::Medium)
            .at(&new.place, line);
        changes.push((seen, Delta::Introduced, Side::After));
    };
    for way in ["ingress", "egress"] {
        let open = |object: &Object<'_>| {
            rules(object, way)
                .iter()
                .find(|rule| peers(rule).is_none())
                .map(|rule| rule.line)
        };
        if let (None, Some(line)) = (open(old), open(new)) {
            let what = format!("lets everybody through: a rule of its {way} names nobody");
            add(&rule::K8S_GUARD_REMOVED, what, line);
        }
        let before = all_peers(old, way);
        for (tests, line) in all_peers(new, way) {
            let known = before.iter().any(|(earlier, _)| earlier.is_subset(&tests));
            let wider = before.iter().any(|(earlier, _)| tests.is_subset(earlier));
            if !known && (wider || everybody(&tests)) {
                let shown: Vec<String> = tests.iter().map(|test| quote(test)).collect();
                let what = format!(
                    "lets more through its {way}: whoever meets only {}",
                    shown.join(" and ")
                );
                add(&rule::K8S_PEERS_WIDENED, what, line);
            }
        }
        let limited = |object: &Object<'_>| rules(object, way).iter().all(|rule| rule.at("ports").is_some());
        if limited(old) && !limited(new) && !rules(old, way).is_empty() {
            let what = format!("lets its {way} reach every port");
            add(&rule::K8S_PEERS_WIDENED, what, new.value.line);
        }
    }
    let types = |object: &Object<'_>| -> BTreeSet<String> {
        let types = object.value.path(&["spec", "policyTypes"]).map(Value::items);
        let texts = types.unwrap_or_default().iter().filter_map(Value::text);
        texts.map(str::to_owned).collect()
    };
    let is = types(new);
    for lost in types(old).difference(&is).filter(|_| !is.is_empty()) {
        let what = format!("no longer limits {}", quote(lost));
        add(&rule::K8S_GUARD_REMOVED, what, new.value.line);
    }
    let selected = |object: &Object<'_>| {
        let mut tests = BTreeSet::new();
        let selector = object.value.path(&["spec", "podSelector"]);
        collect("podSelector", selector, &mut tests);
        tests
    };
    let (was, is) = (selected(old), selected(new));
    if is.is_superset(&was) && is != was {
        add(
            &rule::K8S_GUARD_REMOVED,
            "holds for fewer pods than before".to_owned(),
            new.value.line,
        );
    }
}

fn rules<'a>(object: &Object<'a>, way: &str) -> &'a [Value] {
    object
        .value
        .path(&["spec", way])
        .map(Value::items)
        .unwrap_or_default()
}

fn peers(rule: &Value) -> Option<&Value> {
    rule.at("from").or_else(|| rule.at("to"))
}

/// Returns the peers of one way, each as the tests that must all be met.
fn all_peers(object: &Object<'_>, way: &str) -> Vec<(BTreeSet<String>, u32)> {
    let listed = rules(object, way).iter().filter_map(peers).flat_map(Value::items);
    let tests = |peer: &Value| {
        let mut tests = BTreeSet::new();
        for (key, selector) in peer.entries() {
            collect(key, Some(selector), &mut tests);
        }
        (tests, peer.line)
    };
    listed.map(tests).collect()
}

/// Adds what a selector asks for: its kind, and each label, expression, range or exception.
fn collect(kind: &str, selector: Option<&Value>, tests: &mut BTreeSet<String>) {
    tests.insert(kind.to_owned());
    if let Some(selector) = selector {
        selector.walk(&mut |place, value| {
            let leaf = match &value.node {
                Node::Text(text) | Node::Number(text) => text.clone(),
                Node::Bool(truth) => truth.to_string(),
                _ => return,
            };
            tests.insert(format!("{kind}{} {leaf}", place.pointer));
        });
    }
}

/// Says whether a peer is every address, or every pod of every namespace.
fn everybody(tests: &BTreeSet<String>) -> bool {
    let every_address =
        |test: &String| matches!(test.as_str(), "ipBlock/cidr 0.0.0.0/0" | "ipBlock/cidr ::/0");
    let every_pod = tests.len() == 1 && tests.contains("namespaceSelector");
    every_pod || tests.iter().any(every_address)
}

#[cfg(test)]
mod tests {
    use crate::findings::analyze;

    fn policy(peers: &str) -> String {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n}}\nspec:\n  podSelector: {{matchLabels: {{app: a}}}}\n  policyTypes: [Ingress, Egress]\n  ingress:\n    - from: [{peers}]\n      ports: [{{port: 80}}]\n"
        )
    }

    fn told(before: &str, after: &str) -> Vec<&'static str> {
        analyze("k8s", Some(before.as_bytes()), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| finding.rule.as_str())
            .collect()
    }

    const SPACE: &str = "namespaceSelector: {matchLabels: {zone: z}}";
    const POD: &str = "podSelector: {matchLabels: {app: b}}";

    #[test]
    fn two_peers_in_the_place_of_one_are_wider_and_one_with_more_tests_is_not() {
        let one = policy(&format!("{{{SPACE}, {POD}}}"));
        let two = policy(&format!("{{{SPACE}}}, {{{POD}}}"));
        assert_eq!(told(&one, &two), ["k8s-peers-widened", "k8s-peers-widened"]);
        assert_eq!(told(&two, &one), Vec::<&str>::new());
        assert_eq!(told(&one, &one), Vec::<&str>::new());
        let another = policy(&format!(
            "{{{SPACE}, {POD}}}, {{podSelector: {{matchLabels: {{app: c}}}}}}"
        ));
        assert_eq!(told(&one, &another), Vec::<&str>::new());
    }

    #[test]
    fn every_address_every_port_and_lost_directions_are_told() {
        let one = policy(&format!("{{{POD}}}"));
        let world = policy(&format!("{{{POD}}}, {{ipBlock: {{cidr: 0.0.0.0/0}}}}"));
        assert_eq!(told(&one, &world), ["k8s-peers-widened"]);
        assert_eq!(
            told(&one, &one.replace("      ports: [{port: 80}]\n", "")),
            ["k8s-peers-widened"]
        );
        assert_eq!(told(&one, &one.replace(", Egress", "")), ["k8s-guard-removed"]);
        let fewer = one.replace("{app: a}", "{app: a, tier: t}");
        assert_eq!(told(&one, &fewer), ["k8s-guard-removed"]);
        assert_eq!(told(&fewer, &one), Vec::<&str>::new());
    }
}
