//! The key under which secrets on a request's sheet are marked.
//!
//! It is made by the backend when it holds a request and sealed with it. Equal secrets have equal marks within
//! that request, so that a rotation shows, and unrelated ones in every other. It is no key to anything else, and
//! whoever holds the request holds it: it keeps secrets off screens, not from the parties to the request.

use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

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
