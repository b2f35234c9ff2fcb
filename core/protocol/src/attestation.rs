//! Whether a key is in hardware: the evidence of a TPM, judged against its maker's certificates.
//!
//! A TPM 2.0 holds an endorsement key that its maker certified, makes an attestation key that signs only what the TPM
//! itself says, and certifies a signing key with that (`TPM2_Certify`). That attestation key and endorsement key are in
//! one TPM is shown to the owner who enrols, by a [`Credential`] that only such a TPM opens; the owners' signatures on
//! the directory vouch for that one step. All the rest every reader of a directory checks again, here: nobody can claim
//! an assurance. Pure: certificates are judged as of a moment that the caller names. TPM structures follow the TPM
//! 2.0 Library part 2; certificates the TCG EK Credential Profile 2.5.

use std::cell::Cell;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use serde::{Deserialize, Serialize};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, ring as algorithms};

use crate::digest::{KeyId, RootId, Sha256Digest};
use crate::identity::{Algorithm, PersonId, PublicKey};
use crate::moment::Timestamp;
use crate::signed::base64_bytes;

/// The schema name of [`TpmEvidence`].
pub const EVIDENCE_SCHEMA: &str = "countersign/tpm-evidence/v1";
/// The schema name of [`Credential`].
pub const CREDENTIAL_SCHEMA: &str = "countersign/tpm-credential/v1";
/// The longest certificate that is read, in bytes.
pub const MAX_CERTIFICATE: usize = 8 * 1024;
/// The longest TPM structure that is read, in bytes.
const MAX_STRUCTURE: usize = 1024;
/// The most certificates of makers that a directory names.
pub const MAX_AUTHORITIES: usize = 256;

/// The kinds of endorsement keys that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndorsementKind {
    /// RSA with 2048 bits (template L-1).
    Rsa2048,
    /// ECC on P-256 (template L-2).
    EccP256,
}

/// What a TPM and its maker say about a signing key. All bytes are TPM structures as they are on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TpmEvidence {
    /// [`EVIDENCE_SCHEMA`].
    pub schema: String,
    /// Which endorsement key.
    pub endorsement: EndorsementKind,
    /// Its certificate in DER (X.509), as the TPM's maker put it there.
    #[serde(with = "base64_bytes")]
    pub endorsement_certificate: Vec<u8>,
    /// `TPMT_PUBLIC` of the endorsement key.
    #[serde(with = "base64_bytes")]
    pub endorsement_public: Vec<u8>,
    /// `TPMT_PUBLIC` of the attestation key.
    #[serde(with = "base64_bytes")]
    pub attestation_public: Vec<u8>,
    /// `TPMT_PUBLIC` of the signing key.
    #[serde(with = "base64_bytes")]
    pub key_public: Vec<u8>,
    /// `TPMS_ATTEST` about the signing key; `extraData` is the verifier's nonce.
    #[serde(with = "base64_bytes")]
    pub certify_info: Vec<u8>,
    /// `TPMT_SIGNATURE` of the attestation key over `certify_info`.
    #[serde(with = "base64_bytes")]
    pub certify_signature: Vec<u8>,
}

/// A verifier's challenge to the TPM that holds the attestation key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// [`CREDENTIAL_SCHEMA`].
    pub schema: String,
    /// Which endorsement key it is for.
    pub endorsement: EndorsementKind,
    /// The content of the `TPM2B_ID_OBJECT`.
    #[serde(with = "base64_bytes")]
    pub id_object: Vec<u8>,
    /// The content of the `TPM2B_ENCRYPTED_SECRET`.
    #[serde(with = "base64_bytes")]
    pub encrypted_secret: Vec<u8>,
}

/// What a directory knows about hardware: whose certificates its owners believe, and the evidence of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestations {
    /// Root certificates of makers of TPMs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Certificate>,
    /// Certificates between those roots and endorsement keys. They are believed only as far as a root reaches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<Certificate>,
    /// The evidence of each key that is called attested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyAttestation>,
}

/// A certificate in DER (X.509).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Certificate(#[serde(with = "base64_bytes")] pub Vec<u8>);

