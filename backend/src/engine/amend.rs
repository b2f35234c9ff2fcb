//! A person answers with a counter-proposal; and what a proposal that follows from one has to prove.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::amendment::{Amended, Amendment, MAX_AMENDMENTS, check_lineage};
use countersign_protocol::api::AmendBody;
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::{ArtifactDigest, DecisionDigest};
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::request::{Event, PolicyAnswer};
use countersign_protocol::signed::{Signed, Verified};
use rusqlite::Connection;

use super::case::Case;
use super::decide::{check_seen, check_time, key_of, vote};
use super::{Caller, Engine, moment};
use crate::problem::Refused;
use crate::store::StoreError;
use crate::store::pending::Pending;
use crate::store::row::{self, Sort};
use crate::trust::Trust;

/// How long after a counter-proposal ran out its content is not taken as the agent's own idea.
const HOLD_AFTER_AMENDMENT: Duration = Duration::from_secs(24 * 3600);

/// An amendment with the artifacts that came along, digested.
struct Brought {
    amendment: Signed<Amendment>,
    artifacts: BTreeMap<ArtifactDigest, Artifact>,
}

impl Engine {
    /// Takes an amendment in. The same amendment again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says why it does not count.
    pub async fn amend(&self, caller: Caller, id: RequestId, body: AmendBody) -> Result<(), Refused> {
        let brought = tokio::task::spawn_blocking(move || Brought {
            amendment: Signed::from(body.amendment),
            artifacts: body
                .artifacts
                .into_iter()
                .map(|artifact| (ArtifactDigest::of(&artifact.0), artifact))
                .collect(),
        })
        .await
        .map_err(|_| Refused::unavailable("reading the amendment failed"))?;
        let engine = self.clone();
        self.store()
            .write(move |conn| engine.amend_here(conn, &caller, &id, &brought))
            .await
    }

    fn amend_here(
        &self,
        conn: &Pending<'_>,
        caller: &Caller,
        id: &RequestId,
        brought: &Brought,
    ) -> Result<(), Refused> {
        let now = moment(conn)?;
        let trust = self.current_trust(now)?;
        let Caller::Person { person, .. } = caller else {
            return Err(Refused::not_allowed("only people amend"));
        };
        let amendment = brought
            .amendment
            .verify(trust.directory.as_ref())
            .map_err(|error| Refused::invalid(error.to_string()))?;
        let signer = amendment
            .signer()
            .ok_or_else(|| Refused::invalid("the amendment has no signer"))?;
        let key = key_of(&trust, &signer, now)?;
        if key.holder != KeyHolder::Person(person.clone()) || amendment.denial.reviewer != *person {
            return Err(Refused::not_allowed(
                "the amendment is another person's than the one who sends it",
            ));
        }
        let mut case = Case::open(conn, &trust, id, None)?;
        if row::statement(conn, Sort::Amendment, amendment.digest())?.is_some() {
            return Ok(());
        }
        case.pass_time(conn, now)?;
        let amended = Amended::new(
            case.proposal.clone(),
            case.request.clone(),
            amendment,
            &trust.directory,
        )
        .map_err(|error| Refused::invalid(error.to_string()))?;
        let (amendment, denial) = (amended.amendment(), &amended.amendment().denial);
        check_artifacts(&amended, &brought.artifacts, &trust.policy.bundle.limits)?;
        check_time(&case, denial, now)?;
        check_seen(conn, &self.store().published(), denial.checkpoint)?;
        let digest = amendment.amendment_digest();
        let vote = vote(denial, DecisionDigest::new(*digest.sha256()), signer, key);
        let answer = PolicyAnswer {
            eligible: case.is_eligible(&vote, Some(denial), now),
            satisfied: false,
        };
        let event = Event::Amended {
            vote: Box::new(vote),
            answer,
            amendment: digest,
        };
        let action = amendment
            .action
            .digest()
            .map_err(|error| Refused::invalid(error.to_string()))?;
        case.apply(conn, event, Some((Sort::Amendment, amendment.envelope())), now)?;
        row::insert_artifacts(conn, id, &brought.artifacts)?;
        row::insert_amendment(conn, &digest, id, &action, amendment.until)?;
        Ok(())
    }

