//! What changed inside a line: marks for a removed line and the added line beside it.
//!
//! It is an aid to the eye only; the line difference is what counts. Long lines get no marks.

use similar::{Algorithm, DiffTag, capture_diff_slices};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation as _;

/// A line with more bytes than this gets no marks.
pub const MAX_INLINE_BYTES: usize = 4 << 10;

/// The changed parts of a pair of lines, as byte ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inline {
    /// Parts of the removed line that the added one has not.
    pub removed: Vec<Range<usize>>,
    /// Parts of the added line that the removed one has not.
    pub added: Vec<Range<usize>>,
}

/// Marks the changed words of a pair of lines, or returns `None` when one is too long.
///
/// Borders lie between words of UAX #29, so a mark never splits a letter from its accents; lines that are not
/// UTF-8 are compared byte by byte.
pub fn inline(removed: &[u8], added: &[u8]) -> Option<Inline> {
    if removed.len() > MAX_INLINE_BYTES || added.len() > MAX_INLINE_BYTES {
        return None;
    }
    let (old, new) = match (std::str::from_utf8(removed), std::str::from_utf8(added)) {
        (Ok(old), Ok(new)) => (words(old), words(new)),
        _ => (removed.chunks(1).collect(), added.chunks(1).collect()),
    };
    let (old_ends, new_ends) = (offsets(&old), offsets(&new));
    let mut marks = Inline {
        removed: Vec::new(),
        added: Vec::new(),
    };
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let (tag, old, new) = op.as_tag_tuple();
        if tag != DiffTag::Equal {
            mark(&mut marks.removed, &old_ends, old);
            mark(&mut marks.added, &new_ends, new);
        }
    }
    Some(marks)
}

fn words(line: &str) -> Vec<&[u8]> {
    line.split_word_bounds().map(str::as_bytes).collect()
}

/// Returns where each token starts, and at last where the line ends.
fn offsets(tokens: &[&[u8]]) -> Vec<usize> {
    let ends = tokens.iter().scan(0, |end, token| {
        *end += token.len();
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

fn mark(marks: &mut Vec<Range<usize>>, offsets: &[usize], tokens: Range<usize>) {
    let (Some(start), Some(end)) = (offsets.get(tokens.start), offsets.get(tokens.end)) else {
        return;
    };
    match marks.last_mut() {
        _ if start == end => {}
        Some(last) if last.end == *start => last.end = *end,
        _ => marks.push(*start..*end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_the_changed_word() {
        let marks = inline(b"cidr = 10.0.0.0/8", b"cidr = 0.0.0.0/0").unwrap();
        assert_eq!(marks.added.first().map(|range| range.start), Some(7));
        assert!(inline(b"same", b"same").unwrap().removed.is_empty());
    }

    #[test]
    fn long_lines_are_left_alone() {
        assert_eq!(inline(&[b'a'; MAX_INLINE_BYTES + 1], b""), None);
    }

    proptest! {
        #[test]
        fn what_is_not_marked_is_the_same_on_both_sides(
            old in prop::collection::vec(any::<u8>(), 0..40), new in prop::collection::vec(any::<u8>(), 0..40)
        ) {
            let marks = inline(&old, &new).unwrap();
            let rest = |line: &[u8], marks: &[Range<usize>]| -> Vec<u8> {
                (0..line.len()).filter(|at| !marks.iter().any(|range| range.contains(at))).map(|at| line[at]).collect()
            };
            prop_assert_eq!(rest(&old, &marks.removed), rest(&new, &marks.added));
        }
    }
}
