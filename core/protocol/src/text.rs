//! Foreign text and bytes as they stand in statements.
//!
//! Agents write these. They carry limits here; how they are shown safely is `countersign-review`'s business.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Text of at most `MAX` bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bounded<const MAX: usize>(String);

/// A short text: names, tickets, targets.
pub type Line = Bounded<2048>;
/// A longer text: reasons, details.
pub type Prose = Bounded<16384>;

/// A text over its limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("text of {length} bytes is over the limit of {limit}")]
pub struct TooLong {
    length: usize,
    limit: usize,
}

/// Reads a text that has a form of its own, without a copy of the text.
pub(crate) fn read_as<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

impl<const MAX: usize> Bounded<MAX> {
    /// The limit, in bytes.
    pub const MAX: usize = MAX;

    /// Takes a text within the limit.
    ///
    /// # Errors
    /// [`TooLong`] over it.
    pub fn new(text: impl Into<String>) -> Result<Self, TooLong> {
        let text = text.into();
        if text.len() <= MAX {
            Ok(Self(text))
        } else {
            Err(TooLong {
                length: text.len(),
                limit: MAX,
            })
        }
    }

    /// The text, as foreign as it came. Never print it: show it through the review crate.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const MAX: usize> Serialize for Bounded<MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Bounded<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Bytes that are mostly text, such as an argument or a path: a string when they are UTF-8, else
/// `{"base64": …}`. Each value has exactly one form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OsBytes(Vec<u8>);

impl OsBytes {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, where they are UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OsBytesForm {
    Text(String),
    Bytes(Base64Form),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64Form {
    base64: String,
}

impl Serialize for OsBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_str() {
            Some(text) => serializer.serialize_str(text),
            None => Base64Form {
                base64: STANDARD.encode(&self.0),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OsBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match OsBytesForm::deserialize(deserializer)? {
            OsBytesForm::Text(text) => Ok(Self(text.into_bytes())),
            OsBytesForm::Bytes(form) => {
                let bytes = STANDARD.decode(form.base64).map_err(serde::de::Error::custom)?;
                if std::str::from_utf8(&bytes).is_ok() {
                    return Err(serde::de::Error::custom(
                        "bytes that are UTF-8 must be written as a string",
                    ));
                }
                Ok(Self(bytes))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_form() {
        let text = OsBytes::new("ä");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"ä\"");
        let raw = OsBytes::new([0xff, 0x00]);
        let json = serde_json::to_string(&raw).unwrap();
        assert_eq!(json, r#"{"base64":"/wA="}"#);
        assert_eq!(serde_json::from_str::<OsBytes>(&json).unwrap(), raw);
        assert!(serde_json::from_str::<OsBytes>(r#"{"base64":"YQ=="}"#).is_err());
    }

    #[test]
    fn long_text_is_refused() {
        assert!(Line::new("x".repeat(2048)).is_ok());
        assert!(Line::new("x".repeat(2049)).is_err());
    }
}
