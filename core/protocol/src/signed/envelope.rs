//! The envelope of DSSE v1.0: bytes with signatures over them, and the exact message that is signed. Nothing here is
//! believed: that takes [`Signed::verify`](super::Signed::verify).

use serde::{Deserialize, Serialize};

use super::MAX_PAYLOAD_BYTES;
use crate::canonical;
use crate::digest::{KeyId, Sha256Digest};

/// A DSSE envelope: bytes and who vouches for them, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Envelope {
    // In the order of their names, which `digest` relies on.
    /// The signed bytes.
    #[serde(with = "base64_bytes")]
    pub payload: Vec<u8>,
    /// The media type of the payload.
    pub payload_type: String,
    /// Signatures over the pre-authentication encoding.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// A hint which key signed.
    pub keyid: KeyId,
    /// The signature: DER for ECDSA, 64 bytes for Ed25519.
    #[serde(with = "base64_bytes")]
    pub sig: Vec<u8>,
}

impl Envelope {
    /// Reads an envelope from JSON.
    ///
    /// # Errors
    /// [`canonical::ParseError`] names the place that is refused.
    pub fn from_json(bytes: &[u8]) -> Result<Self, canonical::ParseError> {
        canonical::parse_within(bytes, 2 * MAX_PAYLOAD_BYTES)
    }

    /// The digest of the signed bytes: the identity of the statement inside.
    #[must_use]
    pub fn payload_digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.payload)
    }

    /// The digest of the whole envelope, signatures included: what the log commits to.
    ///
    /// # Errors
    /// [`canonical::EncodeError`] cannot happen for a well-formed envelope.
    pub fn digest(&self) -> Result<Sha256Digest, canonical::EncodeError> {
        Ok(Sha256Digest::of(&canonical::ordered_to_bytes(self)?))
    }
}

/// The pre-authentication encoding of DSSE: exactly what is signed.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Bytes as standard base64 with padding, the form of DSSE.
pub mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes bytes as base64.
    ///
    /// # Errors
    /// As the serializer does.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    /// Reads bytes from base64.
    ///
    /// # Errors
    /// When the text is not standard base64 with padding.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD
            .decode(String::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}
