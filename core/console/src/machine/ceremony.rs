//! The ceremony of a decision: what has to be true and typed before anything is signed.
//!
//! [`Ceremony::requirements`] is the one list of conditions: it is shown to the person, and the order to sign
//! exists only when every item of it is met. How its fields are written is in `writing`.

mod passphrase;
mod writing;

use std::sync::Arc;

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;
use countersign_review::text::Untrusted;
use serde::{Deserialize, Serialize};

use super::Moment;
use super::confirm::Awaited;
use super::counter::Counter;
use super::effect::{CallingOff, Order};
use super::reading::Reading;
use super::state::{Detail, KeyStanding, Trouble, Trust};
pub use passphrase::Passphrase;
pub use writing::DENIALS;

/// A decision while it is made.
#[derive(Debug)]
pub struct Ceremony {
    /// The request.
    pub request: RequestId,
    /// The answer.
    pub verdict: Verdict,
    /// What is proposed instead, where a denial does.
    pub counter: Option<Box<Counter>>,
    /// Why, in the person's words.
    pub reason: String,
    /// The name that has to be typed, where one has to.
    pub name: Option<String>,
    /// What was typed of it.
    pub typed: String,
    /// What the key asks for.
    pub unlock: Unlock,
    /// Whether the key's PIN is remembered, which the signature will say.
    pub pin_remembered: bool,
    /// It, as far as it was typed.
    pub passphrase: Passphrase,
    /// The field that is written.
    pub field: Field,
    /// How far it is.
    pub progress: Progress,
    /// Why the last try did nothing.
    pub notice: Option<Untrusted>,
    /// What to know about the key before a try is used up.
    pub warning: Option<String>,
    /// The way to call it off while the key is asked.
    pub calling_off: CallingOff,
    /// Whether the key is unlocked, and the decision confirmed, outside the surface that draws this.
    pub outside: bool,
    /// What it waits for there.
    pub awaited: Option<Awaited>,
}

/// What a key asks for before it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlock {
    /// A passphrase.
    Passphrase,
    /// A PIN.
    Pin,
    /// A touch of the device, when it blinks.
    Touch,
    /// Nothing: its PIN or passphrase is remembered.
    Remembered,
}

impl Unlock {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Pin => "PIN",
            Self::Touch => "touch",
            Self::Remembered => "remembered PIN",
        }
    }

    /// Whether something has to be typed for it.
    #[must_use]
    pub const fn is_typed(self) -> bool {
        matches!(self, Self::Passphrase | Self::Pin)
    }
}

/// The fields that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The reason.
    Reason,
    /// The most rows of a counter-proposal.
    Rows,
    /// The life of a counter-proposal.
    Life,
    /// The name that confirms.
    Name,
    /// What unlocks the key.
    Passphrase,
}

/// How far a decision is. Nothing is claimed that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It is written; nothing was signed.
    Writing,
    /// The key signs.
    Signing,
    /// It is signed and on its way; the backend has not answered.
    Sent,
    /// It is signed and kept here; the backend could not be reached, and it is sent again.
    Kept(Untrusted),
    /// It is signed and stands in this file, which has to be carried to a machine with a network.
    Carried(Untrusted),
    /// The backend stored it; it is not in the log yet.
    Committed,
    /// Its inclusion in the log was proven to this console.
    Logged {
        /// Its index.
        index: u64,
        /// The size of the log under the checkpoint that proves it.
        size: u64,
    },
    /// The backend or the key refused; nothing was decided.
    Failed(Untrusted),
}

impl Progress {
    /// Whether fields can be written.
    #[must_use]
    pub const fn is_writing(&self) -> bool {
        matches!(self, Self::Writing)
    }
}

/// One condition of signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// What has to be so.
    pub text: String,
    /// Whether it is.
    pub met: bool,
}

impl Ceremony {
    pub(super) fn new(verdict: Verdict, reading: &Reading, trust: &Trust) -> Self {
        let name = match verdict {
            Verdict::Approve => reading.summary.name_to_type(),
            Verdict::Deny => None,
        };
        Self {
            request: reading.id,
            verdict,
            counter: None,
            reason: String::new(),
            name,
            typed: String::new(),
            unlock: trust.key.as_ref().map_or(Unlock::Passphrase, |key| key.unlock),
            pin_remembered: trust.key.as_ref().is_some_and(|key| key.pin_remembered),
            passphrase: Passphrase::default(),
            field: Field::Reason,
            progress: Progress::Writing,
            notice: None,
            warning: None,
            calling_off: CallingOff::default(),
            outside: false,
            awaited: None,
        }
    }

    pub(super) fn countering(reading: &Reading, trust: &Trust) -> Option<Self> {
        let asked = reading.asked.clone()?;
        Some(Self {
            counter: Some(Box::new(Counter::to(asked, Arc::clone(&reading.masks)))),
            ..Self::new(Verdict::Deny, reading, trust)
        })
    }

