//! Commands to several requests that are read together, from marking them to the last signature.

use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;

use super::super::Moment;
use super::super::batch::{Batch, MAX_MEMBERS, why_alone};
use super::super::ceremony::{Ceremony, Field, Progress};
use super::super::effect::Effect;
use super::super::message::{Command, Step};
use super::super::state::{Detail, Row, Screen, State, Summary};
use super::arrival::read;
use super::queue::load_queue;

/// Marks the request under the cursor, or says why it is decided by itself.
pub(super) fn mark(state: &mut State, now: Moment) {
    let Some(row) = state.queue.selected() else { return };
    let id = row.id;
    if state.marked.remove(&id) {
        return;
    }
    match why_not_marked(&row, now) {
        Some(why) => state.tell(format!("not marked: {why}"), true, now),
        None if state.marked.len() >= MAX_MEMBERS => {
            state.tell(
                format!("not marked: a batch has at most {MAX_MEMBERS} requests"),
                true,
                now,
            );
        }
        None => {
            state.marked.insert(id);
            let next = state.queue.cursor.saturating_add(1);
            state.queue.move_to(next);
        }
    }
}

/// Marks what looks like the request under the cursor in short; whether it is alike is found when it is read.
pub(super) fn mark_alike(state: &mut State, now: Moment) {
    let Some(row) = state.queue.selected() else { return };
    let like = match (why_not_marked(&row, now), row.summary()) {
        (None, Some(summary)) => summary.clone(),
        (why, _) => {
            let why = why.unwrap_or_default();
            return state.tell(format!("nothing marked: {why}"), true, now);
        }
    };
    let alike = (0..state.queue.passing.len())
        .filter_map(|place| state.queue.row(place))
        .filter(|row| {
            why_not_marked(row, now).is_none() && row.summary().is_some_and(|other| is_like(other, &like))
        })
        .map(|row| row.id);
    let ids: Vec<RequestId> = alike.take(MAX_MEMBERS).collect();
    let before = state.marked.len();
    state
        .marked
        .extend(ids.iter().take(MAX_MEMBERS.saturating_sub(before)));
    // How many are marked in all, and what reads them, stands below the queue.
    let said = match state.marked.len() - before {
        0 => "nothing more to mark that looks like it".to_owned(),
        more => format!("marked {more} of one kind"),
    };
    state.tell(said, false, now);
}

fn is_like(one: &Summary, other: &Summary) -> bool {
    one.kind == other.kind
        && one.agent == other.agent
        && one.environment == other.environment
        && one.severity == other.severity
}

fn why_not_marked(row: &Row, now: Moment) -> Option<String> {
    match row.summary() {
        Some(summary) => why_alone(summary, now),
        None => Some("its evidence is not believed".to_owned()),
    }
}

/// Reads the marked requests together; what cannot be in a batch any more is left out, and that is said.
pub(super) fn read_marked(state: &mut State, now: Moment) -> Vec<Effect> {
    let marked = state.queue.among(&state.marked);
    let left_out = marked
        .iter()
        .find_map(|row| Some((row.id, why_not_marked(row, now)?)));
    let ids: Vec<RequestId> = marked
        .iter()
        .filter(|row| why_not_marked(row, now).is_none())
        .map(|row| row.id)
        .take(MAX_MEMBERS)
        .collect();
    state.marked = ids.iter().copied().collect();
    if let Some((id, why)) = left_out {
        state.tell(format!("left out: {id}: {why}"), true, now);
    }
    if ids.len() < 2 {
        state.tell(
            "mark at least two requests with x, or all that look alike with X",
            true,
            now,
        );
        return Vec::new();
    }
    state.batch = Some(Box::new(Batch::new(&ids, now)));
    state.screen = Screen::Batch;
    state.settle(now);
    ids.into_iter().map(Effect::Open).collect()
}

pub(super) fn in_batch(state: &mut State, command: &Command, now: Moment) -> Vec<Effect> {
    let settled = state.is_settled(now);
    let Some(batch) = &mut state.batch else {
        state.screen = Screen::Queue;
        return Vec::new();
    };
    let last = batch.members.len().saturating_sub(1);
    match command {
        Command::Scroll(_, top) => batch.top = *top,
        Command::StepPane(Step::Next) | Command::Move(1) => batch.cursor = (batch.cursor + 1).min(last),
        Command::StepPane(Step::Previous) | Command::Move(-1) => {
            batch.cursor = batch.cursor.saturating_sub(1);
        }
        Command::Mark if settled => return take_out(state, now),
        Command::Enter if settled => open_member(state, now),
        Command::LookAgain if settled => look_again(state, now),
        Command::Refresh => {
            for member in &mut batch.members {
                member.detail.checking = true;
            }
            return batch
                .members
                .iter()
                .map(|member| Effect::Open(member.detail.id))
                .collect();
        }
        Command::Begin(verdict) if settled => return begin(state, *verdict, now),
        Command::Back => return leave(state, now),
        _ => {}
    }
    Vec::new()
}

