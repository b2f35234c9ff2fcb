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
    ] {
        snapshots(name, |_| {
            let mut state = sample::detail(1, REASON);
            act(&mut state, Command::Read(pane), 2000);
            state
        });
    }
}

#[test]
fn queue_in_groups_lanes_and_searched() {
    snapshots("queue-groups", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::Reorder, 2000);
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

#[test]
fn dialog() {
    snapshots("dialog", deciding);
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
