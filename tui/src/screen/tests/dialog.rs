//! What is signed is wholly on screen, or nothing is signed.

use super::*;

/// The dialog over a request with this target.
fn deciding_on(target: &str) -> State {
    let mut state = surfaces::read(Pane::Sheet, |reading| reading.summary.target = target.into());
    act(&mut state, Command::Begin(Verdict::Deny), 3000);
    assert!(state.ceremony.is_some());
    state
}

fn area((width, height): (u16, u16)) -> Rect {
    Rect {
        width,
        height,
        ..AREA
    }
}

/// What the dialog shows, without its border, its breaks and the marks of them.
fn within(state: &State, size: (u16, u16)) -> String {
    let shown = text(&painted(state, size, Theme::Plain));
    let rows = shown.lines().filter_map(|line| line.split('│').nth(1));
    rows.map(|row| row.trim().trim_end_matches('↩')).collect()
}

#[test]
fn the_middle_of_a_long_target_is_not_left_out_of_what_is_signed() {
    let target = format!("file://web-1/{}/etc/role.yaml", "a/long/way/".repeat(15));
    for size in SIZES {
        let shown = within(&deciding_on(&target), size);
        assert!(shown.contains(&target), "{shown}");
        assert!(shown.contains("What is signed, exactly:"), "{shown}");
    }
}

#[test]
fn a_row_that_ends_within_a_name_says_that_it_goes_on() {
    for (name, size) in ["x".repeat(150), "a/long/way/".repeat(15)].iter().zip(SIZES) {
        let state = deciding_on(&format!("file://web-1/{name}/role.yaml"));
        let shown = text(&painted(&state, size, Theme::Plain));
        let rows: Vec<&str> = shown.lines().filter_map(|line| line.split('│').nth(1)).collect();
        let first = rows.iter().position(|row| row.contains("target")).unwrap();
        let last = rows.iter().position(|row| row.contains("role.yaml")).unwrap();
        assert!(first < last, "{shown}");
        for row in &rows[first..last] {
            assert!(row.trim_end().ends_with('↩'), "{row} in {shown}");
        }
        assert!(!rows[last].contains('↩'), "{shown}");
    }
}

#[test]
fn a_target_that_no_window_holds_says_that_it_is_shortened() {
    let target = format!("file://web-1/{}/etc/role.yaml", "a/long/way/".repeat(300));
    let shown = within(&deciding_on(&target), SIZES[0]);
    assert!(
        shown.contains("shortened at …; the sheet has all of it"),
        "{shown}"
    );
    assert!(shown.contains("a reason is given"), "{shown}");
}

#[test]
fn a_narrow_window_says_that_it_shortens() {
    let size = (50, 16);
    let state = deciding_on("file://web-1/etc/role.yaml");
    let shown = within(&state, size);
    assert!(shown.contains("What is signed, shortened:"), "{shown}");
    assert!(shown.contains("passphrase"), "{shown}");
    assert_eq!(
        command(&state, Intent::Sign, moment(4000), area(size)),
        Some(Command::Sign)
    );
}

#[test]
fn a_window_too_small_for_what_is_signed_signs_nothing() {
    let state = deciding_on("file://web-1/etc/role.yaml");
    for size in [(42, 12), (30, 8)] {
        let asked = command(&state, Intent::Sign, moment(4000), area(size));
        assert!(matches!(asked, Some(Command::Failed(_))), "{asked:?}");
    }
    assert!(within(&state, (42, 12)).contains("this window is too small"));
}

#[test]
fn once_it_is_signed_the_bottom_line_offers_no_signing() {
    let mut state = deciding_on("file://web-1/etc/role.yaml");
    let last = |state: &State| {
        let shown = text(&painted(state, SIZES[0], Theme::Plain));
        shown.lines().last().unwrap_or_default().to_owned()
    };
    assert!(last(&state).contains("Ctrl-S sign"));
    state.ceremony.as_mut().unwrap().progress = Progress::Committed;
    assert!(!last(&state).contains("Ctrl-S"), "{}", last(&state));
}
