//! Reviewing from an exported file: judging what is in it, and deciding without a network.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_client::now;
use countersign_client::trust::{TrustError, TrustStore, Trusted};
use countersign_protocol::api::RequestRecord;
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::digest::{DecisionDigest, Sha256Digest};
use countersign_protocol::export::Export;
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::mask::SecretMark;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::{Phase, Refusal};
use countersign_protocol::reveal::Reveal;
use countersign_protocol::signed::{Signed, Verified};
use countersign_review::text::Untrusted;
use countersign_verify::{Purpose, verify};

use super::file::{ExportedFile, FileError, Seal, append, create};
use super::record::{Carried, Record, Revealed};
use crate::config::{Config, ConfigError};
use crate::decide::{self, DecideError, Intent};
use crate::home::Home;
use crate::inbox::Opened;
use crate::keys::Secret;
use crate::reveal::{self, RevealError};

/// Why a file cannot be reviewed.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nobody is configured here.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Root, directory and policy in it are refused.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A request is not what was exported.
    #[error("request `{0}` is not as it was when it was exported; ask for the file again")]
    Changed(RequestId),
    /// This machine's time cannot be.
    #[error(
        "this machine's clock says {now}, but the file was exported at {exported_at}; set the clock, then open it again"
    )]
    Clock {
        /// What the clock says.
        now: Timestamp,
        /// What the seal says.
        exported_at: Timestamp,
    },
    /// Nothing is revealed.
    #[error(transparent)]
    Reveal(#[from] RevealError),
    /// It was not decided.
    #[error(transparent)]
    Decide(#[from] Box<DecideError>),
}

/// How far clocks of two machines may lie apart before the time of an export is refused.
const SKEW: std::time::Duration = std::time::Duration::from_secs(300);

/// The most times that the history of a request tells of.
const MAX_SHOWN_REVEALS: usize = 1000;

/// An exported file, opened by a reviewer.
#[derive(Debug)]
pub struct FileReview {
    file: ExportedFile,
    export: Option<Verified<Export>>,
    store: Mutex<TrustStore>,
    config: Config,
    person: PersonId,
    into: PathBuf,
    troubles: Vec<String>,
}

/// A row of the queue: the signed request statement, or why it is not believed.
#[derive(Debug)]
pub struct FileRow {
    /// The request, as its line names it.
    pub id: RequestId,
    /// Its statement.
    pub request: Result<Verified<ApprovalRequest>, String>,
    /// Whether this person has decided it from this file.
    pub decided: bool,
}

impl FileReview {
    /// Opens a file. Decisions go into `into`, or into the file itself.
    ///
    /// # Errors
    /// [`ReviewError`] says why it cannot be reviewed here.
    pub fn open(
        home: &Home,
        config: Config,
        path: &Path,
        into: Option<PathBuf>,
    ) -> Result<Self, ReviewError> {
        let person = config.person()?.clone();
        let pinned = config.root()?;
        let file = ExportedFile::open(path)?;
        if file.header.root != pinned {
            let found = file.header.root;
            return Err(FileError::OtherRoot { found, pinned }.into());
        }
        let mut store = TrustStore::pin(&home.trust_folder(), pinned)?;
        let mut troubles = Vec::new();
        if let Err(error) = store.refresh(&file.header.trust, now()) {
            // What is known here may be newer than the file; what is in the file is then judged by that.
            store.trusted()?.check_fresh(now())?;
            troubles.push(format!("the trust in the file is not taken: {error}"));
        }
        if let Some(into) = &into
            && !into.exists()
        {
            create(into, &file.header)?;
        }
        let trusted = store.trusted()?;
        let export = check_seal(&file, &trusted, now(), &mut troubles)?;
        Ok(Self {
            into: into.unwrap_or_else(|| path.to_owned()),
            file,
            export,
            store: Mutex::new(store),
            config,
            person,
            troubles,
        })
    }

    /// Who decides here.
    #[must_use]
    pub const fn person(&self) -> &PersonId {
        &self.person
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The file that decisions are written into.
    #[must_use]
    pub fn into_file(&self) -> &Path {
        &self.into
    }

    /// When it was exported and by whom, if its seal says so.
    #[must_use]
    pub fn exported(&self) -> Option<(Timestamp, &PersonId)> {
        self.export
            .as_ref()
            .map(|export| (export.exported_at, &export.exported_by))
    }

    /// What is wrong with the file as a whole, in sentences.
    pub fn troubles(&self) -> impl Iterator<Item = Untrusted> + '_ {
        self.troubles.iter().map(|trouble| trouble.as_str().into())
    }

    /// Whom and what is trusted.
    ///
    /// # Errors
    /// [`TrustError`] when the store was changed.
    pub fn trusted(&self) -> Result<Trusted, TrustError> {
        self.store().trusted()
    }

    fn store(&self) -> MutexGuard<'_, TrustStore> {
        // The store changes by whole values only; a panic elsewhere leaves it good.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests in the file, each with its statement verified.
    ///
    /// # Errors
    /// [`ReviewError`] when nothing can be trusted.
    pub fn rows(&self) -> Result<Vec<FileRow>, ReviewError> {
        let root = self.trusted()?.root;
        let decided = self.decided()?;
        let row = |entry: &super::file::Entry| FileRow {
            id: entry.id,
            request: self.unchanged(entry.id, &entry.digest).and_then(|()| {
                let request = Signed::<ApprovalRequest>::from(entry.request.clone())
                    .verify(&root)
                    .map_err(|error| error.to_string())?;
                if request.id == entry.id {
                    Ok(request)
                } else {
                    Err(format!(
                        "its line is named `{}`, but its request is another",
                        entry.id
                    ))
                }
            }),
            decided: decided.contains(&entry.id),
        };
        Ok(self.file.requests.iter().map(row).collect())
    }

    fn unchanged(&self, id: RequestId, digest: &Sha256Digest) -> Result<(), String> {
        let sealed = self.export.as_ref().map(|export| export.requests.get(&id));
        if sealed.is_none_or(|sealed| sealed == Some(digest)) {
            Ok(())
        } else {
            Err(ReviewError::Changed(id).to_string())
        }
    }

    /// The requests that this person has decided in the file that decisions go into, as it is now.
    fn decided(&self) -> Result<Vec<RequestId>, ReviewError> {
        let now = ExportedFile::open(&self.into)?;
        let directory = self.trusted()?.directory;
        let own = |carried: &Carried| {
            let decision = Signed::<countersign_protocol::decision::Decision>::from(carried.envelope.clone())
                .verify(&directory)
                .ok()?;
            (decision.reviewer == self.person).then_some(decision.request)
        };
        Ok(now.decisions.iter().filter_map(own).collect())
    }

    /// Reads one request and judges its evidence, as of now, by what is pinned here.
    ///
    /// # Errors
    /// [`ReviewError`] when it cannot be had at all. Whether it is believed stands in the report.
    pub fn fetch(&self, id: RequestId) -> Result<Opened, ReviewError> {
        let exported = self.file.request(id)?;
        if let Some(entry) = self.file.requests.iter().find(|entry| entry.id == id) {
            self.unchanged(id, &entry.digest)
                .map_err(|_| ReviewError::Changed(id))?;
        }
        let (pinned, at) = (self.store().pinned(), now());
        let checkpoint = pinned.checkpoint;
        let report = verify(&exported.evidence, &pinned, at, Purpose::Review);
        if report.chain.as_ref().is_some_and(|chain| chain.request.id != id) {
            return Err(ReviewError::Changed(id));
        }
        if let (true, Some(chain)) = (report.is_valid(), &report.chain)
            && let Some(proven) = chain.log.checkpoint
        {
            self.store().advance_to(proven, checkpoint)?;
        }
        let phase = report
            .chain
            .as_ref()
            .map_or(Phase::Pending, |chain| chain.state.phase());
        Ok(Opened {
            record: Arc::new(RequestRecord {
                phase,
                change: 0,
                evidence: exported.evidence,
                talk: Vec::new(),
                followed: None,
                reveals: self.reveals(id)?,
            }),
            report,
            at,
            checkpoint,
            as_of: self.exported().map(|(at, _)| at),
        })
    }

    /// Who had secrets of a request revealed, as the file that decisions go into says now.
    fn reveals(&self, id: RequestId) -> Result<Vec<Reveal>, ReviewError> {
        let now = ExportedFile::open(&self.into)?;
        let of_it = now.reveals.into_iter().filter(|revealed| revealed.request == id);
        Ok(of_it
            .map(|revealed| revealed.reveal)
            .take(MAX_SHOWN_REVEALS)
            .collect())
    }

    /// Writes into the file that this person has secrets of a request revealed; they may be shown once this returns.
    ///
    /// # Errors
    /// [`ReviewError`] says why it is not recorded.
    pub fn reveal(
        &self,
        request: RequestId,
        secret: Option<SecretMark>,
        why: &str,
    ) -> Result<(), ReviewError> {
        let reason = reveal::reason(why)?;
        // A request that is not in the file has nothing to show.
        self.file.request(request)?;
        let reveal = Reveal {
            person: self.person.clone(),
            at: now(),
            reason,
            secret,
        };
        Ok(append(&self.into, &Record::Reveal(Revealed { request, reveal }))?)
    }

    /// Derives everything again, signs, and writes the decision into the file; returns once it is on disk.
    ///
    /// # Errors
    /// [`ReviewError`] says why nothing was decided.
    pub fn decide(
        &self,
        intent: &Intent,
        secret: &Secret,
        signing: impl Fn(),
    ) -> Result<DecisionDigest, ReviewError> {
        let boxed = |error: DecideError| ReviewError::Decide(Box::new(error));
        let opened = self.fetch(intent.request)?;
        let directory = opened.report.chain.as_ref().map(|chain| &*chain.directory);
        let (_, key) = decide::signing_key(&self.config, directory, intent.key.as_deref()).map_err(boxed)?;
        let mut prepared = decide::prepare(&opened, intent, &self.person, &key).map_err(boxed)?;
        if self.decided()?.contains(&intent.request) {
            return Err(boxed(Refusal::AlreadyVoted.into()));
        }
        if let Some(chain) = &opened.report.chain {
            prepared.without_connection(chain);
        }
        signing();
        let item = decide::sign(prepared, &key, secret).map_err(boxed)?;
        append(
            &self.into,
            &Record::Decision(Carried {
                request: item.request,
                signed_at: item.signed_at,
                envelope: item.envelope.clone(),
            }),
        )?;
        Ok(item.digest())
    }
}

fn check_seal(
    file: &ExportedFile,
    trusted: &Trusted,
    now: Timestamp,
    troubles: &mut Vec<String>,
) -> Result<Option<Verified<Export>>, ReviewError> {
    let damaged = file
        .troubles
        .iter()
        .map(|trouble| format!("line {} is left out: {}", trouble.line, trouble.problem));
    troubles.extend(damaged);
    match file.seal(&trusted.directory) {
        Seal::Whole(export) => {
            if export.exported_at > now.after(SKEW) {
                let exported_at = export.exported_at;
                return Err(ReviewError::Clock { now, exported_at });
            }
            troubles.extend(file.against(&export).into_iter().map(|trouble| trouble.problem));
            Ok(Some(*export))
        }
        Seal::Missing => {
            troubles.push(
                "the file was cut: it has no seal, so its age is not known and requests may be missing"
                    .to_owned(),
            );
            Ok(None)
        }
        Seal::Broken(why) => {
            troubles.push(format!(
                "the seal does not hold, so its age is not known and requests may be missing: {why}"
            ));
            Ok(None)
        }
    }
}
