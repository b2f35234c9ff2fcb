//! The list of keys, drawn from the table that is also looked up.

use countersign_console::machine::view::{Piece, Tone};
use ratatui::layout::Rect;

use super::canvas::{Canvas, cells};
use super::dialog;
use super::keymap::{Bound, Keymap};

const COLUMN: u16 = 38;
const LABEL: u16 = 11;

/// Draws the list.
pub fn draw(canvas: &mut Canvas<'_>, screen: Rect, keymap: &Keymap) {
    let [moving, reading, deciding, always] = keymap.help();
    // The columns are about as long as each other.
    let columns = [[&moving, &always], [&reading, &deciding]];
    let length =
        |groups: &[&(&str, Vec<&Bound>); 2]| groups.iter().map(|(_, keys)| keys.len() + 2).sum::<usize>();
    let longest = columns.iter().map(length).max().unwrap_or(0);
    let width = (COLUMN * 2 + 2).min(screen.width);
    let height = u16::try_from(longest + 1).unwrap_or(u16::MAX).min(screen.height);
    let area = Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    };
    canvas.clear(Rect {
        x: screen.x,
        width: screen.width,
        ..area
    });
    dialog::frame(
        canvas,
        area,
        &Piece {
            text: "Keys".to_owned(),
            tone: Tone::Strong,
        },
    );
    for (x, groups) in [area.x + 2, area.x + 2 + COLUMN].into_iter().zip(columns) {
        let mut y = area.y + 1;
        for (title, keys) in groups {
            line(canvas, area, x, y, title, Tone::Heading);
            y += 1;
            for bound in keys {
                line(canvas, area, x, y, &bound.label, Tone::Strong);
                line(
                    canvas,
                    area,
                    x + LABEL.max(cells(&bound.label) + 1),
                    y,
                    bound.binding.text,
                    Tone::Plain,
                );
                y += 1;
            }
            y += 1;
        }
    }
}

fn line(canvas: &mut Canvas<'_>, area: Rect, x: u16, y: u16, text: &str, tone: Tone) {
    if y + 1 < area.bottom() && x + 1 < area.right() {
        canvas.words(x, y, area.right() - 1 - x, text, tone);
    }
}
