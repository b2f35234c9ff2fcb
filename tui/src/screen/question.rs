//! The question to the agent, over the request it is about.

use countersign_console::machine::State;
use countersign_console::machine::view::{self, PaneLine, Piece, Text, Tone};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::canvas::Canvas;
use super::dialog::{self, frame};
use super::pane;

const WIDEST: u16 = 96;

/// Draws the question.
pub fn draw(canvas: &mut Canvas<'_>, screen: Rect, state: &State) {
    let Some(question) = view::question(state) else {
        return;
    };
    let width = screen.width.saturating_sub(4).min(WIDEST);
    let inner = width.saturating_sub(4);
    let room = screen.height.saturating_sub(2);
    let mut lines = folded(question.about, inner);
    lines.push(Text::new());
    let mut text = vec![piece("▸ ", Tone::Strong)];
    text.extend(question.text);
    if question.writing {
        text.push(piece("▏", Tone::Strong));
    }
    let mut written = folded(text, inner);
    let mut end = vec![Text::new()];
    if let Some(room) = question.room {
        end.push(vec![piece(&format!("{room} bytes are left"), Tone::Warn)]);
    }
    if let Some(notice) = question.notice {
        end.extend(folded(notice, inner));
    }
    end.push(vec![
        piece("Enter", Tone::Strong),
        piece(" asks  ", Tone::Faint),
        piece("Esc", Tone::Strong),
        piece(" leaves", Tone::Faint),
    ]);
    // Of a text that is longer than its room the end is shown, where the cursor is.
    let fit = usize::from(room).saturating_sub(lines.len() + end.len()).max(1);
    written.drain(..written.len().saturating_sub(fit));
    lines.extend(written);
    lines.extend(end);
    let height = u16::try_from(lines.len() + 2)
        .unwrap_or(screen.height)
        .min(screen.height);
    let area = dialog::centred(screen, width, height);
    dialog::clear_lines(canvas, screen, area);
    frame(canvas, area, &piece("ASK THE AGENT", Tone::Strong));
    for (y, line) in (area.y + 1..area.bottom().saturating_sub(1)).zip(&lines) {
        canvas.pieces(area.x + 2, y, inner, line, Modifier::empty());
    }
}

fn folded(text: Text, width: u16) -> Vec<Text> {
    pane::folded(&PaneLine::bare(text), width)
}

fn piece(text: &str, tone: Tone) -> Piece {
    Piece {
        text: text.to_owned(),
        tone,
    }
}
