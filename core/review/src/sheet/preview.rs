//! The sheet of something that nobody asked for yet: an action, or two states of a document.
//!
//! It is written by the same code as the sheet of a request, so that it shows what a reviewer of it would see of
//! the change itself. It has no request to show, its first line is another, and so its digest is never that of a
//! sheet that can be signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_protocol::action::{Action, Payload};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::kind::Kind;

use super::{LineRole, Page, Recorded, Sheet, SheetError, Shelf, change, header, list_findings};
use crate::findings::{Finding, severity};
use crate::secret::Masks;

/// The version of the form of a preview.
pub const PREVIEW_VERSION: &str = "countersign/preview/v1";

/// What is previewed.
#[derive(Debug, Clone, Copy)]
pub enum Preview<'a> {
    /// An action with its artifacts.
    Action {
        /// What would run.
        action: &'a Action,
        /// The bytes that it names.
        artifacts: &'a BTreeMap<ArtifactDigest, Artifact>,
    },
    /// Two states of a document, whichever exist.
    Document {
        /// What sort of change it is.
        kind: Kind,
        /// The state before.
        before: Option<&'a [u8]>,
        /// The state after.
        after: Option<&'a [u8]>,
    },
}

impl Sheet {
    /// Builds the sheet of something that nobody asked for.
    ///
    /// # Errors
    /// [`SheetError`] when anything cannot be shown whole.
    pub fn preview(preview: Preview<'_>, findings: &[Finding]) -> Result<Self, SheetError> {
        let recorded: Vec<Recorded> = findings.iter().map(Recorded::from).collect();
        // Without a key, so that the same bytes give the same text: masks tell the length alone.
        let masks = match preview {
            Preview::Action { action, artifacts } => Masks::of_actions(&[action], artifacts, None),
            Preview::Document { kind, before, after } => {
                let sides: Vec<&[u8]> = before.into_iter().chain(after).collect();
                Masks::of_documents(kind.id(), None, &sides)
            }
        };
        let sentence = sentence(preview, &masks);
        let mut page = Page::new(Arc::new(masks));
        page.heading(PREVIEW_VERSION);
        page.push(LineRole::Field, sentence.clone())?;
        page.field("severity", severity(findings).level())?;
        match preview {
            Preview::Action { action, artifacts } => {
                let Action {
                    kind,
                    environment,
                    target,
                    payload,
                } = action;
                page.field("kind", &format!("{kind} ({})", kind.title()))?;
                page.field("environment", environment.as_str())?;
                page.name("target", target.raw())?;
                if let Ok(digest) = action.digest() {
                    page.field("action", &digest.to_string())?;
                }
                list_findings(&mut page, &recorded)?;
                change::payload(&mut page, payload, &Shelf(artifacts))?;
            }
            Preview::Document { kind, before, after } => {
                page.field("kind", &format!("{kind} ({})", kind.title()))?;
                list_findings(&mut page, &recorded)?;
                change::document(&mut page, before, after)?;
            }
        }
        Ok(page.finish(sentence))
    }
}

fn sentence(preview: Preview<'_>, masks: &Masks) -> String {
    let (verb, what, place) = match preview {
        Preview::Action { action, .. } => (
            header::verb(&action.payload),
            masks.name(action.target.raw().as_bytes()),
            format!(" in {}", action.environment),
        ),
        Preview::Document { before, after, .. } => {
            let verb = match (before, after) {
                (None, _) => "create",
                (_, None) => "remove",
                _ => "change",
            };
            (verb, "a local document".to_owned(), String::new())
        }
    };
    format!("To {verb} {what}{place}: nobody asked for it yet, so nothing can be signed.")
}

/// Every document of a payload: what it is called, and its bytes before and after.
///
/// # Errors
/// [`SheetError`] when an artifact is not there or is another than it is named.
pub fn documents<'a>(
    payload: &'a Payload,
    artifacts: &'a BTreeMap<ArtifactDigest, Artifact>,
) -> Result<Vec<Sides<'a>>, SheetError> {
    let shelf = Shelf(artifacts);
    let after = |title: &'a [u8], artifact| {
        Ok(Sides {
            title,
            before: None,
            after: Some(shelf.take(artifact)?),
        })
    };
    match payload {
        Payload::FileChange(file) => {
            let side = |side: &Option<_>| side.as_ref().map(|artifact| shelf.take(artifact)).transpose();
            Ok(vec![Sides {
                title: file.path.as_bytes(),
                before: side(&file.before)?,
                after: side(&file.after)?,
            }])
        }
        Payload::Sql(sql) => Ok(vec![after(b"statement", &sql.statement)?]),
        Payload::Exec(exec) => {
            let stdin = exec.stdin.iter().map(|stdin| after(b"standard input", stdin));
            let operands = exec.operands.iter();
            stdin
                .chain(operands.map(|operand| after(operand.path.as_bytes(), &operand.content)))
                .collect()
        }
    }
}

/// A document of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides<'a> {
    /// What it is called, as it was given.
    pub title: &'a [u8],
    /// The state before, where there was one.
    pub before: Option<&'a [u8]>,
    /// The state after, where there is one.
    pub after: Option<&'a [u8]>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::analyze;

    fn of(before: Option<&str>, after: Option<&str>) -> Sheet {
        let (before, after) = (before.map(str::as_bytes), after.map(str::as_bytes));
        let kind = Kind::named("config-file").unwrap();
        let findings = analyze(kind.id(), before, after.unwrap_or_default());
        Sheet::preview(Preview::Document { kind, before, after }, &findings).unwrap()
    }

    #[test]
    fn a_preview_shows_the_change_and_says_that_nothing_can_be_signed() {
        let text = of(Some("a\nb\n"), Some("a\nc\n")).text().to_owned();
        assert!(text.starts_with("# countersign/preview/v1\n"), "{text}");
        assert!(
            text.contains("nothing can be signed") && text.contains("\n-b\n+c\n"),
            "{text}"
        );
    }

    #[test]
    fn the_digest_of_a_preview_moves_with_every_byte_and_with_nothing_else() {
        let digest = |before, after| of(before, after).view_digest();
        assert_eq!(digest(Some("a\n"), Some("b\n")), digest(Some("a\n"), Some("b\n")));
        assert_ne!(
            digest(Some("a\n"), Some("b\n")),
            digest(Some("a\n"), Some("b\r\n"))
        );
        assert_ne!(digest(None, Some("")), digest(Some(""), Some("")));
    }
}
