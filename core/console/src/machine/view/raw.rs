//! Documents byte by byte: offsets, hexadecimal digits, and what is printable. Bytes of secrets are masked.

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
    let first = row * WIDTH;
    let number = usize::from(side == "after");
    let hidden = |at: usize| document.hides(number, first + at);
    let digit = |(at, byte): (usize, &u8)| {
        if hidden(at) {
            "\u{b7}\u{b7} ".to_owned()
        } else {
            format!("{byte:02x} ")
        }
    };
    let digits: String = bytes.iter().enumerate().map(digit).collect();
    let mut text = vec![
        Piece::new(format!("{first:08x}  "), Tone::Faint),
        Piece::new(format!("{digits:<49}"), Tone::Plain),
    ];
    // What is not printable ASCII is a dot of another tone, so that it is no dot of the document.
    let cells: Vec<Option<u8>> = bytes
        .iter()
        .enumerate()
        .map(|(at, byte)| (is_printable(*byte) && !hidden(at)).then_some(*byte))
        .collect();
    for run in cells.chunk_by(|a, b| a.is_some() == b.is_some()) {
        let printable = run.first().is_some_and(Option::is_some);
        let shown: String = run.iter().map(|cell| cell.map_or('·', char::from)).collect();
        text.push(Piece::new(
            shown,
            if printable { Tone::Strong } else { Tone::Escape },
        ));
    }
    // So that a row that ends in a blank doesn't end in one.
    text.push(Piece::new("│", Tone::Faint));
    Some(PaneLine::bare(text))
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}
