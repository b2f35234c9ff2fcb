//! The one state machine of a request's fate.
//!
//! Pure: `apply(state, event, now)` gives the next state and what is to be done about it, or refuses. Excluded
//! people, distinct humans, counting, expiry, staleness and single use live here and nowhere else. Policy is not
//! asked here; its answers come in with the events, and can only be added to what this machine demands.

mod phase;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::decision::Verdict;
use crate::digest::{
    ActionDigest, AmendmentDigest, DecisionDigest, GrantDigest, KeyId, RequestDigest, ViewDigest,
};
use crate::identity::{KeyAssurance, PersonId, Presence, RequestId};
use crate::log::EntryType;
use crate::moment::Timestamp;
use crate::receipt::Outcome;
pub use phase::Phase;

/// What a request fixed for its whole life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Its id.
    pub id: RequestId,
    /// The asking.
    pub request_digest: RequestDigest,
    /// The content.
    pub action_digest: ActionDigest,
    /// The sheet.
    pub view_digest: ViewDigest,
    /// The people who may not approve.
    pub excluded: BTreeSet<PersonId>,
    /// Distinct humans needed at the very least; policy may want more.
    pub minimum: u32,
    /// After this nothing is decided or granted.
    pub expires_at: Timestamp,
}

/// A decision whose signature and key were verified, as it enters the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// The human behind the key.
    pub person: PersonId,
    /// The key.
    pub key: KeyId,
    /// The decision.
    pub decision: DecisionDigest,
    /// What it answers.
    pub verdict: Verdict,
    /// The asking it answers.
    pub request_digest: RequestDigest,
    /// The content it answers.
    pub action_digest: ActionDigest,
    /// The sheet it answers.
    pub view_digest: ViewDigest,
    /// How the key is kept.
    pub assurance: KeyAssurance,
    /// What the person did, as far as the key's record allows.
    pub presence: Presence,
    /// When it was given.
    pub decided_at: Timestamp,
    /// After this it no longer counts.
    pub expires_at: Timestamp,
}

/// What policy answered about a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyAnswer {
    /// Whether this human may decide this, now, with this assurance.
    pub eligible: bool,
    /// Whether it may run with all approvals that then stand.
    pub satisfied: bool,
}

/// What can happen to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A reviewer decided.
    Decided {
        /// The decision.
        vote: Box<Vote>,
        /// What policy says to it.
        answer: PolicyAnswer,
    },
    /// A reviewer said no and signed what could be asked instead.
    Amended {
        /// The no in the amendment.
        vote: Box<Vote>,
        /// What policy says to it.
        answer: PolicyAnswer,
        /// The amendment.
        amendment: AmendmentDigest,
    },
    /// Policy or directory changed, or time did: approvals were asked about again.
    Reevaluated {
        /// The people whose approvals still stand.
        standing: BTreeSet<PersonId>,
        /// Whether it may run with those.
        satisfied: bool,
    },
    /// The asker took it back.
    Withdrawn,
    /// Target, policy or directory moved away.
    WentStale,
    /// Time went by.
    TimePassed,
    /// The guard is given the one grant.
    Granted {
        /// It.
        grant: GrantDigest,
        /// Whether policy still lets it run.
        satisfied: bool,
    },
    /// The guard starts.
    Started {
        /// The grant it holds.
        grant: GrantDigest,
    },
    /// The guard accounts for the end.
    Ended {
        /// The grant it held.
        grant: GrantDigest,
        /// How it ended.
        outcome: Outcome,
    },
}

/// What is to be done about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Put the event's statement into the log.
    Log(EntryType),
    /// Tell those who watch.
    Announce,
}

/// Why an event changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is over.
    #[error("the request is over and cannot change any more")]
    Over,
    /// Not in this phase.
    #[error("this cannot happen to a request in this phase")]
    WrongPhase,
    /// Too late.
    #[error("the request has expired; ask the agent to propose again")]
    Expired,
    /// The decision is too old, or for the future.
    #[error("the decision has expired or states a time outside its validity; decide again")]
    DecisionExpired,
    /// For something else.
    #[error("the decision is about another request, action or sheet than this one")]
    Mismatch,
    /// An excluded person.
    #[error("you asked for this, own the agent or amended it: somebody else has to approve")]
    Excluded,
    /// Policy says no.
    #[error("policy does not let you decide this; `countersign policy explain` says why")]
    NotEligible,
    /// The same decision came again.
    #[error("this decision was received before")]
    Replayed,
    /// One human, one vote.
    #[error("you have decided this already; one person has one vote")]
    AlreadyVoted,
    /// Not enough.
    #[error("the quorum does not stand")]
    NoQuorum,
    /// Another grant than the one given.
    #[error("this is not the grant that was given for the request")]
    OtherGrant,
}

