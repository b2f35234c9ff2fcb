//! What each target was last approved to hold, and came to hold.

use countersign_protocol::action::ArtifactRef;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::identity::{GuardId, RequestId};
use countersign_protocol::moment::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::parsed;
use crate::log::tree::{int, uint};
use crate::store::StoreError;

/// An approved state that came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The request that was approved.
    pub request: RequestId,
    /// The document; nothing where the target was removed.
    pub artifact: Option<ArtifactRef>,
    /// When it had run, by the guard's receipt.
    pub ended: Timestamp,
}

/// Keeps the approved state of a target in place of the one before. The order is that in which receipts come in: a
/// guard sends them in the order in which it ran things, and no clock is asked.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn put_approved(
    conn: &Connection,
    guard: &GuardId,
    target: &str,
    approved: &Approved,
) -> Result<(), StoreError> {
    let artifact = approved.artifact.as_ref();
    conn.prepare_cached(
        "INSERT INTO approved (guard, target, request, digest, length, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (guard, target) DO UPDATE SET request = ?3, digest = ?4, length = ?5, ended = ?6",
    )?
    .execute(params![
        guard.as_str(),
        target,
        approved.request.to_string(),
        artifact.map(|artifact| artifact.digest.to_string()),
        artifact.map(|artifact| int(artifact.length)),
        int(approved.ended.millis()),
    ])?;
    Ok(())
}

/// The state of a target that was approved last.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn approved(conn: &Connection, guard: &GuardId, target: &str) -> Result<Option<Approved>, StoreError> {
    let mut rows = conn.prepare_cached(
        "SELECT request, ended, length, digest FROM approved WHERE guard = ?1 AND target = ?2",
    )?;
    let mut found = rows.query([guard.as_str(), target])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let length: Option<i64> = row.get(2)?;
    let artifact = match length {
        Some(length) => Some(ArtifactRef {
            digest: parsed(row, 3)?,
            length: uint(length),
        }),
        None => None,
    };
    Ok(Some(Approved {
        request: parsed(row, 0)?,
        artifact,
        ended: Timestamp::from_millis(uint(row.get(1)?)),
    }))
}

/// The bytes of an artifact, where they are still kept.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn artifact(conn: &Connection, digest: &ArtifactDigest) -> Result<Option<Vec<u8>>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT bytes FROM artifacts WHERE digest = ?1")?;
    Ok(rows
        .query_row([digest.to_string()], |row| row.get(0))
        .optional()?)
}
