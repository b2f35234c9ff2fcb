//! The owners renew root, directory or policy; open requests are asked about again.

use std::sync::{Arc, PoisonError};

use countersign_protocol::api::{ChangeSubject, EnvelopeBody};
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::Role;
use countersign_protocol::log::EntryType;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::TrustedBundle;
use countersign_protocol::request::Event;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::{Envelope, Keys as _, Signer as _};

use super::case::Case;
use super::{Engine, moment};
use crate::clock;
use crate::problem::Refused;
use crate::store::StoreError;
use crate::store::pending::Pending;
use crate::store::row::{self, Filing, Sort};
use crate::trust::{Policy, Trust};

/// What the owners sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// The root.
    Root,
    /// The directory.
    Directory,
    /// The policy bundle.
    Policy,
}

impl Engine {
    /// Takes a new document in. The newest one again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] says why it does not follow from what is known.
    pub async fn renew(&self, document: Document, body: EnvelopeBody) -> Result<(), Refused> {
        // Anybody may send documents. What does not hold is found out beside the writer, a few at a time.
        let _place = self.checking.acquire().await.map_err(|_| StoreError::Stopped)?;
        let (engine, publisher) = (self.clone(), self.clone());
        let body = tokio::task::spawn_blocking(move || {
            let filed = engine.check(document, &body.envelope, clock::now())?;
            Ok::<_, Refused>(filed.map(|_| body))
        })
        .await
        .map_err(|_| StoreError::Stopped)??;
        let Some(body) = body else { return Ok(()) };
        let engine = self.clone();
        self.store()
            .write_alone(
                move |conn| engine.renew_here(conn, document, &body.envelope),
                move |renewed: &Option<Arc<Trust>>| {
                    if let Some(trust) = renewed {
                        *publisher.trust.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(trust);
                    }
                },
            )
            .await
            .map(|_| ())
    }

    fn renew_here(
        &self,
        conn: &Pending<'_>,
        document: Document,
        envelope: &Envelope,
    ) -> Result<Option<Arc<Trust>>, Refused> {
        let now = moment(conn)?;
        let filed = self.check(document, envelope, now)?;
        filed.map(|place| file(conn, place, envelope, now)).transpose()
    }

    fn check(&self, document: Document, envelope: &Envelope, now: Timestamp) -> Result<Filed, Refused> {
        let trust = self.trust();
        match document {
            Document::Root => self.check_root(&trust, envelope, now),
            Document::Directory => check_directory(&trust, envelope, now),
            Document::Policy => check_policy(&trust, envelope, now),
        }
    }

    fn check_root(&self, trust: &Trust, envelope: &Envelope, now: Timestamp) -> Result<Filed, Refused> {
        if is_known(trust.root.root().digest(), envelope) {
            return Ok(None);
        }
        let next = follow_root(trust, envelope, now)?;
        let backend = self.key.public_key().id();
        if next.key(&backend, Role::Backend).is_none() || next.key(&self.log_key, Role::Log).is_none() {
            return Err(Refused::invalid(
                "the new root does not name this backend's and log's keys; stop the backend and hand it in with \
                 `countersignd rotate --root FILE`",
            ));
        }
        Ok(Some((Sort::Root, EntryType::Root, next.root().version)))
    }
}

/// Takes a root in while nobody serves: what goes with it is the same, but whose keys it names is the caller's to see.
///
/// # Errors
/// [`Refused`] says why it does not follow from what is known.
pub fn take_root(conn: &Pending<'_>, trust: &Trust, envelope: &Envelope) -> Result<Arc<Trust>, Refused> {
    let now = moment(conn)?;
    let version = follow_root(trust, envelope, now)?.root().version;
    file(conn, (Sort::Root, EntryType::Root, version), envelope, now)
}

