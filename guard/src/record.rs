//! The guard's journal: what was proposed, what was used up, how it ended, what is still to be reported.
//!
//! SQLite in WAL mode with `synchronous=FULL`: a call that returned is on disk. A request's execution is one row
//! that can be made once and is never removed, so nothing runs twice whatever crashes or races. It is no evidence
//! for others: that is what the signed statements in it are for.

mod entry;
mod outbox;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_protocol::canonical;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::identity::{AgentId, RequestId};
use countersign_protocol::moment::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use entry::timestamp;
pub use entry::{End, Entry, KeptCounter, NewRequest, Stage, Tails};
use outbox::report_in;
pub use outbox::{Outgoing, Refusal, Route, Unsent};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS request (
    id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    proposal BLOB NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('waiting', 'executing', 'ended')),
    ticket INTEGER NOT NULL,
    phase TEXT,
    code INTEGER,
    message TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS held (
    request TEXT NOT NULL REFERENCES request (id),
    digest TEXT NOT NULL,
    PRIMARY KEY (request, digest)
) STRICT;
CREATE TABLE IF NOT EXISTS execution (
    request TEXT PRIMARY KEY REFERENCES request (id),
    authority BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    stdout BLOB,
    stderr BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL,
    route TEXT NOT NULL CHECK (route IN ('receipt', 'verdict', 'withdrawal')),
    body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_of_request ON outbox (request, id);
CREATE TABLE IF NOT EXISTS refusal (
    statement INTEGER PRIMARY KEY REFERENCES outbox (id) ON DELETE CASCADE,
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS counter (
    request TEXT PRIMARY KEY REFERENCES request (id),
    told BLOB NOT NULL,
    accepted TEXT REFERENCES request (id)
) STRICT;
CREATE TABLE IF NOT EXISTS clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seen INTEGER NOT NULL
) STRICT;
PRAGMA user_version = 1;
";

/// Why the journal says no.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The database refused.
    #[error("journal: {0}")]
    Database(#[from] rusqlite::Error),
    /// The home cannot be used.
    #[error("home `{path}`: {source}")]
    Home {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another service runs on this home.
    #[error("home `{0}` is in use by another guard service; stop that one first")]
    InUse(PathBuf),
    /// The request was used up, withdrawn or is over.
    #[error("request `{0}` was used up, withdrawn or is over; it runs at most once")]
    Consumed(RequestId),
    /// What stands in it is not understood.
    #[error("journal row of `{0}` is damaged")]
    Damaged(String),
}

/// The journal of one guard's home.
#[derive(Debug)]
pub struct Journal {
    connection: Mutex<Connection>,
    /// Held for as long as the service lives.
    _lock: File,
}

impl Journal {
    /// Opens the journal of `home`, making it when it is not there, and keeps other services away from it.
    ///
    /// # Errors
    /// [`JournalError::InUse`] when a service runs there, others when it cannot be opened.
    pub fn open(home: &Path) -> Result<Self, JournalError> {
        let lock = lock(home)?;
        let file = home.join("journal.sqlite");
        keep_private(&file).map_err(|source| JournalError::Home {
            path: file.clone(),
            source,
        })?;
        let mut connection = Connection::open(file)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.commit()?;
        Ok(Self {
            connection: Mutex::new(connection),
            _lock: lock,
        })
    }

    /// Keeps a new proposal. The same one again is refused.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn propose(&self, new: &NewRequest<'_>) -> Result<(), JournalError> {
        self.write(|transaction| {
            let proposal = canonical::to_bytes(new.proposal).map_err(|e| damaged(&e))?;
            transaction.execute(
                "INSERT INTO request (id, agent, proposal, stage, ticket, created_at, expires_at)
                 VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, ?6)",
                params![
                    new.id.to_string(),
                    new.agent.as_str(),
                    proposal,
                    new.ticket,
                    millis(new.created_at),
                    millis(new.expires_at)
                ],
            )?;
            if let Some(accepts) = new.accepts {
                let accepted = transaction.execute(
                    "UPDATE counter SET accepted = ?2 WHERE request = ?1 AND accepted IS NULL",
                    [accepts.to_string(), new.id.to_string()],
                )?;
                if accepted != 1 {
                    return Err(JournalError::Consumed(accepts));
                }
            }
            for artifact in new.held {
                transaction.execute(
                    "INSERT OR IGNORE INTO held (request, digest) VALUES (?1, ?2)",
                    params![new.id.to_string(), artifact.digest.to_string()],
                )?;
            }
            Ok(())
        })
    }

    /// Uses a request up. After this returned it counts as run, whatever happens.
    ///
    /// # Errors
    /// [`JournalError::Consumed`] when it was used up, withdrawn or is over.
    pub fn begin(&self, id: RequestId, authority: &[u8], now: Timestamp) -> Result<(), JournalError> {
        self.write(|transaction| {
            let moved = transaction.execute(
                "UPDATE request SET stage = 'executing' WHERE id = ?1 AND stage = 'waiting'",
                [id.to_string()],
            )?;
            let made = transaction.execute(
                "INSERT OR IGNORE INTO execution (request, authority, started_at) SELECT ?1, ?2, ?3
                 WHERE EXISTS (SELECT 1 FROM request WHERE id = ?1)",
                params![id.to_string(), authority, millis(now)],
            )?;
            if (moved, made) == (1, 1) {
                Ok(())
            } else {
                Err(JournalError::Consumed(id))
            }
        })
    }

    /// Writes down how an execution ended, together with what has to be reported of it.
    ///
    /// # Errors
    /// [`JournalError::Consumed`] when an end is known already.
    pub fn finish(
        &self,
        id: RequestId,
        end: &End,
        tails: &Tails,
        report: Option<(Route, &[u8])>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        self.write(|transaction| {
            let ended = transaction.execute(
                "UPDATE execution SET ended_at = ?2, stdout = ?3, stderr = ?4
                 WHERE request = ?1 AND ended_at IS NULL",
                params![id.to_string(), millis(now), tails.stdout, tails.stderr],
            )?;
            if ended != 1 {
                return Err(JournalError::Consumed(id));
            }
            end_request(transaction, id, "executing", end)?;
            report_in(transaction, id, report)
        })
    }

    /// Ends a request of which nothing ran.
    ///
    /// # Errors
    /// [`JournalError::Consumed`] when it was used up or is over.
    pub fn end(&self, id: RequestId, end: &End, report: Option<(Route, &[u8])>) -> Result<(), JournalError> {
        self.write(|transaction| {
            end_request(transaction, id, "waiting", end)?;
            report_in(transaction, id, report)
        })
    }

    /// Keeps what the agent is told of a counter-proposal.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn counter(&self, id: RequestId, told: &[u8]) -> Result<(), JournalError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO counter (request, told) VALUES (?1, ?2)
                 ON CONFLICT (request) DO UPDATE SET told = excluded.told",
                params![id.to_string(), told],
            )?;
            Ok(())
        })
    }

    /// The counter-proposal to a request.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read.
    pub fn counter_of(&self, id: RequestId) -> Result<Option<KeptCounter>, JournalError> {
        let found = self
            .connection()
            .query_row(
                "SELECT told, accepted FROM counter WHERE request = ?1",
                [id.to_string()],
                |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<String>>(1)?)),
            )
            .optional()?;
        let Some((told, accepted)) = found else {
            return Ok(None);
        };
        let accepted = accepted
            .map(|id| id.parse().map_err(|_| JournalError::Damaged(id)))
            .transpose()?;
        Ok(Some(KeptCounter { told, accepted }))
    }

    /// The request with this id.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read.
    pub fn entry(&self, id: RequestId) -> Result<Option<Entry>, JournalError> {
        let found = self.entries("WHERE request.id = ?1", &id.to_string())?;
        Ok(found.into_iter().next())
    }

    /// Every request that is not over, oldest first.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read.
    pub fn open_entries(&self) -> Result<Vec<Entry>, JournalError> {
        self.entries("WHERE stage <> ?1 ORDER BY request.rowid", "ended")
    }

    /// How many requests of an agent are not over.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read.
    pub fn open_count(&self, agent: &AgentId) -> Result<u32, JournalError> {
        Ok(self.connection().query_row(
            "SELECT count(*) FROM request WHERE agent = ?1 AND stage <> 'ended'",
            [agent.as_str()],
            |row| row.get(0),
        )?)
    }

    /// The kept output of an execution.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read.
    pub fn tails(&self, id: RequestId) -> Result<Tails, JournalError> {
        let found = self.connection().query_row(
            "SELECT coalesce(stdout, x''), coalesce(stderr, x'') FROM execution WHERE request = ?1",
            [id.to_string()],
            |row| {
                Ok(Tails {
                    stdout: row.get(0)?,
                    stderr: row.get(1)?,
                })
            },
        );
        Ok(found.optional()?.unwrap_or_default())
    }

    /// Forgets which bytes a request needed; gives those that no other request needs.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn release(&self, id: RequestId) -> Result<Vec<ArtifactDigest>, JournalError> {
        self.write(|transaction| {
            let id = id.to_string();
            let mut query = transaction.prepare(
                "SELECT digest FROM held AS mine WHERE request = ?1 AND NOT EXISTS
                 (SELECT 1 FROM held AS other WHERE other.digest = mine.digest AND other.request <> ?1)",
            )?;
            let free = query
                .query_map([&id], |row| row.get::<_, String>(0))?
                .collect::<Result<Vec<_>, _>>()?;
            transaction.execute("DELETE FROM held WHERE request = ?1", [&id])?;
            Ok(free.iter().filter_map(|digest| digest.parse().ok()).collect())
        })
    }

    /// The bytes that open requests need. What is over needs none, though a crash came before [`Self::release`].
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read or written.
    pub fn needed(&self) -> Result<BTreeSet<ArtifactDigest>, JournalError> {
        self.write(|transaction| {
            transaction.execute(
                "DELETE FROM held WHERE request IN (SELECT id FROM request WHERE stage = 'ended')",
                [],
            )?;
            let mut query = transaction.prepare("SELECT DISTINCT digest FROM held")?;
            let digests = query.query_map([], |row| row.get::<_, String>(0))?;
            digests
                .map(|digest| {
                    let digest = digest?;
                    digest.parse().map_err(|_| JournalError::Damaged(digest))
                })
                .collect()
        })
    }

    /// Notes that it is `now`; gives the latest moment ever noted.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn latest_clock(&self, now: Timestamp) -> Result<Timestamp, JournalError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO clock (id, seen) VALUES (1, ?1)
                 ON CONFLICT (id) DO UPDATE SET seen = max(seen, excluded.seen)",
                [millis(now)],
            )?;
            let seen: i64 = transaction.query_row("SELECT seen FROM clock", [], |row| row.get(0))?;
            Ok(timestamp(seen))
        })
    }

    fn entries(&self, filter: &str, value: &str) -> Result<Vec<Entry>, JournalError> {
        let connection = self.connection();
        let mut query = connection.prepare(&format!(
            "SELECT id, agent, proposal, stage, ticket, phase, code, message, authority, started_at,
                    created_at, expires_at
             FROM request LEFT JOIN execution ON execution.request = request.id {filter}"
        ))?;
        let mut rows = query.query([value])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(Entry::of(row)?);
        }
        Ok(entries)
    }

    fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = change(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }

    /// A thread that panicked in the middle of a transaction left it rolled back: the connection is good.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the database's file for its owner alone: arguments, variables and outputs stand in it, and the home may be open
/// to others. SQLite gives the files beside it the same permissions.
fn keep_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mut options = File::options();
    let made = options
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(file)?;
    made.set_permissions(std::fs::Permissions::from_mode(0o600))
}

fn lock(home: &Path) -> Result<File, JournalError> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let problem = |path: &Path, source| JournalError::Home {
        path: path.to_owned(),
        source,
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(home)
        .map_err(|source| problem(home, source))?;
    let path = home.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| problem(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(JournalError::InUse(home.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(problem(&path, source)),
    }
}

fn end_request(
    transaction: &Transaction<'_>,
    id: RequestId,
    from: &str,
    end: &End,
) -> Result<(), JournalError> {
    let moved = transaction.execute(
        "UPDATE request SET stage = 'ended', phase = ?3, code = ?4, message = ?5 WHERE id = ?1 AND stage = ?2",
        params![id.to_string(), from, end.phase.word(), end.code, end.message],
    )?;
    if moved == 1 {
        Ok(())
    } else {
        Err(JournalError::Consumed(id))
    }
}

fn damaged(error: &canonical::EncodeError) -> JournalError {
    JournalError::Damaged(error.to_string())
}

fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
