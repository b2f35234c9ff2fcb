//! What a key costs with a queue of 100,000 requests, and with a change of a million lines.
//!
//! `cargo bench -p countersign-tui --bench console` prints processor time (of this thread, as the kernel counts it),
//! resident memory and the bytes of a frame at 50 × 160. It measures the machine and the drawing, not the terminal.
#![allow(
    dead_code,
    unused_imports,
    clippy::duplicate_mod,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and fails; the screens are those of the binary"
)]

#[path = "../src/screen/sample/mod.rs"]
mod sample;
#[path = "../src/screen/mod.rs"]
mod screen;

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::rc::Rc;

use countersign_console::config::Terminal as Configured;
use countersign_console::machine::document::ChangedDocument;
use countersign_console::machine::{
    Command, Lane, Message, Moment, News, Pane, Position, Row, State, update,
};
use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
use countersign_protocol::identity::RequestId;
use countersign_review::diff::text::TextDiff;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

const AREA: Rect = Rect {
    x: 0,
    y: 0,
    width: 160,
    height: 50,
};
const ROWS: u32 = 100_000;
const LINES: u32 = 1_000_000;

fn main() {
    queue();
    change();
}

fn queue() {
    println!("queue of {ROWS} requests");
    let before = resident();
    let rows = rows();
    let mut bench = Bench::of(State::queue());
    bench.one("rows come and are sorted", |state| {
        tell(state, Message::News(News::Queue(Ok(rows))));
    });
    println!(
        "  {:<32} {:>8.1} MiB (in all {:.1})",
        "resident",
        resident() - before,
        resident()
    );
    bench.many("down", 300, |_, _| Command::Move(1));
    bench.many("page down", 100, |_, _| Command::Move(44));
    bench.one("500 keys at once, one frame", |state| {
        for _ in 0..500 {
            tell(state, Message::Command(Command::Move(1)));
        }
    });
    bench.many("end and top", 100, |_, at| {
        if at % 2 == 0 {
            Command::Last
        } else {
            Command::First
        }
    });
    bench.many("another lane", 20, |_, at| {
        Command::Show(Lane::ALL[at % Lane::ALL.len()])
    });
    bench.many("another order", 8, |_, _| Command::Reorder);
    bench.one("search begins", |state| {
        tell(state, Message::Command(Command::Filter));
    });
    let typed: Vec<char> = "dplrole prod".chars().collect();
    bench.many("a letter of a search", typed.len(), |_, at| {
        Command::Write(typed[at])
    });
}

fn change() {
    println!("change of {LINES} lines, every 200th another");
    let before = resident();
    let (old, new) = documents();
    let megabytes = (old.len() + new.len()) as f64 / 1024.0 / 1024.0;
    let mut bench = Bench::of(sample::detail(1, "a bench"));
    bench.one("compared and laid out", |state| {
        let diff = TextDiff::new(old, new).unwrap();
        let mut reading = sample::reading(1, "a bench").unwrap();
        reading.change += 1;
        reading.changes = vec![ChangedDocument::new("a million lines", diff)];
        let news = News::Opened {
            id: sample::id(1),
            result: Ok(Box::new(reading)),
        };
        tell(state, Message::News(news));
        tell(state, Message::Command(Command::Read(Pane::Change)));
    });
    println!(
        "  {:<32} {:>8.1} MiB for {megabytes:.1} of both files",
        "resident",
        resident() - before
    );
    let line = |state: &State| state.detail.as_ref().unwrap().top().line;
    let scroll = |line| Command::Scroll(Pane::Change, Position { line, character: 0 });
    bench.many("down", 300, |state, _| scroll(line(state) + 1));
    bench.many("page down", 100, |state, _| scroll(line(state) + 44));
    bench.many("side by side, and back", 10, |_, _| Command::ToggleBeside);
    bench.many("folded, and back", 10, |_, _| Command::ToggleFold);
    bench.many("next change", 100, |state, _| {
        let detail = state.detail.as_ref().unwrap();
        let marks = detail.reading().unwrap().landmarks(Pane::Change, detail.shape);
        scroll(marks.into_iter().find(|mark| *mark > line(state)).unwrap())
    });
    for c in "no line holds this".chars() {
        tell(&mut bench.state, Message::Command(Command::Filter));
        tell(&mut bench.state, Message::Command(Command::Write(c)));
    }
    bench.one("search to the end, no match", |state| {
        tell(state, Message::Command(Command::Write('\u{2260}')));
        tell(state, Message::Command(Command::Enter));
    });
}

