//! What a console knows at one moment. Plain values; only [`super::update()`] changes them.

mod detail;
mod row;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{ActionDigest, ViewDigest};
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_review::secret::Revealed;
use countersign_review::sheet::SheetLine;
use countersign_review::text::Untrusted;
use countersign_verify::Account;

use super::Moment;
use super::attention::Attention;
use super::batch::Batch;
use super::ceremony::Ceremony;
use super::confirm::Confirmation;
use super::counter::Counter;
use super::effect::{Effect, Order};
use super::keys::KeyNames;
use super::question::Question;
use super::queue::Queue;
use super::reading::Pane;
use super::reveal::Revealing;

pub use detail::{Detail, DetailContent};
pub use row::{DigestStart, Row, RowContent, Summary};
pub use trust::{Connection, KeyStanding, KeySummary, Notice, Trouble, Trust};

/// Keys that open or decide are ignored this long after what is under them changed by itself.
pub const SETTLE: Duration = Duration::from_millis(300);
/// How long a notice stays.
pub const NOTICE: Duration = Duration::from_secs(6);
/// The most notices kept.
const MAX_NOTICES: usize = 4;

/// Everything a console knows.
#[derive(Debug)]
pub struct State {
    /// Which screen is drawn.
    pub screen: Screen,
    /// Whether the backend is there.
    pub connection: Connection,
    /// Whom and what this console trusts.
    pub trust: Option<Trust>,
    /// The requests.
    pub queue: Queue,
    /// The request being read.
    pub detail: Option<Box<Detail>>,
    /// The decision being made.
    pub ceremony: Option<Box<Ceremony>>,
    /// What was checked of the file of evidence that is read, where one is.
    pub evidence: Option<Arc<Account>>,
    /// The question being written.
    pub question: Option<Box<Question>>,
    /// The revealing of secrets that is asked for, recorded, or on screen.
    pub revealing: Option<Box<Revealing>>,
    /// What was revealed here, after it was recorded.
    pub revealed: BTreeMap<RequestId, Revealed>,
    /// Who else looks at which request, as the backend says; only people of the directory.
    pub looking: BTreeMap<RequestId, Vec<PersonId>>,
    /// The requests that are to be decided together.
    pub marked: BTreeSet<RequestId>,
    /// Several requests that are read and decided together.
    pub batch: Option<Box<Batch>>,
    /// What keys are called in sentences.
    pub keys: KeyNames,
    /// Whether the list of keys is shown.
    pub help: bool,
    /// Short notices, newest last.
    pub notices: Vec<Notice>,
    /// Whether a command is being obeyed: what is told then answers it. No surface's to set.
    pub obeying: bool,
    /// What was last seen of the sheets of requests that were read, newest last.
    pub looked: Vec<(RequestId, Arc<[SheetLine]>)>,
    /// What was copied: a front end takes it to the clipboard.
    pub clipboard: Option<String>,
    /// A text to be rewritten: a front end takes it to an editor.
    pub editing: Option<Vec<u8>>,
    /// Whether decisions are confirmed, and keys unlocked, outside the surface that draws this state.
    pub outside: bool,
    /// A question to the person: a front end asks it outside the surface and sends the answer.
    pub confirming: Option<Box<Confirmation>>,
    /// How many such questions there were.
    pub confirmations: u64,
    /// Until then keys that open or decide do nothing.
    pub quiet_until: Duration,
    /// Set when the program is to end.
    pub end: Option<End>,
}

/// Which screen is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Nothing is configured; the choice under the cursor.
    FirstRun(FirstRunChoice),
    /// The requests.
    Queue,
    /// One request.
    Detail,
    /// Several requests of one shape.
    Batch,
}

/// What a new user can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstRunChoice {
    /// Join an organisation that exists.
    Join,
    /// Supervise one's own agents on this machine.
    Personal,
    /// See it work with sample proposals.
    Demo,
}

impl FirstRunChoice {
    /// All, in the order shown.
    pub const ALL: [Self; 3] = [Self::Join, Self::Personal, Self::Demo];
}

/// Why the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The person left.
    Quit,
    /// The person chose on the first-run screen.
    Chose(FirstRunChoice),
}

impl State {
    /// A console that connects, on the queue.
    #[must_use]
    pub fn queue() -> Self {
        Self::on(Screen::Queue)
    }

    /// A console where nothing is configured yet.
    #[must_use]
    pub fn first_run() -> Self {
        Self::on(Screen::FirstRun(FirstRunChoice::Join))
    }

