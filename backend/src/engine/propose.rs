//! A guard proposes: the proposal is checked, judged, and held for people, or answered by policy alone.

mod limits;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use countersign_policy::Verdict;
use countersign_protocol::api::ProposeBody;
use countersign_protocol::approval::{ApprovalRequest, ApprovalRule, LastApproved, People};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::context::{Fact, Origin};
use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::grant::One;
use countersign_protocol::identity::{RequestId, Role};
use countersign_protocol::log::EntryType;
use countersign_protocol::mask::MaskKey;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::request::{Phase, RequestState, Terms};
use countersign_protocol::signed::{Envelope, Signed, Verified};
use countersign_protocol::text::{Line, Prose};
use countersign_review::findings::RULESET;
use countersign_review::sheet::drift::Record;
use countersign_review::sheet::finding::record;
use countersign_review::sheet::{SHEET_VERSION, Sheet};
use countersign_verify::judge::{Judgement, judge};
use rusqlite::Connection;

use super::decide::check_seen;
use super::{Caller, Engine, approved, moment};
use crate::clock;
use crate::problem::Refused;
use crate::store::pending::Pending;
use crate::store::row::{self, Filing, Judged, NewEntry, NewVerdict, Sort};
use crate::store::{Published, StoreError};
use crate::trust::Trust;

/// How often a proposal is judged again when trust moves under it.
const TRIES: usize = 4;
/// How many leaves a guard may not have read yet when it proposes.
const MAX_LAG: u64 = 1_000;

/// A proposal that was checked, with its complete artifacts.
struct Checked {
    proposal: Verified<Proposal>,
    artifacts: BTreeMap<ArtifactDigest, Artifact>,
}

/// What is to be kept of a proposal.
enum Outcome {
    Hold {
        request: Box<Verified<ApprovalRequest>>,
        terms: Terms,
        judged: Judged,
        artifacts: BTreeMap<ArtifactDigest, Artifact>,
    },
    Forbid {
        policies: String,
    },
}

impl Engine {
    /// Takes a proposal in. The same proposal again leads to the same request.
    ///
    /// # Errors
    /// [`Refused`] says why it is not held.
    pub async fn propose(&self, caller: Caller, body: ProposeBody) -> Result<RequestId, Refused> {
        let engine = self.clone();
        let checked = tokio::task::spawn_blocking(move || engine.check_proposal(&caller, body))
            .await
            .map_err(|_| Refused::unavailable("checking the proposal failed"))??;
        let checked = Arc::new(checked);
        let id = checked.proposal.request_id();
        for _ in 0..TRIES {
            let (engine, proposal) = (self.clone(), Arc::clone(&checked));
            let judged = tokio::task::spawn_blocking(move || engine.judge_proposal(&proposal))
                .await
                .map_err(|_| Refused::unavailable("judging the proposal failed"))??;
            let Some((trust, outcome)) = judged else {
                return Ok(id);
            };
            let (engine, proposal) = (self.clone(), Arc::clone(&checked));
            let kept = self
                .store()
                .write(move |conn| -> Result<Option<Option<Refused>>, Refused> {
                    // What moved meanwhile is asked again.
                    if !engine.trust().same_as(&trust) || outcome.has_moved(conn, &proposal.proposal)? {
                        return Ok(None);
                    }
                    keep(conn, &trust, &proposal, outcome).map(Some)
                })
                .await?;
            match kept {
                Some(None) => return Ok(id),
                Some(Some(refused)) => return Err(refused),
                None => {}
            }
        }
        Err(Refused::unavailable(
            "directory or policy changed several times meanwhile",
        ))
    }

