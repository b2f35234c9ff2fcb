//! YAML to the common tree, from the events of `granit-parser`.
//!
//! Aliases and merge keys are expanded under a budget. A local tag becomes a map of one key, in the manner of
//! CloudFormation: `!Ref x` is `{Ref: x}`, `!Sub x` is `{Fn::Sub: x}`.

use super::{Documents, MAX_DEPTH, MAX_VALUES, Node, ReadError, Value};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::{BTreeMap, BTreeSet};

/// Reads every document of a YAML text.
pub(super) fn read(text: &str) -> Result<Documents, ReadError> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| ReadError::Syntax {
            line: u32::try_from(error.marker().line()).unwrap_or(u32::MAX),
            what: format!("not valid YAML: {}", error.info()),
        })?;
        tree.take(event, u32::try_from(span.start.line()).unwrap_or(u32::MAX))?;
    }
    Ok(tree.documents)
}

#[derive(Default)]
struct Tree {
    documents: Documents,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Value, u32)>,
    values: u32,
}

/// A list or map whose end has not come yet.
struct Open {
    line: u32,
    anchor: usize,
    tag: Option<String>,
    /// Values in the tree when it was opened, so that its own size is known at its end.
    values_before: u32,
    kind: Kind,
}

enum Kind {
    List(Vec<Value>),
    Map {
        entries: Vec<(String, Value)>,
        keys: BTreeSet<String>,
        key: Option<String>,
        merged: Vec<Value>,
    },
}

impl Tree {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), ReadError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, line)?;
                let node = match tag.as_deref() {
                    Some(tag) if tag.core_suffix() == Some("str") => Node::Text(text.into_owned()),
                    _ if style == ScalarStyle::Plain => plain(&text),
                    _ => Node::Text(text.into_owned()),
                };
                let value = tagged(Value { line, node }, tag.as_deref().and_then(local_tag));
                self.anchor(anchor, &value, 1);
                self.place(value)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(line, anchor, tag.as_deref(), Kind::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                let (entries, keys) = (Vec::new(), BTreeSet::new());
                self.open(
                    line,
                    anchor,
                    tag.as_deref(),
                    Kind::Map {
                        entries,
                        keys,
                        key: None,
                        merged: Vec::new(),
                    },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(syntax(line, "an alias stands inside its own anchor"));
                };
                self.count(size, line)?;
                if self.open.len() as u32 + depth(&value) > MAX_DEPTH {
                    return Err(ReadError::TooDeep { line });
                }
                self.place(Value {
                    line,
                    node: value.node,
                })
            }
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, line: u32, anchor: usize, tag: Option<&Tag>, kind: Kind) -> Result<(), ReadError> {
        self.count(1, line)?;
        if self.open.len() as u32 >= MAX_DEPTH {
            return Err(ReadError::TooDeep { line });
        }
        let tag = tag.and_then(local_tag);
        self.open.push(Open {
            line,
            anchor,
            tag,
            values_before: self.values,
            kind,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), ReadError> {
        let Some(Open {
            line,
            anchor,
            tag,
            values_before,
            kind,
        }) = self.open.pop()
        else {
            return Ok(());
        };
        let node = match kind {
            Kind::List(items) => Node::List(items),
            Kind::Map {
                mut entries,
                mut keys,
                merged,
                ..
            } => {
                for (key, value) in merged.into_iter().flat_map(into_entries) {
                    if keys.insert(key.clone()) {
                        entries.push((key, value));
                    }
                }
                Node::Map(entries)
            }
        };
        let value = tagged(Value { line, node }, tag);
        self.anchor(anchor, &value, self.values - values_before + 1);
        self.place(value)
    }

    fn anchor(&mut self, anchor: usize, value: &Value, size: u32) {
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
    }

    /// Puts a finished value into the innermost open list or map.
    fn place(&mut self, value: Value) -> Result<(), ReadError> {
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.documents.all.push(value),
            Some(Kind::List(items)) => items.push(value),
            Some(Kind::Map {
                entries,
                keys,
                key,
                merged,
            }) => match key.take() {
                None => *key = Some(key_text(&value)?),
                Some(name) if name == "<<" && matches!(value.node, Node::Map(_) | Node::List(_)) => {
                    merged.extend(value.one_or_more().to_vec());
                }
                Some(name) => {
                    if !keys.insert(name.clone()) {
                        self.documents.duplicate_keys.push((name.clone(), value.line));
                    }
                    entries.push((name, value));
                }
            },
        }
        Ok(())
    }

    fn count(&mut self, values: u32, line: u32) -> Result<(), ReadError> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            Err(ReadError::TooMany { line })
        } else {
            Ok(())
        }
    }
}

