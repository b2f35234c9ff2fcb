//! The queue.

use countersign_console::machine::view::{self, Piece, QueueRow, Text, Tone};
use countersign_console::machine::{Moment, Queue, State};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::canvas::{Canvas, cells, clipped, shortened, width_of};
use super::theme::SELECTED;

/// From this width on a row is one line of a table; below, it takes two lines.
const TABLE: u16 = 120;
/// The least cells of an agent's name where it is shortened, with the mark before it.
const LEAST_AGENT: u16 = 11;

/// Columns of the table besides the target: risk, state, kind, agent, environment, left, needs, yours.
const COLUMNS: [(&str, u16); 8] = [
    ("risk", 10),
    ("state", 9),
    ("kind", 15),
    ("agent", 12),
    ("environment", 11),
    ("left", 7),
    ("needs", 6),
    ("you", 3),
];

/// How many rows fit where no group begins.
pub fn rows_in(area: Rect) -> usize {
    usize::from(list(area).height / step(area))
}

/// The first row on screen, so that the cursor is on it and little moves.
pub fn first(queue: &Queue, now: Moment, area: Rect, first: usize) -> usize {
    let fit = rows_in(area);
    let cursor = queue.cursor;
    if fit == 0 || cursor < first {
        return cursor;
    }
    let mut first = first.max((cursor + 1).saturating_sub(fit));
    let height = |first: usize| {
        let begins = |place: &usize| match queue.group(*place, now.wall) {
            Some(_) => *place == first || view::begins_group(queue, *place, now),
            None => false,
        };
        let titles = (first..=cursor).filter(begins).count();
        (cursor + 1 - first) * usize::from(step(area)) + titles
    };
    while first < cursor && height(first) > usize::from(list(area).height) {
        first += 1;
    }
    first
}

/// Lines of a row.
const fn step(area: Rect) -> u16 {
    if area.width >= TABLE { 1 } else { 2 }
}

/// Where the rows stand: below the lanes and the titles, above the line about the row under the cursor.
const fn list(area: Rect) -> Rect {
    Rect {
        y: area.y + 2,
        height: area.height.saturating_sub(3),
        ..area
    }
}

/// Draws the queue from row `first` on.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, state: &State, now: Moment, first: usize) {
    let queue = view::queue(state, now, first, rows_in(area));
    summary(canvas, area, &queue);
    let body = list(area);
    if area.width >= TABLE {
        titles(canvas, area);
    } else {
        canvas.rule(area, area.y + 1);
    }
    let mut y = body.y;
    for row in &queue.rows {
        if let Some(group) = &row.group
            && y < body.bottom()
        {
            canvas.words(area.x + 2, y, area.width.saturating_sub(2), group, Tone::Heading);
            y += 1;
        }
        let place = Rect {
            y,
            height: step(area),
            ..area
        };
        if place.bottom() > body.bottom() {
            break;
        }
        if area.width >= TABLE {
            table_row(canvas, place, row);
        } else {
            two_lines(canvas, place, row);
        }
        if row.marked {
            canvas.words(place.x + 1, place.y, 1, "*", Tone::Match);
        }
        y = place.bottom();
    }
    if queue.rows.is_empty() {
        let top = body.y + body.height.saturating_sub(4) / 3;
        for (y, line) in (top..body.bottom()).zip(&queue.empty) {
            canvas.pieces(
                area.x + 3,
                y,
                area.width.saturating_sub(3),
                line,
                Modifier::empty(),
            );
        }
    } else if area.height > 3 {
        let width = area.width.saturating_sub(2);
        canvas.pieces(
            area.x + 1,
            area.bottom() - 1,
            width,
            &shortened(&queue.selected, width),
            Modifier::empty(),
        );
    }
}

/// The lanes, the filter and the order; in their place what went wrong, where something did.
fn summary(canvas: &mut Canvas<'_>, area: Rect, queue: &view::QueueView) {
    let width = area.width.saturating_sub(2);
    if let Some(trouble) = &queue.trouble {
        let trouble = clipped(trouble, width);
        canvas.pieces(area.x + 1, area.y, width, &trouble, Modifier::empty());
        return;
    }
    let mut right = Text::new();
    if let Some(filter) = &queue.filter {
        right.push(piece("/", Tone::Strong));
        right.extend(filter.iter().cloned());
        right.push(piece(if queue.filtering { "▏ " } else { " " }, Tone::Strong));
        right = shortened(&right, area.width / 3);
        right.push(piece(&format!("{} found ", queue.passing), Tone::Faint));
    } else {
        if queue.more {
            right.push(piece(&format!("{} so far …  ", queue.total), Tone::Warn));
        }
        right.push(piece(&format!("by {} ", queue.order), Tone::Faint));
    }
    let used = canvas.right(area, area.y, &right);
    let room = width.saturating_sub(used);
    let mut x = area.x + 1;
    for (title, count, shown) in &queue.lanes {
        let text = format!(" {title} {count} ");
        let tone = if *shown { Tone::Strong } else { Tone::Faint };
        let mut style = canvas.theme.style(tone);
        if *shown {
            style = style.add_modifier(Modifier::REVERSED);
        }
        let left = (area.x + 1 + room).saturating_sub(x);
        if cells(&text) > left {
            break;
        }
        x += canvas.text(x, area.y, left, &text, style);
    }
}

