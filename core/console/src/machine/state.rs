//! What a console knows at one moment. Plain values; only [`super::update()`] changes them.

use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::approval::{ApprovalRequest, Severity};
use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::{AgentId, EnvironmentId, KeyAssurance, PersonId, RequestId};
use countersign_protocol::kind::Kind;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::{Phase, Refusal};
use countersign_review::sheet::SheetLine;
use countersign_review::text::Untrusted;

use super::Moment;
use super::ceremony::{Ceremony, Unlock};
use super::document::{ChangedDocument, Shape};
use super::queue::Queue;
use super::reading::{Attention, Pane, Position, Reading};

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
    /// Whether the list of keys is shown.
    pub help: bool,
    /// Short notices, newest last.
    pub notices: Vec<Notice>,
    /// What was last seen of the sheets of requests that were read, newest last.
    pub looked: Vec<(RequestId, Arc<[SheetLine]>)>,
    /// What was copied: a front end takes it to the clipboard.
    pub clipboard: Option<String>,
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

/// Whether the backend is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Nothing came yet.
    Connecting,
    /// Changes arrive as they happen.
    Live,
    /// It is gone; what is shown may be old.
    Retrying {
        /// Since when.
        since: Timestamp,
        /// When it is tried again.
        next: Timestamp,
        /// What went wrong.
        why: Untrusted,
    },
    /// There is none: files only.
    Offline,
}

/// Whom and what this console trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The organisation's name.
    pub organisation: Untrusted,
    /// The words of its root.
    pub root_words: Vec<&'static str>,
    /// Who decides here.
    pub person: PersonId,
    /// The key that signs, where there is one.
    pub key: Option<KeySummary>,
}

/// The key that signs decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySummary {
    /// Its name on this machine.
    pub name: Untrusted,
    /// How it is kept, as the directory says.
    pub assurance: KeyAssurance,
    /// What it asks for before it signs.
    pub unlock: Unlock,
}

/// Something that went wrong, as it is told to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A stable word for it.
    pub code: String,
    /// What happened and what to do; may quote foreign text.
    pub message: Untrusted,
}

impl Trouble {
    /// A trouble by its stable word.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<Untrusted>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}

/// A short notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub text: Untrusted,
    /// Whether it is bad news.
    pub bad: bool,
    /// When it goes.
    pub until: Duration,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The request.
    pub id: RequestId,
    /// The backend's number of its newest change.
    pub change: u64,
    /// What is known of it.
    pub content: RowContent,
}

/// What is known of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowContent {
    /// Its request statement is signed by the pinned backend.
    Verified(Box<Summary>),
    /// It is not believed.
    Refused(Vec<Trouble>),
}

/// A request in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Where it stands.
    pub phase: Phase,
    /// How bad it is.
    pub severity: Severity,
    /// What sort of change it is.
    pub kind: Kind,
    /// What it acts on.
    pub target: Untrusted,
    /// Who asks.
    pub agent: AgentId,
    /// Where it takes effect.
    pub environment: EnvironmentId,
    /// When it was held.
    pub created_at: Timestamp,
    /// After this nothing can be decided.
    pub expires_at: Timestamp,
    /// Approvals it takes at the least.
    pub needs: u32,
    /// How many of them with a hardware key.
    pub hardware: u32,
    /// From how many teams.
    pub teams: u32,
    /// Who approved so far.
    pub approved_by: Vec<PersonId>,
    /// Whether it is supervision of one's own agent, not four eyes.
    pub personal: bool,
    /// Why this person cannot decide it, where that is so.
    pub why_not: Option<String>,
}

impl Summary {
    /// Sums up a verified request for `me`.
    #[must_use]
    pub fn of(request: &ApprovalRequest, phase: Phase, approved_by: Vec<PersonId>, me: &PersonId) -> Self {
        let why_not = if !phase.is_open() {
            Some(Refusal::Over)
        } else if request.excluded.contains(me) {
            Some(Refusal::Excluded)
        } else if approved_by.contains(me) {
            Some(Refusal::AlreadyVoted)
        } else if !request.rule.eligible.contains(me) {
            Some(Refusal::NotEligible)
        } else {
            None
        };
        Self {
            phase,
            severity: request.severity,
            kind: request.kind,
            target: request.target.raw().into(),
            agent: request.agent.clone(),
            environment: request.environment.clone(),
            created_at: request.created_at,
            expires_at: request.expires_at,
            needs: request.rule.approvals,
            hardware: request.rule.hardware,
            teams: request.rule.teams,
            approved_by,
            personal: request.personal,
            why_not: why_not.map(|refusal| refusal.to_string()),
        }
    }