/// The evidence of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyAttestation {
    /// The key.
    pub key: KeyId,
    /// What the owner who enrolled it drew for this one enrolment.
    pub challenge: Sha256Digest,
    /// When the evidence was judged; certificates count as of then.
    pub at: Timestamp,
    /// The evidence.
    pub evidence: TpmEvidence,
}

impl Attestations {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What evidence has to be about.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The organisation.
    pub root: &'a RootId,
    /// Whose key it is said to be.
    pub person: &'a PersonId,
    /// The key.
    pub key: &'a PublicKey,
    /// What the owner drew for this one enrolment.
    pub challenge: &'a Sha256Digest,
}

impl Claim<'_> {
    /// What the TPM is to certify the key over: evidence for another organisation, person, key or enrolment has
    /// another nonce.
    #[must_use]
    pub fn nonce(&self) -> Sha256Digest {
        Sha256Digest::of_domain(
            "countersign/attestation-nonce/v1",
            &[
                self.root.sha256().as_bytes(),
                self.challenge.as_bytes(),
                self.key.id().sha256().as_bytes(),
                self.person.as_str().as_bytes(),
            ],
        )
    }
}

/// Why evidence does not prove that a key is in hardware.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// Of another schema, or too large.
    #[error("the evidence is of another form than `{EVIDENCE_SCHEMA}`, or too large")]
    Form,
    /// The maker's certificate does not lead to a root that the directory names.
    #[error("the endorsement certificate does not lead to a maker that the directory names: {0}")]
    Chain(String),
    /// The certificate is another key's.
    #[error("the endorsement certificate is for another key than the evidence shows")]
    Endorsement,
    /// The attestation key could sign anything, or is not fixed to its TPM.
    #[error("the attestation key is not one that signs only what its TPM says")]
    AttestationKey,
    /// The key could have come from elsewhere or leave its TPM.
    #[error("the key is not one that was made in its TPM and stays there")]
    KeyAttributes,
    /// The evidence is about another key.
    #[error("the evidence is about another key")]
    OtherKey,
    /// What the TPM says is not about this.
    #[error("what the TPM certified is not this key, or not for this enrolment")]
    Certified,
    /// Not signed by the attestation key.
    #[error("what the TPM is said to certify is not signed by its attestation key")]
    Signature,
}

/// Checks everything about a key's evidence but the activation, which only the owner who enrols can see.
///
/// # Errors
/// [`AttestationError`] names the first thing that does not hold.
pub fn check(
    evidence: &TpmEvidence,
    claim: &Claim<'_>,
    authorities: &Attestations,
    at: Timestamp,
) -> Result<(), AttestationError> {
    let parts = [
        &evidence.endorsement_public,
        &evidence.attestation_public,
        &evidence.key_public,
        &evidence.certify_info,
        &evidence.certify_signature,
    ];
    if evidence.schema != EVIDENCE_SCHEMA || parts.iter().any(|part| part.len() > MAX_STRUCTURE) {
        return Err(AttestationError::Form);
    }
    check_chain(evidence, authorities, at)?;
    let attesting =
        ecc_key(&evidence.attestation_public, RESTRICTED_SIGNING).ok_or(AttestationError::AttestationKey)?;
    let key = ecc_key(&evidence.key_public, SIGNING).ok_or(AttestationError::KeyAttributes)?;
    if key != *claim.key {
        return Err(AttestationError::OtherKey);
    }
    let name = name_of(&evidence.key_public);
    if certified(&evidence.certify_info) != Some((claim.nonce().as_bytes().as_slice(), name.as_slice())) {
        return Err(AttestationError::Certified);
    }
    let signed = der_signature(&evidence.certify_signature)
        .is_some_and(|signature| attesting.accepts(&evidence.certify_info, &signature));
    if signed {
        Ok(())
    } else {
        Err(AttestationError::Signature)
    }
}

/// What identifies a key to a TPM: the algorithm and the digest of its `TPMT_PUBLIC`.
#[must_use]
pub fn name_of(public: &[u8]) -> Vec<u8> {
    [SHA256.as_slice(), Sha256Digest::of(public).as_bytes()].concat()
}

