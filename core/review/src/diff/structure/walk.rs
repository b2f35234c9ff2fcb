//! From two trees to the list of changes.

use super::align::{align, name};
use super::lexeme;
use super::path::{Path, Step};
use super::tree::{Entry, Grower, Node, Tree};
use super::{Change, Format, Op, Written, read};
use std::collections::BTreeMap;
use std::hash::RandomState;

/// Paths and notes may take this much: a long key above many changes would otherwise grow without bound.
pub(crate) const MAX_SIZE: usize = 256 << 20;

pub(super) struct Walk<'s> {
    pub format: Format,
    /// Where the lines of each side begin.
    pub old: &'s Lines,
    pub new: &'s Lines,
    /// How often each anchor is used, on either side.
    pub aliases: &'s BTreeMap<String, u32>,
    pub path: Vec<Step>,
    /// The anchors around the value that is looked at.
    anchors: Vec<String>,
    pub changes: Vec<Change>,
    /// What the changes take, in bytes.
    size: usize,
    /// The lines before and after of the text whose JSON is looked at.
    within: Option<(u32, u32)>,
    /// Maps whose keys stand in another order.
    pub reordered: u32,
    /// Keys and values that say the same and are written differently, with the line after.
    pub respelled: Vec<u32>,
}

impl<'s> Walk<'s> {
    pub fn new(format: Format, old: &'s Lines, new: &'s Lines, aliases: &'s BTreeMap<String, u32>) -> Self {
        Self {
            format,
            old,
            new,
            aliases,
            path: Vec::new(),
            anchors: Vec::new(),
            changes: Vec::new(),
            size: 0,
            within: None,
            reordered: 0,
            respelled: Vec::new(),
        }
    }

    pub fn value(&mut self, old: &Tree<'_>, new: &Tree<'_>) {
        let mut unlike = Vec::new();
        let same = old.same(new, &mut |a, b| {
            let mut keys = a.entries().iter().zip(b.entries());
            let respelled = !a.is_container() || keys.any(|(a, b)| a.written != b.written);
            unlike.push((reordered(a.entries().iter().zip(b.entries())), respelled, b.start));
        });
        if same {
            for (reordered, respelled, start) in unlike {
                self.reordered += u32::from(reordered);
                if respelled {
                    self.respelled.push(self.line_after(start));
                }
            }
            return;
        }
        let anchors = self.anchors.len();
        if old.mark == new.mark {
            self.anchors.extend(anchor(new));
        }
        match (&old.node, &new.node) {
            _ if old.mark != new.mark => self.put(Op::Replace, Some(old), Some(new)),
            (Node::Map(a), Node::Map(b)) => self.map(a, b),
            (Node::List(a), Node::List(b)) => {
                self.list(&a.iter().collect::<Vec<_>>(), &b.iter().collect::<Vec<_>>());
            }
            (Node::Scalar(a), Node::Scalar(b)) => {
                if !self.held(a, old, b, new) {
                    self.put(Op::Replace, Some(old), Some(new));
                }
            }
            _ => self.put(Op::Replace, Some(old), Some(new)),
        }
        self.anchors.truncate(anchors);
    }

    /// Compares the JSON that two texts of a JSON file hold; says whether that told a difference.
    fn held(&mut self, a: &str, old: &Tree<'_>, b: &str, new: &Tree<'_>) -> bool {
        let text = |lexeme: &str| {
            let text = serde_json::from_str::<String>(lexeme).ok();
            text.filter(|text| text.trim_start().starts_with(['{', '[']))
        };
        if self.format != Format::Json || self.within.is_some() {
            return false;
        }
        let (Some(a), Some(b)) = (text(a), text(b)) else {
            return false;
        };
        let hash = RandomState::new();
        let (Ok(a), Ok(b)) = (
            read::read(Format::Json, &a, &mut Grower::new(&hash)).map(Vec::into_iter),
            read::read(Format::Json, &b, &mut Grower::new(&hash)).map(Vec::into_iter),
        ) else {
            return false;
        };
        let first = self.changes.len();
        self.within = Some((self.old.line(old.start), self.new.line(new.start)));
        self.path.push(Step::Held);
        for (a, b) in a.zip(b) {
            self.value(&a, &b);
        }
        self.path.pop();
        self.within = None;
        // Keys that stand twice in it, or another order or spelling, are told by the text itself.
        self.changes.len() > first
    }

