//! Signed bytes: DSSE envelopes around in-toto Statements.
//!
//! Whatever is signed is kept and passed on as the bytes that were signed. [`Signed<T>`] gives nothing of its
//! content until [`Signed::verify`] turned it into [`Verified<T>`]; nothing is parsed before the signature is
//! good. Follows DSSE v1.0 (pre-authentication encoding, `payloadType`) and in-toto Attestation Statement v1.
//! Does not decide which keys count: callers bring [`Keys`].

mod envelope;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::canonical::{self, Checked};
use crate::digest::{KeyId, Sha256Digest};
use crate::identity::{PublicKey, Role};
pub use envelope::{Envelope, EnvelopeSignature, base64_bytes, pae};

/// The DSSE payload type of every envelope here.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The in-toto statement type.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The most signatures an envelope may carry.
pub const MAX_SIGNATURES: usize = 16;
/// The largest payload that is read, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 4 * 1024 * 1024;

/// What can be signed: one predicate type for each kind of statement.
pub trait Predicate: Serialize + DeserializeOwned {
    /// The predicate type URI. New meaning is a new URI.
    const TYPE: &'static str;
    /// The role whose keys sign it.
    const ROLE: Role;

    /// What the statement is about; checked against the statement's `subject`.
    fn subject(&self) -> Subject;
}

/// The one subject of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// A name for people; the digest identifies.
    pub name: String,
    /// The digests of the subject.
    pub digest: SubjectDigest,
}

impl Subject {
    /// A subject by name and digest.
    #[must_use]
    pub fn new(name: impl Into<String>, sha256: Sha256Digest) -> Self {
        Self {
            name: name.into(),
            digest: SubjectDigest { sha256 },
        }
    }
}

/// The digest set of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectDigest {
    /// SHA-256 of the subject.
    pub sha256: Sha256Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Statement<T> {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: T,
}

impl<P> Statement<P> {
    fn check_type<T: Predicate>(&self) -> Result<(), SignatureError> {
        if self.statement_type == STATEMENT_TYPE && self.predicate_type == T::TYPE {
            return Ok(());
        }
        Err(SignatureError::WrongType {
            found: self.predicate_type.clone(),
            expected: T::TYPE,
        })
    }
}

/// Why an envelope was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The envelope is for another kind of payload.
    #[error("envelope has payload type `{0}`, expected `application/vnd.in-toto+json`")]
    PayloadType(String),
    /// The payload is too large.
    #[error("payload of {0} bytes is over the limit")]
    TooLarge(usize),
    /// No, or not enough, signatures by keys that count.
    #[error("{found} of {needed} needed signatures by {} keys are good; {hint}", role.word())]
    Unsigned {
        /// Good signatures by distinct keys.
        found: usize,
        /// Signatures needed.
        needed: usize,
        /// The role asked for.
        role: Role,
        /// What was wrong with the others.
        hint: &'static str,
    },
    /// The signed bytes are no statement of the expected type.
    #[error("signed statement is refused {0}")]
    Malformed(#[from] canonical::ParseError),
    /// The statement is of another type.
    #[error("signed statement is a `{found}`, expected `{expected}`")]
    WrongType {
        /// The type it says.
        found: String,
        /// The type asked for.
        expected: &'static str,
    },
    /// The statement's subject is not the one its predicate names.
    #[error("signed statement names a subject that its predicate does not")]
    WrongSubject,
}

/// Looks up keys. What is not found does not count.
pub trait Keys {
    /// The key with this id, when it serves `role`.
    fn key(&self, id: &KeyId, role: Role) -> Option<&PublicKey>;
}

impl<K: Keys> Keys for Arc<K> {
    fn key(&self, id: &KeyId, role: Role) -> Option<&PublicKey> {
        K::key(self, id, role)
    }
}

impl Keys for BTreeMap<(KeyId, Role), PublicKey> {
    fn key(&self, id: &KeyId, role: Role) -> Option<&PublicKey> {
        self.get(&(*id, role))
    }
}

