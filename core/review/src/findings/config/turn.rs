//! Settings of any program's document that are weaker than they were: rights in lists, and what the names of settings say.
//!
//! It knows no program and judges nothing by itself: a setting is told only beside what it was
//! ([`crate::findings::setting`]), and not where a rule already speaks of its value. Objects of a cluster, plans, packages
//! and sources have families of their own.

use super::setting::stated;
use crate::findings::cloud;
use crate::findings::name::words;
use crate::findings::rule::{self, Rule};
use crate::findings::setting::{Known, NOTHING, Turn, Walk};
use crate::findings::{Change, Delta, Input, Severity, Side};

/// What is known of the settings of programs in general.
const KNOWN: Known = Known {
    rows: |_, keys| rights(keys),
    stated: |keys, was, is| stated(keys, is).max(cloud::turned(keys, was, is)),
};

/// Words of settings that hold a right, or with an s many.
const RIGHTS: &[&str] = &["permission", "privilege", "role", "scope", "grant"];
/// Parts of rights that change or reach more than one thing.
const STRONG: &[&str] = &[
    "*", "admin", "owner", "root", "super", "master", "write", "delete", "manage", "edit", "full", "all",
    "any",
];

/// Tells which settings are weaker after the change.
pub(super) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let (olds, news) = (before.roots, after.roots);
    if after.kind != "config-file" || olds.len() != news.len() {
        return Vec::new();
    }
    let mut changes = Vec::new();
    for ((_, was), (place, is)) in olds.iter().zip(news) {
        // It says itself what it is, and others know that.
        if is.at("apiVersion").is_some() {
            continue;
        }
        let walk = Walk::new(&KNOWN, "", place.clone(), is.line);
        let seen = walk.weaker(was, is, &NOTHING).into_iter();
        changes.extend(seen.map(|seen| (seen, Delta::Widened, Side::After)));
    }
    changes
}

fn rights(keys: &[String]) -> Vec<(Turn, &'static Rule, Severity)> {
    let name = keys.last().map(|key| words(key)).unwrap_or_default();
    let Some(held) = name
        .last()
        .filter(|last| RIGHTS.contains(&last.trim_end_matches('s')))
    else {
        return Vec::new();
    };
    let about = &rule::CONFIG_RIGHTS_GAINED;
    let mut turns = vec![(Turn::Joins(STRONG), about, Severity::Medium)];
    // One right in the place of another is no more than it was, as far as anybody can tell.
    if held.ends_with('s') {
        turns.push((Turn::Joins(&[]), about, Severity::Low));
    }
    turns
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(before: &str, after: &str) -> Vec<(&'static str, Severity)> {
        analyze("config-file", Some(before.as_bytes()), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn settings_have_one_bad_turn_whatever_the_program() {
        use Severity::{High, Low, Medium};
        for (was, is, rule, severity) in [
            (
                "ingress: internal",
                "ingress: 0.0.0.0/0",
                "network-open-to-world",
                High,
            ),
            (
                "trusted_networks: [10.0.0.0/8]",
                "trusted_networks: ['::/0']",
                "network-open-to-world",
                High,
            ),
            (
                "ingress: internal",
                "ingress: public",
                "publicly-accessible",
                Medium,
            ),
            (
                "visibility: private",
                "visibility: public",
                "publicly-accessible",
                Medium,
            ),
            ("public: false", "public: true", "publicly-accessible", Medium),
            (
                "permissions: [read:invoices]",
                "permissions: [read:invoices, write:invoices]",
                "config-rights-gained",
                Medium,
            ),
            ("role: viewer", "role: admin", "config-rights-gained", Medium),
            ("scopes: [a]", "scopes: [a, b]", "config-rights-gained", Low),
            (
                "required_approvals: 2",
                "required_approvals: 1",
                "review-owners-less",
                Medium,
            ),
            (
                "session_ttl: 1h",
                "session_ttl: 720h",
                "access-lasts-longer",
                Medium,
            ),
            (
                "allowed_origins: [https://a.example]",
                "allowed_origins: ['*']",
                "config-guard-off",
                Medium,
            ),
            (
                "mfa: {required: true}",
                "mfa: {required: false}",
                "login-weaker",
                Medium,
            ),
            ("encryption: aes256", "encryption: none", "encryption-off", Medium),
        ] {
            let document = |line: &str| format!("service: billing\nsize: 1\nnetwork:\n  {line}\n");
            let (good, bad) = (document(was), document(is));
            assert_eq!(told(&good, &bad), [(rule, severity)], "{was} -> {is}");
            assert_eq!(told(&bad, &good), [], "{is} -> {was}");
            assert_eq!(told(&bad, &bad), [], "{is}");
        }
    }

    #[test]
    fn what_merely_changes_is_no_turn() {
        for (was, is) in [
            ("egress: internal", "egress: 0.0.0.0/0"),
            ("public_url: https://a.example", "public_url: https://b.example"),
            ("role: web", "role: web"),
            ("replicas: 2", "replicas: 6"),
            ("timeout: 30s", "timeout: 60s"),
            ("log_level: info", "log_level: debug"),
            ("roles: [admin, viewer]", "roles: [viewer]"),
            ("tags: {public: 'false'}", "tags: {public: 'true'}"),
        ] {
            let told = told(&format!("{was}\n"), &format!("{is}\n"));
            assert!(
                told.iter().all(|(_, severity)| *severity < Severity::Medium),
                "{was} -> {is}: {told:?}"
            );
        }
    }
}