    /// A console that reads local files; the desk opens them under this name.
    #[must_use]
    pub fn local(id: RequestId) -> Self {
        let start = Moment {
            wall: Timestamp::from_millis(0),
            up: Duration::ZERO,
        };
        let mut detail = Detail::new(id, start);
        detail.local = true;
        detail.pane = Pane::Change;
        detail.shape.folded = true;
        Self {
            detail: Some(Box::new(detail)),
            connection: Connection::Offline,
            ..Self::on(Screen::Detail)
        }
    }

    /// A console that reads the evidence of one request, by what was checked of it.
    #[must_use]
    pub fn evidence(id: RequestId, account: Account) -> Self {
        let start = Moment {
            wall: Timestamp::from_millis(0),
            up: Duration::ZERO,
        };
        let mut state = Self {
            connection: Connection::Offline,
            evidence: Some(Arc::new(account)),
            ..Self::on(Screen::Detail)
        };
        state.read(id, start);
        state
    }

    /// Begins to read a request; of evidence, the verdict comes first.
    pub(super) fn read(&mut self, id: RequestId, now: Moment) {
        let mut detail = Detail::new(id, now);
        if let Some(account) = &self.evidence {
            detail.evidence = Some(Arc::clone(account));
            detail.pane = Pane::Evidence;
        }
        self.detail = Some(Box::new(detail));
    }

    fn on(screen: Screen) -> Self {
        Self {
            screen,
            connection: Connection::Connecting,
            trust: None,
            queue: Queue::default(),
            detail: None,
            ceremony: None,
            evidence: None,
            question: None,
            revealing: None,
            revealed: BTreeMap::new(),
            looking: BTreeMap::new(),
            marked: BTreeSet::new(),
            batch: None,
            keys: KeyNames::default(),
            help: false,
            notices: Vec::new(),
            obeying: false,
            looked: Vec::new(),
            clipboard: None,
            editing: None,
            outside: false,
            confirming: None,
            confirmations: 0,
            quiet_until: Duration::ZERO,
            end: None,
        }
    }

    /// Whether something lies over the screen and has the keyboard.
    #[must_use]
    pub const fn is_covered(&self) -> bool {
        let asks = self.question.is_some() || self.revealing.is_some();
        self.help || self.ceremony.is_some() || asks
    }

    /// The question to the person that is waited for, outside the surface that draws this.
    #[must_use]
    pub fn awaited(&self) -> Option<u64> {
        let ceremony = self.ceremony.as_ref().and_then(|ceremony| ceremony.awaited);
        let revealing = self.revealing.as_ref();
        ceremony
            .map(|awaited| awaited.number)
            .or_else(|| revealing.and_then(|revealing| revealing.awaited()))
    }

    /// The action that a counter-proposal would propose, where one is written and could be signed as far as that goes.
    #[must_use]
    pub fn drafted(&self) -> Option<ActionDigest> {
        let counter = self.ceremony.as_ref()?.counter.as_ref()?;
        counter.draft().ok().map(|draft| draft.action_digest)
    }

    /// The counter-proposal that is written, with nothing over it.
    pub(super) fn counter_on_top(&mut self) -> Option<&mut Counter> {
        let ceremony = self.ceremony.as_mut().filter(|_| !self.help)?;
        ceremony.counter.as_deref_mut()
    }

    /// The sheet that is on screen with nothing over it, whatever the surface says: what was seen of it, and its name.
    pub(super) fn attended(&mut self) -> Option<(ViewDigest, &mut Attention)> {
        if self.is_covered() {
            return None;
        }
        match self.screen {
            Screen::Batch => {
                let batch = self.batch.as_mut()?;
                Some((batch.view_digest()?, &mut batch.attention))
            }
            Screen::Detail => {
                let detail = self.detail.as_mut().filter(|detail| detail.pane == Pane::Sheet)?;
                let view = detail.reading()?.view_digest;
                Some((view, &mut detail.attention))
            }
            Screen::FirstRun(_) | Screen::Queue => None,
        }
    }

    /// What was seen of the sheet that is read.
    fn attention(&self) -> Option<&Attention> {
        match self.screen {
            Screen::Batch => self.batch.as_ref().map(|batch| &batch.attention),
            Screen::Detail => self.detail.as_ref().map(|detail| &detail.attention),
            Screen::FirstRun(_) | Screen::Queue => None,
        }
    }

    /// A request that is read: by itself, or in a batch.
    pub(super) fn held(&mut self, id: RequestId) -> Option<&mut Detail> {
        match &mut self.detail {
            Some(detail) if detail.id == id => Some(detail),
            _ => {
                let members = self.batch.as_mut()?.members.iter_mut();
                members
                    .map(|member| &mut member.detail)
                    .find(|detail| detail.id == id)
            }
        }
    }

