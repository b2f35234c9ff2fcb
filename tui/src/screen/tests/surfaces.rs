//! Two texts that differ in one code point paint different cells, wherever foreign text is painted.
//!
//! Cells are compared as they are sent: character, colours and style, without a colour of the theme. What a narrow
//! cell clips can't differ in it; there the texts are short enough to fit, and the same text stands unclipped in
//! another surface of this list (a target of the queue on the sheet, a line of a counter-proposal in the change).

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_console::machine::ceremony::Field;
use countersign_console::machine::document::ChangedDocument;
use countersign_console::machine::reading::{Drifted, Said, Speaker};
use countersign_console::machine::{Position, Reading, RowContent};
use countersign_review::diff::structure::compare;
use countersign_review::diff::text::TextDiff;
use countersign_review::drift::Standing;
use countersign_review::findings::{Delta, RuleId};
use countersign_review::sheet::drift::{Record, Row, Unread, Value};
use countersign_review::text::Untrusted;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::cells::{assert_drawing_only, bytes};
use super::edits::{edit, text_like};
use super::look_alikes::LOOK_ALIKES;
use super::*;

/// A screen with a text somewhere on it.
type Surface = fn(&str) -> State;

/// Every surface that paints foreign text.
const SURFACES: &[(&str, Surface)] = &[
    ("row of the queue", |text| queue_with(text, 1)),
    ("row of the queue under the cursor", |text| queue_with(text, 4)),
    ("row that is not believed", |text| {
        let mut rows = sample::rows();
        if let Some(RowContent::Refused(problems)) = rows.last_mut().map(|row| &mut row.content) {
            *problems = vec![Trouble::new("x", text)];
        }
        queue_of(rows)
    }),
    ("why the queue did not load", |text| {
        told(sample::queue(), News::Queue(Err(Trouble::new("x", text))))
    }),
    ("prompt of the queue's filter", |text| {
        let mut state = sample::queue();
        act(&mut state, Command::Filter, 2000);
        state.queue.filter = text.to_owned();
        state
    }),
    ("filter of the queue", |text| {
        let mut state = sample::queue();
        state.queue.filter = text.to_owned();
        state
    }),
    ("name of the organisation", |text| {
        with_trust(|trust| trust.organisation = text.into())
    }),
    ("name of the key", |text| {
        with_trust(|trust| {
            if let Some(key) = &mut trust.key {
                key.name = text.into();
            }
        })
    }),
    ("notice", |text| {
        told(sample::queue(), News::Trust(Err(Trouble::new("x", text))))
    }),
    ("request that could not be read", |text| {
        let mut state = sample::queue();
        act(&mut state, Command::Select(sample::id(1)), 1000);
        act(&mut state, Command::Enter, 1000);
        let result = Err(Trouble::new("x", text));
        told(
            state,
            News::Opened {
                id: sample::id(1),
                result,
            },
        )
    }),
    ("sentence and sheet", |text| sample::detail(1, text)),
    ("problem of the evidence", |text| {
        read(Pane::Sheet, |reading| {
            reading.problems = vec![Trouble::new("x", text)];
        })
    }),
    ("change, unified", |text| read(Pane::Change, changed(text))),
    ("change, side by side", |text| {
        let mut state = read(Pane::Change, changed(text));
        act(&mut state, Command::ToggleBeside, 2000);
        state
    }),
    ("change, folded", |text| {
        let mut state = read(Pane::Change, changed(text));
        act(&mut state, Command::ToggleFold, 2000);
        state
    }),
    ("line that stays", |text| {
        read(Pane::Change, |reading| {
            reading.changes = vec![document(
                "x",
                &format!("{}\nold\n", one_line(text)),
                &format!("{}\nnew\n", one_line(text)),
            )];
        })
    }),
    ("title of a document", |text| {
        read(Pane::Change, |reading| {
            reading.changes = vec![document(text, "old", "new")];
        })
    }),
    ("structure", |text| read(Pane::Structure, changed(text))),
    ("path of the structure", |text| {
        read(Pane::Structure, |reading| {
            let after = format!("{{\"a\": {{{}: 1}}}}", serde_json::json!(text));
            reading.changes = vec![document("x", "{\"a\": {}}", &after)];
        })
    }),
    ("bytes", |text| read(Pane::Raw, changed(text))),
    ("title of a finding", |text| {
        found(|finding| finding.title = text.to_owned())
    }),
    ("explanation of a finding", |text| {
        found(|finding| finding.explanation = Untrusted::from(text).escaped())
    }),
    ("path of a finding", |text| {
        found(|finding| finding.path = text.into())
    }),
    ("path of drift", |text| drifted(|row| row.path = text.into())),
    ("value of drift", |text| {
        drifted(|row| row.live = Some(value(text)))
    }),
    ("why drift is not known", |text| {
        read(Pane::Drift, |reading| {
            let unread = Unread {
                state: "live".into(),
                why: text.into(),
            };
            reading.drift = Some(Drifted {
                approved: None,
                record: Some(Arc::new(Record {
                    unread: Some(unread),
                    rows: Vec::new(),
                })),
            });
        })
    }),
    ("fact", |text| {
        let mut state = sample::detail(1, text);
        act(&mut state, Command::Read(Pane::Context), 2000);
        state
    }),
    ("name of a policy", |text| {
        read(Pane::Policy, |reading| reading.policies = vec![text.into()])
    }),
    ("reason of a decision", |text| {
        let mut state = read(Pane::Policy, |reading| {
            for decision in &mut reading.decisions {
                decision.reason = text.into();
            }
        });
        let top = Position {
            line: 14,
            character: 0,
        };
        act(&mut state, Command::Scroll(Pane::Policy, top), 2100);
        state
    }),
    ("history", |text| {
        let mut state = read(Pane::History, |_| {});
        if let Some((_, summary)) = state.detail.as_mut().and_then(|detail| detail.history.last_mut()) {
            summary.target = text.into();
        }
        state
    }),
    ("talk", |text| {
        read(Pane::Talk, |reading| {
            reading.talk = vec![Said {
                number: 1,
                speaker: Speaker::Agent,
                text: text.into(),
                at: moment(0).wall,
            }];
        })
    }),
    ("what changed since", |text| {
        let mut state = sample::detail(1, REASON);
        let detail = state.detail.as_mut().unwrap();
        detail.since = Some(document("the sheet", "reason: x\n", &format!("reason: {text}\n")));
        act(&mut state, Command::Read(Pane::Since), 2000);
        state
    }),
    ("what is searched for in a pane", |text| {
        let mut state = read(Pane::Raw, |_| {});
        act(&mut state, Command::Filter, 2000);
        state.detail.as_mut().unwrap().search = text.to_owned();
        state
    }),
    ("reason that is written", |text| {
        let mut state = denying();
        state.ceremony.as_mut().unwrap().reason = text.to_owned();
        state
    }),
    ("name that is typed", |text| {
        let mut state = deciding((240, 60));
        act(&mut state, Command::Focus(Field::Name), 3600);
        state.ceremony.as_mut().unwrap().typed = text.to_owned();
        state
    }),
    ("why nothing was signed", |text| {
        let mut state = denying();
        state.ceremony.as_mut().unwrap().notice = Some(text.into());
        state
    }),
    ("why a decision waits", |text| {
        let mut state = denying();
        state.ceremony.as_mut().unwrap().progress = Progress::Kept(text.into());
        state
    }),
    ("target that is signed", |text| {
        let mut state = read(Pane::Raw, |reading| reading.summary.target = text.into());
        act(&mut state, Command::Begin(Verdict::Deny), 3000);
        state
    }),
    ("counter-proposal", |text| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Counter, 3000);
        act(
            &mut state,
            Command::Edited(format!("a{text}b\n").into_bytes()),
            3500,
        );
        state
    }),
    ("question that is written", |text| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Ask, 3000);
        state.question.as_mut().unwrap().text = text.to_owned();
        state
    }),
    ("why a question was not asked", |text| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Ask, 3000);
        state.question.as_mut().unwrap().notice = Some(text.into());
        state
    }),
    ("target in a batch", |text| {
        let mut state = sample::batch();
        for member in &mut state.batch.as_mut().unwrap().members {
            if let countersign_console::machine::state::DetailContent::Read(reading) =
                &mut member.detail.content
            {
                reading.summary.target = text.into();
            }
        }
        state
    }),
    ("merged sheet", |text| {
        let mut state = sample::queue();
        let rows = sample::alike_rows();
        update(&mut state, Message::News(News::Queue(Ok(rows))), moment(0));
        act(&mut state, Command::MarkAlike, 1000);
        act(&mut state, Command::ReadMarked, 1000);
        for number in sample::ALIKE {
            let mut reading = sample::alike(number).unwrap();
            let mut sheet = reading.sheet.to_vec();
            let line = sheet
                .iter_mut()
                .find(|line| line.text.starts_with("reason: "))
                .unwrap();
            line.text = format!("reason: {}", Untrusted::from(text).escaped());
            reading.sheet = sheet.into();
            let news = News::Opened {
                id: sample::id(number),
                result: Ok(Box::new(reading)),
            };
            update(&mut state, Message::News(news), moment(1100));
        }
        let batch = state.batch.as_deref().unwrap();
        let of_text = |at: &usize| {
            batch
                .line(batch.lines()[*at])
                .unwrap()
                .text
                .starts_with("reason: ")
        };
        let line = (0..batch.lines().len()).find(of_text).unwrap();
        act(
            &mut state,
            Command::Scroll(Pane::Sheet, Position { line, character: 0 }),
            1200,
        );
        state
    }),
    ("what came of one of a batch", |text| {
        let mut state = sample::batch();
        state.batch.as_mut().unwrap().members[0].progress = Progress::Failed(text.into());
        state
    }),
];

