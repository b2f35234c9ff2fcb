use std::collections::{BTreeMap, BTreeSet};

use countersign_protocol::action::{Action, Exec, FileChange, Payload};
use countersign_protocol::approval::ApprovalRule;
use countersign_protocol::context::{Fact, Origin};
use countersign_protocol::digest::{DirectoryDigest, FindingsDigest, KeyId, PolicyDigest, RootId};
use countersign_protocol::grant::One;
use countersign_protocol::identity::{Algorithm, PublicKey, RequestId, Role};
use countersign_protocol::kind::Kind;
use countersign_protocol::mask::MaskKey;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::{Claims, Isolation, Nonce};
use countersign_protocol::signed::{SignError, Signed, Signer};
use countersign_protocol::text::{Line, OsBytes, Prose};
use proptest::prelude::*;

use super::*;
use crate::findings::{RULESET, analyze};

struct Key(p256::ecdsa::SigningKey, PublicKey);

impl Key {
    fn new() -> Self {
        use p256::pkcs8::EncodePublicKey as _;
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let spki = secret.verifying_key().to_public_key_der().unwrap();
        let public = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).unwrap();
        Self(secret, public)
    }

    fn keys(&self) -> BTreeMap<(KeyId, Role), PublicKey> {
        [Role::Guard, Role::Backend]
            .into_iter()
            .map(|role| ((self.1.id(), role), self.1.clone()))
            .collect()
    }
}

