//! The ceremony of a decision: how it begins, what is written in it, how it ends.

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::ActionDigest;
use countersign_protocol::identity::RequestId;
use countersign_review::text::Untrusted;

use super::super::Moment;
use super::super::batch::Batch;
use super::super::ceremony::{Ceremony, Passphrase, Progress, Requirement};
use super::super::confirm::{Awaited, Commit, Confirmation};
use super::super::effect::Effect;
use super::super::message::{Command, Step};
use super::super::state::{Detail, SETTLE, Screen, State};
use super::detail::leave_detail;
use super::queue::load_queue;

/// Opens the ceremony, or says why there is none.
pub(super) fn begin(state: &mut State, verdict: Verdict, counter: bool, now: Moment) -> Vec<Effect> {
    let Some(detail) = &state.detail else {
        return Vec::new();
    };
    let why_not = match (detail.why_not(now), &state.trust) {
        (Some(why), _) => Some(why + &detail.way_out(&state.keys).unwrap_or_default()),
        (None, None) => Some("this console does not know yet who you are".to_owned()),
        (None, Some(trust)) if trust.key.is_none() => {
            Some("you have no key here that can sign; `countersign keys create` makes one".to_owned())
        }
        (None, Some(_)) => weak_key(detail, verdict).or_else(|| unread(detail, verdict, &state.keys.unseen)),
    };
    if let Some(why) = why_not {
        state.tell(format!("you cannot {} this: {why}", verdict.word()), true, now);
    } else if let (Some(reading), Some(trust)) = (detail.reading(), &state.trust) {
        let ceremony = if counter {
            Ceremony::countering(reading, trust)
        } else {
            Some(Ceremony::new(verdict, reading, trust))
        };
        let asked = ceremony.as_ref().map(|ceremony| Effect::AskKey(ceremony.request));
        let outside = state.outside;
        state.ceremony = ceremony.map(|ceremony| Box::new(Ceremony { outside, ..ceremony }));
        if state.ceremony.is_none() {
            state.tell("nothing else can be proposed to this here", true, now);
        }
        state.settle(now);
        return asked.into_iter().collect();
    }
    Vec::new()
}

pub(super) fn in_ceremony(state: &mut State, command: Command, now: Moment) -> Vec<Effect> {
    let settled = state.is_settled(now);
    let Some(ceremony) = &mut state.ceremony else {
        return Vec::new();
    };
    if matches!(command, Command::Back)
        || (matches!(command, Command::Enter) && !ceremony.progress.is_writing())
    {
        return leave_ceremony(state, now);
    }
    let batch = state.screen == Screen::Batch;
    let tried = |batch: &Batch| batch.members.iter().any(|member| !member.progress.is_writing());
    let under_way = batch && (ceremony.notice.is_some() || state.batch.as_deref().is_some_and(tried));
    let command = match command {
        // A field of a surface that is not trusted; it was never the screen below.
        Command::Put(field, text) => {
            ceremony.put(field, &text, now.wall);
            return Vec::new();
        }
        // However soon the editor ends; but keys meant for it must not sign.
        Command::Edited(text) => {
            if ceremony.is_open()
                && let Some(counter) = &mut ceremony.counter
            {
                ceremony.notice = counter
                    .edited(text, now.wall)
                    .err()
                    .map(|why| {
                        format!(
                            "not taken: {why}; {} goes on from what you wrote",
                            state.keys.edit
                        )
                    })
                    .map(|why| Untrusted::from(why.as_str()));
            }
            state.settle(now);
            return Vec::new();
        }
        command => command,
    };
    // What was typed for the screen below must not end up in a field. Once a batch is under way there is none below: a
    // lost letter would be a wrong PIN.
    let writes = matches!(
        command,
        Command::Write(_) | Command::Erase | Command::EraseAll | Command::Paste(_) | Command::Focus(_)
    );
    let heard = settled || (under_way && writes);
    if !heard {
        if matches!(command, Command::Commit(_)) {
            ceremony.notice =
                Some("not signed: what is on screen changed a moment ago; look at it, then sign".into());
        }
        return Vec::new();
    }
    match command {
        Command::Enter | Command::StepField(Step::Next) => ceremony.step(true),
        Command::StepField(Step::Previous) => ceremony.step(false),
        Command::Focus(field) => ceremony.focus(field),
        Command::Write(c) => ceremony.write(c, now.wall),
        Command::Erase => ceremony.erase(now.wall),
        Command::EraseAll => ceremony.erase_all(now.wall),
        Command::Preset => ceremony.preset(),
        Command::Paste(text) => ceremony.paste(&text, now.wall),
        Command::Edit if ceremony.is_open() => edit(state),
        Command::Turn(step) => {
            if let Some(counter) = &mut ceremony.counter {
                counter.turn(step);
            }
        }
        Command::TurnTo(top) => {
            if let Some(counter) = &mut ceremony.counter {
                counter.top = top;
            }
        }
        Command::Blurred => {
            ceremony.notice =
                Some("not signed: keys came all at once, as from a paste; press the chord by itself".into());
        }
        Command::Commit(commit) => commit_outside(state, &commit, now),
        // Where decisions are confirmed outside, the chord alone confirms nothing.
        Command::Sign if !ceremony.outside => return sign(state, now),
        _ => {}
    }
    Vec::new()
}

