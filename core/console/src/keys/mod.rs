//! Signing keys of people: reviewers' and owners'.
//!
//! A provider keeps keys; a key signs only once it was unlocked by what its holder knows or does, and one
//! unlocking gives one signature. How much a signature by it proves is what the signed directory says of the key,
//! never what this machine claims. What the keyring holds of a hardware key is a wrapped blob or a handle. What may
//! wait for a device, an agent or a prompt has a time limit; a PIN is never tried twice by itself, and remembered only
//! where its holder chose that ([`remembered`]).

mod error;
mod item;
pub mod listing;
pub mod pkcs11;
pub mod remembered;
pub mod software;
pub mod ssh_agent;
pub mod tpm;

use std::time::Duration;

use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{Presence, PublicKey, Role};
use countersign_protocol::signed::{SignError, Signer, pae};
use secrecy::SecretString;

pub use self::error::KeyError;
pub use self::software::MIN_PASSPHRASE;
use crate::config::{ConfiguredKey, Provider};
use crate::patience::{Impatience, within};

/// The fewest characters of a PIN; the device bounds how often one can be tried.
pub const MIN_PIN: usize = 6;

/// What [`check`] signs is of a payload type of its own: it can't pass for a decision.
const CHECK_TYPE: &str = "application/vnd.countersign.key-check";

/// What keeps keys.
pub trait KeyProvider: Send + Sync {
    /// Which one it is.
    fn provider(&self) -> Provider;

    /// What its keys ask for before they sign.
    fn asks(&self) -> Asks;

    /// Whether it can be used now.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    fn probe(&self) -> Result<(), KeyError>;

    /// Whether one unlocking may sign several decisions of a batch, each for itself.
    fn unlocks_many(&self) -> bool {
        false
    }

    /// Makes a key, or takes one that is there into use, where the provider makes none.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    fn create(&self, wanted: &NewKey<'_>) -> Result<Box<dyn ReviewerKey>, KeyError>;

    /// Finds a key that was made earlier. Asks no device yet.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    fn open(&self, id: &KeyId) -> Result<Box<dyn ReviewerKey>, KeyError>;

    /// Forgets a key for good.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    fn delete(&self, id: &KeyId) -> Result<(), KeyError>;
}

/// A key of a person, locked.
pub trait ReviewerKey: Send {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// What it was made to sign.
    fn role(&self) -> Role;

    /// Where it is, in words for people. Proves nothing.
    fn kept_in(&self) -> String;

    /// What it asks for before it signs.
    fn asks(&self) -> Asks;

    /// What unlocking it proves that the person did.
    fn presence(&self) -> Presence;

    /// How many wrong tries the device allows, before anything is asked; `None` where nobody counts.
    ///
    /// # Errors
    /// [`KeyError::LockedOut`] and [`KeyError::PinBlocked`] where none is left; others where the device is not there.
    fn attempts(&self) -> Result<Option<Attempts>, KeyError>;

    /// Unlocks it. What comes out signs once and is dropped; a device that checks the secret does so only then.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`] and others.
    fn unlock(&self, secret: &SecretString) -> Result<Box<dyn Signer + Send + Sync>, KeyError>;
}

/// What a new key should be.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// What it is to sign.
    pub role: Role,
    /// What is to unlock it; for a token, its PIN. Unused where the provider asks by itself.
    pub secret: &'a SecretString,
    /// Which token or which of an agent's keys, where there are several.
    pub select: Option<&'a str>,
}

/// What unlocks a key for one signature.
#[derive(Debug)]
pub enum Secret {
    /// What its holder gave just now; nothing, where the key asks for nothing here.
    Given(SecretString),
    /// What is remembered, because its holder chose that.
    Remembered,
}

impl From<SecretString> for Secret {
    fn from(given: SecretString) -> Self {
        Self::Given(given)
    }
}

/// Something that is worth nothing, and a key's signature of it.
#[derive(Debug)]
pub struct Checked {
    /// What was signed.
    pub message: Vec<u8>,
    /// The signature, which verifies.
    pub signature: Vec<u8>,
}

