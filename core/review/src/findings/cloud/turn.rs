//! Settings of cloud resources that say something only beside what they were: switches, words, numbers and lists.
//!
//! A balancer that faces the internet may be meant to; one that did not is told. Names are known with all but
//! letters and digits taken out, as in [`super::resource`].

use super::turn_table::{GUARDED, NUMBERS, REWORDED, STRENGTHS, SWITCHED_OFF, Worse};
use crate::document::{Node, Place, Value};
use crate::findings::name::{guards, leads_past, plain, words};
use crate::findings::observation::quote;
use crate::findings::setting::{closes, opens, same};
use crate::findings::{Change, Delta, Input, Observation, Severity, Side, rule};
use std::collections::{BTreeMap, BTreeSet};

/// The maps of a side by their place; those of a list whose elements have no names stand at one.
type Maps<'a> = BTreeMap<String, Vec<(&'a Value, Place)>>;

/// Tells which settings are worse than they were.
pub(super) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let (old, new) = (maps(before), maps(after));
    let mut changes = Vec::new();
    // A tag is a label for people.
    let is_tag = |holder: &str| holder.ends_with("/tags") || holder.ends_with("/tags_all");
    for (holder, new) in new.iter().filter(|(holder, _)| !is_tag(holder)) {
        // With an element more or less it is not known which is which.
        let Some(old) = old.get(holder).filter(|old| old.len() == new.len()) else {
            continue;
        };
        let (was, is) = (left_of(old, new), left_of(new, old));
        for ((was, _), (is, place)) in was.zip(is) {
            let was: BTreeMap<&str, &Value> = settings(was).collect();
            let worse = settings(is).filter_map(|(key, is)| {
                let was = was.get(key)?;
                let mut seen = judge(holder, key, was, is)?.at(place, is.line);
                seen.key = format!("{holder}/{}", plain(key));
                Some(seen)
            });
            changes.extend(worse.map(|seen| (seen, Delta::Widened, Side::After)));
        }
    }
    changes.extend(left(&old, &new));
    changes
}

/// Returns the maps of one side that the other does not hold: the order of a list without names says nothing.
fn left_of<'m, 'a>(
    maps: &'m [(&'a Value, Place)],
    others: &'m [(&'a Value, Place)],
) -> impl Iterator<Item = &'m (&'a Value, Place)> {
    const MOST: usize = 64;
    let several = maps.len() > 1 && maps.len() <= MOST;
    let stays = move |value: &Value| several && others.iter().any(|(other, _)| same(value, other));
    maps.iter().filter(move |(value, _)| !stays(value))
}

/// Tells settings by name and value that are no longer in their list, where their names say that they guard or record.
fn left(old: &Maps<'_>, new: &Maps<'_>) -> Vec<Change> {
    let gone = old.iter().filter(|(holder, _)| !new.contains_key(*holder));
    let told = gone.flat_map(|(_, maps)| maps).filter_map(|(map, place)| {
        // Without what holds the list, the whole is gone.
        let (list, _) = place.identity.rsplit_once('/')?;
        let (above, _) = list.rsplit_once('/')?;
        let name = map.text_at("name").filter(|_| map.at("value").is_some())?;
        let on = map.at("value").is_some_and(|value| !is_off(value));
        let records = words(name)
            .iter()
            .any(|word| word.ends_with("log") || word.contains("audit"));
        let about = match records {
            true => &rule::LOGGING_OFF,
            false if guards(name) => &rule::PROTECTION_OFF,
            false => return None,
        };
        (on && new.contains_key(above)).then(|| {
            let what = format!("{} is no longer set", quote(name));
            let seen = Observation::new(about, "", what).severity(Severity::Medium);
            (seen.at(place, map.line), Delta::Widened, Side::Before)
        })
    });
    told.collect()
}

fn maps<'a>(input: &Input<'a>) -> Maps<'a> {
    let mut found = Maps::new();
    input.walk(&mut |place, value| {
        if !value.entries().is_empty() {
            let here = found.entry(place.identity.clone()).or_default();
            here.push((value, place.clone()));
        }
    });
    found
}

/// Returns the settings of a map: its entries, and what it says where it is a setting itself, by name and value.
fn settings(map: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let named = map.text_at("name").or_else(|| map.text_at("ParameterName"));
    let given = map.at("value").or_else(|| map.at("ParameterValue"));
    let entries = map.entries().iter().map(|(key, value)| (key.as_str(), value));
    entries
        .chain(named.zip(given))
        .filter(|(_, value)| !matches!(value.node, Node::Null))
}

/// How bad these rules call what a setting was and is, by the keys that lead to it.
pub(in crate::findings) fn turned(keys: &[String], was: &Value, is: &Value) -> Option<Severity> {
    let (key, above) = keys.split_last()?;
    let holder: String = above.iter().flat_map(|key| ["/", key]).collect();
    judge(&holder, key, was, is).map(|seen| seen.severity)
}

