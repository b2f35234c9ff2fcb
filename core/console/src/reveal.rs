//! Having secrets of a request revealed: recorded durably by the backend first, so that nothing is shown unsaid.
//! Without a network it is written into the file that is reviewed ([`crate::offline`]).

use countersign_protocol::identity::RequestId;
use countersign_protocol::mask::SecretMark;
use countersign_protocol::reveal::{RevealBody, RevealReason};

use crate::decide;
use crate::desk::trouble;
use crate::inbox::{Inbox, InboxError};
use crate::machine::Trouble;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub enum RevealError {
    /// The reason cannot stand.
    #[error("the reason {0}; write in a few words why the secret has to be seen")]
    Reason(&'static str),
    /// The backend was not reached, or refused.
    #[error("it is not recorded, so nothing is shown: {0}")]
    Inbox(#[from] InboxError),
    /// The backend answered without a record of it.
    #[error("the backend did not record it, so nothing is shown: tell its operator")]
    NotRecorded,
    /// This machine gives no randomness.
    #[error("the system gives no randomness, so nothing is shown: {0}")]
    Randomness(String),
}

impl RevealError {
    pub(crate) fn trouble(&self) -> Trouble {
        let code = match self {
            Self::Reason(_) => "reason",
            Self::Inbox(error) => return told(error),
            Self::NotRecorded => "not-recorded",
            Self::Randomness(_) => "internal",
        };
        Trouble::new(code, self.to_string().as_str())
    }
}

fn told(error: &InboxError) -> Trouble {
    let mut trouble = trouble(error);
    let why = b"it is not recorded, so nothing is shown: ";
    trouble.message = [why, trouble.message.bytes()].concat().into();
    trouble
}

/// Takes a reason.
///
/// # Errors
/// [`RevealError::Reason`] when there is none, or too much of it.
pub fn reason(text: &str) -> Result<RevealReason, RevealError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(RevealError::Reason("is missing"));
    }
    RevealReason::new(text).map_err(|_| RevealError::Reason("is longer than 1,024 bytes"))
}

/// Has it recorded that this person is shown a secret of a request, or all; only after that may it be shown.
///
/// # Errors
/// [`RevealError`] says why it is not recorded.
pub async fn record(
    inbox: &Inbox,
    request: RequestId,
    secret: Option<SecretMark>,
    why: &str,
) -> Result<(), RevealError> {
    let reason = reason(why)?;
    let nonce = decide::nonce().map_err(|error| RevealError::Randomness(error.to_string()))?;
    let body = RevealBody {
        nonce,
        reason,
        secret,
    };
    let recorded = inbox.backend().reveal(request, &body).await;
    let recorded = recorded.map_err(InboxError::from)?.reveals;
    let mine = |reveal: &countersign_protocol::reveal::Reveal| {
        reveal.person == *inbox.person() && reveal.reason == body.reason && reveal.secret == secret
    };
    if recorded.iter().any(mine) {
        Ok(())
    } else {
        Err(RevealError::NotRecorded)
    }
}
