//! The trust store on disk: the pinned root, and the newest of everything that was ever verified against it.
//!
//! Trust starts once, away from the backend, by pinning a root id. From then on the store only moves forward:
//! a shorter chain of roots, an older or second directory or policy of the same version, or a log that is not
//! the one seen before, is refused. One file, replaced atomically, under a lock that every process takes. The
//! store believes nobody: it verifies what it is given, and again what it reads.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_protocol::api::TrustDocument;
use countersign_protocol::canonical::{self, ParseError};
use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::digest::{RootId, Sha256Digest};
use countersign_protocol::directory::{DirectoryError, TrustedDirectory};
use countersign_protocol::log;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::{BundleError, TrustedBundle};
use countersign_protocol::root::{RootError, TrustedRoot};
use countersign_protocol::signed::Envelope;
use countersign_verify::Pinned;
use countersign_verify::log::{LogError, check_consistency, open_checkpoint};
use serde::{Deserialize, Serialize};

/// The schema name of the store's file.
const SCHEMA: &str = "countersign/trust-store/v1";
/// The largest store that is read, in bytes.
const MAX_STORE_BYTES: usize = 64 * 1024 * 1024;

/// Why trust is refused or cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read or written.
    #[error("trust store `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("trust store `{}` cannot be read {source}; move it away and pin the root again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParseError,
    },
    /// Nothing is pinned here.
    #[error("no root is pinned in `{}`; run `countersign login`, or name the root in the guard's configuration", .0.display())]
    NotPinned(PathBuf),
    /// Another root is pinned here.
    #[error("root `{pinned}` is pinned here, not `{given}`; one home belongs to one organisation")]
    OtherRoot {
        /// The root that is pinned.
        pinned: RootId,
        /// The root that was given.
        given: RootId,
    },
    /// Nothing was fetched yet.
    #[error("nothing is known yet but the pinned root; connect to the backend once")]
    Empty,
    /// The chain of roots is refused.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The chain of roots is not the one seen before.
    #[error("ALARM: the backend shows a chain of roots without the ones seen before; tell the owners")]
    RootsWentBack,
    /// The directory is refused.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The policy bundle is refused.
    #[error(transparent)]
    Policy(#[from] BundleError),
    /// Two statements of one version.
    #[error("ALARM: there are two different {what} of version {version}, both signed; tell the owners")]
    Twice {
        /// Directories or policy bundles.
        what: &'static str,
        /// The version.
        version: u64,
    },
    /// The document names another log.
    #[error("the backend names the log `{0}`, which is not this organisation's")]
    OtherLog(String),
    /// The checkpoint is refused.
    #[error(transparent)]
    Log(LogError),
    /// The log is not the one seen before.
    #[error("ALARM: {0}")]
    Forked(LogError),
    /// The log became shorter.
    #[error("ALARM: the log has {found} entries, but {seen} were seen before: it was cut; tell the owners")]
    Shrunk {
        /// Entries now.
        found: u64,
        /// Entries seen before.
        seen: u64,
    },
}

impl TrustError {
    /// Whether this is a sign of an attack and not merely of age or absence.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        matches!(
            self,
            Self::RootsWentBack | Self::Twice { .. } | Self::Forked(_) | Self::Shrunk { .. }
        )
    }
}

/// What a refresh brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// Nothing that was not known.
    Unchanged,
    /// A newer root, directory or policy.
    Newer,
}

/// What the store vouches for: verified again when it was read.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// The newest root.
    pub root: TrustedRoot,
    /// The newest directory.
    pub directory: TrustedDirectory,
    /// The newest policy bundle.
    pub policy: TrustedBundle,
}

impl Trusted {
    /// Refuses when any part has run out.
    ///
    /// # Errors
    /// [`TrustError`] names the part.
    pub fn check_fresh(&self, now: Timestamp) -> Result<(), TrustError> {
        self.root.check_fresh(now)?;
        self.directory.check_fresh(now)?;
        Ok(self.policy.check_fresh(now)?)
    }
}

