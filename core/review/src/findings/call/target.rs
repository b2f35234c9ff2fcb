//! Tool calls (MCP) and HTTP requests: what the name, the method and the target tell.
//!
//! A call's effect is the server's business and can't be known from here; these rules name what a reviewer
//! should look at first. Documents and commands inside the arguments are judged by their own rules.

use super::argument::{self, Unset};
use crate::document::{Place, Value};
use crate::findings::name::words;
use crate::findings::observation::quote;
use crate::findings::{Detector, Input, Observation, Outcome, Severity, rule};

/// The rules for calls.
pub(in crate::findings) struct Calls;

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
            "transfer", "pay", "payment", "purchase", "refund", "withdraw", "charge", "payout", "wire",
            "disburse", "remit", "donate", "buy", "checkout",
        ],
        &rule::CALL_SPENDS,
        Severity::High,
    ),
    (
        &[
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
    // Who is invited is a guest until somebody gives more; a strong role in the arguments is told by itself.
    (&["invite"], &rule::CALL_GRANTS, Severity::Low),
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

/// Words of tools that only look.
const READING: &[&str] = &[
    "get", "list", "search", "read", "find", "describe", "show", "quote", "estimate",
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
                // The parameters of a call that was judged just above.
                None if place.pointer.ends_with("/params") => (None, None),
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
                let reads = matches!(method.to_ascii_uppercase().as_str(), "GET" | "HEAD" | "OPTIONS");
                if let Some(body) = value.at("body").filter(|_| !reads) {
                    argument::body(target, body, &mut |name, arguments| {
                        sent(place, name, arguments, seen);
                    });
                }
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
    strong_role(place, name, arguments, seen);
    moves_money(place, name, &words, arguments, seen);
    opens(place, name, &words, arguments, seen);
    let reads = words.iter().any(|word| READING.contains(&word.as_str()));
    argument::files(place, name, reads, arguments, seen);
    if !reads {
        argument::guards_off(place, name, Unset::Left, arguments, seen);
        argument::sent_on(place, name, arguments, seen);
        argument::flag_off(place, name, arguments, seen);
    }
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

/// Judges what a request sends like the arguments of a call.
fn sent(place: &Place, name: &str, body: &Value, seen: &mut Vec<Observation>) {
    let words = words(name.rsplit('/').next().unwrap_or(name));
    if words.iter().any(|word| READING.contains(&word.as_str())) {
        return;
    }
    strong_role(place, name, body, seen);
    moves_money(place, name, &words, body, seen);
    opens(place, name, &words, body, seen);
    argument::guards_off(place, name, Unset::Cleared, body, seen);
    argument::sent_on(place, name, body, seen);
    argument::flag_off(place, name, body, seen);
}

/// Observes a role in the arguments that gives control.
fn strong_role(place: &Place, name: &str, arguments: &Value, seen: &mut Vec<Observation>) {
    const KEYS: &[&str] = &[
        "role",
        "roles",
        "permission",
        "permissions",
        "access",
        "access_level",
        "level",
        "scope",
    ];
    const CONTROL: &[&str] = &[
        "owner",
        "admin",
        "administrator",
        "root",
        "superuser",
        "superadmin",
        "maintainer",
        "maintain",
        "full_access",
        "all",
    ];
    arguments.walk(&mut |_, value| {
        for (key, role) in value.entries() {
            let given = role.one_or_more().iter().filter_map(Value::text);
            let strong = given
                .filter(|_| KEYS.contains(&key.to_ascii_lowercase().as_str()))
                .find(|role| CONTROL.contains(&role.to_ascii_lowercase().replace(['-', ' '], "_").as_str()));
            if let Some(strong) = strong {
                let what = format!(
                    "the tool {} is called with {} {}",
                    quote(name),
                    quote(key),
                    quote(strong)
                );
                seen.push(
                    Observation::new(&rule::CALL_GRANTS, format!("{name} {key} {strong}"), what)
                        .severity(Severity::High)
                        .at(place, role.line),
                );
            }
        }
    });
}

/// Observes an amount with a currency or an account in the arguments of a call that does not only read.
fn moves_money(place: &Place, name: &str, words: &[String], arguments: &Value, seen: &mut Vec<Observation>) {
    let has = |keys: &[&str]| {
        arguments
            .entries()
            .iter()
            .any(|(key, _)| keys.contains(&key.to_ascii_lowercase().as_str()))
    };
    let money = has(&["amount", "total", "sum"])
        && has(&[
            "currency",
            "iban",
            "recipient",
            "account",
            "account_number",
            "card",
            "wallet",
            "payee",
        ]);
    if money && !words.iter().any(|word| READING.contains(&word.as_str())) {
        let what = format!("the tool {} is called with an amount of money", quote(name));
        seen.push(
            Observation::new(&rule::CALL_SPENDS, format!("{name} amount"), what).at(place, arguments.line),
        );
    }
}

/// Observes that something is opened to everybody by a call that does not only read.
fn opens(place: &Place, name: &str, words: &[String], arguments: &Value, seen: &mut Vec<Observation>) {
    const KEYS: &[&str] = &[
        "visibility",
        "access",
        "sharing",
        "share",
        "audience",
        "scope",
        "acl",
        "permission",
    ];
    const EVERYBODY: &[&str] = &[
        "public",
        "anyone",
        "everyone",
        "world",
        "internet",
        "anyone_with_link",
        "public_read",
    ];
    if words.iter().any(|word| READING.contains(&word.as_str())) {
        return;
    }
    arguments.walk(&mut |_, value| {
        for (key, setting) in value.entries() {
            let key = key.to_ascii_lowercase();
            let text = setting
                .text()
                .unwrap_or_default()
                .to_ascii_lowercase()
                .replace(['-', ' '], "_");
            let named = KEYS.contains(&key.as_str()) && EVERYBODY.contains(&text.as_str());
            let closed = matches!(key.as_str(), "private" | "is_private") && setting.is_false();
            let open = matches!(key.as_str(), "public" | "is_public" | "anonymous") && setting.is_true();
            if named || open || closed {
                let text = if closed { "false" } else { text.as_str() };
                let what = format!(
                    "the tool {} is called with {} {}",
                    quote(name),
                    quote(&key),
                    quote(text)
                );
                let seen_here = Observation::new(&rule::CALL_OPENS, format!("{name} {key} {text}"), what);
                seen.push(seen_here.at(place, setting.line));
            }
        }
    });
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
        _ if argument::deactivates(target) => add(
            &rule::CALL_GUARD_OFF,
            Severity::High,
            format!("{} switches off what {} names", quote(method), quote(target)),
        ),
        _ => match acts(target) {
            Some((about, severity)) => add(
                about,
                severity,
                format!("{} is sent to {}", quote(method), quote(target)),
            ),
            None => add(
                &rule::CALL_CHANGES,
                Severity::Low,
                format!("{} is sent to {}", quote(method), quote(target)),
            ),
        },
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

/// Finds a verb that destroys or spends among the last two parts of an address's path, in one or in many.
fn acts(target: &str) -> Option<(&'static rule::Rule, Severity)> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let (_, path) = path.split_once("://").unwrap_or(("", path));
    let (_, path) = path.split_once('/')?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let last = parts.iter().rev().take(2).flat_map(|part| words(part));
    let verbs: Vec<String> = last.map(|word| word.trim_end_matches('s').to_owned()).collect();
    let known = VERBS
        .iter()
        .filter(|(_, about, _)| about.id == rule::CALL_DESTROYS.id || about.id == rule::CALL_SPENDS.id);
    known
        .into_iter()
        .find(|(words, ..)| verbs.iter().any(|verb| words.contains(&verb.as_str())))
        .map(|(_, about, severity)| (*about, *severity))
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(kind: &str, action: &str) -> Severity {
        severity(&analyze(kind, None, action.as_bytes()))
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
    fn inviting_is_low_unless_a_strong_role_is_given() {
        let invite = |role: &str| {
            format!(
                r#"{{"tool": "add_to_team_invite", "arguments": {{"email": "a@b.test", "role": "{role}"}}}}"#
            )
        };
        assert_eq!(level("mcp-call", &invite("guest")), Severity::Low);
        assert_eq!(level("mcp-call", &invite("Admin")), Severity::High);
    }

    #[test]
    fn an_amount_moves_money_unless_it_is_only_read() {
        let call =
            |name: &str| format!(r#"{{"tool": "{name}", "arguments": {{"amount": 5, "currency": "EUR"}}}}"#);
        assert_eq!(level("mcp-call", &call("settle_invoice")), Severity::High);
        assert_eq!(level("mcp-call", &call("get_quote")), Severity::Info);
    }

    #[test]
    fn opening_to_everybody_is_told() {
        let share =
            |with: &str| format!(r#"{{"tool": "set_sharing", "arguments": {{"sharing": "{with}"}}}}"#);
        assert_eq!(level("mcp-call", &share("Anyone with link")), Severity::Medium);
        assert!(level("mcp-call", &share("team")) < Severity::Medium);
    }

    #[test]
    fn a_call_is_told_once() {
        let action = br#"{"method": "tools/call", "params": {"name": "delete_file", "arguments": {}}}"#;
        assert_eq!(analyze("mcp-call", None, action).len(), 1);
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
    fn what_a_request_does_shows_in_its_path_and_what_it_sends() {
        let post = |path: &str, body: &str| {
            let body = serde_json::Value::from(body);
            level(
                "http",
                &format!(r#"{{"method": "POST", "url": "https://x.test/{path}", "body": {body}}}"#),
            )
        };
        assert_eq!(post("orders-*/_delete_by_query", "{}"), Severity::Medium);
        assert_eq!(post("v1/refunds", "{}"), Severity::High);
        assert_eq!(post("help/_search", r#"{"query": "delete user"}"#), Severity::Low);
        assert_eq!(post("delete/a/b/c", "{}"), Severity::Low);
        assert_eq!(post("users/3", r#"{"role": "admin"}"#), Severity::High);
        assert_eq!(post("users/3", r#"{"name": "admin"}"#), Severity::Low);
        assert_eq!(post("settings", r#"{"enforce_admins": null}"#), Severity::High);
        assert_eq!(post("settings", "not JSON"), Severity::Low);
    }

    #[test]
    fn what_is_no_call_is_not_analyzed() {
        assert_eq!(analyze("mcp-call", None, b"{}")[0].rule.as_str(), "not-analyzed");
    }
}
