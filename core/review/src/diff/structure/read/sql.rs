//! SQL, statement by statement, compared as `sqlparser` writes it: spaces, comments and case of words drop out.

use super::super::tree::{Grower, Tree};
use crate::document::ReadError;
use sqlparser::dialect::{Dialect, GenericDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token};
use std::borrow::Cow;

pub(super) fn read<'a>(text: &'a str, grower: &mut Grower<'_>) -> Result<Tree<'a>, ReadError> {
    let dialects: [&dyn Dialect; 4] = [
        &PostgreSqlDialect {},
        &SQLiteDialect {},
        &MySqlDialect {},
        &GenericDialect {},
    ];
    let mut first = None;
    for dialect in dialects {
        match statements(dialect, text, grower) {
            Ok(items) => return Ok(grower.list(0, "", items, String::new())),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(ReadError::NotUtf8))
}

fn statements<'a>(
    dialect: &dyn Dialect,
    text: &'a str,
    grower: &mut Grower<'_>,
) -> Result<Vec<Tree<'a>>, ReadError> {
    let syntax = |line, what: String| ReadError::Syntax { line, what };
    let mut parser = Parser::new(dialect)
        .with_recursion_limit(48)
        .try_with_sql(text)
        .map_err(|error| syntax(1, error.to_string()))?;
    let mut places = Places {
        text,
        at: 0,
        line: 1,
        column: 1,
    };
    let mut items = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        let next = parser.peek_token();
        if next.token == Token::EOF {
            return Ok(items);
        }
        let line = u32::try_from(next.span.start.line).unwrap_or(u32::MAX);
        let statement = parser
            .parse_statement()
            .map_err(|error| syntax(line, error.to_string()))?;
        let end = parser.peek_token();
        let start = places.offset(next.span.start);
        let raw = match end.token {
            Token::SemiColon => text.get(start..places.offset(end.span.start)),
            Token::EOF => text.get(start..),
            other => return Err(syntax(line, format!("unexpected {other}"))),
        };
        grower.count()?;
        let raw = raw.unwrap_or_default().trim_end();
        items.push(grower.scalar(start, raw, Cow::Owned(statement.to_string()), String::new()));
    }
}

/// Turns lines and columns, which only grow, into places in the text.
struct Places<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    column: u64,
}

impl Places<'_> {
    fn offset(&mut self, place: Location) -> usize {
        for c in self.text.get(self.at..).unwrap_or_default().chars() {
            if (self.line, self.column) >= (place.line, place.column) {
                break;
            }
            self.at += c.len_utf8();
            (self.line, self.column) = match c {
                '\n' => (self.line + 1, 1),
                _ => (self.line, self.column + 1),
            };
        }
        self.at
    }
}
