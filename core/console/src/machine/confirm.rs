//! Confirming a decision, or that a secret is shown, outside the surface that showed the request.
//!
//! A surface that is not trusted, such as a web page, can ask for a decision to be made, and nothing more: what it asks
//! for is compared with what the machine holds, and a person is asked again, in words made here, by a prompt that the
//! surface cannot reach. The prompt is also where the key is unlocked, so no PIN passes through the surface.

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{RequestDigest, ViewDigest};
use countersign_protocol::identity::RequestId;
use countersign_review::text::Untrusted;

use super::ceremony::{Ceremony, Field, Unlock};
use super::reading::Reading;
use super::reveal::{Revealing, SHOWN_FOR};
use super::state::Trust;

/// The longest value that a prompt shows; the sheet has all of it.
const MAX_VALUE: usize = 400;

/// What is said wherever a key whose PIN is remembered is named.
pub(super) const PIN_REMEMBERED: &str = "PIN remembered: lower assurance";

/// What a surface asks to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The request that it showed.
    pub request: RequestId,
    /// The sheet that it showed.
    pub view_digest: ViewDigest,
    /// What was typed in it.
    pub typed: Vec<(Field, String)>,
}

/// A question to the person, outside the surface. All text in it is printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Which one it is; an answer to another is no answer.
    pub number: u64,
    /// What it decides, in one line.
    pub title: String,
    /// What is decided: labels and values.
    pub facts: Vec<(&'static str, String)>,
    /// The word on the button that confirms.
    pub verb: &'static str,
    /// Whether it may harm much: nothing confirms it but a choice of its own.
    pub grave: bool,
    /// What the key asks for; nothing where none signs.
    pub unlock: Option<Unlock>,
    /// What to know about the key before a try is used up.
    pub warning: Option<String>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// The number of the question.
    pub number: u64,
    /// The asking that the person is asked about.
    pub request_digest: RequestDigest,
    /// The sheet of it.
    pub view_digest: ViewDigest,
}

impl Awaited {
    /// Whether what would be signed now is still what the person was asked about.
    pub(super) fn is_about(&self, reading: &Reading) -> bool {
        self.request_digest == reading.request_digest && self.view_digest == reading.view_digest
    }
}

impl Confirmation {
    /// The question about a decision as it is written now.
    pub(super) fn of(number: u64, ceremony: &Ceremony, reading: &Reading, trust: &Trust) -> Self {
        let summary = &reading.summary;
        let approves = ceremony.verdict == Verdict::Approve;
        let (verb, what) = match (approves, ceremony.counter.is_some()) {
            (true, _) => ("Approve", "Approve"),
            (false, true) => ("Counter-propose", "Deny, and propose something less,"),
            (false, false) => ("Deny", "Deny"),
        };
        let mut facts = vec![
            ("target", shown(&summary.target)),
            ("environment", summary.environment.to_string()),
            (
                "change",
                format!("{} by agent {}", summary.kind.id(), summary.agent),
            ),
            ("risk", summary.severity.word().to_owned()),
            ("reason", shown(&Untrusted::from(ceremony.reason.trim()))),
            ("request", reading.id.to_string()),
            ("check words", reading.check_words.join(" ")),
            ("key", shown_key(trust)),
        ];
        if let Some(Ok(draft)) = ceremony.counter.as_ref().map(|counter| counter.draft()) {
            facts.insert(5, ("instead", draft.action_digest.to_string()));
        }
        Self {
            number,
            title: match summary.severity {
                Severity::None => format!("{what} this change in {}?", summary.environment),
                severity => format!("{what} this {} risk in {}?", severity.word(), summary.environment),
            },
            facts,
            verb,
            grave: ceremony.is_grave(reading),
            unlock: Some(ceremony.unlock),
            warning: ceremony.warning.clone(),
        }
    }
}

impl Confirmation {
    /// The question whether a secret is to be shown.
    pub(super) fn of_reveal(number: u64, revealing: &Revealing, reading: &Reading) -> Self {
        let summary = &reading.summary;
        // The words of a mask are printable already.
        let secret = revealing.choice().map(|choice| choice.words.clone());
        Self {
            number,
            title: format!("Show a secret in the clear, from {}?", summary.environment),
            facts: vec![
                ("secret", secret.unwrap_or_default()),
                ("target", shown(&summary.target)),
                ("environment", summary.environment.to_string()),
                ("reason", shown(&Untrusted::from(revealing.reason.trim()))),
                ("request", reading.id.to_string()),
                (
                    "recorded",
                    "first, with your name, the time and the reason; your decision says so too".to_owned(),
                ),
                (
                    "shown",
                    format!("in the window, for {} seconds", SHOWN_FOR.as_secs()),
                ),
            ],
            verb: "Reveal",
            grave: false,
            unlock: None,
            warning: None,
        }
    }
}

fn shown_key(trust: &Trust) -> String {
    match &trust.key {
        Some(key) if key.pin_remembered => format!("{} ({PIN_REMEMBERED})", shown(&key.name)),
        Some(key) => shown(&key.name),
        None => String::new(),
    }
}

/// A foreign text, escaped and cut where it is long.
fn shown(text: &Untrusted) -> String {
    let escaped = text.escaped();
    let Some((end, _)) = escaped.char_indices().nth(MAX_VALUE) else {
        return escaped;
    };
    let (begin, rest) = escaped.split_at(end);
    format!(
        "{begin} … and {} characters more; the sheet has all of it",
        rest.chars().count()
    )
}
