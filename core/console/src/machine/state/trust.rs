//! Whom this console trusts, whether its backend is there, and what went wrong.

use std::time::Duration;

use countersign_protocol::identity::{KeyAssurance, PersonId};
use countersign_protocol::moment::Timestamp;
use countersign_review::text::Untrusted;

use super::super::ceremony::Unlock;

/// Whether the backend is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Nothing came yet.
    Connecting,
    /// Changes arrive as they happen.
    Live,
    /// It is gone; what is shown may be old.
    Retrying {
        /// Since when.
        since: Timestamp,
        /// When it is tried again.
        next: Timestamp,
        /// What went wrong.
        why: Untrusted,
    },
    /// There is none: files only.
    Offline,
}

/// Whom and what this console trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The organisation's name.
    pub organisation: Untrusted,
    /// The words of its root.
    pub root_words: Vec<&'static str>,
    /// Who decides here.
    pub person: PersonId,
    /// The key that signs, where there is one.
    pub key: Option<KeySummary>,
}

/// The key that signs decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySummary {
    /// Its name on this machine.
    pub name: Untrusted,
    /// How it is kept, as the directory says.
    pub assurance: KeyAssurance,
    /// What it asks for before it signs.
    pub unlock: Unlock,
    /// Whether its PIN or passphrase is remembered: lower assurance, which every signature by it says.
    pub pin_remembered: bool,
    /// Whether its provider lets one unlocking sign several decisions; each is still a signature of its own.
    pub unlocks_many: bool,
}

/// How the key that signs stands before it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStanding {
    /// What it asks for before it signs.
    pub unlock: Unlock,
    /// What to know before a try is used up.
    pub warning: Option<String>,
}

/// Something that went wrong, as it is told to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A stable word for it.
    pub code: String,
    /// What happened and what to do; may quote foreign text.
    pub message: Untrusted,
}

impl Trouble {
    /// A trouble by its stable word.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<Untrusted>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}

/// A short notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub text: Untrusted,
    /// Whether it is bad news.
    pub bad: bool,
    /// When it goes.
    pub until: Duration,
    /// Whether it answers a key or click, and so belongs to what was on screen then. News is nobody's answer.
    pub answers: bool,
}
