//! The console over a queue of made-up requests: the program that is measured, in a process of its own.

use std::sync::Arc;

use countersign_console::backlog::{ON_THE_WAY, PARCEL};
use countersign_console::machine::driver::Desk;
use countersign_console::machine::{
    Connection, News, Order, Page, Part, Progress, Reading, Row, RowContent, State, Trouble, Trust,
};
use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
use countersign_protocol::identity::RequestId;
use tokio::sync::Semaphore;

use crate::{sample, screen};

/// Runs the console until it is left.
pub fn run(rows: u32) {
    // As many as the program itself has.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let look = screen::Look::of(&countersign_console::config::Terminal::default()).unwrap();
    runtime
        .block_on(screen::run(Many(rows), State::queue(), look))
        .unwrap();
}

/// A desk with that many requests, page by page as a backend gives them; no two have the same target.
struct Many(u32);

impl Desk for Many {
    async fn trust(&self) -> Result<Trust, Trouble> {
        sample::trust().ok_or_else(nothing)
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        Err(nothing())
    }

    async fn load(&self, tell: impl Fn(Page) + Send + Sync) -> Result<(), Trouble> {
        let kinds = sample::rows();
        let way = Arc::new(Semaphore::new(ON_THE_WAY));
        let mut first = 0;
        while first < self.0 {
            let end = self.0.min(first + u32::try_from(PARCEL).unwrap());
            let room = Arc::clone(&way).acquire_owned().await.ok();
            tell(Page {
                room: room.into(),
                rows: (first..end).map(|number| row(&kinds, number)).collect(),
                part: if first == 0 { Part::First } else { Part::Backlog },
                more: end < self.0,
            });
            first = end;
        }
        Ok(())
    }

    async fn open(&self, _: RequestId) -> Result<Reading, Trouble> {
        Err(nothing())
    }

    async fn decide(&self, _: Order, _: impl Fn(Progress) + Send + Sync) {}

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tell(News::Connection(Connection::Live));
        std::future::pending::<()>().await;
    }
}

fn nothing() -> Trouble {
    Trouble::new("bench", "there is nothing to read here")
}

/// One of the samples, under a name of its own.
pub fn row(kinds: &[Row], number: u32) -> Row {
    let mut row = kinds[number as usize % kinds.len()].clone();
    row.id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(&number.to_be_bytes())));
    if let RowContent::Verified(summary) = &mut row.content {
        let target = format!("{}-{number}", summary.target.escaped());
        summary.target = target.as_str().into();
        // None expires while it is looked at.
        let far = summary
            .expires_at
            .after(std::time::Duration::from_secs(400 * 86_400));
        summary.expires_at = far;
    }
    row
}
