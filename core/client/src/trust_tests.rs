use super::*;

use countersign_protocol::directory::{Directory, Environment, Person};
use countersign_protocol::identity::{PublicKey, Role};
use countersign_protocol::policy_bundle::{Limits, PolicyBundle, SCHEMA_VERSION};
use countersign_protocol::root::{Root, RootKey, Thresholds};
use countersign_protocol::signed::{Predicate, Signed, Signer};
use countersign_protocol::text::Line;

use crate::key_file::{self, FileSigner};

/// An organisation of one owner.
struct Organisation {
    folder: tempfile::TempDir,
    owners: [FileSigner; 3],
    backend: FileSigner,
    root: Envelope,
}

const ROLES: [Role; 3] = [Role::Root, Role::DirectoryOwner, Role::PolicyOwner];

fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
}

fn seal<T: Predicate>(statement: &T, key: &dyn Signer) -> Envelope {
    Signed::seal(statement, &[key]).unwrap().into_envelope()
}

impl Organisation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str| key_file::create(&folder.path().join(name)).unwrap();
        let owners = [key("root"), key("directory"), key("policy")];
        let backend = key("backend");
        let root = Self::root_statement(&owners, &backend, 1, None);
        let root = seal(&root, &owners[0]);
        Self {
            folder,
            owners,
            backend,
            root,
        }
    }

    fn root_statement(
        owners: &[FileSigner; 3],
        backend: &FileSigner,
        version: u64,
        previous: Option<Sha256Digest>,
    ) -> Root {
        let mut keys: Vec<RootKey> = owners
            .iter()
            .zip(ROLES)
            .map(|(key, role)| RootKey {
                key: key.public_key().clone(),
                role,
                holder: Some("olga".parse().unwrap()),
            })
            .collect();
        keys.push(RootKey {
            key: backend.public_key().clone(),
            role: Role::Backend,
            holder: None,
        });
        keys.push(RootKey {
            key: PublicKey::ed25519(&[7; 32]),
            role: Role::Log,
            holder: None,
        });
        Root {
            organisation: line("Example"),
            version,
            issued_at: at(0),
            expires_at: at(1000),
            previous,
            keys,
            thresholds: Thresholds {
                root: 1,
                directory: 1,
                policy: 1,
            },
        }
    }

    fn id(&self) -> RootId {
        TrustedRoot::id_of(&self.root)
    }

    fn directory(&self, version: u64, name: &str) -> Envelope {
        let directory = Directory {
            root: self.id(),
            version,
            issued_at: at(0),
            expires_at: at(100),
            people: vec![Person {
                id: "olga".parse().unwrap(),
                display: line(name),
                teams: Default::default(),
                on_call: false,
                accounts: Default::default(),
            }],
            teams: vec![],
            agents: vec![],
            guards: vec![],
            environments: vec![Environment {
                id: "production".parse().unwrap(),
                display: line("Production"),
                strictness: 1,
                personal: false,
                allow_same_user: false,
            }],
            attestations: Default::default(),
            environment_rules: vec![],
            keys: vec![],
        };
        seal(&directory, &self.owners[1])
    }

    fn policy(&self, version: u64) -> Envelope {
        let bundle = PolicyBundle {
            root: self.id(),
            version,
            issued_at: at(0),
            expires_at: at(100),
            schema: line(SCHEMA_VERSION),
            policies: vec![],
            freezes: vec![],
            limits: Limits::default(),
        };
        seal(&bundle, &self.owners[2])
    }

    fn document(&self, directory: u64, policy: u64) -> TrustDocument {
        TrustDocument {
            roots: vec![self.root.clone()],
            directory: self.directory(directory, "Olga"),
            policy: self.policy(policy),
            log_origin: log::origin(&self.id()),
        }
    }

    fn store(&self) -> TrustStore {
        TrustStore::pin(&self.folder.path().join("trust"), self.id()).unwrap()
    }
}

#[test]
fn what_was_verified_is_kept_and_read_again() {
    let org = Organisation::new();
    let mut store = org.store();
    assert!(matches!(store.trusted(), Err(TrustError::Empty)));
    assert_eq!(
        store.refresh(&org.document(3, 2), at(1)).unwrap(),
        Refreshed::Newer
    );
    let document = store.document().unwrap().clone();
    assert_eq!(store.refresh(&document, at(1)).unwrap(), Refreshed::Unchanged);

    let again = TrustStore::open(&org.folder.path().join("trust")).unwrap();
    let trusted = again.trusted().unwrap();
    assert_eq!((trusted.directory.version, trusted.policy.version), (3, 2));
    let pinned = again.pinned();
    assert_eq!(
        (pinned.root, pinned.directory_seen, pinned.policy_seen),
        (org.id(), 3, 2)
    );
}

