//! Measures the findings against labelled changes: precision and recall for each kind, and the time for a file.
//!
//! `cargo run --release -p countersign-review --example cases -- DIR [--peers FILE] [--each]`
//!
//! DIR (else `COUNTERSIGN_CASES`, else the held-out pairs beside this crate) holds a `manifest.json` with the
//! cases. A change counts as flagged from medium severity on, as policies do. FILE is what
//! `tests/peers/risk/run_peers.py` wrote about other tools on the same cases; without it they are absent.

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use countersign_review::findings::{self, Finding, Severity};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, io};

/// How often each case is analyzed; the median counts.
const ROUNDS: usize = 9;

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    kind: String,
    before: Option<String>,
    after: String,
    label: Label,
    #[serde(default = "yes")]
    scored: bool,
}

#[derive(Deserialize)]
struct Label {
    risky: bool,
    truth: String,
}

/// What another tool said: for each case it could read, the ids that are new after the change.
#[derive(Deserialize)]
struct Peer {
    name: String,
    version: String,
    cases: BTreeMap<String, PeerCase>,
}

#[derive(Deserialize)]
struct PeerCase {
    new: BTreeSet<String>,
    seconds: f64,
}

#[derive(Default)]
struct Score {
    caught: u32,
    risky: u32,
    alarmed: u32,
    benign: u32,
}

fn yes() -> bool {
    true
}

fn main() -> io::Result<()> {
    let options: Vec<String> = env::args().skip(1).collect();
    let peers_at = options.iter().position(|option| option == "--peers");
    let peers_file = peers_at.and_then(|at| options.get(at + 1));
    let each = options.iter().any(|option| option == "--each");
    let folder = options
        .iter()
        .find(|option| !option.starts_with("--") && Some(*option) != peers_file)
        .map(PathBuf::from)
        .or_else(|| env::var_os("COUNTERSIGN_CASES").map(PathBuf::from))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/heldout"));
    let manifest: Manifest = serde_json::from_slice(&fs::read(folder.join("manifest.json"))?)?;
    let peers: Vec<Peer> = match peers_file {
        Some(file) => serde_json::from_slice(&fs::read(file)?)?,
        None => Vec::new(),
    };

    println!(
        "ruleset {}, {} cases in {}",
        findings::RULESET,
        manifest.cases.len(),
        folder.display()
    );
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut times = Vec::new();
    let mut flagged = BTreeSet::new();
    for case in &manifest.cases {
        let (found, time) = analyze(&folder, case)?;
        times.push((time, case.id.as_str()));
        let level = findings::severity(&found);
        let is_flagged = level >= Severity::Medium;
        if is_flagged {
            flagged.insert(case.id.as_str());
        }
        if case.scored {
            count(scores.entry(&case.kind).or_default(), case, is_flagged);
        }
        if each || is_flagged != case.label.risky {
            print_case(case, level, &found);
        }
    }
    print_scores(&scores);
    times.sort();
    let middle = times
        .get(times.len() / 2)
        .map(|(time, _)| *time)
        .unwrap_or_default();
    if let Some((longest, id)) = times.last() {
        println!("time for a case: median {middle:.1?}, longest {longest:.1?} ({id})");
    }
    for name in ["checkov", "checkov, plans without their before", "parliament"] {
        match peers.iter().find(|peer| peer.name == name) {
            Some(peer) => print_peer(peer, &manifest.cases, &flagged),
            None => println!("{name}: absent (tests/peers/risk/run_peers.py writes the file for --peers)"),
        }
    }
    Ok(())
}

fn analyze(folder: &Path, case: &Case) -> io::Result<(Vec<Finding>, Duration)> {
    let before = case
        .before
        .as_ref()
        .map(|path| fs::read(folder.join(path)))
        .transpose()?;
    let after = fs::read(folder.join(&case.after))?;
    let mut found = Vec::new();
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        found = findings::analyze(&case.kind, before.as_deref(), &after);
        times.push(start.elapsed());
    }
    times.sort();
    Ok((found, times.get(ROUNDS / 2).copied().unwrap_or_default()))
}

fn count(score: &mut Score, case: &Case, flagged: bool) {
    if case.label.risky {
        score.risky += 1;
        score.caught += u32::from(flagged);
    } else {
        score.benign += 1;
        score.alarmed += u32::from(flagged);
    }
}

fn print_case(case: &Case, level: Severity, found: &[Finding]) {
    let label = if case.label.risky { "risky" } else { "benign" };
    println!(
        "{} is {label} ({}), found {}",
        case.id,
        case.label.truth,
        level.level()
    );
    for finding in found.iter().filter(|finding| finding.counts()) {
        println!(
            "    {} {:?} {}",
            finding.severity.level(),
            finding.rule,
            finding.explanation
        );
    }
}

fn print_scores(scores: &BTreeMap<&str, Score>) {
    println!(
        "{:<18} {:>12} {:>12} {:>10} {:>8}",
        "kind", "risky found", "benign hit", "precision", "recall"
    );
    let mut all = Score::default();
    for (kind, score) in scores {
        print_score(kind, score);
        all.caught += score.caught;
        all.risky += score.risky;
        all.alarmed += score.alarmed;
        all.benign += score.benign;
    }
    print_score("all", &all);
}

fn print_score(kind: &str, score: &Score) {
    let share = |part: u32, whole: u32| match whole {
        0 => "-".to_owned(),
        _ => format!("{:.2}", f64::from(part) / f64::from(whole)),
    };
    println!(
        "{kind:<18} {:>12} {:>12} {:>10} {:>8}",
        format!("{}/{}", score.caught, score.risky),
        format!("{}/{}", score.alarmed, score.benign),
        share(score.caught, score.caught + score.alarmed),
        share(score.caught, score.risky),
    );
}

/// Prints another tool's figures beside ours, for each kind and for all, on those cases that it could read.
fn print_peer(peer: &Peer, cases: &[Case], flagged: &BTreeSet<&str>) {
    let mut kinds: BTreeMap<&str, [Score; 2]> = BTreeMap::new();
    let mut times = Vec::new();
    for case in cases.iter().filter(|case| case.scored) {
        let Some(said) = peer.cases.get(&case.id) else {
            continue;
        };
        let both = [!said.new.is_empty(), flagged.contains(case.id.as_str())];
        for kind in [case.kind.as_str(), "all"] {
            for (score, flagged) in kinds.entry(kind).or_default().iter_mut().zip(both) {
                count(score, case, flagged);
            }
        }
        times.push(said.seconds);
    }
    times.sort_by(f64::total_cmp);
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    println!(
        "{} {} on the {} cases that it reads, {middle:.2} s for a file:",
        peer.name,
        peer.version,
        times.len()
    );
    // All of them last.
    let all = kinds.remove("all").map(|both| ("all", both));
    for (kind, [theirs, ours]) in kinds.into_iter().chain(all) {
        println!("  {kind}");
        print_score(&peer.name, &theirs);
        print_score("countersign", &ours);
    }
}
