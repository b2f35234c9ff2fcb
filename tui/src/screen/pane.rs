//! Lines of a pane on rows of the screen: wrapping, scrolling, and what is wholly on screen.
//!
//! Nothing is clipped: a long line goes on in the next row, behind a mark in the gutter that no line can imitate.

use std::ops::Range;

use countersign_console::machine::Position;
use countersign_console::machine::view::{Column, PaneLine, PaneView, Piece, Text, Tone};
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_segmentation::UnicodeSegmentation as _;

use super::canvas::{Canvas, cells, width_of};

/// Cells before every line, for the mark of a line that goes on.
const MARGIN: u16 = 2;

/// Columns stand beside each other from this width on, else one under the other.
const WIDE: u16 = 100;
/// What stands between two columns.
const RULE: &str = " │ ";

/// One row of the screen.
#[derive(Debug)]
pub struct Row {
    /// The line it belongs to.
    pub line: usize,
    /// The characters of the line that stand on it; a row of two halves or of columns counts as one.
    pub characters: Range<usize>,
    /// Whether the line ends on it.
    pub last: bool,
    gutter: Text,
    text: Text,
    /// What stands in the right half: its gutter and its text.
    beside: Option<(Text, Text)>,
}

/// The rows from `top` on that fit.
pub fn rows(pane: &PaneView<'_>, top: Position, area: Rect) -> Vec<Row> {
    let mut rows = Vec::with_capacity(area.height.into());
    for index in top.line..pane.len() {
        let Some(line) = pane.line(index) else { break };
        for row in wrapped(&line, area.width) {
            let after = row.characters.end;
            if index == top.line && after <= top.character && !(row.last && top.character == 0) {
                continue;
            }
            if rows.len() == usize::from(area.height) {
                return rows;
            }
            rows.push(Row { line: index, ..row });
        }
    }
    rows
}

/// What is wholly on screen: from the first character up to, not including, a place.
pub fn extent(rows: &[Row]) -> Option<(Position, Position)> {
    let (first, last) = (rows.first()?, rows.last()?);
    let from = Position {
        line: first.line,
        character: first.characters.start,
    };
    let to = if last.last {
        Position {
            line: last.line + 1,
            character: 0,
        }
    } else {
        Position {
            line: last.line,
            character: last.characters.end,
        }
    };
    Some((from, to))
}

/// The top after scrolling by rows; the end of the pane stays at the end of the screen.
pub fn scrolled(pane: &PaneView<'_>, top: Position, area: Rect, by: i64) -> Position {
    let top = if by < 0 {
        back(
            pane,
            top,
            area,
            usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX),
        )
    } else {
        let steps = usize::try_from(by).unwrap_or(usize::MAX);
        forward(pane, top, area, steps)
    };
    top.min(end(pane, area))
}

/// The lowest top.
pub fn end(pane: &PaneView<'_>, area: Rect) -> Position {
    back(
        pane,
        Position {
            line: pane.len(),
            character: 0,
        },
        area,
        area.height.into(),
    )
}

fn forward(pane: &PaneView<'_>, top: Position, area: Rect, steps: usize) -> Position {
    let height = u16::try_from(steps.saturating_add(1)).unwrap_or(u16::MAX);
    let rows = rows(pane, top, Rect { height, ..area });
    match rows.last() {
        Some(row) => Position {
            line: row.line,
            character: row.characters.start,
        },
        None => top,
    }
}

fn back(pane: &PaneView<'_>, top: Position, area: Rect, mut steps: usize) -> Position {
    let starts = |line: usize| -> Vec<usize> {
        pane.line(line)
            .map(|line| {
                wrapped(&line, area.width)
                    .into_iter()
                    .map(|row| row.characters.start)
                    .collect()
            })
            .unwrap_or_default()
    };
    let mut before: Vec<usize> = starts(top.line)
        .into_iter()
        .filter(|start| *start < top.character)
        .collect();
    let mut at = top;
    while steps > 0 {
        if let Some(character) = before.pop() {
            at.character = character;
            steps -= 1;
        } else if let Some(line) = at.line.checked_sub(1) {
            at.line = line;
            before = starts(line);
            if before.is_empty() {
                return Position { line, character: 0 };
            }
        } else {
            return Position::default();
        }
    }
    at
}

