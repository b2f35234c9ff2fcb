//! Tool calls (MCP) and HTTP requests: what the name, the method and the target tell.
//!
//! A call's effect is the server's business and can't be known from here; these rules name what a reviewer
//! should look at first. Documents and commands inside the arguments are judged by their own rules.

use super::{Detector, Input, Observation, Outcome, Severity, rule};
use crate::document::{Place, Value};
use crate::findings::observation::quote;

/// The rules for calls.
pub(super) struct Calls;

/// Parts of tool names, the rule they fall under, how bad it is.
const VERBS: &[(&[&str], &rule::Rule, Severity)] = &[
    (
        &[
            "delete",
            "remove",
            "drop",
            "destroy",
            "purge",
            "wipe",
            "erase",
            "terminate",
            "truncate",
            "uninstall",
        ],
        &rule::CALL_DESTROYS,
        Severity::Medium,
    ),
    (
        &[
            "transfer", "pay", "payment", "purchase", "refund", "withdraw", "charge",
        ],
        &rule::CALL_SPENDS,
        Severity::High,
    ),
    (
        &[
            "invite",
            "grant",
            "share",
            "permission",
            "addmember",
            "role",
            "password",
            "credential",
            "token",
            "revoke",
        ],
        &rule::CALL_GRANTS,
        Severity::Medium,
    ),
    (
        &[
            "send", "post", "publish", "email", "mail", "message", "upload", "forward", "reply", "tweet",
            "dm",
        ],
        &rule::CALL_SENDS,
        Severity::Medium,
    ),
    (
        &[
            "exec", "execute", "run", "shell", "eval", "bash", "command", "terminal",
        ],
        &rule::CALL_RUNS,
        Severity::Medium,
    ),
    (
        &[
            "create", "update", "write", "set", "edit", "modify", "insert", "add", "move", "rename",
            "reserve", "schedule", "merge", "push",
        ],
        &rule::CALL_CHANGES,
        Severity::Low,
    ),
];

impl Detector for Calls {
    fn kinds(&self) -> &'static [&'static str] {
        &["mcp-call", "http"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let mut found = false;
        input.walk(&mut |place, value| {
            let (name, arguments) = match value.text_at("method") {
                Some("tools/call") => (
                    value.path(&["params", "name"]),
                    value.path(&["params", "arguments"]),
                ),
                Some(_) => (None, None),
                None => (
                    value.at("tool").or_else(|| value.at("name")),
                    value.at("arguments"),
                ),
            };
            if let (Some(name), Some(arguments)) = (name.and_then(Value::text), arguments) {
                found = true;
                call(place, value, name, arguments, seen);
            }
            let target = value.at("url").or_else(|| value.at("uri"));
            if let (Some(method), Some(target)) = (value.text_at("method"), target.and_then(Value::text)) {
                found = true;
                request(place, value.line, method, target, seen);
            }
        });
        if found {
            Outcome::Analyzed
        } else {
            Outcome::NotMine
        }
    }
}

fn call(place: &Place, value: &Value, name: &str, arguments: &Value, seen: &mut Vec<Observation>) {
    let words = words(name);
    let to = recipients(arguments);
    if let Some((_, about, severity)) = VERBS
        .iter()
        .find(|(verbs, ..)| words.iter().any(|word| verbs.contains(&word.as_str())))
    {
        let to = if to.is_empty() {
            String::new()
        } else {
            format!(", to {}", to.join(", "))
        };
        let what = format!("the tool {} is called{to}", quote(name));
        let key = format!("{name} {to}");
        seen.push(
            Observation::new(about, key, what)
                .severity(*severity)
                .at(place, value.line),
        );
    }
}

/// Splits a tool name at underscores, other signs and capitals.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && lower_before {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns addresses and links that stand as whole values in arguments.
fn recipients(arguments: &Value) -> Vec<String> {
    const SHOWN: usize = 4;
    let mut found = Vec::new();
    arguments.walk(&mut |_, value| {
        let text = value.text().unwrap_or_default();
        let address = text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
            && !text.contains(char::is_whitespace);
        let link = ["http://", "https://", "www.", "s3://", "ftp://"]
            .iter()
            .any(|start| text.starts_with(start));
        if (address || link) && found.len() < SHOWN {
            found.push(quote(text));
        }
    });
    found
}

fn request(place: &Place, line: u32, method: &str, target: &str, seen: &mut Vec<Observation>) {
    let mut add = |about, severity, what: String| {
        seen.push(
            Observation::new(about, format!("{method} {target}"), what)
                .severity(severity)
                .at(place, line),
        );
    };
    match method.to_ascii_uppercase().as_str() {
        "GET" | "HEAD" | "OPTIONS" => {}
        "DELETE" => add(
            &rule::CALL_DESTROYS,
            Severity::Medium,
            format!("{} is deleted", quote(target)),
        ),
        _ => add(
            &rule::CALL_CHANGES,
            Severity::Low,
            format!("{} is sent to {}", quote(method), quote(target)),
        ),
    }
    let lower = target.to_ascii_lowercase();
    let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let local = host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
    if lower.starts_with("http://") && !local {
        add(
            &rule::HTTP_PLAIN,
            Severity::Medium,
            format!("{} is reached without encryption", quote(target)),
        );
    }
    if authority.contains('@') {
        add(
            &rule::SECRET_LITERAL,
            Severity::Medium,
            "a user name or password stands in the address".to_owned(),
        );
    }
    if host.starts_with("169.254.169.254")
        || host.starts_with("metadata.google.internal")
        || host.starts_with("[fd00:ec2::254]")
    {
        add(
            &rule::HTTP_METADATA,
            Severity::High,
            format!("{} gives out the machine's own credentials", quote(target)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::words;
    use crate::findings::{Severity, analyze, severity};

    fn level(kind: &str, action: &str) -> Severity {
        severity(&analyze(kind, None, action.as_bytes()))
    }

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(
            words("send_directMessage-v2"),
            ["send", "direct", "message", "v2"]
        );
    }

    #[test]
    fn reading_is_quiet_and_other_calls_are_weighed() {
        assert_eq!(
            level("mcp-call", r#"{"tool": "list_files", "arguments": {}}"#),
            Severity::Info
        );
        assert_eq!(
            level(
                "mcp-call",
                r#"{"method": "tools/call", "params": {"name": "delete_file", "arguments": {}}}"#
            ),
            Severity::Medium
        );
        assert_eq!(
            level(
                "tool-call",
                r#"{"calls": [{"tool": "transfer_money", "arguments": {"to": "x"}}]}"#
            ),
            Severity::High
        );
    }

    #[test]
    fn requests_are_weighed_by_method_and_target() {
        assert_eq!(
            level("http", r#"{"method": "GET", "url": "https://x.test/"}"#),
            Severity::Info
        );
        assert_eq!(
            level("http", r#"{"method": "DELETE", "url": "https://x.test/a"}"#),
            Severity::Medium
        );
        assert_eq!(
            level(
                "http",
                r#"{"method": "GET", "url": "http://169.254.169.254/latest"}"#
            ),
            Severity::High
        );
    }

    #[test]
    fn what_is_no_call_is_not_analyzed() {
        assert_eq!(analyze("mcp-call", None, b"{}")[0].rule.as_str(), "not-analyzed");
    }
}
