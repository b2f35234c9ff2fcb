//! Signatures in the form of OpenSSH: what agents make, and `ssh-keygen -Y verify` checks.
//!
//! Follows `PROTOCOL.sshsig` of OpenSSH, for Ed25519 and ECDSA on P-256, with SHA-512 and one fixed namespace: a
//! signature that was made for files, mail or commits is never one of a decision. Agents themselves are elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha512};

use crate::identity::{Algorithm, PublicKey, SignatureFormat};

/// The one namespace.
pub const NAMESPACE: &str = "countersign-decision@v1";
const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
const HASH: &str = "sha512";
const ED25519: &str = "ssh-ed25519";
const ECDSA: &str = "ecdsa-sha2-nistp256";
const CURVE: &str = "nistp256";
/// DER of a P-256 SubjectPublicKeyInfo up to the point.
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What an agent is asked to sign for `message`.
#[must_use]
pub fn to_sign(message: &[u8]) -> Vec<u8> {
    let digest = Sha512::digest(message);
    [
        MAGIC,
        &string(NAMESPACE.as_bytes()),
        &string(b""),
        &string(HASH.as_bytes()),
        &string(&digest),
    ]
    .concat()
}

/// The signature that travels, from what the agent gave.
#[must_use]
pub fn wrap(key: &PublicKey, agent_signature: &[u8]) -> Vec<u8> {
    [
        MAGIC,
        &VERSION.to_be_bytes(),
        &string(&key_blob(key)),
        &string(NAMESPACE.as_bytes()),
        &string(b""),
        &string(HASH.as_bytes()),
        &string(agent_signature),
    ]
    .concat()
}

/// Whether `signature` is this key's over `message`, in the namespace of decisions.
#[must_use]
pub fn accepts(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    inner(key, signature).is_some_and(|(algorithm, raw)| {
        key.raw().is_some_and(|point| {
            ring::signature::UnparsedPublicKey::new(algorithm, point)
                .verify(&to_sign(message), &raw)
                .is_ok()
        })
    })
}

/// A signature in the armour that `ssh-keygen` reads.
#[must_use]
pub fn armoured(signature: &[u8]) -> String {
    let mut text = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    for (index, letter) in STANDARD.encode(signature).chars().enumerate() {
        if index > 0 && index % 70 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END SSH SIGNATURE-----\n");
    text
}

/// A key as SSH writes it: the line of an `authorized_keys` or `allowed_signers` file.
#[must_use]
pub fn key_line(key: &PublicKey) -> String {
    format!("{} {}", name_of(key.algorithm()), STANDARD.encode(key_blob(key)))
}

/// A key as SSH carries it.
#[must_use]
pub fn key_blob(key: &PublicKey) -> Vec<u8> {
    let raw = string(key.raw().unwrap_or_default());
    let name = string(name_of(key.algorithm()).as_bytes());
    match key.algorithm() {
        Algorithm::Ed25519 => [name, raw].concat(),
        Algorithm::EcdsaP256Sha256 => [name, string(CURVE.as_bytes()), raw].concat(),
    }
}

/// The key that SSH carries so, if it is of a kind that signs decisions.
#[must_use]
pub fn read_key(blob: &[u8]) -> Option<PublicKey> {
    let mut rest = Reader(blob);
    let name = rest.string()?;
    let key = if name == ED25519.as_bytes() {
        PublicKey::ed25519(rest.string()?.try_into().ok()?)
    } else if name == ECDSA.as_bytes() && rest.string()? == CURVE.as_bytes() {
        let spki = [P256_PREFIX.as_slice(), rest.string()?].concat();
        PublicKey::from_spki(Algorithm::EcdsaP256Sha256, &spki).ok()?
    } else {
        return None;
    };
    rest.end()?;
    Some(key.in_format(SignatureFormat::Sshsig))
}

const fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Ed25519 => ED25519,
        Algorithm::EcdsaP256Sha256 => ECDSA,
    }
}

type Verification = &'static dyn ring::signature::VerificationAlgorithm;

