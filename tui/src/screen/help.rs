//! The list of keys, drawn from the table that is also looked up.

use countersign_console::machine::view::{Piece, Tone};
use ratatui::layout::Rect;

use super::binding::Place;
use super::canvas::{Canvas, cells};
use super::dialog;
use super::keymap::{Bound, Keymap};

const COLUMN: u16 = 38;
const LABEL: u16 = 11;

/// Draws the list.
pub fn draw(canvas: &mut Canvas<'_>, screen: Rect, keymap: &Keymap, place: Place) {
    let lines = lines(keymap, place);
    let longest = lines.len().div_ceil(2);
    let (all_width, all_height) = (COLUMN * 2 + 2, u16::try_from(longest + 2).unwrap_or(u16::MAX));
    let (width, height) = (all_width.min(screen.width), all_height.min(screen.height));
    let title = if (width, height) == (all_width, all_height) {
        "Keys".to_owned()
    } else {
        format!("Keys; {all_width} x {all_height} shows all")
    };
    let area = dialog::centred(screen, width, height);
    dialog::clear_lines(canvas, screen, area);
    dialog::frame(
        canvas,
        area,
        &Piece {
            text: title,
            tone: Tone::Strong,
        },
    );
    let (left, right) = lines.split_at(longest);
    for (x, column) in [(area.x + 2, left), (area.x + 2 + COLUMN, right)] {
        // A gap between groups is no use on top of a column.
        let column = column.strip_prefix(&[Line::Gap]).unwrap_or(column);
        for (y, entry) in (area.y + 1..).zip(column) {
            match entry {
                Line::Gap => {}
                Line::Title(title) => line(canvas, area, x, y, title, Tone::Heading),
                Line::Key(bound) => {
                    line(canvas, area, x, y, &bound.label, Tone::Strong);
                    let x = x + LABEL.max(cells(&bound.label) + 1);
                    line(canvas, area, x, y, bound.binding.text, Tone::Plain);
                }
            }
        }
    }
}

/// A line of the list.
#[derive(Debug, Clone, Copy)]
enum Line<'a> {
    Gap,
    Title(&'static str),
    Key(&'a Bound),
}

impl PartialEq for Line<'_> {
    fn eq(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Gap, Self::Gap))
    }
}

/// The groups one under the other; what decides is read first.
fn lines(keymap: &Keymap, place: Place) -> Vec<Line<'_>> {
    let [moving, reading, deciding, always] = keymap.help(place);
    let mut lines = Vec::new();
    for (title, keys) in [deciding, reading, moving, always] {
        if keys.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Line::Gap);
        }
        lines.push(Line::Title(title));
        lines.extend(keys.into_iter().map(Line::Key));
    }
    lines
}

fn line(canvas: &mut Canvas<'_>, area: Rect, x: u16, y: u16, text: &str, tone: Tone) {
    if y + 1 < area.bottom() && x + 1 < area.right() {
        canvas.words(x, y, area.right() - 1 - x, text, tone);
    }
}
