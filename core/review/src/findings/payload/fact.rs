//! Data exports, secret rotations and model promotions: payloads of named facts.
//!
//! No standard describes these; facts are read by their usual names, at any depth. A payload without the facts
//! that a reviewer needs is told so.

use super::{export, promotion, rotation};
use crate::document::{Place, Value};
use crate::findings::name::plain;
use crate::findings::{Change, Detector, Input, Observation, Outcome};

/// The rules for payloads.
pub(in crate::findings) struct Payloads;

impl Detector for Payloads {
    fn kinds(&self) -> &'static [&'static str] {
        &["data-export", "secret-rotation", "model-promotion"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let facts = Facts::read(input);
        match input.kind {
            "data-export" => export::observe(&facts, seen),
            "secret-rotation" => rotation::observe(&facts, seen),
            "model-promotion" => promotion::observe(&facts, seen),
            _ => Outcome::NotMine,
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let (old, new) = (Facts::read(before), Facts::read(after));
        match after.kind {
            "data-export" => export::changes(&old, &new),
            "model-promotion" => promotion::changes(&old, &new),
            "secret-rotation" => rotation::changes(&old, &new),
            _ => Vec::new(),
        }
    }
}

/// Named values, with keys reduced to lower-case letters and digits.
pub(super) struct Facts<'a>(Vec<(String, Place, &'a Value)>);

impl<'a> Facts<'a> {
    /// Reads them; other kinds of payload have none.
    fn read(input: &Input<'a>) -> Self {
        let mut facts = Vec::new();
        if !matches!(input.kind, "data-export" | "secret-rotation" | "model-promotion") {
            return Self(facts);
        }
        input.walk(&mut |place, value| {
            for (key, fact) in value.entries() {
                facts.push((plain(key), place.clone(), fact));
            }
        });
        Self(facts)
    }

    pub(super) fn all<'b>(&'b self) -> impl Iterator<Item = &'b (String, Place, &'a Value)> {
        self.0.iter()
    }

    pub(super) fn named<'b>(
        &'b self,
        names: &'b [&'b str],
    ) -> impl Iterator<Item = &'b (String, Place, &'a Value)> {
        self.0
            .iter()
            .filter(move |(name, ..)| names.contains(&name.as_str()))
    }
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
            [
                "export-destination",
                "export-sensitive-data",
                "export-grown",
                "export-volume"
            ]
        );
        assert_eq!(ids("data-export", None, "{}"), ["not-analyzed"]);
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
