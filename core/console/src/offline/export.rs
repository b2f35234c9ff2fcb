//! Taking requests out: one sealed file for a machine without a network.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_client::{ClientError, now};
use countersign_protocol::canonical::{self, EncodeError, ParseError};
use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::export::Export;
use countersign_protocol::identity::RequestId;
use countersign_protocol::signed::{SignError, Signed, Signer};
use countersign_verify::Problem;
use serde::{Deserialize, Serialize};

use super::record::{Exported, Header, Record, SCHEMA, line};
use crate::home::Home;
use crate::inbox::{Inbox, InboxError};

/// The schema name of the list of checkpoints that machines without a network are known to hold.
const CARRIED_SCHEMA: &str = "countersign/carried-checkpoints/v1";
/// How many of those are remembered.
const MAX_CARRIED: usize = 32;

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A request cannot be had.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// The backend does not prove its log.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Its evidence does not hold.
    #[error("the evidence of request `{id}` does not hold, so it is not exported: {}", problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Unverified {
        /// The request.
        id: RequestId,
        /// What does not hold.
        problems: Vec<Problem>,
    },
    /// The file cannot be written.
    #[error("`{}`: {source}; nothing was left there", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The list of checkpoints cannot be read.
    #[error("`{}` cannot be read {source}; move it away", path.display())]
    Carried {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParseError,
    },
    /// A line cannot be written as JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The seal cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// How many requests.
    pub requests: usize,
    /// How many bytes.
    pub bytes: u64,
}

/// Exports requests, each verified before it is written. The file appears whole or not at all; `report` is told
/// after each request. `seen` are checkpoints that the reading machine may hold: the log is proven to continue
/// them, and those of earlier exports.
///
/// # Errors
/// [`ExportError`] says why nothing was exported.
pub async fn export(
    home: &Home,
    inbox: &Inbox,
    seal_with: &dyn Signer,
    ids: &[RequestId],
    seen: &[SeenCheckpoint],
    path: &Path,
    report: impl Fn(usize),
) -> Result<Written, ExportError> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".partial");
    let fresh = PathBuf::from(fresh);
    let outcome = write_all(home, inbox, seal_with, ids, seen, &fresh, report).await;
    let written = outcome.and_then(|written| {
        let renamed = std::fs::rename(&fresh, path);
        renamed.map(|()| written).map_err(failed(path))
    });
    if written.is_err() {
        // The error that is returned says more than one about the left-over.
        drop(std::fs::remove_file(&fresh));
    }
    written
}

async fn write_all(
    home: &Home,
    inbox: &Inbox,
    seal_with: &dyn Signer,
    ids: &[RequestId],
    seen: &[SeenCheckpoint],
    path: &Path,
    report: impl Fn(usize),
) -> Result<Written, ExportError> {
    inbox.refresh_trust().await?;
    let (root, trust) = {
        let store = inbox.store();
        let document = store.document().cloned();
        (
            store.root_id(),
            document.ok_or(InboxError::Trust(countersign_client::trust::TrustError::Empty))?,
        )
    };
    let header = line(&Record::Header(Box::new(Header {
        schema: SCHEMA.to_owned(),
        root,
        trust,
    })))?;
    let mut carried = carried_checkpoints(home)?;
    carried.extend_from_slice(seen);
    let mut file = SealedFile::create(path)?;
    let trust = file.write(&header)?;
    let mut requests = BTreeMap::new();
    let mut newest = None;
    for (done, id) in ids.iter().enumerate() {
        let (exported, checkpoint) = fetch(inbox, *id, &carried).await?;
        let digest = file.write(&line(&Record::Request(Box::new(exported)))?)?;
        requests.insert(*id, digest);
        newest = newest.max(checkpoint);
        report(done + 1);
    }
    let count = requests.len();
    let export = Export {
        root,
        exported_by: inbox.person().clone(),
        exported_at: now(),
        trust,
        requests,
    };
    let envelope = Signed::seal(&export, &[seal_with])?.into_envelope();
    file.write(&line(&Record::Seal(envelope))?)?;
    let bytes = file.finish()?;
    if let Some(newest) = newest {
        remember(home, &[newest])?;
    }
    Ok(Written {
        requests: count,
        bytes,
    })
}

/// Fetches one request with proofs that its log continues each of the carried checkpoints.
async fn fetch(
    inbox: &Inbox,
    id: RequestId,
    carried: &[SeenCheckpoint],
) -> Result<(Exported, Option<SeenCheckpoint>), ExportError> {
    let opened = inbox.fetch(id).await?;
    if !opened.report.is_valid() {
        return Err(ExportError::Unverified {
            id,
            problems: opened.report.problems,
        });
    }
    let mut evidence = Arc::unwrap_or_clone(opened.record).evidence;
    let shown = opened.report.chain.and_then(|chain| chain.log.checkpoint);
    for seen in carried.iter().copied().chain(opened.checkpoint) {
        inbox.backend().bridge(&mut evidence, Some(seen), shown).await?;
    }
    Ok((Exported { id, evidence }, shown))
}

/// A file that is written line by line, and counts as written only once it is on disk.
struct SealedFile {
    path: PathBuf,
    writer: BufWriter<File>,
    bytes: u64,
}

impl SealedFile {
    fn create(path: &Path) -> Result<Self, ExportError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(failed(path))?;
        Ok(Self {
            path: path.to_owned(),
            writer: BufWriter::with_capacity(1 << 20, file),
            bytes: 0,
        })
    }

    /// Writes a line; its digest, without the line end.
    fn write(&mut self, line: &[u8]) -> Result<Sha256Digest, ExportError> {
        self.writer.write_all(line).map_err(failed(&self.path))?;
        self.bytes += line.len() as u64;
        Ok(Sha256Digest::of(line.strip_suffix(b"\n").unwrap_or(line)))
    }

    fn finish(self) -> Result<u64, ExportError> {
        let path = self.path;
        let file = self
            .writer
            .into_inner()
            .map_err(|error| failed(&path)(error.into_error()))?;
        file.sync_all().map_err(failed(&path))?;
        Ok(self.bytes)
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::File {
        path: path.clone(),
        source,
    }
}

/// Checkpoints that machines without a network are known to hold.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CarriedCheckpoints {
    schema: String,
    checkpoints: Vec<SeenCheckpoint>,
}

fn carried_file(home: &Home) -> PathBuf {
    home.state_folder().join("carried-checkpoints.json")
}

fn carried_checkpoints(home: &Home) -> Result<Vec<SeenCheckpoint>, ExportError> {
    let path = carried_file(home);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&path)(error)),
    };
    let kept: CarriedCheckpoints =
        canonical::parse(&bytes).map_err(|source| ExportError::Carried { path, source })?;
    Ok(kept.checkpoints)
}

/// Remembers checkpoints that went out with an export or came back with a decision: the next export proves that
/// the log continues them.
///
/// # Errors
/// [`ExportError`] when they cannot be kept.
pub fn remember(home: &Home, more: &[SeenCheckpoint]) -> Result<(), ExportError> {
    let mut checkpoints = carried_checkpoints(home)?;
    checkpoints.extend(more.iter().filter(|checkpoint| checkpoint.size > 0));
    checkpoints.sort();
    checkpoints.dedup();
    let drop = checkpoints.len().saturating_sub(MAX_CARRIED);
    let kept = CarriedCheckpoints {
        schema: CARRIED_SCHEMA.to_owned(),
        checkpoints: checkpoints.split_off(drop),
    };
    let path = carried_file(home);
    let bytes = canonical::to_bytes(&kept)?;
    countersign_client::durable::replace(&path, &bytes).map_err(failed(&path))
}
