//! What the backend holds for reviewers: the request statement and its approval rule.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::action::{ArtifactRef, Payload};
use crate::context::{Fact, Origin};
use crate::digest::{
    ActionDigest, ArtifactDigest, DirectoryDigest, FindingsDigest, KeyId, PolicyDigest, ProposalDigest,
    RequestDigest, RootId,
};
use crate::directory::TrustedDirectory;
use crate::grant::One;
use crate::identity::{AgentId, EnvironmentId, GuardId, PersonId, RequestId, Role};
use crate::kind::Kind;
use crate::mask::MaskKey;
use crate::moment::Timestamp;
use crate::proposal::{Isolation, Proposal};
use crate::signed::{Predicate, Subject, Verified};
use crate::text::Line;

/// A request statement, signed by the backend: this asking, and what it takes to answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequest {
    /// The organisation.
    pub root: RootId,
    /// The request's id, derived from the proposal.
    pub id: RequestId,
    /// The proposal it holds.
    pub proposal: ProposalDigest,
    /// The guard that proposed.
    pub guard: GuardId,
    /// The key that signed the proposal.
    pub guard_key: KeyId,
    /// The agent that asks.
    pub agent: AgentId,
    /// The people it was started for, as far as they are known.
    pub initiators: BTreeSet<PersonId>,
    /// The people who may not approve.
    pub excluded: BTreeSet<PersonId>,
    /// Whether this is a person supervising their own agent, and not four eyes.
    pub personal: bool,
    /// How far the guard was apart from the agent.
    pub isolation: Isolation,
    /// What sort of change it is.
    pub kind: Kind,
    /// Where it takes effect.
    pub environment: EnvironmentId,
    /// What it acts on.
    pub target: Line,
    /// What would run.
    pub action_digest: ActionDigest,
    /// The state before, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<ArtifactDigest>,
    /// The state of the same target that was approved last, as the backend looked it up. Only of actions on
    /// documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<LastApproved>,
    /// How that state, the live one and the proposed one lie to each other: the record that travels as an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<ArtifactDigest>,
    /// The directory under which it was judged.
    pub directory: DirectoryDigest,
    /// The policy under which it was judged.
    pub policy: PolicyDigest,
    /// The version of the finding rules.
    pub ruleset: Line,
    /// The version of the sheet's form.
    pub sheet: Line,
    /// The findings.
    pub findings: FindingsDigest,
    /// The worst introduced or widened finding.
    pub severity: Severity,
    /// What it takes.
    pub rule: ApprovalRule,
    /// What the backend looked up.
    pub context: Vec<Fact>,
    /// The key under which secrets are marked on the sheet; without one masks tell lengths alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_key: Option<MaskKey>,
    /// When it was held.
    pub created_at: Timestamp,
    /// After this nothing can be decided or run.
    pub expires_at: Timestamp,
    /// Always 1.
    pub uses: One,
}

/// The state of a target that was approved last, and ran.
///
/// The backend looks it up, so it only tightens: it adds findings, and takes none away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LastApproved {
    /// No approved state is on record.
    Never {},
    /// The target was to hold this document.
    Document {
        /// The request that was approved.
        request: RequestId,
        /// When it had run, by the guard's receipt.
        ended_at: Timestamp,
        /// The document.
        artifact: ArtifactRef,
    },
    /// The target was to be gone.
    Removed {
        /// The request that was approved.
        request: RequestId,
        /// When it had run, by the guard's receipt.
        ended_at: Timestamp,
    },
    /// Something was approved, but what can no longer be read.
    Unread {
        /// The request that was approved.
        request: RequestId,
        /// When it had run, by the guard's receipt.
        ended_at: Timestamp,
        /// Why it cannot be read.
        why: Line,
    },
}

impl LastApproved {
    /// The document, where there is one that can be read.
    #[must_use]
    pub const fn artifact(&self) -> Option<ArtifactRef> {
        match self {
            Self::Document { artifact, .. } => Some(*artifact),
            Self::Never {} | Self::Removed { .. } | Self::Unread { .. } => None,
        }
    }