fn judge(holder: &str, key: &str, was: &Value, is: &Value) -> Option<Observation> {
    switched_off(holder, key, was, is)
        .or_else(|| reworded(key, was, is))
        .or_else(|| worse(key, was, is))
        .or_else(|| fewer(holder, key, was, is))
        .or_else(|| in_the_clear(key, was, is))
        .or_else(|| demands_less(key, was, is))
        .or_else(|| another_major_version(key, was, is))
        .or_else(|| only_counted(key, was, is))
}

fn is_on(value: &Value) -> bool {
    let word = |text: &str| {
        ["on", "1", "yes", "enabled"]
            .iter()
            .any(|on| text.eq_ignore_ascii_case(on))
    };
    value.is_true() || value.text().is_some_and(word)
}

fn is_off(value: &Value) -> bool {
    let word = |text: &str| {
        ["off", "0", "no", "disabled"]
            .iter()
            .any(|off| text.eq_ignore_ascii_case(off))
    };
    value.is_false() || value.text().is_some_and(word)
}

fn switched_off(holder: &str, key: &str, was: &Value, is: &Value) -> Option<Observation> {
    let name = plain(key);
    let (went_off, went_on) = (is_on(was) && is_off(is), is_off(was) && is_on(is));
    if went_on && leads_past(key) && !closes(key) {
        let what = format!("{} was off and is on", quote(key));
        return Some(Observation::new(&rule::PROTECTION_OFF, "", what));
    }
    if !went_off {
        return None;
    }
    let known = SWITCHED_OFF.iter().find(|(known, ..)| *known == name);
    let (about, severity) = match known {
        Some((_, about, severity)) => (*about, *severity),
        None if matches!(name.as_str(), "enabled" | "enable") => {
            // The resource's own name says nothing of what the switch is for.
            let way = words(holder.trim_start_matches('/').split_once('/')?.1);
            let says = |list: &[&str]| way.iter().any(|word| list.contains(&word.as_str()));
            let (_, about) = GUARDED.iter().find(|(list, _)| says(list))?;
            (*about, Severity::Medium)
        }
        None if guards(key) && !opens(key) => (&rule::PROTECTION_OFF, Severity::Medium),
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
    // A length of nought is one without an end.
    if small >= large || *way == Worse::More && was == 0 {
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

/// Tells kinds of records that are no longer among those that are kept, and checks that are no longer required.
fn fewer(holder: &str, key: &str, was: &Value, is: &Value) -> Option<Observation> {
    let of = |name: &str, wanted: &[&str]| words(name).iter().any(|word| wanted.contains(&word.as_str()));
    // Fewer of those who may pass a protection make it stronger.
    if of(
        key,
        &[
            "bypass",
            "bypassers",
            "exempt",
            "exempted",
            "excluded",
            "exclusions",
            "exceptions",
            "ignored",
        ],
    ) {
        return None;
    }
    let logs = of(key, &["log", "logs", "logging", "audit"]);
    let required = of(key, &["required"]) || of(holder, &["required"]);
    let about = match (logs, required) {
        (true, _) => &rule::LOGGING_OFF,
        (_, true) => &rule::PROTECTION_OFF,
        _ => return None,
    };
    let kinds = |value: &Value| -> BTreeSet<String> {
        let texts = value.one_or_more().iter().filter_map(Value::text);
        texts.map(str::to_owned).collect()
    };
    let nothing = |kind: &String| matches!(kind.to_ascii_lowercase().as_str(), "" | "none" | "off" | "0");
    let (had, mut has) = (kinds(was), kinds(is));
    has.retain(|kind| !nothing(kind));
    // A word for a word is a change of what is kept, which only an end of it makes worse.
    let gone: Vec<String> = match (&was.node, has.is_empty()) {
        (Node::List(_), _) | (_, true) => had
            .difference(&has)
            .filter(|kind| !nothing(kind))
            .map(|kind| quote(kind))
            .collect(),
        _ => Vec::new(),
    };
    if gone.is_empty() {
        return None;
    }
    let what = format!("{} no longer holds {}", quote(key), gone.join(", "));
    Some(Observation::new(about, "", what))
}

/// Tells an address that was reached with encryption and no longer is.
fn in_the_clear(key: &str, was: &Value, is: &Value) -> Option<Observation> {
    let (was, is) = (was.text()?, is.text()?);
    let rest = is.strip_prefix("http://")?;
    let local = ["localhost", "127.", "[::1]"]
        .iter()
        .any(|start| rest.starts_with(start));
    (was.starts_with("https://") && !local).then(|| {
        let what = format!("{} is {} now, without encryption", quote(key), quote(is));
        Observation::new(&rule::ENCRYPTION_OFF, "", what)
    })
}

/// Tells a word that enforced something and now only watches or does nothing.
fn demands_less(key: &str, was: &Value, is: &Value) -> Option<Observation> {
    let of_records = words(key)
        .iter()
        .any(|word| matches!(word.as_str(), "log" | "level" | "verbosity"));
    let (was, is) = (was.text()?, is.text()?);
    if of_records || strength(is)? >= strength(was)? {
        return None;
    }
    let what = format!("{} goes from {} to {}", quote(key), quote(was), quote(is));
    Some(Observation::new(&rule::PROTECTION_OFF, "", what))
}

fn strength(value: &str) -> Option<usize> {
    const LONGEST: usize = 48;
    if value.len() > LONGEST || value.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '.' | ':')) {
        return None;
    }
    let words = words(value);
    STRENGTHS
        .iter()
        .rposition(|list| words.iter().any(|word| list.contains(&word.as_str())))
}

/// Tells a database that goes to another major version, which has no way back.
fn another_major_version(key: &str, was: &Value, is: &Value) -> Option<Observation> {
    if plain(key) != "engineversion" {
        return None;
    }
    let (was, is) = (was.text()?, is.text()?);
    let major = |version: &str| {
        version
            .split('.')
            .next()
            .and_then(|number| number.parse::<u32>().ok())
    };
    (major(was)? != major(is)?).then(|| {
        let what = format!("the engine goes from {} to {}", quote(was), quote(is));
        Observation::new(&rule::ENGINE_MAJOR_VERSION, "", what)
    })
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

    #[test]
    fn guards_by_their_names_and_values_are_told() {
        let kind = "github_branch_protection";
        for (before, after) in [
            (r#"{"enforce_admins": true}"#, r#"{"enforce_admins": false}"#),
            (
                r#"{"allow_force_pushes": false}"#,
                r#"{"allow_force_pushes": true}"#,
            ),
            (
                r#"{"required_status_checks": [{"contexts": ["test", "scan"]}]}"#,
                r#"{"required_status_checks": [{"contexts": ["test"]}]}"#,
            ),
            (
                r#"{"evaluation_mode": "POLICY_ENFORCE"}"#,
                r#"{"evaluation_mode": "DISABLED"}"#,
            ),
            (r#"{"mode": "required"}"#, r#"{"mode": "preferred"}"#),
        ] {
            one_way(kind, before, after, ("protection-off", Severity::Medium));
        }
        one_way(
            kind,
            r#"{"required_approving_review_count": 2}"#,
            r#"{"required_approving_review_count": 0}"#,
            ("review-owners-less", Severity::Medium),
        );
        assert_eq!(
            told(kind, r#"{"log_level": "warn"}"#, r#"{"log_level": "none"}"#),
            [("logging-off", Severity::Medium)]
        );
        assert_eq!(
            told(kind, r#"{"log_level": "debug"}"#, r#"{"log_level": "warn"}"#),
            []
        );
    }

    #[test]
    fn parameters_and_versions_of_databases_are_told() {
        let parameter = |name: &str, value: &str| {
            format!(
                r#"{{"parameter": [{{"name": "{name}", "value": "{value}", "apply_method": "immediate"}}]}}"#
            )
        };
        let kind = "aws_db_parameter_group";
        one_way(
            kind,
            &parameter("rds.force_ssl", "1"),
            &parameter("rds.force_ssl", "0"),
            ("encryption-off", Severity::Medium),
        );
        one_way(
            kind,
            &parameter("pgaudit.log", "ddl"),
            &parameter("pgaudit.log", "none"),
            ("logging-off", Severity::Medium),
        );
        let version = |version: &str| format!(r#"{{"engine_version": "{version}"}}"#);
        assert_eq!(
            told("aws_db_instance", &version("14.13"), &version("16.4")),
            [("engine-major-version", Severity::Medium)]
        );
        assert_eq!(told("aws_db_instance", &version("16.3"), &version("16.4")), []);
    }

    #[test]
    fn a_parameter_that_records_and_is_gone_is_told() {
        let group = |parameters: &str| format!(r#"{{"family": "postgres16", "parameter": [{parameters}]}}"#);
        let audit = r#"{"name": "pgaudit.log", "value": "ddl"}"#;
        let other = r#"{"name": "work_mem", "value": "64MB"}"#;
        let kind = "aws_db_parameter_group";
        let both = group(&format!("{audit}, {other}"));
        assert_eq!(
            told(kind, &both, &group(other)),
            [("logging-off", Severity::Medium)]
        );
        assert_eq!(told(kind, &both, &group(audit)), []);
    }
}
