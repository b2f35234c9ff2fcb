//! A request that is read in parts, and searches that take turns.

use super::*;
use crate::machine::document::ChangedDocument;
use countersign_review::diff::text::TextDiff;

fn part() -> Box<Reading> {
    let mut part = reading(1, Severity::Low);
    part.complete = false;
    part
}

fn come(state: &mut State, reading: Box<Reading>, up: u64) -> Vec<Effect> {
    let result = Ok(reading);
    hear(state, News::Opened { id: id(1), result }, up)
}

/// A console that opened request 1 and waits for it.
fn waiting() -> State {
    let mut state = State::queue();
    let _ = start(&mut state);
    hear(&mut state, News::Trust(Ok(Box::new(trust()))), 0);
    hear(&mut state, News::Queue(Ok(rows(&[1, 2]))), 0);
    tell(&mut state, Command::Select(id(1)), 900);
    tell(&mut state, Command::Enter, 1000);
    state
}

#[test]
fn what_is_not_computed_whole_is_read_but_never_signed() {
    let mut state = waiting();
    come(&mut state, part(), 1100);
    assert!(state.detail.as_ref().unwrap().reading().is_some() && !state.is_complete());
    see_all(&mut state);
    for verdict in [Verdict::Approve, Verdict::Deny] {
        assert!(tell(&mut state, Command::Begin(verdict), 2000).is_empty());
        assert!(state.ceremony.is_none());
    }
    let seen = state.detail.as_ref().unwrap().attention.lines();
    come(&mut state, reading(1, Severity::Low), 3000);
    let detail = state.detail.as_ref().unwrap();
    assert!(state.is_complete() && detail.moved.is_none());
    assert_eq!(detail.attention.lines(), seen, "what was read stays read");
    tell(&mut state, Command::Begin(Verdict::Deny), 4000);
    assert!(state.ceremony.is_some());
}

#[test]
fn a_part_takes_the_place_of_nothing_whole() {
    let mut state = opened(Severity::Low);
    tell(&mut state, Command::Refresh, 2000);
    let effects = come(&mut state, part(), 2100);
    assert!(effects.is_empty());
    let detail = state.detail.as_ref().unwrap();
    assert!(
        detail.reading().unwrap().complete && detail.checking,
        "the whole is still awaited"
    );
    come(&mut state, reading(1, Severity::Low), 2200);
    assert!(!state.detail.as_ref().unwrap().checking);
}

#[test]
fn a_whole_that_is_another_than_its_part_has_to_be_looked_at_again() {
    let mut state = waiting();
    come(&mut state, part(), 1100);
    let mut other = reading(1, Severity::Low);
    other.view_digest = ViewDigest::new(Sha256Digest::of(b"another"));
    come(&mut state, other, 1200);
    assert!(state.detail.as_ref().unwrap().moved.is_some());
    tell(&mut state, Command::Begin(Verdict::Deny), 2000);
    assert!(state.ceremony.is_none());
}

#[test]
fn a_part_without_its_whole_says_why() {
    let mut state = waiting();
    come(&mut state, part(), 1100);
    let result = Err(Trouble::new("internal", "it ended early"));
    hear(&mut state, News::Opened { id: id(1), result }, 1200);
    assert!(matches!(
        state.detail.as_ref().unwrap().content,
        DetailContent::Failed(_)
    ));
}

/// A console that reads a document of so many lines, of which the last but nine says `needle`.
fn long(lines: usize) -> State {
    let mut state = waiting();
    let line = |number: usize| {
        if number + 10 == lines {
            "a NEEdle\n"
        } else {
            "hay\n"
        }
    };
    let after: String = (0..lines).map(line).collect();
    let mut whole = reading(1, Severity::Low);
    let diff = TextDiff::new(Vec::<u8>::new(), after.into_bytes()).unwrap();
    whole.changes = vec![ChangedDocument::new("/etc/x", diff)];
    come(&mut state, whole, 1100);
    tell(&mut state, Command::Read(Pane::Change), 1200);
    state
}

fn search(state: &mut State, text: &str) {
    tell(state, Command::Filter, 1300);
    write(state, text, 1300);
    tell(state, Command::Enter, 1300);
}

fn turns(state: &mut State) -> usize {
    let mut turns = 0;
    while state.next_wake(moment(1400), 0..80) == Some(Duration::ZERO) {
        update(state, Message::Tick, moment(1400));
        turns += 1;
        assert!(turns < 1000, "it ends");
    }
    turns
}

#[test]
fn a_long_search_takes_turns_and_a_short_one_none() {
    let mut state = long(100_000);
    search(&mut state, "needle");
    assert!(state.detail.as_ref().unwrap().seek.is_some() && !state.is_complete());
    assert!(turns(&mut state) >= 10);
    let top = state.detail.as_ref().unwrap().top().line;
    assert_eq!(top, 1 + 99_990, "under the title");
    assert!(state.is_complete() && state.notices.is_empty());
    // From there on around, and back to itself.
    tell(&mut state, Command::Seek(Step::Next), 1500);
    turns(&mut state);
    assert_eq!(state.detail.as_ref().unwrap().top().line, top);
    tell(&mut state, Command::Seek(Step::Previous), 1600);
    turns(&mut state);
    assert_eq!(state.detail.as_ref().unwrap().top().line, top);

    let mut state = long(1000);
    search(&mut state, "needle");
    assert!(state.detail.as_ref().unwrap().seek.is_none());
    assert_eq!(state.detail.as_ref().unwrap().top().line, 991);
}

#[test]
fn a_search_that_finds_nothing_says_so_and_any_command_ends_one() {
    let mut state = long(50_000);
    search(&mut state, "not there");
    turns(&mut state);
    assert_eq!(state.notices.len(), 1);
    assert_eq!(state.detail.as_ref().unwrap().top().line, 0);
    tell(&mut state, Command::Seek(Step::Next), 1500);
    assert!(state.detail.as_ref().unwrap().seek.is_some());
    tell(
        &mut state,
        Command::Scroll(
            Pane::Change,
            Position {
                line: 3,
                character: 0,
            },
        ),
        1600,
    );
    assert!(state.detail.as_ref().unwrap().seek.is_none());
    assert_eq!(turns(&mut state), 0);
}
