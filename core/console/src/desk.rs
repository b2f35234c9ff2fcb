//! The desk of a reviewer: what the machine of both consoles wants done, done with inbox, keys and outbox.

mod key;
mod reading;
mod trouble;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_client::now;
use countersign_client::watch::Event;
use countersign_protocol::api::ChangeSubject;
use countersign_protocol::identity::{KeyAssurance, PersonId, RequestId, Role};
use countersign_protocol::mask::SecretMark;
use countersign_protocol::request::Phase;
use countersign_protocol::talk::{Looking, QuestionText};

pub(crate) use key::trust_of;
pub use key::{key_standing, weak_key};
pub(crate) use reading::reading;
use reading::{compared, is_large, readable};
pub use trouble::code_of;
pub(crate) use trouble::{trouble, trouble_of_trust};

use crate::amend::amend_unless;
use crate::backlog::Backlog;
use crate::decide::{self, Intent, Sent};
use crate::inbox::{Inbox, InboxError, Row as InboxRow};
use crate::machine::driver::Desk;
use crate::machine::message::Room;
use crate::machine::state::KeyStanding;
use crate::machine::{
    Connection, News, Order, Page, Part, Progress, Reading, Row, RowContent, Summary, Trouble, Trust,
};
use crate::outbox::Standing;
use crate::reveal;
use trouble::told;

/// How often others are told that a request is still on the screen; the backend believes it for 30 seconds.
const LOOK_PAUSE: Duration = Duration::from_secs(20);
/// How often the outbox is looked after.
const OUTBOX_PAUSE: Duration = Duration::from_secs(15);
/// How long nothing more is computed of a large request while its first lines are drawn: that takes the same processors.
const DRAWING: Duration = Duration::from_millis(100);
/// How many requests are fetched before somebody asks for them.
const MAX_READY: usize = 20;

/// A desk over an inbox.
#[derive(Debug, Clone)]
pub struct ReviewerDesk {
    inbox: Inbox,
    backlog: Arc<Backlog>,
    surface: &'static str,
}

impl ReviewerDesk {
    /// A desk for a surface: `tui` or `desktop`.
    #[must_use]
    pub fn new(inbox: Inbox, surface: &'static str) -> Self {
        let backlog = Arc::new(Backlog::new(inbox.clone()));
        Self {
            inbox,
            backlog,
            surface,
        }
    }
}

impl Desk for ReviewerDesk {
    async fn trust(&self) -> Result<Trust, Trouble> {
        let trusted = match self.inbox.refresh_trust().await {
            // Offline the console still shows whom it trusts.
            Err(InboxError::Client(_)) => self
                .inbox
                .store()
                .trusted()
                .map_err(|error| trouble_of_trust(&error))?,
            other => other.map_err(|error| trouble(&error))?,
        };
        Ok(trust_of(&trusted, self.inbox.config(), self.inbox.person()))
    }

    async fn load(&self, tell: impl Fn(Page) + Send + Sync) -> Result<(), Trouble> {
        let waiting = Mutex::new(Vec::new());
        let key = self.own_assurance();
        let tell = |rows: Vec<InboxRow>, part, more, room| {
            let open = rows.iter().filter(|row| row.phase == Phase::Pending);
            if let Ok(mut waiting) = waiting.lock() {
                let more = MAX_READY.saturating_sub(waiting.len());
                waiting.extend(open.map(|row| (row.id, row.change)).take(more));
            }
            tell(Page {
                rows: rows.into_iter().map(|row| self.row(row, key)).collect(),
                part,
                more,
                room,
            });
        };
        match self.backlog.load(&tell).await {
            Ok(()) => {
                let waiting = waiting.into_inner().unwrap_or_default();
                self.make_ready(&waiting).await;
                Ok(())
            }
            Err(InboxError::Client(error)) if error.is_unreachable() => {
                // What was seen before is shown until the backend is back.
                let copies = self.inbox.rows_of_copies().await.unwrap_or_default();
                if !copies.is_empty() {
                    tell(copies, Part::Newer, false, Room::default());
                }
                Err(trouble(&error.into()))
            }
            Err(error) => Err(trouble(&error)),
        }
    }

