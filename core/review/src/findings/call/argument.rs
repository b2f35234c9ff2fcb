//! What the arguments of a call and the body of a request tell: guards that are switched off, files that guard or run
//! something, files that hold secrets.
//!
//! The names alone are read, as [`crate::findings::name`] knows them; what the server does with them can't be known.

use crate::document::{self, Node, Place, Value};
use crate::findings::name::{guards, leads_past, plain, words};
use crate::findings::observation::quote;
use crate::findings::secret::holds_secret;
use crate::findings::shell::is_system_file;
use crate::findings::{Observation, rule};

/// What a setting without a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    /// It stays as it was.
    Left,
    /// It is taken away.
    Cleared,
}

/// Hands the body of a request on with its address, where it is a document.
pub(super) fn body(target: &str, body: &Value, judge: &mut dyn FnMut(&str, &Value)) {
    let path = target.split(['?', '#']).next().unwrap_or(target);
    match body.text() {
        None => judge(path, body),
        Some(text) if text.trim_start().starts_with(['{', '[']) => {
            let documents = document::read_json(text.as_bytes()).unwrap_or_default();
            documents.all.iter().for_each(|document| judge(path, document));
        }
        Some(_) => {}
    }
}

/// Observes settings that switch a guard off or lead past one.
pub(super) fn guards_off(
    place: &Place,
    name: &str,
    unset: Unset,
    arguments: &Value,
    seen: &mut Vec<Observation>,
) {
    arguments.walk(&mut |_, value| {
        for (key, setting) in value.entries() {
            let off = is_off(setting) || unset == Unset::Cleared && setting.node == Node::Null;
            let on = setting.is_true() || setting.text() == Some("1");
            if off && guards(key) || on && (leads_past(key) || plain(key).starts_with("insecure")) {
                let way = if on { "on" } else { "off" };
                let what = format!("{} switches {} {way}", quote(name), quote(key));
                let seen_here = Observation::new(&rule::CALL_GUARD_OFF, format!("{name} {key}"), what);
                seen.push(seen_here.at(place, setting.line));
            }
        }
    });
}

/// Observes a flag that is switched off and whose name, in another argument, says that it guards.
pub(super) fn flag_off(place: &Place, name: &str, arguments: &Value, seen: &mut Vec<Observation>) {
    const NAMES: &[&str] = &[
        "flag", "key", "name", "feature", "setting", "toggle", "rule", "id", "flagkey", "uid",
    ];
    const STATES: &[&str] = &["enabled", "value", "state", "on", "active", "isenabled", "status"];
    const CHECKS: &[&str] = &[
        "check",
        "fraud",
        "limit",
        "limits",
        "validation",
        "scan",
        "guard",
        "kyc",
        "aml",
        "captcha",
        "moderation",
        "alert",
        "alerts",
        "failed",
    ];
    const PAUSES: &[&str] = &[
        "ispaused",
        "paused",
        "muted",
        "silenced",
        "disabled",
        "isdisabled",
    ];
    arguments.walk(&mut |_, value| {
        let named = value
            .entries()
            .iter()
            .filter(|(key, _)| NAMES.contains(&plain(key).as_str()));
        let guarding = named
            .filter_map(|(_, name)| name.text())
            .find(|name| guards(name) || words(name).iter().any(|word| CHECKS.contains(&word.as_str())));
        let Some(flag) = guarding else { return };
        for (key, state) in value.entries() {
            let key = plain(key);
            let off = STATES.contains(&key.as_str()) && is_off(state)
                || PAUSES.contains(&key.as_str()) && state.is_true();
            if off {
                let what = format!("{} switches {} off", quote(name), quote(flag));
                let seen_here = Observation::new(&rule::CALL_GUARD_OFF, format!("{name} {flag}"), what);
                seen.push(seen_here.at(place, state.line));
            }
        }
    });
}

fn is_off(setting: &Value) -> bool {
    let word = |text: &str| {
        matches!(
            text.to_ascii_lowercase().as_str(),
            "none" | "off" | "disabled" | "inactive" | "0"
        )
    };
    setting.is_false() || setting.text().is_some_and(word)
}

