//! The transparency log: waiting leaves get indexes, the tree grows, checkpoints are signed.
//!
//! Hashing follows RFC 6962, the tree's shape and serving C2SP tlog-tiles, checkpoints C2SP tlog-checkpoint. The
//! last signed checkpoint is also kept in a file beside the database: a database that is smaller than it, or
//! does not contain it, was rolled back, and nothing is signed over it.

pub mod checkpoint;
pub mod path;
pub mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_protocol::moment::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};
use tlog_tiles::{record_hash, stored_hash_index, stored_hashes_for_record_hash};

pub use checkpoint::Checkpoint;
use tree::{Tree, int};

use crate::key::{LogKey, NoteSigner};
use crate::store::row;

/// The file that remembers the last signed checkpoint.
pub const LAST: &str = "checkpoint.last";
/// The most leaves that are sequenced in one transaction.
const MAX_BATCH: usize = 1024;

/// Why the log failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database failed.
    #[error("log: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The tree's arithmetic or bytes are off.
    #[error("log tree: {0}")]
    Tree(String),
    /// The remembered checkpoint cannot be read or written.
    #[error("remembered checkpoint `{path}`: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The remembered checkpoint is not this log's.
    #[error("remembered checkpoint `{0}` is not signed by this log's key for this log")]
    Foreign(PathBuf),
    /// The database is not a continuation of what was signed.
    #[error(
        "the database was rolled back or changed: it does not contain the checkpoint of size {signed} that was \
         signed (the database has {found} leaves); restore a newer backup, nothing is signed over this one"
    )]
    RolledBack {
        /// The size that was signed.
        signed: u64,
        /// The leaves in the database.
        found: u64,
    },
    /// A checkpoint could not be signed.
    #[error("checkpoint cannot be signed: {0}")]
    Sign(String),
}

/// The log's writing side.
#[derive(Debug)]
pub struct Log {
    signer: NoteSigner,
    origin: String,
    last: PathBuf,
    newest: Arc<Checkpoint>,
    broken: bool,
}

impl Log {
    /// Starts an empty log: signs the checkpoint of the empty tree and remembers it.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be signed or remembered.
    pub fn create(home: &Path, key: &LogKey, origin: &str) -> Result<(), LogError> {
        let signer = key.note_signer(origin);
        let empty = Checkpoint::sign(origin, 0, &tlog_tiles::EMPTY_HASH, &signer)?;
        checkpoint::remember(&home.join(LAST), &empty)
    }

    /// Opens the log over its database and refuses one that was rolled back. What was signed by an earlier key of
    /// this log counts, and is signed again by the key of today.
    ///
    /// # Errors
    /// [`LogError::RolledBack`] when the database does not continue what was signed.
    pub fn open(
        home: &Path,
        conn: &Connection,
        key: &LogKey,
        origin: &str,
        verifiers: &[String],
    ) -> Result<Self, LogError> {
        let last = home.join(LAST);
        let signed = checkpoint::remembered(&last, verifiers)?;
        check_contains(conn, &signed)?;
        let signer = key.note_signer(origin);
        let newest = match checkpoint::newest(conn)? {
            Some(newest) => newest,
            None => Checkpoint::sign(origin, 0, &tlog_tiles::EMPTY_HASH, &signer)?,
        };
        // A crash between the commit and the file leaves the file behind by one checkpoint, never ahead.
        let tree = Tree(conn);
        if newest.size != tree.size()? || newest.root_hash != tree.root(newest.size)? {
            return Err(LogError::RolledBack {
                signed: newest.size,
                found: tree.size()?,
            });
        }
        let newest = if Checkpoint::open(&newest.note, &[key.verifier_key(origin)]).is_some() {
            newest
        } else {
            let hash = tlog_tiles::Hash(*newest.root_hash.as_bytes());
            let again = Checkpoint::sign(origin, newest.size, &hash, &signer)?;
            checkpoint::sign_again(conn, &again)?;
            again
        };
        checkpoint::remember(&last, &newest)?;
        Ok(Self {
            signer,
            origin: origin.to_owned(),
            last,
            newest: Arc::new(newest),
            broken: false,
        })
    }

    /// The newest checkpoint that is signed, stored and remembered.
    #[must_use]
    pub fn newest(&self) -> Arc<Checkpoint> {
        Arc::clone(&self.newest)
    }

    /// Whether the log can no longer know what it signed; nothing more may then be written.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Gives every waiting leaf its index and signs a checkpoint over them.
    ///
    /// # Errors
    /// [`LogError`]; leaves then wait for the next try.
    pub fn sequence(&mut self, conn: &mut Connection, now: Timestamp) -> Result<(), LogError> {
        while self.sequence_some(conn, now)? {}
        Ok(())
    }

    fn sequence_some(&mut self, conn: &mut Connection, now: Timestamp) -> Result<bool, LogError> {
        let change = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let waiting = waiting(&change)?;
        if waiting.is_empty() {
            return Ok(false);
        }
        let mut size = self.newest.size;
        if Tree(&change).size()? != size {
            return Err(LogError::Tree(
                "leaves were added behind the log's back".to_owned(),
            ));
        }
        for (seq, bytes) in waiting {
            add(&change, size, &bytes)?;
            change.execute(
                "UPDATE leaves SET idx = ?1 WHERE seq = ?2",
                params![int(size), seq],
            )?;
            size += 1;
        }
        let root = Tree(&change).hash(size)?;
        let signed = Checkpoint::sign(&self.origin, size, &root, &self.signer)?;
        checkpoint::store(&change, &signed, now)?;
        row::announce_log(&change, size, now)?;
        change.commit()?;
        // From here the checkpoint exists. Nobody sees it before it is remembered outside the database.
        if let Err(error) = checkpoint::remember(&self.last, &signed) {
            self.broken = true;
            return Err(error);
        }
        self.newest = Arc::new(signed);
        Ok(true)
    }
}

/// Refuses a database that does not contain the tree of `signed`.
///
/// # Errors
/// [`LogError::RolledBack`].
pub fn check_contains(conn: &Connection, signed: &Checkpoint) -> Result<(), LogError> {
    let tree = Tree(conn);
    let found = tree.size()?;
    if found < signed.size || tree.root(signed.size)? != signed.root_hash {
        return Err(LogError::RolledBack {
            signed: signed.size,
            found,
        });
    }
    Ok(())
}

fn waiting(conn: &Connection) -> Result<Vec<(i64, Vec<u8>)>, rusqlite::Error> {
    let mut rows =
        conn.prepare_cached("SELECT seq, bytes FROM leaves WHERE idx IS NULL ORDER BY seq LIMIT ?1")?;
    let found = rows.query_map([int(MAX_BATCH as u64)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.collect()
}

fn add(conn: &Connection, index: u64, bytes: &[u8]) -> Result<(), LogError> {
    let hashes = stored_hashes_for_record_hash(index, record_hash(bytes), &Tree(conn))
        .map_err(|error| tree::failed(&error))?;
    let first = stored_hash_index(0, index);
    let mut insert = conn.prepare_cached("INSERT INTO hashes (idx, hash) VALUES (?1, ?2)")?;
    for (place, hash) in (first..).zip(&hashes) {
        insert.execute(params![int(place), hash.0.as_slice()])?;
    }
    Ok(())
}
