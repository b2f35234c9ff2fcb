//! Runs a process from sealed copies, without a shell.
//!
//! The binary, its operands and its standard input are sealed copies, handed over as `/proc/self/fd/N`; the
//! environment is exactly the approved one. What the process opens by itself is read as it is then. The process
//! leads a group of its own, which is killed when the time is over or the service stops.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use countersign_protocol::action::{ArtifactRef, Exec};
use countersign_protocol::digest::{ArtifactDigest, Sha256Digest};
use countersign_protocol::receipt::Outcome;
use rustix::process::{Pid, Signal};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{Live, Piece, Prepared, Ran, Written};
use crate::config::ExecConfig;
use crate::folder::{self, FolderError};
use crate::seal::SealError;

/// The first descriptor that sealed copies get in the process: above those that shells and the standard library's
/// own start-up use.
const FIRST_FD: i32 = 200;
/// How often a start is tried while a child that is just being forked still holds a copy open.
const START_TRIES: u32 = 5;
/// How long output may go on after the process has ended: a grandchild may hold the pipe.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Why a process was not started.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("an artifact of the action is not under seal")]
    NotSealed,
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("working directory is not what was approved: {0}")]
    OtherFolder(#[from] FolderError),
    #[error("descriptors cannot be handed over: {0}")]
    Descriptors(#[from] command_fds::FdMappingCollision),
    #[error("process cannot be started: {0}")]
    Start(#[from] std::io::Error),
}

/// Runs `exec` with the sealed copies of `prepared`.
pub(super) async fn run(exec: &Exec, prepared: &Prepared, limits: &ExecConfig, live: Live) -> Ran {
    match start(exec, prepared) {
        Ok(child) => attend(child, limits, live).await,
        Err(error @ StartError::OtherFolder(_)) => Ran::ended(Outcome::Stale, error.to_string()),
        Err(error) => Ran::failed(error.to_string()),
    }
}

fn start(exec: &Exec, prepared: &Prepared) -> Result<Running, StartError> {
    let mut handed = Handed::default();
    let binary = handed.over(prepared, &exec.binary_digest)?;
    let mut command = Command::new(binary);
    let mut arguments = exec.argv.iter().enumerate();
    if let Some((_, name)) = arguments.next() {
        command.arg0(OsStr::from_bytes(name.as_bytes()));
    }
    for (index, argument) in arguments {
        let operand = exec
            .operands
            .iter()
            .find(|operand| usize::try_from(operand.argument).is_ok_and(|argument| argument == index));
        match operand {
            Some(operand) => command.arg(handed.over(prepared, &operand.content)?),
            None => command.arg(OsStr::from_bytes(argument.as_bytes())),
        };
    }
    // The approved path is canonical; a link put in its place since is not the approved folder. What was reached is held
    // open, so that nothing can be put in its place until the process stands in it.
    let folder = folder::enter(Path::new(OsStr::from_bytes(exec.cwd.as_bytes())))?;
    command
        .current_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for var in &exec.env {
        command.env(
            OsStr::from_bytes(var.name.as_bytes()),
            OsStr::from_bytes(var.value.as_bytes()),
        );
    }
    if let Some(stdin) = &exec.stdin {
        let sealed = prepared.sealed(stdin).ok_or(StartError::NotSealed)?;
        command.stdin(sealed.reader()?);
    }
    command.fd_mappings(handed.mappings)?;
    Ok(Running::new(spawn(tokio::process::Command::from(command))?))
}

/// A refused start has run nothing, so it may be tried again.
fn spawn(mut command: tokio::process::Command) -> std::io::Result<tokio::process::Child> {
    for _ in 1..START_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            started => return started,
        }
    }
    command.spawn()
}

/// The descriptors that a process gets.
#[derive(Default)]
struct Handed {
    mappings: Vec<FdMapping>,
}

