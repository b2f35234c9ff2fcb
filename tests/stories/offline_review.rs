//! A request goes out in a file, is reviewed on a machine without a network, and its decision comes back.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::Envelope;
use countersign_tests::organisation::now;
use countersign_tests::process::until;
use countersign_tests::{Console, Organisation, Setup};
use countersign_verify::Purpose;

/// Takes the network away from whatever follows.
const NO_NETWORK: [&str; 3] = ["unshare", "--map-root-user", "--net"];

/// Scripts may decide here: these stories read and sign by command.
pub const SCRIPTS_DECIDE: &str = r#"
@id("ask")
permit(principal, action == Action::"propose", resource);
@id("decide")
permit(principal, action == Action::"approve", resource);
@id("run")
permit(principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

/// An organisation, `robin` with a connection, and `quinn` who has never had one.
fn meet() -> (Organisation, Console, Console) {
    let mut organisation = Organisation::with(&Setup {
        policy: Some(SCRIPTS_DECIDE),
        ..Setup::default()
    });
    let robin = organisation.join("robin");
    let quinn = organisation.machine("quinn").behind(&NO_NETWORK);
    (organisation, robin, quinn)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `quinn` joins from a file, and the owner takes the enrolment that was carried back.
fn join_from(organisation: &mut Organisation, quinn: &Console, file: &Path) {
    let enrolment = organisation.path("quinn-enrolment.json");
    let root = organisation.root.to_string();
    quinn.must(&[
        "login",
        "--from",
        text(file),
        "--root",
        &root,
        "--person",
        "quinn",
        "--pin-fd",
        "0",
        "-o",
        text(&enrolment),
    ]);
    organisation.enrol("quinn", &enrolment);
}

fn export(organisation: &Organisation, robin: &Console, name: &str, ids: &[RequestId]) -> PathBuf {
    let file = organisation.path(name);
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut arguments = vec!["export", "-o", text(&file)];
    arguments.extend(ids.iter().map(String::as_str));
    robin.must(&arguments);
    file
}

fn approve(quinn: &Console, file: &Path, id: RequestId) {
    let id = id.to_string();
    let sheet = quinn.must(&["review", text(file), "--show", &id]);
    let seen = Sha256Digest::of(sheet.as_bytes()).to_string();
    quinn.must(&[
        "review",
        text(file),
        "--approve",
        &id,
        "--view-digest",
        &seen,
        "--reason",
        "read it offline",
        "--pin-fd",
        "0",
    ]);
}

/// Puts a decision into a file, as a courier could.
fn carry(file: &Path, request: RequestId, envelope: &Envelope) {
    let line = serde_json::json!({
        "decision": { "request": request, "signed_at": now(), "envelope": envelope }
    });
    let mut file = std::fs::OpenOptions::new().append(true).open(file).unwrap();
    writeln!(file, "{line}").unwrap();
}

#[test]
fn what_was_signed_without_a_network_counts_once_the_file_is_back() {
    let (mut organisation, robin, quinn) = meet();
    let early = organisation.ask_change("early.conf", "a = 1\n", "a = 2\n");
    let before = organisation.wait_for(Phase::Pending);
    let first = export(&organisation, &robin, "first.jsonl", &[]);
    let url = organisation.url.clone();
    let reached = quinn.run(&["login", "--backend", &url, "--person", "quinn", "--pin-fd", "0"]);
    assert_eq!(reached.status.code(), Some(5), "the machine must have no network");
    join_from(&mut organisation, &quinn, &first);
    organisation.decide(before, "alex", Verdict::Approve).unwrap();
    assert_eq!(early.finish().code, Some(0));
    let client = organisation.ask_change("app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);

    let file = export(&organisation, &robin, "requests.jsonl", &[id]);
    let listed = quinn.json(&["review", text(&file), "--json"]);
    assert_eq!(listed["exported_by"], "robin");
    assert_eq!(
        listed["requests"][0]["problems"],
        serde_json::json!([]),
        "{listed}"
    );
    let there = quinn.must(&["review", text(&file), "--show", &id.to_string()]);
    let here = robin.must(&["show", &id.to_string(), "--plain"]);
    assert_eq!(there, here, "the sheet is the same bytes on both machines");

    let wrong = Sha256Digest::of(b"another sheet").to_string();
    let stale = quinn.run(&[
        "review",
        text(&file),
        "--approve",
        &id.to_string(),
        "--view-digest",
        &wrong,
        "--reason",
        "r",
        "--pin-fd",
        "0",
    ]);
    assert_eq!(stale.status.code(), Some(7));
    approve(&quinn, &file, id);
    assert_eq!(
        organisation.record(id).phase,
        Phase::Pending,
        "nothing counts before it is back"
    );
    let again = quinn.run(&[
        "review",
        text(&file),
        "--approve",
        &id.to_string(),
        "--view-digest",
        &Sha256Digest::of(there.as_bytes()).to_string(),
        "--reason",
        "twice",
        "--pin-fd",
        "0",
    ]);
    assert_eq!(again.status.code(), Some(1), "one person decides once");

    let imported = robin.json(&["import", text(&file), "--json"]);
    assert_eq!(imported["decisions"][0]["taken"], true, "{imported}");
    assert_eq!(client.finish().code, Some(0));
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "workers = 8\n"
    );
    organisation.wait_until(id, Phase::Succeeded);
    let chain = organisation.chain(id);
    assert!(chain.decisions[0].decision.offline);
    assert!(
        organisation
            .judge(&organisation.record(id), Purpose::Audit)
            .is_valid()
    );

    let replayed = robin.run(&["import", text(&file), "--json"]);
    assert_eq!(replayed.status.code(), Some(1));
    let replayed: serde_json::Value = serde_json::from_slice(&replayed.stdout).unwrap();
    assert_eq!(replayed["decisions"][0]["code"], "replayed");
}

#[test]
fn a_secret_revealed_without_a_network_stands_in_the_file_and_in_the_decision() {
    let (mut organisation, robin, quinn) = meet();
    let early = organisation.ask_change("early.conf", "a = 1\n", "a = 2\n");
    let before = organisation.wait_for(Phase::Pending);
    let first = export(&organisation, &robin, "first.jsonl", &[before]);
    join_from(&mut organisation, &quinn, &first);
    organisation.decide(before, "alex", Verdict::Deny).unwrap();
    assert_eq!(early.finish().code, Some(77));
    let token = "t0ken-0a1b2c3d4e5f60718293";
    let client = organisation.ask_change("app.toml", "a = 1\n", &format!("api_token = \"{token}\"\n"));
    let id = organisation.wait_for(Phase::Pending);
    let file = export(&organisation, &robin, "requests.jsonl", &[id]);
    let read = || std::fs::read_to_string(&file).unwrap();
    let exported = read();

    let reveal = [
        "review",
        text(&file),
        "--show",
        &id.to_string(),
        "--reveal",
        "--reason",
        "is it rotated?",
    ];
    // Where it can't be written down, nothing is shown.
    let into = organisation.path("nowhere").join("out.jsonl");
    let nowhere = [&reveal[..], &["--into", text(&into)]].concat();
    let refused = quinn.run(&nowhere);
    assert!(!refused.status.success());
    assert!(!String::from_utf8_lossy(&refused.stdout).contains(token));

    let shown = quinn.must(&reveal);
    assert!(shown.contains(token), "{shown}");
    let added = read().strip_prefix(&exported).unwrap().to_owned();
    assert!(
        added.contains("is it rotated?") && added.contains("quinn") && !added.contains(token),
        "{added}"
    );
    approve(&quinn, &file, id);
    let imported = robin.json(&["import", text(&file), "--json"]);
    assert_eq!(imported["decisions"][0]["taken"], true, "{imported}");
    assert_eq!(imported["reveals"][0]["reveal"]["person"], "quinn", "{imported}");
    assert_eq!(client.finish().code, Some(0));
    let decision = &organisation.chain(id).decisions[0].decision;
    assert!(decision.offline && decision.revealed);
}

#[test]
fn each_bad_decision_is_refused_with_its_reason_and_the_good_one_is_taken() {
    let (mut organisation, robin, quinn) = meet();
    let early = organisation.ask_change("early.conf", "a = 1\n", "a = 2\n");
    let before = organisation.wait_for(Phase::Pending);
    let first = export(&organisation, &robin, "first.jsonl", &[before]);
    join_from(&mut organisation, &quinn, &first);
    // `quinn` was not in the directory when this was asked: that answer has to be refused.
    let too_new = export(&organisation, &robin, "too-new.jsonl", &[before]);
    approve(&quinn, &too_new, before);
    let refused = robin.json(&["import", text(&too_new), "--json"]);
    assert_eq!(refused["decisions"][0]["code"], "not-eligible", "{refused}");
    organisation.decide(before, "alex", Verdict::Deny).unwrap();
    assert_eq!(early.finish().code, Some(77));
    let good_client = organisation.ask_change("good.conf", "a = 1\n", "a = 2\n");
    let good = organisation.wait_for(Phase::Pending);
    let over_client = organisation.ask_change("over.conf", "b = 1\n", "b = 2\n");
    let over = until("a second request", || {
        organisation
            .rows()
            .iter()
            .map(|row| row.id)
            .find(|id| *id != good && *id != before)
    });
    let file = export(&organisation, &robin, "requests.jsonl", &[good, over]);
    approve(&quinn, &file, over);
    approve(&quinn, &file, good);

    // Signed by the agent's owner, who may not approve; and a decision whose bytes were changed on the way.
    let own = organisation.decision(good, "sam", Verdict::Approve);
    let own = organisation.seal(&own, "sam");
    let mut bent = organisation.seal(&organisation.decision(good, "kim", Verdict::Approve), "kim");
    let at = bent.payload.len() / 2;
    bent.payload[at] ^= 1;
    for envelope in [own, bent] {
        carry(&file, good, &envelope);
    }
    organisation.decide(over, "alex", Verdict::Deny).unwrap();
    assert_eq!(over_client.finish().code, Some(77));

    let imported = robin.run(&["import", text(&file), "--json"]);
    assert_eq!(imported.status.code(), Some(1));
    let imported: serde_json::Value = serde_json::from_slice(&imported.stdout).unwrap();
    let found: Vec<_> = imported["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|decision| decision["code"].as_str().unwrap_or("taken"))
        .collect();
    assert_eq!(
        found,
        ["superseded", "taken", "not-eligible", "tampered"],
        "{imported}"
    );
    assert_eq!(good_client.finish().code, Some(0));
}

#[test]
fn a_cut_or_changed_file_keeps_its_good_part_and_says_what_is_wrong() {
    let (mut organisation, robin, quinn) = meet();
    let _client = organisation.ask_change("one.conf", "a = 1\n", "a = 2\n");
    let id = organisation.wait_for(Phase::Pending);
    let file = export(&organisation, &robin, "requests.jsonl", &[id]);
    join_from(&mut organisation, &quinn, &file);
    let file = export(&organisation, &robin, "requests.jsonl", &[id]);
    let whole = std::fs::read(&file).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();

    let cut = organisation.path("cut.jsonl");
    std::fs::write(&cut, &whole[..ends[1] + 40]).unwrap();
    let listed = quinn.json(&["review", text(&cut), "--json"]);
    assert_eq!(listed["exported_at"], serde_json::Value::Null);
    assert_eq!(listed["requests"][0]["problems"], serde_json::json!([]));
    assert!(listed["troubles"].to_string().contains("cut"), "{listed}");

    // One byte of the artifact: the line is no longer the one that was sealed.
    let changed = organisation.path("changed.jsonl");
    let mut bytes = whole.clone();
    let at = ends[0] + (ends[1] - ends[0]) / 2;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(&changed, &bytes).unwrap();
    let listed = quinn.json(&["review", text(&changed), "--json"]);
    assert!(
        listed["troubles"]
            .as_array()
            .is_some_and(|troubles| !troubles.is_empty()),
        "{listed}"
    );
    let refused = quinn.run(&["review", text(&changed), "--show", &id.to_string()]);
    assert!(!refused.status.success());

    for hostile in [&b""[..], b"{}", b"\n\n\n", &[0xff; 64], b"[[[[[[[[[["] {
        std::fs::write(&changed, hostile).unwrap();
        let refused = quinn.run(&["review", text(&changed), "--plain"]);
        assert_eq!(refused.status.code(), Some(2), "{hostile:?}");
    }
}
