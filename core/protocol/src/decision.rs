//! A reviewer's signed decision.

use serde::{Deserialize, Serialize};

use crate::digest::{ActionDigest, DecisionDigest, RequestDigest, Sha256Digest, ViewDigest};
use crate::directory::DirectoryKey;
use crate::identity::{PersonId, Presence, RequestId, Role};
use crate::moment::Timestamp;
use crate::proposal::Nonce;
use crate::signed::{Predicate, Subject, Verified};
use crate::text::{Line, Prose};

/// A decision statement, signed by one reviewer's key. Policy gives verdicts, humans give decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The request.
    pub request: RequestId,
    /// The asking that was answered.
    pub request_digest: RequestDigest,
    /// The content that was answered.
    pub action_digest: ActionDigest,
    /// The sheet that was shown.
    pub view_digest: ViewDigest,
    /// The answer.
    pub verdict: Verdict,
    /// Why, in the reviewer's words.
    pub reason: Prose,
    /// Who answers; the key has to be this person's.
    pub reviewer: PersonId,
    /// What the person did to make the key sign; counts only as far as the directory allows for the key.
    pub presence: Presence,
    /// Where it was shown.
    pub surface: Surface,
    /// How much was on screen, as the console claims.
    pub attention: Attention,
    /// Whether it was made without a connection, from an exported file or a kept copy. It may then count for
    /// longer, as far as policy lets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offline: bool,
    /// Whether the reviewer had the request's masked secrets revealed, as the console claims.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revealed: bool,
    /// Whether the key's PIN or passphrase is remembered on the reviewer's machine, as the console says. Whoever could
    /// use that machine could sign, so such a decision proves no presence.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pin_remembered: bool,
    /// The log's checkpoint that the signer had verified.
    pub checkpoint: SeenCheckpoint,
    /// When it was signed, by the reviewer's clock.
    pub decided_at: Timestamp,
    /// After this it no longer counts.
    pub expires_at: Timestamp,
    /// Makes this decision unlike any other.
    pub nonce: Nonce,
}

impl Decision {
    /// The presence that counts: no more than the directory lets `key` prove, and none where its PIN is remembered.
    #[must_use]
    pub fn counted_presence(&self, key: &DirectoryKey) -> Presence {
        if self.pin_remembered {
            Presence::None
        } else {
            self.presence.min(key.presence)
        }
    }
}

/// The two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It may run.
    Approve,
    /// It may not.
    Deny,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

/// The program that showed the sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// `tui`, `desktop` or `command-line`.
    pub name: Line,
    /// The program's version.
    pub version: Line,
}

/// What was on screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Attention {
    /// Nothing is known: the decision came from a script.
    None,
    /// The console counted.
    Shown {
        /// Lines of the sheet that were on screen.
        lines: u32,
        /// Lines of the sheet in all.
        of_lines: u32,
        /// Seconds the request was open.
        seconds: u32,
    },
}

/// How much of a sheet was on screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// Nothing that is known: the decision came from a script.
    Nothing,
    /// Some of it.
    Part,
    /// All of it.
    Whole,
}

impl Attention {
    /// How much of a sheet of `sheet_lines` lines this claims to have shown. A claim about a sheet of another
    /// length is not about this one.
    #[must_use]
    pub fn of_sheet(&self, sheet_lines: usize) -> Shown {
        match self {
            Self::None => Shown::Nothing,
            Self::Shown { lines, of_lines, .. } => {
                let same = usize::try_from(*of_lines).is_ok_and(|of_lines| of_lines == sheet_lines);
                if same && lines >= of_lines {
                    Shown::Whole
                } else {
                    Shown::Part
                }
            }
        }
    }
}

/// The size and root hash of a log that somebody verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenCheckpoint {
    /// Leaves in the log.
    pub size: u64,
    /// Its Merkle root.
    pub root_hash: Sha256Digest,
}

impl Predicate for Decision {
    const TYPE: &'static str = "https://countersign.dev/attestation/decision/v1";
    const ROLE: Role = Role::Reviewer;

    fn subject(&self) -> Subject {
        Subject::new(self.request.to_string(), *self.request_digest.sha256())
    }
}

impl Verified<Decision> {
    /// The digest that names this decision.
    #[must_use]
    pub const fn decision_digest(&self) -> DecisionDigest {
        DecisionDigest::new(*self.digest())
    }
}
