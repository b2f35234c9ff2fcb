//! Changes: what those who watch are told, in order.

use countersign_protocol::api::{Change, ChangeSubject};
use countersign_protocol::identity::GuardId;
use countersign_protocol::moment::Timestamp;
use rusqlite::{Connection, params};

use super::{decode, text_of};
use crate::log::tree::{int, uint};
use crate::store::StoreError;

/// Tells those who watch about a change; gives its number.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn announce(
    conn: &Connection,
    guard: Option<&GuardId>,
    subject: &ChangeSubject,
    now: Timestamp,
) -> Result<u64, StoreError> {
    conn.prepare_cached("INSERT INTO changes (guard, subject, at) VALUES (?1, ?2, ?3)")?
        .execute(params![
            guard.map(GuardId::as_str),
            text_of(subject)?,
            int(now.millis())
        ])?;
    Ok(uint(conn.last_insert_rowid()))
}

/// Tells those who watch that the log grew.
///
/// # Errors
/// When the store fails.
pub fn announce_log(conn: &Connection, size: u64, now: Timestamp) -> Result<(), rusqlite::Error> {
    let subject = format!(r#"{{"size":{size},"type":"log"}}"#);
    conn.prepare_cached("INSERT INTO changes (guard, subject, at) VALUES (NULL, ?1, ?2)")?
        .execute(params![subject, int(now.millis())])?;
    Ok(())
}

/// The number of the newest change; 0 when there is none.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn last_change(conn: &Connection) -> Result<u64, StoreError> {
    let last: Option<i64> = conn.query_row("SELECT max(change) FROM changes", [], |row| row.get(0))?;
    Ok(last.map_or(0, uint))
}

/// The changes after `after`, oldest first; for a guard only its own and those about everybody.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn changes(
    conn: &Connection,
    after: u64,
    guard: Option<&GuardId>,
    limit: u32,
) -> Result<Vec<Change>, StoreError> {
    let mut rows = conn.prepare_cached(
        "SELECT change, subject, at FROM changes WHERE change > ?1 AND (?2 IS NULL OR guard IS NULL OR guard = ?2) \
         ORDER BY change LIMIT ?3",
    )?;
    let mut found = rows.query(params![int(after), guard.map(GuardId::as_str), limit])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(Change {
            change: uint(row.get(0)?),
            subject: decode(row.get::<_, String>(1)?.as_bytes())?,
            at: Timestamp::from_millis(uint(row.get(2)?)),
        });
    }
    Ok(all)
}
