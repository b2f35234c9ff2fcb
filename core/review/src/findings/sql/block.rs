//! Anonymous blocks of PostgreSQL, `DO $$ … $$`: code that runs at once, and a text to the parser.
//!
//! What stands in a block is read as far as it is made of statements; that it runs at all is told by what its words could
//! do. It is no interpreter: what a block puts together and runs by `EXECUTE` is not known.

use crate::findings::Severity;
use sqlparser::ast::Statement;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// Words of statements that change something, and of calls.
const CHANGES: &[&str] = &[
    "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "DROP", "ALTER", "CREATE", "GRANT", "REVOKE", "COPY",
    "CALL", "PERFORM", "EXECUTE", "LOCK", "REINDEX", "CLUSTER", "REFRESH", "SET", "COMMIT", "ROLLBACK",
    "SECURITY",
];

/// Functions that only compute, and words that stand before a bracket without being called.
const HARMLESS: &[&str] = &[
    "count",
    "min",
    "max",
    "sum",
    "avg",
    "now",
    "coalesce",
    "length",
    "lower",
    "upper",
    "abs",
    "format",
    "to_regclass",
    "exists",
    "if",
    "elsif",
    "and",
    "or",
    "not",
    "in",
    "any",
    "all",
    "as",
    "select",
    "from",
    "where",
    "when",
    "then",
    "values",
    "over",
    "filter",
    "numeric",
    "varchar",
    "char",
];

/// Words after which a statement begins inside of a block.
const OPENS: &[&str] = &["BEGIN", "THEN", "ELSE", "LOOP"];

/// A block.
pub(super) struct Block {
    /// Where it begins.
    pub(super) line: u32,
    language: String,
    /// Where its body begins.
    body_line: u32,
    body: String,
}

/// Takes the blocks out of a script.
pub(super) fn take(tokens: &mut Vec<TokenWithSpan>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = Vec::with_capacity(tokens.len());
    for statement in tokens.split_inclusive(|token| token.token == Token::SemiColon) {
        match block(statement) {
            Some(block) => blocks.push(block),
            None => rest.extend_from_slice(statement),
        }
    }
    *tokens = rest;
    blocks
}

/// Reads `DO [LANGUAGE name] 'body' [LANGUAGE name]`.
fn block(statement: &[TokenWithSpan]) -> Option<Block> {
    let mut words = statement
        .iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::SemiColon | Token::EOF));
    let first = words.next().filter(|token| is_word(&token.token, "DO"))?;
    let (mut body, mut language) = (None, None);
    while let Some(token) = words.next() {
        match &token.token {
            Token::DollarQuotedString(text) if body.is_none() => {
                body = Some((line(token), text.value.clone()));
            }
            Token::SingleQuotedString(text) if body.is_none() => body = Some((line(token), text.clone())),
            word if is_word(word, "LANGUAGE") && language.is_none() => {
                language = Some(words.next()?.token.to_string());
            }
            _ => return None,
        }
    }
    let (body_line, body) = body?;
    Some(Block {
        line: line(first),
        language: language.unwrap_or_else(|| "plpgsql".to_owned()),
        body_line,
        body,
    })
}

fn line(token: &TokenWithSpan) -> u32 {
    u32::try_from(token.span.start.line).unwrap_or(u32::MAX)
}

impl Block {
    /// Returns what tells it from others.
    pub(super) fn key(&self) -> &str {
        &self.body
    }

    /// Weighs that it runs: little where none of its words changes anything.
    pub(super) fn severity(&self) -> Severity {
        let known = self
            .language
            .trim_matches(['"', '\''])
            .eq_ignore_ascii_case("plpgsql");
        let mut words = self.body.split(|c: char| !c.is_alphanumeric() && c != '_');
        let changes = |word: &str| CHANGES.iter().any(|it| it.eq_ignore_ascii_case(word));
        match known {
            false => Severity::High,
            true if words.any(changes) || self.calls_unknown() => Severity::Medium,
            true => Severity::Low,
        }
    }

