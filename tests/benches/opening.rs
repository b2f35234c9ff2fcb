//! What it takes to open a request of 100,000 lines before anything is drawn, step by step: to fetch it, to judge it, to
//! make of it what is read. A copy is kept afterwards.
//!
//! Run by `./x bench opening`, in an optimised build with debug assertions, as the window is measured.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench prints its figures, and a broken step ends it"
)]

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use countersign_console::desk::ReviewerDesk;
use countersign_console::home::Home;
use countersign_console::inbox::Inbox;
use countersign_console::machine::driver::Desk as _;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;
use countersign_tests::organisation::now;
use countersign_verify::{Pinned, Purpose, verify};

/// Lines of the document.
const LINES: usize = 100_000;
/// How often each step is done.
const ROUNDS: usize = 7;

fn main() {
    let mut organisation = Organisation::start();
    let reviewer = organisation.join("kim");
    let (mut before, mut after) = (String::new(), String::new());
    for line in 0..LINES {
        writeln!(before, "key_{line} = {line}").unwrap();
        writeln!(after, "key_{line} = {}", line + usize::from(line % 3 == 0)).unwrap();
    }
    let asked = organisation.ask_change("large.conf", &before, &after);
    let id = organisation.wait_for(Phase::Pending);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let home = Home::in_folder(reviewer.home());
    let inbox = Inbox::open(&home).unwrap();
    let desk = ReviewerDesk::new(inbox.clone(), "desktop");

    step("trust, fetched and verified", || {
        drop(runtime.block_on(inbox.refresh_trust()).unwrap());
    });
    step("the record, fetched and parsed", || {
        drop(runtime.block_on(inbox.backend().request(id)).unwrap());
    });
    let record = runtime.block_on(inbox.backend().request(id)).unwrap();
    step("a copy of the record in memory", || drop(record.clone()));
    let pinned = Pinned::new(organisation.root);
    step("the evidence, verified", || {
        drop(verify(&record.evidence, &pinned, now(), Purpose::Review));
    });
    step("a copy of the record on disk", || {
        inbox.copies().keep(id, &record, now()).unwrap();
    });
    step("all of it, verified", || {
        drop(runtime.block_on(inbox.fetch(id)).unwrap());
    });
    let mut firsts = Vec::new();
    let before = cpu();
    for _ in 0..ROUNDS {
        let (began, first) = (Instant::now(), Mutex::new(None));
        let opened = runtime.block_on(desk.open_in_parts(id, |_| {
            first.lock().unwrap().get_or_insert(began.elapsed());
        }));
        assert!(opened.unwrap().complete);
        firsts.push(first.into_inner().unwrap().unwrap());
    }
    print("until its first lines can be read", firsts, cpu() - before);
    step("until all is computed", || {
        drop(runtime.block_on(desk.open(id)).unwrap());
    });
    drop(asked);
}

/// Does a step again and again, and prints the time in the middle and the processor time of one.
fn step(what: &str, mut work: impl FnMut()) {
    let before = cpu();
    let took = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        work();
        began.elapsed()
    });
    let took = took.collect();
    print(what, took, cpu() - before);
}

fn print(what: &str, mut took: Vec<Duration>, all: Duration) {
    took.sort_unstable();
    let [middle, one] = [took[took.len() / 2], all / ROUNDS as u32].map(|time| time.as_secs_f64() * 1000.0);
    println!("{what:<40} {middle:>8.1} ms {one:>8.1} ms of processor time");
}

/// The processor time of this process so far; that of the backend is not in it.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split(' ').skip(12).take(2);
    Duration::from_millis(fields.map(|field| field.parse::<u64>().unwrap() * 10).sum())
}
