//! The next root: owners and services come and go, under the thresholds of the old and the new root together.
//!
//! Pure. What is made here is checked by the code that everybody accepts roots with, so that nothing is signed which
//! readers would refuse.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{PersonId, PublicKey, Role};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::root::{Root, RootError, RootKey, TrustedRoot};
use countersign_protocol::signed::{Envelope, pae};

use crate::organisation::{OwnerKeys, ServiceKeys};

/// What is to be different in the next root.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Owners who come, and known ones with other keys.
    pub owners: Vec<OwnerKeys>,
    /// Owners who leave.
    pub leaving: BTreeSet<PersonId>,
    /// The keys of backend and log.
    pub services: Services,
    /// How many owners have to sign from then on; as before, unless given.
    pub threshold: Option<u32>,
}

/// The keys of backend and log in the next root.
#[derive(Debug, Clone, Default)]
pub enum Services {
    /// Those of today.
    #[default]
    AsBefore,
    /// Others, beside those of today, until the backend has changed over.
    Also(ServiceKeys),
    /// Others alone.
    Instead(ServiceKeys),
}

/// Why no next root can be made.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// Somebody leaves who is no owner.
    #[error("`{0}` is no owner; `countersign root show` lists the owners")]
    NoOwner(PersonId),
    /// Too few would be left.
    #[error(
        "{owners} owner(s) would be left, who cannot reach a threshold of {threshold}; name another owner with \
         `--owner`, or another `--threshold`"
    )]
    TooFew {
        /// Owners left.
        owners: usize,
        /// Signatures needed.
        threshold: u32,
    },
    /// Readers would refuse it.
    #[error(transparent)]
    Root(#[from] RootError),
}

/// The root that follows from this one.
///
/// # Errors
/// [`SuccessionError`] says what every reader would refuse.
pub fn next(
    current: &TrustedRoot,
    change: &Change,
    now: Timestamp,
    validity: Duration,
) -> Result<Root, SuccessionError> {
    let before = current.root();
    let is_owner = |person: &PersonId| before.keys.iter().any(|key| key.holder.as_ref() == Some(person));
    if let Some(stranger) = change.leaving.iter().find(|person| !is_owner(person)) {
        return Err(SuccessionError::NoOwner(stranger.clone()));
    }
    let goes = |person: &PersonId| {
        change.leaving.contains(person) || change.owners.iter().any(|owner| owner.person == *person)
    };
    let mut keys: Vec<RootKey> = before
        .keys
        .iter()
        .filter(|key| match &key.holder {
            Some(holder) => !goes(holder),
            None => !matches!(change.services, Services::Instead(_)),
        })
        .cloned()
        .collect();
    for owner in &change.owners {
        keys.extend(keys_of(owner));
    }
    if let Services::Also(services) | Services::Instead(services) = &change.services {
        add_services(&mut keys, services);
    }
    let mut thresholds = before.thresholds;
    if let Some(threshold) = change.threshold {
        (thresholds.root, thresholds.directory, thresholds.policy) = (threshold, threshold, threshold);
    }
    let owners = keys.iter().filter(|key| key.role == Role::Root).count();
    let highest = thresholds.root.max(thresholds.directory).max(thresholds.policy);
    if usize::try_from(highest).is_ok_and(|needed| needed > owners) {
        return Err(SuccessionError::TooFew {
            owners,
            threshold: highest,
        });
    }
    let next = Root {
        organisation: before.organisation.clone(),
        version: before.version + 1,
        issued_at: now,
        expires_at: now.after(validity),
        previous: Some(*before.digest()),
        keys,
        thresholds,
    };
    next.check()?;
    Ok(next)
}

/// An owner's keys as a root names them.
#[must_use]
pub fn keys_of(owner: &OwnerKeys) -> [RootKey; 3] {
    [
        (&owner.root, Role::Root),
        (&owner.directory, Role::DirectoryOwner),
        (&owner.policy, Role::PolicyOwner),
    ]
    .map(|(key, role)| RootKey {
        key: key.clone(),
        role,
        holder: Some(owner.person.clone()),
    })
}

/// Adds services' keys that are not there yet.
pub fn add_services(keys: &mut Vec<RootKey>, services: &ServiceKeys) {
    for (key, role) in [(&services.backend, Role::Backend), (&services.log, Role::Log)] {
        let named = RootKey {
            key: key.clone(),
            role,
            holder: None,
        };
        if !keys.contains(&named) {
            keys.push(named);
        }
    }
}

/// Who has signed a root, of those who have to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Good signatures.
    pub signed: usize,
    /// How many there have to be.
    pub needed: usize,
    /// Owners whose signature is not there.
    pub missing: Vec<PersonId>,
}

impl Tally {
    /// Whether they are enough.
    #[must_use]
    pub const fn is_enough(&self) -> bool {
        self.signed >= self.needed
    }
}

/// Whose signatures a next root has: of the owners of today, and of its own.
#[must_use]
pub fn tallies(current: &TrustedRoot, next: &Root, envelope: &Envelope) -> [Tally; 2] {
    let before = current.root();
    [
        tally(&before.keys, before.thresholds.root, envelope),
        tally(&next.keys, next.thresholds.root, envelope),
    ]
}

