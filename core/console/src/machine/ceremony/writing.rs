//! Writing into the fields of a ceremony: letters, pastes, the usual reasons. What is too long is not taken, and nothing
//! is written once it is signed.

use countersign_protocol::decision::Verdict;
use countersign_protocol::moment::Timestamp;

use super::{Ceremony, Field};

/// The longest reason, in bytes.
const MAX_REASON: usize = 2000;

/// The usual reasons of a denial; the agent is told the reason.
pub const DENIALS: [&str; 6] = [
    "wrong target or environment",
    "wider than it has to be; ask for less",
    "the ticket or the reason does not match the change",
    "not now: a freeze or an incident is under way",
    "nobody asked for this",
    "cannot be judged from what is shown; split it or explain it",
];

impl Ceremony {
    pub(in crate::machine) fn step(&mut self, forward: bool) {
        let fields = self.fields();
        let at = fields.iter().position(|field| *field == self.field).unwrap_or(0);
        let next = if forward { at + 1 } else { at + fields.len() - 1 } % fields.len().max(1);
        self.field = fields.get(next).copied().unwrap_or(Field::Reason);
    }

    pub(in crate::machine) fn focus(&mut self, field: Field) {
        if self.fields().contains(&field) {
            self.field = field;
        }
    }

    pub(in crate::machine) fn write(&mut self, c: char, now: Timestamp) {
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
    pub(in crate::machine) fn put(&mut self, field: Field, text: &str, now: Timestamp) {
        self.focus(field);
        if self.field != field || !self.is_open() {
            return;
        }
        self.erase_all(now);
        for c in text.chars() {
            self.write(if c.is_control() { ' ' } else { c }, now);
        }
    }

    pub(in crate::machine) fn erase(&mut self, now: Timestamp) {
        if !self.is_open() {
            return;
        }
        self.erase_counter(false, now);
        match self.field {
            Field::Rows | Field::Life => {}
            Field::Reason => drop(self.reason.pop()),
            Field::Name => drop(self.typed.pop()),
            Field::Passphrase => self.passphrase.pop(),
        }
    }

    pub(in crate::machine) fn erase_passphrase(&mut self) {
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

    pub(in crate::machine) fn erase_all(&mut self, now: Timestamp) {
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
    pub(in crate::machine) fn preset(&mut self) {
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
    pub(in crate::machine) fn paste(&mut self, text: &str, now: Timestamp) {
        if self.field == Field::Name {
            self.notice = Some("type the name by hand: a paste confirms nothing".into());
            return;
        }
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            self.write(if c.is_control() { ' ' } else { c }, now);
        }
    }
}
