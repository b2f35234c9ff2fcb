//! What has to be true before anything is signed, part by part.

use super::*;

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
fn a_key_that_will_not_do_is_told_before_reading_and_may_still_deny() {
    let mut state = opened(Severity::Low);
    let Some(DetailContent::Read(reading)) = state.detail.as_mut().map(|detail| &mut detail.content) else {
        panic!("nothing is read");
    };
    reading.weak_key = Some("your key will not do here, by policy hardware".to_owned());
    let now = Moment {
        up: Duration::from_millis(2000),
        wall: reading.summary.created_at,
    };
    let shown = view::detail(&state, now).unwrap();
    assert!(shown.why_not.unwrap().contains("by policy hardware"));
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    assert!(state.ceremony.is_none());
    tell(&mut state, Command::Begin(Verdict::Deny), 2300);
    assert!(state.ceremony.is_some());
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
    assert_eq!(tell(&mut state, Command::Enter, 5300).len(), 2);
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
fn a_chord_in_a_burst_of_keys_signs_nothing_and_says_so() {
    let mut state = ready();
    assert!(tell(&mut state, Command::Blurred, 3000).is_empty());
    assert!(state.ceremony.as_ref().unwrap().notice.is_some());
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
fn the_key_is_asked_how_it_stands_before_and_after_a_try() {
    let asks = |effects: &[Effect]| matches!(effects, [Effect::AskKey(request)] if *request == id(1));
    let mut state = opened(Severity::Low);
    let effects = tell(&mut state, Command::Begin(Verdict::Deny), 2000);
    assert!(asks(&effects), "{effects:?}");
    let key = |state: &mut State, unlock, warning: Option<&str>| {
        let standing = state::KeyStanding {
            unlock,
            warning: warning.map(ToOwned::to_owned),
        };
        let news = News::Key {
            request: id(1),
            result: Ok(Some(standing)),
        };
        hear(state, news, 2100);
    };
    key(&mut state, Unlock::Pin, Some("1 PIN attempt is left"));
    let said = |state: &State| {
        let requirements = state
            .ceremony
            .as_ref()
            .unwrap()
            .requirements(state.detail.as_ref().unwrap(), moment(2200));
        requirements
            .into_iter()
            .map(|need| need.text)
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert!(said(&state).contains("the PIN of your key is entered (1 PIN attempt is left)"));
    key(&mut state, Unlock::Touch, None);
    assert!(!said(&state).contains("PIN"), "{}", said(&state));
    let locked = News::Key {
        request: id(1),
        result: Err(Trouble::new("key", "the TPM takes no PIN")),
    };
    hear(&mut state, locked, 2300);
    assert!(state.ceremony.as_ref().unwrap().notice.is_some());

    let mut state = ready();
    tell(&mut state, Command::Sign, 3000);
    let news = News::Decision {
        request: id(1),
        progress: Progress::Failed("the PIN is wrong".into()),
    };
    let effects = hear(&mut state, news, 3100);
    assert!(asks(&effects), "{effects:?}");
}

/// Who signs with a remembered PIN.
fn remembering() -> Trust {
    let mut trust = trust();
    if let Some(key) = &mut trust.key {
        (key.unlock, key.pin_remembered) = (Unlock::Remembered, true);
    }
    trust
}

fn shown(text: &[view::Piece]) -> String {
    text.iter().map(|piece| piece.text.as_str()).collect()
}

#[test]
fn a_remembered_pin_is_said_at_the_start_on_top_of_every_screen_and_where_it_signs() {
    let mut state = opened(Severity::Critical);
    let said = |state: &State| shown(&view::header(state, moment(1000)).who);
    assert!(!said(&state).contains("remembered"));
    hear(&mut state, News::Trust(Ok(Box::new(remembering()))), 1000);
    hear(&mut state, News::Trust(Ok(Box::new(remembering()))), 1000);
    assert!(
        said(&state).contains("PIN remembered: lower assurance"),
        "{}",
        said(&state)
    );
    let told = state
        .notices
        .iter()
        .filter(|notice| notice.text.escaped().contains("remembered PIN"));
    assert_eq!(told.count(), 1, "said once, not with each new directory");

    see_all(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    // All that confirms a high risk is still asked for; only the PIN is not.
    assert_eq!(
        state.ceremony.as_ref().unwrap().fields(),
        [Field::Reason, Field::Name]
    );
    let drawn = view::ceremony(&state, moment(2100)).unwrap();
    let presence = drawn
        .signed
        .iter()
        .find(|(label, _)| *label == "presence")
        .unwrap();
    assert!(shown(&presence.1).contains("PIN remembered: lower assurance"));
    write(&mut state, "reviewed", 2500);
    assert!(
        order(tell(&mut state, Command::Sign, 3000)).is_none(),
        "the name is not typed"
    );
    tell(&mut state, Command::Focus(Field::Name), 3100);
    write(&mut state, "role.yaml", 3200);
    let mut order = order(tell(&mut state, Command::Sign, 4000)).expect("everything is there");
    assert!(matches!(order.take_secret(), crate::keys::Secret::Remembered));
}

#[test]
fn a_remembered_pin_that_is_gone_is_asked_for_and_still_labelled() {
    let mut state = opened(Severity::Low);
    hear(&mut state, News::Trust(Ok(Box::new(remembering()))), 1000);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    let standing = state::KeyStanding {
        unlock: Unlock::Pin,
        warning: Some("it is not remembered any more".to_owned()),
    };
    let news = News::Key {
        request: id(1),
        result: Ok(Some(standing)),
    };
    hear(&mut state, news, 2100);
    write(&mut state, "reviewed", 2600);
    assert!(order(tell(&mut state, Command::Sign, 3000)).is_none());
    tell(&mut state, Command::Focus(Field::Passphrase), 3100);
    write(&mut state, "246810", 3200);
    assert!(
        view::ceremony(&state, moment(3300))
            .unwrap()
            .signed
            .iter()
            .any(|(label, _)| *label == "presence")
    );
    let mut order = order(tell(&mut state, Command::Sign, 4000)).expect("everything is there");
    let crate::keys::Secret::Given(given) = order.take_secret() else {
        panic!("it was typed")
    };
    assert_eq!(secrecy::ExposeSecret::expose_secret(&given), "246810");
}

#[test]
fn leaving_while_the_key_is_asked_calls_the_decision_off() {
    let mut state = ready();
    let order = order(tell(&mut state, Command::Sign, 3000)).expect("everything is there");
    tell(&mut state, Command::Back, 3100);
    assert!(state.ceremony.is_none());
    // Whoever performs the order finds it called off.
    assert!(order.calling_off.is_called_off());
}

#[test]
fn sentences_name_the_keys_that_a_person_chose() {
    let mut state = opened(Severity::High);
    state.keys.unseen = "F3".to_owned();
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    let told = state.notices.last().unwrap().text.escaped();
    assert!(told.ends_with("; F3 goes there"), "{told}");
    state.keys.refresh = "F5".to_owned();
    state.detail.as_mut().unwrap().checking = true;
    let why = view::detail(&state, moment(2000)).unwrap().why_not.unwrap();
    assert!(why.ends_with("; F5 tries once more"), "{why}");
}
