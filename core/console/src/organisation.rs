//! Owners' work: building and sealing root, directory and policy bundle statements.
//!
//! Pure but for the keys that callers bring: the first statements of an organisation, later versions of the bundle, and
//! more signatures on them; `directory` changes the directory. Everything built here is checked by the same code that
//! will accept it.

mod directory;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_protocol::api::TrustDocument;
use countersign_protocol::digest::RootId;
use countersign_protocol::directory::{Directory, Environment, Person, Team, TrustedDirectory};
use countersign_protocol::identity::{PersonId, PublicKey, TeamId};
use countersign_protocol::log;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::{
    Freeze, Limits, PolicyBundle, PolicyFile, SCHEMA_VERSION, TrustedBundle,
};
use countersign_protocol::root::{Root, RootKey, Thresholds, TrustedRoot};
use countersign_protocol::signed::{Envelope, Predicate, SignError, Signed, Signer};
use countersign_protocol::text::{Bounded, Line, TooLong};
use serde::{Deserialize, Serialize};

use crate::succession;
pub(crate) use directory::{Arrival, admit};
pub use directory::{add_agent, add_guard, add_rule, enrol, renew, revoke};

/// How long directories and bundles are valid unless told otherwise.
pub const VALIDITY: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a root is valid unless told otherwise.
pub const ROOT_VALIDITY: Duration = Duration::from_secs(2 * 365 * 24 * 3600);
/// How long an enrolled key is valid unless told otherwise.
pub const KEY_VALIDITY: Duration = Duration::from_secs(365 * 24 * 3600);
/// The schema name of an enrolment request.
pub const ENROLMENT_SCHEMA: &str = "countersign/enrolment/v1";
/// The schema name of an owner's public keys.
pub const OWNER_KEYS_SCHEMA: &str = "countersign/owner-keys/v1";
/// The schema name of services' public keys, as `countersignd keygen` prints them.
pub const SERVICE_KEYS_SCHEMA: &str = "countersign/service-keys/v1";
/// The schema name of a guard's public key, as `countersign-guard keygen` prints it.
pub const GUARD_KEY_SCHEMA: &str = "countersign/guard-key/v1";

/// An owner's three public keys: a key has one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerKeys {
    /// [`OWNER_KEYS_SCHEMA`].
    pub schema: String,
    /// The owner.
    pub person: PersonId,
    /// Their name.
    pub display: Line,
    /// Signs roots.
    pub root: PublicKey,
    /// Signs directories.
    pub directory: PublicKey,
    /// Signs policy bundles.
    pub policy: PublicKey,
}

/// The backend's public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceKeys {
    /// [`SERVICE_KEYS_SCHEMA`].
    pub schema: String,
    /// Signs requests and grants.
    pub backend: PublicKey,
    /// Signs checkpoints.
    pub log: PublicKey,
}

/// A guard's public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardKey {
    /// [`GUARD_KEY_SCHEMA`].
    pub schema: String,
    /// Signs proposals and receipts.
    pub guard: PublicKey,
}

/// A person's wish to be in the directory, with the keys made on their machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// [`ENROLMENT_SCHEMA`].
    pub schema: String,
    /// The organisation.
    pub root: RootId,
    /// The person.
    pub person: PersonId,
    /// Their name.
    pub display: Line,
    /// Authenticates their HTTP requests.
    pub login: PublicKey,
    /// Signs their decisions.
    pub reviewer: PublicKey,
}

/// Why a statement cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OrganisationError {
    /// Too few owners for the threshold.
    #[error(
        "{owners} owner(s) cannot reach a threshold of {threshold}; name more with `--co-owner`, or say `--threshold 1` (one person then controls everything)"
    )]
    TooFewOwners {
        /// Owners named.
        owners: usize,
        /// Signatures needed.
        threshold: u32,
    },
    /// A text is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// A key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The statement would not be accepted.
    #[error("{0}")]
    Refused(String),
}

fn refused(error: &dyn std::fmt::Display) -> OrganisationError {
    OrganisationError::Refused(error.to_string())
}

/// The first root of an organisation.
///
/// # Errors
/// [`OrganisationError::TooFewOwners`] when the threshold cannot be reached.
pub fn root(
    organisation: Line,
    owners: &[OwnerKeys],
    services: &ServiceKeys,
    threshold: u32,
    now: Timestamp,
) -> Result<Root, OrganisationError> {
    if threshold == 0 || usize::try_from(threshold).is_ok_and(|needed| needed > owners.len()) {
        return Err(OrganisationError::TooFewOwners {
            owners: owners.len(),
            threshold,
        });
    }
    let mut keys: Vec<RootKey> = owners.iter().flat_map(succession::keys_of).collect();
    succession::add_services(&mut keys, services);
    Ok(Root {
        organisation,
        version: 1,
        issued_at: now,
        expires_at: now.after(ROOT_VALIDITY),
        previous: None,
        keys,
        thresholds: Thresholds {
            root: threshold,
            directory: threshold,
            policy: threshold,
        },
    })
}

