//! One request with everything that is needed to move it on.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_policy::{Answer, Approval, Credential, Operation};
use countersign_protocol::approval::{ApprovalRequest, People};
use countersign_protocol::decision::{Decision, Shown, Verdict};
use countersign_protocol::digest::DecisionDigest;
use countersign_protocol::directory::{KeyHolder, TrustedDirectory};
use countersign_protocol::identity::{GuardId, KeyAssurance, PersonId, Presence, RequestId, Role};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::request::{Effect, Event, Vote};
use countersign_protocol::signed::{Envelope, Signed, Verified};
use rusqlite::Connection;

use super::{Caller, refused};
use crate::problem::Refused;
use crate::store::StoreError;
use crate::store::pending::Pending;
use crate::store::row::{self, Entry, Filing, Kept, Sort};
use crate::trust::{Policy, Trust};

/// A key and presence that no policy could ask more of: saying no is cheap.
const STRONGEST: Credential = Credential {
    assurance: KeyAssurance::HardwareAttested,
    presence: Presence::Touch,
    shown: Shown::Whole,
    offline: false,
};

/// One request with everything that is needed to move it on.
pub(super) struct Case {
    pub entry: Entry,
    pub proposal: Verified<Proposal>,
    pub request: Verified<ApprovalRequest>,
    pub request_index: Option<u64>,
    pub decisions: Vec<Taken>,
    pub operation: Operation,
    pub trust: Arc<Trust>,
    is_of_today: bool,
    seen: (Arc<TrustedDirectory>, Arc<Policy>),
}

/// A decision that was taken in.
pub(super) struct Taken {
    pub decision: Decision,
    pub digest: DecisionDigest,
    pub index: Option<u64>,
}

impl Case {
    /// Opens the request with this id. Guards are shown no other's requests, not even that they exist.
    pub(super) fn open(
        conn: &Connection,
        trust: &Arc<Trust>,
        id: &RequestId,
        guard: Option<&GuardId>,
    ) -> Result<Self, Refused> {
        let entry = row::request(conn, id)?.filter(|entry| guard.is_none_or(|guard| entry.guard == *guard));
        let Some(entry) = entry else {
            return Err(Refused::not_found(format!(
                "there is no request `{id}` that is yours to see"
            )));
        };
        Self::of(conn, trust, entry)
    }

    pub(super) fn of(conn: &Connection, trust: &Arc<Trust>, entry: Entry) -> Result<Self, Refused> {
        let id = entry.id;
        let corrupt = |what: &str| StoreError::Corrupt(format!("request {id}: {what}"));
        let directory = trust
            .directory_named(&entry.directory)
            .ok_or_else(|| corrupt("its directory is gone"))?;
        let policy = trust
            .policy_named(&entry.policy)
            .ok_or_else(|| corrupt("its policy is gone"))?;
        let proposal = Signed::<Proposal>::from(row::the_statement(conn, Sort::Proposal, &id)?.envelope)
            .verify(directory.as_ref())
            .map_err(|error| corrupt(&error.to_string()))?;
        let kept = row::the_statement(conn, Sort::Request, &id)?;
        let of_today = Signed::<ApprovalRequest>::from(kept.envelope.clone()).verify(&trust.root);
        let is_of_today = of_today.is_ok();
        // What was granted under an earlier key is still accounted for.
        let request = of_today
            .or_else(|_| trust.verify_own(&kept.envelope))
            .map_err(|error| Refused::conflict("stale", format!("the request no longer holds: {error}")))?;
        let judged = entry.judged.clone();
        let operation = Operation::of(&proposal, directory, judged.findings, judged.severity)
            .map_err(|error| corrupt(&error.to_string()))?;
        let decisions = row::statements(conn, Sort::Decision, &id)?
            .iter()
            .map(taken)
            .collect::<Result<_, StoreError>>()?;
        Ok(Self {
            seen: (Arc::clone(directory), Arc::clone(policy)),
            request_index: kept.index,
            is_of_today,
            trust: Arc::clone(trust),
            entry,
            proposal,
            request,
            decisions,
            operation,
        })
    }

    /// Lets `event` happen, and keeps the state with the statement that tells of it.
    pub(super) fn apply(
        &mut self,
        conn: &Pending<'_>,
        event: Event,
        statement: Option<(Sort, &Envelope)>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let (state, effects) = self.entry.state.apply(event, now).map_err(refused)?;
        if let Some((sort, envelope)) = statement {
            let entry = effects.iter().find_map(|effect| match effect {
                Effect::Log(entry) => Some(*entry),
                Effect::Announce => None,
            });
            let filing = Filing {
                sort,
                request: Some(&self.entry.id),
                version: None,
                envelope,
                entry,
            };
            row::file(conn, &filing, now)?;
        }
        if state != self.entry.state {
            let (id, phase) = (self.entry.id, state.phase());
            row::update_request(conn, &mut self.entry, state, now)?;
            conn.once_durable(
                move || tracing::info!(request = %id, phase = phase.word(), "request moved on"),
            );
        }
        Ok(())
    }

