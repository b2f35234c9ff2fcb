//! What runs and what watches in a cloud: fleets that are scaled to nothing or may shrink to little, watchers that are
//! switched off.
//!
//! All of it only shows beside the state before: a fleet of none may be meant from the start.

use crate::document::{Place, Value};
use crate::findings::name::plain;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Input, Observation, Severity, Side, rule};
use std::collections::BTreeMap;

/// Numbers of things that run.
const RUNNING: &[&str] = &[
    "desiredcapacity",
    "desiredcount",
    "desiredsize",
    "maxsize",
    "maxcapacity",
    "maxnodecount",
    "nodecount",
    "instancecount",
    "numinstances",
    "reservedconcurrentexecutions",
];

/// Numbers below which a fleet never shrinks, and shares of it that stay up while it is renewed.
const FLOORS: &[&str] = &[
    "minsize",
    "mincapacity",
    "mincount",
    "minnodecount",
    "mininstancecount",
    "mininstances",
    "minreplicas",
    "minimumcapacity",
    "totalminnodecount",
    "deploymentminimumhealthypercent",
    "minhealthypercentage",
    "minhealthypercent",
];

/// Switches of a whole resource.
const SWITCHES: &[&str] = &[
    "enable",
    "enabled",
    "isenabled",
    "actionsenabled",
    "status",
    "recording",
];

/// Parts of the names of resources that watch.
const WATCHERS: &[&str] = &[
    "guardduty",
    "securityhub",
    "security_center",
    "recorder",
    "flow_log",
    "flowlog",
    "waf",
    "inspector",
    "macie",
    "analyzer",
    "shield",
    "detector",
    "detection",
    "monitor",
    "metric_alarm",
    "alert",
    "audit",
    "cloudtrail",
    "defender",
    "sentinel",
    "scan",
];

/// Tells what stops between two sides.
pub(super) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let old = settings(before);
    let mut changes = Vec::new();
    let mut told = "";
    for ((holder, name), (value, place)) in &settings(after) {
        let Some((was, _)) = old.get(&(holder.clone(), name.clone())) else {
            continue;
        };
        let seen = if RUNNING.contains(&name.as_str()) && holder != told && stops(was, value) {
            told = holder;
            let what = format!(
                "{} of {} goes from {} to 0",
                quote(name),
                quote(holder),
                quote(was.text().unwrap_or("?"))
            );
            Observation::new(&rule::CLOUD_SCALED_TO_ZERO, format!("{holder}/{name}"), what)
        } else if FLOORS.contains(&name.as_str())
            && let Some(severity) = shrinks(was, value)
        {
            let what = format!(
                "{} of {} falls from {} to {}",
                quote(name),
                quote(holder),
                quote(was.text().unwrap_or("?")),
                quote(value.text().unwrap_or("?"))
            );
            Observation::new(&rule::CLOUD_SCALED_DOWN, format!("{holder}/{name}"), what).severity(severity)
        } else if SWITCHES.contains(&name.as_str()) && watches(holder) && is_on(was) && is_off(value) {
            let what = format!("{} of {} is switched off", quote(name), quote(holder));
            Observation::new(&rule::WATCH_OFF, format!("{holder}/{name}"), what).severity(Severity::High)
        } else {
            continue;
        };
        changes.push((seen.at(place, value.line), Delta::Introduced, Side::After));
    }
    changes
}

type Settings<'a> = BTreeMap<(String, String), (&'a Value, Place)>;

/// Returns the numbers and switches that are looked at, by their holder and name.
fn settings<'a>(input: &Input<'a>) -> Settings<'a> {
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        for (key, setting) in value.entries() {
            let name = plain(key);
            if [RUNNING, FLOORS, SWITCHES]
                .iter()
                .any(|names| names.contains(&name.as_str()))
            {
                found.insert((place.identity.clone(), name), (setting, place.clone()));
            }
        }
    });
    found
}

fn stops(was: &Value, is: &Value) -> bool {
    // An unreserved function is written as -1.
    is.integer() == Some(0) && was.integer().is_some_and(|was| was != 0)
}

/// Weighs a floor that falls below half: one that leaves a single machine, or none, where there were several, lets the
/// first failure be an outage.
fn shrinks(was: &Value, is: &Value) -> Option<Severity> {
    let (was, is) = (was.integer()?, is.integer()?);
    match is {
        ..=1 if was >= 3 => Some(Severity::Medium),
        _ if was >= 2 && is < was / 2 => Some(Severity::Low),
        _ => None,
    }
}

fn watches(holder: &str) -> bool {
    let holder = holder.to_ascii_lowercase();
    WATCHERS.iter().any(|part| holder.contains(part))
}

fn is_on(value: &Value) -> bool {
    value.is_true()
        || value
            .text()
            .is_some_and(|text| text.eq_ignore_ascii_case("enabled"))
}

fn is_off(value: &Value) -> bool {
    let word = |text: &str| {
        ["disabled", "suspended", "paused"]
            .iter()
            .any(|off| text.eq_ignore_ascii_case(off))
    };
    value.is_false() || value.text().is_some_and(word)
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(kind: &str, before: &str, after: &str) -> Vec<(&'static str, Severity)> {
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "{kind}.a", "type": "{kind}", "change": {{"actions": ["update"], "before": {before}, "after": {after}}}}}]}}"#
        );
        analyze("terraform-plan", None, plan.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn a_fleet_of_none_is_told_once() {
        let size = |number: u32| format!(r#"{{"desired_capacity": {number}, "max_size": {number}}}"#);
        let expected = [("cloud-scaled-to-zero", Severity::Medium)];
        assert_eq!(told("aws_autoscaling_group", &size(6), &size(0)), expected);
        assert_eq!(told("aws_autoscaling_group", &size(6), &size(3)), []);
        assert_eq!(told("aws_autoscaling_group", &size(0), &size(0)), []);
    }

    #[test]
    fn a_floor_that_falls_away_is_told_by_what_it_leaves() {
        let floor = |key: &str, number: u32| format!(r#"{{"{key}": {number}}}"#);
        let told = |key: &str, was: u32, is: u32| {
            told("aws_appautoscaling_target", &floor(key, was), &floor(key, is))
        };
        let (medium, low) = (
            [("cloud-scaled-down", Severity::Medium)],
            [("cloud-scaled-down", Severity::Low)],
        );
        assert_eq!(told("min_capacity", 8, 1), medium);
        assert_eq!(told("min_capacity", 3, 0), medium);
        assert_eq!(told("min_capacity", 12, 4), low);
        assert_eq!(told("min_capacity", 8, 6), []);
        assert_eq!(told("min_capacity", 2, 1), []);
        assert_eq!(told("min_capacity", 1, 8), []);
        assert_eq!(told("deployment_minimum_healthy_percent", 100, 0), medium);
        assert_eq!(told("deployment_minimum_healthy_percent", 100, 50), []);
    }

    #[test]
    fn a_watcher_that_is_off_is_told_and_any_other_switch_is_not() {
        let on = |on: bool| format!(r#"{{"enable": {on}}}"#);
        let expected = [("watch-off", Severity::High)];
        assert_eq!(told("aws_guardduty_detector", &on(true), &on(false)), expected);
        assert_eq!(told("aws_guardduty_detector", &on(false), &on(true)), []);
        assert_eq!(told("aws_cloudwatch_event_rule", &on(true), &on(false)), []);
        let status = |word: &str| format!(r#"{{"status": "{word}"}}"#);
        assert_eq!(
            told("aws_macie2_account", &status("ENABLED"), &status("PAUSED")),
            expected
        );
    }
}
