//! The figures that this project promises, each beside its peer: `cargo bench -p countersign-tui --bench figures`.
//!
//! Processor time and ratios of paired runs say what a program costs; times of the clock are printed too and depend
//! on what else the machine does. A peer that is not on this machine is printed as absent, with what was measured
//! of it elsewhere. With words after `--` only the parts named are measured: `text`, `hostile`, `structure`,
//! `terminal`, `queue`.
#![allow(
    dead_code,
    unused_imports,
    clippy::duplicate_mod,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints and fails; the screens are those of the binary"
)]

#[path = "../../../core/review/benches/made.rs"]
mod made;
mod measure;
mod queue;
#[path = "../../src/screen/sample/mod.rs"]
mod sample;
#[path = "../../src/screen/mod.rs"]
mod screen;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use countersign_review::diff::structure;
use measure::{Cost, found, median, paired, percentile};
use terminal::{Key, Session};

const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
/// The smallest figure of a peer that is worth a ratio.
const LINES: usize = 1_000_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((first, rest)) if first == "--measure" => return measure::child(rest),
        Some((first, rest)) if first == "--queue" => return queue::run(rest[0].parse().unwrap()),
        Some((first, rest)) if first == "--structure" => return structure_of(&rest[0], &rest[1]),
        _ => {}
    }
    let parts: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| *word == part);
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::of(folder.path(), made::rules(LINES));
    if wanted("text") {
        text(&pair);
    }
    if wanted("hostile") {
        hostile(folder.path());
    }
    if wanted("structure") {
        structures(folder.path());
    }
    if wanted("terminal") {
        change_on_a_terminal(&pair);
    }
    if wanted("queue") {
        queue_on_a_terminal();
    }
}

/// A figure with what it is to be at the most.
fn line(name: &str, figure: f64, limit: f64, unit: &str, beside: &str) {
    let verdict = if figure <= limit { "reached" } else { "MISSED " };
    println!("  {verdict}  {name:<52} {figure:>9.2} {unit:<9} at most {limit:<8} {beside}");
}

/// Two files.
struct Pair {
    before: PathBuf,
    after: PathBuf,
    bytes: u64,
}

impl Pair {
    fn of(folder: &Path, (before, after): (String, String)) -> Self {
        let pair = Self {
            before: folder.join("before"),
            after: folder.join("after"),
            bytes: (before.len() + after.len()) as u64,
        };
        std::fs::write(&pair.before, before).unwrap();
        std::fs::write(&pair.after, after).unwrap();
        pair
    }

    fn words(&self, words: &[&str], between: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        for (index, path) in [&self.before, &self.after].into_iter().enumerate() {
            all.extend(between.get(index).map(|word| (*word).to_owned()));
            all.push(path.display().to_string());
        }
        all
    }

    fn ours(&self) -> Vec<String> {
        self.words(
            &[COUNTERSIGN, "inspect", "--only", "text"],
            &["--before", "--after"],
        )
    }

    fn git(&self) -> Vec<String> {
        self.words(
            &["git", "-c", "core.pager=cat", "diff", "--no-index", "--no-color"],
            &[],
        )
    }
}

fn text(pair: &Pair) {
    println!(
        "\n1M lines of HCL, whole processes (`countersign inspect --only text`, hostile text looked for)"
    );
    let (ours, git, ratio) = paired(&pair.ours(), &pair.git(), 7);
    let beside = format!("ours {:.0} ms, git {:.0} ms of processor time", ours.cpu, git.cpu);
    line(
        "processor time by that of `git diff --no-index`",
        ratio,
        0.8,
        "times",
        &beside,
    );
    let both = pair.bytes as f64 / 1024.0 / 1024.0;
    let beside = format!("ours {:.0} MiB of {both:.0}, git {:.0} MiB", ours.peak, git.peak);
    line(
        "peak memory by the bytes of both files",
        ours.peak / both,
        2.5,
        "times",
        &beside,
    );
    match found("diff") {
        Some(_) => {
            let (_, gnu, ratio) = paired(&pair.ours(), &pair.words(&["diff", "-u"], &[]), 3);
            println!(
                "           beside GNU diff: {:.0} ms, {:.0} MiB; ratio {ratio:.2}",
                gnu.cpu, gnu.peak
            );
        }
        None => println!("           GNU diff: absent; measured elsewhere: 394 ms, 119 MiB"),
    }
    println!("           delta: absent; measured elsewhere: 975 ms, 193 MiB");
}

fn hostile(folder: &Path) {
    println!("\npairs that make an engine run away, whole processes, exact");
    for (name, before, after) in made::pathological() {
        let pair = Pair::of(folder, (before, after));
        let (ours, git, _) = paired(&pair.ours(), &pair.git(), 1);
        line(
            name,
            ours.cpu / 1e3,
            1.5,
            "s",
            &format!("git {:.2} s", git.cpu / 1e3),
        );
    }
    Pair::of(folder, made::rules(LINES));
}