    /// Lets time pass, so that nothing is decided on what has run out.
    pub(super) fn pass_time(&mut self, conn: &Pending<'_>, now: Timestamp) -> Result<(), Refused> {
        if !self.entry.state.phase().is_open() {
            return Ok(());
        }
        self.apply(conn, Event::TimePassed, None, now)
    }

    /// Whether policy lets this human decide: under what the request was made under, and what is current.
    pub(super) fn is_eligible(&self, vote: &Vote, fresh: Option<&Decision>, now: Timestamp) -> bool {
        let with = match vote.verdict {
            Verdict::Approve => self.credential(vote, fresh),
            Verdict::Deny => STRONGEST,
        };
        self.both().into_iter().all(|(directory, policy)| {
            let answer = policy
                .set
                .approve(&self.operation, directory, &vote.person, &with, now);
            matches!(answer, Answer::Permit { .. })
        })
    }

    /// Whether policy lets it run with these votes: under what the request was made under, and what is current.
    pub(super) fn is_satisfied(&self, votes: &[Vote], fresh: Option<&Decision>, now: Timestamp) -> bool {
        let approvals: Vec<Approval> = votes.iter().map(|vote| self.approval(vote, fresh)).collect();
        self.both().into_iter().all(|(directory, policy)| {
            matches!(
                policy.set.execute(&self.operation, directory, &approvals, now),
                Answer::Permit { .. }
            )
        })
    }

    /// The votes that stand now: by keys that still count, by people who may still decide.
    pub(super) fn standing(&self, now: Timestamp) -> Vec<Vote> {
        let people = People::of(&self.proposal, &self.trust.directory);
        let stands = |vote: &&Vote| {
            let key = self.trust.directory.key_at(&vote.key, Role::Reviewer, now);
            key.is_ok_and(|key| key.holder == KeyHolder::Person(vote.person.clone()))
                && !people.excluded.contains(&vote.person)
                && self.is_eligible(vote, None, now)
        };
        self.entry.state.standing(now).filter(stands).cloned().collect()
    }

    /// Asks about every approval again, and keeps what the answers make of the request.
    pub(super) fn reevaluate(&mut self, conn: &Pending<'_>, now: Timestamp) -> Result<Vec<Vote>, Refused> {
        let votes = self.standing(now);
        let standing: BTreeSet<PersonId> = votes.iter().map(|vote| vote.person.clone()).collect();
        let satisfied = self.is_satisfied(&votes, None, now);
        self.apply(conn, Event::Reevaluated { standing, satisfied }, None, now)?;
        Ok(votes)
    }

    /// Whether what the request rests on has moved away: the backend's key that signed it, its agent, guard, key or
    /// environment, or that it may be asked at all.
    pub(super) fn has_moved(&self, now: Timestamp) -> bool {
        if !self.is_of_today {
            return true;
        }
        let directory = &self.trust.directory;
        let guard = directory.key_at(&self.request.guard_key, Role::Guard, now);
        let judged = self.entry.judged.clone();
        let operation = Operation::of(&self.proposal, directory, judged.findings, judged.severity);
        let Ok(operation) = operation else { return true };
        guard.is_err()
            || operation.personal != self.request.personal
            || !matches!(
                self.trust.policy.set.propose(&operation, directory, now),
                Answer::Permit { .. }
            )
    }

    /// Refuses whoever is not the guard, and its key, that proposed.
    pub(super) fn check_guard(&self, caller: &Caller) -> Result<(), Refused> {
        let ours = matches!(caller, Caller::Guard { guard, key }
            if *guard == self.request.guard && *key == self.request.guard_key);
        if ours {
            Ok(())
        } else {
            Err(Refused::not_allowed(
                "only the guard that proposed it, by the key that signed the proposal, may do this",
            ))
        }
    }

    fn approval(&self, vote: &Vote, fresh: Option<&Decision>) -> Approval {
        Approval {
            person: vote.person.clone(),
            credential: self.credential(vote, fresh),
            decided_at: vote.decided_at,
        }
    }

    /// How a vote was given. What is not known to have been on a screen counts as scripted.
    fn credential(&self, vote: &Vote, fresh: Option<&Decision>) -> Credential {
        let taken = self.decisions.iter().find(|taken| taken.digest == vote.decision);
        let decision = taken.map(|taken| &taken.decision).or(fresh);
        Credential {
            assurance: vote.assurance,
            presence: vote.presence,
            shown: decision.map_or(Shown::Nothing, |decision| {
                decision.attention.of_sheet(self.entry.judged.sheet_lines)
            }),
            offline: decision.is_some_and(|decision| decision.offline),
        }
    }

    fn both(&self) -> [(&TrustedDirectory, &Policy); 2] {
        [
            (self.seen.0.as_ref(), self.seen.1.as_ref()),
            (self.trust.directory.as_ref(), self.trust.policy.as_ref()),
        ]
    }
}

/// Reads a decision that was verified when it came in. Its bytes are the store's own since then.
fn taken(kept: &Kept) -> Result<Taken, StoreError> {
    #[derive(serde::Deserialize)]
    struct Statement {
        predicate: Decision,
    }
    let statement: Statement = serde_json::from_slice(&kept.envelope.payload)
        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Taken {
        decision: statement.predicate,
        digest: DecisionDigest::new(kept.envelope.payload_digest()),
        index: kept.index,
    })
}
