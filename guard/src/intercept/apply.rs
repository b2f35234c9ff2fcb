//! A file change: which file, and the content it is to get. What it holds now is the service's to read.

use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use countersign_protocol::bundle::Artifact;
use countersign_protocol::text::{Line, OsBytes};

use super::{InterceptError, absolute, read_file};
use crate::socket::{ApplyCall, Asking, MAX_DOCUMENT_BYTES};

/// What is to become of the file.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// It gets the content of this one.
    After(&'a Path),
    /// It goes.
    Remove,
}

/// Gathers the call.
///
/// # Errors
/// [`InterceptError`] when the new content cannot be read or is too large.
pub fn apply(
    kind: &str,
    path: &Path,
    change: Change<'_>,
    asking: Asking,
) -> Result<ApplyCall, InterceptError> {
    let after = match change {
        Change::After(after) => Some(Artifact(read_file(after, MAX_DOCUMENT_BYTES)?)),
        Change::Remove => None,
    };
    Ok(ApplyCall {
        kind: Line::new(kind)?,
        path: OsBytes::new(absolute(path)?.into_os_string().into_vec()),
        after,
        asking,
    })
}
