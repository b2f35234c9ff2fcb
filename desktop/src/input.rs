//! What a person can do in the window, as the page says it; each is a few commands of the machine.
//!
//! Nothing here decides: a decision is asked for by [`Signing`] alone, and confirmed outside the page.

use countersign_console::machine::message::Step;
use countersign_console::machine::view::{PaneView, batch_landmarks};
use countersign_console::machine::{Attention, Command, Commit, Field, Lane, Pane, Position, Screen, State};
use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{ActionDigest, ViewDigest};
use countersign_protocol::identity::RequestId;
use serde::Deserialize;

use crate::console::{Place, Settings};

/// The longest text of a field, a search or a question, in bytes.
const MAX_TYPED: usize = 4096;
/// The longest text that is rewritten, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// What a person does in the window.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Input {
    /// Moves the cursor by rows.
    Move {
        /// How many, downwards.
        by: i64,
    },
    /// Moves the cursor to the top.
    First,
    /// Moves the cursor to the end.
    Last,
    /// Goes on: opens what is under the cursor; among findings, goes to the line that one is about; closes what is over.
    Enter,
    /// Opens a request: exactly this one, even when rows move meanwhile.
    Open {
        /// Which.
        #[cfg_attr(test, ts(type = "string"))]
        id: RequestId,
    },
    /// Opens the request beside the one that is read, wherever the queue is looked at.
    Other {
        /// How many rows down.
        by: i8,
    },
    /// Goes back, closes what is on top.
    Back,
    /// Reads a tab.
    Read {
        /// Its place among the tabs.
        tab: usize,
    },
    /// Reads the next tab.
    NextTab,
    /// Reads the tab before.
    PreviousTab,
    /// Shows a lane of the queue.
    Lane {
        /// Its place among the lanes.
        lane: usize,
    },
    /// Shows the next lane.
    NextLane,
    /// Shows the lane before.
    PreviousLane,
    /// Orders the queue by the next of its orders.
    Reorder,
    /// Shows both sides of a change beside each other, or one under the other.
    Beside,
    /// Folds unchanged parts away, or shows them.
    Fold,
    /// Goes to the next finding.
    NextFinding,
    /// Goes to the finding before.
    PreviousFinding,
    /// Searches the queue.
    Filter {
        /// For what.
        #[cfg_attr(test, ts(type = "string"))]
        text: Typed,
    },
    /// Searches the tab that is read.
    Search {
        /// For what.
        #[cfg_attr(test, ts(type = "string"))]
        text: Typed,
    },
    /// Goes to the next match, change or difference.
    NextMark {
        /// The line that is on top now.
        from: usize,
    },
    /// Goes to the match, change or difference before.
    PreviousMark {
        /// The line that is on top now.
        from: usize,
    },
    /// Goes to the first suspicious text; each time again to the next.
    Suspicious,
    /// Goes to the first line of the sheet that was not on screen yet.
    Unseen,
    /// Looks at other rows of the queue.
    Rows {
        /// The first of them.
        first: usize,
    },
    /// Copies what names the request; each time again another of its names.
    Copy,
    /// Shows or hides the list of keys.
    Help,
    /// Fetches everything again; where nothing is configured, looks whether that changed.
    Refresh,
    /// Takes what moved, and starts to read anew.
    LookAgain,
    /// Marks the request under the cursor, or takes the mark away; in a batch, takes the request out.
    Mark,
    /// Marks every request that looks like the one under the cursor.
    MarkAlike,
    /// Reads the marked requests together.
    ReadMarked,
    /// Begins to have a secret shown in the clear. Shows nothing.
    Reveal,
    /// Asks for one to be shown, for a reason; the person is asked outside the page.
    RevealThis {
        /// Its place among the choices.
        choice: usize,
        /// Why.
        #[cfg_attr(test, ts(type = "string"))]
        reason: Typed,
    },
    /// Begins a question to the agent.
    Ask,
    /// Asks it.
    Question {
        /// The question.
        #[cfg_attr(test, ts(type = "string"))]
        text: Typed,
    },
    /// Begins the ceremony of a decision. Decides nothing.
    Begin {
        /// Which.
        #[cfg_attr(test, ts(type = "\"approve\" | \"deny\""))]
        verdict: Verdict,
    },
    /// Begins a denial that proposes something less instead. Decides nothing.
    Counter,
    /// Replaces what stands in a field of the ceremony.
    Put {
        /// Which.
        field: Field,
        /// What stands there now.
        #[cfg_attr(test, ts(type = "string"))]
        text: Typed,
    },
    /// Begins to rewrite the text of a counter-proposal.
    Edit,
    /// The text is rewritten.
    Edited {
        /// The text.
        #[cfg_attr(test, ts(type = "string"))]
        text: Text,
    },
    /// Leaves the text as it was.
    LeaveEditor,
    /// Shows rows by risk and by deadline in groups, or not.
    Groups,
    /// Goes to a screen beside the requests, or back to them.
    Go {
        /// Which.
        to: Place,
    },
    /// Looks for requests that are over.
    Seek {
        /// Words that name them.
        #[cfg_attr(test, ts(type = "string"))]
        text: Typed,
        /// How they ended: its place among the ways to end.
        ending: usize,
        /// The first of them that is looked at.
        first: usize,
    },
    /// Changes how the window is.
    Keep {
        /// To this.
        settings: Settings,
    },
    /// Makes everything larger, smaller, or as large as usual.
    Zoom {
        /// Above zero larger, below smaller.
        by: i8,
    },
    /// Closes the exported file that is read.
    LeaveFile,
    /// Lines of what a counter-proposal changes are on screen from now on. Counts only as far as it can be true.
    ShowingDraft {
        /// The action that they lead to.
        #[cfg_attr(test, ts(type = "string"))]
        action: ActionDigest,
        /// The first line, and its first character on screen.
        from: (usize, usize),
        /// The first line that is not wholly on screen, and its first character that is not.
        to: (usize, usize),
    },
    /// Lines of the sheet are on screen from now on, with nothing over them. Counts only as far as it can be true.
    Showing {
        /// The sheet.
        #[cfg_attr(test, ts(type = "string"))]
        view: ViewDigest,
        /// The first line, and its first character on screen.
        from: (usize, usize),
        /// The first line that is not wholly on screen, and its first character that is not.
        to: (usize, usize),
    },
}

