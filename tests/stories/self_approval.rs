//! Nobody approves their own: not the agent's owner, not with a second key, not the one it was started for.

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;

use crate::refusal;

#[test]
fn the_agents_owner_cannot_approve_with_any_key() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let own = organisation.decision(id, "sam", Verdict::Approve);
    assert_eq!(refusal(organisation.send(&own, "sam", "sam")), "excluded");
    assert_eq!(refusal(organisation.send(&own, "sam-second", "sam")), "excluded");
    assert_eq!(organisation.record(id).phase, Phase::Pending);
    drop(client);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "a\n"
    );
}

#[test]
fn a_claimed_initiator_is_excluded_too() {
    let organisation = Organisation::start();
    // The account is linked to alex in the directory.
    let client = organisation.ask_change_with("app.conf", "a\n", "b\n", &["--initiator", "github:alex"]);
    let id = organisation.wait_for(Phase::Pending);
    let own = organisation.decision(id, "alex", Verdict::Approve);
    assert_eq!(refusal(organisation.send(&own, "alex", "alex")), "excluded");
    organisation.decide(id, "kim", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
}

#[test]
fn nobody_decides_in_anothers_name() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let as_alex = organisation.decision(id, "alex", Verdict::Approve);
    // Signed by the owner's key, in alex's name.
    assert!(!refusal(organisation.send(&as_alex, "sam", "sam")).is_empty());
    assert!(!refusal(organisation.send(&as_alex, "sam", "alex")).is_empty());
    assert_eq!(organisation.record(id).phase, Phase::Pending);
    // What alex signed may travel by another's login, as from a machine without a network: it stays alex's.
    organisation.send(&as_alex, "alex", "kim").unwrap();
    let chain = organisation.chain(id);
    assert_eq!(chain.decisions[0].vote.person.as_str(), "alex");
    assert_eq!(client.finish().code, Some(0));
}
