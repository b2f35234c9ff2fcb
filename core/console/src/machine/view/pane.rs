//! The panes of a request, line by line; lines are made when they are asked for.

use std::ops::Range;

use countersign_review::secret::Masks;
use countersign_review::sheet::SheetLine;
use countersign_review::text::{Class, Mark, escape_line};
use serde::Serialize;

use super::super::batch::Batch;
use super::super::counter::Counter;
use super::super::document::{ChangedDocument, Shape};
use super::super::fuzzy;
use super::super::reading::{Drifted, Pane, Reading};
use super::super::state::Detail;
use super::batch::merged_line;
use super::change::change_line;
use super::evidence::evidence;
use super::listing::{context, findings, history, policy};
use super::piece::{Piece, Text, Tone};
use super::sheet::sheet_line;
use super::talk::talk;
use super::{drift, raw, structure};

/// One line of a pane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct PaneLine {
    /// What stands beside it, such as line numbers; repeated as blanks where the line wraps.
    pub gutter: Text,
    /// The line.
    pub text: Text,
    /// What stands beside it on the right: its gutter and its line.
    pub beside: Option<(Text, Text)>,
    /// Columns in place of the line: beside each other where there is room, else one under the other.
    pub columns: Vec<Column>,
}

/// One column of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Column {
    /// What stands before it where the columns stand one under the other; in the line that names the columns nothing.
    pub label: &'static str,
    /// It.
    pub text: Text,
}

