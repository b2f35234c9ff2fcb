//! Names of people, agents, services, and their keys.
//!
//! Identifiers are opaque: statements never hold a person's name. One key belongs to one principal, serves one
//! role with one algorithm, and is named by the SHA-256 of its SubjectPublicKeyInfo (RFC 5280 section 4.1).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{KeyId, ProposalDigest, Sha256Digest};
use crate::text::read_as;

/// The longest identifier, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// A text that is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, starting with a letter or digit")]
pub struct IdError;

fn checked(text: &str) -> Result<(), IdError> {
    let fits = !text.is_empty() && text.len() <= MAX_ID_BYTES;
    let clean = text
        .bytes()
        .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if fits && clean && starts {
        Ok(())
    } else {
        Err(IdError)
    }
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                checked(text).map(|()| Self(text.to_owned()))
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_as(deserializer)
            }
        }
    )*};
}

identifiers! {
    /// A human, under an opaque id.
    PersonId;
    /// A group of people.
    TeamId;
    /// An automation that acts.
    AgentId;
    /// A guard service.
    GuardId;
    /// A place where actions take effect, such as `production`.
    EnvironmentId;
}

/// Names one asking. Derived from the proposal, so that the same proposal can never become two requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId([u8; 16]);

/// A text that is no request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a request id (`r-` and 26 letters and digits, as `countersign list` prints it)")]
pub struct RequestIdError;

impl RequestId {
    /// The id of the request that a proposal leads to.
    #[must_use]
    pub fn of(proposal: &ProposalDigest) -> Self {
        let digest = Sha256Digest::of_domain("countersign/request-id/v1", &[proposal.sha256().as_bytes()]);
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest.as_bytes()) {
            *to = *from;
        }
        Self(id)
    }

    /// The bytes that its text spells in base 32.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "r-{}",
            data_encoding::BASE32_NOPAD.encode(&self.0).to_ascii_lowercase()
        )
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        let body = text.strip_prefix("r-").ok_or(RequestIdError)?;
        if body.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(RequestIdError);
        }
        let bytes = data_encoding::BASE32_NOPAD
            .decode(body.to_ascii_uppercase().as_bytes())
            .map_err(|_| RequestIdError)?;
        Ok(Self(bytes.try_into().map_err(|_| RequestIdError)?))
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_as(deserializer)
    }
}

/// What a key may sign. A key has one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Signs new roots.
    Root,
    /// Signs the directory.
    DirectoryOwner,
    /// Signs policy bundles.
    PolicyOwner,
    /// Signs requests and grants: the backend.
    Backend,
    /// Signs checkpoints: the log.
    Log,
    /// Signs decisions: a person.
    Reviewer,
    /// Signs proposals and receipts: a guard.
    Guard,
    /// Authenticates a person's HTTP requests, and nothing else.
    Login,
}

impl Role {
    /// Whose keys these are, in a sentence.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root owner",
            Self::DirectoryOwner => "directory owner",
            Self::PolicyOwner => "policy owner",
            Self::Backend => "backend",
            Self::Log => "log",
            Self::Reviewer => "reviewer",
            Self::Guard => "guard",
            Self::Login => "login",
        }
    }
}

/// Signature algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256, signatures in DER.
    EcdsaP256Sha256,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// The bytes of a key in the form this product reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a public key of the named algorithm (SubjectPublicKeyInfo in DER, uncompressed point)")]
pub struct PublicKeyError;

/// The form of a key's signatures in an envelope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureFormat {
    /// Over the pre-authentication encoding itself: DER for ECDSA, 64 bytes for Ed25519.
    #[default]
    Dsse,
    /// That of OpenSSH over the same encoding, made by an agent; see [`crate::sshsig`].
    Sshsig,
}

impl SignatureFormat {
    /// Whether it is the usual one.
    #[must_use]
    pub fn is_dsse(&self) -> bool {
        *self == Self::Dsse
    }
}

/// A public key with its one algorithm and the one format of its signatures.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    algorithm: Algorithm,
    spki: Vec<u8>,
    format: SignatureFormat,
    /// Hashed once: directories are searched by it.
    id: KeyId,
}

