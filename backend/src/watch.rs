//! Changes as server-sent events: `id` is the change's number, `Last-Event-ID` resumes after it.
//!
//! People are also told who looks at what: all of it when the stream begins, then what changes. These events carry no
//! `id`, since they are not kept.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use countersign_protocol::api::Change;
use countersign_protocol::identity::GuardId;
use countersign_protocol::talk::Looking;
use futures_util::stream::{self, Stream};
use tokio::sync::{broadcast, watch};

use crate::problem::Refused;
use crate::store::{Published, Store, StoreError, row};

/// How often a comment is sent when nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes that are read at once.
const BATCH: u32 = 100;

/// Where a stream starts: after the event that the client saw last, else at what is newest now.
///
/// # Errors
/// [`Refused`] when `Last-Event-ID` is no number.
pub fn start(headers: &HeaderMap, newest: u64) -> Result<u64, Refused> {
    let Some(last) = headers.get("last-event-id") else {
        return Ok(newest);
    };
    last.to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Refused::malformed("`Last-Event-ID` is not the number of a change"))
}

/// The stream of changes after `after`; for a guard only its own and those about everybody. Ends when the backend
/// does.
pub fn stream(
    store: Store,
    guard: Option<GuardId>,
    after: u64,
    presence: Option<(Vec<Looking>, broadcast::Receiver<Looking>)>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let news = store.news();
    let (looking, presence) = presence.unzip();
    let reader = Reader {
        store,
        guard,
        after,
        news,
        waiting: VecDeque::new(),
        looking: looking.unwrap_or_default().into(),
        presence,
    };
    let events = stream::unfold(reader, |mut reader| async move {
        let event = match reader.next().await? {
            Told::Change(change) => Event::default()
                .id(change.change.to_string())
                .event("change")
                .json_data(&change),
            Told::Looking(looking) => Event::default().event("looking").json_data(&looking),
        };
        Some((Ok(event.ok()?), reader))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("nothing new"))
}

struct Reader {
    store: Store,
    guard: Option<GuardId>,
    after: u64,
    news: watch::Receiver<Published>,
    waiting: VecDeque<Change>,
    looking: VecDeque<Looking>,
    presence: Option<broadcast::Receiver<Looking>>,
}

enum Told {
    Change(Change),
    Looking(Looking),
}

impl Reader {
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                self.after = change.change;
                return Some(Told::Change(change));
            }
            if let Some(looking) = self.looking.pop_front() {
                return Some(Told::Looking(looking));
            }
            // Marked as seen before reading: what comes in between wakes the stream again.
            let newest = self.news.borrow_and_update().change;
            if newest > self.after {
                let (after, guard) = (self.after, self.guard.clone());
                let read: Result<Vec<Change>, StoreError> = self
                    .store
                    .read(move |conn| row::changes(conn, after, guard.as_ref(), BATCH))
                    .await;
                self.waiting = read.ok()?.into();
                if !self.waiting.is_empty() {
                    continue;
                }
                self.after = newest;
            }
            let presence = async {
                match &mut self.presence {
                    Some(presence) => presence.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                // A listener that fell behind does not know who left: the stream ends, and a new one begins with all.
                looking = presence => self.looking.push_back(looking.ok()?),
            }
        }
    }
}
