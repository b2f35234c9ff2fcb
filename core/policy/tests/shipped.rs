//! The shipped policies: their scenarios, and what must hold of them for any input.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use common::{TestKey, assets, at, directory_with, load, operation, person, shipped};
use countersign_policy::{Approval, Credential, Operation, PolicySet, ScenarioError, Verdict};
use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Shown;
use countersign_protocol::directory::{KeyHolder, TrustedDirectory};
use countersign_protocol::identity::{KeyAssurance, Presence};
use countersign_protocol::kind::KINDS;
use countersign_protocol::signed::Signer as _;
use proptest::prelude::*;

fn policies(folders: &[&str]) -> Arc<PolicySet> {
    load(
        folders.iter().flat_map(|folder| shipped(folder)).collect(),
        vec![],
    )
    .unwrap()
}

fn scenarios(folder: &str) -> String {
    std::fs::read_to_string(assets().join(folder).join("scenarios.toml")).unwrap()
}

#[test]
fn scenarios_go_as_expected() {
    for (folder, folders, least) in [
        ("small-team", &["small-team"][..], 20),
        ("personal", &["personal"], 8),
        ("strict", &["small-team", "strict"], 6),
    ] {
        let report = policies(folders).test(&scenarios(folder)).unwrap();
        assert!(report.passed(), "{folder}:\n{}", report.text());
        assert!(report.outcomes.len() >= least, "{folder}");
    }
}

#[test]
fn a_scenario_that_goes_otherwise_fails_and_says_how() {
    let changed = scenarios("small-team").replace(
        "policies = [\"no-shared-user\"]",
        "policies = [\"no-such-policy\"]",
    );
    let report = policies(&["small-team"]).test(&changed).unwrap();
    assert!(!report.passed());
    assert!(
        report
            .text()
            .contains("expected deny by `no-such-policy`\n  answered deny by `no-shared-user`"),
        "{}",
        report.text()
    );
}

#[test]
fn a_scenario_file_is_read_strictly() {
    let set = policies(&["small-team"]);
    let unknown = scenarios("small-team").replacen("severity =", "severty =", 1);
    assert!(
        matches!(set.test(&unknown), Err(ScenarioError::Syntax { message, .. }) if message.contains("severty"))
    );
    let nobody = scenarios("small-team").replacen("agent = \"deployer\"", "agent = \"other\"", 1);
    assert!(matches!(
        set.test(&nobody),
        Err(ScenarioError::Unknown { what: "agent", .. })
    ));
    let odd = scenarios("small-team").replacen("expect = \"permit\"", "expect = \"forbid\"", 1);
    assert!(matches!(set.test(&odd), Err(ScenarioError::Incomplete { .. })));
    let empty = set
        .test("scenario = []\n[people]\n[agents]\n[environments]\n")
        .unwrap();
    assert!(!empty.passed());
}

/// Eight people in three teams, some in two, so that quorums can be large and odd.
fn crowd() -> TrustedDirectory {
    directory_with(|directory| {
        let mut third = directory.teams[0].clone();
        third.id = "data".parse().unwrap();
        directory.teams.push(third);
        for (index, teams) in [&["data"][..], &["data", "platform"], &["security", "data"], &[]]
            .iter()
            .enumerate()
        {
            let mut more = directory.people[0].clone();
            more.id = person(&format!("p{index}"));
            more.teams = teams.iter().map(|team| team.parse().unwrap()).collect();
            directory.people.push(more);
        }
        // Everybody has a key of each sort.
        let sorts = [
            (KeyAssurance::Software, Presence::Pin),
            (KeyAssurance::HardwareUnattested, Presence::Pin),
            (KeyAssurance::HardwareAttested, Presence::Touch),
        ];
        let sample = directory.keys[0].clone();
        directory.keys.clear();
        let all = directory
            .people
            .iter()
            .flat_map(|someone| sorts.map(|sort| (someone.id.clone(), sort)));
        for (seed, (someone, (assurance, presence))) in (110..).zip(all) {
            let mut key = sample.clone();
            key.key = TestKey::new(seed).public_key().clone();
            key.holder = KeyHolder::Person(someone);
            (key.assurance, key.presence) = (assurance, presence);
            directory.keys.push(key);
        }
    })
}

