//! What the whole chain costs beside its signatures alone: `cargo bench -p countersign-verify --bench chain`.
//!
//! The peer is the library that checks the signatures (ring), in the same run and on the same machine, over the very
//! signatures of the evidence: nobody who checks each of them can be faster than that. Counted are those that are checked
//! for each chain: proposal, request, decision, grant, receipt and the log's checkpoint.
//!
//! All chains of a run are of one organisation, so what it has signed for all of them is warm: root, directory and
//! policies were verified for the first chain (their signatures aren't counted), the policies compiled, and their people
//! gathered as policies see them. Each chain has a request of its own and is one that was not seen lately.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench has nobody to report an error to but its reader"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{World, at, key, proposal, world};
use countersign_protocol::bundle::{Evidence, Logged};
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::PublicKey;
use countersign_protocol::policy_bundle::PolicyFile;
use countersign_protocol::signed::{Envelope, pae};
use countersign_protocol::text::{Bounded, Line};
use countersign_verify::log::verifier_key;
use countersign_verify::{Pinned, Purpose, verify};
use signed_note::{Note, StandardVerifier, VerifierList};

/// Rounds of which the median is told; both sides take turns, so that a busy machine slows both.
const ROUNDS: usize = 41;
/// The least share of a chain's time that its signatures alone may take.
const PROMISED: f64 = 0.7;
/// Requests in one round, each with its own proposal, approval, grant and receipt, in one organisation: more than any
/// answer is kept for, so that each is judged as one that was never seen.
const REQUESTS: u32 = 24;

fn main() {
    println!(
        "{:<44} {:>10} {:>12} {:>12} {:>8}",
        "evidence", "signatures", "ring alone", "whole chain", "ratio"
    );
    tell("one reviewer, three policies", world);
    tell("one reviewer, the policies of small-team", small_team);
    tell("the same, one of forty reviewers", forty);
}

/// Forty more people with keys, ten of them in each of four teams.
fn forty() -> World {
    let mut world = small_team();
    let directory = &mut world.directory;
    let (person, team, own) = (
        directory.people.first().unwrap().clone(),
        directory.teams.first().unwrap().clone(),
        directory.keys.first().unwrap().clone(),
    );
    for number in 0..4 {
        let mut team = team.clone();
        team.id = format!("team-{number}").parse().unwrap();
        directory.teams.push(team);
    }
    for number in 0..40 {
        let name = format!("person-{number}");
        let mut person = person.clone();
        person.id = name.parse().unwrap();
        person.teams = [format!("team-{}", number % 4).parse().unwrap()].into();
        directory.people.push(person);
        let mut own = own.clone();
        own.key = key(&name).public;
        own.holder = KeyHolder::Person(name.parse().unwrap());
        directory.keys.push(own);
    }
    world
}

fn small_team() -> World {
    let mut world = world();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/policies/small-team");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cedar"))
        .collect();
    files.sort();
    world.bundle.policies = files
        .iter()
        .map(|path| PolicyFile {
            name: Line::new(path.file_name().unwrap().to_str().unwrap()).unwrap(),
            text: Bounded::new(std::fs::read_to_string(path).unwrap()).unwrap(),
        })
        .collect();
    world
}

/// One chain, and its signatures for the library alone.
struct Story {
    evidence: Evidence,
    signatures: Vec<Signature>,
}

struct Signature {
    signer: PublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// The whole story: asked, approved, granted, run.
fn ran(mut world: World, number: u32) -> Story {
    let mut asked = proposal(&world);
    asked.action.target = common::line(&format!("file://web-1/etc/nginx/{number}.conf"));
    asked.action_digest = asked.action.digest().unwrap();
    world.hold(&asked, |_| ());
    let mut decision = world.decision("bob");
    // A console needs a moment to send it: policy is asked about its age.
    decision.decided_at = at(99);
    world.decide(&decision, "bob", 100);
    let grant = world.grant();
    world.give(&grant, "backend");
    let receipt = world.receipt();
    world.account(&receipt, "g1");
    let evidence = world.done();
    Story {
        signatures: signatures(&world, &evidence),
        evidence,
    }
}

fn tell(name: &str, world: fn() -> World) {
    let stories: Vec<Story> = (0..REQUESTS).map(|number| ran(world(), number)).collect();
    let pinned = Pinned::new(*world().root.id());
    let alone = |story: &Story| {
        for Signature {
            signer,
            message,
            signature,
        } in &story.signatures
        {
            assert!(signer.accepts(black_box(message), black_box(signature)));
        }
    };
    let judge = |story: &Story| {
        let report = verify(black_box(&story.evidence), &pinned, at(300), Purpose::Audit);
        assert!(report.is_valid(), "{:?}", report.problems);
    };
    let (mut ring, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ring.push(time(&stories, alone));
        whole.push(time(&stories, judge));
    }
    let (ring, whole) = (median(ring), median(whole));
    let ratio = ring.as_secs_f64() / whole.as_secs_f64();
    println!(
        "{name:<44} {:>10} {ring:>12.1?} {whole:>12.1?} {ratio:>8.2}  {}",
        stories.first().map_or(0, |story| story.signatures.len()),
        if ratio < PROMISED { "MISSED" } else { "reached" }
    );
}

/// The signatures that are checked anew for each chain.
fn signatures(world: &World, evidence: &Evidence) -> Vec<Signature> {
    let logged = |logged: &Logged, by| of_envelope(&logged.envelope, by);
    vec![
        of_envelope(&evidence.proposal, "g1"),
        logged(&evidence.request, "backend"),
        logged(evidence.decisions.first().unwrap(), "bob"),
        logged(evidence.grant.as_ref().unwrap(), "backend"),
        logged(evidence.receipt.as_ref().unwrap(), "g1"),
        of_checkpoint(world, &evidence.log.as_ref().unwrap().checkpoint),
    ]
}

fn of_envelope(envelope: &Envelope, by: &str) -> Signature {
    Signature {
        signer: key(by).public,
        message: pae(&envelope.payload_type, &envelope.payload),
        signature: envelope.signatures.first().unwrap().sig.clone(),
    }
}

fn of_checkpoint(world: &World, text: &str) -> Signature {
    let signer = world.root.log_keys().next().unwrap().clone();
    let verifier = StandardVerifier::new(&verifier_key(&world.root, &signer).unwrap()).unwrap();
    let note = Note::from_bytes(text.as_bytes()).unwrap();
    let (good, _) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    Signature {
        signer,
        message: note.text().to_vec(),
        signature: good.first().unwrap().signature().to_vec(),
    }
}

fn time(stories: &[Story], work: impl Fn(&Story)) -> Duration {
    let start = Instant::now();
    stories.iter().for_each(work);
    start.elapsed() / REQUESTS
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all.get(all.len() / 2).copied().unwrap_or_default()
}
