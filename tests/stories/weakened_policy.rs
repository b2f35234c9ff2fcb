//! A directory or policy that its owners never signed, an older one, an expired one: refused everywhere.

use std::time::Duration;

use countersign_protocol::request::Phase;
use countersign_protocol::text::Bounded;
use countersign_tests::organisation::now;
use countersign_tests::{Organisation, Setup};

use crate::refusal;

const ANYTHING: &str = r#"
@id("anything-goes") permit (principal, action, resource);
"#;

#[test]
fn a_bundle_that_no_policy_owner_signed_is_refused() {
    let organisation = Organisation::start();
    let mut weak = organisation.bundle.clone();
    weak.version += 1;
    weak.policies[0].text = Bounded::new(ANYTHING).unwrap();
    for key in ["directory", "root", "sam", "alex-login"] {
        let envelope = organisation.seal(&weak, key);
        let answer = organisation
            .runtime
            .block_on(organisation.backend_as("sam").publish_policy(envelope));
        assert!(!refusal(answer).is_empty(), "signed by {key}");
    }
}

#[test]
fn an_older_or_expired_directory_or_bundle_is_refused() {
    let organisation = Organisation::start();
    let publish = |envelope| {
        organisation
            .runtime
            .block_on(organisation.backend_as("sam").publish_policy(envelope))
    };
    let mut same_version = organisation.bundle.clone();
    same_version.policies[0].text = Bounded::new(ANYTHING).unwrap();
    assert!(!refusal(publish(organisation.seal(&same_version, "policy"))).is_empty());
    let mut expired = organisation.bundle.clone();
    expired.version += 1;
    expired.expires_at = now().before(Duration::from_secs(1));
    let expired = organisation.seal(&expired, "policy");
    assert!(
        !refusal(
            organisation
                .runtime
                .block_on(organisation.backend_as("sam").publish_policy(expired))
        )
        .is_empty()
    );
    let mut directory = organisation.directory.clone();
    directory.people.retain(|person| person.id.as_str() != "kim");
    let unsound = organisation.seal(&directory, "directory");
    assert!(
        !refusal(
            organisation
                .runtime
                .block_on(organisation.backend_as("sam").publish_directory(unsound))
        )
        .is_empty()
    );
}

#[test]
fn a_backend_whose_database_holds_a_weak_bundle_does_not_start_and_a_guard_does_not_take_it() {
    // The agent may ask only; nothing is permitted to run, whatever the stolen backend serves.
    let organisation = Organisation::with(&Setup::default());
    let weak = {
        let mut weak = organisation.bundle.clone();
        weak.version += 5;
        weak.policies.truncate(1);
        weak.policies[0].text = Bounded::new(ANYTHING).unwrap();
        organisation.seal(&weak, "sam")
    };
    let liar = countersign_tests::liar::Liar::start(
        &organisation.url,
        Box::new(move |path, body| {
            let mut trust: serde_json::Value = serde_json::from_slice(body).ok()?;
            (path == "/v1/trust").then(|| {
                trust["policy"] = serde_json::to_value(&weak).unwrap();
                serde_json::to_vec(&trust).unwrap()
            })
        }),
    );
    let _guard = organisation.spawn_guard_quietly("g2", &liar.url);
    organisation.write("app.conf", b"a\n");
    let new = organisation.write("new.conf", b"b\n");
    let target = organisation.work("app.conf");
    let client = organisation.agent_of(
        "g2",
        &[
            "apply",
            "--kind",
            "config-file",
            "--path",
            target.to_str().unwrap(),
            "--after",
            new.to_str().unwrap(),
            "--wait",
            "3s",
            "--json",
        ],
    );
    let ended = client.finish();
    assert_ne!(ended.code, Some(0));
    assert_eq!(std::fs::read_to_string(target).unwrap(), "a\n");
    assert!(
        organisation
            .rows()
            .iter()
            .all(|row| row.phase != Phase::Succeeded)
    );
}
