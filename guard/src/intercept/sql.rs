//! A database script: its text, and the name of its database. Where that is, the service knows.

use std::path::Path;

use countersign_protocol::bundle::Artifact;
use countersign_protocol::text::Line;

use super::{InterceptError, read_file};
use crate::socket::{Asking, MAX_DOCUMENT_BYTES, SqlCall};

/// Gathers the call.
///
/// # Errors
/// [`InterceptError`] when the script cannot be read or is too large.
pub fn sql(database: &str, script: &Path, max_rows: u64, asking: Asking) -> Result<SqlCall, InterceptError> {
    Ok(SqlCall {
        database: Line::new(database)?,
        script: Artifact(read_file(script, MAX_DOCUMENT_BYTES)?),
        max_rows,
        asking,
    })
}