    /// The chain of amendments that a proposal follows from, each step verified and leading to the next.
    pub(super) fn check_amends(
        conn: &Connection,
        trust: &Arc<Trust>,
        proposal: &Verified<Proposal>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let Some(amends) = &proposal.amends else {
            return check_own_idea(conn, proposal, now);
        };
        let known = row::amendment(conn, &amends.amendment)?
            .ok_or_else(|| Refused::invalid("the proposal names an amendment that is not known here"))?;
        if known
            .accepted
            .is_some_and(|accepted| accepted != proposal.request_id())
        {
            return Err(Refused::conflict(
                "amendment-used",
                "the counter-proposal was accepted before; each can be asked for once",
            ));
        }
        let mut chain = Vec::new();
        let mut next = Some(amends.clone());
        while let Some(amends) = next {
            if chain.len() >= MAX_AMENDMENTS {
                return Err(Refused::invalid(format!(
                    "more than {MAX_AMENDMENTS} amendments lead to this proposal; start afresh"
                )));
            }
            let step = step(conn, trust, &amends.request)?;
            next = step.proposal().amends.clone();
            chain.push(step);
        }
        chain.reverse();
        check_lineage(proposal, &chain).map_err(|error| Refused::invalid(error.to_string()))
    }
}

/// Refuses to take a reviewer's counter-proposal for the agent's own idea: its author could then approve it.
fn check_own_idea(conn: &Connection, proposal: &Proposal, now: Timestamp) -> Result<(), Refused> {
    let since = now.before(HOLD_AFTER_AMENDMENT);
    match row::counter_proposed(conn, &proposal.action_digest, since)? {
        Some(request) => Err(Refused::conflict(
            "counter-proposed",
            format!(
                "a reviewer wrote exactly this as a counter-proposal to {request}; ask for it by `countersign-guard accept {request}`"
            ),
        )),
        None => Ok(()),
    }
}

/// One amended request of the store, verified again.
fn step(conn: &Connection, trust: &Arc<Trust>, id: &RequestId) -> Result<Amended, Refused> {
    let refused = |error: &dyn std::fmt::Display| {
        Refused::conflict("stale", format!("amended request {id} no longer holds: {error}"))
    };
    let directory = trust.directory.as_ref();
    let proposal = Signed::<Proposal>::from(row::the_statement(conn, Sort::Proposal, id)?.envelope)
        .verify(directory)
        .map_err(|error| refused(&error))?;
    let request = Signed::<ApprovalRequest>::from(row::the_statement(conn, Sort::Request, id)?.envelope)
        .verify(&trust.root)
        .map_err(|error| refused(&error))?;
    let amendment = row::statements(conn, Sort::Amendment, id)?
        .pop()
        .ok_or_else(|| StoreError::Corrupt(format!("request {id} has no amendment")))?;
    let amendment = Signed::<Amendment>::from(amendment.envelope)
        .verify(directory)
        .map_err(|error| refused(&error))?;
    Amended::new(proposal, request, amendment, directory).map_err(|error| refused(&error))
}

/// Takes exactly the artifacts that the amended action names and the one that was asked does not.
fn check_artifacts(
    amended: &Amended,
    brought: &BTreeMap<ArtifactDigest, Artifact>,
    limits: &Limits,
) -> Result<(), Refused> {
    let held = amended.proposal().action.artifacts();
    let wanted = amended.amendment().action.artifacts();
    let total: u64 = wanted.iter().map(|named| named.length).sum();
    if total > u64::from(limits.reviewable_bytes) {
        return Err(Refused::invalid(
            "the amended action holds more bytes than policy lets a reviewer be asked to read",
        ));
    }
    let new = wanted.iter().filter(|named| !held.contains(named));
    for named in new.clone() {
        if !brought
            .get(&named.digest)
            .is_some_and(|artifact| named.names(&artifact.0))
        {
            return Err(Refused::invalid(format!(
                "artifact `{}` is missing or of another length",
                named.digest
            )));
        }
    }
    match brought
        .keys()
        .find(|digest| !new.clone().any(|named| named.digest == **digest))
    {
        Some(extra) => Err(Refused::invalid(format!(
            "artifact `{extra}` is not a new one of the amended action"
        ))),
        None => Ok(()),
    }
}
