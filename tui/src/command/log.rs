//! `countersign log`: the transparency log, as far as it is seen from here.

use std::path::Path;

use serde_json::json;

use super::failure::Failure;
use super::{later, output, session};
use crate::cli::Log;

pub async fn run(config: Option<&Path>, chosen: Log) -> Result<(), Failure> {
    let as_json = match chosen {
        Log::Checkpoint { json } => json,
        Log::Verify => false,
        Log::Prove(_) => return later("log prove"),
    };
    let inbox = session::inbox(config)?;
    inbox.refresh_trust().await?;
    let before = inbox.store().checkpoint();
    let checkpoint = inbox.refresh_checkpoint().await?;
    if as_json {
        return output::json(&json!({
            "schema": "countersign/checkpoint/v1",
            "origin": countersign_protocol::log::origin(&inbox.store().root_id()),
            "size": checkpoint.size,
            "root_hash": checkpoint.root_hash,
            "note": inbox.store().note(),
        }));
    }
    output::say(&format!(
        "the log has {} entries; root hash {}",
        checkpoint.size, checkpoint.root_hash
    ))?;
    match before {
        Some(before) => output::say(&format!(
            "it continues the log of {} entries that was seen here before",
            before.size
        )),
        None => output::say("it is the first checkpoint seen here; from now on the log can only grow"),
    }
}
