//! Counter-proposals: from what a person wants instead to a signed amendment in the log.
//!
//! A draft is derived from the verified request, never from what an agent or a screen says, and is shown as the
//! difference to what was asked before anything is signed. The rest is the way of a decision ([`crate::decide`]):
//! derived again, kept durably, sent, proven to be logged.

use std::collections::{BTreeMap, BTreeSet};

use countersign_protocol::action::{Action, ArtifactRef, Exec, Payload};
use countersign_protocol::amendment::{AmendmentError, check_narrower};
use countersign_protocol::bundle::{Artifact, Evidence};
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{ActionDigest, ArtifactDigest};
use countersign_protocol::moment::Timestamp;
use countersign_review::sheet::{SheetError, SheetLine, amended};
use countersign_verify::Chain;

use crate::decide::{CallingOff, DecideError, Instead, Intent, Sent, perform};
use crate::inbox::{Inbox, Opened};
use crate::keys::Secret;

/// What a person wants instead of what was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The text that is to stand in place of the one asked: a document's new content, a script, a standard input.
    pub text: Option<Vec<u8>>,
    /// The most rows that a statement may change.
    pub max_rows: Option<u64>,
    /// Arguments of a process to leave out, by their index.
    pub without: Vec<u32>,
    /// After this nothing is to come of it.
    pub until: Option<Timestamp>,
}

/// A counter-proposal that is not signed yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What could be asked instead.
    pub action: Action,
    /// That action's name.
    pub action_digest: ActionDigest,
    /// After this nothing can come of it.
    pub until: Timestamp,
    /// The bytes that it brings along.
    pub artifacts: Vec<Artifact>,
    /// What it changes about what was asked, line by line, printable.
    pub difference: Vec<SheetLine>,
}

/// Why there is no counter-proposal.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// It is refused.
    #[error(transparent)]
    Amendment(#[from] AmendmentError),
    /// Its difference cannot be shown.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// It does not fit what was asked.
    #[error("{0}")]
    Unfit(&'static str),
}

/// What was asked, as far as a counter-proposal needs it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The action.
    pub action: Action,
    /// When the request expires.
    pub expires_at: Timestamp,
    /// The bytes that the action names.
    pub artifacts: BTreeMap<ArtifactDigest, Artifact>,
}

impl Asked {
    /// Takes it from a verified request.
    #[must_use]
    pub fn of(chain: &Chain, evidence: &Evidence) -> Self {
        let named = chain.proposal.action.artifacts();
        let held = |artifact: &ArtifactRef| {
            let bytes = evidence.artifacts.get(&artifact.digest)?;
            Some((artifact.digest, bytes.clone()))
        };
        Self {
            action: chain.proposal.action.clone(),
            expires_at: chain.request.expires_at,
            artifacts: named.iter().filter_map(held).collect(),
        }
    }

    /// The text that a person can rewrite.
    #[must_use]
    pub fn text(&self) -> Option<&[u8]> {
        let named = match &self.action.payload {
            Payload::FileChange(change) => change.after,
            Payload::Sql(sql) => Some(sql.statement),
            Payload::Exec(exec) => exec.stdin,
        }?;
        let bytes = self.artifacts.get(&named.digest)?;
        named.names(&bytes.0).then_some(bytes.0.as_slice())
    }

    /// The most rows that it may change, where it has such a bound.
    #[must_use]
    pub const fn max_rows(&self) -> Option<u64> {
        match &self.action.payload {
            Payload::Sql(sql) => Some(sql.max_rows),
            Payload::FileChange(_) | Payload::Exec(_) => None,
        }
    }
}

