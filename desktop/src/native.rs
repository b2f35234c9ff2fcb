//! What is done outside the page: the person is asked, the key is unlocked, text is copied.
//!
//! The page can neither draw nor press nor read any of it.

use countersign_console::config::Desktop;
use countersign_console::machine::{Confirmation, Passphrase, Summary};
use countersign_protocol::approval::Severity;
use countersign_protocol::identity::RequestId;

/// The longest target that is told, in characters.
const MAX_TARGET: usize = 160;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod prompt;
#[cfg(target_os = "linux")]
mod tray;

#[cfg(target_os = "linux")]
pub use linux::Linux;

/// Takes what the person answered: what unlocks the key, or nothing where nothing was confirmed.
pub type Answer = Box<dyn FnOnce(Option<Passphrase>) + Send>;

/// Something new that needs the person. All text in it is printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The request, where it is one.
    pub request: Option<RequestId>,
    /// It in a few words.
    pub title: String,
    /// More about it.
    pub body: String,
}

impl Arrival {
    /// One request.
    pub fn of(id: RequestId, summary: &Summary) -> Self {
        let risk = match summary.severity {
            Severity::None => "A change".to_owned(),
            severity => format!("A {} risk", severity.word()),
        };
        let target = summary.target.escaped();
        let shown: String = target.chars().take(MAX_TARGET).collect();
        let cut = if shown.len() < target.len() { " …" } else { "" };
        Self {
            request: Some(id),
            title: format!("{risk} in {} needs you", summary.environment),
            body: format!("{} by agent {}\n{shown}{cut}", summary.kind.id(), summary.agent),
        }
    }

    /// More than one.
    pub fn many(count: usize) -> Self {
        Self {
            request: None,
            title: format!("{count} new requests need you"),
            body: String::new(),
        }
    }
}

/// The world outside the page.
pub trait Native: Send + Sync + 'static {
    /// Asks the person, and lets `answer` know once.
    fn confirm(&self, confirmation: Confirmation, answer: Answer);

    /// Copies a text.
    fn copy(&self, text: String);

    /// Tells that something new needs the person, unless they look at the window, or want to be left alone.
    fn tell(&self, arrival: Arrival);

    /// Shows how many requests need the person.
    fn count(&self, waiting: usize);

    /// Tells of what is new, or not, and draws everything as large, as is wanted from now on.
    fn heed(&self, manners: Desktop);

    /// Takes back a question that nobody waits for any more.
    fn withdraw(&self);
}
