//! The store: one SQLite file, one writer thread, many readers.
//!
//! Every change goes through the writer thread. It runs several waiting changes in one transaction, commits, then
//! gives the waiting leaves their indexes in a second transaction, and only then answers: what was acknowledged is
//! on disk. Not a place for rules: those are the engine's.

pub mod pending;
pub mod row;
pub mod schema;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{oneshot, watch};

use crate::clock;
use crate::log::{Checkpoint, Log};
use pending::Pending;

/// The database's file name in the home.
pub const FILE: &str = "store.sqlite";
/// The most changes that share one transaction.
const MAX_BATCH: usize = 128;
/// How long leaves wait at most for another try after sequencing failed.
const RETRY: Duration = Duration::from_secs(2);
/// Idle read connections that are kept.
const IDLE_READERS: usize = 8;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database says so.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A newer program wrote it.
    #[error("database has schema version {found}, this program knows {known}; run a newer `countersignd`")]
    Newer {
        /// The version found.
        found: usize,
        /// The newest that is known.
        known: usize,
    },
    /// An older program wrote it.
    #[error("database has schema version {found}, this program needs {known}; run `countersignd migrate`")]
    Outdated {
        /// The version found.
        found: usize,
        /// The version needed.
        known: usize,
    },
    /// What is stored cannot be.
    #[error("the store holds something it cannot hold: {0}")]
    Corrupt(String),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// A change could not be made durable, and was undone.
    #[error("the change could not be stored and was undone: {0}; it can be tried again once that is mended")]
    Undone(String),
    /// The writer is gone.
    #[error("the writer has stopped; start the backend again")]
    Stopped,
}

/// What readers may tell others about.
#[derive(Debug, Clone)]
pub struct Published {
    /// The newest checkpoint that is signed, stored and remembered apart from the database.
    pub checkpoint: Arc<Checkpoint>,
    /// The newest change.
    pub change: u64,
    /// Whether the last try to sequence went well.
    pub healthy: bool,
}

/// The store.
#[derive(Clone)]
pub struct Store {
    path: PathBuf,
    jobs: Sender<Message>,
    readers: Arc<Mutex<Vec<Connection>>>,
    published: watch::Receiver<Published>,
    writer: Arc<Mutex<Option<std::thread::JoinHandle<()>>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

enum Message {
    Change { run: Run, alone: bool },
    Stop,
}

/// Runs a change. Gives back whether to keep it, and what to do once its fate is known.
type Run = Box<dyn FnOnce(&Connection) -> (bool, Settle) + Send>;
/// Two steps after the commit: make it visible to this process, then answer.
type Settle = Box<dyn FnOnce(Option<&str>) -> Box<dyn FnOnce() + Send> + Send>;

/// Opens the database for writing with the settings that make a commit durable.
///
/// # Errors
/// [`StoreError`] when it cannot be opened.
pub fn open(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open(path)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    Ok(conn)
}

impl Store {
    /// Starts the writer over a database that [`Log::open`] has checked.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read or waiting leaves cannot be sequenced.
    pub fn start(path: &Path, mut conn: Connection, mut log: Log) -> Result<Self, StoreError> {
        let found = schema::version(&conn)?;
        if found != schema::newest() {
            return Err(StoreError::Outdated {
                found,
                known: schema::newest(),
            });
        }
        log.sequence(&mut conn, clock::now())?;
        let published = Published {
            checkpoint: log.newest(),
            change: row::last_change(&conn)?,
            healthy: true,
        };
        let (publish, published) = watch::channel(published);
        let (jobs, inbox) = channel();
        let writer = Writer { conn, log, publish };
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || writer.run(&inbox))
            .map_err(|error| StoreError::Corrupt(format!("no writer thread: {error}")))?;
        Ok(Self {
            path: path.to_owned(),
            jobs,
            readers: Arc::default(),
            published,
            writer: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// What is signed and stored.
    #[must_use]
    pub fn published(&self) -> Published {
        self.published.borrow().clone()
    }

    /// Tells whenever something new is published.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<Published> {
        self.published.clone()
    }

    /// Makes a change. Answers once it is durable, or was undone.
    ///
    /// # Errors
    /// What `change` refuses, or [`StoreError`] when it could not be kept.
    pub async fn write<T, E>(
        &self,
        change: impl FnOnce(&Pending<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.submit(false, change, |_| ()).await
    }

    /// Makes a change that shares its transaction with no other. `after` runs before any later change does.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn write_alone<T, E>(
        &self,
        change: impl FnOnce(&Pending<'_>) -> Result<T, E> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.submit(true, change, after).await
    }

    async fn submit<T, E>(
        &self,
        alone: bool,
        change: impl FnOnce(&Pending<'_>) -> Result<T, E> + Send + 'static,
        after: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let run: Run = Box::new(move |conn| {
            let pending = Pending::over(conn);
            let result = change(&pending);
            let afterwards = pending.afterwards();
            let keep = result.is_ok();
            let settle: Settle = Box::new(move |undone| {
                let result = match (result, undone) {
                    (Ok(_), Some(why)) => Err(E::from(StoreError::Undone(why.to_owned()))),
                    (result, _) => result,
                };
                if let Ok(done) = &result {
                    after(done);
                    afterwards();
                }
                Box::new(move || {
                    // Whoever asked may be gone; the change stands all the same.
                    let _ = answer.send(result);
                })
            });
            (keep, settle)
        });
        self.jobs
            .send(Message::Change { run, alone })
            .map_err(|_| StoreError::Stopped)?;
        answered.await.map_err(|_| StoreError::Stopped)?
    }

    /// Reads from one snapshot, on a thread where blocking is fine.
    ///
    /// # Errors
    /// What `reading` refuses, or [`StoreError`].
    pub async fn read<T, E>(
        &self,
        reading: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read_here(reading))
            .await
            .map_err(|_| StoreError::Stopped)?
    }

    /// Reads from one snapshot on this thread.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_here<T, E>(&self, reading: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut conn = match idle {
            Some(conn) => conn,
            None => open_reader(&self.path)?,
        };
        let result = {
            let snapshot = conn.transaction().map_err(StoreError::from)?;
            reading(&snapshot)
        };
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < IDLE_READERS {
            readers.push(conn);
        }
        result
    }

