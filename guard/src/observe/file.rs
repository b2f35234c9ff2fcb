//! A file change: the live document as the service reads it, and the one to be written.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use countersign_protocol::action::{FileChange, Payload};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::kind::Kind;
use countersign_protocol::text::OsBytes;

use super::{Artifacts, ObserveError, Observed, fact, refused, uri};
use crate::config::Config;
use crate::folder::Place;
use crate::socket::{ApplyCall, MAX_DOCUMENT_BYTES};

/// The action of an `apply` call. The folder's path is made canonical once, here; from then on no link is followed.
///
/// # Errors
/// [`ObserveError`] when the file is no regular file, cannot be read, or would not change.
pub fn file(call: ApplyCall, config: &Config) -> Result<Observed, ObserveError> {
    let kind = Kind::named(call.kind.raw())?;
    let given = Path::new(OsStr::from_bytes(call.path.as_bytes()));
    if !given.is_absolute() {
        return refused("the path of the file is not absolute");
    }
    let (Some(folder), Some(name)) = (given.parent(), given.file_name()) else {
        return refused("the path names no file");
    };
    let folder = folder.canonicalize().map_err(|source| ObserveError::System {
        what: "folder",
        path: folder.display().to_string(),
        source,
    })?;
    let path = folder.join(name);
    let live = Place::reach(&path)?.read(MAX_DOCUMENT_BYTES)?;
    let mut facts = vec![];
    if let Some(live) = &live {
        let (user, group) = live.owner;
        facts.push(fact(
            "file owner",
            format!("uid {user}, gid {group}, mode {:04o}", live.mode),
        )?);
    }
    if call
        .after
        .as_ref()
        .is_some_and(|after| after.0.len() > MAX_DOCUMENT_BYTES)
    {
        return refused(format!("the new document is over {MAX_DOCUMENT_BYTES} bytes"));
    }
    let before = live.map(|live| Artifact(live.bytes));
    if before == call.after {
        return refused(match before {
            Some(_) => "the file holds this already; nothing would change",
            None => "there is no such file; nothing would change",
        });
    }
    let mut artifacts = Artifacts::default();
    let bytes = path.as_os_str().as_bytes();
    Ok(Observed {
        kind,
        target: uri("file", &config.host, bytes)?,
        payload: Payload::FileChange(FileChange {
            path: OsBytes::new(bytes),
            before: before.map(|bytes| artifacts.take(bytes)),
            after: call.after.map(|bytes| artifacts.take(bytes)),
            mode: None,
        }),
        artifacts: artifacts.0,
        binary: None,
        facts,
    })
}
