//! HCL: attributes and blocks by their names, lists and objects by their parts, every other expression as written.
//!
//! Expressions are not evaluated and only read as far as their brackets, strings, templates and heredocs go.
//! Blocks of one type are a list in which their labels are their names.

use super::super::tree::{Grower, Tree};
use crate::document::{MAX_DEPTH, ReadError};
use std::borrow::Cow;

pub(super) fn read<'a>(text: &'a str, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    let mut reader = Reader {
        text,
        at: 0,
        end: text.len(),
    };
    let tree = reader.body(0, 0, grower).and_then(|tree| {
        reader.blank();
        if reader.at < reader.end {
            return Err(reader.wrong("a closing brace has no opening one"));
        }
        Ok(tree)
    });
    tree.map_err(|error| match error {
        ReadError::Syntax { line, what } => ReadError::Syntax {
            line: super::line_of(text, line as usize),
            what,
        },
        ReadError::TooDeep { line } => ReadError::TooDeep {
            line: super::line_of(text, line as usize),
        },
        other => other,
    })
}

/// Lists and objects that lie deeper stay as they are written: each level is looked over once more.
const MAX_PARTS: u32 = 24;

type Pair<'a> = (Cow<'a, str>, &'a str, Tree<'a>);

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
}

impl<'a> Reader<'a> {
    /// Reads attributes and blocks up to a closing brace or the end.
    fn body(&mut self, start: usize, depth: u32, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep { line: self.line() });
        }
        grower.count()?;
        let mut pairs: Vec<Pair<'a>> = Vec::new();
        let mut blocks: Vec<(&'a str, Vec<Tree<'a>>)> = Vec::new();
        loop {
            self.blank();
            if self.at >= self.end || self.byte() == Some(b'}') {
                break;
            }
            let name = self.identifier()?;
            self.space();
            if self.byte() == Some(b'=') && self.byte_after() != Some(b'=') {
                self.at += 1;
                let value = self.expression(Within::Body, depth, grower)?;
                pairs.push((Cow::Borrowed(name), name, value));
            } else {
                let block = self.block(depth, grower)?;
                // Quadratic in the number of types only, of which every tool knows a few hundred.
                if let Some((_, list)) = blocks.iter_mut().find(|(ident, _)| *ident == name) {
                    list.push(block);
                    continue;
                }
                if blocks.len() >= 1000 {
                    return Err(self.wrong("more than 1000 types of block stand in one body"));
                }
                blocks.push((name, vec![block]));
            }
        }
        for (name, list) in blocks {
            grower.count()?;
            let start = list.first().map_or(0, |block| block.start);
            let list = grower.list(start, "", list, String::new());
            pairs.push((Cow::Borrowed(name), name, list));
        }
        Ok(grower.map(start, "", pairs, String::new()))
    }

    /// Reads the labels and the body of a block whose type has been read.
    fn block(&mut self, depth: u32, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
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
        let mut tree = self.body(start, depth + 1, grower)?;
        if self.byte() != Some(b'}') {
            return Err(self.wrong("a block is not closed"));
        }
        self.at += 1;
        tree.raw = self.text.get(start..self.at).unwrap_or_default();
        tree.name = (!labels.is_empty()).then(|| labels.join("."));
        Ok(tree)
    }

    fn expression(
        &mut self,
        within: Within,
        depth: u32,
        grower: &mut Grower<'_>,
    ) -> Result<Tree<'a>, ReadError> {
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
        let mut inner = Reader {
            text: self.text,
            at: start,
            end: start + raw.len(),
        };
        if depth < MAX_PARTS {
            let parts = match raw.as_bytes().first() {
                Some(b'[') => inner.list(depth + 1, grower),
                Some(b'{') => inner.object(depth + 1, grower),
                _ => Err(inner.wrong("no list")),
            };
            match parts {
                Ok(tree) if inner.at == inner.end => return Ok(tree),
                Err(error @ (ReadError::TooMany { .. } | ReadError::TooDeep { .. })) => return Err(error),
                // An expression that only begins like a list: `[for …]`, `[a][0]`.
                _ => {}
            }
        }
        grower.count()?;
        Ok(grower.scalar(start, raw, Cow::Borrowed(raw), String::new()))
    }

    fn list(&mut self, depth: u32, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
        let start = self.at;
        self.at += 1;
        self.refuse_loop()?;
        let mut items = Vec::new();
        loop {
            self.blank();
            match self.byte() {
                Some(b']') => break,
                _ => items.push(self.expression(Within::List, depth, grower)?),
            }
            self.blank();
            match self.byte() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wrong("a comma or a closing bracket is missing")),
            }
        }
        self.at += 1;
        grower.count()?;
        let raw = self.text.get(start..self.at).unwrap_or_default();
        Ok(grower.list(start, raw, items, String::new()))
    }

    fn object(&mut self, depth: u32, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
        let start = self.at;
        self.at += 1;
        self.refuse_loop()?;
        let mut pairs: Vec<Pair<'a>> = Vec::new();
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
            let value = self.expression(Within::Object, depth, grower)?;
            let quoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            pairs.push((Cow::Borrowed(quoted.unwrap_or(written)), written, value));
        }
        self.at += 1;
        grower.count()?;
        let raw = self.text.get(start..self.at).unwrap_or_default();
        Ok(grower.map(start, raw, pairs, String::new()))
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
