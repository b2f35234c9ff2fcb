//! Settings of cloud resources that say something only beside what they were: switches, words, numbers and lists.
//!
//! A balancer that faces the internet may be meant to; one that did not is told. Names are known with all but
//! letters and digits taken out, as in [`super::cloud`].

use super::guard_word::words;
use super::observation::quote;
use super::payload::plain;
use super::rule::{self, Rule};
use super::{Delta, Input, Observation, Severity, Side};
use crate::document::{Node, Place, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A switch that was on, rule, severity.
const SWITCHED_OFF: &[(&str, &Rule, Severity)] = &[
    ("internal", &rule::PUBLICLY_ACCESSIBLE, Severity::Medium),
    ("multiaz", &rule::PROTECTION_OFF, Severity::Medium),
    ("zoneredundant", &rule::PROTECTION_OFF, Severity::Low),
    ("blockprojectsshkeys", &rule::PUBLIC_BLOCK_OFF, Severity::Low),
    ("autominorversionupgrade", &rule::PROTECTION_OFF, Severity::Low),
    ("dropinvalidheaderfields", &rule::PROTECTION_OFF, Severity::Low),
];

/// A word that was the first and is the second, rule, severity.
const REWORDED: &[(&str, &str, &str, &Rule, Severity)] = &[
    (
        "mode",
        "COMPLIANCE",
        "GOVERNANCE",
        &rule::PROTECTION_OFF,
        Severity::High,
    ),
    (
        "state",
        "Locked",
        "Unlocked",
        &rule::PROTECTION_OFF,
        Severity::High,
    ),
    (
        "mfaconfiguration",
        "ON",
        "OFF",
        &rule::LOGIN_WEAKER,
        Severity::High,
    ),
    (
        "mfaconfiguration",
        "ON",
        "OPTIONAL",
        &rule::LOGIN_WEAKER,
        Severity::Medium,
    ),
    (
        "mfaconfiguration",
        "OPTIONAL",
        "OFF",
        &rule::LOGIN_WEAKER,
        Severity::Medium,
    ),
    (
        "scheme",
        "internal",
        "internet-facing",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "loadbalancingscheme",
        "INTERNAL",
        "EXTERNAL",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "loadbalancingscheme",
        "INTERNAL_MANAGED",
        "EXTERNAL_MANAGED",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "types",
        "PRIVATE",
        "REGIONAL",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "types",
        "PRIVATE",
        "EDGE",
        &rule::PUBLICLY_ACCESSIBLE,
        Severity::Medium,
    ),
    (
        "ssealgorithm",
        "aws:kms",
        "AES256",
        &rule::ENCRYPTION_WEAK,
        Severity::Low,
    ),
    (
        "imagetagmutability",
        "IMMUTABLE",
        "MUTABLE",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "accountreplicationtype",
        "GRS",
        "LRS",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "accountreplicationtype",
        "RAGRS",
        "LRS",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
    (
        "accountreplicationtype",
        "ZRS",
        "LRS",
        &rule::PROTECTION_OFF,
        Severity::Low,
    ),
    (
        "availabilitytype",
        "REGIONAL",
        "ZONAL",
        &rule::PROTECTION_OFF,
        Severity::Medium,
    ),
];

/// A number, the way that is worse, rule.
const NUMBERS: &[(&str, Worse, &Rule)] = &[
    ("maxsessionduration", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("sessionduration", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("accesstokenvalidity", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("refreshtokenvalidity", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("maxpasswordage", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("automaticallyafterdays", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("rotationdays", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("rotationperiodindays", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("rotateafterdays", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("validityperiodhours", Worse::More, &rule::ACCESS_LASTS_LONGER),
    ("minimumpasswordlength", Worse::Less, &rule::LOGIN_WEAKER),
    ("minimumlength", Worse::Less, &rule::LOGIN_WEAKER),
    ("passwordreuseprevention", Worse::Less, &rule::LOGIN_WEAKER),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Worse {
    More,
    Less,
}

/// Words in the way to a switch called `enabled`, and the rule for switching it off.
const GUARDED: &[(&[&str], &Rule)] = &[
    (
        &[
            "backup",
            "backups",
            "recovery",
            "versioning",
            "retention",
            "delete",
        ],
        &rule::PROTECTION_OFF,
    ),
    (&["encryption", "encrypt", "tls", "ssl"], &rule::ENCRYPTION_OFF),
    (&["log", "logs", "logging", "logger"], &rule::LOGGING_OFF),
    (
        &["policy", "firewall", "authorization", "protection"],
        &rule::PROTECTION_OFF,
    ),
];

type Settings<'a> = BTreeMap<(String, String), (&'a Value, Place)>;

/// Tells which settings are worse than they were.
pub(super) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<(Observation, Delta, Side)> {
    let (old, new) = (settings(before), settings(after));
    let told = new.iter().filter_map(|((holder, name), (is, place))| {
        let (was, _) = old.get(&(holder.clone(), name.clone()))?;
        let seen = switched_off(holder, name, was, is)
            .or_else(|| reworded(name, was, is))
            .or_else(|| worse(name, was, is))
            .or_else(|| fewer_logs(name, was, is))
            .or_else(|| only_counted(name, was, is))?;
        Some((seen.at(place, is.line), Delta::Widened, Side::After))
    });
    told.collect()
}

fn settings<'a>(input: &Input<'a>) -> Settings<'a> {
    let mut found = BTreeMap::new();
    input.walk(&mut |place, value| {
        for (key, setting) in value.entries() {
            let known = matches!(&setting.node, Node::Map(_) | Node::List(_)) || setting.text().is_some();
            if known || matches!(setting.node, Node::Bool(_)) {
                found.insert((place.identity.clone(), key.clone()), (setting, place.clone()));
            }
        }
    });
    found
}

fn switched_off(holder: &str, key: &str, was: &Value, is: &Value) -> Option<Observation> {
    if !was.is_true() || !is.is_false() {
        return None;
    }
    let name = plain(key);
    let about = SWITCHED_OFF.iter().find(|(known, ..)| *known == name);
    let (about, severity) = match about {
        Some((_, about, severity)) => (*about, *severity),
        None if matches!(name.as_str(), "enabled" | "enable") => {
            // The resource's own name says nothing of what the switch is for.
            let way = words(holder.trim_start_matches('/').split_once('/')?.1);
            let guards = |list: &[&str]| way.iter().any(|word| list.contains(&word.as_str()));
            let (_, about) = GUARDED.iter().find(|(list, _)| guards(list))?;
            (*about, Severity::Medium)
        }
        None => return None,
    };
    let what = format!("{} was on and is off", quote(&format!("{holder}/{key}")));
    Some(Observation::new(about, "", what).severity(severity))
}

fn reworded(key: &str, was: &Value, is: &Value) -> Option<Observation> {
    let name = plain(key);
    let word = |value: &Value| match value.one_or_more() {
        [only] => only.text().map(str::to_owned),
        _ => None,
    };
    let (was, is) = (word(was)?, word(is)?);
    let (.., about, severity) = REWORDED.iter().find(|(known, from, to, ..)| {
        *known == name && from.eq_ignore_ascii_case(&was) && to.eq_ignore_ascii_case(&is)
    })?;
    let what = format!("{} goes from {} to {}", quote(key), quote(&was), quote(&is));
    Some(Observation::new(about, "", what).severity(*severity))
}

fn worse(key: &str, was: &Value, is: &Value) -> Option<Observation> {
    let name = plain(key);
    let (_, way, about) = NUMBERS.iter().find(|(known, ..)| *known == name)?;
    let (was, is) = (was.integer()?, is.integer()?);
    let (small, large) = match way {
        Worse::More => (was, is),
        Worse::Less => (is, was),
    };
    if small >= large {
        return None;
    }
    let severity = if large >= small.saturating_mul(2) {
        Severity::Medium
    } else {
        Severity::Low
    };
    let what = format!("{} goes from {was} to {is}", quote(key));
    Some(Observation::new(about, "", what).severity(severity))
}

/// Tells kinds of records that are no longer among those that are kept.
fn fewer_logs(key: &str, was: &Value, is: &Value) -> Option<Observation> {
    let of_logs = |word: &String| matches!(word.as_str(), "log" | "logs" | "logging");
    if !words(key).iter().any(of_logs) || !matches!(was.node, Node::List(_)) {
        return None;
    }
    let kinds = |value: &Value| -> BTreeSet<String> {
        let texts = value.one_or_more().iter().filter_map(Value::text);
        texts.map(str::to_owned).collect()
    };
    let (had, has) = (kinds(was), kinds(is));
    let gone: Vec<String> = had.difference(&has).map(|kind| quote(kind)).collect();
    if gone.is_empty() {
        return None;
    }
    let what = format!("{} no longer holds {}", quote(key), gone.join(", "));
    Some(Observation::new(&rule::LOGGING_OFF, "", what))
}

/// Tells a rule of a firewall that blocked and now only counts, or lets through.
fn only_counted(key: &str, was: &Value, is: &Value) -> Option<Observation> {
    if plain(key) != "action" {
        return None;
    }
    let does = |value: &Value, action: &str| {
        let maps = [value].into_iter().chain(value.items());
        let mut set = maps.filter_map(|map| map.at(action).or_else(|| map.at(&capital(action))));
        set.any(|set| {
            !matches!(&set.node, Node::Null) && !matches!(&set.node, Node::List(items) if items.is_empty())
        })
    };
    if !does(was, "block") || does(is, "block") {
        return None;
    }
    let now = ["count", "allow"].into_iter().find(|action| does(is, action))?;
    let what = format!("what was blocked now meets {}", quote(now));
    Some(Observation::new(&rule::WATCH_OFF, "", what))
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
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

    /// The change is told, and neither the way back nor the state that stays.
    fn one_way(kind: &str, before: &str, after: &str, expected: (&'static str, Severity)) {
        assert_eq!(told(kind, before, after), [expected], "{after}");
        assert_eq!(told(kind, after, before), [], "{before}");
        assert_eq!(told(kind, after, after), [], "{after}");
    }

    #[test]
    fn switches_are_told_when_they_go_off() {
        let medium = Severity::Medium;
        for (kind, before, after, rule) in [
            (
                "aws_lb",
                r#"{"internal": true}"#,
                r#"{"internal": false}"#,
                "publicly-accessible",
            ),
            (
                "aws_dynamodb_table",
                r#"{"point_in_time_recovery": [{"enabled": true}]}"#,
                r#"{"point_in_time_recovery": [{"enabled": false}]}"#,
                "protection-off",
            ),
            (
                "x_cluster",
                r#"{"audit": {"log_config": {"enabled": true}}}"#,
                r#"{"audit": {"log_config": {"enabled": false}}}"#,
                "logging-off",
            ),
        ] {
            if kind == "x_cluster" {
                assert!(told(kind, before, after).iter().any(|(id, _)| *id == rule));
            } else {
                one_way(kind, before, after, (rule, medium));
            }
        }
        // A feature of a program guards nothing.
        let feature = |on: bool| format!(r#"{{"dark_colours": {{"enabled": {on}}}}}"#);
        assert_eq!(told("x_site", &feature(true), &feature(false)), []);
    }

    #[test]
    fn words_and_numbers_are_told_when_they_get_worse() {
        one_way(
            "aws_s3_bucket_object_lock_configuration",
            r#"{"rule": [{"default_retention": [{"mode": "COMPLIANCE", "years": 7}]}]}"#,
            r#"{"rule": [{"default_retention": [{"mode": "GOVERNANCE", "years": 7}]}]}"#,
            ("protection-off", Severity::High),
        );
        one_way(
            "aws_iam_role",
            r#"{"max_session_duration": 3600}"#,
            r#"{"max_session_duration": 43200}"#,
            ("access-lasts-longer", Severity::Medium),
        );
        one_way(
            "aws_iam_account_password_policy",
            r#"{"minimum_password_length": 16}"#,
            r#"{"minimum_password_length": 8}"#,
            ("login-weaker", Severity::Medium),
        );
    }

    #[test]
    fn kinds_of_records_that_go_are_told() {
        one_way(
            "aws_eks_cluster",
            r#"{"enabled_cluster_log_types": ["api", "audit"]}"#,
            r#"{"enabled_cluster_log_types": ["api"]}"#,
            ("logging-off", Severity::Medium),
        );
    }

    #[test]
    fn a_firewall_that_only_counts_is_told() {
        one_way(
            "aws_wafv2_web_acl",
            r#"{"rule": [{"name": "sqli", "action": [{"block": [{}], "count": []}]}]}"#,
            r#"{"rule": [{"name": "sqli", "action": [{"block": [], "count": [{}]}]}]}"#,
            ("watch-off", Severity::High),
        );
    }
}
