//! Rules of buckets that delete what was kept for ever: terms that are new, or hold for more than they did.
//!
//! A term that only gets shorter is told where lengths of time are compared ([`crate::findings::cloud`]).

use super::plan::resources;
use crate::document::{Documents, Value};
use crate::findings::setting::{is_nothing, is_on};
use crate::findings::{Change, Delta, Observation, Severity, Side, rule};

/// One rule of a bucket: after so many days what it holds for is deleted.
struct Term<'a> {
    days: i64,
    /// The beginning of the names that it holds for; nothing for all.
    prefix: &'a str,
    /// It holds for less than all of that: for old versions, for a tag.
    limited: bool,
    line: u32,
}

/// What a rule may be limited to besides the beginning of a name.
const LIMITS: &[&str] = &[
    "and",
    "tag",
    "tags",
    "object_size_less_than",
    "matches_suffix",
    "with_state",
    "num_newer_versions",
];

/// Tells what is deleted by and by and was not.
pub(in crate::findings) fn changes(documents: &Documents) -> Vec<Change> {
    let before = |change: &Value| change.at("before").is_some_and(|before| !is_nothing(before));
    let new_bucket = |kind: &str, change| kind.ends_with("_bucket") && !before(change);
    // From a bucket that is new nothing is deleted that was ever kept.
    if resources(documents).any(|resource| new_bucket(resource.kind, resource.change)) {
        return Vec::new();
    }
    let mut told = Vec::new();
    for resource in resources(documents) {
        let old = resource.change.at("before").map(terms).unwrap_or_default();
        let covered = |term: &Term<'_>| {
            old.iter()
                .any(|was| term.prefix.starts_with(was.prefix) && was.limited <= term.limited)
        };
        for term in terms(resource.after()).iter().filter(|term| !covered(term)) {
            let (severity, part) = match term.prefix.is_empty() && !term.limited {
                true => (Severity::Medium, "everything in it"),
                false => (Severity::Low, "a part of it"),
            };
            let what = format!(
                "{part} is deleted {} days after it was written, and was kept",
                term.days
            );
            let seen = Observation::new(&rule::PROTECTION_OFF, "", what).severity(severity);
            told.push((seen.at(&resource.place, term.line), Delta::Widened, Side::After));
        }
    }
    told
}

/// Returns the terms of a bucket or of its rules, in the forms of Amazon, Google and Azure.
fn terms(resource: &Value) -> Vec<Term<'_>> {
    let lists = ["rule", "lifecycle_rule"]
        .iter()
        .filter_map(|key| resource.at(key));
    lists.flat_map(Value::one_or_more).filter_map(term).collect()
}

fn term(rule: &Value) -> Option<Term<'_>> {
    let mut switches = ["status", "enabled"].iter().filter_map(|key| rule.at(key));
    if switches.any(|switch| !is_on(switch)) {
        return None;
    }
    let condition = block(rule, "condition");
    let filter = block(rule, "filter")
        .or_else(|| block(rule, "filters"))
        .or(condition);
    let deletes = block(rule, "action").is_some_and(|action| action.text_at("type") == Some("Delete"));
    let base = block(rule, "actions").and_then(|actions| block(actions, "base_blob"));
    let days = length(block(rule, "expiration"), "days")
        .or_else(|| length(condition.filter(|_| deletes), "age"))
        .or_else(|| length(base, "delete_after_days_since_modification_greater_than"))?;
    let limit = |key: &&str| filter.and_then(|filter| filter.at(key));
    let limits = |limit: &Value| !is_nothing(limit) && !matches!(limit.text(), Some("0" | "ANY"));
    let prefix = ["prefix", "matches_prefix", "prefix_match"]
        .iter()
        .find_map(|key| limit(key).or_else(|| rule.at(key)).filter(|it| !is_nothing(it)));
    Some(Term {
        days,
        prefix: prefix
            .and_then(|prefix| prefix.one_or_more().first()?.text())
            .unwrap_or_default(),
        limited: LIMITS.iter().filter_map(limit).any(limits),
        line: rule.line,
    })
}

/// Returns the first of the blocks under a key.
fn block<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.at(key)?.one_or_more().first()
}

fn length(block: Option<&Value>, key: &str) -> Option<i64> {
    block?.at(key)?.integer().filter(|days| *days > 0)
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(kind: &str, before: &str, after: &str, besides: &str) -> Severity {
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "{kind}.a", "type": "{kind}", "change": {{"actions": ["update"], "before": {before}, "after": {after}}}}}{besides}]}}"#
        );
        severity(&analyze("terraform-plan", None, plan.as_bytes()))
    }

    #[test]
    fn a_term_for_what_was_kept_is_told() {
        let amazon = |rules: &str| format!(r#"{{"bucket": "b", "rule": [{rules}]}}"#);
        let rule = |prefix: &str, status: &str| {
            format!(
                r#"{{"id": "x", "status": "{status}", "filter": [{{"prefix": "{prefix}"}}], "expiration": [{{"days": 30}}]}}"#
            )
        };
        let kind = "aws_s3_bucket_lifecycle_configuration";
        let (all, off, part) = (
            amazon(&rule("", "Enabled")),
            amazon(&rule("", "Disabled")),
            amazon(&rule("tmp/", "Enabled")),
        );
        assert_eq!(level(kind, &off, &all, ""), Severity::Medium);
        assert_eq!(level(kind, &part, &all, ""), Severity::Medium);
        assert_eq!(level(kind, "null", &all, ""), Severity::Medium);
        assert_eq!(level(kind, &off, &part, ""), Severity::Low);
        assert_eq!(level(kind, &all, &all, ""), Severity::Info);
        assert_eq!(level(kind, &all, &part, ""), Severity::Info);
        let bucket = r#", {"address": "aws_s3_bucket.a", "type": "aws_s3_bucket", "change": {"actions": ["create"], "before": null, "after": {"bucket": "b"}}}"#;
        assert_eq!(level(kind, "null", &all, bucket), Severity::Info);
        let abort = amazon(
            r#"{"id": "x", "status": "Enabled", "abort_incomplete_multipart_upload": [{"days_after_initiation": 7}]}"#,
        );
        assert_eq!(level(kind, &off, &abort, ""), Severity::Info);
    }

    #[test]
    fn terms_of_other_clouds_are_read() {
        let google = |condition: &str| {
            format!(
                r#"{{"lifecycle_rule": [{{"action": [{{"type": "Delete"}}], "condition": [{condition}]}}]}}"#
            )
        };
        let (kind, none) = ("google_storage_bucket", r#"{"lifecycle_rule": []}"#);
        assert_eq!(
            level(kind, none, &google(r#"{"age": 7, "with_state": "ANY"}"#), ""),
            Severity::Medium
        );
        assert_eq!(
            level(kind, none, &google(r#"{"age": 7, "with_state": "ARCHIVED"}"#), ""),
            Severity::Low
        );
        let azure = r#"{"rule": [{"name": "x", "enabled": true, "filters": [{"blob_types": ["blockBlob"]}], "actions": [{"base_blob": [{"delete_after_days_since_modification_greater_than": 10}]}]}]}"#;
        let kind = "azurerm_storage_management_policy";
        assert_eq!(level(kind, r#"{"rule": []}"#, azure, ""), Severity::Medium);
    }
}
