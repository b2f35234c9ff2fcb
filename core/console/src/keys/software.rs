//! Software keys: P-256, sealed with a passphrase, in the keyring of the operating system.
//!
//! PKCS#8 (RFC 5958) under PBES2 (RFC 8018) with scrypt (RFC 7914) and AES-256-CBC, so that neither the keyring's
//! own lock nor a stolen keyring is enough to sign. The labelled fallback where there is no hardware.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{Algorithm, Presence, PublicKey, Role};
use countersign_protocol::signed::{SignError, Signer};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo, SecretDocument};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Asks, Attempts, KeyError, KeyProvider, NewKey, ReviewerKey, item};
use crate::config::Provider;
use crate::keyring;

/// The fewest characters of a passphrase.
pub const MIN_PASSPHRASE: usize = 8;
/// scrypt's cost: N = 2^16, r = 8, p = 1 takes 64 MiB and about a fifth of a second.
const SCRYPT_LOG_N: u8 = 16;

/// The provider.
#[derive(Debug, Clone, Copy)]
pub struct Software;

/// One item of the keyring.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    schema: String,
    role: Role,
    key: PublicKey,
    /// The encrypted PKCS#8 in base64.
    sealed: String,
}

struct SoftwareKey {
    item: Item,
}

struct Unlocked {
    secret: SigningKey,
    public: PublicKey,
}

impl KeyProvider for Software {
    fn provider(&self) -> Provider {
        Provider::Software
    }

    fn asks(&self) -> Asks {
        Asks::Passphrase
    }

    fn probe(&self) -> Result<(), KeyError> {
        Ok(keyring::probe()?)
    }

    fn create(&self, wanted: &NewKey<'_>) -> Result<Box<dyn ReviewerKey>, KeyError> {
        // Asked first: a key that cannot be kept is not made.
        keyring::probe()?;
        let item = item::store(&make(wanted.role, wanted.secret, SCRYPT_LOG_N)?)?;
        Ok(Box::new(SoftwareKey { item }))
    }

    fn open(&self, id: &KeyId) -> Result<Box<dyn ReviewerKey>, KeyError> {
        Ok(Box::new(SoftwareKey {
            item: item::load(id)?,
        }))
    }

    fn delete(&self, id: &KeyId) -> Result<(), KeyError> {
        Ok(keyring::delete(&item::name(id))?)
    }
}

impl item::Item for Item {
    const SCHEMA: &'static str = "countersign/software-key/v1";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl ReviewerKey for SoftwareKey {
    fn public_key(&self) -> &PublicKey {
        &self.item.key
    }

    fn role(&self) -> Role {
        self.item.role
    }

    fn kept_in(&self) -> String {
        "software, in the keyring".to_owned()
    }

    fn asks(&self) -> Asks {
        Asks::Passphrase
    }

    fn presence(&self) -> Presence {
        Presence::Pin
    }

    fn attempts(&self) -> Result<Option<Attempts>, KeyError> {
        Ok(None)
    }

    fn unlock(&self, secret: &SecretString) -> Result<Box<dyn Signer + Send + Sync>, KeyError> {
        let id = self.item.key.id();
        let damaged = |problem: String| item::damaged(&id, problem);
        let der = Zeroizing::new(
            STANDARD
                .decode(&self.item.sealed)
                .map_err(|error| damaged(error.to_string()))?,
        );
        let sealed =
            EncryptedPrivateKeyInfo::try_from(der.as_slice()).map_err(|error| damaged(error.to_string()))?;
        check_cost(&sealed).map_err(|problem| damaged(problem.to_owned()))?;
        // A wrong passphrase and damaged bytes cannot be told apart here; the first is what happens.
        let plain = sealed
            .decrypt(secret.expose_secret().as_bytes())
            .map_err(|_| KeyError::WrongPassphrase)?;
        let secret = SigningKey::from_pkcs8_der(plain.as_bytes()).map_err(|_| KeyError::WrongPassphrase)?;
        let public = public_of(&secret).ok_or_else(|| damaged("it holds no P-256 key".to_owned()))?;
        if public != self.item.key {
            return Err(damaged("its two halves do not belong together".to_owned()));
        }
        Ok(Box::new(Unlocked { secret, public }))
    }
}

impl Signer for Unlocked {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature: p256::ecdsa::Signature = self
            .secret
            .try_sign(message)
            .map_err(|error| SignError::Key(error.into()))?;
        // Both s and n - s verify; one form only, so that a signature has one digest.
        let low = signature.normalize_s().unwrap_or(signature);
        Ok(low.to_der().as_bytes().to_vec())
    }
}

fn make(role: Role, passphrase: &SecretString, log_n: u8) -> Result<Item, KeyError> {
    if passphrase.expose_secret().chars().count() < MIN_PASSPHRASE {
        return Err(KeyError::WeakPassphrase(MIN_PASSPHRASE));
    }
    let failed = |error: &dyn std::fmt::Display| KeyError::Make(error.to_string());
    let secret = random_key()?;
    let plain: SecretDocument = secret.to_pkcs8_der().map_err(|error| failed(&error))?;
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    for part in [&mut salt, &mut iv] {
        getrandom::fill(part).map_err(|error| failed(&error))?;
    }
    let cost = pkcs8::pkcs5::scrypt::Params::new(log_n, 8, 1, 32).map_err(|error| failed(&error))?;
    let scheme = Parameters::scrypt_aes256cbc(cost, &salt, &iv).map_err(|error| failed(&error))?;
    let sealed = PrivateKeyInfo::try_from(plain.as_bytes())
        .and_then(|info| info.encrypt_with_params(scheme, passphrase.expose_secret().as_bytes()))
        .map_err(|error| failed(&error))?;
    Ok(Item {
        schema: <Item as item::Item>::SCHEMA.to_owned(),
        role,
        key: public_of(&secret).ok_or_else(|| failed(&"the public half cannot be written"))?,
        sealed: STANDARD.encode(sealed.as_bytes()),
    })
}

