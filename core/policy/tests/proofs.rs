//! Proofs about the shipped policies, for every well-formed input, by Cedar's symbolic compiler and cvc5.
//!
//! What they do not prove is Rust's business: that signatures are good, that people are distinct, that counts are
//! counted right. The last proofs are meant to fail, so that it shows that a proof can.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use cedar_policy::{EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet};
use common::shipped;
use countersign_policy::SCHEMA;

const SETS: [&[&str]; 3] = [&["small-team"], &["personal"], &["small-team", "strict"]];

fn schema() -> Schema {
    Schema::from_cedarschema_str(SCHEMA).unwrap().0
}

/// The two kinds of principal that the questions have.
fn asking(action: &str) -> RequestEnv {
    let principal = if action == "approve" { "Person" } else { "Agent" };
    let name = |name: &str| name.parse::<EntityTypeName>().unwrap();
    let action: EntityUid = format!("Action::\"{action}\"").parse().unwrap();
    RequestEnv::new(name(principal), action, name("Operation"))
}

fn prover() -> CedarSymCompiler<LocalSolver> {
    let solver = LocalSolver::cvc5().unwrap_or_else(|error| {
        panic!("the proofs need the solver `cvc5` ({error}); `apt-get install cvc5` or `./x setup`")
    });
    CedarSymCompiler::new(solver).unwrap()
}

fn policies(folders: &[&str]) -> Vec<Policy> {
    let mut all = Vec::new();
    for file in folders.iter().flat_map(|folder| shipped(folder)) {
        let parsed: PolicySet = file.text.raw().parse().unwrap();
        all.extend(
            parsed
                .policies()
                .map(|policy| policy.new_id(PolicyId::new(policy.annotation("id").unwrap()))),
        );
    }
    all
}

/// Whether the policies permit only what `condition` says, or nothing at all without one.
async fn permit_only(policies: &[Policy], action: &str, condition: &str) -> bool {
    let (schema, env) = (schema(), asking(action));
    let set = PolicySet::from_policies(policies.iter().cloned()).unwrap();
    let bound: PolicySet =
        format!("permit (principal, action == Action::\"{action}\", resource) when {{ {condition} }};")
            .parse()
            .unwrap();
    let set = CompiledPolicySet::compile(&set, &env, &schema).unwrap();
    let bound = CompiledPolicySet::compile(&bound, &env, &schema).unwrap();
    prover().check_implies_opt(&set, &bound).await.unwrap()
}

async fn hold(folders: &[&[&str]], action: &str, condition: &str) {
    for folders in folders {
        let policies = policies(folders);
        assert!(
            permit_only(&policies, action, condition).await,
            "{folders:?} `{action}` permits beyond: {condition}"
        );
    }
}

const NOT_THEIR_OWN: &str = "!resource.excluded.contains(principal) && (resource.environment.personal || \
     !(resource.initiators.contains(principal) || resource.agent.owners.contains(principal)))";
const OUTSIDE_THE_AUDIT: &str = "!(resource.target like \"file://*/etc/countersign/*\") && \
     !(resource.target like \"file://*/var/lib/countersign/*\") && \
     !(resource.target like \"file://*/etc/audit/*\") && \
     !(resource.target like \"file://*/var/log/audit/*\") && \
     !(resource.environment.strictness >= 5 && resource.findings.contains(\"logging-off\"))";

#[tokio::test]
async fn no_shipped_policy_can_err() {
    let schema = schema();
    let mut prover = prover();
    for policy in SETS.iter().flat_map(|folders| policies(folders)) {
        for action in ["propose", "approve", "execute"] {
            let compiled = CompiledPolicy::compile(&policy, &asking(action), &schema).unwrap();
            assert!(
                prover.check_never_errors_opt(&compiled).await.unwrap(),
                "`{}` can err in `{action}`",
                policy.id()
            );
        }
    }
}

#[tokio::test]
async fn nobody_approves_their_own() {
    hold(&SETS, "approve", NOT_THEIR_OWN).await;
}

#[tokio::test]
async fn the_audit_is_not_switched_off() {
    hold(&SETS, "propose", OUTSIDE_THE_AUDIT).await;
    hold(&SETS, "execute", OUTSIDE_THE_AUDIT).await;
}

#[tokio::test]
async fn production_never_runs_without_an_approval() {
    hold(
        &SETS,
        "execute",
        "resource.environment.strictness < 5 || context.approvals.count >= 1",
    )
    .await;
}

#[tokio::test]
async fn critical_risk_never_runs_without_two_people() {
    let condition = "resource.severity < 4 || (context.approvals.count >= 2 && context.approvals.teams >= 2)";
    hold(&[SETS[0], SETS[2]], "execute", condition).await;
}

#[tokio::test]
async fn a_freeze_holds() {
    hold(&SETS, "execute", "!context.frozen").await;
}

#[tokio::test]
async fn a_shared_user_is_only_where_the_directory_allows_it() {
    let condition = "!resource.sameUser || resource.environment.allowSameUser";
    hold(&SETS, "propose", condition).await;
    hold(&SETS, "execute", condition).await;
}

#[tokio::test]
async fn strict_production_decisions_are_by_proven_hardware() {
    hold(
        &[SETS[2]],
        "approve",
        "resource.environment.strictness < 5 || context.assurance >= 3",
    )
    .await;
}

#[tokio::test]
async fn strict_only_forbids() {
    let (schema, both, less) = (schema(), policies(SETS[2]), policies(SETS[0]));
    for action in ["propose", "approve", "execute"] {
        let compile = |all: &[Policy]| {
            let set = PolicySet::from_policies(all.iter().cloned()).unwrap();
            CompiledPolicySet::compile(&set, &asking(action), &schema).unwrap()
        };
        assert!(
            prover()
                .check_implies_opt(&compile(&both), &compile(&less))
                .await
                .unwrap(),
            "{action}"
        );
    }
}

#[tokio::test]
async fn a_proof_fails_where_the_policy_is_gone() {
    for (id, action, condition) in [
        ("no-self-approval", "approve", NOT_THEIR_OWN),
        ("records-stay-on", "execute", OUTSIDE_THE_AUDIT),
        ("change-freeze", "execute", "!context.frozen"),
        (
            "no-shared-user",
            "propose",
            "!resource.sameUser || resource.environment.allowSameUser",
        ),
    ] {
        let mut all = policies(SETS[0]);
        let before = all.len();
        all.retain(|policy| policy.id().as_ref() as &str != id);
        assert_eq!(all.len() + 1, before);
        assert!(
            !permit_only(&all, action, condition).await,
            "without `{id}` it should be refuted"
        );
    }
}

#[tokio::test]
async fn a_proof_fails_where_a_policy_can_err() {
    let schema = schema();
    let policy: Policy = "forbid (principal, action, resource) when { resource.severity + 1 > 4 };"
        .parse()
        .unwrap();
    let compiled = CompiledPolicy::compile(&policy, &asking("execute"), &schema).unwrap();
    assert!(!prover().check_never_errors_opt(&compiled).await.unwrap());
}
