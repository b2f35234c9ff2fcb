//! The chain holds when everything holds, and breaks at every link that an attacker could bend.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::{AFTER, World, approved, at, granted, held, key, line, proposal, ran, seal, world};
use countersign_protocol::action::ArtifactRef;
use countersign_protocol::approval::{LastApproved, Severity};
use countersign_protocol::bundle::Evidence;
use countersign_protocol::decision::{Attention, Decision, Verdict};
use countersign_protocol::digest::{ArtifactDigest, RootId, Sha256Digest};
use countersign_protocol::identity::Presence;
use countersign_protocol::receipt::Outcome;
use countersign_protocol::request::Phase;
use countersign_protocol::text::Bounded;
use countersign_review::findings::RULESET;
use countersign_verify::{Pinned, Purpose, Report, verify};

fn judge(world: &World, seconds: u64, purpose: Purpose) -> Report {
    judge_evidence(world, &world.done(), seconds, purpose)
}

fn judge_evidence(world: &World, evidence: &Evidence, seconds: u64, purpose: Purpose) -> Report {
    verify(evidence, &Pinned::new(*world.root.id()), at(seconds), purpose)
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.problems.iter().map(|problem| problem.code).collect()
}

fn phase(report: &Report) -> Phase {
    assert!(report.is_valid(), "{:?}", report.problems);
    report.chain.as_ref().unwrap().state.phase()
}

/// The first problem of an execution at second 210.
fn refusal(world: &World) -> &'static str {
    codes(&judge(world, 210, Purpose::Execute))
        .first()
        .expect("it was refused")
}

#[test]
fn every_step_of_a_good_chain_holds() {
    assert_eq!(phase(&judge(&held(), 30, Purpose::Review)), Phase::Pending);
    assert_eq!(phase(&judge(&approved(), 150, Purpose::Review)), Phase::Approved);
    assert_eq!(phase(&judge(&granted(), 210, Purpose::Execute)), Phase::Claimed);
    assert_eq!(phase(&judge(&ran(), 300, Purpose::Audit)), Phase::Succeeded);
    // Years later, when everything has expired, the evidence still tells what held then.
    assert_eq!(
        phase(&judge(&ran(), 100_000_000, Purpose::Audit)),
        Phase::Succeeded
    );
}

#[test]
fn another_root_is_not_trusted() {
    let other = Pinned::new(RootId::new(Sha256Digest::of(b"other")));
    let report = verify(&ran().done(), &other, at(300), Purpose::Audit);
    assert_eq!(codes(&report), ["untrusted-root"]);
    assert!(report.chain.is_none());
}

#[test]
fn nothing_runs_without_a_grant_or_with_a_bent_one() {
    assert_eq!(refusal(&approved()), "not-granted");
    let bent = |change: &dyn Fn(&mut countersign_protocol::grant::Grant), by: &str| {
        let mut world = approved();
        let mut grant = world.grant();
        change(&mut grant);
        world.give(&grant, by);
        refusal(&world)
    };
    assert_eq!(bent(&|_| (), "g1"), "invalid-grant");
    assert_eq!(
        bent(&|grant| grant.guard = "g2".parse().unwrap(), "backend"),
        "grant-differs"
    );
    assert_eq!(
        bent(&|grant| grant.guard_key = key("g2").public.id(), "backend"),
        "grant-differs"
    );
    assert_eq!(
        bent(
            &|grant| grant.action_digest =
                countersign_protocol::digest::ActionDigest::new(Sha256Digest::of(b"x")),
            "backend"
        ),
        "grant-differs"
    );
    assert_eq!(bent(&|grant| grant.decisions.clear(), "backend"), "no-quorum");
    assert_eq!(
        bent(&|grant| grant.expires_at = at(9_000), "backend"),
        "grant-time"
    );
    assert_eq!(bent(&|grant| grant.expires_at = at(205), "backend"), "grant-time");
    assert_eq!(bent(&|grant| grant.issued_at = at(400), "backend"), "grant-time");
}