/// What the page asks to be signed: what it showed, and what was typed in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Signing {
    /// The request that was on screen.
    #[cfg_attr(test, ts(type = "string"))]
    request: RequestId,
    /// The digest of the sheet that was on screen.
    #[cfg_attr(test, ts(type = "string"))]
    view_digest: ViewDigest,
    /// What was typed.
    #[cfg_attr(test, ts(type = "[Field, string][]"))]
    typed: Vec<(Field, Typed)>,
}

impl Signing {
    /// What the machine is asked.
    pub fn commit(self) -> Command {
        Command::Commit(Box::new(Commit {
            request: self.request,
            view_digest: self.view_digest,
            typed: self
                .typed
                .into_iter()
                .map(|(field, text)| (field, text.0))
                .collect(),
        }))
    }
}

/// A text of at most some bytes; longer ones never come in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bounded<const MAX: usize>(pub String);

/// What is typed in a field.
pub type Typed = Bounded<MAX_TYPED>;
/// What is written in an editor.
pub type Text = Bounded<MAX_TEXT>;

/// A text is too long.
#[derive(Debug, thiserror::Error)]
#[error("a text of {0} bytes is too long")]
pub struct TooLong(usize);

impl<const MAX: usize> TryFrom<String> for Bounded<MAX> {
    type Error = TooLong;

    fn try_from(text: String) -> Result<Self, TooLong> {
        if text.len() > MAX {
            return Err(TooLong(text.len()));
        }
        Ok(Self(text))
    }
}

impl Input {
    /// Whether it goes to a place of the tab that is read.
    pub const fn goes_somewhere(&self) -> bool {
        matches!(
            self,
            Self::Unseen
                | Self::Suspicious
                | Self::Enter
                | Self::Search { .. }
                | Self::NextMark { .. }
                | Self::PreviousMark { .. }
                | Self::NextFinding
                | Self::PreviousFinding
        )
    }

