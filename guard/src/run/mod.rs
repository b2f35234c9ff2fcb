//! Runs exactly what was approved, from sealed copies, once.
//!
//! [`Prepared::of`] seals the held bytes and digests the action again from what is under the seals; only then is
//! the request used up, and what runs is the same sealed bytes. Nothing here decides whether it may run
//! ([`crate::enforce`]) or remembers that it did ([`crate::record`]).

pub mod exec;
pub mod file;
pub mod postgresql;
mod script;
pub mod sqlite;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use countersign_protocol::action::{Action, ArtifactRef, Dialect, Payload, Sql};
use countersign_protocol::canonical::EncodeError;
use countersign_protocol::digest::{ActionDigest, ArtifactDigest};
use countersign_protocol::identity::RequestId;
use countersign_protocol::receipt::Outcome;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::held::{Held, HeldError};
use crate::seal::{SealError, Sealed};

pub use script::{ScriptError, statements};

/// How long a client may leave output unread before it is left behind.
const READER_TIME: Duration = Duration::from_secs(10);

/// Why an action could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Held bytes are gone or changed.
    #[error(transparent)]
    Held(#[from] HeldError),
    /// The action cannot be digested.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why sealed bytes cannot be used. Nothing took effect.
#[derive(Debug, thiserror::Error)]
enum UnsealedError {
    #[error("an artifact of the action is not under seal")]
    Missing,
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// An action with its bytes under seal.
#[derive(Debug)]
pub struct Prepared {
    action: Action,
    digest: ActionDigest,
    sealed: BTreeMap<ArtifactDigest, Sealed>,
}

/// How an execution ended.
#[derive(Debug)]
pub struct Ran {
    /// In one word.
    pub outcome: Outcome,
    /// The process's own code.
    pub exit_code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: Option<Written>,
    /// What it wrote to standard error.
    pub stderr: Option<Written>,
    /// What the target held afterwards.
    pub after: Option<ArtifactRef>,
    /// What happened, in a sentence.
    pub detail: String,
}

/// An output stream: digest and length of all, and the last part.
#[derive(Debug)]
pub struct Written {
    /// All of it.
    pub all: ArtifactRef,
    /// The last part.
    pub tail: Vec<u8>,
}

/// A piece of output on its way to a client.
#[derive(Debug)]
pub enum Piece {
    /// Of standard output.
    Stdout(Vec<u8>),
    /// Of standard error.
    Stderr(Vec<u8>),
}

/// Where output goes while it runs: to a client that reads, or nowhere.
#[derive(Debug, Default, Clone)]
pub struct Live(Option<mpsc::Sender<Piece>>);

impl Live {
    /// Output for a client.
    #[must_use]
    pub const fn to(client: mpsc::Sender<Piece>) -> Self {
        Self(Some(client))
    }

    /// Passes a piece on at the client's pace. A client that goes away or stops reading is left behind, so that it
    /// cannot hold an execution in its middle.
    async fn pass(&mut self, piece: Piece) {
        if let Some(client) = &self.0
            && client.send_timeout(piece, READER_TIME).await.is_err()
        {
            self.0 = None;
        }
    }
}

impl Ran {
    /// Nothing took effect.
    #[must_use]
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::ended(Outcome::Failed, detail)
    }

    /// An end without a process.
    #[must_use]
    pub fn ended(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            exit_code: None,
            stdout: None,
            stderr: None,
            after: None,
            detail: detail.into(),
        }
    }
}

impl Prepared {
    /// Seals every artifact of `action` and digests the action again from what is under the seals.
    ///
    /// # Errors
    /// [`PrepareError`] when held bytes are gone, changed or cannot be sealed.
    pub fn of(action: &Action, held: &Held) -> Result<Self, PrepareError> {
        let mut sealed = BTreeMap::new();
        for artifact in needed(action) {
            sealed.insert(artifact.digest, held.sealed(&artifact)?);
        }
        let mut action = action.clone();
        observe_again(&mut action, &sealed);
        Ok(Self {
            digest: action.digest()?,
            action,
            sealed,
        })
    }

    /// The digest of the action, computed from the sealed bytes.
    #[must_use]
    pub const fn digest(&self) -> ActionDigest {
        self.digest
    }

    /// The action, with its bytes named as they are under the seals.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// Runs it. Call this once, after the request was used up.
    pub async fn run(&self, request: RequestId, config: &Config, live: Live) -> Ran {
        match &self.action.payload {
            Payload::Exec(exec) => exec::run(exec, self, &config.exec, live).await,
            // A file is removed only where that is what was approved, never for want of bytes.
            Payload::FileChange(change) => match change.after.map(|after| self.bytes(&after)).transpose() {
                Ok(after) => file::run(change, after.as_deref(), request),
                Err(error) => Ran::failed(error.to_string()),
            },
            Payload::Sql(sql) => self.run_sql(sql, config, live).await,
        }
    }

    fn sealed(&self, artifact: &ArtifactRef) -> Option<&Sealed> {
        self.sealed
            .get(&artifact.digest)
            .filter(|sealed| sealed.artifact() == *artifact)
    }

    fn bytes(&self, artifact: &ArtifactRef) -> Result<Vec<u8>, UnsealedError> {
        let sealed = self.sealed(artifact).ok_or(UnsealedError::Missing)?;
        Ok(sealed.bytes()?)
    }

