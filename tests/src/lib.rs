//! The harness of the stories: a real organisation on the real binaries, over loopback, in a throw-away folder.
//!
//! Nothing here is a stand-in for a part of the product. Keys are made, statements are signed and processes are
//! started as their owners would; what differs is that a story may also be the attacker: it holds every key file
//! and can put a lying proxy between a client and the backend.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a harness has nobody to report an error to: a broken step is a failed test"
)]

pub mod console;
pub mod device;
pub mod endorsement;
pub mod home;
pub mod liar;
pub mod organisation;
pub mod process;
pub mod reviewer;
pub mod terminal;

pub use console::Console;
pub use home::Home;
pub use organisation::{Organisation, Setup};
pub use process::{Finished, Service};
pub use terminal::Terminal;
