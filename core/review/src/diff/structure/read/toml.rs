//! TOML 1.1 by `toml_edit`, which keeps the place of every value.

use super::super::tree::{Entry, Grower, Tree};
use crate::document::ReadError;
use std::borrow::Cow;
use std::ops::Range;
use toml_edit::{Document, Item, TableLike, Value};

pub(super) fn read<'a>(text: &'a str, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    let document = Document::parse(text).map_err(|error| ReadError::Syntax {
        line: super::line_of(text, error.span().map_or(0, |span| span.start)),
        what: error.message().to_owned(),
    })?;
    table(text, document.as_table(), None, grower)
}

/// Reads a table; `at` is where it is written, if in one piece.
fn table<'a>(
    text: &'a str,
    table: &dyn TableLike,
    at: Option<Range<usize>>,
    grower: &mut Grower<'_>,
) -> Result<Tree<'a>, ReadError> {
    let mut entries = Vec::new();
    for (name, item) in table.iter() {
        let written = table.key(name).and_then(toml_edit::Key::span);
        let written = written.and_then(|span| text.get(span)).unwrap_or_default();
        entries.push(Entry::new(
            Cow::Owned(name.to_owned()),
            written,
            value(text, item, grower)?,
        ));
    }
    let start = at.as_ref().map_or(0, |span| span.start);
    let raw = at.and_then(|span| text.get(span)).unwrap_or_default();
    grower.count()?;
    Ok(grower.map(start, raw, entries, String::new()))
}

fn value<'a>(text: &'a str, item: &Item, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    match item {
        Item::Value(value) => scalar(text, value, grower),
        Item::Table(inner) => {
            let start = inner.span().map_or(0, |span| span.start);
            let mut tree = table(text, inner, None, grower)?;
            tree.start = start;
            Ok(tree)
        }
        Item::ArrayOfTables(tables) => {
            let mut items = Vec::new();
            for inner in tables {
                let start = inner.span().map_or(0, |span| span.start);
                let mut tree = table(text, inner, None, grower)?;
                tree.start = start;
                items.push(tree);
            }
            grower.count()?;
            let start = items.first().map_or(0, |tree| tree.start);
            Ok(grower.list(start, "", items, String::new()))
        }
        Item::None => Err(ReadError::Syntax {
            line: 1,
            what: "a key has no value".to_owned(),
        }),
    }
}

fn scalar<'a>(text: &'a str, value: &Value, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    let span = value.span().unwrap_or(0..0);
    let (start, raw) = (span.start, text.get(span.clone()).unwrap_or_default());
    match value {
        Value::Array(array) => {
            let mut items = Vec::new();
            for item in array {
                items.push(scalar(text, item, grower)?);
            }
            grower.count()?;
            Ok(grower.list(start, raw, items, String::new()))
        }
        Value::InlineTable(inner) => table(text, inner, Some(span), grower),
        _ => {
            grower.count()?;
            Ok(grower.scalar(start, raw, Cow::Borrowed(raw), String::new()))
        }
    }
}
