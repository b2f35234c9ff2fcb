//! Evidence that a key is in a TPM, from the side of the key's holder. Whether it convinces is for others to say.
//!
//! Two rounds. First [`Evidence`]: the certificate and public area of the endorsement key, the public areas of
//! attestation key and signing key, and what the TPM certifies about the signing key over the verifier's nonce
//! (`TPM2_Certify`). Then [`Credential`]: the verifier's secret, made for endorsement key and attestation key
//! together, comes back only from the TPM that holds both (`TPM2_ActivateCredential`). Endorsement keys follow the
//! TCG EK Credential Profile 2.5 for TPM 2.0, templates L-1 and L-2.

pub use countersign_protocol::attestation::{Credential, EndorsementKind, TpmEvidence as Evidence};
use countersign_protocol::attestation::{EVIDENCE_SCHEMA, MAX_CERTIFICATE};
use tpm2_protocol::TpmMarshal as _;
use tpm2_protocol::basic::TpmHandle;
use tpm2_protocol::data::{
    Tpm2bDigest, Tpm2bNonce, Tpm2bPublicKeyRsa, TpmAlgId, TpmEccCurve, TpmRcBase, TpmRh, TpmaObject,
    TpmsEccParms, TpmsEccPoint, TpmsRsaParms, TpmtEccScheme, TpmtKdfScheme, TpmtPublic, TpmtRsaScheme,
    TpmuPublicId, TpmuPublicParms,
};
use tpm2_protocol::frame::{
    TpmActivateCredentialCommand, TpmActivateCredentialResponse, TpmCertifyCommand, TpmCertifyResponse,
    TpmNvReadCommand, TpmNvReadPublicCommand, TpmNvReadPublicResponse, TpmNvReadResponse,
    TpmPolicySecretCommand, TpmPolicySecretResponse,
};
use zeroize::Zeroizing;

use super::command::{Tpm, TpmFault, buffer, written};
use super::object::{self, Wrapped};
use super::session::{Auth, Session};

/// Where a certificate may be, with the template of its key.
const CERTIFICATES: [(u32, EndorsementKind); 2] = [
    (0x01c0_0002, EndorsementKind::Rsa2048),
    (0x01c0_000a, EndorsementKind::EccP256),
];
/// What one command reads; every TPM gives as much.
const NV_PIECE: usize = 512;

/// Collects the evidence; `secret` is the signing key's.
pub fn evidence(
    tpm: &mut Tpm,
    signing: &Wrapped,
    attestation: &Wrapped,
    secret: &[u8],
    nonce: &[u8; 32],
) -> Result<Evidence, TpmFault> {
    let (endorsement, certificate) = certificate(tpm)?;
    let endorsement_key = object::primary(tpm, TpmRh::Endorsement, template(endorsement))?;
    tpm.flush(endorsement_key.handle)?;
    let storage = object::storage_key(tpm)?;
    let mut session = Session::salted(tpm, storage.handle, storage.point()?)?;
    let signing_key = object::load(tpm, &storage, signing)?;
    let attestation_key = object::load(tpm, &storage, attestation)?;
    // Two keys are enough to hold: a TPM without a resource manager has three slots.
    tpm.flush(storage.handle)?;
    let command = TpmCertifyCommand {
        handles: [
            TpmHandle::new(signing_key.handle),
            TpmHandle::new(attestation_key.handle),
        ],
        qualifying_data: buffer(nonce)?,
        in_scheme: object::ecdsa_scheme(),
    };
    let by_pin = Auth::Hmac {
        session: &mut session,
        value: secret,
        encrypt: false,
    };
    let names: [&[u8]; 2] = [&signing_key.name, &attestation_key.name];
    let certified: TpmCertifyResponse = tpm.run(&command, &names, &mut [by_pin, Auth::Empty])?;
    Ok(Evidence {
        schema: EVIDENCE_SCHEMA.to_owned(),
        endorsement,
        endorsement_certificate: certificate,
        endorsement_public: written(|writer| endorsement_key.public.marshal(writer))?,
        attestation_public: attestation.public.clone(),
        key_public: signing.public.clone(),
        certify_info: written(|writer| certified.certify_info.inner.marshal(writer))?,
        certify_signature: written(|writer| certified.signature.marshal(writer))?,
    })
}

/// Gives the verifier's secret, where this TPM holds both the endorsement key and the attestation key it is for.
pub fn activate(
    tpm: &mut Tpm,
    attestation: &Wrapped,
    credential: &Credential,
) -> Result<Zeroizing<Vec<u8>>, TpmFault> {
    let storage = object::storage_key(tpm)?;
    let attestation_key = object::load(tpm, &storage, attestation)?;
    tpm.flush(storage.handle)?;
    let endorsement_key = object::primary(tpm, TpmRh::Endorsement, template(credential.endorsement))?;
    let mut session = Session::policy(tpm)?;
    let endorsement = TpmRh::Endorsement as u32;
    let satisfy = TpmPolicySecretCommand {
        handles: [TpmHandle::new(endorsement), TpmHandle::new(session.handle)],
        nonce_tpm: Tpm2bNonce::default(),
        cp_hash_a: Tpm2bDigest::default(),
        policy_ref: Tpm2bNonce::default(),
        expiration: 0.into(),
    };
    let names: [&[u8]; 2] = [&endorsement.to_be_bytes(), &session.handle.to_be_bytes()];
    tpm.run::<_, TpmPolicySecretResponse>(&satisfy, &names, &mut [Auth::Empty])?;
    let command = TpmActivateCredentialCommand {
        handles: [
            TpmHandle::new(attestation_key.handle),
            TpmHandle::new(endorsement_key.handle),
        ],
        credential_blob: buffer(&credential.id_object)?,
        secret: buffer(&credential.encrypted_secret)?,
    };
    let names: [&[u8]; 2] = [&attestation_key.name, &endorsement_key.name];
    let given: TpmActivateCredentialResponse =
        tpm.run(&command, &names, &mut [Auth::Empty, Auth::Policy(&mut session)])?;
    Ok(Zeroizing::new(given.cert_info.to_vec()))
}

