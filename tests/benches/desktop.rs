//! The desktop console in figures: how soon the window is there, what an opening costs, what it takes when idle; and, with
//! `soak N`, whether opening requests again and again makes it grow.
//!
//! Run by `./x bench desktop` and `./x soak`. The binary is optimised, with the debug assertions that one has to have which
//! can be operated: times and CPU are upper bounds of what is shipped.
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

use window::{Undriven, Window, is_testable};

/// Lines of the large document.
const LINES: usize = 100_000;
/// Requests of the long queue.
const REQUESTS: usize = 100_000;
/// How often the program is started.
const STARTS: usize = 5;
/// Openings before the first step, in which caches fill.
const WARM: usize = 100;
/// How often the soak looks at what all takes.
const STEPS: usize = 100;
/// How often of those it says so.
const SAID: usize = 5;
/// Openings that the page is told at once: they are over before the driver loses patience.
const AT_ONCE: usize = 50;
/// How long a request is read before the next one is opened.
const REST: Duration = Duration::from_secs(1);
/// The longest time from the start to the window, in milliseconds.
const START: f64 = 1500.0;
/// The longest time from a click to the first lines of a change, in milliseconds.
const FIRST_LINES: f64 = 300.0;

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
    start();
    // The client of the organisation chooses the cryptography that the driver's connections need, too; so it comes first.
    requests();
    many();
}

/// From the start of the program, without a driver, to its window on screen.
fn start() {
    let home = tempfile::tempdir().unwrap();
    let took = (0..STARTS).map(|_| Undriven::start(home.path()).1).collect();
    figure("start to window", middle(took), Some(START));
}

/// A queue that is longer than anybody's.
fn many() {
    let home = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let window = Window::open(home.path(), &["--made-up", &REQUESTS.to_string()]);
    window.until(
        "all rows",
        &format!("return now.queue.total === {REQUESTS} && !now.queue.more"),
    );
    figure(
        "100,000 requests: start to the last, with the driver",
        began.elapsed(),
        None,
    );
    for (what, message, count) in [
        ("the next row", "{ do: 'move', by: 1 }", 100),
        ("a page of rows", "{ do: 'move', by: 20 }", 50),
        ("to the end and back", "{ do: step % 2 ? 'first' : 'last' }", 20),
    ] {
        let before = cpu(&window);
        let took = steps(&window, message, count);
        figure(&format!("  {what}"), took, None);
        figure("    its processor time", (cpu(&window) - before) / count, None);
    }
    let rows = window.js("return document.querySelectorAll('.row').length");
    println!("{:<52} {rows:>8}", "  rows in the document");
    idle(&window);
}

/// Sends a message so often and waits until another row is selected on screen; the time in the middle.
fn steps(window: &Window, message: &str, count: u32) -> Duration {
    let script = format!(
        "const invoke = window.__TAURI_INTERNALS__.invoke;
         const at = () => document.getElementById('rows-scroll').getAttribute('aria-activedescendant');
         const took = [];
         for (let step = 0; step < {count}; step += 1) {{
           const before = at(), began = performance.now();
           await invoke('dispatch', {{ message: {message} }});
           while (at() === before) await new Promise((then) => setTimeout(then, 1));
           await new Promise((then) => requestAnimationFrame(then));
           took.push(performance.now() - began);
         }}
         took.sort((one, other) => one - other);
         return took[{count} / 2]"
    );
    Duration::from_secs_f64(window.js(&script).as_f64().unwrap() / 1000.0)
}

/// A small and a large request, read and paged through.
fn requests() {
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
    figure(
        "two requests: start to rows, with the driver",
        began.elapsed(),
        None,
    );

    for (name, what, openings) in [
        ("small.conf", "a request of one line: first lines", 10),
        ("large.conf", "a request of 100,000 lines: first lines", 7),
    ] {
        let id = row(&window, name);
        let before = cpu(&window);
        let took = (0..openings).map(|_| opening(&window, &id)).collect();
        figure(what, middle(took), Some(FIRST_LINES));
        figure("  its processor time", (cpu(&window) - before) / openings, None);
    }
    let large_row = row(&window, "large.conf");
    figure("  a page down in its change", pages(&window, &large_row), None);
    idle(&window);
    drop((large, small));
}

