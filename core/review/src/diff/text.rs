//! The exact line difference of two byte strings: Myers' algorithm over an index of lines.
//!
//! There is no deadline: with one, whoever pads a file until it runs out turns a one-line change into fog.
//! Sizes above the limits are refused instead ([`TooLarge`]). Only the changed ranges are kept; rows are made
//! for the window that is looked at. A line ends at a line feed; a carriage return before it and a missing
//! last line feed are part of what is compared and of what is shown.

use super::inline::{Inline, inline};
use crate::text::{Class, Mark, Span, escape_line};
use similar::{Algorithm, capture_diff_slices};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// The most bytes on one side.
pub const MAX_BYTES: usize = 64 << 20;

/// The most lines on one side.
pub const MAX_LINES: usize = 2_000_000;

/// A changed block with more lines than this on a side gets no marks inside its lines.
pub const MAX_INLINE_BLOCK: u32 = 200;

/// Why no exact difference is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {side} side has {size} {unit}, more than the {limit} that can be compared exactly; split the change into smaller ones"
)]
pub struct TooLarge {
    /// `before` or `after`.
    pub side: &'static str,
    /// `bytes` or `lines`.
    pub unit: &'static str,
    /// How many there are.
    pub size: usize,
    /// How many there may be.
    pub limit: usize,
}

/// The exact difference of two byte strings.
#[derive(Debug, Clone)]
pub struct TextDiff {
    before: Lines,
    after: Lines,
    changes: Vec<Change>,
}

/// One block of lines replaced by another; either may be empty, never both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Lines removed, counted from 0.
    pub before: Range<u32>,
    /// Lines added, counted from 0.
    pub after: Range<u32>,
    /// Added lines in all changes before this one.
    added_earlier: u32,
}

/// Changes that lie close together, with their context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Lines covered on the before side, counted from 0.
    pub before: Range<u32>,
    /// Lines covered on the after side, counted from 0.
    pub after: Range<u32>,
    /// The changes in it, as indexes into [`TextDiff::changes`].
    pub changes: Range<usize>,
    /// Rows it takes to show.
    pub rows: u32,
}

/// How much changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// Hunks at three lines of context.
    pub hunks: u32,
}

/// One line of the unified view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// What happened to the line.
    pub kind: RowKind,
    /// Its number on the before side, from 1.
    pub old_no: Option<u32>,
    /// Its number on the after side, from 1.
    pub new_no: Option<u32>,
    /// Its bytes without the line end.
    pub line: &'a [u8],
    /// Its line end.
    pub ending: Ending,
    /// The change it belongs to, as an index into [`TextDiff::changes`].
    pub change: Option<usize>,
}

/// What happened to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// It is the same on both sides.
    Context,
    /// It is only on the before side.
    Removed,
    /// It is only on the after side.
    Added,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A line feed.
    Lf,
    /// A carriage return and a line feed.
    CrLf,
    /// The end of the file.
    None,
}

impl TextDiff {
    /// Compares two byte strings line by line.
    ///
    /// # Errors
    /// [`TooLarge`] when a side has more than [`MAX_BYTES`] or [`MAX_LINES`].
    pub fn new(before: impl Into<Arc<[u8]>>, after: impl Into<Arc<[u8]>>) -> Result<Self, TooLarge> {
        let before = Lines::index(before.into(), "before")?;
        let after = Lines::index(after.into(), "after")?;
        let changes = compare(&before, &after);
        Ok(Self {
            before,
            after,
            changes,
        })
    }

    /// Returns the changed blocks in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns the bytes of both sides, as they came.
    pub fn sides(&self) -> [&[u8]; 2] {
        [&self.before.bytes, &self.after.bytes]
    }

    /// Says how much changed.
    pub fn stats(&self) -> Stats {
        Stats {
            added: self.changes.iter().map(|change| length(&change.after)).sum(),
            removed: self.changes.iter().map(|change| length(&change.before)).sum(),
            hunks: u32::try_from(self.hunks(3).len()).unwrap_or(u32::MAX),
        }
    }

    /// Groups the changes with `context` unchanged lines around each; overlapping groups are one hunk.
    pub fn hunks(&self, context: usize) -> Vec<Hunk> {
        let context = u32::try_from(context).unwrap_or(u32::MAX);
        let mut hunks: Vec<Hunk> = Vec::new();
        for (index, change) in self.changes.iter().enumerate() {
            let lead = context.min(change.before.start).min(change.after.start);
            let tail = context
                .min(self.before.count() - change.before.end)
                .min(self.after.count() - change.after.end);
            let before = change.before.start - lead..change.before.end + tail;
            let after = change.after.start - lead..change.after.end + tail;
            match hunks.last_mut() {
                Some(last) if last.before.end >= before.start => {
                    last.before.end = before.end;
                    last.after.end = after.end;
                    last.changes.end = index + 1;
                }
                _ => hunks.push(Hunk {
                    before,
                    after,
                    changes: index..index + 1,
                    rows: 0,
                }),
            }
        }
        for hunk in &mut hunks {
            hunk.rows = self.rows_of(hunk);
        }
        hunks
    }

