//! Terraform source as the same tree that JSON and YAML give.
//!
//! A block without labels becomes an element of a list, a block with labels a map by its labels, as in
//! Terraform's JSON syntax. `jsonencode` and its like stand for their argument; what is computed otherwise stays
//! as it is written, in `${…}`.

use crate::document::hcl::{self, Body, Expression, Item, Parts};
use crate::document::{Documents, Node, ReadError, Value};
use std::collections::BTreeMap;

/// Reads Terraform source.
pub(in crate::findings) fn read(text: &str) -> Result<Documents, ReadError> {
    let body = hcl::read(text)?;
    let mut reader = Reader {
        starts: text.match_indices('\n').map(|(at, _)| at + 1).collect(),
        repeated: Vec::new(),
        too_deep: None,
    };
    let root = reader.body(&body).finish();
    if let Some(line) = reader.too_deep {
        return Err(ReadError::TooDeep { line });
    }
    Ok(Documents {
        all: vec![root],
        duplicate_keys: reader.repeated,
    })
}

struct Reader {
    /// Where each line but the first begins.
    starts: Vec<usize>,
    repeated: Vec<(String, u32)>,
    /// Where something lies too deep to be looked at.
    too_deep: Option<u32>,
}

/// A map while it is made: blocks of one name come together from wherever they stand.
#[derive(Default)]
struct Map {
    line: u32,
    entries: Vec<(String, Part)>,
    known: BTreeMap<String, usize>,
}

enum Part {
    Value(Value),
    Blocks(u32, Vec<Value>),
    Labels(Map),
}

impl Map {
    fn new(line: u32) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }

    fn push(&mut self, key: &str, part: Part) {
        self.known.entry(key.to_owned()).or_insert(self.entries.len());
        self.entries.push((key.to_owned(), part));
    }

    fn part(&mut self, key: &str) -> Option<&mut Part> {
        let at = *self.known.get(key)?;
        self.entries.get_mut(at).map(|(_, part)| part)
    }

    /// Returns the map under a label, made where there is none; nothing where something else has the name.
    fn label(&mut self, key: &str, line: u32) -> Option<&mut Self> {
        if !self.known.contains_key(key) {
            self.push(key, Part::Labels(Self::new(line)));
        }
        match self.part(key) {
            Some(Part::Labels(map)) => Some(map),
            _ => None,
        }
    }

    fn finish(self) -> Value {
        let entries = self.entries.into_iter().map(|(key, part)| {
            let value = match part {
                Part::Value(value) => value,
                Part::Blocks(line, blocks) => Value {
                    line,
                    node: Node::List(blocks),
                },
                Part::Labels(map) => map.finish(),
            };
            (key, value)
        });
        Value {
            line: self.line,
            node: Node::Map(entries.collect()),
        }
    }
}

impl Reader {
    fn line(&self, at: usize) -> u32 {
        let before = self.starts.partition_point(|start| *start <= at);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }

    fn body(&mut self, body: &Body<'_>) -> Map {
        let mut map = Map::new(self.line(body.start));
        for item in &body.items {
            match item {
                Item::Attribute { name, at, value } => {
                    let value = Value {
                        line: self.line(*at),
                        node: self.expression(value).node,
                    };
                    self.entry(&mut map, name, value);
                }
                Item::Block {
                    name,
                    at,
                    labels,
                    body,
                } => {
                    let line = self.line(*at);
                    let mut inner = self.body(body);
                    inner.line = line;
                    self.block(&mut map, name, labels, inner.finish());
                }
            }
        }
        map
    }

    fn block(&mut self, map: &mut Map, name: &str, labels: &[&str], inner: Value) {
        let line = inner.line;
        let Some((last, between)) = labels.split_last() else {
            match map.part(name) {
                Some(Part::Blocks(_, blocks)) => blocks.push(inner),
                _ => map.push(name, Part::Blocks(line, vec![inner])),
            }
            return;
        };
        let mut at = map;
        for label in std::iter::once(&name).chain(between) {
            match at.label(label, line) {
                Some(below) => at = below,
                None => return,
            }
        }
        self.entry(at, last, inner);
    }

