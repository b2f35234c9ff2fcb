//! A request as it is read: the sheet, the change, findings and facts, and what of it was on screen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::context::Fact;
use countersign_protocol::decision::{self, Verdict};
use countersign_protocol::digest::{ActionDigest, RequestDigest, ViewDigest};
use countersign_protocol::identity::{KeyAssurance, PersonId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_review::findings::Finding;
use countersign_review::sheet::{LineRole, SheetLine};
use countersign_review::text::Untrusted;

use super::document::{ChangedDocument, Shape};
use super::state::{Summary, Trouble};

/// A request that was verified as far as it could be, ready to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The request.
    pub id: RequestId,
    /// The backend's number of its newest change.
    pub change: u64,
    /// It in short.
    pub summary: Summary,
    /// The asking.
    pub request_digest: RequestDigest,
    /// The content.
    pub action_digest: ActionDigest,
    /// The sheet that is read; a decision binds it.
    pub view_digest: ViewDigest,
    /// The sheet's six words.
    pub check_words: Vec<String>,
    /// Who wants what, where, why and until when; escaped by the sheet.
    pub sentence: String,
    /// The sheet.
    pub sheet: Arc<[SheetLine]>,
    /// The documents that change, each as its exact difference.
    pub changes: Vec<ChangedDocument>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// Facts with their origins.
    pub facts: Vec<Fact>,
    /// What is wrong with the evidence; with any, nothing can be signed.
    pub problems: Vec<Trouble>,
    /// The policies under which it may run once enough people approve.
    pub policies: Vec<Untrusted>,
    /// Who may decide, as policy says.
    pub eligible: Vec<PersonId>,
    /// Who may not: those who asked, own the agent or amended it.
    pub excluded: Vec<PersonId>,
    /// The decisions so far.
    pub decisions: Vec<DecisionSummary>,
    /// Where the request stands in the log: its index and the log's size; nothing while it is not logged.
    pub logged: Option<(u64, u64)>,
}

/// A decision that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionSummary {
    /// Who.
    pub reviewer: PersonId,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub reason: Untrusted,
    /// How their key is kept.
    pub assurance: KeyAssurance,
    /// When.
    pub at: Timestamp,
}

impl Reading {
    /// What differs in `newer` so that a person has to look again; nothing when only approvals came in.
    pub(super) fn moved(&self, newer: &Self) -> Option<String> {
        let what = if self.view_digest != newer.view_digest {
            "the sheet is another one now"
        } else if self.request_digest != newer.request_digest || self.action_digest != newer.action_digest {
            "the request is another one now"
        } else if self.problems != newer.problems {
            "the evidence is judged differently now"
        } else if self.summary.phase != newer.summary.phase && !newer.summary.phase.is_open() {
            return Some(format!("the request is {} now", newer.summary.phase.word()));
        } else if self.summary.why_not != newer.summary.why_not {
            "who may decide changed"
        } else {
            return None;
        };
        Some(what.to_owned())
    }

    /// The lines of a pane to jump between: where changes begin, and findings.
    #[must_use]
    pub fn landmarks(&self, pane: Pane, shape: Shape) -> Vec<usize> {
        match pane {
            Pane::Sheet => self.sheet_landmarks(),
            Pane::Change => {
                let mut marks = Vec::new();
                let mut first = 0;
                for document in &self.changes {
                    marks.extend(document.change_lines(shape).map(|line| first + line));
                    first += document.lines(shape);
                }
                marks
            }
            Pane::Structure => super::view::structure_marks(&self.changes),
            Pane::Findings | Pane::Context | Pane::Policy | Pane::History | Pane::Raw | Pane::Since => {
                Vec::new()
            }
        }
    }

    /// The line of the change pane in one layout that shows what a line shows in another.
    pub(super) fn line_in(&self, line: usize, from: Shape, to: Shape) -> usize {
        let (mut rest, mut first) = (line, 0);
        for document in &self.changes {
            let lines = document.lines(from);
            if rest < lines {
                return first + document.line_in(rest, from, to);
            }
            rest -= lines;
            first += document.lines(to);
        }
        first.saturating_sub(1)
    }

    fn sheet_landmarks(&self) -> Vec<usize> {
        let starts = |line: &SheetLine| match line.role {
            LineRole::Hunk => true,
            LineRole::Finding(_) | LineRole::FindingBeside => !line.text.starts_with(' '),
            _ => false,
        };
        let lines = self.sheet.iter().enumerate();
        lines
            .filter(|(_, line)| starts(line))
            .map(|(index, _)| index)
            .collect()
    }