/// The signature inside, where everything around it is exactly as it has to be.
fn inner(key: &PublicKey, signature: &[u8]) -> Option<(Verification, Vec<u8>)> {
    let rest = signature.strip_prefix(MAGIC)?;
    let rest = rest.strip_prefix(VERSION.to_be_bytes().as_slice())?;
    let mut rest = Reader(rest);
    let fits = rest.string()? == key_blob(key)
        && rest.string()? == NAMESPACE.as_bytes()
        && rest.string()?.is_empty()
        && rest.string()? == HASH.as_bytes();
    if !fits {
        return None;
    }
    let mut inner = Reader(rest.string()?);
    rest.end()?;
    if inner.string()? != name_of(key.algorithm()).as_bytes() {
        return None;
    }
    let raw = inner.string()?;
    inner.end()?;
    match key.algorithm() {
        Algorithm::Ed25519 => Some((&ring::signature::ED25519, raw.to_vec())),
        Algorithm::EcdsaP256Sha256 => {
            let mut numbers = Reader(raw);
            let (r, s) = (numbers.number()?, numbers.number()?);
            numbers.end()?;
            Some((&ring::signature::ECDSA_P256_SHA256_FIXED, [r, s].concat()))
        }
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    // Everything put in here is shorter than a page.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

/// Reads the wire format of SSH (RFC 4251 section 5).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn string(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (string, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// A positive `mpint` of at most 256 bits, in its one form.
    fn number(&mut self) -> Option<[u8; 32]> {
        let bytes = match self.string()? {
            [0, next, rest @ ..] if *next >= 0x80 => [&[*next], rest].concat(),
            [first @ 1..0x80, rest @ ..] => [&[*first], rest].concat(),
            _ => return None,
        };
        let zeros = 32_usize.checked_sub(bytes.len())?;
        [vec![0; zeros], bytes].concat().try_into().ok()
    }

    const fn end(&self) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer as _;
    use p256::pkcs8::EncodePublicKey as _;
    use proptest::prelude::*;

    use super::*;

    fn ed25519(message: &[u8]) -> (PublicKey, Vec<u8>) {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
        let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).in_format(SignatureFormat::Sshsig);
        let raw = secret.sign(&to_sign(message)).to_bytes();
        let inner = [string(ED25519.as_bytes()), string(&raw)].concat();
        let signature = wrap(&key, &inner);
        (key, signature)
    }

    fn mpint(bytes: &[u8]) -> Vec<u8> {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        let trimmed = &bytes[start..];
        if trimmed.first().is_some_and(|byte| *byte >= 0x80) {
            string(&[&[0], trimmed].concat())
        } else {
            string(trimmed)
        }
    }

    fn ecdsa(seed: u8, message: &[u8]) -> (PublicKey, Vec<u8>) {
        let secret = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
        let spki = secret.verifying_key().to_public_key_der().unwrap();
        let key = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes())
            .unwrap()
            .in_format(SignatureFormat::Sshsig);
        let made: p256::ecdsa::Signature = secret.sign(&to_sign(message));
        let numbers = [mpint(&made.r().to_bytes()), mpint(&made.s().to_bytes())].concat();
        let inner = [string(ECDSA.as_bytes()), string(&numbers)].concat();
        let signature = wrap(&key, &inner);
        (key, signature)
    }

    #[test]
    fn every_changed_cut_or_added_byte_is_refused() {
        for (key, signature) in [ed25519(b"message"), ecdsa(7, b"message")] {
            assert!(accepts(&key, b"message", &signature));
            assert!(key.accepts(b"message", &signature));
            assert!(!accepts(&key, b"massage", &signature));
            for index in 0..signature.len() {
                let mut changed = signature.clone();
                changed[index] ^= 1;
                assert!(!accepts(&key, b"message", &changed), "byte {index}");
                assert!(!accepts(&key, b"message", &signature[..index]), "cut at {index}");
            }
            assert!(!accepts(&key, b"message", &[signature.as_slice(), &[0]].concat()));
        }
    }

    #[test]
    fn another_namespace_hash_or_key_is_refused() {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
        let (key, _) = ed25519(b"m");
        let made = |namespace: &str, hash: &str, digest: &[u8]| {
            let around = [string(namespace.as_bytes()), string(b""), string(hash.as_bytes())].concat();
            let signed = [MAGIC, &around, &string(digest)].concat();
            let inner = [
                string(ED25519.as_bytes()),
                string(&secret.sign(&signed).to_bytes()),
            ]
            .concat();
            [
                MAGIC,
                &VERSION.to_be_bytes(),
                &string(&key_blob(&key)),
                &around,
                &string(&inner),
            ]
            .concat()
        };
        assert!(accepts(&key, b"m", &made(NAMESPACE, HASH, &Sha512::digest(b"m"))));
        assert!(!accepts(&key, b"m", &made("file", HASH, &Sha512::digest(b"m"))));
        assert!(!accepts(&key, b"m", &made("git", HASH, &Sha512::digest(b"m"))));
        assert!(!accepts(
            &key,
            b"m",
            &made(NAMESPACE, "sha256", &sha2::Sha256::digest(b"m"))
        ));
        let (other, signature) = ecdsa(9, b"m");
        assert!(!accepts(&key, b"m", &signature));
        assert!(accepts(&other, b"m", &signature));
    }

    #[test]
    fn a_key_serves_one_format() {
        let (key, signature) = ecdsa(7, b"m");
        let plain = key.clone().in_format(SignatureFormat::Dsse);
        assert!(!plain.accepts(b"m", &signature));
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let der: p256::ecdsa::Signature = secret.sign(b"m");
        assert!(plain.accepts(b"m", der.to_der().as_bytes()));
        assert!(!key.accepts(b"m", der.to_der().as_bytes()));
        assert_eq!(key.id(), plain.id());
    }

    #[test]
    fn keys_are_read_back_as_they_were_written() {
        for key in [ed25519(b"m").0, ecdsa(7, b"m").0] {
            let blob = key_blob(&key);
            assert_eq!(read_key(&blob), Some(key));
            for end in 0..blob.len() {
                assert_eq!(read_key(&blob[..end]), None);
            }
            assert_eq!(read_key(&[blob, vec![0]].concat()), None);
        }
        assert_eq!(
            read_key(&[string(b"ssh-rsa"), string(&[1]), string(&[2])].concat()),
            None
        );
    }

    #[test]
    fn numbers_have_one_form() {
        for bad in [&[][..], &[0], &[0x80], &[0, 1], &[1; 33], &[0, 0x80, 1, 2]] {
            let wire = string(bad);
            let read = Reader(&wire).number();
            assert_eq!(read.is_some(), bad == [0, 0x80, 1, 2], "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn good_signatures_verify_over_any_message(seed in 1_u8..=250, message in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (key, signature) = ecdsa(seed, &message);
            prop_assert!(accepts(&key, &message, &signature));
        }

        #[test]
        fn what_nobody_signed_is_never_accepted(tail in proptest::collection::vec(any::<u8>(), 0..400)) {
            let (key, good) = ed25519(b"m");
            prop_assert!(!accepts(&key, b"m", &tail));
            prop_assert!(!accepts(&key, b"m", &[&good[..10], &tail[..]].concat()));
            prop_assert!(read_key(&tail).is_none());
        }
    }
}
