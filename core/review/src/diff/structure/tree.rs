//! The one tree into which every format is read: lexemes as they are written, nothing expanded or rounded.
//!
//! It borrows from the source. Entries of a map are sorted by key and remember where they stood; a key that
//! stands twice stays twice. Two trees are the same when every lexeme, key, anchor and tag is.

use crate::document::{MAX_VALUES, ReadError};
use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash, Hasher};

/// One value of a file.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    /// Where it begins, in bytes.
    pub start: usize,
    /// How it is written; empty for a container whose parts are not written together.
    pub raw: &'a str,
    /// Anchor and tag before it (YAML), or the operator that binds it (HCL, `.env`).
    pub mark: String,
    /// What the format itself calls it among its neighbours, such as the labels of a block.
    pub name: Option<String>,
    pub node: Node<'a>,
    hash: u64,
}

#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// What is compared: the lexeme, for text over several lines without its indentation.
    Scalar(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Map(Vec<Entry<'a>>),
}

#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub key: Cow<'a, str>,
    /// How the key is written.
    pub written: &'a str,
    /// How many equal keys stand before it.
    pub nth: u32,
    /// Its place in the source.
    pub order: usize,
    pub value: Tree<'a>,
}

impl<'a> Entry<'a> {
    /// An entry whose place its map will tell.
    pub(crate) fn new(key: Cow<'a, str>, written: &'a str, value: Tree<'a>) -> Self {
        Self {
            key,
            written,
            nth: 0,
            order: 0,
            value,
        }
    }
}

/// Makes trees: counts values, hashes contents and reports keys that stand twice.
///
/// The keys of the hash are random so that nobody can craft colliding contents. No result depends on them:
/// equal hashes are always followed by a full comparison.
#[derive(Debug)]
pub(crate) struct Grower<'h> {
    hash: &'h RandomState,
    values: u32,
    /// Keys that stand twice in one map, with the place of the second.
    pub duplicates: Vec<(usize, String)>,
    /// Other things to tell, with their places.
    pub remarks: Vec<(usize, String)>,
    /// How often each anchor is used.
    pub aliases: std::collections::BTreeMap<String, u32>,
}

impl<'h> Grower<'h> {
    pub fn new(hash: &'h RandomState) -> Self {
        Self {
            hash,
            values: 0,
            duplicates: Vec::new(),
            remarks: Vec::new(),
            aliases: std::collections::BTreeMap::new(),
        }
    }

    /// Counts one value more.
    pub fn count(&mut self) -> Result<(), ReadError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(ReadError::TooMany { line: 0 });
        }
        Ok(())
    }

    pub fn scalar<'a>(&mut self, start: usize, raw: &'a str, lexeme: Cow<'a, str>, mark: String) -> Tree<'a> {
        let hash = self.hash.hash_one((0u8, &mark, &lexeme));
        Tree {
            start,
            raw,
            mark,
            name: None,
            node: Node::Scalar(lexeme),
            hash,
        }
    }

    pub fn list<'a>(&mut self, start: usize, raw: &'a str, items: Vec<Tree<'a>>, mark: String) -> Tree<'a> {
        let mut hasher = self.hash.build_hasher();
        (1u8, &mark, items.len()).hash(&mut hasher);
        for item in &items {
            hasher.write_u64(item.hash);
        }
        Tree {
            start,
            raw,
            mark,
            name: None,
            hash: hasher.finish(),
            node: Node::List(items),
        }
    }

    /// Makes a map of entries in the order of the source.
    pub fn map<'a>(
        &mut self,
        start: usize,
        raw: &'a str,
        mut entries: Vec<Entry<'a>>,
        mark: String,
    ) -> Tree<'a> {
        for (order, entry) in entries.iter_mut().enumerate() {
            entry.order = order;
        }
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        let mut last: Option<(&str, u32)> = None;
        for entry in &mut entries {
            if let Some((key, nth)) = last
                && key == entry.key
            {
                entry.nth = nth + 1;
                self.duplicates.push((entry.value.start, key.to_owned()));
            }
            last = Some((&entry.key, entry.nth));
        }
        // A sum, because the order of keys has no meaning.
        let sum = entries.iter().fold(0u64, |sum, entry| {
            sum.wrapping_add(self.hash.hash_one((&entry.key, entry.nth, entry.value.hash)))
        });
        Tree {
            start,
            raw,
            hash: self.hash.hash_one((2u8, &mark, entries.len(), sum)),
            mark,
            name: None,
            node: Node::Map(entries),
        }
    }
}

