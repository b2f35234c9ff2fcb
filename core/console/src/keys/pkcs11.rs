//! Keys on a PKCS#11 token: a smart card, a YubiKey's PIV part, a hardware security module.
//!
//! The module of the token's maker is loaded at run time (OASIS PKCS#11 2.40). It is foreign code in this process:
//! who names it is trusted with that. The keyring holds only where the key is: the token's serial number and the
//! key's `CKA_ID`. Tokens with a PIN pad, and keys that want their PIN for each operation (`CKA_ALWAYS_AUTHENTICATE`),
//! are not served yet.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{Algorithm, Presence, PublicKey, Role};
use countersign_protocol::signed::{SignError, Signer, base64_bytes};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use p256::pkcs8::EncodePublicKey as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Asks, Attempts, KeyError, KeyProvider, NewKey, ReviewerKey, ask, item};
use crate::config::Provider;
use crate::keyring;

/// How long a whole ceremony with a token may take: some wait for a touch.
const PATIENCE: Duration = Duration::from_secs(90);
/// DER of the object identifier `prime256v1`.
const PRIME256V1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// One at a time: a module is started and ended for the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// The provider.
#[derive(Debug, Clone)]
pub struct Tokens {
    module: PathBuf,
}

/// One item of the keyring: where the key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    schema: String,
    role: Role,
    key: PublicKey,
    /// The token's serial number.
    serial: String,
    /// The token's label, for people.
    label: String,
    /// The key's `CKA_ID`.
    #[serde(with = "base64_bytes")]
    key_id: Vec<u8>,
    /// Whether the module calls the slot hardware. Proves nothing.
    hardware: bool,
}

/// A key on a token.
#[derive(Debug, Clone)]
struct TokenKey {
    module: PathBuf,
    item: Item,
}

struct Unlocked {
    key: TokenKey,
    pin: SecretString,
}

