//! What people see, byte by byte where it matters.

use std::time::Duration;

use countersign_console::machine::{
    Command, Connection, FirstRunChoice, Message, News, Pane, Progress, Shape, State, Trouble, message::Step,
    update,
};
use countersign_protocol::decision::Verdict;
use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::binding::Intent;
use super::sample::{self, moment};
use super::theme::Theme;
use super::{command, frame, pane, seen};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const REASON: &str = "scale the deploy role for tonight's release";
/// A reason that tries everything at once.
const HOSTILE: &str = "ok\u{202e}dekcah\u{1b}[2J\u{1b}]52;c;AAAA\u{7}\r\n\u{200b}\u{9b}31m\u{feff}\u{e0041}a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}";

fn painted(state: &State, (width, height): (u16, u16), theme: Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| frame::draw(frame.buffer_mut(), &look(theme), state, moment(5000), 0))
        .unwrap();
    terminal.backend().buffer().clone()
}

fn look(theme: Theme) -> super::Look {
    super::Look {
        theme,
        keymap: super::Keymap::default(),
        notify: false,
    }
}

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            line.push_str(buffer[(x, y)].symbol());
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The text, and beside it the styles that each row uses, in order.
fn styled(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut last = (Color::Reset, Modifier::empty());
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            if (cell.fg, cell.modifier) != last {
                last = (cell.fg, cell.modifier);
                let modifier = if last.1.is_empty() {
                    String::new()
                } else {
                    format!(" {:?}", last.1)
                };
                out.push_str(&format!("‹{}{modifier}›", last.0).replace("Modifier", ""));
            }
            out.push_str(cell.symbol());
        }
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }
    out
}

fn act(state: &mut State, command: Command, up: u64) {
    update(state, Message::Command(command), moment(up));
}

/// Reads the sheet page by page, as the program does.
fn read_all(state: &mut State, size: (u16, u16)) {
    let area = Rect {
        x: 0,
        y: 0,
        width: size.0,
        height: size.1,
    };
    for _ in 0..200 {
        if let Some((view, from, to)) = seen(state, moment(2000), area) {
            act(state, Command::Saw(view, from, to), 2000);
        }
        if let Some(next) = command(state, Intent::PageDown, moment(2000), area) {
            act(state, next, 2000);
        }
    }
}

fn deciding(size: (u16, u16)) -> State {
    let mut state = sample::detail(1, REASON);
    read_all(&mut state, size);
    act(&mut state, Command::Begin(Verdict::Approve), 3000);
    for c in "matches OPS-1412, p-bob checked the runbook".chars() {
        act(&mut state, Command::Write(c), 3500);
    }
    act(&mut state, Command::Enter, 3500);
    for c in "deploy-role".chars() {
        act(&mut state, Command::Write(c), 3500);
    }
    state
}

fn snapshots(name: &str, state: impl Fn((u16, u16)) -> State) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _here = settings.bind_to_scope();
    for size in SIZES {
        let state = state(size);
        insta::assert_snapshot!(
            format!("{name}-{}x{}", size.0, size.1),
            text(&painted(&state, size, Theme::Plain))
        );
    }
    let colour = styled(&painted(&state(SIZES[0]), SIZES[0], Theme::Colour));
    insta::assert_snapshot!(format!("{name}-colour"), colour);
}

#[test]
fn queue() {
    snapshots("queue", |_| sample::queue());
}

#[test]
fn detail() {
    snapshots("detail", |_| sample::detail(1, REASON));
}

#[test]
fn detail_that_cannot_be_decided() {
    snapshots("why-not", |_| sample::detail(3, REASON));
}

#[test]
fn change_findings_and_context() {
    for (pane, name) in [
        (Pane::Change, "change"),
        (Pane::Findings, "findings"),
        (Pane::Structure, "structure"),
        (Pane::Context, "context"),
        (Pane::Policy, "policy"),
        (Pane::History, "history"),
        (Pane::Raw, "raw"),
    ] {
        snapshots(name, |_| {
            let mut state = sample::detail(1, REASON);
            act(&mut state, Command::Read(pane), 2000);
            state
        });
    }
}

#[test]
fn queue_in_groups_lanes_and_searched() {
    snapshots("queue-groups", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::Reorder, 2000);
        act(&mut state, Command::Reorder, 2000);
        state
    });
    snapshots("queue-lane", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::StepLane(Step::Next), 2000);
        act(&mut state, Command::StepLane(Step::Next), 2000);
        state
    });
    snapshots("queue-search", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::Filter, 2000);
        act(&mut state, Command::Paste("dplrol prod".to_owned()), 2000);
        state
    });
}

