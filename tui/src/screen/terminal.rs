//! The terminal's modes: taken at the start, given back whatever happens.
//!
//! Given back on return, on error, on panic, on SIGTERM, SIGINT, SIGHUP, and around Ctrl-Z. A panic beside the
//! drawing thread ends only the task it is in and must not write over the screen. Mouse reports are never asked for, so that selecting text stays the terminal's business; nothing is ever asked of
//! the terminal that it would have to answer.

#![expect(
    clippy::disallowed_methods,
    reason = "it switches the terminal's modes; what is drawn goes through `Canvas`"
)]

use std::io::{self, IsTerminal as _, Stdout, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once};
use std::thread::ThreadId;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_console::config::Notify;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use rustix::termios::{tcgetwinsize, tcsetwinsize};

/// Whether the modes are taken.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();
/// The thread that draws.
static DRAWING: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Why no full screen can be drawn.
///
/// # Errors
/// A sentence that says what to use instead.
pub fn check() -> Result<(), &'static str> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        Err(
            "the console needs a terminal; without one use `countersign list` and `countersign show ID --plain`",
        )
    } else if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        Err(
            "this terminal cannot draw a full screen (TERM=dumb); use `countersign list` and `countersign show ID --plain`",
        )
    } else {
        Ok(())
    }
}

/// Terminals behind some links say that they have no size, and nothing could be drawn. They are given one, as
/// `stty rows 24 columns 80` would do; `LINES` and `COLUMNS` go before that.
fn give_size() -> io::Result<()> {
    let mut size = tcgetwinsize(io::stdout())?;
    if size.ws_row > 0 && size.ws_col > 0 {
        return Ok(());
    }
    let told = |name: &str, usual: u16| {
        let set = std::env::var(name).ok().and_then(|value| value.parse().ok());
        set.filter(|cells| *cells > 0).unwrap_or(usual)
    };
    size.ws_row = told("LINES", 24);
    size.ws_col = told("COLUMNS", 80);
    Ok(tcsetwinsize(io::stdout(), size)?)
}

/// The terminal while its modes are taken.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the modes.
    ///
    /// # Errors
    /// When the terminal refuses; nothing is taken then.
    pub fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let others = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                let drawing = DRAWING
                    .lock()
                    .is_ok_and(|drawing| *drawing == Some(std::thread::current().id()));
                if drawing {
                    give_back();
                }
                if !TAKEN.load(Ordering::SeqCst) {
                    others(panic);
                }
            }));
        });
        if let Ok(mut drawing) = DRAWING.lock() {
            *drawing = Some(std::thread::current().id());
        }
        give_size()?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let screen = Self { terminal };
        take_modes()?;
        Ok(screen)
    }

    /// Draws one frame.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| draw(frame.buffer_mut()))?;
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen, so that the next frame paints all of it.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn forget(&mut self) -> io::Result<()> {
        // Not `clear`, which asks the terminal for the cursor and waits for an answer that may never come.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Asks the terminal to take a text into its clipboard (OSC 52).
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "\u{1b}]52;c;{}\u{7}", STANDARD.encode(text))?;
        out.flush()
    }

    /// Asks the terminal to tell of new requests. Only their number: nothing of them is foreign text.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn notify(&mut self, how: Notify, new: u64) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(told(how, new).as_bytes())?;
        out.flush()
    }

    /// Gives the modes back, for another program.
    pub fn leave(&mut self) {
        give_back();
    }

    /// Takes the modes again.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn enter(&mut self) -> io::Result<()> {
        take_modes()?;
        self.forget()
    }

    /// Gives the modes back, stops the process until it is continued, and takes them again.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        take_modes()?;
        self.forget()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// What a terminal is sent to tell of new requests.
fn told(how: Notify, new: u64) -> String {
    let needs = if new == 1 {
        "request needs"
    } else {
        "requests need"
    };
    match how {
        Notify::Off => String::new(),
        Notify::Osc9 => format!("\u{1b}]9;countersign: {new} {needs} you\u{7}"),
        Notify::Osc777 => format!("\u{1b}]777;notify;countersign;{new} {needs} you\u{7}"),
    }
}

fn take_modes() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    let taken = enable_raw_mode()
        .and_then(|()| execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide));
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Gives back every mode that was taken, once.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // A terminal that is gone cannot be told; each step is tried all the same.
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_a_number_and_nothing_foreign() {
        assert_eq!(told(Notify::Off, 3), "");
        assert_eq!(
            told(Notify::Osc9, 1),
            "\u{1b}]9;countersign: 1 request needs you\u{7}"
        );
        assert_eq!(
            told(Notify::Osc777, 3),
            "\u{1b}]777;notify;countersign;3 requests need you\u{7}"
        );
    }
}
