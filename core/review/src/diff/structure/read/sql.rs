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
    let starts: Vec<usize> = std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    let offset = |place: Location| {
        let line = usize::try_from(place.line)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let start = starts.get(line).copied().unwrap_or(text.len());
        let column = usize::try_from(place.column)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let rest = text.get(start..).unwrap_or_default();
        start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
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
        let start = offset(next.span.start);
        let raw = match end.token {
            Token::SemiColon => text.get(start..offset(end.span.start)),
            Token::EOF => text.get(start..),
            other => return Err(syntax(line, format!("unexpected {other}"))),
        };
        grower.count()?;
        let raw = raw.unwrap_or_default().trim_end();
        items.push(grower.scalar(start, raw, Cow::Owned(statement.to_string()), String::new()));
    }
}
