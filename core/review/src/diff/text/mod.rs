//! The exact line difference of two byte strings, over an index of lines.
//!
//! There is no deadline: with one, whoever pads a file until it runs out turns a one-line change into fog.
//! Sizes above the limits are refused instead ([`TooLarge`]). Only the changed ranges are kept; rows are made
//! for the window that is looked at. A line ends at a line feed; a carriage return before it and a missing
//! last line feed are part of what is compared and of what is shown.

mod row;

pub use row::{Ending, Row, RowKind};

use super::block::compare;
use super::inline::{Inline, inline};
use super::line::Lines;
use std::ops::Range;
use std::sync::Arc;

/// The most bytes on one side.
pub const MAX_BYTES: usize = 64 << 20;

/// The most lines on one side.
pub const MAX_LINES: usize = 2_000_000;

/// A changed block with more lines than this on a side gets no marks inside its lines.
pub const MAX_INLINE_BLOCK: u32 = 200;

/// The bytes of one side: shared by all who read them, never copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes(Arc<Vec<u8>>);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

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
    moved: Vec<Moved>,
    /// The blocks of `moved` by their place on the before side.
    moved_by_old: Vec<usize>,
    spaces: Spaces,
}

/// What white space means to a comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spaces {
    /// Every byte counts.
    #[default]
    Exact,
    /// Lines are the same when they are but for ASCII white space, line ends included. In many languages white
    /// space has a meaning: this is a second look, never the only one.
    Ignored,
}

/// A block of lines that was removed in one place and added in another, line for line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Lines on the before side, counted from 0.
    pub before: Range<u32>,
    /// Lines on the after side, counted from 0.
    pub after: Range<u32>,
}

/// One block of lines replaced by another; either may be empty, never both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Lines removed, counted from 0.
    pub before: Range<u32>,
    /// Lines added, counted from 0.
    pub after: Range<u32>,
    /// Added lines in all changes before this one.
    pub(super) added_earlier: u32,
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

impl TextDiff {
    /// Compares two byte strings line by line.
    ///
    /// # Errors
    /// [`TooLarge`] when a side has more than [`MAX_BYTES`] or [`MAX_LINES`].
    pub fn new(before: impl Into<Bytes>, after: impl Into<Bytes>) -> Result<Self, TooLarge> {
        let before = Lines::index(before.into(), "before")?;
        let after = Lines::index(after.into(), "after")?;
        Ok(Self::of(before, after, Spaces::Exact))
    }

    /// Compares the same bytes again with another meaning of white space. The bytes are shared, not copied.
    #[must_use]
    pub fn with_spaces(&self, spaces: Spaces) -> Self {
        Self::of(self.before.clone(), self.after.clone(), spaces)
    }

    fn of(before: Lines, after: Lines, spaces: Spaces) -> Self {
        let (changes, moved) = compare(&before, &after, spaces);
        let mut moved_by_old: Vec<usize> = (0..moved.len()).collect();
        moved_by_old.sort_by_key(|index| moved.get(*index).map(|block| block.before.start));
        Self {
            before,
            after,
            changes,
            moved,
            moved_by_old,
            spaces,
        }
    }

    /// Returns what white space means to this comparison; a view of anything but [`Spaces::Exact`] must say so.
    pub fn spaces(&self) -> Spaces {
        self.spaces
    }

    /// Returns the blocks that were moved, in the order of the after side.
    pub fn moved(&self) -> &[Moved] {
        &self.moved
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
}

/// Returns how many lines a range holds.
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

