//! Each screen as it is painted.

use super::*;

#[test]
fn queue() {
    snapshots("queue", |_| sample::queue());
}

#[test]
fn detail() {
    snapshots("detail", |_| sample::detail(1, REASON));
}

#[test]
fn detail_that_cannot_be_decided() {
    snapshots("why-not", |_| sample::detail(3, REASON));
}

#[test]
fn change_findings_and_context() {
    for (pane, name) in [
        (Pane::Change, "change"),
        (Pane::Findings, "findings"),
        (Pane::Structure, "structure"),
        (Pane::Context, "context"),
        (Pane::Policy, "policy"),
        (Pane::History, "history"),
        (Pane::Raw, "raw"),
        (Pane::Talk, "talk"),
    ] {
        snapshots(name, |_| {
            let mut state = sample::detail(1, REASON);
            act(&mut state, Command::Read(pane), 2000);
            state
        });
    }
}

#[test]
fn drift_by_columns() {
    snapshots("drift", |_| surfaces::drifted(|_| {}));
}

#[test]
fn what_is_not_believed_or_not_read() {
    snapshots("problems", |_| {
        surfaces::read(Pane::Sheet, |reading| {
            reading.problems = vec![
                Trouble::new(
                    "wrong-key",
                    "the request is signed by a key that the root does not name",
                ),
                Trouble::new(
                    "hidden-decision",
                    "the log holds a denial that the evidence leaves out",
                ),
            ];
        })
    });
    snapshots("unread", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::Select(sample::id(1)), 1000);
        act(&mut state, Command::Enter, 1000);
        let news = News::Opened {
            id: sample::id(1),
            result: Err(Trouble::new(
                "unreachable",
                "the backend does not answer; R tries once more",
            )),
        };
        update(&mut state, Message::News(news), moment(1100));
        state
    });
}

#[test]
fn local_files() {
    snapshots("local", |_| {
        let mut state = State::local(sample::id(1));
        let news = News::Opened {
            id: sample::id(1),
            result: Ok(Box::new(sample::reading(1, REASON).unwrap())),
        };
        update(&mut state, Message::News(news), moment(1100));
        state
    });
}

#[test]
fn a_jump_to_suspicious_text_says_where_it_is_and_shows_it() {
    let hostile = "a: 1\nb: \"pay\u{202e}cb\"\n";
    let long = format!("{}c: \u{200b}1\n", "x".repeat(900));
    let document = format!("{hostile}{long}");
    let mut state = surfaces::read(Pane::Sheet, |reading| {
        reading.changes = vec![surfaces::document("app.yaml", "", &document)];
        reading.findings = countersign_review::findings::analyze("config-file", None, document.as_bytes());
        let mut sheet = reading.sheet.to_vec();
        sheet[11].text = "reason: \u{430}dmin asked".to_owned();
        reading.sheet = sheet.into();
    });
    let jump = |state: &mut State| {
        let next = command(state, Intent::Suspicious, moment(2000), AREA).unwrap();
        act(state, next, 2000);
        text(&painted(state, SIZES[0], Theme::Plain))
    };
    let first = jump(&mut state);
    assert!(first.contains("suspicious text 1 of 3: line 2:8"), "{first}");
    assert!(first.contains("b: \"pay⟦U+202E⟧cb\""), "{first}");
    let second = jump(&mut state);
    assert!(second.contains("suspicious text 2 of 3: line 3:904"), "{second}");
    assert!(second.contains("c: ⟦U+200B⟧1"), "{second}");
    let third = jump(&mut state);
    assert!(
        third.contains("suspicious text 3 of 3: line 12 of the sheet"),
        "{third}"
    );
    assert!(third.contains("reason: \u{430}dmin asked"), "{third}");
    let around = jump(&mut state);
    assert!(around.contains("suspicious text 1 of 3"), "{around}");
    // A finding says the column as well.
    act(&mut state, Command::Read(Pane::Findings), 2000);
    let findings = text(&painted(&state, SIZES[1], Theme::Plain));
    assert!(findings.contains("line 2:8"), "{findings}");
    snapshots("suspicious", |_| {
        let mut state = sample::detail(1, HOSTILE);
        act(&mut state, Command::Suspicious, 2000);
        state
    });
    let mut quiet = sample::detail(1, REASON);
    let told = jump(&mut quiet);
    assert!(
        told.contains("no text here hides, moves or imitates text"),
        "{told}"
    );
}

