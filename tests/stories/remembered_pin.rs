//! A remembered PIN: chosen by a command, labelled in every decision, refused where presence is asked for, never tried
//! twice, and forgotten on request.

use std::time::Duration;

use countersign_client::key_file;
use countersign_console::keyring;
use countersign_protocol::api::RequestRecord;
use countersign_protocol::bundle::Logged;
use countersign_protocol::decision::{Decision, Verdict};
use countersign_protocol::digest::DecisionDigest;
use countersign_protocol::grant::{Grant, One};
use countersign_protocol::identity::{Presence, PublicKey, RequestId};
use countersign_protocol::request::Phase;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::Signed;
use countersign_tests::device::{SoftHsm, Swtpm, run, tool};
use countersign_tests::liar::Liar;
use countersign_tests::organisation::now;
use countersign_tests::process::Running;
use countersign_tests::reviewer::nonce;
use countersign_tests::{Finished, Home, Organisation, Setup, Terminal};
use countersign_verify::Purpose;

use crate::refusal;

const PIN: &str = "correct horse";
const REMEMBER: [&str; 4] = ["keys", "remember-pin", "--pin-fd", "3"];
/// One approval, also by a script: what matters here is the key. Production asks for presence.
const ONE: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("presence") forbid (principal, action == Action::"approve", resource)
when { resource.environment.strictness >= 5 && context.presence < 1 };
@id("run") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

/// An organisation that `lee` joined, whose reviewer's key is on this machine already.
fn joined_by(home: &Home, pin: &str) -> (Organisation, PublicKey) {
    let mut organisation = Organisation::with(&Setup {
        policy: Some(ONE),
        ..Setup::default()
    });
    let enrolment = home.path("enrolment.json");
    let (url, root) = (organisation.url.clone(), organisation.root.to_string());
    let mut login = vec!["login", "--backend", &url, "--root", &root, "--person", "lee"];
    login.extend(["--output", enrolment.to_str().unwrap(), "--pin-fd", "3"]);
    home.succeeds(pin, &login);
    organisation.enrol("lee", &enrolment);
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(enrolment).unwrap()).unwrap();
    let key = serde_json::from_value(told["reviewer"].clone()).unwrap();
    (organisation, key)
}

/// A machine with a key in this TPM, in an organisation of its own.
fn with_tpm(tpm: &Swtpm) -> (Home, Organisation, PublicKey) {
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.succeeds(PIN, &["keys", "create", "--provider", "tpm", "--pin-fd", "3"]);
    let (organisation, key) = joined_by(&home, PIN);
    (home, organisation, key)
}