    /// The commands that it is made of; none where it means nothing now.
    pub fn commands(self, state: &State) -> Vec<Command> {
        let dialog = state.is_covered();
        let one = match self {
            Self::Move { by } => Command::Move(by),
            Self::First => Command::First,
            Self::Last => Command::Last,
            Self::Enter => Command::Enter,
            Self::Back => Command::Back,
            Self::Open { id } => return open(state, id),
            Self::Other { by } => return other(state, by),
            Self::Read { tab } => match tabs(state).get(tab) {
                Some(pane) => Command::Read(*pane),
                None => return Vec::new(),
            },
            Self::NextTab => Command::StepPane(Step::Next),
            Self::PreviousTab => Command::StepPane(Step::Previous),
            Self::Lane { lane } => match Lane::ALL.get(lane) {
                Some(lane) => Command::Show(*lane),
                None => return Vec::new(),
            },
            Self::NextLane => Command::StepLane(Step::Next),
            Self::PreviousLane => Command::StepLane(Step::Previous),
            Self::Reorder => Command::Reorder,
            Self::Beside => Command::ToggleBeside,
            Self::Fold => Command::ToggleFold,
            Self::NextFinding => Command::StepFinding(Step::Next),
            Self::PreviousFinding => Command::StepFinding(Step::Previous),
            // What is written for the screen must not end up in a dialog over it.
            Self::Filter { .. } | Self::Search { .. } if dialog => return Vec::new(),
            Self::Filter { text } if state.screen == Screen::Queue => {
                return written(Command::Filter, text.0);
            }
            Self::Search { text } if state.screen == Screen::Detail => {
                return written(Command::Filter, text.0);
            }
            Self::NextMark { from } => return mark(state, from, Step::Next),
            Self::PreviousMark { from } => return mark(state, from, Step::Previous),
            Self::Unseen => return unseen(state),
            Self::Suspicious => Command::Suspicious,
            Self::Copy => Command::Copy,
            Self::Help => Command::Help,
            Self::Refresh => Command::Refresh,
            Self::LookAgain => Command::LookAgain,
            Self::Mark => Command::Mark,
            Self::MarkAlike => Command::MarkAlike,
            Self::ReadMarked => Command::ReadMarked,
            Self::Reveal => Command::Reveal,
            Self::RevealThis { choice, reason } => Command::RevealThis(choice, reason.0),
            Self::Ask => Command::Ask,
            Self::Question { text } if state.question.is_some() => {
                return vec![Command::EraseAll, Command::Paste(text.0), Command::Enter];
            }
            Self::Begin { verdict } => Command::Begin(verdict),
            Self::Counter => Command::Counter,
            Self::Put { field, text } => Command::Put(field, text.0),
            Self::Edit => Command::Edit,
            Self::Edited { text } => Command::Edited(text.0.into_bytes()),
            Self::Groups => Command::ToggleGroups,
            Self::ShowingDraft { action, from, to } => {
                Command::ShowingDraft(action, position(from), position(to))
            }
            Self::Showing { view, from, to } => Command::Showing(view, position(from), position(to)),
            Self::Filter { .. }
            | Self::Search { .. }
            | Self::Question { .. }
            | Self::Rows { .. }
            | Self::Go { .. }
            | Self::Seek { .. }
            | Self::Keep { .. }
            | Self::Zoom { .. }
            | Self::LeaveFile
            | Self::LeaveEditor => return Vec::new(),
        };
        vec![one]
    }
}

const fn position((line, character): (usize, usize)) -> Position {
    Position { line, character }
}

fn tabs(state: &State) -> Vec<Pane> {
    state
        .detail
        .as_ref()
        .map(|detail| detail.panes())
        .unwrap_or_default()
}

fn written(begin: Command, text: String) -> Vec<Command> {
    vec![begin, Command::EraseAll, Command::Paste(text), Command::Enter]
}

/// A click on a row means this one: the cursor follows, and what was read is left.
fn open(state: &State, id: RequestId) -> Vec<Command> {
    if state.detail.as_ref().is_some_and(|detail| detail.id == id) && state.screen == Screen::Detail {
        return Vec::new();
    }
    let leave = state.screen == Screen::Detail && state.batch.is_none() && !state.is_covered();
    let mut commands = Vec::new();
    if leave {
        commands.push(Command::Back);
    }
    commands.extend([Command::Select(id), Command::Open(id)]);
    commands
}