/// Refuses more certificates, or longer ones, than anybody is to read.
pub(crate) fn check_sizes(attestations: &Attestations) -> Result<(), String> {
    let authorities = attestations.roots.iter().chain(&attestations.issuers);
    let too_many = authorities.clone().count() > MAX_AUTHORITIES;
    if too_many
        || authorities
            .clone()
            .any(|certificate| certificate.0.len() > MAX_CERTIFICATE)
    {
        return Err(format!(
            "more than {MAX_AUTHORITIES} certificates of makers, or one longer than {MAX_CERTIFICATE} bytes"
        ));
    }
    Ok(())
}

/// tcg-kp-EKCertificate, 2.23.133.8.1.
const EK_CERTIFICATE: &[u8] = &[0x67, 0x81, 0x05, 0x08, 0x01];
const CERTIFICATE_ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
];

fn check_chain(
    evidence: &TpmEvidence,
    authorities: &Attestations,
    at: Timestamp,
) -> Result<(), AttestationError> {
    let refused = |error: webpki::Error| AttestationError::Chain(error.to_string());
    if evidence.endorsement_certificate.len() > MAX_CERTIFICATE {
        return Err(AttestationError::Form);
    }
    let der = CertificateDer::from(evidence.endorsement_certificate.as_slice());
    let leaf = EndEntityCert::try_from(&der).map_err(refused)?;
    let roots: Vec<CertificateDer<'_>> = authorities
        .roots
        .iter()
        .map(|root| CertificateDer::from(root.0.as_slice()))
        .collect();
    let anchors: Vec<_> = roots
        .iter()
        .filter_map(|root| webpki::anchor_from_trusted_cert(root).ok())
        .collect();
    let issuers: Vec<CertificateDer<'_>> = authorities
        .issuers
        .iter()
        .map(|issuer| CertificateDer::from(issuer.0.as_slice()))
        .collect();
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_millis(at.millis()));
    let usage = Endorsement::default();
    leaf.verify_for_usage(
        CERTIFICATE_ALGORITHMS,
        &anchors,
        &issuers,
        time,
        &usage,
        None,
        None,
    )
    .map_err(refused)?;
    let shown = match evidence.endorsement {
        EndorsementKind::Rsa2048 => rsa_spki(&evidence.endorsement_public),
        EndorsementKind::EccP256 => endorsement_point(&evidence.endorsement_public)
            .and_then(|(x, y)| p256_key(x, y))
            .map(|key| key.spki().to_vec()),
    };
    if shown.as_deref() == Some(leaf.subject_public_key_info().as_ref()) {
        Ok(())
    } else {
        Err(AttestationError::Endorsement)
    }
}

/// An endorsement certificate has to say what it is for; makers' certificates need not, and say nothing else.
#[derive(Default)]
struct Endorsement {
    /// Whether the endorsement certificate, which comes first, was looked at.
    began: Cell<bool>,
}

impl ExtendedKeyUsageValidator for Endorsement {
    fn validate(&self, found: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let usage = if self.began.replace(true) {
            KeyUsage::required_if_present(EK_CERTIFICATE)
        } else {
            KeyUsage::required(EK_CERTIFICATE)
        };
        usage.validate(found)
    }
}

/// The modulus of an endorsement key that follows template L-1.
#[must_use]
pub fn endorsement_modulus(public: &[u8]) -> Option<&[u8]> {
    public
        .strip_prefix(RSA_ENDORSEMENT)
        .filter(|modulus| modulus.len() == 256 && modulus.first().is_some_and(|first| *first >= 0x80))
}

/// The point of an endorsement key that follows template L-2.
#[must_use]
pub fn endorsement_point(public: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = Reader(public.strip_prefix(ECC_ENDORSEMENT)?);
    let point = (rest.sized()?, rest.sized()?);
    rest.end()?;
    Some(point)
}

/// The `TPMT_PUBLIC` of a key made after our templates: P-256, ECDSA with SHA-256, exactly these attributes, no policy.
fn ecc_key(public: &[u8], attributes: u32) -> Option<PublicKey> {
    let mut rest = Reader(public);
    let fits = rest.take(2)? == ECC
        && rest.take(2)? == SHA256
        && rest.take(4)? == attributes.to_be_bytes()
        && rest.sized()?.is_empty()
        && rest.take(2)? == NULL
        && rest.take(4)? == ECDSA_SHA256
        && rest.take(2)? == P256
        && rest.take(2)? == NULL;
    let (x, y) = (rest.sized()?, rest.sized()?);
    rest.end()?;
    if fits { p256_key(x, y) } else { None }
}

