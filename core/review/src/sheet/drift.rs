//! Drift as it stands on a sheet and in evidence: every row in words, secrets hidden.
//!
//! Evidence carries the record of its request, so that a program that compares otherwise can still build the sheet
//! that was signed.

use std::sync::Arc;

use countersign_protocol::action::ArtifactRef;
use countersign_protocol::approval::{ApprovalRequest, LastApproved};
use countersign_protocol::canonical::{self, EncodeError, ParseError};
use serde::{Deserialize, Serialize};

use super::{LineRole, MAX_SHEET_BYTES, Page, SheetError};
use crate::diff::structure::{Path, Written};
use crate::drift::{Drift, Standing};
use crate::findings::told;
use crate::secret::Masks;
use crate::text::{Untrusted, spans_to_string};

/// The most characters of one value that are shown; the documents themselves are named by their digests, and what
/// changes stands in the difference.
const LONGEST: usize = 4096;

/// How the approved, the live and the proposed state lie to each other, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Why nothing could be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
    /// Every path that is not the same in all three, the dangerous ones first.
    pub rows: Vec<Row>,
}

/// A state that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// Which.
    pub state: Untrusted,
    /// Why.
    pub why: Untrusted,
}

/// One path that is not the same in all three states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Where.
    pub path: Untrusted,
    /// What the proposal does to it.
    pub standing: Standing,
    /// The value that was approved last, where there was one.
    pub baseline: Option<Value>,
    /// The value that is live, where there is one.
    pub live: Option<Value>,
    /// The value proposed, where there is one.
    pub proposed: Option<Value>,
}

/// A value, secrets hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// It.
    pub text: Untrusted,
    /// Its line in its state, from 1.
    pub line: u32,
    /// How many characters more it has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Value {
    fn of(path: &Path, written: &Written) -> Self {
        let (text, more) = told(path, written, LONGEST);
        Self {
            text: text.into(),
            line: written.line,
            more: u64::try_from(more).unwrap_or(u64::MAX),
        }
    }

    /// The value as one line of printable characters.
    #[must_use]
    pub fn shown(&self, masks: &Masks) -> String {
        let text = spans_to_string(&masks.lexeme(self.text.bytes()));
        match self.more {
            0 => text,
            more => format!("{text}⟦{more} more characters⟧"),
        }
    }
}

impl From<&Drift> for Record {
    fn from(drift: &Drift) -> Self {
        let rows = match drift {
            Drift::Compared(rows) => rows.as_slice(),
            Drift::Unknown { state, why } => {
                return Self {
                    unread: Some(Unread {
                        state: (*state).into(),
                        why: why.as_str().into(),
                    }),
                    rows: Vec::new(),
                };
            }
        };
        let mut rows: Vec<Row> = rows
            .iter()
            .map(|row| {
                let value = |written: &Option<Written>| written.as_ref().map(|w| Value::of(&row.path, w));
                Row {
                    path: row.path.plain(),
                    standing: row.standing,
                    baseline: value(&row.baseline),
                    live: value(&row.live),
                    proposed: value(&row.proposed),
                }
            })
            .collect();
        rows.sort_by_key(|row| row.standing);
        Self { unread: None, rows }
    }
}

impl Record {
    /// The record as one document: what the request's `drift` is the digest of.
    ///
    /// # Errors
    /// [`EncodeError`] cannot happen for records of this program.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        canonical::to_bytes(self)
    }

    /// Reads the record of a request.
    ///
    /// # Errors
    /// [`ParseError`] names the place that is refused.
    pub fn read(bytes: &[u8]) -> Result<Self, ParseError> {
        canonical::parse_within(bytes, 4 * MAX_SHEET_BYTES)
    }
}

/// The part of the sheet that tells what became of the last approved state.
pub(super) fn section(
    page: &mut Page,
    request: &ApprovalRequest,
    record: Option<&Record>,
) -> Result<(), SheetError> {
    let Some(approved) = &request.approved else {
        return Ok(());
    };
    let rows = record.map_or(&[][..], |record| &record.rows);
    page.heading(&format!("drift from the last approved state ({})", rows.len()));
    match approved {
        LastApproved::Never {} => {
            page.field("last approved", "no approved state of this target is on record")?;
        }
        LastApproved::Document {
            request: earlier,
            ended_at,
            artifact: ArtifactRef { digest, length },
        } => {
            page.field(
                "last approved",
                &format!("by {earlier}, which had run at {ended_at}"),
            )?;
            page.field("approved document", &format!("{length} bytes, SHA-256 {digest}"))?;
            let same = request.baseline == Some(*digest);
            page.field(
                "live document",
                match (request.baseline, same) {
                    (None, _) => "not there",
                    (Some(_), true) => "as approved, byte for byte",
                    (Some(_), false) => "not as approved",
                },
            )?;
        }
        LastApproved::Removed {
            request: earlier,
            ended_at,
        } => {
            page.field(
                "last approved",
                &format!("to be removed, by {earlier}, which had run at {ended_at}"),
            )?;
        }
        LastApproved::Unread {
            request: earlier,
            ended_at,
            why,
        } => {
            page.field(
                "last approved",
                &format!("by {earlier}, which had run at {ended_at}"),
            )?;
            page.foreign("it could not be read", why.raw())?;
        }
    }
    let Some(record) = record else { return Ok(()) };
    if let Some(Unread { state, why }) = &record.unread {
        page.push(
            LineRole::Field,
            format!(
                "not compared: the {} state could not be read: {}",
                state.escaped(),
                page.masks.quoting(&why.escaped())
            ),
        )?;
    }
    record.rows.iter().try_for_each(|row| list(page, row))
}

fn list(page: &mut Page, row: &Row) -> Result<(), SheetError> {
    let Row {
        path,
        standing,
        baseline,
        live,
        proposed,
    } = row;
    let role = LineRole::Drift(*standing);
    let masks = Arc::clone(&page.masks);
    let path = masks.quoting(&path.escaped());
    page.push(role, format!("[{}] {path}", standing.id()))?;
    for (state, value) in [("approved", baseline), ("live", live), ("proposed", proposed)] {
        page.push(
            role,
            match value {
                Some(value) => format!("    {state}, line {}: {}", value.line, value.shown(&masks)),
                None => format!("    {state}: not there"),
            },
        )?;
    }
    Ok(())
}
