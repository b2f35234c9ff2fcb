//! The ceremony of a decision: how it begins, what is written in it, how it ends.

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;
use countersign_review::text::Untrusted;

use super::super::Moment;
use super::super::ceremony::{Ceremony, Progress};
use super::super::effect::Effect;
use super::super::message::{Command, Step};
use super::super::state::{Detail, Screen, State};
use super::detail::leave_detail;
use super::queue::load_queue;

/// Opens the ceremony, or says why there is none.
pub(super) fn begin(state: &mut State, verdict: Verdict, counter: bool, now: Moment) -> Vec<Effect> {
    let Some(detail) = &state.detail else {
        return Vec::new();
    };
    let why_not = match (detail.why_not(now), &state.trust) {
        (Some(why), _) => Some(why),
        (None, None) => Some("this console does not know yet who you are".to_owned()),
        (None, Some(trust)) if trust.key.is_none() => {
            Some("you have no key here that can sign; `countersign keys create` makes one".to_owned())
        }
        (None, Some(_)) => weak_key(detail, verdict).or_else(|| unread(detail, verdict)),
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
        state.ceremony = ceremony.map(Box::new);
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
    let command = match command {
        // However soon the editor ends; but keys meant for it must not sign.
        Command::Edited(text) => {
            if ceremony.progress.is_writing()
                && let Some(counter) = &mut ceremony.counter
            {
                counter.rewrite(text, now.wall);
            }
            state.settle(now);
            return Vec::new();
        }
        command => command,
    };
    // What was typed for the screen below must not end up in a field.
    if !settled {
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
        Command::Edit if ceremony.progress.is_writing() => {
            let text = ceremony.counter.as_ref().and_then(|counter| counter.text());
            match text {
                Some(text) => state.editing = Some(text.to_vec()),
                None => ceremony.notice = Some("there is no text to rewrite here".into()),
            }
        }
        Command::Turn(step) => {
            if let Some(counter) = &mut ceremony.counter {
                counter.turn(step);
            }
        }
        Command::Blurred => {
            ceremony.notice =
                Some("not signed: keys came all at once, as from a paste; press the chord by itself".into());
        }
        Command::Sign if batch => return super::batch::sign(state, now),
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
