//! What breaks while an effect is performed is told.

use super::*;

/// A desk where one thing breaks.
struct Broken;

impl driver::Desk for Broken {
    async fn trust(&self) -> Result<Trust, Trouble> {
        Ok(trust())
    }

    async fn queue(&self) -> Result<Vec<Row>, Trouble> {
        panic!("a hostile row")
    }

    async fn open(&self, wanted: RequestId) -> Result<Reading, Trouble> {
        if wanted == id(1) {
            // The first opening of it never ends by itself.
            std::future::pending::<()>().await;
        }
        Ok(*reading(2, Severity::Low))
    }

    async fn decide(&self, _order: Order, report: impl Fn(Progress) + Send + Sync) {
        report(Progress::Sent);
        tokio::time::sleep(Duration::from_millis(50)).await;
        report(Progress::Committed);
    }

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tell(News::Connection(Connection::Live));
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn the_driver_tells_what_breaks_and_ends_a_decision_before_it_leaves() {
    let (sender, mut news) = tokio::sync::mpsc::unbounded_channel();
    let driver = driver::Driver::start(Broken, move |one| drop(sender.send(one)));
    let mut state = ready();
    driver.perform([
        Effect::LoadQueue,
        Effect::Watch,
        Effect::Open(id(1)),
        Effect::Open(id(2)),
    ]);
    driver.perform(tell(&mut state, Command::Sign, 3000));
    let mut told = Vec::new();
    while !told.iter().any(|one| matches!(one, News::Queue(_))) {
        told.push(news.recv().await.unwrap());
    }
    driver.finish().await;
    while let Some(one) = news.recv().await {
        told.push(one);
    }
    let said = |wanted: fn(&News) -> bool| told.iter().any(wanted);
    assert!(said(
        |news| matches!(news, News::Queue(Err(trouble)) if trouble.code == "internal")
    ));
    assert!(said(|news| matches!(
        news,
        News::Decision {
            progress: Progress::Committed,
            ..
        }
    )));
    assert!(!said(
        |news| matches!(news, News::Opened { id: opened, .. } if *opened == id(1))
    ));
}