fn ask(organisation: &Organisation, name: &str) -> (Running, RequestId) {
    let client = organisation.ask_change(name, "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    let _ = organisation.chain(id);
    (client, id)
}

/// Approves without a terminal; `given` is fed, or nothing is.
fn approve(home: &Home, id: RequestId, given: Option<&str>) -> Finished {
    let id = id.to_string();
    let shown: serde_json::Value =
        serde_json::from_str(&home.succeeds("", &["show", &id, "--json"])).unwrap();
    let view = shown["view_digest"].as_str().unwrap();
    let mut arguments = vec!["approve", &id, "--reason", "read it all", "--view-digest", view];
    if given.is_some() {
        arguments.extend(["--pin-fd", "3"]);
    }
    home.countersign(given.unwrap_or_default(), &arguments)
}

/// The one decision on a request, in evidence that holds.
fn decided(organisation: &Organisation, id: RequestId) -> Decision {
    let report = organisation.judge(&organisation.record(id), Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
    report.chain.unwrap().decisions[0]
        .decision
        .clone()
        .into_predicate()
}

fn item_of(key: &PublicKey) -> String {
    format!("remembered-pin/{}", key.id())
}

#[test]
fn it_signs_without_a_prompt_and_every_record_says_so() {
    let tpm = Swtpm::blank();
    let (home, organisation, key) = with_tpm(&tpm);
    // A PIN that does not unlock the key is not remembered; that try was the person's.
    home.refuses("wrong horse", &REMEMBER, "2 attempts are left");
    assert_eq!(home.listed()["pin_remembered"], false);
    assert!(keyring::get(&item_of(&key)).is_err());

    let said = home.countersign(PIN, &REMEMBER);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("prove no presence"), "{}", said.stderr);
    assert_eq!(home.listed()["pin_remembered"], true);
    let listed = home.succeeds("", &["keys", "list"]);
    assert!(listed.contains("PIN remembered: lower assurance"), "{listed}");
    let config = std::fs::read_to_string(home.path("home").join("config.toml")).unwrap();
    assert!(
        config.contains("pin_remembered = true") && !config.contains(PIN),
        "{config}"
    );
    let own = keyring::get(&format!("key/{}", key.id())).unwrap();
    assert!(!own.windows(PIN.len()).any(|part| part == PIN.as_bytes()));

    let (client, id) = ask(&organisation, "staging-app.conf");
    let approved = approve(&home, id, None);
    assert_eq!(approved.code, Some(0), "{}{}", approved.stdout, approved.stderr);
    assert!(approved.stderr.contains("lower assurance"), "{}", approved.stderr);
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
    let decision = decided(&organisation, id);
    assert_eq!(
        (decision.presence, decision.pin_remembered),
        (Presence::None, true)
    );

    let evidence = home.path("evidence.json");
    let (id, file) = (id.to_string(), evidence.to_str().unwrap());
    home.succeeds("", &["evidence", &id, "-o", file]);
    let verified: serde_json::Value =
        serde_json::from_str(&home.succeeds("", &["verify", file, "--json"])).unwrap();
    let decision = &verified["decisions"][0];
    assert_eq!(
        (&decision["presence"], &decision["pin_remembered"]),
        (&"none".into(), &true.into())
    );
    assert!(
        home.succeeds("", &["verify", file])
            .contains("its PIN remembered")
    );

    // Whoever takes the word out of the configuration signs with the PIN that lies there labelled all the same.
    let path = home.path("home").join("config.toml");
    std::fs::write(&path, config.replace("pin_remembered = true\n", "")).unwrap();
    let (client, id) = ask(&organisation, "staging-c.conf");
    assert_eq!(approve(&home, id, Some(PIN)).code, Some(0));
    assert_eq!(client.finish().code, Some(0));
    assert!(decided(&organisation, id).pin_remembered);
    std::fs::write(&path, config).unwrap();

    // It was put back, so the next one is signed too; forgotten, the PIN is asked for, and presence counts again.
    let (client, id) = ask(&organisation, "staging-b.conf");
    assert_eq!(approve(&home, id, None).code, Some(0));
    assert_eq!(client.finish().code, Some(0));
    home.succeeds("", &["keys", "forget-pin"]);
    assert!(keyring::get(&item_of(&key)).is_err());
    assert_eq!(home.listed()["pin_remembered"], false);
    let (client, id) = ask(&organisation, "app.conf");
    let unasked = approve(&home, id, None);
    assert_eq!(unasked.code, Some(2), "{}", unasked.stderr);
    assert_eq!(approve(&home, id, Some(PIN)).code, Some(0));
    assert_eq!(client.finish().code, Some(0));
    let decision = decided(&organisation, id);
    assert_eq!(
        (decision.presence, decision.pin_remembered),
        (Presence::Pin, false)
    );
}

#[test]
fn where_presence_is_asked_for_console_backend_guard_and_verifier_refuse_it() {
    let tpm = Swtpm::blank();
    let (home, organisation, _) = with_tpm(&tpm);
    home.succeeds(PIN, &REMEMBER);
    let (_waits, id) = ask(&organisation, "app.conf");

    // The console, before anybody reads.
    let listed: serde_json::Value = serde_json::from_str(&home.succeeds("", &["list", "--json"])).unwrap();
    let row = &listed["requests"][0];
    assert_eq!(row["eligible"], false);
    let why = row["why_not"].as_str().unwrap();
    assert!(
        why.contains("with a remembered PIN") && why.contains("forget-pin review"),
        "{why}"
    );

    // The backend, whether the PIN came from the keyring or was typed while it is remembered.
    for given in [None, Some(PIN)] {
        let refused = approve(&home, id, given);
        assert_ne!(refused.code, Some(0), "{}", refused.stdout);
        assert_eq!(organisation.record(id).phase, Phase::Pending);
    }
    // And whatever presence a bent console claims beside it.
    let claim = |presence, pin_remembered| Decision {
        presence,
        pin_remembered,
        ..organisation.decision(id, "alex", Verdict::Approve)
    };
    for presence in [Presence::None, Presence::Pin, Presence::Touch] {
        let answer = organisation.send(&claim(presence, true), "alex", "alex");
        assert_eq!(refusal(answer), "not-eligible", "{presence:?}");
    }

    // A stolen backend that takes it nevertheless, and grants: the verifier calls it void, the guard runs nothing.
    let bent = claim(Presence::Pin, true);
    let record = taken(&organisation, &organisation.record(id), &bent);
    let report = organisation.judge(&record, Purpose::Review);
    let checked = &report.chain.as_ref().unwrap().decisions[0];
    assert_eq!(checked.vote.presence, Presence::None);
    assert!(checked.void.is_some());
    let honest = taken(
        &organisation,
        &organisation.record(id),
        &claim(Presence::Pin, false),
    );
    let report = organisation.judge(&honest, Purpose::Review);
    assert!(report.chain.as_ref().unwrap().decisions[0].void.is_none());
    assert!(nothing_runs_under_a_grant_of(&organisation));

    // Saying no is cheap: that takes any key.
    let id = id.to_string();
    home.succeeds("", &["deny", &id, "--reason", "not with this key"]);
    organisation.wait_until(id.parse().unwrap(), Phase::Denied);
}

/// The record as a backend would show it that took this decision in.
fn taken(organisation: &Organisation, record: &RequestRecord, decision: &Decision) -> RequestRecord {
    let mut record = record.clone();
    record.evidence.decisions.push(Logged {
        envelope: organisation.seal(decision, "alex"),
        salt: record.evidence.request.salt,
        index: None,
    });
    record
}

/// Has a second guard propose to a backend that answers with an approval under a remembered PIN, and a grant on it.
fn nothing_runs_under_a_grant_of(organisation: &Organisation) -> bool {
    let backend = key_file::load(&organisation.path("backend/backend.key")).unwrap();
    let (root, roots) = (organisation.root, organisation.roots.clone());
    let alex = organisation.key("alex");
    let template = organisation.decision(organisation.wait_for(Phase::Pending), "alex", Verdict::Approve);
    let lie = move |path: &str, body: &[u8]| {
        let mut record: RequestRecord = serde_json::from_slice(body).ok()?;
        if !path.starts_with("/v1/requests/") {
            return None;
        }
        let trusted = TrustedRoot::follow(&root, &roots).unwrap();
        let request = Signed::<countersign_protocol::approval::ApprovalRequest>::from(
            record.evidence.request.envelope.clone(),
        )
        .verify(&trusted)
        .ok()?;
        let log = record.evidence.log.as_ref()?;
        let checkpoint = countersign_verify::log::open_checkpoint(&log.checkpoint, &trusted).unwrap();
        let decision = Decision {
            request: request.id,
            request_digest: request.request_digest(),
            action_digest: request.action_digest,
            pin_remembered: true,
            checkpoint,
            decided_at: now(),
            ..template.clone()
        };
        let envelope = Signed::seal(&decision, &[&alex]).unwrap().into_envelope();
        let grant = Grant {
            request: request.id,
            request_digest: request.request_digest(),
            action_digest: request.action_digest,
            guard: request.guard.clone(),
            guard_key: request.guard_key,
            decisions: vec![DecisionDigest::new(envelope.payload_digest())],
            directory: request.directory,
            policy: request.policy,
            checkpoint,
            issued_at: now(),
            expires_at: now().after(Duration::from_secs(60)),
            uses: One,
            nonce: nonce(),
        };
        let logged = |envelope| Logged {
            envelope,
            salt: record.evidence.request.salt,
            index: None,
        };
        let granted = Signed::seal(&grant, &[&backend]).unwrap().into_envelope();
        let (decision, grant) = (logged(envelope), logged(granted));
        record.evidence.decisions = vec![decision];
        record.evidence.grant = Some(grant);
        let claimed = path.ends_with("/grant");
        record.phase = if claimed { Phase::Claimed } else { Phase::Approved };
        serde_json::to_vec(&record).ok()
    };
    let liar = Liar::start(&organisation.url, Box::new(lie));
    let _guard = organisation.spawn_guard_quietly("g2", &liar.url);
    let target = organisation.write("other.conf", b"a\n");
    let new = organisation.write("new.conf", b"b\n");
    let path = target.to_str().unwrap();
    let mut arguments = vec!["apply", "--kind", "config-file", "--path", path];
    arguments.extend(["--after", new.to_str().unwrap(), "--wait", "5s", "--json"]);
    let ended = organisation.agent_of("g2", &arguments).finish();
    ended.code != Some(0) && std::fs::read_to_string(target).unwrap() == "a\n"
}

#[test]
fn one_that_became_wrong_is_tried_once_and_forgotten() {
    let tpm = Swtpm::blank();
    let (home, organisation, key) = with_tpm(&tpm);
    home.succeeds(PIN, &REMEMBER);
    let kept = keyring::get(&item_of(&key)).unwrap();
    let other = String::from_utf8(kept.to_vec())
        .unwrap()
        .replace(PIN, "long ago it was");
    keyring::set(&item_of(&key), other.as_bytes()).unwrap();

    let (client, id) = ask(&organisation, "staging-app.conf");
    let refused = approve(&home, id, None);
    assert_eq!(refused.code, Some(6), "{}", refused.stderr);
    let said = &refused.stderr;
    assert!(
        said.contains("2 attempts are left") && said.contains("forgotten now"),
        "{said}"
    );
    for _ in 0..3 {
        let asked = approve(&home, id, None);
        assert_eq!(asked.code, Some(2), "{}", asked.stderr);
        assert!(
            asked.stderr.contains("not remembered any more"),
            "{}",
            asked.stderr
        );
    }
    assert_eq!(home.listed()["attempts_left"], 2, "the TPM counted one try");
    assert_eq!(organisation.record(id).phase, Phase::Pending);

    // Typed, it signs; the choice still stands, so the decision is still labelled.
    let typed = approve(&home, id, Some(PIN));
    assert_eq!(typed.code, Some(0), "{}", typed.stderr);
    assert_eq!(client.finish().code, Some(0));
    let decision = decided(&organisation, id);
    assert_eq!(
        (decision.presence, decision.pin_remembered),
        (Presence::None, true)
    );

    // The last try is a person's: with one left the right PIN in the keyring is not used.
    home.succeeds(PIN, &REMEMBER);
    home.refuses(
        "wrong horse",
        &["keys", "check", "--pin-fd", "3"],
        "1 attempt is left",
    );
    let (_waits, id) = ask(&organisation, "staging-b.conf");
    let asked = approve(&home, id, None);
    assert_eq!(asked.code, Some(2), "{}", asked.stderr);
    assert!(asked.stderr.contains("1 PIN attempt is left"), "{}", asked.stderr);
    assert_eq!(home.listed()["attempts_left"], 1);
}

#[test]
fn a_tokens_pin_that_was_changed_elsewhere_is_asked_for() {
    let token = SoftHsm::new();
    let mut home = Home::new();
    for (name, value) in token.variables() {
        home.set(name, value);
    }
    home.succeeds(
        SoftHsm::PIN,
        &["keys", "create", "--provider", "pkcs11", "--pin-fd", "3"],
    );
    let (organisation, key) = joined_by(&home, SoftHsm::PIN);
    home.succeeds(SoftHsm::PIN, &REMEMBER);
    run(tool("pkcs11-tool")
        .envs(token.variables())
        .arg("--module")
        .arg(token.module())
        .args(["--token-label", "countersign", "--login", "--pin", SoftHsm::PIN])
        .args(["--change-pin", "--new-pin", "13579246"]));

    let (client, id) = ask(&organisation, "staging-app.conf");
    let refused = approve(&home, id, None);
    assert_eq!(refused.code, Some(6), "{}", refused.stderr);
    assert!(refused.stderr.contains("forgotten now"), "{}", refused.stderr);
    assert!(keyring::get(&item_of(&key)).is_err());
    home.succeeds("13579246", &REMEMBER);
    assert_eq!(approve(&home, id, None).code, Some(0));
    assert_eq!(client.finish().code, Some(0));
}

#[test]
fn the_full_screen_says_it_from_the_start_and_asks_once_it_is_forgotten() {
    let tpm = Swtpm::blank();
    let (home, organisation, key) = with_tpm(&tpm);
    home.succeeds(PIN, &REMEMBER);
    let (client, id) = ask(&organisation, "staging-app.conf");
    let mut terminal = home.full_screen((140, 40));
    terminal.wait_for_words("PIN remembered: lower assurance");
    terminal.wait_for_words("open it to see");
    let screen = begin(&mut terminal);
    assert!(!screen.contains("of your key is entered"), "{screen}");
    settle();
    terminal.write("read it all");
    terminal.press("\u{13}");
    terminal.wait_for_words("proven to this console");
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
    drop(terminal);

    // In production the key will not do, which is said before anything is read.
    let (waits, denied) = ask(&organisation, "app.conf");
    let mut terminal = home.full_screen((140, 40));
    terminal.wait_for_words("open it to see");
    settle();
    terminal.press("\r");
    terminal.wait_for_words("with a remembered PIN) will not do here");
    terminal.press("A");
    terminal.wait_for_words("you cannot approve this");
    drop(terminal);
    organisation.decide(denied, "alex", Verdict::Deny).unwrap();
    drop(waits);

    // Without it the PIN is asked for.
    keyring::delete(&item_of(&key)).unwrap();
    let (client, id) = ask(&organisation, "staging-b.conf");
    let mut terminal = home.full_screen((140, 40));
    terminal.wait_for_words("open it to see");
    begin(&mut terminal);
    terminal.wait_for_words("it is not remembered any more");
    settle();
    terminal.write("read it all");
    terminal.press("\t");
    terminal.write(PIN);
    terminal.press("\u{13}");
    terminal.wait_for_words("proven to this console");
    assert_eq!(client.finish().code, Some(0));
    assert!(decided(&organisation, id).pin_remembered);
}

/// Opens the request under the cursor and begins to approve it.
fn begin(terminal: &mut Terminal) -> String {
    settle();
    terminal.press("\r");
    terminal.wait_for_words("lines seen");
    settle();
    terminal.press("A");
    terminal.wait_for_words("none is proven (PIN remembered: lower assurance)")
}

/// What is typed in the moment in which something new came up is not for it, and is dropped.
fn settle() {
    std::thread::sleep(Duration::from_millis(1000));
}
