//! A text for an editor: places stand where its secrets are, and the secrets come back where a place was left alone.
//!
//! A place names its number and the length of its secret, `⟦secret#1: 40 characters⟧`, and begins with a word that
//! stands nowhere else in the text, so that no document can make a secret land where it did not stand. Whoever edits
//! may move a place or take it out; one that is altered, made up or there twice is refused, and nothing is guessed.

use super::{Masks, Revealed, Secret, characters};

const OPEN: &str = "\u{27e6}";
const CLOSE: &str = "\u{27e7}";
const WORD: &str = "secret";

/// A text with places for its secrets, and the secrets.
#[derive(Clone)]
pub struct Editable {
    text: Vec<u8>,
    word: String,
    places: Vec<Place>,
    /// How many brackets the text itself has outside places.
    brackets: [usize; 2],
}

#[derive(Clone)]
struct Place {
    shown: String,
    secret: Vec<u8>,
}

/// Why an edited text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutBackError {
    /// A place is there twice.
    #[error("{place} stands in the text more than once, again in line {line}; leave one of them")]
    Twice {
        /// The place.
        place: String,
        /// The line of the second one, from 1.
        line: usize,
    },
    /// A place is no longer as it was.
    #[error("the mark of a secret in line {line} was altered; write it as it was, or take all of it out")]
    Altered {
        /// The line, from 1.
        line: usize,
    },
    /// A place that was never given.
    #[error("line {line} names secret {number}, but the text has only {of}; take the mark out")]
    Unknown {
        /// The line, from 1.
        line: usize,
        /// The number that is named.
        number: u64,
        /// How many places there are.
        of: usize,
    },
    /// Something of a place is left, but not all.
    #[error("a part of {place} is left in the text; write it as it was, or take all of it out")]
    Part {
        /// The first place that is missing.
        place: String,
    },
}

impl Masks {
    /// A text with places for its secrets, but for those that were revealed.
    #[must_use]
    pub fn editable(&self, text: &[u8], revealed: &Revealed) -> Editable {
        let word = own_word(text);
        let (mut shown, mut places, mut at) = (Vec::with_capacity(text.len()), Vec::new(), 0);
        let mut brackets = [0, 0];
        let mut keep = |shown: &mut Vec<u8>, part: &[u8]| {
            let found = [count(part, OPEN), count(part, CLOSE)];
            brackets = [brackets[0] + found[0], brackets[1] + found[1]];
            shown.extend_from_slice(part);
        };
        for range in self.ranges(text, self.random.as_ref()) {
            let bytes = text.get(range.clone()).unwrap_or_default();
            if bytes.is_empty() || revealed.holds(&Secret { masks: self, bytes }) {
                continue;
            }
            keep(&mut shown, text.get(at..range.start).unwrap_or_default());
            let characters = characters(bytes);
            let ending = if characters == 1 { "" } else { "s" };
            let place = format!(
                "{OPEN}{}{}: {characters} character{ending}{CLOSE}",
                word,
                places.len() + 1
            );
            shown.extend_from_slice(place.as_bytes());
            places.push(Place {
                shown: place,
                secret: bytes.to_vec(),
            });
            at = range.end;
        }
        keep(&mut shown, text.get(at..).unwrap_or_default());
        Editable {
            text: shown,
            word,
            places,
            brackets,
        }
    }
}

impl Editable {
    /// The text as it goes to the editor.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// How many secrets it holds back.
    #[must_use]
    pub const fn held_back(&self) -> usize {
        self.places.len()
    }

    /// The edited text with its secrets in their places.
    ///
    /// # Errors
    /// [`PutBackError`] names the place that is not as it was.
    pub fn put_back(&self, edited: &[u8]) -> Result<Vec<u8>, PutBackError> {
        if self.places.is_empty() {
            return Ok(edited.to_vec());
        }
        let mut used = vec![false; self.places.len()];
        let (mut whole, mut at) = (Vec::with_capacity(edited.len()), 0);
        for found in positions(edited, self.word.as_bytes()) {
            let line = || 1 + edited.iter().take(found).filter(|byte| **byte == b'\n').count();
            let altered = || PutBackError::Altered { line: line() };
            let start = found
                .checked_sub(OPEN.len())
                .filter(|start| *start >= at)
                .ok_or_else(altered)?;
            let number =
                number_at(edited.get(found + self.word.len()..).unwrap_or_default()).ok_or_else(altered)?;
            let index = usize::try_from(number)
                .ok()
                .and_then(|number| number.checked_sub(1));
            let Some((place, used)) =
                index.and_then(|index| Some((self.places.get(index)?, used.get_mut(index)?)))
            else {
                let of = self.places.len();
                let line = line();
                return Err(PutBackError::Unknown { line, number, of });
            };
            if !edited
                .get(start..)
                .is_some_and(|rest| rest.starts_with(place.shown.as_bytes()))
            {
                return Err(altered());
            }
            if std::mem::replace(used, true) {
                let place = place.shown.clone();
                let line = line();
                return Err(PutBackError::Twice { place, line });
            }
            whole.extend_from_slice(edited.get(at..start).unwrap_or_default());
            whole.extend_from_slice(&place.secret);
            at = start + place.shown.len();
        }
        whole.extend_from_slice(edited.get(at..).unwrap_or_default());
        self.nothing_is_left_of_others(edited, &used)?;
        Ok(whole)
    }

