//! A reviewer answers with less; the agent accepts; somebody else approves; exactly that runs.

use std::time::Duration;

use countersign_protocol::action::{ArtifactRef, Payload};
use countersign_protocol::amendment::Amendment;
use countersign_protocol::api::{AmendBody, RequestRecord};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_protocol::text::Prose;
use countersign_tests::Organisation;
use countersign_tests::organisation::now;
use countersign_verify::Purpose;

use crate::{guard_state, refusal};

const ASKED: &str = "workers = 64\nlog = info\n";
const LESS: &str = "workers = 8\nlog = info\n";

/// An amendment that puts `text` in place of the document asked for.
fn counter(organisation: &Organisation, id: RequestId, person: &str, text: &str) -> Amendment {
    let mut denial = organisation.decision(id, person, Verdict::Deny);
    denial.reason = Prose::new("eight are enough").unwrap();
    let chain = organisation.chain(id);
    let mut action = chain.proposal.action.clone();
    if let Payload::FileChange(change) = &mut action.payload {
        change.after = Some(ArtifactRef::of(text.as_bytes()));
    }
    Amendment {
        denial,
        action,
        until: chain.request.expires_at,
    }
}

fn send(
    organisation: &Organisation,
    id: RequestId,
    person: &str,
    amendment: &Amendment,
    text: &str,
) -> Result<RequestRecord, countersign_client::transport::ClientError> {
    let body = AmendBody {
        amendment: organisation.seal(amendment, person),
        artifacts: vec![Artifact(text.as_bytes().to_vec())],
    };
    organisation
        .runtime
        .block_on(organisation.backend_as(person).amend(id, &body))
}

fn json(stderr: &str) -> serde_json::Value {
    let line = stderr.lines().rev().find(|line| line.starts_with('{')).unwrap();
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_narrowed_change_runs_as_another_reviewer_approved_it() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "workers = 4\nlog = info\n", ASKED);
    let asked = organisation.wait_for(Phase::Pending);
    let amendment = counter(&organisation, asked, "kim", LESS);
    send(&organisation, asked, "kim", &amendment, LESS).unwrap();
    // The same again changes nothing.
    send(&organisation, asked, "kim", &amendment, LESS).unwrap();

    let ended = client.finish();
    let said = json(&ended.stderr);
    assert_eq!(ended.code, Some(77), "{}", ended.stderr);
    assert_eq!(
        (&said["state"], &said["code"]),
        (&"denied".into(), &"counter-proposed".into())
    );
    assert!(
        said["message"].as_str().unwrap().contains("eight are enough"),
        "{said}"
    );
    assert_eq!(said["counter"]["amender"], "kim");
    let difference = said["counter"]["difference"].to_string();
    assert!(
        difference.contains("-workers = 64") && difference.contains("+workers = 8"),
        "{said}"
    );

    // The agent cannot pass the reviewer's work off as its own idea: its author could then approve it.
    let own = organisation
        .ask_change_with("app.conf", "workers = 4\nlog = info\n", LESS, &[])
        .finish();
    assert!(own.stderr.contains("counter-proposed"), "{}", own.stderr);

    let client = organisation.agent(&["accept", &asked.to_string(), "--json"]);
    let id = organisation.wait_for(Phase::Pending);
    assert_ne!(id, asked);
    assert_eq!(organisation.record(asked).followed, Some(id));
    let chain = organisation.chain(id);
    let sheet = chain.sheet.text().to_owned();
    assert!(
        sheet.contains(&format!("amends: {asked}")) && sheet.contains("written by: kim"),
        "{sheet}"
    );
    assert!(chain.request.excluded.contains(&"kim".parse().unwrap()));

    let by_amender = organisation.decision(id, "kim", Verdict::Approve);
    assert_eq!(refusal(organisation.send(&by_amender, "kim", "kim")), "excluded");
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        LESS
    );

    organisation.wait_until(id, Phase::Succeeded);
    let record = organisation.record(id);
    let report = organisation.judge(&record, Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
    let amended = &report.chain.as_ref().unwrap().amended;
    assert_eq!(amended[0].amendment().denial.reviewer.as_str(), "kim");
    assert_eq!(amended[0].request().id, asked);

    // A backend that leaves the amendment out of the evidence is found out.
    let mut lying = record;
    lying.evidence.amended.clear();
    assert!(!organisation.judge(&lying, Purpose::Audit).is_valid());

    // Each counter-proposal can be asked for once.
    let again = organisation
        .agent(&["accept", &asked.to_string(), "--json"])
        .finish();
    assert_eq!(
        (again.code, guard_state(&again.stderr).as_str()),
        (Some(77), "refused")
    );
}