/// The first directory: the owners as people, one team, and the environments.
///
/// # Errors
/// [`OrganisationError`] when a name is not one.
pub fn first_directory(
    root: RootId,
    owners: &[OwnerKeys],
    personal: bool,
    now: Timestamp,
) -> Result<Directory, OrganisationError> {
    let team: TeamId = "owners".parse().map_err(|error| refused(&error))?;
    let people = owners
        .iter()
        .map(|owner| Person {
            id: owner.person.clone(),
            display: owner.display.clone(),
            teams: BTreeSet::from([team.clone()]),
            on_call: false,
            accounts: BTreeSet::new(),
        })
        .collect();
    let environments = if personal {
        vec![environment("personal", "Personal", 1, true)?]
    } else {
        vec![
            environment("production", "Production", 5, false)?,
            environment("staging", "Staging", 3, false)?,
        ]
    };
    Ok(Directory {
        root,
        version: 1,
        issued_at: now,
        expires_at: now.after(VALIDITY),
        people,
        teams: vec![Team {
            id: team,
            display: Line::new("Owners")?,
        }],
        agents: vec![],
        guards: vec![],
        environments,
        attestations: Default::default(),
        environment_rules: vec![],
        keys: vec![],
    })
}

fn environment(
    id: &str,
    display: &str,
    strictness: u32,
    personal: bool,
) -> Result<Environment, OrganisationError> {
    Ok(Environment {
        id: id.parse().map_err(|error| refused(&error))?,
        display: Line::new(display)?,
        strictness,
        personal,
        allow_same_user: personal,
    })
}

/// A policy bundle.
///
/// # Errors
/// [`OrganisationError::TooLong`] when a file is.
pub fn bundle(
    root: RootId,
    version: u64,
    files: &[(String, String)],
    freezes: Vec<Freeze>,
    limits: Limits,
    now: Timestamp,
    validity: Duration,
) -> Result<PolicyBundle, OrganisationError> {
    let mut policies = Vec::new();
    for (name, text) in files {
        policies.push(PolicyFile {
            name: Line::new(name.as_str())?,
            text: Bounded::new(text.as_str())?,
        });
    }
    Ok(PolicyBundle {
        root,
        version,
        issued_at: now,
        expires_at: now.after(validity),
        schema: Line::new(SCHEMA_VERSION)?,
        policies,
        freezes,
        limits,
    })
}

/// Seals a statement.
///
/// # Errors
/// [`SignError`] when a key cannot be used.
pub fn seal<T: Predicate>(statement: &T, signers: &[&dyn Signer]) -> Result<Envelope, SignError> {
    Ok(Signed::seal(statement, signers)?.into_envelope())
}

/// Adds a signature to a sealed statement. A key signs once.
///
/// # Errors
/// [`SignError`] when the key cannot be used.
pub fn countersign<T: Predicate>(envelope: Envelope, signer: &dyn Signer) -> Result<Envelope, SignError> {
    let id = signer.public_key().id();
    if envelope.signatures.iter().any(|signature| signature.keyid == id) {
        return Ok(envelope);
    }
    let mut signed = Signed::<T>::from(envelope);
    signed.countersign(signer)?;
    Ok(signed.into_envelope())
}

/// The document that members fetch.
#[must_use]
pub fn document(root: Envelope, directory: Envelope, policy: Envelope) -> TrustDocument {
    TrustDocument {
        log_origin: log::origin(&TrustedRoot::id_of(&root)),
        roots: vec![root],
        directory,
        policy,
    }
}

/// What was accepted of a document: all three, and the policies compiled.
#[derive(Debug)]
pub struct Accepted {
    /// The root.
    pub root: TrustedRoot,
    /// The directory.
    pub directory: TrustedDirectory,
    /// The policy bundle.
    pub policy: TrustedBundle,
}

/// Checks a document exactly as its readers will, so that nothing is published that they would refuse.
///
/// # Errors
/// [`OrganisationError::Refused`] says what they would refuse.
pub fn check(document: &TrustDocument) -> Result<Accepted, OrganisationError> {
    let first = document
        .roots
        .first()
        .ok_or_else(|| refused(&"there is no root"))?;
    let root =
        TrustedRoot::follow(&TrustedRoot::id_of(first), &document.roots).map_err(|error| refused(&error))?;
    let directory =
        TrustedDirectory::accept(&root, &document.directory, 0).map_err(|error| refused(&error))?;
    let policy = TrustedBundle::accept(&root, &document.policy, 0).map_err(|error| refused(&error))?;
    countersign_policy::PolicySet::load(&policy).map_err(|error| refused(&error))?;
    Ok(Accepted {
        root,
        directory,
        policy,
    })
}

