//! Nothing acknowledged is lost, nothing signed is taken back: kills, rollbacks, and the log's own proofs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use common::{GUARD_KEY, Organisation, id_of, run, succeed};
use countersign_protocol::api::{ConsistencyAnswer, RequestRecord};
use countersign_protocol::decision::{SeenCheckpoint, Verdict};
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::request::Phase;
use countersign_protocol::root::TrustedRoot;
use countersign_verify::Purpose;
use countersign_verify::log::{check_consistency, open_checkpoint};
use tlog_tiles::{Hash, node_hash, record_hash};

fn checkpoint(organisation: &Organisation, note: &[u8]) -> SeenCheckpoint {
    let root = TrustedRoot::follow(&organisation.root_id, &organisation.document.roots).unwrap();
    open_checkpoint(std::str::from_utf8(note).unwrap(), &root).unwrap()
}

/// The Merkle tree hash of RFC 6962 section 2.1, written down once more.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => tlog_tiles::EMPTY_HASH,
        [one] => *one,
        more => {
            let half = more.len().next_power_of_two() / 2;
            node_hash(root_of(&more[..half]), root_of(&more[half..]))
        }
    }
}

#[tokio::test]
async fn every_acknowledged_write_survives_kills_in_mid_stream() {
    let mut organisation = Organisation::start();
    let mut seen = SeenCheckpoint {
        size: 0,
        root_hash: Sha256Digest::of(b""),
    };
    let mut all = Vec::new();
    for round in 0..4 {
        // What may be found afterwards: a write that was not answered may have been made or not.
        let acknowledged: Mutex<Vec<(RequestId, Vec<Phase>)>> = Mutex::default();
        let write = async {
            for number in 0.. {
                let proposal = organisation.proposal(&format!("etc/{round}-{number}.ini"), b"workers = 2\n");
                let body = organisation.propose_body(&proposal, b"workers = 2\n");
                let path = "/v1/proposals";
                let at = common::now().millis() / 1000;
                let signed = organisation.signed(GUARD_KEY, "POST", path, &body, at, &common::random());
                let headers = [
                    ("Content-Digest", signed.content_digest),
                    ("Signature-Input", signed.signature_input),
                    ("Signature", signed.signature),
                ];
                let Ok(answer) = organisation.plain("POST", path, body, &headers).await else {
                    break;
                };
                let record: RequestRecord = answer.json();
                assert!(record.evidence.request.index.is_some());
                let kept = (id_of(&record), vec![record.phase]);
                acknowledged.lock().unwrap().push(kept);
                if number % 3 == 0 {
                    // Denied ones make room and are another sort of write.
                    let may_be = |phases| acknowledged.lock().unwrap().last_mut().unwrap().1 = phases;
                    may_be(vec![Phase::Pending, Phase::Denied]);
                    let denied = organisation.decide(&record, "bob", Verdict::Deny).await;
                    assert_eq!(denied.status, 200, "{denied:?}");
                    may_be(vec![Phase::Denied]);
                }
            }
        };
        let stop = async {
            // A loaded machine may take long over the first; each round is to have one that must be found again.
            while acknowledged.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(120 + 90 * round)).await;
        };
        // The kill hits whatever is being written just then.
        tokio::select! { () = write => {}, () = stop => {} }
        organisation.kill();
        let acknowledged = acknowledged.into_inner().unwrap();
        assert!(!acknowledged.is_empty());
        all.extend(acknowledged);
        organisation.serve();
        for (id, phases) in &all {
            let found = organisation.show(id).await.phase;
            assert!(phases.contains(&found), "{id} is {found:?}, not {phases:?}");
        }
        let now = checkpoint(&organisation, &organisation.fetch("/log/checkpoint").await.body);
        let path = format!("/v1/log/consistency?from={}&to={}", seen.size, now.size);
        let proof: ConsistencyAnswer = organisation.fetch(&path).await.json();
        check_consistency(&seen, &now, &proof.proof).unwrap();
        assert!(now.size > seen.size);
        seen = now;
        let (last, _) = all.last().unwrap();
        organisation.judge(&organisation.show(last).await, Purpose::Audit);
    }
    organisation.kill();
    assert!(succeed(&mut organisation.command("verify-store")).contains("store is whole"));
}

