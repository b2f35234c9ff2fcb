use super::*;
use crate::attestation;
use crate::root::tests::{root, sealed};
use crate::signed::Signer;
use crate::signed::tests::TestKey;
use proptest::prelude::*;

pub(crate) fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

/// A root whose directory owner is the key of seed 51, and a directory of three people in two teams.
pub(crate) fn sample() -> (TrustedRoot, Directory) {
    let first = sealed(&root(&[1], 1), &[1]);
    let root = TrustedRoot::follow(&TrustedRoot::id_of(&first), &[first]).unwrap();
    let person = |id: &str, team: &str| Person {
        id: id.parse().unwrap(),
        display: line(id),
        teams: BTreeSet::from([team.parse().unwrap()]),
        on_call: false,
        accounts: BTreeSet::from([line(&format!("github:{id}"))]),
    };
    let key = |seed: u8, role, holder| DirectoryKey {
        key: TestKey::new(seed).public_key().clone(),
        role,
        holder,
        assurance: KeyAssurance::Software,
        presence: Presence::Pin,
        not_before: Timestamp::from_millis(0),
        not_after: Timestamp::LAST,
        revoked: None,
    };
    let holder = |id: &str| KeyHolder::Person(id.parse().unwrap());
    let place = |id: &str, strictness| Environment {
        id: id.parse().unwrap(),
        display: line(id),
        strictness,
        personal: false,
        allow_same_user: false,
    };
    let directory = Directory {
        root: *root.id(),
        version: 3,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(1_000_000),
        people: vec![
            person("alice", "sre"),
            person("bob", "sre"),
            person("carol", "security"),
        ],
        teams: ["sre", "security"]
            .map(|id| Team {
                id: id.parse().unwrap(),
                display: line(id),
            })
            .to_vec(),
        agents: vec![Agent {
            id: "deployer".parse().unwrap(),
            display: line("Deployer"),
            owners: BTreeSet::from(["alice".parse().unwrap()]),
            team: "sre".parse().unwrap(),
            guards: BTreeSet::from(["g1".parse().unwrap()]),
        }],
        guards: vec![Guard {
            id: "g1".parse().unwrap(),
            display: line("web-1"),
        }],
        environments: vec![place("staging", 1), place("production", 9)],
        attestations: Default::default(),
        environment_rules: vec![EnvironmentRule {
            environment: "staging".parse().unwrap(),
            target: line("file://*/srv/staging/*"),
            kinds: BTreeSet::new(),
            guards: BTreeSet::new(),
        }],
        keys: vec![
            key(10, Role::Reviewer, holder("alice")),
            key(11, Role::Reviewer, holder("bob")),
            key(12, Role::Reviewer, holder("carol")),
            key(20, Role::Guard, KeyHolder::Guard("g1".parse().unwrap())),
        ],
    };
    (root, directory)
}

pub(crate) fn accept(root: &TrustedRoot, directory: &Directory) -> Result<TrustedDirectory, DirectoryError> {
    let envelope = Signed::seal(directory, &[&TestKey::new(51)])
        .unwrap()
        .into_envelope();
    TrustedDirectory::accept(root, &envelope, 0)
}

fn refusal(change: impl FnOnce(&mut Directory)) -> String {
    let (root, mut directory) = sample();
    change(&mut directory);
    accept(&root, &directory).unwrap_err().to_string()
}

#[test]
fn is_accepted_from_its_owner_only() {
    let (root, directory) = sample();
    assert!(accept(&root, &directory).is_ok());
    let by_another = Signed::seal(&directory, &[&TestKey::new(99)])
        .unwrap()
        .into_envelope();
    assert!(matches!(
        TrustedDirectory::accept(&root, &by_another, 0),
        Err(DirectoryError::Signature(_))
    ));
}

#[test]
fn an_older_or_expired_one_is_refused() {
    let (root, directory) = sample();
    let envelope = Signed::seal(&directory, &[&TestKey::new(51)])
        .unwrap()
        .into_envelope();
    assert!(matches!(
        TrustedDirectory::accept(&root, &envelope, 4),
        Err(DirectoryError::Older { found: 3, seen: 4 })
    ));
    let accepted = TrustedDirectory::accept(&root, &envelope, 3).unwrap();
    assert!(accepted.check_fresh(Timestamp::from_millis(999_999)).is_ok());
    assert!(accepted.check_fresh(Timestamp::from_millis(1_000_000)).is_err());
}

#[test]
fn rules_are_kept() {
    assert!(refusal(|d| d.keys.push(d.keys[0].clone())).contains("is named twice"));
    assert!(refusal(|d| d.keys[0].key = TestKey::new(1).public_key().clone()).contains("is named twice"));
    assert!(refusal(|d| d.keys[0].role = Role::Guard).contains("cannot have"));
    assert!(refusal(|d| d.keys[0].role = Role::PolicyOwner).contains("cannot have"));
    assert!(refusal(|d| d.agents[0].owners.clear()).contains("has no owner"));
    assert!(refusal(|d| d.people[0].id = "bob".parse().unwrap()).contains("`bob` is there twice"));
    assert!(refusal(|d| d.people[0].accounts = BTreeSet::from([line("carol")])).contains("also the id"));
    assert!(refusal(|d| d.people[1].accounts = d.people[0].accounts.clone()).contains("there twice"));
    assert!(refusal(|d| d.agents[0].team = "nobody".parse().unwrap()).contains("`nobody` is named"));
    assert!(refusal(|d| d.keys[0].presence = Presence::Touch).contains("touch"));
    let ssh = |d: &mut Directory| {
        d.keys[1].key = d.keys[1]
            .key
            .clone()
            .in_format(crate::identity::SignatureFormat::Sshsig);
        d.keys[1].role = Role::Login;
    };
    assert!(refusal(ssh).contains("decisions alone"));
    assert!(refusal(|d| d.environments.clear()).contains("no environment"));
}

