//! The table of keys: what each does, where, and how it is called. Hints and help are made from it.

mod always;
mod batch;
mod decide;
mod detail;
mod move_about;
mod queue;

use crossterm::event::{KeyCode, KeyModifiers};

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first-run screen.
    FirstRun,
    /// The queue.
    Queue,
    /// One request.
    Detail,
    /// Several requests of one shape.
    Batch,
    /// The filter of the queue, or what is searched for in a pane.
    Filter,
    /// The ceremony of a decision.
    Ceremony,
    /// The question to the agent.
    Question,
    /// Secrets, and whether they are to be shown.
    Reveal,
    /// The list of keys.
    Help,
}

impl Place {
    /// Whether keys write here that ask for nothing.
    pub const fn is_written_in(self) -> bool {
        matches!(
            self,
            Self::Filter | Self::Ceremony | Self::Question | Self::Reveal
        )
    }
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is said in the table below")]
pub enum Intent {
    Down,
    Up,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Enter,
    Back,
    NextPane,
    PreviousPane,
    Pane(usize),
    NextMark,
    PreviousMark,
    Unseen,
    Suspicious,
    Filter,
    NextLane,
    PreviousLane,
    Lane(usize),
    Reorder,
    Groups,
    Beside,
    Fold,
    Copy,
    Pager,
    Preset,
    Mark,
    MarkAlike,
    ReadMarked,
    Help,
    Refresh,
    LookAgain,
    Ask,
    Reveal,
    Approve,
    Deny,
    Counter,
    Edit,
    Sign,
    NextField,
    PreviousField,
    Erase,
    EraseAll,
    Quit,
    Suspend,
    Redraw,
}

/// Under which title a key is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Moving about.
    Move,
    /// Reading.
    Read,
    /// Deciding.
    Decide,
    /// At all times.
    Always,
}

/// One row of the table.
#[derive(Debug)]
pub struct Binding {
    /// Under which title it is listed.
    pub group: Group,
    /// Where it holds.
    pub places: &'static [Place],
    /// The keys.
    pub keys: &'static [(KeyModifiers, KeyCode)],
    /// What they ask for.
    pub intent: Intent,
    /// The keys as they are written.
    pub label: &'static str,
    /// What they do, in a few words; empty where the list of keys says nothing of it.
    pub text: &'static str,
    /// Whether the bottom line names it, and how.
    pub hint: Option<&'static str>,
}

/// No modifier.
pub const NONE: KeyModifiers = KeyModifiers::NONE;
/// The control key.
pub const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const LISTS: &[Place] = &[Place::Queue, Place::Detail];
const READING: &[Place] = &[Place::Detail, Place::Batch];
const PAGES: &[Place] = &[Place::Queue, Place::Detail, Place::Batch];
const CURSOR: &[Place] = &[Place::FirstRun, Place::Queue, Place::Detail, Place::Batch];
const SCREENS: &[Place] = &[
    Place::FirstRun,
    Place::Queue,
    Place::Detail,
    Place::Batch,
    Place::Help,
];
/// Every place.
pub const EVERYWHERE: &[Place] = &[
    Place::FirstRun,
    Place::Queue,
    Place::Detail,
    Place::Batch,
    Place::Filter,
    Place::Ceremony,
    Place::Question,
    Place::Reveal,
    Place::Help,
];
const WRITING: &[Place] = &[Place::Filter, Place::Ceremony, Place::Question, Place::Reveal];
const DIALOGS: &[Place] = &[Place::Ceremony, Place::Reveal];

const fn bind(
    group: Group,
    places: &'static [Place],
    keys: &'static [(KeyModifiers, KeyCode)],
    intent: Intent,
    label: &'static str,
    text: &'static str,
) -> Binding {
    Binding {
        group,
        places,
        keys,
        intent,
        label,
        text,
        hint: None,
    }
}

impl Binding {
    /// The row, named by the bottom line.
    const fn hint(self, hint: &'static str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }
}

const fn key(c: char) -> (KeyModifiers, KeyCode) {
    (NONE, KeyCode::Char(c))
}

const fn ctrl(c: char) -> (KeyModifiers, KeyCode) {
    (CTRL, KeyCode::Char(c))
}

const fn plain(code: KeyCode) -> (KeyModifiers, KeyCode) {
    (NONE, code)
}

/// A key with the shift key held, where a terminal tells so.
const fn shift(code: KeyCode) -> (KeyModifiers, KeyCode) {
    (KeyModifiers::SHIFT, code)
}

const MOVE: Group = Group::Move;
const READ: Group = Group::Read;
const DECIDE: Group = Group::Decide;
const ALWAYS: Group = Group::Always;

/// Every key, in the order of hints.
pub fn bindings() -> impl Iterator<Item = &'static Binding> {
    [
        decide::ROWS,
        queue::ROWS,
        batch::ROWS,
        move_about::ROWS,
        detail::ROWS,
        always::ROWS,
    ]
    .into_iter()
    .flatten()
}
