//! `countersign approve` and `countersign deny`: decisions without the full screen, recorded as not attended.

use std::path::Path;

use countersign_console::decide::{Intent, Sent, decide, signing_key};
use countersign_console::inbox::Inbox;
use countersign_protocol::decision::{Attention, Verdict};
use countersign_protocol::digest::ViewDigest;
use countersign_protocol::identity::RequestId;

use super::failure::{Code, Failure};
use super::{output, passphrase, session};
use crate::cli::{Approve, Deny, Pin};

pub async fn approve(config: Option<&Path>, options: Approve) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let intent = intent(
        options.id,
        options.view_digest,
        Verdict::Approve,
        options.reason,
        options.key,
    );
    perform(&inbox, intent, &options.pin).await
}

pub async fn deny(config: Option<&Path>, options: Deny) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let seen = match options.view_digest {
        Some(seen) => seen,
        None => current(&inbox, options.id).await?,
    };
    let intent = intent(options.id, seen, Verdict::Deny, options.reason, options.key);
    perform(&inbox, intent, &options.pin).await
}

/// Saying no needs no sheet; it is bound to the one that stands now.
async fn current(inbox: &Inbox, id: RequestId) -> Result<ViewDigest, Failure> {
    let opened = inbox.fetch_or_copy(id).await?;
    match opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) {
        Some(chain) => {
            output::say(chain.sheet.sentence())?;
            Ok(chain.sheet.view_digest())
        }
        None => Err(Failure::new(
            Code::Refused,
            "the evidence of this request does not hold, so nothing is signed about it",
            "`countersign show ID` says what is wrong",
        )),
    }
}

fn intent(
    request: RequestId,
    view_digest: ViewDigest,
    verdict: Verdict,
    reason: String,
    key: Option<String>,
) -> Intent {
    Intent {
        request,
        view_digest,
        request_digest: None,
        action_digest: None,
        verdict,
        reason,
        attention: Attention::None,
        revealed: false,
        surface: "command-line",
        key,
    }
}

async fn perform(inbox: &Inbox, intent: Intent, pin: &Pin) -> Result<(), Failure> {
    let directory = inbox.store().trusted().ok().map(|trusted| trusted.directory);
    let (_, configured) = signing_key(inbox.config(), directory.as_ref(), intent.key.as_deref())?;
    let secret = passphrase::of_signing_key(&configured, pin)?;
    let word = intent.verdict.word();
    tell(decide(inbox, intent, secret, || {}).await?, word)
}

/// Says what became of an answer.
pub fn tell(sent: Sent, word: &str) -> Result<(), Failure> {
    match sent {
        Sent::Logged { index, size, phase } => output::say(&format!(
            "{word}: signed, stored, and proven to be entry {index} in the log of {size} entries; the request {}",
            phase.said()
        )),
        Sent::Stored { phase } => output::say(&format!(
            "{word}: signed and stored; it is not in the log yet and stays in the outbox until it is; the request {}",
            phase.said()
        )),
        Sent::Kept(error) => Err(Failure::new(
            Code::Unreachable,
            format!("{word}: signed and kept in the outbox, but not delivered: {error}"),
            "it is sent again by the console and by `countersign doctor`",
        )),
    }
}
