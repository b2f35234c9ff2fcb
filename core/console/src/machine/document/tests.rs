//! Every layout shows every line once, in order.

use super::*;
use countersign_review::diff::text::RowKind;
use proptest::prelude::*;

const SHAPES: [Shape; 4] = [
    Shape {
        folded: false,
        beside: false,
    },
    Shape {
        folded: false,
        beside: true,
    },
    Shape {
        folded: true,
        beside: false,
    },
    Shape {
        folded: true,
        beside: true,
    },
];

/// The numbers of the lines of each side that a layout shows, and how many it says are folded away.
fn shown(document: &ChangedDocument, shape: Shape) -> ([Vec<u32>; 2], u32, Vec<usize>) {
    let (mut before, mut after, mut folded, mut begins) = (Vec::new(), Vec::new(), 0, Vec::new());
    let mut last = None;
    for index in 0..document.lines(shape) {
        let line = document.line(shape, index).expect("every line is there");
        let rows = match line {
            DocumentLine::Title => {
                assert_eq!(index, 0);
                vec![]
            }
            DocumentLine::Blank => {
                assert_eq!(index + 1, document.lines(shape));
                vec![]
            }
            DocumentLine::Fold(count) => {
                folded += count;
                vec![]
            }
            DocumentLine::One(row) => vec![row],
            DocumentLine::Pair(left, right) => {
                assert!(left.is_none_or(|row| row.kind == RowKind::Removed));
                assert!(right.is_none_or(|row| row.kind == RowKind::Added));
                left.into_iter().chain(right).collect()
            }
        };
        let change = rows.first().and_then(|row| row.change);
        if change.is_some() && change != last {
            begins.push(index);
        }
        if change.is_some() {
            last = change;
        }
        for row in rows {
            if row.kind != RowKind::Added {
                before.push(row.old_no.unwrap_or_default());
            }
            if row.kind != RowKind::Removed {
                after.push(row.new_no.unwrap_or_default());
            }
            for (side, number) in [(Side::Before, row.old_no), (Side::After, row.new_no)] {
                if let Some(number) = number {
                    assert_eq!(
                        document.line_at(side, number, shape),
                        Some(index),
                        "{side:?} {number} {shape:?}"
                    );
                }
            }
        }
    }
    ([before, after], folded, begins)
}

fn text(lines: &[u8]) -> Vec<u8> {
    lines.iter().flat_map(|line| [b'a' + line % 26, b'\n']).collect()
}

proptest! {
    #[test]
    fn every_layout_shows_every_line_once_and_in_order(
        base in proptest::collection::vec(0_u8..5, 0..60),
        edits in proptest::collection::vec((0_usize..60, 0_usize..4, proptest::collection::vec(0_u8..9, 0..4)), 0..5),
    ) {
        let mut edited = base.clone();
        for (at, remove, insert) in edits {
            let at = at.min(edited.len());
            let end = (at + remove).min(edited.len());
            edited.splice(at..end, insert);
        }
        let document = ChangedDocument::new("x", TextDiff::new(text(&base), text(&edited)).unwrap());
        let count = |lines: &[u8]| u32::try_from(lines.len()).unwrap();
        for shape in SHAPES {
            let ([before, after], folded, begins) = shown(&document, shape);
            prop_assert!(before.is_sorted() && after.is_sorted());
            prop_assert_eq!(u32::try_from(before.len()).unwrap() + folded, count(&base));
            prop_assert_eq!(u32::try_from(after.len()).unwrap() + folded, count(&edited));
            prop_assert!(shape.folded || folded == 0);
            prop_assert_eq!(document.change_lines(shape).collect::<Vec<_>>(), begins);
        }
    }
}
