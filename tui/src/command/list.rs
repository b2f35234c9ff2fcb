//! `countersign list`: the queue.

use std::path::Path;

use countersign_client::now;
use countersign_client::watch::Event;
use countersign_console::desk::weak_key;
use countersign_console::inbox::{Inbox, Row};
use countersign_console::machine::Summary;
use countersign_protocol::approval::ApprovalRequest;
use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::Verified;
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::{self, shown};
use super::session;
use crate::cli::List;

/// The most rows of one list.
const MAX_ROWS: usize = 1000;

pub async fn run(config: Option<&Path>, options: List) -> Result<(), Failure> {
    let state = match &options.state {
        Some(word) => Some(Phase::named(word).ok_or_else(|| unknown_state(word))?),
        None => None,
    };
    let inbox = session::inbox(config)?;
    inbox.refresh_trust().await?;
    print(&inbox, state, &options).await?;
    if !options.watch {
        return Ok(());
    }
    let mut watch = inbox.backend().watch(None);
    loop {
        match watch.next().await {
            Event::Connected => {}
            Event::Looking(_) => {}
            Event::Changed(_) => print(&inbox, state, &options).await?,
            Event::Lost { error, .. } => output::problem(&format!("countersign: {error}; trying again")),
        }
    }
}

async fn print(inbox: &Inbox, state: Option<Phase>, options: &List) -> Result<(), Failure> {
    let rows = inbox.rows(state, MAX_ROWS).await?;
    if options.json {
        let mut documents = Vec::new();
        for row in &rows {
            if !options.mine || is_mine(inbox, row) {
                documents.push(document(inbox, row).await);
            }
        }
        return output::json(&json!({ "schema": "countersign/requests/v1", "requests": documents }));
    }
    let mut any = false;
    for row in rows.iter().filter(|row| !options.mine || is_mine(inbox, row)) {
        any = true;
        output::say(&line(inbox, row))?;
    }
    if any { Ok(()) } else { output::say("no requests") }
}

fn is_mine(inbox: &Inbox, row: &Row) -> bool {
    summary(inbox, row).is_some_and(|(_, summary)| summary.why_not.is_none())
}

fn summary<'a>(inbox: &Inbox, row: &'a Row) -> Option<(&'a Verified<ApprovalRequest>, Summary)> {
    let request = row.request.as_ref().ok()?;
    let summary = Summary::of(request, row.phase, row.approved_by.clone(), inbox.person());
    Some((request, summary))
}

/// A request on one line.
pub fn line(inbox: &Inbox, row: &Row) -> String {
    match (summary(inbox, row), &row.request) {
        (Some((_, summary)), _) => believed(row.id, &summary),
        (None, Err(problem)) => refused(row.id, problem),
        (None, Ok(_)) => format!("{} {}", row.id, row.phase.word()),
    }
}

/// The line of a request whose statement is believed.
pub fn believed(id: RequestId, summary: &Summary) -> String {
    let may = summary.why_not.as_deref().unwrap_or("you may decide");
    let until = if summary.phase.is_open() {
        format!("; until {}", summary.expires_at)
    } else {
        String::new()
    };
    format!(
        "{id} {} [{}] {} in {}: {} wants {} ({} of {} approvals; {may}{until})",
        summary.phase.word(),
        summary.severity.word(),
        summary.kind.id(),
        summary.environment,
        summary.agent,
        summary.target.escaped(),
        summary.approved_by.len(),
        summary.needs,
    )
}

/// The line of one that is not.
pub fn refused(id: RequestId, problem: &str) -> String {
    format!("{id} REFUSED: {}", shown(problem))
}

/// One request for programs. The view digest and the findings need the whole evidence, which is fetched and
/// verified; what does not verify is `refused`, with its problems and without anything that looks reviewed.
async fn document(inbox: &Inbox, row: &Row) -> Value {
    let Some((request, summary)) = summary(inbox, row) else {
        let problem = row.request.as_ref().err().map(String::as_str).unwrap_or_default();
        return json!({ "id": row.id, "state": row.phase.word(), "refused": true,
            "problems": [{ "code": "not-signed-by-backend", "message": shown(problem) }] });
    };
    let mut document = describe(request, row.phase, &summary);
    set(&mut document, "looking", json!(row.looking));
    match inbox.fetch(row.id).await {
        Ok(opened) => {
            if let (true, Some(chain)) = (opened.report.is_valid(), &opened.report.chain) {
                set(&mut document, "view_digest", json!(chain.sheet.view_digest()));
                set(&mut document, "title", json!(chain.sheet.sentence()));
                let findings: Vec<&str> = chain
                    .findings
                    .iter()
                    .filter(|finding| finding.counts())
                    .map(|finding| finding.rule.as_str())
                    .collect();
                let level = request.severity.word();
                set(
                    &mut document,
                    "risk",
                    json!({ "level": level, "findings": findings }),
                );
                // Reading it would be in vain: known before anybody does.
                if let Some(weak) = weak_key(chain, inbox.config(), inbox.person(), opened.at)
                    .filter(|_| summary.why_not.is_none())
                {
                    set(&mut document, "eligible", json!(false));
                    set(&mut document, "why_not", json!(weak));
                }
                let given = chain.state.standing(now()).count();
                set(&mut document, "needs", needs(request, given));
            } else {
                set(&mut document, "refused", json!(true));
                set(&mut document, "problems", problems(&opened.report.problems));
            }
        }
        Err(error) => {
            set(&mut document, "refused", json!(true));
            let message = shown(error.to_string().as_str());
            set(
                &mut document,
                "problems",
                json!([{ "code": "not-fetched", "message": message }]),
            );
        }
    }
    document
}

fn describe(request: &Verified<ApprovalRequest>, phase: Phase, summary: &Summary) -> Value {
    json!({
        "id": request.id,
        "state": phase.word(),
        "kind": request.kind.id(),
        "environment": request.environment,
        "target": request.target.raw(),
        "title": request.kind.title(),
        "agent": request.agent,
        "initiators": request.initiators,
        "excluded": request.excluded,
        "personal": request.personal,
        "risk": { "level": request.severity.word(), "findings": [] },
        "created_at": request.created_at,
        "expires_at": request.expires_at,
        "action_digest": request.action_digest,
        "view_digest": Value::Null,
        "needs": needs(request, summary.approved_by.len()),
        "eligible": summary.why_not.is_none(),
        "why_not": summary.why_not,
    })
}

fn needs(request: &ApprovalRequest, given: usize) -> Value {
    let assurance = if request.rule.hardware > 0 {
        "hardware"
    } else {
        "software"
    };
    json!({
        "approvals": request.rule.approvals,
        "given": given,
        "assurance": assurance,
        "rule": { "hardware": request.rule.hardware, "teams": request.rule.teams,
            "eligible": request.rule.eligible, "policies": request.rule.policies },
    })
}

fn set(document: &mut Value, key: &str, value: Value) {
    if let Some(fields) = document.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// Problems for programs.
pub fn problems(problems: &[countersign_verify::Problem]) -> Value {
    let list: Vec<Value> = problems
        .iter()
        .map(|problem| json!({ "code": problem.code, "message": shown(problem.message.as_str()) }))
        .collect();
    Value::Array(list)
}

fn unknown_state(word: &str) -> Failure {
    let known: Vec<&str> = Phase::ALL.iter().map(|phase| phase.word()).collect();
    Failure::usage(
        format!("`{word}` is no state"),
        format!("states are: {}", known.join(", ")),
    )
}
