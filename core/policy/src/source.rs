//! Places in policy files, for messages.

use std::fmt;

use cedar_policy::ffi::DetailedError;
use countersign_protocol::policy_bundle::PolicyFile;
use serde::Serialize;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl Problem {
    /// A problem at a byte of a file.
    pub(crate) fn at(file: &PolicyFile, offset: usize, message: &str) -> Self {
        let (line, column) = place(file.text.raw(), offset);
        Self {
            file: printable(file.name.raw()),
            line,
            column,
            message: printable(message),
        }
    }

    /// A problem that Cedar found in a file.
    pub(crate) fn from_cedar(file: &PolicyFile, error: &DetailedError) -> Self {
        let first = error.source_locations.first();
        let mut message = error.message.clone();
        if let Some(label) = first.and_then(|location| location.label.as_deref()) {
            message = format!("{message}: {label}");
        }
        if let Some(help) = error.help.as_deref() {
            message = format!("{message}; {help}");
        }
        Self::at(file, first.map_or(0, |location| location.loc.start), &message)
    }
}

/// Line and column, both from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Where brackets first nest deeper than `most`, in bytes. Reading nests as deep as they do.
pub(crate) fn deeper_than(most: usize, text: &str) -> Option<usize> {
    let (mut depth, mut in_text, mut in_comment) = (0_usize, false, false);
    let mut characters = text.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match character {
            '\n' => in_comment = false,
            _ if in_comment => {}
            '\\' if in_text => drop(characters.next()),
            '"' => in_text = !in_text,
            _ if in_text => {}
            '/' if next == Some('/') => in_comment = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return Some(place);
        }
    }
    None
}

/// One line that shows every character that would not show itself.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' | '\r' => " ".to_owned(),
        ' '..='~' => c.to_string(),
        _ if c.is_alphanumeric() => c.to_string(),
        _ => c.escape_unicode().to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one_in_characters() {
        assert_eq!(place("ab\ncd", 0), (1, 1));
        assert_eq!(place("ab\ncd", 4), (2, 2));
        assert_eq!(place("ä\nöx", 5), (2, 2));
        assert_eq!(place("ä", 1), (1, 1));
        assert_eq!(place("a", 99), (1, 2));
    }

    #[test]
    fn brackets_nest_where_they_are_neither_text_nor_comment() {
        assert_eq!(deeper_than(1, "(a) [b] {c}"), None);
        assert_eq!(deeper_than(1, "a (b [c])"), Some(5));
        assert_eq!(deeper_than(1, "(\"((\\\"((\") // (("), None);
        assert_eq!(deeper_than(1, "// ((\n(\"//\" ["), Some(12));
        assert_eq!(deeper_than(0, ")) ("), Some(3));
    }

    #[test]
    fn nothing_hides_in_a_message() {
        assert_eq!(printable("a\u{202e}b\u{1b}c\nd"), "a\\u{202e}b\\u{1b}c d");
    }
}
