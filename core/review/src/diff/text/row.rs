//! Rows of the unified view: one line each, made for the window that is looked at.

use super::{Change, Hunk, TextDiff, length};
use crate::text::{Class, Mark, Span, escape_line};

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
    /// The number on the other side, from 1, of the same line, where it is part of a block that was moved.
    pub moved: Option<u32>,
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
    /// Returns `count` rows of a hunk from row `first` on; the cost depends on `count`, not on the hunk.
    pub fn window(&self, hunk: &Hunk, first: u32, count: u32) -> Vec<Row<'_>> {
        let end = first.saturating_add(count).min(hunk.rows);
        let mut rows = Vec::with_capacity(end.saturating_sub(first) as usize);
        let changes = self.changes.get(hunk.changes.clone()).unwrap_or_default();
        let added_before_hunk = changes.first().map_or(0, |change| change.added_earlier);
        let start = |change: &Change| {
            change.before.start - hunk.before.start + change.added_earlier - added_before_hunk
        };
        // The first change is searched for; from there on they follow each other.
        let mut later = changes.partition_point(|change| start(change) <= first);
        for at in first..end {
            while changes.get(later).is_some_and(|change| start(change) <= at) {
                later += 1;
            }
            let change = later.checked_sub(1).and_then(|index| {
                let change = changes.get(index)?;
                Some((hunk.changes.start + index, change, at - start(change)))
            });
            let Some(row) = self.row(hunk, at, change) else {
                break;
            };
            rows.push(row);
        }
        rows
    }

    /// Returns where a row begins on its side: that before for a removed one, else that after.
    pub fn start_of(&self, row: &Row<'_>) -> usize {
        let (side, number) = match row.kind {
            RowKind::Removed => (&self.before, row.old_no),
            RowKind::Added | RowKind::Context => (&self.after, row.new_no),
        };
        let number = number.and_then(|number| number.checked_sub(1));
        number
            .and_then(|number| side.start(number))
            .unwrap_or(side.bytes.len())
    }

    /// Makes one row of a hunk, from the last change that begins at it or above, and how far below that it is.
    fn row(&self, hunk: &Hunk, at: u32, change: Option<(usize, &Change, u32)>) -> Option<Row<'_>> {
        let Some((index, change, inside)) = change else {
            return self.context(hunk.before.start + at, hunk.after.start + at);
        };
        let (removed, added) = (length(&change.before), length(&change.after));
        if inside < removed {
            self.changed(RowKind::Removed, change.before.start + inside, index)
        } else if inside - removed < added {
            self.changed(RowKind::Added, change.after.start + inside - removed, index)
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
            moved: None,
        })
    }

    fn changed(&self, kind: RowKind, number: u32, change: usize) -> Option<Row<'_>> {
        let side = if kind == RowKind::Removed {
            &self.before
        } else {
            &self.after
        };
        let (line, ending) = side.line(number)?;
        let moved = self.moved_line(kind, number);
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
            moved,
        })
    }

    /// Returns the number, from 1, that a line has on the other side if it was moved there.
    fn moved_line(&self, kind: RowKind, number: u32) -> Option<u32> {
        let (own, other) = if kind == RowKind::Removed {
            let later = self.moved_by_old.partition_point(|index| {
                self.moved
                    .get(*index)
                    .is_some_and(|block| block.before.start <= number)
            });
            let block = self.moved.get(*self.moved_by_old.get(later.checked_sub(1)?)?)?;
            (&block.before, &block.after)
        } else {
            let later = self.moved.partition_point(|block| block.after.start <= number);
            let block = self.moved.get(later.checked_sub(1)?)?;
            (&block.after, &block.before)
        };
        own.contains(&number)
            .then(|| other.start + (number - own.start) + 1)
    }
}

impl Row<'_> {
    /// Returns the line as it is to be shown, its unusual line end included.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = escape_line(self.line);
        spans.extend(self.ending_span());
        spans
    }

    /// Returns its line end, where that is an unusual one.
    pub fn ending_span(&self) -> Option<Span> {
        let ending = match self.ending {
            Ending::Lf => return None,
            Ending::CrLf => "⟦CR⟧",
            Ending::None => "⟦no newline at end of file⟧",
        };
        Some(Span {
            text: ending.to_owned(),
            mark: Mark::Escape(Class::Control),
        })
    }
}
