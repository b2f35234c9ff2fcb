//! Where words stand that may begin or name a secret.
//!
//! All of them are found, those that overlap too, in any case of letters, in the order in which they end. Most text
//! has none, so that it is looked through many bytes at a time first, in lower case, for anything that reads like
//! one; only what follows such a place is searched byte by byte.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use aho_corasick::{AhoCorasick, Input, MatchKind, Span};

use super::assignment::STEMS;
use super::shape::SHAPES;

/// Bytes that are looked through at once.
const BLOCK: usize = 16 << 10;
/// Bytes that are searched at once where something was seen.
const PIECE: usize = 64;

/// What may begin or name a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    Shape,
    Stem,
    Armour,
    Scheme,
    Credential,
    /// A document that says which of its values are secret.
    Document,
}

/// Tells of every trigger in a text; says whether it could look.
pub(super) fn each(bytes: &[u8], told: impl FnMut(Trigger, Range<usize>)) -> bool {
    let Some(triggers) = &*TRIGGERS else {
        return false;
    };
    triggers.each(bytes, BLOCK, told);
    true
}

static TRIGGERS: LazyLock<Option<Triggers>> = LazyLock::new(Triggers::new);

/// The words, and two ways to search for them.
struct Triggers {
    /// What each word is, in the order of the search's patterns.
    kinds: Vec<Trigger>,
    exact: AhoCorasick,
    /// Finds the first of the words in lower case; not to be had on every processor.
    quick: Option<Searcher>,
    /// Which bytes stand in a word.
    letters: [bool; 256],
}

impl Triggers {
    fn new() -> Option<Self> {
        let shapes = SHAPES.iter().map(|(prefix, ..)| (*prefix, Trigger::Shape));
        let stems = STEMS.iter().map(|stem| (*stem, Trigger::Stem));
        let others = [
            ("-----BEGIN", Trigger::Armour),
            ("://", Trigger::Scheme),
            ("bearer ", Trigger::Credential),
            ("basic ", Trigger::Credential),
            ("sensitive", Trigger::Document),
        ];
        let words = shapes.chain(stems).chain(others);
        let (words, kinds): (Vec<String>, Vec<Trigger>) = words
            .map(|(word, kind)| (word.to_ascii_lowercase(), kind))
            .unzip();
        let exact = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&words)
            .ok()?;
        let mut letters = [false; 256];
        for byte in words.iter().flat_map(|word| word.bytes()) {
            for byte in [byte, byte.to_ascii_uppercase()] {
                if let Some(is_letter) = letters.get_mut(usize::from(byte)) {
                    *is_letter = true;
                }
            }
        }
        Some(Self {
            kinds,
            exact,
            quick: Searcher::new(&words),
            letters,
        })
    }

    fn each(&self, bytes: &[u8], block: usize, mut told: impl FnMut(Trigger, Range<usize>)) {
        let mut search = |piece: Range<usize>| {
            for hit in self.exact.find_overlapping_iter(Input::new(bytes).range(piece)) {
                if let Some(kind) = self.kinds.get(hit.pattern().as_usize()) {
                    told(*kind, hit.range());
                }
            }
        };
        let Some(quick) = &self.quick else {
            return search(0..bytes.len());
        };
        let mut lower = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let end = self.cut(bytes, start + block);
            // One word of that length is looked through where it stands.
            if end - start > 2 * block {
                search(start..end);
                start = end;
                continue;
            }
            lower.clear();
            lower.extend_from_slice(bytes.get(start..end).unwrap_or_default());
            lower.make_ascii_lowercase();
            let mut from = 0;
            while let Some(seen) = quick.find_in(&lower, Span::from(from..lower.len())) {
                from = self.cut(&lower, seen.start() + PIECE);
                search(start + seen.start()..start + from);
            }
            start = end;
        }
    }

    /// The first place from `at` on where no word is cut: behind a byte that stands in none, or the end.
    fn cut(&self, bytes: &[u8], at: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let is_letter = |byte: &u8| self.letters.get(usize::from(*byte)).is_some_and(|is| *is);
        let stop = rest.iter().position(|byte| !is_letter(byte));
        stop.map_or(bytes.len(), |stop| at + stop + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every trigger in the order of a search byte by byte through all of it.
    fn plainly(triggers: &Triggers, bytes: &[u8]) -> Vec<(Trigger, Range<usize>)> {
        let hits = triggers.exact.find_overlapping_iter(bytes);
        hits.map(|hit| (triggers.kinds[hit.pattern().as_usize()], hit.range()))
            .collect()
    }

    /// Words in any case, cut or whole, with what stands between and inside of them, near to each other or far.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::sample::select(
            SHAPES
                .iter()
                .map(|(prefix, ..)| *prefix)
                .chain(STEMS.iter().copied())
                .chain(["-----BEGIN", "://", "bearer ", "basic ", "sensitive"])
                .collect::<Vec<_>>(),
        );
        let word = (word, any::<u16>(), 0usize..20).prop_map(|(word, upper, length)| {
            let letters = word.bytes().enumerate().take(length);
            let in_case = |(at, byte): (usize, u8)| match upper >> (at % 16) & 1 {
                0 => byte.to_ascii_lowercase(),
                _ => byte.to_ascii_uppercase(),
            };
            letters.map(in_case).collect::<Vec<u8>>()
        });
        let other = prop::collection::vec(any::<u8>(), 0..4);
        let fill = (prop::sample::select(b"aeks_-. :/\n=\"\xff".to_vec()), 0usize..90)
            .prop_map(|(byte, count)| vec![byte; count]);
        let part = prop_oneof![6 => word, 2 => other, 1 => fill];
        prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
    }

    #[test]
    fn the_quick_search_is_there_on_usual_processors() {
        let can = cfg!(target_arch = "aarch64") || cfg!(target_arch = "x86_64");
        assert_eq!(TRIGGERS.as_ref().unwrap().quick.is_some(), can);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_quick_look_misses_nothing_and_keeps_the_order(bytes in text(), block in 1usize..200) {
            let triggers = TRIGGERS.as_ref().unwrap();
            let mut found = Vec::new();
            triggers.each(&bytes, block, |kind, range| found.push((kind, range)));
            prop_assert_eq!(found, plainly(triggers, &bytes));
        }
    }
}