#[test]
fn change_beside_folded_and_searched() {
    snapshots("beside", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Read(Pane::Change), 2000);
        act(&mut state, Command::ToggleBeside, 2000);
        state
    });
    snapshots("folded", |_| {
        let mut state = sample::detail(4, REASON);
        act(&mut state, Command::Read(Pane::Change), 2000);
        act(&mut state, Command::ToggleFold, 2000);
        state
    });
    snapshots("searched", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Read(Pane::Change), 2000);
        act(&mut state, Command::Filter, 2000);
        act(&mut state, Command::Paste("Resource".to_owned()), 2000);
        act(&mut state, Command::Enter, 2000);
        state
    });
}

#[test]
fn what_changed_since_it_was_looked_at() {
    snapshots("since", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Back, 2000);
        let state = {
            let mut newer = sample::reading(1, "another reason").unwrap();
            newer.change += 1;
            act(&mut state, Command::Select(sample::id(1)), 3000);
            act(&mut state, Command::Enter, 3000);
            let news = News::Opened {
                id: sample::id(1),
                result: Ok(Box::new(newer)),
            };
            update(&mut state, Message::News(news), moment(3100));
            act(&mut state, Command::Read(Pane::Since), 3200);
            state
        };
        assert_eq!(state.detail.as_ref().unwrap().pane, Pane::Since);
        state
    });
}

#[test]
fn denying_with_a_usual_reason() {
    snapshots("deny", |_| {
        let mut state = sample::detail(1, REASON);
        act(&mut state, Command::Begin(Verdict::Deny), 3000);
        act(&mut state, Command::Preset, 3500);
        act(&mut state, Command::Preset, 3500);
        state
    });
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
fn dialog() {
    snapshots("dialog", deciding);
}

#[test]
fn dialog_once_it_is_logged() {
    snapshots("logged", |size| {
        let mut state = deciding(size);
        state.ceremony.as_mut().unwrap().progress = Progress::Logged { index: 58, size: 61 };
        state
    });
}

#[test]
fn help() {
    snapshots("help", |_| {
        let mut state = sample::queue();
        act(&mut state, Command::Help, 2000);
        state
    });
}

#[test]
fn first_run() {
    snapshots("first-run", |_| State::first_run());
    let mut state = State::first_run();
    act(&mut state, Command::Move(1), 0);
    assert_eq!(
        state.screen,
        super::machine::Screen::FirstRun(FirstRunChoice::Personal)
    );
}

#[test]
fn lost_backend() {
    snapshots("lost", |_| {
        let mut state = sample::queue();
        let wall = moment(0).wall;
        let next = wall.after(Duration::from_secs(12));
        let lost = Connection::Retrying {
            since: wall,
            next,
            why: "connection refused".into(),
        };
        update(&mut state, Message::News(News::Connection(lost)), moment(0));
        let trouble = Trouble::new(
            "unreachable",
            "the backend does not answer; what is shown may be old",
        );
        update(&mut state, Message::News(News::Queue(Err(trouble))), moment(0));
        state
    });
}

#[test]
fn the_first_frame_says_countersign_and_the_last_says_complete() {
    let first = text(&painted(&State::queue(), (80, 24), Theme::Plain));
    assert!(first.contains("countersign") && !first.contains("complete"));
    assert!(text(&painted(&sample::queue(), (80, 24), Theme::Plain)).contains("complete"));
}

#[test]
fn light_and_dark_differ_and_say_the_same() {
    let state = sample::detail(1, REASON);
    let [dark, light] = [Theme::Dark, Theme::Light].map(|theme| painted(&state, (80, 24), theme));
    assert_eq!(text(&dark), text(&light));
    assert_ne!(styled(&dark), styled(&light));
}

#[test]
fn without_colour_no_cell_has_one() {
    for state in [sample::queue(), sample::detail(1, REASON), deciding((80, 24))] {
        let buffer = painted(&state, (80, 24), Theme::Plain);
        assert!(
            buffer
                .content
                .iter()
                .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
        );
    }
}

#[test]
fn a_window_of_any_size_is_drawn_in() {
    let mut decided = deciding((80, 24));
    for state in [
        &sample::queue(),
        &sample::detail(1, HOSTILE),
        &decided,
        &State::first_run(),
    ] {
        for (width, height) in [
            (1, 1),
            (10, 3),
            (39, 9),
            (40, 10),
            (41, 11),
            (63, 12),
            (300, 5),
            (500, 200),
        ] {
            painted(state, (width, height), Theme::Colour);
        }
    }
    decided.help = true;
    painted(&decided, (40, 10), Theme::Plain);
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
        let view = super::PaneView::of_detail(detail).unwrap();
        for (width, height) in [(30, 5), (60, 13), (200, 50)] {
            let area = Rect {
                x: 0,
                y: 0,
                width,
                height,
            };
            let end = pane::end(&view, area);
            assert_eq!(
                pane::scrolled(&view, super::Position::default(), area, 100_000),
                end
            );
            assert_eq!(
                pane::scrolled(&view, end, area, -100_000),
                super::Position::default()
            );
            let down = pane::scrolled(&view, super::Position::default(), area, 3);
            assert_eq!(pane::scrolled(&view, down, area, -3), super::Position::default());
            let rows = pane::rows(&view, end, area);
            assert!(
                rows.last()
                    .is_some_and(|row| row.last && row.line + 1 == view.len())
            );
        }
    }
}