/// The same from a reviewer's own machine, with the program that people have.
#[test]
fn a_reviewer_amends_from_the_command_line() {
    let mut organisation = Organisation::start();
    let robin = organisation.join("robin");
    let client = organisation.ask_change("app.conf", "workers = 4\nlog = info\n", ASKED);
    let asked = organisation.wait_for(Phase::Pending);
    let less = robin.home().join("less.conf");
    std::fs::write(&less, LESS).unwrap();
    let (id, less) = (asked.to_string(), less.to_str().unwrap());
    let amend = ["amend", &id, "--after", less, "--expires-in", "5m"];

    let draft = robin.must(&[&amend[..], &["--draft"]].concat());
    assert!(
        draft.contains("-workers = 64") && draft.contains("+workers = 8"),
        "{draft}"
    );
    assert_eq!(
        organisation.record(asked).phase,
        Phase::Pending,
        "a draft signs nothing"
    );
    let same = robin.home().join("same.conf");
    std::fs::write(&same, ASKED).unwrap();
    let nothing = robin.run(&["amend", &id, "--after", same.to_str().unwrap(), "--draft"]);
    assert_eq!(nothing.status.code(), Some(2), "it changes nothing");

    let because = ["--reason", "eight are enough", "--pin-fd", "0"];
    robin.must(&[&amend[..], &because].concat());
    let ended = client.finish();
    assert_eq!(ended.code, Some(77), "{}", ended.stderr);
    let said = json(&ended.stderr);
    assert_eq!(
        (&said["code"], &said["counter"]["amender"]),
        (&"counter-proposed".into(), &"robin".into())
    );
    let again = robin.run(&[&amend[..], &because].concat());
    assert!(!again.status.success(), "it is answered");

    let client = organisation.agent(&["accept", &id, "--json"]);
    let next = organisation.wait_for(Phase::Pending);
    let own = robin.run(&["approve", &next.to_string(), "--reason", "mine", "--pin-fd", "0"]);
    assert!(
        !own.status.success(),
        "nobody approves their own counter-proposal"
    );
    organisation.decide(next, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        LESS
    );
}

#[test]
fn an_unattended_agent_may_accept_beforehand() {
    let organisation = Organisation::start();
    let client = organisation.ask_change_with("app.conf", "workers = 4\n", ASKED, &["--accept-narrowed"]);
    let asked = organisation.wait_for(Phase::Pending);
    let amendment = counter(&organisation, asked, "kim", LESS);
    send(&organisation, asked, "kim", &amendment, LESS).unwrap();
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        LESS
    );
}

#[test]
fn what_is_no_counter_proposal_is_refused() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "workers = 4\n", ASKED);
    let id = organisation.wait_for(Phase::Pending);
    let good = counter(&organisation, id, "kim", LESS);
    let refused = |person: &str, amendment: &Amendment, text: &str| {
        refusal(send(&organisation, id, person, amendment, text))
    };
    // Other bytes than the amended action names.
    assert_eq!(refused("kim", &good, "workers = 9\n"), "invalid-statement");
    // Somebody else's.
    assert!(!refused("alex", &good, LESS).is_empty());
    // The agent's owner may say neither yes nor no.
    assert_eq!(
        refused("sam", &counter(&organisation, id, "sam", LESS), LESS),
        "excluded"
    );
    // More than was asked, and longer.
    let mut elsewhere = good.clone();
    if let Payload::FileChange(change) = &mut elsewhere.action.payload {
        change.mode = Some(0o777);
    }
    assert_eq!(refused("kim", &elsewhere, LESS), "invalid-statement");
    let mut longer = good.clone();
    longer.until = longer.until.after(Duration::from_secs(1));
    assert_eq!(refused("kim", &longer, LESS), "invalid-statement");
    // About another request.
    let mut other = good.clone();
    other.denial.request_digest = countersign_protocol::digest::RequestDigest::new(
        countersign_protocol::digest::Sha256Digest::of(b"other"),
    );
    assert_eq!(refused("kim", &other, LESS), "invalid-statement");
    assert_eq!(organisation.record(id).phase, Phase::Pending);
    drop(client);
}

#[test]
fn an_expired_counter_proposal_is_not_accepted() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "workers = 4\n", ASKED);
    let id = organisation.wait_for(Phase::Pending);
    let mut amendment = counter(&organisation, id, "kim", LESS);
    amendment.until = now().after(Duration::from_secs(2));
    send(&organisation, id, "kim", &amendment, LESS).unwrap();
    assert_eq!(client.finish().code, Some(77));
    std::thread::sleep(Duration::from_millis(2_100));
    let late = organisation
        .agent(&["accept", &id.to_string(), "--json"])
        .finish();
    assert_eq!(late.code, Some(77), "{}", late.stderr);
    assert!(late.stderr.contains("expired"), "{}", late.stderr);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "workers = 4\n"
    );
}

#[test]
fn the_reason_of_a_plain_denial_reaches_the_agent() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let mut denial = organisation.decision(id, "alex", Verdict::Deny);
    denial.reason = Prose::new("not on a Friday\u{202e}!").unwrap();
    organisation.send(&denial, "alex", "alex").unwrap();
    let ended = client.finish();
    let message = json(&ended.stderr)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("denied by alex: not on a Friday"), "{message}");
    assert!(!message.contains('\u{202e}'), "{message}");
    let waited = organisation.agent(&["wait", &id.to_string()]).finish();
    assert!(waited.stderr.contains("not on a Friday"), "{}", waited.stderr);
}
