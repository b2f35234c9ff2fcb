//! The lines of documents that change.

use std::ops::Range;

use countersign_review::diff::text::{Row, RowKind};
use countersign_review::text::{Span, escape_line, spans_to_string};

use super::super::document::{ChangedDocument, DocumentLine, Shape};
use super::pane::PaneLine;
use super::piece::{Piece, Text, Tone, escaped, foreign};

pub(super) fn change_line(documents: &[ChangedDocument], shape: Shape, index: usize) -> Option<PaneLine> {
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
                columns: Vec::new(),
            }
        }
        DocumentLine::One(row) => PaneLine {
            gutter: gutter(format!("{} {} ", number(row.old_no), number(row.new_no))),
            text: row_text(document, &row),
            beside: None,
            columns: Vec::new(),
        },
        DocumentLine::Pair(left, right) => {
            let (gutter, text) = half(left.as_ref(), |row| row.old_no);
            PaneLine {
                gutter,
                text,
                beside: Some(half(right.as_ref(), |row| row.new_no)),
                columns: Vec::new(),
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
    // A line with a mask is drawn without marks: the mask itself says whether the secret is another.
    let change = row.change.filter(|_| !document.masks_some_of(row));
    let marks = change.and_then(|index| {
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
        Some(_) | None => push(document.row_spans(row), tone),
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
