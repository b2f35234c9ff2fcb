//! `countersign ask`: a question to the agent of an open request.

use std::path::Path;

use countersign_protocol::identity::RequestId;
use countersign_protocol::talk::{QuestionText, waiting};
use serde_json::json;

use super::failure::Failure;
use super::{output, session};

pub async fn run(config: Option<&Path>, id: RequestId, text: String, as_json: bool) -> Result<(), Failure> {
    let text = QuestionText::new(text).map_err(|error| {
        Failure::usage(format!("the question is too long: {error}"), "ask in fewer words")
    })?;
    let inbox = session::inbox(config)?;
    let talk = inbox
        .backend()
        .ask(id, text)
        .await
        .map_err(countersign_console::inbox::InboxError::from)?;
    if as_json {
        return output::json(&json!({
            "schema": "countersign/talk/v1", "request": id, "talk": talk.remarks,
        }));
    }
    let waits = waiting(&talk.remarks).count();
    output::say(&format!(
        "asked; {waits} of the questions about {id} wait for an answer, which `countersign show {id}` will give"
    ))
}
