//! The single-use permission to one guard to run one request. It holds no credential.

use serde::{Deserialize, Serialize};

use crate::decision::SeenCheckpoint;
use crate::digest::{
    ActionDigest, DecisionDigest, DirectoryDigest, GrantDigest, KeyId, PolicyDigest, RequestDigest,
};
use crate::identity::{GuardId, RequestId, Role};
use crate::moment::Timestamp;
use crate::proposal::Nonce;
use crate::signed::{Predicate, Subject, Verified};

/// A grant statement, signed by the backend once every decision stands under a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The request.
    pub request: RequestId,
    /// The asking that was granted.
    pub request_digest: RequestDigest,
    /// The content that was granted.
    pub action_digest: ActionDigest,
    /// The one guard that may run it.
    pub guard: GuardId,
    /// That guard's key, which signed the proposal.
    pub guard_key: KeyId,
    /// The decisions it rests on, sorted.
    pub decisions: Vec<DecisionDigest>,
    /// The directory that was current.
    pub directory: DirectoryDigest,
    /// The policy that was current.
    pub policy: PolicyDigest,
    /// The checkpoint under which the request and all decisions stand.
    pub checkpoint: SeenCheckpoint,
    /// When it was given.
    pub issued_at: Timestamp,
    /// After this it is void.
    pub expires_at: Timestamp,
    /// Always 1.
    pub uses: One,
    /// Makes this grant unlike any other.
    pub nonce: Nonce,
}

/// The number one, and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct One;

impl TryFrom<u8> for One {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number == 1 {
            Ok(Self)
        } else {
            Err("only a single use can be granted")
        }
    }
}

impl From<One> for u8 {
    fn from(_: One) -> Self {
        1
    }
}

impl Predicate for Grant {
    const TYPE: &'static str = "https://countersign.dev/attestation/grant/v1";
    const ROLE: Role = Role::Backend;

    fn subject(&self) -> Subject {
        Subject::new(self.request.to_string(), *self.request_digest.sha256())
    }
}

impl Verified<Grant> {
    /// The digest that names this grant.
    #[must_use]
    pub const fn grant_digest(&self) -> GrantDigest {
        GrantDigest::new(*self.digest())
    }
}
