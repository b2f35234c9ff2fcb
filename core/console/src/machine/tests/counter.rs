//! Counter-proposals: a denial that proposes less, signed as any decision is, and never as another action than shown.

use countersign_protocol::action::{Action, ArtifactRef, Dialect, Payload, Sql};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::text::Line;

use super::*;
use crate::amend::{Asked, Wanted, draft};

const STATEMENT: &[u8] = b"DELETE FROM t\n";
const LESS: &[u8] = b"DELETE FROM t WHERE id = 1\n";

fn asked() -> Asked {
    Asked {
        action: Action {
            kind: Kind::named("sql").unwrap(),
            environment: "production".parse().unwrap(),
            target: Line::new("postgresql://db/orders").unwrap(),
            payload: Payload::Sql(Sql {
                dialect: Dialect::Postgresql,
                database: Line::new("orders").unwrap(),
                statement: ArtifactRef::of(STATEMENT),
                max_rows: 100,
            }),
        },
        expires_at: Timestamp::from_millis(900_000_000),
        artifacts: [(ArtifactDigest::of(STATEMENT), Artifact(STATEMENT.to_vec()))].into(),
    }
}

/// A console with an empty counter-proposal on top, at 2000 ms.
fn countering() -> State {
    let mut state = opened(Severity::Critical);
    let mut read = reading(1, Severity::Critical);
    read.asked = Some(Arc::new(asked()));
    state.detail.as_mut().unwrap().content = DetailContent::Read(read);
    tell(&mut state, Command::Counter, 2000);
    assert!(state.ceremony.as_ref().unwrap().counter.is_some());
    state
}

/// As a front end does that shows the whole difference.
fn see_difference(state: &mut State, up: u64) {
    let counter = state.ceremony.as_ref().unwrap().counter.as_ref().unwrap();
    let Ok(action) = counter.draft().map(|draft| draft.action_digest) else {
        return;
    };
    let end = Position {
        line: counter.lines().len(),
        character: 0,
    };
    tell(state, Command::SawDraft(action, Position::default(), end), up);
}

fn fill(state: &mut State, field: Field, text: &str) {
    tell(state, Command::Focus(field), 2500);
    write(state, text, 2500);
}

/// One that lacks nothing but the chord, at 3000 ms.
fn whole() -> State {
    let mut state = countering();
    fill(&mut state, Field::Reason, "one row is enough");
    fill(&mut state, Field::Rows, "5");
    fill(&mut state, Field::Passphrase, "secret");
    see_difference(&mut state, 2500);
    state
}

#[test]
fn the_chord_signs_the_denial_and_the_action_that_was_shown() {
    let mut state = whole();
    fill(&mut state, Field::Life, "30m");
    let counter = state.ceremony.as_ref().unwrap().counter.as_ref().unwrap();
    let shown = counter.draft().unwrap().action_digest;
    assert!(
        counter
            .draft()
            .unwrap()
            .difference
            .iter()
            .any(|line| line.text == "counter-proposed: 5")
    );
    let order = order(tell(&mut state, Command::Sign, 3000)).expect("nothing is missing");
    assert_eq!(
        (order.verdict, order.reason.as_str()),
        (Verdict::Deny, "one row is enough")
    );
    let (wanted, named) = order.instead.expect("it proposes something");
    assert_eq!(named, shown);
    let until = moment(2500).wall.after(Duration::from_secs(1800));
    assert_eq!(
        wanted,
        Wanted {
            max_rows: Some(5),
            until: Some(until),
            ..Wanted::default()
        }
    );
    assert_eq!(draft(&asked(), &wanted).unwrap().action_digest, shown);
}

#[test]
fn a_plain_denial_proposes_nothing() {
    let mut state = countering();
    tell(&mut state, Command::Back, 2500);
    tell(&mut state, Command::Begin(Verdict::Deny), 3000);
    write(&mut state, "no", 3500);
    tell(&mut state, Command::Focus(Field::Passphrase), 3500);
    write(&mut state, "secret", 3500);
    let order = order(tell(&mut state, Command::Sign, 4000)).expect("nothing is missing");
    assert!(order.instead.is_none());
}

#[test]
fn what_is_not_less_is_not_signed() {
    for (field, text) in [
        (Field::Rows, "0x"),
        (Field::Rows, "500"),
        (Field::Rows, "99999999999"),
        (Field::Life, "soon"),
        (Field::Life, "0s"),
        (Field::Life, "9999999999h"),
    ] {
        let mut state = whole();
        tell(&mut state, Command::Focus(field), 2600);
        tell(&mut state, Command::EraseAll, 2600);
        fill(&mut state, field, text);
        see_difference(&mut state, 2700);
        assert!(order(tell(&mut state, Command::Sign, 3000)).is_none(), "{text}");
        assert!(state.ceremony.as_ref().unwrap().notice.is_some(), "{text}");
    }
    let mut nothing = whole();
    tell(&mut nothing, Command::Focus(Field::Rows), 2600);
    tell(&mut nothing, Command::EraseAll, 2600);
    assert!(
        order(tell(&mut nothing, Command::Sign, 3000)).is_none(),
        "it changes nothing"
    );
}

