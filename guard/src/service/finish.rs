//! How it ended: written down durably, with the signed receipt on its way to the backend.

use countersign_client::now;
use countersign_protocol::action::{Action, Payload};
use countersign_protocol::canonical;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::receipt::{ExecutionReceipt, Outcome};
use countersign_protocol::request::Phase;
use countersign_protocol::signed::{Predicate, Signed};
use countersign_protocol::text::Prose;

use super::drive::{over, shortened};
use super::{Service, ServiceError, locked};
use crate::enforce::Authority;
use crate::record::{End, Entry, Route, Stage, Tails};
use crate::report;
use crate::run::{Ran, Written, file};

impl Service {
    /// Writes down how an execution ended, with its receipt on its way to the backend.
    pub(super) fn finish(
        &self,
        id: RequestId,
        action: Option<&Action>,
        authority: Option<Authority>,
        ran: Ran,
        started_at: Timestamp,
    ) -> Result<(), ServiceError> {
        let receipt = match (authority, action) {
            (Some(authority), Some(action)) => self.receipt(id, action, authority, &ran, started_at)?,
            _ => None,
        };
        let end = end_of(&ran);
        let tail = |written: Option<Written>| written.map(|written| written.tail).unwrap_or_default();
        let tails = Tails {
            stdout: tail(ran.stdout),
            stderr: tail(ran.stderr),
        };
        let report = receipt.as_deref().map(|receipt| (Route::Receipt, receipt));
        self.journal.finish(id, &end, &tails, report, now())?;
        tracing::info!(request = %id, outcome = end.phase.word(), detail = end.message, "ended");
        self.outbox.notify_one();
        self.release(id);
        Ok(())
    }

    /// The signed account of what was granted; policy's own permits have none.
    pub(super) fn receipt(
        &self,
        id: RequestId,
        action: &Action,
        authority: Authority,
        ran: &Ran,
        started_at: Timestamp,
    ) -> Result<Option<Vec<u8>>, ServiceError> {
        let Authority::Grant {
            grant,
            request_digest,
        } = authority
        else {
            return Ok(None);
        };
        let receipt = ExecutionReceipt {
            request: id,
            request_digest,
            action_digest: action
                .digest()
                .map_err(|error| ServiceError::Unsigned(error.into()))?,
            grant,
            guard: self.config.guard.clone(),
            outcome: ran.outcome,
            exit_code: ran.exit_code,
            stdout: ran.stdout.as_ref().map(|written| written.all),
            stderr: ran.stderr.as_ref().map(|written| written.all),
            after: ran.after,
            detail: Prose::new(shortened(&ran.detail)).unwrap_or_default(),
            started_at,
            ended_at: now(),
        };
        self.sealed(&receipt).map(Some)
    }

    /// Withdraws a request that has not been used up. From then on it cannot run.
    pub(super) fn withdraw(&self, id: RequestId, reason: &str) -> Result<(), ServiceError> {
        let body = report::withdrawal(reason).map_err(|error| ServiceError::Unsigned(error.into()))?;
        let end = over(Phase::Withdrawn, 77, "it was withdrawn");
        self.end(id, &end, Some((Route::Withdrawal, &body)))?;
        if let Some(job) = self.job(id) {
            job.look.notify_one();
        }
        tracing::info!(request = %id, reason, "withdrawn");
        Ok(())
    }

    /// Ends a request of which nothing ran.
    pub(super) fn end(
        &self,
        id: RequestId,
        end: &End,
        report: Option<(Route, &[u8])>,
    ) -> Result<(), ServiceError> {
        self.journal.end(id, end, report)?;
        self.outbox.notify_one();
        self.release(id);
        Ok(())
    }

    pub(super) fn give_end(&self, id: RequestId, end: &End) {
        match self.end(id, end, None) {
            Ok(()) => {
                tracing::info!(request = %id, phase = end.phase.word(), message = end.message, "ended; nothing ran");
            }
            Err(error) => tracing::warn!(request = %id, %error, "could not be ended"),
        }
    }

    fn release(&self, id: RequestId) {
        let _holding = locked(&self.holding);
        match self.journal.release(id) {
            Ok(free) => free.iter().for_each(|digest| self.held.release(digest)),
            Err(error) => tracing::warn!(request = %id, %error, "held bytes could not be let go"),
        }
    }

    /// Lets go of what a crash left held for nobody. Only before calls are taken in: see [`crate::held::Held::sweep`].
    pub(super) fn sweep(&self) {
        let swept = self.journal.needed().map_err(ServiceError::from);
        match swept.and_then(|needed| Ok(self.held.sweep(&needed)?)) {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "held bytes that no request needs were removed"),
            Err(error) => tracing::warn!(%error, "held bytes could not be looked through"),
        }
    }

    /// Gives a request whose work broke off its end.
    pub(super) fn recover_one(&self, id: RequestId) {
        let recovered = match self.journal.entry(id) {
            Ok(Some(entry)) if entry.stage == Stage::Executing => self.recover_executing(&entry),
            // What only waits goes on with the next start.
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = recovered {
            tracing::error!(request = %id, %error, "the end could not be written down");
        }
    }

    pub(super) fn recover_executing(&self, entry: &Entry) -> Result<(), ServiceError> {
        let id = entry.id;
        tracing::warn!(request = %id, "the guard stopped in the middle of it: its outcome is unknown");
        let mut ran = Ran::ended(
            Outcome::Unknown,
            "the guard stopped while it ran; it is not run again",
        );
        let action = self.action_of(&entry.proposal).ok();
        if let Some(Action {
            payload: Payload::FileChange(change),
            ..
        }) = &action
        {
            let (after, words) = file::probe(change, id);
            ran.after = after;
            ran.detail = format!("{}; {words}", ran.detail);
        }
        let authority = entry
            .authority
            .as_deref()
            .and_then(|bytes| Authority::from_bytes(bytes).ok());
        self.finish(
            id,
            action.as_ref(),
            authority,
            ran,
            entry.started_at.unwrap_or(entry.created_at),
        )
    }

    fn sealed<T: Predicate>(&self, statement: &T) -> Result<Vec<u8>, ServiceError> {
        let envelope = Signed::seal(statement, &[&*self.signer])?.into_envelope();
        canonical::to_bytes(&envelope).map_err(|error| ServiceError::Unsigned(error.into()))
    }
}

pub(super) fn end_of(ran: &Ran) -> End {
    let (phase, code) = match ran.outcome {
        Outcome::Succeeded => (Phase::Succeeded, 0),
        Outcome::Failed => (Phase::Failed, 1),
        Outcome::Partial => (Phase::Partial, 70),
        Outcome::Unknown => (Phase::Unknown, 70),
        Outcome::Stale => (Phase::Stale, 65),
    };
    // A process speaks for itself.
    let own = ran.exit_code.and_then(|code| u8::try_from(code).ok());
    End {
        phase,
        code: own.unwrap_or(code),
        message: if own.is_some() {
            String::new()
        } else {
            ran.detail.clone()
        },
    }
}
