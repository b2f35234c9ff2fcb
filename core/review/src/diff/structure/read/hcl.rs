//! HCL as a tree: attributes and blocks by their names, lists and objects by their parts, every other expression
//! as written. Blocks of one type are a list in which their labels are their names.

use super::super::tree::{Entry, Grower, Tree};
use crate::document::ReadError;
use crate::document::hcl::{self, Body, Expression, Item, Parts};
use std::borrow::Cow;
use std::collections::BTreeMap;

pub(super) fn read<'a>(text: &'a str, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    body(hcl::read(text)?, grower)
}

fn body<'a>(body: Body<'a>, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    grower.count()?;
    let mut entries: Vec<Entry<'a>> = Vec::new();
    let mut blocks: Vec<(&'a str, Vec<Tree<'a>>)> = Vec::new();
    let mut types: BTreeMap<&'a str, usize> = BTreeMap::new();
    for item in body.items {
        match item {
            Item::Attribute { name, value, .. } => {
                entries.push(Entry::new(Cow::Borrowed(name), name, expression(value, grower)?));
            }
            Item::Block {
                name, labels, body, ..
            } => {
                let raw = body.raw;
                let mut tree = self::body(body, grower)?;
                tree.raw = raw;
                tree.name = (!labels.is_empty()).then(|| labels.join("."));
                let at = *types.entry(name).or_insert_with(|| {
                    blocks.push((name, Vec::new()));
                    blocks.len() - 1
                });
                if let Some((_, list)) = blocks.get_mut(at) {
                    list.push(tree);
                }
            }
        }
    }
    for (name, list) in blocks {
        grower.count()?;
        let start = list.first().map_or(0, |block| block.start);
        let list = grower.list(start, "", list, String::new());
        entries.push(Entry::new(Cow::Borrowed(name), name, list));
    }
    Ok(grower.map(body.start, "", entries, String::new()))
}

fn expression<'a>(value: Expression<'a>, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    grower.count()?;
    let Expression { start, raw, parts } = value;
    Ok(match parts {
        Parts::Whole | Parts::Deep | Parts::Call(..) => {
            grower.scalar(start, raw, Cow::Borrowed(raw), String::new())
        }
        Parts::List(items) => {
            let mut trees = Vec::with_capacity(items.len());
            for item in items {
                trees.push(expression(item, grower)?);
            }
            grower.list(start, raw, trees, String::new())
        }
        Parts::Object(parts) => {
            let mut entries: Vec<Entry<'a>> = Vec::with_capacity(parts.len());
            for (written, value) in parts {
                let quoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                let value = expression(value, grower)?;
                entries.push(Entry::new(
                    Cow::Borrowed(quoted.unwrap_or(written)),
                    written,
                    value,
                ));
            }
            grower.map(start, raw, entries, String::new())
        }
    })
}
