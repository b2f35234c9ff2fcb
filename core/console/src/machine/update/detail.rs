//! Commands to the request that is read.

use std::sync::Arc;

use countersign_protocol::decision::Verdict;

use super::super::Moment;
use super::super::attention::Position;
use super::super::document::Shape;
use super::super::effect::Effect;
use super::super::message::{Command, Step};
use super::super::reading::Pane;
use super::super::seek;
use super::super::state::{Detail, End, Screen, State};
use super::super::suspicious;
use super::super::view;
use super::arrival::read;
use super::batch;
use super::ceremony::begin;
use super::queue::load_queue;
use super::{question, reveal, write};

/// The most sheets that are remembered to say what changed.
const MAX_LOOKED: usize = 32;

pub(super) fn in_detail(state: &mut State, command: &Command, now: Moment) -> Vec<Effect> {
    let settled = state.is_settled(now);
    let Some(detail) = &mut state.detail else {
        state.screen = Screen::Queue;
        return Vec::new();
    };
    match command {
        Command::Back if !detail.search.is_empty() => detail.search.clear(),
        Command::Back if detail.local => state.end = Some(End::Quit),
        Command::Back => return leave_detail(state, now),
        Command::Read(pane) if detail.panes().contains(pane) => detail.pane = *pane,
        Command::StepPane(step) => {
            let others = detail.panes().len().saturating_sub(1);
            detail.step_pane(if *step == Step::Next { 1 } else { others });
        }
        Command::Filter => {
            detail.searching = true;
            detail.search.clear();
            // What is folded away would not be found.
            if detail.pane == Pane::Change {
                reshape(
                    detail,
                    Shape {
                        folded: false,
                        ..detail.shape
                    },
                );
            }
        }
        Command::ToggleBeside | Command::ToggleFold if detail.pane != Pane::Change => {
            state.tell("that is for the lines under Change", false, now);
        }
        Command::ToggleBeside => toggle(detail, true),
        Command::ToggleFold => toggle(detail, false),
        Command::Seek(step) => seek::begin(state, *step, false, now),
        Command::StepFinding(step) => step_finding(detail, *step),
        Command::Enter if detail.pane == Pane::Findings => jump_to_finding(state, now),
        Command::Suspicious => jump_to_suspicious(state, now),
        Command::Copy => copy(state, now),
        Command::Scroll(pane, top) => {
            if let Some(place) = detail.tops.get_mut(pane.index()) {
                *place = *top;
            }
        }
        Command::LookAgain if settled => {
            if let Some((newer, _)) = detail.moved.take() {
                read(detail, newer, now);
                state.settle(now);
            }
        }
        Command::Refresh => {
            detail.checking = true;
            let id = detail.id;
            return vec![Effect::Open(id)];
        }
        Command::Ask if settled => question::begin(state, now),
        Command::Reveal if settled => reveal::begin(state, now),
        Command::Begin(_) | Command::Counter if state.batch.is_some() => {
            state.tell(
                "this one is read as part of a batch; Esc goes back to it",
                false,
                now,
            );
        }
        Command::Begin(verdict) if settled => return begin(state, *verdict, false, now),
        Command::Counter if settled => return begin(state, Verdict::Deny, true, now),
        Command::Begin(_) | Command::Counter | Command::Ask | Command::Reveal => {
            state.tell(
                "what is on screen changed a moment ago; look at it, then press the key again",
                false,
                now,
            );
        }
        _ => {}
    }
    Vec::new()
}

/// The other way to show lines: beside each other, or else folded, or not.
fn toggle(detail: &mut Detail, beside: bool) {
    let mut shape = detail.shape;
    if beside {
        shape.beside = !shape.beside;
    } else {
        shape.folded = !shape.folded;
    }
    reshape(detail, shape);
}

pub(super) fn in_search(state: &mut State, command: &Command, now: Moment) {
    let Some(detail) = &mut state.detail else { return };
    if write(&mut detail.search, command) {
        return;
    }
    match command {
        Command::Enter => {
            detail.searching = false;
            seek::begin(state, Step::Next, true, now);
        }
        Command::Back => {
            detail.searching = false;
            detail.search.clear();
        }
        _ => {}
    }
}