#[test]
fn an_invented_grant_without_approvals_is_refused() {
    let mut world = held();
    let grant = world.grant();
    world.give(&grant, "backend");
    assert_eq!(refusal(&world), "no-quorum");
}

#[test]
fn a_grant_needs_logged_decisions() {
    let mut world = held();
    let decision = world.decision("bob");
    let mut grant = world.grant();
    world.decide(&decision, "bob", 100);
    // The checkpoint that the grant names was taken before the decision was logged.
    grant.decisions = world.grant().decisions;
    world.give(&grant, "backend");
    assert_eq!(refusal(&world), "not-logged");
}

#[test]
fn excluded_people_and_other_peoples_keys_do_not_count() {
    let with = |person: &str, by: &str| {
        let mut world = held();
        let decision = world.decision(person);
        world.decide(&decision, by, 100);
        let grant = world.grant();
        world.give(&grant, "backend");
        refusal(&world)
    };
    assert_eq!(with("alice", "alice"), "no-quorum");
    assert_eq!(with("bob", "alice"), "invalid-decision");
    assert_eq!(with("bob", "mallory"), "invalid-decision");
    assert_eq!(with("bob", "g1"), "invalid-decision");
    assert_eq!(with("bob", "backend"), "invalid-decision");
}

#[test]
fn two_keys_of_one_person_are_one_vote() {
    let mut world = approved();
    let decision = world.decision("bob");
    world.decide(&decision, "bob-second", 110);
    let report = judge(&world, 150, Purpose::Review);
    let chain = report.chain.unwrap();
    assert!(report.problems.is_empty());
    assert!(chain.decisions[1].void.is_some());
    assert_eq!(chain.state.standing(at(150)).count(), 1);
}

/// Beside the usual policy.
const PRESENCE: &str = r#"
@id("presence")
forbid (principal, action == Action::"approve", resource)
when { resource.environment.strictness >= 5 && context.presence < 1 };
"#;

#[test]
fn a_remembered_pin_is_no_presence_whatever_else_the_decision_claims() {
    let with = |pin_remembered: bool, presence: Presence| {
        let mut world = world();
        world.bundle.policies[0].text = Bounded::new(format!("{}{PRESENCE}", common::POLICY)).unwrap();
        let proposal = proposal(&world);
        world.hold(&proposal, |_| ());
        let decision = Decision {
            pin_remembered,
            presence,
            ..world.decision("bob")
        };
        world.decide(&decision, "bob", 100);
        let grant = world.grant();
        world.give(&grant, "backend");
        judge(&world, 210, Purpose::Execute)
    };
    let given = with(false, Presence::Pin);
    assert_eq!(phase(&given), Phase::Claimed);
    assert_eq!(given.chain.unwrap().decisions[0].vote.presence, Presence::Pin);
    // No key proves a touch that the directory doesn't know of, and none proves anything while its PIN is remembered.
    assert_eq!(
        with(false, Presence::Touch).chain.unwrap().decisions[0]
            .vote
            .presence,
        Presence::Pin
    );
    for presence in [Presence::None, Presence::Pin, Presence::Touch] {
        let report = with(true, presence);
        assert_eq!(codes(&report).first(), Some(&"no-quorum"), "{presence:?}");
        let checked = &report.chain.unwrap().decisions[0];
        assert_eq!(checked.vote.presence, Presence::None);
        assert!(checked.void.is_some());
    }
    assert_eq!(codes(&with(false, Presence::None)).first(), Some(&"no-quorum"));
}

