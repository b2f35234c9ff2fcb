//! What the machine wants done. A [`super::driver`] does it and reports back.

use countersign_protocol::decision::{Attention, Verdict};
use countersign_protocol::digest::{ActionDigest, RequestDigest, ViewDigest};
use countersign_protocol::identity::RequestId;
use countersign_protocol::mask::SecretMark;
use secrecy::SecretString;

use super::ceremony::{Passphrase, Unlock};
use super::reading::Reading;
use crate::amend::Wanted;
pub use crate::decide::CallingOff;
use crate::keys::Secret;

/// Something to do.
#[derive(Debug)]
pub enum Effect {
    /// Read whom and what this console trusts.
    LoadTrust,
    /// Fetch and verify the rows of the queue.
    LoadQueue,
    /// Listen for changes until the program ends.
    Watch,
    /// Fetch and verify one request, and compute what is read.
    Open(RequestId),
    /// Ask the agent of a request.
    Ask {
        /// The request.
        request: RequestId,
        /// The question.
        text: String,
    },
    /// Have it recorded durably that secrets of a request are about to be shown. Nothing is shown before.
    Reveal {
        /// The request.
        request: RequestId,
        /// The one secret; without it, all.
        secret: Option<SecretMark>,
        /// Why.
        reason: String,
    },
    /// Tell others that a request is on the screen, from now on and until another is, or none.
    Look(Option<RequestId>),
    /// Ask the key that signs how it stands, before anything is asked for. Uses up nothing.
    AskKey(RequestId),
    /// Sign a decision and send it. The only effect that uses a reviewer's key.
    Decide(Box<Order>),
}

/// An order to sign: exactly what the person saw and asked for. Whoever performs it derives everything again and
/// refuses when anything differs.
#[derive(Debug)]
pub struct Order {
    /// The request.
    pub request: RequestId,
    /// The asking that was read.
    pub request_digest: RequestDigest,
    /// The content that was read.
    pub action_digest: ActionDigest,
    /// The sheet that was read.
    pub view_digest: ViewDigest,
    /// The answer.
    pub verdict: Verdict,
    /// What a denial proposes instead: what is wanted, and the action that this was shown to be.
    pub instead: Option<(Wanted, ActionDigest)>,
    /// Why.
    pub reason: String,
    /// What was on screen.
    pub attention: Attention,
    /// Whether secrets of it were shown in the clear.
    pub revealed: bool,
    /// What the key asks for.
    pub unlock: Unlock,
    /// It, where it was typed.
    pub passphrase: Passphrase,
    /// The person's way to call it off while the key is still asked.
    pub calling_off: CallingOff,
}

impl Order {
    /// An order to sign a decision on what was read.
    pub(super) fn of(
        reading: &Reading,
        verdict: Verdict,
        reason: &str,
        attention: Attention,
        (unlock, passphrase): (Unlock, Passphrase),
        calling_off: CallingOff,
    ) -> Self {
        Self {
            request: reading.id,
            request_digest: reading.request_digest,
            action_digest: reading.action_digest,
            view_digest: reading.view_digest,
            verdict,
            instead: None,
            reason: reason.trim().to_owned(),
            attention,
            revealed: false,
            unlock,
            passphrase,
            calling_off,
        }
    }

    /// What unlocks the key, taken out of the order.
    pub fn take_secret(&mut self) -> Secret {
        let typed = std::mem::take(&mut self.passphrase);
        match self.unlock {
            Unlock::Remembered => Secret::Remembered,
            Unlock::Passphrase | Unlock::Pin | Unlock::Touch => {
                Secret::Given(SecretString::from(typed.expose()))
            }
        }
    }
}