#[test]
fn queue_in_groups_lanes_and_searched() {
    snapshots("queue-groups", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::Reorder, 2000);
        act(&mut state, Command::Reorder, 2000);
        state
    });
    snapshots("queue-risk-groups", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::ToggleGroups, 2000);
        state
    });
    snapshots("queue-deadline-groups", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::ToggleGroups, 2000);
        act(&mut state, Command::Reorder, 2000);
        state
    });
    snapshots("queue-lane", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::StepLane(Step::Next), 2000);
        act(&mut state, Command::StepLane(Step::Next), 2000);
        state
    });
    snapshots("queue-search", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::Filter, 2000);
        act(&mut state, Command::Paste("dplrol prod".to_owned()), 2000);
        state
    });
}

#[test]
fn change_beside_folded_and_searched() {
    snapshots("beside", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Read(Pane::Change), 2000);
        act(&mut state, Command::ToggleBeside, 2000);
        state
    });
    snapshots("folded", |_| {
        let mut state = sample::detail(4, REASON);
        act(&mut state, Command::Read(Pane::Change), 2000);
        act(&mut state, Command::ToggleFold, 2000);
        state
    });
    snapshots("searched", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Read(Pane::Change), 2000);
        act(&mut state, Command::Filter, 2000);
        act(&mut state, Command::Paste("Resource".to_owned()), 2000);
        act(&mut state, Command::Enter, 2000);
        state
    });
}

#[test]
fn what_changed_since_it_was_looked_at() {
    snapshots("since", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Back, 2000);
        let state = {
            let mut newer = sample::reading(1, "another reason").unwrap();
            newer.change += 1;
            act(&mut state, Command::Select(sample::id(1)), 3000);
            act(&mut state, Command::Enter, 3000);
            let news = News::Opened {
                id: sample::id(1),
                result: Ok(Box::new(newer)),
            };
            update(&mut state, Message::News(news), moment(3100));
            act(&mut state, Command::Read(Pane::Since), 3200);
            state
        };
        assert_eq!(state.detail.as_ref().unwrap().pane, Pane::Since);
        state
    });
}

#[test]
fn denying_with_a_usual_reason() {
    snapshots("deny", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Begin(Verdict::Deny), 3000);
        act(&mut state, Command::Preset, 3500);
        act(&mut state, Command::Preset, 3500);
        state
    });
}

/// A counter-proposal with a rewritten text, as it comes back from the editor.
fn countering(number: u8, text: &str) -> State {
    let mut state = sample::detail(number, REASON);
    act(&mut state, Command::Counter, 3000);
    for c in "one bucket is enough".chars() {
        act(&mut state, Command::Write(c), 3500);
    }
    act(&mut state, Command::Edited(text.as_bytes().to_vec()), 3500);
    state
}

#[test]
fn proposing_less_instead() {
    let less = sample::AFTER.replace("Action: \"*\"", "Action: s3:GetObject");
    snapshots("counter", |_| {
        let mut state = countering(1, &less);
        act(&mut state, Command::Enter, 4000);
        for c in "5m".chars() {
            act(&mut state, Command::Write(c), 4000);
        }
        state
    });
    snapshots("counter-rows", |_| {
        let mut state = countering(2, "DELETE FROM orders WHERE id = 7;\n");
        act(&mut state, Command::Enter, 4000);
        for c in "10".chars() {
            act(&mut state, Command::Write(c), 4000);
        }
        state
    });
}

fn area((width, height): (u16, u16)) -> Rect {
    Rect::new(0, 0, width, height)
}

/// Turns a page of what is on top, as its key does.
fn turn(state: &mut State, size: (u16, u16), up: u64) {
    if let Some(turn) = command(state, Intent::PageDown, moment(up), area(size)) {
        act(state, turn, up);
    }
}

