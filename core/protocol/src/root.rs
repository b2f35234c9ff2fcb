//! The root of trust: who may sign the directory, the policy, requests and the log.
//!
//! An organisation is named by the digest of its first root statement, which its members pin away from the
//! backend. A root changes only under the thresholds of the old and the new one together. Modelled on TUF's
//! root role (specification 1.0, section 5.3).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::digest::{KeyId, RootId, Sha256Digest};
use crate::identity::{Algorithm, PersonId, PublicKey, Role};
use crate::moment::Timestamp;
use crate::signed::{Envelope, Keys, Predicate, SignatureError, Signed, Subject, Verified};
use crate::text::Line;

/// The most root versions that are walked through.
pub const MAX_CHAIN: usize = 64;

/// A root statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The organisation's name, for people.
    pub organisation: Line,
    /// 1 for the first root, then one more each time.
    pub version: u64,
    /// When it was made.
    pub issued_at: Timestamp,
    /// After this it is refused.
    pub expires_at: Timestamp,
    /// The root before this one; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Sha256Digest>,
    /// The keys it names.
    pub keys: Vec<RootKey>,
    /// How many distinct keys each owners' role needs.
    pub thresholds: Thresholds,
}

/// A key named by the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootKey {
    /// The public key.
    pub key: PublicKey,
    /// What it may sign.
    pub role: Role,
    /// The human who holds it; owners' keys have one, services' keys none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<PersonId>,
}

/// Signatures needed by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Thresholds {
    /// For a new root.
    pub root: u32,
    /// For a directory.
    pub directory: u32,
    /// For a policy bundle.
    pub policy: u32,
}

impl Predicate for Root {
    const TYPE: &'static str = "https://countersign.dev/attestation/root/v1";
    const ROLE: Role = Role::Root;

    fn subject(&self) -> Subject {
        let mut ids = Vec::new();
        for key in &self.keys {
            ids.extend_from_slice(key.key.id().sha256().as_bytes());
        }
        Subject::new(
            self.organisation.raw(),
            Sha256Digest::of_domain("countersign/root-keys/v1", &[&ids]),
        )
    }
}

impl Root {
    /// Refuses a root that breaks a rule of its own, whoever signed it.
    ///
    /// # Errors
    /// [`RootError::Malformed`] says which rule.
    pub fn check(&self) -> Result<(), RootError> {
        check(self)
    }
}

/// Why a root is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Signatures or bytes are not good.
    #[error("root: {0}")]
    Signature(#[from] SignatureError),
    /// There is no root in the chain.
    #[error("no root is given")]
    Missing,
    /// The first root is not the one that was pinned.
    #[error("the root is `{found}`, but `{pinned}` is pinned here; compare the root words with an owner")]
    NotPinned {
        /// The root given.
        found: RootId,
        /// The root pinned.
        pinned: RootId,
    },
    /// A root does not follow the one before.
    #[error("root version {version} does not follow the one before it")]
    Broken {
        /// The version it states.
        version: u64,
    },
    /// A root breaks a rule of its own.
    #[error("root version {version}: {problem}")]
    Malformed {
        /// The version it states.
        version: u64,
        /// Which rule.
        problem: &'static str,
    },
    /// The newest root has run out.
    #[error("root version {version} expired at {at}; ask the owners for a new one")]
    Expired {
        /// The version.
        version: u64,
        /// When.
        at: Timestamp,
    },
}

/// A root that was followed from the pinned one.
#[derive(Debug, Clone)]
pub struct TrustedRoot {
    id: RootId,
    newest: Verified<Root>,
    keys: RootKeys,
}

impl TrustedRoot {
    /// The organisation's id: what people pin.
    #[must_use]
    pub fn id_of(first: &Envelope) -> RootId {
        RootId::new(first.payload_digest())
    }

    /// Follows a chain of roots from the pinned first one to the newest.
    ///
    /// # Errors
    /// [`RootError`] at the first root that is not what it should be.
    pub fn follow(pinned: &RootId, chain: &[Envelope]) -> Result<Self, RootError> {
        let (first, rest) = chain.split_first().ok_or(RootError::Missing)?;
        let found = Self::id_of(first);
        if found != *pinned {
            return Err(RootError::NotPinned {
                found,
                pinned: *pinned,
            });
        }
        if rest.len() >= MAX_CHAIN {
            return Err(RootError::Malformed {
                version: 0,
                problem: "the chain of roots is too long",
            });
        }
        let mut newest = self_signed(first)?;
        if newest.version != 1 || newest.previous.is_some() {
            return Err(RootError::Broken {
                version: newest.version,
            });
        }
        for envelope in rest {
            Signed::<Root>::from(envelope.clone())
                .verify_threshold(&keys_of(&newest), count(newest.thresholds.root))?;
            let next = self_signed(envelope)?;
            let follows =
                next.version == newest.version + 1 && next.previous.as_ref() == Some(newest.digest());
            if !follows {
                return Err(RootError::Broken {
                    version: next.version,
                });
            }
            newest = next;
        }
        Ok(Self {
            id: found,
            keys: keys_of(&newest),
            newest,
        })
    }

