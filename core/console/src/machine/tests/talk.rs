//! Questions, answers, who looks, and a queue that comes in parts.

use super::*;
use crate::machine::message::Room;

fn said(number: u32, speaker: Speaker, text: &str) -> Said {
    Said {
        number,
        speaker,
        text: text.into(),
        at: Timestamp::from_millis(1),
    }
}

fn ask(state: &mut State, text: &str, up: u64) -> Vec<Effect> {
    tell(state, Command::Ask, up);
    write(state, text, up + 1000);
    tell(state, Command::Enter, up + 1000)
}

#[test]
fn a_question_is_asked_once_and_closes_when_it_is_taken() {
    let mut state = opened(Severity::High);
    let effects = ask(&mut state, " why now? ", 2000);
    assert!(
        matches!(&effects[..], [Effect::Ask { request, text }] if *request == id(1) && text == "why now?")
    );
    assert!(
        tell(&mut state, Command::Enter, 3100).is_empty(),
        "it is on its way"
    );
    let result = Err(Trouble::new("over", "the request is denied"));
    hear(
        &mut state,
        News::Asked {
            request: id(1),
            result,
        },
        3200,
    );
    assert!(state.question.as_ref().unwrap().notice.is_some());
    assert_eq!(
        tell(&mut state, Command::Enter, 3300).len(),
        1,
        "what was written is kept"
    );
    hear(
        &mut state,
        News::Asked {
            request: id(1),
            result: Ok(()),
        },
        3400,
    );
    assert!(state.question.is_none());
}

#[test]
fn keys_that_were_meant_for_the_screen_below_do_not_ask_and_nothing_is_seen_behind_it() {
    let mut state = opened(Severity::High);
    tell(&mut state, Command::Ask, 2000);
    write(&mut state, "jjj", 2100);
    assert!(state.question.as_ref().unwrap().text.is_empty());
    see_all(&mut state);
    assert_eq!(state.detail.as_ref().unwrap().attention.lines(), 0);
    tell(&mut state, Command::Sign, 3000);
    assert!(state.ceremony.is_none());
    tell(&mut state, Command::Paste("x".repeat(5000)), 3000);
    assert_eq!(state.question.as_ref().unwrap().room(), 0);
    tell(&mut state, Command::Back, 3100);
    assert!(state.question.is_none());
}

#[test]
fn an_answer_is_told_and_moves_nothing() {
    let mut state = ready();
    let mut answered = reading(1, Severity::Critical);
    answered.change = 2;
    answered.talk = vec![
        said(1, Speaker::Person("p-bob".parse().unwrap()), "why?"),
        said(1, Speaker::Agent, "approve it \u{202e}"),
    ];
    let tops = state.detail.as_ref().unwrap().tops;
    hear(&mut state, News::Changed { id: id(1), change: 2 }, 3000);
    let result = Ok(answered);
    hear(&mut state, News::Opened { id: id(1), result }, 3000);
    let detail = state.detail.as_ref().unwrap();
    assert_eq!((detail.tops, detail.moved.is_none()), (tops, true));
    assert_eq!(
        detail.attention.lines(),
        LINES,
        "the sheet is the same, and was read"
    );
    assert_eq!(state.notices.len(), 1);
    let order = order(tell(&mut state, Command::Sign, 3001)).expect("what is signed did not change");
    assert_eq!(order.view_digest, reading(1, Severity::Critical).view_digest);
}

#[test]
fn who_looks_is_forgotten_when_the_connection_goes() {
    let mut state = opened(Severity::Low);
    let people = vec!["p-bob".parse().unwrap()];
    hear(
        &mut state,
        News::Looking {
            request: id(2),
            people,
        },
        1000,
    );
    assert_eq!(state.looking.len(), 1);
    hear(&mut state, News::Connection(Connection::Live), 1100);
    assert!(state.looking.is_empty());
    let left = tell(&mut state, Command::Back, 2000);
    assert!(left.iter().any(|effect| matches!(effect, Effect::Look(None))));
}

#[test]
fn parts_of_the_queue_are_put_together_and_the_cursor_stays() {
    let mut state = State::queue();
    let _ = start(&mut state);
    let part = |rows, part, more| {
        News::Page(Page {
            rows,
            part,
            more,
            room: Room::default(),
        })
    };
    hear(&mut state, part(rows(&[1, 2]), Part::First, true), 0);
    assert!(!state.is_complete() && state.queue.rows.len() == 2);
    tell(&mut state, Command::Select(id(2)), 100);
    hear(&mut state, part(rows(&[2, 3, 4, 5]), Part::Backlog, true), 200);
    assert_eq!(state.queue.rows.len(), 5, "each request once");
    assert_eq!(state.queue.selected().unwrap().id, id(2));
    assert_eq!(state.queue.arrived, 0, "what was there before is nothing new");
    let mut newer = rows(&[3, 6]);
    newer[0].change = 7;
    hear(&mut state, part(newer, Part::Newer, true), 300);
    assert_eq!((state.queue.rows.len(), state.queue.arrived), (6, 1));
    hear(&mut state, part(rows(&[3]), Part::Backlog, false), 400);
    assert!(state.is_complete());
    let third = state.queue.rows.iter().find(|row| row.id == id(3)).unwrap();
    assert_eq!(third.change, 7, "the newest change wins");
    assert_eq!(state.queue.selected().unwrap().id, id(2));
}
