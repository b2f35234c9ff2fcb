//! A program on a pseudo-terminal of 50 × 160 that never answers a query: what keys cost, and what it does unasked.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A frame is complete at the end of its synchronized update.
const END_OF_FRAME: &[u8] = b"\x1b[?2026l";
/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program on a terminal.
pub struct Session {
    child: Child,
    keyboard: File,
    painted: Receiver<(Instant, Vec<u8>)>,
    seen: Vec<u8>,
    began: Instant,
}

/// What a key cost.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// From the key to the end of its frame, in milliseconds.
    pub wall: f64,
    /// Processor time of the program meanwhile, in milliseconds.
    pub cpu: f64,
    /// Bytes painted.
    pub bytes: usize,
}

/// What a program does when nothing happens.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    /// Bytes painted.
    pub bytes: usize,
    /// How often a thread of it ran.
    pub wakes: u64,
    /// Processor time in milliseconds.
    pub cpu: f64,
}

impl Session {
    /// Starts a program.
    pub fn start(mut program: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let line = File::options().read(true).write(true).open(name).unwrap();
        let size = Winsize {
            ws_row: 50,
            ws_col: 160,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&line, size).unwrap();
        let mut screen = File::from(master.try_clone().unwrap());
        let (send, painted) = channel();
        std::thread::spawn(move || {
            let mut chunk = vec![0; 1 << 16];
            while let Ok(count @ 1..) = screen.read(&mut chunk) {
                if send.send((Instant::now(), chunk[..count].to_vec())).is_err() {
                    break;
                }
            }
        });
        let began = Instant::now();
        let child = program
            .env("TERM", "xterm-256color")
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line)
            .spawn()
            .unwrap();
        Self {
            child,
            keyboard: File::from(master),
            painted,
            seen: Vec::new(),
            began,
        }
    }

    /// Milliseconds from the start until a text is painted.
    pub fn until(&mut self, text: &str) -> Option<f64> {
        let end = Instant::now() + PATIENCE;
        loop {
            if holds(&self.seen, text.as_bytes()) {
                return Some(self.began.elapsed().as_secs_f64() * 1e3);
            }
            let (at, bytes) = self
                .painted
                .recv_timeout(end.saturating_duration_since(Instant::now()))
                .ok()?;
            self.seen.extend(bytes);
            if holds(&self.seen, text.as_bytes()) {
                return Some((at - self.began).as_secs_f64() * 1e3);
            }
        }
    }

    /// Presses a key, and waits for its frame.
    pub fn press(&mut self, key: &[u8]) -> Option<Key> {
        self.quiet(Duration::from_millis(2));
        let (cpu, began) = (self.cpu(), Instant::now());
        self.keyboard.write_all(key).unwrap();
        let (at, bytes, _) = self.frames(1)?;
        Some(Key {
            wall: (at - began).as_secs_f64() * 1e3,
            cpu: self.cpu() - cpu,
            bytes,
        })
    }

    /// Presses many keys at once: milliseconds until all is painted, and how many frames that took.
    pub fn flood(&mut self, keys: &[u8]) -> (f64, usize) {
        self.quiet(Duration::from_millis(50));
        let began = Instant::now();
        self.keyboard.write_all(keys).unwrap();
        let (mut last, mut frames) = (began, 0);
        while let Some((at, _, count)) = self.frames_within(Duration::from_millis(400)) {
            (last, frames) = (at, frames + count);
        }
        ((last - began).as_secs_f64() * 1e3, frames)
    }

    /// Leaves it alone.
    pub fn idle(&mut self, time: Duration) -> Idle {
        self.quiet(Duration::from_millis(500));
        let (wakes, cpu) = (self.wakes(), self.cpu());
        let end = Instant::now() + time;
        let mut bytes = 0;
        while let Ok((_, chunk)) = self
            .painted
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            bytes += chunk.len();
        }
        Idle {
            bytes,
            wakes: self.wakes() - wakes,
            cpu: self.cpu() - cpu,
        }
    }

    /// Waits until nothing was painted for so long.
    pub fn quiet(&mut self, time: Duration) {
        while self.painted.recv_timeout(time).is_ok() {}
    }

    /// Resident memory in MiB, and the most there was.
    pub fn memory(&self) -> (f64, f64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        let mebibytes = |name| number(name).unwrap_or_default() / 1024.0;
        (mebibytes("VmRSS"), mebibytes("VmHWM"))
    }

    /// Processor time of all threads in milliseconds.
    pub fn cpu(&self) -> f64 {
        self.threads(|task| {
            let stat = std::fs::read_to_string(task.join("schedstat")).ok()?;
            stat.split(' ').next()?.parse::<u64>().ok()
        }) as f64
            / 1e6
    }

    /// How often the threads went to sleep.
    fn wakes(&self) -> u64 {
        self.threads(|task| {
            let status = std::fs::read_to_string(task.join("status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        })
    }

    fn threads(&self, of: impl Fn(std::path::PathBuf) -> Option<u64>) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        tasks
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| of(task.path()))
            .sum()
    }

    fn frames(&mut self, count: usize) -> Option<(Instant, usize, usize)> {
        let (mut bytes, mut frames) = (0, 0);
        let mut at = Instant::now();
        let mut tail = Vec::new();
        while frames < count {
            let (when, chunk) = self.painted.recv_timeout(Duration::from_secs(5)).ok()?;
            bytes += chunk.len();
            tail.extend(chunk);
            frames = tail
                .windows(END_OF_FRAME.len())
                .filter(|part| *part == END_OF_FRAME)
                .count();
            at = when;
        }
        Some((at, bytes, frames))
    }

    fn frames_within(&mut self, time: Duration) -> Option<(Instant, usize, usize)> {
        match self.painted.recv_timeout(time) {
            Ok((at, chunk)) => {
                let frames = chunk
                    .windows(END_OF_FRAME.len())
                    .filter(|part| *part == END_OF_FRAME)
                    .count();
                Some((at, chunk.len(), frames))
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a text was painted, whatever moves of the cursor stand in it.
fn holds(painted: &[u8], text: &[u8]) -> bool {
    painted.windows(text.len()).any(|part| part == text)
}