/// What the frame showed of a difference is told, as the program does.
fn look_at_draft(state: &mut State, size: (u16, u16), up: u64) -> (usize, usize) {
    if let Some((action, from, to)) = seen_of_draft(state, moment(up), area(size)) {
        act(state, Command::SawDraft(action, from, to), up);
    }
    let counter = state.ceremony.as_ref().unwrap().counter.as_ref().unwrap();
    (counter.attention.lines(), counter.attention.of_lines())
}

#[test]
fn a_long_line_of_a_difference_counts_once_all_of_it_was_on_screen() {
    let long: String = (0..400).map(|n| format!("word{n} ")).collect();
    let size = (80, 24);
    let mut state = countering(1, &format!("{long}\nlast\n"));
    let (seen, of) = look_at_draft(&mut state, size, 4000);
    assert!(seen < of, "{seen} of {of}");
    let mut all = text(&painted(&state, size, Theme::Plain));
    for page in 0..200 {
        if look_at_draft(&mut state, size, 4000) == (of, of) {
            assert!(page > 3, "it takes pages");
            break;
        }
        turn(&mut state, size, 4000);
        all.push_str(&text(&painted(&state, size, Theme::Plain)));
    }
    assert_eq!(look_at_draft(&mut state, size, 4000), (of, of));
    for n in 0..400 {
        assert!(all.contains(&format!("word{n} ")), "word{n} was never on screen");
    }
}

#[test]
fn revealing_a_secret() {
    for (name, shown) in [("reveal", false), ("reveal-shown", true)] {
        snapshots(name, |_| {
            let mut state = sample::secretive();
            act(&mut state, Command::Reveal, 3000);
            for c in "is it the token that leaked last week?".chars() {
                act(&mut state, Command::Write(c), 3500);
            }
            if shown {
                act(&mut state, Command::Enter, 4000);
                let chosen = state.revealing.as_ref().unwrap().choice().unwrap().secret;
                sample::recorded(&mut state, chosen);
            }
            state
        });
    }
    snapshots("revealed", |_| {
        let mut state = sample::secretive();
        act(&mut state, Command::Read(Pane::History), 3000);
        state
    });
}

#[test]
fn a_hostile_secret_is_painted_by_its_marks_and_turned_to_its_end() {
    let size = (80, 24);
    let mut state = sample::secretive();
    act(&mut state, Command::Reveal, 3000);
    for _ in 0..9 {
        act(&mut state, Command::StepField(Step::Next), 3500);
    }
    act(&mut state, Command::Write('w'), 3500);
    act(&mut state, Command::Enter, 4000);
    sample::recorded(&mut state, None);
    let mut all = text(&painted(&state, size, Theme::Plain));
    for _ in 0..40 {
        turn(&mut state, size, 4800);
        all.push_str(&text(&painted(&state, size, Theme::Plain)));
    }
    assert!(
        all.contains("\u{27e6}U+202E\u{27e7}") && !all.contains('\u{202e}'),
        "{all}"
    );
    for line in ["MIIline0abc", "MIIline15abc", "MIIline29abc"] {
        assert!(all.contains(line), "{line} in {all}");
    }
    assert!(all.contains("Esc") && all.contains("masks again"));
}

#[test]
fn more_of_a_counter_proposal_than_fits_is_turned() {
    let many: String = (0..200).map(|n| format!("line {n}\n")).collect();
    let mut state = countering(1, &many);
    let shown = |state: &State| text(&painted(state, (80, 24), Theme::Plain));
    let mut all = shown(&state);
    assert!(all.contains("PgDn") && all.contains("Ctrl-S"), "{all}");
    for _ in 0..200 {
        turn(&mut state, (80, 24), 4000);
        all.push_str(&shown(&state));
    }
    for n in 0..200 {
        let line = format!("+line {n}");
        assert!(
            all.lines().any(|shown| shown.trim_matches([' ', '│']) == line),
            "{line} in\n{}",
            all.get(..6000).unwrap_or(&all)
        );
    }
    assert!(shown(&state).contains("Ctrl-S"));
}