/// Takes the request under the cursor out; the rest is compared and read anew.
fn take_out(state: &mut State, now: Moment) -> Vec<Effect> {
    let Some(batch) = &mut state.batch else {
        return Vec::new();
    };
    if batch
        .members
        .get(batch.cursor)
        .is_some_and(super::super::batch::Member::is_decided)
    {
        state.tell("this one is decided already", true, now);
        return Vec::new();
    }
    if batch.cursor < batch.members.len() {
        let out = batch.members.remove(batch.cursor);
        state.marked.remove(&out.detail.id);
    }
    batch.cursor = batch.cursor.min(batch.members.len().saturating_sub(1));
    if batch.members.len() < 2 {
        return leave(state, now);
    }
    batch.compare(now);
    state.settle(now);
    Vec::new()
}

/// Reads one member by itself; it comes back with what was seen of it.
fn open_member(state: &mut State, now: Moment) {
    let Some(batch) = &mut state.batch else { return };
    if let Some(member) = batch.members.get_mut(batch.cursor) {
        let empty = Detail::new(member.detail.id, now);
        state.detail = Some(Box::new(std::mem::replace(&mut member.detail, empty)));
        state.screen = Screen::Detail;
        state.settle(now);
    }
}

/// Puts a member back that was read by itself.
pub(super) fn put_back(state: &mut State, detail: Detail, now: Moment) {
    let Some(batch) = &mut state.batch else { return };
    if let Some(member) = batch
        .members
        .iter_mut()
        .find(|member| member.detail.id == detail.id)
    {
        member.detail = detail;
    }
    if !batch.is_compared() {
        batch.compare(now);
    }
    state.screen = Screen::Batch;
    state.settle(now);
}

fn look_again(state: &mut State, now: Moment) {
    let Some(batch) = &mut state.batch else { return };
    let mut moved = false;
    for member in &mut batch.members {
        if let Some((newer, _)) = member.detail.moved.take() {
            read(&mut member.detail, newer, now);
            moved = true;
        }
    }
    if moved {
        batch.compare(now);
        state.settle(now);
    }
}

/// Opens the ceremony for all that are not decided, or says why there is none.
fn begin(state: &mut State, verdict: Verdict, now: Moment) -> Vec<Effect> {
    let Some(batch) = &mut state.batch else {
        return Vec::new();
    };
    let why_not = batch.why_not().or_else(|| match &state.trust {
        None => Some("this console does not know yet who you are".to_owned()),
        Some(trust) if trust.key.is_none() => {
            Some("you have no key here that can sign; `countersign keys create` makes one".to_owned())
        }
        Some(_) if verdict == Verdict::Approve && batch.weak_key().is_some() => batch.weak_key(),
        Some(_) if verdict == Verdict::Approve && !batch.attention.is_whole() => {
            let left = batch.attention.of_lines() - batch.attention.lines();
            let unseen = &state.keys.unseen;
            Some(format!(
                "{left} lines were not on screen yet; {unseen} goes there"
            ))
        }
        Some(_) => None,
    });
    if let Some(why) = why_not {
        state.tell(format!("you cannot {} these: {why}", verdict.word()), true, now);
        return Vec::new();
    }
    // What failed before is tried again.
    for member in &mut batch.members {
        if matches!(member.progress, Progress::Failed(_)) {
            member.progress = Progress::Writing;
        }
    }
    let next = batch
        .next()
        .and_then(|at| batch.members.get(at)?.detail.reading());
    match (next, &state.trust) {
        (Some(reading), Some(trust)) => {
            let ceremony = Ceremony {
                outside: state.outside,
                ..Ceremony::new(verdict, reading, trust)
            };
            let asked = Effect::AskKey(ceremony.request);
            state.ceremony = Some(Box::new(ceremony));
            state.settle(now);
            return vec![asked];
        }
        _ => state.tell("all of them are decided", false, now),
    }
    Vec::new()
}

