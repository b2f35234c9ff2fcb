//! What the whole chain costs beside its signatures alone: `cargo bench -p countersign-verify --bench chain`.
//!
//! The peer is the library that checks the signatures (ring), in the same run and on the same machine: nobody who
//! checks each signature of the evidence can be faster than that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench has nobody to report an error to but its reader"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{World, at, key, proposal, world};
use countersign_protocol::bundle::Evidence;
use countersign_protocol::policy_bundle::PolicyFile;
use countersign_protocol::signed::Signer as _;
use countersign_protocol::text::{Bounded, Line};
use countersign_verify::{Pinned, Purpose, verify};

/// Rounds of which the median is told; both sides take turns, so that a busy machine slows both.
const ROUNDS: usize = 41;
/// Calls in one round.
const CALLS: u32 = 8;

fn main() {
    println!(
        "{:<44} {:>10} {:>12} {:>12} {:>8}",
        "evidence", "signatures", "ring alone", "whole chain", "ratio"
    );
    tell("one reviewer, three policies", &ran(world()));
    tell("one reviewer, the policies of small-team", &ran(small_team()));
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
fn ran(mut world: World) -> (World, Evidence) {
    let asked = proposal(&world);
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

fn tell(name: &str, (world, evidence): &(World, Evidence)) {
    let pinned = Pinned::new(*world.root.id());
    let judge = || verify(black_box(evidence), &pinned, at(300), Purpose::Audit);
    let report = judge();
    assert!(report.is_valid(), "{:?}", report.problems);
    let signatures = signatures(evidence);
    let signer = key("bob");
    let message = vec![7_u8; 2000];
    let signature = signer.sign(&message).unwrap();
    let check = || assert!(signer.public.accepts(black_box(&message), black_box(&signature)));
    let (mut one, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(time(|| (0..signatures).for_each(|_| check())));
        whole.push(time(|| drop(black_box(judge()))));
    }
    let (one, whole) = (median(one), median(whole));
    println!(
        "{name:<44} {signatures:>10} {one:>12.1?} {whole:>12.1?} {:>8.2}",
        one.as_secs_f64() / whole.as_secs_f64()
    );
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
    let in_envelopes: usize = trust.chain(statements).map(|envelope| envelope.signatures.len()).sum();
    in_envelopes + usize::from(evidence.log.is_some())
}

fn time(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..CALLS {
        work();
    }
    start.elapsed() / CALLS
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all.get(all.len() / 2).copied().unwrap_or_default()
}