    /// The request that was approved, where there is one.
    #[must_use]
    pub const fn request(&self) -> Option<&RequestId> {
        match self {
            Self::Document { request, .. } | Self::Removed { request, .. } | Self::Unread { request, .. } => {
                Some(request)
            }
            Self::Never {} => None,
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing to say.
    #[default]
    None,
    /// Worth a look.
    Low,
    /// Worth a question.
    Medium,
    /// Dangerous.
    High,
    /// Dangerous beyond repair.
    Critical,
}

impl Severity {
    /// 0 to 4, as policies see it.
    #[must_use]
    pub const fn level(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }

    /// The severity with this number; anything above 4 is critical.
    #[must_use]
    pub const fn from_level(level: i64) -> Self {
        match level {
            ..=0 => Self::None,
            1 => Self::Low,
            2 => Self::Medium,
            3 => Self::High,
            4.. => Self::Critical,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Who may decide and how many it takes. Computed by asking policy; shown to people; computed again at every
/// decision and before execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// Distinct humans needed, at least 1.
    pub approvals: u32,
    /// How many of them with a key in hardware.
    pub hardware: u32,
    /// From how many distinct teams.
    pub teams: u32,
    /// The people who may approve now.
    pub eligible: BTreeSet<PersonId>,
    /// The policies that permit it then.
    pub policies: Vec<Line>,
}

impl Predicate for ApprovalRequest {
    const TYPE: &'static str = "https://countersign.dev/attestation/request/v1";
    const ROLE: Role = Role::Backend;

    fn subject(&self) -> Subject {
        Subject::new("proposal", *self.proposal.sha256())
    }
}

impl Verified<ApprovalRequest> {
    /// The digest that names this asking.
    #[must_use]
    pub const fn request_digest(&self) -> RequestDigest {
        RequestDigest::new(*self.digest())
    }
}

/// A request that does not follow from its proposal and directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("request field `{0}` does not follow from the proposal and the directory")]
pub struct RequestMismatch(pub &'static str);

impl ApprovalRequest {
    /// Checks every field that follows from the proposal and the directory alone. What follows from policy and
    /// review is checked where those are known.
    ///
    /// # Errors
    /// [`RequestMismatch`] names the first field that does not follow.
    pub fn check(
        &self,
        proposal: &Verified<Proposal>,
        directory: &TrustedDirectory,
    ) -> Result<(), RequestMismatch> {
        let people = People::of(proposal, directory);
        let environment = directory.environment_of(self.kind, self.target.raw(), &self.guard);
        let agent = directory.agent(&proposal.agent);
        let earlier = self.approved.as_ref().and_then(LastApproved::request);
        let checks = [
            ("root", self.root == proposal.root && self.root == directory.root),
            ("proposal", self.proposal == proposal.proposal_digest()),
            ("id", self.id == proposal.request_id()),
            ("guard", self.guard == proposal.guard),
            ("guard_key", proposal.signer() == Some(self.guard_key)),
            (
                "agent",
                self.agent == proposal.agent && agent.is_some_and(|agent| agent.guards.contains(&self.guard)),
            ),
            ("initiators", self.initiators == people.initiators),
            ("excluded", self.excluded == people.excluded),
            (
                "personal",
                environment.is_some_and(|environment| environment.personal == self.personal),
            ),
            ("isolation", self.isolation == proposal.isolation),
            ("kind", self.kind == proposal.action.kind),
            (
                "environment",
                environment.is_some_and(|environment| environment.id == self.environment),
            ),
            ("environment", self.environment == proposal.action.environment),
            ("target", self.target == proposal.action.target),
            ("action_digest", self.action_digest == proposal.action_digest),
            (
                "baseline",
                self.baseline == proposal.action.baseline().map(|artifact| artifact.digest),
            ),
            (
                "approved",
                self.approved.is_none() || matches!(proposal.action.payload, Payload::FileChange(_)),
            ),
            ("approved", earlier != Some(&self.id)),
            ("drift", self.drift.is_some() == earlier.is_some()),
            ("directory", self.directory == directory.digest()),
            ("rule", self.rule.approvals >= 1),
            (
                "context",
                self.context.iter().all(|fact| fact.origin == Origin::LookedUp),
            ),
            (
                "expires_at",
                self.created_at < self.expires_at && self.expires_at <= proposal.expires_at,
            ),
        ];
        match checks.iter().find(|(_, holds)| !holds) {
            Some((field, _)) => Err(RequestMismatch(field)),
            None => Ok(()),
        }
    }
}

/// The people that a proposal involves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// Those it was started for, as far as they are known: the claimed ones, else the agent's owners.
    pub initiators: BTreeSet<PersonId>,
    /// Those who may not approve: initiators, owners, and along the chain of amendments the amenders and whoever
    /// could not approve what was amended. Empty where people supervise their own agents.
    pub excluded: BTreeSet<PersonId>,
}

impl People {
    /// Reads them from the proposal and the directory. A claim only adds: the agent's owners are always in.
    #[must_use]
    pub fn of(proposal: &Proposal, directory: &TrustedDirectory) -> Self {
        let claimed = proposal.claims.initiators.iter();
        let known: BTreeSet<PersonId> = claimed
            .filter_map(|name| directory.person_claimed(name.raw()))
            .map(|person| person.id.clone())
            .collect();
        let owners = directory
            .agent(&proposal.agent)
            .map(|agent| agent.owners.clone())
            .unwrap_or_default();
        let personal = directory
            .environment_of(
                proposal.action.kind,
                proposal.action.target.raw(),
                &proposal.guard,
            )
            .is_some_and(|environment| environment.personal);
        let excluded = if personal {
            BTreeSet::new()
        } else {
            let inherited = proposal.amends.iter().flat_map(|amends| &amends.excluded);
            known.union(&owners).chain(inherited).cloned().collect()
        };
        Self {
            initiators: if known.is_empty() { owners } else { known },
            excluded,
        }
    }
}