/// Drafts a counter-proposal. Pure.
///
/// # Errors
/// [`DraftError`] when it would be none, or something else than less.
pub fn draft(asked: &Asked, wanted: &Wanted) -> Result<Draft, DraftError> {
    let mut action = asked.action.clone();
    let text = wanted.text.as_ref().map(|text| ArtifactRef::of(text));
    rewrite(&mut action.payload, wanted, text)?;
    action.check().map_err(AmendmentError::from)?;
    check_narrower(&asked.action, &action)?;
    let until = wanted
        .until
        .map_or(asked.expires_at, |until| until.min(asked.expires_at));
    if action == asked.action && until == asked.expires_at {
        return Err(AmendmentError::Nothing.into());
    }
    let mut artifacts = asked.artifacts.clone();
    let brought: Vec<Artifact> = match (&wanted.text, text) {
        (Some(bytes), Some(named)) if !asked.action.artifacts().contains(&named) => {
            artifacts.insert(named.digest, Artifact(bytes.clone()));
            vec![Artifact(bytes.clone())]
        }
        _ => Vec::new(),
    };
    Ok(Draft {
        action_digest: action
            .digest()
            .map_err(|_| DraftError::Unfit("the amended action cannot be digested"))?,
        difference: amended::lines(&asked.action, &action, &artifacts)?,
        action,
        until,
        artifacts: brought,
    })
}

fn rewrite(payload: &mut Payload, wanted: &Wanted, text: Option<ArtifactRef>) -> Result<(), DraftError> {
    if wanted.max_rows.is_some() && !matches!(payload, Payload::Sql(_)) {
        return Err(DraftError::Unfit("only a database statement has a bound of rows"));
    }
    if !wanted.without.is_empty() && !matches!(payload, Payload::Exec(_)) {
        return Err(DraftError::Unfit("only a process has arguments to leave out"));
    }
    match payload {
        Payload::FileChange(change) => {
            if text.is_some() && change.after.is_none() {
                return Err(DraftError::Unfit(
                    "the document is to be removed; there is no content to rewrite",
                ));
            }
            change.after = text.or(change.after);
        }
        Payload::Sql(sql) => {
            sql.statement = text.unwrap_or(sql.statement);
            sql.max_rows = wanted.max_rows.unwrap_or(sql.max_rows);
        }
        Payload::Exec(exec) => {
            if text.is_some() && exec.stdin.is_none() {
                return Err(DraftError::Unfit(
                    "the process reads no standard input; there is no text to rewrite",
                ));
            }
            exec.stdin = text.or(exec.stdin);
            leave_out(exec, &wanted.without)?;
        }
    }
    Ok(())
}

/// Leaves arguments out; the files they name go with them.
fn leave_out(exec: &mut Exec, without: &[u32]) -> Result<(), DraftError> {
    let without: BTreeSet<u32> = without.iter().copied().collect();
    let out = |index: usize| {
        without
            .iter()
            .any(|left| usize::try_from(*left).is_ok_and(|left| left == index))
    };
    if out(0) {
        return Err(DraftError::Unfit("the program's own name cannot be left out"));
    }
    if without
        .iter()
        .any(|left| usize::try_from(*left).map_or(true, |left| left >= exec.argv.len()))
    {
        return Err(DraftError::Unfit("there is no argument of that index"));
    }
    let mut operands = std::mem::take(&mut exec.operands);
    operands.retain(|operand| !without.contains(&operand.argument));
    for operand in &mut operands {
        let before = without.iter().filter(|left| **left < operand.argument).count();
        operand.argument -= u32::try_from(before).unwrap_or_default();
    }
    exec.operands = operands;
    let mut index = 0;
    exec.argv.retain(|_| {
        index += 1;
        !out(index - 1)
    });
    Ok(())
}

/// The same as [`amend_unless`], with nobody who calls it off.
///
/// # Errors
/// [`DecideError`] says why nothing was signed, or what is wrong after it was.
pub async fn amend(
    inbox: &Inbox,
    intent: Intent,
    wanted: Wanted,
    drafted: Option<ActionDigest>,
    secret: Secret,
    report: impl Fn() + Send,
) -> Result<Sent, DecideError> {
    let nobody = CallingOff::default();
    amend_unless(inbox, intent, wanted, drafted, secret, &nobody, report).await
}

