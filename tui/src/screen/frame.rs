//! A whole frame: the line on top, the screen, what lies over it, the lines at the bottom.

use countersign_console::machine::reveal::Stage;
use countersign_console::machine::view::{self, Piece, Text, Tone};
use countersign_console::machine::{Ceremony, Moment, Revealing, Screen, State};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::binding::{Intent, Place};
use super::canvas::{Canvas, cells, shortened, width_of};
use super::keymap::Keymap;
use super::{Look, batch, detail, dialog, first_run, help, question, queue, reveal};

/// Smaller windows show only that they are too small.
const SMALLEST: (u16, u16) = (40, 10);

/// Whether a window is large enough to be read in.
pub const fn fits(area: Rect) -> bool {
    area.width >= SMALLEST.0 && area.height >= SMALLEST.1
}

/// Where the screen itself stands.
pub const fn body(area: Rect) -> Rect {
    Rect {
        x: area.x,
        y: area.y + 2,
        width: area.width,
        height: area.height.saturating_sub(4),
    }
}

/// Where keys go now.
pub fn place(state: &State) -> Place {
    if state.help { Place::Help } else { below(state) }
}

/// Where keys go once the list of keys is closed.
fn below(state: &State) -> Place {
    if state.ceremony.is_some() {
        Place::Ceremony
    } else if state.question.is_some() {
        Place::Question
    } else if state.revealing.is_some() {
        Place::Reveal
    } else if state.queue.filtering || state.detail.as_ref().is_some_and(|detail| detail.searching) {
        Place::Filter
    } else {
        match state.screen {
            Screen::FirstRun(_) => Place::FirstRun,
            Screen::Queue => Place::Queue,
            Screen::Detail => Place::Detail,
            Screen::Batch => Place::Batch,
        }
    }
}

/// Draws everything; `first` is the first row of the queue on screen.
pub fn draw(buffer: &mut Buffer, look: &Look, state: &State, now: Moment, first: usize) {
    let area = buffer.area;
    let theme = look.theme;
    let mut canvas = Canvas { buffer, theme };
    if !fits(area) {
        canvas.words(
            area.x,
            area.y,
            area.width,
            &format!(
                "countersign: window too small; make it {} x {} or larger",
                SMALLEST.0, SMALLEST.1
            ),
            Tone::Plain,
        );
        return;
    }
    header(&mut canvas, area, state, now);
    let inside = body(area);
    match state.screen {
        Screen::FirstRun(choice) => first_run::draw(&mut canvas, inside, choice),
        Screen::Queue => queue::draw(&mut canvas, inside, state, now, first),
        Screen::Detail => detail::draw(&mut canvas, inside, state, now),
        Screen::Batch => batch::draw(&mut canvas, inside, state, now),
    }
    bottom(&mut canvas, area, state, &look.keymap);
    if state.ceremony.is_some() {
        dialog::draw(&mut canvas, area, state, &look.keymap, now);
    } else if state.question.is_some() {
        question::draw(&mut canvas, area, state);
    } else if state.revealing.is_some() {
        reveal::draw(&mut canvas, area, state, now);
    }
    if state.help {
        help::draw(&mut canvas, area, &look.keymap, below(state));
    }
}

fn header(canvas: &mut Canvas<'_>, area: Rect, state: &State, now: Moment) {
    let header = view::header(state, now);
    let line = Rect {
        x: area.x + 1,
        width: area.width - 2,
        height: 1,
        ..area
    };
    let right = if matches!(state.screen, Screen::FirstRun(_)) {
        0
    } else {
        canvas.right(line, line.y, &[header.connection])
    };
    let left = line.width.saturating_sub(right + 2);
    let used = canvas.words(line.x, line.y, left, "countersign", Tone::Heading) + 2;
    let who = shortened(&header.who, left.saturating_sub(used));
    let used = used
        + canvas.pieces(
            line.x + used,
            line.y,
            left.saturating_sub(used),
            &who,
            Modifier::empty(),
        );
    let root = format!("  root {} …", header.root);
    if !header.root.is_empty() && used + cells(&root) <= left {
        canvas.words(line.x + used, line.y, left - used, &root, Tone::Faint);
    }
    canvas.rule(area, area.y + 1);
}

/// A rule or the newest notices, then hints and whether all is computed.
fn bottom(canvas: &mut Canvas<'_>, area: Rect, state: &State, keymap: &Keymap) {
    let line = Rect {
        x: area.x + 1,
        width: area.width - 2,
        ..area
    };
    let y = area.bottom() - 2;
    let notices = view::notices(state);
    canvas.rule(area, y);
    if let Some(newest) = notices.last() {
        canvas.clear(Rect { y, height: 1, ..area });
        let mut text = newest.clone();
        if notices.len() > 1 {
            text.push(piece(&format!("  (+{})", notices.len() - 1), Tone::Faint));
        }
        let text = shortened(&text, line.width);
        canvas.pieces(line.x, y, line.width, &text, Modifier::empty());
    }
    let word = if state.is_complete() {
        "complete"
    } else {
        "working"
    };
    let right = canvas.right(line, y + 1, &[piece(word, Tone::Faint)]);
    let mut hints = Text::new();
    let idle = |intent| is_under_way(state) || (intent == Intent::Back && is_outermost(state));
    for (_, label, hint) in keymap.hints(place(state)).filter(|(intent, ..)| !idle(*intent)) {
        let gap = if hints.is_empty() { "" } else { "  " };
        let next = [
            piece(&format!("{gap}{label}"), Tone::Strong),
            piece(&format!(" {hint}"), Tone::Faint),
        ];
        if width_of(&hints) + width_of(&next) > line.width.saturating_sub(right + 2) {
            break;
        }
        hints.extend(next);
    }
    canvas.pieces(
        line.x,
        y + 1,
        line.width.saturating_sub(right + 1),
        &hints,
        Modifier::empty(),
    );
}

/// Whether there is nothing to go back from: no list of keys, no search, nothing that was opened.
fn is_outermost(state: &State) -> bool {
    match place(state) {
        Place::FirstRun => true,
        Place::Queue => state.queue.filter.is_empty(),
        Place::Detail
        | Place::Batch
        | Place::Filter
        | Place::Ceremony
        | Place::Question
        | Place::Reveal
        | Place::Help => false,
    }
}

/// Whether a decision is signed or sent, or secrets are shown: the dialog alone says what can be done then.
fn is_under_way(state: &State) -> bool {
    let signed = |ceremony: &Ceremony| !ceremony.progress.is_writing();
    let shown = |revealing: &Revealing| matches!(revealing.stage, Stage::Shown { .. });
    !state.help
        && (state.ceremony.as_deref().is_some_and(signed) || state.revealing.as_deref().is_some_and(shown))
}

fn piece(text: &str, tone: Tone) -> Piece {
    Piece {
        text: text.to_owned(),
        tone,
    }
}
