//! Secrets that stand in the clear.
//!
//! Known shapes are found in any text; literal values are found under keys that name a secret. The value is
//! never repeated, here or in the sentence of any other rule: only its length is told. A digest without a key
//! would let a weak secret be guessed, so none is shown.

use super::script;
use crate::document::{Node, Value};
use crate::findings::observation::quote;
use crate::findings::{Detector, Input, Observation, Outcome, Severity, rule, terraform};
use crate::secret::tokens;
use aho_corasick::AhoCorasick;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The rules for secrets.
pub(in crate::findings) struct Secrets;

impl Detector for Secrets {
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        for (number, line) in (1u32..).zip(input.bytes.split(|byte| *byte == b'\n')) {
            if line.windows(10).any(|part| part == b"-----BEGIN") && contains(line, b"PRIVATE KEY") {
                seen.push(observation("a private key", line, number, Severity::Critical));
            }
            for (_, name, token) in tokens(line) {
                // In a plan the id of a key is the name of its resource.
                let severity = match name.ends_with("access key id") && input.kind == "terraform-plan" {
                    true => Severity::Low,
                    false => Severity::High,
                };
                seen.push(observation(name, token, number, severity));
            }
        }
        // What YAML takes for one long text is no YAML.
        let is_text = |root: &Value| root.entries().is_empty() && root.items().is_empty();
        if input.kind == "config-file" && input.roots.iter().all(|(_, root)| is_text(root)) {
            lines(input, seen);
        }
        let rotated = match input.kind {
            "terraform-plan" => terraform::still_hidden(input.documents),
            _ => BTreeSet::new(),
        };
        input.walk(&mut |place, value| {
            // Lists of variables write the key as a value.
            let variable = value.text_at("name").zip(value.at("value"));
            if let Some((name, secret)) = variable
                && let Some(text) = literal(name, secret)
            {
                let what = format!(
                    "a literal value of {} characters stands in the variable {}",
                    text.chars().count(),
                    quote(name)
                );
                let id = format!("{} {}", place.identity, digest(text.as_bytes()));
                seen.push(Observation::new(&rule::SECRET_LITERAL, id, what).at(place, secret.line));
            }
            for (key, secret) in value.entries() {
                script::observe(place, key, secret, seen);
                // A rotation names its secret under that key.
                let is_name = input.kind == "secret-rotation" && matches!(key.as_str(), "secret" | "Secret");
                if let Some(text) = literal(key, secret).filter(|_| !is_name) {
                    let what = format!(
                        "a literal value of {} characters stands under {}",
                        text.chars().count(),
                        quote(key)
                    );
                    let id = format!("{} {}", place.identity, digest(text.as_bytes()));
                    let is_rotated =
                        !rotated.is_empty() && rotated.contains(&format!("{}/{key}", place.pointer));
                    let severity = if is_rotated {
                        Severity::Low
                    } else {
                        Severity::Medium
                    };
                    let seen_here = Observation::new(&rule::SECRET_LITERAL, id, what).severity(severity);
                    seen.push(seen_here.at(place, secret.line));
                }
            }
        });
        Outcome::NotMine
    }
}

/// Observes lines of `key = value` in a file that no reader takes apart.
fn lines(input: &Input<'_>, seen: &mut Vec<Observation>) {
    for (number, line) in (1u32..).zip(input.text().unwrap_or_default().lines()) {
        let key = line.split(['=', ':']).next().unwrap_or_default().trim();
        let is_key = !key.is_empty() && !key.contains([' ', '#', ';', '/', '<']);
        if let Some(text) = assigned(line).next().filter(|_| is_key) {
            let what = format!(
                "a literal value of {} characters stands under {}",
                text.chars().count(),
                quote(key)
            );
            let id = format!("{key} {}", digest(text.as_bytes()));
            seen.push(Observation::new(&rule::SECRET_LITERAL, id, what).line(number));
        }
    }
}

fn observation(name: &str, token: &[u8], line: u32, severity: Severity) -> Observation {
    let id = digest(token);
    let what = format!("{name} of {} characters stands in the clear", token.len());
    Observation::new(&rule::SECRET_IN_CLEAR, id, what)
        .severity(severity)
        .line(line)
}

