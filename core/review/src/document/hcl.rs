//! HCL, the language of Terraform and OpenTofu: attributes and blocks, and expressions as far as they have parts.
//!
//! Native syntax of HCL2, read in one pass, in time that grows with the text. Expressions are not evaluated and
//! only read as far as their brackets, strings, templates and heredocs go: lists, objects and calls have parts,
//! every other expression is whole, as it is written. Where something stands is kept in bytes.

use super::{MAX_DEPTH, MAX_VALUES, ReadError};

/// What stands in a file or between the braces of a block.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    /// Where it begins, in bytes.
    pub start: usize,
    /// How it is written, braces included; empty for a file.
    pub raw: &'a str,
    /// Its parts in order.
    pub items: Vec<Item<'a>>,
}

/// An attribute or a block.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Attribute {
        name: &'a str,
        at: usize,
        value: Expression<'a>,
    },
    Block {
        name: &'a str,
        at: usize,
        labels: Vec<&'a str>,
        body: Body<'a>,
    },
}

/// An expression.
#[derive(Debug)]
pub(crate) struct Expression<'a> {
    /// Where it begins, in bytes.
    pub start: usize,
    /// How it is written.
    pub raw: &'a str,
    pub parts: Parts<'a>,
}

/// What an expression consists of.
#[derive(Debug)]
pub(crate) enum Parts<'a> {
    /// Nothing that is told apart.
    Whole,
    /// Something that may have parts, but lies too deep to be looked at.
    Deep,
    List(Vec<Expression<'a>>),
    /// Keys as they are written, and values.
    Object(Vec<(&'a str, Expression<'a>)>),
    /// A function, or nothing for plain brackets, and its arguments.
    Call(&'a str, Vec<Expression<'a>>),
}

/// Reads a file.
pub(crate) fn read(text: &str) -> Result<Body<'_>, ReadError> {
    let mut reader = Reader {
        text,
        at: 0,
        end: text.len(),
        values: 0,
    };
    let items = reader.body(0).and_then(|items| {
        reader.blank();
        if reader.at < reader.end {
            return Err(reader.wrong("a closing brace has no opening one"));
        }
        Ok(items)
    });
    match items {
        Ok(items) => Ok(Body {
            start: 0,
            raw: "",
            items,
        }),
        Err(error) => Err(match error {
            ReadError::Syntax { line, what } => ReadError::Syntax {
                line: line_of(text, line),
                what,
            },
            ReadError::TooDeep { line } => ReadError::TooDeep {
                line: line_of(text, line),
            },
            ReadError::TooMany { line } => ReadError::TooMany {
                line: line_of(text, line),
            },
            other => other,
        }),
    }
}

/// Returns the line, from 1, on which a byte stands.
fn line_of(text: &str, at: u32) -> u32 {
    let before = text.as_bytes().get(..at as usize).unwrap_or(text.as_bytes());
    1 + u32::try_from(memchr::memchr_iter(b'\n', before).count()).unwrap_or(u32::MAX - 1)
}

/// Lists, objects and calls that lie deeper stay as they are written: each level is looked over once more.
const MAX_PARTS: u32 = 24;

/// What ends an expression that stands outside of brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Body,
    List,
    Object,
    Key,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    end: usize,
    values: u32,
}

