//! Data exports: where data goes, how much, how sensitive, and whether that was declared.
//!
//! A payload may state what was declared under `allowed`, `declared` or `approved`; what goes elsewhere is told
//! as such. Without a declaration every new destination is for the reviewer to weigh.

use super::fact::Facts;
use crate::document::{Place, Value};
use crate::findings::name::words;
use crate::findings::observation::quote;
use crate::findings::{Breadth, Change, Delta, Observation, Outcome, Severity, Side, rule};
use std::collections::BTreeSet;

const DESTINATION: &[&str] = &[
    "destination",
    "destinationbucket",
    "target",
    "targetbucket",
    "bucket",
    "to",
    "recipient",
    "recipients",
    "exportto",
    "outputlocation",
    "s3uri",
    "url",
];
const ACCOUNT: &[&str] = &[
    "destinationaccount",
    "destinationaccountid",
    "targetaccount",
    "targetaccountid",
    "account",
    "accountid",
    "destinationproject",
    "targetproject",
];
const OWN_ACCOUNT: &[&str] = &[
    "sourceaccount",
    "sourceaccountid",
    "owneraccount",
    "sourceproject",
];
const REGION: &[&str] = &["destinationregion", "region", "targetregion"];
const VOLUME: &[&str] = &[
    "rows",
    "rowcount",
    "records",
    "estimatedrows",
    "bytes",
    "sizebytes",
    "estimatedbytes",
];
const CLASS: &[&str] = &["classification", "dataclass", "sensitivity", "dataclassification"];
const SENSITIVE: &[&str] = &[
    "pii",
    "phi",
    "pci",
    "personal",
    "secret",
    "confidential",
    "restricted",
    "sensitive",
];

/// Facts that limit what leaves.
const LIMITS: &[&str] = &[
    "filter",
    "filters",
    "where",
    "predicate",
    "condition",
    "query",
    "limit",
    "maxrows",
    "since",
    "startdate",
    "from",
];
/// Facts that hide what leaves.
const MASKS: &[&str] = &[
    "masking",
    "masked",
    "mask",
    "anonymized",
    "anonymize",
    "anonymisation",
    "anonymization",
    "pseudonymized",
    "pseudonymize",
    "redact",
    "redacted",
    "redaction",
    "tokenize",
    "tokenized",
    "hashed",
];
const COLUMNS: &[&str] = &["columns", "fields", "select", "attributes"];
/// Words in the names of columns that hold what people keep to themselves.
const PERSONAL: &[&str] = &[
    "email",
    "mail",
    "phone",
    "mobile",
    "birth",
    "birthday",
    "birthdate",
    "dob",
    "ssn",
    "passport",
    "national",
    "iban",
    "card",
    "pan",
    "cvv",
    "salary",
    "password",
    "secret",
    "token",
    "diagnosis",
    "health",
    "religion",
    "gender",
    "ethnicity",
    "address",
    "street",
    "surname",
    "firstname",
    "lastname",
    "fullname",
    "latitude",
    "longitude",
    "taxid",
];

/// From so many times the volume on, it is another export.
const GROWTH: u64 = 10;

pub(super) fn observe(facts: &Facts<'_>, seen: &mut Vec<Observation>) -> Outcome {
    let declared = declared(facts);
    let mut found = false;
    for (name, place, value) in here(facts, DESTINATION) {
        for target in value.one_or_more().iter().filter_map(Value::text) {
            found = true;
            destination(name, place, value, target, &declared, seen);
        }
    }
    for (name, place, value) in here(facts, ACCOUNT).chain(here(facts, REGION)) {
        let Some(text) = value.text() else { continue };
        let region = REGION.contains(&name.as_str());
        let known = if region {
            &declared.regions
        } else {
            &declared.accounts
        };
        if !known.is_empty() && !known.contains(text) {
            let what = format!(
                "data goes to {} {}, which was not declared",
                quote(name),
                quote(text)
            );
            let seen_here = Observation::new(&rule::EXPORT_OUTSIDE, format!("{name} {text}"), what);
            seen.push(seen_here.at(place, value.line));
        } else if region {
            let what = format!("data goes to the region {}", quote(text));
            let seen_here = Observation::new(&rule::EXPORT_REGION, format!("{name} {text}"), what);
            seen.push(seen_here.at(place, value.line));
        } else if here(facts, OWN_ACCOUNT).any(|(.., own)| own.text() != Some(text)) && known.is_empty() {
            let what = format!("data goes to another account, {}", quote(text));
            let seen_here = Observation::new(&rule::EXPORT_OUTSIDE, format!("{name} {text}"), what);
            seen.push(seen_here.severity(Severity::Medium).at(place, value.line));
        }
    }
    volume(facts, seen);
    class(facts, seen);
    columns(facts, seen);
    openness(facts, seen);
    if found {
        Outcome::Analyzed
    } else {
        Outcome::NotMine
    }
}

