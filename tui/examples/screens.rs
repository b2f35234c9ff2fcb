//! The full-screen console over made-up requests, to look at: `cargo run -p countersign-tui --example screens`.
#![allow(
    dead_code,
    unused_imports,
    clippy::print_stdout,
    reason = "the screens are those of the binary; not all of it is used here"
)]

#[path = "../src/screen/sample/mod.rs"]
mod sample;
#[path = "../src/screen/mod.rs"]
mod screen;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_console::config::Terminal;
use countersign_console::machine::driver::Desk;
use countersign_console::machine::{
    Connection, News, Order, Progress, Reading, Row, RowContent, State, Trouble, Trust,
};
use countersign_protocol::identity::RequestId;
use countersign_protocol::mask::SecretMark;
use countersign_protocol::moment::Timestamp;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let state = match std::env::args().nth(1).as_deref() {
        Some("first-run") => State::first_run(),
        _ => State::queue(),
    };
    // Samples that have not expired yet.
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let wall = Timestamp::from_millis(u64::try_from(since.as_millis())?);
    let _ = sample::WALL.set(wall);
    let look = screen::Look::of(&Terminal::default())?;
    // On the thread that draws, as a fault in drawing would be.
    let outcome = tokio::select! {
        outcome = screen::run(SampleDesk, state, look) => outcome?,
        () = asked_to_panic()? => panic!("a panic on request"),
    };
    println!("{outcome:?}");
    Ok(())
}

/// Waits for SIGUSR1.
fn asked_to_panic() -> anyhow::Result<impl Future<Output = ()>> {
    let asked = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&asked))?;
    Ok(async move {
        while !asked.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

/// A desk that knows the samples, and logs every decision.
struct SampleDesk;

impl Desk for SampleDesk {
    async fn trust(&self) -> Result<Trust, Trouble> {
        sample::trust().ok_or_else(|| Trouble::new("sample", "there is no sample"))
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        let secrets = sample::secretive::secrets().map(|reading| Row {
            id: reading.id,
            change: 1,
            content: RowContent::Verified(Box::new(reading.summary)),
        });
        let rows = secrets.into_iter().chain(sample::rows());
        Ok(rows.chain(sample::alike_rows()).collect())
    }

    async fn open(&self, wanted: RequestId) -> Result<Reading, Trouble> {
        (0..=u8::MAX)
            .find(|number| sample::id(*number) == wanted)
            .and_then(|number| {
                let reading = sample::reading(number, "scale the deploy role for tonight's release");
                let secrets =
                    || sample::secretive::secrets().filter(|_| number == sample::secretive::SECRETIVE);
                reading.or_else(|| sample::alike(number)).or_else(secrets)
            })
            .ok_or_else(|| Trouble::new("not-found", "there is no such request"))
    }

    async fn reveal(
        &self,
        _request: RequestId,
        _secret: Option<SecretMark>,
        _reason: String,
    ) -> Result<(), Trouble> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(())
    }

    async fn decide(&self, _order: Order, report: impl Fn(Progress) + Send + Sync) {
        for step in [
            Progress::Sent,
            Progress::Committed,
            Progress::Logged { index: 58, size: 61 },
        ] {
            tokio::time::sleep(Duration::from_millis(700)).await;
            report(step);
        }
    }

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tell(News::Connection(Connection::Live));
        std::future::pending::<()>().await;
    }
}
