//! What the whole chain costs beside its signatures alone: `cargo bench -p countersign-verify --bench chain`.
//!
//! The peer is the library that checks the signatures (ring), in the same run and on the same machine, over the very
//! signatures of the evidence. It is counted twice: over the six that are checked anew for each chain (proposal, request,
//! decision, grant, receipt, checkpoint), and over all nine in the chain, with those of root, directory and policy.
//!
//! The chains of one row are of one organisation and one agent, as in a queue or an archive. What is remembered from one to
//! the next are the organisation's verified and compiled documents, and what policy answered to questions that its policies
//! cannot tell apart. Each chain has a target of its own and approvals of another age, and none was seen lately. The last
//! row is of organisations each of which is seen for the first time: nothing is remembered, and all nine are checked.
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
use std::time::Instant;

use common::{World, at, key, proposal, world, world_of};
use countersign_protocol::bundle::{Evidence, Logged};
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::PublicKey;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::PolicyFile;
use countersign_protocol::signed::{Envelope, pae};
use countersign_protocol::text::{Bounded, Line};
use countersign_verify::log::verifier_key;
use countersign_verify::{Pinned, Purpose, verify};
use signed_note::{Note, StandardVerifier, VerifierList};

/// Rounds of which the medians are told, those of the ratios too: both sides of one take turns, so that a busy machine
/// slows both.
const ROUNDS: usize = 41;
/// The least share of a chain's time that its signatures alone may take.
const PROMISED: f64 = 0.7;
/// The signatures of a chain that are checked though root, directory and policy are known.
const CHECKED_ANEW: usize = 6;
/// Requests in one round, each with its own proposal, approval, grant and receipt, in one organisation: more than any
/// answer is kept for, so that each is judged as one that was never seen.
const REQUESTS: u32 = 24;

fn main() {
    println!(
        "ring alone beside the whole chain: over the signatures that are checked anew, and over all in the chain"
    );
    println!(
        "remembered between chains: trust documents, and answers of policy to what its policies cannot tell apart\n"
    );
    println!(
        "{:<42} {:>11} {:>11} {:>11}   ratio",
        "evidence", "ring anew", "ring all", "whole chain"
    );
    tell("one reviewer, three policies", |_| world(), CHECKED_ANEW);
    tell(
        "one reviewer, the policies of small-team",
        |_| small_team(world()),
        CHECKED_ANEW,
    );
    tell(
        "the same, one of forty reviewers",
        |_| forty(small_team(world())),
        CHECKED_ANEW,
    );
    let unknown = |number| small_team(world_of(&format!("Example {number}")));
    tell("small-team, each organisation unknown", unknown, CHECKED_ANEW + 3);
}

/// Forty more people with keys, ten of them in each of four teams.
fn forty(mut world: World) -> World {
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

fn small_team(mut world: World) -> World {
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

/// One chain, its pin, and its signatures for the library alone: first those that are always checked anew.
struct Story {
    evidence: Evidence,
    pinned: Pinned,
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
    // A console needs a moment to send it, each another: policy is asked about its age.
    decision.decided_at = Timestamp::from_millis(at(99).millis() + u64::from(number));
    world.decide(&decision, "bob", 100);
    let grant = world.grant();
    world.give(&grant, "backend");
    let receipt = world.receipt();
    world.account(&receipt, "g1");
    let evidence = world.done();
    Story {
        signatures: signatures(&world, &evidence),
        pinned: Pinned::new(*world.root.id()),
        evidence,
    }
}

fn tell(name: &str, world: impl Fn(u32) -> World, checked: usize) {
    let stories: Vec<Story> = (0..REQUESTS).map(|number| ran(world(number), number)).collect();
    let alone = |story: &Story, count: usize| {
        for Signature {
            signer,
            message,
            signature,
        } in story.signatures.iter().take(count)
        {
            assert!(signer.accepts(black_box(message), black_box(signature)));
        }
    };
    let judge = |story: &Story| {
        let report = verify(black_box(&story.evidence), &story.pinned, at(300), Purpose::Audit);
        assert!(report.is_valid(), "{:?}", report.problems);
    };
    let rounds: Vec<[f64; 3]> = (0..ROUNDS)
        .map(|_| {
            let anew = time(&stories, |story| alone(story, checked));
            let whole = time(&stories, judge);
            let all = time(&stories, |story| alone(story, usize::MAX));
            [anew, all, whole]
        })
        .collect();
    let of_all = stories.first().map_or(0, |story| story.signatures.len());
    let micros = |column: usize| 1e6 * median(rounds.iter().map(|round| round[column]));
    let share = |column: usize, signatures: usize| {
        let ratio = median(rounds.iter().map(|round| round[column] / round[2]));
        let told = if ratio < PROMISED { "MISSED" } else { "reached" };
        format!("{ratio:.2} over {signatures} {told}")
    };
    println!(
        "{name:<42} {:>8.0} µs {:>8.0} µs {:>8.0} µs   {}, {}",
        micros(0),
        micros(1),
        micros(2),
        share(0, checked),
        share(1, of_all)
    );
}

fn signatures(world: &World, evidence: &Evidence) -> Vec<Signature> {
    let logged = |logged: &Logged, by| of_envelope(&logged.envelope, by);
    vec![
        of_envelope(&evidence.proposal, "g1"),
        logged(&evidence.request, "backend"),
        logged(evidence.decisions.first().unwrap(), "bob"),
        logged(evidence.grant.as_ref().unwrap(), "backend"),
        logged(evidence.receipt.as_ref().unwrap(), "g1"),
        of_checkpoint(world, &evidence.log.as_ref().unwrap().checkpoint),
        of_envelope(evidence.roots.first().unwrap(), "root"),
        logged(evidence.directories.first().unwrap(), "directory"),
        logged(evidence.policies.first().unwrap(), "policy"),
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

/// Seconds for one story.
fn time(stories: &[Story], work: impl Fn(&Story)) -> f64 {
    let start = Instant::now();
    stories.iter().for_each(work);
    start.elapsed().as_secs_f64() / f64::from(REQUESTS)
}

fn median(all: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