    /// Returns the whole file as one hunk.
    pub fn whole(&self) -> Hunk {
        let mut hunk = Hunk {
            before: 0..self.before.count(),
            after: 0..self.after.count(),
            changes: 0..self.changes.len(),
            rows: 0,
        };
        hunk.rows = self.rows_of(&hunk);
        hunk
    }

    /// Returns `count` rows of a hunk from row `first` on; the cost depends on `count`, not on the hunk.
    pub fn window(&self, hunk: &Hunk, first: u32, count: u32) -> Vec<Row<'_>> {
        let end = first.saturating_add(count).min(hunk.rows);
        let mut rows = Vec::with_capacity(end.saturating_sub(first) as usize);
        let mut at = first;
        while at < end {
            let Some(row) = self.row(hunk, at) else { break };
            rows.push(row);
            at += 1;
        }
        rows
    }

    /// Returns the marks inside the `line`-th pair of a change, or `None` where there is no such pair or it is
    /// too large to mark.
    pub fn inline(&self, change: usize, line: u32) -> Option<Inline> {
        let change = self.changes.get(change)?;
        let (removed, added) = (length(&change.before), length(&change.after));
        if line >= removed.min(added) || removed.max(added) > MAX_INLINE_BLOCK {
            return None;
        }
        let (removed, _) = self.before.line(change.before.start + line)?;
        let (added, _) = self.after.line(change.after.start + line)?;
        inline(removed, added)
    }

    fn rows_of(&self, hunk: &Hunk) -> u32 {
        let changes = self.changes.get(hunk.changes.clone()).unwrap_or_default();
        length(&hunk.before) + changes.iter().map(|change| length(&change.after)).sum::<u32>()
    }

    /// Finds one row of a hunk by binary search over its changes.
    fn row(&self, hunk: &Hunk, at: u32) -> Option<Row<'_>> {
        let changes = self.changes.get(hunk.changes.clone())?;
        let added_before_hunk = changes.first().map_or(0, |change| change.added_earlier);
        let start = |change: &Change| {
            change.before.start - hunk.before.start + change.added_earlier - added_before_hunk
        };
        let later = changes.partition_point(|change| start(change) <= at);
        let Some((index, change)) = later.checked_sub(1).and_then(|i| Some((i, changes.get(i)?))) else {
            return self.context(hunk.before.start + at, hunk.after.start + at);
        };
        let inside = at - start(change);
        let (removed, added) = (length(&change.before), length(&change.after));
        if inside < removed {
            self.changed(
                RowKind::Removed,
                change.before.start + inside,
                hunk.changes.start + index,
            )
        } else if inside - removed < added {
            self.changed(
                RowKind::Added,
                change.after.start + inside - removed,
                hunk.changes.start + index,
            )
        } else {
            let beyond = inside - removed - added;
            self.context(change.before.end + beyond, change.after.end + beyond)
        }
    }

    fn context(&self, old: u32, new: u32) -> Option<Row<'_>> {
        let (line, ending) = self.after.line(new)?;
        let (old_no, new_no) = (Some(old + 1), Some(new + 1));
        Some(Row {
            kind: RowKind::Context,
            old_no,
            new_no,
            line,
            ending,
            change: None,
        })
    }

    fn changed(&self, kind: RowKind, number: u32, change: usize) -> Option<Row<'_>> {
        let side = if kind == RowKind::Removed {
            &self.before
        } else {
            &self.after
        };
        let (line, ending) = side.line(number)?;
        let number = Some(number + 1);
        let (old_no, new_no) = if kind == RowKind::Removed {
            (number, None)
        } else {
            (None, number)
        };
        Some(Row {
            kind,
            old_no,
            new_no,
            line,
            ending,
            change: Some(change),
        })
    }
}

impl Row<'_> {
    /// Returns the line as it is to be shown, its unusual line end included.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = escape_line(self.line);
        let ending = match self.ending {
            Ending::Lf => return spans,
            Ending::CrLf => "⟦CR⟧",
            Ending::None => "⟦no newline at end of file⟧",
        };
        spans.push(Span {
            text: ending.to_owned(),
            mark: Mark::Escape(Class::Control),
        });
        spans
    }
}

/// Where each line begins, over bytes that are shared, not copied.
#[derive(Debug, Clone)]
struct Lines {
    bytes: Arc<[u8]>,
    /// The start of every line, and at last the end of the bytes.
    starts: Vec<u32>,
}

