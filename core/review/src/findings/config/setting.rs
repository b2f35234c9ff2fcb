//! Settings of well-known programs that switch a guard off: logins, encryption, checks of certificates.
//!
//! Lines of configuration files in formats of their own, read as words, and keys of JSON and YAML. It knows
//! settings by their names and says nothing about the rest of a file: that is the reviewer's to see.

use super::key::KEYS;
use super::line::{LINES, Line};
use super::turn;
use crate::document::Value;
use crate::findings::name::plain;
use crate::findings::observation::quote;
use crate::findings::{Change, Detector, Input, Observation, Outcome, Severity, TEXT_KINDS, rule};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The rules for settings.
pub(in crate::findings) struct Settings;

/// The ends of keys, those above them included, that say how callers prove who they are.
const LOGINS: &[&str] = &[
    "auth",
    "authmode",
    "authtype",
    "authmethod",
    "authentication",
    "authenticationmode",
    "authenticationtype",
    "authenticator",
    "authorization",
    "authorizationmode",
    "authorizer",
];
/// What such a key says where nobody has to.
const NOBODY: &[&str] = &[
    "none",
    "off",
    "disabled",
    "anonymous",
    "alwaysallow",
    "allowall",
    "allowallauthenticator",
    "allowallauthorizer",
    "noauth",
    "insecure",
];
/// The ends of keys, those above them included, under which `*` serves or trusts everything.
const EVERYTHING: &[(&str, &str)] = &[
    ("exposureinclude", "every endpoint of management is served"),
    ("allowedorigins", "pages of every origin may call"),
    ("alloworigins", "pages of every origin may call"),
    ("trustedproxies", "every caller may say that it is a proxy"),
    ("forwardedallowips", "every caller may say that it is a proxy"),
];

impl Detector for Settings {
    /// Knowing some settings is not understanding a file.
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        if !TEXT_KINDS.contains(&input.kind) {
            return Outcome::NotMine;
        }
        for (number, line) in input.lines() {
            if let Some((severity, what)) = judge(line) {
                let what = format!("{what}: {}", quote(line.trim()));
                seen.push(
                    Observation::new(&rule::CONFIG_GUARD_OFF, words(line).join(" "), what)
                        .severity(severity)
                        .line(number),
                );
            }
        }
        for (number, line) in input.lines() {
            for command in sudo_wildcards(line) {
                let what = format!("commands of root may have any arguments: {}", quote(command));
                let seen_here = Observation::new(&rule::CONFIG_GUARD_OFF, command, what);
                seen.push(seen_here.severity(Severity::High).line(number));
            }
        }
        input.walk(&mut |place, value| {
            for (key, setting) in value.entries() {
                let judged = judge_key(&place.pointer, key, setting)
                    .or_else(|| open_to_all(&place.pointer, key, setting));
                if let Some((severity, what)) = judged {
                    let what = format!("{what}: {} is {}", quote(key), quote(&shown(setting)));
                    seen.push(
                        Observation::new(&rule::CONFIG_GUARD_OFF, format!("{}/{key}", place.identity), what)
                            .severity(severity)
                            .at(place, setting.line),
                    );
                }
            }
        });
        Outcome::NotMine
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        turn::changes(before, after)
    }
}

/// How bad the rules call a setting by its value alone, whatever it was.
pub(super) fn stated(keys: &[String], value: &Value) -> Option<Severity> {
    let (key, above) = keys.split_last()?;
    let pointer = above.join("/");
    let judged = judge_key(&pointer, key, value).or_else(|| open_to_all(&pointer, key, value));
    judged.map(|(severity, _)| severity)
}

/// Splits a line of configuration into words in lower case; comments are none.
fn words(line: &str) -> Vec<Cow<'_, str>> {
    let line = line.trim();
    if line.starts_with(['#', ';']) || line.starts_with("//") || line.starts_with("/*") {
        return Vec::new();
    }
    let line = match line.contains('#') {
        true => line.split(" #").next().unwrap_or(line),
        false => line,
    };
    line.split(|c: char| {
        c.is_whitespace() || matches!(c, '=' | ';' | ',' | '"' | '\'' | '(' | ')' | '{' | '}')
    })
    .map(|word| word.trim_end_matches(':'))
    .filter(|word| !word.is_empty())
    .map(|word| match word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(word.to_ascii_lowercase()),
        false => Cow::Borrowed(word),
    })
    .collect()
}

