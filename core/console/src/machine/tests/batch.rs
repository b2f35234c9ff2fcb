//! Several requests of one shape: which may be together, what has to be true, one signature each.

use super::*;

/// One of several requests of one shape, or of another where `added` differs.
fn alike(number: u8, added: &str) -> Box<Reading> {
    let field = |text: String| SheetLine {
        role: LineRole::Field,
        text,
    };
    let heading = |text: &str| SheetLine {
        role: LineRole::Heading,
        text: format!("# {text}"),
    };
    let sheet = [
        heading("request"),
        field(format!("request: {}", id(number))),
        field("agent: deployer".to_owned()),
        field(format!("target: file://web-{number}/etc/app.conf")),
        field("severity: low".to_owned()),
        heading("change of a document"),
        SheetLine {
            role: LineRole::Added,
            text: format!("+{added}"),
        },
    ];
    let mut reading = reading(number, Severity::Low);
    reading.sheet = sheet.into_iter().collect();
    reading
}

fn low(numbers: &[u8]) -> Vec<Row> {
    let mut rows = rows(numbers);
    for row in &mut rows {
        if let RowContent::Verified(summary) = &mut row.content {
            summary.severity = Severity::Low;
        }
    }
    rows
}

fn arrive(state: &mut State, number: u8, added: &str, up: u64) {
    let result = Ok(alike(number, added));
    hear(
        state,
        News::Opened {
            id: id(number),
            result,
        },
        up,
    );
}

/// A console that reads requests 1 to 3 together, with a key as given.
fn together(added: [&str; 3], unlocks_many: bool) -> State {
    let mut state = State::queue();
    let mut trust = trust();
    trust.key.as_mut().unwrap().unlocks_many = unlocks_many;
    hear(&mut state, News::Trust(Ok(Box::new(trust))), 0);
    hear(&mut state, News::Queue(Ok(low(&[1, 2, 3]))), 0);
    tell(&mut state, Command::MarkAlike, 500);
    assert_eq!(tell(&mut state, Command::ReadMarked, 1000).len(), 3);
    for (number, added) in (1..).zip(added) {
        arrive(&mut state, number, added, 1000);
    }
    state
}

fn see(state: &mut State) {
    let batch = state.batch.as_ref().unwrap();
    let to = Position {
        line: batch.lines().len(),
        character: 0,
    };
    let view = batch.view_digest().unwrap();
    tell(state, Command::Saw(view, Position::default(), to), 1400);
}

