//! A passphrase or PIN while it is typed: it prints nowhere, and its memory is cleared.

use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

/// The longest passphrase, in bytes.
const MAX_PASSPHRASE: usize = 256;

/// A passphrase while it is typed. Never printed; wiped when it is dropped.
pub struct Passphrase(Zeroizing<String>);

impl Default for Passphrase {
    fn default() -> Self {
        // Room for the longest from the start, so that growing leaves no copy behind.
        Self(Zeroizing::new(String::with_capacity(MAX_PASSPHRASE)))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl Passphrase {
    /// The characters, for the key alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// How many characters there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.chars().count()
    }

    /// A copy, for the next signature of a batch with a key that allows it; wiped like the original.
    pub(in crate::machine) fn copy(&self) -> Self {
        let mut copy = Self::default();
        copy.0.push_str(&self.0);
        copy
    }

    /// What was typed outside; nothing past what a passphrase may have.
    #[must_use]
    pub fn typed(text: &Zeroizing<String>) -> Self {
        let mut typed = Self::default();
        text.chars().for_each(|c| typed.push(c));
        typed
    }

    /// Takes one more character, as long as there is room.
    pub(super) fn push(&mut self, c: char) {
        if self.0.len() + c.len_utf8() <= MAX_PASSPHRASE {
            self.0.push(c);
        }
    }

    /// Takes the last character away.
    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    pub(super) fn clear(&mut self) {
        self.0.zeroize();
    }
}
