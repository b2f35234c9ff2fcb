//! Amendments: which request each answered, what it asks for instead, and which request came of it.

use countersign_protocol::digest::{ActionDigest, AmendmentDigest};
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::parsed;
use crate::log::tree::int;
use crate::store::StoreError;

/// An amendment as the store knows it.
#[derive(Debug, Clone, Copy)]
pub struct KnownAmendment {
    /// The request that it answered.
    pub request: RequestId,
    /// The request that came of it.
    pub accepted: Option<RequestId>,
}

/// Keeps what an amendment is about.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn insert_amendment(
    conn: &Connection,
    digest: &AmendmentDigest,
    request: &RequestId,
    action: &ActionDigest,
    until: Timestamp,
) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO amendments (digest, request, action, until) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            digest.to_string(),
            request.to_string(),
            action.to_string(),
            int(until.millis())
        ])?;
    Ok(())
}

/// The amendment with this digest.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn amendment(conn: &Connection, digest: &AmendmentDigest) -> Result<Option<KnownAmendment>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT request, accepted FROM amendments WHERE digest = ?1")?;
    let mut found = rows.query([digest.to_string()])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let accepted: Option<String> = row.get(1)?;
    Ok(Some(KnownAmendment {
        request: parsed(row, 0)?,
        accepted: match accepted {
            Some(_) => Some(parsed(row, 1)?),
            None => None,
        },
    }))
}

/// The request that came of the counter-proposal to a request.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn followed(conn: &Connection, request: &RequestId) -> Result<Option<RequestId>, StoreError> {
    let mut rows =
        conn.prepare_cached("SELECT accepted FROM amendments WHERE request = ?1 AND accepted IS NOT NULL")?;
    let mut found = rows.query([request.to_string()])?;
    found.next()?.map(|row| parsed(row, 0)).transpose()
}

/// Writes down which request came of an amendment.
///
/// # Errors
/// [`StoreError`] when another one did.
pub fn accept_amendment(
    conn: &Connection,
    digest: &AmendmentDigest,
    by: &RequestId,
) -> Result<(), StoreError> {
    let changed = conn
        .prepare_cached(
            "UPDATE amendments SET accepted = ?2 WHERE digest = ?1 AND (accepted IS NULL OR accepted = ?2)",
        )?
        .execute(params![digest.to_string(), by.to_string()])?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Corrupt(format!("amendment {digest} was used before")))
    }
}

/// The request to which a reviewer wrote exactly this action as a counter-proposal that ran out after `since`.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn counter_proposed(
    conn: &Connection,
    action: &ActionDigest,
    since: Timestamp,
) -> Result<Option<RequestId>, StoreError> {
    let mut rows = conn.prepare_cached(
        "SELECT request FROM amendments WHERE action = ?1 AND until > ?2 ORDER BY until DESC LIMIT 1",
    )?;
    let found: Option<String> = rows
        .query_row(params![action.to_string(), int(since.millis())], |row| row.get(0))
        .optional()?;
    found
        .map(|id| {
            id.parse()
                .map_err(|_| StoreError::Corrupt(format!("amendment of `{id}`")))
        })
        .transpose()
}