    /// The line of the change pane that a finding is about, with everything unfolded; nothing where the finding
    /// names no line of a document that is shown.
    pub(super) fn line_of(&self, finding: &Finding, shape: Shape) -> Option<usize> {
        let number = finding.line?;
        let document = self.changes.first().filter(|_| self.changes.len() == 1)?;
        document.line_at(finding.side, number, shape)
    }
}

/// The parts of the detail screen that scroll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    /// The sheet: what is signed.
    Sheet,
    /// The documents with their differences.
    Change,
    /// The change by paths and values.
    Structure,
    /// The findings.
    Findings,
    /// Facts with their origins, and what is bound.
    Context,
    /// Why approval is needed, who may decide, who has.
    Policy,
    /// Requests like this one.
    History,
    /// The documents byte by byte.
    Raw,
    /// What changed on the sheet since it was looked at.
    Since,
}

impl Pane {
    /// All, in the order of the tabs.
    pub const ALL: [Self; 9] = [
        Self::Sheet,
        Self::Change,
        Self::Structure,
        Self::Findings,
        Self::Context,
        Self::Policy,
        Self::History,
        Self::Raw,
        Self::Since,
    ];

    /// Its place among all.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Sheet => 0,
            Self::Change => 1,
            Self::Structure => 2,
            Self::Findings => 3,
            Self::Context => 4,
            Self::Policy => 5,
            Self::History => 6,
            Self::Raw => 7,
            Self::Since => 8,
        }
    }
}

/// A place in a pane: a line and a character of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// The line, from 0.
    pub line: usize,
    /// The character of the line, from 0.
    pub character: usize,
}

/// What of a sheet was on screen. A line counts once every character of it was, never before.
#[derive(Debug, Clone, Default)]
pub struct Attention {
    /// Where each line starts, and at last where the sheet ends; each line is one longer than its characters.
    starts: Vec<usize>,
    /// What was seen: starts of ranges that do not touch, with their ends.
    seen: BTreeMap<usize, usize>,
    whole: Vec<bool>,
    count: usize,
}

impl Attention {
    pub(super) fn new(sheet: &[SheetLine]) -> Self {
        let mut starts = Vec::with_capacity(sheet.len() + 1);
        let mut end = 0;
        starts.push(0);
        for line in sheet {
            end += line.text.chars().count() + 1;
            starts.push(end);
        }
        Self {
            starts,
            seen: BTreeMap::new(),
            whole: vec![false; sheet.len()],
            count: 0,
        }
    }

    /// Lines that were wholly on screen.
    #[must_use]
    pub const fn lines(&self) -> usize {
        self.count
    }

    /// Lines in all.
    #[must_use]
    pub fn of_lines(&self) -> usize {
        self.whole.len()
    }

    /// Whether every line was on screen.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.count == self.whole.len() && self.count > 0
    }

    /// Whether a line was wholly on screen.
    #[must_use]
    pub fn saw(&self, line: usize) -> bool {
        self.whole.get(line).copied().unwrap_or(false)
    }

    /// The first line that was not wholly on screen.
    #[must_use]
    pub fn first_unseen(&self) -> Option<usize> {
        self.whole.iter().position(|seen| !seen)
    }

    /// Takes in that everything from `from` up to, not including, `to` was on screen.
    pub(super) fn mark(&mut self, from: Position, to: Position) {
        let (Some(mut start), Some(mut end)) = (self.offset(from), self.offset(to)) else {
            return;
        };
        if start >= end {
            return;
        }
        let touching: Vec<(usize, usize)> = self
            .seen
            .range(..=end)
            .rev()
            .take_while(|(_, until)| **until >= start)
            .map(|(s, e)| (*s, *e))
            .collect();
        for (other, until) in touching {
            self.seen.remove(&other);
            start = start.min(other);
            end = end.max(until);
        }
        self.seen.insert(start, end);
        for line in from.line..=to.line {
            let (Some(first), Some(last)) = (self.starts.get(line), self.starts.get(line + 1)) else {
                break;
            };
            let covered = start <= *first && *last <= end;
            if let Some(whole) = self.whole.get_mut(line)
                && covered
                && !*whole
            {
                *whole = true;
                self.count += 1;
            }
        }
    }

    fn offset(&self, position: Position) -> Option<usize> {
        let start = *self.starts.get(position.line)?;
        let end = self.starts.get(position.line + 1).map_or(start, |next| next - 1);
        Some(start.saturating_add(position.character).min(end))
    }

    /// What a decision states of it.
    #[must_use]
    pub fn statement(&self, open_for: Duration) -> decision::Attention {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        decision::Attention::Shown {
            lines: number(self.lines()),
            of_lines: number(self.of_lines()),
            seconds: u32::try_from(open_for.as_secs()).unwrap_or(u32::MAX),
        }
    }
}
