//! Signing keys of people: reviewers' and owners'.
//!
//! A provider keeps keys; a key signs only once it was unlocked by what its holder knows or does, and one
//! unlocking gives one signature. How much a signature by it proves is what the signed directory says of the key,
//! never what this machine claims. Hardware providers have their place here and say so where this build has none.

pub mod software;

use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{Presence, PublicKey, Role};
use countersign_protocol::signed::Signer;
use secrecy::SecretString;

use crate::config::{ConfiguredKey, Provider};
use crate::keyring::KeyringError;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The keyring gave or kept nothing.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// This build has no such provider.
    #[error("keys of provider `{0}` are not on this build; it has `software` only")]
    NotOnThisBuild(&'static str),
    /// The passphrase is not the key's.
    #[error("the passphrase is wrong; nothing was signed")]
    WrongPassphrase,
    /// The passphrase is too weak to protect a key.
    #[error("a passphrase needs at least {0} characters")]
    WeakPassphrase(usize),
    /// The item in the keyring is not what it should be.
    #[error(
        "the keyring's item `{item}` is damaged ({problem}); make a new key and ask an owner to replace the old one in the directory"
    )]
    Damaged {
        /// The item.
        item: String,
        /// What is wrong.
        problem: String,
    },
    /// The key cannot be made.
    #[error("no key can be made: {0}")]
    Make(String),
}

/// What keeps keys.
pub trait KeyProvider: Send + Sync {
    /// Which one it is.
    fn provider(&self) -> Provider;

    /// Whether it can be used now.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    fn probe(&self) -> Result<(), KeyError>;

    /// Makes a key that `secret` unlocks.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    fn create(&self, role: Role, secret: &SecretString) -> Result<Box<dyn ReviewerKey>, KeyError>;

    /// Finds a key that was made earlier.
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

    /// What unlocking it proves that the person did.
    fn presence(&self) -> Presence;

    /// Unlocks it. What comes out is dropped after one use.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`] and others.
    fn unlock(&self, secret: &SecretString) -> Result<Box<dyn Signer + Send + Sync>, KeyError>;
}

/// The provider of that name.
///
/// # Errors
/// [`KeyError::NotOnThisBuild`] where there is none.
pub fn provider(which: Provider) -> Result<Box<dyn KeyProvider>, KeyError> {
    match which {
        Provider::Software => Ok(Box::new(software::Software)),
        Provider::Tpm | Provider::Pkcs11 | Provider::SshAgent => Err(KeyError::NotOnThisBuild(which.word())),
    }
}

/// Opens a configured key.
///
/// # Errors
/// [`KeyError`] says why not, and what to do.
pub fn open(key: &ConfiguredKey) -> Result<Box<dyn ReviewerKey>, KeyError> {
    provider(key.provider)?.open(&key.id)
}
