//! How a call ended, in words or as JSON. Foreign text is made printable here.

use std::process::ExitCode;

use countersign_protocol::identity::RequestId;
use countersign_review::text::Untrusted;
use serde::Serialize;

use super::MISCONFIGURED;
use crate::print::{complain, complain_json, say, say_json};
use crate::socket::{Checked, Counter, Ended};

/// The reason of an exit code, for programs.
#[derive(Serialize)]
struct GuardResult<'a> {
    schema: &'static str,
    request: Option<RequestId>,
    state: &'a str,
    code: &'a str,
    exit: u8,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<&'a Counter>,
}

/// Says how it ended, as the exit code does.
pub(super) fn conclude(ended: &Ended, json: bool) -> ExitCode {
    if json {
        let message = Untrusted::from(ended.message.as_str()).escaped();
        let counter = ended.counter.as_deref().map(printable);
        let result = GuardResult {
            schema: "countersign/guard-result/v1",
            request: ended.request,
            state: &ended.state,
            code: &ended.code,
            exit: ended.exit,
            message: &message,
            counter: counter.as_ref(),
        };
        complain_json(&result);
    } else if !ended.message.is_empty() {
        complain(&format!("{}: {}", ended.state, ended.message));
        if let Some(counter) = ended.counter.as_deref().map(printable) {
            for line in &counter.difference {
                complain(&format!("  {line}"));
            }
        }
    }
    ExitCode::from(ended.exit)
}

/// A counter-proposal in printable characters only.
fn printable(counter: &Counter) -> Counter {
    let escaped = |text: &String| Untrusted::from(text.as_str()).escaped();
    Counter {
        amender: escaped(&counter.amender),
        reason: escaped(&counter.reason),
        until: counter.until,
        difference: counter.difference.iter().map(escaped).collect(),
        lines: counter.lines,
    }
}

/// Prints what is wrong with the guard.
pub(super) fn tell_checks(checked: &Checked, json: bool) -> ExitCode {
    if json {
        say_json(&serde_json::json!({ "schema": "countersign/guard-doctor/v1", "checks": checked.checks }));
    } else {
        for check in &checked.checks {
            let word = if check.good { "ok  " } else { "BAD " };
            let [name, message] =
                [&check.name, &check.message].map(|text| Untrusted::from(text.as_str()).escaped());
            say(&format!("{word} {name:<10} {message}"));
        }
    }
    if checked.checks.iter().all(|check| check.good) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(MISCONFIGURED)
    }
}
