//! Commands to the secrets of the request that is read.

use countersign_protocol::identity::RequestId;
use countersign_protocol::mask::SecretMark;

use super::super::Moment;
use super::super::attention::Position;
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
    } else if let Some(revealing) = Revealing::of(reading.id, &reading.masks) {
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
        Command::Enter => {
            let request = revealing.request;
            if let Some((secret, reason)) = revealing.ask() {
                return vec![Effect::Reveal {
                    request,
                    secret,
                    reason,
                }];
            }
        }
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
