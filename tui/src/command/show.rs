//! `countersign show`: one request.

use std::path::Path;

use countersign_console::inbox::Opened;
use countersign_protocol::request::Vote;
use countersign_protocol::talk::Remark;
use countersign_review::secret::Masks;
use countersign_verify::Chain;
use serde_json::{Value, json};

use super::failure::{Code, Failure};
use super::list::problems;
use super::output::{self, shown};
use super::{reveal, session};
use crate::cli::Show;

pub async fn run(config: Option<&Path>, options: Show) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let opened = inbox.fetch_or_copy(options.id).await?;
    if let Some(as_of) = opened.as_of {
        output::problem(&format!(
            "countersign: the backend cannot be reached; this is a copy of what it showed at {as_of}"
        ));
    }
    if options.json {
        output::json(&document(&opened))?;
        return if opened.report.is_valid() {
            Ok(())
        } else {
            Err(refused(&opened))
        };
    }
    let Some(chain) = opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) else {
        return Err(refused(&opened));
    };
    output::write(chain.sheet.text().as_bytes())?;
    if options.plain {
        return Ok(());
    }
    output::say("")?;
    for line in standing(chain, &opened) {
        output::say(&line)?;
    }
    if options.clear.reveal {
        let why = options.reason.as_deref().unwrap_or_default();
        reveal::of_request(&inbox, &opened, chain, options.clear.mark, why).await?;
    }
    Ok(())
}

/// What stands beside the sheet: it changes with time, so it is no part of it.
fn standing(chain: &Chain, opened: &Opened) -> Vec<String> {
    let mut lines = vec![
        format!("state: {}", chain.state.phase().word()),
        format!(
            "approvals: {} of {}",
            chain.state.standing(opened.at).count(),
            chain.request.rule.approvals
        ),
    ];
    lines.extend(chain.decisions.iter().map(|checked| {
        let decision = &checked.decision;
        decided(
            &checked.vote,
            decision.pin_remembered,
            checked.void.as_deref(),
            decision.reason.raw(),
        )
    }));
    lines.extend(opened.record.talk.iter().map(said));
    lines.extend(opened.record.reveals.iter().map(reveal::said));
    lines.extend(amendments(chain));
    lines.push(format!("check code: {}", chain.sheet.check_code()));
    lines.push(format!("view digest: {}", chain.sheet.view_digest()));
    lines
}

/// A decision, and why it doesn't count where it doesn't.
pub fn decided(vote: &Vote, pin_remembered: bool, void: Option<&str>, reason: &str) -> String {
    let void = void
        .map(|why| format!(" (void: {})", shown(why)))
        .unwrap_or_default();
    let remembered = if pin_remembered {
        " with a remembered PIN"
    } else {
        ""
    };
    format!(
        "{}: {}{remembered} at {}{void}: {}",
        vote.person,
        vote.verdict.word(),
        vote.decided_at,
        shown(reason),
    )
}

/// Talk stands beside the evidence: nobody signed it.
pub fn said(remark: &Remark) -> String {
    match remark {
        Remark::Question {
            number, person, text, ..
        } => format!("{person} asks ({number}): {}", shown(text.raw())),
        Remark::Answer { to, text, .. } => {
            format!("claimed by the agent, asked for ({to}): {}", shown(text.raw()))
        }
    }
}

fn refused(opened: &Opened) -> Failure {
    let mut message =
        "the evidence of this request does not hold, so it is not shown as a request:".to_owned();
    for problem in &opened.report.problems {
        message.push_str(&format!("\n  {}: {}", problem.code, problem.message));
    }
    Failure::new(
        Code::Refused,
        message,
        "tell the owners; nothing here can be approved",
    )
}

