//! A reviewer whose key is in a TPM, or in an SSH agent, approves over the real command line, and exactly that runs.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_protocol::directory::{DirectoryKey, KeyHolder, Person};
use countersign_protocol::identity::{KeyAssurance, Presence, PublicKey, Role};
use countersign_protocol::request::Phase;
use countersign_tests::device::{SshAgent, Swtpm};
use countersign_tests::organisation::{line, now};
use countersign_tests::{Home, Organisation, Setup};
use countersign_verify::Purpose;

const PIN: &str = "correct horse";
/// One approval, also by a script: what matters here is the key. Production asks for presence.
const ONE: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("presence") forbid (principal, action == Action::"approve", resource)
when { resource.environment.strictness >= 5 && context.presence < 1 };
@id("run") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

/// Joins the organisation as `lee`, with the key `review` that is on this machine already.
fn join(organisation: &mut Organisation, home: &Home, pin: &str) -> PublicKey {
    let enrolment = home.path("enrolment.json");
    let (url, root) = (organisation.url.clone(), organisation.root.to_string());
    let mut login = vec!["login", "--backend", &url, "--root", &root, "--person", "lee"];
    login.extend(["--output", enrolment.to_str().unwrap(), "--pin-fd", "3"]);
    home.succeeds(pin, &login);
    let text = std::fs::read_to_string(&enrolment).unwrap();
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let key = |name: &str| serde_json::from_value::<PublicKey>(told[name].clone()).unwrap();
    let entry = |key: PublicKey, role| DirectoryKey {
        key,
        role,
        holder: KeyHolder::Person("lee".parse().unwrap()),
        assurance: KeyAssurance::Software,
        presence: Presence::Pin,
        not_before: now().before(Duration::from_secs(60)),
        not_after: now().after(Duration::from_secs(3600)),
        revoked: None,
    };
    let entries = [
        entry(key("login"), Role::Login),
        entry(key("reviewer"), Role::Reviewer),
    ];
    organisation.publish_directory(|directory| {
        directory.people.push(Person {
            id: "lee".parse().unwrap(),
            display: line("Lee"),
            teams: BTreeSet::from(["sre".parse().unwrap()]),
            on_call: true,
            accounts: BTreeSet::new(),
        });
        directory.keys.extend(entries);
    });
    key("reviewer")
}

fn approve(home: &Home, id: &str, pin: &str) -> countersign_tests::Finished {
    let shown = home.succeeds(pin, &["show", id, "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let view = shown["view_digest"].as_str().unwrap();
    let reason = ["--reason", "read it all", "--view-digest", view, "--pin-fd", "3"];
    home.countersign(pin, &[&["approve", id], &reason[..]].concat())
}

#[test]
fn a_key_in_a_tpm_approves_and_the_evidence_holds() {
    let tpm = Swtpm::blank();
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.succeeds(PIN, &["keys", "create", "--provider", "tpm", "--pin-fd", "3"]);
    let mut organisation = Organisation::with(&Setup {
        policy: Some(ONE),
        ..Setup::default()
    });
    let key = join(&mut organisation, &home, PIN);
    let client = organisation.ask_change("app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    let _ = organisation.chain(id);

    let wrong = approve(&home, &id.to_string(), "wrong horse");
    assert_eq!(wrong.code, Some(6), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("2 attempts are left"), "{}", wrong.stderr);
    assert_eq!(organisation.record(id).phase, Phase::Pending);

    let right = approve(&home, &id.to_string(), PIN);
    assert_eq!(right.code, Some(0), "{}{}", right.stdout, right.stderr);
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "workers = 8\n"
    );
    organisation.wait_until(id, Phase::Succeeded);
    let report = organisation.judge(&organisation.record(id), Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
    let decision = &report.chain.unwrap().decisions[0];
    assert_eq!(
        (decision.vote.key, decision.decision.presence),
        (key.id(), Presence::Pin)
    );
}

#[test]
fn an_agents_key_approves_where_no_presence_is_asked_for_and_nowhere_else() {
    let agent = SshAgent::new();
    let _ = agent.add("ed25519");
    let home = Home::new().with("SSH_AUTH_SOCK", agent.socket().display().to_string());
    home.succeeds("", &["keys", "create", "--provider", "ssh-agent"]);
    let mut organisation = Organisation::with(&Setup {
        policy: Some(ONE),
        ..Setup::default()
    });
    let key = join(&mut organisation, &home, "");
    let client = organisation.ask_change("staging-app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    let _ = organisation.chain(id);
    let approved = approve(&home, &id.to_string(), "");
    assert_eq!(approved.code, Some(0), "{}{}", approved.stdout, approved.stderr);
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = organisation.judge(&organisation.record(id), Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
    let decision = &report.chain.unwrap().decisions[0];
    assert_eq!(
        (decision.vote.key, decision.decision.presence),
        (key.id(), Presence::None)
    );

    let _waits = organisation.ask_change("app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    let _ = organisation.chain(id);
    let refused = approve(&home, &id.to_string(), "");
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    assert_eq!(organisation.record(id).phase, Phase::Pending);
}