/// A power cut at each single call that makes something durable, one after the other.
#[tokio::test]
async fn a_kill_at_any_durable_step_loses_nothing_and_forks_nothing() {
    let strace = std::process::Command::new("strace").arg("-V").output();
    assert!(
        strace.is_ok(),
        "`strace` is missing: run `./x test`, which installs it"
    );
    let limits = Limits {
        open_per_agent: 1000,
        ..Limits::default()
    };
    let mut organisation = Organisation::start_with(limits);
    let mut seen = checkpoint(&organisation, &organisation.fetch("/log/checkpoint").await.body);
    organisation.kill();
    let (mut all, mut deaths) = (Vec::new(), 0);
    for call in ["fsync", "fdatasync", "rename", "pwrite64"] {
        for when in [1, 2, 3, 4, 5, 6, 8, 11, 15] {
            // It may die before it listens, while it writes, or outlive the few calls made here.
            let injected = format!("inject={call}:signal=SIGKILL:when={when}");
            let mut lives = organisation.try_serve_under(&[
                "strace",
                "-D",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &injected,
            ]);
            for number in 0..3 {
                if !lives {
                    break;
                }
                let target = format!("etc/{call}-{when}-{number}.ini");
                let proposal = organisation.proposal(&target, b"workers = 2\n");
                let body = organisation.propose_body(&proposal, b"workers = 2\n");
                match organisation
                    .try_send(GUARD_KEY, "POST", "/v1/proposals", body)
                    .await
                {
                    Some(answer) => all.push(id_of(&answer.json())),
                    None => lives = false,
                }
            }
            deaths += u32::from(!lives);
            organisation.kill();
            organisation.serve();
            let now = checkpoint(&organisation, &organisation.fetch("/log/checkpoint").await.body);
            let path = format!("/v1/log/consistency?from={}&to={}", seen.size, now.size);
            let proof: ConsistencyAnswer = organisation.fetch(&path).await.json();
            check_consistency(&seen, &now, &proof.proof).unwrap();
            seen = now;
            organisation.kill();
        }
    }
    assert!(deaths > 10, "only {deaths} kills hit");
    organisation.serve();
    for id in &all {
        organisation.judge(&organisation.show(id).await, Purpose::Review);
    }
    assert!(succeed(&mut organisation.command("verify-store")).contains("store is whole"));
}

#[tokio::test]
async fn tiles_rebuild_to_the_signed_checkpoint() {
    let limits = Limits {
        open_per_agent: 1000,
        proposals_per_hour: 1000,
        ..Limits::default()
    };
    let organisation = Organisation::start_with(limits);
    // More than a tile: 3 leaves of trust, then requests.
    for first in (0..270).step_by(10) {
        let many = (first..first + 10).map(|number| {
            let organisation = &organisation;
            async move { organisation.held(&format!("etc/{number}.ini")).await }
        });
        futures_util::future::join_all(many).await;
    }
    let signed = checkpoint(&organisation, &organisation.fetch("/log/checkpoint").await.body);
    assert_eq!(signed.size, 273);
    let mut entries = organisation.fetch("/log/tile/entries/000").await.body;
    entries.extend(organisation.fetch("/log/tile/entries/001.p/17").await.body);
    let (mut leaves, mut rest) = (Vec::new(), entries.as_slice());
    while let Some((length, after)) = rest.split_at_checked(2) {
        let (leaf, after) = after.split_at(usize::from(u16::from_be_bytes([length[0], length[1]])));
        leaves.push(record_hash(leaf));
        rest = after;
    }
    assert_eq!(root_of(&leaves).0, *signed.root_hash.as_bytes());
    let mut hashes = organisation.fetch("/log/tile/0/000").await.body;
    hashes.extend(organisation.fetch("/log/tile/0/001.p/17").await.body);
    assert_eq!(hashes, leaves.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());
    assert_eq!(
        organisation.fetch("/log/tile/1/000.p/1").await.body,
        root_of(&leaves[..256]).0
    );
    for missing in [
        "/log/tile/0/001",
        "/log/tile/0/001.p/18",
        "/log/tile/2/000.p/1",
        "/log/tile/0/1",
        "/log/tile/entries/002",
    ] {
        assert_eq!(organisation.fetch(missing).await.status, 404, "{missing}");
    }
    organisation
        .fetch("/v1/log/consistency?from=2&to=999")
        .await
        .is(404, "not-found");
    organisation
        .fetch("/v1/log/consistency?from=9")
        .await
        .is(400, "malformed");
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_file(to.with_extension("sqlite-wal"));
    let _ = std::fs::remove_file(to.with_extension("sqlite-shm"));
    std::fs::copy(from, to).unwrap();
}

