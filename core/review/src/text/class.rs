//! Which characters can't be shown as they are, and what they are called.
//!
//! The order of the questions in [`Class::of`] is the contract: the first that fits names the character.

use icu_properties::props::{
    BidiClass, BidiControl, DefaultIgnorableCodePoint, GeneralCategory, NoncharacterCodePoint,
    VariationSelector, WhiteSpace,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthChar as _;

/// Why a piece of text is shown escaped, or is worth a look; the kebab-case names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// C0, DEL or C1.
    Control,
    /// A character that changes the direction of text.
    BidiControl,
    /// Zero width, default-ignorable or another format character.
    Invisible,
    /// A tag character (U+E0000 to U+E007F): text that no screen shows.
    Tag,
    /// A variation selector.
    VariationSelector,
    /// White space other than U+0020, or a character drawn as nothing.
    OddWhitespace,
    /// A noncharacter, such as U+FFFE.
    Noncharacter,
    /// A private-use character, whose looks depend on the font.
    PrivateUse,
    /// A code point not assigned in the Unicode version this was built with.
    Unassigned,
    /// A byte that is not part of UTF-8.
    InvalidByte,
    /// A combining mark with nothing visible to stand on.
    LoneMark,
    /// More combining marks in a row than any script needs.
    MarkFlood,
    /// A bracket that could imitate an escape.
    EscapeBracket,
    /// Letters or digits written from right to left.
    RightToLeft,
    /// A letter followed by combining marks, which looks like its composed form.
    Decomposed,
    /// A word of letters from scripts that are not written together.
    MixedScript,
    /// A word that looks like an ASCII word but is not.
    Confusable,
}

impl Class {
    /// Returns the class of a character that is never shown as it is, or `None`.
    ///
    /// Combining marks and right-to-left letters depend on their neighbours and are not covered here.
    pub(super) fn of(c: char) -> Option<Self> {
        if matches!(c, ' '..='~') {
            return None;
        }
        if c.is_control() {
            return Some(Self::Control);
        }
        if matches!(c, '\u{27E6}' | '\u{27E7}' | '\u{301A}' | '\u{301B}') {
            return Some(Self::EscapeBracket);
        }
        if CodePointSetData::new::<BidiControl>().contains(c) {
            return Some(Self::BidiControl);
        }
        if matches!(c, '\u{E0000}'..='\u{E007F}') {
            return Some(Self::Tag);
        }
        if CodePointSetData::new::<VariationSelector>().contains(c) {
            return Some(Self::VariationSelector);
        }
        if CodePointSetData::new::<NoncharacterCodePoint>().contains(c) {
            return Some(Self::Noncharacter);
        }
        if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) {
            return Some(Self::Invisible);
        }
        // U+2800 and U+1D159 are symbols by category, and drawn as nothing.
        if CodePointSetData::new::<WhiteSpace>().contains(c) || matches!(c, '\u{2800}' | '\u{1D159}') {
            return Some(Self::OddWhitespace);
        }
        match CodePointMapData::<GeneralCategory>::new().get(c) {
            GeneralCategory::Format => Some(Self::Invisible),
            GeneralCategory::PrivateUse => Some(Self::PrivateUse),
            GeneralCategory::Unassigned | GeneralCategory::Surrogate => Some(Self::Unassigned),
            _ => None,
        }
    }

    /// Returns the stable kebab-case name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::BidiControl => "bidi-control",
            Self::Invisible => "invisible",
            Self::Tag => "tag",
            Self::VariationSelector => "variation-selector",
            Self::OddWhitespace => "odd-whitespace",
            Self::Noncharacter => "noncharacter",
            Self::PrivateUse => "private-use",
            Self::Unassigned => "unassigned",
            Self::InvalidByte => "invalid-byte",
            Self::LoneMark => "lone-mark",
            Self::MarkFlood => "mark-flood",
            Self::EscapeBracket => "escape-bracket",
            Self::RightToLeft => "right-to-left",
            Self::Decomposed => "decomposed",
            Self::MixedScript => "mixed-script",
            Self::Confusable => "confusable",
        }
    }
}

/// Says whether a character is drawn over the one before it.
///
/// Width zero is asked as well as the category: conjoining jamo are letters, yet join their neighbour.
pub(super) fn is_mark(c: char) -> bool {
    c >= '\u{300}'
        && (matches!(
            CodePointMapData::<GeneralCategory>::new().get(c),
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark | GeneralCategory::SpacingMark
        ) || c.width() == Some(0))
}

/// Says whether a character is written from right to left.
pub(super) fn is_right_to_left(c: char) -> bool {
    c >= '\u{590}'
        && matches!(
            CodePointMapData::<BidiClass>::new().get(c),
            BidiClass::RightToLeft | BidiClass::ArabicLetter | BidiClass::ArabicNumber
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_class_of_character() {
        for (c, class) in [
            ('\u{0}', Class::Control),
            ('\u{7f}', Class::Control),
            ('\u{85}', Class::Control),
            ('\u{202E}', Class::BidiControl),
            ('\u{200B}', Class::Invisible),
            ('\u{FEFF}', Class::Invisible),
            ('\u{0600}', Class::Invisible),
            ('\u{E0041}', Class::Tag),
            ('\u{FE0F}', Class::VariationSelector),
            ('\u{E0100}', Class::VariationSelector),
            ('\u{A0}', Class::OddWhitespace),
            ('\u{2028}', Class::OddWhitespace),
            ('\u{2800}', Class::OddWhitespace),
            ('\u{FFFE}', Class::Noncharacter),
            ('\u{E000}', Class::PrivateUse),
            ('\u{0378}', Class::Unassigned),
            ('\u{27E6}', Class::EscapeBracket),
        ] {
            assert_eq!(Class::of(c), Some(class), "U+{:04X}", c as u32);
        }
        for c in ['a', 'é', 'ж', '漢', 'א', '🙂', '\u{301}'] {
            assert_eq!(Class::of(c), None, "U+{:04X}", c as u32);
        }
    }

    #[test]
    fn the_name_is_the_serialised_form() {
        for class in [
            Class::Control,
            Class::MarkFlood,
            Class::RightToLeft,
            Class::MixedScript,
        ] {
            assert_eq!(serde_json::to_value(class).unwrap(), class.id());
        }
    }
}