static CROWD: LazyLock<TrustedDirectory> = LazyLock::new(crowd);
static SETS: LazyLock<Vec<Arc<PolicySet>>> = LazyLock::new(|| {
    [&["small-team"][..], &["personal"], &["small-team", "strict"]]
        .map(policies)
        .into()
});

fn any_operation() -> impl Strategy<Value = Operation> {
    let severity = prop_oneof![
        Just(Severity::None),
        Just(Severity::Low),
        Just(Severity::Medium),
        Just(Severity::High),
        Just(Severity::Critical)
    ];
    let environment = prop_oneof![Just("laptop"), Just("staging"), Just("production")];
    let findings =
        proptest::collection::btree_set(prop_oneof![Just("logging-off"), Just("iam-full-admin")], 0..2);
    (0..KINDS.len(), severity, environment, findings).prop_map(|(kind, severity, environment, findings)| {
        let personal = environment == "laptop";
        let asked = operation();
        Operation {
            kind: KINDS[kind].id.parse().unwrap(),
            severity,
            environment: environment.parse().unwrap(),
            personal,
            excluded: if personal {
                BTreeSet::new()
            } else {
                asked.excluded.clone()
            },
            findings: findings.into_iter().map(str::to_owned).collect(),
            ..asked
        }
    })
}

fn any_approvals() -> impl Strategy<Value = Vec<Approval>> {
    let names = vec!["alice", "bob", "carol", "dave", "p0", "p1", "p2", "p3", "mallory"];
    let assurance = prop_oneof![
        Just(KeyAssurance::Software),
        Just(KeyAssurance::HardwareUnattested),
        Just(KeyAssurance::HardwareAttested)
    ];
    let presence = prop_oneof![Just(Presence::None), Just(Presence::Pin), Just(Presence::Touch)];
    proptest::sample::subsequence(names, 0..6).prop_flat_map(move |names| {
        let shown = prop_oneof![Just(Shown::Nothing), Just(Shown::Part), Just(Shown::Whole)];
        let one = (assurance.clone(), presence.clone(), shown, 0_u32..70);
        proptest::collection::vec(one, names.len()).prop_map(move |credentials| {
            names
                .iter()
                .zip(credentials)
                .map(|(name, (assurance, presence, shown, minutes))| Approval {
                    person: person(name),
                    credential: Credential {
                        assurance,
                        presence,
                        shown,
                        offline: minutes % 2 == 0,
                    },
                    decided_at: at("10:00").before(std::time::Duration::from_secs(u64::from(minutes) * 60)),
                })
                .collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn one_more_approval_never_takes_a_permission_away(
        asked in any_operation(),
        approvals in any_approvals(),
        set in 0..3_usize,
    ) {
        let set = &SETS[set];
        let mut before = false;
        for count in 0..=approvals.len() {
            let permitted = set.execute(&asked, &CROWD, &approvals[..count], at("10:00")).is_permit();
            prop_assert!(permitted || !before, "{count} of {approvals:?}");
            before = permitted;
        }
    }

    #[test]
    fn the_verdict_agrees_with_the_questions(asked in any_operation(), approvals in any_approvals(), set in 0..3_usize) {
        let set = &SETS[set];
        let runs = set.execute(&asked, &CROWD, &approvals, at("10:00")).is_permit();
        match set.verdict(&asked, &CROWD, at("10:00")) {
            Verdict::Permit { .. } => prop_assert!(set.execute(&asked, &CROWD, &[], at("10:00")).is_permit()),
            Verdict::Forbid { .. } => prop_assert!(!runs),
            Verdict::RequireApproval(rule) => {
                prop_assert!(rule.approvals >= 1);
                prop_assert!(!set.execute(&asked, &CROWD, &[], at("10:00")).is_permit());
                let eligible = approvals.iter().filter(|approval| rule.eligible.contains(&approval.person)).count();
                prop_assert!(!runs || eligible >= usize::try_from(rule.approvals).unwrap());
                prop_assert!(rule.eligible.is_disjoint(&asked.excluded));
            }
        }
    }
}