/// The bytes that go to the terminal, and what a terminal makes of them.
fn bytes(state: &State, (width, height): (u16, u16)) -> (Vec<u8>, vt100::Parser) {
    let mut sink = Vec::new();
    {
        let backend = CrosstermBackend::new(&mut sink);
        let viewport = ratatui::Viewport::Fixed(Rect {
            x: 0,
            y: 0,
            width,
            height,
        });
        let mut terminal = Terminal::with_options(backend, ratatui::TerminalOptions { viewport }).unwrap();
        terminal
            .draw(|frame| frame::draw(frame.buffer_mut(), &look(Theme::Colour), state, moment(5000), 0))
            .unwrap();
    }
    let mut parser = vt100::Parser::new(height, width, 0);
    parser.process(&sink);
    (sink, parser)
}

#[test]
fn no_byte_of_a_request_speaks_to_the_terminal() {
    let mut states: Vec<State> = vec![
        sample::queue(),
        sample::detail(1, HOSTILE),
        sample::detail(8, HOSTILE),
    ];
    for pane in Pane::ALL {
        let mut state = sample::detail(1, HOSTILE);
        act(&mut state, Command::Read(pane), 2000);
        states.push(state);
    }
    let mut noticed = sample::queue();
    update(
        &mut noticed,
        Message::News(News::Trust(Err(Trouble::new("x", HOSTILE)))),
        moment(4000),
    );
    states.push(noticed);
    let mut filtered = sample::queue();
    act(&mut filtered, Command::Filter, 2000);
    act(&mut filtered, Command::Paste(HOSTILE.to_owned()), 2000);
    states.push(filtered);
    let mut written = deciding((120, 40));
    act(&mut written, Command::Focus(super::machine::Field::Reason), 3600);
    act(&mut written, Command::Paste(HOSTILE.to_owned()), 3600);
    states.push(written);

    for (number, state) in states.iter().enumerate() {
        let (bytes, parser) = bytes(state, (120, 40));
        let sent = String::from_utf8(bytes).unwrap();
        let mut rest = sent.as_str();
        while let Some(at) = rest.find('\u{1b}') {
            // Only cursor moves, styles and resets of the drawing library may follow.
            let sequence = &rest[at..];
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            let (kind, body) = (&sequence[end..=end], &sequence[1..end]);
            let drawing = body.starts_with('[') && matches!(kind, "m" | "H");
            let cursor = matches!(&sequence[..=end], "\u{1b}[?25l" | "\u{1b}[?25h");
            assert!(drawing || cursor, "screen {number}: {:?}", &sequence[..=end]);
            rest = &sequence[end + 1..];
        }
        for c in sent.chars().filter(|c| *c != '\u{1b}') {
            let bad = c.is_control()
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
            assert!(!bad, "screen {number} paints U+{:04X}", u32::from(c));
        }
        assert!(
            parser.screen().contents().contains("countersign"),
            "screen {number}"
        );
    }
}

#[test]
fn hostile_text_is_seen_for_what_it_is() {
    let shown = text(&painted(&sample::detail(1, HOSTILE), (120, 40), Theme::Plain));
    for escape in [
        "⟦U+202E⟧",
        "⟦U+001B⟧",
        "⟦CR⟧",
        "⟦LF⟧",
        "⟦U+200B⟧",
        "⟦U+009B⟧",
        "⟦2 marks",
    ] {
        assert!(shown.contains(escape), "{escape} is missing in\n{shown}");
    }
}

#[test]
fn a_passphrase_is_never_painted() {
    let mut state = deciding((120, 40));
    act(&mut state, Command::Enter, 3600);
    for c in "correct horse".chars() {
        act(&mut state, Command::Write(c), 3600);
    }
    let shown = text(&painted(&state, (120, 40), Theme::Plain));
    assert!(!shown.contains("correct") && shown.contains("•••••••••••••"));
}

#[test]
fn only_visible_rows_of_a_large_queue_are_made() {
    let mut state = sample::queue();
    let mut rows = Vec::new();
    for _ in 0..12_000 {
        rows.extend(sample::rows());
    }
    update(&mut state, Message::News(News::Queue(Ok(rows))), moment(0));
    let began = std::time::Instant::now();
    for _ in 0..20 {
        painted(&state, (120, 40), Theme::Colour);
    }
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?} for 20 frames",
        began.elapsed()
    );
}