impl Lines {
    fn index(bytes: Arc<[u8]>, side: &'static str) -> Result<Self, TooLarge> {
        if bytes.len() > MAX_BYTES {
            return Err(TooLarge {
                side,
                unit: "bytes",
                size: bytes.len(),
                limit: MAX_BYTES,
            });
        }
        let feeds = bytes.iter().filter(|byte| **byte == b'\n').count();
        let size = feeds + usize::from(bytes.last().is_some_and(|byte| *byte != b'\n'));
        if size > MAX_LINES {
            return Err(TooLarge {
                side,
                unit: "lines",
                size,
                limit: MAX_LINES,
            });
        }
        let mut starts = Vec::with_capacity(size + 1);
        starts.push(0);
        // No number here can pass MAX_BYTES, which fits.
        let ends = (1u32..)
            .zip(bytes.iter())
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(end, _)| end);
        starts.extend(ends);
        if bytes.last().is_some_and(|byte| *byte != b'\n') {
            starts.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
        Ok(Self { bytes, starts })
    }

    fn count(&self) -> u32 {
        u32::try_from(self.starts.len() - 1).unwrap_or(u32::MAX)
    }

    /// Returns a line with its line end.
    fn raw(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        let (start, end) = (*self.starts.get(number)?, *self.starts.get(number + 1)?);
        self.bytes.get(start as usize..end as usize)
    }

    fn line(&self, number: u32) -> Option<(&[u8], Ending)> {
        let raw = self.raw(number)?;
        Some(if let Some(line) = raw.strip_suffix(b"\r\n") {
            (line, Ending::CrLf)
        } else if let Some(line) = raw.strip_suffix(b"\n") {
            (line, Ending::Lf)
        } else {
            (raw, Ending::None)
        })
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        (0..self.starts.len() - 1).map(|number| self.raw(number as u32).unwrap_or_default())
    }
}

/// Finds the changed blocks.
fn compare(before: &Lines, after: &Lines) -> Vec<Change> {
    let shorter = before.count().min(after.count()) as usize;
    let same_head = before
        .iter()
        .zip(after.iter())
        .take_while(|(old, new)| old == new)
        .count();
    let same_tail = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take(shorter - same_head)
        .take_while(|(old, new)| old == new)
        .count();
    let middle = |lines: &Lines| same_head..lines.count() as usize - same_tail;
    let (old, new) = number(before, middle(before), after, middle(after));

    let mut changes: Vec<Change> = Vec::new();
    let mut added_earlier = 0;
    // Myers only: Histogram is quadratic when every second line changes.
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let (tag, old, new) = op.as_tag_tuple();
        if tag == similar::DiffTag::Equal {
            continue;
        }
        let range = |range: Range<usize>| (range.start + same_head) as u32..(range.end + same_head) as u32;
        let (before, after) = (range(old), range(new));
        let added = length(&after);
        match changes.last_mut() {
            Some(last) if last.before.end == before.start && last.after.end == after.start => {
                last.before.end = before.end;
                last.after.end = after.end;
            }
            _ => changes.push(Change {
                before,
                after,
                added_earlier,
            }),
        }
        added_earlier += added;
    }
    changes
}

/// Replaces each line by a small number, equal lines by equal numbers; the algorithm then compares numbers.
fn number<'a>(
    before: &'a Lines,
    old: Range<usize>,
    after: &'a Lines,
    new: Range<usize>,
) -> (Vec<u32>, Vec<u32>) {
    // The map is only looked up, never walked, so its random order reaches no result; its keyed hash keeps
    // crafted lines from colliding.
    let mut known: HashMap<&'a [u8], u32> = HashMap::new();
    let mut assign = |line| {
        let next = known.len() as u32;
        *known.entry(line).or_insert(next)
    };
    let old = before
        .iter()
        .skip(old.start)
        .take(old.len())
        .map(&mut assign)
        .collect();
    let new = after
        .iter()
        .skip(new.start)
        .take(new.len())
        .map(&mut assign)
        .collect();
    (old, new)
}

