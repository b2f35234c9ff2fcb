//! Rows of the store as the types they stand for.

mod amendment;
mod approved;
mod change;
mod enrolment;
mod proposal;
mod request;
mod reveal;
mod statement;
mod talk;

use countersign_protocol::canonical;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use amendment::{
    KnownAmendment, accept_amendment, amendment, counter_proposed, followed, insert_amendment,
};
pub use approved::{Approved, approved, artifact, put_approved};
pub use change::{announce, announce_log, changes, last_change};
pub use enrolment::{Part, close_enrolment, enrolment, enrolments, open_enrolment, set_part};
pub use proposal::{NewVerdict, artifacts, insert_artifacts, insert_verdict, verdict};
pub use request::{
    Asked, Entry, Judged, NewEntry, Wanted, announce_again, asked, denied_at, earlier, insert_request,
    open_requests, page, request, update_request,
};
pub use reveal::{record_reveal, reveals};
pub use statement::{Filing, Kept, Sort, file, newest_leaf, statement, statements, the_statement, versions};
pub use talk::{asked_since, say, talk};

use super::StoreError;

/// A word the store keeps about itself.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn meta(conn: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(rows.query_row([key], |row| row.get(0)).optional()?)
}

/// Keeps a word about the store itself.
///
/// # Errors
/// [`StoreError`] when it is kept already.
pub fn set_meta(conn: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    conn.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", [key, value])?;
    Ok(())
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    canonical::to_bytes(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The bytes are the store's own: they were checked when they came in.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn text_of<T: Serialize>(value: &T) -> Result<String, StoreError> {
    String::from_utf8(encode(value)?).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|_| StoreError::Corrupt(format!("column {column} cannot be read")))
}