/// What a call to a module failed with; `Error` itself does not cross threads.
enum Failed {
    Key(KeyError),
    Module(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<KeyError> for Failed {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl Tokens {
    /// The tokens that a module reaches.
    ///
    /// # Errors
    /// [`KeyError::Setting`] where no module is named.
    pub fn at(module: Option<&str>) -> Result<Self, KeyError> {
        let module = module.map(PathBuf::from).filter(|path| path.is_absolute()).ok_or_else(|| {
            KeyError::Setting(
                "no PKCS#11 module is named; give its whole path with `--at` or COUNTERSIGN_PKCS11_MODULE (for a YubiKey: libykcs11.so, for many cards: opensc-pkcs11.so)"
                    .to_owned(),
            )
        })?;
        Ok(Self { module })
    }
}

impl KeyProvider for Tokens {
    fn provider(&self) -> Provider {
        Provider::Pkcs11
    }

    fn asks(&self) -> Asks {
        Asks::Pin
    }

    fn probe(&self) -> Result<(), KeyError> {
        keyring::probe()?;
        with_module(&self.module, |module| {
            choose(module, None).map(|_| ()).or_else(several_are_fine)
        })
    }

    fn create(&self, wanted: &NewKey<'_>) -> Result<Box<dyn ReviewerKey>, KeyError> {
        // Asked first: a key that cannot be kept is not made.
        keyring::probe()?;
        let (role, pin) = (wanted.role, wanted.secret.clone());
        let select = wanted.select.map(ToOwned::to_owned);
        let item = with_module(&self.module, move |module| {
            let (slot, token) = choose(module, select.as_deref())?;
            let session = module.open_rw_session(slot)?;
            log_in(&session, &token, &pin)?;
            let (key, key_id) = generate(&session)?;
            Ok(Item {
                schema: <Item as item::Item>::SCHEMA.to_owned(),
                role,
                key,
                serial: token.serial_number().to_owned(),
                label: token.label().to_owned(),
                key_id,
                hardware: module.get_slot_info(slot)?.hardware_slot(),
            })
        })?;
        Ok(Box::new(TokenKey {
            module: self.module.clone(),
            item: item::store(&item)?,
        }))
    }

    fn open(&self, id: &KeyId) -> Result<Box<dyn ReviewerKey>, KeyError> {
        Ok(Box::new(TokenKey {
            module: self.module.clone(),
            item: item::load(id)?,
        }))
    }

    /// Forgets where the key is; the token keeps it until somebody deletes it there.
    fn delete(&self, id: &KeyId) -> Result<(), KeyError> {
        Ok(keyring::delete(&item::name(id))?)
    }
}

impl item::Item for Item {
    const SCHEMA: &'static str = "countersign/pkcs11-key/v1";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl ReviewerKey for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.item.key
    }

    fn role(&self) -> Role {
        self.item.role
    }

    fn kept_in(&self) -> String {
        let kind = if self.item.hardware {
            "token"
        } else {
            "software token"
        };
        format!("{kind} `{}` ({})", self.item.label, self.item.serial)
    }

    fn asks(&self) -> Asks {
        Asks::Pin
    }

    fn presence(&self) -> Presence {
        Presence::Pin
    }

    fn attempts(&self) -> Result<Option<Attempts>, KeyError> {
        let serial = self.item.serial.clone();
        with_module(&self.module, move |module| {
            let (_, token) = find(module, &serial)?;
            if token.user_pin_locked() {
                return Err(KeyError::PinBlocked.into());
            }
            // PKCS#11 tells no number, only that this is the last one.
            Ok(token.user_pin_final_try().then_some(Attempts { left: 1, of: 1 }))
        })
    }

    fn unlock(&self, secret: &SecretString) -> Result<Box<dyn Signer + Send + Sync>, KeyError> {
        Ok(Box::new(Unlocked {
            key: self.clone(),
            pin: secret.clone(),
        }))
    }
}

impl Signer for Unlocked {
    fn public_key(&self) -> &PublicKey {
        &self.key.item.key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.key.sign(self.pin.clone(), message)?)
    }
}

impl TokenKey {
    fn sign(&self, pin: SecretString, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let digest = Sha256::digest(message);
        let item = self.item.clone();
        let raw = with_module(&self.module, move |module| {
            let (slot, token) = find(module, &item.serial)?;
            let session = module.open_ro_session(slot)?;
            log_in(&session, &token, &pin)?;
            let template = [
                Attribute::Class(ObjectClass::PRIVATE_KEY),
                Attribute::KeyType(KeyType::EC),
                Attribute::Id(item.key_id.clone()),
            ];
            let [key] = session.find_objects(&template)?[..] else {
                return Err(KeyError::KeyRemoved(item.serial.clone()).into());
            };
            Ok(session.sign(&Mechanism::Ecdsa, key, &digest)?)
        })?;
        let signature = p256::ecdsa::Signature::from_slice(&raw)
            .map_err(|_| KeyError::Device("the token made something that is no signature".to_owned()))?;
        // Both s and n - s verify; one form only, so that a signature has one digest.
        let der = signature.normalize_s().unwrap_or(signature).to_der();
        // A token that errs, or holds another key under this id, is noticed here and not by the backend.
        if self.item.key.accepts(message, der.as_bytes()) {
            Ok(der.as_bytes().to_vec())
        } else {
            Err(KeyError::KeyRemoved(self.item.serial.clone()))
        }
    }
}

/// Makes a key that never leaves the token, and looks whether the token really says so.
fn generate(session: &Session) -> Result<(PublicKey, Vec<u8>), Failed> {
    let mut key_id = vec![0; 16];
    getrandom::fill(&mut key_id).map_err(|error| KeyError::Make(error.to_string()))?;
    let label = b"countersign".to_vec();
    let public = [
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::EcParams(PRIME256V1.to_vec()),
        Attribute::Id(key_id.clone()),
        Attribute::Label(label.clone()),
    ];
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Id(key_id.clone()),
        Attribute::Label(label),
    ];
    let (public, private) = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
    let made = checked(session, public, private);
    if made.is_err() {
        // Left there it would only be taken for one in use.
        drop(session.destroy_object(private));
        drop(session.destroy_object(public));
    }
    Ok((made?, key_id))
}

fn checked(session: &Session, public: ObjectHandle, private: ObjectHandle) -> Result<PublicKey, Failed> {
    let held = session.get_attributes(
        private,
        &[
            AttributeType::Sensitive,
            AttributeType::AlwaysSensitive,
            AttributeType::Extractable,
            AttributeType::NeverExtractable,
            AttributeType::Local,
        ],
    )?;
    let wanted = [
        Attribute::Sensitive(true),
        Attribute::AlwaysSensitive(true),
        Attribute::Extractable(false),
        Attribute::NeverExtractable(true),
        Attribute::Local(true),
    ];
    if !wanted.iter().all(|attribute| held.contains(attribute)) {
        return Err(KeyError::Make("the token does not promise to keep it to itself".to_owned()).into());
    }
    let found = session.get_attributes(public, &[AttributeType::EcPoint])?;
    let [Attribute::EcPoint(point)] = found.as_slice() else {
        return Err(KeyError::Make("the token tells no public key".to_owned()).into());
    };
    public_key(point)
        .ok_or_else(|| KeyError::Make("the token made a key that is not on P-256".to_owned()).into())
}

/// The point comes in a DER OCTET STRING, and from some tokens bare.
fn public_key(point: &[u8]) -> Option<PublicKey> {
    let point = match point {
        [4, 65, bare @ ..] if bare.len() == 65 => bare,
        bare => bare,
    };
    let key = p256::PublicKey::from_sec1_bytes(point).ok()?;
    let der = key.to_public_key_der().ok()?;
    PublicKey::from_spki(Algorithm::EcdsaP256Sha256, der.as_bytes()).ok()
}