/// Back to the queue; what was seen of the sheet is remembered.
pub(super) fn leave_detail(state: &mut State, now: Moment) -> Vec<Effect> {
    state.revealing = None;
    if let Some(detail) = state.detail.take() {
        remember(state, &detail);
        if state.batch.is_some() {
            batch::put_back(state, *detail, now);
            return Vec::new();
        }
    }
    state.screen = Screen::Queue;
    state.question = None;
    state.settle(now);
    let mut effects = load_queue(state);
    effects.push(Effect::Look(None));
    effects
}

pub(super) fn remember(state: &mut State, detail: &Detail) {
    if let Some(reading) = detail.reading().filter(|_| !detail.local) {
        state.looked.retain(|(id, _)| *id != detail.id);
        state.looked.push((detail.id, Arc::clone(&reading.sheet)));
        if state.looked.len() > MAX_LOOKED {
            state.looked.remove(0);
        }
    }
}

/// Lays the change out anew and keeps the line on top where it can be found again.
fn reshape(detail: &mut Detail, shape: Shape) {
    let old = std::mem::replace(&mut detail.shape, shape);
    let line = detail.tops.get(Pane::Change.index()).map_or(0, |top| top.line);
    let moved = detail.reading().map(|reading| reading.line_in(line, old, shape));
    if let (Some(line), Some(top)) = (moved, detail.tops.get_mut(Pane::Change.index())) {
        *top = Position { line, character: 0 };
    }
}

fn step_finding(detail: &mut Detail, step: Step) {
    let last = detail
        .reading()
        .map_or(0, |reading| reading.findings.len())
        .saturating_sub(1);
    detail.finding = match step {
        Step::Next => (detail.finding + 1).min(last),
        Step::Previous => detail.finding.saturating_sub(1),
    };
    let findings = detail
        .reading()
        .map(|reading| reading.findings.as_slice())
        .unwrap_or_default();
    let line = view::finding_line(findings, detail.finding);
    detail.go_to(Pane::Findings, line);
}

/// Shows the line that the finding is about.
fn jump_to_finding(state: &mut State, now: Moment) {
    let Some(detail) = &mut state.detail else { return };
    let shape = Shape {
        folded: false,
        ..detail.shape
    };
    let line = detail
        .reading()
        .and_then(|reading| reading.line_of(reading.findings.get(detail.finding)?, shape));
    if let Some(line) = line {
        detail.shape = shape;
        detail.pane = Pane::Change;
        // Three lines of what stands before it.
        detail.go_to(Pane::Change, line.saturating_sub(3));
    } else {
        state.tell(
            "this finding names no line of a document that is shown",
            false,
            now,
        );
    }
}

/// Shows the next place of suspicious text.
fn jump_to_suspicious(state: &mut State, now: Moment) {
    let Some(detail) = &mut state.detail else { return };
    let shape = Shape {
        folded: false,
        ..detail.shape
    };
    let spots = detail.reading().map(|reading| suspicious::spots(reading, shape));
    let spots = spots.unwrap_or_default();
    if spots.is_empty() {
        state.tell(
            "no text here hides, moves or imitates text, as far as the rules see",
            false,
            now,
        );
        return;
    }
    let number = detail.suspicious % spots.len();
    let Some(spot) = spots.get(number) else { return };
    detail.suspicious = number + 1;
    if spot.pane == Pane::Change {
        detail.shape = shape;
    }
    detail.pane = spot.pane;
    if let Some(top) = detail.tops.get_mut(spot.pane.index()) {
        *top = spot.top;
    }
    state.tell(
        format!("suspicious text {} of {}: {}", number + 1, spots.len(), spot.told),
        false,
        now,
    );
}

/// Copies the names of the request in turn: its id, its digests, its target.
fn copy(state: &mut State, now: Moment) {
    let Some(detail) = &mut state.detail else { return };
    let Some(reading) = detail.reading() else { return };
    let mut names = vec![
        ("the request's id", reading.id.to_string()),
        ("the action's digest", reading.action_digest.to_string()),
        ("the sheet's digest", reading.view_digest.to_string()),
        ("the target", reading.summary.target.escaped()),
    ];
    if detail.local {
        names.drain(..3);
    }
    let (what, text) = names.swap_remove(detail.copied % names.len());
    detail.copied += 1;
    state.clipboard = Some(text);
    state.tell(format!("copied: {what}; again for another name"), false, now);
}
