//! Counter-proposals: told to the agent when its request is denied with one, and asked for when the agent accepts.
//!
//! A reviewer's amendment permits nothing. Accepting it makes a new proposal of this guard, over bytes that are
//! digested here again, which says what it follows from; the amender cannot approve it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_client::now;
use countersign_protocol::action::{ArtifactRef, Payload};
use countersign_protocol::amendment::{Amended, check_lineage};
use countersign_protocol::api::RequestRecord;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::canonical;
use countersign_protocol::identity::RequestId;
use countersign_protocol::proposal::{Claims, Isolation, Nonce, Proposal};
use countersign_protocol::request::Phase;
use countersign_protocol::text::Line;
use countersign_review::sheet::amended;
use countersign_verify::{Chain, CheckedAmendment, CheckedDecision, Purpose, verify};

use super::ask::{AskError, Caught, OnItsWay, random};
use super::attend::{Leaving, pending};
use super::drive::{LookError, over, shortened};
use super::listen::{Caller, Client};
use super::{Service, ServiceError, Trust, locked};
use crate::observe::binary_again;
use crate::record::{End, Entry, Stage};
use crate::socket::{AcceptCall, Answer, Asked, Asking, Counter, Ended};

/// The most of a difference that an agent is told.
const MAX_DIFFERENCE_BYTES: usize = 256 * 1024;

impl Service {
    /// That it was denied, with the reviewer's words where the denial can be verified, and the counter-proposal
    /// where there is one that holds.
    pub(super) async fn denied(&self, entry: &Entry, record: &RequestRecord) -> Result<End, LookError> {
        let mut evidence = record.evidence.clone();
        if evidence.amendment.is_some() {
            self.bridge(&mut evidence).await?;
        }
        let pinned = locked(&self.store).pinned();
        let report = verify(&evidence, &pinned, now(), Purpose::Review);
        let valid = report.is_valid();
        let counter = report
            .chain
            .as_ref()
            .filter(|_| valid && evidence.proposal == entry.proposal)
            .and_then(|chain| counter(chain, &evidence));
        if let Some(counter) = counter {
            let told = canonical::to_bytes(&counter).map_err(|error| ServiceError::Unsigned(error.into()))?;
            self.journal
                .counter(entry.id, &told)
                .map_err(ServiceError::from)?;
            let message = format!(
                "denied with a counter-proposal by {}: {}; `countersign-guard accept {}` asks for that instead, until {}",
                counter.amender, counter.reason, entry.id, counter.until
            );
            return Ok(over(Phase::Denied, 77, &message));
        }
        let message = match report.chain.as_ref().and_then(denial) {
            Some(checked) if !checked.decision.reason.is_empty() => {
                let decision = &checked.decision;
                format!(
                    "denied by {}: {}",
                    decision.reviewer,
                    shortened(decision.reason.raw())
                )
            }
            Some(checked) => format!("denied by {}", checked.decision.reviewer),
            None => "denied".to_owned(),
        };
        Ok(over(Phase::Denied, 77, &message))
    }

    /// The agent accepts a counter-proposal: it is proposed, and waited for like any other asking.
    pub(super) async fn accept(self: &Arc<Self>, mut client: Client, caller: &Caller, call: AcceptCall) {
        let (id, job, pieces) = match self.propose_amended(caller, &call).await {
            Ok(on_its_way) => on_its_way,
            Err(error) => {
                tracing::info!(agent = %caller.agent, request = %call.request, %error, "acceptance was refused");
                return client
                    .end(Ended {
                        request: Some(call.request),
                        ..error.ended()
                    })
                    .await;
            }
        };
        if !*job.over.borrow() {
            // A client that is gone by now is noticed below.
            let _ = client.tell(&Answer::Asked(Asked { request: id })).await;
        }
        if call.asking.ticket {
            return client.end(pending(id)).await;
        }
        self.attend(
            client,
            id,
            &job,
            Some(pieces),
            call.asking.wait_ms,
            Leaving::Withdraws,
        )
        .await;
    }

