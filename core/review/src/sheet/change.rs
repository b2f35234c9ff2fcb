//! The change itself: documents as exact differences, processes and statements in full.

use std::sync::Arc;

use countersign_protocol::action::{ArtifactRef, EnvVar, Exec, FileChange, Operand, Payload, Sql};

use super::{LineRole, Page, SheetError, Shelf, ShownDocument};
use crate::diff::text::{Hunk, RowKind, TextDiff};
use crate::secret::Covers;

/// Lines of context around a change.
const CONTEXT: usize = 3;

pub(super) fn payload(page: &mut Page, payload: &Payload, shelf: &Shelf<'_>) -> Result<(), SheetError> {
    match payload {
        Payload::FileChange(change) => file_change(page, change, shelf),
        Payload::Exec(exec) => process(page, exec, shelf),
        Payload::Sql(sql) => statement(page, sql, shelf),
    }
}

fn file_change(page: &mut Page, change: &FileChange, shelf: &Shelf<'_>) -> Result<(), SheetError> {
    let FileChange {
        path,
        before,
        after,
        mode,
    } = change;
    page.heading("change of a document");
    page.name("path", path.as_bytes())?;
    artifact(page, "before", before.as_ref())?;
    artifact(page, "after", after.as_ref())?;
    page.field(
        "mode",
        &mode.map_or_else(
            || "as it is, or 0644 for a new file".to_owned(),
            |mode| format!("{mode:04o}"),
        ),
    )?;
    let side =
        |side: &Option<ArtifactRef>| side.as_ref().map_or(Ok(&[][..]), |artifact| shelf.take(artifact));
    difference(page, side(before)?, side(after)?)
}

/// Two states of a document that has no path.
pub(super) fn document(
    page: &mut Page,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> Result<(), SheetError> {
    page.heading("change of a document");
    artifact(page, "before", before.map(ArtifactRef::of).as_ref())?;
    artifact(page, "after", after.map(ArtifactRef::of).as_ref())?;
    difference(page, before.unwrap_or_default(), after.unwrap_or_default())
}

fn process(page: &mut Page, exec: &Exec, shelf: &Shelf<'_>) -> Result<(), SheetError> {
    let Exec {
        binary,
        binary_digest,
        argv,
        cwd,
        env,
        stdin,
        operands,
    } = exec;
    page.heading("process");
    page.name("binary", binary.as_bytes())?;
    artifact(page, "binary's bytes", Some(binary_digest))?;
    let arguments: Vec<&[u8]> = argv
        .iter()
        .map(countersign_protocol::text::OsBytes::as_bytes)
        .collect();
    for index in 0..arguments.len() {
        let shown = page.masks.argument(&arguments, index);
        page.field(&format!("argument {index}"), &shown)?;
    }
    page.name("working directory", cwd.as_bytes())?;
    for EnvVar { name, value } in env {
        let shown = page.masks.variable(name.as_bytes(), value.as_bytes());
        let name = page.masks.name(name.as_bytes());
        page.field(&format!("environment {name}"), &shown)?;
    }
    artifact(page, "standard input", stdin.as_ref())?;
    if let Some(stdin) = stdin {
        difference(page, &[], shelf.take(stdin)?)?;
    }
    for Operand {
        argument,
        path,
        content,
    } in operands
    {
        page.heading(&format!("file named by argument {argument}"));
        page.name("path", path.as_bytes())?;
        artifact(page, "content", Some(content))?;
        difference(page, &[], shelf.take(content)?)?;
    }
    Ok(())
}

fn statement(page: &mut Page, sql: &Sql, shelf: &Shelf<'_>) -> Result<(), SheetError> {
    let Sql {
        dialect,
        database,
        statement,
        max_rows,
    } = sql;
    page.heading("database statement");
    let dialect = match dialect {
        countersign_protocol::action::Dialect::Sqlite => "SQLite",
        countersign_protocol::action::Dialect::Postgresql => "PostgreSQL",
    };
    page.field("dialect", dialect)?;
    page.name("database", database.raw())?;
    page.field("rolled back above", &format!("{max_rows} changed rows"))?;
    artifact(page, "statement", Some(statement))?;
    difference(page, &[], shelf.take(statement)?)
}

fn artifact(page: &mut Page, label: &str, artifact: Option<&ArtifactRef>) -> Result<(), SheetError> {
    let value = match artifact {
        Some(ArtifactRef { digest, length }) => format!("{length} bytes, SHA-256 {digest}"),
        None => "none".to_owned(),
    };
    page.field(label, &value)
}

pub(super) fn difference(page: &mut Page, before: &[u8], after: &[u8]) -> Result<(), SheetError> {
    let diff = Arc::new(TextDiff::new(
        page.masks.shared(before),
        page.masks.shared(after),
    )?);
    let stats = diff.stats();
    page.field(
        "difference",
        &format!("{} lines removed, {} lines added", stats.removed, stats.added),
    )?;
    let covers = Arc::new(Covers::new(&page.masks, &diff));
    for hunk in diff.hunks(CONTEXT) {
        let Hunk {
            before, after, rows, ..
        } = &hunk;
        page.push(
            LineRole::Hunk,
            format!(
                "@@ -{},{} +{},{} @@",
                before.start + 1,
                before.len(),
                after.start + 1,
                after.len()
            ),
        )?;
        for row in diff.window(&hunk, 0, *rows) {
            let (role, sign) = match row.kind {
                RowKind::Context => (LineRole::Context, ' '),
                RowKind::Removed => (LineRole::Removed, '-'),
                RowKind::Added => (LineRole::Added, '+'),
            };
            let mut text = String::with_capacity(1 + row.line.len());
            text.push(sign);
            covers.write(&mut text, &diff, &row);
            page.push(role, text)?;
        }
    }
    page.documents.push(ShownDocument { diff, covers });
    Ok(())
}
