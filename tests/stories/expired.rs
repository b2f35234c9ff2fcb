//! What nobody decided in time does not run.

use std::time::Duration;

use countersign_protocol::decision::Verdict;
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::request::Phase;
use countersign_tests::{Organisation, Setup};

use crate::{guard_state, refusal};

#[test]
fn a_request_nobody_answered_expires_and_takes_no_decision() {
    let limits = Limits {
        request_seconds: 3,
        ..Limits::default()
    };
    let organisation = Organisation::with(&Setup {
        limits: Some(limits),
        ..Setup::default()
    });
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let late = organisation.decision(id, "alex", Verdict::Approve);
    std::thread::sleep(Duration::from_secs(3));
    let refused = refusal(organisation.send(&late, "alex", "alex"));
    assert!(["expired", "over"].contains(&refused.as_str()), "{refused}");
    let ended = client.finish();
    assert_eq!(
        (ended.code, guard_state(&ended.stderr).as_str()),
        (Some(75), "expired"),
        "{}",
        ended.stderr
    );
    organisation.wait_until(id, Phase::Expired);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "a\n"
    );
}
