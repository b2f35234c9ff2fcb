//! The queue of the backend, fetched part by part: the newest at once, then everything open, then the newest of what is
//! over, and after that only what changed.
//!
//! Whatever is passed on was verified row by row. A load that failed in its middle begins again with the next.

use std::sync::Arc;

use countersign_client::http::RequestFilter;
use countersign_protocol::api::{MAX_PAGE, RequestPage};
use countersign_protocol::request::Phase;
use tokio::sync::{Mutex, Semaphore};

use crate::inbox::{Inbox, InboxError, Row};
use crate::machine::Part;
use crate::machine::message::Room;

/// Rows of the part that is shown first.
const FIRST: u32 = 100;
/// The most rows that wait to be passed on together.
pub const PARCEL: usize = 200;
/// The most parts that were passed on and not taken in yet, so that a reader behind a slow terminal is not flooded.
pub const ON_THE_WAY: usize = 2;
/// The most open requests of one phase.
const MAX_OPEN: usize = 200_000;
/// The most requests of one phase that are over.
const MAX_OVER: usize = 1000;

/// What of the queue was passed on so far.
#[derive(Debug)]
pub struct Backlog {
    inbox: Inbox,
    known: Mutex<Known>,
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether anything was passed on that is still shown.
    begun: bool,
    /// Everything up to this change was passed on.
    until: Option<u64>,
}

/// The way to the reader.
struct Way<'a, T> {
    tell: &'a T,
    room: &'a Arc<Semaphore>,
}

impl<T: Fn(Vec<Row>, Part, bool, Room)> Way<'_, T> {
    /// Passes rows on as soon as there is room.
    async fn pass_on(&self, rows: Vec<Row>, part: Part, more: bool) {
        // Nobody closes it; were it closed, rows would go on without it.
        let room = Arc::clone(self.room).acquire_owned().await;
        (self.tell)(rows, part, more, Room::from(room.ok()));
    }
}

/// Rows on their way to the reader: few and often at first, then more at a time.
struct Parcel<'a, T> {
    way: &'a Way<'a, T>,
    rows: Vec<Row>,
    told: usize,
}

impl<T: Fn(Vec<Row>, Part, bool, Room)> Parcel<'_, T> {
    async fn add(&mut self, rows: Vec<Row>) {
        self.rows.extend(rows);
        if self.rows.len() >= (self.told / 8).clamp(1, PARCEL) {
            self.pass_on().await;
        }
    }

    async fn pass_on(&mut self) {
        self.told += self.rows.len();
        let rows = std::mem::take(&mut self.rows);
        self.way.pass_on(rows, Part::Backlog, true).await;
    }
}

impl Backlog {
    /// Nothing was fetched yet.
    #[must_use]
    pub fn new(inbox: Inbox) -> Self {
        Self {
            inbox,
            known: Mutex::default(),
            room: Arc::new(Semaphore::new(ON_THE_WAY)),
        }
    }

    /// Fetches what is not known yet and passes it on with how it fits and whether more comes; the last part says
    /// that none does. One load at a time: another waits, and then fetches what changed meanwhile.
    ///
    /// # Errors
    /// [`InboxError`] when the backend cannot be asked.
    pub async fn load(&self, tell: impl Fn(Vec<Row>, Part, bool, Room) + Sync) -> Result<(), InboxError> {
        let way = Way {
            tell: &tell,
            room: &self.room,
        };
        let mut known = self.known.lock().await;
        if let Some(until) = known.until {
            if let Some((rows, change)) = self.newer(until).await? {
                known.until = Some(change);
                way.pass_on(rows, Part::Newer, false).await;
                return Ok(());
            }
            // The backend was restored from an older day: what was shown may be gone.
            *known = Known::default();
        }
        let change = self.load_all(&mut known.begun, &way).await?;
        known.until = Some(change);
        way.pass_on(Vec::new(), Part::Backlog, false).await;
        Ok(())
    }

    /// Everything; gives the change up to which it is known.
    async fn load_all(
        &self,
        begun: &mut bool,
        way: &Way<'_, impl Fn(Vec<Row>, Part, bool, Room) + Sync>,
    ) -> Result<u64, InboxError> {
        let first = RequestFilter {
            limit: Some(FIRST),
            ..RequestFilter::default()
        };
        let page = self.inbox.backend().requests(&first).await?;
        let (mut until, is_all) = (page.change, page.next.is_none());
        let part = if *begun { Part::Backlog } else { Part::First };
        way.pass_on(self.inbox.check(page.requests).await?, part, true)
            .await;
        *begun = true;
        if is_all {
            return Ok(until);
        }
        let mut parcel = Parcel {
            way,
            rows: Vec::new(),
            told: 0,
        };
        let in_queue = |phase: &Phase| !matches!(phase, Phase::Permitted | Phase::Forbidden);
        let (open, over): (Vec<Phase>, Vec<Phase>) = Phase::ALL
            .into_iter()
            .filter(in_queue)
            .partition(|phase| !phase.is_terminal());
        for phase in open.into_iter().chain(over) {
            until = self.load_phase(phase, until, &mut parcel).await?;
        }
        parcel.pass_on().await;
        Ok(until)
    }

    /// Everything of a phase, newest first. A page is verified while the next is fetched; what changes meanwhile is
    /// passed on in between.
    async fn load_phase(
        &self,
        phase: Phase,
        mut until: u64,
        parcel: &mut Parcel<'_, impl Fn(Vec<Row>, Part, bool, Room) + Sync>,
    ) -> Result<u64, InboxError> {
        let most = if phase.is_terminal() { MAX_OVER } else { MAX_OPEN };
        let mut filter = RequestFilter {
            state: Some(phase),
            limit: Some(MAX_PAGE),
            ..RequestFilter::default()
        };
        let mut count = 0;
        let mut page = self.inbox.backend().requests(&filter).await?;
        loop {
            count += page.requests.len();
            filter.after = page.next.filter(|_| count < most);
            let next = async {
                match filter.after {
                    Some(_) => Ok(Some(self.inbox.backend().requests(&filter).await?)),
                    None => Ok::<Option<RequestPage>, InboxError>(None),
                }
            };
            let (rows, next) = tokio::join!(self.inbox.check(page.requests), next);
            let rows = rows?;
            if !rows.is_empty() {
                parcel.add(rows).await;
            }
            let Some(next) = next? else { return Ok(until) };
            if next.change > until
                && let Some((rows, change)) = self.newer(until).await?
            {
                parcel.way.pass_on(rows, Part::Newer, true).await;
                until = change;
            }
            page = next;
        }
    }

    /// What changed after a change, and up to which change that is; nothing where the backend knows fewer changes.
    async fn newer(&self, since: u64) -> Result<Option<(Vec<Row>, u64)>, InboxError> {
        let mut filter = RequestFilter {
            since: Some(since),
            limit: Some(MAX_PAGE),
            ..RequestFilter::default()
        };
        let mut rows = Vec::new();
        loop {
            let page = self.inbox.backend().requests(&filter).await?;
            if page.change < since {
                return Ok(None);
            }
            rows.extend(self.inbox.check(page.requests).await?);
            // What a restart of the paging would find again is found again: only rising marks go on.
            let next = page.next.and_then(|next| next.parse().ok());
            match next.filter(|next| filter.since.is_none_or(|since| since < *next)) {
                Some(next) => filter.since = Some(next),
                None => return Ok(Some((rows, page.change))),
            }
        }
    }
}
