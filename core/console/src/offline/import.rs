//! Taking decisions in that were made without a network: each checked by itself, each answered by itself.

use std::path::Path;

use countersign_client::now;
use countersign_policy::{Answer, Credential};
use countersign_protocol::decision::{Decision, Verdict};
use countersign_protocol::directory::{DirectoryKey, KeyHolder};
use countersign_protocol::identity::{PersonId, RequestId, Role};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::{Signed, Verified};
use countersign_review::text::Untrusted;
use countersign_verify::Chain;

use super::export::{ExportError, remember};
use super::file::{ExportedFile, FileError};
use super::record::{Carried, Revealed};
use crate::home::Home;
use crate::inbox::{Inbox, InboxError};
use crate::outbox::{Item, OutboxError, Standing};

/// Why an import ended early. What was taken before stays taken; the same file can be imported again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The backend or the trust in it is gone.
    #[error("{0}; what was taken stays taken: import the file again later")]
    Inbox(#[from] InboxError),
    /// Nothing can be kept here.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The checkpoints that came back cannot be remembered.
    #[error(transparent)]
    Remember(#[from] ExportError),
}

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is not what a reviewer signed.
    #[error("tampered: {0}")]
    Tampered(String),
    /// It was taken before.
    #[error("replayed: it was taken before, as entry {0} of the log")]
    Replayed(u64),
    /// It was taken before and is on its way into the log, or it does not count.
    #[error("replayed: it was taken before{0}")]
    Known(String),
    /// The request is over.
    #[error("superseded: the request {} by now", .0.said())]
    Over(Phase),
    /// The request or its sheet is not the one that was seen.
    #[error("superseded: {0} is no longer the one that was signed; export it again")]
    Superseded(&'static str),
    /// It came too late.
    #[error("expired at {0}")]
    Expired(Timestamp),
    /// The person or the key may not decide this.
    #[error("not eligible: {0}")]
    NotEligible(String),
    /// The request's evidence does not hold.
    #[error("the backend's evidence of the request does not hold: {0}")]
    Unverified(String),
    /// The backend did not take it.
    #[error("refused by the backend: {0}")]
    Backend(String),
}

impl Refused {
    /// A stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Tampered(_) => "tampered",
            Self::Replayed(_) | Self::Known(_) => "replayed",
            Self::Over(_) | Self::Superseded(_) => "superseded",
            Self::Expired(_) => "expired",
            Self::NotEligible(_) => "not-eligible",
            Self::Unverified(_) => "unverified",
            Self::Backend(_) => "refused-by-backend",
        }
    }
}

/// What became of one decision.
#[derive(Debug)]
pub struct Imported {
    /// The request it answers.
    pub request: RequestId,
    /// Whose it is, where its signature holds.
    pub reviewer: Option<PersonId>,
    /// What became of it: where the request stands now, or why it was refused.
    pub outcome: Result<Taken, Refused>,
}

/// A decision that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Its index in the log, once that was proven here; until then it stays in the outbox.
    pub index: Option<u64>,
    /// Where the request stands now.
    pub phase: Phase,
}

/// What an import found.
#[derive(Debug, Default)]
pub struct Summary {
    /// Each decision in the file.
    pub decisions: Vec<Imported>,
    /// Secrets that were revealed from it, as the file says; nobody signed that.
    pub reveals: Vec<Revealed>,
    /// What is wrong with lines of the file.
    pub troubles: Vec<Untrusted>,
}

/// Imports the decisions in a file; `report` is told about each.
///
/// # Errors
/// [`ImportError`] when it cannot go on.
pub async fn import(
    home: &Home,
    inbox: &Inbox,
    path: &Path,
    mut report: impl FnMut(&Imported),
) -> Result<Summary, ImportError> {
    let file = ExportedFile::open(path)?;
    let pinned = inbox.store().root_id();
    if file.header.root != pinned {
        let found = file.header.root;
        return Err(FileError::OtherRoot { found, pinned }.into());
    }
    let mut summary = Summary::default();
    for trouble in &file.troubles {
        let told = format!("line {} is left out: {}", trouble.line, trouble.problem);
        summary.troubles.push(told.as_str().into());
    }
    summary.reveals.clone_from(&file.reveals);
    for carried in &file.decisions {
        let imported = one(home, inbox, carried).await?;
        report(&imported);
        summary.decisions.push(imported);
    }
    Ok(summary)
}

async fn one(home: &Home, inbox: &Inbox, carried: &Carried) -> Result<Imported, ImportError> {
    let refused = |reviewer, refused| Imported {
        request: carried.request,
        reviewer,
        outcome: Err(refused),
    };
    // Fetched anew for each: the one before may have changed what this one answers.
    let found = match inbox.fetch(carried.request).await {
        Ok(found) => found,
        Err(InboxError::Client(error)) if error.is_lasting_refusal() => {
            return Ok(refused(None, Refused::Backend(error.to_string())));
        }
        Err(error) => return Err(error.into()),
    };
    let Some(chain) = found.report.chain.as_ref().filter(|_| found.report.is_valid()) else {
        let problems: Vec<&str> = found
            .report
            .problems
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        return Ok(refused(None, Refused::Unverified(problems.join("; "))));
    };
    let decision = match read(carried, chain) {
        Ok(decision) => decision,
        Err(problem) => return Ok(refused(None, problem)),
    };
    let reviewer = Some(decision.reviewer.clone());
    if let Err(problem) = check(&decision, chain, now()) {
        return Ok(refused(reviewer, problem));
    }
    let seen = decision.checkpoint;
    let item = Item::new(
        carried.request,
        decision.verdict,
        carried.envelope.clone(),
        carried.signed_at,
    );
    let outcome = send(inbox, &item).await?;
    if outcome.is_ok() {
        remember(home, &[seen])?;
    }
    Ok(Imported {
        request: carried.request,
        reviewer,
        outcome,
    })
}

