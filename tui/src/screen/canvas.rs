//! Puts pieces of text on the buffer, cell by cell.
//!
//! View models hold printable text only. This is the last gate all the same: whatever is not printable becomes a
//! replacement character here, so that no byte of a request can speak to the terminal. Nothing else may set a cell:
//! the lints hold it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the gate that all drawing goes through"
)]

use countersign_console::machine::view::{Piece, Text, Tone};
use countersign_review::text::{Class, Mark, escape_line};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;

/// A buffer with a theme.
pub struct Canvas<'a> {
    /// Where it is drawn.
    pub buffer: &'a mut Buffer,
    /// How tones look.
    pub theme: Theme,
}

impl Canvas<'_> {
    /// Draws pieces from `x` on, at most `width` cells; clips at the end. Returns the cells used.
    pub fn pieces(&mut self, x: u16, y: u16, width: u16, pieces: &[Piece], add: Modifier) -> u16 {
        let mut used = 0;
        for piece in pieces {
            let style = self.theme.style(piece.tone).add_modifier(add);
            used += self.text(x + used, y, width - used, &piece.text, style);
        }
        used
    }

    /// Draws pieces without their tones: the row under the cursor.
    pub fn bare(&mut self, x: u16, y: u16, width: u16, pieces: &[Piece], style: Style) -> u16 {
        let mut used = 0;
        for piece in pieces {
            used += self.text(x + used, y, width - used, &piece.text, style);
        }
        used
    }

    /// Draws one text in one style.
    pub fn text(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        let mut used = 0;
        for grapheme in text.graphemes(true) {
            let shown = if is_printable(grapheme) {
                grapheme
            } else {
                "\u{FFFD}"
            };
            let cells = cells(shown);
            if used + cells > width || x + used + cells > area.right() || y >= area.bottom() {
                break;
            }
            if let Some(cell) = self.buffer.cell_mut((x + used, y)) {
                cell.reset();
                cell.set_symbol(shown).set_style(style);
            }
            for more in 1..cells {
                if let Some(cell) = self.buffer.cell_mut((x + used + more, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
            used += cells;
        }
        used
    }

    /// Draws words in a tone.
    pub fn words(&mut self, x: u16, y: u16, width: u16, text: &str, tone: Tone) -> u16 {
        let style = self.theme.style(tone);
        self.text(x, y, width, text, style)
    }

    /// Draws words that end at the right border.
    pub fn right(&mut self, area: Rect, y: u16, pieces: &[Piece]) -> u16 {
        let width = width_of(pieces).min(area.width);
        self.pieces(area.right() - width, y, width, pieces, Modifier::empty());
        width
    }

    /// Empties an area.
    pub fn clear(&mut self, area: Rect) {
        for position in area.intersection(self.buffer.area).positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
            }
        }
    }

    /// Draws a horizontal rule.
    pub fn rule(&mut self, area: Rect, y: u16) {
        let style = self.theme.style(Tone::Faint);
        for x in area.left()..area.right() {
            if let Some(cell) = self.buffer.cell_mut((x, y)) {
                cell.reset();
                cell.set_symbol("─").set_style(style);
            }
        }
    }
}

/// The cells that a text takes, counted as it is drawn: grapheme by grapheme.
pub fn cells(text: &str) -> u16 {
    let count = if text.is_ascii() {
        text.len()
    } else {
        text.graphemes(true).map(UnicodeWidthStr::width).sum()
    };
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The cells that pieces take.
pub fn width_of(pieces: &[Piece]) -> u16 {
    pieces
        .iter()
        .fold(0u16, |sum, piece| sum.saturating_add(cells(&piece.text)))
}

/// Shortens a text in its middle, where it is least telling, to at most `width` cells.
pub fn shortened(pieces: &[Piece], width: u16) -> Text {
    let all = width_of(pieces);
    if all <= width {
        return pieces.to_vec();
    }
    if width < 3 {
        return Text::new();
    }
    let head = (width - 1) / 3;
    let tail = width - 1 - head;
    let mut out = take(pieces, head);
    out.push(Piece {
        text: "…".to_owned(),
        tone: Tone::Faint,
    });
    let mut reversed: Vec<Piece> = pieces
        .iter()
        .rev()
        .map(|piece| Piece {
            text: piece.text.graphemes(true).rev().collect(),
            tone: piece.tone,
        })
        .collect();
    reversed = take(&reversed, tail);
    out.extend(reversed.into_iter().rev().map(|piece| Piece {
        text: piece.text.graphemes(true).rev().collect(),
        tone: piece.tone,
    }));
    out
}

/// The start of a text, with an ellipsis where it goes on.
pub fn clipped(text: &[Piece], width: u16) -> Text {
    if width_of(text) <= width {
        return text.to_vec();
    }
    let mut out = Text::new();
    let mut room = width.saturating_sub(1);
    for piece in text {
        let mut kept = String::new();
        for c in piece.text.chars() {
            let mut more = kept.clone();
            more.push(c);
            if cells(&more) > room {
                break;
            }
            kept = more;
        }
        let done = kept.len() < piece.text.len();
        room = room.saturating_sub(cells(&kept));
        out.push(Piece {
            text: kept,
            tone: piece.tone,
        });
        if done {
            break;
        }
    }
    out.push(Piece {
        text: "…".to_owned(),
        tone: Tone::Faint,
    });
    out
}

fn take(pieces: &[Piece], width: u16) -> Vec<Piece> {
    let mut left = width;
    let mut out = Vec::new();
    for piece in pieces {
        let mut text = String::new();
        for grapheme in piece.text.graphemes(true) {
            let Some(rest) = left.checked_sub(cells(grapheme)) else {
                out.push(Piece {
                    text,
                    tone: piece.tone,
                });
                return out;
            };
            left = rest;
            text.push_str(grapheme);
        }
        out.push(Piece {
            text,
            tone: piece.tone,
        });
    }
    out
}

/// Whether a grapheme can go to a terminal as it is: what the escaper leaves alone or writes itself.
fn is_printable(grapheme: &str) -> bool {
    if grapheme.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return true;
    }
    cells(grapheme) > 0
        && escape_line(grapheme.as_bytes()).iter().all(|span| {
            matches!(
                span.mark,
                Mark::Plain | Mark::Escape(Class::EscapeBracket) | Mark::Escape(Class::RightToLeft)
            )
        })
}