/// Opens two requests in turn, so many times in all, and prints what it takes as it goes on. Fails when it keeps growing.
///
/// The page opens many for each word of the driver: where the driver has a script of its own for each opening, the page's
/// process keeps something of each, and that would be measured.
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
    open_in_turn(&window, &ids, WARM);
    let mut sizes = Vec::new();
    let step = openings.div_ceil(STEPS);
    for steps in 1..=STEPS {
        open_in_turn(&window, &ids, step);
        // Files and libraries are shared with every other window on the machine: their shares come and go with those.
        let each = memory(&window, &["Pss_Anon", "Pss_Shmem"]);
        sizes.push(each.values().sum::<u64>());
        let each: Vec<_> = each
            .iter()
            .map(|(process, size)| format!("{process} {}", size / 1024))
            .collect();
        if steps % SAID == 0 {
            println!(
                "{:>6} openings  {:>6} MiB ({})",
                steps * step,
                sizes[sizes.len() - 1] / 1024,
                each.join(", ")
            );
        }
    }
    // The page's engine clears what is no longer used only now and then, so that what all takes goes up and down: what
    // grows has a higher floor in the second half.
    let (first, second) = sizes.split_at(sizes.len() / 2);
    let (before, after) = (first.iter().min().unwrap(), second.iter().min().unwrap());
    println!(
        "at least {} MiB in the first half, {} in the second",
        before / 1024,
        after / 1024
    );
    assert!(*after < *before + 16 * 1024, "it grows: {sizes:?} KiB");
    drop(asked);
}

/// Opens requests in turn and goes back, so many times in all, by what the page itself does.
fn open_in_turn(window: &Window, ids: &[String; 2], openings: usize) {
    let mut left = openings;
    while left > 0 {
        let round = left.min(AT_ONCE);
        let script = format!(
            "{OPENING}
             const ids = {ids:?};
             for (let round = 0; round < {round}; round += 1) await opening(ids[round % 2]);
             return {round}"
        );
        assert_eq!(window.js(&script), round);
        left -= round;
    }
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

/// Opens a request and goes back to the queue; says how long it took from the click to its first lines on screen.
const OPENING: &str = "
    const invoke = window.__TAURI_INTERNALS__.invoke;
    // What was drawn last is on screen two frames later.
    const drawn = (wanted) => new Promise((then) => {
      const look = () => wanted() ? requestAnimationFrame(() => requestAnimationFrame(then)) : setTimeout(look, 5);
      look();
    });
    const opening = async (id, rest = 0) => {
      const began = performance.now();
      await invoke('dispatch', { message: { do: 'open', id } });
      await drawn(() => document.getElementById('request').dataset.request === id && document.querySelector('#lines .line'));
      const took = performance.now() - began;
      await new Promise((then) => setTimeout(then, rest));
      await invoke('dispatch', { message: { do: 'back' } });
      await drawn(() => document.body.dataset.screen === 'queue' && !document.querySelector('#lines .line'));
      return took;
    };";

/// From the click to the first lines on screen; goes back to the queue afterwards, once nothing more is computed that
/// would slow the next one down.
fn opening(window: &Window, id: &str) -> Duration {
    let rest = REST.as_millis();
    let took = window.js(&format!("{OPENING} return await opening({id:?}, {rest})"));
    Duration::from_secs_f64(took.as_f64().unwrap() / 1000.0)
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

fn middle(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

/// Prints a time, and whether it is within what is promised.
fn figure(what: &str, took: Duration, promised: Option<f64>) {
    let time = took.as_secs_f64() * 1000.0;
    let verdict = match promised {
        Some(most) if time <= most => format!("   reached (at most {most:.0})"),
        Some(most) => format!("   MISSED (at most {most:.0})"),
        None => String::new(),
    };
    println!("{what:<52} {time:>8.1} ms{verdict}");
}

/// What the program's processes take once nothing happens any more.
fn idle(window: &Window) {
    std::thread::sleep(Duration::from_secs(8));
    let before = cpu(window);
    std::thread::sleep(Duration::from_secs(4));
    figure("  processor time of 4 idle seconds", cpu(window) - before, None);
    for (process, kilobytes) in memory(window, &["Pss"]) {
        println!(
            "{:<52} {:>8} MiB",
            format!("  proportional set of {process}"),
            kilobytes / 1024
        );
    }
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

/// What each process takes of some kinds of memory, in KiB; what it shares counts by its share.
fn memory(window: &Window, kinds: &[&str]) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    for process in window.processes() {
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        let fields = rollup.lines().filter_map(|line| line.split_once(':'));
        let sizes_of_kinds = fields.filter(|(kind, _)| kinds.contains(kind));
        let kilobytes =
            sizes_of_kinds.filter_map(|(_, size)| size.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        *sizes.entry(name.trim().to_owned()).or_default() += kilobytes.sum::<u64>();
    }
    sizes
}
