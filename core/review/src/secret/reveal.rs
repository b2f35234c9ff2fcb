//! Which secrets of a request there are, and which of them a person had revealed.

use std::collections::BTreeSet;

use countersign_protocol::mask::SecretMark;

use super::Masks;

/// A secret of a request. It prints nothing of itself.
#[derive(Clone, Copy)]
pub struct Secret<'a> {
    pub(super) masks: &'a Masks,
    pub(super) bytes: &'a [u8],
}

/// What a person had revealed of a request; nothing to begin with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revealed {
    all: bool,
    marks: BTreeSet<SecretMark>,
}

impl Masks {
    /// The secrets that were found, in the order of their marks: one that stays the same and tells nothing of them.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret<'_>> {
        let known = self.known.iter().map(|bytes| Secret { masks: self, bytes });
        let mut all: Vec<Secret<'_>> = known.collect();
        all.sort_by_cached_key(Secret::mark);
        all
    }
}

impl<'a> Secret<'a> {
    /// Its mark, where the request has a key for marks.
    #[must_use]
    pub fn mark(&self) -> Option<SecretMark> {
        self.masks.mark(self.bytes)
    }

    /// Its mask.
    #[must_use]
    pub fn mask(&self) -> String {
        self.masks.form(self.bytes, None)
    }

    /// It, in the clear: for a person who had it revealed, never for a record.
    #[must_use]
    pub const fn clear(&self) -> &'a [u8] {
        self.bytes
    }
}

impl std::fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.mask())
    }
}

impl Revealed {
    /// One more secret; without its mark, all of the request.
    pub fn add(&mut self, secret: Option<SecretMark>) {
        match secret {
            Some(mark) => drop(self.marks.insert(mark)),
            None => self.all = true,
        }
    }

    /// Whether anything was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.marks.is_empty()
    }

    /// Whether a secret was.
    #[must_use]
    pub fn holds(&self, secret: &Secret<'_>) -> bool {
        self.all || secret.mark().is_some_and(|mark| self.marks.contains(&mark))
    }
}