    /// The organisation's id.
    #[must_use]
    pub const fn id(&self) -> &RootId {
        &self.id
    }

    /// The newest root.
    #[must_use]
    pub const fn root(&self) -> &Verified<Root> {
        &self.newest
    }

    /// Signatures that a statement of `role` needs.
    #[must_use]
    pub fn threshold(&self, role: Role) -> usize {
        match role {
            Role::Root => count(self.newest.thresholds.root),
            Role::DirectoryOwner => count(self.newest.thresholds.directory),
            Role::PolicyOwner => count(self.newest.thresholds.policy),
            Role::Backend | Role::Log | Role::Reviewer | Role::Guard | Role::Login => 1,
        }
    }

    /// The log's keys.
    pub fn log_keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.newest
            .keys
            .iter()
            .filter(|key| key.role == Role::Log)
            .map(|key| &key.key)
    }

    /// Refuses when the newest root has run out.
    ///
    /// # Errors
    /// [`RootError::Expired`].
    pub fn check_fresh(&self, now: Timestamp) -> Result<(), RootError> {
        let (version, at) = (self.newest.version, self.newest.expires_at);
        if now < at {
            Ok(())
        } else {
            Err(RootError::Expired { version, at })
        }
    }

    /// Whether a key stands in the root, in whatever role.
    #[must_use]
    pub fn names(&self, id: &KeyId) -> bool {
        self.newest.keys.iter().any(|key| key.key.id() == *id)
    }
}

impl Keys for TrustedRoot {
    fn key(&self, id: &KeyId, role: Role) -> Option<&PublicKey> {
        self.keys.get(&(*id, role))
    }
}

/// Keys of a root, by name and by what they are for.
type RootKeys = BTreeMap<(KeyId, Role), PublicKey>;

fn self_signed(envelope: &Envelope) -> Result<Verified<Root>, RootError> {
    // A root vouches for its own keys. Reading them and their threshold first is sound: the bytes are the pinned
    // ones, or the root before has signed them.
    let (keys, threshold) = unverified_keys(envelope)?;
    let root = Signed::<Root>::from(envelope.clone()).verify_threshold(&keys, threshold)?;
    root.check()?;
    Ok(root)
}

/// The root keys that an envelope's own statement claims and how many of them it wants, for checking that it is
/// signed by them.
fn unverified_keys(envelope: &Envelope) -> Result<(RootKeys, usize), RootError> {
    #[derive(Deserialize)]
    struct Claim {
        predicate: Root,
    }
    let claim: Claim = crate::canonical::parse(&envelope.payload).map_err(SignatureError::from)?;
    let root = claim.predicate;
    Ok((keys_of(&root), count(root.thresholds.root)))
}

fn keys_of(root: &Root) -> RootKeys {
    root.keys
        .iter()
        .map(|key| ((key.key.id(), key.role), key.key.clone()))
        .collect()
}

fn count(threshold: u32) -> usize {
    usize::try_from(threshold).unwrap_or(usize::MAX).max(1)
}

