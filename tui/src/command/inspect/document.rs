//! An inspection as one JSON document. Its form is a promise.

use countersign_review::diff::structure::Written;
use countersign_review::diff::text::{Stats, TextDiff, TooLarge};
use countersign_review::findings;
use countersign_review::secret::Masks;
use countersign_review::sheet::drift::{Record, Row, Value as Three};
use countersign_review::text::spans_to_string;
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::kind::format_of;
use super::odd;
use super::subject::Subject;

/// The whole inspection.
#[allow(clippy::too_many_lines, reason = "one document, field by field")]
pub fn of(subject: &Subject, masks: &Masks) -> Result<Value, Failure> {
    let drift = subject.drift();
    let found = subject.findings(drift.as_ref())?;
    let sheet = subject.sheet(&found);
    let diffs: Vec<Result<TextDiff, TooLarge>> = subject
        .documents
        .iter()
        .map(super::subject::Document::difference)
        .collect();
    let structures: Vec<_> = subject
        .documents
        .iter()
        .map(|document| document.structure(subject.kind))
        .collect();
    let reasons: Vec<&str> = found
        .iter()
        .filter(|finding| finding.counts())
        .map(|finding| finding.rule.as_str())
        .collect();
    let odd: Vec<Value> = odd(subject)
        .iter()
        .map(|odd| json!({ "class": odd.class.id(), "count": odd.count, "first": odd.first }))
        .collect();
    let problem = |code: &str, message: &str| json!({ "code": code, "message": message });
    let unread = structures.iter().flat_map(|structure| &structure.problems);
    let mut problems: Vec<Value> = unread.map(|message| problem("no-structure", message)).collect();
    problems.extend(subject.refused().map(|message| problem("refused", &message)));
    for error in diffs.iter().filter_map(|diff| diff.as_ref().err()) {
        problems.push(problem("no-text", &error.to_string()));
    }
    if let Err(error) = &sheet {
        problems.push(problem("no-sheet", &error.to_string()));
    }
    let lexeme = |value: &Option<Written>| {
        let value = value.as_ref()?;
        Some(spans_to_string(&masks.lexeme(value.text.bytes())))
    };
    let line = |value: &Option<Written>| value.as_ref().map(|value| value.line);
    let changes: Vec<Value> = structures
        .iter()
        .flat_map(|structure| &structure.changes)
        .map(|change| {
            json!({ "path": change.path.shown(), "op": change.op.id(), "before": lexeme(&change.before),
                "before_line": line(&change.before), "after": lexeme(&change.after), "after_line": line(&change.after),
                "notes": change.notes })
        })
        .collect();
    let degraded = diffs.iter().any(Result::is_err);
    let stats = diffs
        .iter()
        .flatten()
        .map(TextDiff::stats)
        .reduce(|all, more| Stats {
            added: all.added.saturating_add(more.added),
            removed: all.removed.saturating_add(more.removed),
            hunks: all.hunks.saturating_add(more.hunks),
        });
    // Only of all documents is there a number.
    let stats = stats.filter(|_| !degraded);
    let format = structures
        .iter()
        .find_map(|structure| structure.format)
        .map_or_else(
            || {
                let after = subject
                    .documents
                    .iter()
                    .find_map(|document| document.after.as_deref());
                format_of(after.unwrap_or_default())
            },
            |format| format.id(),
        );
    let mut document = json!({
        "schema": "countersign/inspection/v1",
        "kind": subject.kind.id(),
        "format": format,
        "degraded": degraded,
        "risk": { "level": findings::severity(&found).level(), "reasons": reasons },
        "text": stats.map(|stats| json!({ "added": stats.added, "removed": stats.removed, "hunks": stats.hunks })),
        "changes": changes,
        "findings": found,
        "suspicious": odd,
        "problems": problems,
        "view_digest": sheet.ok().map(|sheet| sheet.view_digest().to_string()),
    });
    if let Some(drift) = &drift
        && let Some(document) = document.as_object_mut()
    {
        let record = Record::from(drift);
        document.insert(
            "drift".to_owned(),
            record.rows.iter().map(|one| row(one, masks)).collect(),
        );
    }
    Ok(document)
}

/// One path of three states; a value that is not there is null.
fn row(row: &Row, masks: &Masks) -> Value {
    let shown = |value: &Option<Three>| value.as_ref().map(|value| value.shown(masks));
    let line = |value: &Option<Three>| value.as_ref().map(|value| value.line);
    json!({ "path": masks.quoting(&row.path.escaped()), "standing": row.standing,
        "baseline": shown(&row.baseline), "baseline_line": line(&row.baseline),
        "live": shown(&row.live), "live_line": line(&row.live),
        "proposed": shown(&row.proposed), "proposed_line": line(&row.proposed) })
}
