//! Text that deceives: characters that hide or move text, and keys that stand twice.

use super::{Breadth, Detector, Input, Observation, Outcome, Severity, rule};
use crate::findings::observation::quote;
use crate::text::{Class, suspicious};

/// The rules for deceiving characters.
pub(super) struct HostileText;

impl Detector for HostileText {
    /// Any text is understood as text.
    fn kinds(&self) -> &'static [&'static str] {
        super::TEXT_KINDS
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        for found in suspicious(input.bytes) {
            let what = format!(
                "{} of class {} in the text, first at line {} column {}",
                found.count,
                found.class.id(),
                found.first.line,
                found.first.column
            );
            seen.push(
                Observation::new(&rule::HOSTILE_TEXT, found.class.id(), what)
                    .severity(severity(found.class))
                    .breadth(Breadth::Count(found.count))
                    .line(found.first.line),
            );
        }
        if input.text().is_some() {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }
}

fn severity(class: Class) -> Severity {
    match class {
        Class::BidiControl | Class::Tag => Severity::High,
        Class::RightToLeft | Class::Decomposed | Class::VariationSelector => Severity::Low,
        Class::OddWhitespace | Class::PrivateUse | Class::Unassigned | Class::LoneMark => Severity::Low,
        Class::Control
        | Class::Invisible
        | Class::Noncharacter
        | Class::InvalidByte
        | Class::MarkFlood
        | Class::EscapeBracket
        | Class::MixedScript
        | Class::Confusable => Severity::Medium,
    }
}

/// The rule for keys that stand twice: two readers may take different values.
pub(super) struct RepeatedKeys;

impl Detector for RepeatedKeys {
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        for (key, line) in &input.documents.duplicate_keys {
            let what = format!(
                "the key {} stands twice in one map, and readers differ in which they take",
                quote(key)
            );
            seen.push(Observation::new(&rule::REPEATED_KEY, key.clone(), what).line(*line));
        }
        Outcome::NotMine
    }
}