/// A request's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestState {
    terms: Terms,
    phase: Phase,
    approvals: BTreeMap<PersonId, Vote>,
    denial: Option<Vote>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amendment: Option<AmendmentDigest>,
    received: BTreeSet<DecisionDigest>,
    grant: Option<GrantDigest>,
}

impl RequestState {
    /// A request that starts waiting.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            phase: Phase::Pending,
            approvals: BTreeMap::new(),
            denial: None,
            amendment: None,
            received: BTreeSet::new(),
            grant: None,
        }
    }

    /// What the request fixed.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Where it stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The grant that consumed it.
    #[must_use]
    pub const fn grant(&self) -> Option<&GrantDigest> {
        self.grant.as_ref()
    }

    /// The denial that ended it.
    #[must_use]
    pub const fn denial(&self) -> Option<&Vote> {
        self.denial.as_ref()
    }

    /// Every decision that was taken in, whether it still counts or not: approvals, then the denial.
    pub fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.approvals.values().chain(&self.denial)
    }

    /// The amendment that ended it.
    #[must_use]
    pub const fn amendment(&self) -> Option<&AmendmentDigest> {
        self.amendment.as_ref()
    }

    /// The approvals that count at `now`, one for each human.
    pub fn standing(&self, now: Timestamp) -> impl Iterator<Item = &Vote> {
        self.approvals.values().filter(move |vote| now < vote.expires_at)
    }

    /// The approvals that count at `now`; of a request that is over, those that counted when the last was decided. What
    /// ran on approvals was approved, however long ago.
    pub fn counted(&self, now: Timestamp) -> impl Iterator<Item = &Vote> {
        let last = self.votes().map(|vote| vote.decided_at).max();
        self.standing(if self.phase.is_open() {
            now
        } else {
            last.unwrap_or(now)
        })
    }

    /// The approvals that would count at `now` if `vote` were added.
    #[must_use]
    pub fn standing_with(&self, vote: &Vote, now: Timestamp) -> Vec<Vote> {
        let mut all: Vec<Vote> = self
            .standing(now)
            .filter(|other| other.person != vote.person)
            .cloned()
            .collect();
        if vote.verdict == Verdict::Approve {
            all.push(vote.clone());
        }
        all
    }

    /// Lets `event` happen at `now`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot; the state is then as it was.
    pub fn apply(&self, event: Event, now: Timestamp) -> Result<(Self, Vec<Effect>), Refusal> {
        if self.phase.is_terminal() {
            return Err(Refusal::Over);
        }
        let mut next = self.clone();
        let effects = match event {
            Event::Decided { vote, answer } => next.decide(*vote, answer, now)?,
            Event::Amended {
                vote,
                answer,
                amendment,
            } => next.amend(*vote, answer, amendment, now)?,
            Event::Reevaluated { standing, satisfied } => next.reevaluate(&standing, satisfied, now)?,
            Event::Withdrawn => next.end_open(Phase::Withdrawn, Some(EntryType::Withdraw))?,
            Event::WentStale => next.end_open(Phase::Stale, None)?,
            Event::TimePassed => next.pass_time(now)?,
            Event::Granted { grant, satisfied } => next.consume(grant, satisfied, now)?,
            Event::Started { grant } => next.start(grant)?,
            Event::Ended { grant, outcome } => next.end(grant, outcome)?,
        };
        Ok((next, effects))
    }

    fn decide(&mut self, vote: Vote, answer: PolicyAnswer, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        self.admit(&vote, answer, now)?;
        self.received.insert(vote.decision);
        if vote.verdict == Verdict::Deny {
            self.phase = Phase::Denied;
            self.denial = Some(vote);
            return Ok(vec![Effect::Log(EntryType::Deny), Effect::Announce]);
        }
        if self.standing(now).any(|other| other.person == vote.person) {
            return Err(Refusal::AlreadyVoted);
        }
        self.approvals.insert(vote.person.clone(), vote);
        if answer.satisfied && self.has_minimum(now) {
            self.phase = Phase::Approved;
        }
        Ok(vec![Effect::Log(EntryType::Approve), Effect::Announce])
    }

    fn amend(
        &mut self,
        vote: Vote,
        answer: PolicyAnswer,
        amendment: AmendmentDigest,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Refusal> {
        if vote.verdict != Verdict::Deny || vote.decision.sha256() != amendment.sha256() {
            return Err(Refusal::Mismatch);
        }
        self.admit(&vote, answer, now)?;
        self.received.insert(vote.decision);
        self.phase = Phase::Denied;
        self.denial = Some(vote);
        self.amendment = Some(amendment);
        Ok(vec![Effect::Log(EntryType::Amend), Effect::Announce])
    }

    /// Whether a vote may be taken in at all.
    fn admit(&self, vote: &Vote, answer: PolicyAnswer, now: Timestamp) -> Result<(), Refusal> {
        if !self.phase.is_open() {
            return Err(Refusal::WrongPhase);
        }
        if now >= self.terms.expires_at {
            return Err(Refusal::Expired);
        }
        let fits = vote.request_digest == self.terms.request_digest
            && vote.action_digest == self.terms.action_digest
            && vote.view_digest == self.terms.view_digest;
        if !fits {
            return Err(Refusal::Mismatch);
        }
        if self.received.contains(&vote.decision) {
            return Err(Refusal::Replayed);
        }
        if now >= vote.expires_at || vote.expires_at <= vote.decided_at {
            return Err(Refusal::DecisionExpired);
        }
        if self.terms.excluded.contains(&vote.person) {
            return Err(Refusal::Excluded);
        }
        if !answer.eligible {
            return Err(Refusal::NotEligible);
        }
        Ok(())
    }

    fn reevaluate(
        &mut self,
        standing: &BTreeSet<PersonId>,
        satisfied: bool,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Refusal> {
        if !self.phase.is_open() {
            return Err(Refusal::WrongPhase);
        }
        self.approvals
            .retain(|person, vote| standing.contains(person) && now < vote.expires_at);
        let before = self.phase;
        self.phase = if satisfied && self.has_minimum(now) {
            Phase::Approved
        } else {
            Phase::Pending
        };
        Ok(if self.phase == before {
            vec![]
        } else {
            vec![Effect::Announce]
        })
    }

    fn end_open(&mut self, phase: Phase, entry: Option<EntryType>) -> Result<Vec<Effect>, Refusal> {
        if !self.phase.is_open() {
            return Err(Refusal::WrongPhase);
        }
        self.phase = phase;
        Ok(entry
            .map(Effect::Log)
            .into_iter()
            .chain([Effect::Announce])
            .collect())
    }

    fn pass_time(&mut self, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        if !self.phase.is_open() {
            return Err(Refusal::WrongPhase);
        }
        if now >= self.terms.expires_at {
            self.phase = Phase::Expired;
            return Ok(vec![Effect::Announce]);
        }
        if self.phase == Phase::Approved && !self.has_minimum(now) {
            self.phase = Phase::Pending;
            return Ok(vec![Effect::Announce]);
        }
        Ok(vec![])
    }

    fn consume(
        &mut self,
        grant: GrantDigest,
        satisfied: bool,
        now: Timestamp,
    ) -> Result<Vec<Effect>, Refusal> {
        if self.phase != Phase::Approved {
            return Err(Refusal::WrongPhase);
        }
        if now >= self.terms.expires_at {
            return Err(Refusal::Expired);
        }
        if !satisfied || !self.has_minimum(now) {
            return Err(Refusal::NoQuorum);
        }
        self.grant = Some(grant);
        self.phase = Phase::Claimed;
        Ok(vec![Effect::Log(EntryType::Grant), Effect::Announce])
    }

    fn start(&mut self, grant: GrantDigest) -> Result<Vec<Effect>, Refusal> {
        if self.phase != Phase::Claimed {
            return Err(Refusal::WrongPhase);
        }
        self.holds(grant)?;
        self.phase = Phase::Executing;
        Ok(vec![Effect::Announce])
    }

    fn end(&mut self, grant: GrantDigest, outcome: Outcome) -> Result<Vec<Effect>, Refusal> {
        if !matches!(self.phase, Phase::Claimed | Phase::Executing) {
            return Err(Refusal::WrongPhase);
        }
        self.holds(grant)?;
        self.phase = match outcome {
            Outcome::Succeeded => Phase::Succeeded,
            Outcome::Failed => Phase::Failed,
            Outcome::Partial => Phase::Partial,
            Outcome::Unknown => Phase::Unknown,
            Outcome::Stale => Phase::Stale,
        };
        Ok(vec![Effect::Log(EntryType::Receipt), Effect::Announce])
    }

    fn holds(&self, grant: GrantDigest) -> Result<(), Refusal> {
        if self.grant == Some(grant) {
            Ok(())
        } else {
            Err(Refusal::OtherGrant)
        }
    }

    fn has_minimum(&self, now: Timestamp) -> bool {
        let standing = self
            .standing(now)
            .filter(|vote| !self.terms.excluded.contains(&vote.person))
            .count();
        standing >= usize::try_from(self.terms.minimum).unwrap_or(usize::MAX).max(1)
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
