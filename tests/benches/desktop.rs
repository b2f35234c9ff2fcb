//! The desktop console in figures: how soon the window is there, what an opening costs, what it takes when idle; and, with
//! `soak N`, whether opening requests again and again makes it grow.
//!
//! Run by `./x bench desktop` and `./x soak desktop`. The binary is the one that tests operate, which is not optimised:
//! times and CPU are upper bounds of what is shipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    dead_code,
    reason = "a bench prints its figures, and a broken step ends it"
)]

#[path = "../desktop/driver.rs"]
mod driver;
#[path = "../desktop/window.rs"]
mod window;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use countersign_protocol::request::Phase;
use countersign_tests::Organisation;

use window::{Window, is_testable};

/// Lines of the large document.
const LINES: usize = 100_000;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if !is_testable() {
        return;
    }
    match arguments.as_slice() {
        [word, count] if word == "soak" => soak(count.parse().unwrap()),
        [] => figures(),
        other => panic!("use no argument, or `soak N`, not {other:?}"),
    }
}

fn figures() {
    let mut organisation = Organisation::start();
    let reviewer = organisation.join("kim");
    let (before, after) = documents();
    let large = organisation.ask_change("large.conf", &before, &after);
    let _ = organisation.wait_for(Phase::Pending);
    let small = organisation.ask_change("small.conf", "a = 1\n", "a = 2\n");
    countersign_tests::process::until("both requests", || (organisation.rows().len() == 2).then_some(()));

    let began = Instant::now();
    let window = Window::open(reviewer.home(), &[]);
    window.until(
        "the rows",
        "return document.querySelectorAll('.row').length === 2",
    );
    println!(
        "start to rows drawn, with the driver        {:>8.0} ms",
        milliseconds(began.elapsed())
    );

    for (name, what, openings) in [
        ("small.conf", "a request of one line", 10),
        ("large.conf", "a request of 100,000 lines", 2),
    ] {
        let id = row(&window, name);
        let (mut took, cpu) = (Vec::new(), cpu(&window));
        for _ in 0..openings {
            took.push(opening(&window, &id));
        }
        took.sort_unstable();
        let spent = (self::cpu(&window) - cpu) / openings;
        println!(
            "{what:<28} first lines  {:>8.0} ms   CPU {:>6.0} ms",
            milliseconds(took[took.len() / 2]),
            milliseconds(spent)
        );
    }
    println!(
        "{:<28} a page down  {:>8.0} ms",
        "in its change",
        milliseconds(pages(&window, &row(&window, "large.conf")))
    );
    std::thread::sleep(Duration::from_secs(8));
    for (process, kilobytes) in memory(&window) {
        println!(
            "idle, proportional set size of {process:<24} {:>6} MiB",
            kilobytes / 1024
        );
    }
    drop((large, small));
}

/// Opens two requests in turn, so many times in all, and prints what it takes as it goes on. Fails when it keeps growing.
fn soak(openings: usize) {
    let mut organisation = Organisation::start();
    let reviewer = organisation.join("kim");
    let asked =
        ["one.conf", "two.conf"].map(|name| organisation.ask_change(name, "a = 1\n", &"b = 2\n".repeat(300)));
    countersign_tests::process::until("both requests", || (organisation.rows().len() == 2).then_some(()));
    let window = Window::open(reviewer.home(), &[]);
    window.until(
        "the rows",
        "return document.querySelectorAll('.row').length === 2",
    );
    let ids = ["one.conf", "two.conf"].map(|name| row(&window, name));
    let total = || memory(&window).values().sum::<u64>();
    let mut sizes = Vec::new();
    let step = (openings / 10).max(1);
    for opening in 0..openings {
        self::opening(&window, &ids[opening % 2]);
        if (opening + 1) % step == 0 {
            sizes.push(total());
            println!(
                "{:>6} openings  {:>6} MiB",
                opening + 1,
                sizes[sizes.len() - 1] / 1024
            );
        }
    }
    // Caches fill at first; after the first half nothing may grow any more, but for what measuring itself moves.
    let half = &sizes[sizes.len() / 2..];
    let (least, most) = (half.iter().min().unwrap(), half.iter().max().unwrap());
    assert!(*most < *least + 48 * 1024, "it grows: {sizes:?} KiB");
    drop(asked);
}