    async fn propose_amended(
        self: &Arc<Self>,
        caller: &Caller,
        call: &AcceptCall,
    ) -> Result<OnItsWay, AskError> {
        let entry = self.own_entry(caller, call.request).map_err(AskError::Ended)?;
        if entry.stage != Stage::Ended {
            return Err(AskError::Proposal(
                "this request is not over; there is nothing to accept".to_owned(),
            ));
        }
        match self.journal.counter_of(entry.id).map_err(ServiceError::from)? {
            None => {
                return Err(AskError::Proposal(
                    "no counter-proposal answers this request".to_owned(),
                ));
            }
            Some(counter) if counter.accepted.is_some() => {
                return Err(AskError::Proposal(
                    "the counter-proposal was accepted before; each can be asked for once".to_owned(),
                ));
            }
            Some(_) => {}
        }
        let trust = self.trust().await?;
        self.check_open(caller, &trust)?;
        let amendment = self.amendment_of(&entry).await?;
        let caught = self.caught(caller, &call.asking, &trust, &amendment)?;
        let judged = self.judge_caught(caught, &trust).await?;
        check_lineage(&judged.proposal, &amendment.lineage)
            .map_err(|error| AskError::Proposal(error.to_string()))?;
        self.put_forward(caller, judged, call.asking.ticket, Some(entry.id))
            .await
    }

    /// The amendment of an own request, fetched again and verified.
    async fn amendment_of(&self, entry: &Entry) -> Result<Found, AskError> {
        let record = self.backend.request(entry.id).await.map_err(ServiceError::from)?;
        let mut evidence = record.evidence;
        self.bridge(&mut evidence)
            .await
            .map_err(|error| AskError::Proposal(error.to_string()))?;
        let pinned = locked(&self.store).pinned();
        let report = verify(&evidence, &pinned, now(), Purpose::Review);
        let refused = |message: &str| AskError::Proposal(message.to_owned());
        if !report.is_valid() || evidence.proposal != entry.proposal {
            let problems: Vec<&str> = report
                .problems
                .iter()
                .map(|problem| problem.message.as_str())
                .collect();
            return Err(AskError::Proposal(format!(
                "the counter-proposal's evidence does not hold: {}",
                problems.join("; ")
            )));
        }
        let chain = report.chain.ok_or_else(|| refused("there is no evidence"))?;
        let Some(checked) = answered(&chain) else {
            return Err(refused("no counter-proposal that counts answers this request"));
        };
        if now() >= checked.amendment.until {
            return Err(refused("the counter-proposal has expired; ask afresh"));
        }
        let amended = Amended::new(
            chain.proposal.clone(),
            chain.request.clone(),
            checked.amendment.clone(),
            &chain.directory,
        )
        .map_err(|error| AskError::Proposal(error.to_string()))?;
        Ok(Found {
            evidence,
            lineage: chain.amended.into_iter().chain([amended.clone()]).collect(),
            amended,
        })
    }

    fn caught(
        &self,
        caller: &Caller,
        asking: &Asking,
        trust: &Trust,
        found: &Found,
    ) -> Result<Caught, AskError> {
        let refused = |error: &dyn std::fmt::Display| AskError::Proposal(error.to_string());
        let (asked, amendment) = (found.amended.proposal(), found.amended.amendment());
        let action = amendment.action.clone();
        let place = trust
            .directory
            .environment_of(action.kind, action.target.raw(), &self.config.guard)
            .ok_or_else(|| refused(&"the directory names no environment"))?;
        if caller.isolation == Isolation::None && !place.allow_same_user {
            return Err(refused(
                &"the environment does not let a guard run as its agent's own user",
            ));
        }
        let binary = match &action.payload {
            Payload::Exec(exec) => Some(binary_again(exec)?),
            Payload::FileChange(_) | Payload::Sql(_) => None,
        };
        let taken = |named: &ArtifactRef| {
            let bytes = found.evidence.artifacts.get(&named.digest);
            bytes
                .filter(|bytes| named.names(&bytes.0))
                .map(|bytes| (named.digest, bytes.clone()))
                .ok_or_else(|| refused(&"an artifact of the counter-proposal is missing or of other bytes"))
        };
        let created_at = now();
        let longest = Duration::from_secs(trust.bundle.limits.request_seconds.into());
        Ok(Caught {
            artifacts: action.artifacts().iter().map(taken).collect::<Result<_, _>>()?,
            binary,
            proposal: Proposal {
                root: self.config.root,
                guard: self.config.guard.clone(),
                agent: caller.agent.clone(),
                isolation: caller.isolation,
                nonce: Nonce::from_random(random().map_err(|error| refused(&error))?),
                claims: claims(&asked.claims, asking),
                observed: asked.observed.clone(),
                action_digest: action.digest().map_err(|error| refused(&error))?,
                action,
                directory: trust.directory.digest(),
                policy: trust.bundle.digest(),
                amends: Some(found.amended.amends()),
                checkpoint: None,
                created_at,
                expires_at: created_at.after(longest).min(amendment.until),
            },
        })
    }

