//! A change by paths and values. An aid for reading: what is signed stands on the sheet, over the bytes.

use countersign_review::diff::structure::{Change, Op, Structure, Written};

use super::super::document::ChangedDocument;
use super::piece::{Piece, Text, Tone, escaped, foreign, spanned};

/// Lines of a change: its path, and both values.
const LINES: usize = 3;

/// Lines before the changes of a document: its title, and one for each note and problem.
fn head(structure: Option<&Structure>) -> usize {
    structure.map_or(2, |structure| {
        let said = structure.notes.len() + structure.problems.len();
        1 + said + usize::from(said == 0 && structure.changes.is_empty())
    })
}

/// Changes in all documents.
pub(super) fn structure_count(documents: &[ChangedDocument]) -> usize {
    let structures = documents
        .iter()
        .filter_map(|document| document.structure.as_deref());
    structures.map(|structure| structure.changes.len()).sum()
}

/// Lines of a document: its head, its changes, a blank.
pub(super) fn lines(document: &ChangedDocument) -> usize {
    let structure = document.structure.as_deref();
    head(structure) + structure.map_or(0, |structure| structure.changes.len()) * LINES + 1
}

/// The lines at which changes begin.
pub(in super::super) fn structure_marks(documents: &[ChangedDocument]) -> Vec<usize> {
    let mut marks = Vec::new();
    let mut first = 0;
    for document in documents {
        if let Some(structure) = document.structure.as_deref() {
            let begin = first + head(Some(structure));
            marks.extend((0..structure.changes.len()).map(|number| begin + number * LINES));
        }
        first += lines(document);
    }
    marks
}

pub(super) fn line(documents: &[ChangedDocument], index: usize) -> Option<Text> {
    let mut at = index;
    for document in documents {
        if at < lines(document) {
            return Some(document_line(document, at));
        }
        at -= lines(document);
    }
    None
}

fn document_line(document: &ChangedDocument, at: usize) -> Text {
    let structure = document.structure.as_deref();
    if at == 0 {
        let mut title = foreign(&document.title, Tone::Heading);
        title.extend(structure.map(told));
        return title;
    }
    let Some(structure) = structure else {
        return match at {
            1 => vec![Piece::new(
                "The structure was not compared: read the lines.",
                Tone::Faint,
            )],
            _ => Text::new(),
        };
    };
    if let Some(number) = at.checked_sub(head(Some(structure))) {
        let change = structure.changes.get(number / LINES);
        return change
            .map(|change| change_line(document, change, number % LINES))
            .unwrap_or_default();
    }
    let problems = structure.problems.iter().map(|text| (text, Tone::Warn));
    let notes = structure.notes.iter().map(|text| (text, Tone::Faint));
    match problems.chain(notes).nth(at - 1) {
        Some((text, tone)) => {
            let mut line = vec![Piece::new("  ", tone)];
            line.extend(escaped(text, tone));
            line
        }
        None => vec![Piece::new("  No value changes.", Tone::Faint)],
    }
}

fn told(structure: &Structure) -> Piece {
    let format = structure.format.map_or("", |format| format.id());
    let count = structure.changes.len();
    let changes = if count == 1 { "change" } else { "changes" };
    Piece::new(
        format!("  {format} {}  {count} {changes}", structure.shape),
        Tone::Faint,
    )
}

fn change_line(document: &ChangedDocument, change: &Change, part: usize) -> Text {
    let (sign, tone) = match change.op {
        Op::Add => ("+ ", Tone::Added),
        Op::Remove => ("- ", Tone::Removed),
        Op::Replace => ("~ ", Tone::Warn),
        Op::Move { .. } => ("\u{2195} ", Tone::Hunk),
    };
    match part {
        0 => {
            let mut line = vec![Piece::new(sign, tone)];
            line.extend(escaped(&change.path.shown(), Tone::Strong));
            let word = match change.op {
                Op::Move { from, to } => format!("  move from {from} to {to}"),
                op => format!("  {}", op.id()),
            };
            line.push(Piece::new(word, Tone::Faint));
            for note in &change.notes {
                line.push(Piece::new("  ", Tone::Faint));
                line.extend(escaped(note, Tone::Warn));
            }
            line
        }
        1 => value(document, "before", change.before.as_ref(), Tone::Removed),
        _ => value(document, "after", change.after.as_ref(), Tone::Added),
    }
}

fn value(document: &ChangedDocument, side: &str, value: Option<&Written>, tone: Tone) -> Text {
    let mut line = vec![Piece::new(format!("    {side:<7}"), Tone::Faint)];
    match value {
        Some(value) => {
            line.extend(spanned(document.value_spans(&value.text), tone));
            line.push(Piece::new(format!("  line {}", value.line), Tone::Faint));
        }
        None => line.push(Piece::new("\u{2013}", Tone::Faint)),
    }
    line
}
