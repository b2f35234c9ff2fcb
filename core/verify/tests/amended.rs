//! A counter-proposal ends its request, and whoever wrote it cannot approve what comes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::{World, at, held, proposal, seal};
use countersign_protocol::amendment::{Amended, Amendment};
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::bundle::{AmendedRequest, Evidence};
use countersign_protocol::decision::Verdict;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::log::EntryType;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::Signed;
use countersign_verify::{Pinned, Purpose, Report, verify};

fn judge(world: &World, evidence: &Evidence, seconds: u64, purpose: Purpose) -> Report {
    verify(evidence, &Pinned::new(*world.root.id()), at(seconds), purpose)
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.problems.iter().map(|problem| problem.code).collect()
}

/// Carol wants the same, but for a shorter time.
fn amended() -> World {
    let mut world = held();
    let mut denial = world.decision("carol");
    denial.verdict = Verdict::Deny;
    let amendment = Amendment {
        denial,
        action: proposal(&world).action,
        until: at(4_000),
    };
    let request = world.request.clone();
    let envelope = seal(&amendment, "carol");
    let logged = world
        .log
        .append(EntryType::Amend, request.as_ref(), &envelope, at(100));
    world.evidence().amendment = Some(logged);
    world
}

/// The proposal that follows, held by the backend.
fn accepted() -> World {
    accepted_as(|_| (), |_| ())
}

fn accepted_as(bend: impl FnOnce(&mut Proposal), lie: impl FnOnce(&mut ApprovalRequest)) -> World {
    let mut world = amended();
    let earlier = world.evidence.clone().unwrap();
    let directory = TrustedDirectory::accept(&world.root, &earlier.directories[0].envelope, 0).unwrap();
    let step = Amended::new(
        Signed::from(earlier.proposal.clone()).verify(&directory).unwrap(),
        Signed::from(earlier.request.envelope.clone())
            .verify(&world.root)
            .unwrap(),
        Signed::from(earlier.amendment.as_ref().unwrap().envelope.clone())
            .verify(&directory)
            .unwrap(),
        &directory,
    )
    .unwrap();
    let mut next = Proposal {
        amends: Some(step.amends()),
        expires_at: at(4_000),
        nonce: countersign_protocol::proposal::Nonce::from_random([8; 32]),
        ..proposal(&world)
    };
    bend(&mut next);
    world.hold(&next, |request| {
        request.expires_at = at(4_000);
        lie(request);
    });
    world.evidence().amended = vec![AmendedRequest {
        proposal: earlier.proposal,
        request: earlier.request.envelope,
        amendment: earlier.amendment.unwrap(),
    }];
    world
}

fn approved_by(mut world: World, who: &str) -> World {
    let decision = world.decision(who);
    world.decide(&decision, who, 100);
    let grant = world.grant();
    world.give(&grant, "backend");
    world
}

#[test]
fn an_amended_request_is_over() {
    let world = amended();
    let report = judge(&world, &world.done(), 150, Purpose::Review);
    assert!(report.is_valid(), "{:?}", report.problems);
    let chain = report.chain.unwrap();
    assert_eq!(chain.state.phase(), Phase::Denied);
    assert!(chain.amendment.unwrap().void.is_none());
}

#[test]
fn a_hidden_amendment_is_found_in_the_log() {
    let world = amended();
    let mut evidence = world.done();
    evidence.amendment = None;
    assert_eq!(
        codes(&judge(&world, &evidence, 150, Purpose::Review)),
        ["hidden-entry"]
    );
}

#[test]
fn what_follows_runs_when_somebody_else_approves() {
    let world = approved_by(accepted(), "bob");
    let report = judge(&world, &world.done(), 210, Purpose::Execute);
    assert!(report.is_valid(), "{:?}", report.problems);
    let chain = report.chain.unwrap();
    assert_eq!(chain.amended.len(), 1);
    let excluded: Vec<&str> = chain
        .request
        .excluded
        .iter()
        .map(countersign_protocol::identity::PersonId::as_str)
        .collect();
    assert_eq!(excluded, ["alice", "carol"]);
    for field in ["amends: r-", "written by: carol", "because: read it"] {
        assert!(chain.sheet.text().contains(field), "{field}");
    }
}

#[test]
fn an_amenders_approval_runs_nothing() {
    let world = approved_by(accepted(), "carol");
    let report = judge(&world, &world.done(), 210, Purpose::Execute);
    assert!(codes(&report).contains(&"no-quorum"), "{:?}", report.problems);
    let chain = report.chain.unwrap();
    assert!(chain.decisions[0].void.as_ref().unwrap().contains("amended it"));
}

#[test]
fn a_backend_that_forgets_the_amender_is_found_out() {
    let lying = accepted_as(
        |_| (),
        |request| {
            request.excluded.remove(&"carol".parse().unwrap());
        },
    );
    let report = judge(&lying, &lying.done(), 30, Purpose::Review);
    assert_eq!(codes(&report), ["request-differs"]);
}

#[test]
fn a_backend_that_leaves_the_amendment_out_is_found_out() {
    let world = accepted();
    let mut evidence = world.done();
    evidence.amended.clear();
    assert_eq!(
        codes(&judge(&world, &evidence, 30, Purpose::Review)),
        ["invalid-amendment"]
    );
    let mut other = world.done();
    other.amended[0].amendment.envelope = seal(&world.decision("carol"), "carol");
    assert_eq!(
        codes(&judge(&world, &other, 30, Purpose::Review)),
        ["invalid-amendment"]
    );
}

#[test]
fn a_guard_that_does_not_say_what_it_amends_is_found_out() {
    let silent = accepted_as(|proposal| proposal.amends = None, |_| ());
    assert_eq!(
        codes(&judge(&silent, &silent.done(), 30, Purpose::Review)),
        ["invalid-amendment"]
    );
    let forgetful = accepted_as(
        |proposal| {
            let amends = proposal.amends.as_mut().unwrap();
            amends.excluded.remove(&"alice".parse().unwrap());
        },
        |_| (),
    );
    assert_eq!(
        codes(&judge(&forgetful, &forgetful.done(), 30, Purpose::Review)),
        ["invalid-amendment"]
    );
    let longer = accepted_as(|proposal| proposal.expires_at = at(4_500), |_| ());
    assert_eq!(
        codes(&judge(&longer, &longer.done(), 30, Purpose::Review)),
        ["invalid-amendment"]
    );
}
