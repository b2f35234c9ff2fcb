//! How messages change the state. Pure.

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;
use countersign_review::text::Untrusted;

use super::Moment;
use super::ceremony::{Ceremony, Progress};
use super::effect::Effect;
use super::message::{Command, Message, News, Step};
use super::reading::{Attention, Pane, Position, Reading};
use super::state::{Connection, Detail, DetailContent, End, FirstRunChoice, Screen, State, Trouble};

/// What a console that begins wants done.
#[must_use]
pub fn start(state: &mut State) -> Vec<Effect> {
    match state.screen {
        Screen::FirstRun(_) => Vec::new(),
        Screen::Queue | Screen::Detail => {
            state.queue.loading = true;
            vec![Effect::LoadTrust, Effect::LoadQueue, Effect::Watch]
        }
    }
}

/// Lets `message` happen at `now`; returns what is to be done about it.
pub fn update(state: &mut State, message: Message, now: Moment) -> Vec<Effect> {
    state.notices.retain(|notice| now.up < notice.until);
    match message {
        Message::Tick => Vec::new(),
        Message::News(news) => take(state, news, now),
        Message::Command(command) => obey(state, command, now),
    }
}

/// A command goes to what is on top: help, the ceremony, the filter, the screen.
fn obey(state: &mut State, command: Command, now: Moment) -> Vec<Effect> {
    if let Command::Saw(view, from, to) = command {
        return saw(state, view, from, to);
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
        return in_ceremony(state, command, now);
    }
    if state.queue.filtering {
        in_filter(state, &command);
        return Vec::new();
    }
    match command {
        Command::Help => state.help = true,
        Command::Quit => state.end = Some(End::Quit),
        command => {
            return match state.screen {
                Screen::FirstRun(choice) => in_first_run(state, choice, &command),
                Screen::Queue => in_queue(state, &command, now),
                Screen::Detail => in_detail(state, &command, now),
            };
        }
    }
    Vec::new()
}