fn judge(line: &str) -> Option<(Severity, &'static str)> {
    let words = words(line);
    let first = words.first()?;
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let setting = match first.as_ref() {
        "set" | "export" | "env" => words.get(1..).unwrap_or_default(),
        _ => words.as_slice(),
    };
    if let Some(known) = known_line(setting) {
        return Some(known);
    }
    match first.as_ref() {
        "host" | "hostssl" | "hostnossl" | "local" if words.len() >= 4 && has("trust") => {
            Some((Severity::High, "the database asks nobody for a password"))
        }
        "host" | "hostnossl" if words.last().is_some_and(|last| last == "password") => {
            Some((Severity::Medium, "passwords go over the network in the clear"))
        }
        _ if has("content-security-policy") && scripts_of_all(line) => {
            Some((Severity::Medium, "scripts of others may run in the page"))
        }
        "cipher" | "ciphers" | "data-ciphers" | "auth" | "macs" | "kexalgorithms" | "ssl_ciphers"
        | "sslciphersuite" | "tls-cipher"
            if words.iter().skip(1).any(|word| is_broken(word)) =>
        {
            Some((Severity::Medium, "encryption that is broken is accepted"))
        }
        _ if has("access-control-allow-origin") && (has("*") || has("$http_origin")) => {
            Some((Severity::Medium, "pages of every origin may call"))
        }
        _ if words
            .windows(2)
            .any(|pair| matches!(pair, [verify, none] if verify.ends_with("verify") && none == "none")) =>
        {
            Some((Severity::Medium, "certificates are not checked"))
        }
        "allow-transfer" | "allow-recursion" if has("any") => {
            Some((Severity::High, "every caller may ask for everything"))
        }
        "mynetworks" if has("0.0.0.0/0") => Some((Severity::High, "mail of everybody is passed on")),
        "ssl_protocols" | "sslprotocol" | "minprotocol"
            if ["sslv2", "sslv3", "tlsv1", "tlsv1.1", "+sslv3", "all"]
                .iter()
                .any(|old| has(old)) =>
        {
            Some((Severity::Medium, "encryption that is broken is accepted"))
        }
        _ if words.iter().any(|word| word.starts_with("nopasswd")) && line.contains("ALL") => {
            Some((Severity::High, "commands of root need no password"))
        }
        _ if has("no_root_squash") || line.contains("no_root_squash") => {
            Some((Severity::High, "root of another machine is root on these files"))
        }
        _ if line.contains("tcp://0.0.0.0:2375") => {
            Some((Severity::Critical, "the container engine answers everybody"))
        }
        _ => None,
    }
}

/// Judges a setting that stands in the table, by its words.
fn known_line(setting: &[Cow<'_, str>]) -> Option<(Severity, &'static str)> {
    static BY_FIRST: LazyLock<BTreeMap<&str, Vec<&'static Line>>> = LazyLock::new(|| {
        let mut lines: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
        for line in LINES {
            lines
                .entry(line.0.first().copied().unwrap_or_default())
                .or_default()
                .push(line);
        }
        lines
    });
    let lines = BY_FIRST.get(setting.first()?.as_ref())?;
    let fits = |(wanted, ..): &&&Line| {
        setting.len() >= wanted.len() && wanted.iter().zip(setting).all(|(wanted, word)| wanted == word)
    };
    lines
        .iter()
        .find(fits)
        .map(|(_, severity, what)| (*severity, *what))
}

/// Says whether a list of ciphers takes in one that is broken; one behind `!` or `-` is left out of it.
fn is_broken(list: &str) -> bool {
    const BROKEN: &[&str] = &[
        "bf-cbc",
        "des",
        "3des",
        "des-cbc",
        "des-cbc3-sha",
        "rc4",
        "arcfour",
        "null",
        "none",
        "export",
        "exp",
        "md5",
        "hmac-md5",
        "cast5-cbc",
        "diffie-hellman-group1-sha1",
    ];
    list.split([':', ',', '+']).any(|name| BROKEN.contains(&name))
}

/// Says whether a policy of a page lets scripts run that are not its own.
fn scripts_of_all(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let mut parts = lower
        .split(';')
        .filter(|part| part.contains("script-src") || part.contains("default-src"));
    parts.any(|part| {
        [
            "'unsafe-inline'",
            "'unsafe-eval'",
            " * ",
            " *\"",
            "data:",
            " http:",
        ]
        .iter()
        .any(|open| part.contains(open))
            || part.ends_with(" *")
    })
}

fn judge_key(pointer: &str, key: &str, value: &Value) -> Option<(Severity, &'static str)> {
    let mut name = plain(key);
    // `security: {enabled: false}` says it with the keys above.
    if matches!(name.as_str(), "enabled" | "verify") {
        name = format!("{}{name}", plain(pointer));
    }
    let says = |wanted: &str| match wanted {
        "true" => value.is_true(),
        _ => value.is_false(),
    };
    KEYS.iter()
        .find(|(known, wanted, ..)| name.ends_with(known) && says(wanted))
        .map(|(_, _, severity, what)| (*severity, *what))
}

