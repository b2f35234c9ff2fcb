//! The private session of the demonstration: its own bus, keyring and home.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::PASSPHRASE;
use crate::cli::Demo;
use crate::command::failure::{Code, Failure};

/// What passes from the user's environment.
const KEPT: [&str; 9] = [
    "PATH",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "RUST_BACKTRACE",
];

/// Runs this program again inside a private session, and gives its exit.
pub async fn enter(options: &Demo) -> Result<(), Failure> {
    let scratch = tempfile::Builder::new().prefix("countersign-demo-").tempdir()?;
    let folder = scratch.path();
    for name in ["home", "run"] {
        make_private(&folder.join(name))?;
    }
    open_to_others(folder)?;
    let mut command = Command::new("dbus-run-session");
    command
        .arg("--")
        .arg(std::env::current_exe()?)
        .args(["demo", "--inside"])
        .arg(folder)
        .env_clear()
        .envs(
            KEPT.iter()
                .filter_map(|name| Some((*name, std::env::var_os(name)?))),
        )
        .env("HOME", folder.join("home"))
        .env("XDG_RUNTIME_DIR", folder.join("run"))
        .kill_on_drop(true);
    if options.headless {
        command.arg("--headless");
    }
    for (flag, value) in [("--cases", &options.cases), ("--evidence", &options.evidence)] {
        if let Some(value) = value {
            command.arg(flag).arg(std::path::absolute(value)?);
        }
    }
    let status = command
        .status()
        .await
        .map_err(|error| missing("dbus-run-session", &error))?;
    match status.code() {
        Some(0) => Ok(()),
        // It said already what went wrong.
        Some(2) => Err(Failure::new(Code::Usage, "", "")),
        _ => Err(Failure::new(Code::No, "", "")),
    }
}

/// Starts the private keyring, unlocked by a password that lives as long as it does.
pub async fn unlock_keyring() -> Result<(), Failure> {
    let mut daemon = Command::new("gnome-keyring-daemon")
        .args(["--unlock", "--components=secrets"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| missing("gnome-keyring-daemon", &error))?;
    if let Some(mut stdin) = daemon.stdin.take() {
        // Without a newline: it would be part of the password.
        stdin.write_all(PASSPHRASE.as_bytes()).await?;
    }
    daemon.wait().await?;
    Ok(())
}

fn missing(program: &str, error: &std::io::Error) -> Failure {
    Failure::new(
        Code::Key,
        format!("`{program}` cannot be started: {error}"),
        "the demonstration brings a keyring of its own: install `dbus` and `gnome-keyring` (./x setup does)",
    )
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(folder)
}

/// Agents of other users reach the guard's socket and their own files below it.
fn open_to_others(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711))
}