fn destination(
    name: &str,
    place: &Place,
    value: &Value,
    target: &str,
    declared: &Declared<'_>,
    seen: &mut Vec<Observation>,
) {
    let outside = target.contains('@')
        || ["http://", "https://", "ftp://", "sftp://"]
            .iter()
            .any(|start| target.starts_with(start));
    let known = declared.destinations.iter().any(|known| within(known, target));
    let (about, severity, what) = match (known, declared.destinations.is_empty()) {
        (true, _) => (&rule::EXPORT_DESTINATION, Severity::Info, "which was declared"),
        (false, false) => (&rule::EXPORT_OUTSIDE, Severity::High, "which was not declared"),
        _ if outside => (
            &rule::EXPORT_DESTINATION,
            Severity::High,
            "outside of the cloud account",
        ),
        _ => (
            &rule::EXPORT_DESTINATION,
            Severity::Medium,
            "and nothing says that it was declared",
        ),
    };
    let what = format!("data goes to {}, {what}", quote(target));
    seen.push(
        Observation::new(about, format!("{name} {target}"), what)
            .severity(severity)
            .at(place, value.line),
    );
}

/// Says whether a target lies in a declared place: the same, or below it at a `/`.
fn within(known: &str, target: &str) -> bool {
    let known = known.trim_end_matches('*').trim_end_matches('/');
    let below = target.strip_prefix(known);
    !known.is_empty()
        && !target.contains("..")
        && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn volume(facts: &Facts<'_>, seen: &mut Vec<Observation>) {
    for (name, place, count) in counts(facts) {
        let severity = if count >= 1_000_000 {
            Severity::Medium
        } else {
            Severity::Info
        };
        let what = format!("{count} {name} leave");
        seen.push(
            Observation::new(&rule::EXPORT_VOLUME, name, what)
                .severity(severity)
                .breadth(Breadth::Count(count))
                .at(&place.0, place.1),
        );
    }
}

fn counts<'b>(facts: &'b Facts<'_>) -> impl Iterator<Item = (&'b str, (Place, u32), u64)> {
    here(facts, VOLUME).filter_map(|(name, place, value)| {
        let count = value.text()?.parse::<u64>().ok()?;
        Some((name.as_str(), (place.clone(), value.line), count))
    })
}

fn class(facts: &Facts<'_>, seen: &mut Vec<Observation>) {
    for (name, place, value) in here(facts, CLASS) {
        for class in value.one_or_more().iter().filter_map(Value::text) {
            let lower = class.to_ascii_lowercase();
            if SENSITIVE.iter().any(|word| lower.contains(word)) {
                let what = format!("the data is {}", quote(class));
                let seen_here = Observation::new(&rule::EXPORT_SENSITIVE, format!("{name} {class}"), what);
                seen.push(seen_here.at(place, value.line));
            }
        }
    }
}

/// Observes columns that by their name hold what is personal.
fn columns(facts: &Facts<'_>, seen: &mut Vec<Observation>) {
    for (name, place, value) in here(facts, COLUMNS) {
        for column in value.one_or_more().iter().filter_map(Value::text) {
            if words(column).iter().any(|word| PERSONAL.contains(&word.as_str())) {
                let what = format!(
                    "the column {} leaves, which by its name is personal",
                    quote(column)
                );
                let seen_here = Observation::new(&rule::EXPORT_SENSITIVE, format!("{name} {column}"), what);
                seen.push(seen_here.severity(Severity::Medium).at(place, value.line));
            }
        }
    }
}

fn openness(facts: &Facts<'_>, seen: &mut Vec<Observation>) {
    for (name, place, value) in here(
        facts,
        &["public", "publicaccess", "presigned", "presignedurl", "anonymous"],
    ) {
        if value.is_true() {
            let what = format!("{} is true: whoever has the address reads the data", quote(name));
            seen.push(Observation::new(&rule::EXPORT_OPEN, name.clone(), what).at(place, value.line));
        }
    }
    for (name, place, value) in encryptions(facts) {
        if is_off(value) {
            let what = format!("{} is off: the data leaves unencrypted", quote(name));
            let seen_here = Observation::new(&rule::EXPORT_OPEN, name.clone(), what);
            seen.push(seen_here.severity(Severity::Medium).at(place, value.line));
        }
    }
}

/// Returns the facts that say how the data is encrypted: by name, or inside of one that is named so.
fn encryptions<'b, 'a>(facts: &'b Facts<'a>) -> impl Iterator<Item = &'b (String, Place, &'a Value)> {
    facts.all().filter(|(name, place, _)| {
        let named = matches!(name.as_str(), "encryption" | "encrypted" | "serversideencryption");
        let inside = place.pointer.to_ascii_lowercase().ends_with("/encryption");
        let how = matches!(name.as_str(), "algorithm" | "type" | "mode" | "enabled" | "sse");
        (named || inside && how) && !is_declaration(name, place)
    })
}

