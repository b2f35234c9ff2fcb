//! Keys of a TPM: their templates, and making, loading and using them.
//!
//! The storage root key is recreated from its template each time and never stored. Signing keys are ECDSA P-256,
//! made in the TPM, fixed to it and to their parent, and guarded by its protection against guessing.

use countersign_protocol::identity::{Algorithm, PublicKey};
use p256::EncodedPoint;
use p256::elliptic_curve::sec1::FromEncodedPoint as _;
use p256::pkcs8::EncodePublicKey as _;
use tpm2_protocol::basic::TpmHandle;
use tpm2_protocol::data::{
    Tpm2bData, Tpm2bDigest, Tpm2bPublic, Tpm2bSensitiveCreate, TpmAlgId, TpmCap, TpmEccCurve, TpmPt, TpmRh,
    TpmSt, TpmaObject, TpmlPcrSelection, TpmsEccParms, TpmsEccPoint, TpmsSchemeHash, TpmsSensitiveCreate,
    TpmtEccScheme, TpmtKdfScheme, TpmtPublic, TpmtSigScheme, TpmtSignature, TpmtSymDef, TpmtTkHashcheck,
    TpmuAsymScheme, TpmuCapabilities, TpmuPublicId, TpmuPublicParms, TpmuSigScheme, TpmuSignature,
    TpmuSymKeyBits, TpmuSymMode,
};
use tpm2_protocol::frame::{
    TpmCreateCommand, TpmCreatePrimaryCommand, TpmCreatePrimaryResponse, TpmCreateResponse,
    TpmGetCapabilityCommand, TpmGetCapabilityResponse, TpmLoadCommand, TpmLoadResponse, TpmSignCommand,
    TpmSignResponse,
};
use tpm2_protocol::{TpmMarshal as _, TpmUnmarshal as _};

use super::command::{Tpm, TpmFault, buffer, sha256, written};
use super::session::{Auth, Session};
use crate::keys::Attempts;

/// A key in a slot of the TPM.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The slot.
    pub handle: u32,
    /// What identifies the key: the algorithm and the digest of its public area.
    pub name: Vec<u8>,
    /// Its public area.
    pub public: TpmtPublic,
}

/// A key outside of the TPM: nobody but the TPM that made it can open the private half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The public area, as `TPMT_PUBLIC`.
    pub public: Vec<u8>,
    /// The content of the `TPM2B_PRIVATE`.
    pub private: Vec<u8>,
}

/// How the TPM's protection against guessing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Wrong tries that count.
    pub failed: u32,
    /// So many lock it.
    pub limit: u32,
    /// After so many seconds without a wrong one, one is forgotten.
    pub interval: u32,
    /// Whether it is locked.
    pub is_locked: bool,
}

impl Counters {
    /// What is left of the tries.
    #[must_use]
    pub const fn attempts(&self) -> Attempts {
        Attempts {
            left: self.limit.saturating_sub(self.failed),
            of: self.limit,
        }
    }
}

/// Makes the storage root key: the same one each time, as long as the TPM is not cleared.
pub fn storage_key(tpm: &mut Tpm) -> Result<Loaded, TpmFault> {
    primary(tpm, TpmRh::Owner, storage_template())
}

/// Makes a primary key of a hierarchy that has no password.
pub fn primary(tpm: &mut Tpm, hierarchy: TpmRh, template: TpmtPublic) -> Result<Loaded, TpmFault> {
    let handle = hierarchy as u32;
    let command = TpmCreatePrimaryCommand {
        handles: [TpmHandle::new(handle)],
        in_sensitive: Tpm2bSensitiveCreate::default(),
        in_public: Tpm2bPublic { inner: template },
        outside_info: Tpm2bData::default(),
        creation_pcr: TpmlPcrSelection::default(),
    };
    let made: TpmCreatePrimaryResponse = tpm.run(&command, &[&handle.to_be_bytes()], &mut [Auth::Empty])?;
    let [handle] = made.handles;
    tpm.remember(handle.value());
    Loaded::of(handle.value(), made.out_public.inner, &made.name)
}

impl Loaded {
    fn of(handle: u32, public: TpmtPublic, said: &[u8]) -> Result<Self, TpmFault> {
        let name = name_of(&written(|writer| public.marshal(writer))?);
        // The name decides what sessions and certificates are about, so it is computed here.
        if name != said {
            return Err(TpmFault::Malformed("a key under another key's name"));
        }
        Ok(Self { handle, name, public })
    }

    /// The point of a P-256 key.
    pub fn point(&self) -> Result<(&[u8], &[u8]), TpmFault> {
        point(&self.public)
    }
}

