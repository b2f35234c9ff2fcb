//! The ceremony of a decision, over the request it is about.

use countersign_console::machine::view::{self, CeremonyView, FieldView, PaneView, Piece, Text, Tone};
use countersign_console::machine::{Moment, Position, State};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::binding::{Intent, Place};
use super::canvas::{Canvas, cells, shortened, width_of};
use super::keymap::Keymap;
use super::pane;

const WIDEST: u16 = 96;
/// Cells for labels.
const LABEL: u16 = 8;
/// What stands in a window without room for what is signed.
pub const TOO_SMALL: &str =
    "this window is too small to show what is signed; nothing is signed here until it is larger";
/// The most rows of one value that is signed. Longer ones are shortened in their middle, and say so.
const MAX_ROWS: u16 = 5;

/// Draws the ceremony.
pub fn draw(canvas: &mut Canvas<'_>, screen: Rect, state: &State, keymap: &Keymap, now: Moment) {
    let Some(ceremony) = view::ceremony(state, now) else {
        return;
    };
    let draft = draft(state);
    let keys = keys(&ceremony, keymap);
    let layout = layout(&ceremony, draft.as_ref().map(|(pane, _)| pane), &keys, screen);
    let area = layout.area;
    clear_lines(canvas, screen, area);
    let mut title = ceremony.verdict.clone();
    if !ceremony.difference.is_empty() {
        // The heading within gives its line to the difference.
        title.text.push_str(": what is signed");
    }
    frame(canvas, area, &title);
    let inner = area.width.saturating_sub(4);
    let last = area.bottom().saturating_sub(1);
    for (y, line) in (area.y + 1..last).zip(&layout.above) {
        canvas.pieces(area.x + 2, y, inner, line, Modifier::empty());
    }
    let mut below = layout.below;
    if let Some((pane, top)) = &draft {
        let rows = pane::rows(pane, *top, layout.room);
        pane::draw(canvas, layout.room, &rows);
        if layout.cut
            && let Some((from, to)) = pane::extent(&rows)
        {
            let (from, to, of) = (from.line + 1, to.line.max(from.line + 1), pane.len());
            let text = format!("… {from} to {to} of {of} lines of what it changes; PgDn and PgUp turn");
            below.insert(0, vec![piece(&text, Tone::Faint)]);
        }
    }
    for (y, line) in (layout.room.bottom()..last).zip(&below) {
        canvas.pieces(area.x + 2, y, inner, line, Modifier::empty());
    }
}

/// What a counter-proposal changes, where it stands, and what is on top of it.
pub fn scrolls(state: &State, now: Moment, screen: Rect) -> Option<(PaneView<'_>, Rect, Position)> {
    let ceremony = view::ceremony(state, now)?;
    let (pane, top) = draft(state)?;
    // Whatever the keys are called, they take one line.
    let room = layout(&ceremony, Some(&pane), &Text::new(), screen).room;
    Some((pane, room, top))
}

/// Whether this window shows all that is signed and written. Where it does not, nothing is signed.
pub fn fits(state: &State, now: Moment, screen: Rect) -> bool {
    view::ceremony(state, now).is_some_and(|ceremony| {
        layout(
            &ceremony,
            draft(state).as_ref().map(|(pane, _)| pane),
            &Text::new(),
            screen,
        )
        .fits
    })
}

fn draft(state: &State) -> Option<(PaneView<'_>, Position)> {
    let counter = state.ceremony.as_deref()?.counter.as_deref()?;
    Some((PaneView::of_draft(counter), counter.top))
}

struct Layout {
    area: Rect,
    above: Vec<Text>,
    /// Where the difference stands.
    room: Rect,
    /// Whether there is more of it than room.
    cut: bool,
    below: Vec<Text>,
    /// Whether all but the difference is on screen.
    fits: bool,
}

/// How much room is taken where there is enough of it.
#[derive(Debug, Clone, Copy)]
enum Spread {
    /// Everything, with empty lines between.
    Roomy,
    /// Of what is missing only the first.
    Tight,
    /// Values that are signed on one line each, shortened.
    Shortened,
}