/// Nonce and key name of a `TPMS_ATTEST` of the type that `TPM2_Certify` makes.
fn certified(info: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = Reader(info);
    if rest.take(4)? != GENERATED || rest.take(2)? != ATTEST_CERTIFY {
        return None;
    }
    let _qualified_signer = rest.sized()?;
    let nonce = rest.sized()?;
    let _clock_and_firmware = rest.take(17 + 8)?;
    let name = rest.sized()?;
    let _qualified_name = rest.sized()?;
    rest.end()?;
    Some((nonce, name))
}

/// A `TPMT_SIGNATURE` with ECDSA and SHA-256, in DER.
fn der_signature(signature: &[u8]) -> Option<Vec<u8>> {
    let mut rest = Reader(signature);
    if rest.take(4)? != ECDSA_SHA256 {
        return None;
    }
    let numbers = [integer(rest.sized()?)?, integer(rest.sized()?)?].concat();
    rest.end()?;
    let length = u8::try_from(numbers.len()).ok()?;
    Some([&[0x30, length], numbers.as_slice()].concat())
}

/// An unsigned number of at most 256 bits as a DER INTEGER.
fn integer(bytes: &[u8]) -> Option<Vec<u8>> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = bytes.get(zeros..)?;
    let first = *digits.first()?;
    let body = if first >= 0x80 {
        [&[0], digits].concat()
    } else {
        digits.to_vec()
    };
    let length = u8::try_from(body.len()).ok().filter(|length| *length <= 33)?;
    Some([&[0x02, length], body.as_slice()].concat())
}

fn p256_key(x: &[u8], y: &[u8]) -> Option<PublicKey> {
    let spki = [P256_SPKI, &padded(x)?, &padded(y)?].concat();
    PublicKey::from_spki(Algorithm::EcdsaP256Sha256, &spki).ok()
}

fn padded(coordinate: &[u8]) -> Option<[u8; 32]> {
    let zeros = 32_usize.checked_sub(coordinate.len())?;
    [vec![0; zeros], coordinate.to_vec()].concat().try_into().ok()
}

fn rsa_spki(public: &[u8]) -> Option<Vec<u8>> {
    endorsement_modulus(public).map(|modulus| [RSA_SPKI, modulus, &[0x02, 0x03, 0x01, 0x00, 0x01]].concat())
}

/// Reads the wire format of TPMs: big-endian, with sizes of two bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        self.take(usize::from(u16::from_be_bytes(*length)))
    }

    const fn end(&self) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { None }
    }
}

const ECC: [u8; 2] = [0x00, 0x23];
const SHA256: [u8; 2] = [0x00, 0x0b];
const NULL: [u8; 2] = [0x00, 0x10];
const P256: [u8; 2] = [0x00, 0x03];
const ECDSA_SHA256: [u8; 4] = [0x00, 0x18, 0x00, 0x0b];
const GENERATED: [u8; 4] = [0xff, b'T', b'C', b'G'];
const ATTEST_CERTIFY: [u8; 2] = [0x80, 0x17];
/// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign: guesses of the PIN count against the lockout.
const SIGNING: u32 = 0x0004_0072;
/// The same with restricted and noDA.
const RESTRICTED_SIGNING: u32 = 0x0005_0472;
/// DER of a P-256 SubjectPublicKeyInfo up to the coordinates.
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// DER of an RSA SubjectPublicKeyInfo with 2048 bits up to the modulus.
const RSA_SPKI: &[u8] = &[
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
];
/// Template L-1 up to the modulus: fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt,
/// PolicyA, AES-128-CFB, no scheme, 2048 bits, the usual exponent.
const RSA_ENDORSEMENT: &[u8] = &[
    0x00, 0x01, 0x00, 0x0b, 0x00, 0x03, 0x00, 0xb2, 0x00, 0x20, 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3,
    0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,
    0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa, 0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x08,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
];
/// Template L-2 up to the point.
const ECC_ENDORSEMENT: &[u8] = &[
    0x00, 0x23, 0x00, 0x0b, 0x00, 0x03, 0x00, 0xb2, 0x00, 0x20, 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3,
    0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,
    0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa, 0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x00,
    0x03, 0x00, 0x10,
];
