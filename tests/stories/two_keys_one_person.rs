//! One human with several keys and accounts is one human: one vote, and no approval of their own.

use std::time::Duration;

use countersign_protocol::decision::Verdict;
use countersign_protocol::directory::{DirectoryKey, KeyHolder};
use countersign_protocol::identity::{KeyAssurance, Presence, Role};
use countersign_protocol::request::Phase;
use countersign_protocol::signed::Signer as _;
use countersign_tests::organisation::{line, now};
use countersign_tests::{Organisation, Setup};

use crate::refusal;

const TWO: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("two") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 2 };
"#;

/// An organisation that needs two approvals, where kim has a second key and a chat account.
fn organisation() -> Organisation {
    let mut organisation = Organisation::with(&Setup {
        policy: Some(TWO),
        ..Setup::default()
    });
    let second = organisation.key("kim-second").public_key().clone();
    organisation.publish_directory(|directory| {
        directory.keys.push(DirectoryKey {
            key: second,
            role: Role::Reviewer,
            holder: KeyHolder::Person("kim".parse().unwrap()),
            assurance: KeyAssurance::Software,
            presence: Presence::Pin,
            not_before: now().before(Duration::from_secs(60)),
            not_after: now().after(Duration::from_secs(3600)),
            revoked: None,
        });
        let kim = directory
            .people
            .iter_mut()
            .find(|person| person.id.as_str() == "kim");
        kim.unwrap().accounts.insert(line("slack:u042"));
    });
    organisation
}

#[test]
fn two_keys_of_one_person_are_one_vote() {
    let organisation = organisation();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "kim", Verdict::Approve).unwrap();
    let again = organisation.decision(id, "kim", Verdict::Approve);
    assert_eq!(
        refusal(organisation.send(&again, "kim-second", "kim")),
        "already-voted"
    );
    assert_eq!(organisation.record(id).phase, Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
}

#[test]
fn either_key_is_good_for_the_one_vote() {
    let organisation = organisation();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let first = organisation.decision(id, "kim", Verdict::Approve);
    organisation.send(&first, "kim-second", "kim").unwrap();
    let again = organisation.decision(id, "kim", Verdict::Approve);
    assert_eq!(refusal(organisation.send(&again, "kim", "kim")), "already-voted");
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
}

#[test]
fn who_asked_over_one_account_approves_with_none_of_their_keys() {
    let organisation = organisation();
    for (round, account) in ["slack:u042", "github:kim", "kim"].into_iter().enumerate() {
        let file = format!("app-{round}.conf");
        let client = organisation.ask_change_with(&file, "a\n", "b\n", &["--initiator", account]);
        let id = organisation.wait_for(Phase::Pending);
        let own = organisation.decision(id, "kim", Verdict::Approve);
        for key in ["kim", "kim-second"] {
            assert_eq!(
                refusal(organisation.send(&own, key, "kim")),
                "excluded",
                "{account}, {key}"
            );
        }
        organisation.decide(id, "alex", Verdict::Approve).unwrap();
        organisation.decide(id, "owner", Verdict::Approve).unwrap();
        assert_eq!(client.finish().code, Some(0));
    }
}
