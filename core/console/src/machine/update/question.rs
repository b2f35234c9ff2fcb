//! Commands to the question that is written.

use countersign_protocol::identity::RequestId;

use super::super::Moment;
use super::super::effect::Effect;
use super::super::message::Command;
use super::super::question::Question;
use super::super::state::{State, Trouble};

/// Opens the editor, or says why nothing can be asked.
pub(super) fn begin(state: &mut State, now: Moment) {
    let Some(detail) = &state.detail else { return };
    let open = detail
        .reading()
        .filter(|reading| reading.summary.phase.is_open() && now.wall < reading.summary.expires_at);
    match open {
        _ if detail.local => {}
        Some(reading) => {
            state.question = Some(Box::new(Question::new(reading.id)));
            state.settle(now);
        }
        None => state.tell("only about an open request can be asked", true, now),
    }
}

pub(super) fn in_question(state: &mut State, command: &Command, now: Moment) -> Vec<Effect> {
    let settled = state.is_settled(now);
    let Some(question) = &mut state.question else {
        return Vec::new();
    };
    match command {
        Command::Back => {
            let sending = question.sending;
            state.question = None;
            state.settle(now);
            if !sending {
                state.tell("nothing was asked", false, now);
            }
        }
        // What was typed for the screen below must not end up in the question.
        _ if !settled => {}
        Command::Enter => {
            if let Some(text) = question.send() {
                let request = question.request;
                return vec![Effect::Ask { request, text }];
            }
        }
        Command::Write(c) => question.write(*c),
        Command::Paste(text) => question.paste(text),
        Command::Erase if !question.sending => drop(question.text.pop()),
        Command::EraseAll if !question.sending => question.text.clear(),
        _ => {}
    }
    Vec::new()
}

pub(super) fn take_asked(state: &mut State, request: RequestId, result: Result<(), Trouble>, now: Moment) {
    let open = state
        .question
        .as_mut()
        .filter(|open| open.request == request && open.sending);
    match (open, result) {
        (Some(_), Ok(())) => {
            state.question = None;
            state.settle(now);
            state.tell("asked; the answer comes under Talk", false, now);
        }
        (Some(question), Err(trouble)) => {
            question.sending = false;
            question.notice = Some(trouble.message);
        }
        (None, Ok(())) => {}
        (None, Err(trouble)) => state.tell(trouble.message, true, now),
    }
}