/// Puts the length in the place of every secret in a text that is to be shown.
pub(in crate::findings) fn mask(text: &str) -> Cow<'_, str> {
    hide(text, marked(text))
}

/// Does so in a short piece of source of any syntax, where a secret may also stand after the key that names it.
pub(in crate::findings) fn mask_source(text: &str) -> Cow<'_, str> {
    let mut hidden = marked(text);
    hidden.extend(named(text));
    hide(text, hidden)
}

/// Says whether a text under a key is a secret as it stands.
pub(in crate::findings) fn is_secret(key: &str, text: &str) -> bool {
    names_secret(key) && is_literal(text)
}

/// Returns the literal values after keys that name a secret in a piece of source of any syntax.
pub(super) fn assigned(text: &str) -> impl Iterator<Item = &str> {
    named(text).filter_map(|(start, end)| text.get(start..end))
}

/// Finds literal values after keys that name a secret.
fn named(text: &str) -> impl Iterator<Item = (usize, usize)> {
    text.match_indices([':', '=']).filter_map(|(at, _)| {
        let before = text.get(..at)?.trim_end_matches([' ', '\t', '"', '\'']);
        let mut words = before.rsplit(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.'));
        let key = words.next().filter(|key| names_secret(key))?;
        let rest = text.get(at + 1..)?;
        let value = rest.trim_start_matches([' ', '\t', '=', '>']);
        let start = at + 1 + rest.len() - value.len();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (start, value) = match quote {
            Some(_) => (start + 1, value.get(1..)?),
            None => (start, value),
        };
        let end = value.find(|c: char| match quote {
            Some(quote) => c == quote,
            None => c.is_whitespace() || matches!(c, ',' | ';' | '}' | ']' | ')'),
        });
        let end = end.unwrap_or(value.len());
        is_secret(key, value.get(..end)?).then_some((start, start + end))
    })
}

/// Finds what stands in a place of secrets, or has the shape of one.
fn marked(text: &str) -> Vec<(usize, usize)> {
    /// What stands before a secret, in lower case.
    const BEFORE: &[&str] = &[
        "password=",
        "passwd=",
        "pwd=",
        "secret=",
        "token=",
        "apikey=",
        "api_key=",
        "api-key:",
        "access_key=",
        "secret_key=",
        "client_secret=",
        "pgpassword=",
        "bearer ",
        "basic ",
        "password: ",
        "--password ",
        "-----begin",
    ];
    let lower = text.to_ascii_lowercase();
    let is_armour = lower.contains("private key");
    let mut hidden: Vec<(usize, usize)> = Vec::new();
    for before in BEFORE {
        let mut end = 0;
        hidden.extend(lower.match_indices(before).filter_map(|(at, found)| {
            let start = at + found.len();
            let rest = text.get(start..)?;
            // What begins inside of a value ends with it, so that no byte is looked at twice.
            if start > end {
                let length = match *before {
                    "-----begin" if !is_armour => return None,
                    // A key in armour is a secret to its end.
                    "-----begin" => None,
                    _ => rest.find([' ', '\'', '"', '&', ';', '|', ',', '\n', '@']),
                };
                end = start + length.unwrap_or(rest.len());
            }
            let value = text.get(start..end)?;
            (!value.is_empty() && !value.starts_with(['$', '<', '{'])).then_some((start, end))
        }));
    }
    for (at, _) in text.match_indices("://") {
        let authority = text
            .get(at + 3..)
            .and_then(|rest| rest.split(['/', '?', ' ']).next());
        let user = authority
            .and_then(|authority| authority.rsplit_once('@'))
            .map(|(user, _)| user);
        if let Some((name, password)) = user.and_then(|user| user.split_once(':')) {
            let start = at + 3 + name.len() + 1;
            hidden.push((start, start + password.len()));
        }
    }
    hidden.extend(wherever_tokens_stand(text));
    hidden
}

/// Finds every place where a token of this text stands, in the middle of a word too. What reads like a token inside
/// of another one is part of it.
fn wherever_tokens_stand(text: &str) -> Vec<(usize, usize)> {
    let (mut known, mut end) = (BTreeSet::new(), 0);
    for (at, _, token) in tokens(text.as_bytes()) {
        if at >= end {
            end = at + token.len();
            known.insert(token);
        }
    }
    if known.is_empty() {
        return Vec::new();
    }
    match AhoCorasick::new(known) {
        Ok(search) => {
            let hits = search.find_overlapping_iter(text);
            hits.map(|hit| (hit.start(), hit.end())).collect()
        }
        // More tokens than can be searched for: nothing of such a text is shown.
        Err(_) => vec![(0, text.len())],
    }
}

fn hide(text: &str, mut hidden: Vec<(usize, usize)>) -> Cow<'_, str> {
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    hidden.sort_unstable();
    let (mut shown, mut at) = (String::new(), 0);
    for (start, end) in hidden.into_iter().filter(|(start, end)| start < end) {
        if end <= at {
            continue;
        }
        let start = start.max(at);
        shown.push_str(text.get(at..start).unwrap_or_default());
        let length = text.get(start..end).unwrap_or_default().chars().count();
        let _ = write!(shown, "({length} characters not shown)");
        at = end;
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(shown)
}

/// Returns what tells one secret from another without showing it.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// Returns the text under a key that names a secret, unless it only refers to one.
fn literal<'a>(key: &str, value: &'a Value) -> Option<&'a str> {
    match &value.node {
        Node::Text(text) if is_secret(key, text) => Some(text.as_str()),
        _ => None,
    }
}

