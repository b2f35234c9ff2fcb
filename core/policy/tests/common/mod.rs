//! An organisation of four people in two teams, really signed, and policies to ask about.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by tests, each of which uses a part"
)]

#[path = "../../../protocol/tests/paper_tpm/mod.rs"]
pub mod paper_tpm;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use countersign_policy::{Credential, LoadError, Operation, PolicySet};
use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Shown;
use countersign_protocol::digest::RootId;
use countersign_protocol::directory::{
    Agent, Directory, DirectoryKey, Environment, EnvironmentRule, Guard, KeyHolder, Person, Team,
    TrustedDirectory,
};
use countersign_protocol::identity::{Algorithm, KeyAssurance, PersonId, Presence, PublicKey, Role, TeamId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::{
    Freeze, Limits, PolicyBundle, PolicyFile, SCHEMA_VERSION, TrustedBundle,
};
use countersign_protocol::proposal::Isolation;
use countersign_protocol::root::{Root, RootKey, Thresholds, TrustedRoot};
use countersign_protocol::signed::{SignError, Signed, Signer};
use countersign_protocol::text::{Bounded, Line};

/// A software key made from one byte.
pub struct TestKey {
    secret: p256::ecdsa::SigningKey,
    public: PublicKey,
}

impl TestKey {
    pub fn new(seed: u8) -> Self {
        use p256::pkcs8::EncodePublicKey as _;
        let secret = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
        let spki = secret.verifying_key().to_public_key_der().unwrap();
        let public = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).unwrap();
        Self { secret, public }
    }
}

impl Signer for TestKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        use p256::ecdsa::signature::Signer as _;
        let signature: p256::ecdsa::Signature = self.secret.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

pub fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

pub fn person(id: &str) -> PersonId {
    id.parse().unwrap()
}

pub fn people(ids: &[&str]) -> BTreeSet<PersonId> {
    ids.iter().map(|id| person(id)).collect()
}

/// Tuesday, 2026-11-24, at this time in UTC.
pub fn at(time: &str) -> Timestamp {
    format!("2026-11-24T{time}:00.000Z").parse().unwrap()
}

/// The organisation's root: owner's keys 1, 51 and 101.
pub fn root() -> TrustedRoot {
    let owner = |seed, role| RootKey {
        key: TestKey::new(seed).public_key().clone(),
        role,
        holder: Some(person("owner")),
    };
    let service = |key, role| RootKey {
        key,
        role,
        holder: None,
    };
    let log = ed25519_dalek::SigningKey::from_bytes(&[201; 32]);
    let root = Root {
        organisation: line("example"),
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::LAST,
        previous: None,
        keys: vec![
            owner(1, Role::Root),
            owner(51, Role::DirectoryOwner),
            owner(101, Role::PolicyOwner),
            service(TestKey::new(200).public_key().clone(), Role::Backend),
            service(PublicKey::ed25519(log.verifying_key().as_bytes()), Role::Log),
        ],
        thresholds: Thresholds {
            root: 1,
            directory: 1,
            policy: 1,
        },
    };
    let sealed = Signed::seal(&root, &[&TestKey::new(1)]).unwrap().into_envelope();
    TrustedRoot::follow(&TrustedRoot::id_of(&sealed), &[sealed]).unwrap()
}

