//! A strict JSON reader (RFC 8259) that keeps lines, number text and repeated keys.
//!
//! `serde_json` would lose all three. What it accepts, this accepts, but for depth; a property test holds that.

use super::{Documents, MAX_DEPTH, MAX_VALUES, Node, ReadError, Value};
use std::collections::BTreeSet;

/// Reads one JSON text.
pub(super) fn read(text: &str) -> Result<Documents, ReadError> {
    let mut reader = Reader {
        rest: text.as_bytes(),
        line: 1,
        values: 0,
        duplicate_keys: Vec::new(),
    };
    let value = reader.value(0)?;
    reader.space();
    if !reader.rest.is_empty() {
        return Err(reader.syntax("something follows the end of the document"));
    }
    Ok(Documents {
        all: vec![value],
        duplicate_keys: reader.duplicate_keys,
    })
}

struct Reader<'a> {
    rest: &'a [u8],
    line: u32,
    values: u32,
    duplicate_keys: Vec<(String, u32)>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: u32) -> Result<Value, ReadError> {
        self.space();
        let line = self.line;
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep { line });
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(ReadError::TooMany { line });
        }
        let node = match self.rest.first() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Node::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => Node::Number(self.number()?),
            _ if self.skip(b"true") => Node::Bool(true),
            _ if self.skip(b"false") => Node::Bool(false),
            _ if self.skip(b"null") => Node::Null,
            _ => return Err(self.syntax("a JSON value is missing")),
        };
        Ok(Value { line, node })
    }

    fn map(&mut self, depth: u32) -> Result<Node, ReadError> {
        self.advance(1);
        let mut entries = Vec::new();
        let mut keys = BTreeSet::new();
        self.space();
        if self.skip(b"}") {
            return Ok(Node::Map(entries));
        }
        loop {
            self.space();
            let line = self.line;
            let key = self.text()?;
            self.space();
            self.expect(b":", "a colon is missing after a key")?;
            let value = self.value(depth + 1)?;
            if !keys.insert(key.clone()) {
                self.duplicate_keys.push((key.clone(), line));
            }
            entries.push((key, value));
            self.space();
            if self.skip(b"}") {
                return Ok(Node::Map(entries));
            }
            self.expect(b",", "a comma or a closing brace is missing")?;
        }
    }

    fn list(&mut self, depth: u32) -> Result<Node, ReadError> {
        self.advance(1);
        let mut items = Vec::new();
        self.space();
        if self.skip(b"]") {
            return Ok(Node::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.skip(b"]") {
                return Ok(Node::List(items));
            }
            self.expect(b",", "a comma or a closing bracket is missing")?;
        }
    }

    fn text(&mut self) -> Result<String, ReadError> {
        self.expect(b"\"", "a quoted text is missing")?;
        let mut bytes = Vec::new();
        loop {
            let plain = self
                .rest
                .iter()
                .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
                .count();
            bytes.extend_from_slice(self.rest.get(..plain).unwrap_or_default());
            self.advance(plain);
            match self.rest.first() {
                Some(b'"') => {
                    self.advance(1);
                    return String::from_utf8(bytes).map_err(|_| ReadError::NotUtf8);
                }
                Some(b'\\') => {
                    self.advance(1);
                    let c = self.escape()?;
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => return Err(self.syntax("a quoted text is not closed, or holds a control character")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        let letter = self.rest.first().copied();
        self.advance(1);
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.syntax("an unknown escape stands in a quoted text")),
        })
    }

    fn unicode(&mut self) -> Result<char, ReadError> {
        let first = self.four_digits()?;
        let code = if (0xD800..0xDC00).contains(&first) && self.skip(b"\\u") {
            let second = self.four_digits()?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.syntax("half of a surrogate pair stands alone"));
            }
            0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.syntax("half of a surrogate pair stands alone"))
    }

    fn four_digits(&mut self) -> Result<u32, ReadError> {
        let digits = self
            .rest
            .get(..4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.syntax("four hexadecimal digits are missing"))?;
        self.advance(4);
        Ok(code)
    }

    fn number(&mut self) -> Result<String, ReadError> {
        let all = self.rest;
        self.skip(b"-");
        if !self.skip(b"0") {
            self.digits()?;
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"e") || self.skip(b"E") {
            let _ = self.skip(b"+") || self.skip(b"-");
            self.digits()?;
        }
        let length = all.len() - self.rest.len();
        Ok(all
            .get(..length)
            .unwrap_or_default()
            .iter()
            .map(|byte| char::from(*byte))
            .collect())
    }

    fn digits(&mut self) -> Result<(), ReadError> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.syntax("a digit is missing"));
        }
        self.advance(count);
        Ok(())
    }

    fn space(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.rest.first() {
            self.line += u32::from(*byte == b'\n');
            self.advance(1);
        }
    }

    fn skip(&mut self, token: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &[u8], missing: &str) -> Result<(), ReadError> {
        if self.skip(token) {
            Ok(())
        } else {
            Err(self.syntax(missing))
        }
    }

    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    fn syntax(&self, what: &str) -> ReadError {
        ReadError::Syntax {
            line: self.line,
            what: what.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_lines_number_text_and_repeated_keys() {
        let read = read("{\n \"a\": 1.0e0,\n \"a\": 9007199254740993\n}").unwrap();
        assert_eq!(read.duplicate_keys, [("a".to_owned(), 3)]);
        let last = read.all[0].at("a").unwrap();
        assert_eq!((last.line, last.text()), (3, Some("9007199254740993")));
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        assert_eq!(read(&"[".repeat(100_000)), Err(ReadError::TooDeep { line: 1 }));
    }

    #[test]
    fn what_the_standard_forbids_is_refused() {
        for bad in [
            "",
            "{a:1}",
            "[1,]",
            "01",
            "1.",
            "\"\\ud800\"",
            "\"\n\"",
            "\u{feff}{}",
            "{} {}",
            "nul",
            "'x'",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    fn to_serde(value: &Value) -> serde_json::Value {
        match &value.node {
            Node::Null => serde_json::Value::Null,
            Node::Bool(truth) => (*truth).into(),
            Node::Number(digits) => serde_json::from_str(digits).unwrap(),
            Node::Text(text) => text.clone().into(),
            Node::List(items) => items.iter().map(to_serde).collect(),
            Node::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.clone(), to_serde(value)))
                .collect(),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_anything(text in "[\\[\\]{}:,\" \n0-9eE+.\\\\utfalsnr-]{0,24}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).ok();
            let ours = read(&text).ok().map(|read| to_serde(&read.all[0]));
            // serde_json refuses numbers that no f64 can hold; we keep their text.
            if theirs.is_some() || !text.contains(['e', 'E']) {
                prop_assert_eq!(ours, theirs);
            }
        }

        #[test]
        fn agrees_with_serde_json_on_its_own_output(words in prop::collection::vec(any::<(String, i64, f64)>(), 0..8)) {
            let text = serde_json::to_string_pretty(&words).unwrap();
            let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(to_serde(&read(&text).unwrap().all[0]), theirs);
        }
    }
}