    fn entry(&mut self, map: &mut Map, key: &str, value: Value) {
        if map.known.contains_key(key) {
            self.repeated.push((key.to_owned(), value.line));
        }
        map.push(key, Part::Value(value));
    }

    fn expression(&mut self, expression: &Expression<'_>) -> Value {
        let line = self.line(expression.start);
        let node = match &expression.parts {
            Parts::List(items) => Node::List(items.iter().map(|item| self.expression(item)).collect()),
            Parts::Object(pairs) => {
                let mut map = Map::new(line);
                for (written, value) in pairs {
                    let value = self.expression(value);
                    self.entry(&mut map, &key(written), value);
                }
                map.finish().node
            }
            Parts::Call(name, arguments) => match arguments.as_slice() {
                [argument] if passes_through(name) => self.expression(argument).node,
                _ => Node::Text(computed(expression.raw)),
            },
            Parts::Deep => {
                self.too_deep.get_or_insert(line);
                Node::Text(computed(expression.raw))
            }
            Parts::Whole => scalar(expression.raw),
        };
        Value { line, node }
    }
}

/// Functions that give their argument on, as far as rules care; plain brackets too.
fn passes_through(function: &str) -> bool {
    matches!(
        function,
        "" | "jsonencode"
            | "yamlencode"
            | "tostring"
            | "tolist"
            | "toset"
            | "tomap"
            | "tobool"
            | "trimspace"
            | "sensitive"
            | "nonsensitive"
    )
}

/// Keeps what is computed as it is written.
fn computed(raw: &str) -> String {
    format!("${{{}}}", raw.trim())
}

fn key(written: &str) -> String {
    match scalar(written) {
        Node::Text(text) if written.starts_with('"') => text,
        _ if written.starts_with('(') => computed(written.trim_matches(['(', ')'])),
        _ => written.to_owned(),
    }
}

fn scalar(raw: &str) -> Node {
    match raw {
        "null" => return Node::Null,
        "true" => return Node::Bool(true),
        "false" => return Node::Bool(false),
        _ => {}
    }
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    if digits.starts_with(|c: char| c.is_ascii_digit()) && raw.parse::<f64>().is_ok() {
        return Node::Number(raw.to_owned());
    }
    if let Some(text) = raw.strip_prefix('"').and_then(|rest| template(rest, true)) {
        return Node::Text(text);
    }
    if let Some(text) = raw.strip_prefix("<<").and_then(heredoc) {
        return Node::Text(text);
    }
    Node::Text(computed(raw))
}

/// Reads a template; one in quotes must end with its text. What it puts in stays as it is written.
fn template(text: &str, quoted: bool) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if quoted && c == '"' {
            return (rest.len() == 1).then_some(out);
        }
        let taken = if rest.starts_with("$${") || rest.starts_with("%%{") {
            out.push(c);
            out.push('{');
            3
        } else if rest.starts_with("${") || rest.starts_with("%{") {
            let length = closed(rest)?;
            let inner = rest.get(2..length - 1)?.trim().trim_matches('~').trim();
            match c {
                '$' => out.push_str(&computed(inner)),
                _ => out.push_str("${?}"),
            }
            length
        } else if quoted && c == '\\' {
            escape(rest, &mut out)?
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = rest.get(taken..)?;
    }
    (!quoted).then_some(out)
}

/// Reads one escape of a quoted text; returns its length.
fn escape(rest: &str, out: &mut String) -> Option<usize> {
    let sign = rest.chars().nth(1)?;
    let digits = match sign {
        'n' => return push(out, '\n'),
        't' => return push(out, '\t'),
        'r' => return push(out, '\r'),
        'u' => 4,
        'U' => 8,
        other => {
            out.push(other);
            return Some(1 + other.len_utf8());
        }
    };
    let code = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok()?;
    out.push(char::from_u32(code)?);
    Some(2 + digits)
}