/// What a key asks for before it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// A passphrase.
    Passphrase,
    /// A PIN.
    Pin,
    /// Nothing here: whatever holds it may ask by itself for a touch or a confirmation.
    Confirmation,
}

impl Asks {
    /// What to ask for, in words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Pin => "PIN",
            Self::Confirmation => "confirmation",
        }
    }
}

/// How many wrong tries a device allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// So many from now on.
    pub left: u32,
    /// So many in all.
    pub of: u32,
}

impl Attempts {
    /// What a person should know before using one up; nothing while all are left.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        match self.left {
            1 => Some("1 PIN attempt is left: one more wrong PIN locks the device".to_owned()),
            left if left < self.of => Some(format!("{left} of {} PIN attempts are left", self.of)),
            _ => None,
        }
    }
}

/// The provider of that name; `at` says where its device is, where the environment does not.
///
/// # Errors
/// [`KeyError::NotOnThisBuild`] where there is none, [`KeyError::Setting`] where `at` is not understood.
pub fn provider(which: Provider, at: Option<&str>) -> Result<Box<dyn KeyProvider>, KeyError> {
    match which {
        Provider::Software => Ok(Box::new(software::Software)),
        Provider::Tpm => Ok(Box::new(tpm::TpmKeys::at(
            setting("COUNTERSIGN_TPM", at).as_deref(),
        )?)),
        Provider::Pkcs11 => {
            let module = setting("COUNTERSIGN_PKCS11_MODULE", at);
            Ok(Box::new(pkcs11::Tokens::at(module.as_deref())?))
        }
        Provider::SshAgent => {
            // The session's own agent changes from login to login; a configured socket is a person's choice.
            let socket = at
                .map(ToOwned::to_owned)
                .or_else(|| setting("SSH_AUTH_SOCK", None));
            Ok(Box::new(ssh_agent::SshAgent::at(socket.as_deref())?))
        }
        Provider::SecureEnclave | Provider::WindowsTpm | Provider::Fido2 => {
            Err(KeyError::NotOnThisBuild(which.word()))
        }
    }
}

/// Opens a configured key.
///
/// # Errors
/// [`KeyError`] says why not, and what to do.
pub fn open(key: &ConfiguredKey) -> Result<Box<dyn ReviewerKey>, KeyError> {
    provider(key.provider, key.at.as_deref())?.open(&key.id)
}

/// Signs something that is worth nothing and verifies it, so that a key or a secret is tried before it is needed.
///
/// # Errors
/// [`KeyError`] says why not, and what to do.
pub fn check(key: &dyn ReviewerKey, secret: &SecretString) -> Result<Checked, KeyError> {
    let (public, at) = (key.public_key(), countersign_client::now());
    let text = format!("countersign key check\nkey {}\nat {at}\n", public.id());
    let message = pae(CHECK_TYPE, text.as_bytes());
    let said =
        |error: SignError| KeyError::of(error).unwrap_or_else(|other| KeyError::Device(other.to_string()));
    let signature = key.unlock(secret)?.sign(&message).map_err(said)?;
    if public.accepts(&message, &signature) {
        Ok(Checked { message, signature })
    } else {
        let why = "the key signed, but the signature does not verify";
        Err(KeyError::Device(why.to_owned()))
    }
}

/// Asks a device on a thread of its own: nobody waits longer than `limit`, whatever the device does.
fn ask<T: Send + 'static>(
    device: &'static str,
    limit: Duration,
    call: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    within(device, limit, call).unwrap_or_else(|why| {
        Err(match why {
            Impatience::TimedOut => KeyError::TimedOut { what: device, limit },
            Impatience::Ended => KeyError::Device(format!("the thread that asked {device} ended early")),
        })
    })
}

/// The environment's word goes before the configuration's.
fn setting(variable: &str, configured: Option<&str>) -> Option<String> {
    std::env::var(variable)
        .ok()
        .filter(|text| !text.is_empty())
        .or_else(|| configured.map(ToOwned::to_owned))
}