/// The difference has the room that everything else leaves, and at least one row.
fn layout(ceremony: &CeremonyView, draft: Option<&PaneView<'_>>, keys: &Text, screen: Rect) -> Layout {
    let width = screen.width.saturating_sub(4).min(WIDEST);
    let inner = width.saturating_sub(4);
    let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let least = if draft.is_some() { 2 } else { 0 };
    let spread = |spread| {
        let (above, below) = (
            signed(ceremony, spread, inner),
            rest(ceremony, spread, keys.clone(), inner),
        );
        let others = rows(above.len() + below.len() + 2);
        (above, below, others)
    };
    let roomy = ceremony.difference.is_empty().then_some(Spread::Roomy);
    let spreads = roomy.into_iter().chain([Spread::Tight, Spread::Shortened]);
    let fitting = spreads
        .map(spread)
        .find(|(_, _, others)| others.saturating_add(least) <= screen.height);
    let fits = fitting.is_some();
    let (above, below, others) = fitting.unwrap_or_else(|| {
        let above = folded(vec![piece(TOO_SMALL, Tone::Bad)], inner);
        let others = rows(above.len() + 2);
        (above, Vec::new(), others)
    });
    let draft = draft.filter(|_| fits);
    let free = screen.height.saturating_sub(others).max(2);
    let height = free + 1;
    let enough = Rect {
        x: 0,
        y: 0,
        width: inner,
        height,
    };
    let needed = draft.map_or(0, |pane| {
        rows(pane::rows(pane, Position::default(), enough).len())
    });
    let cut = needed > free;
    // One row says how much of it is on screen.
    let (shown, with_note) = if cut { (free - 1, free) } else { (needed, needed) };
    let height = others.saturating_add(with_note).min(screen.height);
    let area = centred(screen, width, height);
    let last = area.bottom().saturating_sub(1);
    let first = area
        .y
        .saturating_add(1)
        .saturating_add(rows(above.len()))
        .min(last);
    Layout {
        area,
        above,
        room: Rect {
            x: area.x + 2,
            y: first,
            width: inner,
            // What the border cuts off is not on screen.
            height: shown.min(last - first),
        },
        cut,
        below,
        fits,
    }
}

/// The middle of the screen.
pub fn centred(screen: Rect, width: u16, height: u16) -> Rect {
    Rect {
        x: screen.x + screen.width.saturating_sub(width) / 2,
        y: screen.y + screen.height.saturating_sub(height) / 2,
        width,
        height,
    }
}

/// Empties the lines of an area, so that nothing beside it is taken for a part of it.
pub fn clear_lines(canvas: &mut Canvas<'_>, screen: Rect, area: Rect) {
    canvas.clear(Rect {
        x: screen.x,
        width: screen.width,
        ..area
    });
}