/// Makes a key under the storage root key; `secret` never crosses the wire in the clear.
pub fn create(
    tpm: &mut Tpm,
    session: &mut Session,
    parent: &Loaded,
    template: &TpmtPublic,
    secret: &[u8],
) -> Result<Wrapped, TpmFault> {
    let command = TpmCreateCommand {
        handles: [TpmHandle::new(parent.handle)],
        in_sensitive: Tpm2bSensitiveCreate {
            inner: TpmsSensitiveCreate {
                user_auth: buffer(secret)?,
                ..TpmsSensitiveCreate::default()
            },
        },
        in_public: Tpm2bPublic {
            inner: template.clone(),
        },
        outside_info: Tpm2bData::default(),
        creation_pcr: TpmlPcrSelection::default(),
    };
    let auth = Auth::Hmac {
        session,
        value: &[],
        encrypt: true,
    };
    let made: TpmCreateResponse = tpm.run(&command, &[&parent.name], &mut [auth])?;
    let public = made.out_public.inner;
    // Whoever sits on the wire must not be able to have a weaker key made.
    let is_asked_for = TpmtPublic {
        unique: template.unique.clone(),
        ..public.clone()
    } == *template;
    if !is_asked_for {
        return Err(TpmFault::Malformed("a key that is not the one asked for"));
    }
    Ok(Wrapped {
        public: written(|writer| public.marshal(writer))?,
        private: made.out_private.to_vec(),
    })
}

/// Puts a key into a slot.
pub fn load(tpm: &mut Tpm, parent: &Loaded, key: &Wrapped) -> Result<Loaded, TpmFault> {
    let public = read_public(&key.public)?;
    let command = TpmLoadCommand {
        handles: [TpmHandle::new(parent.handle)],
        in_private: buffer(&key.private)?,
        in_public: Tpm2bPublic {
            inner: public.clone(),
        },
    };
    let loaded: TpmLoadResponse = tpm.run(&command, &[&parent.name], &mut [Auth::Empty])?;
    let [handle] = loaded.handles;
    tpm.remember(handle.value());
    Loaded::of(handle.value(), public, &loaded.name)
}

/// Signs a SHA-256 digest. The signature is in DER, with the lower of the two possible `s`.
pub fn sign(
    tpm: &mut Tpm,
    session: &mut Session,
    key: &Loaded,
    secret: &[u8],
    digest: &[u8; 32],
) -> Result<Vec<u8>, TpmFault> {
    let command = TpmSignCommand {
        handles: [TpmHandle::new(key.handle)],
        digest: buffer(digest)?,
        in_scheme: ecdsa_scheme(),
        validation: TpmtTkHashcheck {
            tag: TpmSt::HashCheck,
            hierarchy: TpmRh::Null,
            digest: Tpm2bDigest::default(),
        },
    };
    let auth = Auth::Hmac {
        session,
        value: secret,
        encrypt: false,
    };
    let signed: TpmSignResponse = tpm.run(&command, &[&key.name], &mut [auth])?;
    der_of(&signed.signature)
}

/// How the protection against guessing stands; asks for no secret.
pub fn counters(tpm: &mut Tpm) -> Result<Counters, TpmFault> {
    let mut property = |property: TpmPt| {
        let command = TpmGetCapabilityCommand {
            handles: [],
            cap: TpmCap::TpmProperties,
            property: (property as u32).into(),
            property_count: 1.into(),
        };
        let answer: TpmGetCapabilityResponse = tpm.plain(&command)?;
        let TpmuCapabilities::TpmProperties(found) = answer.capability_data.data else {
            return Err(TpmFault::Malformed("another capability than the one asked for"));
        };
        found
            .iter()
            .find(|found| found.property == property)
            .map(|found| found.value.value())
            .ok_or(TpmFault::Malformed("nothing about its lock"))
    };
    Ok(Counters {
        is_locked: property(TpmPt::Permanent)? & IN_LOCKOUT != 0,
        failed: property(TpmPt::LockoutCounter)?,
        limit: property(TpmPt::MaxAuthFail)?,
        interval: property(TpmPt::LockoutInterval)?,
    })
}

/// `inLockout` of `TPMA_PERMANENT`.
const IN_LOCKOUT: u32 = 1 << 9;

/// The standard template of an ECC storage root key (TCG TPM 2.0 Provisioning Guidance).
fn storage_template() -> TpmtPublic {
    ecc(
        COMMON | TpmaObject::NO_DA | TpmaObject::RESTRICTED | TpmaObject::DECRYPT,
        aes_128_cfb(),
        TpmtEccScheme::default(),
    )
}

/// A key that signs digests of anything, with a PIN that cannot be guessed for long.
#[must_use]
pub fn signing_template() -> TpmtPublic {
    ecc(COMMON | TpmaObject::SIGN_ENCRYPT, null(), ecdsa())
}

