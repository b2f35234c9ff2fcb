//! Masked secrets in the clear, on standard output: only after it is recorded who sees them and why.

use countersign_console::inbox::{Inbox, Opened};
use countersign_console::offline::review::FileReview;
use countersign_protocol::mask::SecretMark;
use countersign_protocol::reveal::Reveal;
use countersign_review::secret::{Masks, Secret};
use countersign_verify::Chain;

use super::failure::Failure;
use super::output::{self, shown};

/// Shows secrets once the backend recorded it; nothing where it did not.
pub async fn of_request(
    inbox: &Inbox,
    opened: &Opened,
    chain: &Chain,
    mark: Option<SecretMark>,
    why: &str,
) -> Result<(), Failure> {
    let masks = masks(opened, chain);
    let secrets = chosen(&masks, mark)?;
    countersign_console::reveal::record(inbox, chain.request.id, mark, why).await?;
    print(&secrets)
}

/// Shows secrets once it stands in the file that is reviewed; nothing where it does not.
pub fn of_file(
    review: &FileReview,
    opened: &Opened,
    chain: &Chain,
    mark: Option<SecretMark>,
    why: &str,
) -> Result<(), Failure> {
    let masks = masks(opened, chain);
    let secrets = chosen(&masks, mark)?;
    review.reveal(chain.request.id, mark, why)?;
    print(&secrets)
}

/// What is said of a revealing. It stands beside the evidence: nobody signed it.
pub fn said(reveal: &Reveal) -> String {
    let what = match reveal.secret {
        Some(mark) => format!("the secret of mark {mark}"),
        None => "all secrets".to_owned(),
    };
    let reason = Masks::default().escaped(reveal.reason.raw().as_bytes());
    format!("{} had {what} revealed at {}: {reason}", reveal.person, reveal.at)
}

fn masks(opened: &Opened, chain: &Chain) -> Masks {
    Masks::of_request(&chain.request, &chain.proposal, &opened.record.evidence.artifacts)
}

fn chosen(masks: &Masks, mark: Option<SecretMark>) -> Result<Vec<Secret<'_>>, Failure> {
    let secrets: Vec<Secret<'_>> = masks
        .secrets()
        .into_iter()
        .filter(|secret| mark.is_none() || secret.mark() == mark)
        .collect();
    if secrets.is_empty() {
        return Err(Failure::usage(
            "no such secret was found in what this request would run; nothing was recorded or shown",
            "leave `--mark` out, or write it as the mask on the sheet shows it",
        ));
    }
    Ok(secrets)
}

fn print(secrets: &[Secret<'_>]) -> Result<(), Failure> {
    output::say("")?;
    output::say("in the clear, which is recorded:")?;
    for secret in secrets {
        output::say(&format!("{} is", secret.mask()))?;
        for line in secret.clear().split(|byte| *byte == b'\n') {
            output::say(&format!("  {}", shown(line)))?;
        }
    }
    Ok(())
}