/// Draws a border with a title over an emptied area.
pub fn frame(canvas: &mut Canvas<'_>, area: Rect, title: &Piece) {
    canvas.clear(area);
    let (right, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
    canvas.rule(area, area.y);
    canvas.rule(area, bottom);
    for y in area.y + 1..bottom {
        canvas.words(area.x, y, 1, "│", Tone::Faint);
        canvas.words(right, y, 1, "│", Tone::Faint);
    }
    for (x, y, corner) in [
        (area.x, area.y, "╭"),
        (right, area.y, "╮"),
        (area.x, bottom, "╰"),
        (right, bottom, "╯"),
    ] {
        canvas.words(x, y, 1, corner, Tone::Faint);
    }
    let title = Piece {
        text: format!(" {} ", title.text),
        tone: title.tone,
    };
    canvas.pieces(
        area.x + 2,
        area.y,
        area.width.saturating_sub(4),
        &[title],
        Modifier::BOLD,
    );
}

/// What is signed, in full; where there is no room for that, it says that it is shortened.
fn signed(ceremony: &CeremonyView, spread: Spread, width: u16) -> Vec<Text> {
    let mut lines = Vec::new();
    let whole = !matches!(spread, Spread::Shortened);
    if ceremony.difference.is_empty() {
        let heading = if whole {
            "What is signed, exactly:"
        } else {
            "What is signed, shortened:"
        };
        lines.push(vec![piece(heading, Tone::Faint)]);
    }
    let room = width.saturating_sub(LABEL);
    for (label, value) in &ceremony.signed {
        if whole {
            lines.extend(in_full(label, value, room));
        } else {
            lines.push(labelled(label, &shortened(value, room)));
        }
    }
    lines.extend(in_full(
        "code",
        &[piece(&ceremony.check_words, Tone::Strong)],
        room,
    ));
    lines
}

/// A value on as many rows as it takes.
fn in_full(label: &str, value: &[Piece], room: u16) -> Vec<Text> {
    if width_of(value) <= room {
        return vec![labelled(label, value)];
    }
    let mut rows = marked_where_cut(value.to_vec(), room);
    if rows.len() > usize::from(MAX_ROWS) {
        // Rows that end before a wide character, or with a mark, hold less.
        let most = room.saturating_sub(2).saturating_mul(MAX_ROWS);
        rows = marked_where_cut(shortened(value, most), room);
        rows.push(vec![piece("shortened at …; the sheet has all of it", Tone::Warn)]);
    }
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels
        .zip(&rows)
        .map(|(label, row)| labelled(label, row))
        .collect()
}

/// Folds a value so that a row whose word goes on in the next one says so, however full it is: next to a border nobody
/// sees that it is.
fn marked_where_cut(value: Text, room: u16) -> Vec<Text> {
    // Folding leaves the last cell of each row to such a mark.
    let full = room.saturating_sub(1);
    let mut rows = folded(value, room);
    let goes_on = rows.len().saturating_sub(1);
    for row in rows.iter_mut().take(goes_on) {
        let within_a_word = row.last().is_some_and(|piece| !piece.text.ends_with(' '));
        if within_a_word && width_of(row) >= full && row.last() != Some(&pane::goes_on()) {
            row.push(pane::goes_on());
        }
    }
    rows
}

fn rest(ceremony: &CeremonyView, spread: Spread, keys: Text, width: u16) -> Vec<Text> {
    let roomy = matches!(spread, Spread::Roomy);
    let mut lines = Vec::new();
    lines.extend(roomy.then(Text::new));
    for field in &ceremony.fields {
        lines.push(written(field, width));
    }
    if roomy {
        lines.extend(required(ceremony, width));
    } else if ceremony.notice.is_none() {
        lines.extend(missing(ceremony, width));
    }
    lines.extend(
        ceremony
            .progress
            .iter()
            .flat_map(|line| folded(line.clone(), width)),
    );
    if let Some(notice) = &ceremony.notice {
        lines.extend(folded(notice.clone(), width));
    }
    lines.extend(roomy.then(Text::new));
    lines.push(keys);
    lines
}

/// What has to be so, after an empty line.
fn required(ceremony: &CeremonyView, width: u16) -> Vec<Text> {
    let mut lines = Vec::new();
    if !ceremony.requirements.is_empty() {
        lines.push(Text::new());
    }
    for (met, text) in &ceremony.requirements {
        let (sign, tone) = if *met {
            ("✓ ", Tone::Good)
        } else {
            ("○ ", Tone::Plain)
        };
        lines.extend(folded(
            vec![
                piece(sign, tone),
                piece(text, if *met { Tone::Faint } else { Tone::Plain }),
            ],
            width,
        ));
    }
    lines
}

/// What is not so yet, on one line: how many things, and the first of them.
fn missing(ceremony: &CeremonyView, width: u16) -> Option<Text> {
    let mut missing = ceremony.requirements.iter().filter(|(met, _)| !met);
    let (_, first) = missing.next()?;
    let sign = match missing.count() {
        0 => "○ ".to_owned(),
        more => format!("○ ({more} more) "),
    };
    Some(shortened(
        &[piece(&sign, Tone::Plain), piece(first, Tone::Plain)],
        width,
    ))
}

fn keys(ceremony: &CeremonyView, keymap: &Keymap) -> Text {
    let label = |intent| keymap.label(Place::Ceremony, intent);
    if ceremony.over {
        return vec![piece("Enter", Tone::Strong), piece(" closes this", Tone::Faint)];
    }
    if ceremony.fields.is_empty() {
        return vec![
            piece("Esc", Tone::Strong),
            piece(
                if ceremony.can_call_off {
                    " calls it off"
                } else {
                    " leaves it to go on by itself"
                },
                Tone::Faint,
            ),
        ];
    }
    let chord = if ceremony.ready { Tone::Good } else { Tone::Faint };
    let mut keys = vec![
        piece(
            label(Intent::Sign),
            if ceremony.ready { Tone::Strong } else { Tone::Faint },
        ),
        piece(" signs  ", chord),
        piece(label(Intent::NextField), Tone::Strong),
        piece(" next field  ", Tone::Faint),
        piece("Esc", Tone::Strong),
        piece(
            if ceremony.presets {
                " leaves"
            } else {
                " leaves without signing"
            },
            Tone::Faint,
        ),
    ];
    if ceremony.rewritable {
        keys.extend([
            piece(&format!("  {}", label(Intent::Edit)), Tone::Strong),
            piece(" edits", Tone::Faint),
        ]);
    }
    if ceremony.presets {
        keys.extend([
            piece(&format!("  {}", label(Intent::Preset)), Tone::Strong),
            piece(
                if ceremony.rewritable {
                    " reasons"
                } else {
                    " usual reasons"
                },
                Tone::Faint,
            ),
        ]);
    }
    keys
}

fn labelled(label: &str, value: &[Piece]) -> Text {
    let mut line = vec![piece(
        &format!("{label:<width$}", width = LABEL.into()),
        Tone::Faint,
    )];
    line.extend(value.iter().cloned());
    line
}

/// A field; of a text that is longer than its room the end is shown, where the cursor is.
fn written(field: &FieldView, width: u16) -> Text {
    let marker = if field.focused {
        piece("▸ ", Tone::Strong)
    } else {
        piece("  ", Tone::Faint)
    };
    let label = format!("{:<10}", field.label);
    let room = width.saturating_sub(cells(&label) + 4);
    let mut line = vec![
        marker,
        piece(&label, if field.focused { Tone::Strong } else { Tone::Faint }),
        piece(" ", Tone::Plain),
    ];
    let mut value = field.value.clone();
    while width_of(&value) > room {
        let Some(first) = value.first_mut() else { break };
        let mut rest = first.text.chars();
        if rest.next().is_none() {
            value.remove(0);
        } else {
            first.text = rest.as_str().to_owned();
        }
    }
    line.extend(value);
    if field.focused {
        line.push(piece("▏", Tone::Strong));
    }
    line
}

fn folded(text: Text, width: u16) -> Vec<Text> {
    pane::folded(&view::PaneLine::bare(text), width)
}

fn piece(text: &str, tone: Tone) -> Piece {
    Piece {
        text: text.to_owned(),
        tone,
    }
}
