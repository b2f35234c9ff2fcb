//! The owner's half of activation: a secret that only the TPM with both endorsement key and attestation key gives back.
//!
//! What `TPM2_MakeCredential` does, in software and with public keys alone (TPM 2.0 Library part 1, section 24; RSAES-OAEP
//! of RFC 8017 for RSA, one-pass ECDH for P-256). No private key is at work here, so nothing leaks by its timing.

use aes::Aes128;
use cfb_mode::Encryptor;
use cfb_mode::cipher::{AsyncStreamCipher as _, KeyIvInit as _};
use countersign_protocol::attestation::{
    CREDENTIAL_SCHEMA, Credential, EndorsementKind, TpmEvidence, endorsement_modulus, endorsement_point,
    name_of,
};
use hmac::Mac as _;
use p256::elliptic_curve::bigint::modular::runtime_mod::{DynResidue, DynResidueParams};
use p256::elliptic_curve::bigint::{Encoding as _, U2048};
use p256::elliptic_curve::sec1::{FromEncodedPoint as _, ToEncodedPoint as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::command::TpmFault;
use super::session::{hmac, kdf_a, kdf_e, padded, random, two_byte_length};

/// How many bytes an RSA endorsement key of template L-1 has.
const RSA_BYTES: usize = 256;
const LABEL: &str = "IDENTITY";

/// Makes the credential for a secret, from evidence that was checked.
pub fn make(evidence: &TpmEvidence, secret: &[u8; 32]) -> Result<Credential, TpmFault> {
    let (seed, encrypted_secret) = match evidence.endorsement {
        EndorsementKind::Rsa2048 => to_rsa(&evidence.endorsement_public)?,
        EndorsementKind::EccP256 => to_point(&evidence.endorsement_public)?,
    };
    let name = name_of(&evidence.attestation_public);
    let key = kdf_a(&seed, "STORAGE", &name, &[], 128)?;
    let mut identity = two_byte_length(secret);
    let cipher = Encryptor::<Aes128>::new_from_slices(key.get(..16).unwrap_or_default(), &[0; 16])
        .map_err(|_| TpmFault::Malformed("a key of the wrong length"))?;
    cipher.encrypt(&mut identity);
    let integrity = kdf_a(&seed, "INTEGRITY", &[], &[], 256)?;
    let outer = hmac(&integrity, &[&identity, &name])?.finalize().into_bytes();
    Ok(Credential {
        schema: CREDENTIAL_SCHEMA.to_owned(),
        endorsement: evidence.endorsement,
        id_object: [two_byte_length(&outer), identity].concat(),
        encrypted_secret,
    })
}

type Sealed = (Zeroizing<Vec<u8>>, Vec<u8>);

fn to_point(public: &[u8]) -> Result<Sealed, TpmFault> {
    let bad = TpmFault::Malformed("an endorsement key that is no point");
    let Some((x, y)) = endorsement_point(public) else {
        return Err(bad);
    };
    let (x, y) = (padded(x)?, padded(y)?);
    let point = p256::EncodedPoint::from_affine_coordinates(&x, &y, false);
    let Some(key) = Option::<p256::PublicKey>::from(p256::PublicKey::from_encoded_point(&point)) else {
        return Err(bad);
    };
    let own = p256::ecdh::EphemeralSecret::random(&mut rand_core::OsRng);
    let shared = own.diffie_hellman(&key);
    let ours = own.public_key().to_encoded_point(false);
    let (Some(own_x), Some(own_y)) = (ours.x(), ours.y()) else {
        return Err(bad);
    };
    let seed = kdf_e(shared.raw_secret_bytes(), LABEL, own_x, &x);
    Ok((seed, [two_byte_length(own_x), two_byte_length(own_y)].concat()))
}

fn to_rsa(public: &[u8]) -> Result<Sealed, TpmFault> {
    let modulus =
        endorsement_modulus(public).ok_or(TpmFault::Malformed("an endorsement key of another kind"))?;
    let seed = Zeroizing::new(random()?.to_vec());
    let padded = padded_block(&seed, &random()?);
    let number = U2048::from_be_slice(modulus);
    let block = U2048::from_be_slice(&padded);
    // Montgomery's way needs an odd modulus; every RSA modulus is.
    if number.as_words().first().is_none_or(|word| word % 2 == 0) {
        return Err(TpmFault::Malformed("an endorsement key with an even modulus"));
    }
    let params = DynResidueParams::new(&number);
    let sealed = DynResidue::new(&block, params).pow_bounded_exp(&U2048::from(65_537_u32), 17);
    Ok((seed, sealed.retrieve().to_be_bytes().to_vec()))
}

/// EME-OAEP with SHA-256 and the label with its zero, as TPMs want it.
fn padded_block(message: &[u8], salt: &[u8; 32]) -> Vec<u8> {
    let label = Sha256::digest([LABEL.as_bytes(), &[0]].concat());
    let zeros = vec![0; RSA_BYTES - message.len() - 2 * 32 - 2];
    let mut block = [label.as_slice(), &zeros, &[1], message].concat();
    mask(&mut block, salt);
    let mut salt = salt.to_vec();
    mask(&mut salt, &block);
    [&[0], salt.as_slice(), &block].concat()
}

/// MGF1 with SHA-256, over what it masks.
fn mask(bytes: &mut [u8], seed: &[u8]) {
    for (counter, part) in (0_u32..).zip(bytes.chunks_mut(32)) {
        let pad = Sha256::new()
            .chain_update(seed)
            .chain_update(counter.to_be_bytes())
            .finalize();
        for (byte, pad) in part.iter_mut().zip(pad) {
            *byte ^= pad;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_undone_by_its_own_masks() {
        let block = padded_block(&[7; 32], &[9; 32]);
        assert_eq!((block.len(), block[0]), (RSA_BYTES, 0));
        let (mut salt, mut rest) = (block[1..33].to_vec(), block[33..].to_vec());
        mask(&mut salt, &rest);
        assert_eq!(salt, [9; 32]);
        mask(&mut rest, &salt);
        assert_eq!(rest[..32], Sha256::digest(b"IDENTITY\0")[..]);
        assert!(rest[32..rest.len() - 33].iter().all(|byte| *byte == 0));
        assert_eq!(rest[rest.len() - 33], 1);
        assert_eq!(rest[rest.len() - 32..], [7; 32]);
    }
}
