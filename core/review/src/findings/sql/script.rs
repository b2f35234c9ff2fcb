//! Reading a script into its statements.
//!
//! `sqlparser` reads them, in the dialect that understands them all (PostgreSQL first).

use super::block::{self, Block};
use crate::findings::Problem;
use crate::findings::observation::quote;
use sqlparser::ast::Statement;
use sqlparser::dialect::{
    Dialect, GenericDialect, MsSqlDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect,
};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::collections::{BTreeMap, BTreeSet};

/// The statements of a script, each with its line.
pub(super) struct Script {
    pub(super) statements: Vec<(u32, Statement)>,
    /// The blocks of code among them.
    pub(super) blocks: Vec<Block>,
    /// The lines on which indexes are dropped without a lock, and none with one.
    pub(super) waiting: BTreeSet<u32>,
}

pub(super) fn parse(text: &str) -> Result<Script, Problem> {
    let dialects: [&dyn Dialect; 5] = [
        &PostgreSqlDialect {},
        &MySqlDialect {},
        &MsSqlDialect {},
        &SQLiteDialect {},
        &GenericDialect {},
    ];
    let mut problem = None;
    for dialect in dialects {
        match parse_as(dialect, text) {
            Ok(script) => return Ok(script),
            // The first dialect's complaint is the one told: it is the likeliest.
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    let what = format!(
        "the SQL is not understood: {}",
        quote(&problem.unwrap_or_default())
    );
    Err(Problem { line: None, what })
}

fn parse_as(dialect: &dyn Dialect, text: &str) -> Result<Script, String> {
    let mut tokens = Tokenizer::new(dialect, text)
        .tokenize_with_location()
        .map_err(|error| error.to_string())?;
    let waiting = without_concurrently(&mut tokens);
    let blocks = block::take(&mut tokens);
    let mut parser = Parser::new(dialect)
        .with_recursion_limit(48)
        .with_tokens_with_locations(tokens);
    let mut statements = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        let next = parser.peek_token();
        if next.token == Token::EOF {
            return Ok(Script {
                statements,
                blocks,
                waiting,
            });
        }
        let line = u32::try_from(next.span.start.line).unwrap_or(u32::MAX);
        statements.push((line, parser.parse_statement().map_err(|error| error.to_string())?));
        let end = parser.peek_token();
        if !matches!(end.token, Token::SemiColon | Token::EOF) {
            return Err(format!(
                "unexpected {} at line {}",
                end.token, end.span.start.line
            ));
        }
    }
}

/// Takes `CONCURRENTLY` out of `DROP INDEX CONCURRENTLY`, which the parser does not know: what is dropped is the same.
/// Returns the lines on which each index is dropped so.
fn without_concurrently(tokens: &mut Vec<TokenWithSpan>) -> BTreeSet<u32> {
    let mut last = [(String::new(), 0), (String::new(), 0)];
    let (mut all, mut waiting) = (BTreeMap::<u32, usize>::new(), BTreeMap::<u32, usize>::new());
    tokens.retain(|token| {
        let Token::Word(word) = &token.token else {
            return true;
        };
        let upper = word.value.to_ascii_uppercase();
        let [(before, line), (newest, _)] = &last;
        let drops = before == "DROP" && newest == "INDEX";
        if drops && upper == "CONCURRENTLY" && word.quote_style.is_none() {
            *waiting.entry(*line).or_default() += 1;
            return false;
        }
        let line = u32::try_from(token.span.start.line).unwrap_or(u32::MAX);
        if upper == "INDEX" && newest == "DROP" {
            *all.entry(last.last().map_or(line, |(_, line)| *line))
                .or_default() += 1;
        }
        last.rotate_left(1);
        if let Some(newest) = last.last_mut() {
            *newest = (upper, line);
        }
        true
    });
    waiting.retain(|line, count| all.get(line) == Some(count));
    waiting.into_keys().collect()
}
