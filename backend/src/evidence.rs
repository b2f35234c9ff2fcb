//! The evidence of a request, put together from the store under one published checkpoint.
//!
//! It vouches for nothing: whoever gets it checks it against a root of their own.

use std::collections::{BTreeMap, BTreeSet};

use countersign_protocol::amendment::{Amends, MAX_AMENDMENTS};
use countersign_protocol::api::RequestRecord;
use countersign_protocol::bundle::{AmendedRequest, Evidence, Logged, SCHEMA};
use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::identity::RequestId;
use countersign_protocol::log::{ConsistencyProof, LogSegment, LoggedLeaf};
use countersign_protocol::signed::Envelope;
use rusqlite::Connection;

use crate::log::checkpoint::{self, Checkpoint};
use crate::log::tree::Tree;
use crate::store::StoreError;
use crate::store::row::{self, Entry, Kept, Sort};

/// The most leaves from a request on that one document carries while an older checkpoint serves as well.
const MAX_SEGMENT: u64 = 20_000;

/// The record of a request, as of the checkpoint `newest`.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn record(conn: &Connection, newest: &Checkpoint, entry: &Entry) -> Result<RequestRecord, StoreError> {
    Ok(RequestRecord {
        phase: entry.state.phase(),
        change: entry.change,
        evidence: evidence(conn, newest, entry)?,
        talk: row::talk(conn, &entry.id)?,
        followed: row::followed(conn, &entry.id)?,
        reveals: row::reveals(conn, &entry.id)?,
    })
}

/// The signed request of a row of the queue.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn request_envelope(conn: &Connection, id: &RequestId) -> Result<Envelope, StoreError> {
    Ok(row::the_statement(conn, Sort::Request, id)?.envelope)
}

fn evidence(conn: &Connection, newest: &Checkpoint, entry: &Entry) -> Result<Evidence, StoreError> {
    let own = |sort| row::statements(conn, sort, &entry.id);
    let request = row::the_statement(conn, Sort::Request, &entry.id)?;
    let decisions = own(Sort::Decision)?;
    let amendment = own(Sort::Amendment)?.pop();
    let withdrawal = own(Sort::Withdrawal)?.pop();
    let grant = own(Sort::Grant)?.pop();
    let receipt = own(Sort::Receipt)?.pop();
    let statements: Vec<&Kept> = [&request]
        .into_iter()
        .chain(&decisions)
        .chain(&amendment)
        .chain(&withdrawal)
        .chain(&grant)
        .chain(&receipt)
        .collect();
    let checkpoint = checkpoint_for(conn, newest, entry, &statements)?;
    let size = checkpoint.size;
    let directories = since(conn, Sort::Directory, entry.directory.sha256(), size)?;
    let policies = since(conn, Sort::Policy, entry.policy.sha256(), size)?;
    let proposal = row::the_statement(conn, Sort::Proposal, &entry.id)?.envelope;
    let asked_after = checkpoint_in(&proposal);
    let mut seen = checkpoints_of(&decisions, grant.as_ref(), amendment.as_ref());
    seen.extend(asked_after);
    let amended = amended(conn, &proposal, size)?;
    let log = match request.index.filter(|index| *index < size) {
        Some(index) => Some(segment(
            conn,
            &checkpoint,
            asked_after.map_or(index, |seen| seen.size.min(index)),
            directories
                .iter()
                .chain(&policies)
                .chain(amended.iter().map(|amended| &amended.amendment)),
        )?),
        None => None,
    };
    let consistency = match &log {
        Some(_) => consistency(conn, &checkpoint, seen)?,
        None => vec![],
    };
    Ok(Evidence {
        schema: SCHEMA.to_owned(),
        roots: row::versions(conn, Sort::Root, 0)?
            .into_iter()
            .map(|kept| kept.envelope)
            .collect(),
        directories,
        policies,
        proposal,
        amended,
        request: request.logged(size),
        decisions: decisions.into_iter().map(|kept| kept.logged(size)).collect(),
        amendment: amendment.map(|kept| kept.logged(size)),
        withdrawal: withdrawal.map(|kept| kept.logged(size)),
        grant: grant.map(|kept| kept.logged(size)),
        receipt: receipt.map(|kept| kept.logged(size)),
        artifacts: row::artifacts(conn, &entry.id)?,
        log,
        consistency,
    })
}

/// The newest checkpoint; for a request that is long over the largest one that keeps the document at a sane size
/// and still covers every statement.
fn checkpoint_for(
    conn: &Connection,
    newest: &Checkpoint,
    entry: &Entry,
    statements: &[&Kept],
) -> Result<Checkpoint, StoreError> {
    let start = statements.iter().filter_map(|kept| kept.index).min();
    let Some(start) = start.filter(|_| entry.state.phase().is_terminal()) else {
        return Ok(newest.clone());
    };
    let limit = start.saturating_add(MAX_SEGMENT);
    let all_logged = statements
        .iter()
        .all(|kept| kept.index.is_some_and(|index| index < newest.size));
    if newest.size <= limit || !all_logged {
        return Ok(newest.clone());
    }
    let covered = statements
        .iter()
        .filter_map(|kept| kept.index)
        .max()
        .unwrap_or(start)
        + 1;
    Ok(checkpoint::within(conn, covered, limit)?.unwrap_or_else(|| newest.clone()))
}