    /// Whether something has to be typed here that unlocks the key.
    const fn unlocks_here(&self) -> bool {
        !self.outside && self.unlock.is_typed()
    }

    /// Whether it lets something through that may harm much.
    #[must_use]
    pub fn is_grave(&self, reading: &Reading) -> bool {
        self.verdict == Verdict::Approve && reading.summary.severity >= Severity::High
    }

    /// Whether it can be written on now.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.progress.is_writing() && self.awaited.is_none()
    }

    /// The fields there are, in order.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let name = self.name.is_some().then_some(Field::Name);
        let secret = self.unlocks_here().then_some(Field::Passphrase);
        let counter = self.counter.as_ref();
        let rows = counter
            .is_some_and(|counter| counter.max_rows().is_some())
            .then_some(Field::Rows);
        let life = counter.map(|_| Field::Life);
        [Field::Reason]
            .into_iter()
            .chain(rows)
            .chain(life)
            .chain(name)
            .chain(secret)
            .collect()
    }

    /// Everything that has to be true before this is signed.
    #[must_use]
    pub fn requirements(&self, detail: &Detail, now: Moment) -> Vec<Requirement> {
        let mut all = Vec::new();
        let mut need = |met, text: String| all.push(Requirement { text, met });
        if let Some(why_not) = detail.why_not(now) {
            need(false, why_not);
        }
        let high = detail
            .reading()
            .is_some_and(|reading| reading.summary.severity >= Severity::High);
        if self.verdict == Verdict::Approve && high {
            let (seen, all) = (detail.attention.lines(), detail.attention.of_lines());
            need(
                detail.attention.is_whole(),
                format!("the whole sheet was on screen ({seen} of {all} lines)"),
            );
        }
        if let Some(counter) = &self.counter {
            match counter.draft() {
                Ok(_) => {
                    need(
                        true,
                        "what is proposed instead is less than what was asked".to_owned(),
                    );
                    let (seen, of) = (counter.attention.lines(), counter.attention.of_lines());
                    need(
                        of == 0 || counter.attention.is_whole(),
                        format!("its whole difference was on screen ({seen} of {of} lines)"),
                    );
                }
                Err(why) => need(false, format!("something less is proposed: {why}")),
            }
        }
        all.extend(self.written_requirements());
        all
    }

    /// What has to be written.
    pub(super) fn written_requirements(&self) -> Vec<Requirement> {
        let mut all = Vec::new();
        let mut need = |met, text: String| all.push(Requirement { text, met });
        need(!self.reason.trim().is_empty(), "a reason is given".to_owned());
        if let Some(name) = &self.name {
            need(self.typed == *name, "the name is typed exactly".to_owned());
        }
        if self.unlocks_here() {
            need(
                self.passphrase.count() > 0,
                match &self.warning {
                    Some(warning) => format!("the {} of your key is entered ({warning})", self.unlock.word()),
                    None => format!("the {} of your key is entered", self.unlock.word()),
                },
            );
        }
        all
    }

    /// The order to sign, where everything that has to be true is; takes the passphrase with it.
    pub(super) fn order(&mut self, detail: &Detail, now: Moment) -> Option<Order> {
        let reading = detail.reading()?;
        let met = self
            .requirements(detail, now)
            .iter()
            .all(|requirement| requirement.met);
        if !met || !self.progress.is_writing() || reading.id != self.request {
            return None;
        }
        let instead = match &self.counter {
            None => None,
            Some(counter) => Some((counter.wanted().ok()?, counter.draft().ok()?.action_digest)),
        };
        self.progress = Progress::Signing;
        self.notice = None;
        self.calling_off = CallingOff::default();
        let attention = detail.attention.statement(now.up.saturating_sub(detail.opened));
        let passphrase = std::mem::take(&mut self.passphrase);
        let mut order = Order::of(
            reading,
            self.verdict,
            &self.reason,
            attention,
            (self.unlock, passphrase),
            self.calling_off.clone(),
        );
        order.instead = instead;
        Some(order)
    }

    /// Takes in how the key stands.
    pub(super) fn know_key(&mut self, standing: Result<Option<KeyStanding>, Trouble>) {
        match standing {
            Ok(None) => {}
            Ok(Some(standing)) => {
                self.unlock = standing.unlock;
                self.warning = standing.warning;
                if !self.fields().contains(&self.field) {
                    self.field = Field::Reason;
                }
            }
            Err(trouble) => self.notice = Some(trouble.message),
        }
    }

    pub(super) fn follow(&mut self, progress: Progress) {
        if let Progress::Failed(why) = progress {
            self.notice = Some(why);
            self.passphrase.clear();
            self.progress = Progress::Writing;
            self.awaited = None;
            self.focus(Field::Passphrase);
        } else {
            self.progress = progress;
        }
    }
}
