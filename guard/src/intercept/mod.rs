//! The client's side: what an agent's call is, as the agent's own user sees it.
//!
//! Holds no key and decides nothing. What is gathered here is the agent's word; the service looks again wherever it
//! can.

mod apply;
mod exec;
mod sql;

use std::path::{Path, PathBuf};

use countersign_protocol::text::TooLong;

pub use apply::{Change, apply};
pub use exec::exec;
pub use sql::sql;

/// Why a call could not be gathered.
#[derive(Debug, thiserror::Error)]
pub enum InterceptError {
    /// A file or stream cannot be read.
    #[error("`{path}`: {source}")]
    Read {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Too much to be held.
    #[error("`{path}` is larger than {limit} bytes, more than the guard holds")]
    TooLarge {
        /// Its path.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A text is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Reads at most `limit` bytes.
fn read_within(path: &Path, source: impl std::io::Read, limit: usize) -> Result<Vec<u8>, InterceptError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    source
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|source| InterceptError::Read {
            path: path.to_owned(),
            source,
        })?;
    if bytes.len() > limit {
        return Err(InterceptError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, InterceptError> {
    let file = std::fs::File::open(path).map_err(|source| InterceptError::Read {
        path: path.to_owned(),
        source,
    })?;
    read_within(path, file, limit)
}

/// The path made absolute, without asking the file system.
fn absolute(path: &Path) -> Result<PathBuf, InterceptError> {
    std::path::absolute(path).map_err(|source| InterceptError::Read {
        path: path.to_owned(),
        source,
    })
}
