//! Authorization sessions: how a PIN proves itself to a TPM without crossing the wire.
//!
//! TPM 2.0 Library, Part 1: KDFa (section 11.4.10.2), KDFe (11.4.10.3), HMAC sessions (section 19), parameter
//! encryption (section 21). SHA-256 and AES-128-CFB throughout. The salt is agreed by ECDH with the storage root
//! key, so that who listens on the wire can't try PINs against what they heard.

use std::fmt;

use aes::Aes128;
use cfb_mode::Encryptor;
use cfb_mode::cipher::{AsyncStreamCipher as _, KeyIvInit as _};
use hmac::{Hmac, Mac as _};
use p256::ecdh::EphemeralSecret;
use p256::elliptic_curve::sec1::{FromEncodedPoint as _, ToEncodedPoint as _};
use p256::{EncodedPoint, PublicKey};
use rand_core::OsRng;
use sha2::{Digest as _, Sha256};
use tpm2_protocol::basic::TpmHandle;
use tpm2_protocol::data::{
    Tpm2bAuth, Tpm2bEncryptedSecret, Tpm2bNonce, TpmAlgId, TpmRh, TpmSe, TpmaSession, TpmsAuthCommand,
    TpmsAuthResponse, TpmtSymDef, TpmuSymKeyBits, TpmuSymMode,
};
use tpm2_protocol::frame::{TpmStartAuthSessionCommand, TpmStartAuthSessionResponse};
use zeroize::Zeroizing;

use super::command::{Tpm, TpmFault, buffer};

const BITS_OF_SHA256: u32 = 256;

/// An open session. The TPM forgets it when the [`Tpm`] it belongs to is dropped.
pub struct Session {
    pub(super) handle: u32,
    key: Zeroizing<Vec<u8>>,
    nonce_caller: [u8; 32],
    nonce_tpm: Vec<u8>,
    is_policy: bool,
}

/// How one handle of a command is authorized.
pub enum Auth<'a> {
    /// By the empty password: of hierarchies and keys that have none.
    Empty,
    /// By an HMAC over the command under session and secret.
    Hmac {
        /// The session.
        session: &'a mut Session,
        /// The secret of the handle.
        value: &'a [u8],
        /// Whether the first parameter is encrypted.
        encrypt: bool,
    },
    /// By a policy that the session has satisfied.
    Policy(&'a mut Session),
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Auth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Hmac { .. } => "Hmac",
            Self::Policy(_) => "Policy",
        })
    }
}

impl Session {
    /// Starts an HMAC session, salted to a P-256 decryption key of the TPM.
    pub fn salted(tpm: &mut Tpm, key: u32, point: (&[u8], &[u8])) -> Result<Self, TpmFault> {
        let point = EncodedPoint::from_affine_coordinates(&padded(point.0)?, &padded(point.1)?, false);
        let theirs = Option::<PublicKey>::from(PublicKey::from_encoded_point(&point))
            .ok_or(TpmFault::Malformed("a storage key that is no point of P-256"))?;
        let ours = EphemeralSecret::random(&mut OsRng);
        let public = ours.public_key().to_encoded_point(false);
        let (x, y) = match (public.x(), public.y()) {
            (Some(x), Some(y)) => (x.to_vec(), y.to_vec()),
            _ => return Err(TpmFault::Malformed("an ephemeral key without coordinates")),
        };
        let shared = ours.diffie_hellman(&theirs);
        let their_x = point.x().map(|x| x.to_vec()).unwrap_or_default();
        let salt = kdf_e(shared.raw_secret_bytes(), "SECRET", &x, &their_x);
        let secret = [two_byte_length(&x), two_byte_length(&y)].concat();
        let (handle, nonce_caller, nonce_tpm) = start(tpm, TpmSe::Hmac, key, &secret)?;
        let key = kdf_a(&salt, "ATH", &nonce_tpm, &nonce_caller, BITS_OF_SHA256)?;
        Ok(Self {
            handle,
            key,
            nonce_caller,
            nonce_tpm,
            is_policy: false,
        })
    }

    /// Starts a policy session.
    pub fn policy(tpm: &mut Tpm) -> Result<Self, TpmFault> {
        let (handle, nonce_caller, nonce_tpm) = start(tpm, TpmSe::Policy, TpmRh::Null as u32, &[])?;
        Ok(Self {
            handle,
            key: Zeroizing::default(),
            nonce_caller,
            nonce_tpm,
            is_policy: true,
        })
    }

