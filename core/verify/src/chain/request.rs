//! The proposal and the request: signatures, bindings, and everything that is computed from their bytes again.

use countersign_policy::Verdict;
use countersign_protocol::action::{ArtifactRef, Payload};
use countersign_protocol::amendment::{Amended, Amendment};
use countersign_protocol::approval::{ApprovalRequest, LastApproved};
use countersign_protocol::bundle::{Artifact, Evidence};
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::Role;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::signed::Verified;
use countersign_review::beside;
use countersign_review::findings::RULESET;
use countersign_review::sheet::drift::Record;
use countersign_review::sheet::finding::{Recorded, read};
use countersign_review::sheet::{Sheet, ShownChange};

use super::amended;
use super::trust::Trust;
use super::{Problem, Purpose};
use crate::judge::{Judgement, judge, judge_recorded};

/// A proposal and its request, judged again.
pub(super) struct Asked {
    pub proposal: Verified<Proposal>,
    /// What it follows from.
    pub amended: Vec<Amended>,
    pub request: Verified<ApprovalRequest>,
    /// What answers it; whether that counts is judged later.
    pub amendment: Option<Verified<Amendment>>,
    pub judgement: Judgement,
    pub sheet: Sheet,
}

pub(super) fn open(evidence: &Evidence, trust: &Trust, purpose: Purpose) -> Result<Asked, Problem> {
    let directory = &trust.directories.of_request;
    let policy = &trust.policies.of_request;
    let request = trust
        .verify::<ApprovalRequest>(&evidence.request.envelope)
        .map_err(|error| Problem::new("invalid-request", error))?;
    let proposal = evidence
        .proposal
        .verify::<Proposal>(directory)
        .map_err(|error| Problem::new("invalid-proposal", error))?;
    check_proposal(&proposal, &request, trust)?;
    let amended = amended::lineage(evidence, trust, &proposal)?;
    let amendment = amended::answer(evidence, trust, &proposal, &request)?;
    request
        .check(&proposal, directory)
        .map_err(|error| Problem::new("request-differs", error))?;
    if request.policy != policy.bundle.digest() {
        return Err(Problem::new(
            "request-differs",
            "the request was made under another policy than the evidence holds",
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
    check_bytes(evidence)?;
    let (judgement, sheet) = if request.ruleset.raw() == RULESET {
        judged_here(evidence, &proposal, &request, trust)?
    } else if purpose == Purpose::Audit {
        judged_then(evidence, &proposal, &request, trust)?
    } else {
        return Err(Problem::new(
            "unknown-ruleset",
            format!(
                "the request was made with other finding rules than `{RULESET}`; use a program of its version"
            ),
        ));
    };
    check_judgement(&request, &judgement)?;
    check_named(evidence, &proposal, &request, amendment.as_deref())?;
    Ok(Asked {
        proposal,
        amended,
        request,
        amendment,
        judgement,
        sheet,
    })
}

/// Every artifact is what it is named.
fn check_bytes(evidence: &Evidence) -> Result<(), Problem> {
    let different =
        |(digest, artifact): &(&ArtifactDigest, &Artifact)| ArtifactDigest::of(&artifact.0) != **digest;
    match evidence.artifacts.iter().find(different) {
        Some((digest, _)) => Err(Problem::new(
            "artifact-differs",
            format!("artifact `{digest}` holds other bytes than it is named for"),
        )),
        None => Ok(()),
    }
}

/// No artifact stands in the evidence that neither the request nor its amendment names.
fn check_named(
    evidence: &Evidence,
    proposal: &Proposal,
    request: &ApprovalRequest,
    amendment: Option<&Amendment>,
) -> Result<(), Problem> {
    let mut named: Vec<ArtifactDigest> = proposal
        .action
        .artifacts()
        .iter()
        .chain(
            &amendment
                .map(|amendment| amendment.action.artifacts())
                .unwrap_or_default(),
        )
        .map(|named| named.digest)
        .collect();
    named.push(ArtifactDigest::new(*request.findings.sha256()));
    let approved = request.approved.as_ref().and_then(LastApproved::artifact);
    named.extend(approved.map(|ArtifactRef { digest, .. }| digest));
    named.extend(request.drift);
    match evidence.artifacts.keys().find(|digest| !named.contains(digest)) {
        Some(digest) => Err(Problem::new(
            "artifact-differs",
            format!("artifact `{digest}` is none of the request's"),
        )),
        None => Ok(()),
    }
}

/// Finds again, by the rules that the request was made with.
fn judged_here(
    evidence: &Evidence,
    proposal: &Verified<Proposal>,
    request: &Verified<ApprovalRequest>,
    trust: &Trust,
) -> Result<(Judgement, Sheet), Problem> {
    let (directory, policy) = (&trust.directories.of_request, &trust.policies.of_request);
    if request.approved.is_none() && matches!(proposal.action.payload, Payload::FileChange(_)) {
        return Err(Problem::new(
            "request-differs",
            "the request does not say what was approved last for its target, nor that nothing was",
        ));
    }
    let bytes = evidence.artifacts.values().map(|artifact| artifact.0.len()).sum();
    let (judgement, shown) = beside::both(
        bytes,
        || {
            judge(
                proposal,
                request.approved.as_ref(),
                &evidence.artifacts,
                directory,
                &policy.set,
                request.created_at,
            )
        },
        || ShownChange::of(proposal, request, &evidence.artifacts),
    );
    let judgement = judgement.map_err(|error| Problem::new("incomplete", error))?;
    let computed = judgement.drift.as_ref().map(Record::to_bytes).transpose();
    let computed = computed.map_err(|error| Problem::new("incomplete", error))?;
    if computed.as_deref().map(ArtifactDigest::of) != request.drift {
        return Err(Problem::new(
            "drift-differs",
            "the drift computed here is not that of the request",
        ));
    }
    let findings: Vec<Recorded> = judgement.findings.iter().map(Recorded::from).collect();
    let sheet = shown.and_then(|shown| shown.into_sheet(&findings, judgement.drift.as_ref()));
    let sheet = sheet.map_err(|error| Problem::new("no-sheet", error))?;
    Ok((judgement, sheet))
}

/// Takes the findings and the drift that the request was made with, where the rules of this program are others. They are those
/// that the reviewers' consoles computed and that stand on the signed sheet.
fn judged_then(
    evidence: &Evidence,
    proposal: &Verified<Proposal>,
    request: &Verified<ApprovalRequest>,
    trust: &Trust,
) -> Result<(Judgement, Sheet), Problem> {
    let (directory, policy) = (&trust.directories.of_request, &trust.policies.of_request);
    let named = ArtifactDigest::new(*request.findings.sha256());
    let found = evidence.artifacts.get(&named);
    let bytes = found.ok_or_else(|| Problem::new("incomplete", "the evidence holds no findings"))?;
    if ArtifactDigest::of(&bytes.0) != named {
        return Err(Problem::new(
            "findings-differ",
            "the findings are not those of the request",
        ));
    }
    let findings = read(&bytes.0).map_err(|error| Problem::new("findings-differ", error))?;
    let mut judgement = judge_recorded(proposal, &findings, directory, &policy.set, request.created_at)
        .map_err(|error| Problem::new("incomplete", error))?;
    judgement.drift = recorded_drift(evidence, request)?;
    let (drift, artifacts) = (judgement.drift.as_ref(), &evidence.artifacts);
    let sheet = Sheet::build_recorded(proposal, request, &findings, drift, artifacts)
        .map_err(|error| Problem::new("no-sheet", error))?;
    Ok((judgement, sheet))
}

/// The record of drift that the request names; its bytes were checked. Whoever reads it finds it in the same form.
fn recorded_drift(evidence: &Evidence, request: &ApprovalRequest) -> Result<Option<Record>, Problem> {
    let Some(named) = &request.drift else {
        return Ok(None);
    };
    let found = evidence.artifacts.get(named);
    let bytes = found.ok_or_else(|| Problem::new("incomplete", "the evidence holds no record of drift"))?;
    let record = Record::read(&bytes.0).map_err(|error| Problem::new("drift-differs", error))?;
    Ok(Some(record))
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
