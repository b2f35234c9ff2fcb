//! One window for each home: whoever starts another one tells the first what to open, and ends.
//!
//! A lock on a file of the home says who is first; a socket beside it takes what others want opened. Both are reachable by
//! the home's owner alone, and what comes in can open something, never decide.
//!
//! Nobody ends before the first has said that it took what was wanted. One that is ending says nothing and lets go of the
//! lock, so whoever was not answered tries to be first itself.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

use crate::target::{MAX_TARGET, Target};

/// What the first says once it has taken what was wanted.
const TAKEN: u8 = b'+';
/// How long another process may take to say what it wants.
const LISTENING: Duration = Duration::from_millis(500);
/// How long the first may take to take it, after which it must not any more: the other asks again, or opens it itself.
const TAKING: Duration = Duration::from_secs(1);
/// How long an answer is waited for; longer than both.
const PATIENCE: Duration = Duration::from_secs(2);
/// How soon it is tried again without one.
const AGAIN: Duration = Duration::from_millis(20);
/// How long it is tried at all. A first that starts or ends on a busy machine takes seconds.
const LONGEST: Duration = Duration::from_secs(10);

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
    /// Another one is, and took what was wanted.
    Told,
}

/// Why it is not known who is first, so that this process opens a window of its own: one that somebody asked for has to come.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// Another one is first and hangs. Two windows harm each other no more than a window and a terminal do.
    #[error("another window over this home neither answers nor ends; this one was opened beside it")]
    Silent,
    /// The system gives no lock.
    #[error("whether another window is open over this home is not known: {0}")]
    System(#[from] io::Error),
}

/// Finds out who is first in a folder, and tells it what to open where it is another process.
///
/// # Errors
/// [`Unanswered`] says why that is not known; a window can be opened all the same.
pub async fn stand(folder: &Path, wanted: Option<Target>) -> Result<Standing, Unanswered> {
    stand_within(LONGEST, folder, wanted).await
}

async fn stand_within(
    longest: Duration,
    folder: &Path,
    wanted: Option<Target>,
) -> Result<Standing, Unanswered> {
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join("desktop.lock"))?;
    let socket = folder.join("desktop.socket");
    let wanted = wanted.map(Target::into_bytes).unwrap_or_default();
    let standing = async {
        loop {
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return io::Result::Ok(None),
                Err(Errno::WOULDBLOCK) => {}
                Err(error) => return Err(error.into()),
            }
            if let Ok(Ok(())) = timeout(PATIENCE, tell(&socket, &wanted)).await {
                return Ok(Some(Standing::Told));
            }
            sleep(AGAIN).await;
        }
    };
    let told = timeout(longest, standing)
        .await
        .map_err(|_| Unanswered::Silent)??;
    Ok(told.unwrap_or(Standing::First(First { _lock: lock, socket })))
}

