//! Splits a PostgreSQL script into statements and refuses transaction control among them.
//!
//! The lexical rules are those of the PostgreSQL manual, chapter 4.1, with standard-conforming strings. It need not
//! be trusted for the split: the server is asked to prepare every piece by itself and refuses one that holds two
//! statements. What this decides alone is the first word of a piece, after blanks and comments.

/// Why a script is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A statement would end or change the transaction.
    #[error(
        "statement {number} is transaction control (`{word}`); the guard runs the whole script in one transaction of its own"
    )]
    TransactionControl {
        /// Which statement, from 1.
        number: usize,
        /// Its first word.
        word: String,
    },
    /// A string, comment or name does not end.
    #[error("script ends within a string, comment or quoted name that began at byte {0}")]
    Open(usize),
    /// Nothing in it.
    #[error("script holds no statement")]
    Empty,
}

/// First words of statements that begin, end or change a transaction, or run code outside of it.
const CONTROL: &[&str] = &[
    "ABORT",
    "BEGIN",
    "COMMIT",
    "END",
    "PREPARE",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
];

/// The statements of `script`.
///
/// # Errors
/// [`ScriptError`] for transaction control and for what does not end.
pub fn statements(script: &str) -> Result<Vec<&str>, ScriptError> {
    let mut statements = Vec::new();
    let mut begin = 0;
    let mut word: Option<&str> = None;
    let mut at = 0;
    while let Some(rest) = script.get(at..).filter(|rest| !rest.is_empty()) {
        let (token, length) = token(rest).ok_or(ScriptError::Open(at))?;
        match token {
            Token::Blank => {}
            Token::End => {
                if let Some(word) = word.take() {
                    push(&mut statements, script.get(begin..at), word)?;
                }
                begin = at + length;
            }
            Token::Word | Token::Other => {
                word = word.or_else(|| rest.get(..length));
            }
        }
        at += length;
    }
    if let Some(word) = word {
        push(&mut statements, script.get(begin..), word)?;
    }
    if statements.is_empty() {
        return Err(ScriptError::Empty);
    }
    Ok(statements)
}

fn push<'a>(
    statements: &mut Vec<&'a str>,
    statement: Option<&'a str>,
    word: &str,
) -> Result<(), ScriptError> {
    if CONTROL.contains(&word.to_ascii_uppercase().as_str()) {
        return Err(ScriptError::TransactionControl {
            number: statements.len() + 1,
            word: word.to_owned(),
        });
    }
    statements.extend(statement);
    Ok(())
}

enum Token {
    Blank,
    Word,
    End,
    Other,
}

/// The next token and its length in bytes; nothing when it does not end.
fn token(rest: &str) -> Option<(Token, usize)> {
    let first = rest.chars().next()?;
    if rest.starts_with("--") {
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        return Some((Token::Blank, length));
    }
    if rest.starts_with("/*") {
        return comment(rest).map(|length| (Token::Blank, length));
    }
    match first {
        ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => Some((Token::Blank, 1)),
        ';' => Some((Token::End, 1)),
        '\'' => quoted(rest, '\'', false).map(|length| (Token::Other, length)),
        '"' => quoted(rest, '"', false).map(|length| (Token::Other, length)),
        '$' => dollar(rest).map(|length| (Token::Other, length)),
        'e' | 'E' if rest.get(1..).is_some_and(|rest| rest.starts_with('\'')) => {
            let string = quoted(rest.get(1..)?, '\'', true)?;
            Some((Token::Other, 1 + string))
        }
        c if c.is_alphabetic() || c == '_' || !c.is_ascii() => {
            let more = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii();
            let length = rest.find(|c| !more(c)).unwrap_or(rest.len());
            Some((Token::Word, length))
        }
        c => Some((Token::Other, c.len_utf8())),
    }
}

/// The length of a comment; comments nest.
fn comment(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)?) {
            (b'/', b'*') => {
                depth += 1;
                at += 2;
            }
            (b'*', b'/') => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

/// The length of a quoted string or name; the quote doubled stands for itself.
fn quoted(rest: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next()?;
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return Some(at + c.len_utf8());
            }
        }
    }
    None
}

/// The length of a dollar-quoted string, or 1 for a lone dollar sign such as a parameter's.
fn dollar(rest: &str) -> Option<usize> {
    let inner = rest.get(1..)?;
    let tag_end = inner.find(|c: char| !(c.is_alphanumeric() || c == '_' || !c.is_ascii()));
    let Some(tag) = tag_end.filter(|end| inner.get(*end..).is_some_and(|rest| rest.starts_with('$'))) else {
        return Some(1);
    };
    if inner.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(1);
    }
    let marker = rest.get(..tag + 2)?;
    let body = rest.get(marker.len()..)?;
    Some(marker.len() + body.find(marker)? + marker.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_where_the_server_does() {
        let script =
            "SELECT ';'; /* ; /* ; */ */ UPDATE \"a;b\" SET x = E'\\';' -- ;\n; DO $f$ BEGIN; END $f$;\n;";
        let pieces = statements(script).unwrap();
        assert_eq!(pieces.len(), 3);
        assert!(pieces[1].contains("UPDATE") && pieces[2].trim().starts_with("DO"));
        assert_eq!(statements("SELECT $1, a$b$c; SELECT 2").unwrap().len(), 2);
    }

    #[test]
    fn transaction_control_is_found_wherever_it_stands() {
        for script in [
            "COMMIT",
            "update t set a = 1; commit; drop table t",
            "/* x */ -- y\n rollback",
            "SELECT 1;;end",
            "prepare transaction 'a'",
            "BeGiN; SELECT 1",
        ] {
            assert!(
                matches!(statements(script), Err(ScriptError::TransactionControl { .. })),
                "{script}"
            );
        }
        assert!(statements("SELECT 'commit'; UPDATE t SET a = 'x; COMMIT'").is_ok());
    }

    #[test]
    fn what_does_not_end_is_refused() {
        for script in ["SELECT 'a", "/* /* */", "SELECT \"a", "DO $$ x", "E'\\'"] {
            assert!(
                matches!(statements(script), Err(ScriptError::Open(_))),
                "{script}"
            );
        }
        assert_eq!(statements(" ;-- nothing\n"), Err(ScriptError::Empty));
    }
}
