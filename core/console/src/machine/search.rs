//! The search of the queue: how well each row answers what was typed.
//!
//! What rows share (names, kinds, states) is judged once for each word, before any row is; of a row itself only
//! the target is read, and only where all letters of the word are in it.

use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::kind::KINDS;
use countersign_protocol::request::Phase;

use super::fuzzy::{self, Score};
use super::names::{Family, Names};
use super::rows::Searched;
use super::state::DigestStart;
use super::target::Letters;

/// From this length on a word may be the beginning of a request's id.
const MIN_ID: usize = 3;
/// From this length on a word may be the beginning of a digest. Not more, so that a longer word finds less.
const MIN_DIGEST: usize = 3;

/// What is searched for.
pub struct Search {
    words: Vec<Word>,
    /// The target of the row that is asked.
    target: Vec<u8>,
}

struct Word {
    text: Vec<u8>,
    letters: Letters,
    /// The beginning of an id that it may be.
    id: Option<IdStart>,
    refused: Option<Score>,
    phases: Vec<Option<Score>>,
    severities: Vec<Option<Score>>,
    /// For each family of row how well its kind, agent, environment and approvers answer.
    families: Vec<Option<Score>>,
    /// The beginning of a digest that it may be.
    digest: Option<DigestBeginning>,
}

/// The first hexadecimal digits of a digest: their value and how many they are, at most eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DigestBeginning {
    value: u32,
    digits: u32,
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
        Self {
            words: words.into_iter().map(|word| Word::new(word, names)).collect(),
            target: Vec::new(),
        }
    }

    /// How well a row answers, or nothing where it does not answer every word.
    pub fn score(&mut self, row: &Searched<'_>) -> Option<Score> {
        self.target.clear();
        if self.words.iter().any(|word| row.letters.holds(word.letters)) {
            row.target.write_to(&mut self.target);
        }
        self.words.iter().map(|word| word.score(row, &self.target)).sum()
    }
}

impl Word {
    fn new(text: Vec<u8>, names: &Names) -> Self {
        let near = |field: &str| fuzzy::score(&text, field.as_bytes());
        let kinds: Vec<Option<Score>> = KINDS.iter().map(|kind| near(kind.id)).collect();
        let agents: Vec<Option<Score>> = names.agents.iter().map(|name| near(name.as_str())).collect();
        let environments = names.environments.iter();
        let environments: Vec<Option<Score>> = environments.map(|name| near(name.as_str())).collect();
        let approvers = |people: &[PersonId]| people.iter().filter_map(|person| near(person.as_str())).max();
        let counts: Vec<Option<Score>> = names
            .counts
            .iter()
            .map(|count| approvers(&count.approved_by))
            .collect();
        let family = |family: &Family| {
            known(&kinds, family.kind)
                .max(known(&agents, family.agent))
                .max(known(&environments, family.environment))
                .max(known(&counts, family.count))
        };
        Self {
            letters: Letters::of(&text),
            id: IdStart::of(&text),
            refused: fuzzy::exact(&text, b"refused"),
            phases: Phase::ALL.iter().map(|phase| near(phase.word())).collect(),
            severities: (0..=4)
                .map(|level| near(countersign_protocol::approval::Severity::from_level(level).word()))
                .collect(),
            families: names.families.iter().map(family).collect(),
            digest: DigestBeginning::of(&text),
            text,
        }
    }

    /// How well a row answers; its target is read only where all letters of the word are in it.
    fn score(&self, row: &Searched<'_>, target: &[u8]) -> Option<Score> {
        let id = self
            .id
            .filter(|start| start.begins(row.id))
            .map(|start| 100 + start.count);
        if row.refused {
            return self.refused.max(id);
        }
        let target = if row.letters.holds(self.letters) {
            fuzzy::score(&self.text, target)
        } else {
            None
        };
        target
            .max(known(&self.phases, row.phase as usize))
            .max(known(&self.severities, row.severity as usize))
            .max(known(&self.families, row.family))
            .max(self.decider(row.deciders))
            .max(id)
            .max(
                self.digest
                    .filter(|digest| digest.begins(row.digest_start))
                    .map(|digest| 8 * digest.digits),
            )
    }
}

impl Word {
    fn decider(&self, people: &[PersonId]) -> Option<Score> {
        let scores = people
            .iter()
            .filter_map(|person| fuzzy::score(&self.text, person.as_str().as_bytes()));
        scores.max()
    }
}

/// The score that stands at a number.
fn known(scores: &[Option<Score>], number: impl TryInto<usize>) -> Option<Score> {
    scores.get(number.try_into().ok()?).copied().flatten()
}

impl DigestBeginning {
    /// What a word of hexadecimal digits begins with.
    fn of(word: &[u8]) -> Option<Self> {
        if !(MIN_DIGEST..=64).contains(&word.len()) || !word.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let start = std::str::from_utf8(word.get(..word.len().min(8))?).ok()?;
        Some(Self {
            value: u32::from_str_radix(start, 16).ok()?,
            digits: u32::try_from(start.len()).ok()?,
        })
    }

    fn begins(self, digest: DigestStart) -> bool {
        u32::from_be_bytes(digest) >> (32 - 4 * self.digits) == self.value
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

    #[test]
    fn the_beginning_of_a_digest_finds_it_and_no_other() {
        let begins =
            |word: &[u8], digest| DigestBeginning::of(word).is_some_and(|start| start.begins(digest));
        let digest = [0x0a, 0xbc, 0xde, 0xf1];
        assert!(begins(b"0abcde", digest) && begins(b"0abcdef", digest) && begins(b"0abcdef1", digest));
        assert!(begins(b"0abcdef1aaaaaaaaaaaa", digest));
        assert!(begins(b"0ab", digest) && !begins(b"0abcd0", digest) && !begins(b"0abcdef2", digest));
        for none in [&b"0a"[..], b"workers", &[b'a'; 65]] {
            assert_eq!(DigestBeginning::of(none), None);
        }
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