/// Verifies the signature, and that the key is the person's who is named.
fn read(carried: &Carried, chain: &Chain) -> Result<Verified<Decision>, Refused> {
    let decision = Signed::<Decision>::from(carried.envelope.clone())
        .verify(&chain.directory)
        .map_err(|error| Refused::Tampered(error.to_string()))?;
    if decision.request != carried.request {
        return Err(Refused::Tampered(
            "its line names another request than its signature covers".to_owned(),
        ));
    }
    let holder = key_of(&decision, chain).map(|key| key.holder.clone());
    if holder == Some(KeyHolder::Person(decision.reviewer.clone())) {
        Ok(decision)
    } else {
        Err(Refused::Tampered(format!(
            "it names `{}`, but the key is another's",
            decision.reviewer
        )))
    }
}

/// The directory's entry for the key that signed, whether it counts or not.
fn key_of<'a>(decision: &Verified<Decision>, chain: &'a Chain) -> Option<&'a DirectoryKey> {
    let signer = decision.signer()?;
    let mut known = chain
        .directory
        .keys
        .iter()
        .filter(|key| key.role == Role::Reviewer);
    known.find(|key| key.key.id() == signer)
}

/// Says no where the backend would have to, with the reason.
fn check(decision: &Verified<Decision>, chain: &Chain, now: Timestamp) -> Result<(), Refused> {
    let digest = decision.decision_digest();
    let known = chain
        .decisions
        .iter()
        .find(|checked| checked.decision.decision_digest() == digest);
    if let Some(known) = known {
        return Err(match (&known.void, known.logged_index) {
            (Some(void), _) => Refused::Known(format!(", and does not count: {void}")),
            (None, Some(index)) => Refused::Replayed(index),
            (None, None) => Refused::Known(" and is not in the log yet".to_owned()),
        });
    }
    let same = [
        (
            "the request",
            decision.request_digest == chain.request.request_digest(),
        ),
        (
            "the action",
            decision.action_digest == chain.request.action_digest,
        ),
        ("the sheet", decision.view_digest == chain.sheet.view_digest()),
    ];
    if let Some((what, _)) = same.into_iter().find(|(_, same)| !same) {
        return Err(Refused::Superseded(what));
    }
    if !chain.state.phase().is_open() {
        return Err(Refused::Over(chain.state.phase()));
    }
    let until = decision.expires_at.min(chain.request.expires_at);
    if now >= until {
        return Err(Refused::Expired(until));
    }
    if let Some(signer) = decision.signer()
        && let Err(problem) = chain.directory.key_at(&signer, Role::Reviewer, now)
    {
        return Err(Refused::NotEligible(problem.to_string()));
    }
    if chain.request.excluded.contains(&decision.reviewer) {
        return Err(Refused::NotEligible(format!(
            "`{}` asked for this, owns the agent or amended it",
            decision.reviewer
        )));
    }
    check_policy(decision, chain, now)
}

/// Asks policy as the backend will. Saying no needs no permission.
fn check_policy(decision: &Verified<Decision>, chain: &Chain, now: Timestamp) -> Result<(), Refused> {
    let key = key_of(decision, chain);
    let (Verdict::Approve, Some(key)) = (decision.verdict, key) else {
        return Ok(());
    };
    let with = Credential {
        assurance: key.assurance,
        presence: decision.presence.min(key.presence),
        shown: decision.attention.of_sheet(chain.sheet.lines().len()),
        offline: decision.offline,
    };
    let operation = &chain.judgement.operation;
    // It has to be permitted under what the request was made under, and under what is current.
    let both = [
        (&chain.request_policy, &chain.request_directory),
        (&chain.policy, &chain.directory),
    ];
    for (policy, directory) in both {
        match policy.approve(operation, directory, &decision.reviewer, &with, now) {
            Answer::Permit { .. } => {}
            Answer::Deny { policies, errors } => {
                let why = [policies, errors].concat().join(", ");
                return Err(Refused::NotEligible(format!("policy refuses it: {why}")));
            }
        }
    }
    Ok(())
}

/// Whether a decision that waited can still count; one that the backend knows by now is good.
pub(crate) fn still_good(item: &Item, chain: &Chain, now: Timestamp) -> Result<(), Refused> {
    if item.amending.is_some() {
        // What a counter-proposal has to fit, the backend says.
        return Ok(());
    }
    let decision = Signed::<Decision>::from(item.envelope.clone())
        .verify(&chain.directory)
        .map_err(|error| Refused::Tampered(error.to_string()))?;
    match check(&decision, chain, now) {
        Err(Refused::Replayed(_) | Refused::Known(_)) => Ok(()),
        checked => checked,
    }
}

/// Keeps it in the outbox before it goes out, so that it is neither lost nor forgotten before its proof is here.
async fn send(inbox: &Inbox, item: &Item) -> Result<Result<Taken, Refused>, ImportError> {
    inbox.outbox().put(item)?;
    let standing = match inbox.follow(item).await {
        Ok(standing) => standing,
        Err(InboxError::Client(error)) if error.is_lasting_refusal() => {
            return Ok(Err(Refused::Backend(error.to_string())));
        }
        Err(error) => return Err(error.into()),
    };
    let index = match standing {
        Standing::Logged { index, .. } => Some(index),
        Standing::Stored | Standing::Unknown | Standing::Suppressed => None,
    };
    let opened = inbox.fetch(item.request).await?;
    let phase = opened.record.phase;
    if index.is_some() {
        // `follow` leaves the forgetting to whoever sees the proof.
        inbox.outbox().remove(item)?;
    }
    Ok(Ok(Taken { index, phase }))
}
