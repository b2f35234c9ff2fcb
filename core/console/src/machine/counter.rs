//! A counter-proposal while it is written: what is to be less, and what that changes about what was asked.
//!
//! The draft is worked out again with every character, by the same pure function that derives what is signed. An
//! order to sign names the action that was shown; when another one would be signed, nothing is.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::moment::Timestamp;

use super::message::Step;
use crate::amend::{Asked, Draft, Wanted, draft};

/// The longest number or duration that is typed.
const MAX_TYPED: usize = 12;
/// How many lines of the difference are turned at once; fewer than fit on the smallest screen.
const PAGE: usize = 2;

/// A counter-proposal while it is written.
#[derive(Debug, Clone)]
pub struct Counter {
    asked: Arc<Asked>,
    /// The most changed rows, as typed; empty keeps the bound.
    pub rows: String,
    /// How long from now anything may come of it, as typed; empty keeps the request's own end.
    pub life: String,
    /// The first line of the difference that is on screen.
    pub first: usize,
    text: Option<Vec<u8>>,
    until: Option<Timestamp>,
    draft: Result<Box<Draft>, String>,
}

impl Counter {
    pub(super) fn to(asked: Arc<Asked>) -> Self {
        Self {
            asked,
            rows: String::new(),
            life: String::new(),
            first: 0,
            text: None,
            until: None,
            draft: Err("nothing is changed yet".to_owned()),
        }
    }

    /// What would be signed; or why nothing would.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn draft(&self) -> Result<&Draft, &str> {
        self.draft.as_deref().map_err(String::as_str)
    }

    /// The bound of changed rows that was asked for, where there is one.
    #[must_use]
    pub fn max_rows(&self) -> Option<u64> {
        self.asked.max_rows()
    }

    /// The text that can be rewritten, as it is by now.
    #[must_use]
    pub fn text(&self) -> Option<&[u8]> {
        self.text.as_deref().or_else(|| self.asked.text())
    }

    /// What the person wants, as far as it can be read.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn wanted(&self) -> Result<Wanted, String> {
        let rows = self.rows.trim();
        let max_rows = match rows {
            "" => None,
            rows => Some(
                rows.parse()
                    .map_err(|_| format!("`{rows}` is no number of rows"))?,
            ),
        };
        Ok(Wanted {
            text: self.text.clone(),
            max_rows,
            without: Vec::new(),
            until: self.until,
        })
    }

    /// Turns a page of the difference.
    pub(super) fn turn(&mut self, step: Step) {
        let last = self
            .draft()
            .map_or(0, |draft| draft.difference.len().saturating_sub(1));
        self.first = match step {
            Step::Next => self.first.saturating_add(PAGE).min(last),
            Step::Previous => self.first.saturating_sub(PAGE),
        };
    }

    pub(super) fn rewrite(&mut self, text: Vec<u8>, now: Timestamp) {
        let same = self.asked.text().is_some_and(|asked| asked == text);
        self.text = (!same).then_some(text);
        self.work_out(now);
    }

    pub(super) fn write(&mut self, c: char, rows: bool, now: Timestamp) {
        let typed = if rows { &mut self.rows } else { &mut self.life };
        if c.is_ascii_alphanumeric() && typed.len() < MAX_TYPED {
            typed.push(c);
            self.work_out(now);
        }
    }

    pub(super) fn erase(&mut self, all: bool, rows: bool, now: Timestamp) {
        let typed = if rows { &mut self.rows } else { &mut self.life };
        if all {
            typed.clear();
        } else {
            typed.pop();
        }
        self.work_out(now);
    }

    fn work_out(&mut self, now: Timestamp) {
        self.first = 0;
        self.draft = self.life(now).and_then(|until| {
            self.until = until;
            let wanted = self.wanted()?;
            draft(&self.asked, &wanted)
                .map(Box::new)
                .map_err(|error| error.to_string())
        });
    }

    fn life(&self, now: Timestamp) -> Result<Option<Timestamp>, String> {
        let life = self.life.trim();
        if life.is_empty() {
            return Ok(None);
        }
        let wrong = || format!("`{life}` is no duration; write `90s`, `30m` or `2h`");
        let (number, unit) = life
            .split_at_checked(life.len().saturating_sub(1))
            .ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let seconds = match unit {
            "s" => Some(number),
            "m" => number.checked_mul(60),
            "h" => number.checked_mul(3600),
            _ => None,
        };
        let seconds = seconds.filter(|seconds| (1..=366 * 24 * 3600).contains(seconds));
        seconds
            .map(|seconds| Some(now.after(Duration::from_secs(seconds))))
            .ok_or_else(wrong)
    }
}