    /// Finishes what waits and stops the writer.
    pub fn stop(&self) {
        let _ = self.jobs.send(Message::Stop);
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer ended in a panic");
        }
    }
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    Ok(conn)
}

struct Writer {
    conn: Connection,
    log: Log,
    publish: watch::Sender<Published>,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Message>) {
        let mut held = None;
        loop {
            let first = match held.take() {
                Some(message) => Ok(message),
                None => inbox.recv_timeout(RETRY),
            };
            let (mut batch, mut stop) = (Vec::new(), false);
            match first {
                Ok(Message::Change { run, alone }) => {
                    batch.push(run);
                    while !alone && batch.len() < MAX_BATCH {
                        match inbox.try_recv() {
                            Ok(Message::Change { run, alone: false }) => batch.push(run),
                            Ok(message) => {
                                held = Some(message);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) if self.publish.borrow().healthy => continue,
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => stop = true,
            }
            if !self.turn(batch) || stop {
                return;
            }
        }
    }

    /// Runs a batch, sequences, publishes, answers. False when nothing more may be written.
    fn turn(&mut self, batch: Vec<Run>) -> bool {
        let (settles, undone) = match self.commit(batch) {
            Ok(settles) => (settles, None),
            Err((settles, error)) => {
                tracing::error!(%error, "a transaction was undone");
                (settles, Some(error.to_string()))
            }
        };
        let answers: Vec<_> = settles
            .into_iter()
            .map(|settle| settle(undone.as_deref()))
            .collect();
        let sequenced = self.log.sequence(&mut self.conn, clock::now());
        let healthy = sequenced.is_ok();
        if let Err(error) = &sequenced {
            tracing::error!(%error, "waiting leaves could not be sequenced");
        }
        let change = row::last_change(&self.conn).unwrap_or(self.publish.borrow().change);
        self.publish.send_replace(Published {
            checkpoint: self.log.newest(),
            change,
            healthy,
        });
        for answer in answers {
            answer();
        }
        !self.log.is_broken()
    }

    fn commit(&mut self, batch: Vec<Run>) -> Result<Vec<Settle>, (Vec<Settle>, rusqlite::Error)> {
        let mut settles = Vec::new();
        let change = match self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
        {
            Ok(change) => change,
            Err(error) => {
                // Dropping a change that never ran closes its answer: the asker is told that the writer failed.
                drop(batch);
                return Err((settles, error));
            }
        };
        for run in batch {
            if let Err(error) = change.execute_batch("SAVEPOINT job") {
                return Err((settles, error));
            }
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&change)));
            let (keep, settle) = match ran {
                Ok((keep, settle)) => (keep, Some(settle)),
                Err(_) => (false, None),
            };
            settles.extend(settle);
            let end = if keep {
                "RELEASE job"
            } else {
                "ROLLBACK TO job; RELEASE job"
            };
            if let Err(error) = change.execute_batch(end) {
                return Err((settles, error));
            }
        }
        match change.commit() {
            Ok(()) => Ok(settles),
            Err(error) => Err((settles, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{LOG_KEY, LogKey};
    use countersign_protocol::log::EntryType;
    use countersign_protocol::signed::Envelope;

    fn envelope(byte: u8) -> Envelope {
        Envelope {
            payload_type: "t".into(),
            payload: vec![byte],
            signatures: vec![],
        }
    }

    fn file(conn: &Connection, byte: u8) -> Result<(), StoreError> {
        let filing = row::Filing {
            sort: row::Sort::Verdict,
            request: None,
            version: None,
            envelope: &envelope(byte),
            entry: Some(EntryType::Verdict),
        };
        row::file(conn, &filing, clock::now())
    }

    fn opened(home: &Path) -> (PathBuf, Connection, LogKey) {
        let path = home.join(FILE);
        let mut conn = open(&path).unwrap();
        schema::migrate(&mut conn).unwrap();
        let key = LogKey::create(&home.join(LOG_KEY)).unwrap();
        Log::create(home, &key, "example.org/log").unwrap();
        (path, conn, key)
    }

    #[tokio::test]
    async fn what_was_committed_but_not_sequenced_is_sequenced_at_the_start() {
        let home = tempfile::tempdir().unwrap();
        let (path, conn, key) = opened(home.path());
        file(&conn, 1).unwrap();
        file(&conn, 2).unwrap();
        let log = Log::open(
            home.path(),
            &conn,
            &key,
            "example.org/log",
            &[key.verifier_key("example.org/log")],
        )
        .unwrap();
        let store = Store::start(&path, conn, log).unwrap();
        assert_eq!(store.published().checkpoint.size, 2);
        store.write(|conn| file(conn, 3)).await.unwrap();
        assert_eq!(store.published().checkpoint.size, 3);
        store.stop();
        assert!(matches!(
            store.write(|conn| file(conn, 4)).await,
            Err(StoreError::Stopped)
        ));
    }

    fn started(home: &Path) -> Store {
        let (path, conn, key) = opened(home);
        let log = Log::open(
            home,
            &conn,
            &key,
            "example.org/log",
            &[key.verifier_key("example.org/log")],
        )
        .unwrap();
        Store::start(&path, conn, log).unwrap()
    }

    #[tokio::test]
    async fn only_what_became_durable_is_told_of() {
        let home = tempfile::tempdir().unwrap();
        let store = started(home.path());
        let told: Arc<Mutex<Vec<&str>>> = Arc::default();
        let (list, early) = (Arc::clone(&told), Arc::clone(&told));
        let tell = move |conn: &Pending<'_>, what| {
            let list = Arc::clone(&list);
            conn.once_durable(move || list.lock().unwrap().push(what));
        };
        let (kept, refused, undone) = (tell.clone(), tell.clone(), tell);
        store
            .write(move |conn| -> Result<(), StoreError> {
                kept(conn, "kept");
                assert!(early.lock().unwrap().is_empty(), "nothing before the commit");
                Ok(())
            })
            .await
            .unwrap();
        let refused = store
            .write(move |conn| {
                refused(conn, "refused");
                Err::<(), _>(StoreError::Corrupt("on purpose".to_owned()))
            })
            .await;
        let undone = store
            .write(move |conn| {
                undone(conn, "undone");
                break_the_commit(conn)
            })
            .await;
        assert!(refused.is_err() && undone.is_err());
        assert_eq!(*told.lock().unwrap(), ["kept"]);
        store.stop();
    }

    /// Broken only at the end of the transaction, where a full disk is found out too.
    fn break_the_commit(conn: &Connection) -> Result<(), StoreError> {
        conn.execute_batch(
            "CREATE TABLE a (id INTEGER PRIMARY KEY);
             CREATE TABLE b (a INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO b VALUES (1);",
        )?;
        Ok(())
    }

    #[tokio::test]
    async fn a_change_that_cannot_be_made_durable_says_why_and_the_writer_goes_on() {
        let home = tempfile::tempdir().unwrap();
        let store = started(home.path());
        let undone = store.write(|conn| break_the_commit(conn)).await;
        assert!(
            matches!(&undone, Err(StoreError::Undone(why)) if why.contains("FOREIGN KEY")),
            "{undone:?}"
        );
        store.write(|conn| file(conn, 3)).await.unwrap();
        store.stop();
    }

    #[tokio::test]
    async fn a_change_that_fails_or_panics_takes_no_other_with_it() {
        let home = tempfile::tempdir().unwrap();
        let store = started(home.path());
        let (good, bad, worse, also) = tokio::join!(
            store.write(|conn| file(conn, 1)),
            store.write(|conn| {
                file(conn, 2)?;
                Err::<(), _>(StoreError::Corrupt("on purpose".to_owned()))
            }),
            store.write(|conn| -> Result<(), StoreError> {
                file(conn, 3)?;
                panic!("on purpose")
            }),
            store.write(|conn| file(conn, 4)),
        );
        assert!(good.is_ok() && also.is_ok());
        assert!(matches!(bad, Err(StoreError::Corrupt(_))));
        assert!(matches!(worse, Err(StoreError::Stopped)));
        assert_eq!(store.published().checkpoint.size, 2);
        let kept: i64 = store
            .read(|conn| -> Result<_, StoreError> {
                Ok(conn.query_row("SELECT count(*) FROM statements", [], |row| row.get(0))?)
            })
            .await
            .unwrap();
        assert_eq!(kept, 2);
        store.stop();
    }
}
