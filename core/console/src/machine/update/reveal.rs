//! Commands to the secrets of the request that is read.

use countersign_protocol::identity::RequestId;
use countersign_protocol::mask::SecretMark;

use super::super::Moment;
use super::super::attention::Position;
use super::super::confirm::{Awaited, Confirmation};
use super::super::effect::Effect;
use super::super::message::{Command, Step};
use super::super::reveal::{Revealing, SHOWN_FOR, Stage};
use super::super::state::{State, Trouble};

/// Asks which secrets are to be shown and why, or says why none can be.
pub(super) fn begin(state: &mut State, now: Moment) {
    let Some(detail) = &state.detail else { return };
    let Some(reading) = detail.reading() else { return };
    if detail.local {
        state.tell(
            "`countersign inspect --reveal` shows the secrets of local files",
            false,
            now,
        );
    } else if let Some(revealing) = Revealing::of(reading.id, &reading.masks, state.outside) {
        state.revealing = Some(Box::new(revealing));
        state.settle(now);
    } else {
        state.tell("no secret was found in what this request would run", false, now);
    }
}

pub(super) fn in_revealing(state: &mut State, command: &Command, now: Moment) -> Vec<Effect> {
    let settled = state.is_settled(now);
    let Some(revealing) = &mut state.revealing else {
        return Vec::new();
    };
    let shown = matches!(revealing.stage, Stage::Shown { .. });
    match command {
        Command::Back => {
            if !shown {
                state.tell("no secret was shown", false, now);
            }
            state.revealing = None;
            state.settle(now);
        }
        // What was typed for the screen below must neither be written nor reveal anything.
        _ if !settled => {}
        Command::Enter if shown => {
            state.revealing = None;
            state.settle(now);
        }
        Command::TurnTo(place) => {
            if let Stage::Shown { top, .. } = &mut revealing.stage {
                *top = *place;
            }
        }
        _ if !revealing.is_writing() => {}
        Command::RevealThis(choice, reason) if revealing.outside => {
            revealing.put(*choice, reason);
            confirm_outside(state);
        }
        // Where it is confirmed outside, a key alone confirms nothing.
        Command::Enter if !revealing.outside => return record(revealing).into_iter().collect(),
        Command::StepField(step) => revealing.step(*step),
        Command::Move(by) => revealing.step(if *by > 0 { Step::Next } else { Step::Previous }),
        Command::Write(c) => revealing.write(*c),
        Command::Paste(text) => revealing.paste(text),
        Command::Erase => drop(revealing.reason.pop()),
        Command::EraseAll => revealing.reason.clear(),
        _ => {}
    }
    Vec::new()
}

/// Has it recorded, where there is a reason.
fn record(revealing: &mut Revealing) -> Option<Effect> {
    let (secret, reason) = revealing.ask()?;
    revealing.stage = Stage::Recording;
    Some(Effect::Reveal {
        request: revealing.request,
        secret,
        reason,
    })
}

/// Has the person asked outside the surface, where there is a reason.
fn confirm_outside(state: &mut State) {
    let number = state.confirmations.saturating_add(1);
    let reading = state.detail.as_ref().and_then(|detail| detail.reading());
    let (Some(revealing), Some(reading)) = (&mut state.revealing, reading) else {
        return;
    };
    if reading.id == revealing.request && revealing.ask().is_some() {
        state.confirming = Some(Box::new(Confirmation::of_reveal(number, revealing, reading)));
        state.confirmations = number;
        revealing.stage = Stage::Confirming(Awaited {
            number,
            request_digest: reading.request_digest,
            view_digest: reading.view_digest,
        });
    }
}

/// Takes the answer of the person in; only after a yes is it recorded.
pub(super) fn answered(state: &mut State, number: u64, confirmed: bool, now: Moment) -> Vec<Effect> {
    let about = state.detail.as_ref().and_then(|detail| detail.reading());
    let Some(revealing) = &mut state.revealing else {
        return Vec::new();
    };
    let Stage::Confirming(awaited) = revealing.stage else {
        return Vec::new();
    };
    if awaited.number != number {
        return Vec::new();
    }
    let still = about.is_some_and(|reading| awaited.is_about(reading));
    revealing.stage = Stage::Writing;
    let effect = match (confirmed, still) {
        (true, true) => record(revealing),
        (true, false) => {
            revealing.notice = Some("nothing was shown: the request moved while you were asked".into());
            None
        }
        (false, _) => {
            revealing.notice = Some("nothing was shown: you did not confirm".into());
            None
        }
    };
    // A key that is held down in the prompt must not reach what is under it.
    state.settle(now);
    effect.into_iter().collect()
}

/// Only what was recorded is shown, and only to a person who still waits for exactly that.
pub(super) fn take_revealed(
    state: &mut State,
    request: RequestId,
    secret: Option<SecretMark>,
    result: Result<(), Trouble>,
    now: Moment,
) {
    let waiting = state.revealing.as_mut().filter(|revealing| {
        let same = revealing.choice().is_some_and(|choice| choice.secret == secret);
        revealing.request == request && revealing.stage == Stage::Recording && same
    });
    match (waiting, result) {
        (Some(revealing), Ok(())) => {
            revealing.stage = Stage::Shown {
                until: now.up.saturating_add(SHOWN_FOR),
                top: Position::default(),
            };
            state.revealed.entry(request).or_default().add(secret);
            state.settle(now);
        }
        (Some(revealing), Err(trouble)) => {
            revealing.stage = Stage::Writing;
            revealing.notice = Some(trouble.message);
        }
        (None, Ok(())) => {
            state.tell(
                "it is recorded that you had a secret revealed; it was not shown",
                false,
                now,
            );
        }
        (None, Err(trouble)) => state.tell(trouble.message, true, now),
    }
}

/// Takes secrets from the screen when their time is over.
pub(super) fn hide_in_time(state: &mut State, now: Moment) {
    let over = state
        .revealing
        .as_ref()
        .is_some_and(|revealing| matches!(revealing.stage, Stage::Shown { until, .. } if now.up >= until));
    if over {
        state.revealing = None;
        state.settle(now);
        state.tell(
            "the secret is masked again; it can be revealed again, which is recorded again",
            false,
            now,
        );
    }
}