    /// Says whether it calls a function that may do anything.
    fn calls_unknown(&self) -> bool {
        self.body.match_indices('(').any(|(at, _)| {
            let before = self.body.get(..at).unwrap_or_default().trim_end();
            let name = before
                .rsplit(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '"'))
                .next();
            let name = name.unwrap_or_default();
            !name.is_empty() && !HARMLESS.iter().any(|it| it.eq_ignore_ascii_case(name))
        })
    }

    /// Returns the statements in it that can be read, each with its line.
    pub(super) fn statements(&self) -> Vec<(u32, Statement)> {
        let dialect = PostgreSqlDialect {};
        let Ok(tokens) = Tokenizer::new(&dialect, &self.body).tokenize_with_location() else {
            return Vec::new();
        };
        let pieces = tokens.split(|token| token.token == Token::SemiColon);
        pieces.filter_map(|piece| self.statement(piece)).collect()
    }

    /// Reads what stands after the last word that opens a statement, or all of it.
    fn statement(&self, piece: &[TokenWithSpan]) -> Option<(u32, Statement)> {
        let opens = |token: &TokenWithSpan| OPENS.iter().any(|word| is_word(&token.token, word));
        let tail = piece.rsplit(opens).next().unwrap_or(piece);
        [piece, tail].into_iter().find_map(|tokens| {
            let first = tokens
                .iter()
                .find(|token| !matches!(token.token, Token::Whitespace(_)))?;
            // It ends the block, as it would end a transaction outside of one.
            if is_word(&first.token, "END") {
                return None;
            }
            let below = line(first).saturating_sub(1);
            let mut parser = Parser::new(&PostgreSqlDialect {})
                .with_recursion_limit(48)
                .with_tokens_with_locations(tokens.to_vec());
            let statement = parser.parse_statement().ok()?;
            let whole = parser.peek_token().token == Token::EOF;
            whole.then(|| (self.body_line.saturating_add(below), statement))
        })
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(it) if it.quote_style.is_none() && it.value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn found(sql: &str) -> Vec<(&'static str, Severity)> {
        let findings = analyze("sql", None, sql.as_bytes());
        findings
            .iter()
            .map(|it| (it.rule.as_str(), it.severity))
            .collect()
    }

    #[test]
    fn a_block_that_only_looks_weighs_little() {
        let check = "DO $$\nBEGIN\n  IF (SELECT count(*) FROM t) < 4 THEN\n    RAISE EXCEPTION 'too few';\n  END IF;\nEND\n$$;";
        assert_eq!(found(check), [("sql-code", Severity::Low)]);
        assert_eq!(
            found(&format!("UPDATE t SET a = 1 WHERE b = 2; {check}"))[0].1,
            Severity::Low
        );
    }

    #[test]
    fn what_a_block_runs_is_judged() {
        for (sql, rule, least) in [
            (
                "DO $$ BEGIN DELETE FROM t; END $$",
                "sql-no-where",
                Severity::Critical,
            ),
            (
                "do language plpgsql $x$ begin if true then drop table t; end if; end $x$;",
                "sql-drop",
                Severity::Critical,
            ),
            ("DO 'BEGIN TRUNCATE t; END'", "sql-truncate", Severity::Critical),
            (
                "DO $$ BEGIN EXECUTE 'DROP' || ' TABLE t'; END $$",
                "sql-code",
                Severity::Medium,
            ),
            (
                "DO $$ BEGIN IF dblink_exec('c', 'x') = 'y' THEN RAISE NOTICE 'z'; END IF; END $$",
                "sql-code",
                Severity::Medium,
            ),
            ("DO $$ BEGIN PERFORM f(); END $$", "sql-code", Severity::Medium),
            (
                "DO $$ import os $$ LANGUAGE plpython3u",
                "sql-code",
                Severity::High,
            ),
        ] {
            assert!(found(sql).contains(&(rule, least)), "{sql}: {:?}", found(sql));
        }
    }

    #[test]
    fn a_line_inside_of_a_block_is_that_of_the_script() {
        let sql = "SELECT 1;\nDO\n$$BEGIN\n  DELETE FROM t;\nEND $$;\n";
        let findings = analyze("sql", None, sql.as_bytes());
        assert_eq!(
            (findings[0].rule.as_str(), findings[0].line),
            ("sql-no-where", Some(4))
        );
    }

    #[test]
    fn what_only_begins_like_a_block_is_not_taken_out() {
        for sql in ["DO SLEEP(5)", "DO $$ BEGIN END $$ AND MORE", "DO 'a' 'b'"] {
            assert!(
                severity(&analyze("sql", None, sql.as_bytes())) >= Severity::Medium,
                "{sql}"
            );
        }
        let upsert = "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING";
        assert!(!found(upsert).iter().any(|it| it.0 == "sql-code"));
    }
}
