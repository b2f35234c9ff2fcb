//! What a counter-proposal changes about what was asked.
//!
//! Shown to its author before it is signed and to the agent before it is accepted. It is no sheet: what the next
//! reviewer reads and signs is the sheet of the new request.

use std::collections::BTreeMap;

use countersign_protocol::action::{Action, ArtifactRef, Exec, Payload};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;

use super::change::difference;
use super::{Page, SheetError, SheetLine, Shelf};
use crate::text::Untrusted;

/// The lines that say what `amended` changes about `asked`; none where both are the same.
///
/// # Errors
/// [`SheetError`] when a side is missing or cannot be compared exactly.
pub fn lines(
    asked: &Action,
    amended: &Action,
    artifacts: &BTreeMap<ArtifactDigest, Artifact>,
) -> Result<Vec<SheetLine>, SheetError> {
    let mut page = Page::default();
    let shelf = Shelf(artifacts);
    match (&asked.payload, &amended.payload) {
        (Payload::FileChange(asked), Payload::FileChange(amended)) => {
            changed(&mut page, "new content", asked.after, amended.after, &shelf)?;
        }
        (Payload::Sql(asked), Payload::Sql(amended)) => {
            if asked.max_rows != amended.max_rows {
                page.heading("changed rows allowed");
                page.field("asked", &asked.max_rows.to_string())?;
                page.field("counter-proposed", &amended.max_rows.to_string())?;
            }
            let (asked, amended) = (Some(asked.statement), Some(amended.statement));
            changed(&mut page, "statement", asked, amended, &shelf)?;
        }
        (Payload::Exec(asked), Payload::Exec(amended)) => process(&mut page, asked, amended, &shelf)?,
        // No amendment does this; whoever shows one anyway says so.
        (Payload::FileChange(_) | Payload::Sql(_) | Payload::Exec(_), _) => {
            page.heading("another sort of action altogether");
        }
    }
    Ok(page.lines)
}

fn process(page: &mut Page, asked: &Exec, amended: &Exec, shelf: &Shelf<'_>) -> Result<(), SheetError> {
    left_out(
        page,
        "argument",
        asked.argv.iter().map(|word| word.as_bytes().to_vec()),
        amended.argv.iter().map(|word| word.as_bytes().to_vec()),
    )?;
    let variable = |variable: &countersign_protocol::action::EnvVar| {
        [variable.name.as_bytes(), b"=", variable.value.as_bytes()].concat()
    };
    left_out(
        page,
        "variable",
        asked.env.iter().map(variable),
        amended.env.iter().map(variable),
    )?;
    changed(page, "standard input", asked.stdin, amended.stdin, shelf)?;
    for operand in &asked.operands {
        let same = amended.operands.iter().find(|other| other.path == operand.path);
        let title = format!("file {}", Untrusted::from(operand.path.as_bytes()).escaped());
        let (before, after) = (Some(operand.content), same.map(|operand| operand.content));
        changed(page, &title, before, after, shelf)?;
    }
    Ok(())
}

fn left_out(
    page: &mut Page,
    what: &str,
    asked: impl Iterator<Item = Vec<u8>>,
    amended: impl Iterator<Item = Vec<u8>>,
) -> Result<(), SheetError> {
    let mut kept = amended.peekable();
    for item in asked {
        if kept.next_if(|next| *next == item).is_none() {
            page.foreign(&format!("{what} left out"), item.as_slice())?;
        }
    }
    Ok(())
}

fn changed(
    page: &mut Page,
    title: &str,
    asked: Option<ArtifactRef>,
    amended: Option<ArtifactRef>,
    shelf: &Shelf<'_>,
) -> Result<(), SheetError> {
    if asked == amended {
        return Ok(());
    }
    let take = |side: Option<ArtifactRef>| side.map_or(Ok(&[][..]), |artifact| shelf.take(&artifact));
    page.heading(&format!("{title}: as asked against as counter-proposed"));
    difference(page, take(asked)?, take(amended)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::action::{Dialect, Sql};
    use countersign_protocol::kind::Kind;
    use countersign_protocol::text::Line;

    fn sql(statement: &[u8], max_rows: u64) -> Action {
        Action {
            kind: Kind::named("sql").unwrap(),
            environment: "production".parse().unwrap(),
            target: Line::new("sql://main").unwrap(),
            payload: Payload::Sql(Sql {
                dialect: Dialect::Sqlite,
                database: Line::new("main").unwrap(),
                statement: ArtifactRef::of(statement),
                max_rows,
            }),
        }
    }

    fn shown(asked: &Action, amended: &Action, bytes: &[&[u8]]) -> Result<String, SheetError> {
        let artifacts = bytes
            .iter()
            .map(|bytes| (ArtifactDigest::of(bytes), Artifact(bytes.to_vec())))
            .collect();
        let lines = lines(asked, amended, &artifacts)?;
        Ok(lines.into_iter().map(|line| line.text + "\n").collect())
    }

    #[test]
    fn a_tighter_bound_and_another_text_are_both_shown() {
        let (asked, amended) = (b"DELETE FROM t;\n", b"DELETE FROM t WHERE id = 1;\n");
        let text = shown(&sql(asked, 1000), &sql(amended, 1), &[asked, amended]).unwrap();
        assert!(text.contains("asked: 1000\ncounter-proposed: 1"), "{text}");
        assert!(
            text.contains("-DELETE FROM t;\n+DELETE FROM t WHERE id = 1;"),
            "{text}"
        );
        assert_eq!(shown(&sql(asked, 1), &sql(asked, 1), &[]).unwrap(), "");
    }

    #[test]
    fn what_is_not_there_is_not_guessed() {
        let refused = shown(&sql(b"a", 1), &sql(b"b", 1), &[b"a"]);
        assert!(matches!(refused, Err(SheetError::Missing(_))));
    }
}
