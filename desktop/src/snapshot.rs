//! What the page draws: the view models of the machine, for the part of queue and document that is looked at.
//!
//! Everything in it is printable text already; foreign text was escaped where the view models are made.

use countersign_console::machine::view::{
    self, ChoiceView, DetailView, HeaderView, PaneLine, PaneView, QueueView, Text,
};
use countersign_console::machine::{FirstRunChoice, Moment, Screen, State};
use serde::Serialize;

/// The most rows of the queue in one snapshot.
pub const MAX_ROWS: usize = 80;
/// The most lines of a tab in one answer.
pub const MAX_LINES: usize = 400;

/// How all looks at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Rises with everything that happens.
    pub revision: u64,
    /// Which screen has the keyboard.
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
    /// The tab that is read.
    pub tab: Option<Tab>,
    /// Whether the request moved while it was read.
    pub moved: bool,
}

/// What a new user can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setup {
    /// Ways to begin.
    pub choices: Vec<ChoiceView>,
    /// Why the home that is there cannot be used.
    pub problem: Option<String>,
}

/// A tab, without its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tab {
    /// Changes whenever any of its lines may have.
    pub key: String,
    /// How many lines it has.
    pub len: usize,
    /// The line to begin with.
    pub top: usize,
}

/// Lines of a tab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    pub fn of(state: &State, now: Moment, revision: u64, first_row: usize, problem: Option<&str>) -> Self {
        let (screen, setup) = match state.screen {
            Screen::FirstRun(choice) => ("first-run", Some(Setup::of(choice, problem))),
            // The window has no batches yet.
            Screen::Queue | Screen::Batch => ("queue", None),
            Screen::Detail => ("detail", None),
        };
        let first_row = first_row.min(state.queue.passing.len().saturating_sub(1));
        let top = state.detail.as_ref().map_or(0, |detail| detail.top().line);
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
            tab: tab(state).map(|(key, pane)| Tab {
                key,
                len: pane.len(),
                top,
            }),
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

impl Lines {
    /// At most `count` lines of the tab that is read.
    pub fn of(state: &State, first: usize, count: usize) -> Self {
        let Some((key, pane)) = tab(state) else {
            return Self {
                key: String::new(),
                first,
                lines: Vec::new(),
            };
        };
        let end = first.saturating_add(count.min(MAX_LINES)).min(pane.len());
        Self {
            key,
            first,
            lines: (first..end).map_while(|index| pane.line(index)).collect(),
        }
    }
}

/// The tab that is read, with a key that names all that its lines are made of.
fn tab(state: &State) -> Option<(String, PaneView<'_>)> {
    let detail = state.detail.as_deref()?;
    let (reading, shape) = (detail.reading()?, detail.shape);
    let key = format!(
        "{}/{}/{}/{}/{}/{}/{}",
        reading.id,
        reading.view_digest,
        detail.pane.index(),
        reading.change,
        detail.finding,
        shape.folded,
        shape.beside,
    );
    Some((key, PaneView::of_detail(detail)?))
}
