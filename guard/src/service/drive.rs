//! From a proposal to its end: waits for the decision, has it verified, runs it once, writes down how it ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_client::{ClientError, now};
use countersign_protocol::action::Action;
use countersign_protocol::api::{ProposeBody, RequestRecord};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::identity::{RequestId, Role};
use countersign_protocol::proposal::Proposal;
use countersign_protocol::receipt::Outcome;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::{Envelope, SignatureError, Signed, Signer as _};

use super::finish::end_of;
use super::{Job, Service, ServiceError, locked, raised};
use crate::enforce::{self, Authority, Expected, Granted, Refusal};
use crate::record::{End, Entry, JournalError, Route, Stage};
use crate::run::{Prepared, Ran};

/// The first pause between two looks at the backend.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// How long the backend may take to hear that something starts.
const START_TIME: Duration = Duration::from_secs(5);
/// The longest text of a statement's detail.
const MAX_DETAIL: usize = 4096;

/// What a look at the backend gave.
enum Look {
    /// Nothing yet.
    Wait,
    /// It may run.
    Run(Box<Granted>),
    /// It is over, and nothing ran.
    Over(End),
}

impl Service {
    /// Gives every request that the last service left open an end or a new start. What was in its middle is
    /// unknown now and never runs again.
    pub(super) fn recover(self: &Arc<Self>) -> Result<(), ServiceError> {
        for entry in self.journal.open_entries()? {
            match entry.stage {
                Stage::Executing => self.recover_executing(&entry)?,
                Stage::Waiting => {
                    let job = Job::new(None);
                    let (service, id) = (self.clone(), entry.id);
                    self.start_job(id, &job, async move { service.drive(id).await });
                }
                Stage::Ended => {}
            }
        }
        self.sweep();
        Ok(())
    }

