//! A document that changes, as lines that can be asked for one by one: whole or folded, one side under the other
//! or both beside each other. The cost of a line does not depend on the size of the document.

mod places;

use std::sync::Arc;

use countersign_review::diff::structure::{self, Structure};
use countersign_review::diff::text::{Bytes, Change, Hunk, Row, Stats, TextDiff};
use countersign_review::findings::Side;
use countersign_review::secret::{Covers, Masks};
use countersign_review::text::{Span, Untrusted};

use places::{Places, added, height, removed};

/// Unchanged lines around a change that are shown where the rest is folded away.
const CONTEXT: usize = 3;
/// Lines of the pane besides those of the document: its title, and a blank at the end.
const FRAME: usize = 2;

/// How a document is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Whether unchanged parts are folded away.
    pub folded: bool,
    /// Whether both sides stand beside each other.
    pub beside: bool,
}

/// One document that changes.
#[derive(Debug, Clone)]
pub struct ChangedDocument {
    /// What it is called.
    pub title: Untrusted,
    /// The exact difference.
    pub diff: Arc<TextDiff>,
    /// All of it as one hunk.
    pub whole: Hunk,
    /// How much changed.
    pub stats: Stats,
    /// The same change by paths and values, where it was computed.
    pub structure: Option<Arc<Structure>>,
    /// Which of the two states there are; one that is not is no empty document.
    exists: [bool; 2],
    hidden: Option<Arc<Hidden>>,
    places: Arc<Places>,
}

/// What of a document is masked.
#[derive(Debug)]
struct Hidden {
    masks: Arc<Masks>,
    covers: Arc<Covers>,
}

/// One line of a document.
#[derive(Debug)]
pub enum DocumentLine<'a> {
    /// Its title.
    Title,
    /// Unchanged lines that are folded away.
    Fold(u32),
    /// A line of one side, or of both where they are the same.
    One(Row<'a>),
    /// A line of each side.
    Pair(Option<Row<'a>>, Option<Row<'a>>),
    /// Nothing.
    Blank,
}

impl ChangedDocument {
    /// A document with its difference.
    #[must_use]
    pub fn new(title: impl Into<Untrusted>, diff: impl Into<Arc<TextDiff>>) -> Self {
        let diff = diff.into();
        let whole = diff.whole();
        let hunks = diff.hunks(CONTEXT);
        let changed = diff.changes();
        let stats = Stats {
            added: changed.iter().map(added).sum(),
            removed: changed.iter().map(removed).sum(),
            hunks: u32::try_from(hunks.len()).unwrap_or(u32::MAX),
        };
        Self {
            title: title.into(),
            places: Arc::new(Places::of(&diff, &whole, hunks)),
            diff,
            whole,
            stats,
            structure: None,
            exists: [true; 2],
            hidden: None,
        }
    }

    /// Compares both states of a document, whichever exist, by lines; nothing where they are too large for that.
    #[must_use]
    pub fn lines_of(title: &[u8], before: Option<Bytes>, after: Option<Bytes>) -> Option<Self> {
        let exists = [before.is_some(), after.is_some()];
        let diff = TextDiff::new(before.unwrap_or_default(), after.unwrap_or_default()).ok()?;
        Some(Self::new(Untrusted::from(title), diff).existing(exists))
    }

    /// Compares both states of a document by lines and by structure.
    #[must_use]
    pub fn compare(
        kind: &str,
        title: &[u8],
        before: Option<Vec<u8>>,
        after: Option<Vec<u8>>,
    ) -> Option<Self> {
        let lines = Self::lines_of(title, before.map(Bytes::from), after.map(Bytes::from))?;
        Some(lines.compared(kind))
    }

    /// The document where only these of its states exist: before, and after.
    #[must_use]
    pub const fn existing(mut self, exists: [bool; 2]) -> Self {
        self.exists = exists;
        self
    }

    /// The document with both states compared by structure as well. That may take long.
    #[must_use]
    pub fn compared(self, kind: &str) -> Self {
        let diff = Arc::clone(&self.diff);
        let mut sides = diff.sides().into_iter().zip(self.exists);
        let mut side = || sides.next().and_then(|(bytes, exists)| exists.then_some(bytes));
        let structure = structure::compare(kind, side(), side());
        self.with_structure(structure)
    }

