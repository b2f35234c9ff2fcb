//! The desk of somebody who reads evidence: the whole chain of one request in a file, judged against the pinned root.
//!
//! There is nothing to decide. Whether the evidence holds is told first, step by step: [`EvidenceDesk::state`] begins
//! there, and where the chain cannot be followed, that is all there is to read.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use countersign_client::now;
use countersign_client::trust::TrustStore;
use countersign_protocol::api::RequestRecord;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::request::Phase;
use countersign_verify::{Account, Pinned, Purpose, Report, verify};

use crate::config::{Config, ConfigError};
use crate::desk;
use crate::home::Home;
use crate::inbox::Opened;
use crate::machine::driver::Desk;
use crate::machine::{
    Connection, News, Order, Progress, Reading, Row, RowContent, State, Summary, Trouble, Trust,
};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Why a file is not read as evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Nothing is configured to judge it by.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// It is too large.
    #[error("it is larger than {} MiB", MAX_BYTES / 1024 / 1024)]
    TooLarge,
    /// It is something else.
    #[error("it is no evidence: {0}")]
    NoEvidence(String),
}

/// A desk over one file of evidence.
#[derive(Debug, Clone)]
pub struct EvidenceDesk {
    opened: Arc<Opened>,
    id: RequestId,
    home: Home,
    config: Arc<Config>,
    person: PersonId,
}

impl EvidenceDesk {
    /// Reads a file and judges it.
    ///
    /// # Errors
    /// [`EvidenceError`] says why it is not read as evidence.
    pub fn open(home: &Home, config: Config, path: &Path) -> Result<Self, EvidenceError> {
        let (person, root) = (config.person()?.clone(), config.root()?);
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(EvidenceError::TooLarge);
        }
        let evidence =
            Evidence::from_json(&bytes).map_err(|error| EvidenceError::NoEvidence(error.to_string()))?;
        let at = now();
        let report = verify(&evidence, &Pinned::new(root), at, Purpose::Audit);
        let (id, phase) = match &report.chain {
            Some(chain) => (chain.request.id, chain.state.phase()),
            // Nothing in it says which request it is about; the file stands for itself.
            None => (
                RequestId::of(&ProposalDigest::new(Sha256Digest::of(&bytes))),
                Phase::Unknown,
            ),
        };
        let record = RequestRecord {
            phase,
            change: 0,
            evidence,
            talk: Vec::new(),
            followed: None,
            reveals: Vec::new(),
        };
        let opened = Opened {
            record: Arc::new(record),
            report,
            at,
            checkpoint: None,
            as_of: None,
        };
        Ok(Self {
            opened: Arc::new(opened),
            id,
            home: home.clone(),
            config: Arc::new(config),
            person,
        })
    }

    /// A console that begins with what was checked.
    #[must_use]
    pub fn state(&self) -> State {
        State::evidence(self.id, Account::of(&self.opened.report))
    }

    fn summary(&self) -> Option<Summary> {
        let chain = self.opened.report.chain.as_ref()?;
        let approved = chain
            .state
            .standing(self.opened.at)
            .map(|vote| vote.person.clone())
            .collect();
        let mut summary = Summary::of(&chain.request, chain.state.phase(), approved, &self.person);
        summary.why_not = Some("this is evidence: it is read, and nothing is decided by it".to_owned());
        Some(summary)
    }
}

impl Desk for EvidenceDesk {
    async fn trust(&self) -> Result<Trust, Trouble> {
        let store = self
            .config
            .root()
            .map_err(|error| Trouble::new("not-configured", error.to_string().as_str()))
            .and_then(|root| {
                TrustStore::pin(&self.home.trust_folder(), root)
                    .map_err(|error| desk::trouble_of_trust(&error))
            })?;
        let trusted = store.trusted().map_err(|error| desk::trouble_of_trust(&error))?;
        Ok(desk::trust_of(&trusted, &self.config, &self.person))
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        let content = match self.summary().filter(|_| self.opened.report.is_valid()) {
            Some(summary) => RowContent::Verified(Box::new(summary)),
            None => RowContent::Refused(vec![Trouble::new(
                "not-valid",
                problems(&self.opened.report).as_str(),
            )]),
        };
        Ok(vec![Row {
            id: self.id,
            change: 0,
            content,
        }])
    }

    async fn open(&self, _id: RequestId) -> Result<Reading, Trouble> {
        let desk = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut reading = desk::reading(&desk.opened, &desk.config, &desk.person)?;
            if let Some(summary) = desk.summary() {
                reading.summary = summary;
            }
            reading.weak_key = None;
            reading.asked = None;
            Ok(reading)
        });
        read.await
            .map_err(|_| Trouble::new("internal", "reading the evidence ended early"))?
    }

    async fn decide(&self, _order: Order, report: impl Fn(Progress) + Send + Sync) {
        report(Progress::Failed(
            "this is evidence: it is read, and nothing is decided by it".into(),
        ));
    }

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tell(News::Connection(Connection::Offline));
        std::future::pending::<()>().await;
    }
}

fn problems(report: &Report) -> String {
    let all: Vec<&str> = report
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    all.join("; ")
}
