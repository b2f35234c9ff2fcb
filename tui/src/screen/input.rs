//! What comes in: keys, pastes, sizes, signals, news; all over one channel.
//!
//! The reading thread sleeps until there is something to read, and ends when the screen does, so that what is
//! typed afterwards belongs to whoever asks next.

use std::io::{self, PipeWriter};
use std::os::fd::AsFd as _;
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_console::machine::News;
use crossterm::event;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::{Handle, Signals};
use tokio::sync::mpsc::UnboundedSender;

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
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGWINCH])?;
        let handle = signals.handle();
        let sender = events.clone();
        let keys = std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || {
                if read_keys(&stopped, &sender).is_err() {
                    let _ = sender.send(Event::Gone);
                }
            })?;
        let sender = events.clone();
        let watcher = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
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
fn read_keys(stopped: &io::PipeReader, events: &UnboundedSender<Event>) -> io::Result<()> {
    let stdin = io::stdin();
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(stopped.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        let [keys, stop] = &fds;
        if !stop.revents().is_empty() {
            return Ok(());
        }
        if keys
            .revents()
            .intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
        {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        while event::poll(Duration::ZERO)? {
            if events.send(Event::Terminal(event::read()?)).is_err() {
                return Ok(());
            }
        }
    }
}