/// The version with this digest and every newer one, as far as a checkpoint of `size` covers them. One that is not
/// logged yet is newer than everything, and is shown as such under the newest checkpoint.
fn since(
    conn: &Connection,
    sort: Sort,
    digest: &countersign_protocol::digest::Sha256Digest,
    size: u64,
) -> Result<Vec<Logged>, StoreError> {
    let first = row::statement(conn, sort, digest)?
        .ok_or_else(|| StoreError::Corrupt(format!("{} {digest} is gone", sort.word())))?;
    let all = row::versions(conn, sort, first.version)?;
    let covered = |kept: &Kept| kept.version == first.version || kept.index.is_none_or(|index| index < size);
    Ok(all
        .into_iter()
        .filter(covered)
        .map(|kept| kept.logged(size))
        .collect())
}

fn segment<'a>(
    conn: &Connection,
    checkpoint: &Checkpoint,
    start: u64,
    trust: impl Iterator<Item = &'a Logged>,
) -> Result<LogSegment, StoreError> {
    let tree = Tree(conn);
    let earlier: BTreeSet<u64> = trust
        .filter_map(|logged| logged.index)
        .filter(|index| *index < start)
        .collect();
    let mut wanted = Vec::new();
    for index in earlier {
        wanted.extend(tree.leaves(index, index + 1)?);
    }
    wanted.extend(tree.leaves(start, checkpoint.size)?);
    let mut leaves = Vec::with_capacity(wanted.len());
    for (index, bytes) in wanted {
        let leaf =
            String::from_utf8(bytes).map_err(|_| StoreError::Corrupt(format!("leaf {index} is no text")))?;
        leaves.push(LoggedLeaf {
            index,
            leaf,
            proof: tree.inclusion(checkpoint.size, index)?,
        });
    }
    Ok(LogSegment {
        checkpoint: checkpoint.note.clone(),
        leaves,
    })
}

/// What the signers and the grant say that they saw of the log. The statements were verified when they came in.
fn checkpoints_of(
    decisions: &[Kept],
    grant: Option<&Kept>,
    amendment: Option<&Kept>,
) -> BTreeSet<SeenCheckpoint> {
    let all = decisions.iter().chain(grant).chain(amendment);
    all.filter_map(|kept| checkpoint_in(&kept.envelope)).collect()
}

/// What a statement says that its signer saw of the log.
fn checkpoint_in(envelope: &Envelope) -> Option<SeenCheckpoint> {
    #[derive(serde::Deserialize)]
    struct Statement {
        predicate: Predicate,
    }
    #[derive(serde::Deserialize)]
    struct Predicate {
        checkpoint: Option<SeenCheckpoint>,
        // In an amendment.
        denial: Option<Denial>,
    }
    #[derive(serde::Deserialize)]
    struct Denial {
        checkpoint: SeenCheckpoint,
    }
    let predicate = serde_json::from_slice::<Statement>(&envelope.payload)
        .ok()?
        .predicate;
    let denied = predicate.denial.map(|denial| denial.checkpoint);
    predicate.checkpoint.or(denied)
}

/// The chain of amendments that a proposal follows from, the oldest first. They were verified when they came in.
fn amended(conn: &Connection, proposal: &Envelope, size: u64) -> Result<Vec<AmendedRequest>, StoreError> {
    #[derive(serde::Deserialize)]
    struct Statement {
        predicate: Predicate,
    }
    #[derive(serde::Deserialize)]
    struct Predicate {
        amends: Option<Amends>,
    }
    let amends = |envelope: &Envelope| -> Result<Option<Amends>, StoreError> {
        let statement: Statement = serde_json::from_slice(&envelope.payload)
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(statement.predicate.amends)
    };
    let mut chain = Vec::new();
    let mut next = amends(proposal)?;
    while let Some(step) = next.filter(|_| chain.len() < MAX_AMENDMENTS) {
        let proposal = row::the_statement(conn, Sort::Proposal, &step.request)?.envelope;
        next = amends(&proposal)?;
        chain.push(AmendedRequest {
            proposal,
            request: row::the_statement(conn, Sort::Request, &step.request)?.envelope,
            amendment: row::the_statement(conn, Sort::Amendment, &step.request)?.logged(size),
        });
    }
    chain.reverse();
    Ok(chain)
}

fn consistency(
    conn: &Connection,
    checkpoint: &Checkpoint,
    seen: BTreeSet<SeenCheckpoint>,
) -> Result<Vec<ConsistencyProof>, StoreError> {
    let tree = Tree(conn);
    let mut proofs = BTreeMap::new();
    for from in seen {
        if from.size <= checkpoint.size {
            proofs.insert(from, tree.consistency(from.size, checkpoint.size)?);
        }
    }
    Ok(proofs
        .into_iter()
        .map(|(from, proof)| ConsistencyProof { from, proof })
        .collect())
}
