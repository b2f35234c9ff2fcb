//! Two texts that differ in one code point are printed differently, wherever the command line prints foreign text: by the
//! functions that print it, and through the last gate.
//!
//! `watch` prints ids, times and words of this program alone; the types hold that. What it tells of a lost
//! connection is an error like any other.

use std::collections::BTreeMap;

use countersign_console::machine::Summary;
use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{
    ActionDigest, DecisionDigest, KeyId, RequestDigest, Sha256Digest, ViewDigest,
};
use countersign_protocol::identity::{KeyAssurance, Presence};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Vote;
use countersign_protocol::reveal::Reveal;
use countersign_protocol::talk::Remark;
use countersign_protocol::text::Bounded;
use countersign_review::text::problem_lines;
use countersign_verify::account::Step;
use countersign_verify::{Problem, Report};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

use super::failure::{Code, Failure};
use super::{list, output, reveal, show, verify};
use crate::cli;
use crate::screen::sample;
use crate::screen::tests::edits::{edit, text_like};
use crate::screen::tests::look_alikes::LOOK_ALIKES;

/// What is printed with a text somewhere in it.
type Surface = fn(&str) -> String;

const SURFACES: &[(&str, Surface)] = &[
    ("row of the list", |text| {
        output::lines(&list::believed(sample::id(1), &summary(text)))
    }),
    ("row that is not believed", |text| {
        output::lines(&list::refused(sample::id(1), text))
    }),
    ("reason of a decision", |text| {
        output::lines(&show::decided(&vote(), false, None, text))
    }),
    ("why a decision is void", |text| {
        output::lines(&show::decided(&vote(), true, Some(text), "read it"))
    }),
    ("question", |text| {
        output::lines(&show::said(&Remark::Question {
            number: 1,
            person: "p-alice".parse().unwrap(),
            text: Bounded::new(text).unwrap(),
            at: at(),
        }))
    }),
    ("answer of the agent", |text| {
        output::lines(&show::said(&Remark::Answer {
            to: 1,
            text: Bounded::new(text).unwrap(),
            at: at(),
        }))
    }),
    ("why secrets were revealed", |text| {
        output::lines(&reveal::said(&Reveal {
            person: "p-alice".parse().unwrap(),
            at: at(),
            reason: Bounded::new(text).unwrap(),
            secret: None,
        }))
    }),
    ("problem of the evidence", |text| {
        let report = Report {
            problems: vec![Problem {
                step: Step::Log,
                code: "log",
                message: text.to_owned(),
            }],
            chain: None,
        };
        output::lines(&verify::text(&report).join("\n"))
    }),
    ("document for programs", |text| {
        let document = json!({ "a": [text], text: 1 });
        output::lines(&output::json_text(&document).unwrap())
    }),
    ("error", |text| {
        told(&Failure::new(
            Code::Refused,
            format!("no file `{text}`"),
            "look again",
        ))
    }),
    ("hint", |text| told(&Failure::new(Code::Refused, "no", text))),
    ("remark", problem_lines),
    ("mistake in what was typed", |text| {
        let typed = format!("id{text}");
        problem_lines(&cli::mistake(["countersign", "show", &typed].map(Into::into)))
    }),
];

fn at() -> Timestamp {
    Timestamp::from_millis(1)
}

fn summary(target: &str) -> Summary {
    Summary {
        target: target.into(),
        severity: Severity::High,
        ..sample::reading(1, "a reason").unwrap().summary
    }
}

fn vote() -> Vote {
    let digest = Sha256Digest::of(b"one");
    Vote {
        person: "p-alice".parse().unwrap(),
        key: KeyId::new(digest),
        decision: DecisionDigest::new(digest),
        verdict: Verdict::Approve,
        request_digest: RequestDigest::new(digest),
        action_digest: ActionDigest::new(digest),
        view_digest: ViewDigest::new(digest),
        assurance: KeyAssurance::Software,
        presence: Presence::Pin,
        decided_at: at(),
        expires_at: at(),
    }
}

fn told(failure: &Failure) -> String {
    failure
        .problems()
        .iter()
        .map(|problem| problem_lines(problem))
        .collect()
}

/// Printable characters and line feeds only.
fn is_plain(printed: &str) -> bool {
    printed.ends_with('\n') && printed.chars().all(|c| c == '\n' || !c.is_control())
}

#[test]
fn one_look_alike_for_another_is_printed_differently() {
    for (name, surface) in SURFACES {
        let mut seen = BTreeMap::new();
        for character in LOOK_ALIKES {
            let blank = character.chars().all(char::is_whitespace);
            let texts = [
                Some(format!("ab{character}cd")),
                blank.then(|| format!("ab{character}")),
            ];
            for text in texts.into_iter().flatten() {
                let printed = surface(&text);
                assert!(is_plain(&printed), "{name}: {text:?} gives {printed:?}");
                if let Some(other) = seen.insert(printed, text.clone()) {
                    panic!("{name}: {text:?} and {other:?} are printed alike");
                }
            }
        }
    }
}

#[test]
fn one_code_point_more_less_or_another_is_printed_differently() {
    for (name, surface) in SURFACES {
        let mut runner = TestRunner::new(Config {
            cases: 200,
            failure_persistence: None,
            ..Config::default()
        });
        let outcome = runner.run(&(text_like(1..14), 0usize..15, edit()), |(text, at, edit)| {
            let other = edit.applied_to(&text, at);
            // A hint without words is none at all.
            if other == text || other.is_empty() {
                return Ok(());
            }
            let [one, another] = [&text, &other].map(|text| surface(text));
            prop_assert!(is_plain(&one), "{text:?} gives {one:?}");
            if one == another {
                return Err(TestCaseError::fail(format!(
                    "{text:?} and {other:?} are printed alike"
                )));
            }
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{name}: {error}");
        }
    }
}
