//! Statements: every envelope as it came, with its leaf.

use countersign_protocol::bundle::Logged;
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::log::{EntryType, Leaf, Salt};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::signed::Envelope;
use rusqlite::{Connection, OptionalExtension as _, ToSql, params};

use super::{decode, encode, text_of};
use crate::key;
use crate::log::tree::{int, uint};
use crate::store::StoreError;

/// What sort of statement a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A root.
    Root,
    /// A directory.
    Directory,
    /// A policy bundle.
    Policy,
    /// A proposal; the log only knows its request.
    Proposal,
    /// A request.
    Request,
    /// A decision.
    Decision,
    /// An amendment.
    Amendment,
    /// A withdrawal.
    Withdrawal,
    /// A grant.
    Grant,
    /// A receipt.
    Receipt,
    /// A verdict that needed no human.
    Verdict,
}

impl Sort {
    /// The word in the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Directory => "directory",
            Self::Policy => "policy",
            Self::Proposal => "proposal",
            Self::Request => "request",
            Self::Decision => "decision",
            Self::Amendment => "amendment",
            Self::Withdrawal => "withdrawal",
            Self::Grant => "grant",
            Self::Receipt => "receipt",
            Self::Verdict => "verdict",
        }
    }
}

/// A statement to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Filing<'a> {
    /// What sort it is.
    pub sort: Sort,
    /// The request it belongs to.
    pub request: Option<&'a RequestId>,
    /// The version, of roots, directories and policies.
    pub version: Option<u64>,
    /// The envelope as it came.
    pub envelope: &'a Envelope,
    /// How it enters the log, where it does.
    pub entry: Option<EntryType>,
}

/// A statement that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The envelope as it came.
    pub envelope: Envelope,
    /// The salt of its commitment.
    pub salt: Salt,
    /// Its index in the log.
    pub index: Option<u64>,
    /// The version, of roots, directories and policies.
    pub version: u64,
}

impl Kept {
    /// As evidence under a checkpoint of `size` shows it.
    #[must_use]
    pub fn logged(self, size: u64) -> Logged {
        Logged {
            envelope: self.envelope,
            salt: self.salt,
            index: self.index.filter(|index| *index < size),
        }
    }
}

/// Keeps a statement, and puts its leaf into the outbox where it belongs in the log.
///
/// # Errors
/// [`StoreError`]; one that is kept already is refused.
pub fn file(conn: &Connection, filing: &Filing<'_>, now: Timestamp) -> Result<(), StoreError> {
    let salt = Salt::from_random(key::random().map_err(|error| StoreError::Corrupt(error.to_string()))?);
    let envelope = encode(filing.envelope)?;
    conn.prepare_cached(
        "INSERT INTO statements (kind, request, digest, version, envelope, salt) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        filing.sort.word(),
        filing.request.map(ToString::to_string),
        filing.envelope.payload_digest().to_string(),
        filing.version.map(int),
        envelope,
        text_of(&salt)?,
    ])?;
    let statement = conn.last_insert_rowid();
    if let Some(entry) = filing.entry {
        let leaf = Leaf::new(entry, filing.request.copied(), filing.envelope, &salt, now)
            .and_then(|leaf| leaf.to_bytes())
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        conn.prepare_cached("INSERT INTO leaves (statement, bytes) VALUES (?1, ?2)")?
            .execute(params![statement, leaf])?;
    }
    Ok(())
}

/// A statement by the digest of its signed bytes.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn statement(conn: &Connection, sort: Sort, digest: &Sha256Digest) -> Result<Option<Kept>, StoreError> {
    let found = kept(conn, "s.digest = ?2", &[&sort.word(), &digest.to_string()])?;
    Ok(found.into_iter().next())
}

/// The statements of a request, in the order they came.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn statements(conn: &Connection, sort: Sort, request: &RequestId) -> Result<Vec<Kept>, StoreError> {
    kept(conn, "s.request = ?2", &[&sort.word(), &request.to_string()])
}

/// The first statement of a request.
///
/// # Errors
/// [`StoreError`] when the store fails or there is none.
pub fn the_statement(conn: &Connection, sort: Sort, request: &RequestId) -> Result<Kept, StoreError> {
    let found = statements(conn, sort, request)?.into_iter().next();
    found.ok_or_else(|| StoreError::Corrupt(format!("request {request} has no {}", sort.word())))
}

/// Every version of a trust document from `from` on.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn versions(conn: &Connection, sort: Sort, from: u64) -> Result<Vec<Kept>, StoreError> {
    let mut all = kept(conn, "s.version >= ?2", &[&sort.word(), &int(from)])?;
    all.sort_by_key(|kept| kept.version);
    Ok(all)
}

fn kept(conn: &Connection, which: &str, with: &[&dyn ToSql]) -> Result<Vec<Kept>, StoreError> {
    let mut rows = conn.prepare_cached(&format!(
        "SELECT s.envelope, s.salt, l.idx, s.version FROM statements s LEFT JOIN leaves l ON l.statement = s.id \
         WHERE s.kind = ?1 AND {which} ORDER BY s.id"
    ))?;
    let mut found = rows.query(with)?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(Kept {
            envelope: decode(&row.get::<_, Vec<u8>>(0)?)?,
            salt: decode(row.get::<_, String>(1)?.as_bytes())?,
            index: row.get::<_, Option<i64>>(2)?.map(uint),
            version: row.get::<_, Option<i64>>(3)?.map_or(0, uint),
        });
    }
    Ok(all)
}

/// When the newest leaf was taken in.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn newest_leaf(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT bytes FROM leaves ORDER BY seq DESC LIMIT 1")?;
    let bytes: Option<Vec<u8>> = rows.query_row([], |row| row.get(0)).optional()?;
    bytes
        .map(|bytes| Leaf::from_bytes(&bytes).map(|leaf| leaf.at))
        .transpose()
        .map_err(|error| StoreError::Corrupt(format!("newest leaf: {error}")))
}
