//! The one function that judges the evidence of a request.
//!
//! It walks the chain in the order of its making: root, directory and policy, proposal, request, log, decisions,
//! grant, receipt. What is wrong becomes a [`Problem`]; evidence with a problem is not valid. What a reviewer
//! signed but may not count (revoked key, not eligible, expired) is void and said so, and the quorum then has to
//! stand without it.

mod amended;
mod decisions;
mod ending;
mod record;
mod request;
mod trust;

use std::sync::Arc;

use countersign_policy::{Credential, PolicySet};
use countersign_protocol::amendment::{Amended, Amendment};
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::decision::{Decision, SeenCheckpoint, Verdict};
use countersign_protocol::digest::{RootId, Sha256Digest};
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::grant::Grant;
use countersign_protocol::identity::{KeyAssurance, PersonId, Presence};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::receipt::ExecutionReceipt;
use countersign_protocol::request::{RequestState, Vote};
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::Verified;
use countersign_review::findings::{Finding, RULESET};
use countersign_review::sheet::Sheet;

use crate::account::{Step, UNTRUSTED};
use crate::judge::Judgement;

/// What a verifier holds against all evidence: it came from elsewhere and earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The organisation's root, compared by eye when it was pinned.
    pub root: RootId,
    /// The newest root statement seen. Evidence holds it, or leaves out who was taken out with it.
    pub root_seen: Option<Sha256Digest>,
    /// The highest directory version seen.
    pub directory_seen: u64,
    /// The highest policy version seen.
    pub policy_seen: u64,
    /// The newest checkpoint of the log that was verified.
    pub checkpoint: Option<SeenCheckpoint>,
}

impl Pinned {
    /// Pins a root, with nothing seen yet.
    #[must_use]
    pub const fn new(root: RootId) -> Self {
        Self {
            root,
            root_seen: None,
            directory_seen: 0,
            policy_seen: 0,
            checkpoint: None,
        }
    }
}

/// What the answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A reviewer is about to look: everything that is there has to hold, and trust has to be fresh now.
    Review,
    /// A guard is about to run it: a grant has to be there and hold now.
    Execute,
    /// Somebody looks back: everything has to have held when it happened.
    Audit,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The step of the chain that it is about.
    pub step: Step,
    /// A stable code.
    pub code: &'static str,
    /// What does not hold, in a sentence. May hold foreign text: show it escaped.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(code: &'static str, message: impl std::fmt::Display) -> Self {
        Self {
            step: Step::of(code),
            code,
            message: message.to_string(),
        }
    }

    /// No root is pinned to judge by, so nothing is proven: anybody can make a root.
    #[must_use]
    pub fn unpinned(how_to_pin: &str) -> Self {
        Self::new(
            UNTRUSTED,
            format!("no root is pinned to judge this by; {how_to_pin}"),
        )
    }

    /// The same, about a step that its code alone does not tell.
    pub(crate) fn at(self, step: Step) -> Self {
        Self { step, ..self }
    }
}

/// The answer.
#[derive(Debug)]
pub struct Report {
    /// What does not hold. Nothing, when the evidence is valid.
    pub problems: Vec<Problem>,
    /// What could be verified; absent when not even the request could.
    pub chain: Option<Chain>,
}

impl Report {
    /// Whether everything holds.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty() && self.chain.is_some()
    }
}

/// A chain whose signatures and bindings were checked.
#[derive(Debug)]
pub struct Chain {
    /// The newest root.
    pub root: Arc<TrustedRoot>,
    /// The directory of the request.
    pub request_directory: Arc<TrustedDirectory>,
    /// The newest directory.
    pub directory: Arc<TrustedDirectory>,
    /// The policy of the request.
    pub request_policy: Arc<PolicySet>,
    /// The newest policy.
    pub policy: Arc<PolicySet>,
    /// Bounds of the newest policy.
    pub limits: Limits,
    /// What the guard proposed.
    pub proposal: Verified<Proposal>,
    /// What the backend held.
    pub request: Verified<ApprovalRequest>,
    /// The findings, computed here.
    pub findings: Vec<Finding>,
    /// Severity, operation and verdict, computed here.
    pub judgement: Judgement,
    /// The sheet, built here.
    pub sheet: Sheet,
    /// Whether the findings are those of the request's own, other rules, and were not found again here.
    pub findings_recorded: bool,
    /// The log, as far as the evidence shows it.
    pub log: LogView,
    /// Every decision in the evidence.
    pub decisions: Vec<CheckedDecision>,
    /// The chain of amendments that the proposal follows from, the oldest first.
    pub amended: Vec<Amended>,
    /// The amendment that answers this request.
    pub amendment: Option<CheckedAmendment>,
    /// The grant.
    pub grant: Option<Verified<Grant>>,
    /// The receipt.
    pub receipt: Option<Verified<ExecutionReceipt>>,
    /// Where the request stands, replayed from the statements.
    pub state: RequestState,
}

