//! A surface that is not trusted: what it says was on screen, and what it asks to be signed.

use super::*;
use crate::machine::attention::DWELL;

const STEP: u64 = 100;

/// What a surface can say, and what can happen to it.
#[derive(Debug, Clone)]
enum Move {
    Give(usize, usize),
    Show((usize, usize), (usize, usize)),
    Cover,
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let line = 0..LINES + 3;
    let place = || (0..LINES + 2, 0..25usize);
    prop::collection::vec(
        prop_oneof![
            (line.clone(), line).prop_map(|(from, to)| Move::Give(from.min(to), from.max(to))),
            (place(), place()).prop_map(|(from, to)| Move::Show(from, to)),
            (0..LINES, 0..LINES).prop_map(|(from, to)| Move::Show((from.min(to), 0), (from.max(to) + 1, 0))),
            Just(Move::Cover),
            (1..6u64).prop_map(|steps| Move::Wait(steps * STEP)),
        ],
        1..40,
    )
}

proptest! {
    /// A line counts only if, for a whole dwell without a gap, each of its characters was said to be on screen while the
    /// line had been given. The model keeps for each character since when that is so.
    #[test]
    fn only_what_was_given_and_stayed_counts(moves in moves()) {
        let sheet = reading(1, Severity::Low).sheet;
        let mut attention = Attention::new(&sheet);
        let mut given = [false; LINES];
        let length = |line: usize| sheet[line].text.chars().count() + 1;
        let mut since: Vec<Vec<Option<u64>>> = (0..LINES).map(|line| vec![None; length(line)]).collect();
        let mut stayed: Vec<Vec<bool>> = (0..LINES).map(|line| vec![false; length(line)]).collect();
        let mut now = 0;
        for one in moves {
            match one {
                Move::Give(from, to) => {
                    attention.give(from..to);
                    given.iter_mut().take(to).skip(from).for_each(|given| *given = true);
                }
                Move::Show(from, to) => {
                    let place = |(line, character)| Position { line, character };
                    attention.show(place(from), place(to), Duration::from_millis(now));
                    // The end of a line's text is also where its break begins.
                    let from = (from.0, from.1.min(sheet.get(from.0).map_or(0, |line| line.text.chars().count())));
                    for (line, characters) in since.iter_mut().enumerate() {
                        for (at, kept) in characters.iter_mut().enumerate() {
                            let said = from <= (line, at) && (line, at) < to && given[line];
                            *kept = if said { kept.or(Some(now)) } else { None };
                        }
                    }
                }
                Move::Cover => {
                    attention.cover();
                    since.iter_mut().flatten().for_each(|since| *since = None);
                }
                Move::Wait(time) => {
                    now += time;
                    attention.dwell(Duration::from_millis(now));
                    for (stayed, since) in stayed.iter_mut().flatten().zip(since.iter().flatten()) {
                        *stayed |= since.is_some_and(|since| Duration::from_millis(now - since) >= DWELL);
                    }
                }
            }
            for line in 0..LINES {
                prop_assert!(!attention.saw(line) || stayed[line].iter().all(|stayed| *stayed), "line {}", line);
            }
            prop_assert_eq!(attention.lines(), (0..LINES).filter(|line| attention.saw(*line)).count());
        }
    }
}

fn showing(state: &mut State, from: usize, to: usize, up: u64) {
    let view = reading(1, Severity::High).view_digest;
    let place = |line| Position { line, character: 0 };
    tell(state, Command::Showing(view, place(from), place(to)), up);
}

fn gave(state: &mut State, lines: std::ops::Range<usize>, up: u64) {
    let view = reading(1, Severity::High).view_digest;
    update(state, Message::Gave(view, lines), moment(up));
}

#[test]
fn scrolling_line_by_line_counts_what_stays() {
    let mut state = opened(Severity::High);
    gave(&mut state, 0..LINES, 1100);
    showing(&mut state, 0, 5, 1100);
    for (at, up) in (1..LINES - 4).zip((1400..).step_by(100)) {
        showing(&mut state, at, at + 5, up);
    }
    let detail = state.detail.as_ref().unwrap();
    assert!(
        detail.attention.lines() >= LINES - 5,
        "{}",
        detail.attention.lines()
    );
    // The rest counts by time alone, and the state says when.
    let wake = state.next_wake(moment(2110), 0..80).unwrap();
    assert!(wake <= DWELL, "{wake:?}");
    update(&mut state, Message::Tick, moment(2500));
    assert!(state.detail.as_ref().unwrap().attention.is_whole());
}

#[test]
fn a_screen_holds_only_so_many_lines() {
    let sheet: Vec<SheetLine> = (0..1000)
        .map(|_| SheetLine {
            role: LineRole::Context,
            text: "x".to_owned(),
        })
        .collect();
    let mut attention = Attention::new(&sheet);
    attention.give(0..1000);
    let end = Position {
        line: 1000,
        character: 0,
    };
    attention.show(Position::default(), end, Duration::ZERO);
    attention.dwell(Duration::from_secs(60));
    assert_eq!(attention.lines(), 0);
}

