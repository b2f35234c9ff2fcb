//! A count of what is suspicious in a document, with the place of the first of each class.
//!
//! Ordinary line ends and tabs are shown escaped like all controls, but not counted: nearly every source file
//! has them. Words are judged by UTS #39: mixed scripts, and words that look like ASCII and are not.

use super::class::{Class, is_mark, is_right_to_left};
use super::word::{imitates_ascii, is_mixed_script, words};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One class of suspicious text found in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicious {
    /// What it is.
    pub class: Class,
    /// How often it was found.
    pub count: u64,
    /// Where it was found first.
    pub first: Place,
}

/// A place in a document; both numbers begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column, in code points; a byte that is not UTF-8 counts as one.
    pub column: u32,
}

/// Counts everything suspicious in a document, in the order of classes.
pub fn suspicious(bytes: &[u8]) -> Vec<Suspicious> {
    let mut found = BTreeMap::new();
    for (number, line) in (1u32..).zip(bytes.split(|byte| *byte == b'\n')) {
        // Nearly every line is plain ASCII, and a megabyte of it must cost little.
        // Without an early end the compiler compares many bytes at once.
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        if text
            .iter()
            .fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\t'))
        {
            continue;
        }
        Scan {
            found: &mut found,
            line: number,
            column: 1,
        }
        .line(line);
    }
    found
        .into_iter()
        .map(|(class, (count, first))| Suspicious { class, count, first })
        .collect()
}

struct Scan<'a> {
    found: &'a mut BTreeMap<Class, (u64, Place)>,
    line: u32,
    column: u32,
}

impl Scan<'_> {
    fn line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for chunk in line.utf8_chunks() {
            self.words(chunk.valid());
            self.characters(chunk.valid());
            for _ in chunk.invalid() {
                self.count(Class::InvalidByte, self.column);
                self.column = self.column.saturating_add(1);
            }
        }
    }

    fn characters(&mut self, text: &str) {
        let mut marks = None;
        let mut in_right_to_left = false;
        for c in text.chars() {
            if let Some(class) = Class::of(c).filter(|_| c != '\t') {
                self.count(class, self.column);
            }
            marks = match (is_mark(c) && Class::of(c).is_none(), marks) {
                (true, Some(n)) => {
                    self.mark(n);
                    Some(n + 1)
                }
                (true, None) => {
                    self.count(Class::LoneMark, self.column);
                    None
                }
                (false, _) if c == ' ' || Class::of(c).is_some() => None,
                (false, _) => Some(0u64),
            };
            let right_to_left = is_right_to_left(c);
            if right_to_left && !in_right_to_left {
                self.count(Class::RightToLeft, self.column);
            }
            in_right_to_left = right_to_left || in_right_to_left && (is_mark(c) || c == ' ');
            self.column = self.column.saturating_add(1);
        }
    }

    fn mark(&mut self, before: u64) {
        match before {
            0 => self.count(Class::Decomposed, self.column),
            4 => self.count(Class::MarkFlood, self.column),
            _ => {}
        }
    }

    fn words(&mut self, text: &str) {
        let column = self.column;
        for word in words(text).filter(|word| !word.text.is_ascii()) {
            let column = column.saturating_add(word.before);
            if is_mixed_script(word.text) {
                self.count(Class::MixedScript, column);
            }
            if imitates_ascii(word.text) {
                self.count(Class::Confusable, column);
            }
        }
    }

    fn count(&mut self, class: Class, column: u32) {
        let first = Place {
            line: self.line,
            column,
        };
        self.found.entry(class).or_insert((0, first)).0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(text: &str) -> Vec<(&'static str, u64, u32, u32)> {
        suspicious(text.as_bytes())
            .into_iter()
            .map(|s| (s.class.id(), s.count, s.first.line, s.first.column))
            .collect()
    }

    #[test]
    fn ordinary_documents_are_quiet() {
        assert_eq!(classes("a: b\n\tc\r\nnaïve 漢字 жук\n"), []);
    }

    #[test]
    fn each_class_is_counted_with_its_first_place() {
        assert_eq!(classes("ok\nx\u{202E}y\u{202C}\n"), [("bidi-control", 2, 2, 2)]);
        assert_eq!(classes("a\rb"), [("control", 1, 1, 2)]);
        assert_eq!(classes("e\u{301}"), [("decomposed", 1, 1, 2)]);
        assert_eq!(classes("שלום עולם"), [("right-to-left", 1, 1, 1)]);
    }

    #[test]
    fn a_word_that_imitates_ascii_is_named() {
        let found = classes("role: \u{430}dmin");
        assert_eq!(found, [("mixed-script", 1, 1, 7), ("confusable", 1, 1, 7)]);
        assert_eq!(classes("\u{440}\u{430}\u{440}\u{430}"), [("confusable", 1, 1, 1)]);
    }

    #[test]
    fn a_flood_and_a_bad_byte_are_counted_once_each() {
        assert!(classes(&format!("a{}", "\u{301}".repeat(50))).contains(&("mark-flood", 1, 1, 6)));
        let bad = suspicious(b"a\xff\n");
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].class, Class::InvalidByte);
    }
}
