//! Masked secrets of a request in the clear: which, and why, is written; it is recorded; only then are they on the
//! screen, over everything else, and for a short time. Sheet and panes stay masked: the sheet is what is signed.
//!
//! A surface that is not trusted asks for it, and the person is asked outside of it, before anything is recorded.

use std::time::Duration;

use countersign_protocol::identity::RequestId;
use countersign_protocol::mask::SecretMark;
use countersign_protocol::reveal::RevealReason;
use countersign_review::secret::Masks;
use countersign_review::text::Untrusted;

use super::Moment;
use super::attention::Position;
use super::confirm::Awaited;
use super::message::Step;

/// How long secrets are on screen.
pub const SHOWN_FOR: Duration = Duration::from_secs(30);

/// A revealing while it is asked for, recorded, or on screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revealing {
    /// Of which request.
    pub request: RequestId,
    /// What there is to choose from.
    pub choices: Vec<Choice>,
    /// The one that is chosen.
    pub chosen: usize,
    /// Why, in the person's words.
    pub reason: String,
    /// How far it is.
    pub stage: Stage,
    /// What to know about the last try.
    pub notice: Option<Untrusted>,
    /// Whether it is confirmed outside the surface that draws this.
    pub outside: bool,
}

/// What can be revealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The one secret; without it, all of the request.
    pub secret: Option<SecretMark>,
    /// It, masked.
    pub words: String,
}

/// How far a revealing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Choice and reason are written.
    Writing,
    /// The person is asked outside the surface; nothing is recorded.
    Confirming(Awaited),
    /// It is being recorded; nothing is shown.
    Recording,
    /// It is recorded, and on screen.
    Shown {
        /// Until then.
        until: Duration,
        /// What is on top.
        top: Position,
    },
}

impl Revealing {
    /// Nothing where nothing is masked.
    pub(super) fn of(request: RequestId, masks: &Masks, outside: bool) -> Option<Self> {
        let mut choices: Vec<Choice> = masks
            .secrets()
            .into_iter()
            .filter_map(|secret| {
                Some(Choice {
                    secret: Some(secret.mark()?),
                    words: secret.mask(),
                })
            })
            .collect();
        let count = masks.count();
        if choices.len() != 1 && count > 0 {
            choices.push(Choice {
                secret: None,
                words: match count {
                    1 => "the one secret of this request".to_owned(),
                    count => format!("all {count} secrets of this request"),
                },
            });
        }
        (!choices.is_empty()).then(|| Self {
            request,
            choices,
            chosen: 0,
            reason: String::new(),
            stage: Stage::Writing,
            notice: None,
            outside,
        })
    }

    /// What is chosen.
    #[must_use]
    pub fn choice(&self) -> Option<&Choice> {
        self.choices.get(self.chosen)
    }

    /// Whether it can be written on.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.stage == Stage::Writing
    }

    /// How long nothing of it changes by itself.
    pub(super) fn next_wake(&self, now: Moment) -> Option<Duration> {
        match self.stage {
            Stage::Shown { until, .. } => Some(until.saturating_sub(now.up).min(Duration::from_secs(1))),
            Stage::Writing | Stage::Confirming(_) | Stage::Recording => None,
        }
    }

    /// The question that is waited for, outside the surface.
    pub(super) const fn awaited(&self) -> Option<u64> {
        match self.stage {
            Stage::Confirming(awaited) => Some(awaited.number),
            Stage::Writing | Stage::Recording | Stage::Shown { .. } => None,
        }
    }

    /// Chooses a secret and writes a reason, all at once.
    pub(super) fn put(&mut self, choice: usize, reason: &str) {
        self.chosen = choice.min(self.choices.len().saturating_sub(1));
        self.reason.clear();
        self.paste(reason);
    }

    pub(super) fn step(&mut self, step: Step) {
        let last = self.choices.len().saturating_sub(1);
        self.chosen = match step {
            Step::Next => (self.chosen + 1).min(last),
            Step::Previous => self.chosen.saturating_sub(1),
        };
    }

    pub(super) fn write(&mut self, c: char) {
        if !c.is_control() && self.reason.len() + c.len_utf8() <= RevealReason::MAX {
            self.reason.push(c);
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            self.write(if c.is_control() { ' ' } else { c });
        }
    }

    /// What is to be recorded, where there is a reason.
    pub(super) fn ask(&mut self) -> Option<(Option<SecretMark>, String)> {
        let reason = self.reason.trim();
        if reason.is_empty() {
            self.notice = Some("write a few words why you have to see it; others will read them".into());
            return None;
        }
        self.notice = None;
        Some((self.choice()?.secret, reason.to_owned()))
    }
}
