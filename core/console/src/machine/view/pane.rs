//! The panes of a request, line by line; lines are made when they are asked for.

use std::ops::Range;

use countersign_review::diff::inline;
use countersign_review::diff::text::{MAX_INLINE_BLOCK, Row, RowKind};
use countersign_review::sheet::{LineRole, SheetLine};
use countersign_review::text::{Span, escape_line, spans_to_string};
use serde::Serialize;

use super::super::document::{ChangedDocument, DocumentLine, Shape};
use super::super::message::Step;
use super::super::reading::{Pane, Reading};
use super::super::state::Detail;
use super::listing::{context, findings, history, policy};
use super::piece::{Piece, Text, Tone, escaped, foreign};
use super::{raw, structure};

/// One line of a pane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaneLine {
    /// What stands beside it, such as line numbers; repeated as blanks where the line wraps.
    pub gutter: Text,
    /// The line.
    pub text: Text,
    /// What stands beside it on the right: its gutter and its line.
    pub beside: Option<(Text, Text)>,
}

impl PaneLine {
    /// A line with nothing beside it.
    #[must_use]
    pub const fn bare(text: Text) -> Self {
        Self {
            gutter: Text::new(),
            text,
            beside: None,
        }
    }
}

/// A pane.
#[derive(Debug)]
pub struct PaneView<'a> {
    content: Content<'a>,
    shape: Shape,
    needle: &'a str,
    len: usize,
}

