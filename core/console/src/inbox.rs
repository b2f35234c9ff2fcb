//! The inbox: what the backend shows, verified on entry.
//!
//! Nothing passes from the network to a reader unverified. A row (`row`) is its request statement under the pinned
//! backend key; an opened request is its whole evidence judged by `countersign-verify`. What does not hold is
//! passed on as refused, with the problems, and never looks like the rest.

mod row;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_client::http::{Backend, Options};
use countersign_client::key_file::{self, KeyFileError};
use countersign_client::trust::{TrustError, TrustStore, Trusted};
use countersign_client::{ClientError, now};
use countersign_protocol::api::RequestRecord;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::decision::SeenCheckpoint;
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_verify::{Pinned, Purpose, Report, verify};

use crate::config::{Config, ConfigError};
use crate::home::Home;
use crate::kept::Copies;
use crate::offline::import::still_good;
use crate::outbox::{Item, Outbox, OutboxError, Standing};
pub use row::Row;

/// Why the inbox has nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    /// The configuration is not there or not good.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The login key cannot be used.
    #[error(transparent)]
    LoginKey(#[from] KeyFileError),
    /// The backend cannot be reached, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What it shows of root, directory, policy or log is refused.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// It answered with another request.
    #[error("the backend answered with request `{found}` when it was asked for `{asked}`")]
    OtherRequest {
        /// The request that was asked for.
        asked: RequestId,
        /// The request that came.
        found: RequestId,
    },
    /// A decision that waited here can no longer count.
    #[error("your decision was not sent: {0}")]
    Overtaken(String),
}

/// One request, fetched and judged.
#[derive(Debug)]
pub struct Opened {
    /// What the backend sent.
    pub record: Arc<RequestRecord>,
    /// What it amounts to.
    pub report: Report,
    /// When it was judged.
    pub at: Timestamp,
    /// What it was judged against.
    pub checkpoint: Option<SeenCheckpoint>,
    /// When the backend showed it, where this is a copy and not what it shows now.
    pub as_of: Option<Timestamp>,
}

/// What became of a decision in the outbox.
#[derive(Debug)]
pub struct Followed {
    /// The decision.
    pub item: Item,
    /// Where it stands; or why that is not known.
    pub standing: Result<Standing, InboxError>,
}

/// The inbox of one reviewer.
#[derive(Debug, Clone)]
pub struct Inbox {
    backend: Backend,
    store: Arc<Mutex<TrustStore>>,
    outbox: Outbox,
    copies: Copies,
    person: PersonId,
    config: Arc<Config>,
}

impl Inbox {
    /// Opens the inbox of a home that was logged in.
    ///
    /// # Errors
    /// [`InboxError`] says what is missing, and what to do.
    pub fn open(home: &Home) -> Result<Self, InboxError> {
        let config = Config::load(&home.config_file())?;
        let options = Options {
            ca_file: config.ca_file.clone(),
            ..Options::default()
        };
        Self::open_with(home, config, options)
    }

    /// Opens the inbox with a configuration and options of the caller's.
    ///
    /// # Errors
    /// [`InboxError`] says what is missing, and what to do.
    pub fn open_with(home: &Home, config: Config, options: Options) -> Result<Self, InboxError> {
        let person = config.person()?.clone();
        let store = TrustStore::pin(&home.trust_folder(), config.root()?)?;
        let login = key_file::load(&home.login_key())?;
        Ok(Self {
            backend: Backend::new(config.backend()?, Some(Arc::new(login)), options)?,
            store: Arc::new(Mutex::new(store)),
            outbox: Outbox::open(home.outbox_folder())?,
            copies: Copies::new(home.copies_folder()),
            person,
            config: Arc::new(config),
        })
    }

    /// Who decides here.
    #[must_use]
    pub const fn person(&self) -> &PersonId {
        &self.person
    }

    /// The configuration it was opened with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The backend.
    #[must_use]
    pub const fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The outbox.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Requests as they were seen last.
    #[must_use]
    pub const fn copies(&self) -> &Copies {
        &self.copies
    }

    /// The trust store. Not to be held over an await.
    pub fn store(&self) -> MutexGuard<'_, TrustStore> {
        // The store changes by whole values only; a panic elsewhere leaves it good.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches and verifies root, directory and policy.
    ///
    /// # Errors
    /// [`InboxError`] says why they are refused.
    pub async fn refresh_trust(&self) -> Result<Trusted, InboxError> {
        let document = self.backend.trust().await?;
        let mut store = self.store();
        store.refresh(&document, now())?;
        Ok(store.trusted()?)
    }