    /// Of a place that was taken out, no bracket may be left.
    fn nothing_is_left_of_others(&self, edited: &[u8], used: &[bool]) -> Result<(), PutBackError> {
        let Some((gone, _)) = self.places.iter().zip(used).find(|(_, used)| !**used) else {
            return Ok(());
        };
        let there = used.iter().filter(|used| **used).count();
        let [open, close] = self.brackets;
        if count(edited, OPEN) > open + there || count(edited, CLOSE) > close + there {
            let place = gone.shown.clone();
            return Err(PutBackError::Part { place });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Editable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Editable({} bytes, {} secrets)",
            self.text.len(),
            self.places.len()
        )
    }
}

/// A word that stands nowhere in the text: one `#` more than follow "secret" anywhere in it.
fn own_word(text: &[u8]) -> String {
    let longest = positions(text, WORD.as_bytes())
        .map(|at| {
            let behind = text.get(at + WORD.len()..).unwrap_or_default();
            behind.iter().take_while(|byte| **byte == b'#').count()
        })
        .max()
        .unwrap_or(0);
    format!("{WORD}{}", "#".repeat(longest + 1))
}

fn positions<'a>(text: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let windows = text.windows(word.len()).enumerate();
    windows
        .filter(move |(_, window)| *window == word)
        .map(|(at, _)| at)
}

fn count(text: &[u8], bracket: &str) -> usize {
    positions(text, bracket.as_bytes()).count()
}