fn push(out: &mut String, c: char) -> Option<usize> {
    out.push(c);
    Some(2)
}

/// Returns the length of what is put in, its braces included: texts and braces inside it are passed over.
fn closed(text: &str) -> Option<usize> {
    let mut open: Vec<u8> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match (open.last(), byte) {
            (Some(b'"'), b'\\') => at += 1,
            (Some(b'"'), b'"') => {
                open.pop();
            }
            (Some(b'"'), b'$' | b'%') if bytes.get(at + 1) == Some(&b'{') => {
                open.push(b'{');
                at += 1;
            }
            (Some(b'"'), _) => {}
            (_, b'"') => open.push(b'"'),
            (_, b'{') => open.push(b'{'),
            (_, b'}') => {
                open.pop();
                if open.is_empty() {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn heredoc(rest: &str) -> Option<String> {
    let (first, body) = rest.split_once('\n')?;
    let flush = first.starts_with('-');
    let (body, _mark) = body.rsplit_once('\n').unwrap_or(("", body));
    let lines: Vec<&str> = body.lines().collect();
    let indent = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let least = match flush {
        true => lines
            .iter()
            .filter(|line| !line.trim().is_empty())
            .map(indent)
            .min()
            .unwrap_or(0),
        false => 0,
    };
    let mut text = String::with_capacity(body.len());
    for line in lines {
        text.push_str(line.get(least..).unwrap_or_default());
        text.push('\n');
    }
    template(&text, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(source: &str) -> Node {
        let documents = read(&format!("a = {source}\n")).unwrap();
        documents.all[0].at("a").unwrap().node.clone()
    }

    #[test]
    fn blocks_become_maps_and_lists_with_their_lines() {
        let documents =
            read("variable \"a\" {}\n\nresource \"t\" \"n\" {\n  x {\n    y = 1\n  }\n  x {}\n}\nresource \"t\" \"m\" {}\n").unwrap();
        let resource = documents.all[0].path(&["resource", "t", "n"]).unwrap();
        assert_eq!(resource.line, 3);
        let items = resource.at("x").unwrap().items();
        assert_eq!((items.len(), items[0].at("y").unwrap().line), (2, 5));
        assert_eq!(documents.all[0].path(&["resource", "t", "m"]).unwrap().line, 9);
    }

    #[test]
    fn scalars_are_what_they_mean_and_the_rest_as_it_is_written() {
        let text = |text: &str| Node::Text(text.to_owned());
        for (source, expected) in [
            ("true", Node::Bool(true)),
            ("null", Node::Null),
            ("-1.5", Node::Number("-1.5".to_owned())),
            (r#""a\n\"b\" \u0041""#, text("a\n\"b\" A")),
            (
                r#""$${x} ${ var.y }-${f("}")}""#,
                text(r#"${x} ${var.y}-${f("}")}"#),
            ),
            ("var.x", text("${var.x}")),
            (r#""a" == "b""#, text(r#"${"a" == "b"}"#)),
            ("tostring(\"a\")", text("a")),
            ("(\n  \"a\"\n)", text("a")),
            ("file(\"a\")", text("${file(\"a\")}")),
            ("<<-EOF\n    a\n      b\n    EOF", text("a\n  b\n")),
            ("<<EOF\nEOF", text("")),
        ] {
            assert_eq!(value(source), expected, "{source}");
        }
    }

    #[test]
    fn keys_that_stand_twice_are_told() {
        let documents = read("a = { b = 1, \"b\" = 2 }\nx = 1\nx = 2\n").unwrap();
        assert_eq!(
            documents.duplicate_keys,
            [("b".to_owned(), 1), ("x".to_owned(), 3)]
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-c={}\\[\\]()\"$%<\\\\é#/\n -]{0,60}") {
            let _ = read(&text);
        }
    }
}