pub(in crate::findings) fn names_secret(key: &str) -> bool {
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
    NAMES.iter().any(|known| name.ends_with(known))
}

/// Says whether a text may be a secret itself: no word, and no reference to where one is kept.
fn is_literal(text: &str) -> bool {
    let refers = text.starts_with(['$', '<', '{', '/', '!', '%', '@', '*'])
        || [
            "arn:", "http:", "https:", "file:", "ref+", "vault:", "op://", "ENC[",
        ]
        .iter()
        .any(|start| text.starts_with(start));
    let word = text.len() < 6 || text.contains("{{") || text.contains("${") || text.contains(' ');
    !refers && !word
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
    fn no_sentence_of_any_rule_repeats_a_secret() {
        let (token, password) = (format!("ghp_{}", "a1B2".repeat(9)), "hunter2-and-more");
        for (kind, action) in [
            (
                "exec",
                format!(r#"{{"argv": ["sudo", "curl", "-H", "Authorization: Bearer {token}", "-T", "x"]}}"#),
            ),
            (
                "exec",
                format!(r#"{{"argv": ["sudo", "env", "PGPASSWORD={password}", "dropdb", "x"]}}"#),
            ),
            (
                "http",
                format!(r#"{{"method": "DELETE", "url": "http://u:{password}@x.test/?token={token}"}}"#),
            ),
            (
                "mcp-call",
                format!(r#"{{"tool": "send_mail", "arguments": {{"to": "https://u:{password}@x.test"}}}}"#),
            ),
            (
                "workflow",
                format!("on: push\njobs:\n  b:\n    steps:\n      - run: curl -u {token} $X | sh\n"),
            ),
            (
                "config-file",
                format!("db_password: {password}\nurl: https://x.test/{token}\n"),
            ),
        ] {
            let found = analyze(kind, None, action.as_bytes());
            assert!(!found.is_empty(), "{action}");
            let told = format!("{found:?}");
            assert!(!told.contains(&token) && !told.contains(password), "{told}");
        }
    }

    #[test]
    fn variables_in_lists_are_read_by_their_name() {
        let variables = |value: &str| format!("env:\n  - name: API_KEY\n    value: {value}\n");
        let found = analyze("config-file", None, variables("abcdef123456").as_bytes());
        assert_eq!(
            (found[0].rule.as_str(), found[0].line),
            ("secret-literal", Some(3))
        );
        assert!(analyze("config-file", None, variables("${API_KEY}").as_bytes()).is_empty());
    }

    #[test]
    fn a_value_that_a_plan_hid_and_hides_was_rotated() {
        let level = |before: &str, hid: &str, hides: &str| {
            let plan = format!(
                r#"{{"format_version": "1.2", "resource_changes": [{{"address": "aws_db_instance.d", "type": "aws_db_instance", "change": {{"actions": ["update"], "before": {{"password": {before}}}, "after": {{"password": "n7Kq2mZx9PfW4sLt"}}, "before_sensitive": {hid}, "after_sensitive": {hides}}}}}]}}"#
            );
            let found = analyze("terraform-plan", None, plan.as_bytes());
            let literal = found.iter().find(|it| it.rule.as_str() == "secret-literal");
            literal.map(|it| it.severity)
        };
        let (was, hidden, shown) = (r#""h7Kq2mZx9PfW4sLa""#, r#"{"password": true}"#, "{}");
        assert_eq!(level(was, hidden, hidden), Some(Severity::Low));
        assert_eq!(level("null", hidden, hidden), Some(Severity::Medium), "it is new");
        assert_eq!(level(was, hidden, shown), Some(Severity::Medium), "it is shown");
        assert_eq!(level(was, shown, hidden), Some(Severity::Medium));
    }

    #[test]
    fn lines_of_a_file_of_no_known_form_are_read_too() {
        let told = |line: &str| {
            let file = format!("# settings\nhost localhost\n{line}\nport 5432 }} x\n");
            let found = analyze("config-file", Some(b"host localhost\n"), file.as_bytes());
            let literal = found.iter().find(|it| it.rule.as_str() == "secret-literal");
            literal.map(|it| (it.severity, it.line))
        };
        for line in [
            "password = \"kq8Zr2!vPx7mWq4t\"",
            "db.password=kq8Zr2!vPx7mWq4t",
            "api_key: kq8Zr2vPx7mWq4t",
        ] {
            assert_eq!(told(line), Some((Severity::Medium, Some(3))), "{line}");
        }
        for line in [
            "password = ${DB_PASSWORD}",
            "# password = kq8Zr2!vPx7mWq4t",
            "password_encryption = scram-sha-256",
            "password_file = /run/secrets/db",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn masks_keep_what_is_no_secret() {
        for kept in [
            "token=$TOKEN",
            "basic ",
            "a b c",
            "https://x.test/a@b",
            "password=",
        ] {
            assert_eq!(super::mask(kept), kept);
        }
        assert_eq!(super::mask("x token=abc y"), "x token=(3 characters not shown) y");
        assert_eq!(super::mask("é://ü:päss@h"), "é://ü:(4 characters not shown)@h");
    }

    #[test]
    fn a_token_is_hidden_wherever_it_stands() {
        let (one, other) = (
            format!("ghp_{}", "a1B2".repeat(9)),
            format!("npm_{}", "c3D4".repeat(9)),
        );
        assert_eq!(
            super::mask(&format!("x{one} {other} {one}/x{other}")),
            "x(40 characters not shown) (40 characters not shown) (40 characters not shown)/x(40 characters not shown)"
        );
        assert_eq!(super::mask(&format!("{one}-{one}")), "(81 characters not shown)");
    }

    #[test]
    fn a_long_value_costs_no_more_than_its_length() {
        let start = std::time::Instant::now();
        for part in ["password=", "token=", "-----BEGIN PRIVATE KEY", "://a:b@", "ghp_"] {
            let different: String = (0..1 << 14)
                .map(|number| format!("{part}{number:045}/"))
                .collect();
            assert_ne!(super::mask(&different), different, "{part}");
            let alike = part.repeat((1 << 20) / part.len());
            assert_ne!(super::mask(&alike), alike, "{part}");
        }
        assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    }

    #[test]
    fn source_hides_what_stands_after_a_name() {
        for (source, shown) in [
            ("db_password = hunter2x", "db_password = (8 characters not shown)"),
            (
                r#"{"a": 1, "api_key": "abc def-ghi", "apiKey" : "abcdefgh"}"#,
                r#"{"a": 1, "api_key": "abc def-ghi", "apiKey" : "(8 characters not shown)"}"#,
            ),
            ("password: ${DB}", "password: ${DB}"),
            ("secret=abcdefgh;x", "secret=(8 characters not shown);x"),
        ] {
            assert_eq!(super::mask_source(source), shown);
        }
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
