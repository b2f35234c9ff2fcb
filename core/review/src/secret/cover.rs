//! What is covered of one document: where, and by which masks.

use std::ops::Range;

use super::{Masks, mask_span, plain_spans};
use crate::diff::text::{Ending, Row, RowKind, TextDiff};
use crate::text::{Span, spans_to_string};

/// What is covered of one document.
#[derive(Debug, Clone, Default)]
pub struct Cover {
    cuts: Vec<Cut>,
}

/// One line of one secret.
#[derive(Debug, Clone)]
struct Cut {
    range: Range<usize>,
    mask: String,
}

/// What is covered of both sides of a difference.
#[derive(Debug, Clone, Default)]
pub struct Covers {
    before: Cover,
    after: Cover,
}

impl Cover {
    pub(super) fn new(masks: &Masks, document: &[u8]) -> Self {
        Self::of(masks, document, masks.ranges(document, masks.random.as_ref()))
    }

    pub(super) fn of(masks: &Masks, document: &[u8], ranges: Vec<Range<usize>>) -> Self {
        let mut cuts = Vec::with_capacity(ranges.len());
        for range in ranges {
            let secret = document.get(range.clone()).unwrap_or_default();
            if !secret.contains(&b'\n') {
                let mask = masks.form(secret, None);
                cuts.push(Cut { range, mask });
                continue;
            }
            let of = secret.split(|byte| *byte == b'\n').count();
            let mut start = range.start;
            for (number, line) in (1..).zip(secret.split(|byte| *byte == b'\n')) {
                cuts.push(Cut {
                    range: start..start + line.len(),
                    mask: masks.form(secret, Some((number, of))),
                });
                start += line.len() + 1;
            }
        }
        Self { cuts }
    }

    /// Whether nothing is covered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// How many places are covered, each line of a secret counted.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.cuts.len()
    }

    /// Whether something of a range of the document is covered.
    #[must_use]
    pub fn touches(&self, range: &Range<usize>) -> bool {
        self.within(range).next().is_some()
    }

    /// Whether a byte of the document is covered.
    #[must_use]
    pub fn hides(&self, at: usize) -> bool {
        self.touches(&(at..at + 1))
    }

    /// A piece of the document, without its line end, as it is shown; `start` is where it stands.
    #[must_use]
    pub fn spans(&self, start: usize, line: &[u8]) -> Vec<Span> {
        let all = start..start + line.len();
        let mut spans = Vec::new();
        let mut at = 0;
        for cut in self.within(&all) {
            let from = cut.range.start.max(all.start) - start;
            let to = cut.range.end.min(all.end) - start;
            spans.extend(plain_spans(line.get(at..from).unwrap_or_default()));
            spans.push(mask_span(cut.mask.clone()));
            at = to;
        }
        spans.extend(plain_spans(line.get(at..).unwrap_or_default()));
        spans
    }

    /// The cuts that touch a range.
    fn within(&self, range: &Range<usize>) -> impl Iterator<Item = &Cut> {
        let first = self.cuts.partition_point(|cut| cut.range.end <= range.start);
        let end = range.end;
        self.cuts
            .get(first..)
            .unwrap_or_default()
            .iter()
            .take_while(move |cut| cut.range.start < end)
            .filter(|cut| !cut.range.is_empty())
    }
}

impl Covers {
    /// What masks cover of both sides.
    #[must_use]
    pub fn new(masks: &Masks, diff: &TextDiff) -> Self {
        let [before, after] = diff.sides();
        Self {
            before: masks.cover(before),
            after: masks.cover(after),
        }
    }

    /// Whether nothing is covered on either side.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// What is covered of the side before and of the side after.
    #[must_use]
    pub fn sides(&self) -> [&Cover; 2] {
        [&self.before, &self.after]
    }

    /// Whether something of a row is covered.
    #[must_use]
    pub fn touches(&self, diff: &TextDiff, row: &Row<'_>) -> bool {
        let start = diff.start_of(row);
        self.side(row).touches(&(start..start + row.line.len()))
    }

    /// A row as it is shown, its unusual line end included.
    #[must_use]
    pub fn spans(&self, diff: &TextDiff, row: &Row<'_>) -> Vec<Span> {
        let mut spans = self.side(row).spans(diff.start_of(row), row.line);
        spans.extend(row.ending_span());
        spans
    }

    /// A row as it is shown, without how, behind what stands there already.
    pub fn write(&self, shown: &mut String, diff: &TextDiff, row: &Row<'_>) {
        // Most lines have nothing that is escaped or masked.
        let plain = row.line.iter().all(|byte| matches!(byte, b' '..=b'~')) && row.ending == Ending::Lf;
        match std::str::from_utf8(row.line) {
            Ok(line) if plain && !self.touches(diff, row) => shown.push_str(line),
            _ => shown.push_str(&spans_to_string(&self.spans(diff, row))),
        }
    }

    fn side(&self, row: &Row<'_>) -> &Cover {
        if row.kind == RowKind::Removed {
            &self.before
        } else {
            &self.after
        }
    }
}
