//! Data exports, secret rotations and model promotions: payloads of named facts.
//!
//! No standard describes these; facts are read by their usual names, at any depth. A payload without the facts
//! that a reviewer needs is told so.

use super::{Breadth, Detector, Input, Observation, Outcome, Severity, rule};
use crate::document::{Node, Place, Value};
use crate::findings::observation::quote;

/// The rules for payloads.
pub(super) struct Payloads;

impl Detector for Payloads {
    fn kinds(&self) -> &'static [&'static str] {
        &["data-export", "secret-rotation", "model-promotion"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let facts = Facts::read(input);
        match input.kind {
            "data-export" => export(&facts, seen),
            "secret-rotation" => rotation(&facts, seen),
            "model-promotion" => promotion(&facts, seen),
            _ => Outcome::NotMine,
        }
    }
}

/// Named values, with keys reduced to lower-case letters and digits.
struct Facts<'a>(Vec<(String, Place, &'a Value)>);

impl<'a> Facts<'a> {
    fn read(input: &Input<'a>) -> Self {
        let mut facts = Vec::new();
        input.walk(&mut |place, value| {
            for (key, fact) in value.entries() {
                let name = key
                    .chars()
                    .filter(char::is_ascii_alphanumeric)
                    .collect::<String>()
                    .to_ascii_lowercase();
                facts.push((name, place.clone(), fact));
            }
        });
        Self(facts)
    }

    fn named<'b>(&'b self, names: &'b [&'b str]) -> impl Iterator<Item = &'b (String, Place, &'a Value)> {
        self.0
            .iter()
            .filter(move |(name, ..)| names.contains(&name.as_str()))
    }
}

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

fn export(facts: &Facts<'_>, seen: &mut Vec<Observation>) -> Outcome {
    let mut found = false;
    for (name, place, value) in facts.named(DESTINATION) {
        for target in value.one_or_more().iter().filter_map(Value::text) {
            found = true;
            let outside = target.contains('@')
                || ["http://", "https://", "ftp://", "sftp://"]
                    .iter()
                    .any(|start| target.starts_with(start));
            let severity = if outside { Severity::High } else { Severity::Medium };
            let what = format!("data goes to {}", quote(target));
            seen.push(
                Observation::new(&rule::EXPORT_DESTINATION, format!("{name} {target}"), what)
                    .severity(severity)
                    .at(place, value.line),
            );
        }
    }
    for (name, place, value) in facts.named(REGION) {
        let Some(region) = value.text() else { continue };
        let what = format!("data goes to the region {}", quote(region));
        seen.push(
            Observation::new(&rule::EXPORT_REGION, format!("{name} {region}"), what).at(place, value.line),
        );
    }
    for (name, place, value) in facts.named(VOLUME) {
        let Some(count) = value.text().and_then(|text| text.parse::<u64>().ok()) else {
            continue;
        };
        let severity = if count >= 1_000_000 {
            Severity::Medium
        } else {
            Severity::Info
        };
        let what = format!("{count} {name} leave");
        seen.push(
            Observation::new(&rule::EXPORT_VOLUME, name.clone(), what)
                .severity(severity)
                .breadth(Breadth::Count(count))
                .at(place, value.line),
        );
    }
    for (name, place, value) in facts.named(CLASS) {
        let Some(class) = value.text() else { continue };
        let lower = class.to_ascii_lowercase();
        let sensitive = [
            "pii",
            "phi",
            "pci",
            "personal",
            "secret",
            "confidential",
            "restricted",
            "sensitive",
        ]
        .iter()
        .any(|word| lower.contains(word));
        if sensitive {
            let what = format!("the data is {}", quote(class));
            seen.push(
                Observation::new(&rule::EXPORT_SENSITIVE, format!("{name} {class}"), what)
                    .at(place, value.line),
            );
        }
    }
    if found {
        Outcome::Analyzed
    } else {
        Outcome::NotMine
    }
}

fn rotation(facts: &Facts<'_>, seen: &mut Vec<Observation>) -> Outcome {
    let secret = facts
        .named(&[
            "secret",
            "secretid",
            "secretname",
            "secretarn",
            "name",
            "key",
            "keyid",
            "credential",
        ])
        .next();
    for (name, place, value) in facts.named(&[
        "forcedeletewithoutrecovery",
        "deleteold",
        "deleteoldversion",
        "revokeimmediately",
        "force",
    ]) {
        if value.is_true() {
            let what = format!("{} is true: the old version is gone at once", quote(name));
            seen.push(
                Observation::new(&rule::ROTATION_NO_WAY_BACK, name.clone(), what).at(place, value.line),
            );
        }
    }
    for (name, place, value) in facts.named(&[
        "recoverywindowindays",
        "overlapseconds",
        "overlap",
        "graceperiod",
        "gracedays",
        "overlapminutes",
    ]) {
        if value.integer() == Some(0) {
            let what = format!("{} is 0: consumers of the old version fail at once", quote(name));
            seen.push(
                Observation::new(&rule::ROTATION_NO_WAY_BACK, name.clone(), what).at(place, value.line),
            );
        }
    }
    for (name, place, value) in facts.named(&["newvalue", "secretstring", "secretvalue", "plaintext"]) {
        if value
            .text()
            .is_some_and(|text| !text.is_empty() && !text.starts_with(['$', '{', '<']))
        {
            let what = format!("the new value itself stands under {}", quote(name));
            seen.push(
                Observation::new(&rule::SECRET_LITERAL, name.clone(), what)
                    .severity(Severity::High)
                    .at(place, value.line),
            );
        }
    }
    if secret.is_some() {
        Outcome::Analyzed
    } else {
        Outcome::NotMine
    }
}