#[tokio::test]
async fn a_database_that_was_rolled_back_is_refused() {
    let mut organisation = Organisation::start();
    organisation.held("etc/1.ini").await;
    let old = organisation.path("old.sqlite");
    succeed(organisation.command("backup").arg(&old));
    organisation.held("etc/2.ini").await;
    assert_eq!(organisation.terminate(), Some(0), "told to end, it ends well");
    let new = organisation.path("new.sqlite");
    succeed(organisation.command("backup").arg(&new));

    let refused = run(organisation.command("restore").arg(&old));
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("rolled back"),
        "{refused:?}"
    );

    copy(&old, &organisation.path("store.sqlite"));
    let refused = run(organisation.command("serve").args(["--listen", "127.0.0.1:0"]));
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("rolled back"),
        "{refused:?}"
    );
    assert!(!run(&mut organisation.command("verify-store")).status.success());

    succeed(organisation.command("restore").arg(&new));
    organisation.serve();
    assert_eq!(organisation.fetch("/readyz").await.status, 200);

    assert_eq!(organisation.terminate(), Some(0));
    let kept = organisation.path("store.before-restore");
    let before = std::fs::read(&kept).unwrap();
    let again = run(organisation.command("restore").arg(&new));
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("move it away first"),
        "{again:?}"
    );
    assert_eq!(
        std::fs::read(&kept).unwrap(),
        before,
        "nothing that was kept is lost"
    );
    std::fs::remove_file(kept).unwrap();
    succeed(organisation.command("restore").arg(&new));
}

#[tokio::test]
async fn a_changed_leaf_statement_or_memory_is_found() {
    let mut organisation = Organisation::start();
    organisation.held("etc/1.ini").await;
    assert_eq!(organisation.terminate(), Some(0));
    let verify = |organisation: &Organisation| run(&mut organisation.command("verify-store"));
    assert!(verify(&organisation).status.success());
    let good = organisation.path("good.sqlite");
    succeed(organisation.command("backup").arg(&good));
    for tampering in [
        "UPDATE leaves SET bytes = CAST(replace(bytes, 'request', 'Request') AS BLOB) WHERE idx = 3",
        "UPDATE statements SET salt = (SELECT salt FROM statements WHERE id = 1) WHERE kind = 'request'",
        "UPDATE hashes SET hash = zeroblob(32) WHERE idx = 2",
        "DELETE FROM leaves WHERE idx = 3",
        "UPDATE checkpoints SET note = replace(note, 'countersign', 'countersigm')",
    ] {
        let conn = rusqlite::Connection::open(organisation.path("store.sqlite")).unwrap();
        assert!(conn.execute(tampering, []).unwrap() > 0, "{tampering}");
        drop(conn);
        assert!(!verify(&organisation).status.success(), "{tampering}");
        copy(&good, &organisation.path("store.sqlite"));
    }
    std::fs::remove_file(organisation.path("checkpoint.last")).unwrap();
    let refused = run(organisation.command("serve").args(["--listen", "127.0.0.1:0"]));
    assert!(
        !refused.status.success(),
        "without the memory of what was signed nothing is signed"
    );
}

#[test]
fn two_backends_never_work_in_one_home() {
    let organisation = Organisation::start_with(Limits::default());
    let second = run(organisation.command("serve").args(["--listen", "127.0.0.1:0"]));
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another `countersignd`"));
}
