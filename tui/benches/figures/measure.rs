//! Whole processes, by what the kernel counted of them: processor time and the most memory they had at once.
//!
//! Each is the one child of a small process of its own: the kernel counts a child's memory from that of the process
//! that started it, and only the sum of all children.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};

/// What a process cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Processor time in milliseconds.
    pub cpu: f64,
    /// The most memory in MiB.
    pub peak: f64,
}

/// Runs a program to its end. Its output goes nowhere.
pub fn of(words: &[String]) -> Cost {
    let own = std::env::current_exe().unwrap();
    let output = Command::new(own).arg("--measure").args(words).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let mut numbers = told
        .split_whitespace()
        .map(|number| number.parse::<f64>().unwrap());
    Cost {
        cpu: numbers.next().unwrap_or_default(),
        peak: numbers.next().unwrap_or_default(),
    }
}

/// The small process: runs the program, and prints its cost.
pub fn child(words: &[String]) {
    let (program, arguments) = words.split_first().unwrap();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    drop(status);
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let spent = [usage.user_time(), usage.system_time()];
    let cpu: f64 = spent
        .iter()
        .map(|time| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3)
        .sum();
    println!("{cpu} {}", usage.max_rss() as f64 / 1024.0);
}

/// Runs two programs in turns, so that a busy machine troubles both alike: the median of each, and of the ratios.
pub fn paired(ours: &[String], theirs: &[String], runs: usize) -> (Cost, Cost, f64) {
    let pairs: Vec<(Cost, Cost)> = (0..runs).map(|_| (of(ours), of(theirs))).collect();
    let middle = |of: &dyn Fn(&(Cost, Cost)) -> f64| median(pairs.iter().map(of).collect());
    let ours = Cost {
        cpu: middle(&|pair| pair.0.cpu),
        peak: middle(&|pair| pair.0.peak),
    };
    let theirs = Cost {
        cpu: middle(&|pair| pair.1.cpu),
        peak: middle(&|pair| pair.1.peak),
    };
    (ours, theirs, middle(&|pair| pair.0.cpu / pair.1.cpu.max(0.001)))
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The value that so many hundredths do not exceed.
pub fn percentile(values: &[f64], hundredths: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = (values.len() * hundredths / 100).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or_default()
}

/// Where a program is, if it is on this machine.
pub fn found(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