#[test]
fn no_directory_makes_a_key_attested_by_saying_so() {
    let claim = |d: &mut Directory| d.keys[0].assurance = KeyAssurance::HardwareAttested;
    assert!(refusal(claim).contains("without evidence"));
    // Evidence of somebody else's key, really from a TPM, under the maker's own root.
    let evidence = || {
        let text = include_bytes!("../tests/fixtures/swtpm/evidence.json");
        serde_json::from_slice::<attestation::TpmEvidence>(text).unwrap()
    };
    let certificate = |bytes: &[u8]| attestation::Certificate(bytes.to_vec());
    let attested = |d: &mut Directory, at: u64| {
        d.issued_at = "2026-12-01T00:00:00.000Z".parse().unwrap();
        d.attestations = Attestations {
            roots: vec![certificate(include_bytes!("../tests/fixtures/swtpm/root.der"))],
            issuers: vec![certificate(include_bytes!("../tests/fixtures/swtpm/issuer.der"))],
            keys: vec![attestation::KeyAttestation {
                key: d.keys[0].key.id(),
                challenge: Sha256Digest::of(b"challenge"),
                at: Timestamp::from_millis(at),
                evidence: evidence(),
            }],
        };
    };
    let both = |d: &mut Directory| {
        claim(d);
        let now: Timestamp = "2026-11-30T00:00:00.000Z".parse().unwrap();
        attested(d, now.millis());
    };
    assert!(refusal(both).contains("about another key"));
    let later = |d: &mut Directory| {
        both(d);
        d.issued_at = Timestamp::from_millis(5);
    };
    assert!(refusal(later).contains("judged after"));
    assert!(refusal(|d| attested(d, 1)).contains("not called attested"));
    let twice = |d: &mut Directory| {
        both(d);
        d.attestations.keys.push(d.attestations.keys[0].clone());
    };
    assert!(refusal(twice).contains("there twice"));
    let many = |d: &mut Directory| d.attestations.issuers = vec![certificate(&[0; 9000])];
    assert!(refusal(many).contains("longer than"));
}

#[test]
fn keys_count_within_their_time() {
    let (root, mut directory) = sample();
    directory.keys[0].not_before = Timestamp::from_millis(10);
    directory.keys[0].not_after = Timestamp::from_millis(100);
    directory.keys[0].revoked = Some(Revocation {
        at: Timestamp::from_millis(50),
        compromised_since: Some(Timestamp::from_millis(40)),
        reason: line("laptop lost"),
    });
    let trusted = accept(&root, &directory).unwrap();
    let id = TestKey::new(10).public_key().id();
    let at = |millis| trusted.key_at(&id, Role::Reviewer, Timestamp::from_millis(millis));
    assert!(matches!(at(9), Err(KeyProblem::Early(..))));
    assert!(at(39).is_ok());
    assert!(matches!(at(40), Err(KeyProblem::Revoked(..))));
    assert!(matches!(
        trusted.key_at(&id, Role::Login, Timestamp::from_millis(20)),
        Err(KeyProblem::Unknown(_))
    ));
}

#[test]
fn environments_come_from_rules_and_default_to_the_strictest() {
    let (root, directory) = sample();
    let trusted = accept(&root, &directory).unwrap();
    let guard = "g1".parse().unwrap();
    let of = |target| {
        trusted
            .environment_of(Kind::named("config-file").unwrap(), target, &guard)
            .unwrap()
            .id
            .as_str()
    };
    assert_eq!(of("file://web-1/srv/staging/a.conf"), "staging");
    assert_eq!(of("file://web-1/etc/passwd"), "production");
}

#[test]
fn claimed_names_are_found_by_account_too() {
    let (root, directory) = sample();
    let trusted = accept(&root, &directory).unwrap();
    assert_eq!(trusted.person_claimed("github:bob").unwrap().id.as_str(), "bob");
    assert!(trusted.person_claimed("mallory").is_none());
}

#[test]
fn patterns() {
    for (pattern, text, fits) in [
        ("a*c", "abc", true),
        ("a*c", "ac", true),
        ("a*c", "acd", false),
        ("*", "", true),
        ("", "", true),
        ("", "x", false),
        ("a**b", "ab", true),
        ("*ab*ab", "abab", true),
        ("*ab*ab", "ab", false),
    ] {
        assert_eq!(matches_pattern(pattern, text), fits, "{pattern} {text}");
    }
}

proptest! {
    #[test]
    fn a_pattern_without_stars_fits_itself_only(pattern in "[a-c]{0,6}", text in "[a-c]{0,6}") {
        prop_assert_eq!(matches_pattern(&pattern, &text), pattern == text);
    }

    #[test]
    fn stars_fit_any_run(parts in proptest::collection::vec("[ab]{0,3}", 1..4), fill in "[ab]{0,4}") {
        prop_assert!(matches_pattern(&parts.join("*"), &parts.join(&fill)));
    }
}
