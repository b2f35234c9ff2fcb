//! Reading one side of a change: whichever of its syntaxes a text has, and what references in it stand for.

use super::detector::{Input, Problem, Root};
use super::{MAX_BYTES, TEXT_KINDS, cloud, container, observation, pipeline, terraform};
use crate::document::{self, Documents, Place, Value};
use std::borrow::Cow;

/// Kinds whose bytes are no JSON or YAML.
const OTHER_SYNTAX: &[&str] = &["sql"];

/// One side, read as far as it can be.
#[derive(Default)]
pub(super) struct Read<'a> {
    bytes: &'a [u8],
    text: Option<&'a str>,
    lines: Vec<&'a str>,
    pub(super) documents: Documents,
    pub(super) problem: Option<Problem>,
}

impl<'a> Read<'a> {
    /// Reads a side; what is too large or in no syntax that is known is a problem of it.
    pub(super) fn new(kind: &str, bytes: &'a [u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok();
        let mut read = Self {
            bytes,
            text,
            lines: text.map_or_else(Vec::new, |text| text.lines().collect()),
            ..Self::default()
        };
        let problem = |line, what| Some(Problem { line, what });
        if bytes.len() > MAX_BYTES {
            let what = format!(
                "{} bytes are more than the {MAX_BYTES} that are analyzed",
                bytes.len()
            );
            read.problem = problem(None, what);
        } else if text.is_none() {
            read.problem = problem(None, "it is not UTF-8 text".to_owned());
        } else if let Some(text) = text.filter(|_| terraform::is_source(&read.lines))
            && !OTHER_SYNTAX.contains(&kind)
            && !TEXT_KINDS.contains(&kind)
        {
            // YAML takes some of it for a long text, so it is asked last.
            match terraform::read(text) {
                Ok(documents) => read.documents = documents,
                Err(error) => {
                    let what = observation::quote(&error.to_string());
                    read.problem = problem(None, format!("the Terraform source is not understood: {what}"));
                }
            }
        } else if let Some(text) = text.filter(|text| container::is_build(text))
            && !OTHER_SYNTAX.contains(&kind)
        {
            read.documents = container::read(text);
        } else if pipeline::is_pipeline(&read.lines) {
            // A program: its rules read the text themselves.
        } else if !OTHER_SYNTAX.contains(&kind) {
            match document::read(bytes) {
                Ok(documents) => read.documents = documents,
                Err(_) if TEXT_KINDS.contains(&kind) => {}
                Err(error) => {
                    let what = observation::quote(&error.to_string());
                    read.problem = problem(None, format!("neither JSON nor YAML: {what}"));
                }
            }
        }
        read
    }

    /// Returns the values to look at: those after the change in a plan, else all.
    pub(super) fn roots(&self) -> Vec<Root<'_>> {
        resolved(terraform::after(&self.documents).unwrap_or_else(|| roots(&self.documents)))
    }

    /// Returns the side as detectors see it.
    pub(super) fn input<'b>(&'b self, kind: &'b str, roots: &'b [Root<'b>]) -> Input<'b> {
        Input {
            kind,
            bytes: self.bytes,
            text: self.text,
            lines: &self.lines,
            roots,
            documents: &self.documents,
        }
    }
}

/// Puts what references stand for in their place; only a value that holds some is copied.
pub(super) fn resolved(roots: Vec<(Place, &Value)>) -> Vec<Root<'_>> {
    let root = |(place, value)| match cloud::resolve(value) {
        Cow::Borrowed(value) => (place, terraform::resolve(value)),
        resolved => (place, resolved),
    };
    roots.into_iter().map(root).collect()
}

/// Returns the documents of a file with their places; several documents count as a list.
fn roots(documents: &Documents) -> Vec<(Place, &Value)> {
    let several = documents.all.len() > 1;
    let place = |index: usize| Place {
        pointer: if several {
            format!("/{index}")
        } else {
            String::new()
        },
        identity: String::new(),
    };
    documents
        .all
        .iter()
        .enumerate()
        .map(|(index, value)| (place(index), value))
        .collect()
}
