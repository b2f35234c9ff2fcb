//! Attacks by somebody who has more than he should: the backend, the log's key, a reviewer's lost key, or all of these.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::{World, at, held, line, proposal, seal, world};
use countersign_protocol::action::{Action, ArtifactRef, Exec, Operand, Payload};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::decision::{SeenCheckpoint, Verdict};
use countersign_protocol::digest::{ArtifactDigest, Sha256Digest};
use countersign_protocol::kind::Kind;
use countersign_protocol::log::{EntryType, LoggedLeaf};
use countersign_protocol::text::{Bounded, OsBytes};
use countersign_verify::judge::find_in;
use countersign_verify::log::{check_consistency, check_inclusion};
use countersign_verify::{Pinned, Purpose, Report, verify};

fn judge(world: &World, seconds: u64, purpose: Purpose) -> Report {
    verify(
        &world.done(),
        &Pinned::new(*world.root.id()),
        at(seconds),
        purpose,
    )
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.problems.iter().map(|problem| problem.code).collect()
}

/// A log that is forked behind a reviewer's back, and shown no longer than before the fork, is still a fork: nobody can
/// have seen the log with his own decision in it before he signed it.
#[test]
fn a_decision_that_stands_in_the_log_its_signer_had_seen_shows_a_fork() {
    let mut world = held();
    let mut decision = world.decision("bob");
    decision.checkpoint = SeenCheckpoint {
        size: world.log.size() + 5,
        root_hash: Sha256Digest::of(b"the history that bob was shown"),
    };
    world.decide(&decision, "bob", 100);
    let grant = world.grant();
    world.give(&grant, "backend");
    assert!(codes(&judge(&world, 210, Purpose::Execute)).contains(&"log-fork"));
    assert!(codes(&judge(&world, 300, Purpose::Audit)).contains(&"log-fork"));
}

/// The log's key can write any time into a leaf, but not change what stands before it.
#[test]
fn a_leaf_dated_back_does_not_bring_a_revoked_key_back() {
    let mut world = held();
    world.revoke("bob", 50, 60);
    let mut decision = world.decision("bob");
    decision.decided_at = at(40);
    world.decide(&decision, "bob", 45);
    let report = judge(&world, 300, Purpose::Audit);
    let checked = &report.chain.as_ref().unwrap().decisions[0];
    assert!(checked.void.is_some(), "{:?}", report.problems);
}

/// Two by night, one by day.
const BY_NIGHT: &str = r#"
@id("agents-may-ask")
permit (principal, action == Action::"propose", resource);
@id("people-review")
permit (principal, action == Action::"approve", resource);
@id("two-by-night")
permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 2 };
@id("one-by-day")
permit (principal, action == Action::"execute", resource)
when { context.approvals.count >= 1 && context.now >= datetime("MORNING") };
"#;

/// The request needs two, and says so; that policy would do with one by now does not make it one.
#[test]
fn an_approval_by_a_key_that_fell_does_not_count_for_the_number_that_was_asked_for() {
    let mut world = world();
    let policy = BY_NIGHT.replace("MORNING", &at(150).to_string());
    world.bundle.policies[0].text = Bounded::new(policy).unwrap();
    let proposal = proposal(&world);
    world.hold(&proposal, |_| ());
    assert_eq!(world.request().rule.approvals, 2);
    for person in ["bob", "carol"] {
        let decision = world.decision(person);
        world.decide(&decision, person, 100);
    }
    world.revoke("carol", 110, 120);
    let mut grant = world.grant();
    let bobs = world.evidence().decisions[0].envelope.payload_digest();
    grant.decisions.retain(|digest| *digest.sha256() == bobs);
    world.give(&grant, "backend");
    assert_eq!(
        codes(&judge(&world, 210, Purpose::Execute)).first(),
        Some(&"no-quorum")
    );
    assert_eq!(
        codes(&judge(&world, 210, Purpose::Audit)).first(),
        Some(&"no-quorum")
    );
}

/// How long an approval lasts is policy's to say; what the reviewer's own console wrote is only its end.
#[test]
fn a_reviewer_cannot_make_an_approval_last_longer_than_policy_lets_it() {
    let mut world = held();
    let life = u64::from(world.bundle.limits.decision_seconds);
    let mut decision = world.decision("bob");
    decision.expires_at = at(4_900);
    world.decide(&decision, "bob", 100);
    let mut grant = world.grant();
    (grant.issued_at, grant.expires_at) = (at(100 + life), at(100 + life + 60));
    world.give(&grant, "backend");
    let report = judge(&world, 100 + life + 1, Purpose::Execute);
    assert_eq!(codes(&report).first(), Some(&"no-quorum"));
}

