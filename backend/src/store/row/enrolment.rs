//! Open enrolments. Each part is set once.

use countersign_protocol::digest::KeyId;
use countersign_protocol::enrolment::EnrolmentRecord;
use countersign_protocol::moment::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::{decode, encode, parsed};
use crate::log::tree::{int, uint};
use crate::store::StoreError;

/// A part of an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What the person claims.
    Claim,
    /// What the owner answers.
    Credential,
    /// What the TPM gives for it.
    Activation,
}

/// Every enrolment whose time is not over, by its end.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn enrolments(conn: &Connection, now: Timestamp) -> Result<Vec<EnrolmentRecord>, StoreError> {
    let mut rows = conn.prepare_cached(&format!("{SELECT} WHERE until > ?1 ORDER BY until, code"))?;
    let mut found = rows.query([int(now.millis())])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// The enrolment of a code, when its time is not over.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn enrolment(
    conn: &Connection,
    code: &KeyId,
    now: Timestamp,
) -> Result<Option<EnrolmentRecord>, StoreError> {
    let mut rows = conn.prepare_cached(&format!("{SELECT} WHERE code = ?1 AND until > ?2"))?;
    let mut found = rows.query(params![code.to_string(), int(now.millis())])?;
    found.next()?.map(read).transpose()
}

/// Opens one, and forgets those whose time is over.
///
/// # Errors
/// [`StoreError`] when the store fails, or the code is there.
pub fn open_enrolment(conn: &Connection, new: &EnrolmentRecord, now: Timestamp) -> Result<(), StoreError> {
    conn.execute("DELETE FROM enrolments WHERE until <= ?1", [int(now.millis())])?;
    conn.prepare_cached("INSERT INTO enrolments (code, key, person, by, until) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            new.code.id().to_string(),
            encode(&new.code)?,
            new.person.as_str(),
            new.invited_by.as_str(),
            int(new.expires_at.millis())
        ])?;
    Ok(())
}

/// Sets a part that was not set.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn set_part<T: Serialize>(
    conn: &Connection,
    code: &KeyId,
    part: Part,
    value: &T,
) -> Result<(), StoreError> {
    let column = match part {
        Part::Claim => "claim",
        Part::Credential => "credential",
        Part::Activation => "activation",
    };
    conn.prepare_cached(&format!(
        "UPDATE enrolments SET {column} = ?2 WHERE code = ?1 AND {column} IS NULL"
    ))?
    .execute(params![code.to_string(), encode(value)?])?;
    Ok(())
}

/// Forgets one.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn close_enrolment(conn: &Connection, code: &KeyId) -> Result<(), StoreError> {
    conn.execute("DELETE FROM enrolments WHERE code = ?1", [code.to_string()])?;
    Ok(())
}

const SELECT: &str = "SELECT key, person, by, until, claim, credential, activation FROM enrolments";

fn read(row: &Row<'_>) -> Result<EnrolmentRecord, StoreError> {
    let part = |column| -> Result<Option<Vec<u8>>, StoreError> { Ok(row.get(column)?) };
    Ok(EnrolmentRecord {
        code: decode(&row.get::<_, Vec<u8>>(0)?)?,
        person: parsed(row, 1)?,
        invited_by: parsed(row, 2)?,
        expires_at: Timestamp::from_millis(uint(row.get(3)?)),
        claim: part(4)?.map(|bytes| decode(&bytes)).transpose()?,
        credential: part(5)?.map(|bytes| decode(&bytes)).transpose()?,
        activation: part(6)?.map(|bytes| decode(&bytes)).transpose()?,
    })
}
