//! Fuzzy search: whether the letters of a word stand in a text in their order and close together, and how well.
//!
//! Only to find rows in a list: it looks at raw bytes, shows nothing, and no decision rests on it.

/// How well a word fits; more is better.
pub type Score = u32;

/// The most a match may be longer than its word.
const SLACK: usize = 12;

/// From this length on the letters of a word may stand apart; two that do say nothing.
const APART: usize = 3;

/// The words of what was typed, in lower case.
pub fn words(text: &str) -> Vec<Vec<u8>> {
    text.split_whitespace()
        .map(|word| word.to_lowercase().into_bytes())
        .collect()
}

/// How well `word`, in lower case, fits anywhere in `text`.
pub fn score(word: &[u8], text: &[u8]) -> Option<Score> {
    let first = *word.first()?;
    if let Some(score) = exact(word, text) {
        return Some(score);
    }
    if word.len() < APART {
        return None;
    }
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text)
        .filter_map(|at| spread(word, text.get(at..)?, starts_word(text, at)))
        .max()
}

/// Whether all that answers the words `new` answers `old` as well. A third letter makes a word fit where its
/// letters stand apart, so that one may find more.
pub fn narrows(old: &[Vec<u8>], new: &[Vec<u8>]) -> bool {
    let says_more = |(old, new): (&Vec<u8>, &Vec<u8>)| {
        old == new || new.starts_with(old) && (old.len() >= APART || new.len() < APART)
    };
    !old.is_empty() && old.len() <= new.len() && old.iter().zip(new).all(says_more)
}

/// How well `word` fits where its letters stand together.
pub fn exact(word: &[u8], text: &[u8]) -> Option<Score> {
    let length = u32::try_from(word.len()).ok()?;
    let at = exact_at(word, text)?;
    Some(100 + 2 * length + if starts_word(text, at) { 20 } else { 0 })
}

/// Where `word` stands in a text, whatever the case of ASCII letters.
pub fn exact_at(word: &[u8], text: &[u8]) -> Option<usize> {
    let first = *word.first()?;
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text).find(|at| {
        text.get(*at..at + word.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(word))
    })
}

/// Follows the letters from the first one on.
fn spread(word: &[u8], text: &[u8], at_start: bool) -> Option<Score> {
    let mut score = if at_start { 20 } else { 0 };
    let mut next = 0;
    for letter in word {
        let rest = text.get(next..word.len() + SLACK).or_else(|| text.get(next..))?;
        let gap = rest
            .iter()
            .position(|byte| byte.to_ascii_lowercase() == *letter)?;
        score += if gap == 0 {
            3
        } else {
            u32::from(starts_word(text, next + gap))
        };
        next += gap + 1;
    }
    Some(score)
}

fn starts_word(text: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| text.get(before))
        .is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &str, text: &str) -> Option<Score> {
        let words = words(word);
        score(&words[0], text.as_bytes())
    }

    #[test]
    fn letters_in_their_order_and_close_together_are_found() {
        assert!(of("deploy", "file://web-1/Deploy-Role.yaml").is_some());
        assert!(of("dplrole", "deploy-role").is_some());
        assert!(of("elor", "deploy-role").is_some());
        assert_eq!(of("rolede", "deploy-role"), None);
        assert_eq!(of("dr", "deploy-role"), None);
        assert_eq!(
            of("dxe", "d-----------------------------x----------------------e"),
            None
        );
        assert_eq!(of("x", ""), None);
        assert!(of("ÄB", "xäb").is_some());
    }

    #[test]
    fn what_stands_together_and_begins_a_word_is_better() {
        assert!(of("role", "deploy-role") > of("role", "derole"));
        assert!(of("role", "derole") > of("role", "r-o-l-e"));
        assert!(of("prd", "prod") > of("prd", "xxpxrxd"));
    }
}