/// Whoever has the log's key can sign any size; whoever sends evidence can name any index.
#[test]
fn no_size_or_index_gets_past_the_proofs_or_breaks_them() {
    let edges = [
        0,
        1,
        2,
        3,
        1 << 31,
        1 << 32,
        (1 << 63) - 1,
        1 << 63,
        u64::MAX - 1,
        u64::MAX,
    ];
    let root_hash = Sha256Digest::of(b"x");
    for size in edges {
        let now = SeenCheckpoint { size, root_hash };
        for other in edges {
            for proof in [
                vec![],
                vec![root_hash; 3],
                vec![root_hash; 64],
                vec![root_hash; 65],
            ] {
                let leaf = LoggedLeaf {
                    index: other,
                    leaf: "{}".to_owned(),
                    proof: proof.clone(),
                };
                assert!(check_inclusion(&leaf, &now).is_err(), "{other} of {size}");
                let seen = SeenCheckpoint {
                    size: other,
                    root_hash: Sha256Digest::of(b"y"),
                };
                let continues = check_consistency(&seen, &now, &proof).is_ok();
                assert_eq!(continues, other == 0, "{other} to {size}");
            }
        }
    }
}

/// Whoever runs the log can put a request into it a second time, behind a denial that its signer saw logged, and show the
/// log from there on.
#[test]
fn a_denial_is_not_left_behind_by_logging_the_request_again() {
    let granted = |read_by_guard: bool| {
        let mut world = world();
        let mut asked = proposal(&world);
        asked.checkpoint = read_by_guard.then(|| world.log.seen());
        world.hold(&asked, |_| ());
        let mut denial = world.decision("carol");
        denial.verdict = Verdict::Deny;
        world.decide(&denial, "carol", 100);
        let (request, envelope) = (world.request.clone(), world.evidence().request.envelope.clone());
        let again = world
            .log
            .append(EntryType::Request, request.as_ref(), &envelope, at(101));
        world.evidence().request = again;
        world.evidence().decisions.clear();
        let approval = world.decision("bob");
        world.decide(&approval, "bob", 102);
        let grant = world.grant();
        world.give(&grant, "backend");
        world
    };
    let shown = |world: &World, hidden: &[u64]| {
        let mut evidence = world.done();
        let log = evidence.log.as_mut().unwrap();
        log.leaves.retain(|leaf| !hidden.contains(&leaf.index));
        codes(&verify(
            &evidence,
            &Pinned::new(*world.root.id()),
            at(210),
            Purpose::Execute,
        ))
    };
    // Without the guard's word on how far it had read the log, nobody can tell.
    assert!(shown(&granted(false), &[2, 3]).is_empty());
    let world = granted(true);
    assert!(shown(&world, &[2, 3]).contains(&"log"));
    assert!(shown(&world, &[3]).contains(&"log"));
    assert!(shown(&world, &[]).contains(&"hidden-entry"));
}

/// What the guard had read of the log when it asked stays the beginning of it.
#[test]
fn a_request_stands_in_the_log_that_its_guard_had_read_and_behind_that() {
    let with = |bend: &dyn Fn(&mut SeenCheckpoint)| {
        let mut world = world();
        let other = world.request.clone();
        let envelope = seal(&world.directory, "directory");
        world
            .log
            .append(EntryType::Verdict, other.as_ref(), &envelope, at(0));
        let mut seen = world.log.seen();
        bend(&mut seen);
        let mut asked = proposal(&world);
        asked.checkpoint = Some(seen);
        world.hold(&asked, |_| ());
        let approval = world.decision("bob");
        world.decide(&approval, "bob", 100);
        let grant = world.grant();
        world.give(&grant, "backend");
        codes(&judge(&world, 210, Purpose::Execute))
    };
    assert!(with(&|_| ()).is_empty());
    assert!(with(&|seen| seen.root_hash = Sha256Digest::of(b"x")).contains(&"log-fork"));
    assert!(with(&|seen| seen.size = 5).contains(&"log-fork"));
    assert!(with(&|seen| seen.size = 500).contains(&"log-fork"));
}

fn exec(binary: &str, argv: &[&str]) -> Action {
    Action {
        kind: Kind::named("exec").unwrap(),
        environment: "production".parse().unwrap(),
        target: line(&format!("exec://web-1{binary}")),
        payload: Payload::Exec(Exec {
            binary: OsBytes::new(binary),
            binary_digest: ArtifactRef::of(b"elf"),
            argv: argv.iter().map(|word| OsBytes::new(*word)).collect(),
            cwd: OsBytes::new("/"),
            env: vec![],
            stdin: None,
            operands: vec![],
        }),
    }
}

