//! JSON (RFC 8259), strictly, into borrowed lexemes.

use super::super::tree::{Entry, Grower, Tree};
use crate::document::{MAX_DEPTH, ReadError};
use std::borrow::Cow;

pub(super) fn read<'a>(text: &'a str, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    let mut reader = Reader { text, at: 0 };
    let tree = reader.value(grower, 0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.wrong("something follows the end of the document"));
    }
    Ok(tree)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, grower: &mut Grower<'_>, depth: u32) -> Result<Tree<'a>, ReadError> {
        self.space();
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep { line: self.line() });
        }
        grower.count()?;
        match self.byte() {
            Some(b'{') => return self.map(grower, depth),
            Some(b'[') => return self.list(grower, depth),
            Some(b'"') => drop(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ if self.skip("true") || self.skip("false") || self.skip("null") => {}
            _ => return Err(self.wrong("a JSON value is missing")),
        }
        let raw = self.since(start);
        Ok(grower.scalar(start, raw, Cow::Borrowed(raw), String::new()))
    }

    fn map(&mut self, grower: &mut Grower<'_>, depth: u32) -> Result<Tree<'a>, ReadError> {
        let start = self.at;
        self.at += 1;
        let mut entries = Vec::new();
        self.space();
        if !self.skip("}") {
            loop {
                self.space();
                let (key, written) = self.string()?;
                self.space();
                self.expect(":", "a colon is missing after a key")?;
                entries.push(Entry::new(key, written, self.value(grower, depth + 1)?));
                self.space();
                if self.skip("}") {
                    break;
                }
                self.expect(",", "a comma or a closing brace is missing")?;
            }
        }
        Ok(grower.map(start, self.since(start), entries, String::new()))
    }

    fn list(&mut self, grower: &mut Grower<'_>, depth: u32) -> Result<Tree<'a>, ReadError> {
        let start = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if !self.skip("]") {
            loop {
                items.push(self.value(grower, depth + 1)?);
                self.space();
                if self.skip("]") {
                    break;
                }
                self.expect(",", "a comma or a closing bracket is missing")?;
            }
        }
        Ok(grower.list(start, self.since(start), items, String::new()))
    }

    /// Reads a string; returns what it says and how it is written, quotes included.
    fn string(&mut self) -> Result<(Cow<'a, str>, &'a str), ReadError> {
        let start = self.at;
        self.expect("\"", "a quoted text is missing")?;
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            self.at += plain.unwrap_or(rest.len());
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    // The letter after a backslash may be longer than a byte; it is refused below then.
                    let length = self.text.get(self.at..).and_then(|rest| rest.chars().next());
                    self.at += length.map_or(0, char::len_utf8);
                }
                _ => return Err(self.wrong("a quoted text is not closed, or holds a control character")),
            }
        }
        let written = self.since(start);
        if !escaped {
            let inside = written
                .get(1..written.len().saturating_sub(1))
                .unwrap_or_default();
            return Ok((Cow::Borrowed(inside), written));
        }
        match serde_json::from_str::<String>(written) {
            Ok(text) => Ok((Cow::Owned(text), written)),
            Err(_) => Err(self.wrong("an unknown escape or half a surrogate pair stands in a quoted text")),
        }
    }

    fn number(&mut self) -> Result<(), ReadError> {
        self.skip("-");
        if !self.skip("0") {
            self.digits()?;
        }
        if self.skip(".") {
            self.digits()?;
        }
        if self.skip("e") || self.skip("E") {
            let _ = self.skip("+") || self.skip("-");
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.wrong("a digit is missing"));
        }
        Ok(())
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn skip(&mut self, token: &str) -> bool {
        let here = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let found = here.starts_with(token.as_bytes());
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str, missing: &str) -> Result<(), ReadError> {
        if self.skip(token) {
            Ok(())
        } else {
            Err(self.wrong(missing))
        }
    }

    fn line(&self) -> u32 {
        super::line_of(self.text, self.at)
    }

    fn wrong(&self, what: &str) -> ReadError {
        ReadError::Syntax {
            line: self.line(),
            what: what.to_owned(),
        }
    }
}