#[test]
fn a_decision_about_something_else_does_not_count() {
    let with = |change: &dyn Fn(&mut Decision)| {
        let mut world = held();
        let mut decision = world.decision("bob");
        change(&mut decision);
        world.decide(&decision, "bob", 100);
        let grant = world.grant();
        world.give(&grant, "backend");
        refusal(&world)
    };
    let other = Sha256Digest::of(b"other");
    assert_eq!(
        with(&|decision| decision.action_digest = countersign_protocol::digest::ActionDigest::new(other)),
        "no-quorum"
    );
    assert_eq!(
        with(&|decision| decision.view_digest = countersign_protocol::digest::ViewDigest::new(other)),
        "no-quorum"
    );
    assert_eq!(
        with(&|decision| decision.decided_at = at(0).before(std::time::Duration::from_secs(3600))),
        "no-quorum"
    );
    assert_eq!(with(&|decision| decision.decided_at = at(900)), "no-quorum");
    assert_eq!(with(&|decision| decision.expires_at = at(205)), "no-quorum");
    // Policy refuses a scripted approval here.
    assert_eq!(
        with(&|decision| decision.attention = Attention::None),
        "no-quorum"
    );
}

#[test]
fn a_decision_of_another_request_cannot_be_replayed() {
    let old = approved();
    let mut world = world();
    let mut again = proposal(&world);
    again.nonce = countersign_protocol::proposal::Nonce::from_random([8; 32]);
    world.hold(&again, |_| ());
    let request = world.request.clone();
    let replayed = old.evidence.as_ref().unwrap().decisions[0].envelope.clone();
    let logged = world.log.append(
        countersign_protocol::log::EntryType::Approve,
        request.as_ref(),
        &replayed,
        at(100),
    );
    world.evidence().decisions.push(logged);
    let grant = world.grant();
    world.give(&grant, "backend");
    assert!(["no-quorum", "log-fork"].contains(&refusal(&world)));
}

#[test]
fn a_decision_logged_after_its_keys_revocation_is_void_whatever_time_it_states() {
    let mut world = held();
    world.revoke("bob", 50, 60);
    let mut decision = world.decision("bob");
    decision.decided_at = at(30);
    world.decide(&decision, "bob", 100);
    let grant = world.grant();
    world.give(&grant, "backend");
    assert_eq!(refusal(&world), "no-quorum");
}

#[test]
fn a_key_must_be_valid_at_execution_too() {
    let mut world = granted();
    world.revoke("bob", 205, 206);
    assert_eq!(refusal(&world), "no-quorum");
    // What ran before the revocation stays proven.
    let mut world = ran();
    world.revoke("bob", 5_000, 5_000);
    assert_eq!(phase(&judge(&world, 6_000, Purpose::Audit)), Phase::Succeeded);
}

#[test]
fn a_denial_or_withdrawal_stops_it_and_cannot_be_hidden() {
    let mut world = approved();
    let mut denial = world.decision("carol");
    denial.verdict = Verdict::Deny;
    world.decide(&denial, "carol", 120);
    assert_eq!(phase(&judge(&world, 150, Purpose::Review)), Phase::Denied);
    let mut grant = world.grant();
    grant.decisions.truncate(1);
    world.give(&grant, "backend");
    assert!(!judge(&world, 210, Purpose::Execute).is_valid());
    let mut hiding = world.done();
    hiding.decisions.pop();
    assert!(codes(&judge_evidence(&world, &hiding, 210, Purpose::Execute)).contains(&"hidden-entry"));
    // Cutting the leaf out leaves a gap.
    let log = hiding.log.as_mut().unwrap();
    log.leaves.remove(4);
    assert!(codes(&judge_evidence(&world, &hiding, 210, Purpose::Execute)).contains(&"log"));
}

/// A request whose target was approved to hold `baseline` and was changed live since.
fn drifted(ruleset: &'static str, baseline: &'static [u8]) -> World {
    let mut world = world();
    world.ruleset = ruleset;
    world.baseline = baseline;
    world.approved = Some(LastApproved::Document {
        request: countersign_protocol::identity::RequestId::of(
            &countersign_protocol::digest::ProposalDigest::new(Sha256Digest::of(b"earlier")),
        ),
        ended_at: at(5),
        artifact: ArtifactRef::of(baseline),
    });
    let proposal = proposal(&world);
    world.hold(&proposal, |_| ());
    world
}

