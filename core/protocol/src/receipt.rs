//! The guard's signed accounts: of what ran and how it ended, and of verdicts that needed no human.

use serde::{Deserialize, Serialize};

use crate::action::ArtifactRef;
use crate::digest::{
    ActionDigest, DirectoryDigest, GrantDigest, PolicyDigest, ProposalDigest, ReceiptDigest, RequestDigest,
};
use crate::identity::{GuardId, RequestId, Role};
use crate::moment::Timestamp;
use crate::signed::{Predicate, Subject, Verified};
use crate::text::{Line, Prose};

/// An execution receipt, signed by the guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionReceipt {
    /// The request.
    pub request: RequestId,
    /// The asking.
    pub request_digest: RequestDigest,
    /// What ran, digested again from the very bytes that were about to run.
    pub action_digest: ActionDigest,
    /// The grant that was used up.
    pub grant: GrantDigest,
    /// The guard.
    pub guard: GuardId,
    /// How it ended.
    pub outcome: Outcome,
    /// The process's exit code, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What the process wrote to standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<ArtifactRef>,
    /// What it wrote to standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<ArtifactRef>,
    /// What the target held afterwards, read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ArtifactRef>,
    /// What happened, in a sentence.
    pub detail: Prose,
    /// When the guard wrote down that it starts.
    pub started_at: Timestamp,
    /// When it was over.
    pub ended_at: Timestamp,
}

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it should.
    Succeeded,
    /// It did nothing, or the whole was rolled back, or the process said no.
    Failed,
    /// A part of it took effect.
    Partial,
    /// Nobody knows. It is never run again by itself.
    Unknown,
    /// The target was no longer what was reviewed; nothing ran.
    Stale,
}

impl Predicate for ExecutionReceipt {
    const TYPE: &'static str = "https://countersign.dev/attestation/receipt/v1";
    const ROLE: Role = Role::Guard;

    fn subject(&self) -> Subject {
        Subject::new(self.request.to_string(), *self.request_digest.sha256())
    }
}

impl Verified<ExecutionReceipt> {
    /// The digest that names this receipt.
    #[must_use]
    pub const fn receipt_digest(&self) -> ReceiptDigest {
        ReceiptDigest::new(*self.digest())
    }
}

/// The guard's record that policy alone permitted or forbade a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictRecord {
    /// The proposal.
    pub proposal: ProposalDigest,
    /// What was asked.
    pub action_digest: ActionDigest,
    /// The guard.
    pub guard: GuardId,
    /// The answer.
    pub verdict: RecordedVerdict,
    /// The policies that gave it.
    pub policies: Vec<Line>,
    /// The directory used.
    pub directory: DirectoryDigest,
    /// The bundle used.
    pub policy: PolicyDigest,
    /// When.
    pub at: Timestamp,
}

/// Answers that need no human.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedVerdict {
    /// It ran without review.
    Permitted,
    /// It did not run.
    Forbidden,
}

impl Predicate for VerdictRecord {
    const TYPE: &'static str = "https://countersign.dev/attestation/verdict/v1";
    const ROLE: Role = Role::Guard;

    fn subject(&self) -> Subject {
        Subject::new("proposal", *self.proposal.sha256())
    }
}

/// A request to withdraw what one asked, signed by the guard that proposed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// The request.
    pub request: RequestId,
    /// The asking.
    pub request_digest: RequestDigest,
    /// The guard.
    pub guard: GuardId,
    /// Why.
    pub reason: Line,
    /// When.
    pub at: Timestamp,
}

impl Predicate for Withdrawal {
    const TYPE: &'static str = "https://countersign.dev/attestation/withdrawal/v1";
    const ROLE: Role = Role::Guard;

    fn subject(&self) -> Subject {
        Subject::new(self.request.to_string(), *self.request_digest.sha256())
    }
}
