//! Child processes that never outlive their story.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A binary of the workspace, beside the test's own.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = folder.join(name);
    assert!(
        path.exists(),
        "`{}` is not built; run `cargo build --workspace --bins` first",
        path.display()
    );
    path
}

/// The same binary where every user of this machine can run it: a build folder may lie in a private home.
#[must_use]
pub fn reachable(name: &str) -> PathBuf {
    let built = binary(name);
    let stamp = |path: &PathBuf| {
        std::fs::metadata(path)
            .and_then(|meta| Ok((meta.len(), meta.modified()?)))
            .ok()
    };
    let (length, modified) = stamp(&built).unwrap();
    let age = modified
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let copy = std::env::temp_dir().join(format!("{name}-{length}-{age}"));
    if !copy.exists() {
        let partial = copy.with_extension(std::process::id().to_string());
        std::fs::copy(&built, &partial).unwrap();
        std::fs::rename(&partial, &copy).unwrap();
        remove_old_copies(name);
    }
    copy
}

/// Every build leaves a copy of its own; those of yesterday serve nobody any more.
fn remove_old_copies(name: &str) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let is_old = |entry: &std::fs::DirEntry| {
        let modified = entry.metadata().and_then(|meta| meta.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > DAY))
    };
    let files = std::fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten()
        .flatten();
    for entry in files.filter(is_old) {
        let stamp = entry.file_name();
        let stamp = stamp
            .to_str()
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('-'));
        if stamp.is_some_and(|stamp| stamp.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A service that is killed when it is dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    /// The first line it wrote to standard output.
    pub first_line: String,
}

impl Service {
    /// Starts a service and waits for its first line.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout);
            let mut first = String::new();
            let _ = lines.read_line(&mut first);
            let _ = sender.send(first.trim_end().to_owned());
            // Keep the pipe empty, so that the service never blocks on it.
            let _ = std::io::copy(&mut lines, &mut std::io::sink());
        });
        let first_line = receiver.recv_timeout(Duration::from_secs(30)).unwrap_or_default();
        if first_line.is_empty() {
            let _ = child.kill();
            let status = child.wait();
            panic!("the service said nothing and ended: {status:?}");
        }
        Self { child, first_line }
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and waits until it has.
    #[must_use]
    pub fn terminate(&mut self) -> Option<i32> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().ok().and_then(|status| status.code())
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process that runs while the story goes on.
#[derive(Debug)]
pub struct Running(Child);

/// How a process ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its exit code; absent when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Running {
    /// Starts a process.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        Self(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    /// Waits until it has ended.
    #[must_use]
    pub fn finish(mut self) -> Finished {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.0.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = self.0.kill();
                panic!("a process did not end within a minute");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut finished = Finished {
            code: self.0.wait().unwrap().code(),
            stdout: String::new(),
            stderr: String::new(),
        };
        let _ = self.0.stdout.take().unwrap().read_to_string(&mut finished.stdout);
        let _ = self.0.stderr.take().unwrap().read_to_string(&mut finished.stderr);
        finished
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until `what` gives something.
pub fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited half a minute for {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}
