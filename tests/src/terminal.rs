//! A person at a terminal: a program on a pseudo-terminal, its screen as a terminal would show it, keys one by one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long something may take to be on the screen.
const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than the console is deaf to keys that decide, after what is under the cursor has changed.
const PAUSE: Duration = Duration::from_millis(450);

/// A terminal with a program on it. Dropping it ends the program.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// Starts a program on a terminal of this many columns and rows.
    #[must_use]
    pub fn start(mut program: Command, (columns, rows): (u16, u16)) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let line = File::options().read(true).write(true).open(name).unwrap();
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&line, size).unwrap();
        let child = program
            .env("TERM", "xterm-256color")
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line)
            .spawn()
            .unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let sink = Arc::clone(&screen);
        let mut painted = File::from(master.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = painted.read(&mut chunk) {
                sink.lock().unwrap().process(&chunk[..count]);
            }
        });
        Self {
            child,
            keyboard: File::from(master),
            screen,
        }
    }

    /// What is on the screen now.
    #[must_use]
    pub fn shown(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen says so.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?} does not come"), || self.shown().contains(text));
    }

    /// Waits until these words stand on the screen one after the other, however they are wrapped and framed; gives the
    /// screen.
    pub fn wait_for_words(&self, words: &str) -> String {
        let says = || {
            let shown = self.shown();
            let found = shown.split(|c: char| c.is_whitespace() || "│╭╮╰╯─".contains(c));
            found
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
                .contains(words)
        };
        self.wait_until(&format!("{words:?} does not come"), says);
        self.shown()
    }

    /// Waits until something is so; what is wrong else, with the screen.
    pub fn wait_until(&self, wrong: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(
                began.elapsed() < PATIENCE,
                "{wrong}; the screen shows\n{}",
                self.shown()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses one key, and lets the console settle before it and take it in after.
    pub fn press(&mut self, key: &str) {
        std::thread::sleep(PAUSE);
        self.keyboard.write_all(key.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }

    /// Presses one key again and again until the screen says so.
    pub fn press_until(&mut self, key: &str, text: &str) {
        for _ in 0..200 {
            if self.shown().contains(text) {
                return;
            }
            self.press(key);
        }
        panic!(
            "{key:?} does not lead to {text:?}; the screen shows\n{}",
            self.shown()
        );
    }

    /// Types a text, as fast as people do at best.
    pub fn write(&mut self, text: &str) {
        for c in text.chars() {
            self.keyboard
                .write_all(c.encode_utf8(&mut [0; 4]).as_bytes())
                .unwrap();
            std::thread::sleep(Duration::from_millis(8));
        }
    }

    /// Waits until the program has ended by itself; its exit code.
    #[must_use]
    pub fn end(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                began.elapsed() < PATIENCE,
                "the program does not end\n{}",
                self.shown()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Terminal({})", self.child.id())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
