//! From a call to a proposal, and what policy says to it; then the client's side of waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use countersign_client::{ClientError, now};
use countersign_policy::Verdict;
use countersign_protocol::action::Action;
use countersign_protocol::api::{ProposeBody, VerdictItem};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::canonical;
use countersign_protocol::context::{Fact, Origin};
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::proposal::{Claims, Isolation, Nonce, Proposal};
use countersign_protocol::receipt::{RecordedVerdict, VerdictRecord};
use countersign_protocol::request::Phase;
use countersign_protocol::signed::{Signed, Verified};
use countersign_protocol::text::{Line, Prose};
use countersign_verify::judge::judge;
use tokio::sync::mpsc;

use super::attend::{Leaving, pending};
use super::listen::{Caller, Client};
use super::{Job, Service, ServiceError, Trust, locked};
use crate::enforce::{Authority, Refusal, check_clock};
use crate::observe::{self, ObserveError, Observed};
use crate::record::{End, NewRequest, Route};
use crate::run::{Piece, needed};
use crate::socket::{Answer, Asked, Asking, Call, Ended};

/// How many pieces of output wait for a slow client.
const PIECES: usize = 16;

/// Why nothing was proposed.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error(transparent)]
    Clock(#[from] Refusal),
    #[error("proposal is refused: {0}")]
    Proposal(String),
    #[error("{}", .0.message)]
    Ended(Ended),
    #[error("agent has {0} open requests, as many as the policy allows; wait for them or withdraw some")]
    TooMany(u32),
    #[error("action holds {bytes} bytes to review, over the policy's limit of {limit}; ask for less at once")]
    TooLarge { bytes: u64, limit: u32 },
}

impl AskError {
    pub(super) fn ended(&self) -> Ended {
        let (state, code, exit) = match self {
            Self::Ended(ended) => return ended.clone(),
            Self::Service(ServiceError::Backend(error @ ClientError::Refused { .. })) => {
                ("refused", error.code(), 77)
            }
            Self::Service(ServiceError::Backend(_)) => ("unavailable", "backend-unreachable", 69),
            Self::Service(ServiceError::Trust(_) | ServiceError::Policy(_)) => {
                ("unavailable", "untrusted", 78)
            }
            Self::Service(_) | Self::Clock(_) => ("unavailable", "guard-broken", 78),
            Self::TooMany(_) => ("refused", "too-many-open", 75),
            Self::TooLarge { .. } => ("refused", "too-large", 77),
            Self::Observe(_) | Self::Proposal(_) => ("refused", "refused", 77),
        };
        Ended::apart(state, code, exit, &self.to_string())
    }
}

/// A proposal that is not signed yet, with its bytes.
pub(super) struct Caught {
    pub proposal: Proposal,
    pub artifacts: BTreeMap<ArtifactDigest, Artifact>,
    /// The bytes of the binary, which stay here.
    pub binary: Option<Vec<u8>>,
}

/// A proposal with what policy says to it.
pub(super) struct Judged {
    pub proposal: Verified<Proposal>,
    artifacts: Vec<Artifact>,
    /// The bytes of the binary, which stay here.
    binary: Option<Vec<u8>>,
    verdict: Verdict,
}

/// A request that is on its way: its id, its job, and the output that its client reads.
pub(super) type OnItsWay = (RequestId, Arc<Job>, mpsc::Receiver<Piece>);

impl Service {
    pub(super) async fn ask(self: &Arc<Self>, mut client: Client, caller: &Caller, call: Call) {
        let asking = match &call {
            Call::Exec(call) => call.asking.clone(),
            Call::Apply(call) => call.asking.clone(),
            Call::Sql(call) => call.asking.clone(),
            Call::Accept(_)
            | Call::Wait(_)
            | Call::Withdraw(_)
            | Call::Questions(_)
            | Call::Answer(_)
            | Call::Doctor(_) => return,
        };
        let (id, job, pieces) = match self.propose(caller, call, &asking).await {
            Ok(on_its_way) => on_its_way,
            Err(error) => {
                tracing::info!(agent = %caller.agent, %error, "call was refused");
                return client.end(error.ended()).await;
            }
        };
        let over = *job.over.borrow();
        if !over {
            // A client that is gone by now is noticed below.
            let _ = client.tell(&Answer::Asked(Asked { request: id })).await;
        }
        if asking.ticket {
            return client.end(pending(id)).await;
        }
        self.attend(client, id, &job, Some(pieces), asking.wait_ms, Leaving::Withdraws)
            .await;
    }

    /// Observes, proposes, asks policy, and sets on its way what may go on.
    async fn propose(
        self: &Arc<Self>,
        caller: &Caller,
        call: Call,
        asking: &Asking,
    ) -> Result<OnItsWay, AskError> {
        let trust = self.trust().await?;
        self.check_open(caller, &trust)?;
        let limits = trust.bundle.limits;
        let observed = self.observe(call).await?;
        let bytes: usize = observed.artifacts.values().map(|artifact| artifact.0.len()).sum();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes > u64::from(limits.reviewable_bytes) {
            return Err(AskError::TooLarge {
                bytes,
                limit: limits.reviewable_bytes,
            });
        }
        let judged = self.judge_observed(caller, observed, asking, &trust).await?;
        self.put_forward(caller, judged, asking.ticket, None).await
    }

