//! What of a sheet was on screen. A line counts once every character of it was, never before.

use std::collections::BTreeMap;
use std::ops::Range;
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

/// How long lines have to stay on screen before they count, where a surface that is not trusted says that they do.
pub const DWELL: Duration = Duration::from_millis(250);
/// The most lines that fit on a screen at once; a claim of more is none.
const MAX_ON_SCREEN: usize = 250;

/// What of a sheet was on screen. A line counts once every character of it was, never before.
#[derive(Debug, Clone, Default)]
pub struct Attention {
    /// Where each line starts, and at last where the sheet ends; each line is one longer than its characters.
    starts: Vec<usize>,
    /// What was seen: starts of ranges that do not touch, with their ends.
    seen: BTreeMap<usize, usize>,
    whole: Vec<bool>,
    count: usize,
    /// Lines that a surface which is not trusted was given; no others can have been on its screen.
    given: Vec<bool>,
    /// What such a surface says is on screen now.
    showing: Vec<Stretch>,
}

/// A stretch of a sheet that is said to be on screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    start: usize,
    end: usize,
    since: Duration,
    counted: bool,
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
            given: vec![false; sheet.len()],
            showing: Vec::new(),
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
        if let (Some(start), Some(end)) = (self.offset(from), self.offset(to)) {
            self.mark_stretch(start, end);
        }
    }

    fn mark_stretch(&mut self, mut start: usize, mut end: usize) {
        if start >= end {
            return;
        }
        // Only lines that this stretch touches can become whole by it.
        let first = self
            .starts
            .partition_point(|line| *line <= start)
            .saturating_sub(1);
        let last = self.starts.partition_point(|line| *line < end);
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
        for line in first..last {
            let (Some(from), Some(to)) = (self.starts.get(line), self.starts.get(line + 1)) else {
                break;
            };
            let covered = start <= *from && *to <= end;
            if let Some(whole) = self.whole.get_mut(line)
                && covered
                && !*whole
            {
                *whole = true;
                self.count += 1;
            }
        }
    }

    /// Takes in that a surface was given lines; only those can ever be on its screen.
    pub(super) fn give(&mut self, lines: Range<usize>) {
        for given in self.given.iter_mut().take(lines.end).skip(lines.start) {
            *given = true;
        }
    }

    /// Takes in what a surface says is on its screen from now on. What was on it before and still is goes on; lines
    /// that it was not given, or more than fit on a screen, are no claim at all.
    pub(super) fn show(&mut self, from: Position, to: Position, now: Duration) {
        let before = std::mem::take(&mut self.showing);
        let (Some(start), Some(end)) = (self.offset(from), self.offset(to)) else {
            return;
        };
        let last = if to.character == 0 {
            to.line
        } else {
            to.line.saturating_add(1)
        };
        let given = self
            .given
            .get(from.line..last)
            .is_some_and(|lines| lines.iter().all(|given| *given));
        if start >= end || last.saturating_sub(from.line) > MAX_ON_SCREEN || !given {
            return;
        }
        let mut at = start;
        for old in before {
            let (first, until) = (old.start.max(at), old.end.min(end));
            if first < until {
                self.showing.extend(Stretch::new(at, first, now));
                self.showing.push(Stretch {
                    start: first,
                    end: until,
                    ..old
                });
                at = until;
            }
        }
        self.showing.extend(Stretch::new(at, end, now));
    }

    /// Nothing of it is on screen any more.
    pub(super) fn cover(&mut self) {
        self.showing.clear();
    }

    /// Counts what stayed on screen long enough.
    pub(super) fn dwell(&mut self, now: Duration) {
        let mut due = Vec::new();
        for stretch in &mut self.showing {
            if !stretch.counted && now.saturating_sub(stretch.since) >= DWELL {
                stretch.counted = true;
                due.push((stretch.start, stretch.end));
            }
        }
        for (start, end) in due {
            self.mark_stretch(start, end);
        }
    }

    /// How long until what is on screen counts; nothing where all of it does.
    pub(super) fn next_dwell(&self, now: Duration) -> Option<Duration> {
        let waiting = self.showing.iter().filter(|stretch| !stretch.counted);
        waiting
            .map(|stretch| stretch.since.saturating_add(DWELL).saturating_sub(now))
            .min()
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

impl Stretch {
    /// A stretch that begins to be on screen; nothing where it is empty.
    const fn new(start: usize, end: usize, since: Duration) -> Option<Self> {
        if start < end {
            Some(Self {
                start,
                end,
                since,
                counted: false,
            })
        } else {
            None
        }
    }
}