impl Envelope {
    /// Verifies the statement inside, when at least one key of `T`'s role signed it: [`Signed::verify`] without a copy.
    ///
    /// # Errors
    /// [`SignatureError`] says why not.
    pub fn verify<T: Predicate>(&self, keys: &impl Keys) -> Result<Verified<T>, SignatureError> {
        self.verify_threshold(keys, 1)
    }

    fn verify_threshold<T: Predicate>(
        &self,
        keys: &impl Keys,
        threshold: usize,
    ) -> Result<Verified<T>, SignatureError> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(SignatureError::PayloadType(self.payload_type.clone()));
        }
        if self.payload.len() > MAX_PAYLOAD_BYTES {
            return Err(SignatureError::TooLarge(self.payload.len()));
        }
        let signers = good_signers(self, keys, T::ROLE, threshold.max(1))?;
        let document = Checked::of(&self.payload, MAX_PAYLOAD_BYTES)?;
        let statement: Statement<T> = match document.read() {
            Ok(statement) => statement,
            // What it is instead says more than where it differs.
            Err(error) => {
                document.read::<Statement<IgnoredAny>>()?.check_type::<T>()?;
                return Err(error.into());
            }
        };
        statement.check_type::<T>()?;
        if statement.subject != [statement.predicate.subject()] {
            return Err(SignatureError::WrongSubject);
        }
        Ok(Verified {
            predicate: statement.predicate,
            digest: self.payload_digest(),
            signers,
            envelope: self.clone(),
        })
    }
}

/// A signing key. Implemented where the secret is: in a keyring, a device, an owner-only file.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message`: DER over its SHA-256 for ECDSA, 64 bytes for Ed25519.
    ///
    /// # Errors
    /// [`SignError`] when the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key could not be used.
    #[error("key cannot sign: {0}")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The statement cannot be written.
    #[error(transparent)]
    Encode(#[from] canonical::EncodeError),
}

/// An envelope said to hold a `T`. Gives nothing of it until verified.
#[derive(Debug)]
pub struct Signed<T> {
    envelope: Envelope,
    expected: PhantomData<fn() -> T>,
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self {
            envelope: self.envelope.clone(),
            expected: PhantomData,
        }
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.envelope == other.envelope
    }
}

impl<T> Serialize for Signed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.envelope.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Envelope::deserialize(deserializer).map(Self::from)
    }
}

impl<T> From<Envelope> for Signed<T> {
    fn from(envelope: Envelope) -> Self {
        Self {
            envelope,
            expected: PhantomData,
        }
    }
}

impl<T> Signed<T> {
    /// The envelope as it came.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The envelope as it came, without the expectation.
    #[must_use]
    pub fn into_envelope(self) -> Envelope {
        self.envelope
    }
}