#[test]
fn one_look_alike_for_another_paints_other_cells_at_80_by_24() {
    let mut alike = Vec::new();
    for (name, surface) in SURFACES {
        let mut seen = BTreeMap::new();
        for character in LOOK_ALIKES {
            // At the end as well, where nothing stands behind it.
            let blank = character.chars().all(char::is_whitespace);
            let texts = [
                Some(format!("ab{character}cd")),
                blank.then(|| format!("ab{character}")),
            ];
            for text in texts.into_iter().flatten() {
                let shown = cells_of(&surface(&text), (80, 24));
                if let Some(other) = seen.insert(shown, text.clone()) {
                    alike.push(format!("{name}: {text:?} and {other:?}"));
                }
            }
        }
    }
    assert!(alike.is_empty(), "{alike:#?}");
}

#[test]
fn one_code_point_more_less_or_another_paints_other_cells() {
    for (name, surface) in SURFACES {
        let mut runner = TestRunner::new(Config {
            cases: 12,
            failure_persistence: None,
            ..Config::default()
        });
        let outcome = runner.run(&(text_like(0..14), 0usize..15, edit()), |(text, at, edit)| {
            let other = edit.applied_to(&text, at);
            if other == text {
                return Ok(());
            }
            // Wide enough that nothing of either is cut: what stands behind an ellipsis is told by the ellipsis alone.
            let [one, another] = [&text, &other].map(|text| cells_of(&surface(text), (420, 40)));
            if one == another {
                return Err(TestCaseError::fail(format!("{text:?} and {other:?} look alike")));
            }
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn a_terminal_shows_every_surface_as_it_was_drawn_and_is_told_nothing_else() {
    for (name, surface) in SURFACES {
        for text in [HOSTILE, "a\u{301}漢\u{5d0}\u{5d1}🙂\u{1f468}\u{200d}\u{1f469}"] {
            let state = surface(text);
            let size = (80, 24);
            let (sent, parser) = bytes(&state, size);
            assert_drawing_only(name, &String::from_utf8(sent).unwrap());
            let drawn = painted(&state, size, Theme::Colour);
            for (x, y) in (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y))) {
                let shown = parser.screen().cell(y, x).unwrap();
                let shown = if shown.has_contents() {
                    shown.contents()
                } else {
                    " "
                };
                let drawn = drawn[(x, y)].symbol();
                assert_eq!(shown, drawn, "{name}: column {x} of row {y}");
            }
        }
    }
}

#[test]
fn a_blank_where_a_line_goes_on_is_seen() {
    // Around the width of the pane, where a line goes on in the next row.
    let mut seen = BTreeMap::new();
    for words in 60..90 {
        for end in [
            "",
            " ",
            "  ",
            "漢漢",
            " 漢漢",
            "\u{202e}",
            " \u{202e}",
            " b",
            "  b",
        ] {
            let text = format!("{}{end}", "a".repeat(words));
            let shown = cells_of(&sample::detail(1, &text), (80, 24));
            if let Some(other) = seen.insert(shown, text.clone()) {
                panic!("{text:?} and {other:?} look alike");
            }
        }
    }
}

#[test]
fn what_is_searched_for_takes_the_marks_on_its_letters_along() {
    let mut seen = BTreeMap::new();
    for (mark, needle) in [
        "\u{301}",
        "\u{300}",
        "\u{327}",
        "",
        "\u{301}\u{300}",
        "\u{300}\u{301}",
    ]
    .into_iter()
    .flat_map(|mark| ["e", "\u{301}"].map(|needle| (mark, needle)))
    {
        let mut state = sample::detail(1, &format!("re{mark}al"));
        state.detail.as_mut().unwrap().search = needle.to_owned();
        let shown = cells_of(&state, (120, 40));
        assert!(
            !shown.iter().any(|cell| cell.0 == "\u{fffd}"),
            "{mark:?} {needle:?}"
        );
        if let Some(other) = seen.insert((needle, shown), mark) {
            panic!("{needle:?}: {mark:?} and {other:?} look alike");
        }
    }
}

/// A cell as it is sent: character, colours, style.
type Cell = (String, u16);

fn cells_of(state: &State, size: (u16, u16)) -> Vec<Cell> {
    let buffer = painted(state, size, Theme::Plain);
    buffer
        .content
        .iter()
        .map(|cell| (cell.symbol().to_owned(), cell.modifier.bits()))
        .collect()
}

fn denying() -> State {
    let mut state = sample::detail(1, REASON);
    act(&mut state, Command::Begin(Verdict::Deny), 3000);
    state
}

fn told(mut state: State, news: News) -> State {
    update(&mut state, Message::News(news), moment(1100));
    state
}

fn queue_of(rows: Vec<countersign_console::machine::Row>) -> State {
    told(sample::queue(), News::Queue(Ok(rows)))
}

/// A queue with a target in one of its rows; the cursor is on the last of those that are believed.
fn queue_with(text: &str, number: u8) -> State {
    let mut rows = sample::rows();
    for row in rows.iter_mut().filter(|row| row.id == sample::id(number)) {
        if let RowContent::Verified(summary) = &mut row.content {
            summary.target = text.into();
        }
    }
    let mut state = queue_of(rows);
    act(&mut state, Command::Select(sample::id(4)), 1200);
    state
}

fn with_trust(change: impl FnOnce(&mut countersign_console::machine::Trust)) -> State {
    let mut trust = sample::trust().unwrap();
    change(&mut trust);
    told(sample::queue(), News::Trust(Ok(Box::new(trust))))
}

/// A pane of a request that was changed for the test.
pub(super) fn read(pane: Pane, change: impl FnOnce(&mut Reading)) -> State {
    let mut reading = sample::reading(1, REASON).unwrap();
    change(&mut reading);
    let mut state = sample::queue();
    act(&mut state, Command::Select(sample::id(1)), 1000);
    act(&mut state, Command::Enter, 1000);
    let result = Ok(Box::new(reading));
    let news = News::Opened {
        id: sample::id(1),
        result,
    };
    update(&mut state, Message::News(news), moment(1100));
    act(&mut state, Command::Read(pane), 2000);
    state
}

pub(super) fn document(title: &str, before: &str, after: &str) -> ChangedDocument {
    let diff = TextDiff::new(before.as_bytes(), after.as_bytes()).unwrap();
    let structure = compare("config-file", Some(before.as_bytes()), Some(after.as_bytes()));
    ChangedDocument::new(title, diff).with_structure(structure)
}

/// A document whose only line holds a text, in place of another.
fn changed(text: &str) -> impl FnOnce(&mut Reading) {
    let after = format!("{{\"a\": {}}}", serde_json::json!(text));
    move |reading| reading.changes = vec![document("x", "{\"a\": \"old\"}", &after)]
}

/// A text without line feeds, which would make it several lines; each is one line of what stays.
fn one_line(text: &str) -> String {
    text.replace('\n', "<LF>")
}

fn found(change: impl FnOnce(&mut countersign_review::findings::Finding)) -> State {
    read(Pane::Findings, |reading| {
        let mut finding = reading.findings[0].clone();
        finding.rule = RuleId::known("hostile-text").unwrap();
        finding.delta = Delta::Introduced;
        change(&mut finding);
        reading.findings = vec![finding];
    })
}

fn value(text: &str) -> Value {
    Value {
        text: text.into(),
        line: 1,
        more: 0,
    }
}

pub(super) fn drifted(change: impl FnOnce(&mut Row)) -> State {
    read(Pane::Drift, |reading| {
        let mut row = Row {
            path: "/replicas".into(),
            standing: Standing::RevertsLive,
            baseline: Some(value("3")),
            live: Some(value("9")),
            proposed: Some(value("3")),
        };
        change(&mut row);
        reading.drift = Some(Drifted {
            approved: None,
            record: Some(Arc::new(Record {
                unread: None,
                rows: vec![row],
            })),
        });
    })
}