fn length(range: &Range<u32>) -> u32 {
    range.end.saturating_sub(range.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn diff(before: &str, after: &str) -> TextDiff {
        TextDiff::new(before.as_bytes(), after.as_bytes()).unwrap()
    }

    fn shown(diff: &TextDiff, hunk: &Hunk) -> Vec<String> {
        diff.window(hunk, 0, u32::MAX)
            .iter()
            .map(|row| {
                let sign = match row.kind {
                    RowKind::Context => ' ',
                    RowKind::Removed => '-',
                    RowKind::Added => '+',
                };
                format!("{sign}{}", crate::text::spans_to_string(&row.spans()))
            })
            .collect()
    }

    /// Rebuilds a side from the rows of the whole view.
    fn rebuild(diff: &TextDiff, without: RowKind) -> Vec<u8> {
        let whole = diff.whole();
        let mut bytes = Vec::new();
        for row in diff.window(&whole, 0, whole.rows) {
            if row.kind != without {
                bytes.extend_from_slice(row.line);
                bytes.extend_from_slice(match row.ending {
                    Ending::Lf => b"\n",
                    Ending::CrLf => b"\r\n",
                    Ending::None => b"",
                });
            }
        }
        bytes
    }

    #[test]
    fn a_changed_line_is_shown_with_its_context() {
        let diff = diff("a\nb\nc\nd\ne\n", "a\nb\nX\nd\ne\n");
        let hunks = diff.hunks(1);
        assert_eq!(hunks.len(), 1);
        assert_eq!(shown(&diff, &hunks[0]), [" b", "-c", "+X", " d"]);
        let rows = diff.window(&hunks[0], 1, 2);
        assert_eq!((rows[0].old_no, rows[0].new_no), (Some(3), None));
        assert_eq!((rows[1].old_no, rows[1].new_no), (None, Some(3)));
        assert_eq!(
            diff.stats(),
            Stats {
                added: 1,
                removed: 1,
                hunks: 1
            }
        );
    }

    #[test]
    fn far_changes_are_two_hunks_and_near_ones_are_one() {
        let before: String = (0..40).map(|n| format!("{n}\n")).collect();
        let far = before.replace("3\n", "x\n").replace("30\n", "y\n");
        assert_eq!(
            diff(&before, &far).hunks(3).last().unwrap().changes.end,
            diff(&before, &far).changes().len()
        );
        let near = before.replacen("10\n", "x\n", 1).replacen("15\n", "y\n", 1);
        assert_eq!(diff(&before, &near).hunks(3).len(), 1);
        assert_eq!(diff(&before, &near).hunks(1).len(), 2);
    }

    #[test]
    fn line_ends_are_compared_and_visible() {
        let diff = diff("a\nb\n", "a\r\nb");
        assert_eq!(
            shown(&diff, &diff.whole()),
            ["-a", "-b", "+a⟦CR⟧", "+b⟦no newline at end of file⟧"]
        );
    }

    #[test]
    fn equal_and_empty_inputs_have_no_changes() {
        assert_eq!(diff("a\n", "a\n").stats(), Stats::default());
        assert_eq!(diff("", "").whole().rows, 0);
        assert_eq!(
            diff("", "a\n").stats(),
            Stats {
                added: 1,
                removed: 0,
                hunks: 1
            }
        );
    }

    #[test]
    fn too_many_lines_are_refused_by_name() {
        let many = vec![b'\n'; MAX_LINES + 1];
        let error = TextDiff::new(&b""[..], many).unwrap_err();
        assert_eq!(
            (error.side, error.unit, error.size),
            ("after", "lines", MAX_LINES + 1)
        );
    }

    #[test]
    fn marks_inside_lines_are_made_for_pairs_only() {
        let diff = diff("size = 10\n", "size = 200\nmore\n");
        assert_eq!(diff.inline(0, 0).unwrap().added.first(), Some(&(7..10)));
        assert_eq!(diff.inline(0, 1), None);
        assert_eq!(diff.inline(9, 0), None);
    }

    fn file() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec!["a\n", "b\n", "c\r\n", "{\n", "}\n", "\n", "x"]);
        prop::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn applied_to_before_it_gives_after(before in file(), after in file()) {
            let diff = diff(&before, &after);
            prop_assert_eq!(rebuild(&diff, RowKind::Added), before.as_bytes());
            prop_assert_eq!(rebuild(&diff, RowKind::Removed), after.as_bytes());
            for change in diff.changes() {
                prop_assert!(!change.before.is_empty() || !change.after.is_empty());
            }
        }

        #[test]
        fn hunks_hold_every_change_once_and_windows_agree(
            before in file(), after in file(), context in 0usize..5, first in 0u32..30, count in 0u32..10
        ) {
            let diff = diff(&before, &after);
            let hunks = diff.hunks(context);
            let covered: Vec<usize> = hunks.iter().flat_map(|hunk| hunk.changes.clone()).collect();
            prop_assert_eq!(covered, (0..diff.changes().len()).collect::<Vec<_>>());
            for hunk in &hunks {
                let all = diff.window(hunk, 0, u32::MAX);
                prop_assert_eq!(all.len(), hunk.rows as usize);
                let part: Vec<_> = all.into_iter().skip(first as usize).take(count as usize).collect();
                prop_assert_eq!(diff.window(hunk, first, count), part);
            }
        }
    }
}
