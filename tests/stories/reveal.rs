//! A masked secret is shown to whoever asks for it with a reason, and to nobody unsaid.

use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_tests::console::said;
use countersign_tests::{Console, Organisation, Setup};

use crate::offline_review::SCRIPTS_DECIDE;

const OLD: &str = "t0ken-9f8e7d6c5b4a39281706";
const NEW: &str = "t0ken-0a1b2c3d4e5f60718293";

fn config(token: &str) -> String {
    format!("[upstream]\napi_token = \"{token}\"\n")
}

fn show(console: &Console, id: RequestId, more: &[&str]) -> std::process::Output {
    let id = id.to_string();
    let mut arguments = vec!["show", &id];
    arguments.extend(more);
    console.run(&arguments)
}

/// The marks of the old and of the new token, in that order.
fn marks(organisation: &Organisation, id: RequestId) -> [String; 2] {
    let chain = organisation.chain(id);
    let side = |sign: &str| {
        let line = chain
            .sheet
            .text()
            .lines()
            .find(|line| line.starts_with(sign))
            .unwrap();
        let (_, mark) = line.split_once("mark ").unwrap();
        mark[..16].to_owned()
    };
    [side("-api_token"), side("+api_token")]
}

fn approve(console: &Console, organisation: &Organisation, id: RequestId) {
    let seen = organisation.chain(id).sheet.view_digest().to_string();
    let id = id.to_string();
    console.must(&[
        "approve",
        &id,
        "--view-digest",
        &seen,
        "--reason",
        "the token is the new one",
        "--pin-fd",
        "0",
    ]);
}

#[test]
fn a_reveal_is_recorded_seen_by_others_and_said_by_the_decision() {
    let mut organisation = Organisation::with(&Setup {
        policy: Some(SCRIPTS_DECIDE),
        ..Setup::default()
    });
    let robin = organisation.join("robin");
    let client = organisation.ask_change("app.toml", &config(OLD), &config(NEW));
    let id = organisation.wait_for(Phase::Pending);
    let [_, new] = marks(&organisation, id);

    // Without a reason, for programs, or of a mark that is not there: nothing is shown, nothing is recorded.
    let absent = "0".repeat(16);
    for wrong in [
        &["--reveal"][..],
        &["--reveal", "--reason", " "],
        &["--reveal", "--reason", "r", "--json"],
        &["--reveal", "--reason", "r", "--plain"],
        &["--reveal", "--reason", "r", "--mark", &absent],
    ] {
        let refused = show(&robin, id, wrong);
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}: {}", said(&refused));
        assert!(!said(&refused).contains("t0ken"), "{wrong:?}");
    }
    assert!(organisation.record(id).reveals.is_empty());

    let one = show(
        &robin,
        id,
        &["--reveal", "--reason", "is it the rotated one?", "--mark", &new],
    );
    assert!(one.status.success(), "{}", said(&one));
    assert!(
        said(&one).contains(NEW) && !said(&one).contains(OLD),
        "{}",
        said(&one)
    );
    let reveals = organisation.record(id).reveals;
    assert_eq!(reveals.len(), 1);
    assert_eq!(
        (reveals[0].person.as_str(), reveals[0].reason.raw()),
        ("robin", "is it the rotated one?")
    );
    assert_eq!(reveals[0].secret.unwrap().to_string(), new);

    let others = organisation.console("alex", &["show", &id.to_string()]);
    assert!(
        others
            .stdout
            .contains(&format!("robin had the secret of mark {new} revealed at ")),
        "{}",
        others.stdout
    );
    assert!(others.stdout.contains("is it the rotated one?") && !others.stdout.contains("t0ken"));
    let document = robin.json(&["show", &id.to_string(), "--json"]);
    assert_eq!(document["reveals"][0]["person"], "robin");

    approve(&robin, &organisation, id);
    assert_eq!(client.finish().code, Some(0));
    let chain = organisation.chain(id);
    assert!(chain.decisions[0].decision.revealed, "the decision says it");

    // Who had nothing revealed signs nothing of the kind.
    let client = organisation.ask_change("app.toml", &config(NEW), &config(OLD));
    let back = organisation.wait_for(Phase::Pending);
    approve(&robin, &organisation, back);
    assert_eq!(client.finish().code, Some(0));
    assert!(!organisation.chain(back).decisions[0].decision.revealed);
}

#[test]
fn what_no_backend_records_is_not_shown() {
    let mut organisation = Organisation::start();
    let robin = organisation.join("robin");
    let client = organisation.ask_change_with("app.toml", &config(OLD), &config(NEW), &["--ticket"]);
    let id = organisation.wait_for(Phase::Pending);
    assert_eq!(client.finish().code, Some(75));
    assert!(show(&robin, id, &[]).status.success(), "a copy is kept");
    organisation.backend.as_mut().unwrap().kill();
    let refused = show(&robin, id, &["--reveal", "--reason", "is it the rotated one?"]);
    assert_eq!(refused.status.code(), Some(5), "{}", said(&refused));
    assert!(said(&refused).contains("nothing is shown"), "{}", said(&refused));
    for secret in [OLD, NEW, "t0ken"] {
        assert!(!said(&refused).contains(secret), "{}", said(&refused));
    }
    organisation.start_backend();
    assert!(organisation.record(id).reveals.is_empty());
}