    fn check_proposal(&self, caller: &Caller, body: ProposeBody) -> Result<Checked, Refused> {
        let now = clock::now();
        let trust = self.current_trust(now)?;
        let Caller::Guard { guard, key } = caller else {
            return Err(Refused::not_allowed("only a guard proposes"));
        };
        let invalid = |error: &dyn std::fmt::Display| Refused::invalid(error.to_string());
        let proposal = Signed::<Proposal>::from(body.proposal)
            .verify(trust.directory.as_ref())
            .map_err(|error| invalid(&error))?;
        let record = trust
            .directory
            .key_at(key, Role::Guard, now)
            .map_err(|error| invalid(&error))?;
        let own = proposal.signer() == Some(*key)
            && proposal.guard == *guard
            && record.holder == KeyHolder::Guard(guard.clone());
        if !own {
            return Err(Refused::not_allowed(
                "the proposal is another guard's, or signed by another key than this request",
            ));
        }
        if proposal.root != *trust.root.id() {
            return Err(Refused::invalid("the proposal is for another organisation"));
        }
        proposal.check().map_err(|error| invalid(&error))?;
        let agent = trust.directory.agent(&proposal.agent);
        if !agent.is_some_and(|agent| agent.guards.contains(guard)) {
            return Err(Refused::not_allowed(format!(
                "the directory does not let guard `{guard}` speak for agent `{}`",
                proposal.agent
            )));
        }
        let known = trust.directory_named(&proposal.directory).is_some()
            && trust.policy_named(&proposal.policy).is_some();
        if !known {
            return Err(Refused::conflict(
                "unknown-trust",
                "the guard works under a directory or policy that is not known here; fetch `/v1/trust` again",
            ));
        }
        let limits = trust.policy.bundle.limits;
        if proposal.created_at > now.after(limits.skew()) {
            return Err(Refused::invalid(
                "the proposal is from the future; check the guard's clock",
            ));
        }
        if proposal.expires_at <= now {
            return Err(Refused::invalid("the proposal has expired; propose again"));
        }
        let artifacts = limits::collect(&proposal, body.artifacts, &limits)?;
        Ok(Checked { proposal, artifacts })
    }

    /// What becomes of a proposal; nothing when it is held already.
    fn judge_proposal(&self, checked: &Checked) -> Result<Option<(Arc<Trust>, Outcome)>, Refused> {
        let now = clock::now();
        let trust = self.current_trust(now)?;
        let proposal = &checked.proposal;
        let id = proposal.request_id();
        let earlier = self.store().read_here(|conn| -> Result<_, Refused> {
            if let Some((phase, policies)) = row::verdict(conn, &id)? {
                return Err(answered(&phase, &policies));
            }
            if row::request(conn, &id)?.is_some() {
                return Ok(None);
            }
            if let Some(seen) = proposal.checkpoint {
                check_log(conn, &self.store().published(), seen)?;
            }
            Self::check_amends(conn, &trust, proposal, now)?;
            limits::check(conn, proposal, &trust.policy.bundle.limits, now)?;
            let mut artifacts = checked.artifacts.clone();
            let limits = &trust.policy.bundle.limits;
            let approved = approved::look_up(conn, proposal, &mut artifacts, limits)?;
            let before = row::earlier(conn, &proposal.action_digest)?;
            Ok(Some((before, approved, artifacts)))
        })?;
        let Some((earlier, approved, artifacts)) = earlier else {
            return Ok(None);
        };
        let judgement = judge(
            proposal,
            approved.as_ref(),
            &artifacts,
            &trust.directory,
            &trust.policy.set,
            now,
        )
        .map_err(|error| Refused::invalid(error.to_string()))?;
        let outcome = match judgement.verdict.clone() {
            Verdict::Permit { policies } => {
                return Err(Refused::conflict(
                    "permitted",
                    format!(
                        "policy permits this without review ({}); the guard decides it by itself under the newest policy",
                        policies.join(", ")
                    ),
                ));
            }
            Verdict::Forbid { policies } => Outcome::Forbid {
                policies: policies.join(", "),
            },
            Verdict::RequireApproval(rule) => {
                let context = earlier
                    .map(|(id, phase, at)| lookup(&id, &phase, at))
                    .transpose()?;
                let request = request_of(
                    proposal,
                    &trust,
                    &judgement,
                    rule,
                    context.into_iter().collect(),
                    approved,
                    now,
                )?;
                self.seal(proposal, artifacts, &trust, &judgement, &request)?
            }
        };
        Ok(Some((trust, outcome)))
    }

