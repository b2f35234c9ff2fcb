//! Whatever ends or stops the console, the terminal is left as it was.
//!
//! The built binary runs on a real pseudo-terminal: on its first-run screen, with a home where nothing is.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail tests")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

const PATIENCE: Duration = Duration::from_secs(20);

/// Modes that are taken, each by what turns it on and off.
const MODES: [(&str, &str); 3] = [
    ("\u{1b}[?1049h", "\u{1b}[?1049l"),
    ("\u{1b}[?2004h", "\u{1b}[?2004l"),
    ("\u{1b}[?25l", "\u{1b}[?25h"),
];

struct Session {
    child: Child,
    keyboard: File,
    /// Kept open, so that the terminal outlives the program.
    line: File,
    painted: Arc<Mutex<Vec<u8>>>,
    before: Termios,
    _home: tempfile::TempDir,
}

impl Session {
    fn start() -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_countersign")), "xterm-256color")
    }

    fn of(mut program: Command, term: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let line = File::options().read(true).write(true).open(name).unwrap();
        tcsetwinsize(
            &line,
            Winsize {
                ws_row: 24,
                ws_col: 80,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )
        .unwrap();
        let before = tcgetattr(&line).unwrap();
        let child = program
            .env_clear()
            .env("COUNTERSIGN_HOME", home.path())
            .env("HOME", home.path())
            .env("TERM", term)
            .stdin(line.try_clone().unwrap())
            .stdout(line.try_clone().unwrap())
            .stderr(line.try_clone().unwrap())
            .spawn()
            .unwrap();
        let painted = Arc::new(Mutex::new(Vec::new()));
        let mut screen = File::from(master.try_clone().unwrap());
        let sink = Arc::clone(&painted);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut chunk) {
                sink.lock().unwrap().extend_from_slice(&chunk[..count]);
            }
        });
        Self {
            child,
            keyboard: File::from(master),
            line,
            painted,
            before,
            _home: home,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.painted.lock().unwrap()).into_owned()
    }

    /// What a terminal makes of the bytes.
    fn screen(&self) -> String {
        let mut terminal = vt100::Parser::new(24, 80, 0);
        terminal.process(&self.painted.lock().unwrap());
        terminal.screen().contents()
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(
                began.elapsed() < PATIENCE,
                "{what}; painted so far: {:?}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?} is not painted"), |session| {
            session.text().contains(text)
        });
    }

    fn press(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the console does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    }

    fn assert_restored(&self) {
        for (on, off) in MODES {
            self.wait_until(&format!("{off:?} is missing"), |session| {
                session.text().rfind(off).is_some() && session.text().rfind(off) > session.text().rfind(on)
            });
        }
        assert!(
            !self.text().contains("\u{1b}[?100"),
            "mouse reports were asked for"
        );
        self.assert_untouched();
    }

    fn assert_untouched(&self) {
        let now = tcgetattr(&self.line).unwrap();
        assert_eq!(now.input_modes, self.before.input_modes);
        assert_eq!(now.output_modes, self.before.output_modes);
        assert_eq!(now.control_modes, self.before.control_modes);
        assert_eq!(now.local_modes, self.before.local_modes);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn leaving_restores_the_terminal() {
    let mut session = Session::start();
    session.wait_for("countersign");
    session.wait_for("complete");
    session.press(b"q");
    assert!(session.end().success());
    session.assert_restored();
}

/// The example of the screens, which stands beside the binary; it panics on SIGUSR1.
fn screens() -> Command {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_countersign"));
    Command::new(binary.with_file_name("examples").join("screens"))
}

/// Longer than the console is deaf to keys that open and decide, after what is under the cursor has changed.
const PAUSE: Duration = Duration::from_millis(400);

/// Keys one after the other, each with what the screen shows then.
type Way = &'static [(&'static str, &'static str)];

/// The screens that can be left, each with the way to it.
const SCREENS: [(&str, Way); 5] = [
    ("queue", &[("", "complete")]),
    ("detail", DETAIL),
    (
        "dialog",
        &[DETAIL[0], DETAIL[1], ("D", "What is signed, exactly")],
    ),
    ("question", &[DETAIL[0], DETAIL[1], ("t", "ASK THE AGENT")]),
    (
        "batch",
        &[
            ("/", "/"),
            ("limits", "4 found"),
            ("\r", "4 found"),
            ("X", "4 marked"),
            ("B", "4 requests of one shape"),
        ],
    ),
];
const DETAIL: Way = &[("j", "▸ ■ critical"), ("\r", "check code")];

fn at(way: Way) -> Session {
    let mut session = Session::of(screens(), "xterm-256color");
    session.wait_for("complete");
    for (keys, shown) in way {
        std::thread::sleep(PAUSE);
        session.press(keys.as_bytes());
        session.wait_until(&format!("{shown:?} is not shown"), |session| {
            session.screen().contains(shown)
        });
    }
    std::thread::sleep(PAUSE);
    session
}

#[test]
fn quitting_restores_the_terminal_on_every_screen() {
    for (name, way) in SCREENS {
        let mut session = at(way);
        // What is written in first; the rest by the key that leaves.
        for _ in 0..2 {
            session.press(b"\x1b");
            std::thread::sleep(PAUSE);
        }
        session.press(b"q");
        assert!(session.end().success(), "{name}");
        session.assert_restored();
    }
}

#[test]
fn a_panic_restores_the_terminal_before_it_is_told_on_every_screen() {
    for (name, way) in SCREENS {
        let mut session = at(way);
        session.signal(Signal::USR1);
        assert_eq!(session.end().code(), Some(101), "{name}");
        session.assert_restored();
        session.wait_for("a panic on request");
        let told = session.text();
        assert!(
            told.rfind("\u{1b}[?1049l") < told.find("a panic on request"),
            "{name}: {told:?}"
        );
    }
}

#[test]
fn signals_restore_the_terminal_on_every_screen() {
    for (_, way) in SCREENS {
        for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
            let mut session = at(way);
            session.signal(signal);
            session.end();
            session.assert_restored();
        }
    }
}

