//! A laptop is lost. Its key is revoked: what it signs from then on is void, whatever time it states.

use std::time::Duration;

use countersign_protocol::decision::Verdict;
use countersign_protocol::directory::Revocation;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_tests::organisation::{line, now};
use countersign_tests::{Organisation, Setup};
use countersign_verify::Purpose;

use crate::refusal;

const ONE: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("one") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;
const TWO: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("two") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 2 };
"#;

fn organisation(policy: &'static str) -> Organisation {
    Organisation::with(&Setup {
        policy: Some(policy),
        ..Setup::default()
    })
}

/// The owner ends alex's signing key.
fn revoke(organisation: &mut Organisation, compromised_since: Option<Timestamp>) {
    let key = countersign_protocol::signed::Signer::public_key(&organisation.key("alex")).id();
    organisation.publish_directory(|directory| {
        let entry = directory
            .keys
            .iter_mut()
            .find(|entry| entry.key.id() == key)
            .unwrap();
        entry.revoked = Some(Revocation {
            at: now(),
            compromised_since,
            reason: line("laptop lost"),
        });
    });
}

/// A change that alex approved and that ran.
fn done(organisation: &Organisation) -> RequestId {
    let client = organisation.ask_change("done.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
    id
}

#[test]
fn what_is_signed_before_and_sent_after_is_void_and_what_was_logged_before_stands() {
    let mut organisation = organisation(ONE);
    let before = done(&organisation);
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    // Signed while the key was good, and it says so; the thief's clock would say anything.
    let kept = organisation.decision(id, "alex", Verdict::Approve);
    revoke(&mut organisation, None);
    assert_ne!(refusal(organisation.send(&kept, "alex", "alex")), "");
    let fresh = organisation.decision(id, "alex", Verdict::Approve);
    assert_ne!(refusal(organisation.send(&fresh, "alex", "alex")), "");
    assert_eq!(organisation.record(id).phase, Phase::Pending);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "a\n"
    );
    organisation.decide(id, "kim", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
    // What the key decided earlier, and ran, is as good as it was.
    let report = organisation.judge(&organisation.record(before), Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
}

#[test]
fn an_approval_that_waits_for_another_falls_with_its_key() {
    let mut organisation = organisation(TWO);
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    revoke(&mut organisation, None);
    organisation.decide(id, "kim", Verdict::Approve).unwrap();
    assert_eq!(
        organisation.record(id).phase,
        Phase::Pending,
        "alex's approval still counted"
    );
    organisation.decide(id, "owner", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
}

#[test]
fn a_key_that_was_in_other_hands_before_takes_what_was_logged_since_with_it() {
    let mut organisation = organisation(ONE);
    let early = done(&organisation);
    std::thread::sleep(Duration::from_millis(50));
    let since = now();
    let late = {
        let client = organisation.ask_change("late.conf", "a\n", "b\n");
        let id = organisation.wait_for(Phase::Pending);
        organisation.decide(id, "alex", Verdict::Approve).unwrap();
        assert_eq!(client.finish().code, Some(0));
        organisation.wait_until(id, Phase::Succeeded);
        id
    };
    let holds = |organisation: &Organisation, id| {
        organisation
            .judge(&organisation.record(id), Purpose::Audit)
            .is_valid()
    };
    assert!(holds(&organisation, early) && holds(&organisation, late));
    revoke(&mut organisation, Some(since));
    assert!(
        holds(&organisation, early),
        "what was logged before the compromise stands"
    );
    let report = organisation.judge(&organisation.record(late), Purpose::Audit);
    assert!(!report.is_valid(), "what was logged after it does not");
    let void = report.chain.unwrap().decisions[0].void.clone().unwrap();
    assert!(void.contains("is revoked from"), "{void}");
}