fn is_off(value: &Value) -> bool {
    let word = |text: &str| {
        matches!(
            text.to_ascii_lowercase().as_str(),
            "none" | "off" | "disabled" | "plaintext"
        )
    };
    value.is_false() || value.text().is_some_and(word)
}

/// Says whether a fact says something: it is neither empty nor off.
fn says(value: &Value) -> bool {
    let empty = value.text().is_some_and(|text| text.trim().is_empty());
    !empty && !is_off(value) && !value.one_or_more().is_empty()
}

/// Tells what limited, hid or encrypted the data before and does no longer.
fn lost(before: &Facts<'_>, after: &Facts<'_>, changes: &mut Vec<Change>) {
    let still = |names: &[&str]| here(after, names).any(|(.., value)| says(value));
    for (names, about, why) in [
        (
            LIMITS,
            &rule::EXPORT_FILTER_GONE,
            "limited what leaves and is gone",
        ),
        (MASKS, &rule::EXPORT_UNMASKED, "hid what leaves and is gone"),
        (
            &["encryption", "encrypted", "serversideencryption"][..],
            &rule::EXPORT_OPEN,
            "is no longer stated",
        ),
    ] {
        for (name, place, value) in here(before, names).filter(|(.., value)| says(value)) {
            // One that is set to nothing is off; what is off is told by itself.
            let off = about.id == rule::EXPORT_OPEN.id
                && here(after, &[name.as_str()]).any(|(.., value)| is_off(value));
            let kept = match names {
                LIMITS => here(after, &[name.as_str()]).any(|(.., value)| says(value)),
                _ => still(names),
            };
            if !kept && !off {
                let what = format!("{} {why}", quote(name));
                let seen = Observation::new(about, name.clone(), what).at(place, value.line);
                changes.push((seen, Delta::Widened, Side::Before));
            }
        }
    }
}

/// What shows only beside the export as it was: another place, or much more.
pub(super) fn changes(before: &Facts<'_>, after: &Facts<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    lost(before, after, &mut changes);
    let declared = declared(after);
    for (name, place, value) in here(after, ACCOUNT).chain(here(after, REGION)) {
        let old = here(before, &[name.as_str()]).find_map(|(.., value)| value.text());
        if let (Some(old), Some(new)) = (old, value.text())
            && old != new
        {
            let what = format!("{} moves from {} to {}", quote(name), quote(old), quote(new));
            let expected = declared.accounts.contains(new) || declared.regions.contains(new);
            let severity = match expected {
                true => Severity::Low,
                false => Severity::Medium,
            };
            let seen = Observation::new(&rule::EXPORT_MOVED, name.clone(), what)
                .severity(severity)
                .at(place, value.line);
            changes.push((seen, Delta::Widened, Side::After));
        }
    }
    for (name, place, count) in counts(after) {
        let old = counts(before)
            .find(|(have, ..)| *have == name)
            .map(|(.., count)| count);
        if let Some(old) = old.filter(|old| *old > 0 && count / old >= GROWTH) {
            let what = format!("{count} {name} leave where {old} did before");
            let seen = Observation::new(&rule::EXPORT_GROWN, name, what).at(&place.0, place.1);
            changes.push((seen, Delta::Widened, Side::After));
        }
    }
    changes
}

#[derive(Default)]
struct Declared<'a> {
    destinations: BTreeSet<&'a str>,
    accounts: BTreeSet<&'a str>,
    regions: BTreeSet<&'a str>,
}

fn declared<'a>(facts: &Facts<'a>) -> Declared<'a> {
    let mut declared = Declared::default();
    for (name, _, value) in facts.all().filter(|(name, place, _)| is_declaration(name, place)) {
        let texts = value.one_or_more().iter().filter_map(Value::text);
        if name.contains("account") || name.contains("project") {
            declared.accounts.extend(texts);
        } else if name.contains("region") {
            declared.regions.extend(texts);
        } else if name.contains("destination") || name.contains("bucket") || name.contains("target") {
            declared.destinations.extend(texts);
        }
    }
    declared
}

fn is_declaration(name: &str, place: &Place) -> bool {
    const WORDS: [&str; 3] = ["allowed", "declared", "approved"];
    let above = place.pointer.to_ascii_lowercase();
    WORDS
        .iter()
        .any(|word| name.starts_with(word) || above.split('/').any(|part| part.starts_with(word)))
}

