//! `.env` files: one assignment a line. A line that is none is refused, not guessed at.

use super::super::tree::{Entry, Grower, Tree};
use crate::document::ReadError;
use std::borrow::Cow;

pub(super) fn read<'a>(text: &'a str, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    let mut entries = Vec::new();
    let mut start = 0;
    let mut open: Option<(char, usize)> = None;
    let mut key: Option<(&'a str, &'static str)> = None;
    for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
        let end = start + line.len();
        if let Some((quote, from)) = open {
            // A quoted value that goes on.
            if closes(line, quote) {
                let raw = text.get(from..end).unwrap_or_default().trim_end();
                if let Some((key, mark)) = key.take() {
                    grower.count()?;
                    let tree = grower.scalar(from, raw, Cow::Borrowed(raw), mark.to_owned());
                    entries.push(Entry::new(Cow::Borrowed(key), key, tree));
                }
                open = None;
            }
        } else if let Some((name, mark, value)) = assignment(line).map_err(|what| ReadError::Syntax {
            line: number,
            what: what.to_owned(),
        })? {
            let from = end - line.len() + (line.len() - value.len());
            match value.chars().next() {
                Some(quote @ ('"' | '\'')) if !closes(value.get(1..).unwrap_or_default(), quote) => {
                    open = Some((quote, from));
                    key = Some((name, mark));
                }
                _ => {
                    grower.count()?;
                    let raw = value.trim_end();
                    let tree = grower.scalar(from, raw, Cow::Borrowed(raw), mark.to_owned());
                    entries.push(Entry::new(Cow::Borrowed(name), name, tree));
                }
            }
        }
        start = end;
    }
    if open.is_some() {
        return Err(ReadError::Syntax {
            line: super::line_of(text, start),
            what: "a quoted value is not closed".to_owned(),
        });
    }
    grower.count()?;
    Ok(grower.map(0, "", entries, String::new()))
}

/// Splits a line into name, `export ` if it is there, and value; a blank line or a comment is none.
fn assignment(line: &str) -> Result<Option<(&str, &'static str, &str)>, &'static str> {
    let rest = line.trim_start();
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(None);
    }
    let (mark, rest) = match rest.strip_prefix("export ") {
        Some(rest) => ("export ", rest.trim_start()),
        None => ("", rest),
    };
    let Some((name, value)) = rest.split_once('=') else {
        return Err("this line is no assignment");
    };
    let name = name.trim_end();
    let mut letters = name.chars();
    let first = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !first || !letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
        return Err("this is no name of a variable");
    }
    Ok(Some((name, mark, value.trim_start_matches([' ', '\t']))))
}

fn closes(text: &str, quote: char) -> bool {
    let mut escaped = false;
    text.chars().any(|c| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && quote == '"' && !escaped;
        ends
    })
}