/// Fetches, derives everything again, and lets `report` know when the signature was made.
///
/// `drafted` is the amended action that was shown; nothing is signed when it is another one by now.
///
/// # Errors
/// [`DecideError`] says why nothing was signed, or what is wrong after it was.
pub async fn amend_unless(
    inbox: &Inbox,
    intent: Intent,
    wanted: Wanted,
    drafted: Option<ActionDigest>,
    secret: Secret,
    calling_off: &CallingOff,
    report: impl Fn() + Send,
) -> Result<Sent, DecideError> {
    if intent.verdict != Verdict::Deny {
        return Err(DraftError::Unfit("a counter-proposal is a denial of what was asked").into());
    }
    perform(
        inbox,
        intent,
        secret,
        calling_off,
        report,
        |opened: &Opened, chain: &Chain| {
            let draft = draft(&Asked::of(chain, &opened.record.evidence), &wanted)?;
            if drafted.is_some_and(|seen| seen != draft.action_digest) {
                return Err(DecideError::Stale("the counter-proposal"));
            }
            Ok(Some(Instead {
                action: draft.action,
                until: draft.until,
                artifacts: draft.artifacts,
            }))
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::action::{Dialect, Operand, Sql};
    use countersign_protocol::kind::Kind;
    use countersign_protocol::text::{Line, OsBytes};

    fn asked(kind: &str, payload: Payload, bytes: &[&[u8]]) -> Asked {
        Asked {
            action: Action {
                kind: Kind::named(kind).unwrap(),
                environment: "production".parse().unwrap(),
                target: Line::new("x://y").unwrap(),
                payload,
            },
            expires_at: Timestamp::from_millis(10_000),
            artifacts: bytes
                .iter()
                .map(|bytes| (ArtifactDigest::of(bytes), Artifact(bytes.to_vec())))
                .collect(),
        }
    }

    fn sql() -> Asked {
        let payload = Payload::Sql(Sql {
            dialect: Dialect::Sqlite,
            database: Line::new("main").unwrap(),
            statement: ArtifactRef::of(b"DELETE FROM t\n"),
            max_rows: 100,
        });
        asked("sql", payload, &[b"DELETE FROM t\n"])
    }

    fn exec() -> Asked {
        let payload = Payload::Exec(Exec {
            binary: OsBytes::new("/bin/tool"),
            binary_digest: ArtifactRef::of(b"ELF"),
            argv: ["tool", "--all", "--force", "plan"].map(OsBytes::new).to_vec(),
            cwd: OsBytes::new("/srv"),
            env: vec![],
            stdin: None,
            operands: vec![Operand {
                argument: 3,
                path: OsBytes::new("/srv/plan"),
                content: ArtifactRef::of(b"plan"),
            }],
        });
        asked("exec", payload, &[b"plan"])
    }

    #[test]
    fn bound_text_and_life_can_be_narrowed() {
        let asked = sql();
        let draft = |wanted: Wanted| draft(&asked, &wanted);
        let fewer = draft(Wanted {
            max_rows: Some(5),
            ..Wanted::default()
        })
        .unwrap();
        assert!(
            fewer
                .difference
                .iter()
                .any(|line| line.text == "counter-proposed: 5")
        );
        assert!(fewer.artifacts.is_empty());
        let shorter = draft(Wanted {
            until: Some(Timestamp::from_millis(5_000)),
            ..Wanted::default()
        })
        .unwrap();
        assert_eq!(
            (shorter.until.millis(), shorter.action == asked.action),
            (5_000, true)
        );
        let other = draft(Wanted {
            text: Some(b"DELETE FROM t WHERE id = 1\n".to_vec()),
            ..Wanted::default()
        })
        .unwrap();
        assert_eq!(other.artifacts.len(), 1);
        assert!(draft(Wanted::default()).is_err());
        let more = Wanted {
            max_rows: Some(101),
            ..Wanted::default()
        };
        assert!(draft(more).is_err());
    }

    #[test]
    fn arguments_left_out_take_their_files_with_them() {
        let leave = |without: &[u32]| {
            let wanted = Wanted {
                without: without.to_vec(),
                ..Wanted::default()
            };
            draft(&exec(), &wanted).map(|draft| draft.action.payload)
        };
        let Payload::Exec(less) = leave(&[2, 2]).unwrap() else {
            panic!("another payload")
        };
        assert_eq!((less.argv.len(), less.operands[0].argument), (3, 2));
        let Payload::Exec(without_file) = leave(&[3]).unwrap() else {
            panic!("another payload")
        };
        assert!(without_file.operands.is_empty());
        assert!(leave(&[0]).is_err());
        assert!(leave(&[4]).is_err());
    }
}
