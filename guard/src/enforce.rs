//! Whether it may run now: the whole chain, judged here, against what was pinned here.
//!
//! The chain itself is judged by `countersign-verify`. What is added is what only this guard knows: that the
//! proposal is the very envelope it signed, that the grant is its own, and that its clock can be believed.

use std::time::Duration;

use countersign_protocol::action::Action;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::canonical::{self, EncodeError, ParseError};
use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::digest::{ActionDigest, GrantDigest, KeyId, RequestDigest};
use countersign_protocol::identity::GuardId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::Envelope;
use countersign_verify::{Pinned, Problem, Purpose, verify};
use serde::{Deserialize, Serialize};

/// What this guard holds against the evidence.
#[derive(Debug)]
pub struct Expected<'a> {
    /// What was pinned and seen.
    pub pinned: &'a Pinned,
    /// The proposal that this guard signed.
    pub proposal: &'a Envelope,
    /// This guard.
    pub guard: &'a GuardId,
    /// Its key.
    pub key: KeyId,
    /// The latest moment that this guard ever saw.
    pub latest_clock: Timestamp,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The chain does not hold.
    #[error("the evidence does not hold: {}", sentences(.0))]
    Chain(Vec<Problem>),
    /// There is no grant.
    #[error("there is no grant that holds")]
    NotGranted,
    /// The proposal is not the one that was signed here.
    #[error("the evidence is about another proposal than the one this guard signed")]
    OtherProposal,
    /// The grant is for another guard or key.
    #[error("the grant is for another guard or another key")]
    OtherGuard,
    /// The content is another.
    #[error("the grant is for another action than the one this guard holds")]
    OtherAction,
    /// The clock cannot be believed.
    #[error("this machine's clock says {now}, but {seen} has been seen already; set the clock right")]
    ClockBack {
        /// What the clock says.
        now: Timestamp,
        /// The latest moment known.
        seen: Timestamp,
    },
    /// The action cannot be digested.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Refusal {
    /// Whether looking again can change nothing.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::OtherProposal | Self::OtherGuard | Self::OtherAction | Self::Encode(_)
        )
    }
}

/// The right to run one action once.
#[derive(Debug)]
pub struct Granted {
    /// What to write down before anything runs.
    pub authority: Authority,
    /// The content that was granted.
    pub action_digest: ActionDigest,
    /// What runs.
    pub action: Action,
    /// The checkpoint under which the evidence stands, proven to continue the pinned one.
    pub checkpoint: Option<SeenCheckpoint>,
    /// After this it may not start any more.
    pub expires_at: Timestamp,
}

/// What gave the right to run, as the journal keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Authority {
    /// A grant.
    Grant {
        /// It.
        grant: GrantDigest,
        /// The asking that was granted.
        request_digest: RequestDigest,
    },
    /// Policy alone.
    Policy,
}

impl Authority {
    /// Writes it for the journal.
    ///
    /// # Errors
    /// [`EncodeError`] cannot happen for digests.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        canonical::to_bytes(self)
    }

    /// Reads it from the journal.
    ///
    /// # Errors
    /// [`ParseError`] when the journal is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        canonical::parse(bytes)
    }
}

/// Judges the evidence for running it now.
///
/// # Errors
/// [`Refusal`] says why it does not run.
pub fn check(evidence: &Evidence, expected: &Expected<'_>, now: Timestamp) -> Result<Granted, Refusal> {
    if evidence.proposal != *expected.proposal {
        return Err(Refusal::OtherProposal);
    }
    let report = verify(evidence, expected.pinned, now, Purpose::Execute);
    if !report.problems.is_empty() {
        return Err(Refusal::Chain(report.problems));
    }
    let chain = report.chain.ok_or(Refusal::NotGranted)?;
    let leaf = chain.log.newest_leaf;
    let seen = leaf.map_or(expected.latest_clock, |leaf| leaf.max(expected.latest_clock));
    check_clock(now, seen, chain.limits.skew())?;
    let grant = chain.grant.as_ref().ok_or(Refusal::NotGranted)?;
    // A grant in use, used up or void shows in the replayed state.
    if chain.state.phase() != Phase::Claimed || chain.state.grant() != Some(&grant.grant_digest()) {
        return Err(Refusal::NotGranted);
    }
    if grant.guard != *expected.guard
        || grant.guard_key != expected.key
        || chain.proposal.signer() != Some(expected.key)
    {
        return Err(Refusal::OtherGuard);
    }
    let action = chain.proposal.action.clone();
    if grant.action_digest != action.digest()? || grant.action_digest != chain.proposal.action_digest {
        return Err(Refusal::OtherAction);
    }
    Ok(Granted {
        authority: Authority::Grant {
            grant: grant.grant_digest(),
            request_digest: chain.request.request_digest(),
        },
        action_digest: grant.action_digest,
        expires_at: grant.expires_at,
        action,
        checkpoint: chain.log.checkpoint,
    })
}

/// The clock may not stand before what the log or this guard has seen. That it does not run far ahead follows from
/// the short life of a grant, and for what policy alone permits from that of directory and policy.
///
/// # Errors
/// [`Refusal::ClockBack`].
pub fn check_clock(now: Timestamp, seen: Timestamp, skew: Duration) -> Result<(), Refusal> {
    if now < seen.before(skew) {
        Err(Refusal::ClockBack { now, seen })
    } else {
        Ok(())
    }
}

fn sentences(problems: &[Problem]) -> String {
    let sentences: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} ({})", problem.message, problem.code))
        .collect();
    sentences.join("; ")
}
