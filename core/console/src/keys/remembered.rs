//! A PIN or passphrase that is remembered, because its holder asked for that by a command of its own.
//!
//! It lies in the keyring, in an item of its own and nowhere else. Whoever can use the unlocked keyring can sign then, so
//! what such a key signs says that its PIN is remembered and proves no presence. It is taken out of the keyring before
//! it is tried and put back once it signed: a wrong one is never tried twice, whatever ends the program in between and
//! whoever tries at the same time. The last try that a device allows is left to people.

use countersign_protocol::canonical;
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::Role;
use countersign_protocol::signed::{SignError, Signer};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Asks, Attempts, KeyError, ReviewerKey, check};
use crate::keyring::{self, KeyringError};

/// The schema name of the item. New meaning is a new one.
const SCHEMA: &str = "countersign/remembered-pin/v1";

/// One item of the keyring.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    schema: String,
    key: KeyId,
    pin: String,
}

impl Drop for Item {
    fn drop(&mut self) {
        self.pin.zeroize();
    }
}

/// Remembers what unlocks a key, once it was seen to do so.
///
/// # Errors
/// [`KeyError`] says why nothing is remembered.
pub fn remember(key: &dyn ReviewerKey, secret: &SecretString) -> Result<(), KeyError> {
    if key.role() != Role::Reviewer {
        let why = "only what unlocks a key for decisions is remembered; owners' keys ask each time";
        return Err(KeyError::Unsupported(why.to_owned()));
    }
    if key.asks() == Asks::Confirmation {
        let why = "this key asks for nothing here, so there is nothing to remember";
        return Err(KeyError::Unsupported(why.to_owned()));
    }
    check(key, secret)?;
    store(&key.public_key().id(), secret)
}

/// Forgets what unlocks a key. Nothing was remembered: that is fine too.
///
/// # Errors
/// [`KeyringError`] when that is not known.
pub fn forget(id: &KeyId) -> Result<(), KeyringError> {
    match keyring::delete(&name(id)) {
        Err(KeyringError::Missing(_)) => Ok(()),
        done => done,
    }
}

