//! Signed checkpoints (C2SP tlog-checkpoint), in the database and in the file that remembers the last one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::moment::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use signed_note::{Note, StandardVerifier, VerifierList};

use super::LogError;
use super::tree::{int, uint};
use crate::key::NoteSigner;

/// The largest note that is read, in bytes.
const MAX_NOTE_BYTES: u64 = 64 * 1024;

/// A signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Leaves in the tree.
    pub size: u64,
    /// The tree's Merkle root.
    pub root_hash: Sha256Digest,
    /// The signed note.
    pub note: String,
}

impl Checkpoint {
    /// Signs the tree of `size` with root hash `root`.
    ///
    /// # Errors
    /// [`LogError::Sign`] when the origin or the key is not fit for it.
    pub fn sign(
        origin: &str,
        size: u64,
        root: &tlog_tiles::Hash,
        signer: &NoteSigner,
    ) -> Result<Self, LogError> {
        let failed = |error: &dyn std::fmt::Display| LogError::Sign(error.to_string());
        let text = tlog_tiles::Checkpoint::new(origin, size, *root, "").map_err(|error| failed(&error))?;
        let mut note = Note::new(&text.to_bytes(), &[]).map_err(|error| failed(&error))?;
        note.add_sigs(&[signer]).map_err(|error| failed(&error))?;
        let note = String::from_utf8(note.to_bytes()).map_err(|error| failed(&error))?;
        Ok(Self {
            size,
            root_hash: Sha256Digest::from_bytes(root.0),
            note,
        })
    }

    /// Opens a note that the log signed, by one of these verifier keys.
    #[must_use]
    pub fn open(note: &str, verifier_keys: &[String]) -> Option<Self> {
        verifier_keys.iter().find_map(|key| Self::open_by(note, key))
    }

    fn open_by(note: &str, verifier_key: &str) -> Option<Self> {
        let verifier = StandardVerifier::new(verifier_key).ok()?;
        let opened = Note::from_bytes(note.as_bytes()).ok()?;
        opened.verify(&VerifierList::new(vec![Box::new(verifier)])).ok()?;
        let text = tlog_tiles::Checkpoint::from_bytes(opened.text()).ok()?;
        let origin = verifier_key.split('+').next()?;
        (text.origin() == origin).then(|| Self {
            size: text.size(),
            root_hash: Sha256Digest::from_bytes(text.hash().0),
            note: note.to_owned(),
        })
    }

    /// Size and root hash, as decisions and grants name them.
    #[must_use]
    pub const fn seen(&self) -> SeenCheckpoint {
        SeenCheckpoint {
            size: self.size,
            root_hash: self.root_hash,
        }
    }
}

/// The newest checkpoint in the database.
///
/// # Errors
/// [`LogError`] when the database fails.
pub fn newest(conn: &Connection) -> Result<Option<Checkpoint>, LogError> {
    let mut rows =
        conn.prepare_cached("SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1")?;
    Ok(rows.query_row([], from_row).optional()?)
}

/// The largest stored checkpoint whose size is in `from..=to`.
///
/// # Errors
/// [`LogError`] when the database fails.
pub fn within(conn: &Connection, from: u64, to: u64) -> Result<Option<Checkpoint>, LogError> {
    let mut rows = conn.prepare_cached(
        "SELECT size, root, note FROM checkpoints WHERE size >= ?1 AND size <= ?2 ORDER BY size DESC LIMIT 1",
    )?;
    Ok(rows.query_row(params![int(from), int(to)], from_row).optional()?)
}

/// Keeps a checkpoint in the database.
///
/// # Errors
/// [`LogError`] when the database fails.
pub fn store(conn: &Connection, checkpoint: &Checkpoint, now: Timestamp) -> Result<(), LogError> {
    conn.prepare_cached("INSERT INTO checkpoints (size, root, note, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            int(checkpoint.size),
            checkpoint.root_hash.to_string(),
            checkpoint.note,
            int(now.millis())
        ])?;
    Ok(())
}

/// Puts another signature of the same tree in the place of the one that is kept.
///
/// # Errors
/// [`LogError`] when the database fails.
pub fn sign_again(conn: &Connection, checkpoint: &Checkpoint) -> Result<(), LogError> {
    conn.prepare_cached("UPDATE checkpoints SET note = ?2 WHERE size = ?1")?
        .execute(params![int(checkpoint.size), checkpoint.note])?;
    Ok(())
}

/// Remembers the last signed checkpoint outside the database, durably.
///
/// # Errors
/// [`LogError::File`] when the file cannot be replaced.
pub fn remember(path: &Path, checkpoint: &Checkpoint) -> Result<(), LogError> {
    let failed = |error| LogError::File {
        path: path.to_owned(),
        error,
    };
    let next = path.with_extension("next");
    let mut file = File::create(&next).map_err(failed)?;
    file.write_all(checkpoint.note.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&next, path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

/// The last signed checkpoint, from outside the database.
///
/// # Errors
/// [`LogError`] when it cannot be read or is not this log's.
pub fn remembered(path: &Path, verifier_keys: &[String]) -> Result<Checkpoint, LogError> {
    let failed = |error| LogError::File {
        path: path.to_owned(),
        error,
    };
    let mut note = String::new();
    File::open(path)
        .map_err(failed)?
        .take(MAX_NOTE_BYTES)
        .read_to_string(&mut note)
        .map_err(failed)?;
    Checkpoint::open(&note, verifier_keys).ok_or_else(|| LogError::Foreign(path.to_owned()))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    let root: String = row.get(1)?;
    let root_hash = root
        .parse()
        .map_err(|error: countersign_protocol::digest::DigestError| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
        })?;
    Ok(Checkpoint {
        size: uint(row.get(0)?),
        root_hash,
        note: row.get(2)?,
    })
}
