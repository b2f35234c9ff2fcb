//! Shell syntax: a script split into simple commands.
//!
//! It follows the POSIX shell in quotes, comments, pipes, lists, redirections and substitutions, as far as is
//! needed to see which commands there are. It is no interpreter: nothing is expanded, and keywords such as
//! `if` count as words.

#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::findings) struct Simple {
    pub(in crate::findings) words: Vec<String>,
    pub(super) redirects: Vec<String>,
    /// Whether its output goes to the next command.
    pub(super) piped: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::findings) struct Parsed {
    pub(in crate::findings) commands: Vec<Simple>,
    /// Texts of `$(…)`, backticks and `<(…)`.
    pub(super) substitutions: Vec<String>,
}

/// Splits a script into simple commands.
pub(in crate::findings) fn parse(text: &str) -> Parsed {
    let mut parser = Parser {
        rest: text.chars().collect(),
        at: 0,
        parsed: Parsed::default(),
        command: Simple::default(),
        word: None,
        redirect: false,
    };
    parser.run();
    parser.parsed
}

struct Parser {
    rest: Vec<char>,
    at: usize,
    parsed: Parsed,
    command: Simple,
    word: Option<String>,
    /// Whether the next word is the target of a redirection.
    redirect: bool,
}

impl Parser {
    fn run(&mut self) {
        while let Some(c) = self.next() {
            match c {
                '\'' => self.quoted(),
                '"' => self.double_quoted(),
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(c) => self.push(c),
                },
                '`' => self.backticks(),
                '$' | '<' if self.peek() == Some('(') => self.substitution(c),
                '|' if self.peek() == Some('|') => self.end(false, 1),
                '|' => {
                    let both = usize::from(self.peek() == Some('&'));
                    self.end(true, both);
                }
                '&' if self.peek() == Some('>') => {}
                '&' if self.command.words.is_empty() && self.redirect => self.push(c),
                ';' | '\n' | '&' | '(' | ')' => self.end(false, 0),
                '>' => {
                    self.end_word();
                    self.redirect = true;
                    while matches!(self.peek(), Some('>' | '|' | '&')) {
                        self.at += 1;
                    }
                }
                '#' if self.word.is_none() => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                c if c.is_whitespace() => self.end_word(),
                c => self.push(c),
            }
        }
        self.end(false, 0);
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.next().filter(|c| *c != '\'') {
            self.push(c);
        }
    }

    fn double_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.next() {
            match c {
                '"' => return,
                '\\' => {
                    if let Some(c) = self.next() {
                        self.push(c);
                    }
                }
                '`' => self.backticks(),
                '$' if self.peek() == Some('(') => self.substitution('$'),
                c => self.push(c),
            }
        }
    }

    fn backticks(&mut self) {
        let mut inner = String::new();
        while let Some(c) = self.next().filter(|c| *c != '`') {
            inner.push(c);
        }
        self.keep('$', inner);
    }

    fn substitution(&mut self, opener: char) {
        self.at += 1;
        let (mut depth, mut inner) = (1u32, String::new());
        while let Some(c) = self.next() {
            depth = match c {
                '(' => depth + 1,
                ')' => depth - 1,
                _ => depth,
            };
            if depth == 0 {
                break;
            }
            inner.push(c);
        }
        self.keep(opener, inner);
    }

    fn keep(&mut self, opener: char, inner: String) {
        let shown = format!("{opener}({inner})");
        self.word.get_or_insert_default().push_str(&shown);
        self.parsed.substitutions.push(inner);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.redirect) {
            self.command.redirects.push(word);
        } else {
            self.command.words.push(word);
        }
    }

    fn end(&mut self, piped: bool, skip: usize) {
        self.end_word();
        self.at += skip;
        let mut command = std::mem::take(&mut self.command);
        if !command.words.is_empty() || !command.redirects.is_empty() {
            command.piped = piped;
            self.parsed.commands.push(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        parse(text)
            .commands
            .iter()
            .map(|command| command.words.join(","))
            .collect()
    }

    #[test]
    fn quotes_and_comments_hide_operators() {
        assert_eq!(
            words("echo 'a; b' \"c | d\" e\\;f # g; h"),
            ["echo,a; b,c | d,e;f"]
        );
    }

    #[test]
    fn lists_and_pipes_end_commands() {
        assert_eq!(
            words("a && b || c; d | e & f\ng"),
            ["a", "b", "c", "d", "e", "f", "g"]
        );
        let piped: Vec<bool> = parse("a | b || c")
            .commands
            .iter()
            .map(|command| command.piped)
            .collect();
        assert_eq!(piped, [true, false, false]);
    }

    #[test]
    fn substitutions_and_redirections_are_kept_apart() {
        let parsed = parse("x \"$(y $(z))\" `w` <(v) 2> out");
        assert_eq!(parsed.substitutions, ["y $(z)", "w", "v"]);
        assert_eq!(parsed.commands[0].redirects, ["out"]);
    }
}
