//! Secrets in the clear: recorded first, for a short time, on this request alone, and said in the decision.

use countersign_protocol::action::{Action, ArtifactRef, Dialect, Payload, Sql};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::mask::{MaskKey, SecretMark};
use countersign_protocol::text::Line;
use countersign_review::secret::Masks;

use super::super::document::ChangedDocument;
use super::super::reveal::{SHOWN_FOR, Stage};
use super::super::view::{self, PaneView};
use super::*;
use crate::amend::Asked;

const SECRET: &str = "newpw-1a2b3c4d5e";
const OTHER: &str = "oldpw-9d8f7a6b5c";
const HALF: &str = "1a2b3c4d";

fn statement() -> Vec<u8> {
    format!("ALTER ROLE app PASSWORD '{SECRET}';\nALTER ROLE old PASSWORD '{OTHER}';\n").into_bytes()
}

/// A reading whose statement holds two secrets.
fn secretive() -> Box<Reading> {
    let text = statement();
    let mut reading = reading(1, Severity::Low);
    let key = Some(MaskKey::from_random([3; 32]));
    reading.masks = Arc::new(Masks::of_documents("sql", key, &[&text]));
    let document = ChangedDocument::compare("sql", b"statement", None, Some(text.clone())).unwrap();
    reading.changes = vec![document.with_masks(&reading.masks)];
    reading.asked = Some(Arc::new(Asked {
        action: Action {
            kind: Kind::named("sql").unwrap(),
            environment: "production".parse().unwrap(),
            target: Line::new("postgresql://db/orders").unwrap(),
            payload: Payload::Sql(Sql {
                dialect: Dialect::Postgresql,
                database: Line::new("orders").unwrap(),
                statement: ArtifactRef::of(&text),
                max_rows: 100,
            }),
        },
        expires_at: Timestamp::from_millis(900_000_000),
        artifacts: [(ArtifactDigest::of(&text), Artifact(text))].into(),
    }));
    reading
}

/// A console that reads request 1, whose statement holds secrets.
fn reads_secrets() -> State {
    let mut state = opened(Severity::Low);
    state.detail.as_mut().unwrap().content = DetailContent::Read(secretive());
    state
}

fn mark_of(secret: &str) -> Option<SecretMark> {
    let reading = secretive();
    let found = reading
        .masks
        .secrets()
        .into_iter()
        .find(|found| found.clear() == secret.as_bytes());
    found.unwrap().mark()
}

/// Everything that a front end could draw, copy or hand on at a moment.
fn shown(state: &mut State, up: u64) -> String {
    let now = moment(up);
    let mut text = format!("{:?}{:?}", view::detail(state, now), view::ceremony(state, now));
    let mut add = |line: &view::Text| {
        text.extend(line.iter().map(|piece| piece.text.as_str()));
        text.push('\n');
    };
    if let Some(reveal) = view::reveal(state, now) {
        reveal
            .secrets
            .iter()
            .chain(&reveal.about)
            .chain(&reveal.notice)
            .for_each(&mut add);
    }
    view::notices(state).iter().for_each(&mut add);
    if let Some(detail) = state.detail.as_mut() {
        let kept = detail.pane;
        for pane in Pane::ALL {
            detail.pane = pane;
            if let Some(view) = PaneView::of_detail(detail) {
                let lines = (0..view.len()).filter_map(|index| view.line(index));
                lines.for_each(|line| add(&line.text));
            }
        }
        detail.pane = kept;
    }
    text + state.clipboard.as_deref().unwrap_or_default()
}

fn answer(state: &mut State, secret: Option<SecretMark>, result: Result<(), Trouble>, up: u64) {
    let request = id(1);
    hear(
        state,
        News::Revealed {
            request,
            secret,
            result,
        },
        up,
    );
}

/// Asks for what is chosen, with a reason, at 2000 ms; what the backend is asked to record.
fn ask(state: &mut State) -> Option<SecretMark> {
    assert!(tell(state, Command::Reveal, 2000).is_empty(), "it asks first");
    write(state, "is it the old one?", 2500);
    match &tell(state, Command::Enter, 3000)[..] {
        [
            Effect::Reveal {
                request,
                secret,
                reason,
            },
        ] if *request == id(1) && reason == "is it the old one?" => *secret,
        effects => panic!("{effects:?}"),
    }
}

