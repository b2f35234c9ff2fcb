//! What people asked and the agent answered, as it is drawn: always marked as what it is.

use super::super::reading::{Reading, Said, Speaker};
use super::super::state::State;
use super::piece::{Piece, Text, Tone, spanned};
use countersign_protocol::identity::{PersonId, RequestId};

/// The most people who are named.
const NAMED: usize = 2;

/// The talk, oldest first: what comes is added at the end, so that nothing moves that is read.
pub(super) fn talk(reading: &Reading) -> Vec<Text> {
    let line = |text: &str, tone| vec![Piece::new(text, tone)];
    let mut lines = vec![
        line(
            "Nobody signed any of this, and nothing that you sign covers it.",
            Tone::Warn,
        ),
        Text::new(),
    ];
    if reading.talk.is_empty() {
        lines.push(line("Nobody has asked anything.", Tone::Plain));
        lines.push(line("t asks the agent.", Tone::Faint));
    }
    for said in &reading.talk {
        lines.push(head(said));
        let tone = if said.speaker == Speaker::Agent {
            Tone::Claim
        } else {
            Tone::Plain
        };
        let mut text = vec![Piece::new("  ", Tone::Plain)];
        text.extend(spanned(reading.masks.spans(said.text.bytes()), tone));
        lines.push(text);
        lines.push(Text::new());
    }
    lines
}

fn head(said: &Said) -> Text {
    let number = said.number;
    let (who, what) = match &said.speaker {
        Speaker::Person(person) => (
            Piece::new(person.to_string(), Tone::Strong),
            format!(" asks ({number})"),
        ),
        Speaker::Stranger => (
            Piece::new("somebody whom the directory does not name", Tone::Bad),
            format!(" asks ({number})"),
        ),
        Speaker::Agent => (
            Piece::new("claimed by the agent", Tone::Claim),
            format!(", asked for ({number})"),
        ),
    };
    vec![who, Piece::new(format!("{what}  {}", said.at), Tone::Faint)]
}

/// Who else looks at a request, in a few words.
pub(super) fn looking(state: &State, request: RequestId) -> Option<String> {
    let people = state.looking.get(&request)?;
    let named: Vec<&str> = people.iter().take(NAMED).map(PersonId::as_str).collect();
    let more = people.len().saturating_sub(NAMED);
    let mut text = named.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    Some(text).filter(|text| !text.is_empty())
}
