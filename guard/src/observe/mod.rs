//! What the service itself sees of a call: the action it amounts to and the bytes it needs.
//!
//! A client's words are the payload; where the service can look for itself it does: which binary a name stands for,
//! what a live file holds, where a database is. Nothing is decided here.

mod exec;
mod file;
mod sql;

use std::collections::BTreeMap;

use countersign_protocol::action::{ArtifactRef, Payload};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::context::{Fact, Origin};
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::kind::{Kind, UnknownKind};
use countersign_protocol::text::{Line, Prose, TooLong};

use crate::folder::FolderError;
use crate::run::ScriptError;

pub use exec::{binary_again, exec};
pub use file::file;
pub use sql::sql;

/// Why a call amounts to no action.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The kind is not known.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// A text is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// A file cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The script is refused.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The system refused.
    #[error("{what} `{path}`: {source}")]
    System {
        /// What it is.
        what: &'static str,
        /// Its path.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something else is wrong with the call.
    #[error("{0}")]
    Refused(String),
}

/// An action as the service saw it, with its bytes.
#[derive(Debug)]
pub struct Observed {
    /// What sort of change.
    pub kind: Kind,
    /// What it acts on.
    pub target: Line,
    /// The change.
    pub payload: Payload,
    /// The bytes that travel with it.
    pub artifacts: BTreeMap<ArtifactDigest, Artifact>,
    /// The bytes of the binary, which stay here.
    pub binary: Option<Vec<u8>>,
    /// What else was seen.
    pub facts: Vec<Fact>,
}

/// Bytes on their way into an action.
#[derive(Debug, Default)]
struct Artifacts(BTreeMap<ArtifactDigest, Artifact>);

impl Artifacts {
    fn take(&mut self, bytes: Artifact) -> ArtifactRef {
        let artifact = ArtifactRef::of(&bytes.0);
        self.0.insert(artifact.digest, bytes);
        artifact
    }
}

fn refused<T>(message: impl Into<String>) -> Result<T, ObserveError> {
    Err(ObserveError::Refused(message.into()))
}

fn fact(name: &str, value: impl Into<String>) -> Result<Fact, ObserveError> {
    Ok(Fact {
        origin: Origin::Observed,
        name: Line::new(name)?,
        value: Prose::new(value)?,
    })
}

/// `SCHEME://HOST/PATH`, with every byte escaped that a pattern or a reader could misunderstand (RFC 3986).
fn uri(scheme: &str, host: &str, path: &[u8]) -> Result<Line, TooLong> {
    use std::fmt::Write as _;
    let mut text = format!("{scheme}://{host}");
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"/-._~@+=:,".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    Line::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_hold_nothing_that_a_pattern_could_misread() {
        let target = uri("file", "web-1", "/etc/a b*\n\u{e4}".as_bytes()).unwrap();
        assert_eq!(target.raw(), "file://web-1/etc/a%20b%2A%0A%C3%A4");
    }
}