    /// Whether this person signed a decision on it just now.
    pub(super) fn is_decided(&self, id: RequestId) -> bool {
        let by_itself = self
            .ceremony
            .as_ref()
            .is_some_and(|ceremony| ceremony.request == id && !ceremony.progress.is_writing());
        let members = self.batch.iter().flat_map(|batch| &batch.members);
        by_itself
            || members
                .into_iter()
                .any(|member| member.detail.id == id && member.is_decided())
    }

    /// Whether everything that is shown is computed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match self.screen {
            Screen::FirstRun(_) => true,
            Screen::Queue => {
                (self.queue.loaded_at.is_some() && !self.queue.more) || self.queue.trouble.is_some()
            }
            Screen::Batch => self.batch.as_ref().is_some_and(|batch| batch.shape.is_some()),
            Screen::Detail => self.detail.as_ref().is_some_and(|detail| match &detail.content {
                DetailContent::Loading => false,
                DetailContent::Failed(_) => true,
                DetailContent::Read(reading) => reading.complete && detail.seek.is_none(),
            }),
        }
    }

    /// Whether keys that open or decide are heard.
    #[must_use]
    pub fn is_settled(&self, now: Moment) -> bool {
        now.up >= self.quiet_until
    }

    /// An order to sign, which says so where secrets of the request were revealed here.
    pub(super) fn signs(&self, mut order: Order) -> Effect {
        order.revealed = self
            .revealed
            .get(&order.request)
            .is_some_and(|revealed| !revealed.is_empty());
        Effect::Decide(Box::new(order))
    }

    pub(super) fn settle(&mut self, now: Moment) {
        self.quiet_until = now.up.saturating_add(SETTLE);
    }

    pub(super) fn tell(&mut self, text: impl Into<Untrusted>, bad: bool, now: Moment) {
        if self.obeying {
            self.notices.retain(|notice| !notice.answers);
        }
        self.notices.push(Notice {
            text: text.into(),
            bad,
            until: now.up.saturating_add(NOTICE),
            answers: self.obeying,
        });
        if self.notices.len() > MAX_NOTICES {
            self.notices.remove(0);
        }
    }

    /// How long nothing on screen changes by itself; nothing when it never does. Of the queue, `shown` are the places of
    /// the rows on screen: how long the others last is on none.
    #[must_use]
    pub fn next_wake(&self, now: Moment, shown: Range<usize>) -> Option<Duration> {
        let notices = self
            .notices
            .iter()
            .map(|notice| notice.until.saturating_sub(now.up));
        let countdown = match self.screen {
            Screen::FirstRun(_) => None,
            Screen::Queue | Screen::Batch => {
                let shown = self.queue.deadlines(shown, now.wall);
                // A row that runs out goes to another lane, which are counted.
                let next = self.queue.next_expiry().map(|at| at.since(now.wall).max(SLOW));
                shown.map(|at| until_told(at.since(now.wall))).chain(next).min()
            }
            Screen::Detail => {
                let detail = self.detail.as_ref().filter(|detail| !detail.local);
                detail
                    .and_then(|detail| detail.reading())
                    .map(|reading| &reading.summary)
                    .filter(|summary| summary.phase.is_open() && now.wall < summary.expires_at)
                    .map(|summary| until_told(summary.expires_at.since(now.wall)))
            }
        };
        let retry = matches!(self.connection, Connection::Retrying { .. }).then_some(Duration::from_secs(1));
        if self.detail.as_ref().is_some_and(|detail| detail.seek.is_some()) {
            return Some(Duration::ZERO);
        }
        let dwell = self
            .attention()
            .and_then(|attention| attention.next_dwell(now.up));
        let counter = self
            .ceremony
            .as_ref()
            .and_then(|ceremony| ceremony.counter.as_ref());
        let draft = counter.and_then(|counter| counter.attention.next_dwell(now.up));
        let revealing = self
            .revealing
            .as_ref()
            .and_then(|revealing| revealing.next_wake(now));
        notices
            .chain(dwell)
            .chain(draft)
            .chain(countdown)
            .chain(revealing)
            .chain(retry)
            .min()
            .map(|wait| wait.max(Duration::from_millis(20)))
    }

    /// The verdict that is being signed, if any is.
    #[must_use]
    pub fn deciding(&self) -> Option<Verdict> {
        self.ceremony.as_ref().map(|ceremony| ceremony.verdict)
    }
}

/// The shortest time between two looks at deadlines of which no seconds are told.
const SLOW: Duration = Duration::from_secs(10);

/// After what time a stretch is told in another way: seconds one by one, else minutes. Minutes of many rows change at
/// many moments, which are not all waited for.
fn until_told(rest: Duration) -> Duration {
    if rest <= Duration::from_secs(130) {
        return Duration::from_secs(1);
    }
    let minute = Duration::from_millis(1 + u64::from(rest.subsec_millis()));
    (Duration::from_secs(rest.as_secs() % 60) + minute).max(SLOW)
}
