//! Which lines changed: fixed runs of unique lines first, Myers' algorithm between them, moved blocks at last.
//!
//! A run that is unique on both sides and in order is taken as unchanged, as in a patience diff; a large file
//! with few changes so falls into small pieces. Nothing is approximate: whatever is taken as unchanged is
//! equal, and everything else is a change.

use super::line::{Lines, Numbered};
use super::text::{Change, Moved, Spaces};
use similar::{Algorithm, DiffTag, capture_diff_slices};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// A run with fewer unique lines fixes nothing.
const MIN_UNIQUE: u32 = 8;

/// A block of fewer lines is not called moved.
const MIN_MOVED: usize = 3;

/// Lines that are unique on both sides, at the same distance throughout.
#[derive(Debug, Clone, Copy)]
struct Run {
    old: usize,
    new: usize,
    length: usize,
    unique: u32,
}

/// Finds the changed blocks, and those of them that were moved.
pub(super) fn compare(before: &Lines, after: &Lines, spaces: Spaces) -> (Vec<Change>, Vec<Moved>) {
    let (olds, news) = (0..before.count(), 0..after.count());
    let shorter = olds.end.min(news.end);
    let same = |(a, b): &(&[u8], &[u8])| spaces.same(a, b);
    let head = before.slices(olds.clone()).zip(after.slices(news.clone()));
    let head = head.take_while(same).count() as u32;
    let (old_rest, new_rest) = (before.slices(head..olds.end), after.slices(head..news.end));
    let tail = old_rest.rev().zip(new_rest.rev()).take((shorter - head) as usize);
    let tail = tail.take_while(same).count() as u32;
    let lines = Numbered::new(
        before,
        head..olds.end - tail,
        after,
        head..news.end - tail,
        spaces,
    );

    let mut changes = Changes {
        head,
        list: Vec::new(),
        added: 0,
    };
    let (mut old, mut new) = (0, 0);
    for run in in_order(runs(&lines)) {
        changes.between(&lines, old..run.old, new..run.new);
        (old, new) = (run.old + run.length, run.new + run.length);
    }
    changes.between(&lines, old..lines.old.len(), new..lines.new.len());
    let moved = moved(&lines, head, &changes.list);
    (changes.list, moved)
}

struct Changes {
    /// Lines before the part that was numbered.
    head: u32,
    list: Vec<Change>,
    added: u32,
}

impl Changes {
    /// Compares what lies between two fixed runs.
    fn between(&mut self, lines: &Numbered, old: Range<usize>, new: Range<usize>) {
        let (olds, news) = (
            lines.old.get(old.clone()).unwrap_or_default(),
            lines.new.get(new.clone()).unwrap_or_default(),
        );
        if olds.is_empty() || news.is_empty() {
            if olds.len() + news.len() > 0 {
                self.push(old, new);
            }
            return;
        }
        // Myers only: Histogram is quadratic when every second line changes.
        for op in capture_diff_slices(Algorithm::Myers, olds, news) {
            let (tag, from, to) = op.as_tag_tuple();
            if tag != DiffTag::Equal {
                self.push(
                    old.start + from.start..old.start + from.end,
                    new.start + to.start..new.start + to.end,
                );
            }
        }
    }

    fn push(&mut self, old: Range<usize>, new: Range<usize>) {
        let range = |range: Range<usize>| range.start as u32 + self.head..range.end as u32 + self.head;
        let (before, after) = (range(old), range(new));
        let added = after.end - after.start;
        match self.list.last_mut() {
            Some(last) if last.before.end == before.start && last.after.end == after.start => {
                last.before.end = before.end;
                last.after.end = after.end;
            }
            _ => self.list.push(Change {
                before,
                after,
                added_earlier: self.added,
            }),
        }
        self.added += added;
    }
}

