//! How questions and answers are shown to the agent. A reviewer's text is foreign here as well: it is made printable.

use std::process::ExitCode;

use countersign_protocol::identity::RequestId;
use countersign_protocol::talk::{Remark, waiting};
use countersign_review::text::Untrusted;
use serde_json::{Value, json};

use crate::print::{complain, complain_json, say, say_json};
use crate::socket::{Questioned, Talked};

/// Tells a waiting agent of a question, on standard error.
pub(crate) fn tell_question(asked: &Questioned, as_json: bool) {
    let Remark::Question {
        number, person, text, ..
    } = &asked.remark
    else {
        return;
    };
    if as_json {
        let mut document = described(&asked.remark);
        document["schema"] = json!("countersign/guard-question/v1");
        document["request"] = json!(asked.request);
        complain_json(&document);
    } else {
        complain(&format!("{person} asks (question {number}): {}", text.raw()));
        complain(&format!(
            "answer with `countersign-guard answer {} --question {number} TEXT`",
            asked.request
        ));
    }
}

/// Shows everything that was said.
pub(crate) fn tell_talk(talked: &Talked, as_json: bool) -> ExitCode {
    if as_json {
        say_json(&document(talked.request, &talked.talk.remarks));
    } else {
        for remark in &talked.talk.remarks {
            say(&line(remark));
        }
        let waits = waiting(&talked.talk.remarks).count();
        say(&format!(
            "{waits} of {} wait for an answer",
            talked
                .talk
                .remarks
                .iter()
                .filter(|remark| matches!(remark, Remark::Question { .. }))
                .count()
        ));
    }
    ExitCode::SUCCESS
}

fn document(request: RequestId, remarks: &[Remark]) -> Value {
    let remarks: Vec<Value> = remarks.iter().map(described).collect();
    json!({ "schema": "countersign/guard-talk/v1", "request": request, "remarks": remarks })
}

fn described(remark: &Remark) -> Value {
    match remark {
        Remark::Question {
            number,
            person,
            text,
            at,
        } => {
            json!({ "type": "question", "number": number, "person": person, "text": shown(text.raw()), "at": at })
        }
        Remark::Answer { to, text, at } => {
            json!({ "type": "answer", "to": to, "text": shown(text.raw()), "at": at })
        }
    }
}

fn line(remark: &Remark) -> String {
    match remark {
        Remark::Question {
            number, person, text, ..
        } => format!("{number:>2} {person} asks: {}", shown(text.raw())),
        Remark::Answer { to, text, .. } => format!("{to:>2} answered: {}", shown(text.raw())),
    }
}

fn shown(text: &str) -> String {
    Untrusted::from(text).escaped()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::moment::Timestamp;
    use countersign_protocol::talk::QuestionText;

    #[test]
    fn a_reviewers_text_is_made_printable() {
        let remark = Remark::Question {
            number: 1,
            person: "maria".parse().unwrap(),
            text: QuestionText::new("why\u{1b}[2J\u{202e}?\nnow").unwrap(),
            at: Timestamp::from_millis(0),
        };
        for text in [
            line(&remark),
            described(&remark)["text"].as_str().unwrap().to_owned(),
        ] {
            assert!(
                text.chars().all(|c| !c.is_control() && c != '\u{202e}'),
                "{text:?}"
            );
            assert!(text.contains("why"), "{text}");
        }
    }
}