#[test]
fn one_secret_is_shown_once_it_is_recorded_for_a_short_time_and_no_other() {
    let mut state = reads_secrets();
    assert!(!shown(&mut state, 1900).contains(HALF));
    let secret = ask(&mut state);
    assert!(secret.is_some());
    assert!(!shown(&mut state, 3000).contains(HALF), "not recorded yet");
    assert!(tell(&mut state, Command::Enter, 3100).is_empty(), "once");
    answer(&mut state, secret, Ok(()), 3200);
    let text = shown(&mut state, 3200);
    let both = [SECRET, OTHER].map(|secret| text.contains(secret));
    assert_eq!(both.iter().filter(|there| **there).count(), 1, "{text}");
    assert_eq!(view::reveal(&state, moment(3200)).unwrap().seconds, Some(30));
    let end = 3200 + u64::try_from(SHOWN_FOR.as_millis()).unwrap();
    assert!(state.next_wake(moment(end - 10), 0..80).unwrap() <= Duration::from_millis(20));
    // Pure of the clock alone, even if nobody ticks.
    let late = shown(&mut state, end);
    assert!(!late.contains(SECRET) && !late.contains(OTHER));
    update(&mut state, Message::Tick, moment(end));
    assert!(state.revealing.is_none());
}

#[test]
fn all_of_them_can_be_chosen_and_leaving_masks_them_again() {
    let mut state = reads_secrets();
    tell(&mut state, Command::Reveal, 2000);
    let choices = view::reveal(&state, moment(2000)).unwrap().choices;
    assert_eq!(choices.len(), 3, "each, and all");
    for _ in 0..5 {
        tell(&mut state, Command::StepField(Step::Next), 2400);
    }
    write(&mut state, "both", 2400);
    let effects = tell(&mut state, Command::Enter, 2500);
    assert!(
        matches!(&effects[..], [Effect::Reveal { secret: None, .. }]),
        "{effects:?}"
    );
    answer(&mut state, None, Ok(()), 2600);
    let text = shown(&mut state, 2700);
    assert!(text.contains(SECRET) && text.contains(OTHER));
    tell(&mut state, Command::Back, 2800);
    assert!(!shown(&mut state, 2800).contains(HALF));
    assert_eq!(state.screen, Screen::Detail);
}

#[test]
fn without_a_reason_nothing_is_asked_and_keys_for_the_screen_below_do_nothing() {
    let mut state = reads_secrets();
    tell(&mut state, Command::Reveal, 2000);
    assert!(tell(&mut state, Command::Enter, 2100).is_empty(), "too soon");
    write(&mut state, "x", 2100);
    assert_eq!(state.revealing.as_ref().unwrap().reason, "");
    for (reason, up) in [("", 2500), ("  ", 2600)] {
        write(&mut state, reason, up);
        assert!(tell(&mut state, Command::Enter, up).is_empty());
        assert!(state.revealing.as_ref().unwrap().notice.is_some());
    }
}

#[test]
fn what_is_not_recorded_is_not_shown_and_the_reason_is() {
    let mut state = reads_secrets();
    let secret = ask(&mut state);
    answer(
        &mut state,
        secret,
        Err(Trouble::new("unreachable", "no answer from the backend")),
        3200,
    );
    assert!(!shown(&mut state, 3300).contains(HALF));
    let view = view::reveal(&state, moment(3300)).unwrap();
    let notice: String = view.notice.unwrap().into_iter().map(|piece| piece.text).collect();
    assert!(
        view.writing && notice.contains("no answer from the backend"),
        "{notice}"
    );
    assert!(state.revealed.is_empty());
}

#[test]
fn a_person_who_left_the_question_is_shown_nothing_by_a_late_answer() {
    let mut state = reads_secrets();
    let secret = ask(&mut state);
    tell(&mut state, Command::Back, 3100);
    answer(&mut state, secret, Ok(()), 3200);
    assert!(!shown(&mut state, 3300).contains(HALF));
}