/// Nothing is missing for the first signature but the chord.
fn ready(unlocks_many: bool) -> State {
    let mut state = together(["x", "x", "x"], unlocks_many);
    see(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    write(&mut state, "reviewed", 2500);
    tell(&mut state, Command::StepField(Step::Next), 2500);
    write(&mut state, "secret", 2500);
    state
}

fn orders(effects: Vec<Effect>) -> Vec<Order> {
    let order = |effect| {
        if let Effect::Decide(order) = effect {
            Some(*order)
        } else {
            None
        }
    };
    effects.into_iter().filter_map(order).collect()
}

fn answer(state: &mut State, number: u8, progress: Progress, up: u64) {
    hear(
        state,
        News::Decision {
            request: id(number),
            progress,
        },
        up,
    );
}

fn logged() -> Progress {
    Progress::Logged { index: 1, size: 2 }
}

#[test]
fn one_passphrase_signs_one_decision() {
    let mut state = ready(false);
    for number in 1..=3_u8 {
        let up = 3000 + u64::from(number) * 1000;
        let signed = orders(tell(&mut state, Command::Sign, up));
        assert_eq!(signed.len(), 1);
        assert_eq!(
            (signed[0].request, signed[0].view_digest),
            (id(number), alike(number, "x").view_digest)
        );
        assert_eq!(
            signed[0].attention,
            Stated::Shown {
                lines: 7,
                of_lines: 7,
                seconds: (up - 1000) as u32 / 1000
            }
        );
        // Not while the signature before is made, and not without the passphrase again.
        assert!(orders(tell(&mut state, Command::Sign, up + 400)).is_empty());
        answer(&mut state, number, logged(), up + 410);
        assert!(orders(tell(&mut state, Command::Sign, up + 420)).is_empty());
        if number < 3 {
            write(&mut state, "secret", up + 800);
        }
    }
    assert!(state.ceremony.is_none(), "nothing is left to sign");
    assert!(
        state
            .batch
            .as_ref()
            .unwrap()
            .members
            .iter()
            .all(super::super::batch::Member::is_decided)
    );
    assert!(state.marked.is_empty());
}

#[test]
fn a_passphrase_that_is_typed_at_once_after_a_signature_loses_no_letter_and_signs_nothing_yet() {
    let mut state = ready(false);
    assert_eq!(orders(tell(&mut state, Command::Sign, 4000)).len(), 1);
    answer(&mut state, 1, logged(), 4005);
    write(&mut state, "secret", 4010);
    assert!(
        orders(tell(&mut state, Command::Sign, 4020)).is_empty(),
        "not within 300 ms"
    );
    assert_eq!(
        state.ceremony.as_ref().unwrap().passphrase.count(),
        "secret".len()
    );
    assert_eq!(orders(tell(&mut state, Command::Sign, 4400)).len(), 1);
    // What was typed for the screen below when the dialog came stays out of its fields.
    let mut state = together(["x", "x", "x"], false);
    see(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    write(&mut state, "jjj", 2010);
    assert_eq!(state.ceremony.as_ref().unwrap().reason, "");
}

#[test]
fn a_key_that_allows_it_is_unlocked_once_and_still_signs_each() {
    let mut state = ready(true);
    let mut signed = orders(tell(&mut state, Command::Sign, 3000));
    for number in 1..=3 {
        assert_eq!(signed.len(), 1);
        assert_eq!(
            (signed[0].request, signed[0].passphrase.expose()),
            (id(number), "secret")
        );
        assert!(
            orders(tell(&mut state, Command::Sign, 3400)).is_empty(),
            "one at a time"
        );
        let news = News::Decision {
            request: id(number),
            progress: Progress::Sent,
        };
        signed = orders(hear(&mut state, news, 3500));
        answer(&mut state, number, logged(), 3600);
    }
    assert!(signed.is_empty() && state.ceremony.is_none());
}

#[test]
fn a_wrong_pin_is_not_tried_on_the_next_request() {
    let mut state = ready(true);
    assert_eq!(orders(tell(&mut state, Command::Sign, 3000)).len(), 1);
    let wrong = Progress::Failed("the PIN is wrong".into());
    let news = News::Decision {
        request: id(1),
        progress: wrong,
    };
    assert!(orders(hear(&mut state, news, 3100)).is_empty());
    assert_eq!(state.ceremony.as_ref().unwrap().passphrase.count(), 0);
    assert!(orders(tell(&mut state, Command::Sign, 4000)).is_empty());
}

#[test]
fn a_refused_one_does_not_hold_up_the_others_and_can_be_tried_again() {
    let mut state = ready(false);
    for (number, progress) in [
        (1, logged()),
        (2, Progress::Failed("stale".into())),
        (3, Progress::Kept("gone".into())),
    ] {
        let up = 3000 + u64::from(number) * 1000;
        assert_eq!(orders(tell(&mut state, Command::Sign, up)).len(), 1, "{number}");
        answer(&mut state, number, progress, up + 100);
        write(&mut state, "secret", up + 500);
    }
    let members = &state.batch.as_ref().unwrap().members;
    let told: Vec<&Progress> = members.iter().map(|member| &member.progress).collect();
    assert_eq!(
        told,
        [
            &logged(),
            &Progress::Failed("stale".into()),
            &Progress::Kept("gone".into())
        ]
    );
    assert!(state.ceremony.is_none());
    tell(&mut state, Command::Begin(Verdict::Deny), 8000);
    write(&mut state, "no", 8400);
    tell(&mut state, Command::StepField(Step::Next), 8400);
    write(&mut state, "secret", 8400);
    let signed = orders(tell(&mut state, Command::Sign, 9000));
    let signed: Vec<_> = signed
        .iter()
        .map(|order| (order.request, order.verdict))
        .collect();
    assert_eq!(signed, [(id(2), Verdict::Deny)]);
}

#[test]
fn mixed_shapes_are_read_and_never_decided_together() {
    let mut state = together(["x", "x", "y"], true);
    let why = state.batch.as_ref().unwrap().why_not().unwrap();
    assert!(why.contains("`+x`") && why.contains("`+y`"), "{why}");
    for verdict in [Verdict::Approve, Verdict::Deny] {
        tell(&mut state, Command::Begin(verdict), 2000);
        assert!(state.ceremony.is_none());
    }
    // Without the one that differs they are of one shape, and have to be read.
    tell(&mut state, Command::StepPane(Step::Next), 2100);
    tell(&mut state, Command::StepPane(Step::Next), 2100);
    tell(&mut state, Command::Mark, 2400);
    assert_eq!(state.batch.as_ref().unwrap().why_not(), None);
    tell(&mut state, Command::Begin(Verdict::Approve), 3000);
    assert!(state.ceremony.is_none(), "nothing was on screen yet");
    see(&mut state);
    tell(&mut state, Command::Begin(Verdict::Approve), 3400);
    assert!(state.ceremony.is_some());
}

#[test]
fn high_risks_and_what_others_decide_are_not_marked() {
    let mut state = State::queue();
    let mut all = low(&[1, 2, 3]);
    let mut change = |at: usize, change: fn(&mut Summary)| {
        if let RowContent::Verified(summary) = &mut all[at].content {
            change(summary);
        }
    };
    change(0, |summary| summary.severity = Severity::High);
    change(1, |summary| {
        summary.why_not = Some("you asked for this".to_owned());
    });
    change(2, |summary| {
        summary.expires_at = Timestamp::from_millis(1_000_600);
    });
    hear(&mut state, News::Queue(Ok(all)), 0);
    let mut told = String::new();
    for number in 1..=3 {
        tell(&mut state, Command::Select(id(number)), 1000);
        tell(&mut state, Command::Mark, 1000);
        told.extend(state.notices.iter().map(|notice| notice.text.escaped()));
    }
    assert!(state.marked.is_empty());
    for why in [
        "a high risk is decided by itself",
        "you asked for this",
        "it has expired",
    ] {
        assert!(told.contains(why), "{told}");
    }
    assert!(tell(&mut state, Command::ReadMarked, 2000).is_empty());
    assert!(state.batch.is_none());
}

#[test]
fn what_moves_in_a_batch_has_to_be_looked_at_again() {
    let mut state = ready(true);
    hear(&mut state, News::Changed { id: id(2), change: 2 }, 2600);
    assert!(
        orders(tell(&mut state, Command::Sign, 3000))
            .iter()
            .all(|order| order.request != id(2))
    );
    let mut state = ready(true);
    let mut newer = alike(1, "y");
    newer.change = 2;
    newer.view_digest = ViewDigest::new(Sha256Digest::of(b"another"));
    hear(
        &mut state,
        News::Opened {
            id: id(1),
            result: Ok(newer),
        },
        2600,
    );
    assert!(orders(tell(&mut state, Command::Sign, 3000)).is_empty());
    tell(&mut state, Command::Back, 3100);
    tell(&mut state, Command::LookAgain, 3500);
    assert!(
        state.batch.as_ref().unwrap().why_not().is_some(),
        "it is of another shape now"
    );
    assert_eq!(state.batch.as_ref().unwrap().attention.lines(), 0);
}

#[test]
fn a_member_is_read_by_itself_and_comes_back_with_what_was_seen() {
    let mut state = together(["x", "x", "x"], false);
    tell(&mut state, Command::Enter, 1500);
    assert_eq!(state.screen, Screen::Detail);
    let view = alike(1, "x").view_digest;
    let to = Position {
        line: 7,
        character: 0,
    };
    tell(&mut state, Command::Saw(view, Position::default(), to), 1600);
    tell(&mut state, Command::Begin(Verdict::Approve), 2000);
    assert!(state.ceremony.is_none(), "it is decided with the others");
    tell(&mut state, Command::Back, 2100);
    assert_eq!(state.screen, Screen::Batch);
    let batch = state.batch.as_ref().unwrap();
    let all = |lines| Stated::Shown {
        lines,
        of_lines: 7,
        seconds: 2,
    };
    assert_eq!(
        (batch.stated(0, moment(3000)), batch.stated(1, moment(3000))),
        (all(7), all(0))
    );
}

#[test]
fn a_link_opens_a_request_and_never_leaves_a_decision() {
    let mut state = opened(Severity::Low);
    let effects = tell(&mut state, Command::Open(id(2)), 2000);
    let opens = |effect: &Effect| matches!(effect, Effect::Open(open) if *open == id(2));
    assert!(effects.iter().any(opens));
    assert_eq!(state.detail.as_ref().unwrap().id, id(2));
    // A link opens no ceremony under the finger.
    tell(&mut state, Command::Begin(Verdict::Approve), 2100);
    assert!(state.ceremony.is_none());
    let mut state = super::ready();
    assert!(tell(&mut state, Command::Open(id(2)), 2600).is_empty());
    assert_eq!(state.detail.as_ref().unwrap().id, id(1));
    assert!(State::first_run().end.is_none());
    assert!(tell(&mut State::first_run(), Command::Open(id(2)), 0).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_signs_two_at_once_or_anything_unread(
        commands in prop::collection::vec((sequences::commands(), 0u64..500), 0..60),
    ) {
        let mut state = ready(false);
        let mut up = 3000;
        for (command, pause) in commands {
            up += pause;
            let whole = state.batch.as_ref().is_some_and(|batch| batch.attention.is_whole());
            let sign = command == Command::Sign && state.screen == Screen::Batch;
            let signed = orders(tell(&mut state, command, up));
            prop_assert!(signed.len() <= 1);
            prop_assert!(signed.is_empty() || sign);
            for order in signed {
                prop_assert!(whole || order.verdict == Verdict::Deny);
                prop_assert!(!order.reason.is_empty() && !order.passphrase.expose().is_empty());
                answer(&mut state, 1, logged(), up);
            }
        }
    }
}