#[test]
fn the_text_goes_to_an_editor_and_what_comes_back_is_shown_before_it_can_be_signed() {
    let mut state = countering();
    assert!(tell(&mut state, Command::Edit, 2500).is_empty());
    assert_eq!(state.editing.take().as_deref(), Some(STATEMENT));
    fill(&mut state, Field::Reason, "one row is enough");
    fill(&mut state, Field::Passphrase, "secret");
    // However soon it comes back.
    tell(&mut state, Command::Edited(LESS.to_vec()), 2501);
    assert!(
        order(tell(&mut state, Command::Sign, 2800)).is_none(),
        "a key that was meant for the editor"
    );
    tell(&mut state, Command::Edit, 2900);
    assert_eq!(
        state.editing.take().as_deref(),
        Some(LESS),
        "the next edit goes on from it"
    );
    see_difference(&mut state, 2900);
    let order = order(tell(&mut state, Command::Sign, 3000)).expect("nothing is missing");
    assert_eq!(order.instead.unwrap().0.text.as_deref(), Some(LESS));

    // The same text again proposes nothing.
    let mut state = countering();
    tell(&mut state, Command::Edited(STATEMENT.to_vec()), 2500);
    assert!(
        state
            .ceremony
            .as_ref()
            .unwrap()
            .counter
            .as_ref()
            .unwrap()
            .draft()
            .is_err()
    );
}

#[test]
fn neither_enter_nor_a_paste_nor_keys_too_soon_sign_it() {
    let mut state = whole();
    for up in 0..20 {
        assert!(order(tell(&mut state, Command::Enter, 3000 + up)).is_none());
    }
    for field in [Field::Reason, Field::Rows, Field::Passphrase] {
        tell(&mut state, Command::Focus(field), 3100);
        let pasted = tell(&mut state, Command::Paste("7\u{13}\r\n".to_owned()), 3100);
        assert!(order(pasted).is_none(), "{field:?}");
    }
    assert!(tell(&mut state, Command::Blurred, 3200).is_empty());
    see_difference(&mut state, 3200);
    state.settle(moment(4000));
    assert!(order(tell(&mut state, Command::Sign, 4299)).is_none());
    assert!(order(tell(&mut state, Command::Sign, 4300)).is_some());
    assert!(
        order(tell(&mut state, Command::Sign, 4301)).is_none(),
        "it signs once"
    );
}

#[test]
fn where_nothing_can_be_rewritten_no_counter_proposal_begins() {
    let mut state = opened(Severity::High);
    tell(&mut state, Command::Counter, 2000);
    assert!(state.ceremony.is_none());
    assert!(!state.notices.is_empty(), "it is said why");
}

#[test]
fn a_difference_that_was_not_on_screen_to_its_end_is_not_signed() {
    let mut state = countering();
    fill(&mut state, Field::Reason, "one row is enough");
    fill(&mut state, Field::Rows, "5");
    fill(&mut state, Field::Passphrase, "secret");
    let refused = |state: &mut State, up| {
        assert!(order(tell(state, Command::Sign, up)).is_none());
        state
            .ceremony
            .as_ref()
            .unwrap()
            .notice
            .as_ref()
            .unwrap()
            .escaped()
    };
    let notice = refused(&mut state, 3000);
    assert!(notice.contains("0 of 3 lines"), "{notice}");
    let action = |state: &State| {
        let counter = state.ceremony.as_ref().unwrap().counter.as_ref().unwrap();
        counter.draft().unwrap().action_digest
    };
    let at = |line, character| Position { line, character };
    let (now, other) = (action(&state), ActionDigest::new(Sha256Digest::of(b"another")));
    // All of another difference, and all but the last characters of this one.
    tell(&mut state, Command::SawDraft(other, at(0, 0), at(3, 0)), 3100);
    tell(&mut state, Command::SawDraft(now, at(0, 0), at(2, 5)), 3100);
    assert!(refused(&mut state, 3200).contains("2 of 3 lines"));
    // Another bound is another difference: it has to be seen anew. Another life is none.
    fill(&mut state, Field::Rows, "0");
    let now = action(&state);
    tell(&mut state, Command::SawDraft(now, at(0, 0), at(2, 5)), 3300);
    tell(&mut state, Command::SawDraft(now, at(2, 5), at(3, 0)), 3300);
    fill(&mut state, Field::Life, "30m");
    assert!(order(tell(&mut state, Command::Sign, 3400)).is_some());
}

#[test]
fn outside_a_difference_counts_once_it_was_given_and_stayed() {
    let mut state = countering();
    state.outside = true;
    state.ceremony.as_mut().unwrap().outside = true;
    fill(&mut state, Field::Reason, "one row is enough");
    fill(&mut state, Field::Rows, "5");
    let action = state.drafted().unwrap();
    let other = ActionDigest::new(Sha256Digest::of(b"another"));
    let show = |state: &mut State, action, up| {
        let end = Position {
            line: 3,
            character: 0,
        };
        tell(state, Command::ShowingDraft(action, Position::default(), end), up);
    };
    let ready = |state: &mut State, up| {
        update(state, Message::Tick, moment(up));
        view::ceremony(state, moment(up)).unwrap().ready
    };
    show(&mut state, action, 3000);
    assert!(!ready(&mut state, 4000), "it was never given");
    update(&mut state, Message::GaveDraft(other), moment(4000));
    show(&mut state, action, 4000);
    assert!(!ready(&mut state, 5000), "another was given");
    update(&mut state, Message::GaveDraft(action), moment(5000));
    show(&mut state, other, 5000);
    assert!(!ready(&mut state, 6000), "another is shown");
    show(&mut state, action, 6000);
    assert!(!ready(&mut state, 6100), "for no time at all");
    assert!(state.next_wake(moment(6100), 0..80).unwrap() <= Duration::from_millis(260));
    assert!(ready(&mut state, 6300));
    // Another draft has to be seen anew.
    fill(&mut state, Field::Rows, "0");
    assert!(!ready(&mut state, 7000));
}
