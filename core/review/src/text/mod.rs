//! Safe display of bytes from outside: [`Untrusted`] and the escaper that is its only way to a screen.
//!
//! It is not a sanitiser: nothing is dropped or replaced without a trace. Escaping is injective, so two inputs
//! that differ in one code point or one byte are shown differently:
//!
//! | in | shown |
//! |---|---|
//! | tab, line feed, carriage return | `⟦TAB⟧` `⟦LF⟧` `⟦CR⟧` |
//! | any other code point that is invisible, moves text or imitates an escape | `⟦U+202E⟧` |
//! | a byte that is not UTF-8 | `⟦0xFF⟧` |
//! | more than four combining marks in a row: those after the fourth | `⟦12 marks 3f…⟧`, with 128 bits of their SHA-256 |
//! | right-to-left letters | `⟦RTL⟧` letters `⟦LTR⟧`, so that a terminal which reorders text can't move their neighbours |
//!
//! The brackets themselves (U+27E6, U+27E7 and their look-alikes U+301A, U+301B) are escaped, hence every `⟦`
//! on a screen was written by this module. Backslashes, quotes and all visible text stay as they are. For a
//! flood of marks, "injective" rests on SHA-256 being collision resistant.
//!
//! Classes come from the Unicode Character Database by way of `icu_properties`; confusables and scripts from
//! UTS #39 by way of `unicode-security`.

mod class;
mod escape;
mod suspicious;
mod word;

pub use class::Class;
pub use escape::{Mark, Span, escape_line, gate, printable_json, problem_lines, spans_to_string};
pub use suspicious::{Place, Suspicious, suspicious};
pub use word::{Word, imitates_ascii, is_mixed_script, look, words};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Bytes from outside: text that may be hostile, or not text at all.
///
/// It has no `Display`, `Deref` or `AsRef<str>` on purpose; [`Untrusted::spans`], [`Untrusted::lines`] and
/// [`Untrusted::escaped`] are the ways to a screen.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untrusted(Vec<u8>);

impl Untrusted {
    /// Returns the whole as visible spans on one line; line feeds are escaped too.
    pub fn spans(&self) -> Vec<Span> {
        escape_line(&self.0)
    }

    /// Returns the whole as one line of printable characters.
    pub fn escaped(&self) -> String {
        spans_to_string(&self.spans())
    }

    /// Returns one list of spans for each line, the line feeds being the borders between them.
    ///
    /// Text that ends in a line feed gives an empty last line, so this form is injective as well.
    pub fn lines(&self) -> impl Iterator<Item = Vec<Span>> + '_ {
        self.0.split(|byte| *byte == b'\n').map(escape_line)
    }

    /// Returns the raw bytes, for parsing, comparing and hashing; never for a screen.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the raw text where it is UTF-8, for parsing and comparing; never for a screen.
    pub fn utf8(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Says whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted(\"{}\")", self.escaped())
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&[u8]> for Untrusted {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Untrusted {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Writes the text as it is (JSON has its own escapes), or its escaped form where it is not UTF-8.
impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.utf8() {
            Some(text) => serializer.serialize_str(text),
            None => serializer.serialize_str(&self.escaped()),
        }
    }
}

impl<'de> Deserialize<'de> for Untrusted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_only_the_escaped_form() {
        let text = Untrusted::from("a\u{202E}b\u{1b}[31m");
        assert_eq!(format!("{text:?}"), "Untrusted(\"a⟦U+202E⟧b⟦U+001B⟧[31m\")");
    }

    #[test]
    fn builds_from_every_kind_of_bytes_and_serialises_as_a_string() {
        let from_bytes = Untrusted::from(&b"a\xffb"[..]);
        assert_eq!(from_bytes.escaped(), "a⟦0xFF⟧b");
        assert_eq!(Untrusted::from("x"), Untrusted::from(String::from("x")));
        let text = Untrusted::from("tab\there");
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(json, "\"tab\\there\"");
        assert_eq!(serde_json::from_str::<Untrusted>(&json).unwrap(), text);
    }

    #[test]
    fn lines_keep_the_final_newline_visible() {
        let with = Untrusted::from("a\r\nb\n");
        let shown: Vec<String> = with.lines().map(|line| spans_to_string(&line)).collect();
        assert_eq!(shown, ["a⟦CR⟧", "b", ""]);
    }
}