impl<T: Predicate> Signed<T> {
    /// Seals `predicate` as a statement under the signatures of all `signers`.
    ///
    /// # Errors
    /// [`SignError`] when a key cannot be used or the predicate cannot be written.
    pub fn seal(predicate: &T, signers: &[&dyn Signer]) -> Result<Self, SignError> {
        let statement = Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![predicate.subject()],
            predicate_type: T::TYPE.to_owned(),
            predicate,
        };
        let mut sealed = Self::from(Envelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: canonical::to_bytes(&statement)?,
            signatures: vec![],
        });
        for signer in signers {
            sealed.countersign(*signer)?;
        }
        Ok(sealed)
    }

    /// Adds one more signature over the same bytes.
    ///
    /// # Errors
    /// [`SignError`] when the key cannot be used.
    pub fn countersign(&mut self, signer: &dyn Signer) -> Result<(), SignError> {
        let message = pae(&self.envelope.payload_type, &self.envelope.payload);
        let signature = EnvelopeSignature {
            keyid: signer.public_key().id(),
            sig: signer.sign(&message)?,
        };
        self.envelope.signatures.push(signature);
        Ok(())
    }

    /// Reads the statement without any proof, for an owner who is about to look at it and add a signature.
    /// Nothing may be decided by it.
    ///
    /// # Errors
    /// [`SignatureError`] when the bytes are no statement of this type.
    pub fn unproven_for_signing(&self) -> Result<T, SignatureError> {
        let statement: Statement<serde_json::Value> = canonical::parse(&self.envelope.payload)?;
        if self.envelope.payload_type != PAYLOAD_TYPE || statement.predicate_type != T::TYPE {
            return Err(SignatureError::WrongType {
                found: statement.predicate_type,
                expected: T::TYPE,
            });
        }
        let statement: Statement<T> = canonical::parse(&self.envelope.payload)?;
        Ok(statement.predicate)
    }

    /// Accepts the envelope when at least one key of `T`'s role signed it.
    ///
    /// # Errors
    /// [`SignatureError`] says why not.
    pub fn verify(&self, keys: &impl Keys) -> Result<Verified<T>, SignatureError> {
        self.envelope.verify(keys)
    }

    /// Accepts the envelope when at least `threshold` distinct keys of `T`'s role signed it.
    ///
    /// # Errors
    /// [`SignatureError`] says why not.
    pub fn verify_threshold(
        &self,
        keys: &impl Keys,
        threshold: usize,
    ) -> Result<Verified<T>, SignatureError> {
        self.envelope.verify_threshold(keys, threshold)
    }
}

fn good_signers(
    envelope: &Envelope,
    keys: &impl Keys,
    role: Role,
    needed: usize,
) -> Result<Vec<KeyId>, SignatureError> {
    if envelope.signatures.len() > MAX_SIGNATURES {
        return Err(SignatureError::Unsigned {
            found: 0,
            needed,
            role,
            hint: "the envelope carries too many signatures",
        });
    }
    let message = pae(&envelope.payload_type, &envelope.payload);
    let mut good: Vec<KeyId> = Vec::new();
    let mut hint = "no signature is by a known key";
    for signature in &envelope.signatures {
        let Some(key) = keys.key(&signature.keyid, role) else {
            continue;
        };
        if key.id() != signature.keyid || !key.accepts(&message, &signature.sig) {
            hint = "a signature does not fit the bytes";
        } else if good.contains(&signature.keyid) {
            hint = "the same key signed twice";
        } else {
            good.push(signature.keyid);
        }
    }
    if good.len() >= needed {
        Ok(good)
    } else {
        Err(SignatureError::Unsigned {
            found: good.len(),
            needed,
            role,
            hint,
        })
    }
}

/// A statement whose signatures were good. Made by [`Signed::verify`] alone.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    predicate: T,
    digest: Sha256Digest,
    signers: Vec<KeyId>,
    envelope: Envelope,
}

impl<T> Verified<T> {
    /// The digest of the signed bytes.
    #[must_use]
    pub const fn digest(&self) -> &Sha256Digest {
        &self.digest
    }

    /// The keys whose signatures were good, each once.
    #[must_use]
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// The key that signed a statement of a single signer.
    #[must_use]
    pub fn signer(&self) -> Option<KeyId> {
        self.signers.first().copied()
    }

    /// The envelope it came in.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The statement's predicate, without its proof.
    #[must_use]
    pub fn into_predicate(self) -> T {
        self.predicate
    }
}