impl Chain {
    /// Whether somebody outside the excluded people approved, and it was no supervision of one's own agent.
    #[must_use]
    pub fn is_four_eyes(&self) -> bool {
        let others = |checked: &CheckedDecision| {
            checked.void.is_none()
                && checked.vote.verdict == Verdict::Approve
                && !self.request.excluded.contains(&checked.vote.person)
        };
        !self.request.personal && self.decisions.iter().any(others)
    }

    /// Why this person's key will not do for an approval here, however much is read, where a stronger one would: the
    /// policies that say so. Nothing where the key is good enough, or where it is not the key that stands in the way.
    #[must_use]
    pub fn refuses_key(
        &self,
        person: &PersonId,
        assurance: KeyAssurance,
        presence: Presence,
        now: Timestamp,
    ) -> Option<Vec<String>> {
        let with = Credential {
            assurance,
            presence,
            ..decisions::STRONGEST
        };
        let asked = [
            (&self.request_policy, &self.request_directory),
            (&self.policy, &self.directory),
        ];
        asked.into_iter().find_map(|(policy, directory)| {
            let inquiry = policy.about(&self.judgement.operation, directory, now);
            let answer = |with| inquiry.approve(person, with);
            let weak = answer(&with);
            let is_the_key = !weak.is_permit() && answer(&decisions::STRONGEST).is_permit();
            is_the_key.then(|| weak.policies().to_vec())
        })
    }
}

/// A decision whose signature was checked.
#[derive(Debug)]
pub struct CheckedDecision {
    /// It.
    pub decision: Verified<Decision>,
    /// As it enters the state machine.
    pub vote: Vote,
    /// When it was logged; absent while it is only committed.
    pub logged_at: Option<Timestamp>,
    /// Where it stands in the log, proven by its leaf; absent while it is only committed.
    pub logged_index: Option<u64>,
    /// Why it does not count, if it does not.
    pub void: Option<String>,
}

/// An amendment whose signature was checked.
#[derive(Debug)]
pub struct CheckedAmendment {
    /// It.
    pub amendment: Verified<Amendment>,
    /// The no in it, as it enters the state machine.
    pub vote: Vote,
    /// When it was logged; absent while it is only committed.
    pub logged_at: Option<Timestamp>,
    /// Where it stands in the log, proven by its leaf; absent while it is only committed.
    pub logged_index: Option<u64>,
    /// Why it does not count, if it does not.
    pub void: Option<String>,
}

/// What the evidence shows of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogView {
    /// The checkpoint the evidence stands under; absent while nothing is logged.
    pub checkpoint: Option<SeenCheckpoint>,
    /// The log's name.
    pub origin: String,
    /// The index of the request's leaf.
    pub request_index: Option<u64>,
    /// Witnesses that cosigned the checkpoint.
    pub witnesses: u32,
    /// When the newest leaf was taken in.
    pub newest_leaf: Option<Timestamp>,
}

/// Judges evidence.
#[must_use]
pub fn verify(evidence: &Evidence, pinned: &Pinned, now: Timestamp, purpose: Purpose) -> Report {
    let mut problems = Vec::new();
    let chain = match walk(evidence, pinned, now, purpose, &mut problems) {
        Ok(chain) => Some(chain),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    Report { problems, chain }
}

fn walk(
    evidence: &Evidence,
    pinned: &Pinned,
    now: Timestamp,
    purpose: Purpose,
    problems: &mut Vec<Problem>,
) -> Result<Chain, Problem> {
    let trust = trust::open(evidence, pinned, purpose)?;
    let asked = request::open(evidence, &trust, purpose)?;
    let as_of = match purpose {
        Purpose::Review | Purpose::Execute => now,
        Purpose::Audit => asked.request.created_at,
    };
    trust.check_fresh(as_of, problems);
    let record = record::open(evidence, pinned, &trust, &asked, purpose, problems);
    let mut cast = decisions::replay(evidence, &trust, &asked, &record, now, problems);
    let amendment = amended::replay(evidence, &trust, &asked, &record, &mut cast, now, problems);
    let ending = ending::replay(evidence, &trust, &asked, &record, &cast, now, purpose, problems);
    let limits = trust.policies.newest().bundle.limits;
    Ok(Chain {
        root: Arc::clone(&trust.root),
        request_directory: Arc::clone(&trust.directories.of_request),
        directory: Arc::clone(trust.directories.newest()),
        request_policy: Arc::clone(&trust.policies.of_request.set),
        policy: Arc::clone(&trust.policies.newest().set),
        limits,
        proposal: asked.proposal,
        findings: asked.judgement.findings.clone(),
        findings_recorded: asked.judgement.findings.is_empty() && asked.request.ruleset.raw() != RULESET,
        judgement: asked.judgement,
        request: asked.request,
        sheet: asked.sheet,
        log: record.view,
        decisions: cast.decisions,
        amended: asked.amended,
        amendment,
        grant: ending.grant,
        receipt: ending.receipt,
        state: ending.state,
    })
}
