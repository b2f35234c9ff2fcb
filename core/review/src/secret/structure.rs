//! Values that a document itself calls secret: the data of a Kubernetes Secret, what a Terraform plan marks as
//! sensitive, variables by their names, and values under keys that name a secret.

use std::hash::RandomState;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::assignment::{NAMES, NEW_VALUES, is_computed, is_literal, least, plain};
use crate::diff::structure::{Node, Side, Tree};

/// A document larger than this is read line by line only.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// Adds the secrets of a document that can be read.
pub(super) fn find(kind: &str, bytes: &[u8], found: &mut Vec<Range<usize>>) {
    if bytes.len() <= MAX_BYTES && may_name(bytes) {
        read(kind, bytes, found);
    }
}

fn read(kind: &str, bytes: &[u8], found: &mut Vec<Range<usize>>) {
    let hash = RandomState::new();
    let Some(side) = Side::recognise(kind, bytes, &hash) else {
        return;
    };
    let skipped = if bytes.starts_with("\u{feff}".as_bytes()) {
        3
    } else {
        0
    };
    let mut reader = Reader {
        kind,
        bytes,
        skipped,
        found,
    };
    for document in &side.documents {
        reader.walk(document);
    }
}

/// Whether a document could name a secret by its structure, which takes long to read: whether any word that does stands
/// somewhere among its letters, or might be written in escapes.
fn may_name(bytes: &[u8]) -> bool {
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        let names = NAMES.iter().map(|(name, _)| *name);
        AhoCorasick::new(names.chain(NEW_VALUES.iter().copied()).chain(["sensitive"])).ok()
    });
    let stands = |words: &AhoCorasick| words.is_match(plain(bytes).as_bytes());
    bytes.contains(&b'\\') || WORDS.as_ref().is_none_or(stands)
}

struct Reader<'a> {
    kind: &'a str,
    bytes: &'a [u8],
    /// Bytes before the text that places are counted from.
    skipped: usize,
    found: &'a mut Vec<Range<usize>>,
}

