//! Where text stands that hides, moves or imitates text: the places of the findings that tell of it, then the lines of
//! the sheet outside the documents. It finds nothing by rules of its own: words and characters are judged by the review.

use countersign_review::findings::{Finding, Side};
use countersign_review::sheet::LineRole;
use countersign_review::text::{Class, escape_line, spans_to_string, suspicious};

use super::attention::Position;
use super::document::{ChangedDocument, Shape};
use super::reading::{Pane, Reading};

/// The rules that tell of such text.
const RULES: [&str; 3] = ["hostile-text", "text-mixed-script", "text-confusable"];
/// Lines above the place that stay in view.
const ABOVE: usize = 3;
/// From this character on a line is shown from near the place, not from its start.
const FAR: usize = 60;

/// One place of suspicious text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// The pane that shows it.
    pub pane: Pane,
    /// What to put on top of the pane.
    pub top: Position,
    /// Where it is, in words.
    pub told: String,
}

/// The places, in the order of the documents and of the sheet. Changes are laid out in this shape.
pub(super) fn spots(reading: &Reading, shape: Shape) -> Vec<Spot> {
    let mut found: Vec<&Finding> = reading
        .findings
        .iter()
        .filter(|finding| RULES.contains(&finding.rule.as_str()) && finding.line.is_some())
        .collect();
    found.sort_by_key(|finding| (finding.side == Side::Before, finding.line, finding.column));
    let mut spots: Vec<Spot> = found
        .into_iter()
        .filter_map(|finding| in_document(reading, finding, shape))
        .collect();
    let documents_too = spots.is_empty();
    for (line, written) in reading.sheet.iter().enumerate() {
        let of_document = matches!(
            written.role,
            LineRole::Context | LineRole::Removed | LineRole::Added
        );
        if (documents_too || !of_document) && is_suspicious(&written.text) {
            let top = Position {
                line: line.saturating_sub(ABOVE),
                character: 0,
            };
            spots.push(Spot {
                pane: Pane::Sheet,
                top,
                told: format!("line {} of the sheet", line + 1),
            });
        }
    }
    spots
}

fn in_document(reading: &Reading, finding: &Finding, shape: Shape) -> Option<Spot> {
    let line = reading.line_of(finding, shape)?;
    let number = finding.line?;
    let far = finding
        .column
        .filter(|_| !shape.beside)
        .and_then(|column| offset(reading.changes.first()?, finding.side, number, column))
        .filter(|offset| *offset >= FAR);
    let top = match far {
        Some(character) => Position { line, character },
        None => Position {
            line: line.saturating_sub(ABOVE),
            character: 0,
        },
    };
    let side = if finding.side == Side::Before {
        " before"
    } else {
        ""
    };
    let column = finding
        .column
        .map_or_else(String::new, |column| format!(":{column}"));
    Some(Spot {
        pane: Pane::Change,
        top,
        told: format!("line {number}{column}{side}"),
    })
}

/// The character of the shown line at which a column of the document stands; nothing where that isn't known, since
/// something of the line is masked.
fn offset(document: &ChangedDocument, side: Side, line: u32, column: u32) -> Option<usize> {
    if document.is_masked() {
        return None;
    }
    let [before, after] = document.diff.sides();
    let bytes = if side == Side::Before { before } else { after };
    let line = bytes
        .split(|byte| *byte == b'\n')
        .nth(line.checked_sub(1)? as usize)?;
    let mut rest = column.checked_sub(1)? as usize;
    let mut length = 0;
    for chunk in line.utf8_chunks() {
        let taken: usize = chunk.valid().chars().take(rest).map(char::len_utf8).sum();
        rest -= chunk.valid().chars().take(rest).count();
        length += taken;
        if rest == 0 {
            break;
        }
        let bad = chunk.invalid().len().min(rest);
        length += bad;
        rest -= bad;
    }
    // The sign of the line stands before it.
    let shown = spans_to_string(&escape_line(line.get(..length)?));
    Some(1 + shown.chars().count())
}

/// Whether a line of a sheet, which is escaped already, holds an escape that ordinary text has no need of, or a word that
/// imitates another.
fn is_suspicious(line: &str) -> bool {
    let escapes = line.split('⟦').skip(1);
    let mut words = escapes.map(|rest| rest.split_once('⟧').map_or(rest, |(form, _)| form));
    words.any(|form| {
        form.starts_with("U+") || form.starts_with("0x") || form == "RTL" || form.contains(" marks ")
    }) || suspicious(line.as_bytes()).iter().any(|found| {
        matches!(
            found.class,
            Class::MixedScript | Class::Confusable | Class::Decomposed
        )
    })
}

#[cfg(test)]
mod tests {
    use countersign_review::diff::text::TextDiff;

    use super::*;

    #[test]
    fn a_column_is_found_behind_escapes_and_bad_bytes() {
        let text = b"a\t\xff\xfe\xe2\x82x\xe2\x80\xaey\n";
        let document = ChangedDocument::new("x", TextDiff::new(b"".to_vec(), text.to_vec()).unwrap());
        let shown = "+a⟦TAB⟧⟦0xFF⟧⟦0xFE⟧⟦0xE2⟧⟦0x82⟧x⟦U+202E⟧y";
        for (column, rest) in [
            (1, "a⟦TAB⟧"),
            (2, "⟦TAB⟧"),
            (3, "⟦0xFF⟧"),
            (5, "⟦0xE2⟧"),
            (7, "x⟦"),
            (8, "⟦U+202E⟧"),
            (9, "y"),
        ] {
            let offset = offset(&document, Side::After, 1, column).unwrap();
            let tail: String = shown.chars().skip(offset).collect();
            assert!(tail.starts_with(rest), "{column}: {tail}");
        }
        assert_eq!(offset(&document, Side::After, 0, 1), None);
        assert_eq!(offset(&document, Side::After, 9, 1), None);
    }

    #[test]
    fn ordinary_lines_of_a_sheet_are_not_suspicious_and_deceiving_ones_are() {
        for line in [
            "target: file://web-1/x",
            "+a⟦TAB⟧b",
            "reason: naïve 漢字",
            "key: ⟦12 more characters⟧",
        ] {
            assert!(!is_suspicious(line), "{line}");
        }
        for line in [
            "a⟦U+202E⟧b",
            "a⟦0xFF⟧",
            "⟦RTL⟧א⟦LTR⟧",
            "a⟦9 marks 00⟧",
            "role: \u{430}dmin",
            "e\u{301}",
        ] {
            assert!(is_suspicious(line), "{line}");
        }
    }
}