/// A console with its terminal.
struct Bench {
    state: State,
    terminal: Terminal<CrosstermBackend<Sent>>,
    look: screen::Look,
    sent: Sent,
}

/// Counts the bytes that go to the terminal.
#[derive(Clone, Default)]
struct Sent(Rc<Cell<usize>>);

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Bench {
    fn of(state: State) -> Self {
        let sent = Sent::default();
        let options = TerminalOptions {
            viewport: Viewport::Fixed(AREA),
        };
        let terminal = Terminal::with_options(CrosstermBackend::new(sent.clone()), options).unwrap();
        let look = screen::Look::of(&Configured::default()).unwrap();
        Self {
            state,
            terminal,
            look,
            sent,
        }
    }

    fn frame(&mut self) {
        let (state, look) = (&self.state, &self.look);
        let first = state.queue.cursor.saturating_sub(20);
        let draw =
            |frame: &mut ratatui::Frame<'_>| screen::paint(frame.buffer_mut(), look, state, moment(), first);
        self.terminal.draw(draw).unwrap();
    }

    fn one(&mut self, name: &str, act: impl FnOnce(&mut State)) {
        let began = processor();
        act(&mut self.state);
        let acted = processor();
        self.frame();
        let spent = |from: u64, to: u64| (to - from) as f64 / 1e6;
        println!(
            "  {name:<32} {:>8.2} ms, its frame {:.2} ms",
            spent(began, acted),
            spent(acted, processor())
        );
    }

    /// A command and its frame, again and again.
    fn many(&mut self, name: &str, count: usize, command: impl Fn(&State, usize) -> Command) {
        let sent = self.sent.0.get();
        let mut spent: Vec<f64> = (0..count)
            .map(|at| {
                let began = processor();
                let command = command(&self.state, at);
                tell(&mut self.state, Message::Command(command));
                self.frame();
                (processor() - began) as f64 / 1e6
            })
            .collect();
        spent.sort_by(f64::total_cmp);
        // The kernel counts some machines' time in ticks of milliseconds: the mean is exact, the worst is not.
        let mean = spent.iter().sum::<f64>() / count as f64;
        let worst = spent.last().copied().unwrap_or_default();
        let bytes = (self.sent.0.get() - sent) / count;
        println!("  {name:<32} {mean:>8.2} ms mean {worst:>8.2} ms worst {bytes:>7} bytes");
    }
}

fn moment() -> Moment {
    sample::moment(5000)
}

fn tell(state: &mut State, message: Message) {
    drop(update(state, message, moment()));
}

fn rows() -> Vec<Row> {
    let kinds = sample::rows();
    (0..ROWS)
        .map(|number| {
            let mut row = kinds[number as usize % kinds.len()].clone();
            row.id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(&number.to_be_bytes())));
            row
        })
        .collect()
}

fn documents() -> (Vec<u8>, Vec<u8>) {
    let (mut old, mut new) = (String::new(), String::new());
    for number in 0..LINES {
        let _ = writeln!(old, "setting_{number} = \"value {number}\"");
        let _ = match number % 200 {
            0 => writeln!(new, "setting_{number} = \"another {number}\""),
            _ => writeln!(new, "setting_{number} = \"value {number}\""),
        };
    }
    (old.into_bytes(), new.into_bytes())
}

/// Nanoseconds that this thread has run.
fn processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Resident memory in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
