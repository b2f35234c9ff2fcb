//! Lanes, order, the cursor.

use super::*;

#[test]
fn every_row_is_found_whatever_lane_and_filter_are_shown() {
    let mut state = State::queue();
    let numbers: Vec<u8> = (1..=200).collect();
    hear(&mut state, News::Queue(Ok(rows(&numbers))), 0);
    tell(&mut state, Command::Filter, 400);
    write(&mut state, "nothing like it", 400);
    assert!(state.queue.passing.is_empty());
    let find = |text: &str, most| view::find(&state, moment(400), text, most);
    assert_eq!(find("", 7).len(), 7);
    assert_eq!(find(&"no such thing ".repeat(1000), 7).len(), 0);
    let wanted = id(150).to_string();
    assert_eq!(
        find(&wanted, 7).iter().map(|row| &row.id).collect::<Vec<_>>(),
        [&wanted]
    );
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
    assert_eq!(tell(&mut state, Command::Enter, 2400).len(), 2);
}

#[test]
fn nothing_wakes_a_console_where_nothing_is_pending() {
    assert_eq!(State::first_run().next_wake(moment(0), 0..80), None);
    let mut state = State::queue();
    hear(&mut state, News::Queue(Ok(vec![])), 0);
    assert_eq!(state.next_wake(moment(0), 0..80), None);
    hear(&mut state, News::Queue(Ok(rows(&[1]))), 0);
    assert!(state.next_wake(moment(0), 0..80).unwrap() >= Duration::from_secs(1));
}

#[test]
fn only_deadlines_on_screen_are_waited_for_second_by_second() {
    let mut state = State::queue();
    let mut all = rows(&[1, 2]);
    for (row, left) in all.iter_mut().zip([100, 3630]) {
        let RowContent::Verified(summary) = &mut row.content else {
            panic!("it is verified");
        };
        summary.expires_at = moment(0).wall.after(Duration::from_secs(left));
    }
    hear(&mut state, News::Queue(Ok(all)), 0);
    let place = |state: &State, number| {
        let mut places = 0..state.queue.passing.len();
        let at = places
            .find(|at| state.queue.row(*at).unwrap().id == id(number))
            .unwrap();
        at..at + 1
    };
    let (soon, late) = (place(&state, 1), place(&state, 2));
    let wake = |shown| state.next_wake(moment(0), shown).unwrap();
    assert_eq!(wake(soon), Duration::from_secs(1));
    // `1h 00m` is told until half a minute has passed.
    assert_eq!(wake(late), Duration::from_millis(30_001));
    // Which lane a row is in is known a while after it has changed.
    assert_eq!(wake(7..8), Duration::from_secs(100));
}

#[test]
fn a_software_key_is_told_in_the_row_where_none_but_hardware_counts() {
    let mut asked = Summary {
        needs: 2,
        hardware: 1,
        ..summary(Severity::Low)
    };
    let weak = |asked: &Summary, key| asked.clone().with_key(key).weak_key;
    let software = Some(KeyAssurance::Software);
    // Somebody else's key may be the one in hardware.
    assert!(!weak(&asked, software));
    asked.hardware = 2;
    assert!(weak(&asked, software));
    assert!(!weak(&asked, Some(KeyAssurance::HardwareUnattested)));
    assert!(
        !weak(&asked, None),
        "nothing is claimed of a key that is not known"
    );

    let mut state = State::queue();
    let row = Row {
        id: id(1),
        change: 1,
        content: RowContent::Verified(Box::new(asked.clone().with_key(software))),
    };
    hear(&mut state, News::Queue(Ok(vec![row])), 0);
    let drawn = view::queue(&state, moment(0), 0, 10);
    assert_eq!(drawn.rows[0].yours.text, "deny");
    assert!(drawn.selected[0].text.contains("not approve it"));
    // Who cannot decide at all is told that instead.
    asked.why_not = Some("not you".to_owned());
    assert!(!weak(&asked, software));
}
