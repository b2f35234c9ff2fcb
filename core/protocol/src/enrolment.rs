//! Enrolment: a person's keys on their way to the directory's owners.
//!
//! An owner draws a one-time [`Code`] and tells it to the person, not to the backend. From it both derive a key pair:
//! the backend is told its public half, so it can let the person in, relay, and change nothing that is signed by it
//! unnoticed. The person sends an [`EnrolmentClaim`], signed by the code's key and by every key it names; the owner
//! answers with a [`Credential`] where there is evidence of a TPM, and gets back what only that TPM can open. Nothing
//! of this is believed by anybody but the owner who checks it: what counts afterwards is the signed directory.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};

use crate::attestation::{Credential, TpmEvidence};
use crate::canonical;
use crate::digest::{KeyId, RootId, Sha256Digest};
use crate::identity::{PersonId, PublicKey};
use crate::moment::Timestamp;
use crate::signed::{Envelope, EnvelopeSignature, SignError, Signer, base64_bytes, pae};
use crate::text::Line;

/// The schema name of [`EnrolmentClaim`].
pub const CLAIM_SCHEMA: &str = "countersign/enrolment-claim/v1";
/// The payload type of claims: a signature over one is never a decision.
pub const CLAIM_TYPE: &str = "application/vnd.countersign.enrolment-claim+json";
/// The payload type of credentials.
pub const CREDENTIAL_TYPE: &str = "application/vnd.countersign.enrolment-credential+json";
/// How long a code is good.
pub const LIFE: Duration = Duration::from_secs(24 * 3600);
/// The most codes that are open at once.
pub const MAX_OPEN: usize = 128;
/// The longest body of an enrolment, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// A one-time code: 128 random bits that an owner tells a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; 16]);

/// A text that is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an enrolment code: 26 letters and digits in groups, as `countersign directory invite` printed it"
)]
pub struct CodeError;

impl Code {
    /// A code from 128 random bits.
    #[must_use]
    pub const fn new(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    /// The secret half of the code's key: a P-256 scalar.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        *self.derived("countersign/enrolment-key/v1").as_bytes()
    }

    /// What a TPM certifies a key for.
    #[must_use]
    pub fn challenge(&self) -> Sha256Digest {
        self.derived("countersign/enrolment-challenge/v1")
    }

    fn derived(&self, domain: &str) -> Sha256Digest {
        Sha256Digest::of_domain(domain, &[&self.0])
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, letter) in BASE32_NOPAD
            .encode(&self.0)
            .to_ascii_lowercase()
            .chars()
            .enumerate()
        {
            if index > 0 && index % 5 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let plain: String = text
            .chars()
            .filter(|letter| !matches!(letter, '-' | ' '))
            .collect::<String>()
            .to_ascii_uppercase();
        let bits = BASE32_NOPAD.decode(plain.as_bytes()).map_err(|_| CodeError)?;
        Ok(Self(bits.try_into().map_err(|_| CodeError)?))
    }
}

/// What a person claims about themselves and their keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentClaim {
    /// [`CLAIM_SCHEMA`].
    pub schema: String,
    /// The organisation.
    pub root: RootId,
    /// The code's key: a claim for another code is not this one.
    pub code: KeyId,
    /// The person.
    pub person: PersonId,
    /// Their name.
    pub display: Line,
    /// Authenticates their HTTP requests; absent where the directory has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<PublicKey>,
    /// Signs their decisions.
    pub reviewer: PublicKey,
    /// The key of theirs that this one takes the place of, which signed this as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<KeyId>,
    /// What is said to keep the key. Proves nothing.
    pub provider: Line,
    /// What proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<TpmEvidence>,
}

/// Why what came for an enrolment is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// Another kind of statement.
    #[error("it is no enrolment claim")]
    OtherType,
    /// Not made by who has the code.
    #[error("it is not signed by who has the code; somebody on the way changed it")]
    Code,
    /// Not readable.
    #[error("the claim {0}")]
    Unreadable(String),
    /// For another organisation, person or code.
    #[error("the claim is for another organisation, person or code")]
    Other,
    /// Nobody showed that they hold a key.
    #[error("nobody proved to hold key `{0}`")]
    NotProven(KeyId),
}