/// Judges logins of nobody in particular, and lists of everything.
fn open_to_all(pointer: &str, key: &str, value: &Value) -> Option<(Severity, &'static str)> {
    let name = format!("{}{}", plain(pointer), plain(key));
    // YAML writes `off` and `none` as words, JSON may write false.
    let says = value.one_or_more().iter().filter_map(Value::text);
    let mut says = says.map(|text| {
        if text.trim() == "*" {
            "*".to_owned()
        } else {
            plain(text)
        }
    });
    let own = plain(key);
    if LOGINS
        .iter()
        .any(|end| own == *end || name.ends_with(end) && own == "mode")
    {
        return says
            .any(|text| NOBODY.contains(&text.as_str()))
            .then_some((Severity::High, "nobody has to say who they are"));
    }
    let (_, what) = EVERYTHING.iter().find(|(end, _)| name.ends_with(end))?;
    says.any(|text| text == "*").then_some((Severity::Medium, *what))
}

/// Returns the commands that a line of sudo's rules allows with a wildcard, which stands for any arguments: also
/// those that edit files or start a shell.
fn sudo_wildcards(line: &str) -> Vec<&str> {
    if !line.contains('*') {
        return Vec::new();
    }
    let line = line.trim();
    let allowed = line
        .strip_prefix("Cmnd_Alias")
        .and_then(|rest| rest.split_once('='))
        .or_else(|| line.split_once("NOPASSWD:"))
        .map(|(_, commands)| commands);
    let commands = allowed
        .filter(|_| !line.starts_with('#'))
        .unwrap_or_default()
        .split(',');
    commands
        .map(str::trim)
        .filter(|command| command.starts_with('/') && command.contains('*'))
        .collect()
}

fn shown(value: &Value) -> String {
    match (value.text(), value.is_true()) {
        (Some(text), _) => text.to_owned(),
        (None, truth) => truth.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(before: Option<&str>, after: &str) -> Vec<Severity> {
        analyze("config-file", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts() && finding.rule.as_str() == "config-guard-off")
            .map(|finding| finding.severity)
            .collect()
    }

    #[test]
    fn guards_that_are_off_are_told() {
        for (line, severity) in [
            ("PermitRootLogin yes", Severity::High),
            ("deploy ALL=(ALL) NOPASSWD: ALL", Severity::High),
            ("host all all 0.0.0.0/0 trust", Severity::High),
            ("  ssl_protocols TLSv1 TLSv1.2;", Severity::Medium),
            ("SELINUX=disabled", Severity::High),
            ("cipher BF-CBC", Severity::Medium),
            ("ssl_ciphers HIGH:RC4;", Severity::Medium),
            ("export NODE_TLS_REJECT_UNAUTHORIZED=0", Severity::High),
            ("/srv *(rw,no_root_squash)", Severity::High),
            ("xpack: {security: {enabled: false}}", Severity::High),
            ("client:\n  insecure_skip_verify: true", Severity::High),
            ("authorization:\n  mode: AlwaysAllow", Severity::High),
            ("authenticator: AllowAllAuthenticator", Severity::High),
            ("security: {auth: none}", Severity::High),
            (
                "management: {endpoints: {web: {exposure: {include: '*'}}}}",
                Severity::Medium,
            ),
            ("cors: {allowed-origins: ['*']}", Severity::Medium),
            (
                "Cmnd_Alias WEB = /usr/bin/id, /usr/bin/systemctl *",
                Severity::High,
            ),
            (
                "deploy web=(root) NOPASSWD: /usr/bin/less /var/log/*",
                Severity::High,
            ),
        ] {
            assert_eq!(told(None, &format!("{line}\n")), [severity], "{line}");
        }
    }

    #[test]
    fn guards_that_are_on_and_comments_are_quiet() {
        for line in [
            "PermitRootLogin no",
            "# PermitRootLogin yes",
            "cipher AES-256-GCM",
            "ssl_ciphers HIGH:!RC4:!MD5;",
            "ssl_protocols TLSv1.2 TLSv1.3;",
            "host all all 10.0.0.0/8 scram-sha-256",
            "tls: {enabled: true}",
            "debugger: true",
            "authorization: {mode: Webhook}",
            "drawing: {mode: none}",
            "management: {endpoints: {web: {exposure: {include: health}}}}",
            "include: '*'",
            "Cmnd_Alias WEB = /usr/bin/systemctl restart nginx",
            "# deploy ALL=(root) NOPASSWD: /usr/bin/less *",
        ] {
            assert_eq!(told(None, &format!("{line}\n")), [], "{line}");
        }
        let open = "PermitRootLogin yes\n";
        assert_eq!(told(Some(open), &format!("Port 22\n{open}")), []);
    }
}