#[test]
fn six_lines_of_a_difference_are_on_the_smallest_screen() {
    let many: String = (0..50).map(|n| format!("line {n}\n")).collect();
    let sql: String = (0..50)
        .map(|n| format!("DELETE FROM orders WHERE id = {n};\n"))
        .collect();
    for (number, instead) in [(1, many), (2, sql)] {
        let state = countering(number, &instead);
        let counter = state.ceremony.as_ref().unwrap().counter.as_ref().unwrap();
        assert!(counter.draft().is_ok(), "{:?}", counter.draft().err());
        let shown = text(&painted(&state, (80, 24), Theme::Plain));
        let below = shown.lines().skip_while(|line| !line.contains("code  "));
        let lines = below.skip(1).take_while(|line| !line.contains("PgDn"));
        assert!(lines.count() >= 6, "{shown}");
    }
}

#[test]
fn asking_the_agent() {
    snapshots("question", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Ask, 3000);
        for c in "which of these does the release need?".chars() {
            act(&mut state, Command::Write(c), 3500);
        }
        state
    });
}

fn look_at(state: &mut State, number: u8, people: &[&str]) {
    let news = News::Looking {
        request: sample::id(number),
        people: people.iter().map(|person| person.parse().unwrap()).collect(),
    };
    update(state, Message::News(news), moment(2000));
}

#[test]
fn who_else_looks() {
    snapshots("looking", |_| {
        let mut state = sample::queue();
        look_at(&mut state, 1, &["p-bob"]);
        look_at(&mut state, 2, &["p-bob", "p-dan", "p-eve"]);
        state
    });
    snapshots("also-looking", |_| {
        let mut state = sample::detail(1, REASON);
        look_at(&mut state, 1, &["p-bob", "p-dan", "p-eve"]);
        state
    });
}

#[test]
fn nothing_that_is_read_moves_when_somebody_comes_to_look() {
    for size in SIZES {
        let mut state = sample::detail(1, REASON);
        let below = |state: &State| {
            let shown = text(&painted(state, size, Theme::Plain));
            shown.lines().skip(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let alone = below(&state);
        let names: Vec<String> = (0..3).map(|n| format!("p-{n}{}", "x".repeat(50))).collect();
        look_at(
            &mut state,
            1,
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        assert_eq!(below(&state), alone, "{size:?}");
        let shown = text(&painted(&state, size, Theme::Plain));
        assert!(shown.contains("also looking"), "{shown}");
    }
}

#[test]
fn every_key_is_on_the_smallest_list_and_back_is_on_the_bottom_line() {
    let mut state = sample::detail(1, REASON);
    let shown = text(&painted(&state, SIZES[0], Theme::Plain));
    assert!(shown.lines().last().unwrap().contains("Esc back"), "{shown}");
    act(&mut state, Command::Help, 2000);
    let shown = text(&painted(&state, SIZES[0], Theme::Plain));
    let keymap = crate::screen::Keymap::default();
    for (_, keys) in keymap.help(crate::screen::binding::Place::Detail) {
        for bound in keys {
            assert!(
                shown.contains(bound.binding.text),
                "{} is missing in\n{shown}",
                bound.binding.text
            );
        }
    }
}

#[test]
fn every_tab_is_on_the_smallest_screen() {
    let mut state = surfaces::drifted(|_| {});
    state.detail.as_mut().unwrap().since = Some(surfaces::document("x", "a\n", "b\n"));
    let panes = state.detail.as_ref().unwrap().panes();
    // All but the verdict on a file of evidence, which has no drift and was not looked at before.
    assert_eq!(panes.len(), Pane::ALL.len() - 1);
    for pane in panes {
        act(&mut state, Command::Read(pane), 2000);
        let shown = text(&painted(&state, SIZES[0], Theme::Plain));
        let tabs = shown.lines().find(|line| line.starts_with("─1 ")).unwrap();
        for key in [
            "1 ", " 2 ", " 3 ", " 4 ", " 5 ", " 6 ", " 7 ", " 8 ", " 9 ", " 0 ", " Si",
        ] {
            assert!(tabs.contains(key), "{key:?} is missing in {tabs:?}");
        }
    }
}

#[test]
fn history_names_what_came_of_a_counter_proposal() {
    let mut state = sample::detail(8, REASON);
    act(&mut state, Command::Read(Pane::History), 2000);
    let shown = text(&painted(&state, SIZES[1], Theme::Plain));
    assert!(
        shown.contains(&format!("{}, by the counter-proposal", sample::id(1))),
        "{shown}"
    );
}

#[test]
fn dialog() {
    snapshots("dialog", deciding);
}

#[test]
fn a_dialog_names_the_keys_that_a_person_chose() {
    let chosen = [("sign".to_owned(), vec!["F2".to_owned(), "Alt-s".to_owned()])].into();
    let look = crate::screen::Look {
        keymap: crate::screen::Keymap::with(&chosen).unwrap(),
        ..look(Theme::Plain)
    };
    let mut buffer = Buffer::empty(AREA);
    frame::draw(&mut buffer, &look, &deciding(SIZES[0]), moment(5000), 0);
    let shown = text(&buffer);
    assert!(shown.contains("F2 signs") && !shown.contains("Ctrl-S"), "{shown}");
}

#[test]
fn dialog_once_it_is_logged() {
    snapshots("logged", |size| {
        let mut state = deciding(size);
        state.ceremony.as_mut().unwrap().progress = Progress::Logged { index: 58, size: 61 };
        state
    });
}

#[test]
fn help() {
    snapshots("help", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::Help, 2000);
        state
    });
    snapshots("help-detail", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Help, 2000);
        state
    });
}

