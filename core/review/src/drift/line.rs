//! Three states side by side by lines, for documents in a form of their own.
//!
//! Live and the proposal are each compared with the baseline; changes that touch the same lines of it are one row.

use super::{Row, Standing, takes_back};
use crate::diff::structure::{Path, Step, Written};
use crate::diff::text::{Change, TextDiff};
use std::ops::Range;

/// Compares; nothing where a state is no text or too large.
pub(super) fn compare(states: [&[u8]; 3]) -> Option<Vec<Row>> {
    if states.iter().any(|state| std::str::from_utf8(state).is_err()) {
        return None;
    }
    let [baseline, live, proposed] = states;
    let (live, proposed) = (
        TextDiff::new(baseline, live).ok()?,
        TextDiff::new(baseline, proposed).ok()?,
    );
    let lines = states.map(|state| state.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>());
    let mut edited = [Edits::of(&live), Edits::of(&proposed)];
    let mut rows = Vec::new();
    while let Some(start) = edited.iter().filter_map(Edits::start).min() {
        let mut region = start..start;
        let from = edited.each_ref().map(|edits| edits.shift);
        while edited.iter_mut().any(|edits| edits.join(&mut region)) {}
        let [l, p] = [0, 1].map(|side: usize| {
            let moved = |line: u32, by: Option<i64>| u32::try_from(i64::from(line) + by.unwrap_or_default());
            let start = moved(region.start, from.get(side).copied());
            let end = moved(region.end, edited.get(side).map(|edits| edits.shift));
            start.unwrap_or_default()..end.unwrap_or_default()
        });
        rows.extend(row(&lines, &[region, l, p]));
    }
    Some(rows)
}

/// The changes of one state that are not in a row yet.
struct Edits<'a> {
    changes: &'a [Change],
    /// How far its lines stand behind those of the baseline.
    shift: i64,
}

impl<'a> Edits<'a> {
    fn of(diff: &'a TextDiff) -> Self {
        Self {
            changes: diff.changes(),
            shift: 0,
        }
    }

    fn start(&self) -> Option<u32> {
        self.changes.first().map(|change| change.before.start)
    }

    /// Takes the next change into the region if it touches the same lines.
    fn join(&mut self, region: &mut Range<u32>) -> bool {
        let Some((change, rest)) = self.changes.split_first() else {
            return false;
        };
        let lines = &change.before;
        let touches = lines.start < region.end
            || lines.start == region.end && (lines.is_empty() || Range::is_empty(region));
        if touches {
            region.end = region.end.max(lines.end);
            let length = |lines: &Range<u32>| i64::from(lines.end) - i64::from(lines.start);
            self.shift += length(&change.after) - length(lines);
            self.changes = rest;
        }
        touches
    }
}

fn row(lines: &[Vec<&[u8]>; 3], ranges: &[Range<u32>; 3]) -> Option<Row> {
    let [b_lines, l_lines, p_lines] = lines;
    let [b_range, l_range, p_range] = ranges;
    let (b, l, p) = (
        part(b_lines, b_range),
        part(l_lines, l_range),
        part(p_lines, p_range),
    );
    let standing = match Standing::of(l == b, p == b, p == l)? {
        Standing::OnTopOfDrift if takes_back(b, l, p) => Standing::RevertsLive,
        standing => standing,
    };
    let written = |lines: &[&[u8]], range: &Range<u32>| {
        (!lines.is_empty()).then(|| {
            let text = lines.concat();
            // The line feed of the last one says nothing.
            let text = text.strip_suffix(b"\n").unwrap_or(&text);
            Written {
                text: text.into(),
                line: range.start + 1,
            }
        })
    };
    let sides = [("proposed", p_range), ("live", l_range), ("approved", b_range)];
    let (side, range) = sides.into_iter().find(|(_, range)| !range.is_empty())?;
    let step = Step::Lines {
        side,
        first: range.start + 1,
        count: range.end - range.start,
    };
    Some(Row {
        path: Path { steps: vec![step] },
        standing,
        baseline: written(b, b_range),
        live: written(l, l_range),
        proposed: written(p, p_range),
    })
}

fn part<'l, 'a>(lines: &'l [&'a [u8]], range: &Range<u32>) -> &'l [&'a [u8]] {
    let range = range.start as usize..range.end as usize;
    lines.get(range).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["a\n", "b\n", "c\n", "\n", "d"]), 0..8)
            .prop_map(|lines| lines.concat())
    }

    fn rows(baseline: &str, live: &str, proposed: &str) -> Vec<Row> {
        compare([baseline, live, proposed].map(str::as_bytes)).unwrap()
    }

    proptest! {
        #[test]
        fn every_difference_is_in_a_row(b in text(), l in text(), p in text()) {
            let rows = rows(&b, &l, &p);
            prop_assert_eq!(rows.is_empty(), b == l && b == p);
        }

        #[test]
        fn the_old_document_reverts_every_live_change(b in text(), l in text()) {
            let rows = rows(&b, &l, &b);
            prop_assert!(rows.iter().all(|row| row.standing == Standing::RevertsLive), "{:?}", rows);
        }

        #[test]
        fn what_is_live_stays(b in text(), l in text()) {
            let rows = rows(&b, &l, &l);
            prop_assert!(rows.iter().all(|row| row.standing == Standing::UntouchedDrift), "{:?}", rows);
        }

        #[test]
        fn without_drift_all_is_asked_for(b in text(), p in text()) {
            let rows = rows(&b, &b, &p);
            prop_assert!(rows.iter().all(|row| row.standing == Standing::AskedFor), "{:?}", rows);
        }

        #[test]
        fn a_line_that_live_took_out_never_stays_unsaid(b in text(), l in text(), p in text()) {
            let lost = !l.lines().any(|line| line == "a");
            let said = rows(&b, &l, &p).iter().any(|row| row.standing == Standing::RevertsLive);
            prop_assert!(!(lost && kept(&b, &p)) || said);
        }
    }

    /// Whether a line `a` of the baseline stands in the proposal as the same line.
    fn kept(b: &str, p: &str) -> bool {
        let diff = TextDiff::new(b.as_bytes(), p.as_bytes()).unwrap();
        let gone: Vec<u32> = diff
            .changes()
            .iter()
            .flat_map(|change| change.before.clone())
            .collect();
        (0u32..)
            .zip(b.lines())
            .any(|(number, line)| line == "a" && !gone.contains(&number))
    }
}