/// The trust store of one home.
#[derive(Debug)]
pub struct TrustStore {
    folder: PathBuf,
    kept: Kept,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema: String,
    root: RootId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<TrustDocument>,
    /// The highest versions seen, kept apart from the statements that carried them.
    directory_seen: u64,
    policy_seen: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint: Option<SeenCheckpoint>,
    /// The signed note of the checkpoint, to show whom it may concern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl TrustStore {
    /// Pins a root in a folder, which is made where it is missing. The same root again is fine.
    ///
    /// # Errors
    /// [`TrustError`] when another root is pinned there or the file cannot be written.
    pub fn pin(folder: &Path, root: RootId) -> Result<Self, TrustError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| TrustError::File {
                path: folder.to_owned(),
                source,
            })?;
        let lock = lock(folder)?;
        let kept = match read(folder)? {
            Some(kept) if kept.root == root => kept,
            Some(kept) => {
                return Err(TrustError::OtherRoot {
                    pinned: kept.root,
                    given: root,
                });
            }
            None => {
                let kept = Kept {
                    schema: SCHEMA.to_owned(),
                    root,
                    document: None,
                    directory_seen: 0,
                    policy_seen: 0,
                    checkpoint: None,
                    note: None,
                };
                write(folder, &kept)?;
                kept
            }
        };
        drop(lock);
        Ok(Self {
            folder: folder.to_owned(),
            kept,
        })
    }

    /// Opens the store of a folder.
    ///
    /// # Errors
    /// [`TrustError`] when nothing is pinned there or the file cannot be read.
    pub fn open(folder: &Path) -> Result<Self, TrustError> {
        match read(folder)? {
            Some(kept) => Ok(Self {
                folder: folder.to_owned(),
                kept,
            }),
            None => Err(TrustError::NotPinned(file(folder))),
        }
    }

    /// The pinned root.
    #[must_use]
    pub const fn root_id(&self) -> RootId {
        self.kept.root
    }

    /// The newest verified checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> Option<SeenCheckpoint> {
        self.kept.checkpoint
    }

    /// The signed note of the newest verified checkpoint.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.kept.note.as_deref()
    }

    /// The newest document that was accepted.
    #[must_use]
    pub const fn document(&self) -> Option<&TrustDocument> {
        self.kept.document.as_ref()
    }

    /// What evidence is judged against.
    #[must_use]
    pub fn pinned(&self) -> Pinned {
        let newest = self.kept.document.as_ref().and_then(|known| known.roots.last());
        Pinned {
            root: self.kept.root,
            root_seen: newest.map(Envelope::payload_digest),
            directory_seen: self.kept.directory_seen,
            policy_seen: self.kept.policy_seen,
            checkpoint: self.kept.checkpoint,
        }
    }

    /// The newest root, directory and policy, verified again. Whether they have run out is asked apart.
    ///
    /// # Errors
    /// [`TrustError`] when nothing was fetched yet or the file was changed.
    pub fn trusted(&self) -> Result<Trusted, TrustError> {
        let document = self.kept.document.as_ref().ok_or(TrustError::Empty)?;
        accept(&self.kept, document)
    }

    /// Takes in what the backend shows: verifies all of it, and refuses what is older, expired, unsigned or
    /// contradicts what was seen.
    ///
    /// # Errors
    /// [`TrustError`] says why it is refused; the store is then as it was.
    pub fn refresh(&mut self, document: &TrustDocument, now: Timestamp) -> Result<Refreshed, TrustError> {
        let root = self.kept.root;
        if document.log_origin != log::origin(&root) {
            return Err(TrustError::OtherLog(document.log_origin.clone()));
        }
        let _lock = lock(&self.folder)?;
        self.reread()?;
        let trusted = accept(&self.kept, document)?;
        if let Some(known) = &self.kept.document {
            check_continues(known, document, &trusted)?;
        }
        trusted.check_fresh(now)?;
        if self.kept.document.as_ref() == Some(document) {
            return Ok(Refreshed::Unchanged);
        }
        let mut next = self.kept.clone();
        next.directory_seen = trusted.directory.version;
        next.policy_seen = trusted.policy.version;
        next.document = Some(document.clone());
        write(&self.folder, &next)?;
        self.kept = next;
        Ok(Refreshed::Newer)
    }

    /// Takes in a newer checkpoint of the log, which `proof` shows to continue the one seen before. The first
    /// one needs no proof.
    ///
    /// # Errors
    /// [`TrustError::Shrunk`] and [`TrustError::Forked`] are alarms; the store is then as it was.
    pub fn advance(&mut self, note: &str, proof: &[Sha256Digest]) -> Result<SeenCheckpoint, TrustError> {
        let _lock = lock(&self.folder)?;
        self.reread()?;
        let next = self.open_checkpoint(note)?;
        if let Some(seen) = self.kept.checkpoint {
            if next.size < seen.size {
                return Err(TrustError::Shrunk {
                    found: next.size,
                    seen: seen.size,
                });
            }
            check_consistency(&seen, &next, proof).map_err(TrustError::Forked)?;
            if next == seen {
                return Ok(next);
            }
        }
        let mut kept = self.kept.clone();
        kept.checkpoint = Some(next);
        kept.note = Some(note.to_owned());
        write(&self.folder, &kept)?;
        self.kept = kept;
        Ok(next)
    }

    /// Takes in a checkpoint that was shown to continue the one seen before elsewhere: by the verification of
    /// evidence against [`Self::pinned`].
    ///
    /// # Errors
    /// [`TrustError`] when it is older than, or contradicts, the one seen by now.
    pub fn advance_to(
        &mut self,
        proven: SeenCheckpoint,
        from: Option<SeenCheckpoint>,
    ) -> Result<(), TrustError> {
        let _lock = lock(&self.folder)?;
        self.reread()?;
        // Another process may have moved on meanwhile; then this proof starts from an older one and adds nothing.
        if self.kept.checkpoint != from || self.kept.checkpoint.is_some_and(|seen| proven.size <= seen.size) {
            return Ok(());
        }
        let mut kept = self.kept.clone();
        kept.checkpoint = Some(proven);
        kept.note = None;
        write(&self.folder, &kept)?;
        self.kept = kept;
        Ok(())
    }

    /// Opens a signed checkpoint of this organisation's log, without taking it in.
    ///
    /// # Errors
    /// [`TrustError`] when the log did not sign it.
    pub fn open_checkpoint(&self, note: &str) -> Result<SeenCheckpoint, TrustError> {
        open_checkpoint(note, &self.trusted()?.root).map_err(TrustError::Log)
    }

    /// Another process may have moved the store forward.
    fn reread(&mut self) -> Result<(), TrustError> {
        match read(&self.folder)? {
            Some(kept) if kept.root == self.kept.root => {
                self.kept = kept;
                Ok(())
            }
            Some(kept) => Err(TrustError::OtherRoot {
                pinned: self.kept.root,
                given: kept.root,
            }),
            None => Err(TrustError::NotPinned(file(&self.folder))),
        }
    }
}