#[derive(Debug)]
enum Content<'a> {
    Sheet(&'a [SheetLine]),
    Change(&'a [ChangedDocument]),
    Lines(Vec<Text>),
    Raw(&'a [ChangedDocument]),
    Structure(&'a [ChangedDocument]),
}

impl<'a> PaneView<'a> {
    /// A pane of a reading, whole and one side under the other.
    #[must_use]
    pub fn of(reading: &'a Reading, pane: Pane) -> Self {
        let content = match pane {
            Pane::Sheet => Content::Sheet(&reading.sheet),
            Pane::Change => Content::Change(&reading.changes),
            Pane::Structure => Content::Structure(&reading.changes),
            Pane::Findings => Content::Lines(findings(&reading.findings, None)),
            Pane::Context => Content::Lines(context(reading)),
            Pane::Policy => Content::Lines(policy(reading)),
            Pane::Raw => Content::Raw(&reading.changes),
            Pane::History | Pane::Since => Content::Lines(Vec::new()),
        };
        Self::new(content, Shape::default(), "")
    }

    /// The pane that is read, as it is read.
    #[must_use]
    pub fn of_detail(detail: &'a Detail) -> Option<Self> {
        let reading = detail.reading()?;
        let plain = |content| Self::new(content, detail.shape, &detail.search);
        Some(match detail.pane {
            Pane::Change => plain(Content::Change(&reading.changes)),
            Pane::Findings => plain(Content::Lines(findings(&reading.findings, Some(detail.finding)))),
            Pane::History => plain(Content::Lines(history(&detail.history, reading))),
            Pane::Since => plain(match &detail.since {
                Some(since) => Content::Change(std::slice::from_ref(since)),
                None => Content::Lines(Vec::new()),
            }),
            pane => Self {
                needle: &detail.search,
                ..Self::of(reading, pane)
            },
        })
    }

    fn new(content: Content<'a>, shape: Shape, needle: &'a str) -> Self {
        let len = match &content {
            Content::Sheet(lines) => lines.len(),
            Content::Change([]) | Content::Raw([]) | Content::Structure([]) => 1,
            Content::Structure(documents) => documents.iter().map(structure::lines).sum(),
            Content::Change(documents) => documents.iter().map(|document| document.lines(shape)).sum(),
            Content::Raw(documents) => documents.iter().map(raw::lines).sum(),
            Content::Lines(lines) => lines.len(),
        };
        Self {
            content,
            shape,
            needle,
            len,
        }
    }

    /// The next line that holds `needle`, after or before a line, around the end; nothing where none does.
    #[must_use]
    pub fn find(&self, needle: &str, from: Option<usize>, step: Step) -> Option<usize> {
        if needle.is_empty() || self.len == 0 {
            return None;
        }
        let holds = |index: &usize| self.holds(*index, needle);
        match step {
            Step::Next => {
                let next = from.map_or(0, |from| from + 1);
                (next..self.len).chain(0..next.min(self.len)).find(holds)
            }
            Step::Previous => {
                let at = from.unwrap_or(0).min(self.len);
                (0..at).rev().chain((at..self.len).rev()).find(holds)
            }
        }
    }

    /// Whether a line holds a text, as it is shown.
    fn holds(&self, index: usize, needle: &str) -> bool {
        let Some(line) = self.made(index) else {
            return false;
        };
        let beside = line.beside.iter().map(|(_, text)| text);
        std::iter::once(&line.text)
            .chain(beside)
            .any(|text| !found_in(&joined(text), needle).is_empty())
    }

    /// How many lines there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One line.
    #[must_use]
    pub fn line(&self, index: usize) -> Option<PaneLine> {
        let line = self.made(index)?;
        if self.needle.is_empty() {
            return Some(line);
        }
        Some(PaneLine {
            gutter: line.gutter,
            text: highlighted(line.text, self.needle),
            beside: line
                .beside
                .map(|(gutter, text)| (gutter, highlighted(text, self.needle))),
        })
    }

    fn made(&self, index: usize) -> Option<PaneLine> {
        let only = |text: &str| (index == 0).then(|| PaneLine::bare(vec![Piece::new(text, Tone::Faint)]));
        match &self.content {
            Content::Sheet(lines) => sheet_line(lines, index).map(PaneLine::bare),
            Content::Change([]) => only("No document changes: what would run stands on the sheet."),
            Content::Raw([]) => only("There is no document: what would run stands on the sheet."),
            Content::Change(documents) => change_line(documents, self.shape, index),
            Content::Raw(documents) => raw::line(documents, index),
            Content::Structure([]) => only("No document changes: what would run stands on the sheet."),
            Content::Structure(documents) => structure::line(documents, index).map(PaneLine::bare),
            Content::Lines(lines) => lines.get(index).cloned().map(PaneLine::bare),
        }
    }
}

fn joined(text: &Text) -> String {
    text.iter().map(|piece| piece.text.as_str()).collect()
}

/// Where a text stands in another, whatever the case of ASCII letters.
fn found_in(text: &str, needle: &str) -> Vec<Range<usize>> {
    let (text, needle) = (text.to_ascii_lowercase(), needle.to_ascii_lowercase());
    text.match_indices(&needle)
        .map(|(at, part)| at..at + part.len())
        .collect()
}

/// Cuts the pieces of a line so that what is searched for stands out.
fn highlighted(text: Text, needle: &str) -> Text {
    let found = found_in(&joined(&text), needle);
    if found.is_empty() {
        return text;
    }
    let mut out = Text::new();
    let mut start = 0;
    for piece in text {
        let end = start + piece.text.len();
        let inside = found
            .iter()
            .filter(|range| range.start < end && start < range.end);
        let mut cuts = vec![start];
        cuts.extend(inside.flat_map(|range| [range.start.max(start), range.end.min(end)]));
        cuts.push(end);
        for (from, to) in cuts.iter().zip(cuts.iter().skip(1)) {
            let is_match = found.iter().any(|range| range.start <= *from && *to <= range.end);
            if let Some(part) = piece.text.get(from - start..to - start)
                && !part.is_empty()
            {
                out.push(Piece::new(part, if is_match { Tone::Match } else { piece.tone }));
            }
        }
        start = end;
    }
    out
}

fn sheet_line(lines: &[SheetLine], index: usize) -> Option<Text> {
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
        LineRole::Blank => Text::new(),
    })
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

fn change_line(documents: &[ChangedDocument], shape: Shape, index: usize) -> Option<PaneLine> {
    let mut at = index;
    for document in documents {
        let lines = document.lines(shape);
        if at < lines {
            return document_line(document, shape, at);
        }
        at -= lines;
    }
    None
}

fn document_line(document: &ChangedDocument, shape: Shape, at: usize) -> Option<PaneLine> {
    let number = |number: Option<u32>| number.map_or_else(|| " ".repeat(5), |number| format!("{number:>5}"));
    let gutter = |text: String| vec![Piece::new(text, Tone::Faint)];
    let half = |row: Option<&Row<'_>>, number_of: fn(&Row<'_>) -> Option<u32>| match row {
        Some(row) => (
            gutter(format!("{} ", number(number_of(row)))),
            row_text(document, row),
        ),
        None => (gutter(" ".repeat(6)), Text::new()),
    };
    Some(match document.line(shape, at)? {
        DocumentLine::Title => {
            let mut title = foreign(&document.title, Tone::Heading);
            let stats = document.stats;
            title.push(Piece::new(
                format!("  {} removed, {} added", stats.removed, stats.added),
                Tone::Faint,
            ));
            PaneLine::bare(title)
        }
        DocumentLine::Blank => PaneLine::bare(Text::new()),
        DocumentLine::Fold(count) => {
            let lines = if count == 1 { "line" } else { "lines" };
            PaneLine::bare(vec![Piece::new(
                format!("·· {count} unchanged {lines} ··"),
                Tone::Hunk,
            )])
        }
        DocumentLine::One(row) if shape.beside => {
            let (left, text) = half(Some(&row), |row| row.old_no);
            PaneLine {
                gutter: left,
                text,
                beside: Some(half(Some(&row), |row| row.new_no)),
            }
        }
        DocumentLine::One(row) => PaneLine {
            gutter: gutter(format!("{} {} ", number(row.old_no), number(row.new_no))),
            text: row_text(document, &row),
            beside: None,
        },
        DocumentLine::Pair(left, right) => {
            let (gutter, text) = half(left.as_ref(), |row| row.old_no);
            PaneLine {
                gutter,
                text,
                beside: Some(half(right.as_ref(), |row| row.new_no)),
            }
        }
    })
}

fn row_text(document: &ChangedDocument, row: &Row<'_>) -> Text {
    let (sign, tone, mark_tone) = match row.kind {
        RowKind::Context => (" ", Tone::Plain, Tone::Plain),
        RowKind::Removed => ("-", Tone::Removed, Tone::RemovedMark),
        RowKind::Added => ("+", Tone::Added, Tone::AddedMark),
    };
    let marks = row.change.and_then(|index| {
        let change = document.diff.changes().get(index)?;
        let (number, start) = match row.kind {
            RowKind::Removed => (row.old_no?, change.before.start),
            RowKind::Added | RowKind::Context => (row.new_no?, change.after.start),
        };
        let inline = document.diff.inline(index, number - 1 - start)?;
        Some(if row.kind == RowKind::Removed {
            inline.removed
        } else {
            inline.added
        })
    });
    let mut out = vec![Piece::new(sign, tone)];
    let mut push = |spans: Vec<Span>, tone| {
        if !spans.is_empty() {
            out.extend(escaped(&spans_to_string(&spans), tone));
        }
    };
    match marks {
        // Borders of marks lie between words, so each part is escaped as it is in the whole line, except
        // where a mark begins with a combining character; then the line is drawn without marks.
        Some(marks) if parts_escape_alike(row, &marks) => {
            let mut at = 0;
            for mark in marks {
                push(
                    escape_line(row.line.get(at..mark.start).unwrap_or_default()),
                    tone,
                );
                push(
                    escape_line(row.line.get(mark.clone()).unwrap_or_default()),
                    mark_tone,
                );
                at = mark.end;
            }
            let rest = row.line.get(at..).unwrap_or_default();
            let tail = row.spans().split_off(escape_line(row.line).len());
            push(escape_line(rest), tone);
            push(tail, tone);
        }
        Some(_) | None => push(row.spans(), tone),
    }
    out
}

fn parts_escape_alike(row: &Row<'_>, marks: &[Range<usize>]) -> bool {
    let mut joined = String::new();
    let mut at = 0;
    for mark in marks {
        joined += &spans_to_string(&escape_line(row.line.get(at..mark.start).unwrap_or_default()));
        joined += &spans_to_string(&escape_line(row.line.get(mark.clone()).unwrap_or_default()));
        at = mark.end;
    }
    joined += &spans_to_string(&escape_line(row.line.get(at..).unwrap_or_default()));
    joined == spans_to_string(&escape_line(row.line))
}
