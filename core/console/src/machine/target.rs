//! The targets of a queue's rows, close together in memory.
//!
//! Many begin alike: with a host and a folder, or with an account. Such a beginning is kept once, as long as there
//! are not too many of them; what is a target's own stands behind that of the one before.

use std::collections::HashMap;

/// The most beginnings that are kept; where all targets begin otherwise, keeping more would only cost.
const MAX_HEADS: usize = 4096;

/// Many targets.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// For each the number of its beginning and the length of its rest, both in groups of seven bits, and its rest.
    bytes: Vec<u8>,
    /// The beginnings; their numbers count from 1, since 0 says that there is none.
    heads: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, usize>,
}

/// One target, in two parts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Target<'a> {
    head: &'a [u8],
    rest: &'a [u8],
}

impl Targets {
    /// Takes a target and says where it stands; nothing where no room is left.
    pub fn take(&mut self, target: &[u8]) -> Option<u32> {
        let place = u32::try_from(self.bytes.len()).ok()?;
        let end = target.iter().rposition(|byte| matches!(byte, b'/' | b':'));
        let (head, rest) = target.split_at(end.map_or(0, |end| end + 1));
        let (number, rest) = match self.number(head) {
            Some(number) => (number, rest),
            None => (0, target),
        };
        put_number(&mut self.bytes, number);
        put_number(&mut self.bytes, rest.len());
        self.bytes.extend_from_slice(rest);
        Some(place)
    }

    /// The target that stands at a place.
    pub fn at(&self, place: u32) -> Option<Target<'_>> {
        let bytes = self.bytes.get(usize::try_from(place).ok()?..)?;
        let (number, bytes) = split_number(bytes)?;
        let (length, bytes) = split_number(bytes)?;
        let head = match number.checked_sub(1) {
            Some(index) => self.heads.get(index)?,
            None => &[][..],
        };
        let rest = bytes.get(..length)?;
        Some(Target { head, rest })
    }

    /// The number of a beginning; it gets one where it has none and there is room.
    fn number(&mut self, head: &[u8]) -> Option<usize> {
        if let Some(number) = self.numbers.get(head) {
            return Some(*number);
        }
        if head.is_empty() || self.heads.len() >= MAX_HEADS {
            return None;
        }
        self.heads.push(head.to_vec());
        self.numbers.insert(head.to_vec(), self.heads.len());
        Some(self.heads.len())
    }

    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl Target<'_> {
    /// Whether it reads so.
    pub fn is(&self, text: &[u8]) -> bool {
        text.strip_prefix(self.head).is_some_and(|rest| rest == self.rest)
    }

    /// Writes it behind what is there.
    pub fn write_to(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(self.head);
        text.extend_from_slice(self.rest);
    }
}

/// The letters and digits of a text, in any case. A word whose letters are not all there cannot stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letters(u32);

impl Letters {
    pub fn of(text: &[u8]) -> Self {
        Self(text.iter().fold(0, |all, byte| {
            all | match byte.to_ascii_lowercase() {
                letter @ b'a'..=b'z' => 1 << (letter - b'a'),
                digit @ b'0'..=b'9' => 1 << (26 + (digit - b'0') / 2),
                _ => 0,
            }
        }))
    }

    pub const fn holds(self, word: Self) -> bool {
        word.0 & !self.0 == 0
    }
}

/// Writes a number: seven bits in each byte, the lowest first, and a mark on all but the last.
fn put_number(to: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        to.extend(u8::try_from(number & 0x7f).map(|low| low | 0x80));
        number >>= 7;
    }
    to.extend(u8::try_from(number));
}

/// A number that bytes begin with, and what stands behind it.
fn split_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let last = bytes.iter().position(|byte| *byte < 0x80)?;
    let (number, rest) = bytes.split_at_checked(last + 1)?;
    let number = number
        .iter()
        .rev()
        .fold(0, |number: usize, byte| number << 7 | usize::from(byte & 0x7f));
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(targets: &Targets, place: u32) -> Vec<u8> {
        let mut text = Vec::new();
        targets.at(place).unwrap().write_to(&mut text);
        text
    }

    #[test]
    fn targets_of_any_length_come_back_whole() {
        let mut targets = Targets::default();
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 70_000] {
            for target in [vec![b'x'; length], [&b"a:/"[..], &vec![b'x'; length]].concat()] {
                let place = targets.take(&target).unwrap();
                assert_eq!(text(&targets, place), target, "{length}");
            }
        }
    }

    #[test]
    fn what_many_begin_with_is_kept_once_and_not_without_end() {
        let mut targets = Targets::default();
        for number in 0..100 {
            targets.take(format!("file://web-1/etc/nginx/{number:02}").as_bytes());
        }
        assert_eq!((targets.heads.len(), targets.size()), (1, 400));
        let all: Vec<String> = (0..MAX_HEADS + 100)
            .map(|number| format!("file://{number}/x"))
            .collect();
        let places: Vec<u32> = all
            .iter()
            .map(|target| targets.take(target.as_bytes()).unwrap())
            .collect();
        assert_eq!(targets.heads.len(), MAX_HEADS);
        for (place, target) in places.iter().zip(&all) {
            assert_eq!(text(&targets, *place), target.as_bytes());
        }
    }

    #[test]
    fn letters_that_are_not_there_rule_a_word_out() {
        let target = Letters::of(b"file://Web-1/etc");
        assert!(target.holds(Letters::of(b"web")) && target.holds(Letters::of(b"-/")));
        assert!(!target.holds(Letters::of(b"webx")) && !target.holds(Letters::of(b"9")));
    }

    proptest! {
        #[test]
        fn every_target_comes_back_and_is_no_other(
            all in prop::collection::vec("[a-c/:]{0,6}".prop_map(String::into_bytes), 1..20)
        ) {
            let mut targets = Targets::default();
            let places: Vec<u32> = all.iter().map(|target| targets.take(target).unwrap()).collect();
            for (place, target) in places.iter().zip(&all) {
                prop_assert_eq!(&text(&targets, *place), target);
                for other in &all {
                    prop_assert_eq!(targets.at(*place).unwrap().is(other), target == other);
                }
            }
        }
    }
}
