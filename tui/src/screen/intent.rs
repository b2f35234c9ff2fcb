//! What a key asks of the machine, given what is on screen.

use countersign_console::machine::view::{self, PaneView};
use countersign_console::machine::{self, Command, Lane, Moment, Pane, Position, State, message::Step};
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{ActionDigest, ViewDigest};
use ratatui::layout::Rect;

use super::binding::Intent;
use super::{batch, detail, dialog, frame, pane, queue, reveal};

/// What an intent asks of the machine, given what is on screen.
pub fn command(state: &State, intent: Intent, now: Moment, area: Rect) -> Option<Command> {
    let page = i64::from(frame::body(area).height).max(2);
    Some(match intent {
        Intent::PageDown if on_top(state) => return turned(state, i64::MAX, now, area),
        Intent::PageUp if on_top(state) => return turned(state, i64::MIN, now, area),
        Intent::NextField if reveal::scrolls(state, now, area).is_some() => {
            return turned(state, 1, now, area);
        }
        Intent::PreviousField if reveal::scrolls(state, now, area).is_some() => {
            return turned(state, -1, now, area);
        }
        Intent::Down => return moved(state, 1, now, area),
        Intent::Up => return moved(state, -1, now, area),
        Intent::HalfDown => return moved(state, page / 2, now, area),
        Intent::HalfUp => return moved(state, -page / 2, now, area),
        Intent::PageDown => return moved(state, i64::MAX, now, area),
        Intent::PageUp => return moved(state, i64::MIN, now, area),
        Intent::Top => return ends(state, Command::First, now, area),
        Intent::Bottom => return ends(state, Command::Last, now, area),
        Intent::NextMark => return landmark(state, Step::Next, now, area),
        Intent::PreviousMark => return landmark(state, Step::Previous, now, area),
        Intent::Unseen => return unseen(state, now, area),
        Intent::Enter => Command::Enter,
        Intent::Back => Command::Back,
        Intent::NextPane => Command::StepPane(Step::Next),
        Intent::PreviousPane => Command::StepPane(Step::Previous),
        Intent::Pane(number) => return numbered(state, number),
        Intent::NextLane => Command::StepLane(Step::Next),
        Intent::PreviousLane => Command::StepLane(Step::Previous),
        Intent::Lane(number) => Command::Show(Lane::ALL.get(number).copied()?),
        Intent::Reorder => Command::Reorder,
        Intent::Groups => Command::ToggleGroups,
        Intent::Beside => Command::ToggleBeside,
        Intent::Fold => Command::ToggleFold,
        Intent::Suspicious => Command::Suspicious,
        Intent::Copy => Command::Copy,
        Intent::Preset => Command::Preset,
        Intent::Mark => Command::Mark,
        Intent::MarkAlike => Command::MarkAlike,
        Intent::ReadMarked => Command::ReadMarked,
        Intent::Filter => Command::Filter,
        Intent::Help => Command::Help,
        Intent::Refresh => Command::Refresh,
        Intent::LookAgain => Command::LookAgain,
        Intent::Ask => Command::Ask,
        Intent::Reveal => Command::Reveal,
        Intent::Approve => Command::Begin(Verdict::Approve),
        Intent::Deny => Command::Begin(Verdict::Deny),
        Intent::Counter => Command::Counter,
        Intent::Edit => Command::Edit,
        // What nobody could read is not signed.
        Intent::Sign if !frame::fits(area) || !dialog::fits(state, now, area) => {
            Command::Failed(format!("not signed: {}", dialog::TOO_SMALL))
        }
        Intent::Sign => Command::Sign,
        Intent::NextField => Command::StepField(Step::Next),
        Intent::PreviousField => Command::StepField(Step::Previous),
        Intent::Erase => Command::Erase,
        Intent::EraseAll => Command::EraseAll,
        Intent::Quit => Command::Quit,
        Intent::Suspend | Intent::Redraw | Intent::Pager => return None,
    })
}

/// The pane of a number, which is the same in every request.
fn numbered(state: &State, number: usize) -> Option<Command> {
    let pane = Pane::ALL.into_iter().find(|pane| pane.index() == number)?;
    Some(if state.detail.as_deref()?.panes().contains(&pane) {
        Command::Read(pane)
    } else {
        Command::Hint("there is no such pane of this request".to_owned())
    })
}

/// Moves by rows; `i64::MAX` and `i64::MIN` stand for a page.
fn moved(state: &State, by: i64, now: Moment, area: Rect) -> Option<Command> {
    if !scrolls(state) {
        let page = i64::try_from(queue::rows_in(frame::body(area)))
            .unwrap_or(1)
            .max(1);
        return Some(Command::Move(by.clamp(-page, page)));
    }
    let (pane, rect, top) = open_pane(state, now, area)?;
    // A page keeps one row of the page before.
    let page = i64::from(rect.height).saturating_sub(1).max(1);
    let top = pane::scrolled(&pane, top, rect, by.clamp(-page, page));
    Some(Command::Scroll(pane_of(state)?, top))
}

fn ends(state: &State, command: Command, now: Moment, area: Rect) -> Option<Command> {
    if !scrolls(state) {
        return Some(command);
    }
    let (pane, rect, _) = open_pane(state, now, area)?;
    let top = if command == Command::First {
        Position::default()
    } else {
        pane::end(&pane, rect)
    };
    Some(Command::Scroll(pane_of(state)?, top))
}

