//! Lists of address ranges outside of rules, known by their name: of those who are let in, or taken in by rules.

use super::range::RANGES;
use super::union::everybody;
use crate::document::{Place, Value};
use crate::findings::name::plain;
use crate::findings::observation::quote;
use crate::findings::{Observation, rule};

/// Parts of the names of lists, outside of groups, that say who is let in.
const LISTS: &[&str] = &[
    "publicaccesscidr",
    "authorizednetwork",
    "authorizedip",
    "allowedip",
    "allowedcidr",
    "accesscidr",
    "admincidr",
    "trustedcidr",
    "allowlist",
    "whitelist",
    "sourcerange",
    "ipallow",
    "iprules",
];

/// Names of settings that say it as a whole.
const WHOLE: &[&str] = &[
    "ingress",
    "inbound",
    "ingresscidr",
    "ingresscidrs",
    "inboundcidr",
    "inboundcidrs",
    "allowfrom",
    "allowedfrom",
    "allowedsources",
    "allowednetworks",
    "permittednetworks",
    "trustednetworks",
    "trustedips",
    "trustedranges",
];

/// The world, and its halves, which are written so as not to be read as the world.
const WORLD: &[&str] = &[
    "0.0.0.0/0",
    "::/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "::/1",
    "8000::/1",
];

/// Observes what a list of ranges, or a range in it, lets in.
pub(super) fn observe(place: &Place, value: &Value, seen: &mut Vec<Observation>) {
    alone(place, value, seen);
    together(place, value, seen);
}

/// Observes the whole world in a list of those who are let in.
fn alone(place: &Place, value: &Value, seen: &mut Vec<Observation>) {
    let Some(range) = value.text().filter(|text| WORLD.contains(text)) else {
        return;
    };
    let parts = place.pointer.split('/');
    let names: Vec<&str> = parts.filter(|part| part.parse::<u32>().is_err()).collect();
    let is_list =
        |name: &&&str| !RANGES.contains(name) && LISTS.iter().any(|list| plain(name).contains(list));
    let whole = || names.last().filter(|own| WHOLE.contains(&plain(own).as_str()));
    let list = names.iter().find(is_list).or_else(whole);
    if let Some(list) = list {
        let what = format!("{} is let in by {}", quote(range), quote(list));
        let key = format!("{} {range}", place.identity);
        seen.push(Observation::new(&rule::NETWORK_OPEN_TO_WORLD, key, what).at(place, value.line));
    }
}

/// Parts of the names of resources that are a list of ranges, which rules elsewhere take in by name.
const LISTS_BY_NAME: &[&str] = &["prefixlist", "ipgroup", "addressgroup"];

/// Observes a list of those who are let in that is everybody by its parts, none of which says so alone.
fn together(place: &Place, value: &Value, seen: &mut Vec<Observation>) {
    let template = value.text_at("Type") == Some("AWS::EC2::PrefixList");
    let entries = match template {
        true => value.path(&["Properties", "Entries"]).unwrap_or(value),
        false => value,
    };
    let texts = |item: &'_ Value| item.text().is_some() || !item.entries().is_empty();
    if !entries.items().iter().any(texts) {
        return;
    }
    let names = |lists: &[&str]| {
        let mut parts = place.pointer.split('/').chain(place.identity.split('/'));
        let mut names = parts.by_ref().map(plain);
        names.any(|name| lists.iter().any(|list| name.contains(list)))
    };
    let by_name = template || names(LISTS_BY_NAME);
    if !by_name && !names(LISTS) {
        return;
    }
    let fields = entries.items().iter().flat_map(Value::entries);
    let fields = fields.filter_map(|(_, field)| field.text());
    let ranges = entries.items().iter().filter_map(Value::text).chain(fields);
    let ranges: Vec<&str> = ranges.filter(|text| text.contains('/')).collect();
    // What says so alone is told of lists of another kind already.
    if !by_name && ranges.iter().any(|range| WORLD.contains(range)) {
        return;
    }
    for whole in everybody(&ranges) {
        let what = format!(
            "the {} ranges of a list are together {}",
            ranges.len(),
            quote(whole)
        );
        let key = format!("{} {whole}", place.identity);
        seen.push(Observation::new(&rule::NETWORK_OPEN_TO_WORLD, key, what).at(place, entries.line));
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(kind: &str, before: &str, after: &str) -> Severity {
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "{kind}.a", "type": "{kind}", "change": {{"actions": ["update"], "before": {before}, "after": {after}}}}}]}}"#
        );
        severity(&analyze("terraform-plan", None, plan.as_bytes()))
    }

    #[test]
    fn a_list_that_rules_name_is_judged_as_a_whole() {
        let list = |ranges: &[&str]| {
            let entries = ranges
                .iter()
                .map(|range| format!(r#"{{"cidr": "{range}", "description": "x"}}"#));
            format!(r#"{{"entry": [{}]}}"#, entries.collect::<Vec<_>>().join(","))
        };
        let (kind, few) = ("aws_ec2_managed_prefix_list", list(&["203.0.113.64/28"]));
        let halves = list(&["203.0.113.64/28", "0.0.0.0/1", "128.0.0.0/1"]);
        assert_eq!(level(kind, &few, &halves), Severity::High);
        assert_eq!(level(kind, &halves, &few), Severity::Info);
        assert_eq!(
            level(kind, &few, &list(&["203.0.113.64/28", "10.0.0.0/8"])),
            Severity::Info
        );
        assert_eq!(level("aws_budgets_budget", &few, &halves), Severity::Info);
    }

    #[test]
    fn quarters_in_a_list_of_those_who_are_let_in_are_the_world() {
        let list = |ranges: &str| format!(r#"{{"allowed_ips": [{ranges}]}}"#);
        let few = list(r#""203.0.113.64/28""#);
        let quarters = list(r#""0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2""#);
        assert_eq!(level("acme_service", &few, &quarters), Severity::High);
        assert_eq!(level("acme_service", &quarters, &quarters), Severity::Info);
    }
}