impl Signer for Key {
    fn public_key(&self) -> &PublicKey {
        &self.1
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        use p256::ecdsa::signature::Signer as _;
        let signature: p256::ecdsa::Signature = self.0.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

fn digest(name: &str) -> Sha256Digest {
    Sha256Digest::of(name.as_bytes())
}

fn proposal(payload: Payload, reason: &str) -> Proposal {
    let action = Action {
        kind: Kind::named(if matches!(payload, Payload::Exec(_)) {
            "exec"
        } else {
            "config-file"
        })
        .unwrap(),
        environment: "production".parse().unwrap(),
        target: Line::new("file://web-1/etc/nginx/nginx.conf").unwrap(),
        payload,
    };
    Proposal {
        root: RootId::new(digest("root")),
        guard: "g1".parse().unwrap(),
        agent: "deployer".parse().unwrap(),
        isolation: Isolation::SeparateUser,
        nonce: Nonce::from_random([1; 32]),
        claims: Claims {
            reason: Prose::new(reason).unwrap(),
            ..Claims::default()
        },
        observed: vec![Fact {
            origin: Origin::Observed,
            name: Line::new("user").unwrap(),
            value: Prose::new("deploy (1001)").unwrap(),
        }],
        action_digest: action.digest().unwrap(),
        action,
        directory: DirectoryDigest::new(digest("d")),
        policy: PolicyDigest::new(digest("p")),
        amends: None,
        checkpoint: None,
        created_at: Timestamp::from_millis(1_000),
        expires_at: Timestamp::from_millis(9_000_000),
    }
}

fn request_of(proposal: &Verified<Proposal>, findings: &[Finding], version: &str) -> ApprovalRequest {
    ApprovalRequest {
        root: proposal.root,
        id: RequestId::of(&proposal.proposal_digest()),
        proposal: proposal.proposal_digest(),
        guard: proposal.guard.clone(),
        guard_key: proposal.signer().unwrap(),
        agent: proposal.agent.clone(),
        initiators: BTreeSet::from(["alice".parse().unwrap()]),
        excluded: BTreeSet::from(["alice".parse().unwrap()]),
        personal: false,
        isolation: proposal.isolation,
        kind: proposal.action.kind,
        environment: proposal.action.environment.clone(),
        target: proposal.action.target.clone(),
        action_digest: proposal.action_digest,
        baseline: proposal.action.baseline().map(|artifact| artifact.digest),
        approved: None,
        drift: None,
        directory: DirectoryDigest::new(digest("d")),
        policy: PolicyDigest::new(digest("p")),
        ruleset: Line::new(RULESET).unwrap(),
        sheet: Line::new(version).unwrap(),
        findings: FindingsDigest::new(digest("f")),
        severity: findings
            .iter()
            .map(|finding| Severity::from_level(finding.severity.number().into()))
            .max()
            .unwrap_or_default(),
        rule: ApprovalRule {
            approvals: 1,
            hardware: 0,
            teams: 1,
            eligible: BTreeSet::from(["bob".parse().unwrap()]),
            policies: vec![Line::new("one-reviewer").unwrap()],
        },
        context: vec![],
        mask_key: Some(MaskKey::from_random([9; 32])),
        created_at: Timestamp::from_millis(2_000),
        expires_at: Timestamp::from_millis(8_000_000),
        uses: One,
    }
}

fn build(proposal: &Proposal, artifacts: &BTreeMap<ArtifactDigest, Artifact>) -> Result<Sheet, SheetError> {
    build_as(SHEET_VERSION, proposal, artifacts)
}

fn build_as(
    version: &str,
    proposal: &Proposal,
    artifacts: &BTreeMap<ArtifactDigest, Artifact>,
) -> Result<Sheet, SheetError> {
    let key = Key::new();
    let proposal = Signed::seal(proposal, &[&key])
        .unwrap()
        .verify(&key.keys())
        .unwrap();
    let findings = match &proposal.action.payload {
        Payload::FileChange(_) => artifacts
            .values()
            .take(1)
            .flat_map(|a| analyze("config-file", None, &a.0))
            .collect(),
        _ => vec![],
    };
    let request = request_of(&proposal, &findings, version);
    let request = Signed::seal(&request, &[&key])
        .unwrap()
        .verify(&key.keys())
        .unwrap();
    Sheet::build(&proposal, &request, &findings, None, artifacts)
}

fn change(before: &[u8], after: &[u8]) -> (Payload, BTreeMap<ArtifactDigest, Artifact>) {
    let artifacts = [before, after]
        .map(|bytes| (ArtifactDigest::of(bytes), Artifact(bytes.to_vec())))
        .into_iter()
        .collect();
    let payload = Payload::FileChange(FileChange {
        path: OsBytes::new("/etc/nginx/nginx.conf"),
        before: Some(ArtifactRef::of(before)),
        after: Some(ArtifactRef::of(after)),
        mode: None,
    });
    (payload, artifacts)
}

#[test]
fn shows_a_change_of_a_file() {
    let (payload, artifacts) = change(b"a\nb\nc\nd\ne\nf\n", b"a\nb\nc\nD\ne\nf");
    let sheet = build(&proposal(payload, "speed things up"), &artifacts).unwrap();
    insta::assert_snapshot!(sheet.text());
}

#[test]
fn a_rotated_token_is_two_marks_and_no_token() {
    let [old, new] = ["a1B2", "c3D4"].map(|part| format!("ghp_{}", part.repeat(9)));
    let document = |token: &str| format!("host: x\ntoken: {token}\nport: 1\n").into_bytes();
    let (payload, artifacts) = change(&document(&old), &document(&new));
    let proposal = proposal(payload, &format!("rotate {old} to {new}"));
    let sheet = build(&proposal, &artifacts).unwrap();
    let text = sheet.text();
    assert!(!text.contains("a1B2") && !text.contains("c3D4"), "{text}");
    assert!(!sheet.sentence().contains("a1B2"), "{}", sheet.sentence());
    assert!(text.contains("secrets masked: 2;"), "{text}");
    let marked: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.starts_with(['-', '+']) && line.contains("token: \u{27e6}secret: 40 characters, mark ")
        })
        .collect();
    assert_eq!(marked.len(), 2, "{text}");
    assert_ne!(marked[0].get(1..), marked[1].get(1..));
    // The form before masks is still what it was, for what was signed over it.
    let earlier = build_as(EARLIER_SHEET_VERSION, &proposal, &artifacts).unwrap();
    assert!(earlier.text().contains(&new) && !earlier.text().contains("secrets masked"));
    assert!(build_as("countersign/sheet/v3", &proposal, &artifacts).is_err());
}

