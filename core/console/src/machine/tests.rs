//! What the machine promises about signing, unit by unit and for any sequence of messages.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::{Attention as Stated, Verdict};
use countersign_protocol::digest::{ActionDigest, ProposalDigest, RequestDigest, Sha256Digest, ViewDigest};
use countersign_protocol::identity::{KeyAssurance, RequestId};
use countersign_protocol::kind::Kind;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_review::sheet::{LineRole, SheetLine};
use proptest::prelude::*;

use super::message::Step;
use super::reading::Attention;
use super::state::{DetailContent, KeySummary};
use super::*;

const LINES: usize = 12;

fn moment(up: u64) -> Moment {
    Moment {
        wall: Timestamp::from_millis(1_000_000 + up),
        up: Duration::from_millis(up),
    }
}

fn id(number: u8) -> RequestId {
    RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number])))
}

fn summary(severity: Severity) -> Summary {
    Summary {
        phase: Phase::Pending,
        severity,
        kind: Kind::named("iam").unwrap(),
        target: "file://web-1/etc/role.yaml".into(),
        agent: "deployer".parse().unwrap(),
        environment: "production".parse().unwrap(),
        created_at: Timestamp::from_millis(1),
        expires_at: Timestamp::from_millis(900_000_000),
        needs: 1,
        hardware: 0,
        teams: 1,
        approved_by: vec![],
        personal: false,
        why_not: None,
    }
}

fn reading(number: u8, severity: Severity) -> Box<Reading> {
    let line = |at| SheetLine {
        role: LineRole::Context,
        text: format!("line {at} of the sheet"),
    };
    let digest = |name: &str| Sha256Digest::of(format!("{name}{number}").as_bytes());
    Box::new(Reading {
        id: id(number),
        change: 1,
        summary: summary(severity),
        request_digest: RequestDigest::new(digest("request")),
        action_digest: ActionDigest::new(digest("action")),
        view_digest: ViewDigest::new(digest("view")),
        check_words: vec![],
        sentence: String::new(),
        sheet: (0..LINES).map(line).collect::<Arc<[_]>>(),
        changes: vec![],
        findings: vec![],
        facts: vec![],
        problems: vec![],
        policies: vec![],
        eligible: vec![],
        excluded: vec![],
        decisions: vec![],
        logged: Some((1, 2)),
    })
}

fn rows(numbers: &[u8]) -> Vec<Row> {
    let row = |number: &u8| Row {
        id: id(*number),
        change: 1,
        content: RowContent::Verified(Box::new(summary(Severity::High))),
    };
    numbers.iter().map(row).collect()
}

fn trust() -> Trust {
    let key = KeySummary {
        name: "k".into(),
        assurance: KeyAssurance::Software,
        unlock: Unlock::Passphrase,
    };
    Trust {
        organisation: "Acme".into(),
        root_words: vec![],
        person: "p-alice".parse().unwrap(),
        key: Some(key),
    }
}

fn tell(state: &mut State, command: Command, up: u64) -> Vec<Effect> {
    update(state, Message::Command(command), moment(up))
}

fn hear(state: &mut State, news: News, up: u64) -> Vec<Effect> {
    update(state, Message::News(news), moment(up))
}

/// A console that reads request 1.
fn opened(severity: Severity) -> State {
    let mut state = State::queue();
    assert_eq!(start(&mut state).len(), 3);
    hear(&mut state, News::Trust(Ok(Box::new(trust()))), 0);
    hear(&mut state, News::Queue(Ok(rows(&[1, 2, 3]))), 0);
    tell(&mut state, Command::Select(id(1)), 900);
    let effects = tell(&mut state, Command::Enter, 1000);
    assert!(matches!(effects[..], [Effect::Open(open)] if open == id(1)));
    hear(
        &mut state,
        News::Opened {
            id: id(1),
            result: Ok(reading(1, severity)),
        },
        1000,
    );
    state
}

fn see_all(state: &mut State) {
    let view = reading(1, Severity::High).view_digest;
    tell(
        state,
        Command::Saw(
            view,
            Position::default(),
            Position {
                line: LINES,
                character: 0,
            },
        ),
        1100,
    );
}