/// Finds the runs of unique lines, in the order of the after side.
fn runs(lines: &Numbered) -> Vec<Run> {
    let mut place: Vec<u32> = Vec::new();
    for (index, id) in lines.old.iter().enumerate() {
        if *id as usize == place.len() {
            place.push(index as u32);
        }
    }
    let mut runs: Vec<Run> = Vec::new();
    let mut new = 0;
    while let Some(id) = lines.new.get(new) {
        let Some(old) = place.get(*id as usize).filter(|_| lines.is_unique(*id)) else {
            new += 1;
            continue;
        };
        let old = *old as usize;
        let mut run = Run {
            old,
            new,
            length: 0,
            unique: 0,
        };
        let rest = lines.old.iter().skip(old).zip(lines.new.iter().skip(new));
        for (step, (a, b)) in rest.enumerate() {
            if a != b {
                break;
            }
            if lines.is_unique(*b) {
                run.unique += 1;
                run.length = step + 1;
            }
        }
        new += run.length;
        if run.unique >= MIN_UNIQUE {
            runs.push(run);
        }
    }
    runs
}

/// Keeps the runs that stand in the same order on both sides, so that they hold the most unique lines.
///
/// Runs never overlap: each begins and ends with a line that is in no other.
fn in_order(runs: Vec<Run>) -> Vec<Run> {
    if runs.is_sorted_by_key(|run| run.old) {
        return runs;
    }
    let mut ranks: Vec<usize> = (0..runs.len()).collect();
    ranks.sort_by_key(|index| runs.get(*index).map(|run| run.old));
    let mut rank_of = vec![0; runs.len()];
    for (rank, index) in ranks.into_iter().enumerate() {
        if let Some(place) = rank_of.get_mut(index) {
            *place = rank;
        }
    }
    // For each rank the best chain that ends at or before it: a Fenwick tree of (weight, last run plus one).
    let mut best: Vec<(u32, usize)> = vec![(0, 0); runs.len() + 1];
    let mut previous = Vec::with_capacity(runs.len());
    let mut overall = (0, 0);
    for (index, (run, rank)) in runs.iter().zip(&rank_of).enumerate() {
        let mut chain = (0, 0);
        let mut at = *rank;
        while at > 0 {
            chain = chain.max(best.get(at).copied().unwrap_or_default());
            at &= at - 1;
        }
        previous.push(chain.1);
        let own = (chain.0 + run.unique, index + 1);
        overall = overall.max(own);
        let mut at = rank + 1;
        while let Some(place) = best.get_mut(at) {
            *place = own.max(*place);
            at += at & at.wrapping_neg();
        }
    }
    let mut kept = Vec::new();
    let mut last = overall.1;
    while let Some(run) = last.checked_sub(1).and_then(|index| runs.get(index)) {
        kept.push(*run);
        last = previous.get(last - 1).copied().unwrap_or_default();
    }
    kept.reverse();
    kept
}

/// Finds removed blocks that were added elsewhere, line for line.
fn moved(lines: &Numbered, head: u32, changes: &[Change]) -> Vec<Moved> {
    let own = |range: &Range<u32>| (range.start - head) as usize..(range.end - head) as usize;
    // Where each line stands among the removed ones, if once. Only looked up, never walked.
    let mut removed: HashMap<u32, Option<(usize, usize)>> = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        for line in own(&change.before) {
            let Some(id) = lines.old.get(line) else { continue };
            let place = removed.entry(*id).or_insert(Some((line, index)));
            if *place != Some((line, index)) {
                *place = None;
            }
        }
    }
    let mut taken: HashSet<usize> = HashSet::new();
    let mut found: Vec<Moved> = Vec::new();
    for change in changes {
        let after = own(&change.after);
        let mut line = after.start;
        let mut free = after.start;
        while line < after.end {
            let seed = lines
                .new
                .get(line)
                .and_then(|id| removed.get(id).copied().flatten());
            let source = seed.and_then(|(old, index)| Some((old, own(&changes.get(index)?.before))));
            let Some((old, before)) = source else {
                line += 1;
                continue;
            };
            let same =
                |old: usize, new: usize| !taken.contains(&old) && lines.old.get(old) == lines.new.get(new);
            let up = (1..=(line - free).min(old - before.start))
                .take_while(|step| same(old - step, line - step))
                .count();
            let down = (0..(after.end - line).min(before.end - old))
                .take_while(|step| same(old + step, line + step))
                .count();
            if up + down >= MIN_MOVED {
                let range = |start: usize| {
                    let start = start as u32 + head;
                    start..start + (up + down) as u32
                };
                found.push(Moved {
                    before: range(old - up),
                    after: range(line - up),
                });
                taken.extend(old - up..old + down);
                free = line + down;
            }
            line += down.max(1);
        }
    }
    found
}