    /// Refuses an agent that has as many open requests as policy allows.
    pub(super) fn check_open(&self, caller: &Caller, trust: &Trust) -> Result<(), AskError> {
        let most = trust.bundle.limits.open_per_agent;
        let open = self
            .journal
            .open_count(&caller.agent)
            .map_err(ServiceError::from)?;
        if open >= most {
            return Err(AskError::TooMany(most));
        }
        Ok(())
    }

    /// Keeps a judged proposal, and does what policy says to it. `accepts` is the request whose counter-proposal it
    /// is.
    pub(super) async fn put_forward(
        self: &Arc<Self>,
        caller: &Caller,
        judged: Judged,
        ticket: bool,
        accepts: Option<RequestId>,
    ) -> Result<OnItsWay, AskError> {
        self.keep(caller, &judged, ticket, accepts)
            .map_err(AskError::Service)?;
        let id = judged.proposal.request_id();
        match &judged.verdict {
            Verdict::Forbid { policies } => self.forbid(&judged, policies),
            Verdict::Permit { policies } => {
                let action = judged.proposal.action.clone();
                self.report_verdict(&judged, RecordedVerdict::Permitted, policies)
                    .map_err(AskError::Service)?;
                Ok(self.set_off(id, |service, id| async move {
                    service.run(id, action, Authority::Policy).await;
                }))
            }
            Verdict::RequireApproval(_) => {
                let body = ProposeBody {
                    proposal: judged.proposal.envelope().clone(),
                    artifacts: judged.artifacts,
                };
                match self.backend.propose(&body).await {
                    Ok(_) => Ok(self.set_off(id, |service, id| async move { service.drive(id).await })),
                    Err(error) => {
                        let error = AskError::Service(error.into());
                        let ended = error.ended();
                        let end = End {
                            phase: Phase::Withdrawn,
                            code: ended.exit,
                            message: ended.message,
                        };
                        self.end(id, &end, None).map_err(AskError::Service)?;
                        Err(error)
                    }
                }
            }
        }
    }

    /// Reading binaries and live files is left to a thread that may block.
    async fn observe(self: &Arc<Self>, call: Call) -> Result<Observed, AskError> {
        let service = self.clone();
        let seen = tokio::task::spawn_blocking(move || match call {
            Call::Exec(call) => observe::exec(call, &service.config),
            Call::Apply(call) => observe::file(call, &service.config),
            Call::Sql(call) => observe::sql(call, &service.config),
            Call::Accept(_)
            | Call::Wait(_)
            | Call::Withdraw(_)
            | Call::Questions(_)
            | Call::Answer(_)
            | Call::Doctor(_) => Err(ObserveError::Refused("this call asks for nothing".to_owned())),
        });
        match seen.await {
            Ok(observed) => Ok(observed?),
            Err(error) => Err(AskError::Proposal(error.to_string())),
        }
    }

    async fn judge_observed(
        &self,
        caller: &Caller,
        observed: Observed,
        asking: &Asking,
        trust: &Trust,
    ) -> Result<Judged, AskError> {
        let refused = |error: &dyn std::fmt::Display| AskError::Proposal(error.to_string());
        let target = observed.target;
        let place = trust
            .directory
            .environment_of(observed.kind, target.raw(), &self.config.guard)
            .ok_or_else(|| refused(&"the directory names no environment"))?;
        if caller.isolation == Isolation::None && !place.allow_same_user {
            let place = &place.id;
            return Err(refused(&format!(
                "environment {place} does not let a guard run as its agent's own user"
            )));
        }
        let action = Action {
            kind: observed.kind,
            environment: place.id.clone(),
            target,
            payload: observed.payload,
        };
        let created_at = now();
        let mut facts = observed.facts;
        facts.push(Fact {
            origin: Origin::Observed,
            name: Line::new("caller").map_err(|e| refused(&e))?,
            value: Prose::new(format!("uid {}", caller.uid)).map_err(|e| refused(&e))?,
        });
        let proposal = Proposal {
            root: self.config.root,
            guard: self.config.guard.clone(),
            agent: caller.agent.clone(),
            isolation: caller.isolation,
            nonce: Nonce::from_random(random().map_err(|e| refused(&e))?),
            claims: Claims {
                initiators: asking.initiators.clone(),
                reason: asking.reason.clone(),
                ..Claims::default()
            },
            observed: facts,
            action_digest: action.digest().map_err(|e| refused(&e))?,
            action,
            directory: trust.directory.digest(),
            policy: trust.bundle.digest(),
            amends: None,
            checkpoint: None,
            created_at,
            expires_at: created_at.after(Duration::from_secs(trust.bundle.limits.request_seconds.into())),
        };
        let caught = Caught {
            proposal,
            artifacts: observed.artifacts,
            binary: observed.binary,
        };
        self.judge_caught(caught, trust).await
    }

