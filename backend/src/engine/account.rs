//! The guard accounts: what ran and how it ended, what it took back, what policy answered without a human.

use countersign_protocol::api::{EnvelopeBody, VerdictBatch, VerdictItem};
use countersign_protocol::directory::KeyHolder;
use countersign_protocol::identity::{RequestId, Role};
use countersign_protocol::log::EntryType;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Proposal;
use countersign_protocol::receipt::{ExecutionReceipt, Outcome, RecordedVerdict, VerdictRecord, Withdrawal};
use countersign_protocol::request::{Event, Phase};
use countersign_protocol::signed::{Predicate, Signed, Verified};
use countersign_protocol::text::Line;
use rusqlite::Connection;

use super::case::Case;
use super::{Caller, Engine, approved, moment};
use crate::problem::Refused;
use crate::store::row::{self, Filing, NewVerdict, Sort};
use crate::trust::Trust;

/// The most verdicts of one batch.
const MAX_BATCH: usize = 1024;

impl Engine {
    /// Takes a withdrawal in. The same again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn withdraw(&self, caller: Caller, id: RequestId, body: EnvelopeBody) -> Result<(), Refused> {
        let engine = self.clone();
        self.store()
            .write(move |conn| {
                let now = moment(conn)?;
                let trust = engine.trust();
                let withdrawal: Verified<Withdrawal> = own_statement(&trust, &caller, body, now)?;
                let mut case = Case::open(conn, &trust, &id, caller.guard())?;
                case.check_guard(&caller)?;
                let ours = withdrawal.request == id
                    && withdrawal.request_digest == case.request.request_digest()
                    && withdrawal.guard == case.request.guard;
                if !ours {
                    return Err(Refused::invalid(
                        "the withdrawal is about another request or guard",
                    ));
                }
                if row::statement(conn, Sort::Withdrawal, withdrawal.digest())?.is_some() {
                    return Ok(());
                }
                case.pass_time(conn, now)?;
                case.apply(
                    conn,
                    Event::Withdrawn,
                    Some((Sort::Withdrawal, withdrawal.envelope())),
                    now,
                )
            })
            .await
    }

    /// Takes a receipt in. The same again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn account(&self, caller: Caller, id: RequestId, body: EnvelopeBody) -> Result<(), Refused> {
        let engine = self.clone();
        self.store()
            .write(move |conn| {
                let now = moment(conn)?;
                let trust = engine.trust();
                let receipt: Verified<ExecutionReceipt> = own_statement(&trust, &caller, body, now)?;
                let mut case = Case::open(conn, &trust, &id, caller.guard())?;
                case.check_guard(&caller)?;
                check_receipt(&case, &receipt, &id)?;
                if row::statement(conn, Sort::Receipt, receipt.digest())?.is_some() {
                    return Ok(());
                }
                let ended = Event::Ended {
                    grant: receipt.grant,
                    outcome: receipt.outcome,
                };
                case.apply(conn, ended, Some((Sort::Receipt, receipt.envelope())), now)?;
                Ok(approved::remember(conn, &case, &receipt)?)
            })
            .await
    }

    /// Takes in verdicts that needed no human. Those known already change nothing.
    ///
    /// # Errors
    /// [`Refused`] at the first that is not the caller's; none is then kept.
    pub async fn record_verdicts(&self, caller: Caller, batch: VerdictBatch) -> Result<(), Refused> {
        if batch.records.len() > MAX_BATCH {
            return Err(Refused::malformed(format!(
                "a batch holds at most {MAX_BATCH} records"
            )));
        }
        let engine = self.clone();
        self.store()
            .write(move |conn| {
                let now = moment(conn)?;
                let trust = engine.trust();
                batch
                    .records
                    .into_iter()
                    .try_for_each(|item| record(conn, &trust, &caller, item, now))
            })
            .await
    }
}

