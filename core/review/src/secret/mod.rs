//! Secrets of a request, and the masks that stand in their place.
//!
//! [`Masks`] is made once for a request: it finds the secrets in everything that would run, and then covers them
//! wherever text of the request is shown. A mask tells the length in characters and a mark: a truncated
//! HMAC-SHA-256 of the bytes under the request's [`MaskKey`]. Within one request equal secrets have equal marks
//! and different ones different marks, so that a rotation shows; between requests marks say nothing.
//!
//! A mask is written in the brackets of the escaper ([`crate::text`]), which no text from outside can bring to a
//! screen: nothing imitates a mask. What looks random and was found in one place is covered in every other too;
//! what does not is covered only where it was found, so that nobody hides a word of the document by calling it a
//! password elsewhere.
//!
//! It is a courtesy to screens, logs and shoulders, not encryption: who holds the request holds its key and the
//! bytes. Which texts count as secrets is part of the form of the sheet: a changed rule here is a new
//! [`crate::sheet::SHEET_VERSION`].

mod armour;
mod assignment;
mod cover;
mod editing;
mod find;
mod payload;
mod reveal;
mod shape;
mod structure;
#[cfg(test)]
mod tests;
mod trigger;

pub use cover::{Cover, Covers};
pub use editing::{Editable, PutBackError};
pub use reveal::{Revealed, Secret};
pub(crate) use shape::tokens;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use countersign_protocol::mask::{MaskKey, SecretMark};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::beside;
use crate::diff::text::Bytes;
use crate::text::{Mark, Span, escape_line, spans_to_string};

/// As many secrets as are looked for in other places.
const MAX_KNOWN: usize = 4_000;
/// As long as one pattern of them is.
const PIECE: usize = 256;
/// The shortest secret that is looked for in other places, in bytes.
const LEAST_KNOWN: usize = 8;

/// The masks of one request.
#[derive(Clone)]
pub struct Masks {
    kind: String,
    key: Option<MaskKey>,
    shows_all: bool,
    known: BTreeSet<Vec<u8>>,
    /// The documents in which they were found, with their places: no document is searched twice.
    searched: Vec<(Bytes, Vec<Range<usize>>)>,
    /// Those that look random: covered wherever they stand.
    random: Option<AhoCorasick>,
    /// All of them: covered in values that were taken out of a document.
    all: Option<AhoCorasick>,
}

/// What was found in everything that would run.
#[derive(Default)]
struct Learnt {
    known: BTreeSet<Vec<u8>>,
    searched: Vec<(Bytes, Vec<Range<usize>>)>,
}

impl Learnt {
    fn documents(&mut self, kind: &str, documents: Vec<Bytes>) {
        let bytes = documents.iter().map(|document| document.len()).sum();
        for (document, found) in beside::map(bytes, documents, |document| {
            let found = find::find(kind, &document);
            (document, found)
        }) {
            let secrets = found.iter().filter_map(|range| document.get(range.clone()));
            self.known.extend(secrets.map(<[u8]>::to_vec));
            self.searched.push((document, found));
        }
    }
}

impl Masks {
    /// Masks nothing: for sheets of the form before masks, and for what a person had revealed.
    #[must_use]
    pub fn off() -> Self {
        Self {
            shows_all: true,
            ..Self::default()
        }
    }

    /// The masks of documents of a kind of action.
    #[must_use]
    pub fn of_documents(kind: &str, key: Option<MaskKey>, documents: &[&[u8]]) -> Self {
        Self::of_shared(kind, key, documents.iter().copied().map(Bytes::from))
    }

    /// The masks of documents that others hold too: none of them is copied.
    #[must_use]
    pub fn of_shared(kind: &str, key: Option<MaskKey>, documents: impl IntoIterator<Item = Bytes>) -> Self {
        let mut learnt = Learnt::default();
        learnt.documents(kind, documents.into_iter().collect());
        Self::knowing(kind, key, learnt)
    }

    fn knowing(kind: &str, key: Option<MaskKey>, Learnt { known, searched }: Learnt) -> Self {
        let parts: BTreeSet<&[u8]> = known.iter().flat_map(|secret| parts(secret)).collect();
        let of = |wanted: &dyn Fn(&[u8]) -> bool| {
            let mut words = parts
                .iter()
                .filter(|word| wanted(word))
                .take(MAX_KNOWN)
                .peekable();
            words.peek()?;
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(words)
                .ok()
        };
        Self {
            random: of(&is_random),
            all: of(&|word| word.len() >= 4),
            kind: kind.to_owned(),
            key,
            shows_all: false,
            known,
            searched,
        }
    }

    /// The bytes of a document, without a copy of their own where its secrets were looked for.
    pub(crate) fn shared(&self, document: &[u8]) -> Bytes {
        let known = self.searched.iter().find(|(bytes, _)| **bytes == *document);
        known.map_or_else(|| document.into(), |(bytes, _)| bytes.clone())
    }

    /// How many different secrets were found.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// Finds what is covered of a document.
    #[must_use]
    pub fn cover(&self, document: &[u8]) -> Cover {
        Cover::new(self, document)
    }

