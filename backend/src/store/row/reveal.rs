//! Who had secrets of which request revealed. Rows are added, never changed.

use countersign_protocol::identity::RequestId;
use countersign_protocol::proposal::Nonce;
use countersign_protocol::reveal::Reveal;
use rusqlite::{Connection, params};

use super::{decode, encode, text_of};
use crate::store::StoreError;

/// Every time that secrets of a request were revealed, oldest first.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn reveals(conn: &Connection, id: &RequestId) -> Result<Vec<Reveal>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT reveal FROM reveals WHERE request = ?1 ORDER BY place")?;
    let mut found = rows.query([id.to_string()])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(decode(&row.get::<_, Vec<u8>>(0)?)?);
    }
    Ok(all)
}

/// Adds one behind all others; says whether it is a new one.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn record_reveal(
    conn: &Connection,
    id: &RequestId,
    nonce: &Nonce,
    reveal: &Reveal,
) -> Result<bool, StoreError> {
    let added = conn
        .prepare_cached(
            "INSERT OR IGNORE INTO reveals (request, place, person, nonce, reveal) \
             VALUES (?1, (SELECT coalesce(max(place), 0) + 1 FROM reveals WHERE request = ?1), ?2, ?3, ?4)",
        )?
        .execute(params![
            id.to_string(),
            reveal.person.as_str(),
            text_of(nonce)?,
            encode(reveal)?
        ])?;
    Ok(added == 1)
}
