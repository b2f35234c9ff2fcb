//! The engine: the only writer, and the only place where a request's fate is moved on.
//!
//! Each operation runs inside one transaction of the store's writer thread: it reads what is there, lets
//! [`RequestState::apply`](countersign_protocol::request::RequestState::apply) decide, and keeps state, envelope
//! and outbox row together. It counts nothing and interprets no policy itself.

mod account;
mod amend;
mod approved;
mod case;
mod decide;
mod enrol;
mod grant;
mod propose;
mod renew;
mod reveal;
mod sweep;
mod talk;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{GuardId, PersonId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Refusal;
use rusqlite::Connection;
use tokio::sync::Semaphore;

pub use renew::{Document, follow_root, take_root};

use crate::clock;
use crate::key::BackendKey;
use crate::problem::Refused;
use crate::store::{Store, row};
use crate::trust::Trust;

/// How far the clock may stand behind the newest leaf before nothing is written any more.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// How many trust documents are checked at once.
const CHECKS: usize = 2;

/// Who sends a request, as its signature proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A human, by a login key.
    Person {
        /// Who.
        person: PersonId,
        /// The login key.
        key: KeyId,
    },
    /// A guard, by its own key.
    Guard {
        /// Which.
        guard: GuardId,
        /// Its key.
        key: KeyId,
    },
}

impl Caller {
    /// The key that signed the HTTP request.
    #[must_use]
    pub const fn key(&self) -> &KeyId {
        match self {
            Self::Person { key, .. } | Self::Guard { key, .. } => key,
        }
    }

    /// The guard, when it is one: guards see only what is their own.
    #[must_use]
    pub const fn guard(&self) -> Option<&GuardId> {
        match self {
            Self::Guard { guard, .. } => Some(guard),
            Self::Person { .. } => None,
        }
    }
}

/// The engine.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    trust: Arc<RwLock<Arc<Trust>>>,
    key: Arc<BackendKey>,
    log_key: KeyId,
    checking: Arc<Semaphore>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over a store.
    #[must_use]
    pub fn new(store: Store, trust: Trust, key: BackendKey, log_key: KeyId) -> Self {
        Self {
            store,
            trust: Arc::new(RwLock::new(Arc::new(trust))),
            key: Arc::new(key),
            log_key,
            checking: Arc::new(Semaphore::new(CHECKS)),
        }
    }

    /// The store, for reading.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What the organisation signed about itself, as of now.
    #[must_use]
    pub fn trust(&self) -> Arc<Trust> {
        Arc::clone(&self.trust.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The trust, when nothing of it has run out.
    fn current_trust(&self, now: Timestamp) -> Result<Arc<Trust>, Refused> {
        let trust = self.trust();
        trust.check_current(now).map_err(|error| {
            Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "trust-expired",
                "nothing can be decided under the documents held here",
                error.to_string(),
            )
        })?;
        Ok(trust)
    }
}

/// Now, never before the newest leaf. A clock that was set back stops every change.
fn moment(conn: &Connection) -> Result<Timestamp, Refused> {
    let now = clock::now();
    let Some(newest) = row::newest_leaf(conn)? else {
        return Ok(now);
    };
    if newest.since(now) > CLOCK_SLACK {
        tracing::error!(%now, %newest, "the clock stands behind the log");
        return Err(Refused::unavailable(
            "the backend's clock stands behind its own log; the operator has to set it right",
        ));
    }
    Ok(now.max(newest))
}

fn refused(refusal: Refusal) -> Refused {
    let detail = refusal.to_string();
    match refusal {
        Refusal::Over => Refused::conflict("over", detail),
        Refusal::WrongPhase => Refused::conflict("wrong-phase", detail),
        Refusal::Expired => Refused::conflict("expired", detail),
        Refusal::Mismatch => Refused::conflict("mismatch", detail),
        Refusal::Replayed => Refused::conflict("replayed", detail),
        Refusal::AlreadyVoted => Refused::conflict("already-voted", detail),
        Refusal::NoQuorum => Refused::conflict("no-quorum", detail),
        Refusal::OtherGrant => Refused::conflict("other-grant", detail),
        Refusal::DecisionExpired => Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "decision-expired",
            "the decision is refused",
            detail,
        ),
        Refusal::Excluded => Refused::new(
            StatusCode::FORBIDDEN,
            "excluded",
            "you may not decide this",
            detail,
        ),
        Refusal::NotEligible => Refused::new(
            StatusCode::FORBIDDEN,
            "not-eligible",
            "you may not decide this",
            detail,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::row::{Filing, Sort};
    use crate::store::schema;
    use countersign_protocol::log::EntryType;
    use countersign_protocol::signed::Envelope;

    #[test]
    fn a_clock_behind_the_log_stops_every_change() {
        let mut conn = Connection::open_in_memory().unwrap();
        schema::migrate(&mut conn).unwrap();
        let log = |conn: &Connection, byte, at| {
            let envelope = Envelope {
                payload_type: "t".into(),
                payload: vec![byte],
                signatures: vec![],
            };
            let filing = Filing {
                sort: Sort::Verdict,
                request: None,
                version: None,
                envelope: &envelope,
                entry: Some(EntryType::Verdict),
            };
            row::file(conn, &filing, at).unwrap();
        };
        assert!(moment(&conn).is_ok());
        let soon = clock::now().after(Duration::from_secs(30));
        log(&conn, 1, soon);
        assert_eq!(moment(&conn).unwrap(), soon, "time never goes back in the log");
        log(&conn, 2, clock::now().after(Duration::from_secs(90)));
        assert_eq!(moment(&conn).unwrap_err().problem().code(), "unavailable");
    }
}
