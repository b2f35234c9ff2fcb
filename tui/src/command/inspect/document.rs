//! An inspection as one JSON document. Its form is a promise.

use countersign_protocol::kind::Kind;
use countersign_review::diff::structure::{Structure, Written};
use countersign_review::diff::text::TextDiff;
use countersign_review::findings::{self, Finding};
use countersign_review::sheet::drift::{Record, Row, Value as Three};
use countersign_review::text::suspicious;
use serde_json::{Value, json};

use super::kind::format_of;

/// The whole inspection.
pub fn of(
    kind: Kind,
    after: &[u8],
    diff: Option<&TextDiff>,
    found: &[Finding],
    structure: &Structure,
    drift: Option<&Record>,
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
    let lexeme = |value: &Option<Written>| value.as_ref().map(|value| value.text.escaped());
    let line = |value: &Option<Written>| value.as_ref().map(|value| value.line);
    let changes: Vec<Value> = structure
        .changes
        .iter()
        .map(|change| {
            json!({ "path": change.path.shown(), "op": change.op.id(), "before": lexeme(&change.before),
                "before_line": line(&change.before), "after": lexeme(&change.after), "after_line": line(&change.after),
                "notes": change.notes })
        })
        .collect();
    if diff.is_none() {
        problems.push(
            json!({ "code": "no-text", "message": "the documents are too large to be compared exactly" }),
        );
    }
    let mut document = json!({
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
    });
    if let Some(record) = drift
        && let Some(document) = document.as_object_mut()
    {
        document.insert("drift".to_owned(), record.rows.iter().map(row).collect());
    }
    document
}

/// One path of three states; a value that is not there is null.
fn row(row: &Row) -> Value {
    let shown = |value: &Option<Three>| value.as_ref().map(Three::shown);
    let line = |value: &Option<Three>| value.as_ref().map(|value| value.line);
    json!({ "path": row.path.escaped(), "standing": row.standing,
        "baseline": shown(&row.baseline), "baseline_line": line(&row.baseline),
        "live": shown(&row.live), "live_line": line(&row.live),
        "proposed": shown(&row.proposed), "proposed_line": line(&row.proposed) })
}