    /// The trust that is known, fetched once where there is none yet.
    ///
    /// # Errors
    /// [`InboxError`] says why there is none.
    pub async fn trusted(&self) -> Result<Trusted, InboxError> {
        let known = self.store().trusted();
        match known {
            Err(TrustError::Empty) => self.refresh_trust().await,
            known => Ok(known?),
        }
    }

    /// Fetches the newest checkpoint and takes it in, if it is proven to continue the one seen before.
    ///
    /// # Errors
    /// [`InboxError`]; a log that does not continue is an alarm.
    pub async fn refresh_checkpoint(&self) -> Result<SeenCheckpoint, InboxError> {
        let note = self.backend.checkpoint().await?;
        let (seen, next) = {
            let store = self.store();
            (store.checkpoint(), store.open_checkpoint(&note)?)
        };
        let proof = match seen {
            Some(seen) if seen.size > 0 && seen.size < next.size => {
                self.backend.consistency(seen.size, next.size).await?.proof
            }
            Some(_) | None => Vec::new(),
        };
        Ok(self.store().advance(&note, &proof)?)
    }

    /// Fetches one request and judges its evidence. What holds is kept for when the backend is gone.
    ///
    /// # Errors
    /// [`InboxError`] when it cannot be had at all. Whether it is believed stands in the report.
    pub async fn fetch(&self, id: RequestId) -> Result<Opened, InboxError> {
        let opened = self.fetch_unkept(id).await?;
        self.keep(&opened).await;
        Ok(opened)
    }

    /// Fetches one request, or, when the backend is gone, judges the copy of it as of now. What holds is kept for when
    /// the backend is gone.
    ///
    /// # Errors
    /// [`InboxError`] when there is neither.
    pub async fn fetch_or_copy(&self, id: RequestId) -> Result<Opened, InboxError> {
        let opened = self.fetch_or_copy_unkept(id).await?;
        self.keep(&opened).await;
        Ok(opened)
    }

    /// Trust is refreshed first, so that the request is judged by the newest.
    async fn fetch_unkept(&self, id: RequestId) -> Result<Opened, InboxError> {
        self.refresh_trust().await?;
        // Read first: the backend must show a log at least as long as this.
        let pinned = self.store().pinned();
        let mut record = self.backend.request(id).await?;
        let checkpoint = pinned.checkpoint;
        let sent = record.evidence.consistency.len();
        self.bridge(&mut record.evidence, checkpoint).await?;
        let opened = self.judge(record, sent, pinned).await?;
        if opened
            .report
            .chain
            .as_ref()
            .is_some_and(|chain| chain.request.id != id)
        {
            return Err(other_request(id, &opened));
        }
        if let (true, Some(chain)) = (opened.report.is_valid(), &opened.report.chain)
            && let Some(proven) = chain.log.checkpoint
        {
            // The evidence carried the proof that this continues what was seen.
            self.store().advance_to(proven, checkpoint)?;
        }
        Ok(opened)
    }

    /// As [`Self::fetch_or_copy`], without a new copy: for who shows it first and has it kept afterwards.
    ///
    /// # Errors
    /// [`InboxError`] when there is neither.
    pub(crate) async fn fetch_or_copy_unkept(&self, id: RequestId) -> Result<Opened, InboxError> {
        let gone = match self.fetch_unkept(id).await {
            Err(InboxError::Client(error)) if error.is_unreachable() => error,
            fetched => return fetched,
        };
        let Some(copy) = self.copies.copy(id) else {
            return Err(gone.into());
        };
        let sent = copy.record.evidence.consistency.len();
        let mut pinned = self.store().pinned();
        let seen = pinned.checkpoint;
        if self.is_behind(&copy.record.evidence, seen) {
            // It was proven to continue what had been seen here when it was kept. That the log has grown since makes it
            // as old as it says it is, and not another.
            pinned.checkpoint = None;
        }
        let mut opened = self.judge(copy.record, sent, pinned).await?;
        opened.checkpoint = seen;
        if opened
            .report
            .chain
            .as_ref()
            .is_some_and(|chain| chain.request.id != id)
        {
            return Err(other_request(id, &opened));
        }
        opened.as_of = Some(copy.as_of);
        Ok(opened)
    }

    /// Whether evidence shows the log at an older size than was seen here.
    fn is_behind(&self, evidence: &Evidence, seen: Option<SeenCheckpoint>) -> bool {
        let shown = self.shown(evidence);
        shown
            .zip(seen)
            .is_some_and(|(shown, seen)| shown.size < seen.size)
    }

