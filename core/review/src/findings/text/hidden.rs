//! Text that deceives: characters that hide or move text, and keys that stand twice.
//!
//! Characters are looked for in the bytes, and in what the document means where it writes one as an escape
//! (`\u202e`). Words that look like others have rules of their own.

use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::{Breadth, Detector, Input, Observation, Outcome, Severity, TEXT_KINDS, rule};
use crate::text::{Class, suspicious};
use std::collections::{BTreeMap, BTreeSet};

/// The rules for deceiving characters.
pub(in crate::findings) struct HostileText;

impl Detector for HostileText {
    /// Any text is understood as text.
    fn kinds(&self) -> &'static [&'static str] {
        TEXT_KINDS
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        for found in suspicious(input.bytes).into_iter().filter(|it| is_mine(it.class)) {
            let (count, class) = (found.count, found.class.id());
            let told = |first: String| {
                Observation::new(
                    &rule::HOSTILE_TEXT,
                    class,
                    format!("{count} of class {class} {first}"),
                )
                .severity(severity(found.class))
                .breadth(Breadth::Count(count))
            };
            seen.push(match first_argument(input, found.class) {
                Some((number, place, line)) => {
                    told(format!("in the command, first in argument {number}")).at(&place, line)
                }
                None => {
                    let (line, column) = (found.first.line, found.first.column);
                    told(format!("in the text, first at line {line} column {column}"))
                        .line(line)
                        .column(column)
                }
            });
        }
        for (class, (count, place, line)) in escaped(input) {
            let what = format!(
                "{count} of class {} written as escapes, which another reader shows as they are",
                class.id()
            );
            seen.push(
                Observation::new(&rule::HOSTILE_TEXT, format!("{} escaped", class.id()), what)
                    .severity(severity(class))
                    .breadth(Breadth::Count(count))
                    .at(&place, line),
            );
        }
        if input.text().is_some() {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }
}

/// Words are told one by one, by the rules for look-alikes.
fn is_mine(class: Class) -> bool {
    !matches!(class, Class::MixedScript | Class::Confusable)
}

/// Returns the first argument of a command that holds characters of a class, by its number on the sheet.
fn first_argument(input: &Input<'_>, class: Class) -> Option<(usize, Place, u32)> {
    if input.kind != "exec" {
        return None;
    }
    input.roots.iter().find_map(|(place, root)| {
        let arguments = root.at("argv").map(Value::items).unwrap_or_default();
        let holds = |value: &&Value| {
            let text = value.text().unwrap_or_default();
            suspicious(text.as_bytes()).iter().any(|it| it.class == class)
        };
        let (number, value) = arguments.iter().enumerate().find(|(_, value)| holds(value))?;
        let place = Place {
            pointer: format!("{}/argv/{number}", place.pointer),
            identity: format!("{}/argv", place.identity),
        };
        Some((number, place, value.line))
    })
}

/// Counts what the values mean by an escape: characters that stand nowhere in the bytes.
fn escaped(input: &Input<'_>) -> BTreeMap<Class, (u64, Place, u32)> {
    let mut found: BTreeMap<Class, (u64, Place, u32)> = BTreeMap::new();
    let Some(text) = input.text().filter(|text| text.contains('\\')) else {
        return found;
    };
    let written: BTreeSet<char> = text.chars().filter(|c| !matches!(c, ' '..='~')).collect();
    input.walk(&mut |place, value| {
        let keys = value.entries().iter().map(|(key, _)| key.as_str());
        for meant in keys.chain(value.text()) {
            // Only what is not written anywhere as it is: the rest was counted in the bytes.
            let hidden: String = meant
                .chars()
                .filter(|c| !matches!(c, ' '..='~') && !written.contains(c))
                .collect();
            if hidden.is_empty() {
                continue;
            }
            for one in suspicious(hidden.as_bytes())
                .into_iter()
                .filter(|it| is_mine(it.class))
            {
                let place = || (0, place.clone(), value.line);
                found.entry(one.class).or_insert_with(place).0 += one.count;
            }
        }
    });
    found
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
pub(in crate::findings) struct RepeatedKeys;

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

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    #[test]
    fn characters_are_told_with_their_first_place() {
        let found = analyze("config-file", None, "a: b\nc: \"x\u{202e}y\"\n".as_bytes());
        let first = &found[0];
        assert_eq!(
            (first.rule.as_str(), first.severity, first.line, first.column),
            ("hostile-text", Severity::High, Some(2), Some(6))
        );
    }

    #[test]
    fn a_command_names_the_argument() {
        let action = "{\"argv\": [\"ls\", \"-l\", \"x\u{202e}y\", \"\u{202e}\"]}";
        let found = analyze("exec", None, action.as_bytes());
        let first = &found[0];
        assert_eq!(
            (first.rule.as_str(), first.column, first.path.escaped()),
            ("hostile-text", None, "/argv/2".to_owned())
        );
        assert!(
            first.explanation.ends_with("in the command, first in argument 2"),
            "{}",
            first.explanation
        );
    }

    #[test]
    fn characters_written_as_escapes_are_told_and_ordinary_escapes_are_not() {
        let found = analyze("exec", None, br#"{"argv": ["ls", "a\u202eb\u001b[2K\n\t"]}"#);
        let classes: Vec<_> = found
            .iter()
            .filter(|it| it.rule.as_str() == "hostile-text")
            .map(|it| (it.severity, it.path.escaped()))
            .collect();
        assert_eq!(
            classes,
            [
                (Severity::High, "/argv/1".to_owned()),
                (Severity::Medium, "/argv/1".to_owned())
            ]
        );
        assert_eq!(
            analyze("exec", None, br#"{"argv": ["printf", "a\n\tb\r\n"]}"#),
            []
        );
    }
}