/// Says whether the path of a request switches off something that guards, by its words.
pub(super) fn deactivates(target: &str) -> bool {
    const OFF: &[&str] = &[
        "deactivate",
        "disable",
        "suspend",
        "pause",
        "mute",
        "silence",
        "unprotect",
    ];
    const GUARDED: &[&str] = &[
        "policy",
        "policies",
        "rule",
        "rules",
        "alert",
        "alerts",
        "mfa",
        "factor",
        "factors",
        "detector",
        "detectors",
        "monitor",
        "monitors",
        "firewall",
        "audit",
        "protection",
        "authenticators",
    ];
    let path = target.split(['?', '#']).next().unwrap_or(target);
    let (above, last) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path));
    let says = |text: &str, list: &[&str]| words(text).iter().any(|word| list.contains(&word.as_str()));
    says(last, OFF) && says(above, GUARDED)
}

/// Observes that what comes in, or what happens, is sent on to somebody from now on.
pub(super) fn sent_on(place: &Place, name: &str, arguments: &Value, seen: &mut Vec<Observation>) {
    const FORWARDS: &[&str] = &["forward", "redirectto", "autoforward", "bccto", "copyto"];
    const HOOKS: &[&str] = &[
        "hook",
        "hooks",
        "webhook",
        "webhooks",
        "callback",
        "subscription",
        "subscriptions",
    ];
    const TARGETS: &[&str] = &[
        "url",
        "endpoint",
        "callback",
        "callbackurl",
        "pushendpoint",
        "targeturl",
        "webhookurl",
    ];
    let hook = words(name).iter().any(|word| HOOKS.contains(&word.as_str()));
    arguments.walk(&mut |_, value| {
        for (key, setting) in value.entries() {
            let key = plain(key);
            for to in setting.one_or_more().iter().filter_map(Value::text) {
                let forwards = to.contains('@') && FORWARDS.iter().any(|start| key.starts_with(start));
                let hooks = hook && TARGETS.contains(&key.as_str()) && to.contains("://");
                if forwards || hooks {
                    let what = format!("{} sends what comes on to {} from now on", quote(name), quote(to));
                    let seen_here = Observation::new(&rule::CALL_SENDS, format!("{name} {to}"), what);
                    seen.push(seen_here.at(place, setting.line));
                }
            }
        }
    });
}

/// Observes files in the arguments that guard or run something, or hold a secret.
pub(super) fn files(place: &Place, name: &str, reads: bool, arguments: &Value, seen: &mut Vec<Observation>) {
    const KEYS: &[&str] = &[
        "path",
        "paths",
        "file",
        "files",
        "filename",
        "filepath",
        "source",
        "target",
        "destination",
        "uri",
        "url",
    ];
    arguments.walk(&mut |_, value| {
        for (key, setting) in value.entries() {
            if !KEYS.contains(&plain(key).as_str()) {
                continue;
            }
            for path in setting.one_or_more().iter().filter_map(Value::text) {
                let (about, does) = if holds_secret(path) {
                    (&rule::CALL_READS_SECRET, "touches")
                } else if !reads && (steers(path) || is_system_file(path)) {
                    (&rule::CALL_TOUCHES_GUARD, "is called on")
                } else {
                    continue;
                };
                let what = format!("the tool {} {does} {}", quote(name), quote(path));
                let seen_here = Observation::new(about, format!("{name} {path}"), what);
                seen.push(seen_here.at(place, setting.line));
            }
        }
    });
}

