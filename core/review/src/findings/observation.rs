//! What a detector sees on one side, and how two sides are compared.
//!
//! Two observations speak of the same risk when rule and key agree; the key holds no positions, so that moving
//! text about introduces nothing.

use super::finding::{Delta, Finding, Severity, Side};
use super::rule::Rule;
use super::secret::mask;
use crate::document::Place;
use crate::text::{Untrusted, escape_line, spans_to_string};
use std::collections::BTreeMap;

/// One risk seen on one side of a change.
#[derive(Debug, Clone)]
pub struct Observation {
    pub(super) rule: &'static Rule,
    pub(super) key: String,
    pub(super) severity: Severity,
    pub(super) explanation: String,
    pub(super) pointer: String,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
    pub(super) breadth: Breadth,
    /// Never shown; only says what was there already.
    pub(super) silent: bool,
}

/// How far a risk reaches, to tell widened from existing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Breadth {
    /// It is there or it is not.
    #[default]
    Whole,
    /// A number of things.
    Count(u64),
    /// A range of numbers, ends included.
    Range(i64, i64),
    /// Everything but what is named, on a pattern, under a condition (empty: none).
    AllBut {
        /// What is left out.
        excepted: Vec<String>,
        /// The pattern.
        glob: String,
        /// The condition: tests that must all be met, each on a line of its own.
        condition: String,
    },
    /// A pattern with `*` and `?`, under a condition (empty: none).
    Pattern {
        /// The pattern.
        glob: String,
        /// The condition: tests that must all be met, each on a line of its own.
        condition: String,
    },
}

impl Observation {
    /// Makes an observation for a detector of one's own. Two with the same rule and key speak of the same risk;
    /// the key holds no positions. The explanation is shown escaped, in one line.
    pub fn of(rule: &'static Rule, key: &str, explanation: &str) -> Self {
        Self::new(rule, key, spans_to_string(&escape_line(explanation.as_bytes())))
    }

    /// Says where it was seen.
    #[must_use]
    pub fn seen_at(self, place: &Place, line: u32) -> Self {
        self.at(place, line)
    }

    /// Says how far it reaches.
    #[must_use]
    pub fn reaching(self, breadth: Breadth) -> Self {
        self.breadth(breadth)
    }

    pub(super) fn new(rule: &'static Rule, key: impl Into<String>, explanation: impl Into<String>) -> Self {
        Self {
            rule,
            key: key.into(),
            severity: rule.severity,
            explanation: explanation.into(),
            pointer: String::new(),
            line: None,
            column: None,
            breadth: Breadth::Whole,
            silent: false,
        }
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(super) fn at(mut self, place: &Place, line: u32) -> Self {
        self.pointer.clone_from(&place.pointer);
        self.line = Some(line);
        self
    }

    pub(super) fn line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) fn column(mut self, column: u32) -> Self {
        self.column = Some(column);
        self
    }

    pub(super) fn breadth(mut self, breadth: Breadth) -> Self {
        self.breadth = breadth;
        self
    }

    pub(super) fn finding(self, delta: Delta, side: Side) -> Finding {
        Finding {
            rule: self.rule.id,
            severity: self.severity,
            title: self.rule.title.to_owned(),
            explanation: self.explanation,
            side,
            path: Untrusted::from(self.pointer),
            line: self.line,
            column: self.column,
            reference: self.rule.reference.map(str::to_owned),
            peers: self.rule.peers.iter().map(|peer| (*peer).to_owned()).collect(),
            delta,
        }
    }
}

impl Breadth {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Count(have), Self::Count(want)) => have >= want,
            (Self::Range(from, to), Self::Range(start, end)) => from <= start && to >= end,
            (
                Self::Pattern {
                    glob: have,
                    condition: when,
                },
                Self::Pattern {
                    glob: want,
                    condition,
                },
            ) => holds_under(when, condition) && matches_glob(have, want),
            (
                Self::AllBut {
                    excepted: had,
                    glob: have,
                    condition: when,
                },
                Self::AllBut {
                    excepted,
                    glob: want,
                    condition,
                },
            ) => {
                had.iter()
                    .all(|name| excepted.iter().any(|pattern| matches_glob(pattern, name)))
                    && holds_under(when, condition)
                    && matches_glob(have, want)
            }
            _ => self == other,
        }
    }
}

/// Says whether what held under some tests holds under others: none of the first is missing among them.
pub(super) fn holds_under(when: &str, condition: &str) -> bool {
    when.lines()
        .all(|test| condition.lines().any(|it| it == test || is_within(it, test)))
}

/// Says whether a test of names passes only what an earlier one of the same fact passed by its patterns.
fn is_within(test: &str, earlier: &str) -> bool {
    let (Some((is, fact, values)), Some((was, tested, patterns))) = (split(test), split(earlier)) else {
        return false;
    };
    let named = matches!(is, "StringEquals" | "StringLike") && was == "StringLike";
    let passes = |value: &&str| patterns.iter().any(|pattern| matches_glob(pattern, value));
    named && fact == tested && !values.is_empty() && values.iter().all(passes)
}

