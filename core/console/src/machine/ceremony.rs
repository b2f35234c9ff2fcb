//! The ceremony of a decision: what has to be true and typed before anything is signed.
//!
//! [`Ceremony::requirements`] is the one list of conditions: it is shown to the person, and the order to sign
//! exists only when every item of it is met.

use std::fmt;
use std::sync::Arc;

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_review::text::Untrusted;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::Moment;
use super::confirm::Awaited;
use super::counter::Counter;
use super::effect::{CallingOff, Order};
use super::reading::Reading;
use super::state::{Detail, KeyStanding, Trouble, Trust};

/// The longest reason, in bytes.
const MAX_REASON: usize = 2000;
/// The longest passphrase, in bytes.
const MAX_PASSPHRASE: usize = 256;

/// The usual reasons of a denial; the agent is told the reason.
pub const DENIALS: [&str; 6] = [
    "wrong target or environment",
    "wider than it has to be; ask for less",
    "the ticket or the reason does not match the change",
    "not now: a freeze or an incident is under way",
    "nobody asked for this",
    "cannot be judged from what is shown; split it or explain it",
];

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

/// A passphrase while it is typed. Never printed; wiped when it is dropped.
pub struct Passphrase(Zeroizing<String>);

impl Default for Passphrase {
    fn default() -> Self {
        // Room for the longest from the start, so that growing leaves no copy behind.
        Self(Zeroizing::new(String::with_capacity(MAX_PASSPHRASE)))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl Passphrase {
    /// The characters, for the key alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// How many characters there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.chars().count()
    }

    /// A copy, for the next signature of a batch with a key that allows it; wiped like the original.
    pub(super) fn copy(&self) -> Self {
        let mut copy = Self::default();
        copy.0.push_str(&self.0);
        copy
    }

    /// What was typed outside; nothing past what a passphrase may have.
    #[must_use]
    pub fn typed(text: &Zeroizing<String>) -> Self {
        let mut typed = Self::default();
        text.chars().for_each(|c| typed.push(c));
        typed
    }

    fn push(&mut self, c: char) {
        if self.0.len() + c.len_utf8() <= MAX_PASSPHRASE {
            self.0.push(c);
        }
    }

    fn clear(&mut self) {
        self.0.zeroize();
    }
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

    pub(super) fn step(&mut self, forward: bool) {
        let fields = self.fields();
        let at = fields.iter().position(|field| *field == self.field).unwrap_or(0);
        let next = if forward { at + 1 } else { at + fields.len() - 1 } % fields.len().max(1);
        self.field = fields.get(next).copied().unwrap_or(Field::Reason);
    }

    pub(super) fn focus(&mut self, field: Field) {
        if self.fields().contains(&field) {
            self.field = field;
        }
    }

    pub(super) fn write(&mut self, c: char, now: Timestamp) {
        if c.is_control() || !self.is_open() {
            return;
        }
        match self.field {
            Field::Reason if self.reason.len() + c.len_utf8() <= MAX_REASON => self.reason.push(c),
            Field::Name if self.typed.len() < 128 => self.typed.push(c),
            Field::Passphrase => self.passphrase.push(c),
            Field::Rows | Field::Life => {
                let rows = self.field == Field::Rows;
                if let Some(counter) = &mut self.counter {
                    counter.write(c, rows, now);
                }
            }
            Field::Reason | Field::Name => {}
        }
    }

    /// Replaces what stands in a field, which is the one that is written then.
    pub(super) fn put(&mut self, field: Field, text: &str, now: Timestamp) {
        self.focus(field);
        if self.field != field || !self.is_open() {
            return;
        }
        self.erase_all(now);
        for c in text.chars() {
            self.write(if c.is_control() { ' ' } else { c }, now);
        }
    }

    pub(super) fn erase(&mut self, now: Timestamp) {
        if !self.is_open() {
            return;
        }
        self.erase_counter(false, now);
        match self.field {
            Field::Rows | Field::Life => {}
            Field::Reason => drop(self.reason.pop()),
            Field::Name => drop(self.typed.pop()),
            Field::Passphrase => drop(self.passphrase.0.pop()),
        }
    }

    pub(super) fn erase_passphrase(&mut self) {
        self.passphrase.clear();
    }

    fn erase_counter(&mut self, all: bool, now: Timestamp) {
        let rows = match self.field {
            Field::Rows => true,
            Field::Life => false,
            Field::Reason | Field::Name | Field::Passphrase => return,
        };
        if let (Some(counter), true) = (&mut self.counter, self.progress.is_writing()) {
            counter.erase(all, rows, now);
        }
    }

    pub(super) fn erase_all(&mut self, now: Timestamp) {
        if !self.is_open() {
            return;
        }
        self.erase_counter(true, now);
        match self.field {
            Field::Rows | Field::Life => {}
            Field::Reason => self.reason.clear(),
            Field::Name => self.typed.clear(),
            Field::Passphrase => self.passphrase.clear(),
        }
    }

    /// Writes the next of the usual reasons, unless the person wrote one.
    pub(super) fn preset(&mut self) {
        let known = DENIALS.iter().position(|preset| *preset == self.reason);
        let free = self.reason.is_empty() || known.is_some();
        if self.verdict != Verdict::Deny || !free || !self.is_open() {
            return;
        }
        let next = known.map_or(0, |at| (at + 1) % DENIALS.len());
        if let Some(preset) = DENIALS.get(next) {
            self.reason = (*preset).to_owned();
            self.field = Field::Reason;
        }
    }

    /// Takes a paste. A pasted name confirms nothing, so it is refused.
    pub(super) fn paste(&mut self, text: &str, now: Timestamp) {
        if self.field == Field::Name {
            self.notice = Some("type the name by hand: a paste confirms nothing".into());
            return;
        }
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            self.write(if c.is_control() { ' ' } else { c }, now);
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