#[test]
fn what_takes_back_a_live_change_is_a_finding_and_stands_on_the_sheet() {
    let world = drifted(RULESET, AFTER);
    let report = judge(&world, 30, Purpose::Review);
    assert_eq!(phase(&report), Phase::Pending);
    let chain = report.chain.unwrap();
    let found = &chain.findings[0];
    assert_eq!(found.rule.as_str(), "drift-reverts-live-change");
    assert_eq!(chain.request.severity, Severity::High);
    for part in [
        "# drift from the last approved state (1)",
        "live document: not as approved",
        "[reverts a live change] (line 2 proposed)",
        "    approved, line 2: keepalive_timeout 5;",
        "    live, line 2: keepalive_timeout 65;",
    ] {
        assert!(
            chain.sheet.text().contains(part),
            "{part}\n{}",
            chain.sheet.text()
        );
    }
    // Older rules: as it was recorded.
    let old = drifted("1999-01-01.1", AFTER);
    let chain = judge(&old, 300, Purpose::Audit).chain.unwrap();
    assert!(chain.sheet.text().contains("[reverts a live change]") && chain.judgement.drift.is_some());
}

#[test]
fn a_backend_that_bends_the_drift_is_found_out() {
    let world = drifted(RULESET, AFTER);
    let refused = |bend: &dyn Fn(&mut Evidence)| {
        let mut evidence = world.done();
        bend(&mut evidence);
        *codes(&judge_evidence(&world, &evidence, 30, Purpose::Review))
            .first()
            .unwrap()
    };
    let drift = world.request().drift.unwrap();
    let other = drifted(RULESET, b"something else\n");
    let digest = ArtifactDigest::of(b"something else\n");
    // The last approved state is not there, or another stands in its place.
    assert_eq!(
        refused(&|evidence| {
            let bytes = other.done().artifacts.remove(&digest).unwrap();
            evidence.artifacts.insert(digest, bytes);
        }),
        "artifact-differs"
    );
    let mut hidden = drifted(RULESET, b"something else\n").done();
    hidden.artifacts.remove(&digest);
    assert_eq!(
        codes(&judge_evidence(&other, &hidden, 30, Purpose::Review)),
        ["incomplete"]
    );
    // Its record is not the one that is computed.
    let bent = |change: &dyn Fn(&mut countersign_protocol::approval::ApprovalRequest)| {
        let mut world = common::world();
        let proposal = proposal(&world);
        world.approved = other.approved.clone();
        world.baseline = other.baseline;
        world.hold(&proposal, change);
        *codes(&judge(&world, 30, Purpose::Review)).first().unwrap()
    };
    assert_eq!(bent(&|request| request.drift = Some(drift)), "drift-differs");
    assert_eq!(bent(&|request| request.drift = None), "request-differs");
    assert_eq!(
        bent(&|request| request.approved = Some(LastApproved::Never {})),
        "request-differs"
    );
    assert_eq!(
        bent(&|request| {
            request.approved = None;
            request.drift = None;
        }),
        "request-differs"
    );
    // An older audit needs the record.
    let old = drifted("1999-01-01.1", AFTER);
    let mut evidence = old.done();
    evidence.artifacts.remove(&old.request().drift.unwrap());
    assert_eq!(
        codes(&judge_evidence(&old, &evidence, 300, Purpose::Audit)),
        ["incomplete"]
    );
}

#[test]
fn what_cannot_be_read_and_what_was_never_approved_are_said() {
    let mut world = world();
    let proposal = proposal(&world);
    let sheet = |world: &World| judge(world, 30, Purpose::Review).chain.unwrap().sheet;
    world.hold(&proposal, |_| ());
    let never = sheet(&world);
    assert!(
        never
            .text()
            .contains("last approved: no approved state of this target is on record")
    );
    let request = countersign_protocol::identity::RequestId::of(
        &countersign_protocol::digest::ProposalDigest::new(Sha256Digest::of(b"earlier")),
    );
    world.approved = Some(LastApproved::Unread {
        request,
        ended_at: at(5),
        why: line("its bytes are no longer kept"),
    });
    world.hold(&proposal, |_| ());
    let text = sheet(&world).text().to_owned();
    assert!(
        text.contains("it could not be read: its bytes are no longer kept"),
        "{text}"
    );
    assert!(text.contains("[medium] unknown drift-unreadable"), "{text}");
    assert_eq!(world.request().severity, Severity::Medium);
}

