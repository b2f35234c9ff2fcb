//! One tree for JSON and YAML, for reading only: what a document says, and on which line.
//!
//! Numbers stay text, the order of keys stays, and keys that stand twice stay twice (and are reported). It is
//! not a serialiser: nothing signed is ever rebuilt from this tree. JSON is RFC 8259, read strictly; YAML is
//! read by `granit-parser` (YAML 1.2, with `yes`/`no`/`on`/`off` taken as booleans as most of its users do).
//! Depth and size are bounded, aliases are counted when they are expanded.

pub(crate) mod hcl;
mod json;
mod yaml;

use std::fmt::Write as _;

/// The deepest nesting that is read.
pub const MAX_DEPTH: u32 = 100;

/// The most values in one file, expanded aliases included.
pub const MAX_VALUES: u32 = 2_000_000;

/// Why a document was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotUtf8,
    /// It is nested too deeply.
    #[error("line {line}: nested deeper than {MAX_DEPTH} levels")]
    TooDeep {
        /// Where the limit is passed.
        line: u32,
    },
    /// It has too many values.
    #[error("line {line}: more than {MAX_VALUES} values")]
    TooMany {
        /// Where the limit is passed.
        line: u32,
    },
    /// It breaks the rules of its format.
    #[error("line {line}: {what}")]
    Syntax {
        /// Where it went wrong.
        line: u32,
        /// What was found.
        what: String,
    },
}

/// A value and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The line, from 1.
    pub line: u32,
    /// The value itself.
    pub node: Node,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// `null`, or nothing in YAML.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Keys with values, in the order of the file; a key may stand twice.
    Map(Vec<(String, Value)>),
}

/// The documents of a file: one for JSON, any number for YAML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Documents {
    /// The documents in order.
    pub all: Vec<Value>,
    /// Keys that stand twice in the same map, with the line of the second.
    pub duplicate_keys: Vec<(String, u32)>,
}

/// Reads JSON where the bytes begin like it and are it, else YAML.
///
/// # Errors
/// [`ReadError`] when they are neither; for bytes that begin with a brace it tells what is wrong with the JSON.
pub fn read(bytes: &[u8]) -> Result<Documents, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?;
    if !text.trim_start().starts_with(['{', '[']) {
        return yaml::read(text);
    }
    // A YAML flow map begins with a brace too.
    json::read(text).or_else(|error| match error {
        ReadError::Syntax { .. } => yaml::read(text).map_err(|_| error),
        other => Err(other),
    })
}

/// Reads JSON.
///
/// # Errors
/// [`ReadError`] when the bytes are not JSON.
pub fn read_json(bytes: &[u8]) -> Result<Documents, ReadError> {
    json::read(std::str::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?)
}

impl Value {
    /// Returns the value of a key; of one that stands twice, the last, as most readers do.
    pub fn at(&self, key: &str) -> Option<&Value> {
        self.entries()
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Follows keys downwards.
    pub fn path(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().try_fold(self, |value, key| value.at(key))
    }

    /// Returns the keys and values of a map, else nothing.
    pub fn entries(&self) -> &[(String, Value)] {
        match &self.node {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the elements of a list, else nothing.
    pub fn items(&self) -> &[Value] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the elements of a list, or the value itself: many formats allow one in place of a list.
    pub fn one_or_more(&self) -> &[Value] {
        match &self.node {
            Node::List(items) => items,
            Node::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// Returns text, or the digits of a number.
    pub fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) | Node::Number(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text of a key.
    pub fn text_at(&self, key: &str) -> Option<&str> {
        self.at(key)?.text()
    }

    /// Says whether it is true; text that says so counts, as templates often quote truth values.
    pub fn is_true(&self) -> bool {
        matches!(&self.node, Node::Bool(true))
            || self.text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Says whether it is false, in the same way.
    pub fn is_false(&self) -> bool {
        matches!(&self.node, Node::Bool(false))
            || self.text().is_some_and(|text| text.eq_ignore_ascii_case("false"))
    }

    /// Returns a whole number where it is one.
    pub fn integer(&self) -> Option<i64> {
        self.text()?.trim().parse().ok()
    }

    /// Calls `visit` with every value in it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&Place, &'a Value)) {
        self.walk_from(&mut Place::default(), visit);
    }

    /// Like [`Value::walk`], below a place that is already known.
    pub fn walk_from<'a>(&'a self, place: &mut Place, visit: &mut dyn FnMut(&Place, &'a Value)) {
        visit(place, self);
        let (pointer, identity) = (place.pointer.len(), place.identity.len());
        for (key, value) in self.entries() {
            push_key(&mut place.pointer, key);
            push_key(&mut place.identity, key);
            value.walk_from(place, visit);
            place.pointer.truncate(pointer);
            place.identity.truncate(identity);
        }
        for (index, value) in self.items().iter().enumerate() {
            let _ = write!(place.pointer, "/{index}");
            push_key(&mut place.identity, value.name().unwrap_or_default());
            value.walk_from(place, visit);
            place.pointer.truncate(pointer);
            place.identity.truncate(identity);
        }
    }

    /// Returns what tells an element of a list from its neighbours wherever it stands.
    pub(crate) fn name(&self) -> Option<&str> {
        NAMES.iter().find_map(|key| self.text_at(key))
    }
}

/// Keys that name an element of a list, the surest first.
const NAMES: [&str; 9] = [
    "address",
    "Sid",
    "sid",
    "PolicyName",
    "name",
    "Name",
    "id",
    "Id",
    "Key",
];

/// Where a value stands in its document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The JSON pointer (RFC 6901).
    pub pointer: String,
    /// Like the pointer, with elements of lists by name or by nothing in place of their number: it stays when
    /// elements are put before them.
    pub identity: String,
}

/// Appends one key to a JSON pointer.
pub(crate) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    for c in key.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ => pointer.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_json_and_yaml_to_the_same_tree() {
        let json = read(b"{\"a\": [1, true, null, \"x\"], \"b\": {}}").unwrap();
        let yaml = read(b"a: [1, true, ~, x]\nb: {}\n").unwrap();
        let strip = |documents: &Documents| format!("{:?}", documents.all).replace("line: 2", "line: 1");
        assert_eq!(strip(&json), strip(&yaml));
    }

    #[test]
    fn walks_with_escaped_pointers() {
        let documents = read_json(b"{\"a/b\": [{\"~\": 1}]}").unwrap();
        let mut seen = Vec::new();
        documents.all[0].walk(&mut |place, _| seen.push(place.pointer.clone()));
        assert_eq!(seen, ["", "/a~1b", "/a~1b/0", "/a~1b/0/~0"]);
    }

    #[test]
    fn identity_does_not_depend_on_the_order_of_named_elements() {
        let documents = read_json(b"[{\"name\": \"b\", \"x\": 1}]").unwrap();
        let mut seen = Vec::new();
        documents.all[0].walk(&mut |place, _| seen.push(place.identity.clone()));
        assert!(seen.contains(&"/b/x".to_owned()));
    }
}
