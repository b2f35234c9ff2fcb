//! Commands of pipelines that ran before and may fail now: `|| true` behind a check, flags that forgive, strict flags
//! that are gone.
//!
//! A command counts as the same one where nothing but such an ending or flag differs.

use crate::findings::Severity;
use crate::findings::observation::quote;
use std::collections::{BTreeMap, BTreeSet};

/// Endings that make any command a success.
const ENDINGS: &[&str] = &[
    "|| true",
    "||true",
    "|| :",
    "|| exit 0",
    "|| echo",
    "|| printf",
    "; true",
    "; exit 0",
    "|| /bin/true",
    "|| continue",
];

/// Flags with which a check finds and does not fail.
const FORGIVING: &[&str] = &[
    "--exit-code 0",
    "--exit-code=0",
    "--exit-zero",
    "--soft-fail",
    "--no-fail",
    "--no-exit-code",
    "--continue-on-error",
    "--allow-failure",
    "--passWithNoTests",
    "-Dmaven.test.failure.ignore=true",
    "-DskipTests",
    "-DskipTests=true",
    "-Dmaven.test.skip=true",
    "--no-verify",
];

/// Flags with which a command refuses what it would take without.
const STRICT: &[&str] = &[
    "--exit-code 1",
    "--exit-code=1",
    "--strict",
    "--locked",
    "--frozen",
    "--frozen-lockfile",
    "--immutable",
    "--require-hashes",
    "--ignore-scripts",
    "--fail-on high",
    "--fail-on critical",
    "--error-on-violations",
    "--check",
    "-Werror",
    "-D warnings",
    "--max-warnings=0",
    "--max-warnings 0",
];

/// Parts of the names of checks, whose failure is meant to stop something.
const CHECKS: &[&str] = &[
    "test",
    "lint",
    "scan",
    "audit",
    "check",
    "verify",
    "validate",
    "sast",
    "trivy",
    "grype",
    "snyk",
    "semgrep",
    "gitleaks",
    "cosign",
    "bandit",
    "tfsec",
    "kubeconform",
    "conftest",
    "clippy",
    "mypy",
    "policy",
    "attest",
    "signature",
    "spec",
    "coverage",
];

/// A command that no longer stops what follows.
pub(super) struct Softened {
    /// Says which, and how.
    pub(super) what: String,
    /// How bad it is: a check is missed more than a removal of what may not be there.
    pub(super) severity: Severity,
}

/// Compares the scripts of a job before and after.
pub(super) fn softened<'a>(
    before: impl Iterator<Item = &'a str>,
    after: impl Iterator<Item = &'a str>,
) -> Vec<Softened> {
    let old: BTreeSet<String> = before.flat_map(str::lines).map(plain).collect();
    // What each earlier command is without a strict flag of its own.
    let mut strict: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for line in &old {
        let bare = STRICT
            .iter()
            .filter_map(|flag| Some((without(line, flag)?, (*flag, line.as_str()))));
        strict.extend(bare);
    }
    let fresh = after
        .flat_map(str::lines)
        .map(plain)
        .filter(|line| !old.contains(line));
    let told = fresh.filter_map(|line| match strict.get(&line) {
        Some((flag, earlier)) => Some(Softened {
            what: format!("{} goes without {} now", quote(earlier), quote(flag)),
            severity: Severity::Medium,
        }),
        None => forgiven(&old, &line),
    });
    told.collect()
}

/// Tells a command that ran before and whose failure is forgiven now.
fn forgiven(old: &BTreeSet<String>, line: &str) -> Option<Softened> {
    let told = |stem: &str, why: &str| {
        let severity = match is_check(stem) {
            true => Severity::Medium,
            false => Severity::Low,
        };
        let what = format!("{} {why}", quote(stem));
        Some(Softened { what, severity })
    };
    for ending in ENDINGS {
        let stem = line.split_once(ending).map(|(stem, _)| stem.trim_end());
        if let Some(stem) = stem.filter(|stem| old.contains(*stem)) {
            return told(stem, &format!("may fail now, since {} follows", quote(ending)));
        }
    }
    for flag in FORGIVING {
        if without(line, flag).is_some_and(|stem| old.contains(&stem)) {
            return told(line, &format!("no longer fails, since {} is given", quote(flag)));
        }
    }
    None
}

/// Says whether a command or a job checks something, by its words.
pub(super) fn is_check(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    CHECKS.iter().any(|check| lower.contains(check))
}

/// Returns a command without a flag that stands in it as words of its own.
fn without(line: &str, flag: &str) -> Option<String> {
    let padded = format!(" {line} ");
    let (before, after) = padded.split_once(&format!(" {flag} "))?;
    Some(plain(&format!("{before} {after}")))
}

/// Puts one blank between words.
fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn github(run: &str) -> String {
        format!(
            "on: push\npermissions: {{contents: read}}\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: {run}\n"
        )
    }

    fn gitlab(run: &str) -> String {
        format!("stages: [a]\nscan:\n  stage: a\n  script:\n    - {run}\n")
    }

    fn level(of: fn(&str) -> String, before: &str, after: &str) -> Severity {
        severity(&analyze(
            "workflow",
            Some(of(before).as_bytes()),
            of(after).as_bytes(),
        ))
    }

    #[test]
    fn a_check_that_may_fail_is_told() {
        for of in [github as fn(&str) -> String, gitlab] {
            for (before, after) in [
                ("make scan", "make scan || true"),
                ("npm audit", "npm audit || echo later"),
                ("trivy image a", "trivy image --exit-code 0 a"),
                ("pip install --require-hashes -r r.txt", "pip install -r r.txt"),
            ] {
                assert_eq!(level(of, before, after), Severity::Medium, "{after}");
                assert!(level(of, after, before) < Severity::Medium, "{before}");
            }
            assert_eq!(level(of, "docker rm old", "docker rm old || true"), Severity::Low);
            assert_eq!(level(of, "make scan", "make scan all"), Severity::Info);
        }
    }
}