    async fn bridge(&self, evidence: &mut Evidence) -> Result<(), LookError> {
        let pinned = locked(&self.store).pinned();
        let shown = evidence
            .log
            .as_ref()
            .and_then(|log| locked(&self.store).open_checkpoint(&log.checkpoint).ok());
        Ok(self.backend.bridge(evidence, pinned.checkpoint, shown).await?)
    }

    /// How a request ended, with the counter-proposal that waits to be accepted.
    pub(super) fn with_counter(&self, id: RequestId, ended: Ended) -> Ended {
        let kept = match self.journal.counter_of(id) {
            Ok(kept) => kept.filter(|kept| kept.accepted.is_none()),
            Err(error) => {
                tracing::error!(request = %id, %error, "the counter-proposal cannot be read");
                None
            }
        };
        match kept.and_then(|kept| canonical::parse::<Counter>(&kept.told).ok()) {
            Some(counter) => Ended {
                code: "counter-proposed".to_owned(),
                counter: Some(Box::new(counter)),
                ..ended
            },
            None => ended,
        }
    }
}

/// A verified amendment of a request of this guard.
struct Found {
    evidence: Evidence,
    amended: Amended,
    /// All that led to it, and itself.
    lineage: Vec<Amended>,
}

/// The amendment that ended a request.
fn answered(chain: &Chain) -> Option<&CheckedAmendment> {
    let checked = chain.amendment.as_ref()?;
    let ended = chain.state.amendment() == Some(&checked.amendment.amendment_digest());
    (checked.void.is_none() && ended).then_some(checked)
}

/// The denial that ended a request.
fn denial(chain: &Chain) -> Option<&CheckedDecision> {
    let denial = chain.state.denial()?.decision;
    let mut decisions = chain.decisions.iter();
    decisions.find(|checked| checked.decision.decision_digest() == denial)
}

/// What the agent is told of a counter-proposal.
fn counter(chain: &Chain, evidence: &Evidence) -> Option<Counter> {
    let amendment = &answered(chain)?.amendment;
    let lines = amended::lines(&chain.proposal.action, &amendment.action, &evidence.artifacts).ok()?;
    let mut room = MAX_DIFFERENCE_BYTES;
    let mut difference = Vec::new();
    for line in &lines {
        let Some(left) = room.checked_sub(line.text.len() + 1) else {
            break;
        };
        room = left;
        difference.push(line.text.clone());
    }
    Some(Counter {
        amender: amendment.denial.reviewer.to_string(),
        reason: shortened(amendment.denial.reason.raw()),
        until: amendment.until,
        lines: u64::try_from(lines.len()).unwrap_or(u64::MAX),
        difference,
    })
}

/// The claims of the agent: its own for this asking, and on behalf of nobody fewer than before.
fn claims(asked: &Claims, asking: &Asking) -> Claims {
    let known: BTreeSet<&Line> = asked.initiators.iter().collect();
    let more = asking.initiators.iter().filter(|name| !known.contains(name));
    Claims {
        initiators: asked.initiators.iter().chain(more).cloned().collect(),
        reason: if asking.reason.is_empty() {
            asked.reason.clone()
        } else {
            asking.reason.clone()
        },
        ..asked.clone()
    }
}
