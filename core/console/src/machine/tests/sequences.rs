//! What holds for any sequence of messages.

use super::*;

pub(super) fn commands() -> impl Strategy<Value = Command> {
    let view = reading(1, Severity::High).view_digest;
    let place = || (0..=LINES, 0..20usize).prop_map(|(line, character)| Position { line, character });
    prop_oneof![
        2 => Just(Command::Enter),
        1 => Just(Command::Back),
        3 => Just(Command::Sign),
        2 => prop::sample::select(vec![Verdict::Approve, Verdict::Deny]).prop_map(Command::Begin),
        1 => (-3i64..3).prop_map(Command::Move),
        2 => prop::sample::select(vec![Step::Next, Step::Previous]).prop_map(Command::StepField),
        2 => prop::sample::select(vec![Field::Reason, Field::Name, Field::Passphrase]).prop_map(Command::Focus),
        4 => prop::sample::select("role.ymlx ".chars().collect::<Vec<_>>()).prop_map(Command::Write),
        1 => Just(Command::Erase),
        1 => Just(Command::EraseAll),
        2 => prop::sample::select(vec!["role.yaml", "reviewed\u{13}\r", "x"]).prop_map(|t| Command::Paste(t.to_owned())),
        2 => (place(), place()).prop_map(move |(from, to)| Command::Saw(view, from, to)),
        1 => Just(Command::Help),
        1 => Just(Command::LookAgain),
        1 => Just(Command::Refresh),
        1 => (1u8..4).prop_map(|n| Command::Select(id(n))),
    ]
}

#[derive(Debug, Clone)]
enum Event {
    Do(Command),
    Changed(u64),
    Reread { change: u64, other_sheet: bool },
    Queue(Vec<u8>),
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => commands().prop_map(Event::Do),
        1 => (1u64..6).prop_map(Event::Changed),
        2 => (1u64..6, any::<bool>()).prop_map(|(change, other_sheet)| Event::Reread { change, other_sheet }),
        1 => prop::collection::vec(1u8..5, 0..4).prop_map(Event::Queue),
    ]
}

fn happen(state: &mut State, event: &Event, up: u64) -> Vec<Effect> {
    match event {
        Event::Do(command) => tell(state, command.clone(), up),
        Event::Changed(change) => hear(
            state,
            News::Changed {
                id: id(1),
                change: *change,
            },
            up,
        ),
        Event::Queue(numbers) => hear(state, News::Queue(Ok(rows(numbers))), up),
        Event::Reread { change, other_sheet } => {
            let mut newer = reading(1, Severity::Critical);
            newer.change = *change;
            if *other_sheet {
                newer.view_digest = ViewDigest::new(Sha256Digest::of(b"another"));
            }
            hear(
                state,
                News::Opened {
                    id: id(1),
                    result: Ok(newer),
                },
                up,
            )
        }
    }
}

/// What has to hold in the state in which an order to sign is given.
fn may_sign(state: &State, now: Moment) -> bool {
    let (Some(ceremony), Some(detail)) = (&state.ceremony, &state.detail) else {
        return false;
    };
    let Some(reading) = detail.reading() else {
        return false;
    };
    let approved = ceremony.verdict == Verdict::Approve;
    !state.help
        && now.up >= state.quiet_until
        && ceremony.progress.is_writing()
        && ceremony.request == reading.id
        && detail.moved.is_none()
        && !detail.checking
        && reading.problems.is_empty()
        && !ceremony.reason.trim().is_empty()
        && ceremony.passphrase.count() > 0
        && (!approved || (ceremony.typed == "role.yaml" && detail.attention.lines() == LINES))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_signs_without_the_ceremony(
        events in prop::collection::vec((events(), 0u64..400), 0..60), from_ready in any::<bool>()
    ) {
        let mut state = if from_ready { ready() } else { opened(Severity::Critical) };
        let mut up = 3000;
        for (event, pause) in events {
            up += pause;
            let allowed = may_sign(&state, moment(up)) && matches!(event, Event::Do(Command::Sign));
            let shown = state.detail.as_ref().and_then(|detail| detail.reading()).map(|reading| reading.view_digest);
            if let Some(order) = order(happen(&mut state, &event, up)) {
                prop_assert!(allowed, "{event:?} signed");
                prop_assert_eq!(Some(order.view_digest), shown);
            }
        }
    }

    #[test]
    fn enter_alone_never_decides(
        moves in prop::collection::vec((prop_oneof![Just(Command::Enter), (-2i64..3).prop_map(Command::Move)], 0u64..500), 0..80),
        from_ready in any::<bool>()
    ) {
        let mut state = if from_ready { ready() } else { opened(Severity::Low) };
        let mut up = 3000;
        for (command, pause) in moves {
            up += pause;
            prop_assert!(order(tell(&mut state, command, up)).is_none());
        }
    }

    #[test]
    fn a_paste_never_decides(text in any::<String>()) {
        let mut state = ready();
        prop_assert!(order(tell(&mut state, Command::Paste(text), 3000)).is_none());
    }

    #[test]
    fn nothing_signs_within_the_pause_after_a_change(
        pause in 0u64..300, commands in prop::collection::vec(commands(), 0..20)
    ) {
        let mut state = ready();
        state.settle(moment(3000));
        for command in commands {
            prop_assert!(order(tell(&mut state, command, 3000 + pause)).is_none());
        }
    }

    #[test]
    fn a_line_counts_when_all_of_it_was_on_screen(
        marks in prop::collection::vec(((0usize..5, 0usize..9), (0usize..6, 0usize..9)), 0..12)
    ) {
        let texts = ["abc", "", "abcdefg", "x", "yz"];
        let sheet: Vec<SheetLine> =
            texts.iter().map(|text| SheetLine { role: LineRole::Context, text: (*text).to_owned() }).collect();
        let mut attention = Attention::new(&sheet);
        // The model: every character, and the end of each line, is a cell.
        let mut cells: Vec<Vec<bool>> = texts.iter().map(|text| vec![false; text.len() + 1]).collect();
        for ((from_line, from), (to_line, to)) in marks {
            attention.mark(
                Position { line: from_line, character: from },
                Position { line: to_line, character: to },
            );
            for (line, row) in cells.iter_mut().enumerate() {
                let end = row.len() - 1;
                for (at, cell) in row.iter_mut().enumerate() {
                    let after = (line, at) >= (from_line, if line == from_line { from.min(end) } else { from });
                    let to = if line == to_line { to.min(end) } else { to };
                    *cell |= after && (line, at) < (to_line, to);
                }
            }
        }
        for (line, row) in cells.iter().enumerate() {
            prop_assert_eq!(attention.saw(line), row.iter().all(|seen| *seen), "line {}", line);
        }
        prop_assert_eq!(attention.lines(), cells.iter().filter(|row| row.iter().all(|seen| *seen)).count());
    }
}
