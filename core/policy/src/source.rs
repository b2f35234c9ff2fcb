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
    fn nothing_hides_in_a_message() {
        assert_eq!(printable("a\u{202e}b\u{1b}c\nd"), "a\\u{202e}b\\u{1b}c d");
    }
}