impl<'a> Tree<'a> {
    pub fn items(&self) -> &[Tree<'a>] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    pub fn entries(&self) -> &[Entry<'a>] {
        match &self.node {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn is_container(&self) -> bool {
        !matches!(self.node, Node::Scalar(_))
    }

    /// Returns the value of a key; the last where it stands twice.
    pub fn at(&self, key: &str) -> Option<&Tree<'a>> {
        let entries = self.entries();
        let end = entries.partition_point(|entry| *entry.key <= *key);
        let entry = entries.get(end.checked_sub(1)?)?;
        (entry.key == key).then_some(&entry.value)
    }

    /// Returns the lexeme of a scalar.
    pub fn lexeme(&self) -> Option<&str> {
        match &self.node {
            Node::Scalar(lexeme) => Some(lexeme),
            _ => None,
        }
    }

    /// Returns the text of a scalar without the quotes around it.
    pub fn bare(&self) -> Option<&str> {
        let lexeme = self.lexeme()?;
        let inside = |quote| {
            lexeme
                .strip_prefix(quote)
                .and_then(|rest| rest.strip_suffix(quote))
        };
        Some(inside('"').or_else(|| inside('\'')).unwrap_or(lexeme))
    }

    /// Says whether both say the same; `unlike` is called with every pair of maps whose keys are ordered or
    /// written differently.
    pub fn same(&self, other: &Self, unlike: &mut dyn FnMut(&Self, &Self)) -> bool {
        self.hash == other.hash && self.deeply_same(other, unlike)
    }

    fn deeply_same(&self, other: &Self, unlike: &mut dyn FnMut(&Self, &Self)) -> bool {
        if self.mark != other.mark {
            return false;
        }
        // Only formats in which a container means the same wherever it stands give it raw text.
        if self.is_container() && !self.raw.is_empty() && self.raw == other.raw {
            return true;
        }
        match (&self.node, &other.node) {
            (Node::Scalar(a), Node::Scalar(b)) => {
                if a == b && self.raw != other.raw {
                    unlike(self, other);
                }
                a == b
            }
            (Node::List(a), Node::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.deeply_same(b, unlike))
            }
            (Node::Map(a), Node::Map(b)) => {
                let same = a.len() == b.len()
                    && a.iter().zip(b).all(|(a, b)| {
                        a.key == b.key && a.nth == b.nth && a.value.deeply_same(&b.value, unlike)
                    });
                if same
                    && a.iter()
                        .zip(b)
                        .any(|(a, b)| a.order != b.order || a.written != b.written)
                {
                    unlike(self, other);
                }
                same
            }
            _ => false,
        }
    }

    /// Returns the value as it is written, or put together from its parts where these lie apart.
    pub fn written(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        if let (Some(_), mark) = (self.lexeme(), &self.mark) {
            text.push_str(mark);
            text.push_str(self.raw);
            return;
        }
        text.push_str(&self.mark);
        if !self.raw.is_empty() {
            text.push_str(self.raw);
            return;
        }
        match &self.node {
            Node::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    item.write(text);
                }
                text.push(']');
            }
            Node::Map(entries) => {
                let mut ordered: Vec<&Entry<'_>> = entries.iter().collect();
                ordered.sort_by_key(|entry| entry.order);
                text.push('{');
                for (index, entry) in ordered.into_iter().enumerate() {
                    text.push_str(if index == 0 { "" } else { ", " });
                    text.push_str(entry.written);
                    text.push_str(": ");
                    entry.value.write(text);
                }
                text.push('}');
            }
            Node::Scalar(_) => {}
        }
    }
}

impl Hash for Tree<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Tree<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.same(other, &mut |_, _| {})
    }
}

impl Eq for Tree<'_> {}