/// Signs bytes of a payload type with several keys.
///
/// # Errors
/// [`SignError`] when one does not sign.
pub fn sign(payload_type: &str, payload: Vec<u8>, signers: &[&dyn Signer]) -> Result<Envelope, SignError> {
    let message = pae(payload_type, &payload);
    let mut signatures = Vec::new();
    for signer in signers {
        signatures.push(EnvelopeSignature {
            keyid: signer.public_key().id(),
            sig: signer.sign(&message)?,
        });
    }
    Ok(Envelope {
        payload_type: payload_type.to_owned(),
        payload,
        signatures,
    })
}

/// Whether a key signed an envelope.
#[must_use]
pub fn is_signed(envelope: &Envelope, key: &PublicKey) -> bool {
    let message = pae(&envelope.payload_type, &envelope.payload);
    let id = key.id();
    let of_key = |signature: &&EnvelopeSignature| signature.keyid == id;
    envelope
        .signatures
        .iter()
        .filter(of_key)
        .any(|signature| key.accepts(&message, &signature.sig))
}

/// Reads a claim, once who has the code and every key it brings have signed it. Whether a replaced key did is asked
/// by [`is_signed`] with that key of the directory.
///
/// # Errors
/// [`EnrolmentError`] says what is wrong.
pub fn open(
    envelope: &Envelope,
    code: &PublicKey,
    root: &RootId,
    person: &PersonId,
) -> Result<EnrolmentClaim, EnrolmentError> {
    if envelope.payload_type != CLAIM_TYPE {
        return Err(EnrolmentError::OtherType);
    }
    if !is_signed(envelope, code) {
        return Err(EnrolmentError::Code);
    }
    let claim: EnrolmentClaim = canonical::parse_within(&envelope.payload, MAX_BODY)
        .map_err(|error| EnrolmentError::Unreadable(error.to_string()))?;
    let fits = claim.schema == CLAIM_SCHEMA
        && claim.root == *root
        && claim.code == code.id()
        && claim.person == *person;
    if !fits {
        return Err(EnrolmentError::Other);
    }
    for key in claim.login.iter().chain([&claim.reviewer]) {
        if !is_signed(envelope, key) {
            return Err(EnrolmentError::NotProven(key.id()));
        }
    }
    Ok(claim)
}

/// Reads an owner's credential.
///
/// # Errors
/// [`EnrolmentError`] says what is wrong.
pub fn open_credential(envelope: &Envelope, code: &PublicKey) -> Result<Credential, EnrolmentError> {
    if envelope.payload_type != CREDENTIAL_TYPE {
        return Err(EnrolmentError::OtherType);
    }
    if !is_signed(envelope, code) {
        return Err(EnrolmentError::Code);
    }
    canonical::parse_within(&envelope.payload, MAX_BODY)
        .map_err(|error| EnrolmentError::Unreadable(error.to_string()))
}

/// An owner opens an enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteBody {
    /// The code's public key.
    pub code: PublicKey,
    /// For whom.
    pub person: PersonId,
    /// Until when; at most [`LIFE`] from now.
    pub expires_at: Timestamp,
}

/// The secret that a TPM gave for a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationBody {
    /// It.
    #[serde(with = "base64_bytes")]
    pub secret: Vec<u8>,
}

/// An enrolment as the backend has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentRecord {
    /// The code's public key.
    pub code: PublicKey,
    /// For whom.
    pub person: PersonId,
    /// Who invited.
    pub invited_by: PersonId,
    /// Until when.
    pub expires_at: Timestamp,
    /// What the person sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Envelope>,
    /// What the owner answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Envelope>,
    /// What the TPM gave for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<ActivationBody>,
}

