//! What people see, byte by byte where it matters.

mod cells;
mod dialog;
pub(crate) mod edits;
#[path = "../../../core/review/src/text/look_alikes.rs"]
pub(crate) mod look_alikes;
mod pictures;
mod reading;
mod surfaces;

use std::time::Duration;

use countersign_console::machine::{
    Command, Connection, FirstRunChoice, Message, News, Pane, Progress, Shape, State, Trouble, message::Step,
    update,
};
use countersign_protocol::decision::Verdict;
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::binding::Intent;
use super::intent::{command, seen, seen_of_draft};
use super::sample::{self, moment};
use super::theme::Theme;
use super::{frame, pane};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const REASON: &str = "scale the deploy role for tonight's release";
const AREA: Rect = Rect {
    x: 0,
    y: 0,
    width: 80,
    height: 24,
};
/// A reason that tries everything at once.
const HOSTILE: &str = "ok\u{202e}dekcah\u{1b}[2J\u{1b}]52;c;AAAA\u{7}\r\n\u{200b}\u{9b}31m\u{feff}\u{e0041}a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}";

fn painted(state: &State, (width, height): (u16, u16), theme: Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| frame::draw(frame.buffer_mut(), &look(theme), state, moment(5000), 0))
        .unwrap();
    terminal.backend().buffer().clone()
}

fn look(theme: Theme) -> super::Look {
    super::Look {
        theme,
        keymap: super::Keymap::default(),
        notify: countersign_console::config::Notify::Off,
    }
}

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            line.push_str(buffer[(x, y)].symbol());
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The text, and beside it the styles that each row uses, in order.
fn styled(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut last = (Color::Reset, Modifier::empty());
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            if (cell.fg, cell.modifier) != last {
                last = (cell.fg, cell.modifier);
                let modifier = if last.1.is_empty() {
                    String::new()
                } else {
                    format!(" {:?}", last.1)
                };
                out.push_str(&format!("‹{}{modifier}›", last.0).replace("Modifier", ""));
            }
            out.push_str(cell.symbol());
        }
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }
    out
}

fn act(state: &mut State, command: Command, up: u64) {
    update(state, Message::Command(command), moment(up));
}

/// Reads the sheet page by page, as the program does.
fn read_all(state: &mut State, size: (u16, u16)) {
    let area = Rect {
        x: 0,
        y: 0,
        width: size.0,
        height: size.1,
    };
    for _ in 0..200 {
        if let Some((view, from, to)) = seen(state, moment(2000), area) {
            act(state, Command::Saw(view, from, to), 2000);
        }
        if let Some(next) = command(state, Intent::PageDown, moment(2000), area) {
            act(state, next, 2000);
        }
    }
}

fn deciding(size: (u16, u16)) -> State {
    let mut state = sample::detail(1, REASON);
    read_all(&mut state, size);
    act(&mut state, Command::Begin(Verdict::Approve), 3000);
    for c in "matches OPS-1412, p-bob checked the runbook".chars() {
        act(&mut state, Command::Write(c), 3500);
    }
    act(&mut state, Command::Enter, 3500);
    for c in "deploy-role".chars() {
        act(&mut state, Command::Write(c), 3500);
    }
    state
}

/// Several requests whose merged sheet was read to its end, with the first signature about to be made.
fn batch_deciding(size: (u16, u16)) -> State {
    let mut state = sample::batch();
    read_all(&mut state, size);
    act(&mut state, Command::Begin(Verdict::Approve), 3000);
    for c in "the sale begins at nine; limits as agreed".chars() {
        act(&mut state, Command::Write(c), 3500);
    }
    act(&mut state, Command::Enter, 3500);
    for c in "passphrase".chars() {
        act(&mut state, Command::Write(c), 3500);
    }
    state
}

fn snapshots(name: &str, state: impl Fn((u16, u16)) -> State) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _here = settings.bind_to_scope();
    for size in SIZES {
        let state = state(size);
        let name = format!("{name}-{}x{}", size.0, size.1);
        insta::assert_snapshot!(name.clone(), text(&painted(&state, size, Theme::Plain)));
        let colour = styled(&painted(&state, size, Theme::Colour));
        insta::assert_snapshot!(format!("{name}-colour"), colour);
    }
}
