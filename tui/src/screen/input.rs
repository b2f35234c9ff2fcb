//! What comes in: keys, pastes, sizes, signals, news; all over one channel.
//!
//! The reading thread sleeps until there is something to read, and ends when the screen does, so that what is
//! typed afterwards belongs to whoever asks next.

use std::io::{self, PipeWriter, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_console::machine::News;
use crossterm::event;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::{Handle, Signals};
use tokio::sync::mpsc::UnboundedSender;

/// How long is waited where something can be read and is no event.
const UNHEARD: Duration = Duration::from_millis(20);

/// Something that came in.
#[derive(Debug)]
pub enum Event {
    /// A key or a paste.
    Terminal(event::Event),
    /// Something from the machine's driver.
    News(News),
    /// The window has another size.
    Resized,
    /// The process is asked to stop until it is continued.
    Suspend,
    /// The process is asked to end.
    Ended(i32),
    /// The terminal is gone.
    Gone,
}

/// The threads that read. Dropping it ends them.
#[derive(Debug)]
pub struct Input {
    stop: Option<PipeWriter>,
    signals: Handle,
    threads: Vec<JoinHandle<()>>,
}

impl Input {
    /// Starts to read.
    ///
    /// # Errors
    /// When a pipe or a signal handler cannot be had.
    pub fn start(events: &UnboundedSender<Event>) -> io::Result<Self> {
        let (stopped, stop) = io::pipe()?;
        let (resized, mut resize) = io::pipe()?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGWINCH])?;
        let handle = signals.handle();
        let sender = events.clone();
        let keys = std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || {
                if read_keys(&stopped, &resized, &sender).is_err() {
                    let _ = sender.send(Event::Gone);
                }
            })?;
        let sender = events.clone();
        let watcher = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if signal == SIGWINCH && resize.write_all(&[0]).is_err() {
                        return;
                    }
                    let event = match signal {
                        SIGWINCH => Event::Resized,
                        SIGTSTP => Event::Suspend,
                        signal => Event::Ended(signal),
                    };
                    if sender.send(event).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            signals: handle,
            threads: vec![keys, watcher],
        })
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.signals.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Reads keys until the pipe is closed, or the terminal.
///
/// The library that reads them listens for other sizes too. It forgets a key that comes while a size waits there, until
/// the next key: so the size is taken from it at once.
fn read_keys(
    stopped: &io::PipeReader,
    mut resized: &io::PipeReader,
    events: &UnboundedSender<Event>,
) -> io::Result<()> {
    let stdin = io::stdin();
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(stopped.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(resized.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        let [keys, stop, size] = &fds;
        if !stop.revents().is_empty() {
            return Ok(());
        }
        if keys
            .revents()
            .intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
        {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if size.revents().contains(PollFlags::IN) {
            let _ = resized.read(&mut [0; 64])?;
        }
        let mut came = false;
        while event::poll(Duration::ZERO)? {
            came = true;
            if events.send(Event::Terminal(event::read()?)).is_err() {
                return Ok(());
            }
        }
        if !came {
            // A part of a key, or one that was forgotten after all: what completes it is waited for, without haste.
            std::thread::sleep(UNHEARD);
        }
    }
}