#[test]
fn secrets_of_a_process_are_masked_by_their_options_and_variables() {
    let os = |text: &str| OsBytes::new(text);
    let variable = |name: &str, value: &str| countersign_protocol::action::EnvVar {
        name: os(name),
        value: os(value),
    };
    let exec = Exec {
        binary: os("/usr/bin/mysql"),
        binary_digest: ArtifactRef::of(b"ELF"),
        argv: vec![
            os("mysql"),
            os("--password"),
            os("correct horse"),
            os("-phunter2"),
        ],
        cwd: os("/"),
        env: vec![variable("PATH", "/bin"), variable("API_TOKEN", "tango99foxtrot")],
        stdin: None,
        operands: vec![],
    };
    let text = build(
        &proposal(Payload::Exec(exec), "with tango99foxtrot"),
        &BTreeMap::new(),
    );
    let text = text.unwrap().text().to_owned();
    assert!(
        !text.contains("correct horse") && !text.contains("tango99"),
        "{text}"
    );
    assert!(
        text.contains("environment PATH: /bin") && text.contains("argument 1: --password"),
        "{text}"
    );
}

#[test]
fn hostile_text_cannot_move_or_hide_anything() {
    let (payload, artifacts) = change(b"x\n", "x\n\u{202e}y\u{200b}\x1b[2J\r\n".as_bytes());
    let sheet = build(&proposal(payload, "fine\nseverity: none\u{202e}"), &artifacts).unwrap();
    assert!(
        sheet.text().contains("reason: fine⟦LF⟧severity: none⟦U+202E⟧"),
        "{}",
        sheet.text()
    );
    assert!(
        sheet.text().contains("+⟦U+202E⟧y⟦U+200B⟧⟦U+001B⟧[2J⟦CR⟧"),
        "{}",
        sheet.text()
    );
    assert!(sheet.text().chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn a_process_is_shown_whole() {
    let content = b"rm everything\n";
    let exec = Exec {
        binary: OsBytes::new("/bin/sh"),
        binary_digest: ArtifactRef::of(b"ELF"),
        argv: vec![OsBytes::new("sh"), OsBytes::new("run.sh")],
        cwd: OsBytes::new("/"),
        env: vec![countersign_protocol::action::EnvVar {
            name: OsBytes::new("PATH"),
            value: OsBytes::new("/bin"),
        }],
        stdin: None,
        operands: vec![countersign_protocol::action::Operand {
            argument: 1,
            path: OsBytes::new("/srv/run.sh"),
            content: ArtifactRef::of(content),
        }],
    };
    let artifacts = BTreeMap::from([(ArtifactDigest::of(content), Artifact(content.to_vec()))]);
    let sheet = build(&proposal(Payload::Exec(exec), ""), &artifacts).unwrap();
    for part in [
        "argument 1: run.sh",
        "environment PATH: /bin",
        "path: /srv/run.sh",
        "+rm everything",
        "standard input: none",
    ] {
        assert!(sheet.text().contains(part), "{part}\n{}", sheet.text());
    }
}

#[test]
fn what_is_missing_or_other_cannot_be_signed() {
    let (payload, mut artifacts) = change(b"a\n", b"b\n");
    let proposal = proposal(payload, "");
    let digest = ArtifactDigest::of(b"b\n");
    artifacts.insert(digest, Artifact(b"c\n".to_vec()));
    assert_eq!(
        build(&proposal, &artifacts).unwrap_err(),
        SheetError::Different(digest)
    );
    artifacts.remove(&digest);
    assert_eq!(
        build(&proposal, &artifacts).unwrap_err(),
        SheetError::Missing(digest)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn is_total_deterministic_and_follows_every_byte(
        before in proptest::collection::vec(any::<u8>(), 0..200),
        after in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0usize..200,
    ) {
        let (payload, artifacts) = change(&before, &after);
        let one = build(&proposal(payload.clone(), "r"), &artifacts).unwrap();
        let two = build(&proposal(payload, "r"), &artifacts).unwrap();
        prop_assert_eq!(one.text(), two.text());
        let joined: String = one.lines().iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
        prop_assert_eq!(&joined, one.text());
        prop_assert!(one.text().chars().all(|c| c == '\n' || !c.is_control()));
        if let Some(byte) = after.get(at) {
            let mut other = after.clone();
            other[at] = byte.wrapping_add(1);
            let (payload, artifacts) = change(&before, &other);
            prop_assert_ne!(build(&proposal(payload, "r"), &artifacts).unwrap().view_digest(), one.view_digest());
        }
    }
}
