//! The lines of a sheet.

use std::ops::Range;

use countersign_protocol::approval::Severity;
use countersign_review::diff::inline;
use countersign_review::diff::text::MAX_INLINE_BLOCK;
use countersign_review::drift::Standing;
use countersign_review::sheet::{LineRole, SheetLine};

use super::piece::{Piece, Text, Tone, escaped};

pub(super) fn sheet_line(lines: &[SheetLine], index: usize) -> Option<Text> {
    let line = lines.get(index)?;
    let text = line.text.as_str();
    Some(match line.role {
        LineRole::Heading => escaped(text, Tone::Heading),
        LineRole::Field => labelled(text, Tone::Plain),
        LineRole::Claim => labelled(text, Tone::Claim),
        LineRole::Hunk => escaped(text, Tone::Hunk),
        LineRole::Context => escaped(text, Tone::Plain),
        LineRole::Removed => marked(
            text,
            &partner_marks(lines, index),
            Tone::Removed,
            Tone::RemovedMark,
        ),
        LineRole::Added => marked(text, &partner_marks(lines, index), Tone::Added, Tone::AddedMark),
        LineRole::Finding(severity) if !text.starts_with(' ') => escaped(text, Tone::Risk(severity)),
        LineRole::Finding(_) => escaped(text, Tone::Plain),
        LineRole::FindingBeside => escaped(text, Tone::Faint),
        LineRole::Drift(standing) if !text.starts_with(' ') => escaped(text, standing_tone(standing)),
        LineRole::Drift(_) => escaped(text, Tone::Plain),
        LineRole::Blank => Text::new(),
    })
}

/// How dangerous it is what a proposal does to a path.
pub(super) const fn standing_tone(standing: Standing) -> Tone {
    match standing {
        Standing::RevertsLive => Tone::Risk(Severity::High),
        Standing::OnTopOfDrift => Tone::Risk(Severity::Medium),
        Standing::AskedFor => Tone::Plain,
        Standing::UntouchedDrift => Tone::Faint,
    }
}

fn labelled(text: &str, tone: Tone) -> Text {
    match text.split_once(": ") {
        Some((label, value)) => {
            let mut out = escaped(label, Tone::Faint);
            out.push(Piece::new(": ", Tone::Faint));
            if !value.is_empty() {
                out.extend(escaped(value, tone));
            }
            out
        }
        None => escaped(text, tone),
    }
}

/// Finds the line on the other side that stands beside this one, and what differs in this one.
fn partner_marks(lines: &[SheetLine], index: usize) -> Vec<Range<usize>> {
    let limit = MAX_INLINE_BLOCK as usize;
    let run = |from: usize, role: LineRole| {
        lines
            .iter()
            .skip(from)
            .take(limit + 1)
            .take_while(|line| line.role == role)
            .count()
    };
    let back = |from: usize, role: LineRole| {
        lines
            .iter()
            .take(from)
            .rev()
            .take(limit + 1)
            .take_while(|line| line.role == role)
            .count()
    };
    let Some(line) = lines.get(index) else {
        return Vec::new();
    };
    let (removed_at, removed, added) = match line.role {
        LineRole::Removed => {
            let start = index - back(index, LineRole::Removed);
            let removed = run(start, LineRole::Removed);
            (start, removed, run(start + removed, LineRole::Added))
        }
        LineRole::Added => {
            let start = index - back(index, LineRole::Added);
            let removed = back(start, LineRole::Removed);
            (start - removed, removed, run(start, LineRole::Added))
        }
        _ => return Vec::new(),
    };
    if removed > limit || added > limit {
        return Vec::new();
    }
    let is_removed = line.role == LineRole::Removed;
    let place = if is_removed {
        index - removed_at
    } else {
        index - removed_at - removed
    };
    if place >= removed.min(added) {
        return Vec::new();
    }
    let body = |at: usize| {
        lines
            .get(at)
            .and_then(|line| line.text.get(1..))
            .unwrap_or_default()
    };
    let (old, new) = (body(removed_at + place), body(removed_at + removed + place));
    let marks = inline(old.as_bytes(), new.as_bytes());
    let shifted = |ranges: Vec<Range<usize>>| ranges.into_iter().map(|r| r.start + 1..r.end + 1).collect();
    marks
        .map(|marks| shifted(if is_removed { marks.removed } else { marks.added }))
        .unwrap_or_default()
}

/// Splits a printable line at the marked byte ranges.
fn marked(text: &str, marks: &[Range<usize>], tone: Tone, mark_tone: Tone) -> Text {
    let mut out = Text::new();
    let mut at = 0;
    let mut push = |range: Range<usize>, tone| {
        if let Some(part) = text.get(range)
            && !part.is_empty()
        {
            out.extend(escaped(part, tone));
        }
    };
    for mark in marks {
        // A mark inside an escape would tear its brackets apart; such a line is drawn without marks.
        let whole = |at: usize| {
            text.get(..at)
                .is_some_and(|head| head.matches('⟦').count() == head.matches('⟧').count())
        };
        if !whole(mark.start) || !whole(mark.end) {
            return escaped(text, tone);
        }
        push(at..mark.start, tone);
        push(mark.clone(), mark_tone);
        at = mark.end;
    }
    push(at..text.len(), tone);
    out
}