#[test]
fn an_answer_about_another_secret_or_request_shows_nothing() {
    let mut state = reads_secrets();
    let secret = ask(&mut state);
    let other = [SECRET, OTHER]
        .map(mark_of)
        .into_iter()
        .find(|mark| *mark != secret)
        .unwrap();
    answer(&mut state, other, Ok(()), 3200);
    answer(&mut state, None, Ok(()), 3200);
    let result = Ok(());
    let request = id(2);
    hear(
        &mut state,
        News::Revealed {
            request,
            secret,
            result,
        },
        3200,
    );
    assert!(!shown(&mut state, 3300).contains(HALF));
    assert_eq!(state.revealing.as_ref().unwrap().stage, Stage::Recording);
}

#[test]
fn the_decision_says_it_and_a_decision_on_another_request_does_not() {
    for revealed in [true, false] {
        let mut state = reads_secrets();
        if revealed {
            let secret = ask(&mut state);
            answer(&mut state, secret, Ok(()), 3200);
            tell(&mut state, Command::Back, 3600);
        } else {
            state.revealed.entry(id(2)).or_default().add(None);
        }
        tell(&mut state, Command::Begin(Verdict::Deny), 4000);
        write(&mut state, "no", 5000);
        tell(&mut state, Command::StepField(Step::Next), 5000);
        write(&mut state, "passphrase", 5000);
        assert_eq!(
            order(tell(&mut state, Command::Sign, 5000)).unwrap().revealed,
            revealed
        );
    }
}

#[test]
fn an_editor_gets_places_for_secrets_and_the_bytes_come_back() {
    let mut state = reads_secrets();
    tell(&mut state, Command::Counter, 2000);
    tell(&mut state, Command::Edit, 2500);
    let given = String::from_utf8(state.editing.take().unwrap()).unwrap();
    assert!(
        !given.contains(SECRET) && given.contains("\u{27e6}secret#1: 16 characters\u{27e7}"),
        "{given}"
    );
    // A mark that is no longer what it was is refused; what was written is not lost.
    let broken = given.replace("secret#1: 16", "secret#1: 15");
    tell(&mut state, Command::Edited(broken.clone().into_bytes()), 2600);
    let ceremony = state.ceremony.as_ref().unwrap();
    assert!(
        ceremony.notice.as_ref().unwrap().escaped().contains("line 1"),
        "{:?}",
        ceremony.notice
    );
    assert!(
        ceremony.counter.as_ref().unwrap().draft().is_err(),
        "nothing was taken"
    );
    tell(&mut state, Command::Edit, 3000);
    assert_eq!(state.editing.take(), Some(broken.into_bytes()));
    // Put right, it is taken with the secret in its place.
    let less: String = given.lines().take(1).map(|line| format!("{line}\n")).collect();
    tell(&mut state, Command::Edited(less.into_bytes()), 3100);
    let counter = state.ceremony.as_ref().unwrap().counter.as_ref().unwrap();
    assert!(counter.draft().is_ok(), "{:?}", counter.draft().err());
    assert_eq!(
        counter.text().unwrap(),
        format!("ALTER ROLE app PASSWORD '{SECRET}';\n").as_bytes()
    );
    assert!(
        !shown(&mut state, 3200).contains(HALF),
        "the difference is masked as well"
    );
}

#[test]
fn after_a_recorded_reveal_the_editor_gets_what_was_revealed() {
    let mut state = reads_secrets();
    let secret = ask(&mut state);
    answer(&mut state, secret, Ok(()), 3200);
    tell(&mut state, Command::Back, 3600);
    tell(&mut state, Command::Counter, 4000);
    tell(&mut state, Command::Edit, 4500);
    let given = String::from_utf8(state.editing.take().unwrap()).unwrap();
    let there = [SECRET, OTHER].map(|secret| given.contains(secret));
    assert_eq!(there.iter().filter(|there| **there).count(), 1, "{given}");
}

