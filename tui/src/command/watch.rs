//! `countersign watch`: changes as they happen, one line each, never rewritten.

use std::path::Path;

use countersign_client::watch::Event;
use countersign_protocol::api::{Change, ChangeSubject};
use serde_json::json;

use super::failure::Failure;
use super::{output, session};

pub async fn run(config: Option<&Path>, as_json: bool) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    inbox.refresh_trust().await?;
    let mut watch = inbox.backend().watch(None);
    loop {
        match watch.next().await {
            Event::Connected if as_json => {}
            Event::Connected => output::say("connected")?,
            Event::Changed(change) if as_json => {
                output::json_line(&json!({ "schema": "countersign/change/v1", "change": change }))?;
            }
            Event::Changed(change) => output::say(&line(&change))?,
            Event::Lost { error, again_in } => {
                output::problem(&format!(
                    "countersign: {error}; trying again in {} ms",
                    again_in.as_millis()
                ));
            }
        }
    }
}

fn line(change: &Change) -> String {
    match &change.subject {
        ChangeSubject::Request { id, phase } => format!("{} {id} {}", change.at, phase.word()),
        ChangeSubject::Trust => format!("{} root, directory or policy changed", change.at),
        ChangeSubject::Log { size } => format!("{} the log has {size} entries", change.at),
    }
}
