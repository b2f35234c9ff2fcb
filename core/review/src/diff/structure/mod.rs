//! What changed by structure: paths and values in place of lines.
//!
//! An element of a list is known by its name (address, Sid, kind with namespace and name, labels, …), else by
//! its content, so that taking one out is one change and moving one is one change. Lexemes stay as they are
//! written: numbers are text, YAML aliases and merges are not expanded, and what readers may take differently
//! is said in notes. What isn't part of the structure (comments, spaces, the order of keys) gives no change,
//! but a note; the line difference remains the exact view.
//!
//! It is an aid to understanding, never what is signed. A file that could not be read whole gives no changes
//! and a problem, so that "no changes" is never said of something that was not understood.

mod align;
mod format;
mod lexeme;
mod path;
mod plan;
mod read;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

pub use format::Format;
pub use path::{Path, Step};

pub(crate) use align::{align, name};
use tree::Grower;
pub(crate) use tree::{Node, Tree};
pub(crate) use walk::MAX_SIZE;

use crate::document::{MAX_VALUES, ReadError};
use crate::text::Untrusted;
use std::hash::RandomState;
use walk::{Lines, Walk};

/// A file larger than this is not compared by structure.
pub const MAX_BYTES: usize = 64 << 20;

/// The difference of two files by structure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structure {
    /// The syntax, where one was recognised.
    pub format: Option<Format>,
    /// What the document is (`terraform plan`, `policy`, `kubernetes`), or nothing.
    pub shape: &'static str,
    /// One entry for each changed value and each added, removed or moved element.
    pub changes: Vec<Change>,
    /// What else is to be known; printable.
    pub notes: Vec<String>,
    /// Why there is no comparison; printable. Where there is one of these there are no changes.
    pub problems: Vec<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: Path,
    /// What happened.
    pub op: Op,
    /// The value before.
    pub before: Option<Written>,
    /// The value after.
    pub after: Option<Written>,
    /// What is worth knowing about it; printable.
    pub notes: Vec<String>,
}

/// What happened to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// It is new.
    Add,
    /// It is gone.
    Remove,
    /// It is another.
    Replace,
    /// It stands elsewhere in its list; changes inside of it are entries of their own.
    Move {
        /// Its index before.
        from: usize,
        /// Its index after.
        to: usize,
    },
}

impl Op {
    /// Returns the word for it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Move { .. } => "move",
        }
    }
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The lexeme; for a list or map the source, or its parts in one line. Empty where one was moved.
    pub text: Untrusted,
    /// The line, from 1.
    pub line: u32,
}

/// Compares the state before with the state after, whichever exist.
///
/// The kind is that of the action, the id of a format or the name of a file; what it leaves open, the bytes say.
/// A plan of Terraform or OpenTofu without a plan before it is compared with the state that it holds itself.
pub fn compare(kind: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Structure {
    let mut structure = Structure::default();
    let sample = after.or(before).unwrap_or_default();
    let Some(format) = Format::detect(kind, sample) else {
        structure
            .problems
            .push("no structure was recognised: read the lines".to_owned());
        return structure;
    };
    let hash = RandomState::new();
    let sides = |format| {
        (
            Side::read(format, before, &hash),
            Side::read(format, after, &hash),
        )
    };
    let (mut format, mut both) = (format, sides(format));
    // A flow map of YAML begins like JSON, and one side may be YAML while the other is JSON.
    if format == Format::Json && (both.0.is_err() || both.1.is_err()) {
        let yaml = sides(Format::Yaml);
        if yaml.0.is_ok() && yaml.1.is_ok() {
            (format, both) = (Format::Yaml, yaml);
        }
    }
    structure.format = Some(format);
    match both {
        (Ok(old), Ok(new)) => difference(&mut structure, format, &old, &new),
        (old, new) => {
            let problem = |side, error| format!("the {side} side is not {}: {error}", format.id());
            structure
                .problems
                .extend(old.err().map(|error| problem("before", error)));
            structure
                .problems
                .extend(new.err().map(|error| problem("after", error)));
        }
    }
    structure
}

fn difference(structure: &mut Structure, format: Format, old: &Side<'_>, new: &Side<'_>) {
    structure.shape = format::shape(if new.exists {
        &new.documents
    } else {
        &old.documents
    });
    let mut aliases = old.aliases.clone();
    for (name, uses) in &new.aliases {
        let most = aliases.entry(name.clone()).or_insert(0);
        *most = (*most).max(*uses);
    }
    let mut walk = Walk::new(format, &old.lines, &new.lines, &aliases);
    match (old.documents.as_slice(), new.documents.as_slice()) {
        ([], [plan]) if structure.shape == "terraform plan" && !old.exists => {
            walk.old = &new.lines;
            plan::compare(&mut walk, plan);
            structure
                .notes
                .push("compared with the state that the plan holds".to_owned());
        }
        ([old], [new]) => walk.value(old, new),
        // A file that appears or goes is told by its parts.
        ([], [only]) if !old.exists => walk.parts(Op::Add, only),
        ([only], []) if !new.exists => walk.parts(Op::Remove, only),
        (old, new) => walk.list(&old.iter().collect::<Vec<_>>(), &new.iter().collect::<Vec<_>>()),
    }
    if walk.is_full() {
        structure
            .problems
            .push("there are more changes than can be listed: read the lines".to_owned());
        return;
    }
    let (reordered, respelled) = (walk.reordered, walk.respelled);
    structure.changes = walk.changes;
    let notes = &mut structure.notes;
    if old.exists && new.exists {
        byte_notes(old.text, new.text, notes);
    }
    if reordered > 0 {
        notes.push(format!("the keys of {reordered} maps stand in another order"));
    }
    if let Some(first) = respelled.first() {
        notes.push(format!(
            "{} keys or values say the same and are written differently, the first on line {first} after",
            respelled.len()
        ));
    }
    old.notes("before", notes);
    new.notes("after", notes);
    if structure.changes.is_empty() && old.exists && new.exists && old.text != new.text {
        notes.push("the bytes differ, the structure does not: read the lines".to_owned());
    }
}

/// One side as it was read.
pub(crate) struct Side<'a> {
    exists: bool,
    text: &'a str,
    lines: Lines,
    pub(crate) documents: Vec<Tree<'a>>,
    duplicates: Vec<(usize, String)>,
    remarks: Vec<(usize, String)>,
    aliases: std::collections::BTreeMap<String, u32>,
}

