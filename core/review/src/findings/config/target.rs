//! Where programs send things, by the lines of their configuration: without encryption now, or to a host outside.
//!
//! A line is the same one where all of its words but the address are. Which hosts are inside is told by their names.

use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Input, Observation, Side, rule};
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

/// Tells lines whose address lost its encryption or leads outside.
pub(super) fn changes(before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
    let mut old: BTreeMap<String, Earlier<'_>> = BTreeMap::new();
    for (stem, address) in before.lines().filter_map(|(_, line)| address(line)) {
        let earlier = old.entry(stem).or_default();
        earlier.encrypted |= address.starts_with("https://");
        earlier.outside |= !is_inside(address);
        earlier.addresses.insert(address);
    }
    let mut changes = Vec::new();
    for (number, line) in after.lines() {
        let Some((stem, is)) = address(line) else { continue };
        let Some(was) = old.get(&stem).filter(|was| !was.addresses.contains(is)) else {
            continue;
        };
        let (about, what) = if was.encrypted && is.starts_with("http://") && !is_inside_machine(is) {
            (&rule::ENCRYPTION_OFF, "without encryption now")
        } else if !was.outside && !is_inside(is) {
            (&rule::CONFIG_SENT_OUT, "to a host outside now")
        } else {
            continue;
        };
        let what = format!("{what}: {}", quote(line.trim()));
        changes.push((
            Observation::new(about, "", what).line(number),
            Delta::Widened,
            Side::After,
        ));
    }
    changes
}

/// The addresses that lines of the same words had.
#[derive(Default)]
struct Earlier<'a> {
    addresses: BTreeSet<&'a str>,
    encrypted: bool,
    outside: bool,
}

/// Splits a line into its words without the address and the address.
fn address(line: &str) -> Option<(String, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) || line.starts_with("//") || !line.contains(['.', ':']) {
        return None;
    }
    let words =
        || line.split(|c: char| c.is_whitespace() || matches!(c, '=' | ';' | ',' | '"' | '\'' | '(' | ')'));
    let found = words().find(|word| is_address(word))?;
    let rest: Vec<&str> = words()
        .filter(|word| !word.is_empty() && *word != found)
        .collect();
    (!rest.is_empty()).then(|| (rest.join(" ").to_ascii_lowercase(), found))
}

fn is_address(word: &str) -> bool {
    if !word.contains(['.', ':']) {
        return false;
    }
    let host = host(word);
    let named = host.contains('.') && host.chars().any(char::is_alphabetic) && !host.starts_with('.');
    let plain = host
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    // A name without a scheme needs three parts, else it may be the name of a file.
    let parts = host.split('.').filter(|part| !part.is_empty()).count();
    word.contains("://") || host.parse::<IpAddr>().is_ok() && parts == 4 || named && plain && parts >= 3
}

fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    let rest = rest.rsplit('@').next().unwrap_or(rest);
    rest.split(':').next().unwrap_or(rest)
}

fn is_inside_machine(address: &str) -> bool {
    let host = host(address);
    host == "localhost" || host.starts_with("127.")
}

/// Says whether a host is inside, by its name or its address.
fn is_inside(address: &str) -> bool {
    let host = host(address).to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_private() || address.is_loopback(),
        Ok(IpAddr::V6(address)) => address.is_unique_local() || address.is_loopback(),
        Err(_) => {
            let inner = |part: &str| {
                matches!(
                    part,
                    "internal"
                        | "intern"
                        | "local"
                        | "lan"
                        | "svc"
                        | "corp"
                        | "private"
                        | "cluster"
                        | "consul"
                )
            };
            !host.contains('.') || host.split('.').any(inner)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::analyze;

    fn told(before: &str, after: &str) -> Vec<&'static str> {
        let findings = analyze("config-file", Some(before.as_bytes()), after.as_bytes());
        let new = findings.iter().filter(|finding| finding.counts());
        new.map(|finding| finding.rule.as_str()).collect()
    }

    #[test]
    fn what_goes_in_the_clear_or_outside_is_told() {
        let quiet = Vec::<&str>::new();
        let proxy = |to: &str| format!("location / {{\n  proxy_pass {to};\n}}\n");
        assert_eq!(
            told(&proxy("https://ledger"), &proxy("http://ledger")),
            ["encryption-off"]
        );
        assert_eq!(told(&proxy("http://ledger"), &proxy("https://ledger")), quiet);
        assert_eq!(
            told(&proxy("https://ledger"), &proxy("http://127.0.0.1:80")),
            quiet
        );
        let logs = |host: &str| format!("[OUTPUT]\n    Name http\n    Host {host}\n");
        assert_eq!(
            told(
                &logs("logs.internal.acme.example"),
                &logs("in.vendor.example.net")
            ),
            ["config-sent-out"]
        );
        assert_eq!(
            told(
                &logs("logs.internal.acme.example"),
                &logs("logs2.internal.acme.example")
            ),
            quiet
        );
        assert_eq!(
            told(&logs("a.vendor.example.net"), &logs("b.vendor.example.net")),
            quiet
        );
        assert_eq!(told("include a.b.conf\n", "include a.c.conf\n"), quiet);
    }
}