    fn seal(
        &self,
        proposal: &Verified<Proposal>,
        mut artifacts: BTreeMap<ArtifactDigest, Artifact>,
        trust: &Trust,
        judgement: &Judgement,
        request: &ApprovalRequest,
    ) -> Result<Outcome, Refused> {
        request
            .check(proposal, &trust.directory)
            .map_err(|error| Refused::invalid(error.to_string()))?;
        let sealed = Signed::seal(request, &[self.key.as_ref()]).map_err(|error| {
            tracing::error!(%error, "the backend's key cannot sign");
            Refused::unavailable("the backend's key cannot sign")
        })?;
        let request = sealed.verify(&trust.root).map_err(|error| {
            tracing::error!(%error, "the root does not name this backend's key");
            Refused::unavailable("the organisation's root does not name this backend's key")
        })?;
        let drift = judgement.drift.as_ref();
        let sheet = Sheet::build(proposal, &request, &judgement.findings, drift, &artifacts)
            .map_err(|error| limits::too_large(error.to_string()))?;
        let terms = Terms {
            id: request.id,
            request_digest: request.request_digest(),
            action_digest: request.action_digest,
            view_digest: sheet.view_digest(),
            excluded: request.excluded.clone(),
            minimum: request.rule.approvals,
            expires_at: request.expires_at,
        };
        // Verifiers whose rules are newer read findings and drift instead of finding them.
        let findings = record(&judgement.findings).map_err(|error| Refused::invalid(error.to_string()))?;
        artifacts.insert(ArtifactDigest::of(&findings), Artifact(findings));
        if let Some(drift) = drift_of(judgement)? {
            artifacts.insert(ArtifactDigest::of(&drift), Artifact(drift));
        }
        let operation = &judgement.operation;
        let judged = Judged {
            findings: operation.findings.clone(),
            severity: operation.severity,
            sheet_lines: sheet.lines().len(),
        };
        Ok(Outcome::Hold {
            request: Box::new(request),
            terms,
            judged,
            artifacts,
        })
    }
}

impl Outcome {
    /// Whether what was looked up for it is no longer so.
    fn has_moved(&self, conn: &Connection, proposal: &Proposal) -> Result<bool, StoreError> {
        match self {
            Self::Hold { request, .. } => approved::has_moved(conn, proposal, request.approved.as_ref()),
            Self::Forbid { .. } => Ok(false),
        }
    }
}

/// Everybody who judges the request reads the log from what its guard had seen of it: that has to be this log, and not too
/// much of it.
fn check_log(conn: &Connection, published: &Published, seen: SeenCheckpoint) -> Result<(), Refused> {
    check_seen(conn, published, seen)?;
    if published.checkpoint.size.saturating_sub(seen.size) > MAX_LAG {
        return Err(Refused::conflict(
            "log-behind",
            "the guard has not read the log for too long; fetch its checkpoint, then propose again",
        ));
    }
    Ok(())
}

/// The record of drift as requests name it.
fn drift_of(judgement: &Judgement) -> Result<Option<Vec<u8>>, Refused> {
    let bytes = judgement.drift.as_ref().map(Record::to_bytes).transpose();
    bytes.map_err(|error| Refused::invalid(error.to_string()))
}

fn request_of(
    proposal: &Verified<Proposal>,
    trust: &Trust,
    judgement: &Judgement,
    rule: ApprovalRule,
    context: Vec<Fact>,
    approved: Option<LastApproved>,
    now: Timestamp,
) -> Result<ApprovalRequest, Refused> {
    let people = People::of(proposal, &trust.directory);
    let longest = now.after(Duration::from_secs(
        trust.policy.bundle.limits.request_seconds.into(),
    ));
    let signer = proposal
        .signer()
        .ok_or_else(|| Refused::invalid("the proposal has no signer"))?;
    Ok(ApprovalRequest {
        root: proposal.root,
        id: proposal.request_id(),
        proposal: proposal.proposal_digest(),
        guard: proposal.guard.clone(),
        guard_key: signer,
        agent: proposal.agent.clone(),
        initiators: people.initiators,
        excluded: people.excluded,
        personal: judgement.operation.personal,
        isolation: proposal.isolation,
        kind: proposal.action.kind,
        environment: proposal.action.environment.clone(),
        target: proposal.action.target.clone(),
        action_digest: proposal.action_digest,
        baseline: proposal.action.baseline().map(|artifact| artifact.digest),
        approved,
        drift: drift_of(judgement)?.as_deref().map(ArtifactDigest::of),
        directory: trust.directory.digest(),
        policy: trust.policy.bundle.digest(),
        ruleset: line(RULESET)?,
        sheet: line(SHEET_VERSION)?,
        findings: judgement.findings_digest,
        severity: judgement.severity,
        rule,
        context,
        mask_key: Some(mask_key()?),
        created_at: now,
        expires_at: proposal.expires_at.min(longest),
        uses: One,
    })
}

