//! What a report comes to in words: nothing is said to hold that was not checked, and what fails is named at its step.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::collections::BTreeSet;

use common::{World, at, granted, held, ran};
use countersign_protocol::bundle::Evidence;
use countersign_protocol::decision::Decision;
use countersign_protocol::digest::{RootId, Sha256Digest};
use countersign_protocol::request::Phase;
use countersign_verify::account::{Account, Standing, Step};
use countersign_verify::{Pinned, Purpose, verify};

fn account(world: &World, evidence: &Evidence) -> Account {
    let pinned = Pinned::new(*world.root.id());
    Account::of(&verify(evidence, &pinned, at(300), Purpose::Audit))
}

fn standing(account: &Account, step: Step) -> Standing {
    let found = account.steps.iter().find(|checked| checked.step == step);
    found.unwrap().standing
}

fn facts(account: &Account, step: Step) -> String {
    let found = account.steps.iter().find(|checked| checked.step == step);
    let facts = &found.unwrap().facts;
    facts
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect()
}

fn steps(account: &Account, wanted: Standing) -> Vec<Step> {
    let these = account.steps.iter().filter(|checked| checked.standing == wanted);
    these.map(|checked| checked.step).collect()
}

#[test]
fn every_step_of_what_ran_holds_and_says_who_when_and_where() {
    let world = ran();
    let account = account(&world, &world.done());
    assert!(account.valid && account.problems.is_empty());
    assert_eq!(account.outcome, Some(Phase::Succeeded));
    assert_eq!(account.four_eyes, Some(true));
    assert_eq!(steps(&account, Standing::Absent), [Step::CounterProposals]);
    assert_eq!(steps(&account, Standing::Holds).len(), Step::ALL.len() - 1);
    let decisions = facts(&account, Step::Decisions);
    for told in [
        "approved, signed at 20",
        "entry ",
        "kept ",
        "lines were on screen",
    ] {
        assert!(decisions.contains(told), "{told}: {decisions}");
    }
    assert!(facts(&account, Step::Log).contains("witnesses: 0"));
    let unproven = account.unproven.join("\n");
    for told in [
        "no witness signed",
        "is what the guard signed",
        "What came after 20",
        "what their console says",
    ] {
        assert!(unproven.contains(told), "{told}: {unproven}");
    }
}

#[test]
fn a_remembered_pin_is_told_with_the_key() {
    let said = |pin_remembered| {
        let mut world = common::world();
        let asked = common::proposal(&world);
        world.hold(&asked, |_| ());
        let decision = Decision {
            pin_remembered,
            ..world.decision("bob")
        };
        world.decide(&decision, "bob", 100);
        facts(&account(&world, &world.done()), Step::Decisions)
    };
    let told = "its PIN is remembered, so nothing was asked";
    assert!(said(true).contains(told), "{}", said(true));
    assert!(!said(false).contains("remembered"), "{}", said(false));
}

#[test]
fn what_is_not_there_is_absent_and_not_proven() {
    let world = held();
    let account = account(&world, &world.done());
    for step in [Step::Decisions, Step::Grant, Step::Outcome] {
        assert_eq!(standing(&account, step), Standing::Absent, "{step:?}");
    }
    assert_eq!(account.four_eyes, Some(false));
    let world = granted();
    let told = self::account(&world, &world.done()).unproven.join("\n");
    assert!(told.contains("Whether it ran"), "{told}");
}

#[test]
fn nothing_holds_under_a_root_that_is_not_pinned() {
    let world = ran();
    let other = Pinned::new(RootId::new(Sha256Digest::of(b"another")));
    let report = verify(&world.done(), &other, at(300), Purpose::Audit);
    let account = Account::of(&report);
    assert!(!account.valid);
    assert_eq!(steps(&account, Standing::Fails), [Step::Root]);
    assert_eq!(steps(&account, Standing::NotReached).len(), Step::ALL.len() - 1);
    assert_eq!((account.outcome, account.four_eyes), (None, None));
}

#[test]
fn what_fails_is_named_at_its_step_and_nothing_after_it_is_said_to_hold() {
    let world = ran();
    let mut evidence = world.done();
    evidence.policies.clear();
    let account = account(&world, &evidence);
    assert_eq!(steps(&account, Standing::Fails), [Step::Policy]);
    assert_eq!(steps(&account, Standing::Holds), [Step::Root, Step::Directory]);

    let mut evidence = world.done();
    evidence.artifacts.clear();
    let account = self::account(&world, &evidence);
    assert_eq!(steps(&account, Standing::Fails), [Step::Documents]);
    assert_eq!(
        steps(&account, Standing::Holds),
        [Step::Root, Step::Directory, Step::Policy]
    );

    let mut evidence = world.done();
    evidence.log = None;
    let account = self::account(&world, &evidence);
    assert_eq!(standing(&account, Step::Log), Standing::Fails);
    assert!(
        account
            .unproven
            .iter()
            .any(|what| what.contains("stands in the log"))
    );
}

/// A code that is thought of nowhere would be told at the wrong step.
#[test]
fn every_code_belongs_to_a_step() {
    let known: BTreeSet<&str> = include_str!("../src/account/step.rs")
        .split('"')
        .skip(1)
        .step_by(2)
        .collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/chain");
    let mut codes = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for call in text.split("Problem::new(").skip(1) {
            let Some(code) = call
                .trim_start()
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next())
            else {
                continue;
            };
            codes += 1;
            let own = ["invalid-request", "request-differs", "expired-trust"].contains(&code);
            assert!(own || known.contains(code), "{code}");
        }
    }
    assert!(codes > 30, "{codes}");
}
