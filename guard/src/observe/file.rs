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
    // What is read here leaves with the proposal, before anybody approved it.
    if config.is_own(&path) {
        return refused("the file is the guard's own; only its administrator changes that");
    }
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Host {
        _folder: tempfile::TempDir,
        base: PathBuf,
        config: Config,
    }

    fn host() -> Host {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("home/trust")).unwrap();
        std::fs::create_dir(base.join("homes")).unwrap();
        for file in ["home/guard.key", "home/trust/store.json", "homes/app.conf"] {
            std::fs::write(base.join(file), "secret\n").unwrap();
        }
        let file = base.join("guard.toml");
        let text = format!(
            "guard = \"g1\"\nbackend = \"http://127.0.0.1:1\"\nroot = \"{}\"\nhome = {:?}\nsocket = {:?}\n\
             host = \"web-1\"",
            "ab".repeat(32),
            base.join("home"),
            base.join("socket"),
        );
        std::fs::write(&file, text).unwrap();
        Host {
            config: Config::read(&file).unwrap(),
            _folder: folder,
            base,
        }
    }

    fn ask(host: &Host, path: &str, after: Option<&str>) -> Result<Observed, ObserveError> {
        let call = ApplyCall {
            kind: countersign_protocol::text::Line::new("config-file").unwrap(),
            path: OsBytes::new(host.base.join(path).as_os_str().as_bytes()),
            after: after.map(|text| Artifact(text.as_bytes().to_vec())),
            asking: crate::socket::Asking::default(),
        };
        file(call, &host.config)
    }

    /// The live file travels with the proposal, before anybody approved anything.
    #[test]
    fn what_is_the_guards_own_does_not_leave_in_a_proposal() {
        let host = host();
        std::os::unix::fs::symlink(host.base.join("home"), host.base.join("link")).unwrap();
        for own in [
            "home/guard.key",
            "link/guard.key",
            "home/trust/store.json",
            "home/new",
            "guard.toml",
        ] {
            let refused = ask(&host, own, Some("x")).map(|observed| observed.target);
            assert!(refused.is_err(), "{own}: {refused:?}");
        }
        assert!(ask(&host, "home/guard.key", None).is_err());
        assert!(ask(&host, "homes/app.conf", Some("x")).is_ok());
    }
}