    /// Asks policy about a proposal, and signs it.
    pub(super) async fn judge_caught(&self, caught: Caught, trust: &Trust) -> Result<Judged, AskError> {
        let refused = |error: &dyn std::fmt::Display| AskError::Proposal(error.to_string());
        let Caught {
            mut proposal,
            artifacts,
            binary,
        } = caught;
        proposal.check().map_err(|e| refused(&e))?;
        // Policies know the time too, and nobody else looks at this guard's clock before it runs what they permit.
        let (now, seen) = self.now().map_err(ServiceError::from)?;
        check_clock(now, seen, trust.bundle.limits.skew())?;
        // What was approved last is the backend's to look up; it can only tighten this.
        let judgement = judge(
            &proposal,
            None,
            &artifacts,
            &trust.directory,
            &trust.policy,
            proposal.created_at,
        )
        .map_err(|e| refused(&e))?;
        if matches!(judgement.verdict, Verdict::RequireApproval(_)) {
            proposal.checkpoint = Some(self.newest_checkpoint().await?);
        }
        let sealed = Signed::seal(&proposal, &[&*self.signer]).map_err(|e| refused(&e))?;
        // Refused here already when the directory does not know this guard's key.
        let proposal = sealed.verify(&trust.directory).map_err(|e| refused(&e))?;
        Ok(Judged {
            proposal,
            artifacts: artifacts.into_values().collect(),
            binary,
            verdict: judgement.verdict,
        })
    }

    /// Holds the bytes of a proposal and writes it down, before anybody is told of it: what is approved can be run after
    /// a restart.
    fn keep(
        &self,
        caller: &Caller,
        judged: &Judged,
        ticket: bool,
        accepts: Option<RequestId>,
    ) -> Result<(), ServiceError> {
        let proposal = &judged.proposal;
        let held: BTreeSet<_> = needed(&proposal.action)
            .into_iter()
            .chain(proposal.action.artifacts())
            .collect();
        let _holding = locked(&self.holding);
        let artifacts = judged.artifacts.iter().map(|artifact| &artifact.0);
        for bytes in artifacts.chain(&judged.binary) {
            self.held.keep(bytes)?;
        }
        self.journal.propose(&NewRequest {
            id: proposal.request_id(),
            agent: &caller.agent,
            proposal: proposal.envelope(),
            ticket,
            accepts,
            held: &held.into_iter().collect::<Vec<_>>(),
            created_at: proposal.created_at,
            expires_at: proposal.expires_at,
        })?;
        Ok(())
    }

    fn forbid(&self, judged: &Judged, policies: &[String]) -> Result<OnItsWay, AskError> {
        let id = judged.proposal.request_id();
        self.report_verdict(judged, RecordedVerdict::Forbidden, policies)
            .map_err(AskError::Service)?;
        let why = match policies {
            [] => "no policy permits it, or nobody could approve it now".to_owned(),
            named => format!("policy forbids it: {}", named.join(", ")),
        };
        let end = End {
            phase: Phase::Forbidden,
            code: 77,
            message: why,
        };
        self.end(id, &end, None).map_err(AskError::Service)?;
        let job = Job::new(None);
        job.over.send_replace(true);
        Ok((id, job, mpsc::channel(1).1))
    }

    fn report_verdict(
        &self,
        judged: &Judged,
        verdict: RecordedVerdict,
        policies: &[String],
    ) -> Result<(), ServiceError> {
        let proposal = &judged.proposal;
        let record = VerdictRecord {
            proposal: proposal.proposal_digest(),
            action_digest: proposal.action_digest,
            guard: proposal.guard.clone(),
            verdict,
            policies: policies.iter().filter_map(|name| Line::new(name).ok()).collect(),
            directory: proposal.directory,
            policy: proposal.policy,
            at: now(),
        };
        let record = Signed::seal(&record, &[&*self.signer]).map_err(ServiceError::from)?;
        let item = VerdictItem {
            proposal: proposal.envelope().clone(),
            record: record.into_envelope(),
        };
        let body = canonical::to_bytes(&item).map_err(|error| ServiceError::Unsigned(error.into()))?;
        self.journal.send(proposal.request_id(), Route::Verdict, &body)?;
        self.outbox.notify_one();
        Ok(())
    }

    /// Makes the job of a request and starts `work` on it, which no client can stop by going away.
    fn set_off<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        id: RequestId,
        work: impl FnOnce(Arc<Self>, RequestId) -> F,
    ) -> OnItsWay {
        let (sender, pieces) = mpsc::channel(PIECES);
        let job = Job::new(Some(sender));
        self.start_job(id, &job, work(self.clone(), id));
        (id, job, pieces)
    }

    pub(super) fn start_job(
        self: &Arc<Self>,
        id: RequestId,
        job: &Arc<Job>,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        locked(&self.jobs).insert(id, job.clone());
        let (service, job) = (self.clone(), job.clone());
        tokio::spawn(async move {
            // In a task of its own, so that a panic in it still ends the job.
            if let Err(error) = tokio::spawn(work).await {
                tracing::error!(request = %id, %error, "work on a request broke off");
                service.recover_one(id);
            }
            locked(&service.jobs).remove(&id);
            job.over.send_replace(true);
        });
    }
}

pub(super) fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