fn in_first_run(state: &mut State, choice: FirstRunChoice, command: &Command) -> Vec<Effect> {
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

fn in_filter(state: &mut State, command: &Command) {
    let queue = &mut state.queue;
    match command {
        Command::Write(c) if !c.is_control() && queue.filter.len() < 100 => queue.filter.push(*c),
        Command::Paste(text) => queue
            .filter
            .extend(text.chars().filter(|c| !c.is_control()).take(100)),
        Command::Erase => drop(queue.filter.pop()),
        Command::EraseAll => queue.filter.clear(),
        Command::Enter => queue.filtering = false,
        Command::Back => {
            queue.filter.clear();
            queue.filtering = false;
        }
        _ => return,
    }
    let keep = queue.selected().map(|row| row.id);
    queue.refilter(keep);
}

fn in_queue(state: &mut State, command: &Command, now: Moment) -> Vec<Effect> {
    match command {
        Command::Move(by) => {
            let by = isize::try_from(*by).unwrap_or(0);
            let to = state.queue.cursor.saturating_add_signed(by);
            state.queue.move_to(to);
        }
        Command::First => state.queue.move_to(0),
        Command::Last => state.queue.move_to(usize::MAX),
        Command::Select(id) => state.queue.refilter(Some(*id)),
        Command::Filter => state.queue.filtering = true,
        Command::Back => {
            let keep = state.queue.selected().map(|row| row.id);
            state.queue.filter.clear();
            state.queue.refilter(keep);
        }
        Command::Refresh => return load_queue(state),
        Command::Enter => {
            if let Some(id) = state.queue.selected().map(|row| row.id)
                && state.is_settled(now)
            {
                return open(state, id, now);
            }
        }
        _ => {}
    }
    Vec::new()
}

fn in_detail(state: &mut State, command: &Command, now: Moment) -> Vec<Effect> {
    let settled = state.is_settled(now);
    let Some(detail) = &mut state.detail else {
        state.screen = Screen::Queue;
        return Vec::new();
    };
    match command {
        Command::Back => {
            state.detail = None;
            state.screen = Screen::Queue;
            state.settle(now);
            return load_queue(state);
        }
        Command::Read(pane) => detail.pane = *pane,
        Command::StepPane(Step::Next) => detail.pane = detail.pane.step(1),
        Command::StepPane(Step::Previous) => detail.pane = detail.pane.step(Pane::ALL.len() - 1),
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
        Command::Begin(verdict) if settled => begin(state, *verdict, now),
        _ => {}
    }
    Vec::new()
}

/// Opens the ceremony, or says why there is none.
fn begin(state: &mut State, verdict: Verdict, now: Moment) {
    let Some(detail) = &state.detail else {
        return;
    };
    let why_not = match (detail.why_not(now), &state.trust) {
        (Some(why), _) => Some(why),
        (None, None) => Some("this console does not know yet who you are".to_owned()),
        (None, Some(trust)) if trust.key.is_none() => {
            Some("you have no key here that can sign; `countersign keys create` makes one".to_owned())
        }
        (None, Some(_)) => unread(detail, verdict),
    };
    if let Some(why) = why_not {
        state.tell(format!("you cannot {} this: {why}", verdict.word()), true, now);
    } else if let (Some(reading), Some(trust)) = (detail.reading(), &state.trust) {
        state.ceremony = Some(Box::new(Ceremony::new(verdict, reading, trust)));
        state.settle(now);
    }
}

/// What of the sheet still has to be on screen before a high risk can be approved.
fn unread(detail: &Detail, verdict: Verdict) -> Option<String> {
    let (seen, of) = (detail.attention.lines(), detail.attention.of_lines());
    let high = detail
        .reading()
        .is_some_and(|reading| reading.summary.severity >= Severity::High);
    (verdict == Verdict::Approve && high && !detail.attention.is_whole()).then(|| {
        format!(
            "{} of {of} lines of the sheet were not on screen yet; u goes there",
            of - seen
        )
    })
}

fn in_ceremony(state: &mut State, command: Command, now: Moment) -> Vec<Effect> {
    let settled = state.is_settled(now);
    let Some(ceremony) = &mut state.ceremony else {
        return Vec::new();
    };
    if matches!(command, Command::Back)
        || (matches!(command, Command::Enter) && !ceremony.progress.is_writing())
    {
        return leave_ceremony(state, now);
    }
    // What was typed for the screen below must not end up in a field.
    if !settled {
        return Vec::new();
    }
    match command {
        Command::Enter | Command::StepField(Step::Next) => ceremony.step(true),
        Command::StepField(Step::Previous) => ceremony.step(false),
        Command::Focus(field) => ceremony.focus(field),
        Command::Write(c) => ceremony.write(c),
        Command::Erase => ceremony.erase(),
        Command::EraseAll => ceremony.erase_all(),
        Command::Paste(text) => ceremony.paste(&text),
        Command::Blurred => {
            ceremony.notice =
                Some("not signed: keys came all at once, as from a paste; press the chord by itself".into());
        }
        Command::Sign => {
            let Some(detail) = &state.detail else {
                return Vec::new();
            };
            if let Some(order) = ceremony.order(detail, now) {
                return vec![Effect::Decide(Box::new(order))];
            }
            if ceremony.progress.is_writing() {
                let missing = ceremony
                    .requirements(detail, now)
                    .into_iter()
                    .find(|need| !need.met);
                ceremony.notice =
                    missing.map(|need| format!("not signed; still missing: {}", need.text).into());
            }
        }
        _ => {}
    }
    Vec::new()
}

fn leave_ceremony(state: &mut State, now: Moment) -> Vec<Effect> {
    let Some(ceremony) = state.ceremony.take() else {
        return Vec::new();
    };
    state.settle(now);
    match ceremony.progress {
        Progress::Writing => {
            state.tell("nothing was signed", false, now);
            Vec::new()
        }
        Progress::Signing | Progress::Sent | Progress::Kept(_) => {
            state.tell("the decision goes on; its result is shown here", false, now);
            Vec::new()
        }
        Progress::Committed | Progress::Logged { .. } | Progress::Failed(_) => {
            state.detail = None;
            state.screen = Screen::Queue;
            load_queue(state)
        }
    }
}

/// Takes in what was on screen, unless something covered it.
fn saw(
    state: &mut State,
    view: countersign_protocol::digest::ViewDigest,
    from: Position,
    to: Position,
) -> Vec<Effect> {
    let covered = state.help || state.ceremony.is_some() || state.screen != Screen::Detail;
    if let Some(detail) = &mut state.detail
        && !covered
        && detail.pane == Pane::Sheet
        && detail
            .reading()
            .is_some_and(|reading| reading.view_digest == view)
    {
        detail.attention.mark(from, to);
    }
    Vec::new()
}

fn take(state: &mut State, news: News, now: Moment) -> Vec<Effect> {
    match news {
        News::Trust(Ok(trust)) => state.trust = Some(*trust),
        News::Trust(Err(trouble)) => state.tell(trouble.message, true, now),
        News::Connection(connection) => {
            let came_back =
                connection == Connection::Live && matches!(state.connection, Connection::Retrying { .. });
            state.connection = connection;
            if came_back {
                return load_queue(state);
            }
        }
        News::Queue(result) => {
            take_queue(state, result, now);
            if std::mem::take(&mut state.queue.again) {
                return load_queue(state);
            }
        }
        News::Changed { id, change } => return take_change(state, id, change),
        News::Opened { id, result } => return take_opened(state, id, result, now),
        News::Decision { request, progress } => return take_progress(state, request, progress, now),
    }
    Vec::new()
}

fn take_queue(state: &mut State, result: Result<Vec<super::state::Row>, Trouble>, now: Moment) {
    state.queue.loading = false;
    match result {
        Ok(rows) => {
            state.queue.trouble = None;
            state.queue.loaded_at = Some(now.wall);
            if state.queue.replace(rows) && state.screen == Screen::Queue {
                state.settle(now);
            }
        }
        Err(trouble) => state.queue.trouble = Some(trouble),
    }
}

fn take_change(state: &mut State, id: RequestId, change: u64) -> Vec<Effect> {
    let mut effects = load_queue(state);
    if let Some(detail) = &mut state.detail
        && detail.id == id
    {
        detail.heard = detail.heard.max(change);
        if detail.reading().is_some_and(|reading| reading.change < change) {
            detail.checking = true;
            effects.push(Effect::Open(id));
        }
    }
    effects
}

/// Takes a reading in; where a change was heard of while the first one was fetched, asks once for a newer one.
fn take_opened(
    state: &mut State,
    id: RequestId,
    result: Result<Box<Reading>, Trouble>,
    now: Moment,
) -> Vec<Effect> {
    let first = state
        .detail
        .as_ref()
        .is_some_and(|detail| detail.reading().is_none());
    take_reading(state, id, result, now);
    let Some(detail) = state.detail.as_mut().filter(|detail| detail.id == id) else {
        return Vec::new();
    };
    let behind = detail.reading().is_some_and(|reading| {
        let newest = detail
            .moved
            .as_ref()
            .map_or(reading.change, |(newer, _)| newer.change);
        newest < detail.heard
    });
    detail.checking |= behind;
    if behind && first {
        vec![Effect::Open(id)]
    } else {
        Vec::new()
    }
}

fn take_reading(state: &mut State, id: RequestId, result: Result<Box<Reading>, Trouble>, now: Moment) {
    let Some(detail) = state.detail.as_mut().filter(|detail| detail.id == id) else {
        return;
    };
    detail.checking = false;
    match (&mut detail.content, result) {
        (DetailContent::Read(old), Ok(newer)) => {
            // The number of a change only rises; an older answer that came late says nothing.
            if newer.change < old.change {
                return;
            }
            if let Some(what) = old.moved(&newer) {
                let decided = state
                    .ceremony
                    .as_ref()
                    .is_some_and(|ceremony| !ceremony.progress.is_writing());
                if decided && old.view_digest == newer.view_digest {
                    **old = *newer;
                } else {
                    detail.moved = Some((newer, what));
                }
                state.settle(now);
            } else {
                **old = *newer;
                detail.moved = None;
            }
        }
        (DetailContent::Read(_), Err(trouble)) => {
            // What was read stays readable; whether it still stands is not known, so nothing can be signed.
            detail.checking = true;
            state.tell(trouble.message, true, now);
        }
        (DetailContent::Loading | DetailContent::Failed(_), Ok(reading)) => {
            read(detail, reading, now);
            state.settle(now);
        }
        (DetailContent::Loading | DetailContent::Failed(_), Err(trouble)) => {
            detail.content = DetailContent::Failed(trouble);
        }
    }
}

/// Starts to read: nothing of this sheet was on screen yet.
fn read(detail: &mut Detail, reading: Box<Reading>, now: Moment) {
    let same_sheet = detail
        .reading()
        .is_some_and(|old| old.view_digest == reading.view_digest);
    if !same_sheet {
        detail.attention = Attention::new(&reading.sheet);
        detail.tops = Default::default();
        detail.opened = now.up;
    }
    detail.content = DetailContent::Read(reading);
}

fn take_progress(state: &mut State, request: RequestId, progress: Progress, now: Moment) -> Vec<Effect> {
    let over = matches!(progress, Progress::Committed | Progress::Logged { .. });
    match &mut state.ceremony {
        Some(ceremony) if ceremony.request == request => ceremony.follow(progress),
        _ => {
            let (text, bad): (Untrusted, bool) = match progress {
                Progress::Failed(why) => (why, true),
                Progress::Kept(why) => (why, true),
                Progress::Logged { index, .. } => (
                    format!("decision on {request} is in the log at {index}").into(),
                    false,
                ),
                Progress::Committed => (
                    format!("decision on {request} is stored, not yet in the log").into(),
                    false,
                ),
                Progress::Writing | Progress::Signing | Progress::Sent => return Vec::new(),
            };
            state.tell(text, bad, now);
        }
    }
    if over { load_queue(state) } else { Vec::new() }
}

fn open(state: &mut State, id: RequestId, now: Moment) -> Vec<Effect> {
    state.detail = Some(Box::new(Detail::new(id, now)));
    state.screen = Screen::Detail;
    state.settle(now);
    vec![Effect::Open(id)]
}

fn load_queue(state: &mut State) -> Vec<Effect> {
    if state.queue.loading {
        state.queue.again = true;
        return Vec::new();
    }
    state.queue.loading = true;
    vec![Effect::LoadQueue]
}