/// The number that a place names, up to its colon.
fn number_at(text: &[u8]) -> Option<u64> {
    let digits = text
        .iter()
        .take(20)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, rest) = text.split_at_checked(digits)?;
    rest.starts_with(b":").then_some(())?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use countersign_protocol::mask::MaskKey;
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "env: production\ntoken: abcdef123456\nport: 1\npassword: uvwxyz987654\n";

    fn masks(text: &[u8]) -> Masks {
        Masks::of_documents("config-file", Some(MaskKey::from_random([3; 32])), &[text])
    }

    fn editable(text: &str) -> Editable {
        masks(text.as_bytes()).editable(text.as_bytes(), &Revealed::default())
    }

    fn shown(editable: &Editable) -> String {
        String::from_utf8(editable.text().to_vec()).unwrap()
    }

    fn put_back(editable: &Editable, edited: &str) -> Result<String, PutBackError> {
        let whole = editable.put_back(edited.as_bytes())?;
        Ok(String::from_utf8(whole).unwrap())
    }

    #[test]
    fn the_editor_sees_places_and_what_comes_back_holds_the_secrets() {
        let covered = editable(TEXT);
        let text = shown(&covered);
        assert_eq!(
            text,
            "env: production\ntoken: \u{27e6}secret#1: 12 characters\u{27e7}\nport: 1\n\
             password: \u{27e6}secret#2: 12 characters\u{27e7}\n"
        );
        assert_eq!(put_back(&covered, &text).unwrap(), TEXT);
        let other = text.replace("port: 1", "port: 2");
        assert_eq!(
            put_back(&covered, &other).unwrap(),
            TEXT.replace("port: 1", "port: 2")
        );
        assert!(!format!("{covered:?}").contains("abcdef"));
    }

    #[test]
    fn a_place_may_be_moved_or_taken_out_and_a_secret_may_be_written_anew() {
        let covered = editable(TEXT);
        let less = "env: production\npassword: \u{27e6}secret#2: 12 characters\u{27e7}\n";
        assert_eq!(
            put_back(&covered, less).unwrap(),
            "env: production\npassword: uvwxyz987654\n"
        );
        let swapped =
            "a: \u{27e6}secret#2: 12 characters\u{27e7}\nb: \u{27e6}secret#1: 12 characters\u{27e7}\n";
        assert_eq!(
            put_back(&covered, swapped).unwrap(),
            "a: uvwxyz987654\nb: abcdef123456\n"
        );
        let anew = "token: another\n";
        assert_eq!(put_back(&covered, anew).unwrap(), anew);
    }

    #[test]
    fn what_is_copied_altered_made_up_or_left_in_part_is_refused_and_named() {
        let covered = editable(TEXT);
        let text = shown(&covered);
        let one = "\u{27e6}secret#1: 12 characters\u{27e7}";
        let twice = format!("{text}again: {one}\n");
        assert_eq!(
            put_back(&covered, &twice),
            Err(PutBackError::Twice {
                place: one.to_owned(),
                line: 5
            })
        );
        for (from, to) in [
            ("secret#1: 12", "secret#1: 13"),
            ("secret#1: 12 characters\u{27e7}", "secret#1: 12 characters"),
            ("\u{27e6}secret#1", "secret#1"),
            ("secret#1:", "secret#x:"),
            ("secret#1:", "secret#:"),
            ("secret#1: 12 characters\u{27e7}", "secret#1\u{27e7}"),
        ] {
            let refused = put_back(&covered, &text.replacen(from, to, 1));
            assert_eq!(refused, Err(PutBackError::Altered { line: 2 }), "{to}");
        }
        let unknown = text.replace("secret#1", "secret#7");
        assert!(matches!(
            put_back(&covered, &unknown),
            Err(PutBackError::Unknown { number: 7, of: 2, .. })
        ));
        for left in [
            "\u{27e6}",
            "1: 12 characters\u{27e7}",
            "\u{27e6}secret: 12 characters\u{27e7}",
        ] {
            let part = put_back(&covered, &text.replace(one, left));
            assert!(matches!(part, Err(PutBackError::Part { .. })), "{left}");
        }
    }

    #[test]
    fn no_document_can_write_a_place_of_its_own() {
        let text = format!("note: \u{27e6}secret#1: 12 characters\u{27e7} secret###\n{TEXT}");
        let covered = editable(&text);
        assert!(shown(&covered).contains("\u{27e6}secret####1: 12 characters\u{27e7}"));
        assert_eq!(put_back(&covered, &shown(&covered)).unwrap(), text);
    }

    #[test]
    fn what_was_revealed_goes_to_the_editor_as_it_is() {
        let masks = masks(TEXT.as_bytes());
        let mark = masks
            .secrets()
            .into_iter()
            .find(|secret| secret.clear() == b"abcdef123456")
            .unwrap()
            .mark();
        let mut revealed = Revealed::default();
        revealed.add(mark);
        let covered = masks.editable(TEXT.as_bytes(), &revealed);
        assert!(shown(&covered).contains("abcdef123456") && !shown(&covered).contains("uvwxyz987654"));
        revealed.add(None);
        let covered = masks.editable(TEXT.as_bytes(), &revealed);
        assert_eq!((covered.text(), covered.held_back()), (TEXT.as_bytes(), 0));
    }

    proptest! {
        #[test]
        fn what_is_not_edited_comes_back_byte_for_byte(
            parts in prop::collection::vec(prop::sample::select(vec![
                "token: abcdef123456\n", "password=uvwxyz987654 ", "\u{27e6}", "\u{27e7}", "secret", "#", "secret##1: 12 characters",
                "\u{27e6}secret#1: 12 characters\u{27e7}", "\n", "plain text ",
            ]), 0..12),
            noise in prop::collection::vec(any::<u8>(), 0..16),
        ) {
            let mut text = parts.concat().into_bytes();
            text.extend(noise);
            let masks = masks(&text);
            let covered = masks.editable(&text, &Revealed::default());
            prop_assert_eq!(covered.put_back(covered.text()).unwrap(), text);
        }

        #[test]
        fn an_edited_text_holds_a_secret_at_most_as_often_as_before(edits in prop::collection::vec((0usize..200, any::<prop::sample::Index>()), 0..6)) {
            let covered = editable(TEXT);
            let mut text = shown(&covered);
            for (at, from) in edits {
                // Copies a piece of the text to another place of it.
                let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                let from = starts[from.index(starts.len())];
                let to = starts[at % starts.len()];
                let piece: String = text[from..].chars().take(30).collect();
                text.insert_str(to, &piece);
            }
            if let Ok(whole) = put_back(&covered, &text) {
                prop_assert!(whole.matches("abcdef123456").count() <= 1);
                prop_assert!(whole.matches("uvwxyz987654").count() <= 1);
            }
        }
    }
}
