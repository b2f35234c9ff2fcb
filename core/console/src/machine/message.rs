//! What can happen to a console: a person's commands, and news from outside.

use std::ops::Range;

use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{ActionDigest, ViewDigest};
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::mask::SecretMark;

use tokio::sync::OwnedSemaphorePermit;

use super::attention::Position;
use super::ceremony::{Field, Passphrase, Progress};
use super::confirm::Commit;
use super::queue::Lane;
use super::reading::{Pane, Reading};
use super::state::{Connection, KeyStanding, Row, Trouble, Trust};

/// Something that happened.
#[derive(Debug)]
pub enum Message {
    /// The person did something.
    Command(Command),
    /// Something came from outside.
    News(News),
    /// A surface that is not trusted was given these lines of this sheet to draw.
    Gave(ViewDigest, Range<usize>),
    /// It was given all that a counter-proposal of this action changes.
    GaveDraft(ActionDigest),
    /// What a [`Confirmation`](super::Confirmation) was answered with: what unlocks the key, or nothing where the
    /// person did not confirm.
    Answered(u64, Option<Passphrase>),
    /// Time went by.
    Tick,
}

/// What a person can do, by key or click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Moves the cursor by rows.
    Move(i64),
    /// Moves the cursor to the top.
    First,
    /// Moves the cursor to the end.
    Last,
    /// Puts the cursor on a row.
    Select(RequestId),
    /// Goes on: opens the row, leaves the filter, steps to the next field, closes what is done. Never decides.
    Enter,
    /// Goes back, closes what is on top.
    Back,
    /// Reads a pane.
    Read(Pane),
    /// Reads the next pane, or the one before.
    StepPane(Step),
    /// Puts a place of a pane at the top of the screen.
    Scroll(Pane, Position),
    /// Starts to write the filter of the queue, or what is searched for in the pane.
    Filter,
    /// Shows a lane of the queue.
    Show(Lane),
    /// Shows the next lane, or the one before.
    StepLane(Step),
    /// Orders the queue by the next of its orders.
    Reorder,
    /// Shows rows by risk and by deadline in groups, or not.
    ToggleGroups,
    /// Shows both sides of a change beside each other, or one under the other.
    ToggleBeside,
    /// Folds unchanged parts away, or shows them.
    ToggleFold,
    /// Goes to the next line of the pane that holds what is searched for, or the one before.
    Seek(Step),
    /// Goes to the next finding, or the one before.
    StepFinding(Step),
    /// Goes to the first suspicious text; each time again to the next.
    Suspicious,
    /// Copies what names the request; each time again another of its names.
    Copy,
    /// Writes the next of the usual reasons.
    Preset,
    /// Shows or hides the list of keys.
    Help,
    /// Fetches everything again.
    Refresh,
    /// Marks the request under the cursor, to be decided with others, or takes the mark away; in a batch, takes the
    /// request out.
    Mark,
    /// Marks every request that looks like the one under the cursor in short.
    MarkAlike,
    /// Reads the marked requests together.
    ReadMarked,
    /// Opens a request by its id, from a link. Decides nothing.
    Open(RequestId),
    /// Takes what moved, and starts to read anew.
    LookAgain,
    /// Begins a question to the agent.
    Ask,
    /// Begins to have secrets of the request revealed. Shows nothing.
    Reveal,
    /// Asks for one of the choices to be revealed, for a reason, and for that to be confirmed outside the surface.
    RevealThis(usize, String),
    /// Begins the ceremony of a decision. Decides nothing.
    Begin(Verdict),
    /// Begins a denial that proposes something less instead. Decides nothing.
    Counter,
    /// Turns a page of what a counter-proposal changes.
    Turn(Step),
    /// Puts a place of what is on top at the top of its room: of what a counter-proposal changes, of what is revealed.
    TurnTo(Position),
    /// Asks for the text of a counter-proposal to be rewritten in an editor.
    Edit,
    /// The text came back from the editor.
    Edited(Vec<u8>),
    /// The deliberate chord: signs, when everything that has to be true is.
    Sign,
    /// Steps between the fields.
    StepField(Step),
    /// The chord came in a burst of keys that nobody types. Decides nothing.
    Blurred,
    /// Writes in a field.
    Focus(Field),
    /// Writes a character.
    Write(char),
    /// Takes the last character away.
    Erase,
    /// Empties the field.
    EraseAll,
    /// Pastes a text. Never a decision.
    Paste(String),
    /// Everything of a sheet from one place up to another was wholly on screen.
    Saw(ViewDigest, Position, Position),
    /// A surface that is not trusted says that this is on its screen from now on. It counts only where it was given
    /// these lines, and once they stayed.
    Showing(ViewDigest, Position, Position),
    /// Replaces what stands in a field. Confirms nothing.
    Put(Field, String),
    /// Asks for the decision to be confirmed outside the surface, and signed then.
    Commit(Box<Commit>),
    /// The same of what a counter-proposal changes, of the action that it was shown to be.
    SawDraft(ActionDigest, Position, Position),
    /// A surface that is not trusted says that this of it is on its screen from now on; see [`Self::Showing`].
    ShowingDraft(ActionDigest, Position, Position),
    /// Something that the front end tried failed; it is told.
    Failed(String),
    /// Why a key did nothing where it was pressed; it is told.
    Hint(String),
    /// Leaves.
    Quit,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To the next.
    Next,
    /// To the one before.
    Previous,
}

