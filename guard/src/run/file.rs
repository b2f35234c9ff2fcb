//! Changes one file: only when it still is what was reviewed, whole or not at all.
//!
//! The new content is written beside the file and renamed over it (rename(2)), so that nobody ever reads half of
//! it. Between the last comparison and the rename another writer could still slip in: the guard's own rights on the
//! folder are what keeps others out. Mode and owner are kept; extended attributes and access lists are not.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use countersign_protocol::action::{ArtifactRef, FileChange};
use countersign_protocol::identity::RequestId;
use countersign_protocol::receipt::Outcome;
use rustix::fs::{Gid, Mode, Uid};

use super::Ran;
use crate::folder::{Existing, FolderError, Live, Place};
use crate::socket::MAX_DOCUMENT_BYTES;

/// The mode of a new file, where the action states none.
const NEW_FILE_MODE: u32 = 0o644;

/// Makes the change, with `after` from under its seal.
pub(super) fn run(change: &FileChange, after: Option<&[u8]>, request: RequestId) -> Ran {
    let place = match Place::reach(path(change)) {
        Ok(place) => place,
        Err(error) => return Ran::ended(Outcome::Stale, error.to_string()),
    };
    let before = match place.read(MAX_DOCUMENT_BYTES) {
        Ok(before) => before,
        Err(error) => return Ran::ended(Outcome::Stale, error.to_string()),
    };
    if state(before.as_ref()) != change.before {
        return Ran::ended(
            Outcome::Stale,
            "the file is no longer what was reviewed; nothing was written",
        );
    }
    let done = match after {
        Some(bytes) => write(&place, change, bytes, before.as_ref(), request),
        None => remove(&place, before.as_ref()),
    };
    match done {
        Ok(()) => read_back(&place, change),
        Err(Problem::Stale) => Ran::ended(
            Outcome::Stale,
            "the file changed at the last moment; nothing was written",
        ),
        Err(Problem::Nothing(error)) => Ran::failed(error),
        Err(Problem::Perhaps(error)) => Ran::ended(Outcome::Unknown, error),
    }
}

/// What the file is now, in words, for an execution whose end is not known. Removes what was left beside it.
pub fn probe(change: &FileChange, request: RequestId) -> (Option<ArtifactRef>, &'static str) {
    let Ok(place) = Place::reach(path(change)) else {
        return (None, "the file cannot be reached now");
    };
    if let Err(error) = place.remove_beside(&part_name(request)) {
        tracing::warn!(%error, "the unfinished copy could not be removed");
    }
    let Ok(live) = place.read(MAX_DOCUMENT_BYTES) else {
        return (None, "the file cannot be read now");
    };
    let state = state(live.as_ref());
    let words = if state == change.after {
        "the file is now as it was to become"
    } else if state == change.before {
        "the file is now as it was before"
    } else {
        "the file is now neither as before nor as it was to become"
    };
    (state, words)
}

enum Problem {
    /// It is no longer the file that was reviewed.
    Stale,
    /// Nothing took effect.
    Nothing(String),
    /// It may have taken effect.
    Perhaps(String),
}

fn path(change: &FileChange) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(change.path.as_bytes()))
}

fn state(live: Option<&Live>) -> Option<ArtifactRef> {
    live.map(|live| ArtifactRef::of(&live.bytes))
}

fn part_name(request: RequestId) -> OsString {
    OsString::from(format!(".countersign-{request}"))
}

fn write(
    place: &Place,
    change: &FileChange,
    bytes: &[u8],
    before: Option<&Live>,
    request: RequestId,
) -> Result<(), Problem> {
    let part = part_name(request);
    let nothing = |error: FolderError| Problem::Nothing(error.to_string());
    place.remove_beside(&part).map_err(nothing)?;
    let file = place.create_beside(&part).map_err(nothing)?;
    let ready = fill(file, change, bytes, before)
        .map_err(|error| Problem::Nothing(format!("new content cannot be written: {error}")))
        .and_then(|()| unchanged(place, before))
        .and_then(|()| {
            let existing = if before.is_some() {
                Existing::Replaced
            } else {
                Existing::Refused
            };
            place.replace_with(&part, existing).map_err(nothing)
        });
    if let Err(problem) = ready {
        if let Err(error) = place.remove_beside(&part) {
            tracing::warn!(%error, "the unfinished copy could not be removed");
        }
        return Err(problem);
    }
    place.sync().map_err(|error| Problem::Perhaps(error.to_string()))
}