/// Draws rows.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, rows: &[Row]) {
    for (y, row) in (area.top()..area.bottom()).zip(rows) {
        let mut x = area.left();
        if row.characters.start > 0 {
            canvas.words(x, y, MARGIN, "↪", Tone::Faint);
        }
        x += MARGIN;
        if row.characters.start == 0 {
            canvas.pieces(x, y, area.width, &row.gutter, Modifier::empty());
        }
        x += width_of(&row.gutter);
        canvas.pieces(x, y, area.right().saturating_sub(x), &row.text, Modifier::empty());
        if let Some((gutter, text)) = &row.beside {
            let middle = area.left() + MARGIN + half(area.width) + 1;
            canvas.words(middle - 1, y, 1, "│", Tone::Faint);
            if row.characters.start == 0 {
                canvas.pieces(
                    middle,
                    y,
                    area.right().saturating_sub(middle),
                    gutter,
                    Modifier::empty(),
                );
            }
            let x = middle + width_of(gutter);
            canvas.pieces(x, y, area.right().saturating_sub(x), text, Modifier::empty());
        }
    }
}

/// The cells of each half of a line of two halves.
const fn half(width: u16) -> u16 {
    width.saturating_sub(MARGIN + 1) / 2
}

/// A line cut at a width, without its gutter.
pub fn folded(line: &PaneLine, width: u16) -> Vec<Text> {
    wrapped(line, width.saturating_add(MARGIN).saturating_sub(1))
        .into_iter()
        .map(|row| row.text)
        .collect()
}

/// Cuts a line into rows.
fn wrapped(line: &PaneLine, width: u16) -> Vec<Row> {
    let row = |characters, text, beside| Row {
        line: 0,
        characters,
        last: false,
        gutter: line.gutter.clone(),
        text,
        beside,
    };
    let mut rows = Vec::new();
    let room = width.saturating_sub(MARGIN + width_of(&line.gutter));
    match &line.beside {
        None if width >= WIDE && !line.columns.is_empty() => {
            let lines = in_columns(&line.columns, room).into_iter().enumerate();
            rows.extend(lines.map(|(at, text)| row(at..at + 1, text, None)));
        }
        None => {
            let mut start = 0;
            for part in stacked(line).iter().flat_map(|text| cut(text, room)) {
                let next = start + part.characters;
                rows.push(row(start..next, part.text, None));
                start = next;
            }
        }
        Some((gutter, right)) => {
            let room = |gutter| half(width).saturating_sub(width_of(gutter));
            let (left, right) = (cut(&line.text, room(&line.gutter)), cut(right, room(gutter)));
            let text =
                |side: &[Part], at: usize| side.get(at).map(|part| part.text.clone()).unwrap_or_default();
            for at in 0..left.len().max(right.len()) {
                let beside = (gutter.clone(), text(&right, at));
                rows.push(row(at..at + 1, text(&left, at), Some(beside)));
            }
        }
    }
    if let Some(last) = rows.last_mut() {
        last.last = true;
    }
    rows
}

/// Columns beside each other, each in its share of the room.
fn in_columns(columns: &[Column], room: u16) -> Vec<Text> {
    let count = u16::try_from(columns.len()).unwrap_or(u16::MAX).max(1);
    let share = room.saturating_sub(cells(RULE).saturating_mul(count - 1)) / count;
    let parts: Vec<Vec<Part>> = columns.iter().map(|column| cut(&column.text, share)).collect();
    let height = parts.iter().map(Vec::len).max().unwrap_or(0);
    let faint = |text: String| Piece {
        text,
        tone: Tone::Faint,
    };
    let line = |at: usize| {
        let mut text = Text::new();
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                text.push(faint(RULE.to_owned()));
            }
            let part = part.get(at).map(|part| part.text.clone()).unwrap_or_default();
            let blank = share.saturating_sub(width_of(&part));
            text.extend(part);
            text.push(faint(" ".repeat(blank.into())));
        }
        text
    };
    (0..height).map(line).collect()
}

