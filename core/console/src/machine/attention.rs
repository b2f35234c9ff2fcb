//! What of a sheet was on screen. A line counts once every character of it was, never before.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_protocol::decision;
use countersign_review::sheet::SheetLine;

/// A place in a pane: a line and a character of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// The line, from 0.
    pub line: usize,
    /// The character of the line, from 0.
    pub character: usize,
}

/// What of a sheet was on screen. A line counts once every character of it was, never before.
#[derive(Debug, Clone, Default)]
pub struct Attention {
    /// Where each line starts, and at last where the sheet ends; each line is one longer than its characters.
    starts: Vec<usize>,
    /// What was seen: starts of ranges that do not touch, with their ends.
    seen: BTreeMap<usize, usize>,
    whole: Vec<bool>,
    count: usize,
}

impl Attention {
    pub(super) fn new(sheet: &[SheetLine]) -> Self {
        let mut starts = Vec::with_capacity(sheet.len() + 1);
        let mut end = 0;
        starts.push(0);
        for line in sheet {
            end += line.text.chars().count() + 1;
            starts.push(end);
        }
        Self {
            starts,
            seen: BTreeMap::new(),
            whole: vec![false; sheet.len()],
            count: 0,
        }
    }

    /// Lines that were wholly on screen.
    #[must_use]
    pub const fn lines(&self) -> usize {
        self.count
    }

    /// Lines in all.
    #[must_use]
    pub fn of_lines(&self) -> usize {
        self.whole.len()
    }

    /// Whether every line was on screen.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.count == self.whole.len() && self.count > 0
    }

    /// Whether a line was wholly on screen.
    #[must_use]
    pub fn saw(&self, line: usize) -> bool {
        self.whole.get(line).copied().unwrap_or(false)
    }

    /// The first line that was not wholly on screen.
    #[must_use]
    pub fn first_unseen(&self) -> Option<usize> {
        self.whole.iter().position(|seen| !seen)
    }

    /// Takes in that everything from `from` up to, not including, `to` was on screen.
    pub(super) fn mark(&mut self, from: Position, to: Position) {
        let (Some(mut start), Some(mut end)) = (self.offset(from), self.offset(to)) else {
            return;
        };
        if start >= end {
            return;
        }
        let touching: Vec<(usize, usize)> = self
            .seen
            .range(..=end)
            .rev()
            .take_while(|(_, until)| **until >= start)
            .map(|(s, e)| (*s, *e))
            .collect();
        for (other, until) in touching {
            self.seen.remove(&other);
            start = start.min(other);
            end = end.max(until);
        }
        self.seen.insert(start, end);
        for line in from.line..=to.line {
            let (Some(first), Some(last)) = (self.starts.get(line), self.starts.get(line + 1)) else {
                break;
            };
            let covered = start <= *first && *last <= end;
            if let Some(whole) = self.whole.get_mut(line)
                && covered
                && !*whole
            {
                *whole = true;
                self.count += 1;
            }
        }
    }

    fn offset(&self, position: Position) -> Option<usize> {
        let start = *self.starts.get(position.line)?;
        let end = self.starts.get(position.line + 1).map_or(start, |next| next - 1);
        Some(start.saturating_add(position.character).min(end))
    }

    /// What a decision states of it.
    #[must_use]
    pub fn statement(&self, open_for: Duration) -> decision::Attention {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        decision::Attention::Shown {
            lines: number(self.lines()),
            of_lines: number(self.of_lines()),
            seconds: u32::try_from(open_for.as_secs()).unwrap_or(u32::MAX),
        }
    }
}
