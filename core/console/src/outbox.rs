//! Decisions that are signed but not yet proven to stand in the log.
//!
//! A decision is put here, durably, before it is sent, and stays until the console holds the proof of its
//! inclusion. What a backend acknowledged and then does not show is an alarm: it suppresses decisions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_client::{Backend, ClientError, durable};
use countersign_protocol::api::{AmendBody, RequestRecord};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::canonical::{self, ParseError};
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::DecisionDigest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::signed::Envelope;
use countersign_verify::Chain;
use serde::{Deserialize, Serialize};

/// The schema name of an item.
const SCHEMA: &str = "countersign/outbox/v1";
/// How long after it was acknowledged a decision may take into the log before that is an alarm.
pub const LOGGING_PATIENCE: Duration = Duration::from_secs(300);

/// One decision on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    schema: String,
    /// The request it answers.
    pub request: RequestId,
    /// Which answer.
    pub verdict: Verdict,
    /// The signed decision.
    pub envelope: Envelope,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The bytes that an amendment brings along; absent for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amending: Option<Vec<Artifact>>,
    /// When the backend acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
}

impl Item {
    /// A decision that was just signed.
    #[must_use]
    pub fn new(request: RequestId, verdict: Verdict, envelope: Envelope, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            request,
            verdict,
            envelope,
            signed_at: now,
            amending: None,
            acknowledged_at: None,
        }
    }

    /// The same for an amendment, with the bytes that it brings along.
    #[must_use]
    pub fn amending(self, artifacts: Vec<Artifact>) -> Self {
        Self {
            amending: Some(artifacts),
            ..self
        }
    }

    /// Sends it.
    ///
    /// # Errors
    /// [`ClientError`] says what failed and what to do.
    pub async fn hand_in(&self, backend: &Backend) -> Result<RequestRecord, ClientError> {
        match &self.amending {
            None => backend.decide(self.request, self.envelope.clone()).await,
            Some(artifacts) => {
                let body = AmendBody {
                    amendment: self.envelope.clone(),
                    artifacts: artifacts.clone(),
                };
                backend.amend(self.request, &body).await
            }
        }
    }

    /// The decision's name.
    #[must_use]
    pub fn digest(&self) -> DecisionDigest {
        DecisionDigest::new(self.envelope.payload_digest())
    }

    /// Where the decision stands by the verified evidence of its request.
    #[must_use]
    pub fn standing(&self, chain: &Chain, now: Timestamp) -> Standing {
        let digest = self.digest();
        let decided = chain
            .decisions
            .iter()
            .find(|checked| checked.decision.decision_digest() == digest)
            .map(|checked| checked.logged_index);
        let amended = chain
            .amendment
            .as_ref()
            .filter(|checked| checked.vote.decision == digest);
        let found = decided.or(amended.map(|checked| checked.logged_index));
        if let Some(index) = found.flatten() {
            let size = chain.log.checkpoint.map_or(0, |checkpoint| checkpoint.size);
            return Standing::Logged { index, size };
        }
        match (found, self.acknowledged_at) {
            (Some(_), Some(at)) if now.since(at) > LOGGING_PATIENCE => Standing::Suppressed,
            (Some(_), _) => Standing::Stored,
            (None, Some(_)) => Standing::Suppressed,
            (None, None) => Standing::Unknown,
        }
    }
}

/// Where a decision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its inclusion in the log was proven here.
    Logged {
        /// This decision's own index.
        index: u64,
        /// The size of the log that shows it.
        size: u64,
    },
    /// The backend has it, the log not yet.
    Stored,
    /// The backend has never acknowledged it.
    Unknown,
    /// The backend acknowledged it, and does not show it: an alarm.
    Suppressed,
}

/// Why an outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// A file cannot be read or written.
    #[error("outbox `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("outbox item `{}` cannot be read {source}; it may hold a decision that is not yet logged: keep it and look at it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParseError,
    },
}

/// The outbox of a home.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// The outbox in a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`OutboxError`] when it cannot be made.
    pub fn open(folder: PathBuf) -> Result<Self, OutboxError> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| OutboxError::File {
                path: folder.clone(),
                source,
            })?;
        Ok(Self { folder })
    }

    /// Keeps an item, replacing what was known of the same decision; returns once it is on disk.
    ///
    /// # Errors
    /// [`OutboxError`] when it cannot be kept.
    pub fn put(&self, item: &Item) -> Result<(), OutboxError> {
        let path = self.path(item);
        let failed = |source| OutboxError::File {
            path: path.clone(),
            source,
        };
        let bytes =
            canonical::to_bytes(item).map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        durable::replace(&path, &bytes).map_err(failed)
    }

    /// Forgets an item, once it was proven to be logged or the backend refused it.
    ///
    /// # Errors
    /// [`OutboxError`] when the file cannot be removed.
    pub fn remove(&self, item: &Item) -> Result<(), OutboxError> {
        let path = self.path(item);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(OutboxError::File { path, source: error })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// All items, the oldest first.
    ///
    /// # Errors
    /// [`OutboxError`] at the first file that cannot be read.
    pub fn items(&self) -> Result<Vec<Item>, OutboxError> {
        let failed = |source| OutboxError::File {
            path: self.folder.clone(),
            source,
        };
        let mut items = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                items.push(read(&path)?);
            }
        }
        items.sort_by_key(|item| (item.signed_at, item.digest()));
        Ok(items)
    }

    fn path(&self, item: &Item) -> PathBuf {
        self.folder.join(format!("{}.json", item.digest()))
    }
}

fn read(path: &Path) -> Result<Item, OutboxError> {
    let bytes = std::fs::read(path).map_err(|source| OutboxError::File {
        path: path.to_owned(),
        source,
    })?;
    let damaged = |source| OutboxError::Damaged {
        path: path.to_owned(),
        source,
    };
    let item: Item = canonical::parse(&bytes).map_err(damaged)?;
    if item.schema == SCHEMA {
        Ok(item)
    } else {
        Err(damaged(ParseError::Refused {
            place: "/schema".to_owned(),
            problem: format!("this program reads `{SCHEMA}`"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};

    fn item(byte: u8) -> Item {
        let envelope = Envelope {
            payload_type: "t".to_owned(),
            payload: vec![byte],
            signatures: vec![],
        };
        let id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[byte])));
        Item::new(
            id,
            Verdict::Approve,
            envelope,
            Timestamp::from_millis(u64::from(byte)),
        )
    }

    #[test]
    fn items_outlive_the_program_until_they_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("outbox")).unwrap();
        let mut first = item(1);
        outbox.put(&item(2)).unwrap();
        outbox.put(&first).unwrap();
        first.acknowledged_at = Some(Timestamp::from_millis(9));
        outbox.put(&first).unwrap();

        let again = Outbox::open(folder.path().join("outbox")).unwrap();
        assert_eq!(again.items().unwrap(), [first.clone(), item(2)]);
        again.remove(&first).unwrap();
        again.remove(&first).unwrap();
        assert_eq!(again.items().unwrap(), [item(2)]);
    }

    #[test]
    fn a_damaged_item_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().to_owned()).unwrap();
        outbox.put(&item(1)).unwrap();
        std::fs::write(folder.path().join("x.json"), "{}").unwrap();
        assert!(matches!(outbox.items(), Err(OutboxError::Damaged { .. })));
    }
}