/// `rm` is a link to a program of many names on Alpine and on newer Ubuntu; which of them it is, its first argument says.
#[test]
fn a_program_of_many_names_is_judged_by_the_name_it_is_called_by() {
    let worst = |binary: &str, argv: &[&str]| {
        let found = find_in(&exec(binary, argv), &std::collections::BTreeMap::new()).unwrap();
        found.iter().map(|finding| finding.severity).max()
    };
    let wipe = ["-rf", "/etc"];
    let by_its_name = worst("/usr/bin/rm", &["rm", wipe[0], wipe[1]]);
    assert!(by_its_name.is_some());
    for many in ["/bin/busybox", "/usr/bin/coreutils", "/usr/bin/toybox"] {
        assert_eq!(worst(many, &["rm", wipe[0], wipe[1]]), by_its_name, "{many}");
        assert_eq!(worst(many, &["/bin/rm", wipe[0], wipe[1]]), by_its_name, "{many}");
    }
    // A name cannot take away what the program itself is known for.
    assert_eq!(worst("/usr/bin/rm", &["echo", wipe[0], wipe[1]]), by_its_name);
}

/// An agent can put anything into a file of its own and ask for just that to be run: no byte of it travels or is shown.
#[test]
fn a_program_that_nobody_reads_is_not_called_harmless() {
    let ids = |binary: &str| -> Vec<(&'static str, bool)> {
        let found = find_in(&exec(binary, &["deploy"]), &std::collections::BTreeMap::new()).unwrap();
        found
            .iter()
            .map(|finding| (finding.rule.as_str(), finding.counts()))
            .collect()
    };
    for own in [
        "/home/agent/deploy",
        "/tmp/usr/bin/deploy",
        "/var/lib/deploy",
        "/usrbin",
    ] {
        assert_eq!(ids(own), [("not-analyzed", true)], "{own}");
    }
    assert!(ids("/usr/bin/deploy").is_empty());
}

/// The client hands over every file that an argument names; an agent's own client need not. The file could be another one
/// once it was approved.
#[test]
fn a_script_that_did_not_come_along_is_not_called_harmless() {
    let unread = |argv: &[&str], operand: Option<u32>| {
        let program = format!("/usr/bin/{}", argv[0]);
        let mut action = exec(&program, argv);
        let mut artifacts = std::collections::BTreeMap::new();
        if let (Payload::Exec(exec), Some(argument)) = (&mut action.payload, operand) {
            let text = b"echo harmless\n";
            exec.operands = vec![Operand {
                argument,
                path: OsBytes::new("/home/agent/x"),
                content: ArtifactRef::of(text),
            }];
            artifacts.insert(ArtifactDigest::of(text), Artifact(text.to_vec()));
        }
        let found = find_in(&action, &artifacts).unwrap();
        found
            .iter()
            .any(|finding| finding.explanation.contains("the script"))
    };
    for argv in [
        &["sh", "x"][..],
        &["bash", "-eu", "x", "y"],
        &["python3.11", "x"],
        &["python3", "-m", "x"],
        &["env", "A=b", "sh", "x"],
        &["busybox", "sh", "x"],
        &["node", "-r", "x"],
        &["sh", "-o", "posix", "x"],
        // Values of options that hold the letter by which a text is given.
        &["python3", "-Wonce", "x"],
        &["python3", "-W", "once", "x"],
        &["ruby", "-rset", "x"],
        &["perl", "-Mfeature", "x"],
        &["perl", "-pie", "x"],
        &["php", "-f", "x"],
    ] {
        assert!(unread(argv, None), "{argv:?}");
    }
    let called = exec("/bin/sh", &["perl", "-e", "x"]);
    let found = find_in(&called, &std::collections::BTreeMap::new()).unwrap();
    assert!(
        found
            .iter()
            .any(|finding| finding.explanation.contains("the script")),
        "to a shell this is no text: {found:?}"
    );
    assert!(unread(&["sh", "x", "y"], Some(2)), "another file came along");
    assert!(!unread(&["sh", "x"], Some(1)));
    assert!(!unread(&["env", "sh", "x"], Some(2)));
    for argv in [
        &["sh", "-c", "ls"][..],
        &["bash", "-euc", "ls"],
        &["bash", "-euo", "pipefail", "-c", "ls"],
        &["perl", "-ne", "print"],
        &["perl", "-pi", "-e", "s/a/b/"],
        &["python3", "-W", "once", "-c", "print(1)"],
        &["node", "-pe", "1"],
        &["sh", "-"],
        &["sh"],
        &["cat", "x"],
        &["nginx", "-s", "reload"],
    ] {
        assert!(!unread(argv, None), "{argv:?}");
    }
}
