//! Bytes that wait for approval: content-addressed files in the guard's home, hashed again whenever they are used.
//!
//! They are there so that a restart loses nothing. They are not what runs: that is a sealed copy ([`crate::seal`])
//! made from them and digested once more.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_protocol::action::ArtifactRef;
use countersign_protocol::digest::ArtifactDigest;

use crate::seal::{SealError, Sealed};

/// How the name of a file that is being written begins.
const PART: &str = ".";
/// Numbers the files that are being written.
static PARTS: AtomicU64 = AtomicU64::new(0);

/// Why held bytes cannot be kept or used.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// The disk refused.
    #[error("held bytes `{path}`: {source}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are not those that were held.
    #[error("held bytes `{0}` are no longer what was approved; nothing runs")]
    Changed(ArtifactDigest),
    /// No sealed copy.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The folder of held bytes.
#[derive(Debug, Clone)]
pub struct Held {
    folder: PathBuf,
}

impl Held {
    /// Opens the folder under the guard's home, making it when it is not there.
    ///
    /// # Errors
    /// [`HeldError::Disk`] when it cannot be made.
    pub fn open(home: &Path) -> Result<Self, HeldError> {
        let folder = home.join("held");
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|source| disk(&folder, source))?;
        Ok(Self { folder })
    }

    /// Keeps `bytes` durably. The same bytes are kept once.
    ///
    /// # Errors
    /// [`HeldError::Disk`] when they cannot be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<ArtifactRef, HeldError> {
        let artifact = ArtifactRef::of(bytes);
        let path = self.path(&artifact.digest);
        if self.read(&artifact).is_ok() {
            return Ok(artifact);
        }
        // Several calls may keep the same bytes at once: each writes a file of its own.
        let serial = PARTS.fetch_add(1, Ordering::Relaxed);
        let part = self.folder.join(format!(
            "{PART}{}.{}.{serial}",
            artifact.digest,
            std::process::id()
        ));
        write_durably(&part, &path, bytes).map_err(|source| disk(&path, source))?;
        Ok(artifact)
    }

    /// The bytes, hashed again.
    ///
    /// # Errors
    /// [`HeldError`] when they are gone or changed.
    pub fn read(&self, artifact: &ArtifactRef) -> Result<Vec<u8>, HeldError> {
        let path = self.path(&artifact.digest);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| {
                file.take(artifact.length.saturating_add(1))
                    .read_to_end(&mut bytes)
            })
            .map_err(|source| disk(&path, source))?;
        if artifact.names(&bytes) {
            Ok(bytes)
        } else {
            Err(HeldError::Changed(artifact.digest))
        }
    }

    /// A sealed copy of the bytes, digested under the seals.
    ///
    /// # Errors
    /// [`HeldError`] when they are gone, changed, or cannot be sealed.
    pub fn sealed(&self, artifact: &ArtifactRef) -> Result<Sealed, HeldError> {
        let sealed = Sealed::copy(&self.read(artifact)?)?;
        if sealed.artifact() == *artifact {
            Ok(sealed)
        } else {
            Err(HeldError::Changed(artifact.digest))
        }
    }

    /// Lets go of bytes that no open request needs. That they are gone already is no problem.
    pub fn release(&self, digest: &ArtifactDigest) {
        remove(&self.path(digest));
    }

    /// Removes what no request needs, and what was not written to its end; gives how many files. A crash leaves it
    /// behind when it comes after bytes were kept and before the journal named them, so this is for the start of a
    /// service, while it has the home to itself and keeps nothing yet.
    ///
    /// # Errors
    /// [`HeldError::Disk`] when the folder cannot be read.
    pub fn sweep(&self, needed: &BTreeSet<ArtifactDigest>) -> Result<usize, HeldError> {
        let unreadable = |source| disk(&self.folder, source);
        let mut removed = 0;
        for file in fs::read_dir(&self.folder).map_err(unreadable)? {
            let file = file.map_err(unreadable)?;
            if is_orphan(&file.file_name(), needed) {
                remove(&file.path());
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn path(&self, digest: &ArtifactDigest) -> PathBuf {
        self.folder.join(digest.to_string())
    }
}

fn disk(path: &Path, source: io::Error) -> HeldError {
    HeldError::Disk {
        path: path.to_owned(),
        source,
    }
}

/// Whether a file of this name is one of ours that no request needs. What somebody else put there stays.
fn is_orphan(name: &OsStr, needed: &BTreeSet<ArtifactDigest>) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let unfinished = name.strip_prefix(PART);
    let digest = unfinished.map_or(name, |part| part.split('.').next().unwrap_or(part));
    match digest.parse() {
        Ok(digest) => unfinished.is_some() || !needed.contains(&digest),
        Err(_) => false,
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "held bytes could not be removed");
    }
}

fn write_durably(part: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(part, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_there_after_a_restart_and_refused_when_changed() {
        let home = tempfile::tempdir().unwrap();
        let artifact = Held::open(home.path()).unwrap().keep(b"plan").unwrap();
        let held = Held::open(home.path()).unwrap();
        assert_eq!(held.sealed(&artifact).unwrap().bytes().unwrap(), b"plan");

        fs::write(held.path(&artifact.digest), b"flan").unwrap();
        assert!(matches!(held.read(&artifact), Err(HeldError::Changed(_))));
        fs::write(held.path(&artifact.digest), b"plan and more").unwrap();
        assert!(matches!(held.sealed(&artifact), Err(HeldError::Changed(_))));
        // The same bytes asked again mend what was damaged.
        held.keep(b"plan").unwrap();
        assert!(held.read(&artifact).is_ok());
    }

    #[test]
    fn the_same_bytes_are_kept_by_many_at_once() {
        let home = tempfile::tempdir().unwrap();
        let held = Held::open(home.path()).unwrap();
        let bytes = vec![7; 1 << 16];
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| held.keep(&bytes).unwrap());
            }
        });
        assert_eq!(held.read(&ArtifactRef::of(&bytes)).unwrap(), bytes);
        assert_eq!(fs::read_dir(home.path().join("held")).unwrap().count(), 1);
    }

    #[test]
    fn only_what_nobody_needs_is_swept_away() {
        let home = tempfile::tempdir().unwrap();
        let held = Held::open(home.path()).unwrap();
        let (needed, orphan) = (held.keep(b"needed").unwrap(), held.keep(b"orphan").unwrap());
        let part = held.folder.join(format!(".{}.17.3", needed.digest));
        fs::write(&part, b"nee").unwrap();
        let foreign = ["notes.txt", ".nfs0001"].map(|name| held.folder.join(name));
        for path in &foreign {
            fs::write(path, b"not ours").unwrap();
        }

        assert_eq!(held.sweep(&BTreeSet::from([needed.digest])).unwrap(), 2);
        assert!(held.read(&needed).is_ok());
        assert!(held.read(&orphan).is_err());
        assert!(!part.exists());
        assert!(foreign.iter().all(|path| path.exists()));
        assert_eq!(held.sweep(&BTreeSet::new()).unwrap(), 1);
    }

    #[test]
    fn are_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let held = Held::open(home.path()).unwrap();
        let artifact = held.keep(b"secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&held.folder), 0o700);
        assert_eq!(mode(&held.path(&artifact.digest)), 0o600);
    }
}
