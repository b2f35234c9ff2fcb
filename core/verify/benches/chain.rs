//! What the whole chain costs beside its signatures alone: `cargo bench -p countersign-verify --bench chain`.
//!
//! The peer is the library that checks the signatures (ring), in the same run and on the same machine: nobody who
//! checks each signature of the evidence can be faster than that.
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
use countersign_protocol::bundle::Evidence;
use countersign_protocol::identity::PublicKey;
use countersign_protocol::policy_bundle::PolicyFile;
use countersign_protocol::signed::pae;
use countersign_protocol::text::{Bounded, Line};
use countersign_verify::{Pinned, Purpose, verify};

/// Rounds of which the median is told; both sides take turns, so that a busy machine slows both.
const ROUNDS: usize = 41;
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

/// The whole story: asked, approved, granted, run.
fn ran(mut world: World, number: u32) -> (World, Evidence) {
    let mut asked = proposal(&world);
    asked.action.target = common::line(&format!("file://web-1/etc/nginx/{number}.conf"));
    asked.action_digest = asked.action.digest().unwrap();
    world.hold(&asked, |_| ());
    let decision = world.decision("bob");
    world.decide(&decision, "bob", 100);
    let grant = world.grant();
    world.give(&grant, "backend");
    let receipt = world.receipt();
    world.account(&receipt, "g1");
    let evidence = world.done();
    (world, evidence)
}

fn tell(name: &str, world: fn() -> World) {
    let stories: Vec<(World, Evidence)> = (0..REQUESTS).map(|number| ran(world(), number)).collect();
    let (first, evidence) = stories.first().unwrap();
    let (pinned, signatures) = (Pinned::new(*first.root.id()), signatures(evidence));
    let judge = |evidence: &Evidence| {
        let report = verify(black_box(evidence), &pinned, at(300), Purpose::Audit);
        assert!(report.is_valid(), "{:?}", report.problems);
    };
    let signer = key("bob").public;
    let alone = |evidence: &Evidence| check_signatures(evidence, &signer);
    let (mut ring, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ring.push(time(&stories, alone));
        whole.push(time(&stories, judge));
    }
    let (ring, whole) = (median(ring), median(whole));
    println!(
        "{name:<44} {signatures:>10} {ring:>12.1?} {whole:>12.1?} {:>8.2}",
        ring.as_secs_f64() / whole.as_secs_f64()
    );
}

/// As many signatures as the evidence has, checked by the library and by nothing else.
fn check_signatures(evidence: &Evidence, signer: &PublicKey) {
    let signed = &evidence.decisions.first().unwrap().envelope;
    let message = pae(&signed.payload_type, &signed.payload);
    let signature = &signed.signatures.first().unwrap().sig;
    for _ in 0..signatures(evidence) {
        assert!(signer.accepts(black_box(&message), black_box(signature)));
    }
}

/// Envelopes' signatures, and the log's under its checkpoint.
fn signatures(evidence: &Evidence) -> usize {
    let trust = evidence
        .roots
        .iter()
        .chain(evidence.directories.iter().map(|logged| &logged.envelope))
        .chain(evidence.policies.iter().map(|logged| &logged.envelope));
    let statements = [&evidence.proposal, &evidence.request.envelope]
        .into_iter()
        .chain(evidence.decisions.iter().map(|logged| &logged.envelope))
        .chain(evidence.grant.iter().map(|logged| &logged.envelope))
        .chain(evidence.receipt.iter().map(|logged| &logged.envelope));
    let in_envelopes: usize = trust
        .chain(statements)
        .map(|envelope| envelope.signatures.len())
        .sum();
    in_envelopes + usize::from(evidence.log.is_some())
}

fn time(stories: &[(World, Evidence)], work: impl Fn(&Evidence)) -> Duration {
    let start = Instant::now();
    stories.iter().for_each(|(_, evidence)| work(evidence));
    start.elapsed() / REQUESTS
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all.get(all.len() / 2).copied().unwrap_or_default()
}