    /// How large both states are together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.diff.sides().iter().map(|side| side.len()).sum()
    }

    /// The document with its change told by paths and values as well.
    #[must_use]
    pub fn with_structure(mut self, structure: Structure) -> Self {
        self.structure = Some(Arc::new(structure));
        self
    }

    /// The document with its secrets masked.
    #[must_use]
    pub fn with_masks(self, masks: &Arc<Masks>) -> Self {
        let covers = Arc::new(Covers::new(masks, &self.diff));
        self.with_covers(masks, covers)
    }

    /// The document with its secrets masked, as it was searched for them before.
    #[must_use]
    pub fn with_covers(mut self, masks: &Arc<Masks>, covers: Arc<Covers>) -> Self {
        self.hidden = Some(Arc::new(Hidden {
            masks: Arc::clone(masks),
            covers,
        }));
        self
    }

    /// The document in the clear: for a person who had its secrets revealed.
    #[must_use]
    pub fn revealed(&self) -> Self {
        Self {
            hidden: None,
            ..self.clone()
        }
    }

    /// Whether something of it may be masked.
    pub(super) const fn is_masked(&self) -> bool {
        self.hidden.is_some()
    }

    /// Whether something of a row is masked.
    pub(super) fn masks_some_of(&self, row: &Row<'_>) -> bool {
        let hidden = self.hidden.as_ref();
        hidden.is_some_and(|hidden| hidden.covers.touches(&self.diff, row))
    }

    /// A row as it is shown.
    pub(super) fn row_spans(&self, row: &Row<'_>) -> Vec<Span> {
        match &self.hidden {
            Some(hidden) => hidden.covers.spans(&self.diff, row),
            None => row.spans(),
        }
    }

    /// A value of its structure as it is shown.
    pub(super) fn value_spans(&self, value: &Untrusted) -> Vec<Span> {
        match &self.hidden {
            Some(hidden) if hidden.masks.count() > 0 => hidden.masks.lexeme(value.bytes()),
            Some(_) | None => value.spans(),
        }
    }

    /// Whether a byte of a side is masked.
    pub(super) fn hides(&self, side: usize, at: usize) -> bool {
        let hidden = self.hidden.as_ref();
        hidden.is_some_and(|hidden| {
            let cover = hidden.covers.sides().into_iter().nth(side);
            cover.is_some_and(|cover| cover.hides(at))
        })
    }

    /// How many lines it takes, its title included.
    #[must_use]
    pub fn lines(&self, shape: Shape) -> usize {
        let [unified, beside] = &self.places.starts;
        let inner = match (shape.folded, shape.beside) {
            (false, false) => Some(self.whole.rows),
            (false, true) => Some(self.places.pairs),
            (true, false) => unified.last().copied(),
            (true, true) => beside.last().copied(),
        };
        FRAME + inner.unwrap_or_default() as usize
    }

    /// One line.
    #[must_use]
    pub fn line(&self, shape: Shape, index: usize) -> Option<DocumentLine<'_>> {
        let Some(at) = index.checked_sub(1) else {
            return Some(DocumentLine::Title);
        };
        if index + 1 == self.lines(shape) {
            return Some(DocumentLine::Blank);
        }
        let at = u32::try_from(at).ok()?;
        if !shape.folded {
            return self.unfolded(shape, at);
        }
        let starts = self.places.starts_of(shape);
        let hunk = starts.partition_point(|start| *start <= at).checked_sub(1)?;
        let inside = at - starts.get(hunk)?;
        let gap = self.gap(hunk);
        if gap > 0 && inside == 0 {
            return Some(DocumentLine::Fold(gap));
        }
        let first = self.first_of(self.places.hunks.get(hunk)?, shape);
        self.unfolded(shape, first + inside - u32::from(gap > 0))
    }

    /// The lines where changes begin.
    pub fn change_lines(&self, shape: Shape) -> impl Iterator<Item = usize> + '_ {
        let hunks = self.places.hunks.iter().enumerate();
        hunks.flat_map(move |(number, hunk)| {
            let base = self.hunk_line(number, hunk, shape);
            hunk.changes.clone().filter_map(move |index| {
                Some(
                    1 + (base + i64::from(self.change_at(index, shape)?))
                        .try_into()
                        .unwrap_or(0_usize),
                )
            })
        })
    }

    /// The line at which line `number` (from 1) of one side stands; nothing where it is folded away or not there.
    #[must_use]
    pub fn line_at(&self, side: Side, number: u32, shape: Shape) -> Option<usize> {
        let number = number.checked_sub(1)?;
        let line = self.unfolded_at(side, number, shape)?;
        if !shape.folded {
            return Some(1 + line as usize);
        }
        let hunks = self.places.hunks.iter().enumerate();
        let found = hunks
            .map(|(index, hunk)| (self.hunk_line(index, hunk, shape), hunk))
            .find(|(_, hunk)| {
                if side == Side::Before {
                    hunk.before.contains(&number)
                } else {
                    hunk.after.contains(&number)
                }
            });
        found.and_then(|(base, _)| usize::try_from(1 + base + i64::from(line)).ok())
    }

    /// The line of one layout that shows what a line shows in another, or the nearest after it.
    pub(super) fn line_in(&self, line: usize, from: Shape, to: Shape) -> usize {
        let last = self.lines(from);
        for at in line..last {
            let row = match self.line(from, at) {
                Some(DocumentLine::Title) => return 0,
                Some(
                    DocumentLine::One(row)
                    | DocumentLine::Pair(Some(row), _)
                    | DocumentLine::Pair(None, Some(row)),
                ) => row,
                _ => continue,
            };
            let number = row.new_no.map(|number| (Side::After, number));
            let Some((side, number)) = number.or(row.old_no.map(|number| (Side::Before, number))) else {
                continue;
            };
            if let Some(found) = self.line_at(side, number, to) {
                return found;
            }
            // Folded away there: the next change is.
            let later = self.change_lines(from).find(|change| *change > at);
            let index = self.change_lines(from).position(|change| Some(change) == later);
            return index
                .and_then(|index| self.change_lines(to).nth(index))
                .unwrap_or(0);
        }
        self.lines(to).saturating_sub(1)
    }

    /// The line of the unfolded document at which a line of one side stands.
    fn unfolded_at(&self, side: Side, number: u32, shape: Shape) -> Option<u32> {
        let range = |change: &Change| {
            if side == Side::Before {
                change.before.clone()
            } else {
                change.after.clone()
            }
        };
        let changes = self.diff.changes();
        if number
            >= if side == Side::Before {
                self.whole.before.end
            } else {
                self.whole.after.end
            }
        {
            return None;
        }
        let later = changes.partition_point(|change| range(change).start <= number);
        let Some((index, change)) = later
            .checked_sub(1)
            .and_then(|index| Some((index, changes.get(index)?)))
        else {
            return Some(number);
        };
        let start = self.change_at(index, shape)?;
        let inside = number - range(change).start;
        if range(change).contains(&number) {
            let above = if side == Side::After && !shape.beside {
                removed(change)
            } else {
                0
            };
            Some(start + above + inside)
        } else {
            Some(start + height(change, shape) + number - range(change).end)
        }
    }

    /// What is added to a line of the unfolded document to have that of the folded one, inside a hunk.
    fn hunk_line(&self, number: usize, hunk: &Hunk, shape: Shape) -> i64 {
        if !shape.folded {
            return 0;
        }
        let start = self
            .places
            .starts_of(shape)
            .get(number)
            .copied()
            .unwrap_or_default();
        i64::from(start) + i64::from(self.gap(number) > 0) - i64::from(self.first_of(hunk, shape))
    }

    /// The line of the unfolded document at which a hunk begins.
    fn first_of(&self, hunk: &Hunk, shape: Shape) -> u32 {
        let (added, more) = self
            .places
            .earlier
            .get(hunk.changes.start)
            .copied()
            .unwrap_or_default();
        hunk.before.start + if shape.beside { more } else { added }
    }

    /// The line of the unfolded document at which a change begins.
    fn change_at(&self, index: usize, shape: Shape) -> Option<u32> {
        let (added, more) = self.places.earlier.get(index)?;
        Some(self.diff.changes().get(index)?.before.start + if shape.beside { *more } else { *added })
    }

    /// Unchanged lines between a hunk and the one before; for the number after the last, those at the end.
    fn gap(&self, hunk: usize) -> u32 {
        self.places.gap(hunk, self.whole.before.end)
    }

    fn unfolded(&self, shape: Shape, at: u32) -> Option<DocumentLine<'_>> {
        if !shape.beside {
            return self.row(at).map(DocumentLine::One);
        }
        let changes = self.diff.changes();
        let start = |(change, (_, more)): (&Change, &(u32, u32))| change.before.start + more;
        let starts = |index: usize| Some(start((changes.get(index)?, self.places.earlier.get(index)?)));
        let (mut low, mut high) = (0, changes.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if starts(middle)? <= at {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(index) = low.checked_sub(1) else {
            return self.row(at).map(DocumentLine::One);
        };
        let (change, (added_before, _)) = (changes.get(index)?, self.places.earlier.get(index)?);
        let inside = at - starts(index)?;
        let (removed, added) = (removed(change), added(change));
        let first = change.before.start + added_before;
        if inside >= removed.max(added) {
            return self
                .row(first + added + inside - added.max(removed) + removed)
                .map(DocumentLine::One);
        }
        let left = (inside < removed).then(|| self.row(first + inside)).flatten();
        let right = (inside < added)
            .then(|| self.row(first + removed + inside))
            .flatten();
        Some(DocumentLine::Pair(left, right))
    }

    fn row(&self, at: u32) -> Option<Row<'_>> {
        self.diff.window(&self.whole, at, 1).pop()
    }
}

#[cfg(test)]
mod tests;
