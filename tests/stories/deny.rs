//! A denial from one eligible person ends it.

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;

use crate::{guard_state, refusal};

#[test]
fn a_denied_change_does_not_run_and_cannot_be_approved_afterwards() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let late = organisation.decision(id, "kim", Verdict::Approve);
    organisation.decide(id, "alex", Verdict::Deny).unwrap();
    let ended = client.finish();
    assert_eq!(
        (ended.code, guard_state(&ended.stderr).as_str()),
        (Some(77), "denied"),
        "{}",
        ended.stderr
    );
    assert!(!refusal(organisation.send(&late, "kim", "kim")).is_empty());
    assert_eq!(organisation.record(id).phase, Phase::Denied);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "a\n"
    );
}