impl Reader<'_> {
    fn walk(&mut self, tree: &Tree<'_>) {
        match &tree.node {
            Node::Scalar(_) => {}
            Node::List(items) => {
                for item in items {
                    self.walk(item);
                }
            }
            Node::Map(entries) => {
                self.map(tree);
                for entry in entries {
                    if let Some(least) = least(self.kind, entry.key.trim_matches(['"', '\'']).as_bytes()) {
                        self.literal(&entry.value, least);
                    }
                    self.walk(&entry.value);
                }
            }
        }
    }

    /// What a map says of its own values.
    fn map(&mut self, map: &Tree<'_>) {
        let text = |key: &str| map.at(key).and_then(Tree::bare);
        // Lists of variables write the key as a value.
        for (name, value) in [("name", "value"), ("Name", "Value"), ("key", "value")] {
            if let (Some(name), Some(value)) = (text(name), map.at(value))
                && let Some(least) = least(self.kind, name.as_bytes())
            {
                self.literal(value, least);
            }
        }
        if text("kind") == Some("Secret") {
            for key in ["data", "stringData"] {
                if let Some(value) = map.at(key) {
                    self.all(value);
                }
            }
        }
        if text("sensitive") == Some("true") {
            for key in ["value", "default"] {
                if let Some(value) = map.at(key) {
                    self.all(value);
                }
            }
        }
        for (value, marks) in [
            ("before", "before_sensitive"),
            ("after", "after_sensitive"),
            ("values", "sensitive_values"),
        ] {
            if let (Some(value), Some(marks)) = (map.at(value), map.at(marks)) {
                self.marked(value, marks);
            }
        }
    }

    /// Follows a tree of marks: what it says `true` of is secret.
    fn marked(&mut self, value: &Tree<'_>, marks: &Tree<'_>) {
        match &marks.node {
            Node::Scalar(_) if marks.bare() == Some("true") => self.all(value),
            Node::Scalar(_) => {}
            Node::List(items) => {
                for (mark, item) in items.iter().zip(value.items()) {
                    self.marked(item, mark);
                }
            }
            Node::Map(entries) => {
                for entry in entries {
                    if let Some(inner) = value.at(&entry.key) {
                        self.marked(inner, &entry.value);
                    }
                }
            }
        }
    }

    /// Every value in it is secret.
    fn all(&mut self, tree: &Tree<'_>) {
        match &tree.node {
            Node::Scalar(_) => {
                let named = tree.bare().is_some_and(|bare| matches!(bare, "null" | "~" | ""));
                if let Some(range) = self.inside(tree).filter(|_| !named) {
                    self.found.push(range);
                }
            }
            Node::List(items) => items.iter().for_each(|item| self.all(item)),
            Node::Map(entries) => entries.iter().for_each(|entry| self.all(&entry.value)),
        }
    }

    fn literal(&mut self, tree: &Tree<'_>, least: usize) {
        let Some(range) = tree.lexeme().and_then(|_| self.inside(tree)) else {
            return;
        };
        let bytes = self.bytes.get(range.clone()).unwrap_or_default();
        let quote = range.start.checked_sub(1).and_then(|at| self.bytes.get(at));
        let quoted = matches!(quote, Some(b'"' | b'\''));
        if is_literal(bytes, least) && (quoted || !is_computed(bytes)) {
            self.found.push(range);
        }
    }

    /// The bytes of a scalar without its quotes.
    fn inside(&self, tree: &Tree<'_>) -> Option<Range<usize>> {
        let start = tree.start + self.skipped;
        let raw = tree.raw.as_bytes();
        if self.bytes.get(start..start + raw.len())? != raw {
            return None;
        }
        let text = raw.trim_ascii();
        let lead = raw.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let quotes = match text {
            [b'"', .., b'"'] | [b'\'', .., b'\''] => 1,
            _ => 0,
        };
        let (from, to) = (start + lead + quotes, start + lead + text.len() - quotes);
        (from < to).then_some(from..to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_finds(kind: &str, text: &str) -> bool {
        let mut found = Vec::new();
        read(kind, text.as_bytes(), &mut found);
        !found.is_empty()
    }

    /// Names of secrets, cut by what a key may hold besides letters, or written in escapes.
    fn name() -> impl Strategy<Value = String> {
        let names = NAMES.iter().map(|(name, _)| *name);
        let all: Vec<_> = names
            .chain(NEW_VALUES.iter().copied())
            .chain(["size", "value"])
            .collect();
        let escape = |letter: char| format!("\\u{:04x}", u32::from(letter));
        (
            prop::sample::select(all),
            0usize..8,
            prop::sample::select(vec!["", "-", "_", ".", "E"]),
        )
            .prop_map(move |(name, at, by)| {
                let letters = name.chars().enumerate();
                let cut = letters.map(|(place, letter)| match (place == at, by) {
                    (true, "E") => escape(letter),
                    (true, by) => format!("{by}{}", letter.to_ascii_uppercase()),
                    _ => letter.to_string(),
                });
                cut.collect()
            })
    }

    proptest! {
        #[test]
        fn a_document_that_is_not_read_has_no_secret_to_tell(name in name(), value in "[a-z0-9]{4,12}") {
            let marked = format!("{{\"before\":{{\"a\":\"{value}\"}},\"before_sensitive\":{{\"a\":true}}}}");
            for (kind, text) in [
                ("json", format!("{{\"{name}\": \"{value}\"}}")),
                ("json", format!("{{\"name\": \"{name}\", \"value\": \"{value}\"}}")),
                ("yaml", format!("\"{name}\": {value}\n")),
                ("yaml", format!("{name}: {value}\n")),
                ("yaml", format!("kind: \"{name}\"\ndata:\n  a: {value}\n")),
                ("toml", format!("\"{name}\" = \"{value}\"\n")),
                ("hcl", format!("{name} = \"{value}\"\n")),
                ("env", format!("{name}={value}\n")),
                ("secret-rotation", format!("{{\"{name}\": \"{value}\"}}")),
                ("json", marked),
            ] {
                prop_assert!(may_name(text.as_bytes()) || !read_finds(kind, &text), "{kind}: {text}");
            }
        }
    }

    #[test]
    fn names_in_escapes_and_between_other_letters_are_read_and_others_are_not() {
        for (text, is_read) in [
            ("{\"pass-word\": \"hunter2hunter2\"}", true),
            ("{\"pass\\u0077ord\": \"hunter2hunter2\"}", true),
            ("{\"key_1\": \"hunter2hunter2\", \"value\": 3}", false),
        ] {
            assert_eq!(may_name(text.as_bytes()), is_read, "{text}");
            assert_eq!(read_finds("json", text), is_read, "{text}");
        }
    }
}