fn into_entries(value: Value) -> Vec<(String, Value)> {
    match value.node {
        Node::Map(entries) => entries,
        _ => Vec::new(),
    }
}

fn key_text(value: &Value) -> Result<String, ReadError> {
    match &value.node {
        Node::Text(text) | Node::Number(text) => Ok(text.clone()),
        // The only keys read as truth values in practice are the `on` of CI workflows and its kin.
        Node::Bool(true) => Ok("true".to_owned()),
        Node::Bool(false) => Ok("false".to_owned()),
        Node::Null => Ok(String::new()),
        Node::List(_) | Node::Map(_) => Err(syntax(value.line, "a list or map stands as a key")),
    }
}

/// Reads a plain scalar by the core schema, and the older words for truth values.
fn plain(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Node::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Node::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Node::Bool(false),
        _ if is_number(text) => Node::Number(text.to_owned()),
        _ => Node::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.chars().any(|c| c.is_ascii_digit())
        && digits.parse::<f64>().is_ok()
}

fn local_tag(tag: &Tag) -> Option<String> {
    let name = tag.original();
    let name = name
        .strip_prefix('!')
        .filter(|name| !name.is_empty() && !name.starts_with('!'))?;
    Some(match name {
        "Ref" | "Condition" => name.to_owned(),
        _ => format!("Fn::{name}"),
    })
}

fn tagged(value: Value, tag: Option<String>) -> Value {
    match tag {
        Some(tag) => Value {
            line: value.line,
            node: Node::Map(vec![(tag, value)]),
        },
        None => value,
    }
}

fn depth(value: &Value) -> u32 {
    let children = value
        .items()
        .iter()
        .chain(value.entries().iter().map(|(_, value)| value));
    1 + children.map(depth).max().unwrap_or(0)
}

fn syntax(line: u32, what: &str) -> ReadError {
    ReadError::Syntax {
        line,
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_several_documents_with_lines() {
        let documents = read("kind: A\n---\nkind: B\nspec:\n  n: 0o17\n").unwrap();
        assert_eq!(documents.all.len(), 2);
        let n = documents.all[1].path(&["spec", "n"]).unwrap();
        assert_eq!((n.line, n.text()), (5, Some("0o17")));
    }

    #[test]
    fn anchors_merges_and_local_tags_are_expanded() {
        let documents = read("base: &b {x: 1, y: 2}\nall:\n  <<: *b\n  y: 3\nref: !Sub a-${B}\n").unwrap();
        let all = documents.all[0].at("all").unwrap();
        assert_eq!((all.text_at("x"), all.text_at("y")), (Some("1"), Some("3")));
        assert_eq!(
            documents.all[0].path(&["ref", "Fn::Sub"]).and_then(Value::text),
            Some("a-${B}")
        );
    }

    #[test]
    fn quoted_words_stay_text_and_old_truth_values_are_truth() {
        let documents = read("a: 'yes'\nb: yes\non: push\n").unwrap();
        assert_eq!(documents.all[0].text_at("a"), Some("yes"));
        assert!(documents.all[0].at("b").unwrap().is_true());
        assert!(documents.all[0].at("true").is_some());
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            let last = n - 1;
            text.push_str(&format!(
                "a{n}: &a{n} [{}]\n",
                vec![format!("*a{last}"); 10].join(", ")
            ));
        }
        assert!(matches!(read(&text), Err(ReadError::TooMany { .. })));
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(read(&"[".repeat(5000)).is_err());
        assert!(
            read(
                &(0..400)
                    .map(|n| format!("{}a:\n", " ".repeat(n)))
                    .collect::<String>()
            )
            .is_err()
        );
    }

    #[test]
    fn repeated_keys_are_reported() {
        assert_eq!(
            read("a: 1\na: 2\n").unwrap().duplicate_keys,
            [("a".to_owned(), 2)]
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z:&*!<>|\\-\\[\\]{}, \n'\"#%~0-9]{0,60}") {
            let _ = read(&text);
        }
    }
}
