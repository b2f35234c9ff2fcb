//! The question that is written, as it is drawn.

use serde::Serialize;

use super::super::state::State;
use super::piece::{Piece, Text, Tone, foreign, written};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct QuestionView {
    /// What it is and what it is not.
    pub about: Text,
    /// What is written.
    pub text: Text,
    /// Whether it can be written on.
    pub writing: bool,
    /// How many bytes it may still have, where few are left.
    pub room: Option<usize>,
    /// What went wrong, or on.
    pub notice: Option<Text>,
}

/// The question that is written.
#[must_use]
pub fn question(state: &State) -> Option<QuestionView> {
    let question = state.question.as_deref()?;
    let sending = || vec![Piece::new("on its way …", Tone::Faint)];
    Some(QuestionView {
        about: vec![Piece::new(
            "The agent sees it where it waits, and may answer once. Nothing is signed by it, and no deadline moves.",
            Tone::Faint,
        )],
        text: written(&question.text, Tone::Plain),
        writing: !question.sending,
        room: Some(question.room()).filter(|room| *room < 100),
        notice: match &question.notice {
            Some(notice) => Some(foreign(notice, Tone::Bad)),
            None => question.sending.then(sending),
        },
    })
}
