//! A process: which binary its name stands for, and exactly what it would be started with.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_protocol::action::{ArtifactRef, EnvVar, Exec, Operand, Payload};
use countersign_protocol::kind::Kind;
use countersign_protocol::text::OsBytes;
use countersign_review::text::Untrusted;

use super::{Artifacts, ObserveError, Observed, fact, refused, uri};
use crate::config::Config;
use crate::socket::{ExecCall, MAX_OPERAND_BYTES, MAX_STDIN_BYTES, OperandCall};

/// The largest binary that is sealed.
const MAX_BINARY_BYTES: u64 = 512 * 1024 * 1024;

/// The action of an `exec` call.
///
/// # Errors
/// [`ObserveError`] when there is no such binary or folder, or the call contradicts itself.
pub fn exec(call: ExecCall, config: &Config) -> Result<Observed, ObserveError> {
    let cwd = folder(&call.cwd)?;
    let Some(name) = call.argv.first() else {
        return refused("no command is given");
    };
    let path = resolve(name, &cwd, &config.exec.path)?;
    let (binary, owner) = read_binary(&path)?;
    let mut facts = vec![fact("binary owner", owner)?];
    if let Some(interpreter) = interpreter(&binary) {
        facts.push(fact("interpreter", interpreter)?);
    }
    let mut artifacts = Artifacts::default();
    let stdin = match call.stdin {
        Some(stdin) if stdin.0.len() > MAX_STDIN_BYTES => return refused("standard input is too large"),
        Some(stdin) => Some(artifacts.take(stdin)),
        None => None,
    };
    let operands = operands(call.operands, &mut artifacts)?;
    let bytes = path.as_os_str().as_bytes();
    Ok(Observed {
        kind: Kind::named("exec")?,
        target: uri("exec", &config.host, bytes)?,
        payload: Payload::Exec(Exec {
            binary: OsBytes::new(bytes),
            binary_digest: ArtifactRef::of(&binary),
            argv: call.argv,
            cwd: OsBytes::new(cwd.as_os_str().as_bytes()),
            env: environment(call.env, config),
            stdin,
            operands,
        }),
        artifacts: artifacts.0,
        binary: Some(binary),
        facts,
    })
}

/// The bytes of a binary that was observed before, read again.
///
/// # Errors
/// [`ObserveError`] when it is gone or another one by now.
pub fn binary_again(exec: &Exec) -> Result<Vec<u8>, ObserveError> {
    let (bytes, _) = read_binary(Path::new(OsStr::from_bytes(exec.binary.as_bytes())))?;
    if exec.binary_digest.names(&bytes) {
        Ok(bytes)
    } else {
        refused("the program is another one by now; ask afresh")
    }
}

fn folder(cwd: &OsBytes) -> Result<PathBuf, ObserveError> {
    let path = Path::new(OsStr::from_bytes(cwd.as_bytes()));
    if !path.is_absolute() {
        return refused("the working directory is not an absolute path");
    }
    let system = |source| ObserveError::System {
        what: "working directory",
        path: path.display().to_string(),
        source,
    };
    let canonical = path.canonicalize().map_err(system)?;
    if canonical.is_dir() {
        Ok(canonical)
    } else {
        refused("the working directory is no folder")
    }
}

/// The file that a command's name stands for: as given when it has a slash, else looked for in the service's own
/// folders. The caller's `PATH` is never asked.
fn resolve(name: &OsBytes, cwd: &Path, folders: &str) -> Result<PathBuf, ObserveError> {
    let name = OsStr::from_bytes(name.as_bytes());
    if name.as_bytes().contains(&b'/') {
        let given = cwd.join(name);
        return given.canonicalize().map_err(|source| ObserveError::System {
            what: "command",
            path: given.display().to_string(),
            source,
        });
    }
    let found = folders
        .split(':')
        .map(|folder| Path::new(folder).join(name))
        .filter_map(|path| path.canonicalize().ok())
        .find(|path| !name.is_empty() && is_executable(path));
    match found {
        Some(path) => Ok(path),
        None => refused(format!(
            "command `{}` is in none of the guard's folders ({folders})",
            name.display()
        )),
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0)
}

