//! The state machine of both consoles: key or click → [`Message`] → [`update()`] → [`Effect`]s → [`driver`] → messages.
//!
//! [`State`] is plain and [`update()`] is pure: no clock, no I/O, no async. The driver performs effects and sends
//! what comes of them back as [`News`]. Front ends draw [`view`] models and touch nothing. Nothing of policy,
//! risk or cryptography is decided here; what the machine does decide is *ceremony*: that no sequence of keys,
//! clicks, pastes or news signs anything which the person did not read and ask for.

pub mod state;

mod fuzzy;
mod lane;
mod names;
pub mod past;
pub mod queue;
mod rank;
mod record;
pub mod rows;
mod search;
mod suspicious;
mod target;

pub mod attention;
pub mod batch;
pub mod ceremony;
pub mod confirm;
pub mod counter;
pub mod document;
pub mod keys;
pub mod question;
pub mod reading;
pub mod reveal;
pub mod seek;

pub mod effect;
pub mod message;

pub mod update;

pub mod view;

pub mod driver;

pub use attention::{Attention, Position};
pub use batch::Batch;
pub use ceremony::{Ceremony, Field, Passphrase, Progress, Unlock};
pub use confirm::{Commit, Confirmation};
pub use counter::Counter;
pub use document::Shape;
pub use effect::{Effect, Order};
pub use keys::KeyNames;
pub use message::{Command, Message, News, Page, Part};
pub use question::Question;
pub use queue::{Lane, Order as QueueOrder, Queue};
pub use reading::{Drifted, Pane, Reading, Said, Speaker};
pub use reveal::Revealing;
pub use seek::Seek;
pub use state::{
    Connection, Detail, End, FirstRunChoice, Row, RowContent, Screen, State, Summary, Trouble, Trust,
};
pub use update::{start, update};

use std::time::Duration;

use countersign_protocol::moment::Timestamp;

/// Now, by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time of day, which may jump; compared with what statements say.
    pub wall: Timestamp,
    /// Time since the program started, which only rises; measures pauses.
    pub up: Duration,
}

#[cfg(test)]
mod tests;
