//! Options of the commands that decide.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use countersign_protocol::digest::ViewDigest;
use countersign_protocol::identity::RequestId;

use super::Pin;

/// Options of `approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// The request.
    pub id: RequestId,
    /// Why. Others will read it.
    #[arg(long)]
    pub reason: String,
    /// The digest of the sheet you saw, as `show` printed it.
    #[arg(long, value_name = "HEX")]
    pub view_digest: ViewDigest,
    /// The key to sign with.
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `deny`.
#[derive(Debug, Args)]
pub struct Deny {
    /// The request.
    pub id: RequestId,
    /// Why. Others will read it.
    #[arg(long)]
    pub reason: String,
    /// The digest of the sheet you saw; the one fetched now unless given.
    #[arg(long, value_name = "HEX")]
    pub view_digest: Option<ViewDigest>,
    /// The key to sign with.
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `amend`.
#[derive(Debug, Args)]
pub struct Amend {
    /// The request.
    pub id: RequestId,
    /// A file with the text that is to stand in place of the one asked.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["max_rows", "expires_in", "without"])]
    pub after: Option<PathBuf>,
    /// The most rows that the statement may change.
    #[arg(long, value_name = "N")]
    pub max_rows: Option<u64>,
    /// Leave out the argument of this index (repeatable).
    #[arg(long, value_name = "INDEX")]
    pub without: Vec<u32>,
    /// How long from now it may be approved and run (`90s`, `30m`, `2h`).
    #[arg(long, value_name = "DURATION", value_parser = life)]
    pub expires_in: Option<Duration>,
    /// Why. The agent and others will read it.
    #[arg(long, required_unless_present = "draft")]
    pub reason: Option<String>,
    /// Only print what would be changed; sign nothing.
    #[arg(long)]
    pub draft: bool,
    /// The digest of the sheet you saw; the one fetched now unless given.
    #[arg(long, value_name = "HEX")]
    pub view_digest: Option<ViewDigest>,
    /// The key to sign with.
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    #[command(flatten)]
    pub pin: Pin,
}

/// `90s`, `30m`, `2h`.
fn life(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write `90s`, `30m` or `2h`");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => None,
    };
    seconds
        .filter(|seconds| (1..=366 * 24 * 3600).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}
