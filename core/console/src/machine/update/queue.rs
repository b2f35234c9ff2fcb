//! Commands to the queue and to the first-run screen.

use countersign_protocol::identity::RequestId;

use super::super::Moment;
use super::super::effect::Effect;
use super::super::message::{Command, Step};
use super::super::queue::Lane;
use super::super::state::{End, FirstRunChoice, Screen, State};
use super::detail::remember;
use super::{batch, write};

pub(super) fn in_first_run(state: &mut State, choice: FirstRunChoice, command: &Command) -> Vec<Effect> {
    let all = FirstRunChoice::ALL;
    let at = all.iter().position(|other| *other == choice).unwrap_or(0);
    let to = match command {
        Command::Move(by) if *by < 0 => at.saturating_sub(1),
        Command::Move(_) => at + 1,
        Command::First => 0,
        Command::Last => all.len(),
        Command::Enter => {
            state.end = Some(End::Chose(choice));
            at
        }
        _ => at,
    };
    if let Some(choice) = all.get(to.min(all.len() - 1)) {
        state.screen = Screen::FirstRun(*choice);
    }
    Vec::new()
}

pub(super) fn in_filter(state: &mut State, command: &Command) {
    let queue = &mut state.queue;
    if write(&mut queue.filter, command) {
        let keep = queue.under_cursor();
        queue.refilter(keep);
        // What is searched for is on top, best first.
        queue.move_to(0);
        return;
    }
    match command {
        Command::Enter => queue.filtering = false,
        Command::Back => {
            queue.filter.clear();
            queue.filtering = false;
        }
        _ => return,
    }
    let keep = queue.under_cursor();
    queue.refilter(keep);
}

pub(super) fn in_queue(state: &mut State, command: &Command, now: Moment) -> Vec<Effect> {
    match command {
        Command::Move(by) => {
            let by = isize::try_from(*by).unwrap_or(0);
            let to = state.queue.cursor.saturating_add_signed(by);
            state.queue.move_to(to);
        }
        Command::First => state.queue.move_to(0),
        Command::Last => state.queue.move_to(usize::MAX),
        Command::Select(id) => {
            state.queue.refilter(Some(*id));
        }
        Command::Show(lane) => state.queue.show(*lane),
        Command::StepLane(step) => {
            let all = Lane::ALL;
            let at = all.iter().position(|lane| *lane == state.queue.lane).unwrap_or(0);
            let by = if *step == Step::Next { 1 } else { all.len() - 1 };
            if let Some(lane) = all.get((at + by) % all.len()) {
                state.queue.show(*lane);
            }
        }
        Command::Reorder => {
            let order = state.queue.order.next();
            state.queue.reorder(order);
        }
        Command::ToggleGroups => state.queue.grouped = !state.queue.grouped,
        Command::Copy => {
            if let Some(id) = state.queue.under_cursor() {
                state.clipboard = Some(id.to_string());
                state.tell("copied: the request's id", false, now);
            }
        }
        Command::Filter => state.queue.filtering = true,
        Command::Back => {
            let keep = state.queue.under_cursor();
            state.queue.filter.clear();
            state.queue.refilter(keep);
        }
        Command::Refresh => return load_queue(state),
        Command::Mark if state.is_settled(now) => batch::mark(state, now),
        Command::MarkAlike => batch::mark_alike(state, now),
        Command::ReadMarked if state.is_settled(now) => return batch::read_marked(state, now),
        Command::Enter => {
            if let Some(id) = state.queue.under_cursor()
                && state.is_settled(now)
            {
                return open(state, id, now);
            }
        }
        _ => {}
    }
    Vec::new()
}

pub(super) fn open(state: &mut State, id: RequestId, now: Moment) -> Vec<Effect> {
    state.read(id, now);
    state.revealing = None;
    state.screen = Screen::Detail;
    state.settle(now);
    vec![Effect::Open(id), Effect::Look(Some(id))]
}

/// Opens a request that a link names, unless a decision or a batch is under way.
pub(super) fn open_link(state: &mut State, id: RequestId, now: Moment) -> Vec<Effect> {
    let busy = match state.screen {
        Screen::FirstRun(_) => Some("nothing is configured here"),
        _ if state.ceremony.is_some() => Some("finish or leave the decision first"),
        _ if state.question.is_some() => Some("finish or leave the question first"),
        _ if state.revealing.is_some() => Some("leave the secrets first"),
        _ if state.batch.is_some() => Some("leave the batch first"),
        _ if state.detail.as_ref().is_some_and(|detail| detail.local) => {
            Some("this console reads local files")
        }
        Screen::Queue | Screen::Detail | Screen::Batch => None,
    };
    if let Some(why) = busy {
        state.tell(format!("{id} was not opened: {why}"), true, now);
        return Vec::new();
    }
    if let Some(detail) = state.detail.take() {
        remember(state, &detail);
    }
    state.help = false;
    state.queue.filtering = false;
    open(state, id, now)
}

pub(super) fn load_queue(state: &mut State) -> Vec<Effect> {
    if state.queue.loading {
        state.queue.again = true;
        return Vec::new();
    }
    state.queue.loading = true;
    vec![Effect::LoadQueue]
}
