//! The life of a request over HTTP, on the real binary, judged by the verifier that consoles and guards use.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::collections::BTreeSet;

use common::{
    GUARD_KEY, OTHER_GUARD_KEY, Organisation, PEOPLE, envelope, id_of, json, now, seal, start_body,
};
use countersign_protocol::api::{ProposeBody, RequestPage, RequestRecord, VerdictBatch, VerdictItem};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::decision::Verdict;
use countersign_protocol::directory::Revocation;
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::receipt::{Outcome, RecordedVerdict, VerdictRecord};
use countersign_protocol::request::Phase;
use countersign_verify::Purpose;

#[tokio::test]
async fn a_request_is_held_approved_granted_started_and_accounted_for() {
    let organisation = Organisation::start();
    let record = organisation.held("etc/app.ini").await;
    assert_eq!(record.phase, Phase::Pending);
    assert!(
        record.evidence.request.index.is_some(),
        "what is answered is logged"
    );
    organisation.judge(&record, Purpose::Review);

    let record = organisation.approved("etc/other.ini").await;
    assert_eq!(record.phase, Phase::Approved);
    let id = id_of(&record);
    let answer = organisation.grant(&id).await;
    let granted: RequestRecord = answer.json();
    assert_eq!(granted.phase, Phase::Claimed);
    let chain = organisation.judge(&granted, Purpose::Execute);
    let again: RequestRecord = organisation.grant(&id).await.json();
    assert_eq!(
        again.evidence.grant, granted.evidence.grant,
        "a lost answer is no loss"
    );

    let grant = chain.grant.as_ref().unwrap().grant_digest();
    let path = format!("/v1/requests/{id}");
    for _ in 0..2 {
        let started = organisation
            .send(GUARD_KEY, "POST", &format!("{path}/start"), start_body(grant))
            .await;
        assert_eq!(started.status, 204, "{started:?}");
    }
    let receipt = envelope(&organisation.receipt(&chain, Outcome::Succeeded), GUARD_KEY);
    for _ in 0..2 {
        let ended = organisation
            .send(GUARD_KEY, "POST", &format!("{path}/receipt"), receipt.clone())
            .await;
        let ended: RequestRecord = ended.json();
        assert_eq!(ended.phase, Phase::Succeeded);
        organisation.judge(&ended, Purpose::Audit);
    }
    let other = envelope(&organisation.receipt(&chain, Outcome::Failed), GUARD_KEY);
    organisation
        .send(GUARD_KEY, "POST", &format!("{path}/receipt"), other)
        .await
        .is(409, "over");
}

#[tokio::test]
async fn the_same_proposal_is_one_request_and_a_denied_action_is_held_back() {
    let organisation = Organisation::start();
    let proposal = organisation.proposal("etc/app.ini", b"workers = 2\n");
    let body = organisation.propose_body(&proposal, b"workers = 2\n");
    let first: RequestRecord = organisation
        .send(GUARD_KEY, "POST", "/v1/proposals", body.clone())
        .await
        .json();
    let again: RequestRecord = organisation
        .send(GUARD_KEY, "POST", "/v1/proposals", body)
        .await
        .json();
    assert_eq!(first.evidence.request.envelope, again.evidence.request.envelope);

    let denied: RequestRecord = organisation.decide(&first, "bob", Verdict::Deny).await.json();
    assert_eq!(denied.phase, Phase::Denied);
    organisation.judge(&denied, Purpose::Audit);
    let held_back = organisation.propose("etc/app.ini", b"workers = 2\n").await;
    held_back.is(429, "denied-recently");
    assert!(held_back.retry_after.is_some());
    assert_eq!(
        organisation.propose("etc/app.ini", b"workers = 3\n").await.status,
        201
    );
    organisation.grant(&id_of(&first)).await.is(409, "denied");
}

