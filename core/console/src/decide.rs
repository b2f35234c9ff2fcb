//! Making a decision: from what a person saw to a signed statement in the log.
//!
//! Everything is derived again from freshly fetched and verified evidence; when anything differs from what the
//! person saw, nothing is signed. The decision is kept durably before it is sent, and what became of it is told
//! as it is: kept, stored, logged, refused.

mod signing;
mod which_key;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use countersign_client::{ClientError, now};
use countersign_protocol::action::Action;
use countersign_protocol::bundle::Artifact;
use countersign_protocol::decision::{Attention, Decision, SeenCheckpoint, Surface, Verdict};
use countersign_protocol::digest::{ActionDigest, RequestDigest, ViewDigest};
use countersign_protocol::directory::{DirectoryKey, KeyHolder, TrustedDirectory};
use countersign_protocol::identity::{PersonId, Presence, RequestId, Role};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Nonce;
use countersign_protocol::request::{Phase, Refusal};
use countersign_protocol::signed::SignError;
use countersign_protocol::text::{Line, Prose};
use countersign_verify::{Chain, Problem};

use crate::amend::DraftError;
use crate::config::{ConfigError, ConfiguredKey};
use crate::inbox::{Inbox, InboxError, Opened};
use crate::keys::{KeyError, Secret};
use crate::outbox::{Item, OutboxError, Standing};

pub(crate) use signing::sign;
pub use which_key::signing_key;

/// What a person wants signed: exactly what they saw.
#[derive(Debug, Clone)]
pub struct Intent {
    /// The request.
    pub request: RequestId,
    /// The sheet that was shown.
    pub view_digest: ViewDigest,
    /// The asking that was shown, where the surface knows it.
    pub request_digest: Option<RequestDigest>,
    /// The content that was shown, where the surface knows it.
    pub action_digest: Option<ActionDigest>,
    /// The answer.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// What was on screen.
    pub attention: Attention,
    /// Whether the secrets were shown in the clear on that surface.
    pub revealed: bool,
    /// The program that showed it: `tui`, `desktop` or `command-line`.
    pub surface: &'static str,
    /// The name of the key on this machine; the one reviewer key where there is only one.
    pub key: Option<String>,
}

/// What became of a decision.
#[derive(Debug)]
pub enum Sent {
    /// Its inclusion in the log was proven here.
    Logged {
        /// The decision's own index.
        index: u64,
        /// The size of the log that shows it.
        size: u64,
        /// Where the request stands now.
        phase: Phase,
    },
    /// The backend stored it; it is not in the log yet. It stays in the outbox until it is.
    Stored {
        /// Where the request stands now, as the backend says.
        phase: Phase,
    },
    /// The backend could not be reached. It stays in the outbox and is sent again.
    Kept(ClientError),
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The request cannot be had.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// The evidence does not hold.
    #[error("the evidence of this request does not hold, so nothing is signed: {}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Unverified(Vec<Problem>),
    /// What was seen is no longer what would be signed.
    #[error("{0} is not the one you saw; nothing was signed: look at it again")]
    Stale(&'static str),
    /// This person cannot decide this.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A reason is needed, or is too long.
    #[error("the reason {0}")]
    Reason(&'static str),
    /// There is no key to sign with.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is not clear which key is to sign.
    #[error("{0}")]
    WhichKey(String),
    /// The directory does not let this key sign this person's decisions.
    #[error("{0}; ask an owner to add the key: `countersign login` wrote the enrolment request")]
    KeyNotEnrolled(String),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no counter-proposal to sign.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The statement could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The decision could not be kept; it was not sent.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The backend refused it.
    #[error("the decision was signed, but the backend refused it: {0}")]
    BackendRefused(ClientError),
    /// It was called off while the key was asked.
    #[error("called off: nothing was sent")]
    CalledOff,
    /// The backend acknowledged it, and does not show it.
    #[error(
        "ALARM: the backend acknowledged the decision, but does not show it in the log; it is kept in the outbox: tell the owners"
    )]
    Suppressed,
}

/// A person's way to call a decision off while its key is still asked: either it is called off, or it goes on, and
/// both sides know which.
#[derive(Debug, Clone, Default)]
pub struct CallingOff(Arc<AtomicU8>);

const OPEN: u8 = 0;
const CALLED_OFF: u8 = 1;
const GONE_ON: u8 = 2;

impl CallingOff {
    /// Calls it off; whether it was still time.
    #[must_use]
    pub fn call_off(&self) -> bool {
        self.settle(CALLED_OFF)
    }

    /// Goes on; whether it was not called off.
    fn go_on(&self) -> bool {
        self.settle(GONE_ON)
    }

    pub(crate) fn is_called_off(&self) -> bool {
        self.0.load(Ordering::SeqCst) == CALLED_OFF
    }

