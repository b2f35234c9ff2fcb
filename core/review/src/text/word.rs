//! Words, and what they look like: scripts that are not written together, and letters that imitate others
//! (UTS #39, by way of `unicode-security`).
//!
//! It knows looks, not meaning: whether an imitation matters is for its callers to weigh.

use super::class::{Class, is_mark};
use std::borrow::Cow;
use unicode_security::{MixedScript as _, RestrictionLevel, RestrictionLevelDetection as _, skeleton};

/// A word longer than this is judged by its first part only.
const LONGEST: usize = 256;

/// A word and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// Letters, digits, marks and low lines.
    pub text: &'a str,
    /// How many characters stand before it.
    pub before: u32,
    /// Whether it is part of something technical: a host, an address, a path, a name with signs in it.
    pub technical: bool,
}

/// Splits a line into its words.
pub fn words(line: &str) -> impl Iterator<Item = Word<'_>> {
    let mut column = 0u32;
    line.split_inclusive(|c: char| c.is_whitespace())
        .flat_map(move |chunk| {
            let technical = chunk
                .chars()
                .any(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '@' | ':' | '_' | '-' | '='));
            let start = column;
            column = column.saturating_add(length(chunk));
            let mut from = 0;
            std::iter::from_fn(move || {
                let rest = chunk.get(from..)?;
                let begin = from + find_part(rest, true)?;
                let rest = chunk.get(begin..)?;
                let end = begin + find_part(rest, false).unwrap_or(rest.len());
                from = end;
                Some(Word {
                    text: head(chunk.get(begin..end)?),
                    before: start.saturating_add(length(chunk.get(..begin)?)),
                    technical,
                })
            })
        })
}

/// Says whether a word mixes scripts that no language writes together.
pub fn is_mixed_script(word: &str) -> bool {
    !word.is_ascii()
        && !word.is_single_script()
        && word.detect_restriction_level() > RestrictionLevel::HighlyRestrictive
}

/// Returns what a word looks like: two words with one look can be taken for each other.
pub fn look(word: &str) -> Cow<'_, str> {
    if !word.is_ascii() {
        return Cow::Owned(skeleton(word).collect());
    }
    // The few of ASCII, without the tables.
    if !word.contains(['0', '1', 'I', 'm', '|', '"', '`', '%']) {
        return Cow::Borrowed(word);
    }
    let mut looks = String::with_capacity(word.len() + 4);
    for c in word.chars() {
        match c {
            '0' => looks.push('O'),
            '1' | 'I' | '|' => looks.push('l'),
            'm' => looks.push_str("rn"),
            '"' | '`' | '%' => looks.extend(skeleton(c.encode_utf8(&mut [0; 4]))),
            other => looks.push(other),
        }
    }
    Cow::Owned(looks)
}

/// Says whether a word that is not ASCII looks as if it were.
pub fn imitates_ascii(word: &str) -> bool {
    !word.is_ascii() && skeleton(word).all(|c| c.is_ascii())
}

/// Returns where the first character stands that is part of a word, or that is `wanted` to be none.
fn find_part(text: &str, wanted: bool) -> Option<usize> {
    // Most text is ASCII, whose bytes are asked without the tables.
    let is_ascii_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let known = |byte: u8| !byte.is_ascii() || is_ascii_part(byte) == wanted;
    let at = text.bytes().position(known)?;
    let rest = text.get(at..)?;
    Some(at + rest.find(|c| is_part(c) == wanted)?)
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || is_mark(c) && Class::of(c).is_none()
}

fn length(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

fn head(word: &str) -> &str {
    if word.len() <= LONGEST {
        return word;
    }
    let end = (0..=LONGEST).rev().find(|at| word.is_char_boundary(*at));
    word.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_place_and_whether_they_are_technical() {
        let found: Vec<(&str, u32, bool)> = words("é api.\u{430}cme/x  рак,")
            .map(|word| (word.text, word.before, word.technical))
            .collect();
        assert_eq!(
            found,
            [
                ("é", 0, false),
                ("api", 2, true),
                ("\u{430}cme", 6, true),
                ("x", 11, true),
                ("рак", 14, false)
            ]
        );
    }

    #[test]
    fn the_short_way_for_ascii_finds_the_same_words() {
        for text in [
            "",
            " ",
            "a",
            "-a_1-",
            "é-b",
            "a\u{301}b c",
            "\u{200b}x",
            "1.2\u{5d0}",
            "--\u{301}",
        ] {
            for wanted in [true, false] {
                let plainly = text.find(|c| is_part(c) == wanted);
                assert_eq!(find_part(text, wanted), plainly, "{text:?} {wanted}");
            }
        }
    }

    #[test]
    fn scripts_that_go_together_are_not_mixed() {
        for word in ["naïve", "жук", "漢字かな", "APIキー", "한국어", "µs"] {
            assert!(!is_mixed_script(word), "{word}");
        }
        for word in ["\u{430}dmin", "pаypal", "αbc"] {
            assert!(is_mixed_script(word), "{word}");
        }
    }

    #[test]
    fn imitations_have_one_look() {
        for (one, other) in [
            ("\u{430}dmin", "admin"),
            ("paypa1", "paypal"),
            ("rnain", "main"),
            ("\u{440}\u{430}\u{443}", "pay"),
        ] {
            assert_eq!(look(one), look(other));
        }
        assert!(imitates_ascii("\u{430}dmin") && !imitates_ascii("жук") && !imitates_ascii("é"));
    }

    #[test]
    fn the_short_way_for_ascii_is_that_of_the_tables() {
        for c in '!'..='~' {
            let text = c.to_string();
            assert_eq!(look(&text), skeleton(&text).collect::<String>(), "{c}");
        }
    }

    #[test]
    fn a_long_word_is_cut_between_characters() {
        let word = "é".repeat(400);
        assert_eq!(words(&word).next().unwrap().text.len(), LONGEST);
    }
}