fn read_binary(path: &Path) -> Result<(Vec<u8>, String), ObserveError> {
    let system = |source| ObserveError::System {
        what: "command",
        path: path.display().to_string(),
        source,
    };
    if !is_executable(path) {
        return refused(format!("`{}` is no executable file", path.display()));
    }
    let file = std::fs::File::open(path).map_err(system)?;
    let stat = file.metadata().map_err(system)?;
    let mut bytes = Vec::new();
    file.take(MAX_BINARY_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(system)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BINARY_BYTES {
        return refused(format!("`{}` is too large to be sealed", path.display()));
    }
    let owner = format!("uid {}, mode {:04o}", stat.uid(), stat.mode() & 0o7777);
    Ok((bytes, owner))
}

/// The first line of a script, without `#!`. The interpreter itself runs from its own path.
fn interpreter(binary: &[u8]) -> Option<String> {
    let line = binary.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = line.get(..line.len().min(256))?;
    // Bytes that are no text are shown to the reviewer as bytes, never as one sign for all of them.
    match std::str::from_utf8(line) {
        Ok(line) => Some(line.trim().to_owned()),
        Err(_) => Some(Untrusted::from(line.trim_ascii()).escaped()),
    }
}

/// The whole environment: what the service allows of the caller's, and the service's own `PATH`.
fn environment(given: Vec<(OsBytes, OsBytes)>, config: &Config) -> Vec<EnvVar> {
    let allowed = |name: &OsBytes| {
        let name = name.as_str();
        name.is_some_and(|name| name != "PATH" && config.exec.env.iter().any(|allowed| allowed == name))
    };
    let mut env: Vec<EnvVar> = given
        .into_iter()
        .filter(|(name, _)| allowed(name))
        .map(|(name, value)| EnvVar { name, value })
        .collect();
    env.push(EnvVar {
        name: OsBytes::new("PATH"),
        value: OsBytes::new(config.exec.path.as_str()),
    });
    env.sort();
    env.dedup_by(|later, earlier| later.name == earlier.name);
    env
}

fn operands(calls: Vec<OperandCall>, artifacts: &mut Artifacts) -> Result<Vec<Operand>, ObserveError> {
    let mut total = 0usize;
    let mut operands = Vec::new();
    for call in calls {
        total = total.saturating_add(call.content.0.len());
        if total > MAX_OPERAND_BYTES {
            return refused(format!(
                "files named by arguments are over {MAX_OPERAND_BYTES} bytes together"
            ));
        }
        if call.argument == 0 {
            return refused("the command's own name cannot be an operand");
        }
        operands.push(Operand {
            argument: call.argument,
            path: call.path,
            content: artifacts.take(call.content),
        });
    }
    Ok(operands)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::socket::Asking;

    fn config(path: &str, env: &str) -> Config {
        Config::parse(&format!(
            "guard = \"g1\"\nbackend = \"http://127.0.0.1:1\"\nroot = \"{}\"\nhome = \"/g\"\nsocket = \"/g/s\"\n\
             host = \"web-1\"\n[exec]\npath = \"{path}\"\nenv = [{env}]",
            "ab".repeat(32)
        ))
        .unwrap()
    }

    fn call(argv: &[&str], env: &[(&str, &str)]) -> ExecCall {
        ExecCall {
            argv: argv.iter().map(|arg| OsBytes::new(*arg)).collect(),
            cwd: OsBytes::new("/"),
            env: env
                .iter()
                .map(|(n, v)| (OsBytes::new(*n), OsBytes::new(*v)))
                .collect(),
            stdin: None,
            operands: vec![],
            asking: Asking::default(),
        }
    }

    fn seen(observed: Observed) -> Exec {
        match observed.payload {
            Payload::Exec(exec) => exec,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_callers_path_and_environment_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let fake = folder.path().join("true");
        std::fs::write(&fake, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&fake, PermissionsExt::from_mode(0o755)).unwrap();
        let env = [
            ("PATH", folder.path().to_str().unwrap()),
            ("LD_PRELOAD", "/tmp/evil.so"),
            ("LANG", "C"),
            ("LANG", "D"),
        ];
        let observed = exec(
            call(&["true"], &env),
            &config("/usr/bin:/bin", "\"LANG\", \"PATH\""),
        )
        .unwrap();
        assert!(observed.target.raw().starts_with("exec://web-1/usr/bin/"));
        let exec = seen(observed);
        assert_ne!(exec.binary.as_bytes(), fake.as_os_str().as_bytes());
        let env: Vec<_> = exec
            .env
            .iter()
            .map(|var| (var.name.as_str().unwrap(), var.value.as_str().unwrap()))
            .collect();
        assert_eq!(env, [("LANG", "C"), ("PATH", "/usr/bin:/bin")]);
    }

    #[test]
    fn a_link_is_named_by_what_it_leads_to_and_a_script_by_its_interpreter() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::write(base.join("script"), "#!/bin/sh -e\necho hi\n").unwrap();
        std::fs::set_permissions(base.join("script"), PermissionsExt::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("script", base.join("link")).unwrap();
        let observed = exec(
            call(&[base.join("link").to_str().unwrap(), "x"], &[]),
            &config("/usr/bin", ""),
        )
        .unwrap();
        assert!(observed.facts.iter().any(|fact| fact.value.raw() == "/bin/sh -e"));
        let exec = seen(observed);
        assert_eq!(exec.binary.as_bytes(), base.join("script").as_os_str().as_bytes());
    }

    #[test]
    fn what_cannot_run_is_refused() {
        let config = config("/usr/bin", "");
        for argv in [
            &["no-such-command-here"][..],
            &["/etc/passwd"],
            &["/etc"],
            &[""],
            &[],
        ] {
            assert!(exec(call(argv, &[]), &config).is_err(), "{argv:?}");
        }
        let mut elsewhere = call(&["true"], &[]);
        elsewhere.cwd = OsBytes::new("relative");
        assert!(exec(elsewhere, &config).is_err());
    }
}