#[test]
fn older_expired_unsigned_and_foreign_trust_is_refused_and_changes_nothing() {
    let org = Organisation::new();
    let mut store = org.store();
    store.refresh(&org.document(3, 2), at(1)).unwrap();
    let before = store.document().cloned();

    assert!(matches!(
        store.refresh(&org.document(2, 2), at(1)),
        Err(TrustError::Directory(DirectoryError::Older { .. }))
    ));
    assert!(matches!(
        store.refresh(&org.document(3, 1), at(1)),
        Err(TrustError::Policy(BundleError::Older { .. }))
    ));
    assert!(matches!(
        store.refresh(&org.document(4, 3), at(100)),
        Err(TrustError::Directory(DirectoryError::Expired { .. }))
    ));
    assert!(matches!(
        store.refresh(&org.document(4, 3), at(1000)),
        Err(TrustError::Root(RootError::Expired { .. }))
    ));

    let mut unsigned = org.document(4, 3);
    unsigned.policy.signatures.clear();
    assert!(matches!(
        store.refresh(&unsigned, at(1)),
        Err(TrustError::Policy(BundleError::Signature(_)))
    ));
    let mut swapped = org.document(4, 3);
    swapped.directory.payload[20] ^= 1;
    assert!(store.refresh(&swapped, at(1)).is_err());

    let other = Organisation::new();
    assert!(matches!(
        store.refresh(&other.document(9, 9), at(1)),
        Err(TrustError::OtherLog(_))
    ));
    let mut relabelled = other.document(9, 9);
    relabelled.log_origin = log::origin(&org.id());
    assert!(matches!(
        store.refresh(&relabelled, at(1)),
        Err(TrustError::Root(RootError::NotPinned { .. }))
    ));
    assert_eq!(store.document().cloned(), before);
}

#[test]
fn two_statements_of_one_version_raise_the_alarm() {
    let org = Organisation::new();
    let mut store = org.store();
    store.refresh(&org.document(3, 2), at(1)).unwrap();
    let mut forked = org.document(3, 2);
    forked.directory = org.directory(3, "Mallory");
    let error = store.refresh(&forked, at(1)).unwrap_err();
    assert!(
        matches!(
            error,
            TrustError::Twice {
                what: "directories",
                version: 3
            }
        ) && error.is_alarm()
    );
}

#[test]
fn roots_are_followed_and_never_forgotten() {
    let org = Organisation::new();
    let mut store = org.store();
    let second = Organisation::root_statement(&org.owners, &org.backend, 2, Some(org.root.payload_digest()));
    let mut document = org.document(3, 2);
    document.roots.push(seal(&second, &org.owners[0]));
    store.refresh(&document, at(1)).unwrap();
    assert_eq!(store.trusted().unwrap().root.root().version, 2);
    let error = store.refresh(&org.document(4, 2), at(1)).unwrap_err();
    assert!(matches!(error, TrustError::RootsWentBack) && error.is_alarm());
}

#[test]
fn one_home_pins_one_root() {
    let org = Organisation::new();
    let folder = org.folder.path().join("trust");
    assert!(matches!(TrustStore::open(&folder), Err(TrustError::NotPinned(_))));
    org.store();
    assert!(TrustStore::pin(&folder, org.id()).is_ok());
    let other = Organisation::new();
    assert!(matches!(
        TrustStore::pin(&folder, other.id()),
        Err(TrustError::OtherRoot { .. })
    ));
}

#[test]
fn what_another_process_learnt_is_not_undone() {
    let org = Organisation::new();
    let mut one = org.store();
    let mut other = org.store();
    other.refresh(&org.document(5, 5), at(1)).unwrap();
    assert!(matches!(
        one.refresh(&org.document(4, 4), at(1)),
        Err(TrustError::Directory(DirectoryError::Older { .. }))
    ));
    assert_eq!(one.pinned().directory_seen, 5);
}

#[test]
fn a_changed_file_is_noticed() {
    let org = Organisation::new();
    let mut store = org.store();
    store.refresh(&org.document(3, 2), at(1)).unwrap();
    let path = org.folder.path().join("trust/store.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"sig\":\"ME", "\"sig\":\"MF", 1)).unwrap();
    assert!(
        TrustStore::open(path.parent().unwrap())
            .unwrap()
            .trusted()
            .is_err()
    );
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(
        TrustStore::open(path.parent().unwrap()),
        Err(TrustError::Damaged { .. })
    ));
}

/// A log of the test's own, so that checkpoints and proofs are real.
mod log_store {
    use super::*;
    use countersign_verify::log::verifier_key;

    #[test]
    fn a_checkpoint_by_anybody_else_is_refused() {
        let org = Organisation::new();
        let mut store = org.store();
        assert!(matches!(store.advance("x", &[]), Err(TrustError::Empty)));
        store.refresh(&org.document(3, 2), at(1)).unwrap();
        for text in ["", "x", "countersign.dev/log/x\n5\nAAAA\n\n— x AAAA\n"] {
            assert!(
                matches!(store.advance(text, &[]), Err(TrustError::Log(_))),
                "{text:?}"
            );
        }
        let root = store.trusted().unwrap().root;
        assert!(verifier_key(&root, root.log_keys().next().unwrap()).is_ok());
        assert_eq!(store.checkpoint(), None);
    }

    #[test]
    fn a_proven_checkpoint_moves_forward_only() {
        let org = Organisation::new();
        let mut store = org.store();
        let seen = |size| SeenCheckpoint {
            size,
            root_hash: Sha256Digest::of(&[1]),
        };
        store.advance_to(seen(5), None).unwrap();
        assert_eq!(store.checkpoint(), Some(seen(5)));
        store.advance_to(seen(4), Some(seen(5))).unwrap();
        store.advance_to(seen(9), Some(seen(3))).unwrap();
        assert_eq!(store.checkpoint(), Some(seen(5)));
        store.advance_to(seen(6), Some(seen(5))).unwrap();
        assert_eq!(store.pinned().checkpoint, Some(seen(6)));
    }
}