/// A statement that the calling guard signed with the key it calls by.
fn own_statement<T: Predicate>(
    trust: &Trust,
    caller: &Caller,
    body: EnvelopeBody,
    now: Timestamp,
) -> Result<Verified<T>, Refused> {
    let Caller::Guard { guard, key } = caller else {
        return Err(Refused::not_allowed("only a guard does this"));
    };
    let statement = Signed::<T>::from(body.envelope)
        .verify(trust.directory.as_ref())
        .map_err(|error| Refused::invalid(error.to_string()))?;
    let record = trust
        .directory
        .key_at(key, Role::Guard, now)
        .map_err(|error| Refused::not_allowed(error.to_string()))?;
    if statement.signer() == Some(*key) && record.holder == KeyHolder::Guard(guard.clone()) {
        Ok(statement)
    } else {
        Err(Refused::not_allowed(
            "the statement is signed by another key than this request",
        ))
    }
}

fn check_receipt(case: &Case, receipt: &ExecutionReceipt, id: &RequestId) -> Result<(), Refused> {
    let ours = receipt.request == *id
        && receipt.request_digest == case.request.request_digest()
        && receipt.guard == case.request.guard
        && receipt.started_at <= receipt.ended_at;
    if !ours {
        return Err(Refused::invalid(
            "the receipt is about another request or guard, or ends before it starts",
        ));
    }
    // A receipt that says that nothing ran may name the bytes it found instead of the approved ones.
    let ran = matches!(receipt.outcome, Outcome::Succeeded | Outcome::Partial);
    if ran && receipt.action_digest != case.request.action_digest {
        tracing::error!(request = %id, "a guard says that it ran something else than was approved");
        return Err(Refused::invalid(
            "the receipt says that another action ran than was approved",
        ));
    }
    Ok(())
}

fn record(
    conn: &Connection,
    trust: &Trust,
    caller: &Caller,
    item: VerdictItem,
    now: Timestamp,
) -> Result<(), Refused> {
    let proposal: Verified<Proposal> = own_statement(
        trust,
        caller,
        EnvelopeBody {
            envelope: item.proposal,
        },
        now,
    )?;
    let record: Verified<VerdictRecord> = own_statement(
        trust,
        caller,
        EnvelopeBody {
            envelope: item.record,
        },
        now,
    )?;
    proposal
        .check()
        .map_err(|error| Refused::invalid(error.to_string()))?;
    let fits = record.proposal == proposal.proposal_digest()
        && record.action_digest == proposal.action_digest
        && record.guard == proposal.guard
        && Some(&record.guard) == caller.guard();
    if !fits {
        return Err(Refused::invalid(
            "a verdict record is about another proposal or guard",
        ));
    }
    let id = proposal.request_id();
    if row::statement(conn, Sort::Verdict, record.digest())?.is_some() {
        return Ok(());
    }
    if row::request(conn, &id)?.is_some() {
        return Err(Refused::conflict(
            "held",
            format!("request {id} waits for people; it cannot be recorded as decided"),
        ));
    }
    let file = |sort, envelope, entry| {
        let filing = Filing {
            sort,
            request: Some(&id),
            version: None,
            envelope,
            entry,
        };
        row::file(conn, &filing, now)
    };
    if row::statement(conn, Sort::Proposal, proposal.digest())?.is_none() {
        file(Sort::Proposal, proposal.envelope(), None)?;
    }
    file(Sort::Verdict, record.envelope(), Some(EntryType::Verdict))?;
    if row::verdict(conn, &id)?.is_some() {
        return Ok(());
    }
    let phase = match record.verdict {
        RecordedVerdict::Permitted => Phase::Permitted,
        RecordedVerdict::Forbidden => Phase::Forbidden,
    };
    let policies = record
        .policies
        .iter()
        .map(Line::raw)
        .collect::<Vec<_>>()
        .join(", ");
    let (guard, agent) = (&proposal.guard, &proposal.agent);
    row::insert_verdict(
        conn,
        &NewVerdict {
            id,
            phase,
            guard,
            agent,
            policies: &policies,
        },
        now,
    )?;
    Ok(())
}