#[cfg(test)]
mod tests {
    use countersign_protocol::identity::KeyAssurance;

    use super::*;
    use countersign_client::key_file::{self, FileSigner};

    struct Owner {
        keys: [FileSigner; 3],
        public: OwnerKeys,
    }

    fn owner(name: &str, folder: &std::path::Path) -> Owner {
        let key = |role: &str| key_file::create(&folder.join(format!("{name}-{role}"))).unwrap();
        let keys = [key("root"), key("directory"), key("policy")];
        let public = |index: usize| keys[index].public_key().clone();
        let public = OwnerKeys {
            schema: OWNER_KEYS_SCHEMA.to_owned(),
            person: name.parse().unwrap(),
            display: Line::new(name).unwrap(),
            root: public(0),
            directory: public(1),
            policy: public(2),
        };
        Owner { keys, public }
    }

    fn services(folder: &std::path::Path) -> ServiceKeys {
        ServiceKeys {
            schema: SERVICE_KEYS_SCHEMA.to_owned(),
            backend: key_file::create(&folder.join("backend"))
                .unwrap()
                .public_key()
                .clone(),
            log: PublicKey::ed25519(&[3; 32]),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    #[test]
    fn two_owners_make_an_organisation_together_and_neither_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (owner("olga", folder.path()), owner("otto", folder.path()));
        let owners = [one.public.clone(), two.public.clone()];
        let root = root(
            Line::new("Example").unwrap(),
            &owners,
            &services(folder.path()),
            2,
            now(),
        )
        .unwrap();
        let sealed = seal(&root, &[&one.keys[0]]).unwrap();
        let id = TrustedRoot::id_of(&sealed);
        let directory = first_directory(id, &owners, false, now()).unwrap();
        let bundle = bundle(id, 1, &[], vec![], Limits::default(), now(), VALIDITY).unwrap();
        let alone = document(
            sealed,
            seal(&directory, &[&one.keys[1]]).unwrap(),
            seal(&bundle, &[&one.keys[2]]).unwrap(),
        );
        assert!(check(&alone).is_err());
        let twice = countersign::<Root>(alone.roots[0].clone(), &one.keys[0]).unwrap();
        assert_eq!(twice.signatures.len(), 1, "the same key does not count twice");

        let together = TrustDocument {
            roots: vec![countersign::<Root>(alone.roots[0].clone(), &two.keys[0]).unwrap()],
            directory: countersign::<Directory>(alone.directory, &two.keys[1]).unwrap(),
            policy: countersign::<PolicyBundle>(alone.policy, &two.keys[2]).unwrap(),
            log_origin: alone.log_origin,
        };
        let accepted = check(&together).unwrap();
        assert_eq!((*accepted.root.id(), accepted.directory.people.len()), (id, 2));
    }

    #[test]
    fn a_threshold_that_cannot_be_reached_makes_no_root() {
        let folder = tempfile::tempdir().unwrap();
        let owners = [owner("olga", folder.path()).public];
        let services = services(folder.path());
        for threshold in [0, 2] {
            let made = root(Line::new("x").unwrap(), &owners, &services, threshold, now());
            assert!(matches!(made, Err(OrganisationError::TooFewOwners { .. })));
        }
    }

    #[test]
    fn a_directory_grows_by_enrolments_and_guards() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str| {
            key_file::create(&folder.path().join(name))
                .unwrap()
                .public_key()
                .clone()
        };
        let id = RootId::new(countersign_protocol::digest::Sha256Digest::of(b"r"));
        let mut directory =
            first_directory(id, &[owner("olga", folder.path()).public], false, now()).unwrap();
        let enrolment = Enrolment {
            schema: ENROLMENT_SCHEMA.to_owned(),
            root: id,
            person: "alex".parse().unwrap(),
            display: Line::new("Alex").unwrap(),
            login: key("login"),
            reviewer: key("reviewer"),
        };
        enrol(&mut directory, &enrolment, &BTreeSet::new(), now());
        let guard = GuardKey {
            schema: GUARD_KEY_SCHEMA.to_owned(),
            guard: key("guard"),
        };
        add_guard(&mut directory, &"g1".parse().unwrap(), &guard, now()).unwrap();
        renew(&mut directory, 4, now(), VALIDITY);
        assert_eq!(
            (directory.people.len(), directory.keys.len(), directory.version),
            (2, 3, 5)
        );
        assert!(
            directory
                .keys
                .iter()
                .all(|key| key.assurance == KeyAssurance::Software)
        );
    }
}