/// Opens the request so many rows below the one that is read, where the queue shows both.
fn other(state: &State, by: i8) -> Vec<Command> {
    let Some(detail) = &state.detail else {
        return Vec::new();
    };
    let queue = &state.queue;
    let is_read = |place: &usize| queue.row(*place).is_some_and(|row| row.id == detail.id);
    // The cursor is there, unless rows moved meanwhile.
    let mut places = std::iter::once(queue.cursor).chain(0..queue.passing.len());
    let beside = places
        .find(is_read)
        .and_then(|place| queue.row(place.checked_add_signed(by.into())?));
    beside.map_or_else(Vec::new, |row| open(state, row.id))
}

/// The pane that scrolls on this screen.
pub fn pane(state: &State) -> Option<(Pane, PaneView<'_>)> {
    match state.screen {
        Screen::Batch => Some((Pane::Sheet, PaneView::of_batch(state.batch.as_deref()?))),
        Screen::Detail => {
            let detail = state.detail.as_deref()?;
            Some((detail.pane, PaneView::of_detail(detail)?))
        }
        Screen::Queue | Screen::FirstRun(_) => None,
    }
}

/// Goes to the next match of what is searched for, or else the next change, finding or difference.
fn mark(state: &State, from: usize, step: Step) -> Vec<Command> {
    let to = |pane, line| vec![Command::Scroll(pane, Position { line, character: 0 })];
    let Some((pane, _)) = pane(state) else {
        return Vec::new();
    };
    let marks = match (&state.batch, &state.detail) {
        (Some(batch), _) if state.screen == Screen::Batch => batch_landmarks(batch),
        (_, Some(detail)) if !detail.search.is_empty() => {
            let mut commands = to(pane, from);
            commands.push(Command::Seek(step));
            return commands;
        }
        _ if pane == Pane::Findings => return vec![Command::StepFinding(step)],
        (_, Some(detail)) => detail
            .reading()
            .map(|reading| reading.landmarks(pane, detail.shape))
            .unwrap_or_default(),
        _ => Vec::new(),
    };
    let line = match step {
        Step::Next => marks.into_iter().find(|line| *line > from),
        Step::Previous => marks.into_iter().rev().find(|line| *line < from),
    };
    line.map_or_else(Vec::new, |line| to(pane, line))
}

/// Goes to the first line that was not on screen yet.
fn unseen(state: &State) -> Vec<Command> {
    let attention = match state.screen {
        Screen::Batch => state.batch.as_ref().map(|batch| &batch.attention),
        _ => state.detail.as_ref().map(|detail| &detail.attention),
    };
    let Some(line) = attention.and_then(Attention::first_unseen) else {
        return Vec::new();
    };
    let scroll = Command::Scroll(Pane::Sheet, Position { line, character: 0 });
    match state.screen {
        Screen::Detail => vec![Command::Read(Pane::Sheet), scroll],
        _ => vec![scroll],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_word_of_the_page_decides() {
        for word in [
            "sign",
            "commit",
            "approve",
            "deny",
            "write",
            "paste",
            "saw",
            "gave",
            "answered",
            "confirm",
            "focus",
            "quit",
            "Sign",
            "revealed",
            "saw-draft",
            "gave-draft",
        ] {
            let message: Result<Input, _> = serde_json::from_value(json!({ "do": word }));
            assert!(message.is_err(), "{word}");
        }
        assert_eq!(
            serde_json::from_value::<Input>(json!({ "do": "enter" })).unwrap(),
            Input::Enter
        );
        assert!(serde_json::from_value::<Input>(json!({ "do": "move", "by": 1, "sign": true })).is_err());
    }

    #[test]
    fn oversized_texts_never_come_in() {
        let message = |length: usize| json!({ "do": "filter", "text": "x".repeat(length) });
        assert!(serde_json::from_value::<Input>(message(MAX_TYPED)).is_ok());
        assert!(serde_json::from_value::<Input>(message(MAX_TYPED + 1)).is_err());
        let text = json!({ "do": "edited", "text": "x".repeat(MAX_TEXT + 1) });
        assert!(serde_json::from_value::<Input>(text).is_err());
    }
}
