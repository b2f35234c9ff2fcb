//! The search of the queue: how well each row answers what was typed.
//!
//! What rows share (names, kinds, states) is judged once for each word, before any row is; of a row itself only
//! the target is read, and only where all letters of the word are in it.

use countersign_protocol::identity::RequestId;
use countersign_protocol::kind::KINDS;
use countersign_protocol::request::Phase;

use super::fuzzy::{self, Score};
use super::rows::{Letters, Names, Searched};

/// From this length on a word may be the beginning of a request's id.
const MIN_ID: usize = 3;

/// What is searched for.
pub struct Search(Vec<Word>);

struct Word {
    text: Vec<u8>,
    letters: Letters,
    /// The beginning of an id that it may be.
    id: Option<IdStart>,
    refused: Option<Score>,
    phases: Vec<Option<Score>>,
    severities: Vec<Option<Score>>,
    kinds: Vec<Option<Score>>,
    agents: Vec<Option<Score>>,
    environments: Vec<Option<Score>>,
}

/// The first bits of a request's id, as base 32 spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct IdStart {
    bits: u128,
    count: u32,
}

impl Search {
    /// A search for every one of these words, in lower case.
    pub fn new(words: Vec<Vec<u8>>, names: &Names) -> Self {
        Self(words.into_iter().map(|word| Word::new(word, names)).collect())
    }

    /// How well a row answers, or nothing where it does not answer every word.
    pub fn score(&self, row: &Searched<'_>) -> Option<Score> {
        self.0.iter().map(|word| word.score(row)).sum()
    }
}

impl Word {
    fn new(text: Vec<u8>, names: &Names) -> Self {
        let near = |field: &str| fuzzy::score(&text, field.as_bytes());
        Self {
            letters: Letters::of(&text),
            id: IdStart::of(&text),
            refused: fuzzy::exact(&text, b"refused"),
            phases: Phase::ALL.iter().map(|phase| near(phase.word())).collect(),
            severities: (0..=4)
                .map(|level| near(countersign_protocol::approval::Severity::from_level(level).word()))
                .collect(),
            kinds: KINDS.iter().map(|kind| near(kind.id)).collect(),
            agents: names.agents.iter().map(|name| near(name.as_str())).collect(),
            environments: names
                .environments
                .iter()
                .map(|name| near(name.as_str()))
                .collect(),
            text,
        }
    }

    fn score(&self, row: &Searched<'_>) -> Option<Score> {
        let id = self
            .id
            .filter(|start| start.begins(row.id))
            .map(|start| 100 + start.count);
        if row.refused {
            return self.refused.max(id);
        }
        let known = |scores: &[Option<Score>], index: usize| scores.get(index).copied().flatten();
        let target = if row.letters.holds(self.letters) {
            fuzzy::score(&self.text, row.target)
        } else {
            None
        };
        target
            .max(known(&self.phases, row.phase as usize))
            .max(known(&self.severities, row.severity as usize))
            .max(known(&self.kinds, row.kind))
            .max(known(&self.agents, row.agent))
            .max(known(&self.environments, row.environment))
            .max(id)
    }
}

impl IdStart {
    /// The bits that a word spells, with or without the `r-` before them. The last letter of a whole id has bits
    /// beyond the id; those before it tell more than enough.
    fn of(word: &[u8]) -> Option<Self> {
        if word.len() < MIN_ID {
            return None;
        }
        let body = word.strip_prefix(b"r-").unwrap_or(word);
        if body.is_empty() || body.len() > 26 {
            return None;
        }
        let mut start = Self { bits: 0, count: 0 };
        for (at, letter) in body.iter().enumerate() {
            let value = match letter {
                b'a'..=b'z' => letter - b'a',
                b'2'..=b'7' => letter - b'2' + 26,
                _ => return None,
            };
            if at < 25 {
                start.bits = start.bits << 5 | u128::from(value);
                start.count += 5;
            }
        }
        Some(start)
    }

    fn begins(self, id: RequestId) -> bool {
        u128::from_be_bytes(*id.as_bytes()) >> (128 - self.count) == self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
    use proptest::prelude::*;

    fn id(number: u8) -> RequestId {
        RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number])))
    }

    #[test]
    fn every_beginning_of_an_id_finds_it_and_no_other() {
        for number in 0..20 {
            let whole = id(number).to_string();
            for length in MIN_ID..=whole.len() {
                let start = IdStart::of(&whole.as_bytes()[..length]).unwrap();
                assert!(start.begins(id(number)), "{whole} {length}");
                assert!(length < 12 || !start.begins(id(number + 1)));
            }
            assert!(IdStart::of(&whole.as_bytes()[2..]).unwrap().begins(id(number)));
        }
        assert_eq!(IdStart::of(b"r-!"), None);
        assert_eq!(IdStart::of(b"de"), None);
    }

    proptest! {
        /// A longer word finds less: so a search may go on in what was found before.
        #[test]
        fn what_answers_a_longer_word_answers_a_shorter_one(
            text in "[a-dA-D/.-]{0,40}", word in "[a-d]{1,8}", more in "[a-d]{1,4}"
        ) {
            let longer = vec![format!("{word}{more}").into_bytes()];
            let shorter = vec![word.clone().into_bytes()];
            if fuzzy::narrows(&shorter, &longer) && fuzzy::score(&longer[0], text.as_bytes()).is_some() {
                prop_assert!(fuzzy::score(&shorter[0], text.as_bytes()).is_some());
            }
        }

        #[test]
        fn letters_never_rule_out_a_match(text in "[a-zA-Z0-9/.-]{0,30}", word in "[a-z0-9-]{1,6}") {
            if fuzzy::score(word.as_bytes(), text.as_bytes()).is_some() {
                prop_assert!(Letters::of(text.as_bytes()).holds(Letters::of(word.as_bytes())));
            }
        }
    }
}
