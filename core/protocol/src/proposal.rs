//! The proposal: an action, what the agent claims about it, what the guard observed.

use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionError};
use crate::amendment::Amends;
use crate::canonical::EncodeError;
use crate::context::{Fact, Origin};
use crate::decision::SeenCheckpoint;
use crate::digest::{ActionDigest, DirectoryDigest, PolicyDigest, ProposalDigest, RootId};
use crate::identity::{AgentId, GuardId, RequestId, Role};
use crate::moment::Timestamp;
use crate::signed::{Predicate, Subject, Verified};
use crate::text::{Line, Prose};

/// A proposal statement, signed by the guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The organisation.
    pub root: RootId,
    /// The guard that holds the action.
    pub guard: GuardId,
    /// The agent that asks, as the guard authenticated it.
    pub agent: AgentId,
    /// How far the guard was apart from the agent.
    pub isolation: Isolation,
    /// Makes this asking unlike any other.
    pub nonce: Nonce,
    /// What the agent says.
    pub claims: Claims,
    /// What the guard saw.
    pub observed: Vec<Fact>,
    /// Exactly what would run.
    pub action: Action,
    /// The action's digest.
    pub action_digest: ActionDigest,
    /// The directory from which the guard derived the environment.
    pub directory: DirectoryDigest,
    /// The policy the guard knew.
    pub policy: PolicyDigest,
    /// The amendment it follows from, where a reviewer wrote the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amends: Option<Amends>,
    /// The log as the guard had read it when it asked. Nothing about this asking can stand before the end of that, so that
    /// everybody reads the log from there on; absent where policy alone decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<SeenCheckpoint>,
    /// When the guard caught the action.
    pub created_at: Timestamp,
    /// After this the guard no longer wants an answer.
    pub expires_at: Timestamp,
}

/// How far a guard is apart from its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// The guard runs as the agent's own user: the agent could go round it.
    None,
    /// The guard runs as another user of the operating system.
    SeparateUser,
}

/// What an agent says. Nothing here loosens anything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// On whose behalf. Each known one is added to the excluded people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initiators: Vec<Line>,
    /// Why.
    #[serde(default, skip_serializing_if = "Prose::is_empty")]
    pub reason: Prose,
    /// A ticket.
    #[serde(default, skip_serializing_if = "Line::is_empty")]
    pub ticket: Line,
    /// A link.
    #[serde(default, skip_serializing_if = "Line::is_empty")]
    pub link: Line,
}

/// 32 random bytes that make a statement unlike any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(crate::digest::Sha256Digest);

impl Nonce {
    /// Wraps random bytes of the caller.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(crate::digest::Sha256Digest::from_bytes(bytes))
    }
}

impl Predicate for Proposal {
    const TYPE: &'static str = "https://countersign.dev/attestation/proposal/v1";
    const ROLE: Role = Role::Guard;

    fn subject(&self) -> Subject {
        Subject::new("action", *self.action_digest.sha256())
    }
}

/// Why a proposal is refused.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// Its action is refused.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// Its action cannot be digested.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Its digest is not its action's.
    #[error("proposal names action `{named}`, but its action is `{computed}`")]
    OtherAction {
        /// The digest it names.
        named: ActionDigest,
        /// The digest of its action.
        computed: ActionDigest,
    },
    /// It says something it may not.
    #[error("proposal field `{field}` {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
}

impl Proposal {
    /// Refuses a proposal that contradicts itself.
    ///
    /// # Errors
    /// [`ProposalError`] says how.
    pub fn check(&self) -> Result<(), ProposalError> {
        self.action.check()?;
        let computed = self.action.digest()?;
        if computed != self.action_digest {
            return Err(ProposalError::OtherAction {
                named: self.action_digest,
                computed,
            });
        }
        let field = |field, problem| Err(ProposalError::Field { field, problem });
        if self.expires_at <= self.created_at {
            return field("expires_at", "is not after `created_at`");
        }
        if self.observed.iter().any(|fact| fact.origin != Origin::Observed) {
            return field("observed", "holds a fact that the guard did not observe");
        }
        if self.claims.initiators.len() > 16 || self.observed.len() > 64 {
            return field("claims", "or `observed` holds too many items");
        }
        let excludes_amender = |amends: &Amends| amends.excluded.contains(&amends.amender);
        if !self.amends.as_ref().is_none_or(excludes_amender) {
            return field("amends", "lets the amender approve");
        }
        Ok(())
    }
}

impl Verified<Proposal> {
    /// The digest that names this proposal.
    #[must_use]
    pub const fn proposal_digest(&self) -> ProposalDigest {
        ProposalDigest::new(*self.digest())
    }

    /// The id of the request it leads to.
    #[must_use]
    pub fn request_id(&self) -> RequestId {
        RequestId::of(&self.proposal_digest())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::action::tests::change;
    use crate::digest::Sha256Digest;

    pub(crate) fn proposal() -> Proposal {
        let action = change("/etc/a");
        Proposal {
            root: RootId::new(Sha256Digest::of(b"root")),
            guard: "g1".parse().unwrap(),
            agent: "deployer".parse().unwrap(),
            isolation: Isolation::SeparateUser,
            nonce: Nonce::from_random([1; 32]),
            claims: Claims::default(),
            observed: vec![],
            action_digest: action.digest().unwrap(),
            action,
            directory: DirectoryDigest::new(Sha256Digest::of(b"d")),
            policy: PolicyDigest::new(Sha256Digest::of(b"p")),
            amends: None,
            checkpoint: None,
            created_at: Timestamp::from_millis(1000),
            expires_at: Timestamp::from_millis(100_000),
        }
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(proposal().check().is_ok());
        let mut other = proposal();
        other.action.environment = "staging".parse().unwrap();
        assert!(matches!(other.check(), Err(ProposalError::OtherAction { .. })));
        let mut late = proposal();
        late.expires_at = late.created_at;
        assert!(late.check().is_err());
        let mut claimed = proposal();
        claimed.observed.push(Fact {
            origin: Origin::Computed,
            name: Line::new("user").unwrap(),
            value: Prose::new("root").unwrap(),
        });
        assert!(claimed.check().is_err());
    }
}