fn accept(kept: &Kept, document: &TrustDocument) -> Result<Trusted, TrustError> {
    let root = TrustedRoot::follow(&kept.root, &document.roots)?;
    let directory = TrustedDirectory::accept(&root, &document.directory, kept.directory_seen)?;
    let policy = TrustedBundle::accept(&root, &document.policy, kept.policy_seen)?;
    Ok(Trusted {
        root,
        directory,
        policy,
    })
}

/// Refuses a document that leaves out a root seen before, or holds another statement of a version seen before.
fn check_continues(known: &TrustDocument, next: &TrustDocument, trusted: &Trusted) -> Result<(), TrustError> {
    let same = |one: &Envelope, other: &Envelope| one.payload == other.payload;
    let extends = known.roots.len() <= next.roots.len()
        && known
            .roots
            .iter()
            .zip(&next.roots)
            .all(|(one, other)| same(one, other));
    if !extends {
        return Err(TrustError::RootsWentBack);
    }
    let twice = |what, version| Err(TrustError::Twice { what, version });
    let old_directory = TrustedDirectory::accept(&trusted.root, &known.directory, 0);
    if old_directory.is_ok_and(|old| old.version == trusted.directory.version)
        && !same(&known.directory, &next.directory)
    {
        return twice("directories", trusted.directory.version);
    }
    let old_policy = TrustedBundle::accept(&trusted.root, &known.policy, 0);
    if old_policy.is_ok_and(|old| old.version == trusted.policy.version) && !same(&known.policy, &next.policy)
    {
        return twice("policy bundles", trusted.policy.version);
    }
    Ok(())
}

fn file(folder: &Path) -> PathBuf {
    folder.join("store.json")
}

/// Held until dropped, so that no process overwrites what another has just learnt.
fn lock(folder: &Path) -> Result<File, TrustError> {
    let path = folder.join("lock");
    let failed = |source| TrustError::File {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

fn read(folder: &Path) -> Result<Option<Kept>, TrustError> {
    let path = file(folder);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(TrustError::File { path, source }),
    };
    let kept: Kept =
        canonical::parse_within(&bytes, MAX_STORE_BYTES).map_err(|source| TrustError::Damaged {
            path: path.clone(),
            source,
        })?;
    if kept.schema == SCHEMA {
        Ok(Some(kept))
    } else {
        Err(TrustError::Damaged {
            path,
            source: ParseError::Refused {
                place: "/schema".to_owned(),
                problem: format!("this program reads `{SCHEMA}`"),
            },
        })
    }
}

fn write(folder: &Path, kept: &Kept) -> Result<(), TrustError> {
    let path = file(folder);
    let bytes = serde_json::to_vec(kept).map_err(|error| TrustError::File {
        path: path.clone(),
        source: std::io::Error::other(error),
    })?;
    crate::durable::replace(&path, &bytes).map_err(|source| TrustError::File { path, source })
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
