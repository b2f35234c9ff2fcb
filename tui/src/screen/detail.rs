//! One request: the sentence, what it takes, why not; below it the panes.

use countersign_console::machine::view::{self, DetailView, PaneLine, PaneView, Piece, TabView, Text, Tone};
use countersign_console::machine::{Moment, Pane, Position, State};
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::canvas::{Canvas, cells, shortened};
use super::pane;

/// A narrower pane cannot show every character of a line.
const NARROWEST: u16 = 20;

/// The letters of the first word of a tab's title, at most; those of one that is cut; and all words of it.
const LONGEST_TITLE: usize = 9;
const CUT_TITLE: usize = 4;
const ALL_LETTERS: usize = usize::MAX;

/// Where the parts stand.
#[derive(Debug)]
pub struct Layout {
    head: Vec<Text>,
    tabs: u16,
    /// The pane.
    pub pane: Rect,
}

/// Where the parts stand on a screen of this size.
pub fn layout(detail: &DetailView, area: Rect) -> Layout {
    let width = area.width.saturating_sub(2);
    let mut head = folded(&detail.sentence, width, 4);
    let mut facts = Text::new();
    for fact in &detail.facts {
        if !facts.is_empty() {
            facts.push(piece("  ", Tone::Faint));
        }
        facts.push(fact.clone());
    }
    if !facts.is_empty() {
        head.extend(folded(&facts, width, 2));
    }
    if !detail.check_words.is_empty() {
        let (seen, of) = detail.seen;
        let (sign, tone) = if seen == of {
            ("✓ ", Tone::Good)
        } else {
            ("", Tone::Plain)
        };
        let code = vec![
            piece("check code  ", Tone::Faint),
            piece(&detail.check_words, Tone::Strong),
            piece("   ", Tone::Faint),
            piece(&format!("{sign}{seen} of {of} lines seen"), tone),
        ];
        head.extend(folded(&code, width, 2));
    }
    if let Some(why) = &detail.why_not {
        head.extend(folded(
            &vec![
                piece("✗ You cannot decide this: ", Tone::Bad),
                piece(why, Tone::Plain),
            ],
            width,
            3,
        ));
    }
    for problem in detail.problems.iter().take(4) {
        head.extend(folded(problem, width, 2));
    }
    if detail.problems.len() > 4 {
        head.push(vec![piece(
            &format!("and {} more problems", detail.problems.len() - 4),
            Tone::Bad,
        )]);
    }
    let most = usize::from(area.height.saturating_sub(5));
    head.truncate(most);
    let tabs = area.y + u16::try_from(head.len()).unwrap_or(area.height);
    let top = (tabs + 1).min(area.bottom());
    let pane = Rect {
        x: area.x,
        y: top,
        width: area.width,
        height: area.bottom().saturating_sub(top),
    };
    Layout { head, tabs, pane }
}

/// Draws a request.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, state: &State, now: Moment) {
    let Some(detail) = view::detail(state, now) else {
        return;
    };
    let layout = layout(&detail, area);
    if let Some(people) = &detail.looking {
        // On the line above: it comes and goes, and what is read must not move by it.
        let also = vec![piece(&format!(" also looking: {people} "), Tone::Hunk)];
        let above = Rect {
            width: area.width.saturating_sub(1),
            ..area
        };
        canvas.right(above, area.y.saturating_sub(1), &shortened(&also, area.width / 2));
    }
    for (y, line) in (area.top()..area.bottom()).zip(&layout.head) {
        canvas.pieces(
            area.x + 1,
            y,
            area.width.saturating_sub(2),
            line,
            Modifier::empty(),
        );
    }
    let Some(open) = state.detail.as_deref() else {
        return;
    };
    let line = Rect {
        y: layout.tabs,
        height: 1,
        ..area
    };
    tabs(canvas, line, &detail, &open.panes());
    if let Some(lines) = PaneView::of_detail(open) {
        pane::draw(canvas, layout.pane, &pane::rows(&lines, open.top(), layout.pane));
    }
}

/// What of the pane is wholly on screen, where that can be told.
pub fn on_screen(state: &State, now: Moment, area: Rect) -> Option<(Position, Position)> {
    let layout = layout(&view::detail(state, now)?, area);
    let open = state.detail.as_deref()?;
    if layout.pane.width < NARROWEST {
        return None;
    }
    pane::extent(&pane::rows(&PaneView::of_detail(open)?, open.top(), layout.pane))
}

/// The key of a pane, the same in every request; further ones have none.
fn key_of(pane: Pane) -> String {
    match pane.index() {
        index @ 0..=8 => format!("{} ", index + 1),
        9 => "0 ".to_owned(),
        _ => String::new(),
    }
}

fn tabs(canvas: &mut Canvas<'_>, area: Rect, detail: &DetailView, panes: &[Pane]) {
    canvas.rule(area, area.y);
    if !detail.readable {
        return;
    }
    let words = |(pane, tab): (&Pane, &TabView), letters: usize| {
        let count = tab.count.map_or_else(String::new, |count| format!(" {count}"));
        let key = key_of(*pane);
        let word = tab.title.split(' ').next().unwrap_or_default();
        let cut = if word.len() > letters {
            letters.min(CUT_TITLE)
        } else {
            letters
        };
        let short: String = word.chars().take(cut).collect();
        match (letters == ALL_LETTERS, tab.selected) {
            (true, _) => format!(" {key}{}{count} ", tab.title),
            (false, true) => format!("{key}{}{count} ", tab.title),
            (false, false) => format!("{key}{short} "),
        }
    };
    let tabs = || panes.iter().zip(&detail.tabs);
    let width = |letters| -> usize { tabs().map(|tab| usize::from(cells(&words(tab, letters)))).sum() };
    // As many letters of each title as there is room for.
    let room = usize::from(area.width.saturating_sub(2));
    let mut letters = ALL_LETTERS;
    while letters > 1 && width(letters) >= room {
        letters = letters.min(LONGEST_TITLE + 1) - 1;
    }
    let mut x = area.x + 1;
    for (pane, tab) in tabs() {
        let style = canvas
            .theme
            .style(if tab.selected { Tone::Strong } else { Tone::Faint });
        let style = if tab.selected {
            style.add_modifier(Modifier::REVERSED)
        } else {
            style
        };
        x += canvas.text(
            x,
            area.y,
            area.right().saturating_sub(x),
            &words((pane, tab), letters),
            style,
        );
    }
    if let Some((search, writing)) = &detail.search {
        let mut shown = vec![piece(" /", Tone::Strong)];
        shown.extend(search.iter().cloned());
        shown.push(piece(if *writing { "▏ " } else { " " }, Tone::Strong));
        if let Some(percent) = detail.sought {
            shown.push(piece(&format!("{percent}% "), Tone::Faint));
        }
        canvas.right(area, area.y, &shortened(&shown, area.width / 2));
    }
}

/// Folds pieces into at most `most` lines; the last one ends in an ellipsis when there would be more.
fn folded(text: &Text, width: u16, most: usize) -> Vec<Text> {
    let mut lines = pane::folded(&PaneLine::bare(text.clone()), width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push(piece("…", Tone::Faint));
        }
    }
    lines
}

fn piece(text: &str, tone: Tone) -> Piece {
    Piece {
        text: text.to_owned(),
        tone,
    }
}