fn write(state: &mut State, text: &str, up: u64) {
    for c in text.chars() {
        tell(state, Command::Write(c), up);
    }
}

/// A console that lacks nothing but the chord, at 3000 ms.
fn ready() -> State {
    let mut state = opened(Severity::Critical);
    see_all(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    write(&mut state, "reviewed", 2500);
    tell(&mut state, Command::StepField(Step::Next), 2500);
    write(&mut state, "role.yaml", 2500);
    tell(&mut state, Command::StepField(Step::Next), 2500);
    write(&mut state, "secret", 2500);
    state
}

fn order(effects: Vec<Effect>) -> Option<Box<Order>> {
    effects.into_iter().find_map(|effect| {
        if let Effect::Decide(order) = effect {
            Some(order)
        } else {
            None
        }
    })
}

#[test]
fn the_whole_ceremony_signs_exactly_what_was_read() {
    let mut state = ready();
    let order = order(tell(&mut state, Command::Sign, 3000)).expect("everything is there");
    let read = reading(1, Severity::Critical);
    assert_eq!(
        (order.request, order.request_digest),
        (id(1), read.request_digest)
    );
    assert_eq!(
        (order.action_digest, order.view_digest),
        (read.action_digest, read.view_digest)
    );
    assert_eq!(
        (order.verdict, order.reason.as_str()),
        (Verdict::Approve, "reviewed")
    );
    assert_eq!(
        order.attention,
        Stated::Shown {
            lines: 12,
            of_lines: 12,
            seconds: 2
        }
    );
    assert_eq!(order.passphrase.expose(), "secret");
    assert!(!format!("{order:?} {state:?}").contains("secret"));
}

#[test]
fn the_chord_signs_once() {
    let mut state = ready();
    assert!(order(tell(&mut state, Command::Sign, 3000)).is_some());
    assert!(order(tell(&mut state, Command::Sign, 3001)).is_none());
}

#[test]
fn each_missing_part_keeps_it_unsigned() {
    for field in [Field::Reason, Field::Name, Field::Passphrase] {
        let mut state = ready();
        tell(&mut state, Command::Focus(field), 2600);
        tell(&mut state, Command::EraseAll, 2600);
        assert!(
            order(tell(&mut state, Command::Sign, 3000)).is_none(),
            "{field:?}"
        );
        assert!(state.ceremony.as_ref().unwrap().notice.is_some(), "{field:?}");
    }
}

#[test]
fn a_high_risk_is_not_approved_before_all_of_it_was_on_screen() {
    let mut state = opened(Severity::High);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    assert!(state.ceremony.is_none());
    let view = reading(1, Severity::High).view_digest;
    let to = Position {
        line: LINES - 1,
        character: 18,
    };
    tell(&mut state, Command::Saw(view, Position::default(), to), 2100);
    tell(&mut state, Command::Begin(Verdict::Approve), 2200);
    assert!(state.ceremony.is_none(), "the last line was clipped");
    see_all(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 2300);
    assert!(state.ceremony.is_some());
}

#[test]
fn a_denial_needs_no_name_but_a_reason_and_the_key() {
    let mut state = opened(Severity::Critical);
    tell(&mut state, Command::Begin(Verdict::Deny), 2000);
    assert!(order(tell(&mut state, Command::Sign, 2500)).is_none());
    write(&mut state, "no", 2500);
    tell(&mut state, Command::Enter, 2500);
    write(&mut state, "secret", 2500);
    let order = order(tell(&mut state, Command::Sign, 2600)).expect("nothing is missing");
    assert_eq!(order.verdict, Verdict::Deny);
    assert_eq!(
        order.attention,
        Stated::Shown {
            lines: 0,
            of_lines: 12,
            seconds: 1
        }
    );
}

#[test]
fn a_pasted_name_confirms_nothing() {
    let mut state = ready();
    tell(&mut state, Command::Focus(Field::Name), 2600);
    tell(&mut state, Command::EraseAll, 2600);
    tell(&mut state, Command::Paste("role.yaml".to_owned()), 2600);
    assert!(order(tell(&mut state, Command::Sign, 3000)).is_none());
}

#[test]
fn keys_right_after_a_change_do_not_open_or_begin() {
    let mut state = opened(Severity::Low);
    tell(&mut state, Command::Begin(Verdict::Approve), 1299);
    assert!(state.ceremony.is_none());
    tell(&mut state, Command::Begin(Verdict::Approve), 1300);
    assert!(state.ceremony.is_some());
    tell(&mut state, Command::Write('A'), 1400);
    assert_eq!(
        state.ceremony.as_ref().unwrap().reason,
        "",
        "a repeated key is no reason"
    );

    let mut state = State::queue();
    hear(&mut state, News::Queue(Ok(rows(&[1]))), 1000);
    hear(&mut state, News::Queue(Ok(rows(&[2]))), 5000);
    assert!(tell(&mut state, Command::Enter, 5299).is_empty());
    assert_eq!(tell(&mut state, Command::Enter, 5300).len(), 1);
}

#[test]
fn the_cursor_stays_on_its_request_when_others_come() {
    let mut state = State::queue();
    hear(&mut state, News::Queue(Ok(rows(&[1, 2]))), 0);
    tell(&mut state, Command::Select(id(2)), 400);
    hear(&mut state, News::Queue(Ok(rows(&[7, 8, 1, 2, 9]))), 500);
    assert_eq!(state.queue.selected().unwrap().id, id(2));
    assert!(state.is_settled(moment(500)));
}

#[test]
fn lanes_say_who_has_to_act_and_follow_the_clock() {
    let mut state = State::queue();
    let mut all = rows(&[1, 2, 3, 4]);
    let mut change = |at: usize, change: fn(&mut Summary)| {
        if let RowContent::Verified(summary) = &mut all[at].content {
            change(summary);
        }
    };
    change(1, |summary| summary.why_not = Some("not you".to_owned()));
    change(2, |summary| summary.phase = Phase::Denied);
    change(3, |summary| {
        summary.expires_at = Timestamp::from_millis(1_005_000);
    });
    hear(&mut state, News::Queue(Ok(all)), 0);
    let counts = |state: &State| Lane::ALL.map(|lane| state.queue.count(lane));
    assert_eq!(counts(&state), [4, 2, 1, 1, 0]);
    assert_eq!(state.queue.next_expiry(), Some(Timestamp::from_millis(1_005_000)));
    tell(&mut state, Command::Show(Lane::Mine), 100);
    assert_eq!(state.queue.passing.len(), 2);
    update(&mut state, Message::Tick, moment(5_000));
    assert_eq!(counts(&state), [4, 1, 1, 1, 1]);
    assert_eq!(state.queue.passing.len(), 1);
    assert_eq!(state.queue.selected().map(|row| row.id), Some(id(1)));
}

#[test]
fn what_newly_needs_this_person_is_counted_once() {
    let mut state = State::queue();
    hear(&mut state, News::Queue(Ok(rows(&[1, 2]))), 0);
    assert_eq!(state.queue.arrived, 0);
    hear(&mut state, News::Queue(Ok(rows(&[1, 2, 3]))), 10);
    hear(&mut state, News::Queue(Ok(rows(&[1, 2, 3]))), 20);
    assert_eq!(state.queue.arrived, 1);
}

#[test]
fn an_expired_row_slides_away_from_under_the_finger() {
    let mut state = State::queue();
    let mut all = rows(&[1, 2]);
    if let RowContent::Verified(summary) = &mut all[0].content {
        summary.severity = Severity::Critical;
        summary.expires_at = Timestamp::from_millis(1_002_000);
    }
    hear(&mut state, News::Queue(Ok(all)), 0);
    tell(&mut state, Command::Show(Lane::Mine), 1000);
    assert_eq!(state.queue.selected().map(|row| row.id), Some(id(1)));
    // The row below takes its place at this very moment; Enter does not open it.
    assert!(tell(&mut state, Command::Enter, 2000).is_empty());
    assert_eq!(tell(&mut state, Command::Enter, 2400).len(), 1);
}

#[test]
fn a_usual_reason_never_replaces_a_written_one() {
    let mut state = opened(Severity::Low);
    tell(&mut state, Command::Begin(Verdict::Deny), 2000);
    tell(&mut state, Command::Preset, 2400);
    assert_eq!(state.ceremony.as_ref().unwrap().reason, ceremony::DENIALS[0]);
    tell(&mut state, Command::Preset, 2400);
    assert_eq!(state.ceremony.as_ref().unwrap().reason, ceremony::DENIALS[1]);
    write(&mut state, "!", 2400);
    tell(&mut state, Command::Preset, 2400);
    assert!(state.ceremony.as_ref().unwrap().reason.ends_with('!'));
}

#[test]
fn what_moved_has_to_be_looked_at_again() {
    let mut state = ready();
    let mut newer = reading(1, Severity::Critical);
    newer.change = 2;
    newer.view_digest = ViewDigest::new(Sha256Digest::of(b"another"));
    hear(&mut state, News::Changed { id: id(1), change: 2 }, 2600);
    assert!(
        order(tell(&mut state, Command::Sign, 2999)).is_none(),
        "it is not known yet what moved"
    );
    hear(
        &mut state,
        News::Opened {
            id: id(1),
            result: Ok(newer),
        },
        3000,
    );
    assert!(order(tell(&mut state, Command::Sign, 4000)).is_none());
    tell(&mut state, Command::Back, 4000);
    tell(&mut state, Command::LookAgain, 5000);
    let detail = state.detail.as_ref().unwrap();
    assert!(detail.moved.is_none());
    assert_eq!(detail.attention.lines(), 0, "another sheet was not read yet");
}

#[test]
fn a_change_heard_while_the_request_was_fetched_is_not_missed() {
    let mut state = State::queue();
    hear(&mut state, News::Trust(Ok(Box::new(trust()))), 0);
    hear(&mut state, News::Queue(Ok(rows(&[1]))), 0);
    tell(&mut state, Command::Enter, 1000);
    hear(&mut state, News::Changed { id: id(1), change: 4 }, 1100);
    let old = News::Opened {
        id: id(1),
        result: Ok(reading(1, Severity::Low)),
    };
    let effects = hear(&mut state, old, 1200);
    assert!(matches!(effects[..], [Effect::Open(again)] if again == id(1)));
    tell(&mut state, Command::Begin(Verdict::Approve), 3000);
    assert!(state.ceremony.is_none(), "an old reading is not signed");
    let mut newer = reading(1, Severity::Low);
    newer.change = 4;
    assert!(
        hear(
            &mut state,
            News::Opened {
                id: id(1),
                result: Ok(newer)
            },
            3100
        )
        .is_empty()
    );
    tell(&mut state, Command::Begin(Verdict::Approve), 4000);
    assert!(state.ceremony.is_some());
}

#[test]
fn a_chord_in_a_burst_of_keys_signs_nothing_and_says_so() {
    let mut state = ready();
    assert!(tell(&mut state, Command::Blurred, 3000).is_empty());
    assert!(state.ceremony.as_ref().unwrap().notice.is_some());
}

#[test]
fn an_approval_by_somebody_else_disturbs_nobody() {
    let mut state = ready();
    let mut newer = reading(1, Severity::Critical);
    newer.change = 2;
    newer.summary.approved_by = vec!["p-bob".parse().unwrap()];
    hear(&mut state, News::Changed { id: id(1), change: 2 }, 2600);
    hear(
        &mut state,
        News::Opened {
            id: id(1),
            result: Ok(newer),
        },
        2700,
    );
    assert!(order(tell(&mut state, Command::Sign, 3100)).is_some());
}

#[test]
fn an_answer_that_comes_late_and_old_says_nothing() {
    let mut state = opened(Severity::Low);
    let mut newer = reading(1, Severity::Low);
    newer.change = 5;
    hear(
        &mut state,
        News::Opened {
            id: id(1),
            result: Ok(newer),
        },
        2000,
    );
    let mut older = reading(1, Severity::Low);
    older.summary.phase = Phase::Denied;
    hear(
        &mut state,
        News::Opened {
            id: id(1),
            result: Ok(older),
        },
        2100,
    );
    assert_eq!(
        state.detail.as_ref().unwrap().reading().unwrap().summary.phase,
        Phase::Pending
    );
}

#[test]
fn evidence_with_a_problem_is_read_and_never_signed() {
    let mut state = opened(Severity::Low);
    let mut bad = reading(1, Severity::Low);
    bad.problems = vec![Trouble::new("wrong-key", "no")];
    state.detail.as_mut().unwrap().content = DetailContent::Read(bad);
    for verdict in [Verdict::Approve, Verdict::Deny] {
        tell(&mut state, Command::Begin(verdict), 3000);
        assert!(state.ceremony.is_none());
    }
}

#[test]
fn what_is_covered_was_not_seen() {
    let mut state = opened(Severity::High);
    tell(&mut state, Command::Help, 1500);
    see_all(&mut state);
    assert_eq!(state.detail.as_ref().unwrap().attention.lines(), 0);
    tell(&mut state, Command::Help, 1600);
    let other = ViewDigest::new(Sha256Digest::of(b"another"));
    tell(
        &mut state,
        Command::Saw(
            other,
            Position::default(),
            Position {
                line: LINES,
                character: 0,
            },
        ),
        1700,
    );
    assert_eq!(state.detail.as_ref().unwrap().attention.lines(), 0);
}

#[test]
fn a_refused_decision_is_told_and_can_be_tried_again() {
    let mut state = ready();
    tell(&mut state, Command::Sign, 3000);
    let failed = Progress::Failed("the passphrase is wrong".into());
    hear(
        &mut state,
        News::Decision {
            request: id(1),
            progress: failed,
        },
        3100,
    );
    let ceremony = state.ceremony.as_ref().unwrap();
    assert!(ceremony.progress.is_writing());
    assert_eq!(ceremony.passphrase.count(), 0);
    assert!(order(tell(&mut state, Command::Sign, 3200)).is_none());
    write(&mut state, "other", 3300);
    assert!(order(tell(&mut state, Command::Sign, 3400)).is_some());
}

#[test]
fn nothing_wakes_a_console_where_nothing_is_pending() {
    assert_eq!(State::first_run().next_wake(moment(0)), None);
    let mut state = State::queue();
    hear(&mut state, News::Queue(Ok(vec![])), 0);
    assert_eq!(state.next_wake(moment(0)), None);
    hear(&mut state, News::Queue(Ok(rows(&[1]))), 0);
    assert!(state.next_wake(moment(0)).unwrap() >= Duration::from_secs(1));
}

fn commands() -> impl Strategy<Value = Command> {
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
    #![proptest_config(ProptestConfig::with_cases(600))]

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

/// A desk where one thing breaks.
struct Broken;

impl driver::Desk for Broken {
    async fn trust(&self) -> Result<Trust, Trouble> {
        Ok(trust())
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        panic!("a hostile row")
    }

    async fn open(&self, wanted: RequestId) -> Result<Reading, Trouble> {
        if wanted == id(1) {
            // The first opening of it never ends by itself.
            std::future::pending::<()>().await;
        }
        Ok(*reading(2, Severity::Low))
    }

    async fn decide(&self, _order: Order, report: impl Fn(Progress) + Send + Sync) {
        report(Progress::Sent);
        tokio::time::sleep(Duration::from_millis(50)).await;
        report(Progress::Committed);
    }

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tell(News::Connection(Connection::Live));
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn the_driver_tells_what_breaks_and_ends_a_decision_before_it_leaves() {
    let (sender, mut news) = tokio::sync::mpsc::unbounded_channel();
    let driver = driver::Driver::start(Broken, move |one| drop(sender.send(one)));
    let mut state = ready();
    driver.perform([
        Effect::LoadQueue,
        Effect::Watch,
        Effect::Open(id(1)),
        Effect::Open(id(2)),
    ]);
    driver.perform(tell(&mut state, Command::Sign, 3000));
    let mut told = Vec::new();
    while !told.iter().any(|one| matches!(one, News::Queue(_))) {
        told.push(news.recv().await.unwrap());
    }
    driver.finish().await;
    while let Some(one) = news.recv().await {
        told.push(one);
    }
    let said = |wanted: fn(&News) -> bool| told.iter().any(wanted);
    assert!(said(
        |news| matches!(news, News::Queue(Err(trouble)) if trouble.code == "internal")
    ));
    assert!(said(|news| matches!(
        news,
        News::Decision {
            progress: Progress::Committed,
            ..
        }
    )));
    assert!(!said(
        |news| matches!(news, News::Opened { id: opened, .. } if *opened == id(1))
    ));
}
