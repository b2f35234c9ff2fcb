//! What the page draws: the view models of the machine, for the part of queue and document that is looked at.
//!
//! Everything in it is printable text already; foreign text was escaped where the view models are made.

use std::ffi::OsStr;
use std::path::Path;

use countersign_console::config::Desktop;
use countersign_console::machine::view::{
    self, BatchView, CeremonyView, ChoiceView, DetailView, HeaderView, PaneLine, QuestionView, QueueView,
    RevealView, Text,
};
use countersign_console::machine::{FirstRunChoice, Moment, Pane, Screen, State};
use countersign_protocol::digest::ViewDigest;
use serde::Serialize;

use crate::console::{AsideView, Look};
use crate::input::pane;

/// The most rows of the queue in one snapshot.
pub const MAX_ROWS: usize = 80;
/// The most lines of a tab in one answer.
pub const MAX_LINES: usize = 400;
/// Lines that the page has together: what it asks for at once, and what comes with a tab that is new to it.
pub const BATCH: usize = 100;

/// How all looks at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Snapshot {
    /// Rises with everything that happens.
    pub revision: u64,
    /// Which screen has the keyboard.
    #[cfg_attr(
        test,
        ts(
            type = "\"first-run\" | \"queue\" | \"detail\" | \"batch\" | \"history\" | \"keys\" | \"settings\""
        )
    )]
    pub screen: &'static str,
    /// Whether everything that is shown is computed.
    pub complete: bool,
    /// The line on top.
    pub header: HeaderView,
    /// Notices, newest last.
    pub notices: Vec<Text>,
    /// Whether the list of keys is shown.
    pub help: bool,
    /// What a new user can do, where nothing is configured.
    pub setup: Option<Setup>,
    /// The place of the first row in `queue`.
    pub first_row: usize,
    /// The requests.
    pub queue: QueueView,
    /// The request that is read.
    pub detail: Option<DetailView>,
    /// The requests that are read together.
    pub batch: Option<BatchView>,
    /// The tab that is read.
    pub tab: Option<Tab>,
    /// The lines of that tab to begin with, where the page has drawn another one.
    pub lines: Option<Lines>,
    /// The decision that is made.
    pub ceremony: Option<CeremonyView>,
    /// The secret that is asked for, or shown.
    pub reveal: Option<RevealView>,
    /// The question that is written.
    pub question: Option<QuestionView>,
    /// The text of a counter-proposal that is rewritten, exactly as it is.
    pub editing: Option<String>,
    /// The file that is read, where it is not the backend's queue.
    pub file: Option<FileView>,
    /// Whether the request moved while it was read.
    pub moved: bool,
    /// The screen beside the requests that is open.
    pub aside: Option<AsideView>,
    /// How everything looks.
    pub look: Look,
}

/// What a new user can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Setup {
    /// Ways to begin.
    pub choices: Vec<ChoiceView>,
    /// Why the home that is there cannot be used.
    pub problem: Option<String>,
}

/// A file that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FileView {
    /// What it is.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
}

impl FileView {
    /// The file at a path.
    pub fn of(path: &Path, kind: &'static str) -> Self {
        let shown = |text: &OsStr| view::escaped(&text.as_encoded_bytes().into());
        Self {
            kind,
            name: shown(path.file_name().unwrap_or(path.as_os_str())),
            path: shown(path.as_os_str()),
        }
    }
}

/// A tab, without its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Tab {
    /// Changes whenever any of its lines may have.
    pub key: String,
    /// How many lines it has.
    pub len: usize,
    /// The line to begin with.
    pub top: usize,
    /// Rises whenever that line is to be gone to, even where the page has scrolled away from it.
    pub jump: u64,
    /// The digest of the sheet, where the tab is one: what is on screen of it is told.
    pub sheet: Option<String>,
}

/// Lines of a tab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Lines {
    /// The tab's key; lines of another one are not to be mixed with these.
    pub key: String,
    /// The place of the first line.
    pub first: usize,
    /// The lines.
    pub lines: Vec<PaneLine>,
}

