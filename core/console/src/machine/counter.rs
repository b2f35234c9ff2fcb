//! A counter-proposal while it is written: what is to be less, and what that changes about what was asked.
//!
//! The draft is worked out again with every character, by the same pure function that derives what is signed. An
//! order to sign names the action that was shown; when another one would be signed, nothing is. What the draft changes
//! has to have been on screen, all of it, before it can be signed.
//!
//! An editor gets the text with places for its secrets, unless they were revealed; what comes back is taken once every
//! place that is left in it is as it was.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::digest::ActionDigest;
use countersign_protocol::moment::Timestamp;
use countersign_review::secret::{Editable, Masks, Revealed};
use countersign_review::sheet::{LineRole, SheetLine};

use super::attention::{Attention, Position};
use super::message::Step;
use crate::amend::{Asked, Draft, Wanted, draft};

/// The longest number or duration that is typed.
const MAX_TYPED: usize = 12;

/// How many lines of the difference are turned at once where the room is not known.
const PAGE: usize = 2;

/// A counter-proposal while it is written.
#[derive(Debug, Clone)]
pub struct Counter {
    asked: Arc<Asked>,
    masks: Arc<Masks>,
    /// The most changed rows, as typed; empty keeps the bound.
    pub rows: String,
    /// How long from now anything may come of it, as typed; empty keeps the request's own end.
    pub life: String,
    /// The place of the difference that is on top.
    pub top: Position,
    /// What of the difference was on screen.
    pub attention: Attention,
    lines: Vec<SheetLine>,
    /// What an editor was given.
    given: Option<Editable>,
    /// What came back from it and could not be taken.
    refused: Option<Vec<u8>>,
    text: Option<Vec<u8>>,
    until: Option<Timestamp>,
    draft: Result<Box<Draft>, String>,
}

impl Counter {
    pub(super) fn to(asked: Arc<Asked>, masks: Arc<Masks>) -> Self {
        Self {
            asked,
            masks,
            rows: String::new(),
            life: String::new(),
            top: Position::default(),
            attention: Attention::default(),
            lines: Vec::new(),
            given: None,
            refused: None,
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

    /// What the draft changes, line by line; nothing while nothing is drafted.
    #[must_use]
    pub fn lines(&self) -> &[SheetLine] {
        if self.draft.is_ok() { &self.lines } else { &[] }
    }

    /// Turns a page of the difference.
    pub(super) fn turn(&mut self, step: Step) {
        let last = self.lines.len().saturating_sub(1);
        let line = match step {
            Step::Next => self.top.line.saturating_add(PAGE).min(last),
            Step::Previous => self.top.line.saturating_sub(PAGE),
        };
        self.top = Position { line, character: 0 };
    }

    /// Whether this action is the one that is drafted.
    pub(super) fn is_of(&self, action: ActionDigest) -> bool {
        self.draft().is_ok_and(|draft| draft.action_digest == action)
    }

    /// The text for an editor, without the secrets that were not revealed. What came back and could not be taken
    /// goes there again, so that nothing written is lost.
    pub(super) fn edit(&mut self, revealed: &Revealed) -> Option<Vec<u8>> {
        if let Some(refused) = &self.refused {
            return Some(refused.clone());
        }
        let given = self.masks.editable(self.text()?, revealed);
        let text = given.text().to_vec();
        self.given = Some(given);
        Some(text)
    }

    /// Takes what came back from the editor.
    ///
    /// # Errors
    /// Why it cannot be taken; it is kept, and goes to the editor the next time.
    pub(super) fn edited(&mut self, text: Vec<u8>, now: Timestamp) -> Result<(), String> {
        let whole = match &self.given {
            Some(given) => given.put_back(&text),
            None => Ok(text.clone()),
        };
        match whole {
            Ok(whole) => {
                self.given = None;
                self.refused = None;
                self.rewrite(whole, now);
                Ok(())
            }
            Err(error) => {
                self.refused = Some(text);
                Err(error.to_string())
            }
        }
    }

    fn rewrite(&mut self, text: Vec<u8>, now: Timestamp) {
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
        self.draft = self.life(now).and_then(|until| {
            self.until = until;
            let wanted = self.wanted()?;
            draft(&self.asked, &wanted)
                .map(Box::new)
                .map_err(|error| error.to_string())
        });
        // While a number is typed nothing is drafted; and what a shorter life changes is no line of the difference:
        // what was seen of the same lines stays seen.
        let lines = self.draft().map(|draft| shown(&draft.difference));
        if let Ok(lines) = lines
            && lines != self.lines
        {
            self.attention = Attention::new(&lines);
            self.top = Position::default();
            self.lines = lines;
        }
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

/// The lines of a difference as they are shown: without empty ones, since room is scarce.
fn shown(difference: &[SheetLine]) -> Vec<SheetLine> {
    let lines = difference.iter().filter(|line| line.role != LineRole::Blank);
    lines.cloned().collect()
}
