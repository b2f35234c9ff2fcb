//! What stands in the transparency log.
//!
//! A leaf is a small public record: what sort of thing happened to which opaque request, a salted commitment to
//! the envelope that says so, and when. Salts are kept beside the envelopes and can be erased with them. Hashing
//! and proofs follow RFC 6962 and C2SP tlog-tiles; they are computed in `countersign-verify` and the backend.

use serde::{Deserialize, Serialize};

use crate::canonical::{self, EncodeError, ParseError};
use crate::decision::SeenCheckpoint;
use crate::digest::{RootId, Sha256Digest};
use crate::identity::RequestId;
use crate::moment::Timestamp;
use crate::signed::Envelope;

/// The largest leaf, in bytes; C2SP tlog-tiles allows 65,535.
pub const MAX_LEAF_BYTES: usize = 1024;

/// The log's origin line and key name (C2SP tlog-checkpoint): one log for each organisation.
#[must_use]
pub fn origin(root: &RootId) -> String {
    format!("countersign.dev/log/{root}")
}

/// What sort of statement a leaf commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryType {
    /// A root.
    Root,
    /// A directory.
    Directory,
    /// A policy bundle.
    Policy,
    /// A request.
    Request,
    /// An approval.
    Approve,
    /// A denial.
    Deny,
    /// A denial with a counter-proposal.
    Amend,
    /// A withdrawal.
    Withdraw,
    /// A grant.
    Grant,
    /// A receipt.
    Receipt,
    /// A verdict that needed no human.
    Verdict,
}

/// One leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The version of this form.
    pub v: LeafVersion,
    /// What sort of statement it is.
    #[serde(rename = "type")]
    pub entry: EntryType,
    /// The request it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The salted commitment to the envelope.
    pub commitment: Commitment,
    /// When the backend took it in.
    pub at: Timestamp,
}

/// The version of the leaf's form: 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct LeafVersion;

impl TryFrom<u8> for LeafVersion {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number == 1 {
            Ok(Self)
        } else {
            Err("only version 1 of a leaf is known")
        }
    }
}

impl From<LeafVersion> for u8 {
    fn from(_: LeafVersion) -> Self {
        1
    }
}

/// The salt of a commitment: 32 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Salt(Sha256Digest);

impl Salt {
    /// Wraps random bytes of the caller.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(Sha256Digest::from_bytes(bytes))
    }
}

/// A salted commitment to an envelope. Says nothing of it without the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(Sha256Digest);

impl Commitment {
    /// Commits to `envelope`.
    ///
    /// # Errors
    /// [`EncodeError`] cannot happen for a well-formed envelope.
    pub fn to(envelope: &Envelope, salt: &Salt) -> Result<Self, EncodeError> {
        let digest = envelope.digest()?;
        Ok(Self(Sha256Digest::of_domain(
            "countersign/leaf/v1",
            &[salt.0.as_bytes(), digest.as_bytes()],
        )))
    }
}

impl Leaf {
    /// The leaf for an envelope.
    ///
    /// # Errors
    /// [`EncodeError`] cannot happen for a well-formed envelope.
    pub fn new(
        entry: EntryType,
        request: Option<RequestId>,
        envelope: &Envelope,
        salt: &Salt,
        at: Timestamp,
    ) -> Result<Self, EncodeError> {
        Ok(Self {
            v: LeafVersion,
            entry,
            request,
            commitment: Commitment::to(envelope, salt)?,
            at,
        })
    }

    /// The bytes that are hashed into the tree.
    ///
    /// # Errors
    /// [`EncodeError`] cannot happen for a well-formed leaf.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        canonical::to_bytes(self)
    }

    /// Reads a leaf.
    ///
    /// # Errors
    /// [`ParseError`] names the place that is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        canonical::parse_within(bytes, MAX_LEAF_BYTES)
    }
}

/// Leaves of the log, each with its inclusion proof under one signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSegment {
    /// The signed checkpoint (C2SP signed note).
    pub checkpoint: String,
    /// Leaves with rising indexes. From the request's own leaf to the last they have no gap.
    pub leaves: Vec<LoggedLeaf>,
}

/// A leaf with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedLeaf {
    /// Its index.
    pub index: u64,
    /// Its bytes as text.
    pub leaf: String,
    /// The inclusion proof (RFC 6962 section 2.1.1), from the leaf up.
    pub proof: Vec<Sha256Digest>,
}

/// A proof that a checkpoint somebody saw is a prefix of the segment's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// The older checkpoint.
    pub from: SeenCheckpoint,
    /// The proof (RFC 6962 section 2.1.2).
    pub proof: Vec<Sha256Digest>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(byte: u8) -> Envelope {
        Envelope {
            payload_type: "t".into(),
            payload: vec![byte],
            signatures: vec![],
        }
    }

    #[test]
    fn a_commitment_hides_and_binds() {
        let salt = |byte| Salt::from_random([byte; 32]);
        let one = Commitment::to(&envelope(1), &salt(1)).unwrap();
        assert_eq!(one, Commitment::to(&envelope(1), &salt(1)).unwrap());
        assert_ne!(one, Commitment::to(&envelope(2), &salt(1)).unwrap());
        assert_ne!(one, Commitment::to(&envelope(1), &salt(2)).unwrap());
    }

    #[test]
    fn a_leaf_is_read_back_and_no_other_version_is() {
        let leaf = Leaf::new(
            EntryType::Deny,
            None,
            &envelope(1),
            &Salt::from_random([0; 32]),
            Timestamp::from_millis(5),
        )
        .unwrap();
        let bytes = leaf.to_bytes().unwrap();
        assert_eq!(Leaf::from_bytes(&bytes).unwrap(), leaf);
        let newer = String::from_utf8(bytes).unwrap().replace("\"v\":1", "\"v\":2");
        assert!(Leaf::from_bytes(newer.as_bytes()).is_err());
    }
}
