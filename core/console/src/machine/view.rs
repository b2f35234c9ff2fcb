//! View models: what the front ends draw, with nothing left to decide. Foreign text is escaped here.
//!
//! Rows and lines are made for the window that is looked at, so that a large queue or document costs nothing.

mod batch;
mod ceremony;
mod change;
mod detail;
mod drift;
mod evidence;
mod keys;
mod listing;
mod pane;
mod past;
mod piece;
mod question;
mod queue;
mod raw;
mod reveal;
mod sheet;
mod structure;
mod talk;

pub use batch::{BatchView, MemberView, batch, batch_landmarks};
pub use ceremony::{CeremonyView, FieldView, ceremony};
pub use detail::{DetailView, TabView, detail};
pub(super) use drift::drift_marks;
pub use keys::{KeyView, keys};
pub(super) use listing::finding_line;
pub use pane::{Column, PaneLine, PaneView};
pub use past::{HistoryView, PaceView, PastRow, WaitingView, history};
pub use piece::{Piece, Text, Tone, left, risk};
pub use question::{QuestionView, question};
pub use queue::{QueueRow, QueueView, begins_group, find, queue};
pub use reveal::{RevealView, reveal};
pub(super) use structure::structure_marks;

use countersign_review::text::Untrusted;
use serde::Serialize;

use super::Moment;
use super::confirm::PIN_REMEMBERED;
use super::state::{Connection, FirstRunChoice, State};

/// The line on top of every screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct HeaderView {
    /// The organisation and the person, once known.
    pub who: Text,
    /// The first words of the root, to recognise it by.
    pub root: String,
    /// Whether the backend is there, and how old what is shown may be; of evidence, whether it holds.
    pub connection: Piece,
}

/// What stands on top of every screen.
#[must_use]
pub fn header(state: &State, now: Moment) -> HeaderView {
    let mut who = Text::new();
    let mut root = String::new();
    if let Some(trust) = &state.trust {
        who.extend(piece::foreign(&trust.organisation, Tone::Strong));
        who.push(Piece::new(format!("  {}", trust.person), Tone::Plain));
        match &trust.key {
            Some(key) => {
                who.push(Piece::new("  key ", Tone::Faint));
                who.extend(piece::foreign(&key.name, Tone::Faint));
                if key.pin_remembered {
                    who.push(Piece::new(format!(" ({PIN_REMEMBERED})"), Tone::Warn));
                }
            }
            None => who.push(Piece::new("  no key to sign with", Tone::Warn)),
        }
        root = trust
            .root_words
            .iter()
            .take(3)
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
    }
    HeaderView {
        who,
        root,
        connection: connection(state, now),
    }
}

fn connection(state: &State, now: Moment) -> Piece {
    let age = || match state.queue.loaded_at {
        Some(at) => format!(" ({} old)", piece::span(now.wall.since(at))),
        None => String::new(),
    };
    // A file of evidence has no backend; what matters is whether it holds.
    if let Some(verdict) = evidence::verdict(state) {
        return verdict;
    }
    match &state.connection {
        Connection::Connecting => Piece::new("○ connecting", Tone::Faint),
        Connection::Live => Piece::new("● live", Tone::Good),
        Connection::Offline => Piece::new("○ offline", Tone::Warn),
        Connection::Retrying { next, .. } => {
            let wait = next.since(now.wall).as_secs();
            let again = if wait == 0 {
                "trying again".to_owned()
            } else {
                format!("again in {wait}s")
            };
            Piece::new(format!("○ no backend{}, {again}", age()), Tone::Warn)
        }
    }
}

/// The notices, newest last.
#[must_use]
pub fn notices(state: &State) -> Vec<Text> {
    let tone = |bad| if bad { Tone::Bad } else { Tone::Plain };
    state
        .notices
        .iter()
        .map(|notice| piece::foreign(&notice.text, tone(notice.bad)))
        .collect()
}

/// One choice of the first-run screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct ChoiceView {
    /// What it is.
    pub title: &'static str,
    /// What it does, and how else to do it.
    pub lines: [&'static str; 2],
    /// Whether the cursor is on it.
    pub selected: bool,
}

/// The choices of the first-run screen.
#[must_use]
pub fn first_run(selected: FirstRunChoice) -> Vec<ChoiceView> {
    FirstRunChoice::ALL
        .into_iter()
        .map(|choice| {
            let (title, lines) = match choice {
                FirstRunChoice::Join => (
                    "Join an organisation",
                    [
                        "You were given a backend address and twelve root words to compare.",
                        "Also: countersign login",
                    ],
                ),
                FirstRunChoice::Personal => (
                    "Supervise my own agents",
                    [
                        "A backend of your own on this machine. Supervision, not four eyes.",
                        "Also: countersign --personal",
                    ],
                ),
                FirstRunChoice::Demo => (
                    "See the demo",
                    [
                        "A throw-away home with sample proposals. Nothing of yours is touched.",
                        "Also: countersign demo",
                    ],
                ),
            };
            ChoiceView {
                title,
                lines,
                selected: choice == selected,
            }
        })
        .collect()
}

/// Escapes foreign text for a place that takes one plain string, such as a window title.
#[must_use]
pub fn escaped(text: &Untrusted) -> String {
    text.escaped()
}

#[cfg(test)]
mod masked_tests;