fn structures(folder: &Path) {
    println!("\nstructure of an 89k-line plan, processor time, each in a new process");
    let (before, after) = made::plan(89_000);
    let (old, new) = (folder.join("before.json"), folder.join("after.json"));
    std::fs::write(&old, before).unwrap();
    std::fs::write(&new, after).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/figures/jsondiffpatch.mjs");
    let modules = std::env::var_os("COUNTERSIGN_NODE").map(PathBuf::from);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let own = std::env::current_exe().unwrap();
        ours.push(numbers(Command::new(own).arg("--structure").args([&old, &new])));
        if let (Some(modules), Some(node)) = (&modules, found("node")) {
            let mut program = Command::new(node);
            program.arg(&script).arg(modules).args([&old, &new]);
            theirs.push(numbers(&mut program));
        }
    }
    let middle = |all: &[Vec<f64>], at: usize| median(all.iter().map(|one| one[at]).collect());
    let (cost, entries) = (middle(&ours, 0), middle(&ours, 1));
    if theirs.is_empty() {
        let beside = format!(
            "ours {cost:.0} ms, {entries} entries; jsondiffpatch: absent, measured elsewhere: 220 ms, 17 entries"
        );
        line(
            "by jsondiffpatch after parsing",
            cost / 220.0,
            0.5,
            "times",
            &beside,
        );
        return;
    }
    let ratio = median(
        ours.iter()
            .zip(&theirs)
            .map(|(ours, theirs)| ours[0] / theirs[0])
            .collect(),
    );
    let whole = median(
        ours.iter()
            .zip(&theirs)
            .map(|(ours, theirs)| ours[0] / theirs[1])
            .collect(),
    );
    let beside = format!(
        "ours {cost:.0} ms with reading, {entries} entries; jsondiffpatch {:.0} ms, {} entries",
        middle(&theirs, 0),
        middle(&theirs, 2)
    );
    line(
        "with reading, by jsondiffpatch after parsing",
        ratio,
        0.5,
        "times",
        &beside,
    );
    line(
        "with reading, by jsondiffpatch with parsing",
        whole,
        0.5,
        "times",
        "",
    );
}

/// What a program prints: numbers.
fn numbers(program: &mut Command) -> Vec<f64> {
    let output = program.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    told.split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

/// Compares two files by structure, and prints milliseconds of processor time and the number of entries.
fn structure_of(before: &str, after: &str) {
    let (before, after) = (std::fs::read(before).unwrap(), std::fs::read(after).unwrap());
    let spent = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
    };
    let began = spent();
    let found = structure::compare("terraform-plan", Some(&before), Some(&after));
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    println!("{} {}", spent() - began, found.changes.len());
}

fn change_on_a_terminal(pair: &Pair) {
    println!(
        "\n`countersign inspect --tui` of the 1M-line pair, on a terminal of 50 × 160 that never answers"
    );
    let home = tempfile::tempdir().unwrap();
    let start = || {
        let mut program = Command::new(COUNTERSIGN);
        program
            .env("COUNTERSIGN_HOME", home.path())
            .args(["inspect", "--tui"]);
        program.args([
            "--before".as_ref(),
            pair.before.as_os_str(),
            "--after".as_ref(),
            pair.after.as_os_str(),
        ]);
        Session::start(program)
    };
    first_frames(start, &pair.after);
    let mut session = start();
    session.until("countersign");
    let lines = session.until("removed, ");
    let complete = session.until("complete");
    let told = |time: Option<f64>| time.map_or_else(|| "never".to_owned(), |time| format!("{time:.0} ms"));
    println!(
        "           lines readable after {}, complete after {}",
        told(lines),
        told(complete)
    );
    let mut keys = Vec::new();
    many(&mut session, &mut keys, "down", b"j", 200);
    many(&mut session, &mut keys, "page down", b"\x1b[6~", 50);
    many(&mut session, &mut keys, "fold and unfold", b"z", 10);
    many(&mut session, &mut keys, "side by side and back", b"v", 10);
    many(&mut session, &mut keys, "end", b"G", 10);
    many(&mut session, &mut keys, "top", b"g", 10);
    many(&mut session, &mut keys, "next change", b"n", 50);
    told_of(&keys);
    flooded(&mut session);
    let (began, cpu) = (std::time::Instant::now(), session.cpu());
    for key in "/no line holds this\r".bytes() {
        session.press(&[key]);
    }
    println!(
        "           a search of all lines, no match: {:.0} ms of processor time, {:.0} ms in all",
        session.cpu() - cpu,
        began.elapsed().as_secs_f64() * 1e3
    );
    // The notice goes by itself.
    std::thread::sleep(Duration::from_secs(7));
    idle(&mut session);
    let (now, most) = session.memory();
    println!("           memory: {now:.0} MiB, at most {most:.0}");
}

