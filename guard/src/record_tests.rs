//! Tests of the journal: once, durably, by one service.

use countersign_protocol::action::ArtifactRef;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::Envelope;

use countersign_protocol::digest::{ProposalDigest, Sha256Digest};

use super::*;

fn id(name: &str) -> RequestId {
    RequestId::of(&ProposalDigest::new(Sha256Digest::of(name.as_bytes())))
}

fn now() -> Timestamp {
    Timestamp::from_millis(1000)
}

fn propose(journal: &Journal, name: &str, held: &[ArtifactRef]) -> Result<(), JournalError> {
    let proposal = Envelope {
        payload_type: "t".into(),
        payload: name.as_bytes().to_vec(),
        signatures: vec![],
    };
    journal.propose(&NewRequest {
        id: id(name),
        agent: &"deployer".parse().unwrap(),
        proposal: &proposal,
        ticket: false,
        accepts: None,
        held,
        created_at: now(),
        expires_at: Timestamp::from_millis(9000),
    })
}

fn end(phase: Phase) -> End {
    End {
        phase,
        code: 0,
        message: "over".into(),
    }
}

/// Outputs, arguments and variables stand in it, and an administrator may well have made the home himself.
#[test]
fn nobody_else_reads_the_journal_even_in_an_open_home() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let journal = Journal::open(home.path()).unwrap();
    propose(&journal, "a", &[]).unwrap();
    for file in std::fs::read_dir(home.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", file.file_name());
    }
}

#[test]
fn a_request_is_used_up_once_and_for_all() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::open(home.path()).unwrap();
    propose(&journal, "a", &[]).unwrap();
    assert!(propose(&journal, "a", &[]).is_err());
    journal.begin(id("a"), b"grant", now()).unwrap();
    assert!(matches!(
        journal.begin(id("a"), b"grant", now()),
        Err(JournalError::Consumed(_))
    ));
    assert!(matches!(
        journal.end(id("a"), &end(Phase::Withdrawn), None),
        Err(JournalError::Consumed(_))
    ));
    drop(journal);

    let journal = Journal::open(home.path()).unwrap();
    let entry = journal.entry(id("a")).unwrap().unwrap();
    assert_eq!(entry.stage, Stage::Executing);
    assert_eq!(entry.authority.as_deref(), Some(&b"grant"[..]));
    assert!(journal.begin(id("a"), b"grant", now()).is_err());
    let tails = Tails {
        stdout: b"out".to_vec(),
        stderr: vec![],
    };
    let receipt = Some((Route::Receipt, &b"{}"[..]));
    journal
        .finish(id("a"), &end(Phase::Succeeded), &tails, receipt, now())
        .unwrap();
    assert!(journal.begin(id("a"), b"grant", now()).is_err());
    assert!(
        journal
            .finish(id("a"), &end(Phase::Failed), &tails, receipt, now())
            .is_err()
    );
    assert_eq!(journal.tails(id("a")).unwrap(), tails);
    assert_eq!(journal.unsent().unwrap().waiting, 1);
}

#[test]
fn a_race_has_one_winner() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::open(home.path()).unwrap();
    for round in 0..20 {
        let name = format!("race-{round}");
        propose(&journal, &name, &[]).unwrap();
        let wins = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|n| {
                    let (journal, name) = (&journal, &name);
                    scope.spawn(move || match n {
                        0 => journal.end(id(name), &end(Phase::Withdrawn), None).is_ok(),
                        _ => journal.begin(id(name), b"g", now()).is_ok(),
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap())
                .filter(|won| *won)
                .count()
        });
        assert_eq!(wins, 1, "{name}");
    }
}

#[test]
fn what_was_never_proposed_never_runs() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::open(home.path()).unwrap();
    assert!(matches!(
        journal.begin(id("x"), b"g", now()),
        Err(JournalError::Consumed(_))
    ));
    propose(&journal, "w", &[]).unwrap();
    journal.end(id("w"), &end(Phase::Withdrawn), None).unwrap();
    assert!(journal.begin(id("w"), b"g", now()).is_err());
}

#[test]
fn a_second_service_is_kept_away() {
    let home = tempfile::tempdir().unwrap();
    let first = Journal::open(home.path()).unwrap();
    assert!(matches!(Journal::open(home.path()), Err(JournalError::InUse(_))));
    drop(first);
    assert!(Journal::open(home.path()).is_ok());
}

#[test]
fn bytes_are_let_go_when_nobody_needs_them() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::open(home.path()).unwrap();
    let (one, two) = (ArtifactRef::of(b"1"), ArtifactRef::of(b"2"));
    propose(&journal, "a", &[one, two]).unwrap();
    propose(&journal, "b", &[two]).unwrap();
    assert_eq!(journal.release(id("a")).unwrap(), [one.digest]);
    assert_eq!(journal.release(id("b")).unwrap(), [two.digest]);
}

#[test]
fn what_is_over_needs_no_bytes_though_nobody_let_them_go() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::open(home.path()).unwrap();
    let (one, two) = (ArtifactRef::of(b"1"), ArtifactRef::of(b"2"));
    propose(&journal, "over", &[one, two]).unwrap();
    propose(&journal, "open", &[two]).unwrap();
    journal.end(id("over"), &end(Phase::Denied), None).unwrap();
    assert_eq!(journal.needed().unwrap(), BTreeSet::from([two.digest]));
}

/// The numbers of what would be sent in one pass.
fn pass(journal: &Journal) -> Vec<(i64, RequestId)> {
    let mut last = 0;
    std::iter::from_fn(|| {
        let next = journal.next_outgoing(last).unwrap()?;
        last = next.id;
        Some((next.id, next.request))
    })
    .collect()
}

#[test]
fn a_refused_statement_holds_up_its_own_request_alone_and_is_never_lost() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::open(home.path()).unwrap();
    for (name, route) in [
        ("a", Route::Verdict),
        ("a", Route::Withdrawal),
        ("b", Route::Receipt),
    ] {
        journal.send(id(name), route, b"{}").unwrap();
    }
    assert_eq!(
        pass(&journal),
        [(1, id("a")), (3, id("b"))],
        "one of each request"
    );

    journal.set_aside(1, "not yours").unwrap();
    journal.set_aside(1, "still not yours").unwrap();
    assert_eq!(pass(&journal), [(3, id("b"))]);
    drop(journal);
    let journal = Journal::open(home.path()).unwrap();
    let refused = Refusal {
        request: id("a"),
        route: Route::Verdict,
        reason: "still not yours".into(),
    };
    let expected = Unsent {
        waiting: 2,
        refused: vec![refused],
    };
    assert_eq!(journal.unsent().unwrap(), expected);

    journal.try_again().unwrap();
    assert_eq!(pass(&journal), [(1, id("a")), (3, id("b"))]);
    journal.sent(1).unwrap();
    assert_eq!(
        pass(&journal),
        [(2, id("a")), (3, id("b"))],
        "the next of its request"
    );
}

#[test]
fn the_clock_never_forgets_the_latest() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::open(home.path()).unwrap();
    let at = Timestamp::from_millis;
    assert_eq!(journal.latest_clock(at(5000)).unwrap(), at(5000));
    assert_eq!(journal.latest_clock(at(4000)).unwrap(), at(5000));
}