/// The deliberate chord: signs the next decision.
pub(super) fn sign(state: &mut State, now: Moment) -> Vec<Effect> {
    let Some(batch) = &mut state.batch else {
        return Vec::new();
    };
    let mut effects = Vec::new();
    if batch.give_up(now) {
        if let Some(ceremony) = &mut state.ceremony {
            ceremony.notice =
                Some("nothing was signed: that request moved or ended, and was left out".into());
        }
    } else {
        effects = sign_next(state, now);
        if let (true, Some(ceremony), Some(batch)) = (effects.is_empty(), &mut state.ceremony, &state.batch) {
            let missing = batch
                .requirements(ceremony, now)
                .into_iter()
                .find(|need| !need.met);
            ceremony.notice =
                missing.map(|need| format!("not signed; this is not so yet: {}", need.text).into());
        }
    }
    // Another request is asked for now; a chord that is held down must not reach it.
    state.settle(now);
    close_when_done(state, now);
    effects
}

fn sign_next(state: &mut State, now: Moment) -> Vec<Effect> {
    let many = unlocks_many(state);
    let (Some(ceremony), Some(batch)) = (&mut state.ceremony, &mut state.batch) else {
        return Vec::new();
    };
    let Some(order) = batch.order(ceremony, many, now) else {
        return Vec::new();
    };
    ceremony.notice = None;
    ceremony.focus(Field::Passphrase);
    vec![state.signs(order)]
}

fn unlocks_many(state: &State) -> bool {
    let key = state.trust.as_ref().and_then(|trust| trust.key.as_ref());
    // Where each decision is confirmed outside, one confirmation signs one.
    !state.outside && key.is_some_and(|key| key.unlocks_many)
}

/// Follows the decision of a member, and goes on with the next where one unlocking serves for all. Nothing where the
/// request is no member.
pub(super) fn follow(
    state: &mut State,
    request: RequestId,
    progress: &Progress,
    now: Moment,
) -> Option<Vec<Effect>> {
    let batch = state.batch.as_mut()?;
    let at = batch
        .members
        .iter()
        .position(|member| member.detail.id == request)?;
    let member = batch.members.get_mut(at)?;
    if member.progress.is_writing() {
        return None;
    }
    let was_signing = member.progress == Progress::Signing;
    member.progress = progress.clone();
    let signed = member.is_decided() && *progress != Progress::Signing;
    let mut effects = Vec::new();
    if let (Progress::Failed(why), Some(ceremony)) = (progress, &mut state.ceremony) {
        // It may be the PIN that was wrong: it is never tried on the next one.
        ceremony.erase_passphrase();
        let text = format!("request {} was not decided: {}", at + 1, why.escaped());
        ceremony.notice = Some(text.as_str().into());
        effects = vec![Effect::AskKey(ceremony.request)];
    } else if signed {
        state.marked.remove(&request);
        if was_signing && unlocks_many(state) {
            if let Some(batch) = &mut state.batch {
                batch.give_up(now);
            }
            effects = sign_next(state, now);
        }
    }
    close_when_done(state, now);
    Some(effects)
}

/// Closes the ceremony once nothing is left to sign; the screen below tells what came of each.
fn close_when_done(state: &mut State, now: Moment) {
    let done = state
        .batch
        .as_ref()
        .is_some_and(|batch| batch.next().is_none() && !batch.is_signing());
    if done && state.ceremony.take().is_some() {
        state.settle(now);
    }
}

pub(super) fn leave_ceremony(state: &mut State, now: Moment) {
    let (Some(ceremony), Some(batch)) = (state.ceremony.take(), &state.batch) else {
        return;
    };
    let decided = batch.members.iter().filter(|member| member.is_decided()).count();
    let text = match (batch.is_signing(), decided) {
        (true, _) if ceremony.calling_off.call_off() => {
            "called off: the signature under way is not made or sent".to_owned()
        }
        (true, _) => "the signature under way goes on; the rest is not signed".to_owned(),
        (false, 0) => "nothing was signed".to_owned(),
        (false, decided) => format!("{decided} signed; the rest was not"),
    };
    state.settle(now);
    state.tell(text, false, now);
}

fn leave(state: &mut State, now: Moment) -> Vec<Effect> {
    state.batch = None;
    state.screen = Screen::Queue;
    state.settle(now);
    load_queue(state)
}
