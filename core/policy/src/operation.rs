//! What policy is asked about: one proposed action, and the people who answer for it.

use std::collections::BTreeSet;

use countersign_protocol::approval::{People, Severity};
use countersign_protocol::decision::Shown;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::{
    AgentId, EnvironmentId, GuardId, KeyAssurance, PersonId, Presence, TeamId,
};
use countersign_protocol::kind::Kind;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::{Isolation, Proposal};

/// A proposed action, as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The agent that asks.
    pub agent: AgentId,
    /// The people who answer for the agent.
    pub owners: BTreeSet<PersonId>,
    /// The people it was started for.
    pub initiators: BTreeSet<PersonId>,
    /// The people who may not approve, whatever policy says.
    pub excluded: BTreeSet<PersonId>,
    /// The agent's team.
    pub team: TeamId,
    /// What sort of action it is.
    pub kind: Kind,
    /// What it acts on.
    pub target: String,
    /// Where it takes effect.
    pub environment: EnvironmentId,
    /// Whether people may supervise their own agents there.
    pub personal: bool,
    /// How far the guard was apart from the agent.
    pub isolation: Isolation,
    /// Rule ids of the findings that count.
    pub findings: BTreeSet<String>,
    /// The worst of them.
    pub severity: Severity,
}

/// Why a proposal cannot be put to policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// The directory does not know the agent.
    #[error("agent `{0}` is not in the directory; a directory owner has to add it")]
    UnknownAgent(AgentId),
    /// The guard does not speak for the agent.
    #[error("guard `{guard}` may not speak for agent `{agent}`; a directory owner has to allow it")]
    WrongGuard {
        /// The guard.
        guard: GuardId,
        /// The agent.
        agent: AgentId,
    },
    /// The proposal names another environment than follows from the directory.
    #[error("proposal names environment `{named}`, but the directory's rules say `{derived}`; propose again")]
    OtherEnvironment {
        /// The environment it names.
        named: EnvironmentId,
        /// The environment that follows.
        derived: EnvironmentId,
    },
    /// The directory has no environment for the target.
    #[error("the directory has no environment for this target; a directory owner has to add one")]
    NoEnvironment,
}

impl Operation {
    /// Reads a proposal against the directory.
    ///
    /// # Errors
    /// [`OperationError`] when the directory does not bear the proposal out.
    pub fn of(
        proposal: &Proposal,
        directory: &TrustedDirectory,
        findings: BTreeSet<String>,
        severity: Severity,
    ) -> Result<Self, OperationError> {
        let agent = directory
            .agent(&proposal.agent)
            .ok_or_else(|| OperationError::UnknownAgent(proposal.agent.clone()))?;
        if !agent.guards.contains(&proposal.guard) {
            return Err(OperationError::WrongGuard {
                guard: proposal.guard.clone(),
                agent: proposal.agent.clone(),
            });
        }
        let action = &proposal.action;
        let environment = directory
            .environment_of(action.kind, action.target.raw(), &proposal.guard)
            .ok_or(OperationError::NoEnvironment)?;
        if environment.id != action.environment {
            return Err(OperationError::OtherEnvironment {
                named: action.environment.clone(),
                derived: environment.id.clone(),
            });
        }
        let people = People::of(proposal, directory);
        Ok(Self {
            agent: agent.id.clone(),
            owners: agent.owners.clone(),
            initiators: people.initiators,
            excluded: people.excluded,
            team: agent.team.clone(),
            kind: action.kind,
            target: action.target.raw().to_owned(),
            environment: environment.id.clone(),
            personal: environment.personal,
            isolation: proposal.isolation,
            findings,
            severity,
        })
    }

    /// Whether `person` may not approve, whatever policy says. Outside personal environments the initiators and
    /// the agent's owners may not, even if the excluded set should lack them.
    pub(crate) fn excludes(&self, person: &PersonId, personal: bool) -> bool {
        let supervised = self.personal && personal;
        self.excluded.contains(person)
            || (!supervised && (self.owners.contains(person) || self.initiators.contains(person)))
    }
}

/// How a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credential {
    /// How the key is kept, from the directory.
    pub assurance: KeyAssurance,
    /// What the person did, as far as the key can prove it.
    pub presence: Presence,
    /// How much of the sheet was on screen, as the console claims.
    pub shown: Shown,
    /// Whether it was decided without a connection.
    pub offline: bool,
}

/// A verified approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub person: PersonId,
    /// How.
    pub credential: Credential,
    /// When.
    pub decided_at: Timestamp,
}
