//! A person decides.

use countersign_protocol::api::EnvelopeBody;
use countersign_protocol::decision::{Decision, SeenCheckpoint};
use countersign_protocol::digest::{DecisionDigest, KeyId};
use countersign_protocol::directory::{DirectoryKey, KeyHolder};
use countersign_protocol::identity::{RequestId, Role};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::{Event, PolicyAnswer, Vote};
use countersign_protocol::signed::Signed;
use rusqlite::Connection;

use super::case::Case;
use super::{Caller, Engine, moment};
use crate::log::tree::Tree;
use crate::problem::Refused;
use crate::store::pending::Pending;
use crate::store::row::{self, Sort};
use crate::store::{Published, StoreError};
use crate::trust::Trust;

impl Engine {
    /// Takes a decision in. The same decision again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says why it does not count.
    pub async fn decide(&self, caller: Caller, id: RequestId, body: EnvelopeBody) -> Result<(), Refused> {
        let engine = self.clone();
        self.store()
            .write(move |conn| engine.decide_here(conn, &caller, &id, body))
            .await
    }

    fn decide_here(
        &self,
        conn: &Pending<'_>,
        caller: &Caller,
        id: &RequestId,
        body: EnvelopeBody,
    ) -> Result<(), Refused> {
        let now = moment(conn)?;
        let trust = self.current_trust(now)?;
        // Any person may hand in what another one signed: decisions made without a network travel that way. Whose
        // decision it is, its signature says.
        let Caller::Person { .. } = caller else {
            return Err(Refused::not_allowed("only people decide"));
        };
        let decision = Signed::<Decision>::from(body.envelope)
            .verify(trust.directory.as_ref())
            .map_err(|error| Refused::invalid(error.to_string()))?;
        let signer = decision
            .signer()
            .ok_or_else(|| Refused::invalid("the decision has no signer"))?;
        let key = key_of(&trust, &signer, now)?;
        if key.holder != KeyHolder::Person(decision.reviewer.clone()) {
            return Err(Refused::not_allowed(
                "the decision names another person than the one who signed it",
            ));
        }
        if decision.request != *id {
            return Err(Refused::invalid(
                "the decision is about another request than this one",
            ));
        }
        let mut case = Case::open(conn, &trust, id, None)?;
        let kept = row::statement(conn, Sort::Decision, decision.digest())?;
        if kept.is_some() {
            return Ok(());
        }
        case.pass_time(conn, now)?;
        check_time(&case, &decision, now)?;
        check_seen(conn, &self.store().published(), decision.checkpoint)?;
        let vote = vote(&decision, decision.decision_digest(), signer, key);
        let votes = case.entry.state.standing_with(&vote, now);
        let answer = PolicyAnswer {
            eligible: case.is_eligible(&vote, Some(&decision), now),
            satisfied: case.is_satisfied(&votes, Some(&decision), now),
        };
        let event = Event::Decided {
            vote: Box::new(vote),
            answer,
        };
        case.apply(conn, event, Some((Sort::Decision, decision.envelope())), now)
    }
}

pub(super) fn key_of<'a>(
    trust: &'a Trust,
    signer: &KeyId,
    now: Timestamp,
) -> Result<&'a DirectoryKey, Refused> {
    trust
        .directory
        .key_at(signer, Role::Reviewer, now)
        .map_err(|error| Refused::not_allowed(error.to_string()))
}

/// A decision states a time between the asking and now, and lasts no longer than policy lets approvals last.
pub(super) fn check_time(case: &Case, decision: &Decision, now: Timestamp) -> Result<(), Refused> {
    let limits = case.trust.policy.bundle.limits;
    let (from, until) = (
        case.request.created_at.before(limits.skew()),
        now.after(limits.skew()),
    );
    if decision.decided_at < from || decision.decided_at > until {
        return Err(Refused::invalid(format!(
            "the decision states {}, which is not between {from} and {until}; check this machine's clock",
            decision.decided_at
        )));
    }
    let longest = decision.decided_at.after(limits.decision_life(decision.offline));
    if decision.expires_at > longest {
        return Err(Refused::invalid(format!(
            "the decision lasts until {}, policy allows {longest}",
            decision.expires_at
        )));
    }
    Ok(())
}

/// The log that the signer saw must be a beginning of this one.
pub(super) fn check_seen(
    conn: &Connection,
    published: &Published,
    seen: SeenCheckpoint,
) -> Result<(), Refused> {
    let tree = Tree(conn);
    let known = seen.size <= published.checkpoint.size
        && tree.root(seen.size).map_err(StoreError::from)? == seen.root_hash;
    if known {
        return Ok(());
    }
    tracing::error!(size = seen.size, "a signer saw another log than this one");
    Err(Refused::conflict(
        "log-fork",
        "the signer saw another log than this one; keep both and tell the owners",
    ))
}

pub(super) fn vote(decision: &Decision, digest: DecisionDigest, signer: KeyId, key: &DirectoryKey) -> Vote {
    Vote {
        person: decision.reviewer.clone(),
        key: signer,
        decision: digest,
        verdict: decision.verdict,
        request_digest: decision.request_digest,
        action_digest: decision.action_digest,
        view_digest: decision.view_digest,
        assurance: key.assurance,
        presence: decision.counted_presence(key),
        decided_at: decision.decided_at,
        expires_at: decision.expires_at,
    }
}