#[test]
fn stopping_restores_the_terminal_on_every_screen_and_going_on_paints_it_again() {
    for (name, way) in SCREENS {
        let mut session = at(way);
        session.press(b"\x1a");
        session.wait_until("the console does not stop", Session::is_stopped);
        session.assert_restored();
        session.painted.lock().unwrap().clear();
        session.signal(Signal::CONT);
        session.wait_for("\u{1b}[?1049h");
        let shown = way.last().unwrap().1;
        session.wait_until(shown, |session| session.screen().contains(shown));
        session.signal(Signal::TERM);
        session.end();
        session.assert_restored();
        assert!(!session.text().contains("panic"), "{name}");
    }
}

#[test]
fn local_files_are_read_full_screen_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let after = folder.path().join("after.yaml");
    std::fs::write(&after, "replicas: 3\n").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    program.args(["inspect", "--tui", "--after"]).arg(&after);
    let mut session = Session::of(program, "xterm-256color");
    session.wait_for("complete");
    session.wait_for("replicas: 3");
    session.press(b"q");
    assert!(session.end().success());
    session.assert_restored();
}

#[test]
fn the_sheet_goes_to_the_pager_and_the_screen_comes_back() {
    let mut program = screens();
    program.env_clear();
    let mut session = Session::of(program, "xterm-256color");
    session.wait_for("complete");
    // The first request that is believed.
    std::thread::sleep(Duration::from_millis(400));
    session.press(b"j\r");
    session.wait_for("check code");
    session.painted.lock().unwrap().clear();
    session.press(b"o");
    // Without PAGER and PATH there may be no pager: either way the screen is there again afterwards.
    session.wait_for("\u{1b}[?1049l");
    std::thread::sleep(Duration::from_millis(300));
    session.press(b"q");
    session.wait_for("\u{1b}[?1049h");
    session.wait_for("check code");
    session.press(b"q");
    session.end();
    session.assert_restored();
}

#[test]
fn a_terminal_that_cannot_draw_is_told_what_to_use() {
    let mut session = Session::of(Command::new(env!("CARGO_BIN_EXE_countersign")), "dumb");
    assert_eq!(session.end().code(), Some(2));
    session.wait_for("countersign list");
    assert!(!session.text().contains('\u{1b}'), "{:?}", session.text());
    session.assert_untouched();
}

#[test]
fn signals_restore_the_terminal() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut session = Session::start();
        session.wait_for("complete");
        session.signal(signal);
        session.end();
        session.assert_restored();
    }
}

#[test]
fn stopping_restores_the_terminal_and_going_on_takes_it_again() {
    let mut session = Session::start();
    session.wait_for("complete");
    session.press(b"\x1a");
    session.wait_until("the console does not stop", Session::is_stopped);
    session.assert_restored();
    session.painted.lock().unwrap().clear();
    session.signal(Signal::CONT);
    session.wait_for("\u{1b}[?1049h");
    session.wait_for("complete");
    session.press(b"q");
    session.end();
    session.assert_restored();
}

#[test]
fn another_size_is_drawn_in_at_once() {
    let mut session = Session::start();
    session.wait_for("complete");
    session.painted.lock().unwrap().clear();
    tcsetwinsize(
        &session.line,
        Winsize {
            ws_row: 40,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )
    .unwrap();
    session.signal(Signal::WINCH);
    session.wait_for("\u{1b}[40;");
    session.wait_for("complete");
    session.press(b"q");
    session.end();
    session.assert_restored();
}

#[test]
fn the_first_key_after_another_size_is_heard_by_itself() {
    let mut session = Session::start();
    session.wait_for("complete");
    for rows in [20, 22, 24] {
        let size = Winsize {
            ws_row: rows,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&session.line, size).unwrap();
        session.signal(Signal::WINCH);
        std::thread::sleep(Duration::from_millis(300));
        let before = session.painted.lock().unwrap().len();
        session.press(b"?");
        session.wait_until("the list of keys does not come or go", |session| {
            session.painted.lock().unwrap().len() > before
        });
    }
    session.press(b"q");
    session.press(b"q");
    assert!(session.end().success());
}

#[test]
fn without_a_terminal_nothing_is_painted() {
    let home = tempfile::tempdir().unwrap();
    let mut console = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = console.env("COUNTERSIGN_HOME", home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
}