/// A key of its own for each request, so that marks of secrets say nothing between requests.
fn mask_key() -> Result<MaskKey, Refused> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Refused::unavailable("the system gives no randomness")
    })?;
    Ok(MaskKey::from_random(bytes))
}

fn keep(
    conn: &Pending<'_>,
    trust: &Arc<Trust>,
    checked: &Checked,
    outcome: Outcome,
) -> Result<Option<Refused>, Refused> {
    let now = moment(conn)?;
    let proposal = &checked.proposal;
    let id = proposal.request_id();
    if let Some((phase, policies)) = row::verdict(conn, &id)? {
        return Err(answered(&phase, &policies));
    }
    if row::request(conn, &id)?.is_some() {
        return Ok(None);
    }
    Engine::check_amends(conn, trust, proposal, now)?;
    limits::check(conn, proposal, &trust.policy.bundle.limits, now)?;
    let file = |sort, envelope: &Envelope, entry| {
        let filing = Filing {
            sort,
            request: Some(&id),
            version: None,
            envelope,
            entry,
        };
        row::file(conn, &filing, now)
    };
    match outcome {
        Outcome::Forbid { policies } => {
            file(Sort::Proposal, proposal.envelope(), Some(EntryType::Verdict))?;
            let (guard, agent) = (&proposal.guard, &proposal.agent);
            row::insert_verdict(
                conn,
                &NewVerdict {
                    id,
                    phase: Phase::Forbidden,
                    guard,
                    agent,
                    policies: &policies,
                },
                now,
            )?;
            let agent = agent.clone();
            conn.once_durable(move || tracing::info!(request = %id, %agent, "forbidden by policy"));
            Ok(Some(answered(Phase::Forbidden.word(), &policies)))
        }
        Outcome::Hold {
            request,
            terms,
            judged,
            artifacts,
        } => {
            let entry = NewEntry {
                state: &RequestState::new(terms),
                guard: &proposal.guard,
                agent: &proposal.agent,
                directory: request.directory,
                policy: request.policy,
                judged: &judged,
            };
            row::insert_request(conn, &entry, now)?;
            if let Some(amends) = &proposal.amends {
                row::accept_amendment(conn, &amends.amendment, &id)?;
            }
            file(Sort::Proposal, proposal.envelope(), None)?;
            file(Sort::Request, request.envelope(), Some(EntryType::Request))?;
            row::insert_artifacts(conn, &id, &artifacts)?;
            let (agent, environment) = (proposal.agent.clone(), request.environment.clone());
            conn.once_durable(move || tracing::info!(request = %id, %agent, %environment, "request held"));
            Ok(None)
        }
    }
}

fn lookup(id: &RequestId, phase: &str, at: Timestamp) -> Result<Fact, Refused> {
    let value = Prose::new(format!("{id} is {phase} since {at}"))
        .map_err(|error| Refused::invalid(error.to_string()))?;
    Ok(Fact {
        origin: Origin::LookedUp,
        name: line("the same was asked before")?,
        value,
    })
}

fn line(text: &str) -> Result<Line, Refused> {
    Line::new(text).map_err(|error| Refused::invalid(error.to_string()))
}

fn answered(phase: &str, policies: &str) -> Refused {
    let by = if policies.is_empty() {
        "no policy permits it".to_owned()
    } else {
        format!("by {policies}")
    };
    if phase == Phase::Forbidden.word() {
        Refused::new(StatusCode::FORBIDDEN, "forbidden", "policy forbids this", by)
    } else {
        Refused::conflict(
            phase,
            format!("policy answered this without a human: {phase}, {by}"),
        )
    }
}
