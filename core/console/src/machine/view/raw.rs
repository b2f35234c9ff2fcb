//! Documents byte by byte: offsets, hexadecimal digits, and what is printable.

use super::super::document::ChangedDocument;
use super::pane::PaneLine;
use super::piece::{Piece, Text, Tone, foreign};

/// Bytes on a line.
const WIDTH: usize = 16;

/// Lines of a document: for each side a title, its bytes and a blank.
pub(super) fn lines(document: &ChangedDocument) -> usize {
    document.diff.sides().iter().map(|bytes| rows(bytes) + 2).sum()
}

pub(super) fn line(documents: &[ChangedDocument], index: usize) -> Option<PaneLine> {
    let mut at = index;
    for document in documents {
        for (side, bytes) in ["before", "after"].into_iter().zip(document.diff.sides()) {
            let count = rows(bytes) + 2;
            if at < count {
                return side_line(document, side, bytes, at);
            }
            at -= count;
        }
    }
    None
}

fn rows(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(WIDTH)
}

fn side_line(document: &ChangedDocument, side: &str, bytes: &[u8], at: usize) -> Option<PaneLine> {
    let Some(row) = at.checked_sub(1) else {
        let mut title = vec![Piece::new(format!("{side}  "), Tone::Heading)];
        title.extend(foreign(&document.title, Tone::Heading));
        title.push(Piece::new(format!("  {} bytes", bytes.len()), Tone::Faint));
        return Some(PaneLine::bare(title));
    };
    let Some(bytes) = bytes.chunks(WIDTH).nth(row) else {
        return Some(PaneLine::bare(Text::new()));
    };
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
    let mut text = vec![
        Piece::new(format!("{:08x}  ", row * WIDTH), Tone::Faint),
        Piece::new(format!("{digits:<49}"), Tone::Plain),
    ];
    // What is not printable ASCII is a dot of another tone, so that it is no dot of the document.
    for run in bytes.chunk_by(|a, b| is_printable(*a) == is_printable(*b)) {
        let printable = run.first().is_some_and(|byte| is_printable(*byte));
        let shown = if printable {
            run.iter().map(|byte| char::from(*byte)).collect()
        } else {
            "·".repeat(run.len())
        };
        text.push(Piece::new(
            shown,
            if printable { Tone::Strong } else { Tone::Escape },
        ));
    }
    Some(PaneLine::bare(text))
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}