#[test]
fn a_newer_directory_cannot_be_hidden() {
    let mut world = approved();
    world.revoke("bob", 110, 120);
    let grant = world.grant();
    world.give(&grant, "backend");
    let mut hiding = world.done();
    hiding.directories.pop();
    assert!(codes(&judge_evidence(&world, &hiding, 210, Purpose::Execute)).contains(&"hidden-entry"));
}

#[test]
fn a_backend_that_bends_the_request_is_found_out() {
    let bent = |change: &dyn Fn(&mut countersign_protocol::approval::ApprovalRequest)| {
        let mut world = world();
        let proposal = proposal(&world);
        world.hold(&proposal, change);
        *codes(&judge(&world, 30, Purpose::Review)).first().unwrap()
    };
    assert_eq!(bent(&|request| request.excluded.clear()), "request-differs");
    assert_eq!(bent(&|request| request.personal = true), "request-differs");
    assert_eq!(
        bent(&|request| request.environment = "staging".parse().unwrap()),
        "request-differs"
    );
    assert_eq!(
        bent(&|request| request.target = line("file://web-1/tmp/harmless")),
        "request-differs"
    );
    assert_eq!(bent(&|request| request.baseline = None), "request-differs");
    assert_eq!(
        bent(&|request| request.expires_at = at(20_000)),
        "request-differs"
    );
    assert_eq!(
        bent(&|request| request.severity = Severity::Critical),
        "severity-differs"
    );
    assert_eq!(
        bent(&|request| request.findings =
            countersign_protocol::digest::FindingsDigest::new(Sha256Digest::of(b"x"))),
        "findings-differ"
    );
    assert_eq!(
        bent(&|request| {
            request.rule.eligible.insert("alice".parse().unwrap());
        }),
        "rule-differs"
    );
    assert_eq!(bent(&|request| request.rule.policies.clear()), "rule-differs");
    assert_eq!(
        bent(&|request| request.ruleset = line("another")),
        "unknown-ruleset"
    );
}

#[test]
fn swapped_bytes_are_found_out() {
    let world = granted();
    let mut evidence = world.done();
    evidence
        .artifacts
        .get_mut(&ArtifactDigest::of(AFTER))
        .unwrap()
        .0
        .push(b'x');
    assert_eq!(
        codes(&judge_evidence(&world, &evidence, 210, Purpose::Execute)),
        ["artifact-differs"]
    );
    evidence.artifacts.clear();
    assert_eq!(
        codes(&judge_evidence(&world, &evidence, 210, Purpose::Execute)),
        ["incomplete"]
    );
}

#[test]
fn statements_by_the_wrong_hand_are_refused() {
    let world = granted();
    let mut evidence = world.done();
    evidence.request.envelope = seal(world.request(), "g1");
    assert_eq!(
        codes(&judge_evidence(&world, &evidence, 210, Purpose::Execute)),
        ["invalid-request"]
    );
    let mut evidence = world.done();
    evidence.directories[0].envelope = seal(&world.directory, "policy");
    assert_eq!(
        codes(&judge_evidence(&world, &evidence, 210, Purpose::Execute)),
        ["invalid-directory"]
    );
    let mut evidence = world.done();
    evidence.policies[0].envelope = seal(&world.bundle, "directory");
    assert_eq!(
        codes(&judge_evidence(&world, &evidence, 210, Purpose::Execute)),
        ["invalid-policy"]
    );
}

