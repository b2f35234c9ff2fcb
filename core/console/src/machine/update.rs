//! How messages change the state. Pure.

use std::sync::Arc;

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;
use countersign_review::diff::text::TextDiff;
use countersign_review::sheet::SheetLine;
use countersign_review::text::Untrusted;

use super::Moment;
use super::ceremony::{Ceremony, Progress};
use super::document::{ChangedDocument, Shape};
use super::effect::Effect;
use super::message::{Command, Message, News, Step};
use super::queue::Lane;
use super::reading::{Attention, Pane, Position, Reading};
use super::state::{Connection, Detail, DetailContent, End, FirstRunChoice, Screen, State, Trouble};

/// The longest text that is searched for, in bytes.
const MAX_SEARCH: usize = 100;
/// The most sheets that are remembered to say what changed.
const MAX_LOOKED: usize = 32;
/// The most requests that are shown as like another.
const MAX_HISTORY: usize = 50;

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
        Screen::Queue | Screen::Detail => {
            state.queue.loading = true;
            vec![Effect::LoadTrust, Effect::LoadQueue, Effect::Watch]
        }
    }
}

/// Lets `message` happen at `now`; returns what is to be done about it.
pub fn update(state: &mut State, message: Message, now: Moment) -> Vec<Effect> {
    state.notices.retain(|notice| now.up < notice.until);
    if state.queue.expire(now.wall) && state.screen == Screen::Queue {
        state.settle(now);
    }
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
    if let Command::Failed(what) = command {
        state.tell(what, true, now);
        return Vec::new();
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
    if let Some(detail) = state.detail.as_mut().filter(|detail| detail.searching) {
        in_search(detail, &command);
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
    if write(&mut queue.filter, command) {
        let keep = queue.selected().map(|row| row.id);
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
    let keep = queue.selected().map(|row| row.id);
    queue.refilter(keep);
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

fn in_search(detail: &mut Detail, command: &Command) {
    if write(&mut detail.search, command) {
        return;
    }
    match command {
        Command::Enter => {
            detail.searching = false;
            let found = super::view::PaneView::of_detail(detail)
                .and_then(|pane| pane.find(&detail.search, detail.top().line.checked_sub(1), Step::Next));
            if let Some(line) = found {
                detail.go_to(detail.pane, line);
            }
        }
        Command::Back => {
            detail.searching = false;
            detail.search.clear();
        }
        _ => {}
    }
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
        Command::Copy => {
            if let Some(id) = state.queue.selected().map(|row| row.id) {
                state.clipboard = Some(id.to_string());
                state.tell("copied: the request's id", false, now);
            }
        }
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
        Command::ToggleBeside => reshape(
            detail,
            Shape {
                beside: !detail.shape.beside,
                ..detail.shape
            },
        ),
        Command::ToggleFold => reshape(
            detail,
            Shape {
                folded: !detail.shape.folded,
                ..detail.shape
            },
        ),
        Command::StepFinding(step) => step_finding(detail, *step),
        Command::Enter if detail.pane == Pane::Findings => jump_to_finding(state, now),
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
        Command::Begin(verdict) if settled => begin(state, *verdict, now),
        _ => {}
    }
    Vec::new()
}

/// Back to the queue; what was seen of the sheet is remembered.
fn leave_detail(state: &mut State, now: Moment) -> Vec<Effect> {
    if let Some(detail) = state.detail.take() {
        remember(state, &detail);
    }
    state.screen = Screen::Queue;
    state.settle(now);
    load_queue(state)
}

fn remember(state: &mut State, detail: &Detail) {
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
    let line = super::view::finding_line(findings, detail.finding);
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
        Command::Preset => ceremony.preset(),
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
        Progress::Committed | Progress::Logged { .. } | Progress::Failed(_) => leave_detail(state, now),
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
            if state.queue.replace(rows, now.wall) && state.screen == Screen::Queue {
                state.settle(now);
            }
            state.queue.loaded_at = Some(now.wall);
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
            let looked = state.looked.iter().find(|(other, _)| *other == id);
            let since = looked.and_then(|(_, sheet)| since(sheet, &reading.sheet));
            detail.history = state.queue.like(id, &reading.summary, MAX_HISTORY);
            read(detail, reading, now);
            detail.since = since;
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
        detail.since = detail
            .reading()
            .filter(|_| !detail.local)
            .and_then(|old| since(&old.sheet, &reading.sheet));
        detail.attention = Attention::new(&reading.sheet);
        detail.tops = Default::default();
        detail.opened = now.up;
    }
    detail.content = DetailContent::Read(reading);
}

/// What differs between two sheets of one request.
fn since(old: &[SheetLine], new: &[SheetLine]) -> Option<ChangedDocument> {
    let text = |sheet: &[SheetLine]| -> Vec<u8> {
        let lines = sheet.iter().flat_map(|line| [line.text.as_str(), "\n"]);
        lines.collect::<String>().into_bytes()
    };
    let diff = TextDiff::new(text(old), text(new)).ok()?;
    let changed = !diff.changes().is_empty();
    changed.then(|| ChangedDocument::new("the sheet, since you looked at it", diff))
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
