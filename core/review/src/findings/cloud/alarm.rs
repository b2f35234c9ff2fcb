//! Alarms that ring later than they did, or at less, or that wake nobody any more.
//!
//! What is measured is not known: a threshold counts as moved away where it moves far in the direction in which fewer
//! values pass it.

use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Input, Observation, Side, rule};
use std::collections::BTreeMap;

/// So many times further or longer is more than an adjustment.
const FAR: f64 = 4.0;

/// Numbers of an alarm that say how long it waits.
const WAITS: &[&str] = &[
    "evaluation_periods",
    "EvaluationPeriods",
    "datapoints_to_alarm",
    "DatapointsToAlarm",
    "period",
    "Period",
];

/// Tells alarms that wait longer or ring at less than before.
pub(super) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let old = alarms(before);
    let later = alarms(after).into_iter().filter_map(|(name, (alarm, place))| {
        let (earlier, _) = old.get(&name)?;
        let what = threshold(earlier, alarm).or_else(|| waits(earlier, alarm))?;
        let what = format!("{}: {what}", quote(&name));
        let seen = Observation::new(&rule::ALARM_LATER, "", what).at(&place, alarm.line);
        Some((seen, Delta::Widened, Side::After))
    });
    later.chain(pages_nobody(before, after)).collect()
}

/// How the names of those begin who wake somebody, in the messages of monitors.
const PAGERS: &[&str] = &[
    "@pagerduty",
    "@opsgenie",
    "@victorops",
    "@splunk-oncall",
    "@oncall",
    "@on-call",
    "@servicenow",
    "@xmatters",
];

/// Tells monitors whose message named a pager and names none any more, or named somebody and names nobody.
fn pages_nobody(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let old = messages(before);
    let lost = messages(after)
        .into_iter()
        .filter_map(|(name, (message, place, line))| {
            let (earlier, ..) = old.get(&name)?;
            let gone = |starts: &'static [&'static str]| {
                let left = told(message, starts).next();
                told(earlier, starts).next().filter(|_| left.is_none())
            };
            let (whom, what) = match gone(PAGERS) {
                Some(pager) => (pager, "no longer pages anybody"),
                None => (gone(&["@"])?, "is no longer told to anybody"),
            };
            let what = format!(
                "{} {what}: {} is gone from its message",
                quote(&name),
                quote(whom)
            );
            let seen = Observation::new(&rule::ALARM_PAGES_NOBODY, "", what).at(&place, line);
            Some((seen, Delta::Widened, Side::After))
        });
    lost.collect()
}

/// Returns whom a message names by one of some beginnings; a sign inside of a word is of an address.
fn told<'a>(message: &'a str, starts: &'static [&'static str]) -> impl Iterator<Item = &'a str> {
    message
        .split(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | '(' | ')' | ',' | ';'))
        .filter(|word| {
            starts
                .iter()
                .any(|start| word.starts_with(start) && word.len() > 1)
        })
}

/// Returns the messages of what asks a question of measurements, by its place.
fn messages<'a>(input: &Input<'a>) -> BTreeMap<String, (&'a str, Place, u32)> {
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        let asks = value.at("query").is_some() || place.identity.contains("monitor");
        if let Some(message) = value.text_at("message").filter(|_| asks) {
            found.insert(place.identity.clone(), (message, place.clone(), value.line));
        }
    });
    found
}

/// Returns what compares a number with a threshold, by its place.
fn alarms<'a>(input: &Input<'a>) -> BTreeMap<String, (&'a Value, Place)> {
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        if operator(value).is_some() && number(value, &["threshold", "Threshold"]).is_some() {
            found.insert(place.identity.clone(), (value, place.clone()));
        }
    });
    found
}

fn operator(alarm: &Value) -> Option<&str> {
    let keys = [
        "comparison_operator",
        "ComparisonOperator",
        "operator",
        "comparison",
    ];
    keys.iter().find_map(|key| alarm.text_at(key))
}

fn number(alarm: &Value, keys: &[&str]) -> Option<f64> {
    keys.iter().find_map(|key| alarm.text_at(key))?.parse().ok()
}

fn threshold(was: &Value, is: &Value) -> Option<String> {
    let keys = ["threshold", "Threshold"];
    let (from, to) = (number(was, &keys)?, number(is, &keys)?);
    let above = operator(is)?.to_ascii_lowercase().contains("greater");
    let far = match above {
        true => to > from && to >= from * FAR,
        false => to < from && to * FAR <= from,
    };
    far.then(|| format!("the threshold goes from {from} to {to}"))
}

fn waits(was: &Value, is: &Value) -> Option<String> {
    WAITS.iter().find_map(|key| {
        let (from, to) = (number(was, &[key])?, number(is, &[key])?);
        (from > 0.0 && to >= from * FAR).then(|| format!("{} goes from {from} to {to}", quote(key)))
    })
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(before: (f64, u32), after: (f64, u32), operator: &str) -> Severity {
        let alarm = |(threshold, periods): (f64, u32)| {
            format!(
                r#"{{"alarm_name": "a", "comparison_operator": "{operator}", "threshold": {threshold}, "evaluation_periods": {periods}}}"#
            )
        };
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "aws_cloudwatch_metric_alarm.a", "type": "aws_cloudwatch_metric_alarm", "change": {{"actions": ["update"], "before": {}, "after": {}}}}}]}}"#,
            alarm(before),
            alarm(after)
        );
        severity(&analyze("terraform-plan", None, plan.as_bytes()))
    }

    #[test]
    fn an_alarm_that_rings_at_less_is_told() {
        let (above, below) = ("GreaterThanThreshold", "LessThanThreshold");
        assert_eq!(level((20.0, 1), (2000.0, 1), above), Severity::Medium);
        assert_eq!(level((20.0, 1), (25.0, 1), above), Severity::Info);
        assert_eq!(level((2000.0, 1), (20.0, 1), above), Severity::Info);
        assert_eq!(level((2000.0, 1), (20.0, 1), below), Severity::Medium);
        assert_eq!(level((20.0, 1), (20.0, 60), above), Severity::Medium);
    }

    #[test]
    fn a_monitor_that_wakes_nobody_any_more_is_told() {
        let level = |before: &str, after: &str| {
            let side = |message: &str| {
                format!(r#"{{"name": "a", "query": "avg:x > 1", "message": "Charges fail. {message}"}}"#)
            };
            let plan = format!(
                r#"{{"format_version": "1.2", "resource_changes": [{{"address": "datadog_monitor.a", "type": "datadog_monitor", "change": {{"actions": ["update"], "before": {}, "after": {}}}}}]}}"#,
                side(before),
                side(after)
            );
            severity(&analyze("terraform-plan", None, plan.as_bytes()))
        };
        let paged = "{{#is_alert}}@pagerduty-payments{{/is_alert}} @slack-payments";
        assert_eq!(level(paged, "@slack-noise"), Severity::Medium);
        assert_eq!(level(paged, "@opsgenie-payments"), Severity::Info);
        assert_eq!(level("@slack-noise", paged), Severity::Info);
        assert_eq!(level("@slack-payments", "ask kim@acme.example"), Severity::Medium);
        assert_eq!(level("@slack-payments", "@slack-shop"), Severity::Info);
    }
}
