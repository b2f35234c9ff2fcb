//! The state of a target that was approved last: kept when a receipt says that it came to be, looked up when the
//! same target is to be changed again.
//!
//! It is found by guard and target alone. What a target holds does not depend on what kind of change an agent calls
//! it, so no other word leads away from its history.

use std::collections::BTreeMap;

use countersign_protocol::action::Payload;
use countersign_protocol::approval::LastApproved;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::receipt::{ExecutionReceipt, Outcome};
use countersign_protocol::text::Line;
use rusqlite::Connection;

use super::case::Case;
use crate::problem::Refused;
use crate::store::StoreError;
use crate::store::row::{self, Approved};

/// Keeps what a receipt says of a target. Only a success does: what else may have come of it was not approved.
pub(super) fn remember(conn: &Connection, case: &Case, receipt: &ExecutionReceipt) -> Result<(), StoreError> {
    let action = &case.proposal.action;
    let Payload::FileChange(change) = &action.payload else {
        return Ok(());
    };
    if receipt.outcome != Outcome::Succeeded {
        return Ok(());
    }
    let approved = Approved {
        request: case.entry.id,
        artifact: change.after,
        ended: receipt.ended_at,
    };
    row::put_approved(conn, &case.proposal.guard, action.target.raw(), &approved)
}

/// Whether another state was approved since this one was looked up.
pub(super) fn has_moved(
    conn: &Connection,
    proposal: &Proposal,
    seen: Option<&LastApproved>,
) -> Result<bool, StoreError> {
    let Some(seen) = seen else { return Ok(false) };
    let newest = row::approved(conn, &proposal.guard, proposal.action.target.raw())?;
    Ok(newest.map(|approved| approved.request) != seen.request().copied())
}

/// Looks up what was approved last, with its bytes; nothing for an action on no document.
pub(super) fn look_up(
    conn: &Connection,
    proposal: &Proposal,
    artifacts: &mut BTreeMap<ArtifactDigest, Artifact>,
    limits: &Limits,
) -> Result<Option<LastApproved>, Refused> {
    if !matches!(proposal.action.payload, Payload::FileChange(_)) {
        return Ok(None);
    }
    let found = row::approved(conn, &proposal.guard, proposal.action.target.raw())?;
    let Some(Approved {
        request,
        artifact,
        ended: ended_at,
    }) = found
    else {
        return Ok(Some(LastApproved::Never {}));
    };
    let Some(artifact) = artifact else {
        return Ok(Some(LastApproved::Removed { request, ended_at }));
    };
    let given: usize = artifacts.values().map(|artifact| artifact.0.len()).sum();
    let limit = usize::try_from(limits.reviewable_bytes).unwrap_or(usize::MAX);
    let why = match row::artifact(conn, &artifact.digest)? {
        None => "its bytes are no longer kept",
        Some(bytes) if !artifact.names(&bytes) => "the bytes that are kept are not those that were approved",
        Some(bytes) if given.saturating_add(bytes.len()) > limit => {
            "with it there would be more to review than policy allows"
        }
        Some(bytes) => {
            artifacts.insert(artifact.digest, Artifact(bytes));
            return Ok(Some(LastApproved::Document {
                request,
                ended_at,
                artifact,
            }));
        }
    };
    let why = Line::new(why).map_err(|error| Refused::invalid(error.to_string()))?;
    Ok(Some(LastApproved::Unread {
        request,
        ended_at,
        why,
    }))
}
