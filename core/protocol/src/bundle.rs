//! The evidence of one request: the whole chain in one document.
//!
//! The same document passes from the backend to consoles and guards while a request lives, and is the evidence
//! bundle that anyone verifies offline afterwards. It vouches for nothing: trust comes from the pinned root.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::{self, ParseError};
use crate::digest::ArtifactDigest;
use crate::log::{ConsistencyProof, LogSegment, Salt};
use crate::signed::{Envelope, base64_bytes};

/// The schema name of an evidence bundle.
pub const SCHEMA: &str = "countersign/evidence/v1";
/// The largest bundle that is read, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 96 * 1024 * 1024;

/// The evidence of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// [`SCHEMA`].
    pub schema: String,
    /// The roots, from the first on.
    pub roots: Vec<Envelope>,
    /// The directory of the request first, then every newer one in order.
    pub directories: Vec<Logged>,
    /// The policy bundle of the request first, then every newer one in order.
    pub policies: Vec<Logged>,
    /// What the guard proposed.
    pub proposal: Envelope,
    /// The chain of amendments that the proposal follows from, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amended: Vec<AmendedRequest>,
    /// What the backend held.
    pub request: Logged,
    /// What reviewers decided, in the order they came.
    pub decisions: Vec<Logged>,
    /// The amendment, if a reviewer denied it with a counter-proposal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amendment: Option<Logged>,
    /// The withdrawal, if it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawal: Option<Logged>,
    /// The grant, once given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Logged>,
    /// The receipt, once it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Logged>,
    /// The artifacts of the action and of an amended one, and the findings of the request as the document that its digest names.
    pub artifacts: BTreeMap<ArtifactDigest, Artifact>,
    /// The log from the request's leaf on; absent while the request is not yet logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogSegment>,
    /// Proofs that the signers' checkpoints are prefixes of this log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consistency: Vec<ConsistencyProof>,
}

/// A request that was amended, with what amended it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmendedRequest {
    /// What the guard proposed.
    pub proposal: Envelope,
    /// What the backend held.
    pub request: Envelope,
    /// What a reviewer answered.
    pub amendment: Logged,
}

/// An envelope with what opens its commitment in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logged {
    /// The envelope.
    pub envelope: Envelope,
    /// The salt of its commitment.
    pub salt: Salt,
    /// Its index in the log; absent while it is committed but not yet logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
}

/// An artifact's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Artifact(#[serde(with = "base64_bytes")] pub Vec<u8>);

impl Evidence {
    /// Reads a bundle. Nothing in it is believed yet.
    ///
    /// # Errors
    /// [`ParseError`] names the place that is refused.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ParseError> {
        let evidence: Self = canonical::parse_within(bytes, MAX_BUNDLE_BYTES)?;
        if evidence.schema == SCHEMA {
            Ok(evidence)
        } else {
            Err(ParseError::Refused {
                place: "/schema".to_owned(),
                problem: format!("this program reads `{SCHEMA}`"),
            })
        }
    }
}
