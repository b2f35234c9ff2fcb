//! What a proposal amounts to: its findings, drift, its severity, and policy's verdict.
//!
//! Guard, backend and verifiers compute this from the same bytes. A difference between their answers is itself
//! refused, never averaged.

use std::collections::{BTreeMap, BTreeSet};

use countersign_policy::{Operation, OperationError, PolicySet, Verdict};
use countersign_protocol::action::{Action, ArtifactRef, Exec, Payload};
use countersign_protocol::approval::{LastApproved, Severity};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::canonical::{self, EncodeError};
use countersign_protocol::digest::{ArtifactDigest, FindingsDigest, Sha256Digest};
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::text::OsBytes;
use countersign_review::drift::{Drift, State, drift};
use countersign_review::findings::{self, Finding};
use countersign_review::sheet::drift::Record;
use countersign_review::sheet::finding::{Recorded, record};
use countersign_review::text::Untrusted;

use crate::unread::{base_name, unread};

/// What a proposal amounts to.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Every finding.
    pub findings: Vec<Finding>,
    /// Their digest, as requests bind it.
    pub findings_digest: FindingsDigest,
    /// How the last approved, the live and the proposed state lie to each other, where something was approved.
    pub drift: Option<Record>,
    /// The worst that counts.
    pub severity: Severity,
    /// What policy is asked about.
    pub operation: Operation,
    /// What policy answers.
    pub verdict: Verdict,
}

/// Why nothing can be said about a proposal.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// An artifact is missing.
    #[error("artifact `{0}` is missing; send every artifact that the action names")]
    Missing(ArtifactDigest),
    /// An artifact holds other bytes.
    #[error("artifact `{0}` holds other bytes than it is named for")]
    Different(ArtifactDigest),
    /// The operation cannot be put to policy.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The findings cannot be digested.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Computes findings and asks policy. What was approved last for the same target only adds findings.
///
/// # Errors
/// [`JudgeError`] when an artifact is not there or policy cannot be asked.
pub fn judge(
    proposal: &Proposal,
    approved: Option<&LastApproved>,
    artifacts: &BTreeMap<ArtifactDigest, Artifact>,
    directory: &TrustedDirectory,
    policy: &PolicySet,
    now: Timestamp,
) -> Result<Judgement, JudgeError> {
    let mut found = find(proposal, artifacts)?;
    let drift = drift_of(proposal, approved, artifacts)?;
    if let Some(drift) = &drift {
        found = findings::with_drift(found, drift);
    }
    let findings_digest = digest_of(&found)?;
    let recorded: Vec<Recorded> = found.iter().map(Recorded::from).collect();
    let judged = judge_recorded(proposal, &recorded, directory, policy, now)?;
    Ok(Judgement {
        findings: found,
        findings_digest,
        drift: drift.as_ref().map(Record::from),
        ..judged
    })
}

/// Asks policy about findings in words: those of a request that was made with other rules. The judgement then names
/// no findings of its own.
///
/// # Errors
/// [`JudgeError`] when policy cannot be asked.
pub fn judge_recorded(
    proposal: &Proposal,
    findings: &[Recorded],
    directory: &TrustedDirectory,
    policy: &PolicySet,
    now: Timestamp,
) -> Result<Judgement, JudgeError> {
    let counting = findings.iter().filter(|finding| finding.counts);
    let severity = counting.clone().map(Recorded::level).max().unwrap_or_default();
    let names: BTreeSet<String> = counting.map(|finding| finding.id.clone()).collect();
    let operation = Operation::of(proposal, directory, names, severity)?;
    let verdict = policy.verdict(&operation, directory, now);
    Ok(Judgement {
        findings: Vec::new(),
        findings_digest: FindingsDigest::new(Sha256Digest::of(&canonical::to_bytes(&findings)?)),
        drift: None,
        severity,
        operation,
        verdict,
    })
}

/// Computes the findings of a proposal.
///
/// # Errors
/// [`JudgeError`] when an artifact is not there.
pub fn find(
    proposal: &Proposal,
    artifacts: &BTreeMap<ArtifactDigest, Artifact>,
) -> Result<Vec<Finding>, JudgeError> {
    find_in(&proposal.action, artifacts)
}

