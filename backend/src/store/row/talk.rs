//! What was said about requests. Remarks are added, never changed.

use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::talk::Remark;
use rusqlite::{Connection, params};

use super::{decode, encode};
use crate::log::tree::{int, uint};
use crate::store::StoreError;

/// Everything that was said about a request, oldest first.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn talk(conn: &Connection, id: &RequestId) -> Result<Vec<Remark>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT remark FROM talk WHERE request = ?1 ORDER BY place")?;
    let mut found = rows.query([id.to_string()])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(decode(&row.get::<_, Vec<u8>>(0)?)?);
    }
    Ok(all)
}

/// Adds a remark behind all others.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn say(conn: &Connection, id: &RequestId, remark: &Remark) -> Result<(), StoreError> {
    let (person, at) = match remark {
        Remark::Question { person, at, .. } => (Some(person.as_str()), at),
        Remark::Answer { at, .. } => (None, at),
    };
    conn.prepare_cached(
        "INSERT INTO talk (request, place, person, at, remark) \
         VALUES (?1, (SELECT coalesce(max(place), 0) + 1 FROM talk WHERE request = ?1), ?2, ?3, ?4)",
    )?
    .execute(params![id.to_string(), person, int(at.millis()), encode(remark)?])?;
    Ok(())
}

/// How many questions a person asked since a moment, and when the first of them came.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn asked_since(
    conn: &Connection,
    person: &PersonId,
    since: Timestamp,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let (count, first): (i64, Option<i64>) = conn
        .prepare_cached("SELECT count(*), min(at) FROM talk WHERE person = ?1 AND at > ?2")?
        .query_row(params![person.as_str(), int(since.millis())], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok((uint(count), first.map(|at| Timestamp::from_millis(uint(at)))))
}
