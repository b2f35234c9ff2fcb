//! The signed policy bundle: Cedar policies, freezes and limits.
//!
//! Policy owners sign it. What the policies mean is `countersign-policy`'s business; here they are bytes with a
//! version and an expiry.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::digest::{PolicyDigest, RootId};
use crate::identity::{EnvironmentId, Role};
use crate::moment::Timestamp;
use crate::root::TrustedRoot;
use crate::signed::{Envelope, Predicate, SignatureError, Signed, Subject, Verified};
use crate::text::{Bounded, Line};

/// The Cedar schema that bundles are written against.
pub const SCHEMA_VERSION: &str = "countersign/cedar/v1";

/// A policy bundle statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBundle {
    /// The organisation.
    pub root: RootId,
    /// One more each time; a lower one than was seen before is refused.
    pub version: u64,
    /// When it was made.
    pub issued_at: Timestamp,
    /// After this it is refused.
    pub expires_at: Timestamp,
    /// The schema the policies were written against: [`SCHEMA_VERSION`].
    pub schema: Line,
    /// Cedar policy files.
    pub policies: Vec<PolicyFile>,
    /// Times in which policies may hold changes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<Freeze>,
    /// Bounds that are no policy question.
    pub limits: Limits,
}

/// One Cedar file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// Its name, for messages.
    pub name: Line,
    /// Its text.
    pub text: Bounded<1_048_576>,
}

/// A change freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Where.
    pub environment: EnvironmentId,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub reason: Line,
}

/// Bounds on time and amount. All durations in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How long a request waits for decisions.
    pub request_seconds: u32,
    /// How long an approval counts.
    pub decision_seconds: u32,
    /// How long an approval counts that was made without a connection, and had to travel.
    #[serde(default = "one_day")]
    pub offline_decision_seconds: u32,
    /// How long a grant may be used.
    pub grant_seconds: u32,
    /// How far two clocks may differ.
    pub skew_seconds: u32,
    /// How many requests an agent may have open.
    pub open_per_agent: u32,
    /// How many an agent may propose in an hour.
    pub proposals_per_hour: u32,
    /// How many bytes of artifacts a request may put before a reviewer.
    pub reviewable_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_seconds: 8 * 3600,
            decision_seconds: 1800,
            offline_decision_seconds: one_day(),
            grant_seconds: 300,
            skew_seconds: 60,
            open_per_agent: 50,
            proposals_per_hour: 600,
            reviewable_bytes: 8 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// How far two clocks may differ.
    #[must_use]
    pub fn skew(&self) -> Duration {
        Duration::from_secs(self.skew_seconds.into())
    }

    /// How long an approval counts; longer where it was made without a connection.
    #[must_use]
    pub fn decision_life(&self, offline: bool) -> Duration {
        let seconds = if offline {
            self.offline_decision_seconds.max(self.decision_seconds)
        } else {
            self.decision_seconds
        };
        Duration::from_secs(seconds.into())
    }
}

const fn one_day() -> u32 {
    24 * 3600
}

impl Predicate for PolicyBundle {
    const TYPE: &'static str = "https://countersign.dev/attestation/policy/v1";
    const ROLE: Role = Role::PolicyOwner;

    fn subject(&self) -> Subject {
        Subject::new("root", *self.root.sha256())
    }
}

/// Why a bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not signed by its owners, or not readable.
    #[error("policy bundle: {0}")]
    Signature(#[from] SignatureError),
    /// For another organisation.
    #[error("policy bundle is of another organisation")]
    OtherRoot,
    /// Older than one seen before.
    #[error(
        "policy bundle version {found} is older than version {seen} seen before; ask the owners for the newest"
    )]
    Older {
        /// The version given.
        found: u64,
        /// The highest seen.
        seen: u64,
    },
    /// Run out.
    #[error("policy bundle version {version} expired at {at}; a policy owner has to sign a new one")]
    Expired {
        /// The version.
        version: u64,
        /// When.
        at: Timestamp,
    },
    /// Written against a schema this program does not know.
    #[error("policy bundle is written against schema `{found}`; this program knows `countersign/cedar/v1`")]
    UnknownSchema {
        /// The schema it names.
        found: String,
    },
}

/// A bundle that was checked against the root. Its policies are not yet loaded.
#[derive(Debug, Clone)]
pub struct TrustedBundle(Verified<PolicyBundle>);