#[test]
fn older_trust_than_was_seen_and_expired_trust_is_refused() {
    let world = granted();
    let mut pinned = Pinned::new(*world.root.id());
    pinned.directory_seen = 2;
    assert_eq!(
        codes(&verify(&world.done(), &pinned, at(210), Purpose::Execute)),
        ["older-directory"]
    );
    pinned.directory_seen = 1;
    pinned.policy_seen = 2;
    assert_eq!(
        codes(&verify(&world.done(), &pinned, at(210), Purpose::Execute)),
        ["older-policy"]
    );
    let late = codes(&judge(&held(), 700_000, Purpose::Review));
    assert!(
        late.contains(&"expired-directory") && late.contains(&"expired-policy"),
        "{late:?}"
    );
}

#[test]
fn a_forked_or_rolled_back_log_comes_to_light() {
    let world = granted();
    let mut pinned = Pinned::new(*world.root.id());
    pinned.checkpoint = Some(world.log.seen_at(3));
    assert!(verify(&world.done(), &pinned, at(210), Purpose::Execute).is_valid());
    let mut other = world.log.seen_at(3);
    other.root_hash = Sha256Digest::of(b"another history");
    pinned.checkpoint = Some(other);
    assert_eq!(
        codes(&verify(&world.done(), &pinned, at(210), Purpose::Execute)),
        ["log-fork"]
    );
    other.size = 1_000;
    pinned.checkpoint = Some(other);
    assert_eq!(
        codes(&verify(&world.done(), &pinned, at(210), Purpose::Execute)),
        ["log-behind"]
    );
    // What a signer saw counts as well.
    let mut world = held();
    let mut decision = world.decision("bob");
    decision.checkpoint.root_hash = Sha256Digest::of(b"another history");
    world.decide(&decision, "bob", 100);
    assert_eq!(codes(&judge(&world, 150, Purpose::Review)), ["log-fork"]);
}

#[test]
fn a_receipt_is_the_guards_and_of_this_grant() {
    let with = |change: &dyn Fn(&mut countersign_protocol::receipt::ExecutionReceipt), by: &str| {
        let mut world = granted();
        let mut receipt = world.receipt();
        change(&mut receipt);
        world.account(&receipt, by);
        codes(&judge(&world, 300, Purpose::Audit))
    };
    assert_eq!(with(&|_| (), "g2"), ["invalid-receipt"]);
    assert_eq!(with(&|_| (), "bob"), ["invalid-receipt"]);
    let other = Sha256Digest::of(b"other");
    assert_eq!(
        with(
            &|receipt| receipt.grant = countersign_protocol::digest::GrantDigest::new(other),
            "g1"
        ),
        ["invalid-receipt"]
    );
    assert_eq!(
        with(
            &|receipt| receipt.action_digest = countersign_protocol::digest::ActionDigest::new(other),
            "g1"
        ),
        ["ran-something-else"]
    );
    assert!(with(&|receipt| receipt.outcome = Outcome::Unknown, "g1").is_empty());
}

#[test]
fn no_flipped_byte_in_the_evidence_goes_unseen() {
    let world = ran();
    let mut evidence = world.done();
    // Proofs that nobody needs could differ unseen; keep those from the decision's and the grant's checkpoints.
    evidence
        .consistency
        .retain(|proof| [3, 4].contains(&proof.from.size));
    let json = countersign_protocol::canonical::to_bytes(&evidence).unwrap();
    let whole = |bytes: &[u8]| {
        Evidence::from_json(bytes).map(|evidence| judge_evidence(&world, &evidence, 300, Purpose::Audit))
    };
    assert!(whole(&json).unwrap().is_valid());
    for index in (0..json.len()).step_by(37) {
        let mut changed = json.clone();
        changed[index] ^= 1;
        if let Ok(report) = whole(&changed) {
            assert!(
                !report.is_valid(),
                "byte {index} after {}",
                String::from_utf8_lossy(&json[index.saturating_sub(200)..index])
            );
        }
    }
}