/// What comes from outside.
#[derive(Debug)]
pub enum News {
    /// Whom and what this console trusts.
    Trust(Result<Box<Trust>, Trouble>),
    /// Whether the backend is there.
    Connection(Connection),
    /// The rows of the queue, all of them; or why there are none.
    Queue(Result<Vec<Row>, Trouble>),
    /// A part of the queue.
    Page(Page),
    /// Who looks at a request; nobody once all have left.
    Looking {
        /// Which.
        request: RequestId,
        /// Everybody else of this organisation who looks.
        people: Vec<PersonId>,
    },
    /// A question was asked, or not.
    Asked {
        /// About which request.
        request: RequestId,
        /// What came of it.
        result: Result<(), Trouble>,
    },
    /// It was recorded that secrets are revealed, or not.
    Revealed {
        /// Of which request.
        request: RequestId,
        /// Which secret; without it, all.
        secret: Option<SecretMark>,
        /// What came of it.
        result: Result<(), Trouble>,
    },
    /// A request changed.
    Changed {
        /// Which.
        id: RequestId,
        /// The backend's number of the change.
        change: u64,
    },
    /// A request was fetched and verified.
    Opened {
        /// Which.
        id: RequestId,
        /// What came of it.
        result: Result<Box<Reading>, Trouble>,
    },
    /// How the key that signs stands.
    Key {
        /// For the decision on which request it was asked.
        request: RequestId,
        /// What it said; nothing where nobody can be asked.
        result: Result<Option<KeyStanding>, Trouble>,
    },
    /// A decision went on.
    Decision {
        /// On which request.
        request: RequestId,
        /// How far it is.
        progress: Progress,
    },
}

/// A part of the queue, as it is fetched.
#[derive(Debug)]
pub struct Page {
    /// Its rows.
    pub rows: Vec<Row>,
    /// How it fits to what came before.
    pub part: Part,
    /// Whether more comes of the same load.
    pub more: bool,
    /// The room that it takes on its way here.
    pub room: Room,
}

/// Room on the way to the machine: whoever sends much waits for it, and it is free again when this is dropped.
#[derive(Debug, Default)]
pub struct Room(#[expect(dead_code, reason = "held, never read")] Option<OwnedSemaphorePermit>);

impl From<Option<OwnedSemaphorePermit>> for Room {
    fn from(permit: Option<OwnedSemaphorePermit>) -> Self {
        Self(permit)
    }
}

/// How a part of the queue fits to what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It is the first; what was there before is gone.
    First,
    /// It was there when the load began.
    Backlog,
    /// It changed since then.
    Newer,
}
