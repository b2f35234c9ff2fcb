//! Packages: what is run when one is installed, and where those come from that a project takes in.
//!
//! It reads npm's `package.json` and lock file by their shape, and the flags in pip's requirements. The code of a
//! package is not in the change and is not judged.

use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::shell::{at, script};
use crate::findings::{
    Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, TEXT_KINDS, rule,
};
use std::collections::{BTreeMap, BTreeSet};

/// The rules for packages.
pub(in crate::findings) struct Packages;

/// Scripts that run without being asked for.
const UNASKED: &[&str] = &[
    "preinstall",
    "install",
    "postinstall",
    "prepare",
    "preprepare",
    "postprepare",
];

/// Tables of packages that a project takes in.
const TAKEN: &[&str] = &[
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "overrides",
];

impl Detector for Packages {
    fn kinds(&self) -> &'static [&'static str] {
        &["code-push", "build", "config-file"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        if !TEXT_KINDS.contains(&input.kind) {
            return Outcome::NotMine;
        }
        for (place, root) in input.roots {
            if is_manifest(root) {
                manifest(place, root, seen);
            }
        }
        for (number, line) in input.lines() {
            requirement(line.trim(), number, seen);
        }
        Outcome::NotMine
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let (old, new) = (locked(before), locked(after));
        let hosts: BTreeSet<&str> = old.values().filter_map(|package| package.host).collect();
        let mut changes = Vec::new();
        for (name, package) in &new {
            let earlier = old.get(name);
            let mut add = |about, what: String| {
                let seen = Observation::new(about, name.clone(), what).at(&package.place, package.line);
                changes.push((seen, Delta::Introduced, Side::After));
            };
            if let Some(host) = package
                .host
                .filter(|host| !hosts.is_empty() && !hosts.contains(host))
            {
                let what = format!(
                    "{} comes from {}, from which nothing came before",
                    quote(name),
                    quote(host)
                );
                add(&rule::PACKAGE_SOURCE, what);
            }
            if package.host.is_some() && !package.checked && earlier.is_none_or(|earlier| earlier.checked) {
                let what = format!("{} is taken without a checksum", quote(name));
                add(&rule::PACKAGE_UNCHECKED, what);
            }
            if let Some(earlier) = earlier
                && earlier.version == package.version
                && earlier.checksum.is_some()
                && package
                    .checksum
                    .is_some_and(|checksum| Some(checksum) != earlier.checksum)
            {
                let what = format!("{} is the same version with other bytes", quote(name));
                add(&rule::PACKAGE_SOURCE, what);
            }
        }
        changes
    }
}

fn is_manifest(root: &Value) -> bool {
    root.at("name").is_some()
        && (root.at("version").is_some() || root.at("scripts").is_some())
        && ["scripts", "dependencies", "devDependencies"]
            .iter()
            .any(|key| root.at(key).is_some_and(|table| table.items().is_empty()))
}

