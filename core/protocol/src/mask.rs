//! The key under which secrets on a request's sheet are marked, and their marks.
//!
//! It is made by the backend when it holds a request and sealed with it. Equal secrets have equal marks within
//! that request, so that a rotation shows, and unrelated ones in every other. It is no key to anything else, and
//! whoever holds the request holds it: it keeps secrets off screens, not from the parties to the request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Sha256Digest;

/// 32 random bytes, written as 64 lower-case hexadecimal digits. It does not print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaskKey([u8; 32]);

impl MaskKey {
    /// Wraps random bytes of the caller.
    #[must_use]
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(not shown)")
    }
}

impl Serialize for MaskKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Sha256Digest::from_bytes(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for MaskKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes: Sha256Digest = text
            .parse()
            .map_err(|_| serde::de::Error::custom("not a mask key (64 lower-case hexadecimal digits)"))?;
        Ok(Self(*bytes.as_bytes()))
    }
}

/// What tells one secret of a request from the others: 64 bits, written as 16 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretMark([u8; 8]);

impl SecretMark {
    /// Takes the bits of a mark.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

/// A text that is no mark of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the mark of a secret (16 lower-case hexadecimal digits, as a mask shows them)")]
pub struct NotAMark;

impl FromStr for SecretMark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let lower = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if text.len() != 16 || !text.bytes().all(lower) {
            return Err(NotAMark);
        }
        let number = u64::from_str_radix(text, 16).map_err(|_| NotAMark)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for SecretMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl Serialize for SecretMark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretMark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_written_and_in_no_other_form() {
        let text = "00ff1c20d4e5b6a7";
        let mark: SecretMark = text.parse().unwrap();
        assert_eq!(mark.to_string(), text);
        for wrong in [
            "",
            "00FF1C20D4E5B6A7",
            "+0ff1c20d4e5b6a",
            "00ff1c20d4e5b6a",
            "00ff1c20d4e5b6a71",
        ] {
            assert!(wrong.parse::<SecretMark>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn is_read_back_as_written_and_does_not_print() {
        let key = MaskKey::from_random([0xab; 32]);
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(text, format!("\"{}\"", "ab".repeat(32)));
        assert_eq!(serde_json::from_str::<MaskKey>(&text).unwrap(), key);
        assert!(serde_json::from_str::<MaskKey>("\"ab\"").is_err());
        assert!(!format!("{key:?}").contains("ab"));
    }
}
