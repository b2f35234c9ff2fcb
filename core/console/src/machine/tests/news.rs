//! What moves while it is read.

use super::*;

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