#[tokio::test]
async fn policy_forbids_and_the_record_stays() {
    let organisation = Organisation::start();
    let proposal = organisation.proposal("etc/forbidden.ini", b"x\n");
    let body = organisation.propose_body(&proposal, b"x\n");
    for _ in 0..2 {
        organisation
            .send(GUARD_KEY, "POST", "/v1/proposals", body.clone())
            .await
            .is(403, "forbidden");
    }
    let record = VerdictRecord {
        proposal: countersign_protocol::digest::ProposalDigest::new(
            seal(&proposal, GUARD_KEY).payload_digest(),
        ),
        action_digest: proposal.action_digest,
        guard: proposal.guard.clone(),
        verdict: RecordedVerdict::Forbidden,
        policies: vec![],
        directory: proposal.directory,
        policy: proposal.policy,
        at: now(),
    };
    let batch = |key| {
        let item = VerdictItem {
            proposal: seal(&proposal, GUARD_KEY),
            record: seal(&record, key),
        };
        json(&VerdictBatch { records: vec![item] })
    };
    for _ in 0..2 {
        let kept = organisation
            .send(GUARD_KEY, "POST", "/v1/verdicts", batch(GUARD_KEY))
            .await;
        assert_eq!(kept.status, 204, "{kept:?}");
    }
    organisation
        .send(OTHER_GUARD_KEY, "POST", "/v1/verdicts", batch(GUARD_KEY))
        .await
        .is(403, "not-allowed");
    organisation
        .send(GUARD_KEY, "POST", "/v1/verdicts", batch(99))
        .await
        .is(422, "invalid-statement");
}

#[tokio::test]
async fn nobody_approves_their_own_or_twice_or_for_another() {
    let organisation = Organisation::start();
    let record = organisation.held("etc/app.ini").await;
    organisation
        .decide(&record, "alice", Verdict::Approve)
        .await
        .is(403, "excluded");
    let (_, bob, bobs_login) = PEOPLE[1];
    let (_, carol, carols_login) = PEOPLE[2];
    let decision = organisation.decision(&record, "bob", Verdict::Approve);
    organisation
        .send_decision(&decision, carol, bobs_login)
        .await
        .is(403, "not-allowed");
    organisation
        .send_decision(&decision, bobs_login, bobs_login)
        .await
        .is(422, "invalid-statement");
    organisation
        .send_decision(&decision, bob, GUARD_KEY)
        .await
        .is(403, "not-allowed");
    let mut other = decision.clone();
    other.view_digest = countersign_protocol::digest::ViewDigest::new(*record_digest(&record).sha256());
    organisation
        .send_decision(&other, bob, bobs_login)
        .await
        .is(409, "mismatch");
    let mut forked = decision.clone();
    forked.checkpoint.root_hash = countersign_protocol::digest::Sha256Digest::of(b"another log");
    organisation
        .send_decision(&forked, bob, bobs_login)
        .await
        .is(409, "log-fork");
    let mut late = decision.clone();
    late.decided_at = now().after(std::time::Duration::from_secs(3600));
    late.expires_at = late.decided_at.after(std::time::Duration::from_secs(60));
    organisation
        .send_decision(&late, bob, bobs_login)
        .await
        .is(422, "invalid-statement");
    let mut long = decision.clone();
    long.expires_at = long
        .decided_at
        .after(std::time::Duration::from_secs(7 * 24 * 3600));
    organisation
        .send_decision(&long, bob, bobs_login)
        .await
        .is(422, "invalid-statement");

    // The same decision again changes nothing, by whichever login it travels: bob signed it, once.
    for login in [bobs_login, carols_login] {
        let taken = organisation.send_decision(&decision, bob, login).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        assert_eq!(
            taken.json::<RequestRecord>().phase,
            Phase::Pending,
            "one human, one vote"
        );
    }
    organisation
        .decide(&record, "bob", Verdict::Approve)
        .await
        .is(409, "already-voted");
    organisation.grant(&id_of(&record)).await.is(409, "no-quorum");
}

fn record_digest(record: &RequestRecord) -> countersign_protocol::digest::RequestDigest {
    countersign_protocol::digest::RequestDigest::new(record.evidence.request.envelope.payload_digest())
}

#[tokio::test]
async fn a_guard_reaches_its_own_requests_only() {
    let organisation = Organisation::start();
    let record = organisation.approved("etc/app.ini").await;
    let path = format!("/v1/requests/{}", id_of(&record));
    for (method, end) in [("GET", ""), ("POST", "/grant")] {
        organisation
            .send(OTHER_GUARD_KEY, method, &format!("{path}{end}"), vec![])
            .await
            .is(404, "not-found");
    }
    let page: RequestPage = organisation
        .send(OTHER_GUARD_KEY, "GET", "/v1/requests", vec![])
        .await
        .json();
    assert!(page.requests.is_empty());
    let (_, _, bobs_login) = PEOPLE[1];
    let page: RequestPage = organisation
        .send(bobs_login, "GET", "/v1/requests?state=approved", vec![])
        .await
        .json();
    assert_eq!(page.requests.len(), 1);
    assert_eq!(page.requests[0].approved_by.len(), 2);
    organisation
        .send(bobs_login, "POST", &format!("{path}/grant"), vec![])
        .await
        .is(403, "not-allowed");

    let mut foreign = organisation.proposal("etc/x.ini", b"x\n");
    foreign.guard = "g2".parse().unwrap();
    let body = json(&ProposeBody {
        proposal: seal(&foreign, OTHER_GUARD_KEY),
        artifacts: vec![Artifact(b"workers = 1\n".to_vec()), Artifact(b"x\n".to_vec())],
    });
    organisation
        .send(OTHER_GUARD_KEY, "POST", "/v1/proposals", body)
        .await
        .is(403, "not-allowed");
}