    /// The checkpoint of evidence, where the log's key signed it.
    fn shown(&self, evidence: &Evidence) -> Option<SeenCheckpoint> {
        let log = evidence.log.as_ref()?;
        self.store().open_checkpoint(&log.checkpoint).ok()
    }

    /// Judges a record. Large artifacts take time to judge; the loop that draws must not wait for it.
    ///
    /// Of its proofs of consistency so many were `sent` with it; the others serve here alone, and are not passed on.
    async fn judge(
        &self,
        mut record: RequestRecord,
        sent: usize,
        pinned: Pinned,
    ) -> Result<Opened, InboxError> {
        let at = now();
        let checkpoint = pinned.checkpoint;
        let judged = tokio::task::spawn_blocking(move || {
            let report = verify(&record.evidence, &pinned, at, Purpose::Review);
            record.evidence.consistency.truncate(sent);
            (Arc::new(record), report)
        });
        let (record, report) = judged.await.map_err(|_| ClientError::Unreadable {
            doing: "verify the evidence",
            url: self.backend.url().to_owned(),
            problem: "its verification ended early".to_owned(),
        })?;
        Ok(Opened {
            record,
            report,
            at,
            checkpoint,
            as_of: None,
        })
    }

    /// Keeps what was fetched and holds for when the backend is gone. Without it there is no copy, and nothing else is
    /// lost.
    pub(crate) async fn keep(&self, opened: &Opened) {
        let Some(chain) = opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) else {
            return;
        };
        if opened.as_of.is_some() {
            return;
        }
        let (id, copies, record, at) = (
            chain.request.id,
            self.copies.clone(),
            Arc::clone(&opened.record),
            opened.at,
        );
        let kept = tokio::task::spawn_blocking(move || copies.keep(id, &record, at)).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::warn!(request = %id, "no copy of the request could be kept");
        }
    }

    /// Fetches the proof that the evidence's log continues the one seen here, where the evidence lacks it.
    async fn bridge(&self, evidence: &mut Evidence, seen: Option<SeenCheckpoint>) -> Result<(), InboxError> {
        let shown = self.shown(evidence);
        // A checkpoint that cannot be opened is the verification's to refuse.
        Ok(self.backend.bridge(evidence, seen, shown).await?)
    }

    /// Sends what was not acknowledged, and looks whether the rest is proven to be logged. What is, is forgotten.
    ///
    /// # Errors
    /// [`InboxError`] when the outbox itself cannot be read.
    pub async fn follow_outbox(&self) -> Result<Vec<Followed>, InboxError> {
        let mut followed = Vec::new();
        for item in self.outbox.items()? {
            let standing = self.follow(&item).await;
            if let Ok(Standing::Logged { .. }) = standing {
                self.outbox.remove(&item)?;
            }
            followed.push(Followed { item, standing });
        }
        Ok(followed)
    }

    /// Looks where one decision stands; sends it when the backend does not have it.
    ///
    /// # Errors
    /// [`InboxError`] when that cannot be found out.
    pub async fn follow(&self, item: &Item) -> Result<Standing, InboxError> {
        if item.acknowledged_at.is_none() {
            // It may have waited long: what it answers has to be there still, as it was signed.
            let opened = self.fetch(item.request).await?;
            let Some(chain) = opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) else {
                return Ok(Standing::Unknown);
            };
            if let Err(refused) = still_good(item, chain, opened.at) {
                self.outbox.remove(item)?;
                return Err(InboxError::Overtaken(refused.to_string()));
            }
            if let Err(error) = item.hand_in(&self.backend).await {
                // A refusal that lasts is told once; the decision counts nowhere.
                if error.is_lasting_refusal() {
                    self.outbox.remove(item)?;
                }
                return Err(error.into());
            }
            let mut acknowledged = item.clone();
            acknowledged.acknowledged_at = Some(now());
            self.outbox.put(&acknowledged)?;
        }
        let opened = self.fetch(item.request).await?;
        Ok(match &opened.report.chain {
            Some(chain) if opened.report.is_valid() => item.standing(chain, opened.at),
            Some(_) | None => Standing::Unknown,
        })
    }
}

fn other_request(asked: RequestId, opened: &Opened) -> InboxError {
    let found = opened
        .report
        .chain
        .as_ref()
        .map_or(asked, |chain| chain.request.id);
    InboxError::OtherRequest { asked, found }
}