    async fn ask(&self, request: RequestId, text: String) -> Result<(), Trouble> {
        let text = QuestionText::new(text).map_err(|error| Trouble::new("too-long", error.to_string()))?;
        let asked = self.inbox.backend().ask(request, text).await;
        asked.map(drop).map_err(|error| trouble(&error.into()))
    }

    async fn reveal(
        &self,
        request: RequestId,
        secret: Option<SecretMark>,
        reason: String,
    ) -> Result<(), Trouble> {
        reveal::record(&self.inbox, request, secret, &reason)
            .await
            .map_err(|error| error.trouble())
    }

    async fn look(&self, request: RequestId) {
        while self.inbox.config().presence.tell {
            // Offline, nobody is told; that is no trouble.
            let _ = self.inbox.backend().look(request).await;
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    async fn leave(&self, request: RequestId) {
        if self.inbox.config().presence.tell {
            let _ = self.inbox.backend().leave(request).await;
        }
    }

    async fn open(&self, id: RequestId) -> Result<Reading, Trouble> {
        self.open_in_parts(id, |_| ()).await
    }

    async fn open_in_parts(
        &self,
        id: RequestId,
        early: impl Fn(Reading) + Send + Sync,
    ) -> Result<Reading, Trouble> {
        let opened = self.inbox.fetch_or_copy_unkept(id).await;
        let opened = Arc::new(opened.map_err(|error| trouble(&error))?);
        let (inbox, read) = (self.inbox.clone(), Arc::clone(&opened));
        let readable = blocking(move || readable(&read, inbox.config(), inbox.person())).await??;
        let pause = if is_large(&readable) {
            early(readable.clone());
            DRAWING
        } else {
            Duration::ZERO
        };
        // It is kept while it is read, also by somebody who has left it already.
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            inbox.keep(&opened).await;
        });
        tokio::time::sleep(pause).await;
        blocking(move || compared(readable)).await
    }

    async fn key(&self) -> Result<Option<KeyStanding>, Trouble> {
        let directory = self.inbox.store().trusted().ok().map(|trusted| trusted.directory);
        let Ok((_, key)) = decide::signing_key(self.inbox.config(), directory.as_ref(), None) else {
            return Ok(None);
        };
        let asked = tokio::task::spawn_blocking(move || key_standing(&key));
        match asked.await {
            Ok(Ok(standing)) => Ok(Some(standing)),
            Ok(Err(error)) => Err(Trouble::new("key", error.to_string().as_str())),
            Err(_) => Err(Trouble::new("internal", "asking the key ended early")),
        }
    }

    async fn decide(&self, mut order: Order, report: impl Fn(Progress) + Send + Sync) {
        report(Progress::Signing);
        let secret = order.take_secret();
        let intent = intent(&order, self.surface);
        let sent = match order.instead {
            None => {
                decide::decide_unless(&self.inbox, intent, secret, &order.calling_off, || {
                    report(Progress::Sent);
                })
                .await
            }
            Some((wanted, shown)) => {
                amend_unless(
                    &self.inbox,
                    intent,
                    wanted,
                    Some(shown),
                    secret,
                    &order.calling_off,
                    || report(Progress::Sent),
                )
                .await
            }
        };
        let progress = match sent {
            Ok(Sent::Logged { index, size, .. }) => Progress::Logged { index, size },
            Ok(Sent::Stored { .. }) => Progress::Committed,
            Ok(Sent::Kept(error)) => Progress::Kept(told(&error, error.hint())),
            Err(error) => Progress::Failed(error.to_string().as_str().into()),
        };
        report(progress);
    }

    async fn watch(&self, tell: impl Fn(News) + Send + Sync) {
        tokio::join!(self.watch_changes(&tell), self.watch_outbox(&tell));
    }
}

impl ReviewerDesk {
    /// Fetches the first of what waits, so that it can be read when the link is gone.
    async fn make_ready(&self, waiting: &[(RequestId, u64)]) {
        for (id, change) in waiting {
            let known = self.inbox.copies().copy(*id);
            if known.is_some_and(|copy| copy.record.change >= *change) {
                continue;
            }
            if let Err(error) = self.inbox.fetch(*id).await {
                tracing::debug!(%error, "a request is not made ready");
                return;
            }
        }
    }