fn manifest(place: &Place, root: &Value, seen: &mut Vec<Observation>) {
    for (name, run) in root.at("scripts").map(Value::entries).unwrap_or_default() {
        let Some(text) = run.text() else { continue };
        if UNASKED.contains(&name.as_str()) {
            let what = format!("whoever installs it runs {}", quote(text));
            let key = format!("{name} {text}");
            let reaches = ["http", "curl", "wget", "eval", "base64", "child_process"]
                .iter()
                .any(|part| text.contains(part));
            let severity = match () {
                () if reaches => Severity::High,
                // For those who work on it, not for those who take it in.
                () if name.contains("prepare") => Severity::Low,
                () => Severity::Medium,
            };
            seen.push(
                Observation::new(&rule::PACKAGE_INSTALL_SCRIPT, key, what)
                    .severity(severity)
                    .at(place, run.line),
            );
            script(text, &at(place, name, run.line), 0, seen);
        }
    }
    for table in TAKEN.iter().filter_map(|key| root.at(key)) {
        for (name, version) in table.entries() {
            let source = version.text().unwrap_or_default();
            let elsewhere =
                source.contains("://") || source.starts_with("git") || source.starts_with("github:");
            let exact = source.rsplit_once('#').is_some_and(|(_, commit)| {
                commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            if elsewhere && !exact {
                let what = format!(
                    "{} comes from {}, whatever stands there at the time",
                    quote(name),
                    quote(source)
                );
                let key = format!("{name} {source}");
                let seen_here = Observation::new(&rule::PACKAGE_SOURCE, key, what).severity(Severity::Medium);
                seen.push(seen_here.at(place, version.line));
            }
        }
    }
}

/// Judges one line of pip's requirements.
fn requirement(line: &str, number: u32, seen: &mut Vec<Observation>) {
    let flag = line.split([' ', '=']).next().unwrap_or_default();
    let value = line
        .get(flag.len()..)
        .unwrap_or_default()
        .trim_start_matches([' ', '=']);
    let (about, what) = match flag {
        "--extra-index-url" => (
            &rule::PACKAGE_SOURCE,
            format!("any package may come from {} as well", quote(value)),
        ),
        "--index-url" | "-i" if value.starts_with("http://") => (
            &rule::PACKAGE_SOURCE,
            format!("packages come from {} unencrypted", quote(value)),
        ),
        "--trusted-host" => (
            &rule::PACKAGE_UNCHECKED,
            format!("the certificate of {} is not checked", quote(value)),
        ),
        _ => return,
    };
    seen.push(
        Observation::new(about, line, what)
            .severity(Severity::Medium)
            .line(number),
    );
}

struct Locked<'a> {
    version: Option<&'a str>,
    host: Option<&'a str>,
    checksum: Option<&'a str>,
    checked: bool,
    place: Place,
    line: u32,
}

/// Returns the packages of a lock file by their path.
fn locked<'a>(input: &Input<'a>) -> BTreeMap<String, Locked<'a>> {
    let mut found = BTreeMap::new();
    if !TEXT_KINDS.contains(&input.kind)
        || !input
            .documents
            .all
            .iter()
            .any(|root| root.at("lockfileVersion").is_some())
    {
        return found;
    }
    input.walk(&mut |place, value| {
        let Some(resolved) = value.text_at("resolved") else {
            return;
        };
        let host = resolved
            .split_once("://")
            .and_then(|(_, rest)| rest.split('/').next())
            .filter(|host| !host.is_empty());
        let checksum = value.text_at("integrity").filter(|text| !text.is_empty());
        found.insert(
            place.pointer.clone(),
            Locked {
                version: value.text_at("version"),
                host,
                checksum,
                checked: checksum.is_some(),
                place: place.clone(),
                line: value.line,
            },
        );
    });
    found
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(before: Option<&str>, after: &str) -> Vec<(&'static str, Severity)> {
        analyze("code-push", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn what_an_installation_runs_is_told() {
        let package =
            |script: &str| format!(r#"{{"name": "p", "version": "1.0.0", "scripts": {{{script}}}}}"#);
        let before = package(r#""build": "tsc""#);
        assert_eq!(
            told(Some(&before), &package(r#""postinstall": "node ./patch.js""#)),
            [("package-install-script", Severity::Medium)]
        );
        let fetch = package(r#""preinstall": "node -e \"require('https').get('https://x.test')\"""#);
        assert_eq!(
            told(Some(&before), &fetch)[0],
            ("package-install-script", Severity::High)
        );
        assert_eq!(told(Some(&fetch), &fetch), []);
        assert_eq!(
            told(
                Some(&before),
                &package(r#""test": "node --test", "clean": "rm -rf lib""#)
            ),
            []
        );
        assert_eq!(
            told(Some(&before), &package(r#""prepare": "husky""#)),
            [("package-install-script", Severity::Low)]
        );
    }

    #[test]
    fn packages_from_elsewhere_are_told() {
        let package = |source: &str| {
            format!(r#"{{"name": "p", "version": "1.0.0", "dependencies": {{"a": "{source}"}}}}"#)
        };
        let before = package("^1.0.0");
        for source in ["git+https://x.test/a.git", "https://x.test/a.tgz", "github:b/a"] {
            assert_eq!(
                told(Some(&before), &package(source)),
                [("package-source", Severity::Medium)],
                "{source}"
            );
        }
        let pinned = package(&format!("git+https://x.test/a.git#{}", "a".repeat(40)));
        assert_eq!(told(Some(&before), &pinned), []);
        assert_eq!(
            told(
                Some("requests==2.32.3\n"),
                "--extra-index-url https://x.test/simple\nrequests==2.32.3\n"
            ),
            [("package-source", Severity::Medium)]
        );
    }

    #[test]
    fn a_locked_package_keeps_its_host_and_its_checksum() {
        let lock = |version: &str, host: &str, integrity: &str| {
            format!(
                r#"{{"name": "p", "lockfileVersion": 3, "packages": {{"node_modules/a": {{"version": "{version}", "resolved": "https://{host}/a.tgz"{integrity}}}}}}}"#
            )
        };
        let sum = |sum: &str| format!(r#", "integrity": "sha512-{sum}""#);
        let before = lock("1.0.0", "r.test", &sum("aaaa"));
        assert_eq!(told(Some(&before), &lock("1.0.1", "r.test", &sum("bbbb"))), []);
        assert_eq!(
            told(Some(&before), &lock("1.0.1", "r.test", "")),
            [("package-unchecked", Severity::Medium)]
        );
        for other in [
            lock("1.0.1", "x.test", &sum("bbbb")),
            lock("1.0.0", "r.test", &sum("bbbb")),
        ] {
            assert_eq!(
                told(Some(&before), &other),
                [("package-source", Severity::High)],
                "{other}"
            );
        }
    }
}
