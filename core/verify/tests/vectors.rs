//! Test vectors: evidence in files that any implementation can check, those that must fail among them.
//!
//! The files never change. `UPDATE_VECTORS=1` writes them where a new one is added; a changed one is a changed
//! format, and that is a new predicate type instead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines
)]

mod common;

use std::path::PathBuf;

use common::{World, approved_by, at, granted_by, held_by, key, ran_by};
use countersign_protocol::bundle::Evidence;
use countersign_protocol::canonical;
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{ActionDigest, Sha256Digest};
use countersign_protocol::signed::Envelope;
use countersign_verify::{Pinned, Purpose, verify};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Vector {
    file: String,
    root: String,
    at: String,
    purpose: String,
    /// The codes of all problems; none for valid evidence.
    problems: Vec<String>,
    why: String,
}

/// The finding rules of the vectors. They are kept when rules change: evidence carries its own findings.
const RULES: &str = "2026-11-22.1";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/evidence")
}

struct Case {
    name: &'static str,
    why: &'static str,
    purpose: Purpose,
    seconds: u64,
    world: World,
    bend: fn(&mut Evidence),
}

fn cases() -> Vec<Case> {
    let case = |name, why, purpose, seconds, world| Case {
        name,
        why,
        purpose,
        seconds,
        world,
        bend: |_| (),
    };
    let bent = |name, why, world, bend| Case {
        name,
        why,
        purpose: Purpose::Audit,
        seconds: 300,
        world,
        bend,
    };
    let mut two_eyes = held_by(RULES);
    let own = two_eyes.decision("alice");
    two_eyes.decide(&own, "alice", 100);
    let grant = two_eyes.grant();
    two_eyes.give(&grant, "backend");
    let mut denied = approved_by(RULES);
    let mut denial = denied.decision("carol");
    denial.verdict = Verdict::Deny;
    denied.decide(&denial, "carol", 120);
    let mut hidden = approved_by(RULES);
    let mut second = hidden.decision("carol");
    second.verdict = Verdict::Deny;
    hidden.decide(&second, "carol", 120);
    let mut other_guard = approved_by(RULES);
    let mut grant = other_guard.grant();
    grant.guard = "g2".parse().unwrap();
    other_guard.give(&grant, "backend");
    let mut ran_other = granted_by(RULES);
    let mut receipt = ran_other.receipt();
    receipt.action_digest = ActionDigest::new(Sha256Digest::of(b"another action"));
    ran_other.account(&receipt, "g1");
    vec![
        case(
            "valid-succeeded",
            "proposed, approved, granted, run and accounted for",
            Purpose::Audit,
            300,
            ran_by(RULES),
        ),
        case(
            "valid-pending",
            "waits for decisions",
            Purpose::Audit,
            30,
            held_by(RULES),
        ),
        case("valid-denied", "a denial ends it", Purpose::Audit, 150, denied),
        case(
            "valid-grant",
            "a guard may run it now",
            Purpose::Audit,
            210,
            granted_by(RULES),
        ),
        case(
            "self-approval",
            "approved by the agent's owner",
            Purpose::Audit,
            210,
            two_eyes,
        ),
        case(
            "second-guard",
            "the grant is another guard's",
            Purpose::Audit,
            210,
            other_guard,
        ),
        case(
            "ran-something-else",
            "the receipt names another action",
            Purpose::Audit,
            300,
            ran_other,
        ),
        bent(
            "hidden-denial",
            "a logged denial is left out",
            hidden,
            |evidence| {
                evidence.decisions.pop();
            },
        ),
        bent(
            "flipped-payload",
            "one byte of the decision is changed",
            ran_by(RULES),
            |evidence| {
                if let Some(byte) = evidence
                    .decisions
                    .first_mut()
                    .and_then(|logged| logged.envelope.payload.last_mut())
                {
                    *byte ^= 1;
                }
            },
        ),
        bent(
            "no-signature",
            "the decision's signature is taken off",
            ran_by(RULES),
            |evidence| {
                if let Some(logged) = evidence.decisions.first_mut() {
                    logged.envelope.signatures.clear();
                }
            },
        ),
        bent(
            "cut-log",
            "the last leaf is left out",
            ran_by(RULES),
            |evidence| {
                if let Some(log) = &mut evidence.log {
                    log.leaves.pop();
                }
            },
        ),
        bent(
            "swapped-artifact",
            "the document after is another one",
            ran_by(RULES),
            |evidence| {
                for artifact in evidence.artifacts.values_mut() {
                    artifact.0.push(b' ');
                }
            },
        ),
    ]
}