    fn row(&self, row: InboxRow, key: Option<KeyAssurance>) -> Row {
        let content = match row.request {
            Ok(request) => {
                let mut summary = Summary::of(&request, row.phase, row.approved_by, self.inbox.person());
                summary.decided = row.decided;
                RowContent::Verified(Box::new(summary.with_key(key)))
            }
            Err(problem) => {
                RowContent::Refused(vec![Trouble::new("not-signed-by-backend", problem.as_str())])
            }
        };
        Row {
            id: row.id,
            change: row.change,
            content,
        }
    }

    /// How far the directory believes the key that decides here.
    fn own_assurance(&self) -> Option<KeyAssurance> {
        let directory = self.inbox.store().trusted().ok()?.directory;
        let (_, key) = decide::signing_key(self.inbox.config(), Some(&directory), None).ok()?;
        let entry = directory.key_at(&key.id, Role::Reviewer, now()).ok()?;
        Some(entry.assurance)
    }

    /// Who else looks; only people whom the directory names.
    fn others(&self, looking: Looking) -> News {
        let trusted = self.inbox.store().trusted();
        let named = |person: &PersonId| {
            trusted
                .as_ref()
                .is_ok_and(|trusted| trusted.directory.person(person).is_some())
        };
        let me = self.inbox.person();
        let others = looking
            .people
            .into_iter()
            .filter(|person| person != me && named(person));
        News::Looking {
            request: looking.request,
            people: others.collect(),
        }
    }

    async fn watch_changes(&self, tell: &(impl Fn(News) + Send + Sync)) {
        let mut watch = self.inbox.backend().watch(None);
        loop {
            match watch.next().await {
                Event::Connected => {
                    tell(News::Connection(Connection::Live));
                    let loaded = self.load(|page| tell(News::Page(page))).await;
                    if let Err(trouble) = loaded {
                        tell(News::Queue(Err(trouble)));
                    }
                }
                Event::Changed(change) => match change.subject {
                    ChangeSubject::Request { id, .. } => tell(News::Changed {
                        id,
                        change: change.change,
                    }),
                    ChangeSubject::Trust => tell(News::Trust(self.trust().await.map(Box::new))),
                    ChangeSubject::Log { .. } => {}
                },
                Event::Looking(looking) => tell(self.others(looking)),
                Event::Lost { error, again_in } => tell(News::Connection(Connection::Retrying {
                    since: now(),
                    next: now().after(again_in),
                    why: told(&error, error.hint()),
                })),
            }
        }
    }

    async fn watch_outbox(&self, tell: &(impl Fn(News) + Send + Sync)) {
        loop {
            match self.inbox.follow_outbox().await {
                Ok(followed) => {
                    for one in followed {
                        if let Some(progress) = progress_of(&one.standing) {
                            tell(News::Decision {
                                request: one.item.request,
                                progress,
                            });
                        }
                    }
                }
                Err(error) => tell(News::Trust(Err(trouble(&error)))),
            }
            tokio::time::sleep(OUTBOX_PAUSE).await;
        }
    }
}

/// Reads a request where blocking is fine.
async fn blocking<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|_| Trouble::new("internal", "reading the request ended early"))
}

/// What an order of the machine wants signed.
pub(crate) fn intent(order: &Order, surface: &'static str) -> Intent {
    Intent {
        request: order.request,
        view_digest: order.view_digest,
        request_digest: Some(order.request_digest),
        action_digest: Some(order.action_digest),
        verdict: order.verdict,
        reason: order.reason.clone(),
        attention: order.attention,
        revealed: order.revealed,
        surface,
        key: None,
    }
}

fn progress_of(standing: &Result<Standing, InboxError>) -> Option<Progress> {
    match standing {
        Ok(Standing::Logged { index, size }) => Some(Progress::Logged {
            index: *index,
            size: *size,
        }),
        Ok(Standing::Stored | Standing::Unknown) => None,
        Ok(Standing::Suppressed) => Some(Progress::Failed(
            "ALARM: the backend acknowledged this decision, but does not show it; it is kept here: tell the owners".into(),
        )),
        Err(InboxError::Client(error)) if error.is_unreachable() => Some(Progress::Kept(told(error, error.hint()))),
        Err(error) => Some(Progress::Failed(error.to_string().as_str().into())),
    }
}