    fn map(&mut self, old: &[Entry<'_>], new: &[Entry<'_>]) {
        let mut common = Vec::new();
        let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (olds.peek(), news.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => (&a.key, a.nth).cmp(&(&b.key, b.nth)),
            };
            let a = if order.is_le() { olds.next() } else { None };
            let b = if order.is_ge() { news.next() } else { None };
            let Some(entry) = a.or(b) else { break };
            self.path.push(Step::Key {
                name: entry.key.clone().into_owned(),
                nth: entry.nth,
            });
            match (a, b) {
                (Some(a), Some(b)) => {
                    common.push((a, b));
                    self.value(&a.value, &b.value);
                }
                (Some(a), None) => self.put(Op::Remove, Some(&a.value), None),
                (_, b) => self.put(Op::Add, None, b.map(|entry| &entry.value)),
            }
            self.path.pop();
        }
        for (a, b) in &common {
            if a.written != b.written {
                self.respelled.push(self.line_after(b.value.start));
            }
        }
        self.reordered += u32::from(reordered(common.into_iter()));
    }

    pub fn list(&mut self, old: &[&Tree<'_>], new: &[&Tree<'_>]) {
        for pair in align(old, new) {
            let a = pair.old.and_then(|index| old.get(index)).copied();
            let b = pair.new.and_then(|index| new.get(index)).copied();
            self.path.push(Step::Element {
                name: b.or(a).and_then(name).map(std::borrow::Cow::into_owned),
                before: pair.old,
                after: pair.new,
            });
            match (a, b) {
                (Some(a), Some(b)) => {
                    if let (true, Some(from), Some(to)) = (pair.moved, pair.old, pair.new) {
                        self.put(Op::Move { from, to }, Some(a), Some(b));
                    }
                    self.value(a, b);
                }
                (Some(a), None) => self.put(Op::Remove, Some(a), None),
                (None, Some(b)) => self.put(Op::Add, None, Some(b)),
                (None, None) => {}
            }
            self.path.pop();
        }
    }

    /// Adds or removes the parts of a whole document, or itself where it has none.
    pub fn parts(&mut self, op: Op, tree: &Tree<'_>) {
        let side = |tree| {
            if op == Op::Add {
                (None, Some(tree))
            } else {
                (Some(tree), None)
            }
        };
        for entry in tree.entries() {
            self.path.push(Step::Key {
                name: entry.key.clone().into_owned(),
                nth: entry.nth,
            });
            let (old, new) = side(&entry.value);
            self.put(op, old, new);
            self.path.pop();
        }
        for (index, item) in tree.items().iter().enumerate() {
            let (old, new) = side(item);
            self.path.push(Step::Element {
                name: name(item).map(std::borrow::Cow::into_owned),
                before: old.map(|_| index),
                after: new.map(|_| index),
            });
            self.put(op, old, new);
            self.path.pop();
        }
        if tree.entries().is_empty() && tree.items().is_empty() {
            let (old, new) = side(tree);
            self.put(op, old, new);
        }
    }

    /// Returns the line after of a value; inside of a text, that of the text.
    fn line_after(&self, start: usize) -> u32 {
        self.within.map_or_else(|| self.new.line(start), |(_, line)| line)
    }

    /// Says whether there are more changes than are kept.
    pub fn is_full(&self) -> bool {
        self.size > MAX_SIZE
    }

    pub fn put(&mut self, op: Op, old: Option<&Tree<'_>>, new: Option<&Tree<'_>>) {
        if self.is_full() {
            return;
        }
        let moved = matches!(op, Op::Move { .. });
        let written = |tree: &Tree<'_>, line: Option<u32>, lines: &Lines| Written {
            // A moved list or map is named by the path; its content is not repeated.
            text: if moved && tree.is_container() {
                "".into()
            } else {
                tree.written().into()
            },
            line: line.unwrap_or_else(|| lines.line(tree.start)),
        };
        let (line_before, line_after) = self.within.unzip();
        let mut notes = if moved {
            Vec::new()
        } else {
            lexeme::notes(
                self.format,
                old.and_then(Tree::lexeme),
                new.and_then(Tree::lexeme),
            )
        };
        let inside = old.into_iter().chain(new).filter_map(anchor);
        let mut anchors: Vec<String> = self.anchors.iter().cloned().chain(inside).collect();
        anchors.sort();
        anchors.dedup();
        for anchor in anchors {
            if let Some(uses) = self.aliases.get(&anchor) {
                let name = crate::text::Untrusted::from(anchor).escaped();
                notes.push(format!(
                    "it is part of the anchor &{name}, which other places use {uses} times"
                ));
            }
        }
        let path = Path {
            steps: self.path.clone(),
        };
        self.size += path.size() + notes.iter().map(String::len).sum::<usize>();
        self.changes.push(Change {
            path,
            op,
            before: old.map(|tree| written(tree, line_before, self.old)),
            after: new.map(|tree| written(tree, line_after, self.new)),
            notes,
        });
    }
}

/// Returns the name of the anchor of a value.
fn anchor(tree: &Tree<'_>) -> Option<String> {
    let start = tree.mark.split(' ').find_map(|word| word.strip_prefix('&'))?;
    Some(start.to_owned())
}

/// Says whether the same keys stand in another order.
fn reordered<'t, 'a: 't>(pairs: impl Iterator<Item = (&'t Entry<'a>, &'t Entry<'a>)>) -> bool {
    let mut orders: Vec<(usize, usize)> = pairs.map(|(a, b)| (a.order, b.order)).collect();
    orders.sort_unstable();
    !orders.is_sorted_by_key(|(_, new)| *new)
}

/// Where the lines of a text begin.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// Returns the line, from 1, on which a byte stands.
    pub fn line(&self, at: usize) -> u32 {
        u32::try_from(self.0.partition_point(|feed| *feed < at) + 1).unwrap_or(u32::MAX)
    }
}
