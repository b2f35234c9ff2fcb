//! Servers' configuration as a whole: lines that guard and are gone, places whose files lie beside what was meant.
//!
//! Directives are known by their first words, whatever the program; of nginx the blocks are read as well.

use super::target;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Side, rule};
use std::collections::BTreeMap;

/// The rules for servers.
pub(in crate::findings) struct Servers;

/// The first words of lines that guard, in lower case.
const GUARDS: &[&[&str]] = &[
    &["auth_basic"],
    &["auth_request"],
    &["auth_jwt"],
    &["limit_req"],
    &["limit_conn"],
    &["deny"],
    &["ssl_verify_client"],
    &["requirepass"],
    &["masterauth"],
    &["allowusers"],
    &["allowgroups"],
    &["denyusers"],
    &["authenticationmethods"],
    &["tls-auth"],
    &["tls-crypt"],
    &["add_header", "strict-transport-security"],
    &["add_header", "content-security-policy"],
    &["add_header", "x-frame-options"],
    &["header", "always", "set", "strict-transport-security"],
    &["require", "valid-user"],
    &["require", "ip"],
    &["modsecurity", "on"],
    &["secruleengine", "on"],
    &["http-request", "deny"],
    &["http-request", "auth"],
    &["crl-verify"],
    &["ssl_crl"],
    &["tls-version-min"],
    &["verify-client-cert"],
    &["remote-cert-tls"],
    &["ssl_client_certificate"],
    &["ssl_trusted_certificate"],
    &["sslcarevocationfile"],
];

impl Detector for Servers {
    /// Knowing some lines is not understanding a file.
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        if input.kind == "config-file" {
            climbing(input, seen);
        }
        Outcome::NotMine
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        if after.kind != "config-file" {
            return Vec::new();
        }
        let (old, new) = (guards(before), guards(after));
        let gone = old.into_iter().filter_map(|(guard, (count, line, shown))| {
            let left = new.get(&guard).map_or(0, |(count, ..)| *count);
            (left < count).then(|| {
                let what = format!("a line that guards is gone: {}", quote(&shown));
                let seen = Observation::new(&rule::CONFIG_GUARD_GONE, "", what).line(line);
                (seen, Delta::Widened, Side::Before)
            })
        });
        let gone = gone.chain(sections_off(before, after));
        gone.chain(target::changes(before, after)).collect()
    }
}

/// Counts the lines that guard, by their first words, with one of them.
fn guards(input: &Input<'_>) -> BTreeMap<String, (usize, u32, String)> {
    let mut found: BTreeMap<String, (usize, u32, String)> = BTreeMap::new();
    for (number, line) in input.lines() {
        // Most lines of a large file begin with no guard, and need not be taken apart.
        let first = line.split_whitespace().next().unwrap_or_default();
        let begins = |guard: &&[&str]| guard.first().is_some_and(|word| first.eq_ignore_ascii_case(word));
        if !GUARDS.iter().any(begins) {
            continue;
        }
        let words = words(line);
        let known = GUARDS.iter().find(|guard| words.starts_with(guard));
        if let Some(guard) = known.filter(|_| !words.iter().any(|word| matches!(*word, "off" | "no"))) {
            let entry = found.entry(guard.join(" "));
            let (count, last, shown) = entry.or_insert((0, number, String::new()));
            *count += 1;
            *last = number;
            line.trim().clone_into(shown);
        }
    }
    found
}

/// Tells sections of a file in the form of INI that were enabled and no longer are.
fn sections_off(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let (old, new) = (switches(before), switches(after));
    let off = new
        .into_iter()
        .filter(|(section, (on, _))| !on && old.get(section).is_some_and(|(was, _)| *was));
    off.map(|(section, (_, line))| {
        let what = format!("{} was enabled and no longer is", quote(&section));
        let seen = Observation::new(&rule::CONFIG_GUARD_GONE, "", what).line(line);
        (seen, Delta::Widened, Side::After)
    })
    .collect()
}

