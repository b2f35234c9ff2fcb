//! How messages change the state. Pure. Commands go to what is on top; each screen has a module of its own.

mod arrival;
mod batch;
mod ceremony;
mod detail;
mod question;
mod queue;
mod reveal;

use super::Moment;
use super::effect::Effect;
use super::message::{Command, Message};
use super::reading::Pane;
use super::seek;
use super::state::{End, NOTICE, Screen, State};

/// The longest text that is searched for, in bytes.
const MAX_SEARCH: usize = 100;

/// What a console that begins wants done.
#[must_use]
pub fn start(state: &mut State) -> Vec<Effect> {
    match state.screen {
        Screen::FirstRun(_) => Vec::new(),
        Screen::Detail if state.detail.as_ref().is_some_and(|detail| detail.local) => state
            .detail
            .as_ref()
            .map(|detail| Effect::Open(detail.id))
            .into_iter()
            .collect(),
        Screen::Queue | Screen::Detail | Screen::Batch => {
            state.queue.loading = true;
            let mut effects = vec![Effect::LoadTrust, Effect::LoadQueue, Effect::Watch];
            effects.extend(state.detail.as_ref().map(|detail| Effect::Open(detail.id)));
            effects
        }
    }
}

/// Lets `message` happen at `now`; returns what is to be done about it.
pub fn update(state: &mut State, message: Message, now: Moment) -> Vec<Effect> {
    state.notices.retain(|notice| now.up < notice.until);
    reveal::hide_in_time(state, now);
    if state.queue.expire(now.wall) && state.screen == Screen::Queue {
        state.settle(now);
    }
    attend(state, now);
    let effects = match message {
        Message::Tick => {
            seek::go_on(state, now);
            Vec::new()
        }
        Message::GaveDraft(action) => {
            ceremony::gave_draft(state, action);
            Vec::new()
        }
        Message::Gave(view, lines) => {
            if let Some((_, attention)) = state.attended().filter(|(attended, _)| *attended == view) {
                attention.give(lines);
            }
            Vec::new()
        }
        Message::Answered(number, unlocked) if state.revealing.is_some() => {
            reveal::answered(state, number, unlocked.is_some(), now)
        }
        Message::Answered(number, unlocked) => ceremony::answered(state, number, unlocked, now),
        Message::News(news) => arrival::take(state, news, now),
        Message::Command(command) => {
            let place = place(state);
            state.obeying = true;
            let effects = obey(state, command, now);
            state.obeying = false;
            if self::place(state) != place {
                leave_answers(state, now);
            }
            effects
        }
    };
    cover(state);
    effects
}

/// What a person looks at: the screen, its pane, and what lies over it.
fn place(state: &State) -> (Screen, Option<Pane>, [bool; 3]) {
    let over = [
        state.ceremony.is_some(),
        state.question.is_some(),
        state.revealing.is_some(),
    ];
    (
        state.screen,
        state.detail.as_ref().map(|detail| detail.pane),
        over,
    )
}

/// What was answered elsewhere would be read as said of what is on screen now.
fn leave_answers(state: &mut State, now: Moment) {
    let just_told = now.up.saturating_add(NOTICE);
    state
        .notices
        .retain(|notice| !notice.answers || notice.until == just_told);
}

/// Counts what stayed on a screen up to now, when nothing has covered it yet.
fn attend(state: &mut State, now: Moment) {
    if let Some((_, attention)) = state.attended() {
        attention.dwell(now.up);
    }
    if let Some(counter) = state.counter_on_top() {
        counter.attention.dwell(now.up);
    }
}

/// What is covered now is on no screen, whatever a surface says.
fn cover(state: &mut State) {
    let attended = state.attended().is_some();
    let (in_batch, alone) = (state.screen == Screen::Batch, state.screen == Screen::Detail);
    if let Some(detail) = state.detail.as_mut().filter(|_| !attended || in_batch) {
        detail.attention.cover();
    }
    if let Some(batch) = state.batch.as_mut().filter(|_| !attended || alone) {
        batch.attention.cover();
    }
    if state.counter_on_top().is_none()
        && let Some(counter) = state
            .ceremony
            .as_mut()
            .and_then(|ceremony| ceremony.counter.as_mut())
    {
        counter.attention.cover();
    }
}

/// A command goes to what is on top: help, the ceremony, the filter, the screen.
fn obey(state: &mut State, command: Command, now: Moment) -> Vec<Effect> {
    if let Command::Saw(view, from, to) | Command::Showing(view, from, to) = command {
        if let Some((_, attention)) = state.attended().filter(|(attended, _)| *attended == view) {
            match command {
                Command::Saw(..) => attention.mark(from, to),
                _ => attention.show(from, to, now.up),
            }
        }
        return Vec::new();
    }
    if let Command::SawDraft(action, from, to) | Command::ShowingDraft(action, from, to) = command {
        if let Some(counter) = state.counter_on_top().filter(|counter| counter.is_of(action)) {
            match command {
                Command::SawDraft(..) => counter.attention.mark(from, to),
                _ => counter.attention.show(from, to, now.up),
            }
        }
        return Vec::new();
    }
    if let Command::Failed(what) = command {
        // It may come long after what was asked for.
        state.obeying = false;
        state.tell(what, true, now);
        return Vec::new();
    }
    if let Command::Hint(what) = command {
        state.tell(what, false, now);
        return Vec::new();
    }
    if let Some(detail) = &mut state.detail {
        detail.seek = None;
    }
    if let Command::Open(id) = command {
        return queue::open_link(state, id, now);
    }
    if state.help {
        if matches!(
            command,
            Command::Help | Command::Back | Command::Enter | Command::Quit
        ) {
            state.help = false;
            state.settle(now);
        }
        return Vec::new();
    }
    if state.ceremony.is_some() {
        return ceremony::in_ceremony(state, command, now);
    }
    if state.question.is_some() {
        return question::in_question(state, &command, now);
    }
    if state.revealing.is_some() {
        return reveal::in_revealing(state, &command, now);
    }
    if state.queue.filtering {
        queue::in_filter(state, &command);
        return Vec::new();
    }
    if state.detail.as_ref().is_some_and(|detail| detail.searching) {
        detail::in_search(state, &command, now);
        return Vec::new();
    }
    match command {
        Command::Help => state.help = true,
        Command::Quit => state.end = Some(End::Quit),
        command => {
            return match state.screen {
                Screen::FirstRun(choice) => queue::in_first_run(state, choice, &command),
                Screen::Queue => queue::in_queue(state, &command, now),
                Screen::Detail => detail::in_detail(state, &command, now),
                Screen::Batch => batch::in_batch(state, &command, now),
            };
        }
    }
    Vec::new()
}

/// Writes in a line of text; says whether the command was about that.
fn write(text: &mut String, command: &Command) -> bool {
    match command {
        Command::Write(c) if !c.is_control() && text.len() < MAX_SEARCH => text.push(*c),
        Command::Write(_) => {}
        Command::Paste(pasted) => {
            let room = MAX_SEARCH.saturating_sub(text.len()) / 4;
            text.extend(pasted.chars().filter(|c| !c.is_control()).take(room));
        }
        Command::Erase => drop(text.pop()),
        Command::EraseAll => text.clear(),
        _ => return false,
    }
    true
}