/// Whether anything is remembered for a key.
///
/// # Errors
/// [`KeyError`] when that is not known.
pub fn is_kept(key: &dyn ReviewerKey) -> Result<bool, KeyError> {
    if key.asks() == Asks::Confirmation {
        return Ok(false);
    }
    match keyring::get(&name(&key.public_key().id())) {
        Ok(_) => Ok(true),
        Err(KeyringError::Missing(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether what is remembered may be tried now: it is there, and it would not use up the last try. Gives how many there
/// are.
///
/// # Errors
/// [`KeyError`] says why it may not, or why the device takes none at all.
pub fn ready(key: &dyn ReviewerKey) -> Result<Option<Attempts>, KeyError> {
    let attempts = key.attempts()?;
    if attempts.is_some_and(|attempts| attempts.left <= 1) {
        return Err(KeyError::LastAttempt);
    }
    if is_kept(key)? {
        Ok(attempts)
    } else {
        Err(KeyError::NotRemembered(key.asks().word()))
    }
}

/// Signs with what is remembered. Where that fails, it is forgotten.
///
/// # Errors
/// [`SignError`] says why nothing was signed.
pub fn sign<T>(
    key: &dyn ReviewerKey,
    seal: impl FnOnce(&dyn Signer) -> Result<T, SignError>,
) -> Result<T, SignError> {
    ready(key)?;
    let id = key.public_key().id();
    let secret = take(&id)?.ok_or(KeyError::NotRemembered(key.asks().word()))?;
    let unlocked = key.unlock(&secret).map_err(SignError::from);
    match unlocked.and_then(|signer| seal(signer.as_ref())) {
        Ok(signed) => {
            // The signature is good all the same: the next one is asked for.
            if let Err(error) = store(&id, &secret) {
                tracing::warn!(%error, "what unlocks the key is not remembered any more");
            }
            Ok(signed)
        }
        Err(error) => Err(match KeyError::of(error) {
            Ok(cause) => KeyError::Forgotten(Box::new(cause)).into(),
            Err(other) => other,
        }),
    }
}

/// Takes it out of the keyring: whoever finds it gone tries nothing.
fn take(id: &KeyId) -> Result<Option<SecretString>, KeyError> {
    let found = match keyring::get(&name(id)) {
        Err(KeyringError::Missing(_)) => return Ok(None),
        found => found?,
    };
    match keyring::delete(&name(id)) {
        Err(KeyringError::Missing(_)) => return Ok(None),
        done => done?,
    }
    Ok(read(id, &found))
}

fn store(id: &KeyId, secret: &SecretString) -> Result<(), KeyError> {
    let item = Item {
        schema: SCHEMA.to_owned(),
        key: *id,
        pin: secret.expose_secret().to_owned(),
    };
    let bytes = canonical::to_bytes(&item).map_err(|error| KeyError::Device(error.to_string()))?;
    Ok(keyring::set(&name(id), &Zeroizing::new(bytes))?)
}

/// What an item holds for this key; an item that is not what it should be holds nothing.
fn read(id: &KeyId, bytes: &[u8]) -> Option<SecretString> {
    let item: Item = canonical::parse(bytes).ok()?;
    (item.schema == SCHEMA && item.key == *id).then(|| SecretString::from(item.pin.as_str()))
}

fn name(id: &KeyId) -> String {
    format!("remembered-pin/{id}")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use countersign_protocol::identity::{Algorithm, Presence, PublicKey};
    use p256::pkcs8::EncodePublicKey as _;

    use super::super::software::Software;
    use super::super::{KeyProvider as _, NewKey};
    use super::*;

    const RIGHT: &str = "correct horse";

    fn has_keyring() -> bool {
        let private = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some();
        if !private {
            eprintln!("skipped: no session bus; run under tests/with-keyring");
        }
        private
    }

    fn phrase(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    /// A key that a device guards: it counts how often it was tried, and tells how many tries are left.
    struct Guarded {
        public: PublicKey,
        role: Role,
        left: u32,
        tried: AtomicU32,
    }

    impl Guarded {
        fn new(seed: u8) -> Self {
            let secret = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
            let spki = secret.verifying_key().to_public_key_der().unwrap();
            Self {
                public: PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).unwrap(),
                role: Role::Reviewer,
                left: 3,
                tried: AtomicU32::new(0),
            }
        }

        fn tried(&self) -> u32 {
            self.tried.load(Ordering::Relaxed)
        }
    }

    struct Seal(PublicKey);

    impl Signer for Seal {
        fn public_key(&self) -> &PublicKey {
            &self.0
        }

        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Ok(Vec::new())
        }
    }

    impl ReviewerKey for Guarded {
        fn public_key(&self) -> &PublicKey {
            &self.public
        }

        fn role(&self) -> Role {
            self.role
        }

        fn kept_in(&self) -> String {
            "a test".to_owned()
        }

        fn asks(&self) -> Asks {
            Asks::Pin
        }

        fn presence(&self) -> Presence {
            Presence::Pin
        }

        fn attempts(&self) -> Result<Option<Attempts>, KeyError> {
            Ok(Some(Attempts {
                left: self.left,
                of: 3,
            }))
        }

        fn unlock(&self, secret: &SecretString) -> Result<Box<dyn Signer + Send + Sync>, KeyError> {
            self.tried.fetch_add(1, Ordering::Relaxed);
            if secret.expose_secret() == RIGHT {
                Ok(Box::new(Seal(self.public.clone())))
            } else {
                Err(KeyError::WrongPin { left: Some(2) })
            }
        }
    }

    fn sealed(key: &dyn ReviewerKey) -> Result<(), String> {
        sign(key, |signer| signer.sign(b"m").map(drop)).map_err(|error| match KeyError::of(error) {
            Ok(error) => error.to_string(),
            Err(error) => error.to_string(),
        })
    }

    #[test]
    fn an_item_is_for_one_key_and_of_one_version() {
        let (one, other) = (Guarded::new(1).public.id(), Guarded::new(2).public.id());
        let item = |schema: &str| {
            let item = Item {
                schema: schema.to_owned(),
                key: one,
                pin: RIGHT.to_owned(),
            };
            canonical::to_bytes(&item).unwrap()
        };
        let found = read(&one, &item(SCHEMA)).unwrap();
        assert_eq!(found.expose_secret(), RIGHT);
        assert!(read(&other, &item(SCHEMA)).is_none());
        assert!(read(&one, &item("countersign/remembered-pin/v2")).is_none());
        assert!(read(&one, b"correct horse").is_none());
    }

    #[test]
    fn a_right_one_signs_again_and_again_until_it_is_forgotten() {
        if !has_keyring() {
            return;
        }
        let key = Guarded::new(3);
        let id = key.public.id();
        assert!(sealed(&key).unwrap_err().contains("no PIN is remembered"));
        store(&id, &phrase(RIGHT)).unwrap();
        for _ in 0..3 {
            assert_eq!(sealed(&key), Ok(()));
        }
        assert_eq!(key.tried(), 3);
        forget(&id).unwrap();
        forget(&id).unwrap();
        assert!(sealed(&key).is_err());
        assert_eq!(key.tried(), 3);
    }

    #[test]
    fn a_wrong_one_is_tried_once_and_never_again() {
        if !has_keyring() {
            return;
        }
        let key = Guarded::new(4);
        store(&key.public.id(), &phrase("what it was before")).unwrap();
        let said = sealed(&key).unwrap_err();
        assert!(
            said.contains("2 attempts are left") && said.contains("forgotten"),
            "{said}"
        );
        for _ in 0..3 {
            assert!(sealed(&key).unwrap_err().contains("no PIN is remembered"));
        }
        assert_eq!(key.tried(), 1);
    }

    #[test]
    fn what_ends_in_the_middle_of_a_try_leaves_nothing_to_try() {
        if !has_keyring() {
            return;
        }
        let key = Guarded::new(5);
        let id = key.public.id();
        store(&id, &phrase(RIGHT)).unwrap();
        let inside = sign(&key, |_| {
            // Another process at the same time finds nothing, and one after a crash would neither.
            assert!(matches!(ready(&key), Err(KeyError::NotRemembered("PIN"))));
            Ok(())
        });
        assert!(inside.is_ok());
        assert!(ready(&key).is_ok(), "it is back once it signed");
        assert!(take(&id).unwrap().is_some());
        assert!(take(&id).unwrap().is_none());
    }

    #[test]
    fn the_last_try_is_left_to_people() {
        if !has_keyring() {
            return;
        }
        let key = Guarded {
            left: 1,
            ..Guarded::new(6)
        };
        store(&key.public.id(), &phrase(RIGHT)).unwrap();
        assert!(sealed(&key).unwrap_err().contains("last attempt"));
        assert_eq!(key.tried(), 0);
        forget(&key.public.id()).unwrap();
    }

    #[test]
    fn only_what_unlocks_a_key_for_decisions_is_remembered() {
        if !has_keyring() {
            return;
        }
        let owners = Guarded {
            role: Role::PolicyOwner,
            ..Guarded::new(7)
        };
        assert!(remember(&owners, &phrase(RIGHT)).is_err());
        assert_eq!(owners.tried(), 0);
        let wanted = NewKey {
            role: Role::Reviewer,
            secret: &phrase(RIGHT),
            select: None,
        };
        let key = Software.create(&wanted).unwrap();
        let id = key.public_key().id();
        assert!(matches!(
            remember(key.as_ref(), &phrase("wrong horse")),
            Err(KeyError::WrongPassphrase)
        ));
        assert!(ready(key.as_ref()).is_err());
        remember(key.as_ref(), &phrase(RIGHT)).unwrap();
        assert_eq!(sealed(key.as_ref()), Ok(()));
        let own_item = keyring::get(&super::super::item::name(&id)).unwrap();
        assert!(!own_item.windows(RIGHT.len()).any(|part| part == RIGHT.as_bytes()));
        forget(&id).unwrap();
        Software.delete(&id).unwrap();
    }
}
