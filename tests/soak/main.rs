//! Long runs: what has to hold however often it is tried. `./x soak` runs them with full counts; each story that they
//! repeat is also told once by `./x test`.
//!
//! `COUNTERSIGN_SOAK` is how many rounds each takes (20 unless set).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests, and long ones: they say how far they are"
)]

mod kills;
mod races;
mod signing;

/// How many rounds to take.
fn rounds() -> usize {
    let asked = std::env::var("COUNTERSIGN_SOAK").ok();
    asked.map_or(20, |text| {
        text.parse().expect("COUNTERSIGN_SOAK is a number of rounds")
    })
}

/// Runs `one` as often as asked, and says from time to time how far it is.
fn soak(what: &str, mut one: impl FnMut(usize)) {
    let rounds = rounds();
    for round in 0..rounds {
        one(round);
        if (round + 1) % 25 == 0 {
            eprintln!("{what}: {} of {rounds} rounds", round + 1);
        }
    }
}