#[test]
fn an_approval_that_a_new_directory_dropped_can_be_given_again_with_a_new_key() {
    let mut world = approved();
    // The key is lost before anything ran; bob approves again with his second one.
    world.revoke("bob", 110, 120);
    let again = world.decision("bob");
    world.decide(&again, "bob-second", 130);
    let report = judge(&world, 150, Purpose::Review);
    assert_eq!(phase(&report), Phase::Approved);
    let chain = report.chain.unwrap();
    assert!(
        chain.decisions.iter().all(|checked| checked.void.is_none()),
        "{:?}",
        chain.decisions
    );
    let mut grant = world.grant();
    grant
        .decisions
        .retain(|digest| chain.decisions[1].vote.decision == *digest);
    world.give(&grant, "backend");
    assert_eq!(phase(&judge(&world, 210, Purpose::Execute)), Phase::Claimed);
}

#[test]
fn what_ran_stays_proven_after_the_owners_and_the_backend_changed_their_keys() {
    let mut world = ran();
    let mut next = world.root.root().clone().into_predicate();
    next.version = 2;
    next.previous = Some(world.roots[0].payload_digest());
    for (old, new) in [
        ("directory", "directory-2"),
        ("policy", "policy-2"),
        ("backend", "backend-2"),
    ] {
        let old = key(old).public.id();
        let found = next.keys.iter_mut().find(|named| named.key.id() == old).unwrap();
        found.key = key(new).public;
    }
    world.evidence().roots.push(seal(&next, "root"));
    assert_eq!(phase(&judge(&world, 300, Purpose::Audit)), Phase::Succeeded);
    // For deciding or running anything now, the old keys no longer count.
    assert_eq!(codes(&judge(&world, 300, Purpose::Review)), ["invalid-directory"]);
    assert!(!judge(&world, 210, Purpose::Execute).is_valid());
}

#[test]
fn a_guard_whose_key_was_revoked_neither_runs_nor_accounts() {
    let mut world = granted();
    world.revoke("g1", 205, 206);
    assert_eq!(refusal(&world), "guard-key");
    let mut world = granted();
    world.revoke("g1", 205, 206);
    let receipt = world.receipt();
    world.account(&receipt, "g1");
    assert_eq!(codes(&judge(&world, 300, Purpose::Audit)), ["guard-key"]);
}

#[test]
fn whoever_answers_for_the_agent_by_now_cannot_approve() {
    let mut world = held();
    world.publish(
        |directory| {
            directory.agents[0].owners.insert("bob".parse().unwrap());
        },
        60,
    );
    let decision = world.decision("bob");
    world.decide(&decision, "bob", 100);
    let grant = world.grant();
    world.give(&grant, "backend");
    assert_eq!(refusal(&world), "no-quorum");
}

#[test]
fn evidence_of_older_finding_rules_still_tells_what_held_then() {
    let old = common::ran_by("1999-01-01.1");
    let report = judge(&old, 300, Purpose::Audit);
    assert_eq!(phase(&report), Phase::Succeeded);
    assert!(report.chain.unwrap().findings_recorded);
    assert!(
        !judge(&ran(), 300, Purpose::Audit)
            .chain
            .unwrap()
            .findings_recorded
    );
    // Nobody reviews or runs under rules that this program does not know.
    assert_eq!(codes(&judge(&old, 300, Purpose::Review)), ["unknown-ruleset"]);
    // The findings are those that the request names, or none.
    let mut bent = old.done();
    let named = ArtifactDigest::new(*old.request().findings.sha256());
    bent.artifacts.get_mut(&named).unwrap().0 = b"[ ]".to_vec();
    assert_eq!(
        codes(&judge_evidence(&old, &bent, 300, Purpose::Audit)),
        ["artifact-differs"]
    );
    bent.artifacts.remove(&named);
    assert_eq!(
        codes(&judge_evidence(&old, &bent, 300, Purpose::Audit)),
        ["incomplete"]
    );
}
