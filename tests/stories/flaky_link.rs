//! The link to the backend is gone while somebody decides: nothing is lost, sent twice or silently changed.

use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::request::Phase;
use countersign_tests::{Console, Organisation, Setup};

use crate::offline_review::SCRIPTS_DECIDE;

fn outbox(console: &Console) -> usize {
    std::fs::read_dir(console.home().join("outbox")).map_or(0, Iterator::count)
}

/// The backend goes away, and `robin` approves a request that was seen before.
fn decide_without_a_link(organisation: &mut Organisation, robin: &Console, id: &str) {
    organisation.backend.take();
    let shown = robin.run(&["show", id, "--plain"]);
    assert!(shown.status.success());
    assert!(
        String::from_utf8_lossy(&shown.stderr).contains("copy"),
        "a copy has to be called one"
    );
    let seen = Sha256Digest::of(&shown.stdout).to_string();
    let kept = robin.run(&[
        "approve",
        id,
        "--view-digest",
        &seen,
        "--reason",
        "read the copy",
        "--pin-fd",
        "0",
    ]);
    assert_eq!(kept.status.code(), Some(5), "signed, but not delivered");
    assert_eq!(outbox(robin), 1);
}

#[test]
fn a_decision_made_without_a_link_is_delivered_once_when_it_is_back() {
    let mut organisation = Organisation::with(&Setup {
        policy: Some(SCRIPTS_DECIDE),
        ..Setup::default()
    });
    let robin = organisation.join("robin");
    let client = organisation.ask_change("app.conf", "a = 1\n", "a = 2\n");
    let id = organisation.wait_for(Phase::Pending);
    robin.must(&["show", &id.to_string(), "--plain"]);
    decide_without_a_link(&mut organisation, &robin, &id.to_string());

    organisation.start_backend();
    robin.must(&["doctor"]);
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
    robin.must(&["doctor"]);
    assert_eq!(outbox(&robin), 0);
    let chain = organisation.chain(id);
    assert_eq!(chain.decisions.len(), 1, "never sent twice");
    assert!(chain.decisions[0].decision.offline);
}

#[test]
fn a_copy_can_be_decided_on_though_the_log_has_grown_since() {
    let mut organisation = Organisation::with(&Setup {
        policy: Some(SCRIPTS_DECIDE),
        ..Setup::default()
    });
    let robin = organisation.join("robin");
    let client = organisation.ask_change("app.conf", "a = 1\n", "a = 2\n");
    let id = organisation.wait_for(Phase::Pending);
    robin.must(&["show", &id.to_string(), "--plain"]);
    // Another request moves the log on, and robin's console sees that it did.
    let other = organisation.ask_change("other.conf", "b = 1\n", "b = 2\n");
    let another = organisation.wait_for_another(Phase::Pending, Some(id));
    organisation.decide(another, "alex", Verdict::Deny).unwrap();
    assert_eq!(other.finish().code, Some(77));
    robin.must(&["log", "checkpoint"]);
    decide_without_a_link(&mut organisation, &robin, &id.to_string());

    organisation.start_backend();
    robin.must(&["doctor"]);
    assert_eq!(client.finish().code, Some(0));
    assert!(organisation.chain(id).decisions[0].decision.offline);
}

#[test]
fn a_decision_that_was_overtaken_is_not_sent_and_the_reviewer_is_told() {
    let mut organisation = Organisation::with(&Setup {
        policy: Some(SCRIPTS_DECIDE),
        ..Setup::default()
    });
    let robin = organisation.join("robin");
    let client = organisation.ask_change("app.conf", "a = 1\n", "a = 2\n");
    let id = organisation.wait_for(Phase::Pending);
    robin.must(&["show", &id.to_string(), "--plain"]);
    decide_without_a_link(&mut organisation, &robin, &id.to_string());

    organisation.start_backend();
    organisation.decide(id, "alex", Verdict::Deny).unwrap();
    assert_eq!(client.finish().code, Some(77));
    let told = robin.run(&["doctor"]);
    let told = countersign_tests::console::said(&told);
    assert!(told.contains("superseded"), "{told}");
    assert_eq!(outbox(&robin), 0);
    assert_eq!(organisation.chain(id).decisions.len(), 1);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "a = 1\n"
    );
}