/// Splits a test, as conditions are written in a breadth, into its operator, its fact and its values. What holds a
/// sign that is escaped there is not taken apart.
fn split(test: &str) -> Option<(&str, &str, Vec<&str>)> {
    if test.contains('\\') {
        return None;
    }
    let (head, rest) = test.strip_prefix('"')?.split_once("\" [")?;
    let (operator, fact) = head.split_once(' ')?;
    let list = rest.strip_suffix(']')?;
    let values = list
        .split(", ")
        .filter_map(|value| value.strip_prefix('"')?.strip_suffix('"'));
    let values: Vec<&str> = values.collect();
    // A value with a comma in it would be cut in two.
    (values.len() == list.matches(", ").count() + 1).then_some((operator, fact, values))
}

/// Compares what was seen before with what is seen after.
pub(super) fn compare(before: Vec<Observation>, after: Vec<Observation>, known_before: bool) -> Vec<Finding> {
    let mut earlier: BTreeMap<(&str, &str), Vec<&Observation>> = BTreeMap::new();
    for seen in &before {
        earlier.entry((seen.rule.id.0, &seen.key)).or_default().push(seen);
    }
    let mut findings = Vec::new();
    let mut still = std::collections::BTreeSet::new();
    for seen in after {
        let name = (seen.rule.id.0, seen.key.clone());
        let delta = match earlier.get(&(name.0, name.1.as_str())) {
            _ if !known_before => Delta::Unknown,
            None => Delta::Introduced,
            Some(old) if old.iter().any(|old| old.breadth.covers(&seen.breadth)) => Delta::Existing,
            Some(_) => Delta::Widened,
        };
        still.insert(name);
        if !seen.silent {
            findings.push(seen.finding(delta, Side::After));
        }
    }
    drop(earlier);
    let gone = before
        .into_iter()
        .filter(|seen| !seen.silent && !still.contains(&(seen.rule.id.0, seen.key.clone())));
    findings.extend(gone.map(|seen| seen.finding(Delta::Removed, Side::Before)));
    findings
}

/// Shows a value from outside in a sentence: secrets masked, escaped, in backticks, cut where it is long.
pub(super) fn quote(value: &str) -> String {
    const LONGEST: usize = 120;
    let value = &*mask(value);
    let head: String = value.chars().take(LONGEST).collect();
    let more = value.chars().skip(LONGEST).count();
    let shown = spans_to_string(&escape_line(head.as_bytes()));
    if more == 0 {
        format!("`{shown}`")
    } else {
        format!("`{shown}`⟦{more} more characters⟧")
    }
}

/// Says whether a pattern with `*` and `?` matches a text, in time proportional to their product at most; where
/// that is too much, only equals match.
pub(super) fn matches_glob(pattern: &str, text: &str) -> bool {
    if pattern.len().saturating_mul(text.len()) > 1 << 24 {
        return pattern == text;
    }
    if pattern.is_ascii() && text.is_ascii() {
        return glob(pattern.as_bytes(), text.as_bytes(), (b'*', b'?'), u8::eq);
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    glob(&pattern, &text, ('*', '?'), char::eq)
}

/// Matches a pattern whose signs for any text and for any one character are given.
pub(super) fn glob<T: PartialEq>(
    pattern: &[T],
    text: &[T],
    (any, one): (T, T),
    same: impl Fn(&T, &T) -> bool,
) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(have) = text.get(t) {
        match pattern.get(p) {
            Some(want) if *want == any => {
                star = Some((p, t));
                p += 1;
            }
            Some(want) if *want == one || same(want, have) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|sign| *sign == any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::rule;

    fn seen(key: &str, breadth: Breadth) -> Observation {
        Observation::new(&rule::HOSTILE_TEXT, key, "x").breadth(breadth)
    }

    #[test]
    fn globs_match_as_in_policies() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:Get*", "s3:PutObject", false),
            ("a?c", "abc", true),
            ("*a*b", "xaxbxb", true),
            ("arn:*", "*", false),
        ] {
            assert_eq!(matches_glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_risk_is_introduced_widened_existing_or_removed() {
        let pattern = |glob: &str| Breadth::Pattern {
            glob: glob.to_owned(),
            condition: String::new(),
        };
        let before = vec![
            seen("a", pattern("arn:x")),
            seen("b", pattern("*")),
            seen("gone", Breadth::Whole),
        ];
        let after = vec![
            seen("a", pattern("*")),
            seen("b", pattern("arn:x")),
            seen("new", Breadth::Whole),
        ];
        let deltas: Vec<Delta> = compare(before, after, true)
            .iter()
            .map(|finding| finding.delta)
            .collect();
        assert_eq!(
            deltas,
            [Delta::Widened, Delta::Existing, Delta::Introduced, Delta::Removed]
        );
    }

    #[test]
    fn losing_a_condition_is_widening() {
        let when = |condition: &str| Breadth::Pattern {
            glob: "*".to_owned(),
            condition: condition.to_owned(),
        };
        let delta = |was: &str, is: &str| {
            let findings = compare(vec![seen("a", when(was))], vec![seen("a", when(is))], true);
            findings[0].delta
        };
        assert_eq!(delta("mfa", ""), Delta::Widened);
        assert_eq!(delta("mfa", "office"), Delta::Widened);
        assert_eq!(delta("mfa", "mfa\noffice"), Delta::Existing);
        assert_eq!(delta("mfa\noffice", "mfa"), Delta::Widened);
    }

    #[test]
    fn values_in_sentences_are_escaped_and_cut() {
        assert_eq!(quote("a\u{202E}"), "`a⟦U+202E⟧`");
        assert!(quote(&"x".repeat(130)).ends_with("⟦10 more characters⟧"));
    }
}