/// The root that follows, while it is fresh.
///
/// # Errors
/// [`Refused`] says why it does not follow from what is known.
pub fn follow_root(trust: &Trust, envelope: &Envelope, now: Timestamp) -> Result<TrustedRoot, Refused> {
    let chain: Vec<Envelope> = trust.roots.iter().chain([envelope]).cloned().collect();
    let next = TrustedRoot::follow(trust.root.id(), &chain).map_err(|error| refused(&error))?;
    next.check_fresh(now).map_err(|error| refused(&error))?;
    Ok(next)
}

/// Keeps a document, has it logged and told, and asks about open requests again.
fn file(
    conn: &Pending<'_>,
    (sort, entry, version): (Sort, EntryType, u64),
    envelope: &Envelope,
    now: Timestamp,
) -> Result<Arc<Trust>, Refused> {
    let filing = Filing {
        sort,
        request: None,
        version: Some(version),
        envelope,
        entry: Some(entry),
    };
    row::file(conn, &filing, now)?;
    row::announce(conn, None, &ChangeSubject::Trust, now)?;
    let renewed = Arc::new(Trust::load(conn).map_err(|error| Refused::invalid(error.to_string()))?);
    conn.once_durable(move || tracing::info!(document = sort.word(), version, "trust renewed"));
    ask_again(conn, &renewed, now)?;
    Ok(renewed)
}

/// Where a document is filed; nothing when it is the one that is known.
type Filed = Option<(Sort, EntryType, u64)>;

fn check_directory(trust: &Trust, envelope: &Envelope, now: Timestamp) -> Result<Filed, Refused> {
    if is_known(trust.directory.digest().sha256(), envelope) {
        return Ok(None);
    }
    let seen = trust.directory.version;
    let next = TrustedDirectory::accept(&trust.root, envelope, seen).map_err(|error| refused(&error))?;
    next.check_fresh(now).map_err(|error| refused(&error))?;
    check_higher(next.version, seen)?;
    Ok(Some((Sort::Directory, EntryType::Directory, next.version)))
}

fn check_policy(trust: &Trust, envelope: &Envelope, now: Timestamp) -> Result<Filed, Refused> {
    if is_known(trust.policy.bundle.digest().sha256(), envelope) {
        return Ok(None);
    }
    let seen = trust.policy.bundle.version;
    let next = TrustedBundle::accept(&trust.root, envelope, seen).map_err(|error| refused(&error))?;
    next.check_fresh(now).map_err(|error| refused(&error))?;
    check_higher(next.version, seen)?;
    let next = Policy::load(next).map_err(|error| refused(&error))?;
    Ok(Some((Sort::Policy, EntryType::Policy, next.bundle.version)))
}

fn is_known(newest: &Sha256Digest, envelope: &Envelope) -> bool {
    *newest == envelope.payload_digest()
}

fn check_higher(version: u64, seen: u64) -> Result<(), Refused> {
    if version > seen {
        return Ok(());
    }
    Err(Refused::conflict(
        "same-version",
        format!(
            "another document with version {seen} is here; sign one with version {}",
            seen + 1
        ),
    ))
}

fn refused(error: &dyn std::fmt::Display) -> Refused {
    Refused::invalid(error.to_string())
}

/// Approvals stand only if what the signer saw and what is current both permit them.
fn ask_again(conn: &Pending<'_>, trust: &Arc<Trust>, now: Timestamp) -> Result<(), Refused> {
    for entry in row::open_requests(conn)? {
        let id = entry.id;
        let mut case = match Case::of(conn, trust, entry) {
            Ok(case) => case,
            Err(error) => {
                // It can no longer be judged, so it can no longer be granted either.
                tracing::warn!(request = %id, %error, "an open request does not hold under the new documents");
                continue;
            }
        };
        case.pass_time(conn, now)?;
        if !case.entry.state.phase().is_open() {
            continue;
        }
        if case.has_moved(now) {
            case.apply(conn, Event::WentStale, None, now)?;
        } else {
            case.reevaluate(conn, now)?;
        }
    }
    Ok(())
}
