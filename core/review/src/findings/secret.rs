//! Secrets that stand in the clear.
//!
//! Known shapes are found in any text; literal values are found under keys that name a secret. The value is
//! never repeated: a finding carries its length and a short digest only, to tell two of them apart.

use super::{Detector, Input, Observation, Outcome, Severity, rule};
use crate::document::{Node, Value};
use crate::findings::observation::quote;
use sha2::{Digest as _, Sha256};

/// The rules for secrets.
pub(super) struct Secrets;

/// Prefix, characters that follow it at least and at most, and what it is.
const SHAPES: &[(&str, usize, usize, &str)] = &[
    ("AKIA", 16, 16, "an AWS access key id"),
    ("ASIA", 16, 16, "an AWS session key id"),
    ("ghp_", 36, 255, "a GitHub token"),
    ("gho_", 36, 255, "a GitHub token"),
    ("ghs_", 36, 255, "a GitHub token"),
    ("ghu_", 36, 255, "a GitHub token"),
    ("github_pat_", 50, 255, "a GitHub token"),
    ("glpat-", 20, 255, "a GitLab token"),
    ("npm_", 36, 36, "an npm token"),
    ("pypi-AgEI", 50, 500, "a PyPI token"),
    ("xoxb-", 20, 255, "a Slack token"),
    ("xoxp-", 20, 255, "a Slack token"),
    ("xoxa-", 20, 255, "a Slack token"),
    ("sk_live_", 20, 255, "a Stripe key"),
    ("rk_live_", 20, 255, "a Stripe key"),
    ("sk-ant-", 40, 255, "an Anthropic key"),
    ("AIza", 35, 35, "a Google API key"),
    ("ya29.", 20, 500, "a Google token"),
    ("SG.", 60, 80, "a SendGrid key"),
    ("dop_v1_", 64, 64, "a DigitalOcean token"),
    ("hvs.", 24, 255, "a Vault token"),
    ("AGE-SECRET-KEY-1", 58, 58, "an age key"),
    ("eyJhbGciOi", 40, 8000, "a signed web token"),
];

impl Detector for Secrets {
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        for (number, line) in (1u32..).zip(input.bytes.split(|byte| *byte == b'\n')) {
            if line.windows(10).any(|part| part == b"-----BEGIN") && contains(line, b"PRIVATE KEY") {
                seen.push(observation("a private key", line, number, Severity::Critical));
            }
            for (name, token) in tokens(line) {
                seen.push(observation(name, token, number, Severity::High));
            }
        }
        input.walk(&mut |place, value| {
            for (key, secret) in value.entries() {
                if let Some(text) = literal(key, secret) {
                    let what = format!(
                        "a literal value of {} characters stands under {}",
                        text.chars().count(),
                        quote(key)
                    );
                    let id = format!("{} {}", place.identity, digest(text.as_bytes()));
                    seen.push(Observation::new(&rule::SECRET_LITERAL, id, what).at(place, secret.line));
                }
            }
        });
        Outcome::NotMine
    }
}

fn observation(name: &str, token: &[u8], line: u32, severity: Severity) -> Observation {
    let id = digest(token);
    let what = format!(
        "{name} stands in the clear ({} characters, SHA-256 begins {id})",
        token.len()
    );
    Observation::new(&rule::SECRET_IN_CLEAR, id, what)
        .severity(severity)
        .line(line)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// Finds tokens of known shapes that don't begin in the middle of a word.
fn tokens(line: &[u8]) -> impl Iterator<Item = (&'static str, &[u8])> {
    let starts = line.iter().enumerate().scan(false, |inside, (at, byte)| {
        let start = !*inside && byte.is_ascii_alphabetic();
        *inside = byte.is_ascii_alphanumeric();
        Some(start.then_some(at))
    });
    starts.flatten().filter_map(|at| {
        let rest = line.get(at..)?;
        let (prefix, least, most, name) = SHAPES
            .iter()
            .find(|(prefix, ..)| rest.starts_with(prefix.as_bytes()))?;
        let more = rest.get(prefix.len()..)?.iter();
        let length = more
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
            .count();
        (*least..=*most)
            .contains(&length)
            .then(|| rest.get(..prefix.len() + length))
            .flatten()
            .map(|token| (*name, token))
    })
}

/// Returns the text under a key that names a secret, unless it only refers to one.
fn literal<'a>(key: &str, value: &'a Value) -> Option<&'a str> {
    const NAMES: &[&str] = &[
        "password",
        "passwd",
        "secret",
        "secretkey",
        "secretaccesskey",
        "apikey",
        "accesstoken",
        "authtoken",
        "privatekey",
        "masteruserpassword",
        "dbpassword",
        "clientsecret",
        "connectionstring",
    ];
    let name: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let named = NAMES.iter().any(|known| name.ends_with(known));
    let Node::Text(text) = &value.node else {
        return None;
    };
    let refers = text.starts_with(['$', '<', '{', '/', '!', '%', '@', '*'])
        || [
            "arn:", "http:", "https:", "file:", "ref+", "vault:", "op://", "ENC[",
        ]
        .iter()
        .any(|start| text.starts_with(start));
    let word = text.len() < 6 || text.contains("{{") || text.contains("${") || text.contains(' ');
    (named && !refers && !word).then_some(text.as_str())
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    #[test]
    fn a_key_that_appears_is_told_without_its_value() {
        let key = format!("AKIA{}", "ABCDEFGHIJKLMNOP");
        let findings = analyze(
            "config-file",
            Some(b"a: 1\n"),
            format!("a: 1\nb: {key}\n").as_bytes(),
        );
        assert_eq!(
            (findings[0].rule.as_str(), findings[0].line),
            ("secret-in-clear", Some(2))
        );
        assert!(!format!("{findings:?}").contains(&key));
        assert_eq!(severity(&findings), Severity::High);
    }

    #[test]
    fn references_are_not_secrets() {
        for quiet in [
            "password: ${DB}",
            "password: arn:aws:x",
            "note: the password is long",
            "token: AKIAshort",
        ] {
            assert!(
                analyze("config-file", None, quiet.as_bytes()).is_empty(),
                "{quiet}"
            );
        }
        assert_eq!(analyze("config-file", None, b"db_password: hunter2x").len(), 1);
    }

    #[test]
    fn a_private_key_is_critical() {
        let text = format!("key: |\n  -----BEGIN {} KEY-----\n", "PRIVATE");
        assert_eq!(
            severity(&analyze("config-file", None, text.as_bytes())),
            Severity::Critical
        );
    }
}
