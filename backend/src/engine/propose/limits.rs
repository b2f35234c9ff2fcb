//! How much may be asked of people: the size of what is to be read, and how often.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::proposal::Proposal;
use rusqlite::Connection;

use crate::problem::Refused;
use crate::store::row;

/// How long an identical action is held back after a denial.
const HOLD_AFTER_DENIAL: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);

/// Takes exactly the artifacts that the action names.
pub(super) fn collect(
    proposal: &Proposal,
    given: Vec<Artifact>,
    limits: &Limits,
) -> Result<BTreeMap<ArtifactDigest, Artifact>, Refused> {
    let total: usize = given.iter().map(|artifact| artifact.0.len()).sum();
    let limit = usize::try_from(limits.reviewable_bytes).unwrap_or(usize::MAX);
    if total > limit {
        return Err(too_large(format!(
            "{total} bytes of artifacts are more than the {limit} that policy lets a reviewer be asked to read; split the change"
        )));
    }
    let mut left: BTreeMap<ArtifactDigest, Artifact> = given
        .into_iter()
        .map(|artifact| (ArtifactDigest::of(&artifact.0), artifact))
        .collect();
    let mut artifacts = BTreeMap::new();
    for named in proposal.action.artifacts() {
        if artifacts.contains_key(&named.digest) {
            continue;
        }
        match left.remove(&named.digest) {
            Some(artifact) if named.names(&artifact.0) => artifacts.insert(named.digest, artifact),
            Some(_) | None => {
                return Err(Refused::invalid(format!(
                    "artifact `{}` is missing or of another length",
                    named.digest
                )));
            }
        };
    }
    match left.keys().next() {
        Some(extra) => Err(Refused::invalid(format!(
            "artifact `{extra}` is not named by the action"
        ))),
        None => Ok(artifacts),
    }
}

/// Limits act before anyone is told.
pub(super) fn check(
    conn: &Connection,
    proposal: &Proposal,
    limits: &Limits,
    now: Timestamp,
) -> Result<(), Refused> {
    // Who accepts a counter-proposal was just denied: that is the point of it.
    let denied = match proposal.amends {
        Some(_) => None,
        None => row::denied_at(conn, &proposal.action_digest)?,
    };
    if let Some(denied) = denied {
        let until = denied.after(HOLD_AFTER_DENIAL);
        if now < until {
            return Err(busy(
                "denied-recently",
                "the same action was denied a short while ago",
                until.since(now),
            ));
        }
    }
    let asked = row::asked(conn, &proposal.agent, now.before(HOUR))?;
    if asked.open >= u64::from(limits.open_per_agent) {
        return Err(busy(
            "too-many-open",
            "the agent has as many open requests as policy allows",
            Duration::from_secs(30),
        ));
    }
    if asked.recent >= u64::from(limits.proposals_per_hour) {
        let wait = asked.oldest.map_or(HOUR, |oldest| oldest.after(HOUR).since(now));
        return Err(busy(
            "too-many-proposals",
            "the agent proposed as often in this hour as policy allows",
            wait,
        ));
    }
    Ok(())
}

pub(super) fn too_large(detail: String) -> Refused {
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "not-reviewable",
        "too much to review",
        detail,
    )
}

fn busy(code: &str, title: &str, wait: Duration) -> Refused {
    let seconds = wait.as_secs().saturating_add(1);
    Refused::new(
        StatusCode::TOO_MANY_REQUESTS,
        code,
        title,
        format!("try again in {seconds} seconds"),
    )
    .retry_after(seconds)
}