/// Hands the text of a counter-proposal to an editor, without the secrets that were not revealed.
fn edit(state: &mut State) {
    let Some(ceremony) = &mut state.ceremony else {
        return;
    };
    let revealed = state.revealed.get(&ceremony.request).cloned().unwrap_or_default();
    let counter = ceremony.counter.as_mut();
    state.editing = counter.and_then(|counter| counter.edit(&revealed));
    if state.editing.is_none() {
        ceremony.notice = Some("there is no text to rewrite here".into());
    }
}

/// Signs what is written, or says what is missing.
fn sign(state: &mut State, now: Moment) -> Vec<Effect> {
    if state.screen == Screen::Batch {
        return super::batch::sign(state, now);
    }
    let (Some(ceremony), Some(detail)) = (&mut state.ceremony, &state.detail) else {
        return Vec::new();
    };
    if let Some(order) = ceremony.order(detail, now) {
        return vec![state.signs(order)];
    }
    if ceremony.progress.is_writing() {
        ceremony.notice = missing(&ceremony.requirements(detail, now));
    }
    Vec::new()
}

fn missing(requirements: &[Requirement]) -> Option<Untrusted> {
    let missing = requirements.iter().find(|need| !need.met)?;
    Some(format!("not signed; this is not so yet: {}", missing.text).into())
}

/// Has a decision confirmed outside, when it is about what is read here and nothing is missing.
fn commit_outside(state: &mut State, commit: &Commit, now: Moment) {
    let number = state.confirmations.saturating_add(1);
    let about = match state.screen {
        Screen::Batch => state.batch.as_ref().and_then(|batch| {
            let member = batch.members.get(batch.next()?)?;
            member.detail.reading()
        }),
        _ => state.detail.as_ref().and_then(|detail| detail.reading()),
    };
    let (Some(ceremony), Some(reading), Some(trust)) = (&mut state.ceremony, about, &state.trust) else {
        return;
    };
    if !ceremony.outside || !ceremony.is_open() {
        return;
    }
    if commit.request != reading.id || commit.view_digest != reading.view_digest {
        ceremony.notice = Some("not signed: what was on screen is not what would be signed".into());
        return;
    }
    for (field, text) in &commit.typed {
        ceremony.put(*field, text, now.wall);
    }
    let requirements = match (state.screen, &state.batch, &state.detail) {
        (Screen::Batch, Some(batch), _) => batch.requirements(ceremony, now),
        (_, _, Some(detail)) => ceremony.requirements(detail, now),
        _ => return,
    };
    ceremony.notice = missing(&requirements);
    if ceremony.notice.is_none() {
        ceremony.awaited = Some(Awaited {
            number,
            request_digest: reading.request_digest,
            view_digest: reading.view_digest,
        });
        state.confirming = Some(Box::new(Confirmation::of(number, ceremony, reading, trust)));
        state.confirmations = number;
    }
}