#[tokio::test]
async fn pages_go_back_to_the_first() {
    let organisation = Organisation::start();
    let mut made = BTreeSet::new();
    for number in 0..5 {
        made.insert(id_of(&organisation.held(&format!("etc/{number}.ini")).await));
    }
    let (mut found, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page: RequestPage = organisation
            .send(GUARD_KEY, "GET", &format!("/v1/requests?limit=2{after}"), vec![])
            .await
            .json();
        found.extend(page.requests.iter().map(|row| row.id));
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(found, made);
    organisation
        .send(GUARD_KEY, "GET", "/v1/requests?state=sleeping", vec![])
        .await
        .is(400, "malformed");
    organisation
        .send(GUARD_KEY, "GET", "/v1/requests?unknown=1", vec![])
        .await
        .is(400, "malformed");
}

#[tokio::test]
async fn a_withdrawn_request_is_over() {
    let organisation = Organisation::start();
    let record = organisation.held("etc/app.ini").await;
    let chain = organisation.judge(&record, Purpose::Review);
    let path = format!("/v1/requests/{}/withdrawal", chain.request.id);
    let body = envelope(&organisation.withdrawal(&chain), GUARD_KEY);
    for _ in 0..2 {
        let withdrawn: RequestRecord = organisation
            .send(GUARD_KEY, "POST", &path, body.clone())
            .await
            .json();
        assert_eq!(withdrawn.phase, Phase::Withdrawn);
        organisation.judge(&withdrawn, Purpose::Audit);
    }
    organisation
        .decide(&record, "bob", Verdict::Approve)
        .await
        .is(409, "over");
}

#[tokio::test]
async fn a_revoked_key_and_a_moved_environment_take_approvals_and_requests_with_them() {
    let organisation = Organisation::start();
    let record = organisation.approved("etc/app.ini").await;
    let mut revoked = organisation.directory.clone();
    revoked.version = 2;
    let bob = revoked
        .keys
        .iter_mut()
        .find(|key| key.key.id() == key_id(PEOPLE[1].1))
        .unwrap();
    bob.revoked = Some(Revocation {
        at: now(),
        compromised_since: None,
        reason: common::line("lost"),
    });
    assert_eq!(organisation.publish_directory(&revoked).await.status, 204);
    assert_eq!(
        organisation.publish_directory(&revoked).await.status,
        204,
        "the same again changes nothing"
    );
    organisation
        .publish_directory(&organisation.directory)
        .await
        .is(422, "invalid-statement");
    let after = organisation.show(&id_of(&record)).await;
    assert_eq!(after.phase, Phase::Pending);
    assert_eq!(
        after.evidence.directories.len(),
        2,
        "evidence shows the newer directory"
    );
    organisation.grant(&id_of(&record)).await.is(409, "no-quorum");

    let mut gone = revoked.clone();
    gone.version = 3;
    gone.agents[0].guards.clear();
    assert_eq!(organisation.publish_directory(&gone).await.status, 204);
    assert_eq!(organisation.show(&id_of(&record)).await.phase, Phase::Stale);
}

fn key_id(seed: u8) -> countersign_protocol::digest::KeyId {
    use countersign_protocol::signed::Signer as _;
    common::TestKey::new(seed).public_key().id()
}

#[tokio::test]
async fn limits_act_before_anyone_is_told() {
    let limits = Limits {
        open_per_agent: 2,
        proposals_per_hour: 3,
        reviewable_bytes: 64,
        ..Limits::default()
    };
    let organisation = Organisation::start_with(limits);
    let first = organisation.held("etc/1.ini").await;
    organisation.held("etc/2.ini").await;
    let refused = organisation.propose("etc/3.ini", b"x\n").await;
    refused.is(429, "too-many-open");
    assert!(refused.retry_after.is_some());
    organisation.decide(&first, "bob", Verdict::Deny).await;
    organisation.held("etc/3.ini").await;
    organisation
        .decide(&organisation.show(&id_of(&first)).await, "carol", Verdict::Deny)
        .await
        .is(409, "over");
    organisation
        .propose("etc/4.ini", &[b'x'; 100])
        .await
        .is(413, "not-reviewable");
    let page: RequestPage = organisation
        .send(GUARD_KEY, "GET", "/v1/requests?state=pending", vec![])
        .await
        .json();
    for row in page.requests {
        let record = organisation.show(&row.id).await;
        organisation.decide(&record, "bob", Verdict::Deny).await;
    }
    let refused = organisation.propose("etc/5.ini", b"x\n").await;
    refused.is(429, "too-many-proposals");
    assert!(refused.retry_after.unwrap().parse::<u64>().unwrap() > 3000);
}

#[tokio::test]
async fn artifacts_are_exactly_those_of_the_action() {
    let organisation = Organisation::start();
    let proposal = organisation.proposal("etc/app.ini", b"workers = 2\n");
    for artifacts in [
        vec![b"workers = 1\n".to_vec()],
        vec![b"workers = 1\n".to_vec(), b"workers = 9\n".to_vec()],
        vec![
            b"workers = 1\n".to_vec(),
            b"workers = 2\n".to_vec(),
            b"more".to_vec(),
        ],
    ] {
        let artifacts = artifacts.into_iter().map(Artifact).collect();
        let body = json(&ProposeBody {
            proposal: seal(&proposal, GUARD_KEY),
            artifacts,
        });
        organisation
            .send(GUARD_KEY, "POST", "/v1/proposals", body)
            .await
            .is(422, "invalid-statement");
    }
}

#[tokio::test]
async fn a_request_expires() {
    let organisation = Organisation::start_with(Limits {
        request_seconds: 1,
        ..Limits::default()
    });
    let record = organisation.held("etc/app.ini").await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(organisation.show(&id_of(&record)).await.phase, Phase::Expired);
}

#[tokio::test]
async fn many_askings_at_once_make_one_request_and_one_grant() {
    let organisation = Organisation::start();
    let proposal = organisation.proposal("etc/app.ini", b"workers = 2\n");
    let body = organisation.propose_body(&proposal, b"workers = 2\n");
    let asks = (0..8).map(|_| organisation.send(GUARD_KEY, "POST", "/v1/proposals", body.clone()));
    let requests: BTreeSet<Vec<u8>> = futures_util::future::join_all(asks)
        .await
        .iter()
        .map(|answer| answer.json::<RequestRecord>().evidence.request.envelope.payload)
        .collect();
    assert_eq!(requests.len(), 1);

    let id = id_of(&organisation.approved("etc/other.ini").await);
    let asks = (0..8).map(|_| organisation.grant(&id));
    let grants: BTreeSet<Vec<u8>> = futures_util::future::join_all(asks)
        .await
        .iter()
        .map(|answer| {
            answer
                .json::<RequestRecord>()
                .evidence
                .grant
                .unwrap()
                .envelope
                .payload
        })
        .collect();
    assert_eq!(grants.len(), 1);
}

#[tokio::test]
async fn a_new_root_is_followed_only_with_this_backends_keys_and_the_owners_signatures() {
    let organisation = Organisation::start();
    let next = |bend: fn(&mut countersign_protocol::root::Root)| {
        let mut root = organisation.root();
        root.version = 2;
        root.previous = Some(organisation.document.roots[0].payload_digest());
        bend(&mut root);
        root
    };
    let post = async |root, key| {
        let body = envelope(&root, key);
        organisation
            .plain("POST", "/v1/trust/root", body, &[])
            .await
            .unwrap()
    };
    post(next(|_| ()), GUARD_KEY).await.is(422, "invalid-statement");
    let unnamed = next(|root| {
        use countersign_protocol::signed::Signer as _;
        let other = common::TestKey::new(77).public_key().clone();
        let backend = root
            .keys
            .iter_mut()
            .find(|key| key.role == countersign_protocol::identity::Role::Backend);
        backend.unwrap().key = other;
    });
    post(unnamed, common::ROOT_KEY).await.is(422, "invalid-statement");
    let record = organisation.approved("etc/app.ini").await;
    let followed = next(|root| root.organisation = common::line("example renamed"));
    assert_eq!(post(followed, common::ROOT_KEY).await.status, 204);
    let granted: RequestRecord = organisation.grant(&id_of(&record)).await.json();
    assert_eq!(granted.evidence.roots.len(), 2);
    organisation.judge(&granted, Purpose::Execute);
}
