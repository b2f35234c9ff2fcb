//! Going through a request.

use super::*;

#[test]
fn every_key_of_a_screen_is_on_its_list_at_80_by_24() {
    use super::super::binding::{Place, bindings};
    for (mut state, place) in [
        (sample::queue(), Place::Queue),
        (sample::detail(1, REASON), Place::Detail),
        (sample::batch(), Place::Batch),
    ] {
        act(&mut state, Command::Help, 2000);
        let shown = text(&painted(&state, (80, 24), Theme::Plain));
        for binding in
            bindings().filter(|binding| binding.places.contains(&place) && !binding.text.is_empty())
        {
            assert!(
                shown.contains(binding.text),
                "`{}` is not in\n{shown}",
                binding.text
            );
        }
    }
}

#[test]
fn next_goes_from_match_to_match_and_round_the_end() {
    let mut state = sample::detail(1, REASON);
    act(&mut state, Command::Read(Pane::Change), 2000);
    act(&mut state, Command::Filter, 2000);
    act(&mut state, Command::Paste("RESOURCE".to_owned()), 2000);
    act(&mut state, Command::Enter, 2000);
    let area = Rect {
        x: 0,
        y: 0,
        width: 80,
        height: 11,
    };
    let mut tops = vec![state.detail.as_ref().unwrap().top().line];
    for _ in 0..4 {
        let next = command(&state, Intent::NextMark, moment(2000), area).unwrap();
        act(&mut state, next, 2000);
        tops.push(state.detail.as_ref().unwrap().top().line);
    }
    assert!(tops.windows(2).all(|pair| pair[0] != pair[1]), "{tops:?}");
    assert!(tops[1..].contains(&tops[0]), "{tops:?}");
    // Esc ends the search first, and leaves the request only then.
    act(&mut state, Command::Back, 2000);
    assert!(
        state
            .detail
            .as_ref()
            .is_some_and(|detail| detail.search.is_empty())
    );
}

#[test]
fn a_finding_jumps_to_its_line() {
    let mut state = sample::detail(1, REASON);
    act(&mut state, Command::Read(Pane::Findings), 2000);
    let reading = state.detail.as_ref().unwrap().reading().unwrap();
    let (index, line) = (0..reading.findings.len())
        .find_map(|index| Some((index, reading.findings[index].line?)))
        .expect("a finding with a line");
    for _ in 0..index {
        act(&mut state, Command::StepFinding(Step::Next), 2000);
    }
    act(&mut state, Command::Enter, 2000);
    let detail = state.detail.as_ref().unwrap();
    assert_eq!(detail.pane, Pane::Change);
    let shown = text(&painted(&state, (120, 40), Theme::Plain));
    assert!(
        shown.contains(&format!(" {line} ")),
        "line {line} is not in\n{shown}"
    );
}

#[test]
fn what_is_copied_is_printable_and_each_time_another_name() {
    let mut state = sample::detail(1, HOSTILE);
    let mut copied = std::collections::BTreeSet::new();
    for _ in 0..4 {
        act(&mut state, Command::Copy, 2000);
        let text = state.clipboard.take().unwrap();
        assert!(text.chars().all(|c| !c.is_control()));
        copied.insert(text);
    }
    assert_eq!(copied.len(), 4);
}

