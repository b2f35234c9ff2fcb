//! What a counter-proposal changes about what was asked.
//!
//! Shown to its author before it is signed and to the agent before it is accepted. It is no sheet: what the next
//! reviewer reads and signs is the sheet of the new request.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_protocol::action::{Action, ArtifactRef, Exec, Payload};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;

use super::change::difference;
use super::{Page, SheetError, SheetLine, Shelf};
use crate::secret::Masks;
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
    // A counter-proposal has no key of its own: its masks tell the length alone.
    let mut page = Page::new(Arc::new(Masks::of_actions(&[asked, amended], artifacts, None)));
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
    let argv: Vec<&[u8]> = asked
        .argv
        .iter()
        .map(countersign_protocol::text::OsBytes::as_bytes)
        .collect();
    let mut kept = amended.argv.iter().peekable();
    for (index, word) in asked.argv.iter().enumerate() {
        if kept.next_if(|next| *next == word).is_none() {
            let shown = page.masks.argument(&argv, index);
            page.field("argument left out", &shown)?;
        }
    }
    let mut kept = amended.env.iter().peekable();
    for variable in &asked.env {
        if kept.next_if(|next| *next == variable).is_none() {
            let (name, value) = (variable.name.as_bytes(), variable.value.as_bytes());
            let shown = format!("{}={}", page.masks.name(name), page.masks.variable(name, value));
            page.field("variable left out", &shown)?;
        }
    }
    changed(page, "standard input", asked.stdin, amended.stdin, shelf)?;
    for operand in &asked.operands {
        let same = amended.operands.iter().find(|other| other.path == operand.path);
        let title = format!("file {}", Untrusted::from(operand.path.as_bytes()).escaped());
        let (before, after) = (Some(operand.content), same.map(|operand| operand.content));
        changed(page, &title, before, after, shelf)?;
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
    fn secrets_of_either_side_are_masked() {
        let (asked, amended) = (
            b"ALTER ROLE app PASSWORD 'oldpw-9d8f7a6b5c';\n",
            b"ALTER ROLE app PASSWORD 'newpw-1a2b3c4d5e';\n",
        );
        let text = shown(&sql(asked, 1), &sql(amended, 1), &[asked, amended]).unwrap();
        assert!(text.contains("\u{27e6}secret: 16 characters\u{27e7}"), "{text}");
        assert!(
            !text.contains("9d8f7a6b5c") && !text.contains("1a2b3c4d5e"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_there_is_not_guessed() {
        let refused = shown(&sql(b"a", 1), &sql(b"b", 1), &[b"a"]);
        assert!(matches!(refused, Err(SheetError::Missing(_))));
    }
}