fn fill(mut file: File, change: &FileChange, bytes: &[u8], before: Option<&Live>) -> std::io::Result<()> {
    file.write_all(bytes)?;
    if let Some(live) = before {
        let (user, group) = live.owner;
        rustix::fs::fchown(&file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
    }
    let kept = before.map_or(NEW_FILE_MODE, |live| live.mode);
    rustix::fs::fchmod(&file, Mode::from_raw_mode(change.mode.unwrap_or(kept)))?;
    file.sync_all()
}

fn remove(place: &Place, before: Option<&Live>) -> Result<(), Problem> {
    unchanged(place, before)?;
    place
        .remove_beside(place.name())
        .map_err(|error| Problem::Nothing(error.to_string()))?;
    place.sync().map_err(|error| Problem::Perhaps(error.to_string()))
}

/// Compares once more, at the last moment: the same inode with the same bytes.
fn unchanged(place: &Place, before: Option<&Live>) -> Result<(), Problem> {
    let now = place.read(MAX_DOCUMENT_BYTES).map_err(|_| Problem::Stale)?;
    let same = match (before, &now) {
        (None, None) => true,
        (Some(before), Some(now)) => before.inode == now.inode && before.bytes == now.bytes,
        _ => false,
    };
    if same { Ok(()) } else { Err(Problem::Stale) }
}

fn read_back(place: &Place, change: &FileChange) -> Ran {
    match place.read(MAX_DOCUMENT_BYTES) {
        Ok(live) => {
            let after = state(live.as_ref());
            let (outcome, detail) = if after == change.after {
                (Outcome::Succeeded, "the file was written and read back")
            } else {
                (
                    Outcome::Partial,
                    "the file was written, but it reads differently already",
                )
            };
            let detail = match (outcome, change.after) {
                (Outcome::Succeeded, None) => "the file was removed",
                _ => detail,
            };
            Ran {
                after,
                ..Ran::ended(outcome, detail)
            }
        }
        Err(error) => Ran::ended(Outcome::Unknown, format!("written, but not read back: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
    use countersign_protocol::text::OsBytes;

    use super::*;

    fn request() -> RequestId {
        RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"p")))
    }

    fn change(path: &Path, before: Option<&str>, after: Option<&str>) -> FileChange {
        FileChange {
            path: OsBytes::new(path.as_os_str().as_bytes()),
            before: before.map(|text| ArtifactRef::of(text.as_bytes())),
            after: after.map(|text| ArtifactRef::of(text.as_bytes())),
            mode: None,
        }
    }

    fn apply(path: &Path, before: Option<&str>, after: Option<&str>) -> Ran {
        run(&change(path, before, after), after.map(str::as_bytes), request())
    }

    fn names(folder: &Path) -> Vec<OsString> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_creates_and_removes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("app.conf");
        assert_eq!(apply(&path, None, Some("one")).outcome, Outcome::Succeeded);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let ran = apply(&path, Some("one"), Some("two"));
        assert_eq!(
            (ran.outcome, ran.after),
            (Outcome::Succeeded, Some(ArtifactRef::of(b"two")))
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(names(folder.path()), ["app.conf"]);
        assert_eq!(apply(&path, Some("two"), None).outcome, Outcome::Succeeded);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_that_moved_on_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("app.conf");
        std::fs::write(&path, "someone else's").unwrap();
        for before in [Some("one"), None] {
            assert_eq!(apply(&path, before, Some("two")).outcome, Outcome::Stale);
            assert_eq!(apply(&path, before, None).outcome, Outcome::Stale);
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"someone else's");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(apply(&path, Some("one"), Some("two")).outcome, Outcome::Stale);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn links_put_in_the_way_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::write(base.join("shadow"), "one").unwrap();
        symlink(base.join("shadow"), base.join("app.conf")).unwrap();
        assert_eq!(
            apply(&base.join("app.conf"), Some("one"), Some("two")).outcome,
            Outcome::Stale
        );
        assert_eq!(
            apply(&base.join("app.conf"), None, Some("two")).outcome,
            Outcome::Stale
        );

        std::fs::create_dir(base.join("real")).unwrap();
        std::fs::write(base.join("real/a"), "one").unwrap();
        symlink(base.join("real"), base.join("folder")).unwrap();
        assert_eq!(
            apply(&base.join("folder/a"), Some("one"), Some("two")).outcome,
            Outcome::Stale
        );
        assert_eq!(std::fs::read(base.join("real/a")).unwrap(), b"one");
        assert_eq!(std::fs::read(base.join("shadow")).unwrap(), b"one");
    }

    #[test]
    fn a_crash_leaves_something_that_can_be_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("app.conf");
        std::fs::write(&path, "one").unwrap();
        std::fs::write(folder.path().join(part_name(request())), "tw").unwrap();
        let change = change(&path, Some("one"), Some("two"));
        assert!(probe(&change, request()).1.contains("before"));
        assert_eq!(names(folder.path()), ["app.conf"]);
        std::fs::write(&path, "two").unwrap();
        assert!(probe(&change, request()).1.contains("to become"));
        std::fs::write(&path, "three").unwrap();
        assert!(probe(&change, request()).1.contains("neither"));
    }
}
