//! The seam for rules: what a detector is given and what it answers.

use super::finding::{Delta, Finding, Side};
use super::observation::Observation;
use super::rule;
use crate::document::{Documents, Place, Value};
use std::borrow::Cow;

/// A set of rules for documents of one shape.
///
/// The seam for rules of one's own, shown to people beside the built-in ones by
/// [`analyze_with`](super::analyze_with); it is pure, as they are, and decides nothing. Where there was no state before, that side is empty.
///
/// ```
/// use countersign_review::findings::{
///     Detector, Input, Observation, Outcome, Rule, RuleId, Severity, analyze_with, severity,
/// };
/// use std::sync::LazyLock;
///
/// static NO_TEAM: LazyLock<Rule> = LazyLock::new(|| Rule {
///     id: RuleId::extra("x-no-team").expect("it begins with x-"),
///     severity: Severity::Low,
///     title: "No team is named",
///     reference: None,
///     peers: &[],
/// });
///
/// struct NamesATeam;
///
/// impl Detector for NamesATeam {
///     fn kinds(&self) -> &'static [&'static str] {
///         &[]
///     }
///
///     fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
///         for (place, root) in input.roots.iter().filter(|(_, root)| root.at("team").is_none()) {
///             seen.push(Observation::of(&NO_TEAM, "team", "the file names no team").seen_at(place, root.line));
///         }
///         Outcome::Analyzed
///     }
/// }
///
/// let found = analyze_with(&[&NamesATeam], "config-file", None, b"port: 80\n");
/// assert_eq!(found[0].rule.as_str(), "x-no-team");
/// // It is for people to read: it weighs nothing in any decision.
/// assert_eq!(severity(&found), Severity::Info);
/// ```
pub trait Detector: Sync {
    /// Returns the kinds of action for which seeing this shape counts as having understood the change.
    fn kinds(&self) -> &'static [&'static str];

    /// Adds what it sees on one side.
    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome;

    /// Returns what only shows when both sides are known, such as a protection that is gone.
    fn changes(&self, _before: &Input<'_>, _after: &Input<'_>) -> Vec<Change> {
        Vec::new()
    }
}

/// What only shows between both sides: what was seen, how it changed, and the side on which it stands.
pub type Change = (Observation, Delta, Side);

/// One side of a change, as detectors see it.
#[derive(Debug)]
pub struct Input<'a> {
    /// The kind of action.
    pub kind: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
    /// The bytes as text, where they are.
    pub(super) text: Option<&'a str>,
    /// The lines of the text.
    pub(super) lines: &'a [&'a str],
    /// The values to look at, each with its place in the file.
    pub roots: &'a [Root<'a>],
    /// The file as it was read.
    pub documents: &'a Documents,
}

/// A value to look at and its place in the file: borrowed from the document, unless references in it were
/// replaced by what they stand for.
pub type Root<'a> = (Place, Cow<'a, Value>);

impl<'a> Input<'a> {
    /// Calls `visit` with every value of the side.
    pub fn walk(&self, visit: &mut dyn FnMut(&Place, &'a Value)) {
        for (place, root) in self.roots {
            root.walk_from(&mut place.clone(), visit);
        }
    }

    /// Returns the bytes as text, where they are.
    pub fn text(&self) -> Option<&'a str> {
        self.text
    }

    /// Returns the lines of the text, which was split once for all who ask, with their numbers from 1.
    pub fn lines(&self) -> impl Iterator<Item = (u32, &'a str)> + use<'a> {
        (1..).zip(self.lines.iter().copied())
    }
}

/// What became of one side in the hands of a detector.
#[derive(Debug)]
pub enum Outcome {
    /// It holds nothing of this shape.
    NotMine,
    /// It was understood.
    Analyzed,
    /// It has the shape but could not be understood.
    Failed(Problem),
}

/// Why something was not analyzed.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Where.
    pub line: Option<u32>,
    /// What, in a sentence without an end.
    pub what: String,
}

impl Problem {
    pub(super) fn finding(self, side: Side) -> Finding {
        let mut seen = Observation::new(&rule::NOT_ANALYZED, "", format!("not analyzed: {}", self.what));
        seen.line = self.line;
        seen.finding(Delta::Unknown, side)
    }
}