/// The token that is meant: the named one, or the only one.
fn choose(module: &Pkcs11, select: Option<&str>) -> Result<(Slot, TokenInfo), Failed> {
    let mut found = tokens(module)?;
    if let Some(select) = select {
        found.retain(|(_, token)| token.serial_number() == select || token.label() == select);
    }
    let one = found.pop();
    match (one, found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(KeyError::NoneFits(match select {
            Some(select) => {
                format!("there is no token `{select}`; `--select` takes a serial number or a label")
            }
            None => {
                "there is no token that is ready for keys; put one in, and give it a PIN with its own tool"
                    .to_owned()
            }
        })
        .into()),
        (Some(one), false) => Err(KeyError::Several {
            what: "tokens",
            found: std::iter::once(&one)
                .chain(&found)
                .map(|(_, token)| format!("`{}` ({})", token.serial_number(), token.label()))
                .collect(),
        }
        .into()),
    }
}

fn several_are_fine(failed: Failed) -> Result<(), Failed> {
    match failed {
        Failed::Key(KeyError::Several { .. }) => Ok(()),
        failed => Err(failed),
    }
}

fn find(module: &Pkcs11, serial: &str) -> Result<(Slot, TokenInfo), Failed> {
    tokens(module)?
        .into_iter()
        .find(|(_, token)| token.serial_number() == serial)
        .ok_or_else(|| KeyError::TokenRemoved(serial.to_owned()).into())
}

fn tokens(module: &Pkcs11) -> Result<Vec<(Slot, TokenInfo)>, Failed> {
    let mut found = Vec::new();
    for slot in module.get_slots_with_token()? {
        let token = module.get_token_info(slot)?;
        if token.token_initialized() && token.user_pin_initialized() {
            found.push((slot, token));
        }
    }
    Ok(found)
}

/// Logs in once. Whatever the token says, the PIN is not tried again.
fn log_in(session: &Session, token: &TokenInfo, pin: &SecretString) -> Result<(), Failed> {
    if token.user_pin_locked() {
        return Err(KeyError::PinBlocked.into());
    }
    if pin.expose_secret().is_empty() {
        return Err(KeyError::WrongPin { left: None }.into());
    }
    Ok(session.login(UserType::User, Some(&pin.expose_secret().to_owned().into()))?)
}

/// Runs `work` with the module started for it alone, on a thread of its own.
fn with_module<T: Send + 'static>(
    path: &std::path::Path,
    work: impl FnOnce(&Pkcs11) -> Result<T, Failed> + Send + 'static,
) -> Result<T, KeyError> {
    let path = path.to_owned();
    let run = move || {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let module = Pkcs11::new(&path).map_err(|error| {
            KeyError::Setting(format!(
                "`{}` can't be loaded as a PKCS#11 module: {error}",
                path.display()
            ))
        })?;
        module
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
            .map_err(explain)?;
        let done = work(&module).map_err(|failed| match failed {
            Failed::Key(error) => error,
            Failed::Module(error) => explain(error),
        });
        // Ended each time, so that a token that is put in or taken out is seen.
        drop(module.finalize());
        done
    };
    ask("the token", PATIENCE, run)
}

fn explain(error: Error) -> KeyError {
    match error {
        Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
            KeyError::WrongPin { left: None }
        }
        Error::Pkcs11(RvError::PinLocked, _) => KeyError::PinBlocked,
        Error::Pkcs11(
            RvError::TokenNotPresent
            | RvError::DeviceRemoved
            | RvError::SessionHandleInvalid
            | RvError::SlotIdInvalid,
            _,
        ) => KeyError::DeviceGone("the token was taken out".to_owned()),
        error => KeyError::Device(format!("the token refused: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_bare_and_wrapped() {
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let bare = secret.verifying_key().to_encoded_point(false);
        let wrapped = [&[4, 65], bare.as_bytes()].concat();
        assert!(public_key(bare.as_bytes()).is_some());
        assert_eq!(public_key(bare.as_bytes()), public_key(&wrapped));
        for bad in [&[][..], &[4], &[4, 65], &[4; 67], &wrapped[..66]] {
            assert!(public_key(bad).is_none());
        }
    }

    #[test]
    fn a_module_that_is_none_is_said_so() {
        assert!(matches!(Tokens::at(None), Err(KeyError::Setting(_))));
        assert!(matches!(
            Tokens::at(Some("libsofthsm2.so")),
            Err(KeyError::Setting(_))
        ));
        let nothing = std::path::Path::new("/nonexistent/module.so");
        let answer = with_module(nothing, |_| Ok(()));
        assert!(matches!(answer, Err(KeyError::Setting(_))));
    }
}