/// Returns the facts of the export itself, not those that say what was declared.
fn here<'b, 'a>(
    facts: &'b Facts<'a>,
    names: &'b [&'b str],
) -> impl Iterator<Item = &'b (String, Place, &'a Value)> {
    facts
        .named(names)
        .filter(|(name, place, _)| !is_declaration(name, place))
}

#[cfg(test)]
mod tests {
    use super::within;
    use crate::findings::{Severity, analyze, severity};

    fn level(before: Option<&str>, after: &str) -> Severity {
        severity(&analyze(
            "data-export",
            before.map(str::as_bytes),
            after.as_bytes(),
        ))
    }

    #[test]
    fn what_was_declared_is_quiet_and_all_else_is_high() {
        let export = |to: &str, account: &str, region: &str| {
            format!(
                r#"{{"destination": "{to}", "account": "{account}", "region": "{region}", "declared": {{"destinations": ["s3://d/in"], "accounts": "111122223333", "regions": ["eu-west-1"]}}}}"#
            )
        };
        assert!(level(None, &export("s3://d/in/x", "111122223333", "eu-west-1")) <= Severity::Low);
        for (to, account, region) in [
            ("s3://d/other", "111122223333", "eu-west-1"),
            ("s3://d/in", "444455556666", "eu-west-1"),
            ("s3://d/in", "111122223333", "ap-south-1"),
        ] {
            assert_eq!(
                level(None, &export(to, account, region)),
                Severity::High,
                "{to} {account} {region}"
            );
        }
    }

    #[test]
    fn a_declared_place_is_no_prefix_of_another_name() {
        assert!(within("s3://a/", "s3://a/b") && within("s3://a/*", "s3://a"));
        assert!(!within("s3://a", "s3://a-evil/b") && !within("", "x") && !within("s3://a", "s3://a/../b"));
    }

    #[test]
    fn moving_and_growing_are_told_without_a_declaration() {
        let export =
            |region: &str, rows: u32| format!(r#"{{"bucket": "b", "region": "{region}", "rows": {rows}}}"#);
        let before = export("eu-west-1", 100);
        assert!(level(Some(&before), &export("eu-west-1", 150)) <= Severity::Low);
        assert_eq!(level(Some(&before), &export("us-east-1", 100)), Severity::Medium);
        assert_eq!(
            level(Some(&before), &export("eu-west-1", 1_000)),
            Severity::Medium
        );
    }

    #[test]
    fn what_limited_or_hid_the_data_and_is_gone_is_told() {
        let export = |more: &str| format!(r#"{{"bucket": "b"{more}}}"#);
        let bare = export("");
        for (more, expected) in [
            (r#", "filter": "country = 'DE'""#, Severity::Medium),
            (r#", "limit": 100"#, Severity::Medium),
            (r#", "masking": ["email"]"#, Severity::High),
            (r#", "encryption": {"algorithm": "aws:kms"}"#, Severity::High),
            (r#", "format": "csv""#, Severity::Info),
        ] {
            assert_eq!(level(Some(&export(more)), &bare), expected, "{more}");
            assert_eq!(level(Some(&bare), &export(more)), Severity::Info, "{more}");
        }
        let inside = export(r#", "encryption": {"algorithm": "none"}"#);
        let before = export(r#", "encryption": {"algorithm": "aws:kms"}"#);
        assert_eq!(level(Some(&before), &inside), Severity::Medium);
    }

    #[test]
    fn columns_that_are_personal_by_their_name_are_told() {
        let export = |columns: &str| format!(r#"{{"bucket": "b", "columns": [{columns}]}}"#);
        let before = export(r#""id", "country""#);
        let level = |columns: &str| level(Some(&before), &export(columns));
        assert_eq!(level(r#""id", "country", "birth_date""#), Severity::Medium);
        assert_eq!(level(r#""id", "total""#), Severity::Info);
    }

    #[test]
    fn open_and_unencrypted_exports_are_told() {
        let quiet = r#"{"bucket": "b", "public": false, "encryption": "aws:kms"}"#;
        assert_eq!(level(Some(r#"{"bucket": "b"}"#), quiet), Severity::Info);
        assert_eq!(
            level(Some(quiet), &quiet.replace("false", "true")),
            Severity::High
        );
        assert_eq!(
            level(Some(quiet), &quiet.replace("aws:kms", "none")),
            Severity::Medium
        );
    }

    #[test]
    fn a_move_to_a_declared_place_is_low() {
        let export = |region: &str| {
            format!(
                r#"{{"bucket": "b", "region": "{region}", "allowed": {{"regions": ["eu-west-1", "eu-central-1"]}}}}"#
            )
        };
        let before = export("eu-west-1");
        assert_eq!(level(Some(&before), &export("eu-central-1")), Severity::Low);
        assert_eq!(level(Some(&before), &export("us-east-1")), Severity::High);
    }
}