    #[test]
    fn a_block_that_moved_is_marked_on_both_sides() {
        let block: String = (0..5).map(|n| format!("moved {n}\n")).collect();
        let rest: String = (0..30).map(|n| format!("rest {n}\n")).collect();
        let diff = diff(&format!("{block}{rest}"), &format!("{rest}new\n{block}"));
        assert_eq!(
            diff.moved(),
            [Moved {
                before: 0..5,
                after: 31..36
            }]
        );
        let whole = diff.whole();
        let rows = diff.window(&whole, 0, u32::MAX);
        assert_eq!((rows[0].kind, rows[0].moved), (RowKind::Removed, Some(32)));
        assert_eq!((rows[40].kind, rows[40].moved), (RowKind::Added, Some(5)));
        assert_eq!(rows.iter().filter(|row| row.moved.is_some()).count(), 10);
    }

    #[test]
    fn white_space_can_be_looked_past_but_is_not_by_itself() {
        let exact = diff("a: 1\nb:  2\nc\n", "a:\t1\r\n  b: 2\nd\n");
        assert_eq!((exact.spaces(), exact.stats().added), (Spaces::Exact, 3));
        let loose = exact.with_spaces(Spaces::Ignored);
        assert_eq!((loose.spaces(), loose.stats().added), (Spaces::Ignored, 1));
        assert_eq!(loose.with_spaces(Spaces::Exact).changes(), exact.changes());
    }

    #[test]
    fn a_small_change_in_a_large_file_stays_small() {
        let lines =
            |from: u32, to: u32| -> String { (from..to).map(|n| format!("line {n}\n}}\n")).collect() };
        let before = lines(0, 20_000);
        // A block of 100 pairs moves to the front, one pair goes, one line is new.
        let after =
            lines(15_000, 15_100) + &lines(0, 7) + &lines(8, 15_000) + "new\n" + &lines(15_100, 20_000);
        let stats = diff(&before, &after).stats();
        assert_eq!((stats.removed, stats.added), (202, 201));
    }

    /// Lines of which most are unique, cut into blocks that change places.
    fn blocks() -> impl Strategy<Value = (String, String)> {
        let block = (0u32..12, 0u32..30, any::<bool>());
        (0u32..300, prop::collection::vec(block, 0..12)).prop_map(|(count, blocks)| {
            let line = |n: u32| {
                if n.is_multiple_of(7) {
                    "}\n".to_owned()
                } else {
                    format!("{n}\n")
                }
            };
            let before = (0..count).map(line).collect();
            let after = blocks
                .iter()
                .flat_map(|(from, length, odd)| {
                    let last = if *odd { Some("odd\n".to_owned()) } else { None };
                    (from * 25..from * 25 + length).map(line).chain(last)
                })
                .collect();
            (before, after)
        })
    }

    fn file() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec!["a\n", "b\n", "c\r\n", "{\n", "}\n", "\n", "x"]);
        prop::collection::vec(line, 0..40).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn blocks_that_change_places_lose_nothing((before, after) in blocks()) {
            let diff = diff(&before, &after);
            prop_assert_eq!(rebuild(&diff, RowKind::Added), before.as_bytes());
            prop_assert_eq!(rebuild(&diff, RowKind::Removed), after.as_bytes());
            let line = |text: &str, number: u32| text.lines().nth(number as usize).map(str::to_owned);
            for block in diff.moved() {
                for (old, new) in block.before.clone().zip(block.after.clone()) {
                    prop_assert_eq!(line(&before, old), line(&after, new));
                }
            }
            let whole = diff.whole();
            let marked: usize = diff.moved().iter().map(|block| block.before.len() + block.after.len()).sum();
            let rows = diff.window(&whole, 0, whole.rows);
            prop_assert_eq!(rows.iter().filter(|row| row.moved.is_some()).count(), marked);
        }

        #[test]
        fn looking_past_white_space_changes_nothing_else(before in file(), after in file()) {
            let diff = diff(&before, &after).with_spaces(Spaces::Ignored);
            prop_assert_eq!(rebuild(&diff, RowKind::Removed), after.as_bytes());
            let bare = |text: &str| text.replace([' ', '\r', '\n', '\t'], "");
            if bare(&before) != bare(&after) {
                prop_assert!(!diff.changes().is_empty());
            }
        }

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