/// Says whether a file of a repository steers what is run or who reviews.
fn steers(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    [
        ".github/workflows/",
        ".github/actions/",
        ".gitlab-ci.yml",
        ".circleci/",
        "azure-pipelines.yml",
        "jenkinsfile",
        "codeowners",
        ".git/hooks/",
        ".git/config",
        ".husky/",
        ".pre-commit-config.yaml",
        "dependabot.yml",
        "renovate.json",
    ]
    .iter()
    .any(|part| lower.contains(part))
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(tool: &str, arguments: &str) -> Vec<(&'static str, Severity)> {
        let action = format!(r#"{{"tool": "{tool}", "arguments": {arguments}}}"#);
        analyze("mcp-call", None, action.as_bytes())
            .iter()
            .filter(|finding| finding.severity > Severity::Low)
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn a_flag_that_guards_is_switched_off_by_its_name() {
        let off = [("call-guard-off", Severity::High)];
        for arguments in [
            r#"{"flag": "payments.fraud-check", "enabled": false}"#,
            r#"{"uid": "payments-failed", "isPaused": true}"#,
        ] {
            assert_eq!(told("update_flag", arguments), off, "{arguments}");
        }
        for arguments in [
            r#"{"flag": "payments.fraud-check", "enabled": true}"#,
            r#"{"flag": "dark-colours", "enabled": false}"#,
        ] {
            assert_eq!(told("update_flag", arguments), [], "{arguments}");
        }
        assert!(super::deactivates(
            "https://a.test/api/v1/policies/00p/lifecycle/deactivate"
        ));
        assert!(!super::deactivates(
            "https://a.test/api/v1/users/7/lifecycle/deactivate"
        ));
    }

    #[test]
    fn what_is_sent_on_from_now_on_is_told() {
        let sends = [("call-sends", Severity::Medium)];
        assert_eq!(
            told("create_filter", r#"{"action": {"forward": "a@elsewhere.test"}}"#),
            sends
        );
        assert_eq!(
            told(
                "create_webhook",
                r#"{"config": {"url": "https://elsewhere.test/in"}}"#
            ),
            sends
        );
        assert_eq!(
            told("list_webhooks", r#"{"url": "https://elsewhere.test/in"}"#),
            []
        );
        assert_eq!(told("create_filter", r#"{"action": {"forward": "later"}}"#), []);
        assert_eq!(
            told("update_settings", r#"{"insecure_ssl": "1"}"#),
            [("call-guard-off", Severity::High)]
        );
    }

    #[test]
    fn guards_are_switched_off_by_their_names() {
        let off = [("call-guard-off", Severity::High)];
        for arguments in [
            r#"{"settings": {"require_two_factor": false}}"#,
            r#"{"auditLog": "off"}"#,
            r#"{"allow_force_pushes": true}"#,
            r#"{"skipSecurityChecks": true}"#,
        ] {
            assert_eq!(told("update_settings", arguments), off, "{arguments}");
            assert_eq!(told("list_settings", arguments), [], "{arguments}");
        }
        for arguments in [
            r#"{"require_two_factor": true}"#,
            r#"{"require_two_factor": null}"#,
            r#"{"archived": false, "allow_merge_commit": true}"#,
            r#"{"title": "require two factor"}"#,
        ] {
            assert_eq!(told("update_settings", arguments), [], "{arguments}");
        }
    }

    #[test]
    fn files_that_run_or_guard_may_be_read_but_not_written_unseen() {
        let path = |path: &str| format!(r#"{{"path": "{path}", "content": "x"}}"#);
        for file in [
            ".github/workflows/a.yml",
            "docs/CODEOWNERS",
            "/etc/passwd",
            ".git/hooks/pre-push",
        ] {
            let expected = [("call-touches-guard", Severity::High)];
            assert_eq!(told("write_file", &path(file)), expected, "{file}");
            assert_eq!(told("read_file", &path(file)), [], "{file}");
        }
        assert_eq!(told("write_file", &path("src/main.rs")), []);
    }

    #[test]
    fn files_of_credentials_are_not_read_unseen() {
        let path = |path: &str| format!(r#"{{"path": "{path}"}}"#);
        for file in [
            "/home/a/.aws/credentials",
            ".env",
            "app/.env.production",
            "k/id_rsa",
            "terraform.tfstate",
        ] {
            let expected = [("call-reads-secret", Severity::High)];
            assert_eq!(told("read_file", &path(file)), expected, "{file}");
        }
        for file in [
            ".env.example",
            "id_rsa.pub",
            "README.md",
            "environment.ts",
            "chain.pem",
        ] {
            assert_eq!(told("read_file", &path(file)), [], "{file}");
        }
    }
}