/// A console whose keys are unlocked outside, in the ceremony of request 1.
fn outside(severity: Severity) -> State {
    let mut state = opened(severity);
    state.outside = true;
    see_all(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    state
}

fn commit(number: u8, typed: &[(Field, &str)]) -> Command {
    Command::Commit(Box::new(Commit {
        request: id(number),
        view_digest: reading(number, Severity::High).view_digest,
        typed: typed
            .iter()
            .map(|(field, text)| (*field, (*text).to_owned()))
            .collect(),
    }))
}

const TYPED: [(Field, &str); 2] = [(Field::Reason, "reviewed"), (Field::Name, "role.yaml")];

fn unlocked(text: &str) -> Option<Passphrase> {
    Some(Passphrase::typed(&zeroize::Zeroizing::new(text.to_owned())))
}

#[test]
fn a_decision_is_confirmed_outside_before_it_is_ordered() {
    let mut state = outside(Severity::Critical);
    let fields = state.ceremony.as_ref().unwrap().fields();
    assert_eq!(fields, [Field::Reason, Field::Name]);
    assert!(tell(&mut state, commit(1, &TYPED), 3000).is_empty());
    let asked = state.confirming.take().unwrap();
    assert!(asked.grave && asked.unlock == Some(Unlock::Passphrase));
    assert!(tell(&mut state, Command::Sign, 3100).is_empty());
    let order = order(update(
        &mut state,
        Message::Answered(asked.number, unlocked("secret")),
        moment(9000),
    ))
    .unwrap();
    assert_eq!(
        (order.passphrase.expose(), order.reason.as_str()),
        ("secret", "reviewed")
    );
    assert!(
        update(
            &mut state,
            Message::Answered(asked.number, unlocked("secret")),
            moment(9100)
        )
        .is_empty()
    );
}

#[test]
fn with_a_remembered_pin_the_person_still_confirms_outside() {
    let mut state = opened(Severity::Critical);
    state.outside = true;
    let mut remembering = trust();
    if let Some(key) = &mut remembering.key {
        (key.unlock, key.pin_remembered) = (Unlock::Remembered, true);
    }
    hear(&mut state, News::Trust(Ok(Box::new(remembering))), 1000);
    see_all(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    assert!(tell(&mut state, commit(1, &TYPED), 3000).is_empty());
    let asked = state.confirming.take().unwrap();
    assert!(asked.grave && asked.unlock == Some(Unlock::Remembered));
    let key = asked.facts.iter().find(|(label, _)| *label == "key").unwrap();
    assert!(key.1.contains("PIN remembered: lower assurance"), "{}", key.1);
    // Nothing is signed by the page's wish alone, nor by a question that was called off.
    assert!(tell(&mut state, Command::Sign, 3100).is_empty());
    let confirmed = Message::Answered(asked.number, Some(Passphrase::default()));
    let mut order = order(update(&mut state, confirmed, moment(9000))).unwrap();
    assert!(matches!(order.take_secret(), crate::keys::Secret::Remembered));
}

#[test]
fn what_is_missing_or_not_shown_is_not_even_asked() {
    let mut state = outside(Severity::Critical);
    let others = [
        commit(2, &TYPED),
        commit(1, &[]),
        commit(1, &[(Field::Reason, "reviewed"), (Field::Name, "other.yaml")]),
        commit(1, &[(Field::Reason, " "), (Field::Name, "role.yaml")]),
    ];
    for other in others {
        assert!(tell(&mut state, other.clone(), 3000).is_empty());
        assert!(
            state.confirming.is_none() && state.ceremony.as_ref().unwrap().notice.is_some(),
            "{other:?}"
        );
    }
    // Before the settling time nothing is heard, and without a prompt outside nothing is asked there.
    let mut early = outside(Severity::Low);
    tell(&mut early, commit(1, &TYPED), 2100);
    let mut inside = opened(Severity::Low);
    tell(&mut inside, Command::Begin(Verdict::Approve), 2000);
    tell(&mut inside, commit(1, &TYPED), 3000);
    assert!(early.confirming.is_none() && inside.confirming.is_none());
}

#[test]
fn an_answer_to_what_moved_meanwhile_signs_nothing() {
    let answer = |state: &mut State| update(state, Message::Answered(1, unlocked("secret")), moment(4000));
    let mut expired = outside(Severity::Critical);
    tell(&mut expired, commit(1, &TYPED), 3000);
    let late = Moment {
        wall: Timestamp::from_millis(900_000_001),
        up: Duration::from_millis(4000),
    };
    assert!(update(&mut expired, Message::Answered(1, unlocked("secret")), late).is_empty());
    let mut moved = outside(Severity::Critical);
    tell(&mut moved, commit(1, &TYPED), 3000);
    let newer = Reading {
        change: 2,
        view_digest: ViewDigest::new(Sha256Digest::of(b"other")),
        ..*reading(1, Severity::Critical)
    };
    hear(
        &mut moved,
        News::Opened {
            id: id(1),
            result: Ok(Box::new(newer)),
        },
        3500,
    );
    assert!(answer(&mut moved).is_empty());
    let mut left = outside(Severity::Critical);
    tell(&mut left, commit(1, &TYPED), 3000);
    tell(&mut left, Command::Back, 3100);
    tell(&mut left, Command::Begin(Verdict::Approve), 3500);
    assert!(answer(&mut left).is_empty());
    let mut cancelled = outside(Severity::Critical);
    tell(&mut cancelled, commit(1, &TYPED), 3000);
    assert!(update(&mut cancelled, Message::Answered(1, None), moment(4000)).is_empty());
    assert!(
        update(
            &mut cancelled,
            Message::Answered(1, unlocked("secret")),
            moment(4500)
        )
        .is_empty()
    );
}
