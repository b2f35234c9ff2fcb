//! The check code: six words from a digest, to compare two screens by eye or over the telephone.
//!
//! It is an aid, not a control: 66 bits of a digest are not the digest. The words are the English list of
//! BIP-39, whose first four letters are distinct; nothing else of BIP-39 is used.

use bip39::Language;

/// Words in a check code.
pub const WORDS: usize = 6;

const BITS_PER_WORD: usize = 11;

/// Returns the six words for the first 66 bits of a digest, most significant bit first.
pub fn words(digest: &[u8; 32]) -> [&'static str; WORDS] {
    let list = Language::English.word_list();
    std::array::from_fn(|word| {
        let index = (0..BITS_PER_WORD)
            .map(|bit| word * BITS_PER_WORD + bit)
            .filter_map(|at| {
                digest
                    .get(at / 8)
                    .map(|byte| usize::from(byte >> (7 - at % 8) & 1))
            })
            .fold(0, |index, bit| index << 1 | bit);
        list.get(index).copied().unwrap_or_default()
    })
}

/// Returns the check code as one line, its words joined by spaces.
pub fn phrase(digest: &[u8; 32]) -> String {
    words(digest).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_digests_give_known_words() {
        assert_eq!(
            phrase(&[0; 32]),
            "abandon abandon abandon abandon abandon abandon"
        );
        assert_eq!(phrase(&[0xff; 32]), "zoo zoo zoo zoo zoo zoo");
        let mut one = [0; 32];
        one[1] = 0b0010_0000;
        assert_eq!(words(&one)[0], "ability");
    }

    proptest! {
        #[test]
        fn each_of_the_first_66_bits_changes_a_word(digest in any::<[u8; 32]>(), bit in 0usize..66) {
            let mut other = digest;
            other[bit / 8] ^= 1 << (7 - bit % 8);
            prop_assert_ne!(words(&digest), words(&other));
        }

        #[test]
        fn there_are_always_six_real_words(digest in any::<[u8; 32]>()) {
            prop_assert!(words(&digest).iter().all(|word| word.len() >= 3));
        }
    }
}
