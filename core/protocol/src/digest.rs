//! SHA-256 digests, one type for each thing that is digested.
//!
//! A digest is written as 64 lower-case hexadecimal digits and read back in no other form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::text::read_as;

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest (64 lower-case hexadecimal digits)")]
pub struct DigestError;

/// A SHA-256 digest of something unnamed; the named digests below wrap it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// Digests `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Digests `bytes` under a domain, so that equal bytes with another meaning digest differently.
    #[must_use]
    pub fn of_domain(domain: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(domain.as_bytes());
        hash.update([0]);
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Wraps 32 bytes that are a digest already.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        data_encoding::HEXLOWER.encode_mut(&self.0, &mut digits);
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| DigestError)?;
        match data_encoding::HEXLOWER.decode_mut(digits, &mut bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(_) => Err(DigestError),
        }
    }
}

impl Serialize for Sha256Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_as(deserializer)
    }
}

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Sha256Digest);

        impl $name {
            /// Names a digest that was computed already.
            #[must_use]
            pub const fn new(digest: Sha256Digest) -> Self { Self(digest) }
            /// The digest without its name.
            #[must_use]
            pub const fn sha256(&self) -> &Sha256Digest { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = DigestError;
            fn from_str(text: &str) -> Result<Self, DigestError> { text.parse().map(Self) }
        }
    )*};
}

digests! {
    /// Names an action's content: kind, environment, target and payload.
    ActionDigest;
    /// Names the bytes of one artifact.
    ArtifactDigest;
    /// Names the proposal statement that a guard signed.
    ProposalDigest;
    /// Names one asking: the request statement that the backend signed.
    RequestDigest;
    /// Names the sheet that a reviewer saw.
    ViewDigest;
    /// Names the list of findings.
    FindingsDigest;
    /// Names the decision statement that a reviewer signed.
    DecisionDigest;
    /// Names the amendment statement that a reviewer signed.
    AmendmentDigest;
    /// Names the grant statement that the backend signed.
    GrantDigest;
    /// Names the receipt statement that a guard signed.
    ReceiptDigest;
    /// Names the directory statement that directory owners signed.
    DirectoryDigest;
    /// Names the policy bundle statement that policy owners signed.
    PolicyDigest;
    /// Names an organisation: the digest of its first root statement.
    RootId;
    /// Names a public key: the digest of its SubjectPublicKeyInfo.
    KeyId;
}

impl ArtifactDigest {
    /// Digests an artifact's bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256Digest::of(bytes))
    }
}

impl RootId {
    /// Twelve words (132 bits) to compare by eye when a root is pinned.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        let list = bip39::Language::English.word_list();
        let bit = |index: usize| {
            let byte = self.0.0.get(index / 8).copied().unwrap_or_default();
            usize::from(byte >> (7 - index % 8) & 1)
        };
        (0..12)
            .filter_map(|word| {
                let number = (0..11).fold(0, |sum, offset| sum << 1 | bit(word * 11 + offset));
                list.get(number).copied()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes_and_nothing_else() {
        let digest = Sha256Digest::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse::<Sha256Digest>().unwrap(), digest);
        assert!(text.to_uppercase().parse::<Sha256Digest>().is_err());
        assert!("ab".parse::<Sha256Digest>().is_err());
    }

    #[test]
    fn domains_keep_meanings_apart() {
        assert_ne!(
            Sha256Digest::of_domain("a", &[b"x"]),
            Sha256Digest::of_domain("b", &[b"x"])
        );
    }

    #[test]
    fn root_words_are_twelve_and_follow_the_bits() {
        let zero = RootId::new(Sha256Digest::from_bytes([0; 32]));
        assert_eq!(zero.words(), vec!["abandon"; 12]);
        let ones = RootId::new(Sha256Digest::from_bytes([0xff; 32]));
        assert_eq!(ones.words(), vec!["zoo"; 12]);
    }
}