    async fn run_sql(&self, sql: &Sql, config: &Config, mut live: Live) -> Ran {
        let Some(database) = config.database(sql.database.raw()) else {
            return Ran::failed("the database is no longer in the guard's configuration");
        };
        let script = match self.bytes(&sql.statement) {
            Ok(bytes) => bytes,
            Err(error) => return Ran::failed(error.to_string()),
        };
        let Ok(script) = String::from_utf8(script) else {
            return Ran::failed("the script is not UTF-8");
        };
        let limits = Limits {
            max_rows: sql.max_rows,
            time: config.exec.time_limit(),
            output: config.exec.output_bytes,
        };
        let ran = match (sql.dialect, &database.path, &database.url) {
            (Dialect::Sqlite, Some(path), _) if database.dialect == Dialect::Sqlite => {
                sqlite_apart(path, script, limits).await
            }
            (Dialect::Postgresql, _, Some(url)) if database.dialect == Dialect::Postgresql => {
                postgresql::run(url, &script, limits).await
            }
            _ => return Ran::failed("the database has another dialect in the guard's configuration now"),
        };
        if let Some(rows) = &ran.stdout {
            for piece in rows.tail.chunks(64 * 1024) {
                live.pass(Piece::Stdout(piece.to_vec())).await;
            }
        }
        ran
    }
}

/// What a database run may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// More rows changed roll it back.
    pub max_rows: u64,
    /// How long it may take.
    pub time: Duration,
    /// More bytes of result rows than these are cut off.
    pub output: usize,
}

/// Every artifact that running needs: those that travel, and the binary.
#[must_use]
pub fn needed(action: &Action) -> Vec<ArtifactRef> {
    match &action.payload {
        // The state before is compared with the live file, not used.
        Payload::FileChange(change) => change.after.into_iter().collect(),
        Payload::Exec(exec) => {
            let mut all = action.artifacts();
            all.push(exec.binary_digest);
            all
        }
        Payload::Sql(_) => action.artifacts(),
    }
}

/// Puts what is under the seals in the place of what was claimed of it.
fn observe_again(action: &mut Action, sealed: &BTreeMap<ArtifactDigest, Sealed>) {
    let again = |artifact: &mut ArtifactRef| {
        if let Some(sealed) = sealed.get(&artifact.digest) {
            *artifact = sealed.artifact();
        }
    };
    match &mut action.payload {
        Payload::FileChange(change) => {
            if let Some(after) = &mut change.after {
                again(after);
            }
        }
        Payload::Exec(exec) => {
            again(&mut exec.binary_digest);
            if let Some(stdin) = &mut exec.stdin {
                again(stdin);
            }
            for operand in &mut exec.operands {
                again(&mut operand.content);
            }
        }
        Payload::Sql(sql) => again(&mut sql.statement),
    }
}

async fn sqlite_apart(path: &Path, script: String, limits: Limits) -> Ran {
    let path = path.to_owned();
    let ran = tokio::task::spawn_blocking(move || sqlite::run(&path, &script, limits)).await;
    ran.unwrap_or_else(|error| Ran::ended(Outcome::Unknown, format!("the run broke off: {error}")))
}

/// Rows as lines of JSON arrays, up to a limit.
#[derive(Debug)]
struct Rows {
    text: Vec<u8>,
    limit: usize,
    cut: bool,
}

impl Rows {
    const fn new(limit: usize) -> Self {
        Self {
            text: Vec::new(),
            limit,
            cut: false,
        }
    }

    fn push(&mut self, row: &[serde_json::Value]) {
        let Ok(mut line) = serde_json::to_vec(row) else {
            self.cut = true;
            return;
        };
        line.push(b'\n');
        if self.cut || self.text.len() + line.len() > self.limit {
            self.cut = true;
        } else {
            self.text.append(&mut line);
        }
    }

    fn written(self) -> Option<Written> {
        (!self.text.is_empty()).then(|| Written {
            all: ArtifactRef::of(&self.text),
            tail: self.text,
        })
    }

    const fn note(&self) -> &'static str {
        if self.cut {
            "; result rows were cut off"
        } else {
            ""
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use countersign_protocol::action::FileChange;
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
    use countersign_protocol::text::{Line, OsBytes};

    use super::*;

    #[tokio::test]
    async fn a_change_without_its_bytes_under_seal_removes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("app.conf");
        std::fs::write(&path, "one").unwrap();
        let config = Config::parse(&format!(
            "guard = \"g1\"\nbackend = \"http://127.0.0.1:1\"\nroot = \"{}\"\nhome = \"/g\"\nsocket = \"/g/s\"\n\
             host = \"web-1\"\n",
            "ab".repeat(32)
        ));
        let action = Action {
            kind: "config-file".parse().unwrap(),
            environment: "production".parse().unwrap(),
            target: Line::new("file://web-1/app.conf").unwrap(),
            payload: Payload::FileChange(FileChange {
                path: OsBytes::new(path.as_os_str().as_bytes()),
                before: Some(ArtifactRef::of(b"one")),
                after: Some(ArtifactRef::of(b"two")),
                mode: None,
            }),
        };
        let unsealed = Prepared {
            digest: action.digest().unwrap(),
            action,
            sealed: BTreeMap::new(),
        };
        let request = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"p")));
        let ran = unsealed.run(request, &config.unwrap(), Live::default()).await;
        assert_eq!(ran.outcome, Outcome::Failed, "{}", ran.detail);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }
}
