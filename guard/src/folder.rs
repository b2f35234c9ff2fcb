//! Reaching files by descriptor, so that no symbolic link on the way can lead elsewhere.
//!
//! A path is walked part by part from `/` with `O_NOFOLLOW`; what is then done happens relative to the folder that
//! was reached. Only regular files are read. Hard links, extended attributes and access lists are not looked at.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// Why a file is not touched.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The path cannot be walked.
    #[error("folder of `{path}` cannot be opened without following links: {source}")]
    Walk {
        /// The path.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is a link, a folder, a device, …
    #[error("`{0}` is not a regular file; links are not followed")]
    NotRegular(String),
    /// It is too large.
    #[error("`{path}` is larger than {limit} bytes")]
    TooLarge {
        /// The path.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// The system refused.
    #[error("`{path}`: {source}")]
    System {
        /// The path.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A regular file as it was read.
#[derive(Debug)]
pub struct Live {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner.
    pub owner: (u32, u32),
    /// Its identity.
    pub inode: (u64, u64),
}

/// An opened folder and the name of a file in it.
#[derive(Debug)]
pub struct Place {
    folder: OwnedFd,
    name: OsString,
    path: String,
}

impl Place {
    /// Walks to the folder of an absolute path, following no link.
    ///
    /// # Errors
    /// [`FolderError`] when a part is missing or no folder.
    pub fn reach(path: &Path) -> Result<Self, FolderError> {
        let walked = parts(path).and_then(|parts| {
            let (name, folders) = parts.split_last().ok_or(Errno::INVAL)?;
            Ok((walk(folders, OFlags::RDONLY)?, (*name).to_owned()))
        });
        let (folder, name) = walked.map_err(|errno| unwalked(path, errno))?;
        Ok(Self {
            folder,
            name,
            path: path.display().to_string(),
        })
    }

    /// The file's name.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Reads the file; nothing when there is none.
    ///
    /// # Errors
    /// [`FolderError`] when it is a link, no regular file, or larger than `limit`.
    pub fn read(&self, limit: usize) -> Result<Option<Live>, FolderError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.folder, &self.name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => {
                return Err(FolderError::NotRegular(self.path.clone()));
            }
            Err(errno) => return Err(self.system(errno)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|errno| self.system(errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FolderError::NotRegular(self.path.clone()));
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        File::from(file)
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|source| FolderError::System {
                path: self.path.clone(),
                source,
            })?;
        if bytes.len() > limit {
            return Err(FolderError::TooLarge {
                path: self.path.clone(),
                limit,
            });
        }
        Ok(Some(Live {
            bytes,
            mode: stat.st_mode & 0o7777,
            owner: (stat.st_uid, stat.st_gid),
            inode: inode(&stat),
        }))
    }

    /// Makes a file beside it that must not exist yet.
    ///
    /// # Errors
    /// [`FolderError`] when it exists or cannot be made.
    pub fn create_beside(&self, name: &OsStr) -> Result<File, FolderError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.folder, name, flags, Mode::from_raw_mode(0o600))
            .map(File::from)
            .map_err(|errno| self.system(errno))
    }

    /// Removes a file beside it, if it is there.
    ///
    /// # Errors
    /// [`FolderError`] when it cannot be removed.
    pub fn remove_beside(&self, name: &OsStr) -> Result<(), FolderError> {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.system(errno)),
        }
    }

    /// Puts the file `from` beside it in its place: over it, or only where nothing is.
    ///
    /// # Errors
    /// [`FolderError`] when the system refuses.
    pub fn replace_with(&self, from: &OsStr, existing: Existing) -> Result<(), FolderError> {
        let flags = match existing {
            Existing::Replaced => rustix::fs::RenameFlags::empty(),
            Existing::Refused => rustix::fs::RenameFlags::NOREPLACE,
        };
        rustix::fs::renameat_with(&self.folder, from, &self.folder, &self.name, flags)
            .map_err(|errno| self.system(errno))
    }

    /// Makes what happened in the folder durable.
    ///
    /// # Errors
    /// [`FolderError`] when the disk does not say so.
    pub fn sync(&self) -> Result<(), FolderError> {
        rustix::fs::fsync(&self.folder).map_err(|errno| self.system(errno))
    }

    fn system(&self, errno: Errno) -> FolderError {
        FolderError::System {
            path: self.path.clone(),
            source: errno.into(),
        }
    }
}

/// What happens to a file that stands where another is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It goes.
    Replaced,
    /// It stays, and the other is refused.
    Refused,
}

/// Walks to a folder by its absolute path, following no link: a place to be in, not to be read.
///
/// # Errors
/// [`FolderError`] when a part is missing or no folder.
pub fn enter(path: &Path) -> Result<OwnedFd, FolderError> {
    let parts = if path == Path::new("/") {
        Ok(Vec::new())
    } else {
        parts(path)
    };
    let walked = parts.and_then(|parts| walk(&parts, OFlags::PATH));
    walked.map_err(|errno| unwalked(path, errno))
}

/// The parts of an absolute path that is its own normal form.
fn parts(path: &Path) -> Result<Vec<&OsStr>, Errno> {
    let relative = path.strip_prefix("/").map_err(|_| Errno::INVAL)?;
    let bytes = relative.as_os_str().as_bytes();
    let parts: Vec<&OsStr> = bytes.split(|b| *b == b'/').map(OsStr::from_bytes).collect();
    if parts
        .iter()
        .any(|part| part.is_empty() || *part == "." || *part == "..")
    {
        return Err(Errno::INVAL);
    }
    Ok(parts)
}

fn walk(folders: &[&OsStr], opened_for: OFlags) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | opened_for;
    let mut folder = rustix::fs::open("/", flags, Mode::empty())?;
    for part in folders {
        folder = rustix::fs::openat(&folder, *part, flags, Mode::empty())?;
    }
    Ok(folder)
}

fn unwalked(path: &Path, errno: Errno) -> FolderError {
    FolderError::Walk {
        path: path.display().to_string(),
        source: errno.into(),
    }
}

fn inode(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::create_dir(base.join("real")).unwrap();
        std::fs::write(base.join("real/file"), "x").unwrap();
        symlink(base.join("real"), base.join("link")).unwrap();
        symlink(base.join("real/file"), base.join("real/alias")).unwrap();

        let read = |path: &str| Place::reach(&base.join(path)).and_then(|place| place.read(10));
        assert_eq!(read("real/file").unwrap().unwrap().bytes, b"x");
        assert!(read("real/none").unwrap().is_none());
        assert!(matches!(read("link/file"), Err(FolderError::Walk { .. })));
        assert!(matches!(read("real/alias"), Err(FolderError::NotRegular(_))));
        assert!(matches!(read("real"), Err(FolderError::NotRegular(_))));
        assert!(Place::reach(&base.join("real/../real/file")).is_err());
        assert!(Place::reach(Path::new("real/file")).is_err());
    }

    #[test]
    fn pipes_and_large_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let pipe = base.join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let read = |path: &Path| Place::reach(path).and_then(|place| place.read(10));
        assert!(matches!(read(&pipe), Err(FolderError::NotRegular(_))));
        std::fs::write(base.join("large"), [0; 11]).unwrap();
        assert!(matches!(
            read(&base.join("large")),
            Err(FolderError::TooLarge { .. })
        ));
    }
}