fn queue_on_a_terminal() {
    println!("\na queue of 100,000 requests on a terminal of 50 × 160 that never answers");
    let start = || {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--queue", "100000"]);
        Session::start(program)
    };
    let mut session = start();
    session.until("countersign");
    let complete = session.until("complete");
    println!("           complete after {:.0} ms", complete.unwrap_or_default());
    session.quiet(Duration::from_millis(500));
    line(
        "resident memory",
        session.memory().0,
        20.0,
        "MiB",
        "lazygit: absent; measured elsewhere: over 100 MiB for less",
    );
    let mut keys = Vec::new();
    many(&mut session, &mut keys, "down", b"j", 200);
    many(&mut session, &mut keys, "page down", b"\x1b[6~", 50);
    many(&mut session, &mut keys, "end", b"G", 10);
    many(&mut session, &mut keys, "top", b"g", 10);
    many(&mut session, &mut keys, "another lane", b"\t", 10);
    many(&mut session, &mut keys, "another order", b"s", 8);
    session.press(b"/");
    for letter in "dplrole prod".bytes() {
        many(&mut session, &mut keys, "a letter of a search", &[letter], 1);
    }
    for _ in 0..12 {
        many(&mut session, &mut keys, "a letter taken back", b"\x7f", 1);
    }
    session.press(b"\x1b");
    told_of(&keys);
    flooded(&mut session);
    idle(&mut session);
    line(
        "resident memory after all that",
        session.memory().0,
        20.0,
        "MiB",
        "",
    );
}

/// The first frame of ours, and of `less` on the same file, in turns.
fn first_frames(start: impl Fn() -> Session, file: &Path) {
    let less = found("less");
    let (mut ours, mut cpu, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..7 {
        let mut session = start();
        ours.extend(session.until("countersign"));
        cpu.push(session.cpu());
        drop(session);
        if let Some(less) = &less {
            let mut program = Command::new(less);
            program.arg(file);
            theirs.extend(Session::start(program).until("sg_0"));
        }
    }
    let beside = match theirs.is_empty() {
        true => "less: absent; measured elsewhere: 23 ms".to_owned(),
        false => format!("less {:.1} ms beside it", median(theirs)),
    };
    line("first frame", median(ours), 30.0, "ms", &beside);
    println!(
        "           processor time until then, reading of the files begun: {:.1} ms",
        median(cpu)
    );
    println!("           lazygit: absent; measured elsewhere: 122 ms, 1192 ms where the terminal is silent");
}

fn many(session: &mut Session, all: &mut Vec<(String, Key)>, name: &str, key: &[u8], count: usize) {
    for _ in 0..count {
        if let Some(cost) = session.press(key) {
            all.push((name.to_owned(), cost));
        }
    }
}

fn told_of(keys: &[(String, Key)]) {
    let of = |of: fn(&Key) -> f64| keys.iter().map(|(_, key)| of(key)).collect::<Vec<f64>>();
    let (cpu, wall) = (of(|key| key.cpu), of(|key| key.wall));
    let beside = "processor time; tig, absent, measured elsewhere: 0.58 ms of the clock; lazygit 6.5 ms";
    line("key to frame, middle", median(cpu.clone()), 1.0, "ms", beside);
    line(
        "key to frame, 99 of 100",
        percentile(&cpu, 99),
        16.0,
        "ms",
        "processor time",
    );
    println!(
        "           by the clock of this machine: middle {:.2} ms, 99 of 100 {:.1} ms",
        median(wall.clone()),
        percentile(&wall, 99)
    );
    let mut names: Vec<&String> = keys.iter().map(|(name, _)| name).collect();
    names.dedup();
    for name in names {
        let own: Vec<&Key> = keys
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, key)| key)
            .collect();
        let cpu: Vec<f64> = own.iter().map(|key| key.cpu).collect();
        let bytes: usize = own.iter().map(|key| key.bytes).sum::<usize>() / own.len().max(1);
        println!(
            "             {name:<26} middle {:>6.2} ms  worst {:>6.2} ms  {bytes:>6} bytes",
            median(cpu.clone()),
            percentile(&cpu, 100)
        );
    }
}

fn flooded(session: &mut Session) {
    let (time, frames) = session.flood(&[b'j'; 500]);
    let beside = format!("{time:.1} ms by the clock");
    line(
        "frames for 500 keys at once",
        frames as f64,
        2.0,
        "frames",
        &beside,
    );
}

fn idle(session: &mut Session) {
    let idle = session.idle(Duration::from_secs(4));
    let beside = format!(
        "{} bytes, {:.2} ms of processor time in 4 s; tig 0, lazygit 13 in 2 s",
        idle.bytes, idle.cpu
    );
    line(
        "wake-ups while nothing happens",
        idle.wakes as f64,
        0.0,
        "in 4 s",
        &beside,
    );
}
