//! Sealed copies: bytes that nobody can change between the check and the use.
//!
//! A copy lives in anonymous memory (memfd_create(2)) under the seals `SHRINK`, `GROW`, `WRITE` and `SEAL`, and is
//! digested from there. Pinning an open file would not do: its inode can be written in place. A sealed copy says
//! nothing of an interpreter or a dynamic loader, which run from their own paths.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;

use countersign_protocol::action::ArtifactRef;
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;

/// Why no sealed copy was made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The kernel refused.
    #[error("sealed copy cannot be made: {0}; is there memory left, and `/proc` mounted?")]
    Kernel(#[from] std::io::Error),
}

impl From<Errno> for SealError {
    fn from(error: Errno) -> Self {
        Self::Kernel(error.into())
    }
}

/// Bytes under seal.
#[derive(Debug)]
pub struct Sealed {
    file: File,
    artifact: ArtifactRef,
}

impl Sealed {
    /// Copies `bytes` into memory, seals them, and digests what is under the seals.
    ///
    /// # Errors
    /// [`SealError`] when the kernel refuses.
    pub fn copy(bytes: &[u8]) -> Result<Self, SealError> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let memory = match rustix::fs::memfd_create("countersign", flags | MemfdFlags::EXEC) {
            // Before Linux 6.3 there was no such flag, and every copy could be executed.
            Err(Errno::INVAL) => rustix::fs::memfd_create("countersign", flags)?,
            made => made?,
        };
        let mut writer = File::from(memory);
        writer.write_all(bytes)?;
        rustix::fs::fchmod(&writer, Mode::from_raw_mode(0o555))?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&writer, seals)?;
        // A descriptor that was never writable: a file open for writing cannot be executed.
        let file = File::from(reopen(&writer)?);
        let artifact = ArtifactRef::of(&read_all(&file)?);
        Ok(Self { file, artifact })
    }

    /// The digest and length of what is under the seals.
    #[must_use]
    pub const fn artifact(&self) -> ArtifactRef {
        self.artifact
    }

    /// The bytes under the seals.
    ///
    /// # Errors
    /// [`SealError`] when they cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>, SealError> {
        Ok(read_all(&self.file)?)
    }

    /// A read-only descriptor of its own, standing at the start.
    ///
    /// # Errors
    /// [`SealError`] when the kernel gives none.
    pub fn reader(&self) -> Result<OwnedFd, SealError> {
        Ok(reopen(&self.file)?)
    }
}

fn reopen(file: &File) -> std::io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    Ok(rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

fn read_all(file: &File) -> std::io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_to_be_changed() {
        let sealed = Sealed::copy(b"approved").unwrap();
        assert!(sealed.file.write_at(b"x", 0).is_err());
        assert!(sealed.file.set_len(0).is_err());
        let path = format!("/proc/self/fd/{}", sealed.file.as_raw_fd());
        let reopened = std::fs::OpenOptions::new().write(true).open(path);
        assert!(reopened.and_then(|file| file.write_at(b"x", 0)).is_err());
        let unsealed = rustix::fs::fcntl_add_seals(&sealed.file, SealFlags::FUTURE_WRITE);
        assert!(unsealed.is_err());
        assert_eq!(sealed.bytes().unwrap(), b"approved");
        assert_eq!(sealed.artifact(), ArtifactRef::of(b"approved"));
    }

    #[test]
    fn every_reader_starts_at_the_start() {
        use std::io::Read as _;
        let sealed = Sealed::copy(b"approved").unwrap();
        for _ in 0..2 {
            let mut text = String::new();
            File::from(sealed.reader().unwrap())
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "approved");
        }
    }
}