fn document(opened: &Opened) -> Value {
    let base = json!({
        "schema": "countersign/request/v1",
        "id": opened.report.chain.as_ref().map(|chain| chain.request.id),
        "valid": opened.report.is_valid(),
        "problems": problems(&opened.report.problems),
    });
    let (Value::Object(mut fields), Some(chain)) = (base, &opened.report.chain) else {
        return json!({ "schema": "countersign/request/v1", "valid": false,
            "problems": problems(&opened.report.problems) });
    };
    let more = json!({
        "state": chain.state.phase().word(),
        "sentence": chain.sheet.sentence(),
        "kind": chain.request.kind.id(),
        "environment": chain.request.environment,
        "target": chain.request.target.raw(),
        "agent": chain.request.agent,
        "initiators": chain.request.initiators,
        "excluded": chain.request.excluded,
        "personal": chain.request.personal,
        "isolation": chain.request.isolation,
        "action": chain.proposal.action,
        "claims": chain.proposal.claims,
        "observed": chain.proposal.observed,
        "context": chain.request.context,
        "findings": chain.findings,
        "severity": chain.request.severity,
        "rule": chain.request.rule,
        "created_at": chain.request.created_at,
        "expires_at": chain.request.expires_at,
        "action_digest": chain.request.action_digest,
        "request_digest": chain.request.request_digest(),
        "view_digest": chain.sheet.view_digest(),
        "check_code": chain.sheet.check_code(),
        "decisions": decisions(chain),
        "talk": opened.record.talk,
        "reveals": opened.record.reveals,
        "amends": chain.proposal.amends,
        "amendment": amendment(chain),
    });
    let masks = Masks::of_request(&chain.request, &chain.proposal, &opened.record.evidence.artifacts);
    if let Value::Object(more) = masked(&masks, more) {
        fields.extend(more);
    }
    Value::Object(fields)
}

/// What a request follows from and what answers it, for people.
pub fn amendments(chain: &Chain) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &chain.amended {
        lines.push(format!(
            "follows the counter-proposal of {} to {}: {}",
            step.amendment().denial.reviewer,
            step.request().id,
            shown(step.amendment().denial.reason.raw()),
        ));
    }
    if let Some(checked) = &chain.amendment {
        let void = checked
            .void
            .as_ref()
            .map(|why| format!(" (void: {})", shown(why.as_str())))
            .unwrap_or_default();
        lines.push(format!(
            "{}: denied with a counter-proposal at {}, open until {}{void}: {}",
            checked.vote.person,
            checked.vote.decided_at,
            checked.amendment.until,
            shown(checked.amendment.denial.reason.raw()),
        ));
    }
    lines
}

/// The counter-proposal for programs.
pub fn amendment(chain: &Chain) -> Option<Value> {
    let checked = chain.amendment.as_ref()?;
    Some(json!({
        "reviewer": checked.vote.person,
        "reason": checked.amendment.denial.reason.raw(),
        "until": checked.amendment.until,
        "action": checked.amendment.action,
        "at": checked.vote.decided_at,
        "logged_at": checked.logged_at,
        "void": checked.void,
    }))
}

/// The amendments that a request follows from, for programs.
pub fn amended(chain: &Chain) -> Vec<Value> {
    let describe = |step: &countersign_protocol::amendment::Amended| {
        json!({
            "request": step.request().id,
            "amender": step.amendment().denial.reviewer,
            "reason": step.amendment().denial.reason.raw(),
            "amendment": step.amendment().amendment_digest(),
        })
    };
    chain.amended.iter().map(describe).collect()
}

/// The same document with its secrets masked. What holds none stays as it is.
fn masked(masks: &Masks, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(masks.covered(&text).unwrap_or(text)),
        Value::Array(items) => {
            let argv: Vec<Vec<u8>> = items
                .iter()
                .map(|item| item.as_str().unwrap_or_default().as_bytes().to_vec())
                .collect();
            let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
            let one = |(index, item): (usize, Value)| match item {
                Value::String(_) if masks.is_option(&argv, index) => {
                    Value::String(masks.argument(&argv, index))
                }
                item => masked(masks, item),
            };
            Value::Array(items.into_iter().enumerate().map(one).collect())
        }
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            let variable: Option<String> = text("name")
                .zip(text("value"))
                .filter(|(name, value)| masks.is_variable(name.as_bytes(), value.as_bytes()))
                .map(|(name, value)| masks.variable(name.as_bytes(), value.as_bytes()));
            let one = |(key, field)| match (&variable, key) {
                (Some(shown), key) if key == "value" => (key, Value::String(shown.clone())),
                (_, key) => (key, masked(masks, field)),
            };
            Value::Object(fields.into_iter().map(one).collect())
        }
        other => other,
    }
}

/// Decisions for programs.
pub fn decisions(chain: &Chain) -> Vec<Value> {
    let describe = |checked: &countersign_verify::CheckedDecision| {
        json!({
            "reviewer": checked.vote.person,
            "key": checked.vote.key,
            "assurance": checked.vote.assurance,
            "presence": checked.vote.presence,
            "pin_remembered": checked.decision.pin_remembered,
            "attention": checked.decision.attention,
            "verdict": checked.vote.verdict,
            "reason": checked.decision.reason.raw(),
            "revealed": checked.decision.revealed,
            "at": checked.vote.decided_at,
            "logged_at": checked.logged_at,
            "void": checked.void,
        })
    };
    chain.decisions.iter().map(describe).collect()
}
