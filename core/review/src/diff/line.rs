//! Where the lines of a file are, and which lines of two files are the same.

use super::text::{Bytes, Ending, MAX_BYTES, MAX_LINES, Spaces, TooLarge};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::ops::Range;

/// Where each line begins, over bytes that are shared, not copied.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    pub bytes: Bytes,
    /// The start of every line, and at last the end of the bytes.
    starts: Vec<u32>,
}

impl Lines {
    pub fn index(bytes: Bytes, side: &'static str) -> Result<Self, TooLarge> {
        let too_large = |unit, size, limit| TooLarge {
            side,
            unit,
            size,
            limit,
        };
        if bytes.len() > MAX_BYTES {
            return Err(too_large("bytes", bytes.len(), MAX_BYTES));
        }
        let feeds = memchr::memchr_iter(b'\n', &bytes).count();
        let cut = bytes.last().is_some_and(|byte| *byte != b'\n');
        let size = feeds + usize::from(cut);
        if size > MAX_LINES {
            return Err(too_large("lines", size, MAX_LINES));
        }
        let mut starts = Vec::with_capacity(size + 1);
        starts.push(0);
        // No number here can pass MAX_BYTES, which fits.
        starts.extend(memchr::memchr_iter(b'\n', &bytes).map(|feed| feed as u32 + 1));
        if cut {
            starts.push(bytes.len() as u32);
        }
        Ok(Self { bytes, starts })
    }

    pub fn count(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// Returns where a line begins.
    pub fn start(&self, number: u32) -> Option<usize> {
        self.starts.get(number as usize).map(|start| *start as usize)
    }

    /// Returns a line with its line end.
    pub fn raw(&self, number: u32) -> Option<&[u8]> {
        let number = number as usize;
        let (start, end) = (*self.starts.get(number)?, *self.starts.get(number + 1)?);
        self.bytes.get(start as usize..end as usize)
    }

    /// Returns a line and how it ends.
    pub fn line(&self, number: u32) -> Option<(&[u8], Ending)> {
        let raw = self.raw(number)?;
        Some(if let Some(line) = raw.strip_suffix(b"\r\n") {
            (line, Ending::CrLf)
        } else if let Some(line) = raw.strip_suffix(b"\n") {
            (line, Ending::Lf)
        } else {
            (raw, Ending::None)
        })
    }

    pub fn slices(&self, lines: Range<u32>) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        let starts = self.starts.get(lines.start as usize..=lines.end as usize);
        starts.unwrap_or_default().windows(2).map(|pair| match pair {
            [start, end] => self.bytes.get(*start as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        })
    }
}

impl Spaces {
    /// Says whether two lines are the same.
    pub(super) fn same(self, a: &[u8], b: &[u8]) -> bool {
        match self {
            Self::Exact => a == b,
            Self::Ignored => a == b || seen(a).eq(seen(b)),
        }
    }
}

/// The bytes of a line that are no ASCII white space.
fn seen(line: &[u8]) -> impl Iterator<Item = u8> + '_ {
    line.iter()
        .copied()
        .filter(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))
}

/// The number of every line that stands on the after side only.
const ONLY_AFTER: u32 = u32::MAX;

/// Lines as numbers: the same number on both sides means the same line.
pub(super) struct Numbered {
    pub old: Vec<u32>,
    pub new: Vec<u32>,
    /// How often each number stands on a side, counted up to 2.
    counts: Vec<(u8, u8)>,
}

impl Numbered {
    /// Numbers the lines of a part of each side.
    pub fn new(before: &Lines, old: Range<u32>, after: &Lines, new: Range<u32>, spaces: Spaces) -> Self {
        let mut table = Table::new(old.len(), spaces);
        let mut counts: Vec<(u8, u8)> = Vec::new();
        let mut firsts: Vec<u32> = Vec::new();
        let mut olds = Vec::with_capacity(old.len());
        for (number, line) in old.clone().zip(before.slices(old.clone())) {
            let next = counts.len() as u32;
            let id = table.find(line, Some(next), |id| {
                let first = *firsts.get(id as usize)?;
                before.raw(first)
            });
            if id == Some(next) {
                counts.push((1, 0));
                firsts.push(number);
            } else if let Some(count) = id.and_then(|id| counts.get_mut(id as usize)) {
                count.0 = 2;
            }
            olds.push(id.unwrap_or(ONLY_AFTER));
        }
        let mut news = Vec::with_capacity(new.len());
        // Lines mostly follow each other as they did before: the next old line is tried before the table is.
        let mut expected = old.start;
        for line in after.slices(new) {
            let follows = expected < old.end
                && before
                    .raw(expected)
                    .is_some_and(|candidate| spaces.same(candidate, line));
            let id = if follows {
                expected += 1;
                olds.get((expected - 1 - old.start) as usize).copied()
            } else {
                let id = table.find(line, None, |id| before.raw(*firsts.get(id as usize)?));
                if let Some(first) = id.and_then(|id| firsts.get(id as usize)) {
                    expected = first + 1;
                }
                id
            };
            if let Some(count) = id.and_then(|id| counts.get_mut(id as usize)) {
                count.1 = (count.1 + 1).min(2);
            }
            news.push(id.unwrap_or(ONLY_AFTER));
        }
        Self {
            old: olds,
            new: news,
            counts,
        }
    }

    /// Says whether a line stands exactly once on each side.
    pub fn is_unique(&self, id: u32) -> bool {
        self.counts.get(id as usize) == Some(&(1, 1))
    }
}

/// A hash table from lines to their numbers that holds no lines. Its keyed hash keeps crafted lines from
/// colliding; it is only looked up, never walked, so the random key reaches no result.
struct Table {
    hash: RandomState,
    spaces: Spaces,
    /// The upper half of the hash, and the number plus one; zero is free.
    slots: Vec<(u32, u32)>,
    mask: usize,
    scratch: Vec<u8>,
}

impl Table {
    fn new(lines: usize, spaces: Spaces) -> Self {
        let size = (lines + lines / 2 + 1).next_power_of_two();
        Self {
            hash: RandomState::new(),
            spaces,
            slots: vec![(0, 0); size],
            mask: size - 1,
            scratch: Vec::new(),
        }
    }

    /// Finds the number of a line; with `insert`, gives it that number where it has none.
    fn find<'l>(
        &mut self,
        line: &[u8],
        insert: Option<u32>,
        first: impl Fn(u32) -> Option<&'l [u8]>,
    ) -> Option<u32> {
        let hash = match self.spaces {
            Spaces::Exact => self.hash.hash_one(line),
            Spaces::Ignored => {
                self.scratch.clear();
                self.scratch.extend(seen(line));
                self.hash.hash_one(self.scratch.as_slice())
            }
        };
        let tag = (hash >> 32) as u32;
        let mut at = hash as usize & self.mask;
        loop {
            // The table has more slots than lines, so a free one always comes.
            let slot = self.slots.get_mut(at)?;
            if slot.1 == 0 {
                let id = insert?;
                *slot = (tag, id + 1);
                return Some(id);
            }
            let id = slot.1 - 1;
            if slot.0 == tag && first(id).is_some_and(|known| self.spaces.same(known, line)) {
                return Some(id);
            }
            at = (at + 1) & self.mask;
        }
    }
}