fn documents() -> (String, String) {
    let (mut before, mut after) = (String::new(), String::new());
    for line in 0..LINES {
        writeln!(before, "key_{line} = {line}").unwrap();
        writeln!(
            after,
            "key_{line} = {}",
            if line % 3 == 0 { line + 1 } else { line }
        )
        .unwrap();
    }
    (before, after)
}

fn row(window: &Window, name: &str) -> String {
    let find = format!(
        "return now.queue.rows.find((row) => row.target.some((piece) => piece.text.includes({name:?}))).id"
    );
    window.js(&find).as_str().unwrap().to_owned()
}

/// From the click to the first lines on screen; goes back to the queue afterwards.
fn opening(window: &Window, id: &str) -> Duration {
    let script = format!(
        "const invoke = window.__TAURI_INTERNALS__.invoke;
         const drawn = (wanted) => new Promise((then) => {{
           const look = () => wanted() ? requestAnimationFrame(then) : setTimeout(look, 5);
           look();
         }});
         const began = performance.now();
         await invoke('dispatch', {{ message: {{ do: 'open', id: {id:?} }} }});
         await drawn(() => document.getElementById('request').dataset.request === {id:?} && document.querySelector('#lines .line'));
         const took = performance.now() - began;
         await invoke('dispatch', {{ message: {{ do: 'back' }} }});
         await drawn(() => document.body.dataset.screen === 'queue' && !document.querySelector('#lines .line'));
         return took"
    );
    Duration::from_secs_f64(window.js(&script).as_f64().unwrap() / 1000.0)
}

/// A page down in the change, until its lines are there.
fn pages(window: &Window, id: &str) -> Duration {
    let script = format!(
        "const invoke = window.__TAURI_INTERNALS__.invoke;
         const pause = (time) => new Promise((then) => setTimeout(then, time));
         await invoke('dispatch', {{ message: {{ do: 'open', id: {id:?} }} }});
         while (!document.querySelector('#lines .line')) await pause(20);
         await invoke('dispatch', {{ message: {{ do: 'read', tab: 1 }} }});
         await pause(2000);
         const pane = document.getElementById('lines');
         const took = [];
         for (let page = 0; page < 30; page += 1) {{
           const began = performance.now();
           pane.scrollBy({{ top: pane.clientHeight, behavior: 'instant' }});
           const box = pane.getBoundingClientRect();
           do {{ await new Promise((then) => requestAnimationFrame(then)); }}
           while (!document.elementFromPoint(box.left + 80, box.bottom - 60)?.closest('.line'));
           took.push(performance.now() - began);
         }}
         took.sort((one, other) => one - other);
         return took[15]"
    );
    Duration::from_secs_f64(window.js(&script).as_f64().unwrap() / 1000.0)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The processor time of the program and its web process.
fn cpu(window: &Window) -> Duration {
    let ticks: u64 = window
        .processes()
        .iter()
        .filter_map(|process| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let fields: Vec<u64> = stat
                .rsplit(')')
                .next()?
                .split(' ')
                .skip(12)
                .take(2)
                .flat_map(str::parse)
                .collect();
            Some(fields.iter().sum::<u64>())
        })
        .sum();
    Duration::from_millis(ticks * 10)
}

/// What each process takes, shared memory by its share, in KiB.
fn memory(window: &Window) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    for process in window.processes() {
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        let pss = rollup.lines().find_map(|line| {
            line.strip_prefix("Pss:")?
                .trim()
                .strip_suffix("kB")?
                .trim()
                .parse::<u64>()
                .ok()
        });
        *sizes.entry(name.trim().to_owned()).or_default() += pss.unwrap_or_default();
    }
    sizes
}