    /// Waits for the decision on a request, then runs it or gives it its end.
    pub(super) async fn drive(self: &Arc<Self>, id: RequestId) {
        let mut pause = FIRST_PAUSE;
        let mut stop = self.stop.subscribe();
        let mut problem = String::new();
        let mut refused_since = None;
        let mut first = true;
        loop {
            let entry = match self.journal.entry(id) {
                Ok(Some(entry)) if entry.stage == Stage::Waiting => entry,
                Ok(_) => return,
                Err(error) => return tracing::error!(request = %id, %error, "journal cannot be read"),
            };
            if now() >= entry.expires_at {
                return self.give_end(id, &expired(&problem));
            }
            match self.look(&entry, first).await {
                Ok(Look::Wait) => {}
                Ok(Look::Over(end)) => return self.give_end(id, &end),
                Ok(Look::Run(granted)) => return self.run_granted(&entry, *granted).await,
                Err(error) => {
                    let now = error.to_string();
                    if now != problem {
                        tracing::warn!(request = %id, error = now, "not run; looking again");
                    }
                    problem = now;
                    let refused = matches!(error, LookError::Refused(_));
                    if refused && refused_since.get_or_insert_with(Instant::now).elapsed() > self.grant_time()
                    {
                        return self.give_end(id, &over(Phase::Stale, 77, &problem));
                    }
                }
            }
            first = false;
            let job = self.job(id);
            let looked = async {
                match &job {
                    Some(job) => job.look.notified().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = raised(&mut stop) => return,
                () = tokio::time::sleep(pause) => {}
                () = looked => {}
            }
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// One look at the backend. Its word is believed only where it stops something.
    async fn look(&self, entry: &Entry, first: bool) -> Result<Look, LookError> {
        let record = if first {
            self.propose_again(entry).await?
        } else {
            self.backend.request(entry.id).await?
        };
        self.heard(entry.id, &record.talk);
        match record.phase {
            Phase::Pending => Ok(Look::Wait),
            Phase::Approved | Phase::Claimed => {
                let record = self.backend.grant(entry.id).await?;
                self.judge_grant(entry, &record).await
            }
            Phase::Denied => Ok(Look::Over(self.denied(entry, &record).await?)),
            Phase::Expired => Ok(Look::Over(expired(""))),
            Phase::Withdrawn => Ok(Look::Over(over(Phase::Withdrawn, 77, "it was withdrawn"))),
            Phase::Stale => Ok(Look::Over(over(
                Phase::Stale,
                65,
                "what was reviewed is no longer so; ask again",
            ))),
            Phase::Forbidden => Ok(Look::Over(over(Phase::Forbidden, 77, "policy forbids it"))),
            Phase::Executing
            | Phase::Succeeded
            | Phase::Failed
            | Phase::Partial
            | Phase::Unknown
            | Phase::Permitted => Ok(Look::Over(over(
                Phase::Unknown,
                70,
                "the backend says that it ran already, but this guard did not run it; somebody should look",
            ))),
        }
    }

    /// The same proposal leads to the same request, so that it can be sent again after a restart.
    async fn propose_again(&self, entry: &Entry) -> Result<RequestRecord, LookError> {
        let record = self.backend.request(entry.id).await;
        let Err(ClientError::Refused { status: 404, .. }) = record else {
            return Ok(record?);
        };
        let artifacts = self.action_of(&entry.proposal)?.artifacts();
        let artifacts = artifacts
            .iter()
            .map(|artifact| self.held.read(artifact).map(Artifact))
            .collect::<Result<Vec<_>, _>>()
            .map_err(ServiceError::from)?;
        let body = ProposeBody {
            proposal: entry.proposal.clone(),
            artifacts,
        };
        Ok(self.backend.propose(&body).await?)
    }

    async fn judge_grant(&self, entry: &Entry, record: &RequestRecord) -> Result<Look, LookError> {
        // Fetched now, so that what was changed or revoked meanwhile counts.
        self.trust().await?;
        let pinned = locked(&self.store).pinned();
        let mut evidence = record.evidence.clone();
        let shown = evidence
            .log
            .as_ref()
            .and_then(|log| locked(&self.store).open_checkpoint(&log.checkpoint).ok());
        self.backend
            .bridge(&mut evidence, pinned.checkpoint, shown)
            .await?;
        // Looked at last: an answer that was held back does not stretch a grant.
        let (now, latest_clock) = self.now().map_err(ServiceError::from)?;
        let expected = Expected {
            pinned: &pinned,
            proposal: &entry.proposal,
            guard: &self.config.guard,
            key: self.key,
            latest_clock,
        };
        match enforce::check(&evidence, &expected, now) {
            Ok(granted) => {
                if let Some(checkpoint) = granted.checkpoint {
                    locked(&self.store)
                        .advance_to(checkpoint, pinned.checkpoint)
                        .map_err(ServiceError::from)?;
                }
                Ok(Look::Run(Box::new(granted)))
            }
            Err(refusal) if refusal.is_final() => {
                tracing::error!(request = %entry.id, %refusal, "ALARM: what was granted is not what this guard holds");
                Ok(Look::Over(over(Phase::Stale, 65, &refusal.to_string())))
            }
            Err(refusal) => Err(LookError::Refused(refusal)),
        }
    }

    async fn run_granted(self: &Arc<Self>, entry: &Entry, granted: Granted) {
        let held = self.held.clone();
        let action = granted.action.clone();
        let prepared = tokio::task::spawn_blocking(move || Prepared::of(&action, &held)).await;
        let problem = match prepared {
            _ if now() >= granted.expires_at => "the grant ran out before it could start".to_owned(),
            Ok(Ok(prepared)) if prepared.digest() == granted.action_digest => {
                return self.run_prepared(entry.id, &prepared, granted.authority).await;
            }
            Ok(Ok(_)) => "the bytes that this guard holds are not what was approved".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(request = %entry.id, problem, "ALARM: not run");
        let ran = Ran::ended(Outcome::Stale, problem);
        let ended = self
            .receipt(entry.id, &granted.action, granted.authority, &ran, now())
            .and_then(|receipt| {
                let report = receipt.as_deref().map(|receipt| (Route::Receipt, receipt));
                self.end(entry.id, &end_of(&ran), report)
            });
        if let Err(error) = ended {
            tracing::error!(request = %entry.id, %error, "could not be ended");
        }
    }

    /// Runs what policy alone permits.
    pub(super) async fn run(self: &Arc<Self>, id: RequestId, action: Action, authority: Authority) {
        let held = self.held.clone();
        let of = action.clone();
        let prepared = tokio::task::spawn_blocking(move || Prepared::of(&of, &held)).await;
        match prepared {
            Ok(Ok(prepared)) if action.digest().is_ok_and(|digest| digest == prepared.digest()) => {
                self.run_prepared(id, &prepared, authority).await;
            }
            _ => self.give_end(id, &over(Phase::Stale, 65, "the held bytes changed; nothing ran")),
        }
    }

    /// Uses the request up, durably; then runs it; then writes down how it ended, durably.
    async fn run_prepared(self: &Arc<Self>, id: RequestId, prepared: &Prepared, authority: Authority) {
        let started_at = now();
        let used_up = authority
            .to_bytes()
            .map_err(|error| JournalError::Damaged(error.to_string()))
            .and_then(|bytes| self.journal.begin(id, &bytes, started_at));
        if let Err(error) = used_up {
            return tracing::warn!(request = %id, %error, "not run");
        }
        tracing::info!(request = %id, action = %prepared.digest(), "executing");
        if let Authority::Grant { grant, .. } = authority {
            let told = tokio::time::timeout(START_TIME, self.backend.start(id, grant)).await;
            if !matches!(told, Ok(Ok(()))) {
                tracing::warn!(request = %id, "the backend did not hear that it starts");
            }
        }
        let live = self.job(id).map(|job| job.live()).unwrap_or_default();
        let mut stop = self.stop.subscribe();
        let ran = tokio::select! {
            ran = prepared.run(id, &self.config, live) => ran,
            // Dropping the run kills its processes.
            () = raised(&mut stop) => Ran::ended(Outcome::Unknown, "the guard was stopped while it ran"),
        };
        let action = prepared.action();
        if let Err(error) = self.finish(id, Some(action), Some(authority), ran, started_at) {
            tracing::error!(request = %id, %error, "the end could not be written down; it is unknown at the next start");
        }
    }
}

impl Service {
    /// The action of a proposal, read only when this guard's own key signed it.
    pub(super) fn action_of(&self, proposal: &Envelope) -> Result<Action, LookError> {
        let own = BTreeMap::from([((self.key, Role::Guard), self.signer.public_key().clone())]);
        let proposal = Signed::<Proposal>::from(proposal.clone()).verify(&own)?;
        Ok(proposal.into_predicate().action)
    }

    /// How long a grant can last under the newest policy.
    fn grant_time(&self) -> Duration {
        let kept = locked(&self.policy);
        let limits = kept
            .as_ref()
            .map(|(_, _, trust)| trust.bundle.limits)
            .unwrap_or_default();
        Duration::from_secs(limits.grant_seconds.into()) + limits.skew()
    }
}

/// Why a look gave nothing. Looking again may.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    #[error(transparent)]
    Backend(#[from] ClientError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the journal's proposal is not this guard's own: {0}")]
    Foreign(#[from] SignatureError),
}

pub(super) fn over(phase: Phase, code: u8, message: &str) -> End {
    End {
        phase,
        code,
        message: message.to_owned(),
    }
}

fn expired(problem: &str) -> End {
    let message = if problem.is_empty() {
        "nobody decided in time; ask again".to_owned()
    } else {
        format!("not run in time; last problem: {problem}")
    };
    over(Phase::Expired, 75, &message)
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAX_DETAIL / 4).collect()
}
