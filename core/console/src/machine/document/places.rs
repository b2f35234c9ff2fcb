//! Where changes and hunks stand, so that a line is found by binary search.

use countersign_review::diff::text::{Change, Hunk, TextDiff};

use super::Shape;

/// Where changes and hunks stand, so that a line is found by binary search.
#[derive(Debug)]
pub(super) struct Places {
    /// For each change: added lines in those before it, and lines by which pairs of those before it are more
    /// than their removed lines.
    pub(super) earlier: Vec<(u32, u32)>,
    pub(super) hunks: Vec<Hunk>,
    /// For each hunk the line at which its fold begins, and at last the end: one under the other, and beside.
    pub(super) starts: [Vec<u32>; 2],
    /// Lines in all, beside.
    pub(super) pairs: u32,
}

impl Places {
    pub(super) fn of(diff: &TextDiff, whole: &Hunk, hunks: Vec<Hunk>) -> Self {
        let mut earlier = Vec::with_capacity(diff.changes().len());
        let (mut all, mut more) = (0, 0);
        for change in diff.changes() {
            earlier.push((all, more));
            all += added(change);
            more += added(change).saturating_sub(removed(change));
        }
        let mut places = Self {
            earlier,
            hunks,
            starts: [Vec::new(), Vec::new()],
            pairs: whole.before.end + more,
        };
        for beside in [false, true] {
            let mut at = 0;
            let mut starts = Vec::with_capacity(places.hunks.len() + 2);
            for (number, hunk) in places.hunks.iter().enumerate() {
                starts.push(at);
                let changes = diff.changes().get(hunk.changes.clone()).unwrap_or_default();
                let pairs = || {
                    changes
                        .iter()
                        .map(|change| added(change).saturating_sub(removed(change)))
                        .sum::<u32>()
                };
                let lines = if beside {
                    hunk.before.end - hunk.before.start + pairs()
                } else {
                    hunk.rows
                };
                at += lines + u32::from(places.gap(number, whole.before.end) > 0);
            }
            // What is folded away at the end.
            starts.push(at);
            if places.gap(places.hunks.len(), whole.before.end) > 0 {
                starts.push(at + 1);
            }
            if let Some(kept) = places.starts.get_mut(usize::from(beside)) {
                *kept = starts;
            }
        }
        places
    }

    pub(super) fn starts_of(&self, shape: Shape) -> &[u32] {
        let [unified, beside] = &self.starts;
        if shape.beside { beside } else { unified }
    }

    pub(super) fn gap(&self, hunk: usize, end: u32) -> u32 {
        let from = hunk
            .checked_sub(1)
            .and_then(|before| self.hunks.get(before))
            .map_or(0, |hunk| hunk.before.end);
        self.hunks
            .get(hunk)
            .map_or(end, |hunk| hunk.before.start)
            .saturating_sub(from)
    }
}

pub(super) const fn added(change: &Change) -> u32 {
    change.after.end - change.after.start
}

pub(super) const fn removed(change: &Change) -> u32 {
    change.before.end - change.before.start
}

pub(super) fn height(change: &Change, shape: Shape) -> u32 {
    if shape.beside {
        added(change).max(removed(change))
    } else {
        added(change) + removed(change)
    }
}