    fn settle(&self, to: u8) -> bool {
        let settled = self
            .0
            .compare_exchange(OPEN, to, Ordering::SeqCst, Ordering::SeqCst);
        settled.map_or_else(|found| found == to, |_| true)
    }
}

/// The same as [`decide_unless`], with nobody who calls it off.
///
/// # Errors
/// [`DecideError`] says why nothing was decided, or what is wrong after it was.
pub async fn decide(
    inbox: &Inbox,
    intent: Intent,
    secret: Secret,
    report: impl Fn() + Send,
) -> Result<Sent, DecideError> {
    decide_unless(inbox, intent, secret, &CallingOff::default(), report).await
}

/// Fetches, derives everything again, and lets `report` know when the signature was made.
///
/// # Errors
/// [`DecideError`] says why nothing was decided, or what is wrong after it was.
pub async fn decide_unless(
    inbox: &Inbox,
    intent: Intent,
    secret: Secret,
    calling_off: &CallingOff,
    report: impl Fn() + Send,
) -> Result<Sent, DecideError> {
    perform(inbox, intent, secret, calling_off, report, |_, _| Ok(None)).await
}

/// The way of every answer. `instead` gives what a denial proposes instead, derived from what was fetched now.
pub(crate) async fn perform(
    inbox: &Inbox,
    intent: Intent,
    secret: Secret,
    calling_off: &CallingOff,
    report: impl Fn() + Send,
    instead: impl FnOnce(&Opened, &Chain) -> Result<Option<Instead>, DecideError> + Send,
) -> Result<Sent, DecideError> {
    let opened = inbox.fetch_or_copy(intent.request).await?;
    let directory = opened.report.chain.as_ref().map(|chain| &*chain.directory);
    let (_, key) = signing_key(inbox.config(), directory, intent.key.as_deref())?;
    let mut prepared = prepare(&opened, &intent, inbox.person(), &key)?;
    if let Some(chain) = &opened.report.chain {
        prepared.instead = instead(&opened, chain)?;
        if opened.as_of.is_some() {
            prepared.without_connection(chain);
        }
    }
    let mut signing = tokio::task::spawn_blocking(move || sign(prepared, &key, &secret));
    let signed = loop {
        // A device can be waited for long; who calls it off is not kept waiting.
        match tokio::time::timeout(Duration::from_millis(100), &mut signing).await {
            Ok(signed) => break signed,
            Err(_) if calling_off.is_called_off() => return Err(DecideError::CalledOff),
            Err(_) => {}
        }
    };
    let item = signed.map_err(|_| SignError::Key("its thread ended early".into()))??;
    if !calling_off.go_on() {
        return Err(DecideError::CalledOff);
    }
    inbox.outbox().put(&item)?;
    report();
    send(inbox, item).await
}

/// The decision statement and what has to be known to keep it.
pub(crate) struct Prepared {
    decision: Decision,
    instead: Option<Instead>,
    now: Timestamp,
}

impl Prepared {
    /// Says in the statement that it was made without a connection, and lets it count for as long as such may.
    pub(crate) fn without_connection(&mut self, chain: &Chain) {
        let life = chain.limits.decision_life(true);
        self.decision.offline = true;
        self.decision.expires_at = self.decision.decided_at.after(life).min(chain.request.expires_at);
    }
}

/// What a denial proposes instead.
pub(crate) struct Instead {
    pub action: Action,
    pub until: Timestamp,
    /// The bytes that it brings along.
    pub artifacts: Vec<Artifact>,
}

