use std::sync::Arc;

use countersign_protocol::mask::MaskKey;
use countersign_review::secret::Masks;

use super::super::document::{ChangedDocument, Shape};
use super::change::change_line;
use super::pane::PaneLine;
use super::{raw, structure};

const OLD: &str = "env: production\ntoken: abcdef123456\nport: 1\n";
const NEW: &str = "env: production\ntoken: uvwxyz987654\nport: 2\n";

fn documents() -> Vec<ChangedDocument> {
    let key = Some(MaskKey::from_random([3; 32]));
    let masks = Arc::new(Masks::of_documents(
        "config-file",
        key,
        &[OLD.as_bytes(), NEW.as_bytes()],
    ));
    let document = ChangedDocument::lines_of(
        b"/etc/x.yaml",
        Some(OLD.as_bytes().into()),
        Some(NEW.as_bytes().into()),
    );
    vec![document.unwrap().with_masks(&masks).compared("config-file")]
}

fn text(line: &PaneLine) -> String {
    let beside = line.beside.iter().flat_map(|(_, text)| text);
    let pieces = line.text.iter().chain(beside);
    pieces.map(|piece| piece.text.as_str()).collect()
}

/// Every line of the panes that show documents.
fn all(documents: &[ChangedDocument]) -> String {
    let mut shown = String::new();
    for (folded, beside) in [(false, false), (false, true), (true, false), (true, true)] {
        let shape = Shape { folded, beside };
        for line in (0..).map_while(|index| change_line(documents, shape, index)) {
            shown += &(text(&line) + "\n");
        }
    }
    for line in (0..).map_while(|index| raw::line(documents, index)) {
        shown += &(text(&line) + "\n");
    }
    for line in (0..).map_while(|index| structure::line(documents, index)) {
        shown += &(text(&PaneLine::bare(line)) + "\n");
    }
    shown
}

#[test]
fn no_pane_shows_a_secret_until_it_is_revealed() {
    let masked = documents();
    let shown = all(&masked);
    let hexadecimal = "61 62 63 64 65 66";
    for secret in ["abcdef", "123456", "uvwxyz", "987654", hexadecimal] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("production") && shown.contains("\u{27e6}secret: 12 characters, mark "));
    let clear: Vec<ChangedDocument> = masked.iter().map(ChangedDocument::revealed).collect();
    let shown = all(&clear);
    assert!(shown.contains("abcdef123456") && shown.contains(hexadecimal));
}

#[test]
fn a_rotation_shows_by_two_marks() {
    let shown = all(&documents());
    let marks: std::collections::BTreeSet<&str> = shown
        .split("mark ")
        .skip(1)
        .filter_map(|rest| rest.get(..16))
        .collect();
    assert_eq!(marks.len(), 2, "{marks:?}");
}