    /// A text on one line as it is shown.
    #[must_use]
    pub fn spans(&self, text: &[u8]) -> Vec<Span> {
        self.cover(text).spans(0, text)
    }

    /// A text on one line as it is shown, without how.
    #[must_use]
    pub fn escaped(&self, text: &[u8]) -> String {
        spans_to_string(&self.spans(text))
    }

    /// A text with masks in the place of its secrets, escaped; nothing where it holds none.
    #[must_use]
    pub fn covered(&self, text: &str) -> Option<String> {
        let cover = self.cover(text.as_bytes());
        (!cover.is_empty()).then(|| spans_to_string(&cover.spans(0, text.as_bytes())))
    }

    /// What an action is about, as it is shown: only secrets that this text itself shows are covered, so that no
    /// document can cover a word of it.
    #[must_use]
    pub fn name(&self, text: &[u8]) -> String {
        let found = self.ranges(text, None);
        spans_to_string(&Cover::of(self, text, found).spans(0, text))
    }

    /// A value that was taken out of a document, as it is shown: what stood beside it there no longer tells
    /// what it is, so every secret that is known is covered.
    #[must_use]
    pub fn lexeme(&self, text: &[u8]) -> Vec<Span> {
        let found = self.ranges(text, self.all.as_ref());
        Cover::of(self, text, found).spans(0, text)
    }

    /// A text of this program that may quote the request's, already escaped.
    #[must_use]
    pub fn quoting(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        // What the escaper wrote in brackets stays whole.
        while let Some(open) = rest.find('\u{27e6}') {
            let (before, escape) = rest.split_at(open);
            let end = escape
                .find('\u{27e7}')
                .map_or(escape.len(), |end| end + '\u{27e7}'.len_utf8());
            let (escape, behind) = escape.split_at(end);
            self.quote(&mut shown, before);
            shown.push_str(escape);
            rest = behind;
        }
        self.quote(&mut shown, rest);
        shown
    }

    fn quote(&self, shown: &mut String, text: &str) {
        let ranges = self.ranges(text.as_bytes(), self.random.as_ref());
        let cover = Cover::of(self, text.as_bytes(), ranges);
        if cover.is_empty() {
            shown.push_str(text);
        } else {
            shown.push_str(&spans_to_string(&cover.spans(0, text.as_bytes())));
        }
    }

    /// The ranges that are covered of a text: the secrets it shows itself, and known ones.
    fn ranges(&self, text: &[u8], known: Option<&AhoCorasick>) -> Vec<Range<usize>> {
        if self.shows_all {
            return Vec::new();
        }
        let searched = self.searched.iter().find(|(bytes, _)| **bytes == *text);
        let mut found = searched.map_or_else(|| find::find(&self.kind, text), |(_, found)| found.clone());
        if let Some(known) = known {
            found.extend(known.find_iter(text).map(|hit| hit.range()));
        }
        find::joined(found)
    }

    /// The mask of a secret, or of one of its lines.
    fn form(&self, secret: &[u8], line: Option<(usize, usize)>) -> String {
        let characters = characters(secret);
        let place = line.map_or_else(String::new, |(line, of)| format!("line {line} of {of}, "));
        let mark = self
            .mark(secret)
            .map_or_else(String::new, |mark| format!(", mark {mark}"));
        let word = if characters == 1 {
            "character"
        } else {
            "characters"
        };
        format!("\u{27e6}secret: {place}{characters} {word}{mark}\u{27e7}")
    }

    /// 64 bits that tell this secret from the others of the request.
    fn mark(&self, secret: &[u8]) -> Option<SecretMark> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key?.as_bytes()).ok()?;
        mac.update(b"countersign/mask/v1\0");
        mac.update(secret);
        let tag = mac.finalize().into_bytes();
        let bits: [u8; 8] = tag.get(..8)?.try_into().ok()?;
        Some(SecretMark::from_bytes(bits))
    }
}

/// Masks that know no secret yet: they cover what a text itself shows.
impl Default for Masks {
    fn default() -> Self {
        Self::knowing("", None, Learnt::default())
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks({} known)", self.known.len())
    }
}

/// A secret as it may stand in another place: line by line, and long lines piece by piece.
fn parts(secret: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = secret.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.flat_map(|line| line.chunks(PIECE))
}

/// Whether a secret looks random enough to be covered wherever it stands: an agent that calls a word or an address
/// a password must not hide it in the rest of the document.
fn is_random(secret: &[u8]) -> bool {
    let has = |wanted: fn(&u8) -> bool| secret.iter().any(wanted);
    secret.len() >= LEAST_KNOWN
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && !has(|byte| matches!(byte, b' ' | b'\t'))
}

/// The length of a secret, in characters.
fn characters(secret: &[u8]) -> usize {
    String::from_utf8_lossy(secret).chars().count()
}

fn mask_span(form: String) -> Span {
    Span {
        text: form,
        mark: Mark::Secret,
    }
}

fn plain_spans(text: &[u8]) -> Vec<Span> {
    escape_line(text)
}
