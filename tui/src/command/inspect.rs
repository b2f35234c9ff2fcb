//! `countersign inspect`: what a reviewer would see of local files. No backend, no key; says what it finds and
//! exits 0 whatever that is.

use countersign_protocol::kind::Kind;
use countersign_review::diff::structure::{self, Structure, Written};
use countersign_review::diff::text::{RowKind, TextDiff};
use countersign_review::findings::{self, Finding};
use countersign_review::text::{spans_to_string, suspicious};
use serde_json::{Value, json};

use super::failure::Failure;
use super::file;
use super::output::{self, shown};
use crate::cli::{Inspect, Part};

pub fn run(options: &Inspect) -> Result<(), Failure> {
    let before = match &options.before {
        Some(path) => Some(file::read(path)?),
        None => None,
    };
    let after = file::read(&options.after)?;
    let kind = kind_of(options, &after)?;
    let wants = |part| options.only.is_none() || options.only == Some(part);
    // What is not asked for costs nothing.
    let found = || findings::analyze(kind.id(), before.as_deref(), &after);
    let structure = || structure::compare(kind.id(), before.as_deref(), Some(&after));
    if options.json {
        let diff = TextDiff::new(before.clone().unwrap_or_default(), after.clone());
        return output::json(&document(
            kind,
            &after,
            diff.as_ref().ok(),
            &found(),
            &structure(),
        ));
    }
    if wants(Part::Findings) {
        say_findings(kind, &found())?;
    }
    if wants(Part::Findings) || wants(Part::Text) {
        for odd in suspicious(&after) {
            output::say(&format!(
                "suspicious text: {} times {}, first at line {} column {}",
                odd.count,
                odd.class.id(),
                odd.first.line,
                odd.first.column
            ))?;
        }
    }
    if wants(Part::Structure) {
        say_structure(&structure())?;
    }
    if !wants(Part::Text) {
        return Ok(());
    }
    match TextDiff::new(before.unwrap_or_default(), after) {
        Ok(diff) => say_diff(&diff),
        Err(error) => output::say(&format!("the difference cannot be shown: {error}")),
    }
}

/// The kind that was named, or a guess.
pub fn kind_of(options: &Inspect, after: &[u8]) -> Result<Kind, Failure> {
    match &options.kind {
        Some(name) => {
            Kind::named(name).map_err(|error| Failure::usage(format!("`{name}`: {error}"), known_kinds()))
        }
        None => guess(after),
    }
}

fn say_structure(structure: &Structure) -> Result<(), Failure> {
    let format = structure.format.map_or("no structure", |format| format.id());
    output::say(&format!(
        "structure: {format} {}; {} changes",
        structure.shape,
        structure.changes.len()
    ))?;
    for said in structure.problems.iter().chain(&structure.notes) {
        output::say(&format!("    {said}"))?;
    }
    for change in &structure.changes {
        output::say(&format!("{} {}", change.op.id(), change.path.shown()))?;
        for (side, value) in [("before", &change.before), ("after", &change.after)] {
            if let Some(value) = value {
                output::say(&format!(
                    "    {side}, line {}: {}",
                    value.line,
                    value.text.escaped()
                ))?;
            }
        }
        for note in &change.notes {
            output::say(&format!("    {note}"))?;
        }
    }
    Ok(())
}

fn say_findings(kind: Kind, found: &[Finding]) -> Result<(), Failure> {
    output::say(&format!(
        "kind: {}; risk: {}",
        kind.id(),
        findings::severity(found).level()
    ))?;
    for finding in found {
        let line = finding
            .line
            .map_or_else(String::new, |line| format!(" line {line}"));
        output::say(&format!(
            "[{}] {} ({:?}): {}",
            finding.severity.level(),
            finding.rule.as_str(),
            finding.delta,
            shown(finding.title.as_str())
        ))?;
        output::say(&format!("    {}", shown(finding.explanation.as_str())))?;
        output::say(&format!("    at{line} {}", finding.path.escaped()))?;
    }
    Ok(())
}