fn promotion(facts: &Facts<'_>, seen: &mut Vec<Observation>) -> Outcome {
    let is_set = |value: &Value| {
        !matches!(&value.node, Node::Null) && !matches!(&value.node, Node::Map(entries) if entries.is_empty())
    };
    let has = |names: &[&str]| facts.named(names).any(|(_, _, value)| is_set(value));
    let Some((_, place, version)) = facts
        .named(&["version", "toversion", "modelversion", "model", "modelid"])
        .next()
    else {
        return Outcome::NotMine;
    };
    let shown = quote(version.text().unwrap_or("?"));
    let mut add = |about, severity, key: &str, what: String| {
        seen.push(
            Observation::new(about, key, what)
                .severity(severity)
                .at(place, version.line),
        );
    };
    if !has(&[
        "evaluation",
        "evaluations",
        "metrics",
        "evalreport",
        "evaluationreport",
        "evals",
    ]) {
        add(
            &rule::MODEL_NOT_EVALUATED,
            Severity::High,
            "evaluation",
            format!("model {shown} comes without a record of evaluation"),
        );
    }
    if !has(&[
        "lineage",
        "trainingdata",
        "dataset",
        "datasetversion",
        "parent",
        "basemodel",
    ]) {
        add(
            &rule::MODEL_NO_LINEAGE,
            Severity::Medium,
            "lineage",
            format!("where model {shown} comes from is not stated"),
        );
    }
    if !has(&["digest", "sha256", "artifactdigest", "signature", "checksum"]) {
        add(
            &rule::MODEL_NO_DIGEST,
            Severity::Medium,
            "digest",
            format!("no digest says which bytes model {shown} is"),
        );
    }
    for (name, place, value) in facts.named(&[
        "traffic",
        "trafficpercent",
        "trafficshare",
        "weight",
        "canarypercent",
    ]) {
        if value
            .text()
            .and_then(|text| text.parse::<f64>().ok())
            .is_some_and(|share| share >= 100.0)
        {
            let what = format!(
                "{} is {}: all traffic moves at once",
                quote(name),
                quote(value.text().unwrap_or_default())
            );
            seen.push(Observation::new(&rule::MODEL_ALL_AT_ONCE, name.clone(), what).at(place, value.line));
        }
    }
    Outcome::Analyzed
}

#[cfg(test)]
mod tests {
    use crate::findings::analyze;

    fn ids(kind: &str, before: Option<&str>, after: &str) -> Vec<String> {
        let counting = |finding: &crate::findings::Finding| finding.counts();
        analyze(kind, before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|it| counting(it))
            .map(|it| it.rule.to_string())
            .collect()
    }

    #[test]
    fn an_export_tells_where_and_how_much() {
        let before = r#"{"destination": "s3://a", "rows": 10}"#;
        assert_eq!(ids("data-export", Some(before), before), Vec::<String>::new());
        let after = r#"{"destination": "https://x.test", "rows": 20000000, "classification": "PII"}"#;
        assert_eq!(
            ids("data-export", Some(before), after),
            ["export-destination", "export-sensitive-data", "export-volume"]
        );
        assert_eq!(ids("data-export", None, "{}"), ["not-analyzed"]);
    }

    #[test]
    fn a_rotation_without_overlap_is_told() {
        assert_eq!(
            ids(
                "secret-rotation",
                None,
                r#"{"secret": "db", "overlap_seconds": 0}"#
            ),
            ["rotation-no-way-back"]
        );
        assert_eq!(
            ids(
                "secret-rotation",
                None,
                r#"{"secret": "db", "overlap_seconds": 3600}"#
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_model_needs_its_records() {
        assert_eq!(
            ids("model-promotion", None, r#"{"model": "m", "version": 3}"#).len(),
            3
        );
        let whole = r#"{"version": 3, "metrics": {"auc": 0.9}, "dataset": "d", "sha256": "00"}"#;
        assert_eq!(ids("model-promotion", None, whole), Vec::<String>::new());
    }
}