    /// What the session is worth for a handle with this secret.
    fn value(&self, secret: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.key.as_slice(), without_trailing_zeros(secret)].concat())
    }

    fn attributes(encrypt: bool) -> TpmaSession {
        if encrypt {
            TpmaSession::CONTINUE_SESSION | TpmaSession::DECRYPT
        } else {
            TpmaSession::CONTINUE_SESSION
        }
    }
}

impl Auth<'_> {
    /// Takes a fresh nonce, and encrypts the first parameter where that is asked for.
    pub(super) fn prepare(&mut self, parameters: &mut [u8]) -> Result<(), TpmFault> {
        match self {
            Self::Empty => Ok(()),
            Self::Policy(session) => {
                session.nonce_caller = random()?;
                Ok(())
            }
            Self::Hmac {
                session,
                value,
                encrypt,
            } => {
                session.nonce_caller = random()?;
                if *encrypt {
                    session.encrypt_first(value, parameters)?;
                }
                Ok(())
            }
        }
    }

    /// The authorization for a command of this hash.
    pub(super) fn of_command(&self, command_hash: &[u8]) -> Result<TpmsAuthCommand, TpmFault> {
        Ok(match self {
            Self::Empty => TpmsAuthCommand {
                session_handle: TpmHandle::new(TpmRh::Pw as u32),
                nonce: Tpm2bNonce::default(),
                session_attributes: TpmaSession::CONTINUE_SESSION,
                hmac: Tpm2bAuth::default(),
            },
            Self::Policy(session) => TpmsAuthCommand {
                session_handle: TpmHandle::new(session.handle),
                nonce: buffer(&session.nonce_caller)?,
                session_attributes: Session::attributes(false),
                hmac: Tpm2bAuth::default(),
            },
            Self::Hmac {
                session,
                value,
                encrypt,
            } => {
                let attributes = Session::attributes(*encrypt);
                let mac = hmac(
                    &session.value(value),
                    &[
                        command_hash,
                        &session.nonce_caller,
                        &session.nonce_tpm,
                        &[attributes.bits()],
                    ],
                )?;
                TpmsAuthCommand {
                    session_handle: TpmHandle::new(session.handle),
                    nonce: buffer(&session.nonce_caller)?,
                    session_attributes: attributes,
                    hmac: buffer(mac.finalize().into_bytes().as_slice())?,
                }
            }
        })
    }

    /// Checks that the answer of this hash is from whoever knows the session's secret.
    pub(super) fn check_response(
        &mut self,
        response_hash: &[u8],
        given: &TpmsAuthResponse,
    ) -> Result<(), TpmFault> {
        match self {
            Self::Empty => Ok(()),
            Self::Policy(session) => {
                session.nonce_tpm = given.nonce.to_vec();
                Ok(())
            }
            Self::Hmac { session, value, .. } => {
                session.nonce_tpm = given.nonce.to_vec();
                let mac = hmac(
                    &session.value(value),
                    &[
                        response_hash,
                        &session.nonce_tpm,
                        &session.nonce_caller,
                        &[given.session_attributes.bits()],
                    ],
                )?;
                mac.verify_slice(&given.hmac).map_err(|_| TpmFault::Forged)
            }
        }
    }
}

impl Session {
    fn encrypt_first(&self, secret: &[u8], parameters: &mut [u8]) -> Result<(), TpmFault> {
        debug_assert!(!self.is_policy);
        let bits = kdf_a(
            &self.value(secret),
            "CFB",
            &self.nonce_caller,
            &self.nonce_tpm,
            256,
        )?;
        let (key, iv) = bits.split_at(16);
        let no_room = TpmFault::Malformed("a first parameter without a length");
        let Some((length, rest)) = parameters.split_first_chunk_mut::<2>() else {
            return Err(no_room);
        };
        let Some(first) = rest.get_mut(..u16::from_be_bytes(*length).into()) else {
            return Err(no_room);
        };
        Encryptor::<Aes128>::new_from_slices(key, iv)
            .map_err(|_| TpmFault::Malformed("a session key of the wrong length"))?
            .encrypt(first);
        Ok(())
    }
}

