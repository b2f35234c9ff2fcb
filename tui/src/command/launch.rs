//! Child processes of this program: found beside it, ended with it, and only they.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::failure::{Code, Failure};
use super::output;

/// How long a service may take to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a service may take to end when it is asked to.
const END_LIMIT: Duration = Duration::from_secs(10);

/// A service that runs as a child.
#[derive(Debug)]
pub struct Service {
    child: Child,
    /// What it said after `listening `.
    pub address: String,
}

/// The program of this name beside this one.
pub fn beside(name: &str) -> Result<PathBuf, Failure> {
    let here = std::env::current_exe()?;
    let found = here.with_file_name(name);
    if found.is_file() {
        return Ok(found);
    }
    Err(Failure::usage(
        format!("`{name}` is not beside this program ({})", found.display()),
        "install or build all of Countersign's programs into one folder",
    ))
}

/// Runs a program to its end and gives what it printed.
pub async fn output(program: &Path, arguments: &[&std::ffi::OsStr]) -> Result<Vec<u8>, Failure> {
    let done = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| broken(program, &error.to_string()))?;
    if done.status.success() {
        Ok(done.stdout)
    } else {
        let said = output::shown(done.stderr.trim_ascii());
        Err(broken(program, &said))
    }
}

impl Service {
    /// Starts a service and waits until it says where it listens.
    pub async fn start(program: &Path, arguments: &[&std::ffi::OsStr], log: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(log)?)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| broken(program, &error.to_string()))?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| broken(program, "it has no output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(START_LIMIT, lines.next_line()).await;
        let address = match first {
            Ok(Ok(Some(line))) => line.strip_prefix("listening ").map(str::to_owned),
            Ok(Ok(None) | Err(_)) | Err(_) => None,
        };
        // Read on, so that the service never blocks on its output.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        match address {
            Some(address) => Ok(Self { child, address }),
            None => {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(5).collect();
                Err(broken(
                    program,
                    &last.into_iter().rev().collect::<Vec<_>>().join("\n"),
                ))
            }
        }
    }

    /// Asks it to end, and ends it if it does not.
    pub async fn end(mut self) {
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself just now.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(END_LIMIT, self.child.wait()).await.is_err() {
            drop(self.child.kill().await);
        }
    }
}

fn broken(program: &Path, said: &str) -> Failure {
    let name = program.file_name().unwrap_or_default().display();
    Failure::new(Code::Unreachable, format!("`{name}` does not run: {said}"), "")
}