fn tally(keys: &[RootKey], needed: u32, envelope: &Envelope) -> Tally {
    let message = pae(&envelope.payload_type, &envelope.payload);
    let has_signed = |key: &PublicKey| {
        let id: KeyId = key.id();
        envelope
            .signatures
            .iter()
            .any(|signature| signature.keyid == id && key.accepts(&message, &signature.sig))
    };
    let (mut signed, mut missing) = (0, Vec::new());
    for key in keys.iter().filter(|key| key.role == Role::Root) {
        match &key.holder {
            _ if has_signed(&key.key) => signed += 1,
            Some(holder) => missing.push(holder.clone()),
            None => {}
        }
    }
    Tally {
        signed,
        needed: usize::try_from(needed).unwrap_or(usize::MAX).max(1),
        missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::{OWNER_KEYS_SCHEMA, SERVICE_KEYS_SCHEMA, root, seal};
    use countersign_client::key_file::{self, FileSigner};
    use countersign_protocol::signed::Signer as _;
    use countersign_protocol::text::Line;

    struct Owner {
        root: FileSigner,
        public: OwnerKeys,
    }

    fn owner(folder: &std::path::Path, name: &str, generation: u32) -> Owner {
        let key = |role: &str| key_file::create(&folder.join(format!("{name}-{generation}-{role}"))).unwrap();
        let root = key("root");
        let public = OwnerKeys {
            schema: OWNER_KEYS_SCHEMA.to_owned(),
            person: name.parse().unwrap(),
            display: Line::new(name).unwrap(),
            root: root.public_key().clone(),
            directory: key("directory").public_key().clone(),
            policy: key("policy").public_key().clone(),
        };
        Owner { root, public }
    }

    fn services(folder: &std::path::Path, seed: u8) -> ServiceKeys {
        let backend = key_file::create(&folder.join(format!("backend-{seed}"))).unwrap();
        ServiceKeys {
            schema: SERVICE_KEYS_SCHEMA.to_owned(),
            backend: backend.public_key().clone(),
            log: PublicKey::ed25519(&[seed; 32]),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

    #[test]
    fn owners_and_services_change_under_both_thresholds_and_nothing_else_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (olga, otto, ines) = (
            owner(folder, "olga", 1),
            owner(folder, "otto", 1),
            owner(folder, "ines", 1),
        );
        let (old, new) = (services(folder, 1), services(folder, 2));
        let founders = [olga.public.clone(), otto.public.clone()];
        let first = root(Line::new("Example").unwrap(), &founders, &old, 2, now()).unwrap();
        let first = seal(&first, &[&olga.root, &otto.root]).unwrap();
        let id = TrustedRoot::id_of(&first);
        let current = TrustedRoot::follow(&id, std::slice::from_ref(&first)).unwrap();

        let renewed = owner(folder, "olga", 2);
        let change = Change {
            owners: vec![renewed.public.clone(), ines.public.clone()],
            leaving: BTreeSet::from(["otto".parse().unwrap()]),
            services: Services::Instead(new.clone()),
            threshold: None,
        };
        let next = next(&current, &change, now(), YEAR).unwrap();
        assert_eq!((next.version, next.keys.len()), (2, 8));
        assert!(next.keys.iter().any(|key| key.key == new.log));
        assert!(
            !next
                .keys
                .iter()
                .any(|key| key.key == old.backend || key.key == olga.public.root)
        );

        let every = [&olga.root, &otto.root, &renewed.root, &ines.root];
        let signed = |who: &[usize]| {
            let signers: Vec<_> = who
                .iter()
                .map(|one| every[*one] as &dyn countersign_protocol::signed::Signer)
                .collect();
            seal(&next, &signers).unwrap()
        };
        for (who, enough) in [
            (&[0, 1, 2, 3][..], [true, true]),
            (&[0, 1], [true, false]),
            (&[2, 3], [false, true]),
            (&[0, 2, 3], [false, true]),
            (&[0, 1, 2], [true, false]),
        ] {
            let envelope = signed(who);
            let tallies = tallies(&current, &next, &envelope);
            assert_eq!(tallies.each_ref().map(Tally::is_enough), enough, "{who:?}");
            let followed = TrustedRoot::follow(&id, &[first.clone(), envelope]);
            assert_eq!(followed.is_ok(), enough == [true, true], "{who:?}");
        }
        let tallies = tallies(&current, &next, &signed(&[1, 2]));
        assert_eq!(tallies[0].missing, ["olga".parse().unwrap()]);
        assert_eq!(tallies[1].missing, ["ines".parse().unwrap()]);
    }

    #[test]
    fn too_few_owners_and_strangers_make_no_root() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (olga, otto) = (owner(folder, "olga", 1), owner(folder, "otto", 1));
        let services = services(folder, 1);
        let founders = [olga.public.clone(), otto.public.clone()];
        let first = root(Line::new("Example").unwrap(), &founders, &services, 2, now()).unwrap();
        let first = seal(&first, &[&olga.root, &otto.root]).unwrap();
        let current = TrustedRoot::follow(&TrustedRoot::id_of(&first), &[first]).unwrap();
        let leaving = |name: &str, threshold| Change {
            leaving: BTreeSet::from([name.parse().unwrap()]),
            threshold,
            ..Change::default()
        };
        let make = |change: &Change| next(&current, change, now(), YEAR);
        assert!(matches!(
            make(&leaving("otto", None)),
            Err(SuccessionError::TooFew {
                owners: 1,
                threshold: 2
            })
        ));
        assert!(matches!(
            make(&leaving("otto", Some(0))),
            Err(SuccessionError::Root(_))
        ));
        assert!(matches!(
            make(&leaving("ines", None)),
            Err(SuccessionError::NoOwner(_))
        ));
        let alone = make(&leaving("otto", Some(1))).unwrap();
        assert_eq!((alone.keys.len(), alone.thresholds.policy), (5, 1));
        // The same services' keys once more are named once.
        let also = Change {
            services: Services::Also(services),
            ..Change::default()
        };
        assert_eq!(make(&also).unwrap().keys.len(), current.root().keys.len());
    }
}