/// Takes the answer of a confirmation in, and signs when it is still about what would be signed.
pub(super) fn answered(
    state: &mut State,
    number: u64,
    unlocked: Option<Passphrase>,
    now: Moment,
) -> Vec<Effect> {
    let batch = state.batch.as_ref().filter(|_| state.screen == Screen::Batch);
    let about = match batch {
        Some(batch) => batch
            .next()
            .and_then(|at| batch.members.get(at)?.detail.reading()),
        None => state.detail.as_ref().and_then(|detail| detail.reading()),
    };
    let Some(ceremony) = &mut state.ceremony else {
        return Vec::new();
    };
    let Some(awaited) = ceremony.awaited.take_if(|awaited| awaited.number == number) else {
        return Vec::new();
    };
    let refused = match (&unlocked, about) {
        (None, _) => Some("not signed: you did not confirm"),
        (_, Some(reading)) if awaited.is_about(reading) => None,
        _ => Some("not signed: the request moved while you were asked"),
    };
    // A key that is held down in the prompt must not reach what is under it.
    state.quiet_until = now.up.saturating_add(SETTLE);
    if let (None, Some(passphrase)) = (refused, unlocked) {
        if ceremony.unlock.is_typed() && passphrase.count() == 0 {
            ceremony.notice = Some(format!("not signed: no {} was entered", ceremony.unlock.word()).into());
            return Vec::new();
        }
        ceremony.passphrase = passphrase;
        let effects = sign(state, now);
        if let (true, Some(ceremony)) = (effects.is_empty(), &mut state.ceremony) {
            ceremony.erase_passphrase();
        }
        return effects;
    }
    ceremony.notice = refused.map(Untrusted::from);
    Vec::new()
}

/// Takes in that a surface which is not trusted was given the whole difference of this draft to draw.
pub(super) fn gave_draft(state: &mut State, action: ActionDigest) {
    if let Some(counter) = state.counter_on_top().filter(|counter| counter.is_of(action)) {
        let all = 0..counter.attention.of_lines();
        counter.attention.give(all);
    }
}

pub(super) fn take_progress(
    state: &mut State,
    request: RequestId,
    progress: Progress,
    now: Moment,
) -> Vec<Effect> {
    let over = matches!(
        progress,
        Progress::Committed | Progress::Logged { .. } | Progress::Carried(_)
    );
    let failed = matches!(progress, Progress::Failed(_));
    if let Some(mut effects) = super::batch::follow(state, request, &progress, now) {
        if over {
            effects.extend(load_queue(state));
        }
        return effects;
    }
    match &mut state.ceremony {
        Some(ceremony) if ceremony.request == request && state.screen != Screen::Batch => {
            ceremony.follow(progress);
        }
        _ => {
            let (text, bad): (Untrusted, bool) = match progress {
                Progress::Failed(why) => (why, true),
                Progress::Kept(why) => (why, true),
                Progress::Carried(_) => (
                    format!("decision on {request} is written to the file").into(),
                    false,
                ),
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
    if over {
        load_queue(state)
    } else if failed && state.ceremony.is_some() {
        // A wrong PIN used up a try: say how many are left before the next one.
        vec![Effect::AskKey(request)]
    } else {
        Vec::new()
    }
}

/// Why the key at hand will not do. Saying no is cheap: any key may.
fn weak_key(detail: &Detail, verdict: Verdict) -> Option<String> {
    let reading = detail.reading().filter(|_| verdict == Verdict::Approve)?;
    reading.weak_key.clone()
}

/// What of the sheet still has to be on screen before a high risk can be approved.
fn unread(detail: &Detail, verdict: Verdict, key: &str) -> Option<String> {
    let (seen, of) = (detail.attention.lines(), detail.attention.of_lines());
    let high = detail
        .reading()
        .is_some_and(|reading| reading.summary.severity >= Severity::High);
    (verdict == Verdict::Approve && high && !detail.attention.is_whole()).then(|| {
        format!(
            "{} of {of} lines of the sheet were not on screen yet; {key} goes there",
            of - seen
        )
    })
}

fn leave_ceremony(state: &mut State, now: Moment) -> Vec<Effect> {
    if state.screen == Screen::Batch {
        super::batch::leave_ceremony(state, now);
        return Vec::new();
    }
    let Some(ceremony) = state.ceremony.take() else {
        return Vec::new();
    };
    state.settle(now);
    match ceremony.progress {
        Progress::Writing => {
            state.tell("nothing was signed", false, now);
            Vec::new()
        }
        Progress::Signing if ceremony.calling_off.call_off() => {
            state.tell("called off: nothing is signed or sent", false, now);
            Vec::new()
        }
        Progress::Signing | Progress::Sent | Progress::Kept(_) => {
            state.tell("the decision goes on; its result is shown here", false, now);
            Vec::new()
        }
        Progress::Committed | Progress::Logged { .. } | Progress::Carried(_) | Progress::Failed(_) => {
            leave_detail(state, now)
        }
    }
}