/// Computes the findings of an action.
///
/// # Errors
/// [`JudgeError`] when an artifact is not there.
pub fn find_in(
    action: &Action,
    artifacts: &BTreeMap<ArtifactDigest, Artifact>,
) -> Result<Vec<Finding>, JudgeError> {
    let take = |artifact: &ArtifactRef| take(artifacts, artifact);
    let kind = action.kind.id();
    Ok(match &action.payload {
        Payload::FileChange(change) => {
            let before = change.before.as_ref().map(take).transpose()?;
            let after = change.after.as_ref().map(take).transpose()?;
            findings::analyze(kind, before, after.unwrap_or_default())
        }
        Payload::Sql(sql) => findings::analyze("sql", None, take(&sql.statement)?),
        Payload::Exec(exec) => {
            // Rules go by what runs, not by the name it calls itself; but a program of many names (`busybox`) goes by
            // that name itself, so that what either is known for counts.
            let mut all = findings::analyze("exec", None, &command_of(exec, exec.binary.as_bytes())?);
            let called = exec.argv.first().map(OsBytes::as_bytes).unwrap_or_default();
            if base_name(called) != base_name(exec.binary.as_bytes()) {
                let more = findings::analyze("exec", None, &command_of(exec, called)?);
                let new: Vec<Finding> = more.into_iter().filter(|one| !all.contains(one)).collect();
                all.extend(new);
            }
            for content in exec
                .stdin
                .iter()
                .chain(exec.operands.iter().map(|operand| &operand.content))
            {
                all.extend(findings::analyze_given(take(content)?));
            }
            all.dedup();
            all.extend(unread(exec));
            all
        }
    })
}

/// Lays the last approved state, the live and the proposed one side by side; nothing where none was approved.
fn drift_of(
    proposal: &Proposal,
    approved: Option<&LastApproved>,
    artifacts: &BTreeMap<ArtifactDigest, Artifact>,
) -> Result<Option<Drift>, JudgeError> {
    let (Some(approved), Payload::FileChange(change)) = (approved, &proposal.action.payload) else {
        return Ok(None);
    };
    let state = |artifact: Option<&ArtifactRef>| match artifact {
        Some(artifact) => take(artifacts, artifact).map(State::Bytes),
        None => Ok(State::Absent),
    };
    let baseline = match approved {
        LastApproved::Never {} => return Ok(None),
        LastApproved::Document { artifact, .. } => state(Some(artifact))?,
        LastApproved::Removed { .. } => State::Absent,
        LastApproved::Unread { why, .. } => State::Unread(why.raw()),
    };
    let (live, proposed) = (state(change.before.as_ref())?, state(change.after.as_ref())?);
    Ok(Some(drift(proposal.action.kind.id(), baseline, live, proposed)))
}

fn take<'a>(
    artifacts: &'a BTreeMap<ArtifactDigest, Artifact>,
    artifact: &ArtifactRef,
) -> Result<&'a [u8], JudgeError> {
    let found = artifacts
        .get(&artifact.digest)
        .ok_or(JudgeError::Missing(artifact.digest))?;
    if artifact.names(&found.0) {
        Ok(&found.0)
    } else {
        Err(JudgeError::Different(artifact.digest))
    }
}

/// The digest of findings, as requests bind it: that of the document which evidence carries.
///
/// # Errors
/// [`EncodeError`] cannot happen for findings of this program.
pub fn digest_of(findings: &[Finding]) -> Result<FindingsDigest, EncodeError> {
    Ok(FindingsDigest::new(Sha256Digest::of(&record(findings)?)))
}

/// A process as the document that the rules for commands read, under the name of `program`.
fn command_of(exec: &Exec, program: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => Untrusted::from(bytes).escaped(),
    };
    let mut argv: Vec<String> = exec
        .argv
        .iter()
        .map(|argument| text(argument.as_bytes()))
        .collect();
    if let Some(first) = argv.first_mut() {
        *first = text(program);
    }
    canonical::to_bytes(&serde_json::json!({ "argv": argv }))
}
