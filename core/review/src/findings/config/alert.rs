//! Where alerts go (Alertmanager's configuration): routes that lead to a receiver who gets nothing.

use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Detector, Input, Observation, Outcome, rule};
use std::collections::BTreeSet;

/// The rules for alerts.
pub(in crate::findings) struct Alerts;

impl Detector for Alerts {
    /// The rest of such a file is not judged.
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        input.walk(&mut |place, value| {
            let (Some(route), Some(receivers)) = (value.at("route"), value.at("receivers")) else {
                return;
            };
            let names: BTreeSet<&str> = receivers
                .items()
                .iter()
                .filter(|receiver| is_empty(receiver))
                .filter_map(|receiver| receiver.text_at("name"))
                .collect();
            lost(place, route, &names, seen);
        });
        Outcome::NotMine
    }
}

/// Says whether a receiver has no way of being told.
fn is_empty(receiver: &Value) -> bool {
    let way = |(key, list): &(String, Value)| {
        (key.ends_with("_configs") || key.ends_with("Configs")) && !list.items().is_empty()
    };
    !receiver.entries().iter().any(way)
}

/// Observes a route, and those below it, that lead nowhere. The depth of a document is bounded.
fn lost(place: &Place, route: &Value, empty: &BTreeSet<&str>, seen: &mut Vec<Observation>) {
    if let Some(receiver) = route.text_at("receiver").filter(|name| empty.contains(name)) {
        let which = ["matchers", "match", "match_re"]
            .iter()
            .find_map(|key| route.at(key))
            .map(matchers)
            .unwrap_or_default();
        let what = match which.as_str() {
            "" => format!("alerts go to {}, who gets nothing", quote(receiver)),
            which => format!(
                "alerts of {} go to {}, who gets nothing",
                quote(which),
                quote(receiver)
            ),
        };
        let key = format!("{} {which}", place.identity);
        seen.push(Observation::new(&rule::CONFIG_ALERTS_LOST, key, what).at(place, route.line));
    }
    for below in route.at("routes").map(Value::items).unwrap_or_default() {
        lost(place, below, empty, seen);
    }
}

fn matchers(value: &Value) -> String {
    let listed = value.items().iter().filter_map(Value::text).map(str::to_owned);
    let named = value.entries().iter();
    let named = named.map(|(key, value)| format!("{key}={}", value.text().unwrap_or_default()));
    listed.chain(named).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(before: Option<&str>, after: &str) -> Severity {
        severity(&analyze(
            "config-file",
            before.map(str::as_bytes),
            after.as_bytes(),
        ))
    }

    #[test]
    fn a_route_to_nobody_is_told() {
        let to = |receiver: &str| {
            format!(
                "route:\n  receiver: chat\n  routes:\n    - matchers: ['severity=\"critical\"']\n      receiver: {receiver}\nreceivers:\n  - name: nobody\n  - name: chat\n    slack_configs: [{{channel: a}}]\n"
            )
        };
        assert_eq!(level(Some(&to("chat")), &to("nobody")), Severity::Medium);
        assert_eq!(level(Some(&to("nobody")), &to("chat")), Severity::Info);
        assert_eq!(level(Some(&to("nobody")), &to("nobody")), Severity::Info);
    }
}
