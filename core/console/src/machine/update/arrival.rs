//! What comes from outside: rows, changes, readings.

use std::sync::Arc;

use countersign_protocol::identity::{PersonId, RequestId};
use countersign_review::diff::text::TextDiff;
use countersign_review::sheet::SheetLine;

use super::super::Moment;
use super::super::attention::Attention;
use super::super::confirm::PIN_REMEMBERED;
use super::super::document::ChangedDocument;
use super::super::effect::Effect;
use super::super::message::{News, Page, Part};
use super::super::reading::{Reading, Speaker};
use super::super::state::{Connection, Detail, DetailContent, Row, Screen, State, Trouble, Trust};
use super::ceremony::take_progress;
use super::question::take_asked;
use super::queue::load_queue;
use super::reveal::take_revealed;

/// The most requests of which it is kept who looks at them.
const MAX_LOOKED_AT: usize = 4096;
/// The most requests that are shown as like another.
const MAX_HISTORY: usize = 50;

pub(super) fn take(state: &mut State, news: News, now: Moment) -> Vec<Effect> {
    match news {
        News::Trust(Ok(trust)) => take_trust(state, *trust, now),
        News::Trust(Err(trouble)) => state.tell(trouble.message, true, now),
        News::Connection(connection) => {
            let came_back =
                connection == Connection::Live && matches!(state.connection, Connection::Retrying { .. });
            state.connection = connection;
            // Who looks is told anew on every connection.
            state.looking.clear();
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
        News::Page(page) => {
            take_page(state, page, now);
            if !state.queue.loading && std::mem::take(&mut state.queue.again) {
                return load_queue(state);
            }
        }
        News::Looking { request, people } => take_looking(state, request, people),
        News::Asked { request, result } => take_asked(state, request, result, now),
        News::Revealed {
            request,
            secret,
            result,
        } => take_revealed(state, request, secret, result, now),
        News::Changed { id, change } => return take_change(state, id, change),
        News::Opened { id, result } => return take_opened(state, id, result, now),
        News::Key { request, result } => {
            if let Some(ceremony) = state
                .ceremony
                .as_mut()
                .filter(|ceremony| ceremony.request == request)
            {
                ceremony.know_key(result);
            }
        }
        News::Decision { request, progress } => return take_progress(state, request, progress, now),
    }
    Vec::new()
}

/// At the start, and whenever it is new, a key whose PIN is remembered is said to be one.
fn take_trust(state: &mut State, trust: Trust, now: Moment) {
    let remembered = |trust: &Trust| trust.key.as_ref().is_some_and(|key| key.pin_remembered);
    let known = state.trust.as_ref().is_some_and(remembered);
    if remembered(&trust) && !known {
        let text = format!("your key signs with a remembered PIN ({PIN_REMEMBERED})");
        state.tell(text, true, now);
    }
    state.trust = Some(trust);
}

fn take_page(state: &mut State, page: Page, now: Moment) {
    state.queue.loading = page.more;
    state.queue.trouble = None;
    let under_cursor = match page.part {
        Part::First => state.queue.replace(page.rows, now.wall),
        Part::Backlog => state.queue.merge(page.rows, false, now.wall),
        Part::Newer => state.queue.merge(page.rows, true, now.wall),
    };
    if under_cursor && state.screen == Screen::Queue {
        state.settle(now);
    }
    state.queue.loaded_at = Some(now.wall);
    state.queue.more = page.more;
}

fn take_looking(state: &mut State, request: RequestId, people: Vec<PersonId>) {
    if people.is_empty() {
        state.looking.remove(&request);
    } else if state.looking.len() < MAX_LOOKED_AT || state.looking.contains_key(&request) {
        state.looking.insert(request, people);
    }
}

fn take_queue(state: &mut State, result: Result<Vec<Row>, Trouble>, now: Moment) {
    state.queue.loading = false;
    state.queue.more = false;
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
    if let Some(detail) = state.held(id) {
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
    let is_whole = |reading: &Reading| reading.complete;
    if result.as_deref().is_ok_and(|part| !part.complete) {
        // A part is better than nothing; it takes the place of nothing whole, and a batch compares only what is whole.
        let by_itself = state.detail.as_deref().filter(|detail| detail.id == id);
        if by_itself.is_some_and(|detail| !detail.reading().is_some_and(is_whole)) {
            take_reading(state, id, result, now);
        }
        return Vec::new();
    }
    let first = state
        .held(id)
        .is_some_and(|detail| !detail.reading().is_some_and(is_whole));
    take_reading(state, id, result, now);
    if first && let Some(batch) = state.batch.as_mut().filter(|batch| batch.shape.is_none()) {
        batch.compare(now);
    }
    let Some(detail) = state.held(id) else {
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
    let decided = state.is_decided(id);
    let looked = state.looked.iter().find(|(other, _)| *other == id);
    let looked = looked.map(|(_, sheet)| Arc::clone(sheet));
    let history = match &result {
        Ok(reading) => state.queue.like(id, &reading.summary, MAX_HISTORY),
        Err(_) => Vec::new(),
    };
    let Some(detail) = state.held(id) else {
        return;
    };
    detail.checking = false;
    match (&mut detail.content, result) {
        (DetailContent::Read(old), Ok(newer)) => {
            // The number of a change only rises; an older answer that came late says nothing.
            if newer.change < old.change {
                return;
            }
            match old.moved(&newer) {
                // What follows from one's own decision disturbs nobody.
                Some(_) if decided && old.view_digest == newer.view_digest => **old = *newer,
                Some(what) => {
                    detail.moved = Some((newer, what));
                    state.settle(now);
                }
                None => {
                    let completed = newer.complete && !old.complete;
                    let last = newer.talk.last();
                    let answered = newer.talk.len() > old.talk.len()
                        && last.is_some_and(|said| said.speaker == Speaker::Agent);
                    **old = *newer;
                    detail.moved = None;
                    if completed {
                        state.settle(now);
                    }
                    if answered {
                        state.tell("the agent answered; its claim stands under Talk", false, now);
                    }
                }
            }
        }
        (DetailContent::Read(old), Err(trouble)) if !old.complete => {
            detail.content = DetailContent::Failed(trouble);
        }
        (DetailContent::Read(_), Err(trouble)) => {
            // What was read stays readable; whether it still stands is not known, so nothing can be signed.
            detail.checking = true;
            state.tell(trouble.message, true, now);
        }
        (DetailContent::Loading | DetailContent::Failed(_), Ok(reading)) => {
            let since = looked.and_then(|sheet| since(&sheet, &reading.sheet));
            detail.history = history;
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
pub(super) fn read(detail: &mut Detail, reading: Box<Reading>, now: Moment) {
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
    // Nearly always nothing differs: that is told without a comparison line by line.
    if old == new {
        return None;
    }
    let text = |sheet: &[SheetLine]| -> Vec<u8> {
        let lines = sheet.iter().flat_map(|line| [line.text.as_str(), "\n"]);
        lines.collect::<String>().into_bytes()
    };
    let diff = TextDiff::new(text(old), text(new)).ok()?;
    let changed = !diff.changes().is_empty();
    changed.then(|| ChangedDocument::new("the sheet, since you looked at it", diff))
}