fn say_diff(diff: &TextDiff) -> Result<(), Failure> {
    for hunk in diff.hunks(3) {
        output::say(&format!(
            "@@ -{},{} +{},{} @@",
            hunk.before.start + 1,
            hunk.before.len(),
            hunk.after.start + 1,
            hunk.after.len()
        ))?;
        for row in diff.window(&hunk, 0, hunk.rows) {
            let mark = match row.kind {
                RowKind::Context => ' ',
                RowKind::Removed => '-',
                RowKind::Added => '+',
            };
            output::say(&format!("{mark}{}", spans_to_string(&row.spans())))?;
        }
    }
    Ok(())
}

fn document(
    kind: Kind,
    after: &[u8],
    diff: Option<&TextDiff>,
    found: &[Finding],
    structure: &Structure,
) -> Value {
    let stats = diff.map(TextDiff::stats);
    let reasons: Vec<&str> = found
        .iter()
        .filter(|finding| finding.counts())
        .map(|finding| finding.rule.as_str())
        .collect();
    let odd: Vec<Value> = suspicious(after)
        .iter()
        .map(|odd| json!({ "class": odd.class.id(), "count": odd.count, "first": odd.first }))
        .collect();
    let mut problems: Vec<Value> = structure
        .problems
        .iter()
        .map(|problem| json!({ "code": "no-structure", "message": problem }))
        .collect();
    let value = |value: &Option<Written>| {
        value
            .as_ref()
            .map(|value| json!({ "text": value.text.escaped(), "line": value.line }))
    };
    let changes: Vec<Value> = structure
        .changes
        .iter()
        .map(|change| {
            json!({ "path": change.path.shown(), "op": change.op.id(), "before": value(&change.before),
                "after": value(&change.after), "notes": change.notes })
        })
        .collect();
    if diff.is_none() {
        problems.push(
            json!({ "code": "no-text", "message": "the documents are too large to be compared exactly" }),
        );
    }
    json!({
        "schema": "countersign/inspection/v1",
        "kind": kind.id(),
        "format": structure.format.map_or_else(|| format_of(after), |format| format.id()),
        "degraded": diff.is_none(),
        "risk": { "level": findings::severity(found).level(), "reasons": reasons },
        "text": stats.map(|stats| json!({ "added": stats.added, "removed": stats.removed, "hunks": stats.hunks })),
        "changes": changes,
        "findings": found,
        "suspicious": odd,
        "problems": problems,
        "view_digest": Value::Null,
    })
}

fn format_of(bytes: &[u8]) -> &'static str {
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim_start();
    match text.as_bytes().first() {
        _ if std::str::from_utf8(bytes).is_err() => "binary",
        Some(b'{' | b'[') if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => "json",
        _ if text.contains("apiVersion:") || text.starts_with("---") => "yaml",
        _ => "text",
    }
}

/// A guess by the document's own marks; the rules for the kind then read it strictly.
fn guess(after: &[u8]) -> Result<Kind, Failure> {
    let text = String::from_utf8_lossy(after);
    let has = |word: &str| text.contains(word);
    let name = if has("\"resource_changes\"") {
        "terraform-plan"
    } else if has("\"Statement\"") && has("\"Principal\"") && has("arn:aws:s3") {
        "s3"
    } else if has("\"Statement\"") && has("\"Effect\"") {
        "iam"
    } else if has("apiVersion:") && (has("kind: Role") || has("kind: ClusterRole")) {
        "k8s-rbac"
    } else if has("apiVersion:") {
        "k8s"
    } else if ["update ", "delete ", "insert ", "alter ", "drop "]
        .iter()
        .any(|word| text.to_lowercase().contains(word))
        && has(";")
    {
        "sql"
    } else {
        "config-file"
    };
    Kind::named(name).map_err(|error| Failure::internal(error.to_string()))
}

fn known_kinds() -> String {
    let ids: Vec<&str> = countersign_protocol::kind::KINDS
        .iter()
        .map(|row| row.id)
        .collect();
    format!("kinds are: {}", ids.join(", "))
}
