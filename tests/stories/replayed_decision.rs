//! A decision counts once, for one asking.

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::{Organisation, Setup};

use crate::refusal;

const TWO: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("two") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 2 };
"#;

#[test]
fn the_same_decision_or_another_by_the_same_person_is_not_a_second_vote() {
    let organisation = Organisation::with(&Setup {
        policy: Some(TWO),
        ..Setup::default()
    });
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let first = organisation.decision(id, "alex", Verdict::Approve);
    organisation.send(&first, "alex", "alex").unwrap();
    // The very same again is no second vote, whether it is refused or answered as before.
    let _ = organisation.send(&first, "alex", "alex");
    assert_eq!(organisation.record(id).phase, Phase::Pending);
    assert_eq!(
        refusal(organisation.decide(id, "alex", Verdict::Approve)),
        "already-voted"
    );
    assert_eq!(organisation.record(id).phase, Phase::Pending);
    organisation.decide(id, "kim", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
}

#[test]
fn an_approval_of_one_asking_does_not_count_for_the_next() {
    let organisation = Organisation::start();
    let first = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let decision = organisation.decision(id, "alex", Verdict::Approve);
    organisation.send(&decision, "alex", "alex").unwrap();
    assert_eq!(first.finish().code, Some(0));
    // The very same change is asked again.
    let second = organisation.ask_change("app.conf", "a\n", "b\n");
    let again = organisation.wait_for(Phase::Pending);
    assert_ne!(again, id);
    let mut moved = decision;
    moved.request = again;
    assert!(!refusal(organisation.send(&moved, "alex", "alex")).is_empty());
    assert_eq!(organisation.record(again).phase, Phase::Pending);
    drop(second);
}