/// All open enrolments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentList {
    /// Them, by the end of their time.
    pub enrolments: Vec<EnrolmentRecord>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signed::tests::TestKey;

    fn claim(code: &TestKey) -> EnrolmentClaim {
        EnrolmentClaim {
            schema: CLAIM_SCHEMA.to_owned(),
            root: RootId::new(Sha256Digest::of(b"root")),
            code: code.public_key().id(),
            person: "lee".parse().unwrap(),
            display: Line::new("Lee").unwrap(),
            login: Some(TestKey::new(2).public_key().clone()),
            reviewer: TestKey::new(3).public_key().clone(),
            replaces: None,
            provider: Line::new("tpm").unwrap(),
            evidence: None,
        }
    }

    fn opened(envelope: &Envelope, code: &TestKey) -> Result<EnrolmentClaim, EnrolmentError> {
        let root = RootId::new(Sha256Digest::of(b"root"));
        open(envelope, code.public_key(), &root, &"lee".parse().unwrap())
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = Code::new([0xa7; 16]);
        let shown = code.to_string();
        assert_eq!(shown.len(), 31);
        for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', " ")] {
            assert_eq!(typed.parse::<Code>(), Ok(code.clone()));
        }
        for bad in ["", "aaaaa", &shown[1..], &format!("{shown}a"), "1"] {
            assert!(bad.parse::<Code>().is_err(), "{bad}");
        }
        assert_ne!(code.seed(), *code.challenge().as_bytes());
        assert_eq!(format!("{code:?}"), "Code(..)");
    }

    #[test]
    fn a_claim_needs_the_code_and_every_key_it_brings() {
        let (code, login, reviewer) = (TestKey::new(1), TestKey::new(2), TestKey::new(3));
        let bytes = canonical::to_bytes(&claim(&code)).unwrap();
        let sealed = |signers: &[&dyn Signer]| sign(CLAIM_TYPE, bytes.clone(), signers).unwrap();
        let good = sealed(&[&code, &login, &reviewer]);
        assert_eq!(opened(&good, &code).unwrap(), claim(&code));
        assert_eq!(
            opened(&sealed(&[&login, &reviewer]), &code),
            Err(EnrolmentError::Code)
        );
        let missing = |key: &TestKey| Err(EnrolmentError::NotProven(key.public_key().id()));
        assert_eq!(opened(&sealed(&[&code, &login]), &code), missing(&reviewer));
        assert_eq!(opened(&sealed(&[&code, &reviewer]), &code), missing(&login));
        // Somebody else's code, or another type of statement.
        assert_eq!(opened(&good, &TestKey::new(9)), Err(EnrolmentError::Code));
        let mut other = good;
        other.payload_type = CREDENTIAL_TYPE.to_owned();
        assert_eq!(opened(&other, &code), Err(EnrolmentError::OtherType));
    }

    #[test]
    fn whoever_relays_cannot_put_another_key_in_its_place() {
        let (code, login, reviewer, own) = (
            TestKey::new(1),
            TestKey::new(2),
            TestKey::new(3),
            TestKey::new(66),
        );
        let mut swapped = claim(&code);
        let honest = sign(
            CLAIM_TYPE,
            canonical::to_bytes(&swapped).unwrap(),
            &[&code, &login, &reviewer],
        )
        .unwrap();
        swapped.reviewer = own.public_key().clone();
        let mut envelope = sign(
            CLAIM_TYPE,
            canonical::to_bytes(&swapped).unwrap(),
            &[&login, &own],
        )
        .unwrap();
        envelope.signatures.extend(honest.signatures);
        assert_eq!(opened(&envelope, &code), Err(EnrolmentError::Code));
    }

    #[test]
    fn a_claim_for_another_person_organisation_or_code_is_refused() {
        let (code, login, reviewer) = (TestKey::new(1), TestKey::new(2), TestKey::new(3));
        let changes: [fn(&mut EnrolmentClaim); 4] = [
            |claim| claim.person = "mallory".parse().unwrap(),
            |claim| claim.root = RootId::new(Sha256Digest::of(b"other")),
            |claim| claim.code = TestKey::new(4).public_key().id(),
            |claim| claim.schema.push('0'),
        ];
        for change in changes {
            let mut other = claim(&code);
            change(&mut other);
            let bytes = canonical::to_bytes(&other).unwrap();
            let envelope = sign(CLAIM_TYPE, bytes, &[&code, &login, &reviewer]).unwrap();
            assert_eq!(opened(&envelope, &code), Err(EnrolmentError::Other));
        }
    }
}
