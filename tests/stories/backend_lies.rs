//! A stolen backend: it can delay, but what it bends is found out by console and guard, each by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_client::key_file;
use countersign_protocol::api::RequestRecord;
use countersign_protocol::approval::{ApprovalRequest, Severity};
use countersign_protocol::decision::Verdict;
use countersign_protocol::grant::{Grant, One};
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::{Envelope, Signed};
use countersign_tests::organisation::now;
use countersign_tests::reviewer::nonce;
use countersign_tests::{Organisation, Setup};
use countersign_verify::Purpose;

fn codes(organisation: &Organisation, record: &RequestRecord, purpose: Purpose) -> Vec<&'static str> {
    organisation
        .judge(record, purpose)
        .problems
        .iter()
        .map(|problem| problem.code)
        .collect()
}

/// The request with something bent, sealed again with the stolen backend's own key.
fn bent(
    organisation: &Organisation,
    record: &RequestRecord,
    bend: impl FnOnce(&mut ApprovalRequest),
) -> RequestRecord {
    let key = key_file::load(&organisation.path("backend/backend.key")).unwrap();
    let root =
        countersign_protocol::root::TrustedRoot::follow(&organisation.root, &organisation.roots).unwrap();
    let mut request = Signed::<ApprovalRequest>::from(record.evidence.request.envelope.clone())
        .verify(&root)
        .unwrap()
        .into_predicate();
    bend(&mut request);
    let mut record = record.clone();
    record.evidence.request.envelope = Signed::seal(&request, &[&key]).unwrap().into_envelope();
    record.evidence.log = None;
    record.evidence.request.index = None;
    record
}

#[test]
fn a_console_notices_every_bent_field_of_a_request() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let record = organisation.record(id);
    assert!(codes(&organisation, &record, Purpose::Review).is_empty());
    let lies = |bend: &dyn Fn(&mut ApprovalRequest)| {
        codes(
            &organisation,
            &bent(&organisation, &record, bend),
            Purpose::Review,
        )
    };
    assert_eq!(
        lies(&|request| request.environment = "staging".parse().unwrap()),
        ["request-differs"]
    );
    assert_eq!(lies(&|request| request.excluded.clear()), ["request-differs"]);
    assert_eq!(
        lies(&|request| request.severity = Severity::Critical),
        ["severity-differs"]
    );
    assert_eq!(lies(&|request| request.rule.approvals += 1), ["rule-differs"]);
    assert_eq!(
        lies(
            &|request| request.action_digest = countersign_protocol::digest::ActionDigest::new(
                countersign_protocol::digest::Sha256Digest::of(b"x")
            )
        ),
        ["request-differs"]
    );
    // Swapped bytes of the change itself.
    let mut swapped = record.clone();
    for artifact in swapped.evidence.artifacts.values_mut() {
        artifact.0 = b"harmless\n".to_vec();
    }
    assert!(!codes(&organisation, &swapped, Purpose::Review).is_empty());
    drop(client);
}

#[test]
fn a_guard_does_not_run_on_an_invented_grant() {
    let organisation = Organisation::start();
    let grant_key = organisation.path("backend/backend.key");
    let root = organisation.root;
    let roots = organisation.roots.clone();
    // The liar answers the guard's request for a grant with one of its own, without any decision.
    let liar = countersign_tests::liar::Liar::start(
        &organisation.url,
        Box::new(move |path, body| {
            let mut record: RequestRecord = serde_json::from_slice(body).ok()?;
            if !path.starts_with("/v1/requests/") {
                return None;
            }
            let key = key_file::load(&grant_key).unwrap();
            let trusted = countersign_protocol::root::TrustedRoot::follow(&root, &roots).unwrap();
            let request = Signed::<ApprovalRequest>::from(record.evidence.request.envelope.clone())
                .verify(&trusted)
                .ok()?;
            let checkpoint =
                record.evidence.log.as_ref().map(|log| {
                    countersign_verify::log::open_checkpoint(&log.checkpoint, &trusted).unwrap()
                })?;
            let grant = Grant {
                request: request.id,
                request_digest: request.request_digest(),
                action_digest: request.action_digest,
                guard: request.guard.clone(),
                guard_key: request.guard_key,
                decisions: vec![],
                directory: request.directory,
                policy: request.policy,
                checkpoint,
                issued_at: now(),
                expires_at: now().after(std::time::Duration::from_secs(60)),
                uses: One,
                nonce: nonce(),
            };
            let envelope: Envelope = Signed::seal(&grant, &[&key]).unwrap().into_envelope();
            record.phase = if path.ends_with("/grant") {
                Phase::Claimed
            } else {
                Phase::Approved
            };
            record.evidence.grant = Some(countersign_protocol::bundle::Logged {
                envelope,
                salt: record.evidence.request.salt,
                index: None,
            });
            serde_json::to_vec(&record).ok()
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
            "5s",
            "--json",
        ],
    );
    let ended = client.finish();
    assert_ne!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(target).unwrap(), "a\n");
}

#[test]
fn an_answer_that_is_held_back_does_not_stretch_a_grant() {
    let organisation = Organisation::with(&Setup {
        limits: Some(Limits {
            grant_seconds: 3,
            skew_seconds: 5,
            ..Limits::default()
        }),
        ..Setup::default()
    });
    // The last thing that the guard asks before it judges: the proof that the log continues, left out so that it has to.
    let late = Arc::new(AtomicBool::new(false));
    let holding_back = Arc::clone(&late);
    let liar = countersign_tests::liar::Liar::start(
        &organisation.url,
        Box::new(move |path, body| {
            if path.starts_with("/v1/log/consistency") && holding_back.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_secs(5));
            }
            let mut record: RequestRecord = serde_json::from_slice(body).ok()?;
            let proofs = &mut record.evidence.consistency;
            let least = proofs.iter().map(|proof| proof.from.size).min()?;
            proofs.retain(|proof| proof.from.size != least);
            serde_json::to_vec(&record).ok()
        }),
    );
    let _guard = organisation.spawn_guard_quietly("g2", &liar.url);
    let change = |name: &str| {
        organisation.write(name, b"a\n");
        let new = organisation.write("new.conf", b"b\n");
        let target = organisation.work(name);
        let apply = [
            "apply",
            "--kind",
            "config-file",
            "--wait",
            "30s",
            "--json",
            "--path",
        ];
        let files = [target.to_str().unwrap(), "--after", new.to_str().unwrap()];
        let client = organisation.agent_of("g2", &[&apply[..], &files[..]].concat());
        let id = organisation.wait_for(Phase::Pending);
        organisation.decide(id, "alex", Verdict::Approve).unwrap();
        (client.finish(), std::fs::read_to_string(target).unwrap())
    };
    let (first, text) = change("one.conf");
    assert_eq!((first.code, text.as_str()), (Some(0), "b\n"), "{}", first.stderr);
    late.store(true, Ordering::Relaxed);
    let (second, text) = change("two.conf");
    assert_eq!(text, "a\n", "{}", second.stderr);
    assert_ne!(second.code, Some(0));
}

#[test]
fn a_hidden_denial_is_found_in_the_log() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "kim", Verdict::Deny).unwrap();
    let mut record = organisation.wait_until(id, Phase::Denied);
    countersign_tests::process::until("the denial to be logged", || {
        record = organisation.record(id);
        record.evidence.decisions[0].index.map(|_| ())
    });
    record.evidence.decisions.clear();
    assert!(codes(&organisation, &record, Purpose::Review).contains(&"hidden-entry"));
    drop(client);
}
