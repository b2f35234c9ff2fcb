//! Measures the differences beside their peers: `cargo bench -p countersign-review --bench diff`.
//!
//! First come figures in processor time, each with the peer's and the ratio: `git diff --no-index` as a whole
//! process against our whole work on the same files (read, scan for hostile text, compare, escape every changed row), in
//! turns so that a busy machine troubles both alike. Then criterion's own measurements. `-- --quick` shortens
//! the latter.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(
    dead_code,
    reason = "the documents are shared with other benches; not all are used here"
)]

mod made;

use countersign_review::diff::structure;
use countersign_review::diff::text::{Bytes, TextDiff};
use countersign_review::text::suspicious;
use criterion::{Criterion, criterion_group, criterion_main};
use made::{pathological, plan, rules};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

/// Reads, scans, compares and escapes every changed row; returns how many rows changed.
fn whole(before: &Path, after: &Path) -> usize {
    let (Ok(before), Ok(after)) = (std::fs::read(before), std::fs::read(after)) else {
        return 0;
    };
    black_box(suspicious(&after));
    let Ok(diff) = TextDiff::new(before, after) else {
        return 0;
    };
    let mut rows = 0;
    for hunk in diff.hunks(3) {
        for row in diff.window(&hunk, 0, hunk.rows) {
            rows += usize::from(row.change.is_some());
            black_box(row.spans());
        }
    }
    rows
}

/// Processor time in milliseconds of this process, or of its children that have ended.
fn processor(children: bool) -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let at = if children { 13 } else { 11 };
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|ticks| ticks.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // Linux counts in hundredths of a second on every platform that matters.
    (ticks(at) + ticks(at + 1)) * 10.0
}

fn timed(children: bool, work: impl Fn()) -> f64 {
    let start = processor(children);
    work();
    processor(children) - start
}

fn git(before: &Path, after: &Path) {
    let status = Command::new("git")
        .args(["-c", "core.pager=cat", "diff", "--no-index", "--no-color"])
        .args([before, after])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    drop(black_box(status));
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Prints one line: ours, git's and the ratio, medians of paired runs.
fn beside_git(name: &str, before: &str, after: &str, runs: usize) {
    let folder = std::env::temp_dir().join(format!("countersign-bench-{}", std::process::id()));
    let (old, new) = (folder.join("before"), folder.join("after"));
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&old, before))
        .and_then(|()| std::fs::write(&new, after));
    if written.is_err() {
        println!("{name:<38} cannot write to {}", folder.display());
        return;
    }
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = 0;
    for _ in 0..runs {
        let our = timed(false, || {
            black_box(whole(&old, &new));
        });
        let their = timed(true, || git(&old, &new));
        ours.push(our);
        theirs.push(their);
        ratios.push(our.max(5.0) / their.max(5.0));
        rows = whole(&old, &new);
    }
    println!(
        "{name:<38} ours {:>6.0} ms  git {:>6.0} ms  ratio {:>5.2}  ({rows} rows changed)",
        median(ours),
        median(theirs),
        median(ratios)
    );
    drop(std::fs::remove_dir_all(folder));
}

fn figures(_: &mut Criterion) {
    println!("\nprocessor time, medians; git is the whole `git diff --no-index`");
    let (before, after) = rules(1_000_000);
    beside_git("1M lines of HCL", &before, &after, 7);
    let (before, after) = plan(900_000);
    beside_git("0.9M lines of plan JSON", &before, &after, 5);
    for (name, before, after) in pathological() {
        beside_git(name, &before, &after, 3);
    }
    let (before, after) = plan(89_000);
    let compare = || structure::compare("terraform-plan", Some(before.as_bytes()), Some(after.as_bytes()));
    let found = compare();
    let times: Vec<f64> = (0..7)
        .map(|_| {
            timed(false, || {
                for _ in 0..10 {
                    black_box(compare());
                }
            }) / 10.0
        })
        .collect();
    println!(
        "structure of an 89k-line plan          ours {:>6.1} ms for {} entries  (problems: {}; peers on like files, parsed \
         already: jsondiffpatch 220 ms, json-patch 90 ms for 11144 entries)\n",
        median(times),
        found.changes.len(),
        found.problems.len()
    );
}

fn text(criterion: &mut Criterion) {
    let (before, after) = rules(1_000_000);
    let (before, after): (Bytes, Bytes) = (before.into_bytes().into(), after.into_bytes().into());
    let mut group = criterion.benchmark_group("text");
    group.sample_size(10);
    group.bench_function("1M lines of HCL", |bencher| {
        bencher.iter(|| black_box(TextDiff::new(before.clone(), after.clone())));
    });
    for (name, before, after) in pathological() {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(TextDiff::new(before.as_bytes(), after.as_bytes())));
        });
    }
    group.finish();
}

fn structures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("structure");
    group.sample_size(10);
    let (before, after) = plan(89_000);
    group.bench_function("89k lines of plan JSON", |bencher| {
        bencher.iter(|| {
            black_box(structure::compare(
                "terraform-plan",
                Some(before.as_bytes()),
                Some(after.as_bytes()),
            ))
        });
    });
    let (before, after) = rules(89_000);
    group.bench_function("89k lines of HCL", |bencher| {
        bencher.iter(|| {
            black_box(structure::compare(
                "main.tf",
                Some(before.as_bytes()),
                Some(after.as_bytes()),
            ))
        });
    });
    let mut documents = String::new();
    for n in 0..3000 {
        let _ = write!(
            documents,
            "kind: Deployment\nmetadata:\n  name: d{n}\nspec:\n  replicas: {n}\n---\n"
        );
    }
    let after = documents.replace("replicas: 77\n", "replicas: 0\n");
    group.bench_function("18k lines of Kubernetes YAML", |bencher| {
        bencher.iter(|| {
            black_box(structure::compare(
                "k8s",
                Some(documents.as_bytes()),
                Some(after.as_bytes()),
            ))
        });
    });
    group.finish();
}

criterion_group!(benches, figures, text, structures);
criterion_main!(benches);