/// DER of `SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }` up to the point (RFC 5480).
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// DER of `SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING }` up to the key (RFC 8410).
const ED25519_PREFIX: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`PublicKeyError`] for anything but one of the two algorithms in its one DER form.
    pub fn from_spki(algorithm: Algorithm, spki: &[u8]) -> Result<Self, PublicKeyError> {
        let key = Self::of(algorithm, spki.to_vec());
        let fits = match (algorithm, key.raw()) {
            (Algorithm::EcdsaP256Sha256, Some(point)) => point.len() == 65 && point.first() == Some(&4),
            (Algorithm::Ed25519, Some(point)) => point.len() == 32,
            (_, None) => false,
        };
        if fits { Ok(key) } else { Err(PublicKeyError) }
    }

    /// Builds an Ed25519 key from its 32 bytes.
    #[must_use]
    pub fn ed25519(raw: &[u8; 32]) -> Self {
        Self::of(Algorithm::Ed25519, [ED25519_PREFIX, raw].concat())
    }

    fn of(algorithm: Algorithm, spki: Vec<u8>) -> Self {
        Self {
            id: KeyId::new(Sha256Digest::of(&spki)),
            algorithm,
            spki,
            format: SignatureFormat::Dsse,
        }
    }

    /// The same key, whose signatures have this format and no other.
    #[must_use]
    pub fn in_format(self, format: SignatureFormat) -> Self {
        Self { format, ..self }
    }

    /// The one format of its signatures.
    #[must_use]
    pub const fn format(&self) -> SignatureFormat {
        self.format
    }

    /// The key's one algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's name.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The uncompressed point, or the 32 bytes of an Ed25519 key.
    #[must_use]
    pub fn raw(&self) -> Option<&[u8]> {
        match self.algorithm {
            Algorithm::EcdsaP256Sha256 => self.spki.strip_prefix(P256_PREFIX),
            Algorithm::Ed25519 => self.spki.strip_prefix(ED25519_PREFIX),
        }
    }

    /// Whether `signature` over `message` is this key's, in the key's format.
    #[must_use]
    pub fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        if self.format == SignatureFormat::Sshsig {
            return crate::sshsig::accepts(self, message, signature);
        }
        let algorithm: &dyn ring::signature::VerificationAlgorithm = match self.algorithm {
            Algorithm::EcdsaP256Sha256 => &ring::signature::ECDSA_P256_SHA256_ASN1,
            Algorithm::Ed25519 => &ring::signature::ED25519,
        };
        self.raw().is_some_and(|raw| {
            ring::signature::UnparsedPublicKey::new(algorithm, raw)
                .verify(message, signature)
                .is_ok()
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{}", self.algorithm, self.id())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKeyForm {
    algorithm: Algorithm,
    spki: String,
    #[serde(default, skip_serializing_if = "SignatureFormat::is_dsse")]
    format: SignatureFormat,
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PublicKeyForm {
            algorithm: self.algorithm,
            spki: STANDARD.encode(&self.spki),
            format: self.format,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = PublicKeyForm::deserialize(deserializer)?;
        let spki = STANDARD.decode(form.spki).map_err(serde::de::Error::custom)?;
        let key = Self::from_spki(form.algorithm, &spki).map_err(serde::de::Error::custom)?;
        Ok(key.in_format(form.format))
    }
}

/// How a key is kept, as the directory owners found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAssurance {
    /// Sealed with a passphrase in software.
    Software,
    /// Said to be in hardware, without proof.
    HardwareUnattested,
    /// Proven to be in hardware.
    HardwareAttested,
}

impl KeyAssurance {
    /// The word that statements and lists use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::HardwareUnattested => "hardware-unattested",
            Self::HardwareAttested => "hardware-attested",
        }
    }
}

/// What the person did to make the key sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Nothing, or nothing that is known.
    None,
    /// A PIN or passphrase was given.
    Pin,
    /// The device was touched.
    Touch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_plain() {
        assert!("p-alice.1".parse::<PersonId>().is_ok());
        for bad in ["", "-a", "A", "a b", "ä", &"a".repeat(65), "a\u{202e}b"] {
            assert!(bad.parse::<PersonId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn request_ids_are_read_back() {
        let id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"p")));
        assert_eq!(id.to_string().parse::<RequestId>().unwrap(), id);
        assert_eq!(id.to_string().len(), 28);
        assert!("r-ABC".parse::<RequestId>().is_err());
    }

    #[test]
    fn p256_keys_verify_and_reject() {
        use p256::ecdsa::signature::Signer as _;
        use p256::pkcs8::EncodePublicKey as _;
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let spki = secret.verifying_key().to_public_key_der().unwrap();
        let key = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).unwrap();
        let signature: p256::ecdsa::Signature = secret.sign(b"message");
        let mut der = signature.to_der().as_bytes().to_vec();
        assert!(key.accepts(b"message", &der));
        assert!(!key.accepts(b"massage", &der));
        der.push(0);
        assert!(!key.accepts(b"message", &der));
        assert!(PublicKey::from_spki(Algorithm::Ed25519, spki.as_bytes()).is_err());
    }

    #[test]
    fn a_key_keeps_its_format_and_the_usual_one_is_not_written() {
        let key = PublicKey::ed25519(&[5; 32]);
        let text = serde_json::to_string(&key).unwrap();
        assert!(!text.contains("format"), "{text}");
        let ssh = key.in_format(SignatureFormat::Sshsig);
        let text = serde_json::to_string(&ssh).unwrap();
        assert!(text.contains(r#""format":"sshsig""#), "{text}");
        assert_eq!(serde_json::from_str::<PublicKey>(&text).unwrap(), ssh);
        assert!(serde_json::from_str::<PublicKey>(&text.replace("sshsig", "pgp")).is_err());
    }

    #[test]
    fn ed25519_keys_verify() {
        use ed25519_dalek::Signer as _;
        let secret = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let key = PublicKey::ed25519(secret.verifying_key().as_bytes());
        assert!(key.accepts(b"m", &secret.sign(b"m").to_bytes()));
        assert!(PublicKey::from_spki(Algorithm::Ed25519, key.spki()).is_ok());
    }
}