impl PaneLine {
    /// A line with nothing beside it.
    #[must_use]
    pub const fn bare(text: Text) -> Self {
        Self {
            gutter: Text::new(),
            text,
            beside: None,
            columns: Vec::new(),
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
    Batch(&'a Batch),
    Raw(&'a [ChangedDocument]),
    Structure(&'a [ChangedDocument]),
    Drift(&'a Drifted, &'a Masks),
}

impl<'a> PaneView<'a> {
    /// A pane of a reading, whole and one side under the other.
    #[must_use]
    pub fn of(reading: &'a Reading, pane: Pane) -> Self {
        let content = match pane {
            Pane::Structure if !reading.has_structure() => awaited("The structure is still being compared."),
            Pane::Findings if !reading.has_findings() => awaited("The findings are still being computed."),
            Pane::Sheet => Content::Sheet(&reading.sheet),
            Pane::Change => Content::Change(&reading.changes),
            Pane::Structure => Content::Structure(&reading.changes),
            Pane::Findings => Content::Lines(findings(&reading.findings, &reading.masks, None)),
            Pane::Context => Content::Lines(context(reading)),
            Pane::Policy => Content::Lines(policy(reading)),
            Pane::Drift => match &reading.drift {
                Some(drifted) => Content::Drift(drifted, &reading.masks),
                None => Content::Lines(Vec::new()),
            },
            Pane::Raw => Content::Raw(&reading.changes),
            Pane::Talk => Content::Lines(talk(reading)),
            Pane::History | Pane::Since | Pane::Evidence => Content::Lines(Vec::new()),
        };
        Self::new(content, Shape::default(), "")
    }

    /// The pane that is read, as it is read.
    #[must_use]
    pub fn of_detail(detail: &'a Detail) -> Option<Self> {
        let plain = |content| Self::new(content, detail.shape, &detail.search);
        if let (Pane::Evidence, Some(account)) = (detail.pane, &detail.evidence) {
            return Some(plain(Content::Lines(evidence(account))));
        }
        let reading = detail.reading()?;
        Some(match detail.pane {
            Pane::Change => plain(Content::Change(&reading.changes)),
            Pane::Findings if reading.has_findings() => plain(Content::Lines(findings(
                &reading.findings,
                &reading.masks,
                Some(detail.finding),
            ))),
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

    /// What a counter-proposal changes about what was asked.
    #[must_use]
    pub fn of_draft(counter: &'a Counter) -> Self {
        Self::new(Content::Sheet(counter.lines()), Shape::default(), "")
    }

    /// Lines that are there already.
    #[must_use]
    pub fn of_lines(lines: Vec<Text>) -> Self {
        Self::new(Content::Lines(lines), Shape::default(), "")
    }

    /// The merged sheet of a batch.
    #[must_use]
    pub fn of_batch(batch: &'a Batch) -> Self {
        Self::new(Content::Batch(batch), Shape::default(), "")
    }

    fn new(content: Content<'a>, shape: Shape, needle: &'a str) -> Self {
        let len = match &content {
            Content::Sheet(lines) => lines.len(),
            Content::Change([]) | Content::Raw([]) | Content::Structure([]) => 1,
            Content::Structure(documents) => documents.iter().map(structure::lines).sum(),
            Content::Change(documents) => documents.iter().map(|document| document.lines(shape)).sum(),
            Content::Raw(documents) => documents.iter().map(raw::lines).sum(),
            Content::Drift(drifted, _) => drift::lines(drifted),
            Content::Lines(lines) => lines.len(),
            Content::Batch(batch) => batch.lines().len(),
        };
        Self {
            content,
            shape,
            needle,
            len,
        }
    }

    /// Whether a line holds a text, as it is shown and whatever the case of ASCII letters; and how long the line is.
    pub(in super::super) fn holds(&self, index: usize, needle: &str) -> (bool, usize) {
        let Some(line) = self.made(index) else {
            return (false, 0);
        };
        let beside = line.beside.iter().map(|(_, text)| text);
        let texts = std::iter::once(&line.text)
            .chain(beside)
            .chain(line.columns.iter().map(|column| &column.text));
        let (mut holds, mut length) = (false, 0);
        for text in texts {
            let text = joined(text);
            holds |= fuzzy::exact_at(needle.as_bytes(), text.as_bytes()).is_some();
            length += text.len();
        }
        (holds, length)
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
            columns: line
                .columns
                .into_iter()
                .map(|column| Column {
                    label: column.label,
                    text: highlighted(column.text, self.needle),
                })
                .collect(),
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
            Content::Drift(drifted, masks) => drift::line(drifted, masks, index),
            Content::Batch(batch) => merged_line(batch, index),
            Content::Lines(lines) => lines.get(index).cloned().map(PaneLine::bare),
        }
    }
}

/// What stands in a pane that is not computed yet.
fn awaited(what: &str) -> Content<'static> {
    Content::Lines(vec![vec![Piece::new(what, Tone::Faint)]])
}

fn joined(text: &Text) -> String {
    text.iter().map(|piece| piece.text.as_str()).collect()
}

/// Where a text stands in another, whatever the case of ASCII letters; with the marks on its last letter, and the letter
/// below a mark that it begins with: drawn apart from its letter, no mark could be told from another.
fn found_in(text: &str, needle: &str) -> Vec<Range<usize>> {
    let (text, needle) = (text.to_ascii_lowercase(), needle.to_ascii_lowercase());
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, part) in text.match_indices(&needle) {
        let marks = |rest: &str| {
            rest.chars()
                .take_while(|c| is_mark(*c))
                .map(char::len_utf8)
                .sum::<usize>()
        };
        let end = at + part.len();
        let end = end + text.get(end..).map_or(0, marks);
        let letter = |(start, c): &(usize, char)| (!is_mark(*c)).then_some(*start);
        let start = if needle.starts_with(is_mark) {
            let before = text.get(..at).unwrap_or_default();
            before
                .char_indices()
                .rev()
                .find_map(|it| letter(&it))
                .unwrap_or(at)
        } else {
            at
        };
        match found.last_mut() {
            Some(last) if start < last.end => last.end = end,
            _ => found.push(start..end),
        }
    }
    found
}

/// Whether a character is drawn over the one before it: with none before it, it is escaped as such.
fn is_mark(c: char) -> bool {
    !c.is_ascii()
        && escape_line(c.encode_utf8(&mut [0; 4]).as_bytes())
            .iter()
            .any(|span| span.mark == Mark::Escape(Class::LoneMark))
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