/// The first certificate that the TPM's maker left in it.
fn certificate(tpm: &mut Tpm) -> Result<(EndorsementKind, Vec<u8>), TpmFault> {
    for (index, kind) in CERTIFICATES {
        match read_nv(tpm, index) {
            Ok(found) => return Ok((kind, found)),
            Err(fault) if fault.code() == Some(TpmRcBase::Handle) => {}
            Err(fault) => return Err(fault),
        }
    }
    Err(TpmFault::NoCertificate)
}

fn read_nv(tpm: &mut Tpm, index: u32) -> Result<Vec<u8>, TpmFault> {
    let about: TpmNvReadPublicResponse = tpm.plain(&TpmNvReadPublicCommand {
        handles: [TpmHandle::new(index)],
    })?;
    let size = usize::from(about.nv_public.inner.data_size.value());
    if size > MAX_CERTIFICATE {
        return Err(TpmFault::Malformed("a certificate that is too long"));
    }
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        let piece = NV_PIECE.min(size - bytes.len());
        let command = TpmNvReadCommand {
            // Read by the index's own, empty, password.
            handles: [TpmHandle::new(index), TpmHandle::new(index)],
            size: u16::try_from(piece).unwrap_or(u16::MAX).into(),
            offset: u16::try_from(bytes.len()).unwrap_or(u16::MAX).into(),
        };
        let names: [&[u8]; 2] = [&about.nv_name, &about.nv_name];
        let read: TpmNvReadResponse = tpm.run(&command, &names, &mut [Auth::Empty])?;
        if read.data.len() != piece {
            return Err(TpmFault::Malformed(
                "another part of a certificate than asked for",
            ));
        }
        bytes.extend_from_slice(&read.data);
    }
    Ok(trimmed(bytes))
}

/// Some makers fill the place behind the certificate; DER says where it ends.
fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let [0x30, 0x82, high, low, ..] = bytes.as_slice() {
        let length = 4 + usize::from(u16::from_be_bytes([*high, *low]));
        bytes.truncate(length);
    }
    bytes
}

/// `TPM2_PolicySecret(TPM_RH_ENDORSEMENT)` with SHA-256: PolicyA of the profile.
const POLICY_A: [u8; 32] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd,
    0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
];

fn template(kind: EndorsementKind) -> TpmtPublic {
    let (object_type, parameters, unique) = match kind {
        EndorsementKind::Rsa2048 => (
            TpmAlgId::Rsa,
            TpmuPublicParms::Rsa(TpmsRsaParms {
                symmetric: object::aes_128_cfb(),
                scheme: TpmtRsaScheme::default(),
                key_bits: 2048.into(),
                exponent: 0.into(),
            }),
            TpmuPublicId::Rsa(Tpm2bPublicKeyRsa::try_from([0; 256].as_slice()).unwrap_or_default()),
        ),
        EndorsementKind::EccP256 => {
            let zeros = || buffer(&[0; 32]).unwrap_or_default();
            (
                TpmAlgId::Ecc,
                TpmuPublicParms::Ecc(TpmsEccParms {
                    symmetric: object::aes_128_cfb(),
                    scheme: TpmtEccScheme::default(),
                    curve_id: TpmEccCurve::NistP256,
                    kdf: TpmtKdfScheme::default(),
                }),
                TpmuPublicId::Ecc(TpmsEccPoint {
                    x: zeros(),
                    y: zeros(),
                }),
            )
        }
    };
    TpmtPublic {
        object_type,
        name_alg: TpmAlgId::Sha256,
        object_attributes: TpmaObject::FIXED_TPM
            | TpmaObject::FIXED_PARENT
            | TpmaObject::SENSITIVE_DATA_ORIGIN
            | TpmaObject::ADMIN_WITH_POLICY
            | TpmaObject::RESTRICTED
            | TpmaObject::DECRYPT,
        auth_policy: Tpm2bDigest::try_from(POLICY_A.as_slice()).unwrap_or_default(),
        parameters,
        unique,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_certificate_is_cut_off() {
        let padded = [&[0x30, 0x82, 0, 2, 5, 0][..], &[0xff; 9]].concat();
        assert_eq!(trimmed(padded), [0x30, 0x82, 0, 2, 5, 0]);
        assert_eq!(trimmed(vec![1, 2, 3]), [1, 2, 3]);
    }

    #[test]
    fn endorsement_templates_are_the_profiles() {
        // Sizes of the profile's templates on the wire: 8 + 34 + parameters + unique.
        for (kind, length) in [(EndorsementKind::Rsa2048, 314), (EndorsementKind::EccP256, 122)] {
            let bytes = written(|writer| template(kind).marshal(writer)).unwrap();
            assert_eq!(bytes.len(), length, "{kind:?}");
            assert_eq!(bytes[4..8], [0, 3, 0, 0xb2]);
        }
    }
}