#[test]
fn reading_page_by_page_shows_all_at_every_size() {
    for size in [(40, 12), (60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut state = sample::detail(1, HOSTILE);
        read_all(&mut state, size);
        let attention = &state.detail.as_ref().unwrap().attention;
        assert!(
            attention.is_whole(),
            "{size:?}: {} of {}",
            attention.lines(),
            attention.of_lines()
        );
    }
}

#[test]
fn what_was_counted_as_seen_was_painted() {
    // Each screenful: the characters of its extent, and nothing else of the sheet, stand on the screen.
    let mut state = sample::detail(1, HOSTILE);
    let area = Rect {
        x: 0,
        y: 0,
        width: 64,
        height: 20,
    };
    for _ in 0..12 {
        let (_, from, to) = seen(&state, moment(2000), area).unwrap();
        let shown: String = text(&painted(&state, (64, 20), Theme::Plain))
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        let reading = state.detail.as_ref().unwrap().reading().unwrap();
        for line in from.line..to.line {
            let text = &reading.sheet[line].text;
            let skip = if line == from.line { from.character } else { 0 };
            // Marks where lines go on stand between the parts; compare word by word.
            for word in text
                .chars()
                .skip(skip)
                .collect::<String>()
                .split_whitespace()
                .filter(|w| w.chars().count() < 20)
            {
                assert!(shown.contains(word), "`{word}` of line {line} is not on screen");
            }
        }
        let next = command(&state, Intent::PageDown, moment(2000), area).unwrap();
        act(&mut state, next, 2000);
    }
}

#[test]
fn scrolling_to_the_end_and_back_returns_to_the_top() {
    let mut state = sample::detail(1, HOSTILE);
    let shapes = [false, true].map(|folded| [false, true].map(|beside| Shape { folded, beside }));
    let panes = state.detail.as_ref().unwrap().panes();
    for (pane, shape) in panes
        .into_iter()
        .flat_map(|pane| shapes.into_iter().flatten().map(move |s| (pane, s)))
    {
        let detail = state.detail.as_mut().unwrap();
        (detail.pane, detail.shape) = (pane, shape);
        let view = countersign_console::machine::view::PaneView::of_detail(detail).unwrap();
        for (width, height) in [(30, 5), (60, 13), (200, 50)] {
            let area = Rect {
                x: 0,
                y: 0,
                width,
                height,
            };
            let end = pane::end(&view, area);
            assert_eq!(
                pane::scrolled(&view, super::super::machine::Position::default(), area, 100_000),
                end
            );
            assert_eq!(
                pane::scrolled(&view, end, area, -100_000),
                super::super::machine::Position::default()
            );
            let down = pane::scrolled(&view, super::super::machine::Position::default(), area, 3);
            assert_eq!(
                pane::scrolled(&view, down, area, -3),
                super::super::machine::Position::default()
            );
            let rows = pane::rows(&view, end, area);
            assert!(
                rows.last()
                    .is_some_and(|row| row.last && row.line + 1 == view.len())
            );
        }
    }
}

#[test]
fn a_pane_has_one_number_whatever_other_panes_there_are() {
    for mut state in [sample::detail(1, REASON), surfaces::drifted(|_| {})] {
        for (number, pane) in [
            (0, Pane::Sheet),
            (3, Pane::Findings),
            (6, Pane::Policy),
            (9, Pane::Talk),
        ] {
            let asked = command(&state, Intent::Pane(number), moment(2000), AREA);
            assert_eq!(asked, Some(Command::Read(pane)));
            act(&mut state, Command::Read(pane), 2000);
            let shown = text(&painted(&state, SIZES[1], Theme::Plain));
            assert!(shown.contains("7 Policy"), "{shown}");
        }
    }
}

#[test]
fn a_key_that_finds_nothing_says_so() {
    let state = sample::detail(1, REASON);
    let there = state.detail.as_ref().unwrap().panes().contains(&Pane::Drift);
    assert!(!there);
    let asked = command(&state, Intent::Pane(4), moment(2000), AREA);
    assert!(matches!(asked, Some(Command::Hint(_))), "{asked:?}");
    let mut state = state;
    read_all(&mut state, SIZES[0]);
    let asked = command(&state, Intent::Unseen, moment(3000), AREA);
    assert!(matches!(asked, Some(Command::Hint(_))), "{asked:?}");
}

#[test]
fn what_answers_a_key_goes_with_the_screen_it_was_about() {
    let mut state = sample::detail(1, REASON);
    act(&mut state, Command::Begin(Verdict::Approve), 2000);
    assert!(state.notices[0].text.escaped().contains("were not on screen yet"));
    act(&mut state, Command::Back, 2500);
    assert!(state.notices.is_empty(), "{:?}", state.notices);
    // What somebody else did is still told there.
    let mut state = sample::detail(1, REASON);
    let news = News::Asked {
        request: sample::id(1),
        result: Err(Trouble::new("x", "the backend is gone")),
    };
    update(&mut state, Message::News(news), moment(2000));
    let told = state.notices.len();
    assert!(told > 0);
    act(&mut state, Command::Back, 2500);
    assert_eq!(state.notices.len(), told);
}

#[test]
fn a_list_of_keys_that_does_not_fit_says_how_large_it_is() {
    let mut state = sample::queue();
    act(&mut state, Command::Help, 1200);
    let small = text(&painted(&state, (46, 14), Theme::Plain));
    assert!(small.contains("shows all"), "{small}");
    let large = text(&painted(&state, SIZES[0], Theme::Plain));
    assert!(
        large.contains("─ Keys ─") && !large.contains("shows all"),
        "{large}"
    );
}

#[test]
fn a_long_name_of_an_agent_is_shortened_by_itself() {
    let mut rows = sample::rows();
    for row in &mut rows {
        if let countersign_console::machine::RowContent::Verified(summary) = &mut row.content {
            summary.agent = "infrastructure-provisioning-agent-of-europe".parse().unwrap();
        }
    }
    let mut state = sample::queue();
    update(&mut state, Message::News(News::Queue(Ok(rows))), moment(1100));
    let shown = text(&painted(&state, SIZES[0], Theme::Plain));
    assert!(shown.contains(" · iam · inf"), "{shown}");
    assert!(shown.contains("europe · production"), "{shown}");
}
