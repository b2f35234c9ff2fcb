//! Bodies of the backend's HTTP API, version 1.
//!
//! | method and path | body → answer | who |
//! |---|---|---|
//! | `GET /v1/trust` | → [`TrustDocument`] | anyone |
//! | `POST /v1/trust/root`, `/directory`, `/policy` | [`EnvelopeBody`] → 204 | whoever has the owners' signatures |
//! | `POST /v1/proposals` | [`ProposeBody`] → [`RequestRecord`] | guard |
//! | `POST /v1/verdicts` | [`VerdictBatch`] → 204 | guard |
//! | `GET /v1/requests?state=&agent=&after=&since=&limit=` | → [`RequestPage`] | person, guard (its own) |
//! | `GET /v1/requests/{id}` | → [`RequestRecord`] | person, guard (its own) |
//! | `POST /v1/requests/{id}/decisions` | [`EnvelopeBody`] → [`RequestRecord`] | person |
//! | `POST /v1/requests/{id}/amendment` | [`AmendBody`] → [`RequestRecord`] | person |
//! | `POST /v1/requests/{id}/withdrawal` | [`EnvelopeBody`] → [`RequestRecord`] | guard |
//! | `GET /v1/requests/{id}/talk` | → [`Talk`](crate::talk::Talk) | person, guard (its own) |
//! | `POST /v1/requests/{id}/questions` | [`AskBody`](crate::talk::AskBody) → [`Talk`](crate::talk::Talk) | person |
//! | `POST /v1/requests/{id}/questions/{n}/answer` | [`AnswerBody`](crate::talk::AnswerBody) → [`Talk`](crate::talk::Talk) | guard |
//! | `PUT`, `DELETE /v1/requests/{id}/looking` | empty → 204 | person |
//! | `POST /v1/requests/{id}/grant` | empty → [`RequestRecord`] | guard |
//! | `POST /v1/requests/{id}/start` | [`StartBody`] → 204 | guard |
//! | `POST /v1/requests/{id}/receipt` | [`EnvelopeBody`] → [`RequestRecord`] | guard |
//! | `POST /v1/requests/{id}/reveals` | [`RevealBody`](crate::reveal::RevealBody) → [`Reveals`](crate::reveal::Reveals) | person |
//! | `GET /v1/watch` | → server-sent [`Change`]s, resumed by `Last-Event-ID`; to people also [`Looking`](crate::talk::Looking) | person, guard |
//! | `GET /log/checkpoint`, `/log/tile/…` | C2SP tlog-tiles | anyone |
//! | `GET /v1/log/consistency?from=N&to=M` | → [`ConsistencyAnswer`] | anyone |
//!
//! Requests are authenticated as [`crate::authn`] says. Problems are RFC 9457 documents ([`Problem`]).

use serde::{Deserialize, Serialize};

use crate::bundle::{Artifact, Evidence};
use crate::digest::{GrantDigest, Sha256Digest};
use crate::identity::{PersonId, RequestId};
use crate::moment::Timestamp;
use crate::request::Phase;
use crate::reveal::Reveal;
use crate::signed::Envelope;
use crate::talk::Remark;

/// The largest request body, in bytes.
pub const MAX_BODY_BYTES: usize = 48 * 1024 * 1024;
/// The media type of a problem document.
pub const PROBLEM_TYPE: &str = "application/problem+json";
/// The most rows of a page.
pub const MAX_PAGE: u32 = 500;

/// What a new member fetches to be able to check everything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustDocument {
    /// The roots, from the first on.
    pub roots: Vec<Envelope>,
    /// The newest directory.
    pub directory: Envelope,
    /// The newest policy bundle.
    pub policy: Envelope,
    /// The log's origin line.
    pub log_origin: String,
}

/// One envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeBody {
    /// It.
    pub envelope: Envelope,
}

/// An amendment with the artifacts that the amended action names and the request's own does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmendBody {
    /// The signed amendment.
    pub amendment: Envelope,
    /// What it brings along.
    pub artifacts: Vec<Artifact>,
}

/// A proposal with its artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposeBody {
    /// The signed proposal.
    pub proposal: Envelope,
    /// Every artifact that the action names.
    pub artifacts: Vec<Artifact>,
}

/// Verdicts that needed no human.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictBatch {
    /// Signed verdict records with their proposals.
    pub records: Vec<VerdictItem>,
}

/// One verdict with its proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictItem {
    /// The signed proposal.
    pub proposal: Envelope,
    /// The signed record.
    pub record: Envelope,
}

/// The guard says that it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartBody {
    /// The grant it holds.
    pub grant: GrantDigest,
}

/// A request as the backend sees it, with the evidence to check that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRecord {
    /// Where it stands, as the backend says.
    pub phase: Phase,
    /// Rises with every change; the id of the event in `/v1/watch`.
    pub change: u64,
    /// The chain as far as it goes.
    pub evidence: Evidence,
    /// What people asked and the agent answered. It stands beside the evidence: nobody signed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub talk: Vec<Remark>,
    /// The request that came of its counter-proposal, as the backend says; that one's own evidence proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<RequestId>,
    /// Who had masked secrets revealed, when and why. It stands beside the evidence as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveals: Vec<Reveal>,
}

/// One row of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRow {
    /// The request.
    pub id: RequestId,
    /// Where it stands, as the backend says.
    pub phase: Phase,
    /// Rises with every change.
    pub change: u64,
    /// The signed request.
    pub request: Envelope,
    /// Who approved so far.
    pub approved_by: Vec<PersonId>,
    /// Who has it open on a screen now, as the backend says. Guards are not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looking: Vec<PersonId>,
    /// Who decided so far, as the backend says, whether it still counts or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// Who decided a request, and when the last of them did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// When the newest decision was made.
    pub at: Timestamp,
    /// Everybody who approved or denied.
    pub by: Vec<PersonId>,
}

/// A page of the queue: newest first; asked for with `since`, in the order of the changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestPage {
    /// Rows.
    pub requests: Vec<RequestRow>,
    /// Ask again with `after`, or with `since`, set to this for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The newest change when the page was read: what came later is found with `since` set to this.
    #[serde(default)]
    pub change: u64,
}

/// A change, as `/v1/watch` sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Rises with every change; the event's id.
    pub change: u64,
    /// What changed.
    pub subject: ChangeSubject,
    /// When.
    pub at: Timestamp,
}

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ChangeSubject {
    /// A request.
    Request {
        /// Its id.
        id: RequestId,
        /// Its phase now.
        phase: Phase,
    },
    /// Root, directory or policy.
    Trust,
    /// More stands under the log's checkpoint.
    Log {
        /// The new size.
        size: u64,
    },
}

/// A consistency proof between two sizes of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyAnswer {
    /// The proof (RFC 6962 section 2.1.2).
    pub proof: Vec<Sha256Digest>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable URN: `urn:countersign:problem:CODE`.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// The problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Problem {
    /// A problem by its stable code.
    #[must_use]
    pub fn new(code: &str, title: &str, status: u16, detail: impl Into<String>) -> Self {
        Self {
            problem_type: format!("urn:countersign:problem:{code}"),
            title: title.to_owned(),
            status,
            detail: Some(detail.into()),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.problem_type
            .strip_prefix("urn:countersign:problem:")
            .unwrap_or(&self.problem_type)
    }
}
