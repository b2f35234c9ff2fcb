//! What the asker took back does not run.

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;

use crate::refusal;

#[test]
fn a_withdrawn_request_takes_no_decision() {
    let organisation = Organisation::start();
    let ticket = organisation
        .ask_change_with("app.conf", "a\n", "b\n", &["--ticket"])
        .finish();
    assert_eq!(ticket.code, Some(75), "{}", ticket.stderr);
    let id = organisation.wait_for(Phase::Pending);
    let late = organisation.decision(id, "alex", Verdict::Approve);
    let withdrawn = organisation.agent(&["withdraw", &id.to_string()]).finish();
    assert_eq!(withdrawn.code, Some(0), "{}", withdrawn.stderr);
    organisation.wait_until(id, Phase::Withdrawn);
    assert!(!refusal(organisation.send(&late, "alex", "alex")).is_empty());
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "a\n"
    );
}

#[test]
fn an_agent_that_goes_away_while_it_waits_has_withdrawn() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    drop(client);
    organisation.wait_until(id, Phase::Withdrawn);
}