impl TrustedBundle {
    /// Accepts a bundle that its owners signed and that is not older than `seen`. Whether it has expired is
    /// asked apart, since evidence is judged as of its own time.
    ///
    /// # Errors
    /// [`BundleError`] says why not.
    pub fn accept(root: &TrustedRoot, envelope: &Envelope, seen: u64) -> Result<Self, BundleError> {
        let signed = Signed::<PolicyBundle>::from(envelope.clone());
        let bundle = signed.verify_threshold(root, root.threshold(Role::PolicyOwner))?;
        if bundle.root != *root.id() {
            return Err(BundleError::OtherRoot);
        }
        if bundle.version < seen {
            return Err(BundleError::Older {
                found: bundle.version,
                seen,
            });
        }
        if bundle.schema.raw() != SCHEMA_VERSION {
            return Err(BundleError::UnknownSchema {
                found: bundle.schema.raw().to_owned(),
            });
        }
        Ok(Self(bundle))
    }

    /// Refuses when it has run out.
    ///
    /// # Errors
    /// [`BundleError::Expired`].
    pub fn check_fresh(&self, now: Timestamp) -> Result<(), BundleError> {
        let (version, at) = (self.0.version, self.0.expires_at);
        if now < at {
            Ok(())
        } else {
            Err(BundleError::Expired { version, at })
        }
    }

    /// Its digest, as requests bind it.
    #[must_use]
    pub fn digest(&self) -> PolicyDigest {
        PolicyDigest::new(*self.0.digest())
    }

    /// The envelope it came in.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        self.0.envelope()
    }

    /// Whether a freeze holds in `environment` at `now`.
    #[must_use]
    pub fn frozen(&self, environment: &EnvironmentId, now: Timestamp) -> bool {
        self.0
            .freezes
            .iter()
            .any(|freeze| freeze.environment == *environment && freeze.from <= now && now < freeze.until)
    }
}

impl std::ops::Deref for TrustedBundle {
    type Target = PolicyBundle;

    fn deref(&self) -> &PolicyBundle {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::tests::{line, sample};
    use crate::signed::tests::TestKey;

    fn bundle(root: &TrustedRoot) -> PolicyBundle {
        PolicyBundle {
            root: *root.id(),
            version: 2,
            issued_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(100),
            schema: line(SCHEMA_VERSION),
            policies: vec![],
            freezes: vec![Freeze {
                environment: "production".parse().unwrap(),
                from: Timestamp::from_millis(10),
                until: Timestamp::from_millis(20),
                reason: line("holidays"),
            }],
            limits: Limits::default(),
        }
    }

    fn accept(
        root: &TrustedRoot,
        bundle: &PolicyBundle,
        seed: u8,
        seen: u64,
    ) -> Result<TrustedBundle, BundleError> {
        let envelope = Signed::seal(bundle, &[&TestKey::new(seed)])
            .unwrap()
            .into_envelope();
        TrustedBundle::accept(root, &envelope, seen)
    }

    #[test]
    fn is_accepted_from_policy_owners_only() {
        let (root, _) = sample();
        assert!(accept(&root, &bundle(&root), 101, 0).is_ok());
        // The directory owner's key is in the root, but not for this.
        assert!(matches!(
            accept(&root, &bundle(&root), 51, 0),
            Err(BundleError::Signature(_))
        ));
    }

    #[test]
    fn an_older_expired_or_foreign_one_is_refused() {
        let (root, _) = sample();
        assert!(matches!(
            accept(&root, &bundle(&root), 101, 3),
            Err(BundleError::Older { .. })
        ));
        let accepted = accept(&root, &bundle(&root), 101, 2).unwrap();
        assert!(accepted.check_fresh(Timestamp::from_millis(100)).is_err());
        let mut foreign = bundle(&root);
        foreign.schema = line("other/v1");
        assert!(matches!(
            accept(&root, &foreign, 101, 0),
            Err(BundleError::UnknownSchema { .. })
        ));
    }

    #[test]
    fn freezes_hold_in_their_time_and_place() {
        let (root, _) = sample();
        let accepted = accept(&root, &bundle(&root), 101, 0).unwrap();
        let at =
            |place: &str, millis| accepted.frozen(&place.parse().unwrap(), Timestamp::from_millis(millis));
        assert!(at("production", 10) && !at("production", 20) && !at("staging", 10));
    }
}