impl<T> std::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.predicate
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::identity::Algorithm;

    /// A software key for tests, made from one byte.
    pub(crate) struct TestKey {
        secret: p256::ecdsa::SigningKey,
        public: PublicKey,
    }

    impl TestKey {
        pub(crate) fn new(seed: u8) -> Self {
            use p256::pkcs8::EncodePublicKey as _;
            let secret = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
            let spki = secret.verifying_key().to_public_key_der().unwrap();
            let public = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).unwrap();
            Self { secret, public }
        }
    }

    impl Signer for TestKey {
        fn public_key(&self) -> &PublicKey {
            &self.public
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            use p256::ecdsa::signature::Signer as _;
            let signature: p256::ecdsa::Signature = self.secret.sign(message);
            Ok(signature.to_der().as_bytes().to_vec())
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Note {
        text: String,
    }

    impl Predicate for Note {
        const TYPE: &'static str = "https://example.com/note/v1";
        const ROLE: Role = Role::Reviewer;
        fn subject(&self) -> Subject {
            Subject::new("note", Sha256Digest::of(self.text.as_bytes()))
        }
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Other {
        text: String,
    }

    impl Predicate for Other {
        const TYPE: &'static str = "https://example.com/other/v1";
        const ROLE: Role = Role::Reviewer;
        fn subject(&self) -> Subject {
            Subject::new("note", Sha256Digest::of(self.text.as_bytes()))
        }
    }

    fn keys(seeds: &[u8]) -> BTreeMap<(KeyId, Role), PublicKey> {
        seeds
            .iter()
            .map(|seed| TestKey::new(*seed).public)
            .map(|key| ((key.id(), Role::Reviewer), key))
            .collect()
    }

    fn note() -> Signed<Note> {
        Signed::seal(&Note { text: "hello".into() }, &[&TestKey::new(1)]).unwrap()
    }

    proptest::proptest! {
        #[test]
        fn an_envelope_is_digested_in_its_canonical_form(
            payload in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
            payload_type in "\\PC{0,12}|.{0,12}",
            sig in proptest::collection::vec(proptest::num::u8::ANY, 0..80),
            many in 0_usize..3,
        ) {
            let keyid = KeyId::new(Sha256Digest::of(&sig));
            let signatures = vec![EnvelopeSignature { keyid, sig }; many];
            let envelope = Envelope { payload_type, payload, signatures };
            proptest::prop_assert_eq!(
                canonical::ordered_to_bytes(&envelope).unwrap(),
                canonical::to_bytes(&envelope).unwrap()
            );
        }
    }

    #[test]
    fn gives_the_statement_only_to_its_key() {
        let verified = note().verify(&keys(&[1, 2])).unwrap();
        assert_eq!(verified.text, "hello");
        assert_eq!(verified.signers(), [TestKey::new(1).public.id()]);
        assert!(matches!(
            note().verify(&keys(&[2])),
            Err(SignatureError::Unsigned { found: 0, .. })
        ));
    }

    #[test]
    fn refuses_another_type_role_or_byte() {
        let signed: Signed<Other> = Signed::from(note().into_envelope());
        assert!(matches!(
            signed.verify(&keys(&[1])),
            Err(SignatureError::WrongType { .. })
        ));

        let key = TestKey::new(1).public;
        let guard_only = BTreeMap::from([((key.id(), Role::Guard), key)]);
        assert!(matches!(
            note().verify(&guard_only),
            Err(SignatureError::Unsigned { .. })
        ));

        for index in 0..note().envelope.payload.len() {
            let mut changed = note();
            changed.envelope.payload[index] ^= 1;
            assert!(changed.verify(&keys(&[1])).is_err(), "byte {index}");
        }
    }

    #[test]
    fn counts_each_key_once() {
        let mut signed = note();
        signed.countersign(&TestKey::new(1)).unwrap();
        assert!(matches!(
            signed.verify_threshold(&keys(&[1, 2]), 2),
            Err(SignatureError::Unsigned {
                found: 1,
                hint: "the same key signed twice",
                ..
            })
        ));
        signed.countersign(&TestKey::new(2)).unwrap();
        assert!(signed.verify_threshold(&keys(&[1, 2]), 2).is_ok());
    }

    #[test]
    fn refuses_a_subject_that_the_predicate_does_not_name() {
        let key = TestKey::new(1);
        let mut signed = note();
        let text = String::from_utf8(signed.envelope.payload.clone()).unwrap();
        signed.envelope.payload = text.replace(r#""name":"note""#, r#""name":"nope""#).into_bytes();
        signed.envelope.signatures.clear();
        signed.countersign(&key).unwrap();
        assert_eq!(
            signed.verify(&keys(&[1])).unwrap_err(),
            SignatureError::WrongSubject
        );
    }

    #[test]
    fn encodes_as_dsse_says() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}