impl Handed {
    /// Hands the sealed copy over; gives the path under which the process finds it.
    fn over(&mut self, prepared: &Prepared, artifact: &ArtifactRef) -> Result<String, StartError> {
        let sealed = prepared.sealed(artifact).ok_or(StartError::NotSealed)?;
        let parent_fd: OwnedFd = sealed.reader()?;
        let child_fd = FIRST_FD.saturating_add(i32::try_from(self.mappings.len()).unwrap_or(i32::MAX));
        self.mappings.push(FdMapping { parent_fd, child_fd });
        Ok(format!("/proc/self/fd/{child_fd}"))
    }
}

/// A process whose whole group dies with it.
struct Running {
    child: tokio::process::Child,
    group: Option<Pid>,
}

impl Running {
    fn new(child: tokio::process::Child) -> Self {
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self { child, group }
    }

    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // The group is empty when all its processes have ended; that is no problem.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn attend(mut running: Running, limits: &ExecConfig, live: Live) -> Ran {
    let (Some(stdout), Some(stderr)) = (running.child.stdout.take(), running.child.stderr.take()) else {
        return Ran::ended(Outcome::Unknown, "the output of the process could not be read");
    };
    let keep = limits.output_bytes;
    let mut stdout = Collector::start(collect(stdout, keep, live.clone(), Piece::Stdout));
    let mut stderr = Collector::start(collect(stderr, keep, live, Piece::Stderr));
    let ended = tokio::time::timeout(limits.time_limit(), async {
        let status = running.child.wait().await;
        // Output that still flows counts as running; a grandchild that holds the pipe does not.
        drain(&mut stdout, &mut stderr).await;
        status
    })
    .await;
    // With the whole group gone the pipes are closed, so that what is left can be collected.
    running.kill();
    drain(&mut stdout, &mut stderr).await;
    let mut ran = match ended {
        Ok(Ok(status)) => judged(status),
        Ok(Err(error)) => Ran::ended(Outcome::Unknown, format!("the process was lost: {error}")),
        Err(_) => Ran::ended(
            Outcome::Unknown,
            format!("killed after the time limit of {} s", limits.time_limit_seconds),
        ),
    };
    ran.stdout = stdout.written.take();
    ran.stderr = stderr.written.take();
    ran
}

async fn drain(stdout: &mut Collector, stderr: &mut Collector) {
    let both = async { tokio::join!(stdout.finish(), stderr.finish()) };
    // What does not end in time is cut off; the receipt then names no digest for it.
    let _ = tokio::time::timeout(DRAIN_TIME, both).await;
}

/// Collects one output stream beside everything else.
struct Collector {
    task: Option<tokio::task::JoinHandle<Written>>,
    written: Option<Written>,
}

impl Collector {
    fn start(collect: impl Future<Output = Written> + Send + 'static) -> Self {
        Self {
            task: Some(tokio::spawn(collect)),
            written: None,
        }
    }

    /// Waits until the stream has ended. May be given up and called again.
    async fn finish(&mut self) {
        if let Some(task) = &mut self.task {
            self.written = task.await.ok();
            self.task = None;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn judged(status: ExitStatus) -> Ran {
    let (outcome, detail) = match (status.code(), status.signal()) {
        (Some(0), _) => (Outcome::Succeeded, "the process ended with 0".to_owned()),
        (Some(code), _) => (Outcome::Failed, format!("the process ended with {code}")),
        (None, signal) => (
            Outcome::Failed,
            format!("the process was ended by signal {}", signal.unwrap_or_default()),
        ),
    };
    Ran {
        exit_code: status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal)),
        ..Ran::ended(outcome, detail)
    }
}

async fn collect(
    mut stream: impl AsyncRead + Unpin,
    keep: usize,
    mut live: Live,
    piece: fn(Vec<u8>) -> Piece,
) -> Written {
    let mut hash = Sha256::new();
    let mut length = 0u64;
    let mut tail = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let bytes = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
        };
        hash.update(bytes);
        length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        tail.extend_from_slice(bytes);
        let surplus = tail.len().saturating_sub(keep);
        tail.drain(..surplus);
        live.pass(piece(bytes.to_vec())).await;
    }
    let digest = Sha256Digest::from_bytes(hash.finalize().into());
    Written {
        all: ArtifactRef {
            digest: ArtifactDigest::new(digest),
            length,
        },
        tail,
    }
}
