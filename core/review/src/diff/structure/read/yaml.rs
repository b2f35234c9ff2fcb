//! YAML of several documents, unexpanded: an alias stays `*name`, a merge stays the key `<<`.
//!
//! So nothing grows by expansion, and what is shown is what is written.

use super::super::tree::{Entry, Grower, Tree};
use crate::document::{MAX_DEPTH, ReadError};
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;

/// Reads all documents.
pub(super) fn read<'a>(text: &'a str, grower: &mut Grower<'_>) -> Result<Vec<Tree<'a>>, ReadError> {
    let options = granit_parser::options! { emit_anchor_events: true };
    let mut parser = Parser::new_from_str_with_options(text, options).peekable();
    let mut stack = Stack {
        text,
        documents: Vec::new(),
        open: Vec::new(),
        directive: String::new(),
    };
    while let Some(event) = parser.next() {
        let (event, span) = event.map_err(|error| ReadError::Syntax {
            line: u32::try_from(error.marker().line()).unwrap_or(u32::MAX),
            what: format!("not valid YAML: {}", error.info()),
        })?;
        let anchor = match parser.peek() {
            Some(Ok((Event::Anchor(_, name), _))) => format!("&{name} "),
            _ => String::new(),
        };
        stack.take(event, span, &anchor, grower)?;
    }
    Ok(stack.documents)
}

struct Stack<'a> {
    text: &'a str,
    documents: Vec<Tree<'a>>,
    open: Vec<Open<'a>>,
    /// The version that a document declares, until its root takes it.
    directive: String,
}

struct Open<'a> {
    start: usize,
    mark: String,
    kind: Kind<'a>,
}

enum Kind<'a> {
    List(Vec<Tree<'a>>),
    Map(Vec<Entry<'a>>, Option<(Cow<'a, str>, &'a str)>),
}

impl<'a> Stack<'a> {
    fn take(
        &mut self,
        event: Event<'a>,
        span: Span,
        anchor: &str,
        grower: &mut Grower<'_>,
    ) -> Result<(), ReadError> {
        let start = span.start.byte_offset().unwrap_or(0);
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        match event {
            Event::Scalar(text, style, _, tag) => {
                grower.count()?;
                let raw = span.slice(self.text).unwrap_or_default().trim_end();
                let lexeme = lexeme(raw, &text, style);
                let mut mark = self.mark(anchor, tag.as_deref());
                // The place of such text is that of its first line, behind the sign.
                mark.push_str(match style {
                    ScalarStyle::Literal => "| ",
                    ScalarStyle::Folded => "> ",
                    _ => "",
                });
                let tree = grower.scalar(start, raw, lexeme, mark);
                self.place(tree, Some(text), line, grower)
            }
            Event::Alias(_) => {
                grower.count()?;
                let raw = span.slice(self.text).unwrap_or_default().trim_end();
                let name = raw.trim_start_matches('*').to_owned();
                *grower.aliases.entry(name).or_insert(0) += 1;
                let tree = grower.scalar(start, raw, Cow::Borrowed(raw), String::new());
                self.place(tree, Some(Cow::Borrowed(raw)), line, grower)
            }
            Event::SequenceStart(_, _, tag) => {
                let mark = self.mark(anchor, tag.as_deref());
                self.open(start, mark, Kind::List(Vec::new()), line, grower)
            }
            Event::MappingStart(_, _, tag) => {
                let mark = self.mark(anchor, tag.as_deref());
                self.open(start, mark, Kind::Map(Vec::new(), None), line, grower)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { start, mark, kind }) = self.open.pop() else {
                    return Ok(());
                };
                let tree = match kind {
                    Kind::List(items) => grower.list(start, "", items, mark),
                    Kind::Map(entries, _) => grower.map(start, "", entries, mark),
                };
                self.place(tree, None, line, grower)
            }
            Event::DocumentStart(_, version) => {
                self.directive = version.map_or_else(String::new, |version| format!("%YAML {version:?} "));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Writes what stands before a value: the version of the document, its anchor, its tag.
    fn mark(&mut self, anchor: &str, tag: Option<&Tag>) -> String {
        let mut mark = std::mem::take(&mut self.directive);
        mark.push_str(anchor);
        if let Some(tag) = tag {
            let usual = match tag.original_parts().0 {
                "!!" => tag.handle() == "tag:yaml.org,2002:",
                handle => handle == tag.handle(),
            };
            if usual {
                mark.push_str(&tag.original());
            } else {
                mark.push_str(&format!("!<{}{}>", tag.handle(), tag.suffix()));
            }
            mark.push(' ');
        }
        mark
    }

    fn open(
        &mut self,
        start: usize,
        mark: String,
        kind: Kind<'a>,
        line: u32,
        grower: &mut Grower<'_>,
    ) -> Result<(), ReadError> {
        grower.count()?;
        if self.open.len() as u32 >= MAX_DEPTH {
            return Err(ReadError::TooDeep { line });
        }
        self.open.push(Open { start, mark, kind });
        Ok(())
    }

    /// Puts a finished value where it belongs; `text` is what it says, had it to be a key.
    fn place(
        &mut self,
        tree: Tree<'a>,
        text: Option<Cow<'a, str>>,
        line: u32,
        grower: &mut Grower<'_>,
    ) -> Result<(), ReadError> {
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.documents.push(tree),
            Some(Kind::List(items)) => items.push(tree),
            Some(Kind::Map(entries, key)) => match (key.take(), text) {
                (None, Some(text)) if tree.mark.is_empty() => *key = Some((text, tree.raw)),
                (None, _) => {
                    return Err(ReadError::Syntax {
                        line,
                        what: "a list, a map or a value with an anchor or tag stands as a key".to_owned(),
                    });
                }
                (Some((name, written)), _) => {
                    if written == "<<" {
                        let what = format!("`<<` merges the keys of {} into this map", tree.written());
                        grower.remarks.push((tree.start, what));
                    }
                    entries.push(Entry::new(name, written, tree));
                }
            },
        }
        Ok(())
    }
}

/// Returns what is compared. Text over several lines is compared without its indentation, but with its style.
fn lexeme<'a>(raw: &'a str, text: &str, style: ScalarStyle) -> Cow<'a, str> {
    match style {
        ScalarStyle::Literal | ScalarStyle::Folded => Cow::Owned(format!("{style:?}\n{text}")),
        _ if raw.contains('\n') => Cow::Owned(format!("{style:?}\n{text}")),
        _ => Cow::Borrowed(raw),
    }
}