/// Returns, for each section, whether it is enabled, where it says so.
fn switches(input: &Input<'_>) -> BTreeMap<String, (bool, u32)> {
    let mut found = BTreeMap::new();
    let mut section = String::new();
    for (number, line) in input.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once('=')
            && !section.is_empty()
            && matches!(
                key.trim().to_ascii_lowercase().as_str(),
                "enabled" | "enable" | "active"
            )
        {
            let on = ["true", "yes", "on", "1"].contains(&value.trim().to_ascii_lowercase().as_str());
            found.insert(format!("[{section}] {}", key.trim()), (on, number));
        }
    }
    found
}

fn words(line: &str) -> Vec<&'static str> {
    // Only words that a guard may begin with are of use.
    let known = |word: &str| {
        GUARDS
            .iter()
            .flat_map(|guard| guard.iter())
            .chain(&["off", "no"])
            .find(|known| word.eq_ignore_ascii_case(known))
            .copied()
            .unwrap_or("?")
    };
    line.split(|c: char| c.is_whitespace() || matches!(c, ';' | '{' | '"' | '\''))
        .filter(|word| !word.is_empty())
        .map(known)
        .collect()
}

/// Observes a `location /a` whose `alias /b/` ends in a slash: `/a../x` is then served from beside `/b`.
fn climbing(input: &Input<'_>, seen: &mut Vec<Observation>) {
    // Most files have none, and need not be taken apart.
    if !input.text().is_some_and(|text| text.contains("alias")) {
        return;
    }
    let mut location: Option<&str> = None;
    for (number, line) in input.lines() {
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || matches!(c, ';' | '{' | '}'))
            .filter(|word| !word.is_empty())
            .collect();
        match words.as_slice() {
            ["location", "^~", path, ..] => location = Some(path),
            ["location", path, ..] if path.starts_with('/') => location = Some(path),
            ["location", ..] => location = None,
            _ => {}
        }
        let alias = words
            .iter()
            .position(|word| *word == "alias")
            .and_then(|at| words.get(at + 1));
        if let (Some(path), Some(folder)) = (location, alias)
            && !path.ends_with('/')
            && folder.ends_with('/')
        {
            let what = format!(
                "{} has no slash at its end, so that {} is served from beside {}",
                quote(path),
                quote(&format!("{path}../")),
                quote(folder)
            );
            seen.push(Observation::new(&rule::CONFIG_PATH_CLIMBS, path, what).line(number));
        }
        if line.trim() == "}" {
            location = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::analyze;

    fn told(before: Option<&str>, after: &str) -> Vec<&'static str> {
        let findings = analyze("config-file", before.map(str::as_bytes), after.as_bytes());
        let new = findings.iter().filter(|finding| finding.counts());
        new.map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn a_place_without_its_slash_is_told() {
        let site = |path: &str, folder: &str| {
            format!("server {{\n  location {path} {{\n    alias {folder};\n  }}\n}}\n")
        };
        assert_eq!(told(None, &site("/static", "/srv/a/")), ["config-path-climbs"]);
        assert_eq!(told(None, &site("^~ /static", "/srv/a/")), ["config-path-climbs"]);
        assert_eq!(told(None, &site("/static/", "/srv/a/")), Vec::<&str>::new());
        assert_eq!(told(None, &site("/static", "/srv/a")), Vec::<&str>::new());
        assert_eq!(told(None, &site("~ ^/static", "/srv/a/")), Vec::<&str>::new());
    }

    #[test]
    fn lines_that_guard_and_are_gone_are_told() {
        let guarded = "location / {\n  auth_basic \"x\";\n  limit_req zone=a;\n  root /srv;\n}\n";
        let gone = guarded.replace("  auth_basic \"x\";\n", "");
        assert_eq!(told(Some(guarded), &gone), ["config-guard-gone"]);
        assert_eq!(told(Some(&gone), guarded), Vec::<&str>::new());
        let moved = "location / {\n  limit_req zone=a;\n  root /srv;\n  auth_basic \"x\";\n}\n";
        assert_eq!(told(Some(guarded), moved), Vec::<&str>::new());
    }

    #[test]
    fn a_section_that_is_switched_off_is_told() {
        let jail = |on: bool| format!("[DEFAULT]\nbantime = 1h\n\n[sshd]\nenabled = {on}\n");
        assert_eq!(told(Some(&jail(true)), &jail(false)), ["config-guard-gone"]);
        assert_eq!(told(Some(&jail(false)), &jail(true)), Vec::<&str>::new());
    }
}
