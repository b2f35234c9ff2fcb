//! `countersign watch`: changes as they happen, one line each, never rewritten.

use std::path::Path;

use countersign_client::watch::Event;
use countersign_console::inbox::Inbox;
use countersign_protocol::api::{Change, ChangeSubject};
use countersign_protocol::identity::PersonId;
use countersign_protocol::talk::Looking;
use serde_json::json;

use super::failure::Failure;
use super::{list, output, session};

/// Among so many of the newest a request that just changed is looked for.
const NEWEST: usize = 100;

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
            Event::Changed(change) => output::say(&told(&inbox, &change).await)?,
            Event::Looking(looking) if as_json => {
                output::json_line(&json!({ "schema": "countersign/looking/v1", "looking": looking }))?;
            }
            Event::Looking(looking) => output::say(&presence(&looking))?,
            Event::Lost { error, again_in } => {
                output::problem(&format!(
                    "countersign: {error}; trying again in {} ms",
                    again_in.as_millis()
                ));
            }
        }
    }
}

fn presence(looking: &Looking) -> String {
    let people: Vec<&str> = looking.people.iter().map(PersonId::as_str).collect();
    match people.as_slice() {
        [] => format!("nobody looks at {}", looking.request),
        people => format!("{} is looked at by {}", looking.request, people.join(", ")),
    }
}

/// A change, with what the request is about where that can be had: an id alone says nothing to who listens.
async fn told(inbox: &Inbox, change: &Change) -> String {
    if let ChangeSubject::Request { id, phase } = &change.subject {
        let rows = inbox.rows(Some(*phase), NEWEST).await.unwrap_or_default();
        if let Some(row) = rows.iter().find(|row| row.id == *id) {
            return format!("{} {}", change.at, list::line(inbox, row));
        }
    }
    line(change)
}

fn line(change: &Change) -> String {
    match &change.subject {
        ChangeSubject::Request { id, phase } => format!("{} {id} {}", change.at, phase.word()),
        ChangeSubject::Trust => format!("{} root, directory or policy changed", change.at),
        ChangeSubject::Log { size } => format!("{} the log has {size} entries", change.at),
    }
}
