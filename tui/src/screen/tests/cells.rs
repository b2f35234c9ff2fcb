//! What reaches the terminal: colours, sizes, bytes.

use super::*;

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
        &sample::batch(),
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

/// The bytes that go to the terminal, and what a terminal makes of them.
pub(super) fn bytes(state: &State, (width, height): (u16, u16)) -> (Vec<u8>, vt100::Parser) {
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
    act(
        &mut written,
        Command::Focus(super::super::machine::Field::Reason),
        3600,
    );
    act(&mut written, Command::Paste(HOSTILE.to_owned()), 3600);
    states.push(written);

    for (number, state) in states.iter().enumerate() {
        let (bytes, parser) = bytes(state, (120, 40));
        assert_drawing_only(&number.to_string(), &String::from_utf8(bytes).unwrap());
        assert!(
            parser.screen().contents().contains("countersign"),
            "screen {number}"
        );
    }
}

/// Only cursor moves, styles and resets of the drawing library, and printable characters.
pub(super) fn assert_drawing_only(screen: &str, sent: &str) {
    let mut rest = sent;
    while let Some(at) = rest.find('\u{1b}') {
        let sequence = &rest[at..];
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        let (kind, body) = (&sequence[end..=end], &sequence[1..end]);
        let drawing = body.starts_with('[') && matches!(kind, "m" | "H");
        let cursor = matches!(&sequence[..=end], "\u{1b}[?25l" | "\u{1b}[?25h");
        assert!(drawing || cursor, "screen {screen}: {:?}", &sequence[..=end]);
        rest = &sequence[end + 1..];
    }
    for c in sent.chars().filter(|c| *c != '\u{1b}') {
        let bad = c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        assert!(!bad, "screen {screen} paints U+{:04X}", u32::from(c));
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
