//! Settings of resources that a plan, or a change of Terraform source, makes weaker than they were.
//!
//! Each resource that is there before and after is compared with itself, setting by setting
//! ([`crate::findings::setting`]). A setting that [`super::turn_table`] knows for its type is judged by it, any other by
//! what its name says. What is only known after the plan ran is not judged, nor what stays as it was.

use super::plan::resources;
use super::{source, turn_table};
use crate::document::{Place, Value, push_key};
use crate::findings::name::plain;
use crate::findings::setting::{Known, NOTHING, Walk, is_nothing};
use crate::findings::{Change, Delta, Input, Observation, Side, cloud};
use std::collections::BTreeMap;

/// What is known of the settings of resources.
const KNOWN: Known = Known {
    rows: turn_table::rows,
    stated: |keys, _, is| cloud::stated(&plain(keys.last()?), is).map(|(_, severity)| severity),
};

/// Tells which settings are weaker after the change; the key of each is its place, so that none is told twice.
pub(in crate::findings) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let mut seen = Vec::new();
    for resource in resources(after.documents) {
        let side = |name| resource.change.at(name).unwrap_or(&NOTHING);
        let (was, is) = (side("before"), side("after"));
        if !is_nothing(was) && !is_nothing(is) {
            let walk = Walk::new(&KNOWN, resource.kind, resource.place.clone(), is.line);
            seen.extend(walk.weaker(was, is, side("after_unknown")));
        }
    }
    let is_source = |input: &Input<'_>| source::is_source(input.lines);
    if seen.is_empty() && is_source(after) && is_source(before) {
        of_source(before, after, &mut seen);
    }
    let widened = |seen| (seen, Delta::Widened, Side::After);
    seen.into_iter().map(widened).collect()
}

fn of_source(before: &Input<'_>, after: &Input<'_>, seen: &mut Vec<Observation>) {
    let old = blocks(before);
    for (place, kind, is) in blocks(after).into_values() {
        if let Some((_, _, was)) = old.get(&place.identity) {
            let walk = Walk::new(&KNOWN, kind, place, is.line);
            seen.extend(walk.weaker(was, is, &NOTHING));
        }
    }
}

/// Returns the resources, modules and outputs of a source by their place; those that are no resources have no type.
fn blocks<'a>(input: &Input<'a>) -> BTreeMap<String, (Place, &'a str, &'a Value)> {
    let mut found = BTreeMap::new();
    let mut add = |root: &Place, way: &[&str], kind: &'a str, value: &'a Value| {
        let mut place = root.clone();
        for key in way {
            push_key(&mut place.pointer, key);
            push_key(&mut place.identity, key);
        }
        found.insert(place.identity.clone(), (place, kind, value));
    };
    for (place, root) in input.roots {
        for (kind, named) in root.at("resource").map(Value::entries).unwrap_or_default() {
            for (name, resource) in named.entries() {
                add(place, &["resource", kind, name], kind, resource);
            }
        }
        for block in ["module", "output", "variable"] {
            for (name, value) in root.at(block).map(Value::entries).unwrap_or_default() {
                add(place, &[block, name], block, value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(kind: &str, before: &str, after: &str, unknown: &str) -> Vec<(&'static str, Severity)> {
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "{kind}.a", "type": "{kind}", "change": {{"actions": ["update"], "before": {before}, "after": {after}, "after_unknown": {unknown}}}}}]}}"#
        );
        analyze("terraform-plan", None, plan.as_bytes())
            .iter()
            .filter(|finding| finding.counts() && finding.severity >= Severity::Medium)
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn settings_have_one_bad_turn() {
        let mut wrong = Vec::new();
        for line in include_str!("turn_cases.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            let [rule, kind, good, bad] = line.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let told = |before, after| -> Vec<&str> {
                let told = told(kind, before, after, "{}");
                told.into_iter().map(|(rule, _)| rule).collect()
            };
            let expected: &[&str] = if rule == "-" { &[] } else { &[rule] };
            let (worse, better, same) = (told(good, bad), told(bad, good), told(bad, bad));
            if worse != expected || !better.is_empty() || !same.is_empty() {
                wrong.push(format!("{line}: {worse:?}, back {better:?}, same {same:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_is_known_later_is_not_judged() {
        let (before, after) = (r#"{"kms_key": "arn:x", "size": 1}"#, r#"{"size": 1}"#);
        assert_eq!(told("aws_x", before, after, r#"{"kms_key": true}"#), []);
        assert_eq!(
            told("aws_x", before, after, "{}"),
            [("encryption-off", Severity::Medium)]
        );
    }

    #[test]
    fn blocks_are_matched_by_name_or_by_what_they_hold() {
        let disks = |names: &str| format!(r#"{{"disk": [{names}]}}"#);
        let (plain, closed) = (
            r#"{"size": 1, "encrypted": false}"#,
            r#"{"size": 2, "encrypted": true}"#,
        );
        let both = disks(&format!("{plain}, {closed}"));
        // In another order, and with one less.
        assert_eq!(
            told("acme_x", &both, &disks(&format!("{closed}, {plain}")), "{}"),
            []
        );
        assert_eq!(told("acme_x", &both, &disks(plain), "{}"), []);
    }

    #[test]
    fn source_is_compared_like_a_plan() {
        let source = |on: bool, hold: &str| {
            format!(
                "resource \"acme_store\" \"s\" {{\n  audit_enabled = {on}\n  lifecycle {{\n{hold}  }}\n}}\noutput \"o\" {{\n  value = 1\n}}\n"
            )
        };
        let rules = |before: &str, after: &str| -> Vec<&'static str> {
            analyze("terraform-plan", Some(before.as_bytes()), after.as_bytes())
                .iter()
                .filter(|finding| finding.counts() && finding.severity >= Severity::Medium)
                .map(|finding| finding.rule.as_str())
                .collect()
        };
        let held = source(true, "    prevent_destroy = true\n");
        assert_eq!(rules(&held, &source(true, "")), ["protection-off"]);
        assert_eq!(rules(&source(true, ""), &held), Vec::<&str>::new());
    }

    #[test]
    fn a_large_plan_is_compared_in_little_more_than_linear_time() {
        let side = |on: bool| {
            let settings: Vec<String> = (0..2_000).map(|n| format!(r#""audit_{n}": {on}"#)).collect();
            format!("{{{}}}", settings.join(", "))
        };
        assert_eq!(
            told("acme_x", &side(true), &side(false), &side(false)).len(),
            2_000
        );
    }
}
