//! A search in a pane that is done in turns, so that no key waits for it: some thousand lines at each turn of the
//! machine, from where the person reads to the end and around. Whatever the person does ends it.

use super::Moment;
use super::message::Step;
use super::state::{Detail, State};
use super::view::PaneView;

/// The most lines that are looked at in one turn.
const LINES: usize = 8_000;
/// As soon as so many bytes of text were looked at, a turn ends: lines may be long.
const BYTES: usize = 512 * 1024;

/// A search that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seek {
    step: Step,
    /// The line where it began.
    from: usize,
    /// Lines that were looked at.
    looked: usize,
    /// Lines in all.
    of: usize,
}

impl Seek {
    /// How far it is, in hundredths.
    #[must_use]
    pub const fn percent(&self) -> usize {
        match self.looked.saturating_mul(100).checked_div(self.of) {
            Some(percent) => percent,
            None => 100,
        }
    }

    /// The line that is looked at after `looked` others.
    const fn line(&self, looked: usize) -> usize {
        match self.step {
            Step::Next => (self.from + looked) % self.of,
            Step::Previous => (self.from + self.of - 1 - looked % self.of) % self.of,
        }
    }
}

/// Begins to look for the text that is searched for: from the line on top on, after it, or before it.
pub(super) fn begin(state: &mut State, step: Step, with_first: bool, now: Moment) {
    let Some(detail) = state.detail.as_deref_mut() else {
        return;
    };
    let of = PaneView::of_detail(detail).map_or(0, |pane| pane.len());
    if detail.search.is_empty() || of == 0 {
        return;
    }
    let top = detail.top().line.min(of - 1);
    let from = match step {
        Step::Next if with_first => top,
        Step::Next => top + 1,
        Step::Previous => top,
    };
    detail.seek = Some(Seek {
        step,
        from,
        looked: 0,
        of,
    });
    go_on(state, now);
}

/// Looks at the next lines, where a search is under way.
pub(super) fn go_on(state: &mut State, now: Moment) {
    let Some(detail) = state.detail.as_deref_mut() else {
        return;
    };
    let Some(seek) = detail.seek.take() else {
        return;
    };
    match look(detail, seek) {
        // On top, even where less than a screenful follows: so the next one is found after it.
        Looked::Found(line) => detail.go_to(detail.pane, line),
        Looked::Until(looked) if looked < seek.of => detail.seek = Some(Seek { looked, ..seek }),
        Looked::Until(_) => state.tell("no line holds what is searched for", false, now),
        Looked::Moved => state.tell("what was searched is another text now; search again", false, now),
    }
}

enum Looked {
    Found(usize),
    Until(usize),
    Moved,
}

fn look(detail: &Detail, seek: Seek) -> Looked {
    let Some(pane) = PaneView::of_detail(detail).filter(|pane| pane.len() == seek.of) else {
        return Looked::Moved;
    };
    let end = seek.of.min(seek.looked.saturating_add(LINES));
    let mut bytes = 0;
    for looked in seek.looked..end {
        let line = seek.line(looked);
        let (holds, length) = pane.holds(line, &detail.search);
        if holds {
            return Looked::Found(line);
        }
        bytes += length;
        if bytes > BYTES {
            return Looked::Until(looked + 1);
        }
    }
    Looked::Until(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(step: Step, from: usize, of: usize) -> Vec<usize> {
        let seek = Seek {
            step,
            from,
            looked: 0,
            of,
        };
        (0..of).map(|looked| seek.line(looked)).collect()
    }

    #[test]
    fn every_line_is_looked_at_once_and_the_nearest_first() {
        assert_eq!(lines(Step::Next, 2, 4), [2, 3, 0, 1]);
        assert_eq!(lines(Step::Next, 4, 4), [0, 1, 2, 3]);
        assert_eq!(lines(Step::Previous, 2, 4), [1, 0, 3, 2]);
        assert_eq!(lines(Step::Previous, 0, 4), [3, 2, 1, 0]);
    }
}