/// Tells the first what is wanted, and hears that it was taken.
async fn tell(socket: &Path, wanted: &[u8]) -> io::Result<()> {
    let mut first = UnixStream::connect(socket).await?;
    first.write_all(wanted).await?;
    first.shutdown().await?;
    match first.read_u8().await? {
        TAKEN => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

impl First {
    /// Hands what others want opened to `take`, until the program ends. It says whether it took it.
    ///
    /// # Errors
    /// What the system says when it gives no socket.
    pub async fn listen<Taking>(self, mut take: impl FnMut(Option<Target>) -> Taking) -> io::Result<()>
    where
        Taking: Future<Output = bool>,
    {
        // Whoever holds the lock owns the socket; one that is there was left behind.
        match std::fs::remove_file(&self.socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&self.socket)?;
        let own = rustix::process::geteuid().as_raw();
        loop {
            let (mut other, _) = listener.accept().await?;
            if !other.peer_cred().is_ok_and(|peer| peer.uid() == own) {
                continue;
            }
            let Ok(Ok(wanted)) = timeout(LISTENING, hear(&mut other)).await else {
                continue;
            };
            if let Ok(true) = timeout(TAKING, take(Target::from_bytes(&wanted))).await {
                // One byte always fits; who is gone by now has nothing to hear.
                let _ = other.write_u8(TAKEN).await;
            }
        }
    }
}

/// What another process says, as far as it can be a target.
async fn hear(other: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut wanted = Vec::new();
    let most = u64::try_from(MAX_TARGET).unwrap_or(u64::MAX) + 1;
    other.take(most).read_to_end(&mut wanted).await?;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tempfile::TempDir;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::task::JoinHandle;

    use super::*;

    fn file(name: &str) -> Target {
        Target::File(format!("/home/kim/{name}").into())
    }

    /// The first of a folder, where there is none.
    async fn first(folder: &TempDir) -> First {
        match stand(folder.path(), None).await.unwrap() {
            Standing::First(first) => first,
            Standing::Told => panic!("somebody else is first"),
        }
    }

    /// One that takes everything, and what it takes.
    fn taking(first: First) -> (JoinHandle<io::Result<()>>, UnboundedReceiver<Option<Target>>) {
        let (sender, taken) = unbounded_channel();
        let listening = first.listen(move |wanted| ready(sender.send(wanted).is_ok()));
        (tokio::spawn(listening), taken)
    }

    /// Another start, which wants a file.
    fn start(folder: &TempDir, name: &str) -> JoinHandle<Result<Standing, Unanswered>> {
        let (folder, wanted) = (folder.path().to_owned(), file(name));
        tokio::spawn(async move { stand(&folder, Some(wanted)).await })
    }

    fn is_told(standing: &Standing) -> bool {
        matches!(standing, Standing::Told)
    }

    #[tokio::test]
    async fn the_second_tells_the_first_what_to_open() {
        let folder = tempfile::tempdir().unwrap();
        // What a process that was killed left behind.
        std::fs::write(folder.path().join("desktop.socket"), b"").unwrap();
        let (listening, mut taken) = taking(first(&folder).await);
        for wanted in [Some(file("week.countersign")), None] {
            assert!(is_told(&stand(folder.path(), wanted.clone()).await.unwrap()));
            assert_eq!(taken.recv().await, Some(wanted));
        }
        listening.abort();
        let _ = listening.await;
        let _ = first(&folder).await;
    }

    #[tokio::test]
    async fn what_is_no_target_opens_nothing_and_disturbs_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let (_listening, mut taken) = taking(first(&folder).await);
        let socket = folder.path().join("desktop.socket");
        while UnixStream::connect(&socket).await.is_err() {
            sleep(AGAIN).await;
        }
        // One that says nothing, and never that it has said everything.
        let _silent = UnixStream::connect(&socket).await.unwrap();
        let _ = tell(&socket, &vec![b'x'; MAX_TARGET * 4]).await;
        assert!(is_told(&start(&folder, "a").await.unwrap().unwrap()));
        assert_eq!(taken.recv().await, Some(None));
        assert_eq!(taken.recv().await, Some(None));
        assert_eq!(taken.recv().await, Some(Some(file("a"))));
    }

    /// A socket that a process which is not well listens on, beside a lock that it holds.
    async fn unwell(folder: &TempDir) -> (First, UnixListener) {
        let first = first(folder).await;
        let listener = UnixListener::bind(&first.socket).unwrap();
        (first, listener)
    }

    /// Whether another start hears nothing while the first is not well.
    async fn hears_nothing(folder: &TempDir) -> bool {
        let standing = stand_within(PATIENCE + AGAIN * 5, folder.path(), Some(file("a")));
        matches!(standing.await, Err(Unanswered::Silent))
    }

    #[tokio::test]
    async fn one_that_never_accepts_is_not_believed_to_have_taken_it() {
        let folder = tempfile::tempdir().unwrap();
        let _unwell = unwell(&folder).await;
        assert!(hears_nothing(&folder).await);
    }

    #[tokio::test]
    async fn one_that_accepts_and_says_nothing_or_something_else_is_not_believed() {
        for said in [&b""[..], b"-", b"no"] {
            let folder = tempfile::tempdir().unwrap();
            let (_first, listener) = unwell(&folder).await;
            let accepting = tokio::spawn(async move {
                let mut held = Vec::new();
                loop {
                    let (mut other, _) = listener.accept().await.unwrap();
                    let _ = other.write_all(said).await;
                    held.push(other);
                }
            });
            assert!(hears_nothing(&folder).await);
            accepting.abort();
        }
    }

    #[tokio::test]
    async fn one_that_closes_and_ends_leaves_the_file_to_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let (first, listener) = unwell(&folder).await;
        let second = start(&folder, "a");
        for _ in 0..3 {
            drop(listener.accept().await.unwrap());
        }
        assert!(!second.is_finished());
        drop((first, listener));
        assert!(!is_told(&second.await.unwrap().unwrap()));
    }

    #[tokio::test]
    async fn one_that_ends_without_having_listened_leaves_it_too() {
        let folder = tempfile::tempdir().unwrap();
        let starting = first(&folder).await;
        let second = start(&folder, "a");
        sleep(AGAIN * 5).await;
        assert!(!second.is_finished());
        drop(starting);
        assert!(!is_told(&second.await.unwrap().unwrap()));
    }

    #[tokio::test]
    async fn one_that_is_ending_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut asked) = unbounded_channel();
        let listening = first(&folder).await.listen(move |wanted| {
            sender.send(wanted).unwrap();
            ready(false)
        });
        let listening = tokio::spawn(listening);
        let second = start(&folder, "a");
        assert_eq!(asked.recv().await, Some(Some(file("a"))));
        assert_eq!(asked.recv().await, Some(Some(file("a"))));
        listening.abort();
        assert!(!is_told(&second.await.unwrap().unwrap()));
    }

    #[tokio::test]
    async fn one_that_hangs_takes_nothing_later() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut taken) = unbounded_channel();
        let listening = first(&folder).await.listen(move |_| {
            let sender = sender.clone();
            async move {
                sleep(TAKING + AGAIN).await;
                sender.send(()).is_ok()
            }
        });
        let listening = tokio::spawn(listening);
        let second = start(&folder, "a");
        sleep(TAKING + AGAIN * 5).await;
        assert!(!second.is_finished());
        listening.abort();
        assert!(!is_told(&second.await.unwrap().unwrap()));
        assert!(taken.try_recv().is_err());
    }

    #[tokio::test]
    async fn of_two_that_race_one_becomes_first_and_takes_what_the_other_wants() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let ending = first(&folder).await;
            let [one, other] = ["one", "other"].map(|name| start(&folder, name));
            sleep(AGAIN).await;
            drop(ending);
            let (mut one, mut other) = (one, other);
            let (standing, late, wanted) = tokio::select! {
                standing = &mut one => (standing, other, "other"),
                standing = &mut other => (standing, one, "one"),
            };
            let Standing::First(first) = standing.unwrap().unwrap() else {
                panic!("nobody was there to be told");
            };
            let (_listening, mut taken) = taking(first);
            assert!(is_told(&late.await.unwrap().unwrap()));
            assert_eq!(taken.recv().await, Some(Some(file(wanted))));
        }
    }
}