#[test]
fn requests_of_one_shape() {
    snapshots("queue-marked", |_| {
        let mut state = sample::queue();
        update(
            &mut state,
            Message::News(News::Queue(Ok(sample::alike_rows()))),
            moment(0),
        );
        act(&mut state, Command::Mark, 2000);
        act(&mut state, Command::Mark, 2000);
        state
    });
    snapshots("batch", |_| sample::batch());
    snapshots("batch-unlike", |_| {
        let mut state = sample::queue();
        let mut rows = sample::alike_rows();
        rows.truncate(2);
        update(&mut state, Message::News(News::Queue(Ok(rows))), moment(0));
        act(&mut state, Command::MarkAlike, 2000);
        act(&mut state, Command::ReadMarked, 2000);
        for number in [20, 21] {
            let mut reading = sample::alike(number).unwrap();
            let mut sheet = reading.sheet.to_vec();
            let last = sheet.iter_mut().rfind(|line| line.text.starts_with('+')).unwrap();
            last.text = format!("+  workers {number};");
            reading.sheet = sheet.into();
            let news = News::Opened {
                id: sample::id(number),
                result: Ok(Box::new(reading)),
            };
            update(&mut state, Message::News(news), moment(2100));
        }
        state
    });
    snapshots("batch-dialog", batch_deciding);
    snapshots("batch-results", |size| {
        let mut state = batch_deciding(size);
        let results = [
            Progress::Logged { index: 58, size: 61 },
            Progress::Failed("the sheet is not the one you saw; nothing was signed: look at it again".into()),
            Progress::Kept("the backend does not answer".into()),
            Progress::Committed,
        ];
        for (member, progress) in state.batch.as_mut().unwrap().members.iter_mut().zip(results) {
            member.progress = progress;
        }
        state.ceremony = None;
        state
    });
}

#[test]
fn first_run() {
    snapshots("first-run", |_| State::first_run());
    let mut state = State::first_run();
    act(&mut state, Command::Move(1), 0);
    assert_eq!(
        state.screen,
        super::super::machine::Screen::FirstRun(FirstRunChoice::Personal)
    );
}

#[test]
fn lost_backend() {
    snapshots("lost", |_| {
        let mut state = sample::queue();
        let wall = moment(0).wall;
        let next = wall.after(Duration::from_secs(12));
        let lost = Connection::Retrying {
            since: wall,
            next,
            why: "connection refused".into(),
        };
        update(&mut state, Message::News(News::Connection(lost)), moment(0));
        let trouble = Trouble::new(
            "unreachable",
            "the backend does not answer; what is shown may be old",
        );
        update(&mut state, Message::News(News::Queue(Err(trouble))), moment(0));
        state
    });
}