    /// What to type before this can be approved; nothing below high risk.
    ///
    /// The last part of the target, or the environment where that part cannot be typed on every keyboard.
    #[must_use]
    pub fn name_to_type(&self) -> Option<String> {
        if self.severity < Severity::High {
            return None;
        }
        let target = self.target.utf8().unwrap_or_default().trim_end_matches('/');
        let last = target.rsplit('/').next().unwrap_or_default();
        let typable =
            !last.is_empty() && last.len() <= 40 && last.bytes().all(|byte| byte.is_ascii_graphic());
        Some(if typable {
            last.to_owned()
        } else {
            self.environment.to_string()
        })
    }
}

impl Row {
    /// The request in short, where it is believed.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        match &self.content {
            RowContent::Verified(summary) => Some(summary),
            RowContent::Refused(_) => None,
        }
    }
}

/// The request being read.
#[derive(Debug)]
pub struct Detail {
    /// The request.
    pub id: RequestId,
    /// What came of opening it.
    pub content: DetailContent,
    /// The pane that is read.
    pub pane: Pane,
    /// The first line on screen, for each pane.
    pub tops: [Position; Pane::ALL.len()],
    /// What of the sheet was on screen.
    pub attention: Attention,
    /// When it was opened.
    pub opened: Duration,
    /// The request moved while it was read: the newer reading and what moved. Nothing is signed until the
    /// person looks again.
    pub moved: Option<(Box<Reading>, String)>,
    /// Whether a newer reading is on its way, or could not be had; nothing is signed meanwhile.
    pub checking: bool,
    /// The newest change that was heard of; an older reading is not signed.
    pub heard: u64,
    /// How changes are laid out.
    pub shape: Shape,
    /// What is searched for in the pane.
    pub search: String,
    /// Whether it is being written.
    pub searching: bool,
    /// The finding that is pointed at.
    pub finding: usize,
    /// What changed on the sheet since this person looked at it last.
    pub since: Option<ChangedDocument>,
    /// Requests of the same target or agent.
    pub history: Vec<(RequestId, Summary)>,
    /// How often a name was copied.
    pub copied: usize,
    /// Whether these are local files: there is no sheet, and nothing to decide.
    pub local: bool,
}

/// What came of opening a request.
#[derive(Debug)]
pub enum DetailContent {
    /// It is fetched and verified.
    Loading,
    /// It could not be had at all.
    Failed(Trouble),
    /// It can be read. Whether it is believed stands in the reading.
    Read(Box<Reading>),
}

impl Detail {
    pub(super) fn new(id: RequestId, now: Moment) -> Self {
        Self {
            id,
            content: DetailContent::Loading,
            pane: Pane::Sheet,
            tops: [Position::default(); Pane::ALL.len()],
            attention: Attention::default(),
            opened: now.up,
            moved: None,
            checking: false,
            heard: 0,
            shape: Shape::default(),
            search: String::new(),
            searching: false,
            finding: 0,
            since: None,
            history: Vec::new(),
            copied: 0,
            local: false,
        }
    }

    /// What can be read.
    #[must_use]
    pub fn reading(&self) -> Option<&Reading> {
        match &self.content {
            DetailContent::Read(reading) => Some(reading),
            DetailContent::Loading | DetailContent::Failed(_) => None,
        }
    }

    /// The panes there are, in the order of the tabs.
    #[must_use]
    pub fn panes(&self) -> Vec<Pane> {
        let there = |pane: &Pane| match pane {
            Pane::Since => self.since.is_some(),
            Pane::Sheet | Pane::Context | Pane::Policy | Pane::History => !self.local,
            Pane::Change | Pane::Structure | Pane::Findings | Pane::Raw => true,
        };
        Pane::ALL.into_iter().filter(there).collect()
    }

