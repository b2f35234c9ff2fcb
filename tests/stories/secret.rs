//! A secret in a change is reviewed without being shown.

use std::collections::BTreeSet;

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;

const OLD: &str = "t0ken-9f8e7d6c5b4a39281706";
const NEW: &str = "t0ken-0a1b2c3d4e5f60718293";

fn config(token: &str, workers: u8) -> String {
    format!("[upstream]\napi_token = \"{token}\"\nworkers = {workers}\n")
}

/// The marks that a text shows.
fn marks(text: &str) -> BTreeSet<&str> {
    let behind = text.split("mark ").skip(1);
    behind.filter_map(|rest| rest.get(..16)).collect()
}

#[test]
fn a_rotated_token_shows_as_two_marks_and_runs_in_the_clear() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.toml", &config(OLD, 4), &config(NEW, 8));
    let id = organisation.wait_for(Phase::Pending);
    let chain = organisation.chain(id);
    let sheet = chain.sheet.text();

    let (plain, json, whole) = (
        organisation.console("alex", &["show", &id.to_string(), "--plain"]),
        organisation.console("alex", &["show", &id.to_string(), "--json"]),
        organisation.console("alex", &["show", &id.to_string()]),
    );
    for done in [&plain, &json, &whole] {
        assert_eq!(done.code, Some(0), "{}", done.stderr);
    }
    assert_eq!(plain.stdout, sheet, "what is shown is what is signed");
    for shown in [sheet, &json.stdout, &whole.stdout] {
        // Nothing of either, not even what both have in common.
        for piece in [OLD, NEW, "t0ken-", "9f8e7d6c", "0a1b2c3d"] {
            assert!(!shown.contains(piece), "{piece}\n{shown}");
        }
    }
    assert_eq!(marks(sheet).len(), 2, "{sheet}");
    assert!(
        sheet.contains("secrets masked: 2; equal marks are equal secrets"),
        "{sheet}"
    );
    assert!(
        sheet.contains("-workers = 4") && sheet.contains("+workers = 8"),
        "{sheet}"
    );

    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    organisation.wait_for_file("app.toml", &config(NEW, 8));

    // The same change in another request has other marks: they say nothing across requests.
    let client = organisation.ask_change("app.toml", &config(NEW, 8), &config(OLD, 4));
    let back = organisation.wait_for(Phase::Pending);
    let other = organisation.chain(back);
    assert_eq!(marks(other.sheet.text()).len(), 2);
    assert!(marks(other.sheet.text()).is_disjoint(&marks(sheet)));
    organisation.decide(back, "alex", Verdict::Deny).unwrap();
    assert_eq!(client.finish().code, Some(77));
}