#[derive(Debug, Clone)]
enum Event {
    Do(Command),
    /// The backend answers what it was asked to record, if it was.
    Answer(bool),
    /// An answer that nobody asked for.
    Unasked(Option<SecretMark>, u8),
    Reread(bool),
    Tick,
}

fn events() -> impl Strategy<Value = Event> {
    let pane = prop::sample::select(Pane::ALL.to_vec()).prop_map(Command::Read);
    let commands = prop_oneof![
        4 => Just(Command::Reveal),
        6 => Just(Command::Enter),
        2 => Just(Command::Back),
        4 => Just(Command::Write('w')),
        1 => Just(Command::Paste("why\n".to_owned())),
        2 => prop::sample::select(vec![Step::Next, Step::Previous]).prop_map(Command::StepField),
        1 => Just(Command::Help),
        2 => Just(Command::Copy),
        2 => Just(Command::Counter),
        2 => Just(Command::Edit),
        1 => Just(Command::Edited(statement())),
        1 => Just(Command::Edited(b"-- \xe2\x9f\xa6secret#1: 16 characters\xe2\x9f\xa7\n".to_vec())),
        1 => Just(Command::TurnTo(Position { line: 1, character: 0 })),
        1 => (1u8..3).prop_map(|n| Command::Open(id(n))),
        1 => Just(Command::LookAgain),
        2 => pane,
    ];
    let marks = vec![None, mark_of(SECRET), mark_of(OTHER)];
    prop_oneof![
        16 => commands.prop_map(Event::Do),
        4 => any::<bool>().prop_map(Event::Answer),
        2 => (prop::sample::select(marks), 1u8..3).prop_map(|(mark, n)| Event::Unasked(mark, n)),
        2 => any::<bool>().prop_map(Event::Reread),
        2 => Just(Event::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_sequence_shows_a_secret_that_was_not_recorded_just_before(
        events in prop::collection::vec((events(), 0u64..2500), 0..60)
    ) {
        let mut state = reads_secrets();
        let mut up = 3000;
        let mut asked: Vec<(RequestId, Option<SecretMark>)> = Vec::new();
        // When each was recorded last; `None` stands for all.
        let mut recorded: Vec<(Option<SecretMark>, u64)> = Vec::new();
        let mut unasked = false;
        for (event, pause) in events {
            up += pause;
            let effects = match event.clone() {
                Event::Do(command) => tell(&mut state, command, up),
                Event::Tick => update(&mut state, Message::Tick, moment(up)),
                Event::Reread(other) => {
                    let mut newer = secretive();
                    newer.change = 2;
                    if other {
                        newer.view_digest = ViewDigest::new(Sha256Digest::of(b"another"));
                    }
                    hear(&mut state, News::Opened { id: id(1), result: Ok(newer) }, up)
                }
                Event::Unasked(secret, request) => {
                    // One that matches what is under way is no different from its answer.
                    if asked.contains(&(id(request), secret)) {
                        recorded.push((secret, up));
                    }
                    unasked = true;
                    hear(&mut state, News::Revealed { request: id(request), secret, result: Ok(()) }, up)
                }
                Event::Answer(well) => match asked.pop() {
                    None => Vec::new(),
                    Some((request, secret)) => {
                        if well && request == id(1) {
                            recorded.push((secret, up));
                        }
                        let result = if well { Ok(()) } else { Err(Trouble::new("unreachable", "no")) };
                        hear(&mut state, News::Revealed { request, secret, result }, up)
                    }
                },
            };
            for effect in effects {
                if let Effect::Reveal { request, secret, reason } = effect {
                    prop_assert!(!reason.trim().is_empty());
                    asked.push((request, secret));
                }
            }
            let text = shown(&mut state, up);
            let edited = state.editing.take().unwrap_or_default();
            let edited = String::from_utf8_lossy(&edited).into_owned();
            for secret in [SECRET, OTHER] {
                let of_it = recorded.iter().filter(|(mark, _)| mark.is_none() || *mark == mark_of(secret));
                let last = of_it.map(|(_, at)| *at).max();
                if text.contains(secret) {
                    let fresh = last.is_some_and(|at| up - at < 30_000);
                    prop_assert!(fresh, "{event:?} shows it at {up}: {last:?} {unasked}");
                }
                // Whoever writes the whole text anew, by Edited, knows it.
                let written = matches!(&event, Event::Do(Command::Edit)) && last.is_none();
                if written {
                    prop_assert!(!edited.contains(secret), "an editor gets it at {up}");
                }
            }
        }
    }
}

/// A console whose surface is not trusted, where a secret is asked for.
fn asks_outside() -> State {
    let mut state = reads_secrets();
    state.outside = true;
    tell(&mut state, Command::Reveal, 2000);
    state
}

fn wants(choice: usize, why: &str) -> Command {
    Command::RevealThis(choice, why.to_owned())
}

fn confirms(state: &mut State, number: u64, up: u64) -> Vec<Effect> {
    update(
        state,
        Message::Answered(number, Some(Passphrase::default())),
        moment(up),
    )
}

#[test]
fn outside_nothing_is_recorded_or_shown_before_the_person_confirmed() {
    let mut state = asks_outside();
    // Whatever the surface says by itself.
    write(&mut state, "a reason", 2500);
    assert!(tell(&mut state, Command::Enter, 2500).is_empty());
    assert!(tell(&mut state, wants(0, "  "), 2500).is_empty() && state.confirming.is_none());
    assert!(tell(&mut state, wants(1, "is it the old one?"), 2600).is_empty());
    let asked = state.confirming.take().unwrap();
    let told = format!("{asked:?}");
    assert!(
        told.contains("is it the old one?") && told.contains("secret"),
        "{told}"
    );
    assert!(!told.contains(HALF) && asked.unlock.is_none(), "{told}");
    let chosen = state.revealing.as_ref().unwrap().choice().unwrap().secret;
    assert!(tell(&mut state, wants(0, "another"), 2700).is_empty() && state.confirming.is_none());
    answer(&mut state, chosen, Ok(()), 2700);
    assert!(!shown(&mut state, 2700).contains(HALF), "nobody confirmed it");
    // A no, and then an answer to what is over.
    assert!(update(&mut state, Message::Answered(asked.number, None), moment(2800)).is_empty());
    tell(&mut state, wants(1, "is it the old one?"), 3200);
    let again = state.confirming.take().unwrap();
    assert!(confirms(&mut state, asked.number, 3300).is_empty());
    let effects = confirms(&mut state, again.number, 3300);
    assert!(
        matches!(&effects[..], [Effect::Reveal { secret, reason, .. }] if *secret == chosen && reason == "is it the old one?"),
        "{effects:?}"
    );
    assert!(confirms(&mut state, again.number, 3400).is_empty(), "once");
    assert!(!shown(&mut state, 3400).contains(HALF), "not recorded yet");
    answer(&mut state, chosen, Ok(()), 3500);
    let text = shown(&mut state, 3500);
    assert!(text.contains(SECRET) != text.contains(OTHER), "{text}");
}

#[test]
fn outside_an_answer_to_what_moved_or_was_left_shows_nothing() {
    let mut moved = asks_outside();
    tell(&mut moved, wants(0, "why"), 2500);
    let other = Reading {
        view_digest: ViewDigest::new(Sha256Digest::of(b"other")),
        ..*secretive()
    };
    moved.detail.as_mut().unwrap().content = DetailContent::Read(Box::new(other));
    assert!(confirms(&mut moved, 1, 3000).is_empty());
    assert!(moved.revealing.unwrap().notice.is_some());
    let mut left = asks_outside();
    tell(&mut left, wants(0, "why"), 2500);
    assert_eq!(left.awaited(), Some(1));
    tell(&mut left, Command::Back, 2600);
    assert_eq!(left.awaited(), None, "the question is taken back");
    tell(&mut left, Command::Reveal, 3000);
    assert!(confirms(&mut left, 1, 3500).is_empty());
    // Where the surface is trusted, nothing is asked outside of it.
    let mut inside = reads_secrets();
    tell(&mut inside, Command::Reveal, 2000);
    assert!(tell(&mut inside, wants(0, "why"), 2500).is_empty() && inside.confirming.is_none());
}
