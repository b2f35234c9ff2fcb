//! Secrets of a request, over it: which and why, and once that is recorded, they themselves.

use countersign_console::machine::reveal::Stage;
use countersign_console::machine::view::{self, PaneLine, PaneView, Piece, RevealView, Text, Tone};
use countersign_console::machine::{Moment, Position, State};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::canvas::{Canvas, shortened};
use super::dialog::{self, frame};
use super::pane;

const WIDEST: u16 = 96;
/// The most choices on screen at once.
const MAX_CHOICES: usize = 7;

/// Draws it.
pub fn draw(canvas: &mut Canvas<'_>, screen: Rect, state: &State, now: Moment) {
    let Some(reveal) = view::reveal(state, now) else {
        return;
    };
    let layout = layout(&reveal, screen);
    let area = layout.area;
    dialog::clear_lines(canvas, screen, area);
    let title = match reveal.seconds {
        Some(seconds) => piece(&format!("SECRETS IN THE CLEAR, {seconds} s more"), Tone::Bad),
        None => piece("REVEAL A SECRET", Tone::Bad),
    };
    frame(canvas, area, &title);
    let inner = area.width.saturating_sub(4);
    let last = area.bottom().saturating_sub(1);
    for (y, line) in (area.y + 1..last).zip(&layout.above) {
        canvas.pieces(area.x + 2, y, inner, line, Modifier::empty());
    }
    let rows = pane::rows(&PaneView::of_lines(reveal.secrets), top(state), layout.room);
    pane::draw(canvas, layout.room, &rows);
    for (y, line) in (layout.room.bottom()..last).zip(&layout.below) {
        canvas.pieces(area.x + 2, y, inner, line, Modifier::empty());
    }
}

/// What scrolls, where, and what is on top of it; nothing where no secret is shown.
pub fn scrolls(state: &State, now: Moment, screen: Rect) -> Option<(PaneView<'_>, Rect, Position)> {
    let reveal = view::reveal(state, now).filter(|reveal| reveal.seconds.is_some())?;
    let room = layout(&reveal, screen).room;
    Some((PaneView::of_lines(reveal.secrets), room, top(state)))
}

fn top(state: &State) -> Position {
    match state.revealing.as_deref().map(|revealing| &revealing.stage) {
        Some(Stage::Shown { top, .. }) => *top,
        _ => Position::default(),
    }
}

struct Layout {
    area: Rect,
    above: Vec<Text>,
    /// Where the secrets stand.
    room: Rect,
    below: Vec<Text>,
}

fn layout(reveal: &RevealView, screen: Rect) -> Layout {
    let width = screen.width.saturating_sub(4).min(WIDEST);
    let inner = width.saturating_sub(4);
    let above = above(reveal, inner);
    let below = below(reveal, inner);
    let used = u16::try_from(above.len() + below.len() + 2).unwrap_or(u16::MAX);
    let free = screen.height.saturating_sub(used);
    let needed = {
        let height = free;
        let room = Rect {
            x: 0,
            y: 0,
            width: inner,
            height,
        };
        pane::rows(
            &PaneView::of_lines(reveal.secrets.clone()),
            Position::default(),
            room,
        )
        .len()
    };
    let needed = u16::try_from(needed).unwrap_or(free).min(free);
    let height = used.saturating_add(needed).min(screen.height);
    let area = dialog::centred(screen, width, height);
    let first = area.y + 1 + u16::try_from(above.len()).unwrap_or(0);
    Layout {
        area,
        room: Rect {
            x: area.x + 2,
            y: first,
            width: inner,
            height: needed,
        },
        above,
        below,
    }
}

fn above(reveal: &RevealView, width: u16) -> Vec<Text> {
    let mut lines: Vec<Text> = reveal.about.iter().flat_map(|line| folded(line, width)).collect();
    lines.push(Text::new());
    let chosen = reveal.choices.iter().position(|(_, chosen)| *chosen).unwrap_or(0);
    let first = chosen
        .saturating_sub(MAX_CHOICES / 2)
        .min(reveal.choices.len().saturating_sub(MAX_CHOICES));
    let window = reveal.choices.iter().skip(first).take(MAX_CHOICES);
    for (text, chosen) in window {
        let mut line = vec![piece(if *chosen { "● " } else { "○ " }, Tone::Strong)];
        line.extend(text.iter().cloned());
        lines.push(shortened(&line, width));
    }
    if reveal.choices.len() > MAX_CHOICES {
        let more = format!("{} of {}; ↑ and ↓ choose", chosen + 1, reveal.choices.len());
        lines.push(vec![piece(&more, Tone::Faint)]);
    }
    if !reveal.choices.is_empty() {
        lines.push(Text::new());
    }
    lines
}

fn below(reveal: &RevealView, width: u16) -> Vec<Text> {
    let mut lines = Vec::new();
    if reveal.seconds.is_none() {
        let mut text = vec![piece("▸ why  ", Tone::Strong)];
        text.extend(reveal.reason.iter().cloned());
        if reveal.writing {
            text.push(piece("▏", Tone::Strong));
        }
        let mut written = folded(&text, width);
        // Of a reason that is longer than its room the end is shown, where the cursor is.
        written.drain(..written.len().saturating_sub(3));
        lines.extend(written);
    }
    lines.push(Text::new());
    lines.extend(reveal.notice.iter().flat_map(|notice| folded(notice, width)));
    lines.push(keys(reveal));
    lines
}

fn keys(reveal: &RevealView) -> Text {
    let key = |name: &str, does: &str| [piece(name, Tone::Strong), piece(does, Tone::Faint)];
    let mut keys = Text::new();
    if reveal.seconds.is_some() {
        keys.extend(key("Esc", " masks again  "));
        keys.extend(key("PgDn", " turns"));
        return keys;
    }
    if reveal.writing {
        keys.extend(key("Enter", " records it, then shows  "));
        if reveal.choices.len() > 1 {
            keys.extend(key("↑ ↓", " choose  "));
        }
    }
    keys.extend(key("Esc", " leaves"));
    keys
}

fn folded(text: &Text, width: u16) -> Vec<Text> {
    pane::folded(&PaneLine::bare(text.clone()), width)
}

fn piece(text: &str, tone: Tone) -> Piece {
    Piece {
        text: text.to_owned(),
        tone,
    }
}