/// Goes to what was not on screen yet.
fn unseen(state: &State, now: Moment, area: Rect) -> Option<Command> {
    let attention = match (state.screen, state.batch.as_deref(), state.detail.as_deref()) {
        (machine::Screen::Batch, Some(batch), _) => &batch.attention,
        (_, _, Some(open)) if open.pane != Pane::Sheet => return Some(Command::Read(Pane::Sheet)),
        (_, _, open) => &open?.attention,
    };
    let Some(line) = attention.first_unseen() else {
        return Some(Command::Hint("all of the sheet was on screen".to_owned()));
    };
    let (pane, rect, _) = open_pane(state, now, area)?;
    let top = Position { line, character: 0 }.min(pane::end(&pane, rect));
    Some(Command::Scroll(Pane::Sheet, top))
}

/// Goes to the next match of what is searched for, or else the next change, finding or difference; in panes without
/// any, a page on.
fn landmark(state: &State, step: Step, now: Moment, area: Rect) -> Option<Command> {
    let (pane, rect, top) = open_pane(state, now, area)?;
    let marks = match state
        .batch
        .as_deref()
        .filter(|_| state.screen == machine::Screen::Batch)
    {
        Some(batch) => view::batch_landmarks(batch),
        None => {
            let open = state.detail.as_deref()?;
            if !open.search.is_empty() {
                return Some(Command::Seek(step));
            }
            if open.pane == Pane::Findings {
                return Some(Command::StepFinding(step));
            }
            open.reading()
                .map(|reading| reading.landmarks(open.pane, open.shape))
                .unwrap_or_default()
        }
    };
    let line = match step {
        Step::Next => marks.into_iter().find(|line| *line > top.line),
        Step::Previous => marks.into_iter().rev().find(|line| *line < top.line),
    };
    let Some(line) = line else {
        let page = if step == Step::Next { i64::MAX } else { i64::MIN };
        return moved(state, page, now, area);
    };
    let top = Position { line, character: 0 }.min(pane::end(&pane, rect));
    Some(Command::Scroll(pane_of(state)?, top))
}

/// Whether keys that move scroll a pane instead of moving a cursor.
const fn scrolls(state: &State) -> bool {
    matches!(state.screen, machine::Screen::Detail | machine::Screen::Batch)
}

/// The pane that scrolls.
fn pane_of(state: &State) -> Option<Pane> {
    match state.screen {
        machine::Screen::Batch => Some(Pane::Sheet),
        _ => Some(state.detail.as_deref()?.pane),
    }
}

fn open_pane(state: &State, now: Moment, area: Rect) -> Option<(PaneView<'_>, Rect, Position)> {
    if state.screen == machine::Screen::Batch {
        let open = state.batch.as_deref()?;
        let layout = batch::layout(&view::batch(state, now)?, frame::body(area));
        return Some((PaneView::of_batch(open), layout.pane, open.top));
    }
    let open = state.detail.as_deref()?;
    let layout = detail::layout(&view::detail(state, now)?, frame::body(area));
    Some((PaneView::of_detail(open)?, layout.pane, open.top()))
}

/// Whether something that scrolls by itself covers the screen.
const fn on_top(state: &State) -> bool {
    state.ceremony.is_some() || state.revealing.is_some()
}

/// Scrolls what is on top by rows.
fn turned(state: &State, by: i64, now: Moment, area: Rect) -> Option<Command> {
    let (pane, rect, top) =
        dialog::scrolls(state, now, area).or_else(|| reveal::scrolls(state, now, area))?;
    let page = i64::from(rect.height).saturating_sub(1).max(1);
    let top = pane::scrolled(&pane, top, rect, by.clamp(-page, page));
    Some(Command::TurnTo(top))
}

/// What of a counter-proposal's difference is wholly on screen and covered by nothing.
pub fn seen_of_draft(state: &State, now: Moment, area: Rect) -> Option<(ActionDigest, Position, Position)> {
    if state.help || !frame::fits(area) {
        return None;
    }
    let counter = state.ceremony.as_deref()?.counter.as_deref()?;
    let action = counter.draft().ok()?.action_digest;
    let (pane, rect, top) = dialog::scrolls(state, now, area)?;
    let (from, to) = pane::extent(&pane::rows(&pane, top, rect))?;
    Some((action, from, to))
}

/// What of the sheet is wholly on screen and covered by nothing.
pub fn seen(state: &State, now: Moment, area: Rect) -> Option<(ViewDigest, Position, Position)> {
    let covered = state.help
        || state.ceremony.is_some()
        || state.question.is_some()
        || state.revealing.is_some()
        || !scrolls(state);
    if covered || !frame::fits(area) {
        return None;
    }
    if state.screen == machine::Screen::Batch {
        let (from, to) = batch::on_screen(state, now, frame::body(area))?;
        return Some((state.batch.as_deref()?.view_digest()?, from, to));
    }
    let open = state.detail.as_deref().filter(|open| open.pane == Pane::Sheet)?;
    let (from, to) = detail::on_screen(state, now, frame::body(area))?;
    Some((open.reading()?.view_digest, from, to))
}