fn start(tpm: &mut Tpm, kind: TpmSe, key: u32, secret: &[u8]) -> Result<(u32, [u8; 32], Vec<u8>), TpmFault> {
    let nonce_caller = random()?;
    let symmetric = TpmtSymDef {
        algorithm: TpmAlgId::Aes,
        key_bits: TpmuSymKeyBits::Aes(128.into()),
        mode: TpmuSymMode::Aes(TpmAlgId::Cfb),
    };
    let command = TpmStartAuthSessionCommand {
        handles: [TpmHandle::new(key), TpmHandle::new(TpmRh::Null as u32)],
        nonce_caller: buffer(&nonce_caller)?,
        encrypted_salt: Tpm2bEncryptedSecret::try_from(secret)
            .map_err(|_| TpmFault::Malformed("a salt that is too long"))?,
        session_type: kind,
        symmetric,
        auth_hash: TpmAlgId::Sha256,
    };
    let answer: TpmStartAuthSessionResponse = tpm.plain(&command)?;
    let [handle] = answer.handles;
    tpm.remember(handle.value());
    if answer.nonce_tpm.len() < 16 {
        return Err(TpmFault::Malformed("a nonce that is too short"));
    }
    Ok((handle.value(), nonce_caller, answer.nonce_tpm.to_vec()))
}

/// Random bytes of this machine.
pub fn random() -> Result<[u8; 32], TpmFault> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| TpmFault::Malformed("nothing: this system gives no randomness"))?;
    Ok(bytes)
}

pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> Result<Hmac<Sha256>, TpmFault> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| TpmFault::Malformed("a session key of the wrong length"))?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac)
}

/// KDFa with SHA-256, for at most 256 bits: one turn of the counter.
pub(super) fn kdf_a(
    key: &[u8],
    label: &str,
    u: &[u8],
    v: &[u8],
    bits: u32,
) -> Result<Zeroizing<Vec<u8>>, TpmFault> {
    let parts: [&[u8]; 6] = [
        &1_u32.to_be_bytes(),
        label.as_bytes(),
        &[0],
        u,
        v,
        &bits.to_be_bytes(),
    ];
    Ok(Zeroizing::new(
        hmac(key, &parts)?.finalize().into_bytes().to_vec(),
    ))
}

/// KDFe with SHA-256, for 256 bits.
pub(super) fn kdf_e(z: &[u8], label: &str, u: &[u8], v: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut hash = Sha256::new();
    for part in [&1_u32.to_be_bytes(), z, label.as_bytes(), &[0], u, v] {
        hash.update(part);
    }
    Zeroizing::new(hash.finalize().to_vec())
}

pub(super) fn padded(coordinate: &[u8]) -> Result<p256::FieldBytes, TpmFault> {
    let mut bytes = p256::FieldBytes::default();
    let start = 32_usize
        .checked_sub(coordinate.len())
        .ok_or(TpmFault::Malformed("a coordinate that is too long"))?;
    for (to, from) in bytes.iter_mut().skip(start).zip(coordinate) {
        *to = *from;
    }
    Ok(bytes)
}

pub(super) fn two_byte_length(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

/// A TPM keeps secrets without the zeros at their end.
fn without_trailing_zeros(secret: &[u8]) -> &[u8] {
    let end = secret
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    secret.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_zeros_of_a_secret_do_not_count() {
        assert_eq!(without_trailing_zeros(&[1, 0, 2, 0, 0]), [1, 0, 2]);
        assert!(without_trailing_zeros(&[0, 0]).is_empty());
        assert!(without_trailing_zeros(&[]).is_empty());
    }

    #[test]
    fn key_derivation_is_that_of_the_library_specification() {
        // HMAC-SHA-256 and SHA-256 over the concatenations of Part 1, made with other tools.
        let a = kdf_a(b"key", "ATH", b"tpm", b"caller", 256).unwrap();
        let mac = hmac(b"key", &[b"\0\0\0\x01ATH\0tpmcaller\0\0\x01\0"]).unwrap();
        assert_eq!(a.as_slice(), mac.finalize().into_bytes().as_slice());
        let e = kdf_e(b"z", "SECRET", b"u", b"v");
        assert_eq!(e.as_slice(), Sha256::digest(b"\0\0\0\x01zSECRET\0uv").as_slice());
    }

    #[test]
    fn a_short_coordinate_is_padded_and_a_long_one_refused() {
        assert_eq!(padded(&[7]).unwrap()[31], 7);
        assert!(padded(&[1; 33]).is_err());
    }
}