/// The kept bytes are what counts: whatever a newer program would write, it reads these as it always did.
#[test]
fn evidence_vectors_give_the_answers_they_state() {
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        write_missing();
    }
    let index: Vec<Vector> =
        serde_json::from_slice(&std::fs::read(folder().join("index.json")).unwrap()).unwrap();
    let known: Vec<&str> = index.iter().map(|vector| vector.file.as_str()).collect();
    for case in cases() {
        let file = format!("{}.json", case.name);
        assert!(known.contains(&file.as_str()), "{file} was never written");
    }
    for vector in &index {
        let kept = std::fs::read(folder().join(&vector.file)).unwrap();
        let found = answer(vector, &kept);
        assert_eq!(found, vector.problems, "{}: {}", vector.file, vector.why);
        assert_eq!(
            vector.problems.is_empty(),
            vector.file.starts_with("valid-"),
            "{}",
            vector.file
        );
    }
}

fn answer(vector: &Vector, bytes: &[u8]) -> Vec<String> {
    let purpose = match vector.purpose.as_str() {
        "review" => Purpose::Review,
        "execute" => Purpose::Execute,
        _ => Purpose::Audit,
    };
    let report = verify(
        &Evidence::from_json(bytes).unwrap(),
        &Pinned::new(vector.root.parse().unwrap()),
        vector.at.parse().unwrap(),
        purpose,
    );
    report
        .problems
        .iter()
        .map(|problem| problem.code.to_owned())
        .collect()
}

fn write_missing() {
    let path = folder().join("index.json");
    let mut index: Vec<Vector> = std::fs::read(&path)
        .ok()
        .map(|bytes| serde_json::from_slice(&bytes).unwrap())
        .unwrap_or_default();
    for case in cases() {
        let file = format!("{}.json", case.name);
        if index.iter().any(|vector| vector.file == file) {
            continue;
        }
        let mut evidence = case.world.done();
        (case.bend)(&mut evidence);
        let bytes = canonical::to_bytes(&evidence).unwrap();
        std::fs::write(folder().join(&file), &bytes).unwrap();
        let mut vector = Vector {
            file,
            root: case.world.root.id().to_string(),
            at: at(case.seconds).to_string(),
            purpose: format!("{:?}", case.purpose).to_lowercase(),
            problems: vec![],
            why: case.why.to_owned(),
        };
        vector.problems = answer(&vector, &bytes);
        index.push(vector);
    }
    std::fs::write(&path, serde_json::to_string_pretty(&index).unwrap() + "\n").unwrap();
}

/// A decision, the key that signed it, a checkpoint and a proof: for tools that others wrote. They are written
/// once, from evidence that is a vector too.
#[test]
fn parts_for_other_tools_are_kept() {
    let folder = folder().join("../parts");
    if std::env::var_os("UPDATE_VECTORS").is_some() && !folder.join("checkpoint").exists() {
        write_parts(&folder);
    }
    let decision: Envelope =
        canonical::parse(&std::fs::read(folder.join("decision.dsse.json")).unwrap()).unwrap();
    let signer = std::fs::read_to_string(folder.join("decision.pem")).unwrap();
    assert_eq!(signer, pem(key("bob").public.spki()));
    assert_eq!(decision.signatures.len(), 1);
    for name in ["checkpoint", "log.vkey", "leaf-3", "leaf-3.proof"] {
        assert!(folder.join(name).exists(), "{name} is gone");
    }
}

fn write_parts(folder: &std::path::Path) {
    let world = ran_by(RULES);
    let evidence = world.done();
    let decision: &Envelope = &evidence.decisions.first().unwrap().envelope;
    let segment = evidence.log.as_ref().unwrap();
    let leaf = segment.leaves.get(3).unwrap();
    let log_key = world.root.log_keys().next().unwrap();
    let proof: String = leaf
        .proof
        .iter()
        .map(|hash| {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(hash.as_bytes()) + "\n"
        })
        .collect();
    let files = [
        ("decision.dsse.json", canonical::to_bytes(decision).unwrap()),
        ("decision.pem", pem(key("bob").public.spki()).into_bytes()),
        ("checkpoint", segment.checkpoint.clone().into_bytes()),
        (
            "log.vkey",
            countersign_verify::log::verifier_key(&world.root, log_key)
                .unwrap()
                .into_bytes(),
        ),
        ("leaf-3", leaf.leaf.clone().into_bytes()),
        ("leaf-3.proof", proof.into_bytes()),
    ];
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

fn pem(spki: &[u8]) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(spki);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|chunk| std::str::from_utf8(chunk).unwrap())
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}
