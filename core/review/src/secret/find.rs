//! Where the secrets of a text are.
//!
//! One pass finds what may begin or name a secret; each such place is then read by the rule for it. A value that
//! was taken is stepped over, so that the cost is in proportion to the text.

use std::ops::Range;

use super::shape::token;
use super::trigger::{self, Trigger};
use super::{armour, assignment, structure};

/// Finds the secrets of a text of a kind of action: byte ranges in order that don't touch.
pub(super) fn find(kind: &str, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let names_some = scan(kind, bytes, &mut found);
    if names_some {
        structure::find(kind, bytes, &mut found);
    }
    joined(found)
}

/// Finds what the text alone tells; says whether the structure may tell more.
fn scan(kind: &str, bytes: &[u8], found: &mut Vec<Range<usize>>) -> bool {
    let (mut names_some, mut end) = (false, 0);
    let looked = trigger::each(bytes, |trigger, hit| {
        names_some |= matches!(trigger, Trigger::Document | Trigger::Stem);
        if hit.start < end {
            return;
        }
        let secret = match trigger {
            Trigger::Shape => shape(bytes, hit.start),
            Trigger::Stem => assignment::value(kind, bytes, hit),
            Trigger::Armour => armour::body(bytes, hit.start),
            Trigger::Scheme => assignment::userinfo(bytes, hit.end),
            Trigger::Credential => assignment::credential(bytes, hit.end),
            Trigger::Document => None,
        };
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            // A header of a key inside of a value is read on: the key may go further than the value.
            end = secret.end;
            found.push(secret);
        }
    });
    names_some || !looked
}

fn shape(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let inside = at
        .checked_sub(1)
        .and_then(|before| bytes.get(before))
        .is_some_and(u8::is_ascii_alphanumeric);
    let (_, length) = token(bytes.get(at..)?).filter(|_| !inside)?;
    Some(at..at + length)
}

/// Sorts ranges and joins those that overlap.
pub(super) fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut all: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        match all.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => all.push(range),
        }
    }
    all
}
