//! What a new user sees.

use countersign_console::machine::FirstRunChoice;
use countersign_console::machine::view::{self, Tone};
use ratatui::layout::Rect;

use super::canvas::Canvas;

/// Draws the choices.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, selected: FirstRunChoice) {
    let x = area.x + 3;
    let width = area.width.saturating_sub(6);
    let mut y = area.y + area.height.saturating_sub(18) / 3 + 1;
    for (text, tone) in [
        (
            "Nothing privileged runs until a person has read it and signed.",
            Tone::Strong,
        ),
        (
            "This console has no organisation yet. Where would you like to start?",
            Tone::Plain,
        ),
    ] {
        canvas.words(x, y, width, text, tone);
        y += 1;
    }
    y += 1;
    for choice in view::first_run(selected) {
        let (mark, tone) = if choice.selected {
            ("▸ ", Tone::Strong)
        } else {
            ("  ", Tone::Plain)
        };
        canvas.words(x, y, width, mark, Tone::Strong);
        canvas.words(x + 2, y, width.saturating_sub(2), choice.title, tone);
        for (line, tone) in choice.lines.into_iter().zip([Tone::Plain, Tone::Faint]) {
            y += 1;
            canvas.words(x + 4, y, width.saturating_sub(4), line, tone);
        }
        y += 2;
    }
}