    /// Puts a line of a pane on top.
    pub(super) fn go_to(&mut self, pane: Pane, line: usize) {
        if let Some(top) = self.tops.get_mut(pane.index()) {
            *top = Position { line, character: 0 };
        }
    }

    pub(super) fn step_pane(&mut self, by: usize) {
        let panes = self.panes();
        let at = panes.iter().position(|pane| *pane == self.pane).unwrap_or(0);
        if let Some(pane) = panes.get((at + by % panes.len().max(1)) % panes.len().max(1)) {
            self.pane = *pane;
        }
    }

    /// The first line on screen of the pane that is read.
    #[must_use]
    pub fn top(&self) -> Position {
        self.tops.get(self.pane.index()).copied().unwrap_or_default()
    }

    /// Why nothing can be decided, where that is so; known before reading starts.
    #[must_use]
    pub fn why_not(&self, now: Moment) -> Option<String> {
        let reading = match &self.content {
            DetailContent::Loading => return Some("the request is still being verified".to_owned()),
            DetailContent::Failed(_) => return Some("the request could not be read".to_owned()),
            DetailContent::Read(reading) => reading,
        };
        if self.local {
            Some("these are local files; there is nothing to decide".to_owned())
        } else if !reading.problems.is_empty() {
            Some("the evidence is not valid; nothing can be signed".to_owned())
        } else if let Some((_, what)) = &self.moved {
            Some(format!("{what}; press r to look again"))
        } else if self.checking {
            Some("the request changed and is read again; R tries once more".to_owned())
        } else if now.wall >= reading.summary.expires_at {
            Some(Refusal::Expired.to_string())
        } else {
            reading.summary.why_not.clone()
        }
    }
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

    fn on(screen: Screen) -> Self {
        Self {
            screen,
            connection: Connection::Connecting,
            trust: None,
            queue: Queue::default(),
            detail: None,
            ceremony: None,
            help: false,
            notices: Vec::new(),
            looked: Vec::new(),
            clipboard: None,
            quiet_until: Duration::ZERO,
            end: None,
        }
    }

    /// Whether everything that is shown is computed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match self.screen {
            Screen::FirstRun(_) => true,
            Screen::Queue => self.queue.loaded_at.is_some() || self.queue.trouble.is_some(),
            Screen::Detail => self
                .detail
                .as_ref()
                .is_some_and(|detail| !matches!(detail.content, DetailContent::Loading)),
        }
    }

    /// Whether keys that open or decide are heard.
    #[must_use]
    pub fn is_settled(&self, now: Moment) -> bool {
        now.up >= self.quiet_until
    }

    pub(super) fn settle(&mut self, now: Moment) {
        self.quiet_until = now.up.saturating_add(SETTLE);
    }

    pub(super) fn tell(&mut self, text: impl Into<Untrusted>, bad: bool, now: Moment) {
        self.notices.push(Notice {
            text: text.into(),
            bad,
            until: now.up.saturating_add(NOTICE),
        });
        if self.notices.len() > MAX_NOTICES {
            self.notices.remove(0);
        }
    }

    /// How long nothing on screen changes by itself; nothing when it never does.
    #[must_use]
    pub fn next_wake(&self, now: Moment) -> Option<Duration> {
        let notices = self
            .notices
            .iter()
            .map(|notice| notice.until.saturating_sub(now.up));
        let expiry = match self.screen {
            Screen::FirstRun(_) => None,
            Screen::Queue => self.queue.next_expiry(),
            Screen::Detail => {
                let detail = self.detail.as_ref().filter(|detail| !detail.local);
                detail
                    .and_then(|detail| detail.reading())
                    .map(|reading| &reading.summary)
                    .filter(|summary| summary.phase.is_open() && now.wall < summary.expires_at)
                    .map(|summary| summary.expires_at)
            }
        };
        let countdown = expiry.map(|at| {
            if at.since(now.wall) <= Duration::from_secs(130) {
                Duration::from_secs(1)
            } else {
                Duration::from_secs(10)
            }
        });
        let retry = matches!(self.connection, Connection::Retrying { .. }).then_some(Duration::from_secs(1));
        notices
            .chain(countdown)
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
