//! `countersign amend`: a denial with a counter-proposal, without the full screen.

use std::path::Path;

use countersign_console::amend::{self, Asked, Wanted};
use countersign_console::decide::{Intent, signing_key};
use countersign_console::inbox::Opened;
use countersign_protocol::decision::{Attention, Verdict};

use super::failure::{Code, Failure};
use super::{decide, file, output, passphrase, session};
use crate::cli::Amend;

pub async fn run(config: Option<&Path>, options: Amend) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let wanted = Wanted {
        text: options.after.as_deref().map(file::read).transpose()?,
        max_rows: options.max_rows,
        without: options.without,
        until: None,
    };
    let opened = inbox.fetch(options.id).await?;
    let chain = believed(&opened)?;
    let wanted = Wanted {
        until: options.expires_in.map(|life| opened.at.after(life)),
        ..wanted
    };
    let asked = Asked::of(chain, &opened.record.evidence);
    let draft = amend::draft(&asked, &wanted).map_err(|error| Failure::usage(error.to_string(), ""))?;
    output::say(chain.sheet.sentence())?;
    for line in &draft.difference {
        output::say(&line.text)?;
    }
    output::say(&format!("counter-proposal open until: {}", draft.until))?;
    output::say(&format!("amended action: {}", draft.action_digest))?;
    let Some(reason) = options.reason.filter(|_| !options.draft) else {
        return Ok(());
    };
    let intent = Intent {
        request: options.id,
        view_digest: options.view_digest.unwrap_or_else(|| chain.sheet.view_digest()),
        request_digest: Some(chain.request.request_digest()),
        action_digest: Some(chain.request.action_digest),
        verdict: Verdict::Deny,
        reason,
        attention: Attention::None,
        revealed: false,
        surface: "command-line",
        key: options.key,
    };
    let (_, key) = signing_key(inbox.config(), Some(&chain.directory), intent.key.as_deref())?;
    let secret = passphrase::of_signing_key(&key, &options.pin)?;
    let sent = amend::amend(&inbox, intent, wanted, Some(draft.action_digest), secret, || {}).await?;
    decide::tell(sent, "counter-proposal")
}

fn believed(opened: &Opened) -> Result<&countersign_verify::Chain, Failure> {
    let chain = opened.report.chain.as_ref().filter(|_| opened.report.is_valid());
    chain.ok_or_else(|| {
        Failure::new(
            Code::Refused,
            "the evidence of this request does not hold, so nothing is signed about it",
            "`countersign show ID` says what is wrong",
        )
    })
}