impl<'a> Reader<'a> {
    /// Reads attributes and blocks up to a closing brace or the end.
    fn body(&mut self, depth: u32) -> Result<Vec<Item<'a>>, ReadError> {
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep { line: self.line() });
        }
        self.count()?;
        let mut items = Vec::new();
        loop {
            self.blank();
            if self.at >= self.end || self.byte() == Some(b'}') {
                break;
            }
            let at = self.at;
            let name = self.identifier()?;
            self.space();
            items.push(if self.byte() == Some(b'=') && self.byte_after() != Some(b'=') {
                self.at += 1;
                let value = self.expression(Within::Body, depth)?;
                Item::Attribute { name, at, value }
            } else {
                self.block(name, at, depth)?
            });
        }
        Ok(items)
    }

    /// Reads the labels and the body of a block whose type has been read.
    fn block(&mut self, name: &'a str, at: usize, depth: u32) -> Result<Item<'a>, ReadError> {
        let mut labels: Vec<&'a str> = Vec::new();
        loop {
            self.space();
            match self.byte() {
                Some(b'{') => break,
                Some(b'"') => {
                    let start = self.at;
                    self.at += 1;
                    self.brackets(vec![b'"'], Within::Body)?;
                    let label = self.text.get(start..self.at).unwrap_or_default();
                    labels.push(label.get(1..label.len().saturating_sub(1)).unwrap_or_default());
                }
                _ => labels.push(self.identifier()?),
            }
        }
        let start = self.at;
        self.at += 1;
        let items = self.body(depth + 1)?;
        if self.byte() != Some(b'}') {
            return Err(self.wrong("a block is not closed"));
        }
        self.at += 1;
        let raw = self.text.get(start..self.at).unwrap_or_default();
        Ok(Item::Block {
            name,
            at,
            labels,
            body: Body { start, raw, items },
        })
    }

    fn expression(&mut self, within: Within, depth: u32) -> Result<Expression<'a>, ReadError> {
        if within == Within::List {
            self.blank();
        } else {
            self.space();
        }
        let start = self.at;
        self.brackets(Vec::new(), within)?;
        let raw = self.text.get(start..self.at).unwrap_or_default().trim_end();
        if raw.is_empty() {
            return Err(self.wrong("a value is missing"));
        }
        self.count()?;
        let whole = Expression {
            start,
            raw,
            parts: Parts::Whole,
        };
        if depth >= MAX_PARTS {
            let bracket = raw.starts_with(['[', '{', '(']) || raw.ends_with(')');
            let parts = if bracket { Parts::Deep } else { Parts::Whole };
            return Ok(Expression { parts, ..whole });
        }
        let mut inner = Reader {
            text: self.text,
            at: start,
            end: start + raw.len(),
            values: self.values,
        };
        let parts = match raw.as_bytes().first() {
            Some(b'[') => inner.list(depth + 1),
            Some(b'{') => inner.object(depth + 1),
            Some(b'(') => inner.call(depth + 1),
            Some(byte) if is_identifier(*byte) => inner.call(depth + 1),
            _ => return Ok(whole),
        };
        self.values = inner.values;
        match parts {
            Ok(parts) if inner.at == inner.end => Ok(Expression { parts, ..whole }),
            Err(error @ (ReadError::TooMany { .. } | ReadError::TooDeep { .. })) => Err(error),
            // An expression that only begins like a list: `[for …]`, `[a][0]`.
            _ => Ok(whole),
        }
    }

    fn list(&mut self, depth: u32) -> Result<Parts<'a>, ReadError> {
        self.at += 1;
        self.refuse_loop()?;
        self.items(b']', depth).map(Parts::List)
    }

    /// Reads a call of a function; brackets around an expression are one without a name.
    fn call(&mut self, depth: u32) -> Result<Parts<'a>, ReadError> {
        let start = self.at;
        while self
            .byte()
            .is_some_and(|byte| is_identifier(byte) || byte == b':')
        {
            self.at += 1;
        }
        let name = self.text.get(start..self.at).unwrap_or_default();
        if self.byte() != Some(b'(') {
            return Err(self.wrong("no call"));
        }
        self.at += 1;
        let arguments = self.items(b')', depth)?;
        Ok(Parts::Call(name, arguments))
    }

    /// Reads expressions up to a closing bracket.
    fn items(&mut self, closing: u8, depth: u32) -> Result<Vec<Expression<'a>>, ReadError> {
        let mut items = Vec::new();
        loop {
            self.blank();
            if self.byte() == Some(closing) {
                break;
            }
            items.push(self.expression(Within::List, depth)?);
            self.blank();
            match self.byte() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == closing => break,
                _ => return Err(self.wrong("a comma or a closing bracket is missing")),
            }
        }
        self.at += 1;
        Ok(items)
    }

    fn object(&mut self, depth: u32) -> Result<Parts<'a>, ReadError> {
        self.at += 1;
        self.refuse_loop()?;
        let mut pairs = Vec::new();
        loop {
            self.blank();
            if self.byte() == Some(b',') && !pairs.is_empty() {
                self.at += 1;
                continue;
            }
            if self.byte() == Some(b'}') {
                break;
            }
            let from = self.at;
            self.brackets(Vec::new(), Within::Key)?;
            let written = self.text.get(from..self.at).unwrap_or_default().trim_end();
            if written.is_empty() || !matches!(self.byte(), Some(b'=' | b':')) {
                return Err(self.wrong("a key with its value is missing"));
            }
            self.at += 1;
            pairs.push((written, self.expression(Within::Object, depth)?));
        }
        self.at += 1;
        Ok(Parts::Object(pairs))
    }

    /// Counts one value more.
    fn count(&mut self) -> Result<(), ReadError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(ReadError::TooMany { line: self.line() });
        }
        Ok(())
    }

    /// A `for` expression has the brackets of a list but no fixed elements.
    fn refuse_loop(&mut self) -> Result<(), ReadError> {
        self.blank();
        let rest = self.rest();
        if rest.starts_with(b"for") && !rest.get(3).is_some_and(|byte| is_identifier(*byte)) {
            return Err(self.wrong("a loop"));
        }
        Ok(())
    }

    /// Moves to the end of an expression. `open` holds the brackets, strings and templates that are open.
    fn brackets(&mut self, mut open: Vec<u8>, within: Within) -> Result<(), ReadError> {
        let ends_when_closed = !open.is_empty();
        while self.at < self.end {
            let byte = self.byte().unwrap_or(0);
            match (open.last().copied(), byte) {
                (Some(b'"'), b'"') => {
                    open.pop();
                }
                (Some(b'"'), b'\\') => self.at += 1,
                (Some(b'"'), b'\n') => return Err(self.wrong("a quoted text is not closed")),
                (Some(b'"'), b'$' | b'%') if self.byte_after() == Some(b'{') => {
                    let escaped =
                        self.at.checked_sub(1).and_then(|at| self.text.as_bytes().get(at)) == Some(&byte);
                    if !escaped {
                        open.push(b'$');
                    }
                    self.at += 1;
                }
                (Some(b'"'), _) => {}
                (_, b'"') => open.push(b'"'),
                (_, b'(' | b'[' | b'{') => open.push(byte),
                (None, b',') if matches!(within, Within::List | Within::Object) => return Ok(()),
                (None, b')' | b']' | b'}') => return Ok(()),
                (None, b'\n') if within != Within::List => return Ok(()),
                (None, b':') if within == Within::Key => return Ok(()),
                (None, b'=') if within == Within::Key => return Ok(()),
                (Some(b'('), b')') | (Some(b'['), b']') | (Some(b'{' | b'$'), b'}') => {
                    open.pop();
                }
                (Some(_), b')' | b']' | b'}') => return Err(self.wrong("brackets do not match")),
                (None, b'#') if within != Within::List => return Ok(()),
                (None, b'/') if within != Within::List && self.byte_after() == Some(b'/') => return Ok(()),
                (_, b'#') => self.line_comment(),
                (_, b'/') if self.byte_after() == Some(b'/') => self.line_comment(),
                (_, b'/') if self.byte_after() == Some(b'*') => self.block_comment()?,
                (_, b'<') if self.byte_after() == Some(b'<') => {
                    self.heredoc()?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
            if ends_when_closed && open.is_empty() {
                return Ok(());
            }
        }
        self.at = self.at.min(self.end);
        if open.is_empty() {
            Ok(())
        } else {
            Err(self.wrong("a bracket or a quoted text is not closed"))
        }
    }

    /// Moves behind the last line of a heredoc, but for its line feed.
    fn heredoc(&mut self) -> Result<(), ReadError> {
        let rest = self.rest().get(2..).unwrap_or_default();
        let rest = rest.strip_prefix(b"-").unwrap_or(rest);
        let length = rest.iter().take_while(|byte| is_identifier(**byte)).count();
        let marker = rest.get(..length).unwrap_or_default();
        if marker.is_empty() {
            return Err(self.wrong("a heredoc has no name"));
        }
        let mut first = true;
        let mut at = self.at;
        for line in self.rest().split_inclusive(|byte| *byte == b'\n') {
            if !first && line.trim_ascii() == marker {
                self.at = at + line.trim_ascii_end().len();
                return Ok(());
            }
            first = false;
            at += line.len();
        }
        Err(self.wrong("a heredoc is not closed"))
    }

    /// Moves to the last byte of a comment that ends with its line.
    fn line_comment(&mut self) {
        let length = self.rest().iter().position(|byte| *byte == b'\n');
        self.at = length
            .map_or(self.end, |length| self.at + length)
            .saturating_sub(1);
    }

    /// Moves to the last byte of a comment in `/*` and `*/`.
    fn block_comment(&mut self) -> Result<(), ReadError> {
        let inside = self.rest().get(2..).unwrap_or_default();
        match inside.windows(2).position(|pair| pair == b"*/") {
            Some(length) => {
                self.at += length + 3;
                Ok(())
            }
            None => Err(self.wrong("a comment is not closed")),
        }
    }

    /// Passes spaces, line ends and comments. A comment that is not closed is left for the next reader to refuse.
    fn blank(&mut self) {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                Some(b'#') => self.line_comment(),
                Some(b'/') if self.byte_after() == Some(b'/') => self.line_comment(),
                Some(b'/') if self.byte_after() == Some(b'*') => {
                    if self.block_comment().is_err() {
                        return;
                    }
                }
                _ => return,
            }
            self.at += 1;
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    fn identifier(&mut self) -> Result<&'a str, ReadError> {
        let length = self
            .rest()
            .iter()
            .take_while(|byte| is_identifier(**byte))
            .count();
        let first = self.byte().unwrap_or(b'-');
        if length == 0 || first == b'-' || first.is_ascii_digit() {
            return Err(self.wrong("the name of an attribute or a block is missing"));
        }
        let start = self.at;
        self.at += length;
        self.text
            .get(start..self.at)
            .ok_or_else(|| self.wrong("a name is cut"))
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..self.end).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn byte_after(&self) -> Option<u8> {
        self.rest().get(1).copied()
    }

    /// Returns the place in place of the line, which only the error that is told at last needs: what looks like
    /// a list and is none fails often.
    fn line(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    fn wrong(&self, what: &str) -> ReadError {
        ReadError::Syntax {
            line: self.line(),
            what: what.to_owned(),
        }
    }
}

/// Letters of other scripts may be part of a name, so every byte of them is.
fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || byte >= 0x80
}
