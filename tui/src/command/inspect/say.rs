//! An inspection in words, for people and pipes.

use std::fmt::Write as _;

use countersign_protocol::kind::Kind;
use countersign_review::diff::structure::Structure;
use countersign_review::diff::text::{RowKind, TextDiff};
use countersign_review::findings::{Delta, Finding, severity};
use countersign_review::secret::{Covers, Masks};
use countersign_review::sheet::Sheet;
use countersign_review::sheet::drift::Record;
use countersign_review::text::{Suspicious, spans_to_string};

use super::super::failure::Failure;
use super::super::output::{self, shown};
use super::subject::Document;

/// Bytes that are gathered before they are written.
const PAGE: usize = 64 * 1024;
/// Rows that are made at once.
const ROWS_AT_ONCE: u32 = 1024;

/// What turned out to be suspicious text.
pub fn suspicious(found: &[Suspicious]) -> Result<(), Failure> {
    for odd in found {
        output::say(&format!(
            "suspicious text: {} times {}, first at line {} column {}",
            odd.count,
            odd.class.id(),
            odd.first.line,
            odd.first.column
        ))?;
    }
    Ok(())
}

/// The changes by path and value.
pub fn structure(structure: &Structure, masks: &Masks) -> Result<(), Failure> {
    let format = structure.format.map_or("no structure", |format| format.id());
    output::say(&format!(
        "structure: {}; {} changes",
        [format, structure.shape].join(" ").trim_end(),
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
                    spans_to_string(&masks.lexeme(value.text.bytes()))
                ))?;
            }
        }
        for note in &change.notes {
            output::say(&format!("    {note}"))?;
        }
    }
    Ok(())
}

/// What was approved, what is live and what is proposed, path by path.
pub fn drift(record: &Record, masks: &Masks) -> Result<(), Failure> {
    output::say(&format!("drift: {} paths", record.rows.len()))?;
    if let Some(unread) = &record.unread {
        output::say(&format!(
            "    the {} state could not be read: {}",
            unread.state.escaped(),
            masks.quoting(&unread.why.escaped())
        ))?;
    }
    for row in &record.rows {
        output::say(&format!("[{}] {}", row.standing.id(), row.path.escaped()))?;
        let states = [
            ("approved", &row.baseline),
            ("live", &row.live),
            ("proposed", &row.proposed),
        ];
        for (state, value) in states {
            match value {
                Some(value) => output::say(&format!(
                    "    {state}, line {}: {}",
                    value.line,
                    value.shown(masks)
                ))?,
                None => output::say(&format!("    {state}: not there"))?,
            }
        }
    }
    Ok(())
}

/// The findings, worst or not, as they were found.
pub fn findings(kind: Kind, found: &[Finding], masks: &Masks) -> Result<(), Failure> {
    output::say(&format!("kind: {}; risk: {}", kind.id(), severity(found).level()))?;
    for finding in found {
        let line = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!(" line {line}:{column}"),
            (Some(line), None) => format!(" line {line}"),
            (None, _) => String::new(),
        };
        output::say(&format!(
            "[{}] {} ({}): {}",
            finding.severity.level(),
            finding.rule.as_str(),
            word_of(finding.delta),
            shown(finding.title.as_str())
        ))?;
        let explanation = masks.quoting(&shown(finding.explanation.as_str()));
        output::say(&format!("    {explanation}"))?;
        let place = format!("{line} {}", finding.path.escaped());
        if !place.trim().is_empty() {
            output::say(&format!("    at{}", place.trim_end()))?;
        }
    }
    Ok(())
}

const fn word_of(delta: Delta) -> &'static str {
    match delta {
        Delta::Introduced => "introduced",
        Delta::Widened => "widened",
        Delta::Unknown => "cannot tell",
        Delta::Existing => "was there before",
        Delta::Removed => "removed",
    }
}

/// A sheet, as it stands.
pub fn sheet(sheet: &Sheet) -> Result<(), Failure> {
    output::page(sheet.text())
}

/// The difference by lines, or why there is none.
pub fn text(document: &Document, masks: &Masks) -> Result<(), Failure> {
    match document.difference() {
        Ok(diff) if diff.changes().is_empty() && document.before.is_some() => {
            output::say("the bytes are the same on both sides")
        }
        Ok(diff) => difference(&diff, masks),
        Err(error) => output::say(&format!("the difference cannot be shown: {error}")),
    }
}

fn difference(diff: &TextDiff, masks: &Masks) -> Result<(), Failure> {
    let covers = Covers::new(masks, diff);
    let mut page = String::new();
    for hunk in diff.hunks(3) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "@@ -{},{} +{},{} @@",
            hunk.before.start + 1,
            hunk.before.len(),
            hunk.after.start + 1,
            hunk.after.len()
        );
        let mut first = 0;
        while first < hunk.rows {
            for row in diff.window(&hunk, first, ROWS_AT_ONCE) {
                page.push(match row.kind {
                    RowKind::Context => ' ',
                    RowKind::Removed => '-',
                    RowKind::Added => '+',
                });
                for span in covers.spans(diff, &row) {
                    page.push_str(&span.text);
                }
                page.push('\n');
            }
            first += ROWS_AT_ONCE;
            if page.len() > PAGE {
                output::page(&page)?;
                page.clear();
            }
        }
    }
    output::page(&page)
}
