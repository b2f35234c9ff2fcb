//! Amendments: those that led to this request, and the one that answers it.

use countersign_protocol::amendment::{Amended, Amendment, MAX_AMENDMENTS, check_lineage};
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::digest::DecisionDigest;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::request::{Event, PolicyAnswer};
use countersign_protocol::signed::Verified;

use super::decisions::{Cast, Given, Policies, STRONGEST};
use super::record::Record;
use super::request::Asked;
use super::trust::Trust;
use super::{CheckedAmendment, Problem};

fn invalid(error: impl std::fmt::Display) -> Problem {
    Problem::new("invalid-amendment", error)
}

/// The chain of amendments that `proposal` follows from: complete, and each step leading to the next.
pub(super) fn lineage(
    evidence: &Evidence,
    trust: &Trust,
    proposal: &Verified<Proposal>,
) -> Result<Vec<Amended>, Problem> {
    if evidence.amended.len() > MAX_AMENDMENTS {
        return Err(invalid(format!(
            "evidence holds more than {MAX_AMENDMENTS} amended requests"
        )));
    }
    let directory = &trust.directories.of_request;
    let mut steps = Vec::new();
    for shown in &evidence.amended {
        let asked = shown.proposal.verify::<Proposal>(directory).map_err(invalid)?;
        asked.check().map_err(invalid)?;
        let request = trust.verify::<ApprovalRequest>(&shown.request).map_err(invalid)?;
        let amendment = shown
            .amendment
            .envelope
            .verify::<Amendment>(directory)
            .map_err(invalid)?;
        steps.push(Amended::new(asked, request, amendment, directory).map_err(invalid)?);
    }
    check_lineage(proposal, &steps).map_err(invalid)?;
    Ok(steps)
}

/// The amendment that answers this request, tied to it.
pub(super) fn answer(
    evidence: &Evidence,
    trust: &Trust,
    proposal: &Verified<Proposal>,
    request: &Verified<ApprovalRequest>,
) -> Result<Option<Verified<Amendment>>, Problem> {
    let Some(logged) = &evidence.amendment else {
        return Ok(None);
    };
    let directory = trust.directories.newest();
    let amendment = logged.envelope.verify::<Amendment>(directory).map_err(invalid)?;
    let tied = Amended::new(proposal.clone(), request.clone(), amendment, directory).map_err(invalid)?;
    let artifacts = tied.amendment().action.artifacts();
    let missing = artifacts.iter().find(|named| {
        evidence
            .artifacts
            .get(&named.digest)
            .is_none_or(|held| !named.names(&held.0))
    });
    match missing {
        Some(named) => Err(invalid(format!(
            "artifact `{}` of the amended action is missing",
            named.digest
        ))),
        None => Ok(Some(tied.amendment().clone())),
    }
}

/// Puts the amendment through the state machine, after every decision: it ends the request.
pub(super) fn replay(
    evidence: &Evidence,
    trust: &Trust,
    asked: &Asked,
    record: &Record,
    cast: &mut Cast,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) -> Option<CheckedAmendment> {
    let (logged, amendment) = (evidence.amendment.as_ref()?, asked.amendment.clone()?);
    let logged_at = record.logged_at(logged);
    let given = Given {
        decision: &amendment.denial,
        digest: DecisionDigest::new(*amendment.amendment_digest().sha256()),
        signer: amendment.signer(),
        logged_at,
        logged_index: logged.index.filter(|_| logged_at.is_some()),
    };
    let (vote, void) = match given.check(evidence, trust, asked, record, now) {
        Ok(checked) => checked,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let mut checked = CheckedAmendment {
        vote,
        logged_at,
        logged_index: logged.index.filter(|_| logged_at.is_some()),
        void,
        amendment,
    };
    if checked.void.is_none() {
        let at = logged_at.unwrap_or(now);
        let answer = PolicyAnswer {
            eligible: Policies::at(trust, asked, logged.index, at).let_decide(&checked.vote, STRONGEST),
            satisfied: false,
        };
        let event = Event::Amended {
            vote: Box::new(checked.vote.clone()),
            answer,
            amendment: checked.amendment.amendment_digest(),
        };
        match cast.state.apply(event, at) {
            Ok((state, _)) => cast.state = state,
            Err(refusal) => checked.void = Some(refusal.to_string()),
        }
    }
    Some(checked)
}