/// A key that signs only what the TPM itself says about its keys. It has no PIN: what it says is true whoever asks.
#[must_use]
pub fn attestation_template() -> TpmtPublic {
    ecc(
        COMMON | TpmaObject::NO_DA | TpmaObject::RESTRICTED | TpmaObject::SIGN_ENCRYPT,
        null(),
        ecdsa(),
    )
}

const COMMON: TpmaObject = TpmaObject::from_bits_truncate(
    TpmaObject::FIXED_TPM.bits()
        | TpmaObject::FIXED_PARENT.bits()
        | TpmaObject::SENSITIVE_DATA_ORIGIN.bits()
        | TpmaObject::USER_WITH_AUTH.bits(),
);

fn ecc(object_attributes: TpmaObject, symmetric: TpmtSymDef, scheme: TpmtEccScheme) -> TpmtPublic {
    TpmtPublic {
        object_type: TpmAlgId::Ecc,
        name_alg: TpmAlgId::Sha256,
        object_attributes,
        auth_policy: Tpm2bDigest::default(),
        parameters: TpmuPublicParms::Ecc(TpmsEccParms {
            symmetric,
            scheme,
            curve_id: TpmEccCurve::NistP256,
            kdf: TpmtKdfScheme::default(),
        }),
        unique: TpmuPublicId::Ecc(TpmsEccPoint::default()),
    }
}

pub(super) fn aes_128_cfb() -> TpmtSymDef {
    TpmtSymDef {
        algorithm: TpmAlgId::Aes,
        key_bits: TpmuSymKeyBits::Aes(128.into()),
        mode: TpmuSymMode::Aes(TpmAlgId::Cfb),
    }
}

fn null() -> TpmtSymDef {
    TpmtSymDef {
        algorithm: TpmAlgId::Null,
        ..TpmtSymDef::default()
    }
}

fn ecdsa() -> TpmtEccScheme {
    TpmtEccScheme {
        scheme: TpmAlgId::Ecdsa,
        details: TpmuAsymScheme::Hash(TpmsSchemeHash {
            hash_alg: TpmAlgId::Sha256,
        }),
    }
}

pub(super) fn ecdsa_scheme() -> TpmtSigScheme {
    TpmtSigScheme {
        scheme: TpmAlgId::Ecdsa,
        details: TpmuSigScheme::Hash(TpmsSchemeHash {
            hash_alg: TpmAlgId::Sha256,
        }),
    }
}

/// The name of a key with this public area.
pub(super) fn name_of(public: &[u8]) -> Vec<u8> {
    let mut name = (TpmAlgId::Sha256 as u16).to_be_bytes().to_vec();
    name.extend(sha256(&[public]));
    name
}

/// Reads a `TPMT_PUBLIC`, whole.
pub fn read_public(bytes: &[u8]) -> Result<TpmtPublic, TpmFault> {
    match TpmtPublic::unmarshal(bytes) {
        Ok((public, [])) => Ok(public),
        _ => Err(TpmFault::Malformed("a public area that is malformed")),
    }
}

fn point(public: &TpmtPublic) -> Result<(&[u8], &[u8]), TpmFault> {
    match (&public.parameters, &public.unique) {
        (TpmuPublicParms::Ecc(parameters), TpmuPublicId::Ecc(point))
            if parameters.curve_id == TpmEccCurve::NistP256 =>
        {
            Ok((&point.x, &point.y))
        }
        _ => Err(TpmFault::Malformed("a key that is not on P-256")),
    }
}

/// The public key that a public area holds.
pub fn public_key(public: &TpmtPublic) -> Result<PublicKey, TpmFault> {
    let no_key = TpmFault::Malformed("a key that is no point of P-256");
    let (x, y) = point(public)?;
    let point = EncodedPoint::from_affine_coordinates(&scalar(x)?, &scalar(y)?, false);
    let key = Option::<p256::PublicKey>::from(p256::PublicKey::from_encoded_point(&point));
    key.and_then(|key| key.to_public_key_der().ok())
        .and_then(|der| PublicKey::from_spki(Algorithm::EcdsaP256Sha256, der.as_bytes()).ok())
        .ok_or(no_key)
}

fn der_of(signature: &TpmtSignature) -> Result<Vec<u8>, TpmFault> {
    let TpmuSignature::Ecdsa(signature) = &signature.signature else {
        return Err(TpmFault::Malformed("a signature of another kind"));
    };
    let signature = p256::ecdsa::Signature::from_scalars(
        scalar(&signature.signature_r)?,
        scalar(&signature.signature_s)?,
    )
    .map_err(|_| TpmFault::Malformed("a signature that is none"))?;
    // Both s and n - s verify; one form only, so that a signature has one digest.
    let low = signature.normalize_s().unwrap_or(signature);
    Ok(low.to_der().as_bytes().to_vec())
}

/// A TPM may leave out leading zeros.
fn scalar(bytes: &[u8]) -> Result<p256::FieldBytes, TpmFault> {
    super::session::padded(bytes)
}