/// Columns one under the other, each behind its label; the line that names the columns in one. Else the line itself.
fn stacked(line: &PaneLine) -> Vec<Text> {
    let faint = |text: String| Piece {
        text,
        tone: Tone::Faint,
    };
    if line.columns.is_empty() {
        return vec![line.text.clone()];
    }
    if line.columns.iter().all(|column| column.label.is_empty()) {
        let mut text = Text::new();
        for column in &line.columns {
            if !text.is_empty() {
                text.push(faint(" · ".to_owned()));
            }
            text.extend(column.text.clone());
        }
        return vec![text];
    }
    let labelled = |column: &Column| {
        let mut text = vec![faint(format!("    {:<9} ", column.label))];
        text.extend(column.text.clone());
        text
    };
    line.columns.iter().map(labelled).collect()
}

/// What of a text stands on one row.
struct Part {
    text: Text,
    /// How many characters of the line it holds; a mark at its end is none of them.
    characters: usize,
}

/// Cuts a text into parts of at most `room` cells, at least one part.
fn cut(line: &Text, room: u16) -> Vec<Part> {
    let room = room.max(8);
    let mut rows = Vec::new();
    let mut used = 0;
    let mut text = Text::new();
    for piece in line {
        let mut part = String::new();
        for token in tokens(&piece.text, room) {
            let wide = cells(token);
            if used + wide > room && used > 0 {
                if !part.is_empty() {
                    text.push(Piece {
                        text: std::mem::take(&mut part),
                        tone: piece.tone,
                    });
                }
                rows.push(ended(std::mem::take(&mut text), room, false));
                used = 0;
            }
            part.push_str(token);
            used += wide;
        }
        if !part.is_empty() {
            text.push(Piece {
                text: part,
                tone: piece.tone,
            });
        }
    }
    rows.push(ended(text, room, true));
    rows
}

/// Shows how a row ends, since blanks at its end look like no blanks: a line ends without any and goes on after one,
/// or where the row is full. Other blanks are drawn as blocks, and a row that goes on within a word has a mark, both in
/// the tone of escapes, in which no text of a request is drawn.
fn ended(mut text: Text, room: u16, last: bool) -> Part {
    let characters = text.iter().map(|piece| piece.text.chars().count()).sum();
    let blanks = blanks_at_end(&text);
    let plain = match blanks {
        0 => last || width_of(&text) >= room,
        // A line of one blank is the sign of an empty line that stays.
        1 => !last || characters == 1,
        _ => false,
    };
    if !plain && blanks == 0 {
        text.push(goes_on());
    } else if !plain {
        let mut rest = blanks;
        while let Some(mut piece) = text.pop() {
            let kept = piece.text.trim_end_matches(' ').len();
            rest = rest.saturating_sub(piece.text.len() - kept);
            piece.text.truncate(kept);
            if rest == 0 {
                text.push(piece);
                break;
            }
        }
        text.push(Piece {
            text: " ".repeat(blanks),
            tone: Tone::Escape,
        });
    }
    Part { text, characters }
}

/// Says at the end of a row that a word goes on in the next.
pub fn goes_on() -> Piece {
    Piece {
        text: "↩".to_owned(),
        tone: Tone::Escape,
    }
}

fn blanks_at_end(text: &Text) -> usize {
    let mut blanks = 0;
    for piece in text.iter().rev() {
        let kept = piece.text.trim_end_matches(' ').len();
        blanks += piece.text.len() - kept;
        if kept > 0 {
            break;
        }
    }
    blanks
}

/// Words with the space after them; words that are longer than a row, grapheme by grapheme.
fn tokens(text: &str, room: u16) -> Vec<&str> {
    let mut out = Vec::new();
    for word in text.split_inclusive(' ') {
        if cells(word) > room {
            out.extend(word.graphemes(true));
        } else {
            out.push(word);
        }
    }
    out
}
