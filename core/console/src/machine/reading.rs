//! A request as it is read: the sheet, the change, findings and facts.

use std::sync::Arc;

use countersign_protocol::approval::LastApproved;
use countersign_protocol::context::Fact;
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{ActionDigest, RequestDigest, ViewDigest};
use countersign_protocol::identity::{KeyAssurance, PersonId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::reveal::Reveal;
use countersign_review::findings::Finding;
use countersign_review::secret::Masks;
use countersign_review::sheet::drift::Record;
use countersign_review::sheet::{LineRole, SheetLine};
use countersign_review::text::Untrusted;

use crate::amend::Asked;

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
    /// What was asked, where a counter-proposal can be made to it.
    pub asked: Option<Arc<Asked>>,
    /// The request whose counter-proposal this follows from.
    pub amends: Option<RequestId>,
    /// The request that came of the counter-proposal to this one, as the backend says.
    pub followed: Option<RequestId>,
    /// The documents that change, each as its exact difference.
    pub changes: Vec<ChangedDocument>,
    /// How what was approved last, the live and the proposed document lie to each other.
    pub drift: Option<Drifted>,
    /// What is masked wherever the request is shown.
    pub masks: Arc<Masks>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// Facts with their origins.
    pub facts: Vec<Fact>,
    /// Whether all of it is computed. Before that the lines can be read, structure or findings may be missing, and
    /// nothing can be signed.
    pub complete: bool,
    /// What is wrong with the evidence; with any, nothing can be signed.
    pub problems: Vec<Trouble>,
    /// Why the key on this machine will not do for an approval, however much is read. A denial needs no strong key.
    pub weak_key: Option<String>,
    /// The policies under which it may run once enough people approve.
    pub policies: Vec<Untrusted>,
    /// Who may decide, as policy says.
    pub eligible: Vec<PersonId>,
    /// Who may not: those who asked, own the agent or amended it.
    pub excluded: Vec<PersonId>,
    /// The decisions so far.
    pub decisions: Vec<DecisionSummary>,
    /// What people asked and the agent answered, oldest first. Nobody signed it.
    pub talk: Vec<Said>,
    /// Who had secrets revealed, as the backend says; only people whom the directory names.
    pub reveals: Vec<Reveal>,
    /// Where the request stands in the log: its index and the log's size; nothing while it is not logged.
    pub logged: Option<(u64, u64)>,
    /// Where this is not what the backend has now, but a copy of what it had.
    pub copy: Option<Copy>,
}

/// A copy of what the backend had: an exported file, or what was kept when the backend was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// When it was taken, where that is known.
    pub as_of: Option<Timestamp>,
    /// What is wrong with the copy as a whole.
    pub troubles: Vec<Untrusted>,
}

/// A document beside the state of it that was approved last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// What was approved last, as the backend looked it up; nothing where local files are compared.
    pub approved: Option<LastApproved>,
    /// Every path that is not the same in all three states, the dangerous ones first; nothing where there is nothing
    /// to compare with.
    pub record: Option<Arc<Record>>,
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
    /// Whether they had the secrets revealed, as their console claims.
    pub revealed: bool,
    /// Whether their key's PIN was remembered, as their console says: it proves no presence then.
    pub pin_remembered: bool,
    /// How their key is kept.
    pub assurance: KeyAssurance,
    /// When.
    pub at: Timestamp,
}

/// One thing that was said beside the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The number of the question, or of the one that is answered.
    pub number: u32,
    /// Who says so.
    pub speaker: Speaker,
    /// It.
    pub text: Untrusted,
    /// When, as the backend says.
    pub at: Timestamp,
}

/// Who says something beside a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    /// A person of the directory, as the backend says.
    Person(PersonId),
    /// Somebody whom the directory does not name.
    Stranger,
    /// The agent: a claim.
    Agent,
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
            return Some(format!("the request {} now", newer.summary.phase.said()));
        } else if self.summary.why_not != newer.summary.why_not {
            "who may decide changed"
        } else {
            return None;
        };
        Some(what.to_owned())
    }

    /// Whether the change by paths and values is known.
    #[must_use]
    pub fn has_structure(&self) -> bool {
        self.complete || self.changes.iter().all(|change| change.structure.is_some())
    }

    /// Whether the findings are known.
    #[must_use]
    pub const fn has_findings(&self) -> bool {
        self.complete || !self.findings.is_empty()
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
            Pane::Drift => self
                .drift
                .as_ref()
                .map(super::view::drift_marks)
                .unwrap_or_default(),
            Pane::Findings
            | Pane::Context
            | Pane::Policy
            | Pane::History
            | Pane::Raw
            | Pane::Talk
            | Pane::Since
            | Pane::Evidence => Vec::new(),
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
            LineRole::Finding(_) | LineRole::FindingBeside | LineRole::Drift(_) => {
                !line.text.starts_with(' ')
            }
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
    /// What was approved last, what is live and what is proposed, side by side.
    Drift,
    /// Facts with their origins, and what is bound.
    Context,
    /// Why approval is needed, who may decide, who has.
    Policy,
    /// Requests like this one.
    History,
    /// The documents byte by byte.
    Raw,
    /// What people asked and the agent answered.
    Talk,
    /// What changed on the sheet since it was looked at.
    Since,
    /// What was checked of a file of evidence.
    Evidence,
}

impl Pane {
    /// All, in the order of the tabs.
    pub const ALL: [Self; 12] = [
        Self::Evidence,
        Self::Sheet,
        Self::Change,
        Self::Structure,
        Self::Findings,
        Self::Drift,
        Self::Context,
        Self::Policy,
        Self::History,
        Self::Raw,
        Self::Talk,
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
            Self::Drift => 4,
            Self::Context => 5,
            Self::Policy => 6,
            Self::History => 7,
            Self::Raw => 8,
            Self::Talk => 9,
            Self::Since => 10,
            Self::Evidence => 11,
        }
    }
}
