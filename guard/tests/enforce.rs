//! A whole, valid chain gives the right to run once; whatever only this guard knows must fit too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken step is a failed test"
)]

#[path = "../../core/verify/tests/common/mod.rs"]
mod story;

use countersign_client::trust::TrustStore;
use countersign_guard::enforce::{Authority, Expected, Granted, Refusal, check};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::GuardId;
use countersign_protocol::log::origin;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::signed::Envelope;
use countersign_verify::Pinned;
use story::{World, approved, at, granted, key, line, ran, seal};

struct Own {
    pinned: Pinned,
    proposal: Envelope,
    guard: GuardId,
    key: KeyId,
    latest_clock: Timestamp,
}

fn own(world: &World) -> Own {
    Own {
        pinned: Pinned::new(*world.root.id()),
        proposal: world.done().proposal,
        guard: "g1".parse().unwrap(),
        key: key("g1").public.id(),
        latest_clock: at(0),
    }
}

impl Own {
    fn check(&self, evidence: &Evidence, seconds: u64) -> Result<Granted, Refusal> {
        let expected = Expected {
            pinned: &self.pinned,
            proposal: &self.proposal,
            guard: &self.guard,
            key: self.key,
            latest_clock: self.latest_clock,
        };
        check(evidence, &expected, at(seconds))
    }
}

#[test]
fn a_good_chain_may_run() {
    let world = granted();
    let may = own(&world).check(&world.done(), 210).unwrap();
    assert_eq!(may.action_digest, may.action.digest().unwrap());
    let Authority::Grant { request_digest, .. } = may.authority else {
        panic!("{:?}", may.authority)
    };
    let request = world.done().request.envelope.payload_digest();
    assert_eq!(*request_digest.sha256(), request);
    let kept = may.authority.to_bytes().unwrap();
    assert_eq!(Authority::from_bytes(&kept).unwrap(), may.authority);
}

#[test]
fn without_a_grant_or_after_it_was_used_nothing_runs() {
    for world in [approved(), ran()] {
        assert!(own(&world).check(&world.done(), 210).is_err());
    }
}

#[test]
fn another_guards_proposal_grant_or_key_does_not_run() {
    let world = granted();
    let evidence = world.done();
    let mut other = own(&world);
    other.proposal.payload[0] ^= 1;
    assert!(matches!(other.check(&evidence, 210), Err(Refusal::OtherProposal)));
    let mut other = own(&world);
    other.guard = "g2".parse().unwrap();
    assert!(matches!(other.check(&evidence, 210), Err(Refusal::OtherGuard)));
    let mut other = own(&world);
    other.key = key("g2").public.id();
    let refusal = other.check(&evidence, 210).unwrap_err();
    assert!(matches!(refusal, Refusal::OtherGuard) && refusal.is_final());
}

#[test]
fn a_clock_that_cannot_be_believed_stops_it() {
    let world = granted();
    let mut own = own(&world);
    own.latest_clock = at(1000);
    assert!(matches!(
        own.check(&world.done(), 210),
        Err(Refusal::ClockBack { .. })
    ));
    own.latest_clock = at(0);
    for seconds in [0, 5000, 2_000_000] {
        assert!(own.check(&world.done(), seconds).is_err(), "{seconds}");
    }
}

#[test]
fn another_root_or_a_newer_pin_stops_it() {
    let world = granted();
    let mut own = own(&world);
    own.pinned.directory_seen = 9;
    assert!(matches!(own.check(&world.done(), 210), Err(Refusal::Chain(_))));
    own.pinned = Pinned::new("ab".repeat(32).parse().unwrap());
    assert!(matches!(own.check(&world.done(), 210), Err(Refusal::Chain(_))));
}

/// The key that signed this directory was stolen, and the owners have taken it out. Whoever has it by now would rather
/// have that root forgotten.
#[test]
fn a_root_that_was_seen_here_cannot_be_left_out_or_put_another_in_its_place() {
    let world = granted();
    let stolen = key("directory").public.id();
    let mut next = world.root.root().clone().into_predicate();
    next.version = 2;
    next.previous = Some(world.roots[0].payload_digest());
    let keeping = next.clone();
    let owner = next.keys.iter_mut().find(|named| named.key.id() == stolen);
    owner.unwrap().key = key("directory-2").public;
    let document = TrustDocument {
        roots: vec![world.roots[0].clone(), seal(&next, "root")],
        directory: seal(&world.directory, "directory-2"),
        policy: seal(&world.bundle, "policy"),
        log_origin: origin(world.root.id()),
    };
    let folder = tempfile::tempdir().unwrap();
    let mut store = TrustStore::pin(folder.path(), *world.root.id()).unwrap();
    store.refresh(&document, at(205)).unwrap();
    let own = Own {
        pinned: store.pinned(),
        ..own(&world)
    };
    assert!(matches!(own.check(&world.done(), 210), Err(Refusal::Chain(_))));
    let mut other = keeping;
    other.organisation = line("another second root");
    let mut evidence = world.done();
    evidence.roots.push(seal(&other, "root"));
    assert!(matches!(own.check(&evidence, 210), Err(Refusal::Chain(_))));
}

#[test]
fn no_bit_of_the_signed_bytes_can_be_bent() {
    let world = granted();
    let own = own(&world);
    let good = world.done();
    let bend: [fn(&mut Evidence) -> &mut Vec<u8>; 3] = [
        |evidence| &mut evidence.request.envelope.payload,
        |evidence| &mut evidence.grant.as_mut().unwrap().envelope.payload,
        |evidence| &mut evidence.decisions[0].envelope.payload,
    ];
    for (number, part) in bend.into_iter().enumerate() {
        let length = part(&mut good.clone()).len();
        for index in (0..length).step_by(97) {
            let mut bent = good.clone();
            part(&mut bent)[index] ^= 1;
            assert!(own.check(&bent, 210).is_err(), "part {number}, byte {index}");
        }
    }
}
