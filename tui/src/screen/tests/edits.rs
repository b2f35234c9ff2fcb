//! Texts as an attacker would write them, and edits of one code point: for the tests of all that shows foreign text.

use proptest::prelude::*;

use super::look_alikes::LOOK_ALIKES;

/// One code point more, less or another.
#[derive(Debug, Clone, Copy)]
pub enum Edit {
    Insert(char),
    Replace(char),
    Remove,
}

impl Edit {
    /// The text with it done at a place.
    pub fn applied_to(self, text: &str, at: usize) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.min(chars.len());
        match self {
            Self::Insert(c) => chars.insert(at, c),
            Self::Replace(c) => match chars.get_mut(at) {
                Some(slot) => *slot = c,
                None => chars.push(c),
            },
            Self::Remove => {
                if at < chars.len() {
                    chars.remove(at);
                }
            }
        }
        chars.into_iter().collect()
    }
}

/// What an attacker would write, and now and then anything.
fn character() -> impl Strategy<Value = char> {
    let nasty: Vec<char> = LOOK_ALIKES.iter().flat_map(|text| text.chars()).collect();
    prop_oneof![6 => prop::sample::select(nasty), 2 => prop::char::range(' ', '~'), 1 => any::<char>()]
}

/// A text of such characters.
pub fn text_like(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(character(), length).prop_map(|chars| chars.into_iter().collect())
}

/// Any edit.
pub fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => character().prop_map(Edit::Insert),
        3 => character().prop_map(Edit::Replace),
        1 => Just(Edit::Remove),
    ]
}