/// alice (who owns the agent) and bob in platform, carol in security, dave in both.
pub fn plain_directory(root: RootId) -> Directory {
    let team = |id: &str| Team {
        id: id.parse().unwrap(),
        display: line(id),
    };
    let human = |id: &str, teams: &[&str]| Person {
        id: person(id),
        display: line(id),
        teams: teams.iter().map(|id| id.parse::<TeamId>().unwrap()).collect(),
        on_call: false,
        accounts: BTreeSet::new(),
    };
    let key = |seed, id: &str| DirectoryKey {
        key: TestKey::new(seed).public_key().clone(),
        role: Role::Reviewer,
        holder: KeyHolder::Person(person(id)),
        assurance: KeyAssurance::Software,
        presence: Presence::Pin,
        not_before: Timestamp::from_millis(0),
        not_after: Timestamp::LAST,
        revoked: None,
    };
    let place = |id: &str, strictness, personal| Environment {
        id: id.parse().unwrap(),
        display: line(id),
        strictness,
        personal,
        allow_same_user: personal,
    };
    Directory {
        root,
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::LAST,
        people: vec![
            human("alice", &["platform"]),
            human("bob", &["platform"]),
            human("carol", &["security"]),
            human("dave", &["platform", "security"]),
        ],
        teams: vec![team("platform"), team("security")],
        agents: vec![Agent {
            id: "deployer".parse().unwrap(),
            display: line("Deployer"),
            owners: people(&["alice"]),
            team: "platform".parse().unwrap(),
            guards: BTreeSet::from(["g1".parse().unwrap()]),
        }],
        guards: vec![Guard {
            id: "g1".parse().unwrap(),
            display: line("host-1"),
        }],
        environments: vec![
            place("laptop", 0, true),
            place("staging", 1, false),
            place("production", 9, false),
        ],
        attestations: Default::default(),
        environment_rules: vec![EnvironmentRule {
            environment: "staging".parse().unwrap(),
            target: line("file://*/srv/staging/*"),
            kinds: BTreeSet::new(),
            guards: BTreeSet::new(),
        }],
        keys: vec![
            key(10, "alice"),
            key(11, "bob"),
            key(12, "carol"),
            key(13, "dave"),
        ],
    }
}

pub fn directory() -> TrustedDirectory {
    directory_with(|_| {})
}

pub fn directory_with(change: impl FnOnce(&mut Directory)) -> TrustedDirectory {
    let root = root();
    let mut directory = plain_directory(*root.id());
    change(&mut directory);
    paper_tpm::attest_all(&mut directory);
    let sealed = Signed::seal(&directory, &[&TestKey::new(51)])
        .unwrap()
        .into_envelope();
    TrustedDirectory::accept(&root, &sealed, 0).unwrap()
}

pub fn file(name: &str, text: &str) -> PolicyFile {
    PolicyFile {
        name: line(name),
        text: Bounded::new(text).unwrap(),
    }
}

/// Loads policies out of a really signed bundle.
pub fn load(files: Vec<PolicyFile>, freezes: Vec<Freeze>) -> Result<Arc<PolicySet>, LoadError> {
    let root = root();
    let bundle = PolicyBundle {
        root: *root.id(),
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::LAST,
        schema: line(SCHEMA_VERSION),
        policies: files,
        freezes,
        limits: Limits::default(),
    };
    let sealed = Signed::seal(&bundle, &[&TestKey::new(101)])
        .unwrap()
        .into_envelope();
    PolicySet::load(&TrustedBundle::accept(&root, &sealed, 0).unwrap())
}

pub fn one(text: &str) -> Result<Arc<PolicySet>, LoadError> {
    load(vec![file("test.cedar", text)], vec![])
}

/// The Cedar files of a folder under `assets/policies`.
pub fn shipped(folder: &str) -> Vec<PolicyFile> {
    let path = assets().join(folder);
    let mut names: Vec<_> = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "cedar"));
    names.sort();
    names
        .iter()
        .map(|path| {
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            file(&name, &std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

pub fn assets() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/policies")
}

/// A change of a Kubernetes manifest in production by alice's agent, of medium risk.
pub fn operation() -> Operation {
    Operation {
        agent: "deployer".parse().unwrap(),
        owners: people(&["alice"]),
        initiators: people(&["alice"]),
        excluded: people(&["alice"]),
        team: "platform".parse().unwrap(),
        kind: "k8s".parse().unwrap(),
        target: "file://host-1/etc/app.yaml".to_owned(),
        environment: "production".parse().unwrap(),
        personal: false,
        isolation: Isolation::SeparateUser,
        findings: BTreeSet::from(["k8s-exposed".to_owned()]),
        severity: Severity::Medium,
    }
}

/// The software key that everybody has, used on the full screen.
pub const SCREEN: Credential = Credential {
    assurance: KeyAssurance::Software,
    presence: Presence::Pin,
    shown: Shown::Whole,
    offline: false,
};
