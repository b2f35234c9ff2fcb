//! What is done outside the page: the person is asked, the key is unlocked, text is copied.
//!
//! The page can neither draw nor press nor read any of it.

use countersign_console::machine::{Confirmation, Passphrase};

#[cfg(target_os = "linux")]
mod gtk;

#[cfg(target_os = "linux")]
pub use gtk::Gtk;

/// Takes what the person answered: what unlocks the key, or nothing where nothing was confirmed.
pub type Answer = Box<dyn FnOnce(Option<Passphrase>) + Send>;

/// The world outside the page.
pub trait Native: Send + Sync + 'static {
    /// Asks the person, and lets `answer` know once.
    fn confirm(&self, confirmation: Confirmation, answer: Answer);

    /// Copies a text.
    fn copy(&self, text: String);

    /// Takes back a question that nobody waits for any more.
    fn withdraw(&self);
}
