//! Sends what the journal's outbox holds to the backend, until the backend has accepted it.
//!
//! What the backend refuses for a reason that asking again does not change is set aside, told, and tried again now and
//! then, so that it holds up nothing and still arrives once the reason is gone.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_client::key_file::FileSigner;
use countersign_client::trust::{TrustError, TrustStore};
use countersign_client::{Backend, ClientError, now};
use countersign_protocol::api::{VerdictBatch, VerdictItem};
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::canonical;
use countersign_protocol::identity::{GuardId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::receipt::Withdrawal;
use countersign_protocol::signed::{Envelope, SignError, SignatureError, Signed};
use countersign_protocol::text::Line;
use serde::{Deserialize, Serialize};

use crate::record::{Journal, JournalError, Outgoing, Route};

/// The first pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often the outbox is looked at without being woken.
const IDLE_PAUSE: Duration = Duration::from_secs(15);
/// How long what was refused is set aside.
const ASIDE: Duration = Duration::from_secs(3600);

/// Why a statement was not accepted.
#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error(transparent)]
    Backend(#[from] ClientError),
    #[error("what is to be reported cannot be read: {0}")]
    Malformed(#[from] canonical::ParseError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("the backend's request is refused: {0}")]
    Request(#[from] SignatureError),
    #[error("the backend's request is about another proposal")]
    OtherRequest,
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl ReportError {
    /// Whether the same statement would be refused again.
    fn is_lasting(&self) -> bool {
        match self {
            Self::Backend(error) => error.is_lasting_refusal() || matches!(error, ClientError::Body { .. }),
            Self::Malformed(_) => true,
            Self::Trust(_) | Self::Request(_) | Self::OtherRequest | Self::Sign(_) => false,
        }
    }
}

/// Sends what waits.
#[derive(Debug)]
pub struct Reporter<'a> {
    /// Where it waits.
    pub journal: &'a Journal,
    /// Where it goes.
    pub backend: &'a Backend,
    /// What was pinned.
    pub store: &'a Mutex<TrustStore>,
    /// This guard's key.
    pub signer: &'a FileSigner,
    /// This guard.
    pub guard: &'a GuardId,
}

/// A withdrawal that is yet to be signed: it names the backend's request, which only the backend can show.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    reason: Line,
    at: Timestamp,
}

/// The body of a withdrawal for the outbox.
///
/// # Errors
/// [`canonical::EncodeError`] cannot happen for texts.
pub fn withdrawal(reason: &str) -> Result<Vec<u8>, canonical::EncodeError> {
    canonical::to_bytes(&Wish {
        reason: Line::new(reason).unwrap_or_default(),
        at: now(),
    })
}

impl Reporter<'_> {
    /// Sends for ever, woken by `wake`.
    pub async fn run(&self, wake: &tokio::sync::Notify) {
        let mut pause = FIRST_PAUSE;
        let mut tried = None;
        loop {
            let waiting = match self.send_in_turn(&mut tried).await {
                Ok(0) => {
                    pause = FIRST_PAUSE;
                    IDLE_PAUSE
                }
                Ok(left) => {
                    tracing::warn!(left, pause_s = pause.as_secs(), "statements wait for the backend");
                    let longer = (pause * 2).min(LONGEST_PAUSE);
                    std::mem::replace(&mut pause, longer)
                }
                Err(error) => {
                    tracing::error!(%error, "outbox cannot be read");
                    LONGEST_PAUSE
                }
            };
            // Woken or not, there is nothing to do with the answer but to look again.
            let _ = tokio::time::timeout(waiting, wake.notified()).await;
        }
    }

    /// Sends what waits; what was set aside too, at first and whenever it was set aside for long enough.
    async fn send_in_turn(&self, tried: &mut Option<Instant>) -> Result<usize, JournalError> {
        if tried.is_none_or(|tried| tried.elapsed() >= ASIDE) {
            self.journal.try_again()?;
            *tried = Some(Instant::now());
        }
        self.send_all().await
    }

    /// Sends what waits, each statement once; gives how many are still to be sent. None holds up those of other
    /// requests.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read or written.
    pub async fn send_all(&self) -> Result<usize, JournalError> {
        let mut left = 0;
        let mut last = 0;
        while let Some(outgoing) = self.journal.next_outgoing(last)? {
            last = outgoing.id;
            let (request, route) = (outgoing.request, outgoing.route.word());
            match self.send(&outgoing).await {
                Ok(()) => self.journal.sent(outgoing.id)?,
                Err(error) if error.is_lasting() => {
                    self.journal.set_aside(outgoing.id, &error.to_string())?;
                    tracing::error!(%request, route, %error, "statement was refused; it is kept and sent again later");
                }
                Err(error) => {
                    left += 1;
                    tracing::warn!(%request, route, %error, "statement was not accepted");
                }
            }
        }
        Ok(left)
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<(), ReportError> {
        match outgoing.route {
            Route::Receipt => {
                let receipt = Envelope::from_json(&outgoing.body)?;
                self.backend.receipt(outgoing.request, receipt).await?;
                Ok(())
            }
            Route::Withdrawal => {
                let wish: Wish = canonical::parse(&outgoing.body)?;
                match self.withdraw(outgoing.request, wish).await {
                    // It is over there already, or never came there.
                    Err(ReportError::Backend(ClientError::Refused {
                        status: 404 | 409 | 410,
                        ..
                    })) => Ok(()),
                    done => done,
                }
            }
            Route::Verdict => {
                let item: VerdictItem = canonical::parse_within(&outgoing.body, 4 * canonical::MAX_BYTES)?;
                let batch = VerdictBatch { records: vec![item] };
                Ok(self.backend.verdicts(&batch).await?)
            }
        }
    }

    async fn withdraw(&self, id: RequestId, wish: Wish) -> Result<(), ReportError> {
        let record = self.backend.request(id).await?;
        if !record.phase.is_open() {
            return Ok(());
        }
        let root = self
            .store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .trusted()?
            .root;
        let request = Signed::<ApprovalRequest>::from(record.evidence.request.envelope).verify(&root)?;
        if request.id != id || RequestId::of(&request.proposal) != id {
            return Err(ReportError::OtherRequest);
        }
        let withdrawal = Withdrawal {
            request: id,
            request_digest: request.request_digest(),
            guard: self.guard.clone(),
            reason: wish.reason,
            at: wish.at,
        };
        let withdrawal = Signed::seal(&withdrawal, &[self.signer])?;
        self.backend.withdraw(id, withdrawal.into_envelope()).await?;
        Ok(())
    }
}