/// At most this many keys that stand twice, or merges, are told one by one.
const MAX_NOTES: usize = 20;

impl<'a> Side<'a> {
    /// Reads a side; one that does not exist has no documents. The error is printable.
    pub(crate) fn read(format: Format, bytes: Option<&'a [u8]>, hash: &RandomState) -> Result<Self, String> {
        let all = bytes.unwrap_or_default();
        if all.len() > MAX_BYTES {
            return Err(format!(
                "{} bytes are more than the {MAX_BYTES} that are compared",
                all.len()
            ));
        }
        let text = std::str::from_utf8(all).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut grower = Grower::new(hash);
        let documents = match bytes {
            Some(_) => read::read(format, body, &mut grower).map_err(|error| match error {
                ReadError::TooMany { .. } => format!("more than {MAX_VALUES} values"),
                error => Untrusted::from(error.to_string()).escaped(),
            })?,
            None => Vec::new(),
        };
        let exists = bytes.is_some();
        Ok(Self::of(exists, text, documents, grower))
    }

    /// Reads a side whose format is not known; of JSON that is none, as YAML, whose flow maps begin like it.
    pub(crate) fn recognise(kind: &str, bytes: &'a [u8], hash: &RandomState) -> Option<Self> {
        let (format, read) = format::recognise(kind, bytes, hash)?;
        match read {
            Some((documents, grower)) => {
                let text = std::str::from_utf8(bytes).ok()?;
                Some(Self::of(true, text, documents, grower))
            }
            None => match Self::read(format, Some(bytes), hash) {
                Err(_) if format == Format::Json => Self::read(Format::Yaml, Some(bytes), hash).ok(),
                side => side.ok(),
            },
        }
    }

    fn of(exists: bool, text: &'a str, documents: Vec<Tree<'a>>, grower: Grower<'_>) -> Self {
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            exists,
            text,
            lines: Lines::of(body),
            documents,
            duplicates: grower.duplicates,
            remarks: grower.remarks,
            aliases: grower.aliases,
        }
    }

    /// Returns the line, from 1, on which a byte stands.
    pub(crate) fn line(&self, at: usize) -> u32 {
        self.lines.line(at)
    }

    fn notes(&self, side: &str, notes: &mut Vec<String>) {
        let twice = self.duplicates.iter().map(|(at, key)| {
            let key = Untrusted::from(key.as_str()).escaped();
            (
                at,
                format!("the key `{key}` stands twice; readers disagree on which one counts"),
            )
        });
        let remarks = self
            .remarks
            .iter()
            .map(|(at, what)| (at, Untrusted::from(what.as_str()).escaped()));
        for (at, what) in twice.chain(remarks).take(MAX_NOTES) {
            notes.push(format!("{side}, line {}: {what}", self.lines.line(*at)));
        }
        let more = (self.duplicates.len() + self.remarks.len()).saturating_sub(MAX_NOTES);
        if more > 0 {
            notes.push(format!("{side}: {more} more repeated keys or merges"));
        }
    }
}

/// Tells differences of the bytes that no structure shows.
fn byte_notes(old: &str, new: &str, notes: &mut Vec<String>) {
    let marked = |text: &str| text.starts_with('\u{feff}');
    match (marked(old), marked(new)) {
        (false, true) => notes.push("a byte order mark is added at the start".to_owned()),
        (true, false) => notes.push("the byte order mark at the start is removed".to_owned()),
        _ => {}
    }
    let returns = |text: &str| memchr::memchr_iter(b'\r', text.as_bytes()).count();
    let (before, after) = (returns(old), returns(new));
    if before != after {
        notes.push(format!(
            "carriage returns: {before} before, {after} after (line ends differ)"
        ));
    }
}