fn random_key() -> Result<SigningKey, KeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    loop {
        getrandom::fill(seed.as_mut_slice()).map_err(|error| KeyError::Make(error.to_string()))?;
        // Fails for the few numbers that are no key; the next ones are asked for then.
        if let Ok(secret) = SigningKey::from_slice(seed.as_slice()) {
            return Ok(secret);
        }
    }
}

/// Whoever can write the keyring must not be able to make unlocking take all memory.
fn check_cost(sealed: &EncryptedPrivateKeyInfo<'_>) -> Result<(), &'static str> {
    let scheme = sealed
        .encryption_algorithm
        .pbes2()
        .ok_or("it is not sealed with PBES2")?;
    let cost = scheme.kdf.scrypt().ok_or("it is not sealed with scrypt")?;
    let bounded = cost.cost_parameter <= 1 << 18 && cost.block_size <= 8 && cost.parallelization <= 4;
    if bounded {
        Ok(())
    } else {
        Err("its scrypt parameters are out of bounds")
    }
}

fn public_of(secret: &SigningKey) -> Option<PublicKey> {
    let spki = secret.verifying_key().to_public_key_der().ok()?;
    PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use countersign_protocol::canonical;

    use super::*;

    fn read(id: &KeyId, bytes: &[u8]) -> Result<SoftwareKey, KeyError> {
        item::read(id, bytes).map(|item| SoftwareKey { item })
    }

    fn phrase(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn item() -> Item {
        make(Role::Reviewer, &phrase("correct horse"), 10).unwrap()
    }

    #[test]
    fn a_passphrase_unlocks_and_a_wrong_one_does_not() {
        let item = item();
        let id = item.key.id();
        let bytes = canonical::to_bytes(&item).unwrap();
        assert!(bytes.len() < keyring::MAX_ITEM_BYTES, "{}", bytes.len());
        let key = read(&id, &bytes).unwrap();
        let signer = key.unlock(&phrase("correct horse")).unwrap();
        assert!(key.public_key().accepts(b"m", &signer.sign(b"m").unwrap()));
        for wrong in ["", "correct hors", "correct horsf", "correct horse "] {
            assert!(
                matches!(key.unlock(&phrase(wrong)), Err(KeyError::WrongPassphrase)),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_short_passphrase_makes_no_key() {
        assert!(matches!(
            make(Role::Reviewer, &phrase("1234567"), 10),
            Err(KeyError::WeakPassphrase(8))
        ));
    }

    #[test]
    fn another_keys_item_is_refused() {
        let (one, other) = (item(), item());
        let bytes = canonical::to_bytes(&other).unwrap();
        assert!(matches!(
            read(&one.key.id(), &bytes),
            Err(KeyError::Damaged { .. })
        ));
        let mixed = Item {
            key: one.key.clone(),
            ..item()
        };
        let key = SoftwareKey { item: mixed };
        assert!(matches!(
            key.unlock(&phrase("correct horse")),
            Err(KeyError::Damaged { .. })
        ));
    }

    #[test]
    fn nothing_in_the_item_tells_the_key_without_the_passphrase() {
        let text = String::from_utf8(canonical::to_bytes(&item()).unwrap()).unwrap();
        assert!(!text.contains("PRIVATE"));
        let item: Item = canonical::parse(text.as_bytes()).unwrap();
        let der = STANDARD.decode(item.sealed).unwrap();
        assert!(SigningKey::from_pkcs8_der(&der).is_err());
    }

    #[test]
    fn ruinous_costs_are_refused() {
        let cost = pkcs8::pkcs5::scrypt::Params::new(19, 8, 1, 32).unwrap();
        let scheme = Parameters::scrypt_aes256cbc(cost, &[1; 16], &[2; 16]).unwrap();
        let info = EncryptedPrivateKeyInfo {
            encryption_algorithm: scheme.into(),
            encrypted_data: &[0; 32],
        };
        assert!(check_cost(&info).is_err());
    }

    #[test]
    fn a_key_lives_in_the_keyring() {
        if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() {
            eprintln!("skipped: no session bus; run under tests/with-keyring");
            return;
        }
        let made = Software
            .create(&NewKey {
                role: Role::Reviewer,
                secret: &phrase("correct horse"),
                select: None,
            })
            .unwrap();
        let id = made.public_key().id();
        let key = Software.open(&id).unwrap();
        assert_eq!((key.role(), key.presence()), (Role::Reviewer, Presence::Pin));
        assert!(key.unlock(&phrase("correct horse")).is_ok());
        Software.delete(&id).unwrap();
        assert!(matches!(
            Software.open(&id),
            Err(KeyError::Keyring(keyring::KeyringError::Missing(_)))
        ));
    }
}
