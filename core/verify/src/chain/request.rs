//! The proposal and the request: signatures, bindings, and everything that is computed from their bytes again.

use countersign_policy::Verdict;
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::Role;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::signed::{Signed, Verified};
use countersign_review::findings::RULESET;
use countersign_review::sheet::Sheet;

use super::Problem;
use super::trust::Trust;
use crate::judge::{Judgement, judge};

/// A proposal and its request, judged again.
pub(super) struct Asked {
    pub proposal: Verified<Proposal>,
    pub request: Verified<ApprovalRequest>,
    pub judgement: Judgement,
    pub sheet: Sheet,
}

pub(super) fn open(evidence: &Evidence, trust: &Trust) -> Result<Asked, Problem> {
    let directory = &trust.directories.of_request;
    let policy = &trust.policies.of_request;
    let request = trust
        .verify::<ApprovalRequest>(&evidence.request.envelope)
        .map_err(|error| Problem::new("invalid-request", error))?;
    let proposal = Signed::<Proposal>::from(evidence.proposal.clone())
        .verify(directory)
        .map_err(|error| Problem::new("invalid-proposal", error))?;
    check_proposal(&proposal, &request, trust)?;
    request
        .check(&proposal, directory)
        .map_err(|error| Problem::new("request-differs", error))?;
    if request.policy != policy.bundle.digest() {
        return Err(Problem::new(
            "request-differs",
            "the request was made under another policy than the evidence holds",
        ));
    }
    if request.ruleset.raw() != RULESET {
        return Err(Problem::new(
            "unknown-ruleset",
            format!(
                "the request was made with other finding rules than `{RULESET}`; use a program of its version"
            ),
        ));
    }
    let fresh = directory.check_fresh(request.created_at).is_ok()
        && policy.bundle.check_fresh(request.created_at).is_ok();
    if !fresh {
        return Err(Problem::new(
            "expired-trust",
            "the directory or policy had expired when the request was made",
        ));
    }
    let judgement = judge(
        &proposal,
        &evidence.artifacts,
        directory,
        &policy.set,
        request.created_at,
    )
    .map_err(|error| Problem::new("incomplete", error))?;
    check_judgement(&request, &judgement)?;
    let sheet = Sheet::build(&proposal, &request, &judgement.findings, &evidence.artifacts)
        .map_err(|error| Problem::new("no-sheet", error))?;
    Ok(Asked {
        proposal,
        request,
        judgement,
        sheet,
    })
}

fn check_proposal(
    proposal: &Verified<Proposal>,
    request: &ApprovalRequest,
    trust: &Trust,
) -> Result<(), Problem> {
    proposal
        .check()
        .map_err(|error| Problem::new("invalid-proposal", error))?;
    let signer = proposal
        .signer()
        .ok_or_else(|| Problem::new("invalid-proposal", "the proposal has no signer"))?;
    // The key has to count where the request was made, and still in the newest directory at that time: a
    // compromise that became known later reaches back.
    for directory in [&trust.directories.of_request, trust.directories.newest()] {
        let key = directory
            .key_at(&signer, Role::Guard, request.created_at)
            .map_err(|error| Problem::new("guard-key", error))?;
        if key.holder != KeyHolder::Guard(proposal.guard.clone()) {
            return Err(Problem::new(
                "guard-key",
                "the proposal is signed by another guard's key",
            ));
        }
    }
    let skew = trust.policies.of_request.bundle.limits.skew();
    if request.created_at < proposal.created_at.before(skew) {
        return Err(Problem::new("time", "the request was made before its proposal"));
    }
    Ok(())
}

fn check_judgement(request: &ApprovalRequest, judgement: &Judgement) -> Result<(), Problem> {
    if request.findings != judgement.findings_digest {
        return Err(Problem::new(
            "findings-differ",
            "the findings computed here are not those of the request",
        ));
    }
    if request.severity != judgement.severity {
        let (said, is) = (request.severity.word(), judgement.severity.word());
        return Err(Problem::new(
            "severity-differs",
            format!("the request says severity `{said}`, computed here it is `{is}`"),
        ));
    }
    match &judgement.verdict {
        Verdict::RequireApproval(rule) if *rule == request.rule => Ok(()),
        Verdict::RequireApproval(_) => Err(Problem::new(
            "rule-differs",
            "the request's approval rule is not the one that its policy gives",
        )),
        Verdict::Permit { .. } | Verdict::Forbid { .. } => Err(Problem::new(
            "rule-differs",
            "policy gives a verdict of its own here; there is nothing for people to decide",
        )),
    }
}
