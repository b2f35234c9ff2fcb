//! The full-screen console over made-up requests, to look at: `cargo run -p countersign-tui --example screens`.
#![allow(
    dead_code,
    reason = "the screens are those of the binary; not all of it is used here"
)]

#[path = "../src/screen/sample.rs"]
mod sample;
#[path = "../src/screen/mod.rs"]
mod screen;

use countersign_console::machine::State;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let state = match std::env::args().nth(1).as_deref() {
        Some("first-run") => State::first_run(),
        _ => State::queue(),
    };
    let outcome = screen::run(sample::SampleDesk::default(), state).await?;
    println!("{outcome:?}");
    Ok(())
}
