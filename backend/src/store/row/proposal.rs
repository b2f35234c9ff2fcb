//! What belongs to a proposal beside its request: artifacts, and answers that needed no human.

use std::collections::BTreeMap;

use countersign_protocol::api::ChangeSubject;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::identity::{AgentId, GuardId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{announce, parsed};
use crate::log::tree::int;
use crate::store::StoreError;

/// Keeps a request's artifacts.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn insert_artifacts(
    conn: &Connection,
    request: &RequestId,
    artifacts: &BTreeMap<ArtifactDigest, Artifact>,
) -> Result<(), StoreError> {
    for (digest, artifact) in artifacts {
        conn.prepare_cached("INSERT OR IGNORE INTO artifacts (digest, bytes) VALUES (?1, ?2)")?
            .execute(params![digest.to_string(), artifact.0])?;
        conn.prepare_cached("INSERT OR IGNORE INTO request_artifacts (request, digest) VALUES (?1, ?2)")?
            .execute(params![request.to_string(), digest.to_string()])?;
    }
    Ok(())
}

/// A request's artifacts.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn artifacts(
    conn: &Connection,
    request: &RequestId,
) -> Result<BTreeMap<ArtifactDigest, Artifact>, StoreError> {
    let mut rows = conn.prepare_cached(
        "SELECT a.digest, a.bytes FROM request_artifacts r JOIN artifacts a ON a.digest = r.digest WHERE r.request = ?1",
    )?;
    let mut found = rows.query([request.to_string()])?;
    let mut all = BTreeMap::new();
    while let Some(row) = found.next()? {
        all.insert(parsed(row, 0)?, Artifact(row.get(1)?));
    }
    Ok(all)
}

/// A verdict that needed no human.
#[derive(Debug)]
pub struct NewVerdict<'a> {
    /// The id that its request would have had.
    pub id: RequestId,
    /// `permitted` or `forbidden`.
    pub phase: Phase,
    /// The guard that asked.
    pub guard: &'a GuardId,
    /// The agent that asked.
    pub agent: &'a AgentId,
    /// The policies that gave it.
    pub policies: &'a str,
}

/// Keeps a verdict that needed no human.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn insert_verdict(conn: &Connection, new: &NewVerdict<'_>, now: Timestamp) -> Result<(), StoreError> {
    announce(
        conn,
        Some(new.guard),
        &ChangeSubject::Request {
            id: new.id,
            phase: new.phase,
        },
        now,
    )?;
    conn.prepare_cached(
        "INSERT INTO verdicts (id, phase, guard, agent, policies, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        new.id.to_string(),
        new.phase.word(),
        new.guard.as_str(),
        new.agent.as_str(),
        new.policies,
        int(now.millis()),
    ])?;
    Ok(())
}

/// A verdict that needed no human: its phase and policies.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn verdict(conn: &Connection, id: &RequestId) -> Result<Option<(String, String)>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT phase, policies FROM verdicts WHERE id = ?1")?;
    Ok(rows
        .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}
