//! The three questions and the verdict, over a really signed organisation.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::{
    SCREEN, at, directory, directory_with, file, line, load, one, operation, people, person, shipped,
};
use countersign_policy::{Answer, Approval, Credential, Operation, OperationError, PolicySet, Verdict};
use countersign_protocol::action::{Action, ArtifactRef, FileChange, Payload};
use countersign_protocol::approval::{ApprovalRule, Severity};
use countersign_protocol::decision::Shown;
use countersign_protocol::digest::{DirectoryDigest, PolicyDigest, RootId, Sha256Digest};
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::{KeyAssurance, Presence};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::Freeze;
use countersign_protocol::proposal::{Claims, Isolation, Nonce, Proposal};
use countersign_protocol::signed::Signer as _;
use countersign_protocol::text::OsBytes;

const EVERYTHING: &str = "@id(\"everything\")\npermit (principal, action, resource);";

fn small_team() -> Arc<PolicySet> {
    load(shipped("small-team"), vec![]).unwrap()
}

fn approval(id: &str, minute: &str) -> Approval {
    Approval {
        person: person(id),
        credential: SCREEN,
        decided_at: at(minute),
    }
}

fn rule(verdict: Verdict) -> ApprovalRule {
    match verdict {
        Verdict::RequireApproval(rule) => rule,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_excluded_person_never_approves_whatever_policy_permits() {
    let policies = one(EVERYTHING).unwrap();
    let mut asked = operation();
    asked.initiators = people(&["bob"]);
    asked.excluded = people(&["carol"]);
    for (id, eligible) in [("alice", false), ("bob", false), ("carol", false), ("dave", true)] {
        let answer = policies.approve(&asked, &directory(), &person(id), &SCREEN, at("10:00"));
        assert_eq!(answer.is_permit(), eligible, "{id}: {answer:?}");
    }
}

#[test]
fn only_an_environment_that_the_directory_marks_lets_owners_supervise() {
    let policies = one(EVERYTHING).unwrap();
    let mut asked = operation();
    asked.excluded = BTreeSet::new();
    asked.personal = true;
    let may = |asked: &Operation| {
        policies
            .approve(asked, &directory(), &person("alice"), &SCREEN, at("10:00"))
            .is_permit()
    };
    // The operation says so, production does not.
    assert!(!may(&asked));
    asked.environment = "laptop".parse().unwrap();
    assert!(may(&asked));
    asked.personal = false;
    assert!(!may(&asked));
}

#[test]
fn somebody_unknown_never_approves() {
    let answer = one(EVERYTHING).unwrap().approve(
        &operation(),
        &directory(),
        &person("mallory"),
        &SCREEN,
        at("10:00"),
    );
    assert!(
        matches!(answer, Answer::Deny { policies, errors } if policies.is_empty() && errors[0].contains("mallory"))
    );
}

#[test]
fn an_evaluation_error_denies_though_cedar_would_allow() {
    let text = format!(
        "{EVERYTHING}\n@id(\"errs\")\nforbid (principal, action == Action::\"execute\", resource) when {{ {} > 0 }};",
        "resource.severity * 9223372036854775807"
    );
    let policies = one(&text).unwrap();
    let answer = policies.execute(
        &operation(),
        &directory(),
        &[approval("bob", "09:59")],
        at("10:00"),
    );
    assert!(
        matches!(&answer, Answer::Deny { errors, .. } if errors[0].contains("errs")),
        "{answer:?}"
    );
    assert_eq!(
        policies.verdict(&operation(), &directory(), at("10:00")),
        Verdict::Forbid { policies: vec![] }
    );
    // The question that the policy is not about is answered.
    assert!(
        policies
            .propose(&operation(), &directory(), at("10:00"))
            .is_permit()
    );
}

#[test]
fn an_environment_that_is_gone_denies() {
    let mut asked = operation();
    asked.environment = "moon".parse().unwrap();
    let policies = one(EVERYTHING).unwrap();
    assert!(!policies.propose(&asked, &directory(), at("10:00")).is_permit());
    assert!(
        !policies
            .execute(&asked, &directory(), &[], at("10:00"))
            .is_permit()
    );
    assert_eq!(
        policies.verdict(&asked, &directory(), at("10:00")),
        Verdict::Forbid { policies: vec![] }
    );
}

#[test]
fn no_policies_permit_nothing() {
    let none = load(vec![], vec![]).unwrap();
    assert!(!none.propose(&operation(), &directory(), at("10:00")).is_permit());
    assert_eq!(
        none.verdict(&operation(), &directory(), at("10:00")),
        Verdict::Forbid { policies: vec![] }
    );
}

#[test]
fn approvals_count_once_and_while_they_are_fresh() {
    let policies = one(&format!(
        "{}\n@id(\"two\")\npermit (principal, action == Action::\"execute\", resource) when {{ context.approvals.count >= 2 }};",
        "@id(\"all\")\npermit (principal, action == Action::\"approve\", resource);"
    ))
    .unwrap();
    let ask = |approvals: &[Approval]| policies.execute(&operation(), &directory(), approvals, at("10:00"));
    assert!(ask(&[approval("bob", "09:50"), approval("carol", "09:30")]).errors_are_empty_and_denied());
    assert!(ask(&[approval("bob", "09:50"), approval("carol", "09:31")]).is_permit());
    // From the future, beyond what clocks may differ.
    assert!(!ask(&[approval("bob", "09:50"), approval("carol", "10:02")]).is_permit());
    assert!(ask(&[approval("bob", "09:50"), approval("carol", "10:01")]).is_permit());
    // Not eligible: the owner, somebody unknown.
    assert!(!ask(&[approval("bob", "09:50"), approval("alice", "09:50")]).is_permit());
    assert!(!ask(&[approval("bob", "09:50"), approval("mallory", "09:50")]).is_permit());
    // One person has one vote.
    let twice = ask(&[approval("bob", "09:50"), approval("bob", "09:51")]);
    assert!(matches!(twice, Answer::Deny { errors, .. } if errors[0].contains("one vote")));
}

trait Denied {
    fn errors_are_empty_and_denied(&self) -> bool;
}

impl Denied for Answer {
    fn errors_are_empty_and_denied(&self) -> bool {
        matches!(self, Answer::Deny { errors, .. } if errors.is_empty())
    }
}

#[test]
fn one_person_in_two_teams_stands_for_one() {
    let policies = small_team();
    let mut asked = operation();
    asked.severity = Severity::Critical;
    let ask = |ids: &[&str]| {
        let approvals: Vec<Approval> = ids.iter().map(|id| approval(id, "09:50")).collect();
        policies
            .execute(&asked, &directory(), &approvals, at("10:00"))
            .is_permit()
    };
    assert!(!ask(&["dave"]));
    assert!(ask(&["bob", "dave"]) && ask(&["carol", "dave"]) && ask(&["bob", "carol"]));
    let one_team =
        directory_with(|directory| directory.people[3].teams = BTreeSet::from(["platform".parse().unwrap()]));
    let approvals = [approval("bob", "09:50"), approval("dave", "09:50")];
    assert!(
        !policies
            .execute(&asked, &one_team, &approvals, at("10:00"))
            .is_permit()
    );
}

#[test]
fn policies_may_name_the_teams_they_want() {
    let policies = one(concat!(
        "@id(\"ask\")\npermit (principal, action in [Action::\"propose\", Action::\"approve\"], resource);\n",
        "@id(\"both\")\npermit (principal, action == Action::\"execute\", resource)\n",
        "when { context.approvals.from.containsAll([Team::\"platform\", Team::\"security\"]) };",
    ))
    .unwrap();
    let ask = |ids: &[&str]| {
        let approvals: Vec<Approval> = ids.iter().map(|id| approval(id, "09:50")).collect();
        policies
            .execute(&operation(), &directory(), &approvals, at("10:00"))
            .is_permit()
    };
    assert!(!ask(&["dave"]) && !ask(&["bob"]));
    assert!(ask(&["bob", "dave"]) && ask(&["carol", "dave"]));
    let found = rule(policies.verdict(&operation(), &directory(), at("10:00")));
    assert_eq!((found.approvals, found.teams), (2, 2));
}

#[test]
fn a_freeze_of_the_bundle_holds_in_its_time_and_place() {
    let freeze = Freeze {
        environment: "production".parse().unwrap(),
        from: at("09:00"),
        until: at("11:00"),
        reason: line("quarter end"),
    };
    let policies = load(shipped("small-team"), vec![freeze]).unwrap();
    let forbidden = Verdict::Forbid {
        policies: vec!["change-freeze".to_owned()],
    };
    assert_eq!(
        policies.verdict(&operation(), &directory(), at("10:00")),
        forbidden
    );
    assert!(
        !policies
            .execute(
                &operation(),
                &directory(),
                &[approval("bob", "09:50")],
                at("10:00")
            )
            .is_permit()
    );
    assert_eq!(
        rule(policies.verdict(&operation(), &directory(), at("11:00"))).approvals,
        1
    );
    let mut elsewhere = operation();
    elsewhere.environment = "staging".parse().unwrap();
    assert_eq!(
        rule(policies.verdict(&elsewhere, &directory(), at("10:00"))).approvals,
        1
    );
}

#[test]
fn at_three_in_the_morning_the_strict_policies_say_no() {
    let files = shipped("small-team")
        .into_iter()
        .chain(shipped("strict"))
        .collect();
    let policies = load(files, vec![]).unwrap();
    let hardware = directory_with(|directory| {
        for key in &mut directory.keys {
            key.assurance = KeyAssurance::HardwareAttested;
            key.presence = Presence::Touch;
        }
    });
    assert_eq!(
        rule(policies.verdict(&operation(), &hardware, at("10:00"))).approvals,
        1
    );
    let night = Verdict::Forbid {
        policies: vec!["office-hours".to_owned()],
    };
    assert_eq!(policies.verdict(&operation(), &hardware, at("03:00")), night);
    assert_eq!(policies.verdict(&operation(), &hardware, at("19:00")), night);
    // With software keys nobody could approve.
    assert_eq!(
        policies.verdict(&operation(), &directory(), at("10:00")),
        Verdict::Forbid {
            policies: vec!["production-needs-a-person".to_owned()]
        }
    );
}

#[test]
fn the_rule_asks_for_as_little_as_policy_does() {
    let found = rule(small_team().verdict(&operation(), &directory(), at("10:00")));
    assert_eq!((found.approvals, found.hardware, found.teams), (1, 0, 1));
    assert_eq!(found.eligible, people(&["bob", "carol", "dave"]));
    assert_eq!(found.policies, [line("one-reviewer")]);
    let mut critical = operation();
    critical.severity = Severity::Critical;
    let found = rule(small_team().verdict(&critical, &directory(), at("10:00")));
    assert_eq!((found.approvals, found.hardware, found.teams), (2, 0, 2));
}

#[test]
fn hardware_is_asked_for_where_policy_does() {
    let policies = one(concat!(
        "@id(\"ask\")\npermit (principal, action in [Action::\"propose\", Action::\"approve\"], resource);\n",
        "@id(\"hardware\")\npermit (principal, action == Action::\"execute\", resource)\n",
        "when { context.approvals.count >= 3 && context.approvals.hardware >= 1 };",
    ))
    .unwrap();
    // Three may approve, none of them with a key in hardware.
    assert_eq!(
        policies.verdict(&operation(), &directory(), at("10:00")),
        Verdict::Forbid { policies: vec![] }
    );
    let some = directory_with(|directory| directory.keys[2].assurance = KeyAssurance::HardwareUnattested);
    let found = rule(policies.verdict(&operation(), &some, at("10:00")));
    assert_eq!((found.approvals, found.hardware, found.teams), (3, 1, 1));
}

#[test]
fn a_request_that_nobody_could_approve_is_forbidden() {
    let mut critical = operation();
    critical.severity = Severity::Critical;
    critical.initiators = people(&["bob", "carol"]);
    critical.excluded = people(&["alice", "bob", "carol"]);
    assert_eq!(
        small_team().verdict(&critical, &directory(), at("10:00")),
        Verdict::Forbid { policies: vec![] }
    );
    let explained = small_team().explain(&critical, &directory(), at("10:00"));
    let text = explained.text();
    assert!(
        text.starts_with("forbid: nobody could approve this now"),
        "{text}"
    );
    assert!(
        text.contains("dave (software key, presence pin): yes, by `people-review`"),
        "{text}"
    );
    assert!(
        text.contains("bob (software key, presence pin): no: `bob` asked for this"),
        "{text}"
    );
}

#[test]
fn why_a_script_may_not_approve_is_explained() {
    let mut high = operation();
    high.severity = Severity::High;
    let explained = small_team().explain(&high, &directory(), at("10:00"));
    let text = explained.text();
    assert!(
        text.contains("without the full screen: no, by `no-scripts-above-low`"),
        "{text}"
    );
    high.severity = Severity::Low;
    let explained = small_team().explain(&high, &directory(), at("10:00"));
    assert!(!explained.text().contains("without the full screen"));
}

#[test]
fn keys_that_do_not_count_now_make_nobody_eligible() {
    let late = directory_with(|directory| directory.keys[1].not_after = at("09:00"));
    let found = rule(small_team().verdict(&operation(), &late, at("10:00")));
    assert_eq!(found.eligible, people(&["carol", "dave"]));
}

#[test]
fn explanations_name_policies_by_their_titles() {
    let text = small_team()
        .explain(&operation(), &directory(), at("10:00"))
        .text();
    let expected = "\
require approval: 1 person, by `one-reviewer` (Below high risk one reviewer is enough)
  may be asked: yes, by `agents-may-ask` (Agents may propose every known kind of action)
  without approval: no, by `production-needs-a-person` (Nothing runs in production without a reviewer)
  alice (software key, presence pin): no: `alice` asked for this, owns the agent or amended it: somebody else has to approve
  bob (software key, presence pin): yes, by `people-review` (Everybody in the directory may review)
    without the full screen: no, by `no-scripts-above-low` (Above low risk the decision is made on the full screen)
  carol (software key, presence pin): yes, by `people-review` (Everybody in the directory may review)
    without the full screen: no, by `no-scripts-above-low` (Above low risk the decision is made on the full screen)
  dave (software key, presence pin): yes, by `people-review` (Everybody in the directory may review)
    without the full screen: no, by `no-scripts-above-low` (Above low risk the decision is made on the full screen)
";
    assert_eq!(text, expected);
}

#[test]
fn scripts_and_shared_users_are_refused_by_the_shipped_policies() {
    let scripted = Credential {
        shown: Shown::Nothing,
        ..SCREEN
    };
    let may = |severity| {
        let asked = Operation {
            severity,
            ..operation()
        };
        small_team()
            .approve(&asked, &directory(), &person("bob"), &scripted, at("10:00"))
            .is_permit()
    };
    assert!(may(Severity::Low) && !may(Severity::Medium));
    let in_part = Credential {
        shown: Shown::Part,
        ..SCREEN
    };
    let may_in_part = |severity| {
        let asked = Operation {
            severity,
            ..operation()
        };
        small_team()
            .approve(&asked, &directory(), &person("bob"), &in_part, at("10:00"))
            .is_permit()
    };
    assert!(may_in_part(Severity::Medium) && !may_in_part(Severity::High));
    let shared = Operation {
        isolation: Isolation::None,
        ..operation()
    };
    assert_eq!(
        small_team().verdict(&shared, &directory(), at("10:00")),
        Verdict::Forbid {
            policies: vec!["no-shared-user".to_owned()]
        }
    );
}

fn proposal(path: &str, environment: &str) -> Proposal {
    let action = Action {
        kind: "config-file".parse().unwrap(),
        environment: environment.parse().unwrap(),
        target: line(&format!("file://host-1{path}")),
        payload: Payload::FileChange(FileChange {
            path: OsBytes::new(path),
            before: None,
            after: Some(ArtifactRef::of(b"new")),
            mode: None,
        }),
    };
    Proposal {
        root: RootId::new(Sha256Digest::of(b"root")),
        guard: "g1".parse().unwrap(),
        agent: "deployer".parse().unwrap(),
        isolation: Isolation::SeparateUser,
        nonce: Nonce::from_random([1; 32]),
        claims: Claims {
            initiators: vec![line("bob")],
            ..Claims::default()
        },
        observed: vec![],
        action_digest: action.digest().unwrap(),
        action,
        directory: DirectoryDigest::new(Sha256Digest::of(b"d")),
        policy: PolicyDigest::new(Sha256Digest::of(b"p")),
        amends: None,
        checkpoint: None,
        created_at: Timestamp::from_millis(0),
        expires_at: Timestamp::LAST,
    }
}

#[test]
fn an_operation_follows_from_proposal_and_directory() {
    let of = |proposal: &Proposal| Operation::of(proposal, &directory(), BTreeSet::new(), Severity::None);
    let operation = of(&proposal("/srv/staging/a.conf", "staging")).unwrap();
    assert_eq!(operation.excluded, people(&["alice", "bob"]));
    assert_eq!(operation.initiators, people(&["bob"]));
    assert_eq!(operation.target, "file://host-1/srv/staging/a.conf");
    assert!(matches!(
        of(&proposal("/etc/a.conf", "staging")),
        Err(OperationError::OtherEnvironment { .. })
    ));
    let mut stranger = proposal("/etc/a.conf", "production");
    stranger.agent = "stranger".parse().unwrap();
    assert!(matches!(of(&stranger), Err(OperationError::UnknownAgent(_))));
    let mut elsewhere = proposal("/etc/a.conf", "production");
    elsewhere.guard = "g2".parse().unwrap();
    assert!(matches!(of(&elsewhere), Err(OperationError::WrongGuard { .. })));
}

#[test]
fn policies_stand_in_any_number_of_files() {
    let parts: Vec<_> = shipped("small-team")
        .into_iter()
        .chain([file("more.cedar", "@id(\"more\")\nforbid (principal, action == Action::\"propose\", resource == Operation::\"other\");")])
        .collect();
    assert_eq!(
        rule(
            load(parts, vec![])
                .unwrap()
                .verdict(&operation(), &directory(), at("10:00"))
        )
        .approvals,
        1
    );
}

/// Policies that look at everything about a person that policies can look at.
const DISCERNING: &str = r#"
@id("ask")
permit (principal, action == Action::"propose", resource);
@id("team")
permit (principal in Team::"security", action == Action::"approve", resource);
@id("on-call")
permit (principal, action == Action::"approve", resource) when { principal.onCall && context.assurance > 1 };
@id("own-team")
permit (principal, action == Action::"approve", resource) when { principal in resource.team && context.presence > 1 };
@id("not-these")
forbid (principal, action == Action::"approve", resource)
when { [Person::"bob", Person::"p-3"].contains(principal) && context.assurance < 3 };
@id("not-for-oneself")
forbid (principal, action == Action::"approve", resource) when { resource.initiators.contains(principal) };
@id("one")
permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    /// Of people who are alike only one is asked about; everybody gets the answer that they would get themselves.
    #[test]
    fn the_eligible_are_those_whom_policy_lets_approve(
        crowd in proptest::collection::vec((0..4_usize, proptest::bool::ANY, 0..3_u8, 0..3_u8, 0..6_u8), 1..10),
    ) {
        let teams: [&[&str]; 4] = [&[], &["platform"], &["security"], &["platform", "security"]];
        let levels = [KeyAssurance::Software, KeyAssurance::HardwareUnattested, KeyAssurance::HardwareAttested];
        let presences = [Presence::None, Presence::Pin, Presence::Touch];
        let mut asked = operation();
        let directory = directory_with(|directory| {
            for (index, (team, on_call, assurance, presence, part)) in crowd.iter().enumerate() {
                let mut someone = directory.people[0].clone();
                someone.id = person(&format!("p-{index}"));
                someone.teams = teams[*team].iter().map(|id| id.parse().unwrap()).collect();
                someone.on_call = *on_call;
                let mut key = directory.keys[0].clone();
                key.key = common::TestKey::new(110 + u8::try_from(index).unwrap()).public_key().clone();
                key.holder = KeyHolder::Person(someone.id.clone());
                key.assurance = levels[usize::from(*assurance)];
                // Only hardware that is proven can prove a touch.
                let most = usize::from(key.assurance == KeyAssurance::HardwareAttested) + 1;
                key.presence = presences[usize::from(*presence).min(most)];
                directory.keys.push(key);
                match part {
                    0 => asked.owners.insert(someone.id.clone()),
                    1 => asked.initiators.insert(someone.id.clone()),
                    2 => asked.excluded.insert(someone.id.clone()),
                    _ => false,
                };
                directory.people.push(someone);
            }
        });
        for policies in [one(DISCERNING).unwrap(), small_team()] {
            let may = |key: &&countersign_protocol::directory::DirectoryKey| match &key.holder {
                KeyHolder::Person(person) => {
                    let with = Credential { assurance: key.assurance, presence: key.presence, ..SCREEN };
                    policies.approve(&asked, &directory, person, &with, at("10:00")).is_permit()
                }
                _ => false,
            };
            let fresh: BTreeSet<_> = directory
                .keys
                .iter()
                .filter(may)
                .filter_map(|key| match &key.holder {
                    KeyHolder::Person(person) => Some(person.clone()),
                    _ => None,
                })
                .collect();
            let found = match policies.verdict(&asked, &directory, at("10:00")) {
                Verdict::RequireApproval(rule) => rule.eligible,
                _ => BTreeSet::new(),
            };
            proptest::prop_assert_eq!(found, fresh);
        }
    }
}

#[test]
fn a_large_organisation_gets_its_rule_too() {
    let policies = one(concat!(
        "@id(\"ask\")\npermit (principal, action in [Action::\"propose\", Action::\"approve\"], resource);\n",
        "@id(\"three\")\npermit (principal, action == Action::\"execute\", resource)\n",
        "when { context.approvals.count >= 3 && context.approvals.teams >= 3 && context.approvals.hardware >= 1 };",
    ))
    .unwrap();
    let large = directory_with(|directory| {
        let (person_of, team_of, key_of) = (
            directory.people[0].clone(),
            directory.teams[0].clone(),
            directory.keys[0].clone(),
        );
        for index in 0..12_u8 {
            let mut team = team_of.clone();
            team.id = format!("team-{index}").parse().unwrap();
            directory.teams.push(team);
        }
        for index in 0..60_u8 {
            let mut someone = person_of.clone();
            someone.id = person(&format!("p-{index}"));
            someone.teams = BTreeSet::from([format!("team-{}", index % 12).parse().unwrap()]);
            directory.people.push(someone);
            let mut key = key_of.clone();
            key.key = common::TestKey::new(110 + index).public_key().clone();
            key.holder = KeyHolder::Person(person(&format!("p-{index}")));
            if index % 2 == 0 {
                key.assurance = KeyAssurance::HardwareAttested;
            }
            directory.keys.push(key);
        }
    });
    let found = rule(policies.verdict(&operation(), &large, at("10:00")));
    assert_eq!((found.approvals, found.hardware, found.teams), (3, 1, 3));
    assert_eq!(found.eligible.len(), 63);
}