fn target_width(area: Rect) -> u16 {
    let fixed: u16 = COLUMNS.iter().map(|(_, width)| width + 1).sum();
    area.width.saturating_sub(fixed + 3)
}

fn titles(canvas: &mut Canvas<'_>, area: Rect) {
    let y = area.y + 1;
    let mut x = area.x + 2;
    for (index, (title, width)) in COLUMNS.iter().enumerate() {
        if index == 3 {
            canvas.words(x, y, target_width(area), "target", Tone::Faint);
            x += target_width(area) + 1;
        }
        canvas.words(x, y, *width, title, Tone::Faint);
        x += width + 1;
    }
}

fn table_row(canvas: &mut Canvas<'_>, area: Rect, row: &QueueRow) {
    let plain = |text: &str| vec![piece(text, Tone::Plain)];
    let faint = |text: &str| vec![piece(text, Tone::Faint)];
    let columns: [(Vec<Piece>, u16); 9] = [
        (vec![row.risk.clone()], COLUMNS[0].1),
        (vec![row.state.clone()], COLUMNS[1].1),
        (vec![row.kind.clone()], COLUMNS[2].1),
        (target_cell(row, target_width(area)), target_width(area)),
        (faint(&row.agent), COLUMNS[3].1),
        (plain(&row.environment), COLUMNS[4].1),
        (vec![row.left.clone()], COLUMNS[5].1),
        (vec![row.needs.clone()], COLUMNS[6].1),
        (vec![row.yours.clone()], COLUMNS[7].1),
    ];
    cursor(canvas, area, row.selected);
    let mut x = area.x + 2;
    for (cell, width) in columns {
        let cell = if row.believed {
            shortened(&cell, width)
        } else {
            clipped(&cell, width)
        };
        put(canvas, x, area.y, width, &cell, row.selected);
        x += width + 1;
    }
}

/// The target; who else looks at it stands at the end of its cell.
fn target_cell(row: &QueueRow, width: u16) -> Text {
    let Some(people) = &row.looking else {
        return row.target.clone();
    };
    let looking = shortened(&[piece(&format!(" ◉ {people}"), Tone::Hunk)], width / 2);
    let mut cell = target(row, width.saturating_sub(width_of(&looking)));
    cell.extend(looking);
    cell
}

fn two_lines(canvas: &mut Canvas<'_>, area: Rect, row: &QueueRow) {
    cursor(canvas, area, row.selected);
    let (left, width) = (area.x + 2, area.width.saturating_sub(4));
    put(
        canvas,
        left,
        area.y,
        11,
        std::slice::from_ref(&row.risk),
        row.selected,
    );
    let rest = width.saturating_sub(11 + 9);
    put(canvas, left + 11, area.y, rest, &target(row, rest), row.selected);
    put(
        canvas,
        area.right().saturating_sub(9),
        area.y,
        8,
        std::slice::from_ref(&row.left),
        row.selected,
    );
    let second = second_line(row, rest);
    put(
        canvas,
        left + 11,
        area.y + 1,
        rest,
        &shortened(&second, rest),
        row.selected,
    );
    put(
        canvas,
        area.right().saturating_sub(9),
        area.y + 1,
        8,
        std::slice::from_ref(&row.needs),
        row.selected,
    );
}

/// State, kind, agent and environment. What is too long gives its room by itself: one word made of two would mislead.
fn second_line(row: &QueueRow, width: u16) -> Text {
    let faint = |text: &str| piece(&format!(" · {text}"), Tone::Faint);
    let before = vec![row.state.clone(), faint(&row.kind.text)];
    let mut after = vec![faint(&row.environment)];
    if let Some(people) = &row.looking {
        after.push(piece(&format!(" · ◉ {people}"), Tone::Hunk));
    }
    if row.yours.text == "yes" {
        after.push(piece(" · for you", Tone::Good));
    }
    let room = width.saturating_sub(width_of(&before) + width_of(&after));
    let agent = shortened(&[faint(&row.agent)], room.max(LEAST_AGENT));
    [before, agent, after].concat()
}

fn cursor(canvas: &mut Canvas<'_>, area: Rect, selected: bool) {
    if selected {
        for y in area.top()..area.bottom() {
            let blank = " ".repeat(area.width.into());
            canvas.text(
                area.x,
                y,
                area.width,
                &blank,
                ratatui::style::Style::new().add_modifier(SELECTED),
            );
        }
        canvas.text(
            area.x,
            area.y,
            1,
            "▸",
            ratatui::style::Style::new().add_modifier(SELECTED),
        );
    }
}

fn put(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, pieces: &[Piece], selected: bool) {
    if selected {
        canvas.bare(
            x,
            y,
            width,
            pieces,
            ratatui::style::Style::new().add_modifier(SELECTED),
        );
    } else {
        canvas.pieces(x, y, width, pieces, Modifier::empty());
    }
}

fn piece(text: &str, tone: Tone) -> Piece {
    Piece {
        text: text.to_owned(),
        tone,
    }
}

/// The target, shortened; what says why a row is not believed is read from its start.
fn target(row: &QueueRow, width: u16) -> Text {
    if row.believed {
        shortened(&row.target, width)
    } else {
        clipped(&row.target, width)
    }
}
