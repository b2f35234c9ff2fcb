//! One window for each home: whoever starts another one tells the first what to open, and ends.
//!
//! A lock on a file of the home says who is first; a socket beside it takes what others want opened. Both are reachable by
//! the home's owner alone, and what comes in can open something, never decide.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixListener;

use crate::target::{MAX_TARGET, Target};

/// How long another process may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(2);

/// The first process of a home, as long as this lives.
#[derive(Debug)]
pub struct First {
    _lock: File,
    socket: PathBuf,
}

/// Who is first.
#[derive(Debug)]
pub enum Standing {
    /// This process is.
    First(First),
    /// Another one is; it was told.
    Told,
}

/// Finds out who is first in a folder, and tells it what to open where it is another process.
///
/// # Errors
/// What the system says; a window can be opened all the same.
pub fn stand(folder: &Path, wanted: Option<Target>) -> io::Result<Standing> {
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join("desktop.lock"))?;
    let socket = folder.join("desktop.socket");
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
        return Ok(Standing::First(First { _lock: lock, socket }));
    }
    let mut first = UnixStream::connect(&socket)?;
    first.set_write_timeout(Some(PATIENCE))?;
    first.write_all(&wanted.map(Target::into_bytes).unwrap_or_default())?;
    Ok(Standing::Told)
}

impl First {
    /// Takes what others want opened, until the program ends.
    ///
    /// # Errors
    /// What the system says when it gives no socket.
    pub async fn listen(self, mut open: impl FnMut(Option<Target>)) -> io::Result<()> {
        // Whoever holds the lock owns the socket; one that is there was left behind.
        match std::fs::remove_file(&self.socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&self.socket)?;
        let own = rustix::process::geteuid().as_raw();
        loop {
            let (stream, _) = listener.accept().await?;
            if stream.peer_cred()?.uid() != own {
                continue;
            }
            let mut said = Vec::new();
            let mut limited = stream.take(u64::try_from(MAX_TARGET).unwrap_or(u64::MAX) + 1);
            let read = tokio::time::timeout(PATIENCE, limited.read_to_end(&mut said)).await;
            if let Ok(Ok(_)) = read {
                open(Target::from_bytes(&said));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_tells_the_first_what_to_open() {
        let folder = tempfile::tempdir().unwrap();
        // What a process that was killed left behind.
        std::fs::write(folder.path().join("desktop.socket"), b"").unwrap();
        let Standing::First(first) = stand(folder.path(), None).unwrap() else {
            panic!("somebody else is first");
        };
        let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
        let listening = tokio::spawn(first.listen(move |target| sender.send(target).unwrap()));
        let file = Target::File("/tmp/week.countersign".into());
        for wanted in [Some(file.clone()), None] {
            let path = folder.path().to_owned();
            let second = tokio::task::spawn_blocking(move || {
                loop {
                    match stand(&path, wanted.clone()) {
                        Ok(standing) => return standing,
                        Err(_) => std::thread::sleep(Duration::from_millis(10)),
                    }
                }
            });
            assert!(matches!(second.await.unwrap(), Standing::Told));
        }
        assert_eq!(told.recv().await, Some(Some(file)));
        assert_eq!(told.recv().await, Some(None));
        listening.abort();
        let _ = listening.await;
        assert!(matches!(stand(folder.path(), None).unwrap(), Standing::First(_)));
    }
}