async fn send(inbox: &Inbox, mut item: Item) -> Result<Sent, DecideError> {
    let record = match item.hand_in(inbox.backend()).await {
        Ok(record) => record,
        Err(error) if error.is_unreachable() => return Ok(Sent::Kept(error)),
        Err(error) if error.is_lasting_refusal() => {
            inbox.outbox().remove(&item)?;
            return Err(DecideError::BackendRefused(error));
        }
        Err(error) => return Ok(Sent::Kept(error)),
    };
    item.acknowledged_at = Some(now());
    inbox.outbox().put(&item)?;
    let mut phase = record.phase;
    // The log follows in its own time; a short look usually finds it there already.
    for pause in [100, 300, 800] {
        let opened = match inbox.fetch(item.request).await {
            Ok(opened) => opened,
            Err(InboxError::Client(_)) => return Ok(Sent::Stored { phase }),
            Err(error) => return Err(error.into()),
        };
        phase = opened.record.phase;
        let Some(chain) = opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) else {
            return Ok(Sent::Stored { phase });
        };
        match item.standing(chain, opened.at) {
            Standing::Logged { index, size } => {
                inbox.outbox().remove(&item)?;
                return Ok(Sent::Logged { index, size, phase });
            }
            Standing::Suppressed => return Err(DecideError::Suppressed),
            Standing::Stored | Standing::Unknown => {}
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    Ok(Sent::Stored { phase })
}

/// Derives what is to be signed; refuses when it is not what was seen, or when it could not count.
pub(crate) fn prepare(
    opened: &Opened,
    intent: &Intent,
    person: &PersonId,
    key: &ConfiguredKey,
) -> Result<Prepared, DecideError> {
    let Some(chain) = opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) else {
        return Err(DecideError::Unverified(opened.report.problems.clone()));
    };
    check_same(chain, intent)?;
    check_may_decide(chain, intent, person, opened.at)?;
    let entry = enrolled(&chain.directory, key, person, opened.at)?;
    let checkpoint = chain
        .log
        .checkpoint
        .or(opened.checkpoint)
        .unwrap_or(SeenCheckpoint {
            size: 0,
            root_hash: countersign_protocol::digest::Sha256Digest::of(b""),
        });
    let validity = chain.limits.decision_life(false);
    let decision = Decision {
        request: chain.request.id,
        request_digest: chain.request.request_digest(),
        action_digest: chain.request.action_digest,
        view_digest: chain.sheet.view_digest(),
        verdict: intent.verdict,
        reason: Prose::new(intent.reason.trim()).map_err(|_| DecideError::Reason("is too long"))?,
        reviewer: person.clone(),
        presence: entry.presence.min(Presence::Pin),
        surface: Surface {
            name: short(intent.surface),
            version: short(env!("CARGO_PKG_VERSION")),
        },
        attention: intent.attention,
        offline: false,
        revealed: intent.revealed
            || opened
                .record
                .reveals
                .iter()
                .any(|reveal| reveal.person == *person),
        pin_remembered: key.pin_remembered,
        checkpoint,
        decided_at: opened.at,
        expires_at: opened.at.after(validity).min(chain.request.expires_at),
        nonce: nonce()?,
    };
    Ok(Prepared {
        decision,
        instead: None,
        now: opened.at,
    })
}

fn check_same(chain: &Chain, intent: &Intent) -> Result<(), DecideError> {
    if chain.sheet.view_digest() != intent.view_digest {
        return Err(DecideError::Stale("the sheet"));
    }
    if intent
        .request_digest
        .is_some_and(|seen| seen != chain.request.request_digest())
    {
        return Err(DecideError::Stale("the request"));
    }
    if intent
        .action_digest
        .is_some_and(|seen| seen != chain.request.action_digest)
    {
        return Err(DecideError::Stale("the action"));
    }
    Ok(())
}

/// Says no where the one state machine would, before a passphrase is asked for and a signature made.
fn check_may_decide(
    chain: &Chain,
    intent: &Intent,
    person: &PersonId,
    now: Timestamp,
) -> Result<(), DecideError> {
    if intent.reason.trim().is_empty() {
        return Err(DecideError::Reason("is empty; say why, others will read it"));
    }
    let request = &chain.request;
    if !chain.state.phase().is_open() {
        return Err(Refusal::Over.into());
    }
    if now >= request.expires_at {
        return Err(Refusal::Expired.into());
    }
    if request.excluded.contains(person) {
        return Err(Refusal::Excluded.into());
    }
    if intent.verdict == Verdict::Approve && chain.state.standing(now).any(|vote| vote.person == *person) {
        return Err(Refusal::AlreadyVoted.into());
    }
    Ok(())
}

/// The directory's entry for the key, if it is this person's and counts now.
fn enrolled<'a>(
    directory: &'a TrustedDirectory,
    key: &ConfiguredKey,
    person: &PersonId,
    now: Timestamp,
) -> Result<&'a DirectoryKey, DecideError> {
    let entry = directory
        .key_at(&key.id, Role::Reviewer, now)
        .map_err(|problem| DecideError::KeyNotEnrolled(problem.to_string()))?;
    if entry.holder == KeyHolder::Person(person.clone()) {
        Ok(entry)
    } else {
        Err(DecideError::KeyNotEnrolled(format!(
            "key `{}` is somebody else's",
            key.id
        )))
    }
}

/// Short texts of this program always fit; a longer one is left out rather than cut.
fn short(text: &str) -> Line {
    Line::new(text).unwrap_or_default()
}

pub(crate) fn nonce() -> Result<Nonce, SignError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| SignError::Key(format!("the system gives no randomness: {error}").into()))?;
    Ok(Nonce::from_random(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_called_off_or_goes_on_and_never_both() {
        let first = CallingOff::default();
        assert!(first.call_off() && first.is_called_off());
        assert!(!first.go_on());
        assert!(first.call_off(), "calling off twice is the same as once");
        let second = CallingOff::default();
        assert!(second.go_on());
        assert!(!second.call_off() && !second.is_called_off());
        for _ in 0..200 {
            let one = CallingOff::default();
            let other = one.clone();
            let thread = std::thread::spawn(move || other.call_off());
            let went_on = one.go_on();
            assert_ne!(went_on, thread.join().unwrap());
        }
    }
}
