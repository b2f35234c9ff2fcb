//! The labelled changes beside this file: what the rules reached on them is not lost again.
//!
//! It is no measure of unseen changes, which README.md keeps.

#![expect(clippy::unwrap_used, reason = "a test that can't read its cases fails")]

use countersign_review::findings::{Finding, Severity, analyze, severity};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    kind: String,
    before: Option<String>,
    after: String,
    label: Label,
}

#[derive(Deserialize)]
struct Label {
    risky: bool,
}

/// Returns the cases of the sets that the rules were worked on with, each with the folder of each.
fn cases() -> Vec<(PathBuf, Case)> {
    let sets = [
        "heldout",
        "heldout-second",
        "heldout-third",
        "heldout-fourth",
        "heldout-fifth",
        "heldout-sixth",
        "heldout-seventh",
        "heldout-eighth",
        "heldout-ninth",
        "heldout-tenth",
        "heldout-eleventh",
        "heldout-twelfth",
    ];
    let read = |set: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(set);
        let manifest = fs::read(folder.join("manifest.json")).unwrap();
        let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
        manifest.cases.into_iter().map(move |case| (folder.clone(), case))
    };
    sets.into_iter().flat_map(read).collect()
}

/// What the rules don't know, or weigh otherwise on purpose.
const NOT_KNOWN: &[&str] = &[
    // No list of versions with holes is kept.
    "plan-ingress-controller-chart",
    // A grant beside rights that are taken away stays one.
    "sql-import-scratch-and-grants",
    "sql-claims-constraints",
    // What only tags or words of the document call empty, temporary or unused is destroyed all the same.
    "plan-perf-teardown",
    "plan-api-monitors",
    "sql-legacy-sessions",
    // Tags that decide who may read, and that anybody may set.
    "iam-team-secrets",
    // A role or a range that is strong, though one before it was stronger; a weak default that another has too.
    "plan-portal-deploy",
    "sg-backend",
    "plan-lobby-nodes",
];

#[test]
fn risky_changes_are_flagged_and_harmless_ones_are_not() {
    let mut wrong = Vec::new();
    for (folder, case) in cases()
        .into_iter()
        .filter(|(_, case)| !NOT_KNOWN.contains(&case.id.as_str()))
    {
        let before = case.before.map(|path| fs::read(folder.join(path)).unwrap());
        let after = fs::read(folder.join(&case.after)).unwrap();
        let level = severity(&analyze(&case.kind, before.as_deref(), &after));
        if (level >= Severity::Medium) != case.label.risky {
            wrong.push((case.id, level));
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn a_file_that_stays_as_it_is_introduces_nothing() {
    // A plan carries its own state before; what nothing reads is not analyzed, changed or not.
    let known = |finding: &&Finding| finding.counts() && finding.rule.as_str() != "not-analyzed";
    for (folder, case) in cases().iter().filter(|(_, case)| case.kind != "terraform-plan") {
        let file = fs::read(folder.join(&case.after)).unwrap();
        let findings = analyze(&case.kind, Some(&file), &file);
        let new: Vec<&Finding> = findings.iter().filter(known).collect();
        assert!(new.is_empty(), "{}: {new:?}", case.id);
    }
}
