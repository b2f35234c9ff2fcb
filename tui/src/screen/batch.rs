//! Several requests of one shape: what they are, the requests with what came of each, the merged sheet.

use countersign_console::machine::view::{self, BatchView, MemberView, PaneView, Piece, Text, Tone};
use countersign_console::machine::{Moment, Position, State};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::canvas::{Canvas, cells, clipped, shortened, width_of};
use super::pane;
use super::theme::SELECTED;

/// A narrower pane cannot show every character of a line.
const NARROWEST: u16 = 20;

/// Where the parts stand.
#[derive(Debug)]
pub struct Layout {
    head: Vec<Text>,
    members: Rect,
    /// The merged sheet.
    pub pane: Rect,
}

/// Where the parts stand on a screen of this size: the requests take a third of it at most.
pub fn layout(batch: &BatchView, area: Rect) -> Layout {
    let width = area.width.saturating_sub(2);
    let fold = |text: &Text| pane::folded(&view::PaneLine::bare(text.clone()), width);
    let mut head = fold(&batch.title);
    head.truncate(4);
    head.extend(fold(&batch.advice).into_iter().take(2));
    if !batch.about.is_empty() {
        head.extend(fold(&batch.about).into_iter().take(3));
    }
    let top = area.y + u16::try_from(head.len()).unwrap_or(0).min(area.height);
    let rest = area.bottom().saturating_sub(top);
    let count = u16::try_from(batch.members.len()).unwrap_or(u16::MAX);
    let members = Rect {
        y: top,
        height: count.min((rest / 3).max(3)).min(rest),
        ..area
    };
    let from = (members.bottom() + 1).min(area.bottom());
    let pane = Rect {
        y: from,
        height: area.bottom().saturating_sub(from),
        ..area
    };
    Layout { head, members, pane }
}

/// Draws a batch.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, state: &State, now: Moment) {
    let (Some(batch), Some(open)) = (view::batch(state, now), state.batch.as_deref()) else {
        return;
    };
    let layout = layout(&batch, area);
    let width = area.width.saturating_sub(2);
    for (y, line) in (area.top()..layout.members.top()).zip(&layout.head) {
        canvas.pieces(area.x + 1, y, width, line, Modifier::empty());
    }
    let fit = usize::from(layout.members.height);
    let first = (batch.cursor + 1).saturating_sub(fit);
    let rows = layout.members.top()..layout.members.bottom();
    for (y, member) in rows.zip(batch.members.iter().skip(first)) {
        row(canvas, Rect { y, height: 1, ..area }, member);
    }
    canvas.rule(area, layout.members.bottom());
    let (seen, of) = batch.seen;
    if of > 0 {
        let sign = if seen == of { "✓ " } else { "" };
        let tone = if seen == of { Tone::Good } else { Tone::Plain };
        let text = format!(" {sign}{seen} of {of} lines seen ");
        canvas.right(area, layout.members.bottom(), &[Piece { text, tone }]);
        canvas.words(
            area.x + 1,
            layout.members.bottom(),
            40,
            " What is signed, merged ",
            Tone::Strong,
        );
    }
    let lines = PaneView::of_batch(open);
    pane::draw(canvas, layout.pane, &pane::rows(&lines, open.top, layout.pane));
}

/// What of the merged sheet is wholly on screen.
pub fn on_screen(state: &State, now: Moment, area: Rect) -> Option<(Position, Position)> {
    let layout = layout(&view::batch(state, now)?, area);
    let open = state.batch.as_deref()?;
    if layout.pane.width < NARROWEST {
        return None;
    }
    pane::extent(&pane::rows(&PaneView::of_batch(open), open.top, layout.pane))
}

fn row(canvas: &mut Canvas<'_>, area: Rect, member: &MemberView) {
    let style = if member.selected {
        Style::new().add_modifier(SELECTED)
    } else {
        Style::new()
    };
    if member.selected {
        let blank = " ".repeat(area.width.into());
        canvas.text(area.x, area.y, area.width, &blank, style);
        canvas.text(area.x, area.y, 1, "▸", style);
    }
    let mut put = |x: u16, width: u16, text: &[Piece]| {
        if member.selected {
            canvas.bare(x, area.y, width, text, style);
        } else {
            canvas.pieces(x, area.y, width, text, Modifier::empty());
        }
    };
    let number = format!("{:>2} ", member.number);
    put(
        area.x + 1,
        3,
        &[Piece {
            text: number,
            tone: Tone::Match,
        }],
    );
    let left = cells(&member.left.text).max(8);
    let inner = area.width.saturating_sub(4 + left + 1);
    // What came of it is read first; the target gets the rest.
    let state = width_of(&member.state).min(inner * 3 / 5);
    let target = inner.saturating_sub(if state == 0 { 0 } else { state + 2 });
    let target = shortened(&member.target, target);
    let used = width_of(&target);
    put(area.x + 4, inner, &target);
    if state > 0 {
        put(area.x + 4 + used + 2, state, &clipped(&member.state, state));
    }
    put(
        area.right().saturating_sub(left),
        left,
        std::slice::from_ref(&member.left),
    );
}
