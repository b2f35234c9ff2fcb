//! The guard fetches the one grant, and says that it starts.

use std::time::Duration;

use axum::http::StatusCode;
use countersign_protocol::api::StartBody;
use countersign_protocol::digest::{DecisionDigest, GrantDigest};
use countersign_protocol::grant::{Grant, One};
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Nonce;
use countersign_protocol::request::{Event, Phase, Vote};
use countersign_protocol::signed::Signed;
use countersign_verify::{Pinned, Purpose, verify};
use rusqlite::Connection;

use super::case::Case;
use super::{Caller, Engine, moment};
use crate::evidence;
use crate::key;
use crate::problem::Refused;
use crate::store::pending::Pending;
use crate::store::row::Sort;

impl Engine {
    /// Gives the grant and consumes the request with it. Asking again finds the same grant, so that a lost answer
    /// is no loss.
    ///
    /// # Errors
    /// [`Refused`] says why nothing may run.
    pub async fn grant(&self, caller: Caller, id: RequestId) -> Result<(), Refused> {
        let engine = self.clone();
        // A request that turns out not to be approved any more is kept so, although nothing is granted.
        self.store()
            .write(move |conn| engine.grant_here(conn, &caller, &id))
            .await?
    }

    fn grant_here(
        &self,
        conn: &Pending<'_>,
        caller: &Caller,
        id: &RequestId,
    ) -> Result<Result<(), Refused>, Refused> {
        let now = moment(conn)?;
        let trust = self.current_trust(now)?;
        let mut case = Case::open(conn, &trust, id, caller.guard())?;
        case.check_guard(caller)?;
        if case.entry.state.grant().is_some() {
            return Ok(Ok(()));
        }
        case.pass_time(conn, now)?;
        if !case.entry.state.phase().is_open() {
            let phase = case.entry.state.phase();
            return Ok(Err(Refused::conflict(
                phase.word(),
                format!("the request {}; nothing may run", phase.said()),
            )));
        }
        if case.has_moved(now) {
            case.apply(conn, Event::WentStale, None, now)?;
            return Ok(Err(Refused::conflict(
                "stale",
                "the directory or policy moved away; propose again",
            )));
        }
        let votes = case.reevaluate(conn, now)?;
        if case.entry.state.phase() != Phase::Approved {
            return Ok(Err(Refused::conflict(
                "no-quorum",
                "the approvals that stand now are not enough",
            )));
        }
        let checkpoint = self.store().published().checkpoint;
        let logged = |index: Option<u64>| index.is_some_and(|index| index < checkpoint.size);
        if !logged(case.request_index) || !case.decisions.iter().all(|taken| logged(taken.index)) {
            return Ok(Err(not_logged()));
        }
        if let Some(refused) = self.doubts(conn, &case, now)? {
            return Ok(Err(refused));
        }
        let grant = self.grant_of(&case, &votes, now)?;
        let sealed = Signed::seal(&grant, &[self.key.as_ref()]).map_err(|error| {
            tracing::error!(%error, "the backend's key cannot sign");
            Refused::unavailable("the backend's key cannot sign")
        })?;
        let granted = sealed
            .verify(&trust.root)
            .map_err(|error| Refused::unavailable(error.to_string()))?;
        let satisfied = case.is_satisfied(&votes, None, now);
        let event = Event::Granted {
            grant: granted.grant_digest(),
            satisfied,
        };
        case.apply(conn, event, Some((Sort::Grant, granted.envelope())), now)?;
        Ok(Ok(()))
    }

    /// Judges the whole chain as every guard will, before the request is used up: what a guard would refuse is not
    /// granted.
    fn doubts(&self, conn: &Connection, case: &Case, now: Timestamp) -> Result<Option<Refused>, Refused> {
        let evidence = evidence::record(conn, &self.store().published().checkpoint, &case.entry)?.evidence;
        let report = verify(
            &evidence,
            &Pinned::new(*case.trust.root.id()),
            now,
            Purpose::Review,
        );
        let approved = report
            .chain
            .as_ref()
            .is_some_and(|chain| chain.state.phase() == Phase::Approved);
        if report.is_valid() && approved {
            return Ok(None);
        }
        let why: Vec<String> = report
            .problems
            .into_iter()
            .map(|problem| problem.message)
            .collect();
        tracing::error!(request = %case.entry.id, problems = ?why, "the chain does not hold; nothing is granted");
        Ok(Some(Refused::conflict(
            "no-quorum",
            "the chain of this request does not hold here",
        )))
    }

    fn grant_of(&self, case: &Case, votes: &[Vote], now: Timestamp) -> Result<Grant, Refused> {
        let limits = case.trust.policy.bundle.limits;
        let longest = now.after(Duration::from_secs(limits.grant_seconds.into()));
        let mut decisions: Vec<DecisionDigest> = votes.iter().map(|vote| vote.decision).collect();
        decisions.sort();
        let nonce = key::random().map_err(|error| Refused::unavailable(error.to_string()))?;
        Ok(Grant {
            request: case.entry.id,
            request_digest: case.request.request_digest(),
            action_digest: case.request.action_digest,
            guard: case.request.guard.clone(),
            guard_key: case.request.guard_key,
            decisions,
            directory: case.trust.directory.digest(),
            policy: case.trust.policy.bundle.digest(),
            checkpoint: self.store().published().checkpoint.seen(),
            issued_at: now,
            expires_at: case.request.expires_at.min(longest),
            uses: One,
            nonce: Nonce::from_random(nonce),
        })
    }

    /// Takes in that the guard starts. Saying it again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] when it holds no grant for it.
    pub async fn start(&self, caller: Caller, id: RequestId, body: StartBody) -> Result<(), Refused> {
        let engine = self.clone();
        self.store()
            .write(move |conn| engine.start_here(conn, &caller, &id, body.grant))
            .await
    }

    fn start_here(
        &self,
        conn: &Pending<'_>,
        caller: &Caller,
        id: &RequestId,
        grant: GrantDigest,
    ) -> Result<(), Refused> {
        let now = moment(conn)?;
        let mut case = Case::open(conn, &self.trust(), id, caller.guard())?;
        case.check_guard(caller)?;
        let state = &case.entry.state;
        if state.phase() == Phase::Executing && state.grant() == Some(&grant) {
            return Ok(());
        }
        case.apply(conn, Event::Started { grant }, None, now)
    }
}

fn not_logged() -> Refused {
    Refused::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not-logged",
        "not everything stands in the log yet",
        "try again in a second",
    )
    .retry_after(1)
}