impl Snapshot {
    /// How `state` looks now, with the queue from `first_row` on.
    pub fn of(
        state: &State,
        now: Moment,
        revision: u64,
        first_row: usize,
        problem: Option<&str>,
        jumps: u64,
    ) -> Self {
        let (screen, setup) = match state.screen {
            Screen::FirstRun(choice) => ("first-run", Some(Setup::of(choice, problem))),
            Screen::Queue => ("queue", None),
            Screen::Detail => ("detail", None),
            Screen::Batch => ("batch", None),
        };
        let first_row = first_row.min(state.queue.passing.len().saturating_sub(1));
        Self {
            revision,
            screen,
            complete: state.is_complete(),
            header: view::header(state, now),
            notices: view::notices(state),
            help: state.help,
            setup,
            first_row,
            queue: view::queue(state, now, first_row, MAX_ROWS),
            detail: view::detail(state, now),
            batch: view::batch(state, now),
            tab: Tab::of(state, jumps),
            lines: None,
            ceremony: view::ceremony(state, now),
            reveal: view::reveal(state, now),
            question: view::question(state),
            editing: None,
            file: None,
            aside: None,
            look: Look::from(&Desktop::default()),
            moved: state.detail.as_ref().is_some_and(|detail| detail.moved.is_some()),
        }
    }
}

impl Setup {
    fn of(choice: FirstRunChoice, problem: Option<&str>) -> Self {
        Self {
            choices: view::first_run(choice),
            problem: problem.map(str::to_owned),
        }
    }
}

impl Tab {
    fn of(state: &State, jump: u64) -> Option<Self> {
        let (_, pane) = pane(state)?;
        let top = match state.screen {
            Screen::Batch => state.batch.as_ref().map(|batch| batch.top),
            _ => state.detail.as_ref().map(|detail| detail.top()),
        };
        Some(Self {
            key: key(state)?,
            len: pane.len(),
            top: top.unwrap_or_default().line,
            jump,
            sheet: sheet(state).map(|view| view.to_string()),
        })
    }
}

impl Lines {
    /// At most `count` lines of the tab that is read, and the sheet that they are of, where it is one.
    pub fn of(state: &State, first: usize, count: usize) -> (Self, Option<ViewDigest>) {
        let (Some((_, pane)), Some(key)) = (pane(state), key(state)) else {
            let none = Self {
                key: String::new(),
                first,
                lines: Vec::new(),
            };
            return (none, None);
        };
        let end = first.saturating_add(count.min(MAX_LINES)).min(pane.len());
        let lines = Self {
            key,
            first,
            lines: (first..end).map_while(|index| pane.line(index)).collect(),
        };
        (lines, sheet(state))
    }
}

/// The sheet that is read, if that is what is read.
fn sheet(state: &State) -> Option<ViewDigest> {
    match state.screen {
        Screen::Batch => state.batch.as_ref()?.view_digest(),
        Screen::Detail => {
            let detail = state
                .detail
                .as_ref()
                .filter(|detail| detail.pane == Pane::Sheet)?;
            Some(detail.reading()?.view_digest)
        }
        Screen::Queue | Screen::FirstRun(_) => None,
    }
}

/// Names all that the lines of the tab are made of.
fn key(state: &State) -> Option<String> {
    if state.screen == Screen::Batch {
        let batch = state.batch.as_deref()?;
        let (opened, view) = (batch.opened.as_millis(), batch.view_digest()?);
        return Some(format!("batch/{opened}/{view}/{}", batch.lines().len()));
    }
    let detail = state.detail.as_deref()?;
    if detail.pane == Pane::Evidence {
        return Some(format!("evidence/{}/{}", detail.id, detail.search.len()));
    }
    let (reading, shape) = (detail.reading()?, detail.shape);
    Some(format!(
        "{}/{}/{}/{}/{}/{}/{}/{}",
        reading.id,
        reading.view_digest,
        detail.pane.index(),
        reading.change,
        detail.finding,
        shape.folded,
        shape.beside,
        detail.search.len(),
    ))
}