fn check(root: &Root) -> Result<(), RootError> {
    let problem = |problem| {
        Err(RootError::Malformed {
            version: root.version,
            problem,
        })
    };
    let mut seen = BTreeSet::new();
    let mut holders = BTreeSet::new();
    for key in &root.keys {
        if !seen.insert(key.key.id()) {
            return problem("names the same key twice");
        }
        if !key.key.format().is_dsse() {
            return problem("names a key whose format is for decisions alone");
        }
        match (key.role, &key.holder) {
            (Role::Root | Role::DirectoryOwner | Role::PolicyOwner, Some(holder)) => {
                if !holders.insert((key.role, holder)) {
                    return problem("gives one person two keys of the same role");
                }
            }
            (Role::Backend, None) => {}
            (Role::Log, None) if key.key.algorithm() == Algorithm::Ed25519 => {}
            (Role::Log, None) => return problem("names a log key that is not Ed25519"),
            (Role::Reviewer | Role::Guard | Role::Login, _) => {
                return problem("names a key that belongs in the directory");
            }
            (_, _) => return problem("names an owner's key without its holder, or a service's key with one"),
        }
    }
    let held = |role| root.keys.iter().filter(|key| key.role == role).count();
    let reachable = |role, threshold: u32| threshold >= 1 && count(threshold) <= held(role);
    let thresholds = root.thresholds;
    if !reachable(Role::Root, thresholds.root)
        || !reachable(Role::DirectoryOwner, thresholds.directory)
        || !reachable(Role::PolicyOwner, thresholds.policy)
    {
        return problem("has a threshold of zero, or one that its keys cannot reach");
    }
    if held(Role::Backend) == 0 || held(Role::Log) == 0 {
        return problem("names no backend key or no log key");
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::signed::Signer as _;
    use crate::signed::tests::TestKey;

    fn ed25519(seed: u8) -> PublicKey {
        PublicKey::ed25519(
            ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
                .verifying_key()
                .as_bytes(),
        )
    }

    pub(crate) fn root(seeds: &[u8], threshold: u32) -> Root {
        let mut keys = Vec::new();
        for (index, seed) in seeds.iter().enumerate() {
            let holder = Some(format!("p-{index}").parse().unwrap());
            for (offset, role) in [
                (0, Role::Root),
                (50, Role::DirectoryOwner),
                (100, Role::PolicyOwner),
            ] {
                let key = TestKey::new(seed + offset).public_key().clone();
                keys.push(RootKey {
                    key,
                    role,
                    holder: holder.clone(),
                });
            }
        }
        keys.push(RootKey {
            key: TestKey::new(200).public_key().clone(),
            role: Role::Backend,
            holder: None,
        });
        keys.push(RootKey {
            key: ed25519(201),
            role: Role::Log,
            holder: None,
        });
        Root {
            organisation: Line::new("example").unwrap(),
            version: 1,
            issued_at: Timestamp::from_millis(0),
            expires_at: Timestamp::LAST,
            previous: None,
            keys,
            thresholds: Thresholds {
                root: threshold,
                directory: 1,
                policy: 1,
            },
        }
    }

    pub(crate) fn sealed(root: &Root, seeds: &[u8]) -> Envelope {
        let keys: Vec<_> = seeds.iter().map(|seed| TestKey::new(*seed)).collect();
        let signers: Vec<_> = keys.iter().map(|key| key as &dyn crate::signed::Signer).collect();
        Signed::seal(root, &signers).unwrap().into_envelope()
    }

    #[test]
    fn is_followed_from_the_pin_only() {
        let first = sealed(&root(&[1, 2], 2), &[1, 2]);
        let id = TrustedRoot::id_of(&first);
        assert!(TrustedRoot::follow(&id, std::slice::from_ref(&first)).is_ok());
        let other = RootId::new(Sha256Digest::of(b"other"));
        assert!(matches!(
            TrustedRoot::follow(&other, &[first]),
            Err(RootError::NotPinned { .. })
        ));
        assert!(matches!(
            TrustedRoot::follow(&other, &[]),
            Err(RootError::Missing)
        ));
    }

    #[test]
    fn needs_its_own_threshold() {
        let first = sealed(&root(&[1, 2], 2), &[1]);
        let id = TrustedRoot::id_of(&first);
        assert!(matches!(
            TrustedRoot::follow(&id, &[first]),
            Err(RootError::Signature(_))
        ));
    }

    #[test]
    fn changes_under_old_and_new_thresholds_together() {
        let old = root(&[1, 2], 2);
        let first = sealed(&old, &[1, 2]);
        let id = TrustedRoot::id_of(&first);
        let mut new = root(&[3, 4], 2);
        new.version = 2;
        new.previous = Some(first.payload_digest());
        let both = sealed(&new, &[1, 2, 3, 4]);
        let trusted = TrustedRoot::follow(&id, &[first.clone(), both]).unwrap();
        assert_eq!(trusted.root().version, 2);
        assert_eq!(*trusted.id(), id);
        for too_few in [&[3, 4][..], &[1, 2], &[1, 3, 4], &[1, 2, 3]] {
            assert!(
                TrustedRoot::follow(&id, &[first.clone(), sealed(&new, too_few)]).is_err(),
                "{too_few:?}"
            );
        }
    }

    #[test]
    fn refuses_what_breaks_its_rules() {
        let follow = |root: &Root| {
            let first = sealed(root, &[1, 2]);
            TrustedRoot::follow(&TrustedRoot::id_of(&first), &[first])
        };
        let mut twice = root(&[1, 2], 1);
        twice.keys.push(twice.keys[0].clone());
        assert!(matches!(follow(&twice), Err(RootError::Malformed { .. })));
        let mut unreachable = root(&[1, 2], 1);
        unreachable.thresholds.policy = 3;
        assert!(matches!(follow(&unreachable), Err(RootError::Malformed { .. })));
        let mut zero = root(&[1, 2], 1);
        zero.thresholds.directory = 0;
        assert!(matches!(follow(&zero), Err(RootError::Malformed { .. })));
        let mut one_person = root(&[1, 2], 1);
        one_person.keys[3].holder = one_person.keys[0].holder.clone();
        assert!(matches!(follow(&one_person), Err(RootError::Malformed { .. })));
    }

    #[test]
    fn runs_out() {
        let mut short = root(&[1], 1);
        short.expires_at = Timestamp::from_millis(10);
        let first = sealed(&short, &[1]);
        let trusted = TrustedRoot::follow(&TrustedRoot::id_of(&first), &[first]).unwrap();
        assert!(trusted.check_fresh(Timestamp::from_millis(9)).is_ok());
        assert!(trusted.check_fresh(Timestamp::from_millis(10)).is_err());
    }
}
