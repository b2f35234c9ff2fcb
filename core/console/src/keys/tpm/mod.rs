//! Keys in a TPM 2.0: P-256, made there, opened by a PIN that the TPM itself guards against guessing.
//!
//! The keyring holds the blob that only this TPM can open. The PIN proves itself in a salted session and never
//! crosses in the clear; a wrong one is never tried twice by this program. Follows the TPM 2.0 Library
//! Specification; structures are those of `tpm2_protocol`.

pub mod attest;
pub mod command;
pub mod credential;
pub mod object;
pub mod session;
pub mod transport;

use std::time::Duration;

use countersign_protocol::digest::{KeyId, Sha256Digest};
use countersign_protocol::identity::{Presence, PublicKey, Role};
use countersign_protocol::signed::{SignError, Signer, base64_bytes};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tpm2_protocol::data::TpmRcBase;
use zeroize::Zeroizing;

use self::attest::{Credential, Evidence};
use self::command::{Tpm, TpmFault, sha256};
use self::object::Wrapped;
use self::session::Session;
use self::transport::{Address, TransportError};
use super::{Asks, Attempts, KeyError, KeyProvider, MIN_PIN, NewKey, ReviewerKey, ask, item};
use crate::config::Provider;
use crate::keyring;

/// How long a whole ceremony with the TPM may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The provider.
#[derive(Debug, Clone)]
pub struct TpmKeys {
    address: Address,
}

/// One item of the keyring: nothing in it opens without the TPM that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    schema: String,
    role: Role,
    key: PublicKey,
    /// The name of the storage root key it is wrapped under: says whether this is the TPM.
    #[serde(with = "base64_bytes")]
    storage: Vec<u8>,
    #[serde(with = "base64_bytes")]
    public: Vec<u8>,
    #[serde(with = "base64_bytes")]
    private: Vec<u8>,
    #[serde(with = "base64_bytes")]
    attestation_public: Vec<u8>,
    #[serde(with = "base64_bytes")]
    attestation_private: Vec<u8>,
}

/// A key in a TPM.
#[derive(Debug, Clone)]
pub struct TpmKey {
    address: Address,
    item: Item,
}

struct Unlocked {
    key: TpmKey,
    secret: Zeroizing<Vec<u8>>,
}

impl TpmKeys {
    /// The TPM at an address; the kernel's own where none is given.
    ///
    /// # Errors
    /// [`KeyError::Setting`] where the text names no TPM.
    pub fn at(address: Option<&str>) -> Result<Self, KeyError> {
        let address = match address {
            Some(text) => text
                .parse()
                .map_err(|error: transport::AddressError| KeyError::Setting(error.to_string()))?,
            None => Address::default(),
        };
        Ok(Self { address })
    }

    /// Finds a key, as one that can also prove where it is.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    pub fn key(&self, id: &KeyId) -> Result<TpmKey, KeyError> {
        let item: Item = item::load(id)?;
        Ok(TpmKey {
            address: self.address.clone(),
            item,
        })
    }
}

impl KeyProvider for TpmKeys {
    fn provider(&self) -> Provider {
        Provider::Tpm
    }

    fn asks(&self) -> Asks {
        Asks::Pin
    }

    fn probe(&self) -> Result<(), KeyError> {
        keyring::probe()?;
        with_tpm(&self.address, object::counters).map(|_| ())
    }

    fn create(&self, wanted: &NewKey<'_>) -> Result<Box<dyn ReviewerKey>, KeyError> {
        if wanted.secret.expose_secret().chars().count() < MIN_PIN {
            return Err(KeyError::WeakPin(MIN_PIN));
        }
        // Asked first: a key that cannot be kept is not made.
        keyring::probe()?;
        let secret = secret_of(wanted.secret);
        let (storage, signing, attestation) = with_tpm(&self.address, move |tpm| {
            let storage = object::storage_key(tpm)?;
            let mut session = Session::salted(tpm, storage.handle, storage.point()?)?;
            let signing = object::create(tpm, &mut session, &storage, &object::signing_template(), &secret)?;
            let attestation =
                object::create(tpm, &mut session, &storage, &object::attestation_template(), &[])?;
            Ok((storage.name, signing, attestation))
        })?;
        let key = object::read_public(&signing.public)
            .and_then(|public| object::public_key(&public))
            .map_err(|fault| KeyError::Make(fault.to_string()))?;
        let item = item::store(&Item {
            schema: <Item as item::Item>::SCHEMA.to_owned(),
            role: wanted.role,
            key,
            storage,
            public: signing.public,
            private: signing.private,
            attestation_public: attestation.public,
            attestation_private: attestation.private,
        })?;
        Ok(Box::new(TpmKey {
            address: self.address.clone(),
            item,
        }))
    }

    fn open(&self, id: &KeyId) -> Result<Box<dyn ReviewerKey>, KeyError> {
        Ok(Box::new(self.key(id)?))
    }

    fn delete(&self, id: &KeyId) -> Result<(), KeyError> {
        Ok(keyring::delete(&item::name(id))?)
    }
}

impl item::Item for Item {
    const SCHEMA: &'static str = "countersign/tpm-key/v1";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl ReviewerKey for TpmKey {
    fn public_key(&self) -> &PublicKey {
        &self.item.key
    }

    fn role(&self) -> Role {
        self.item.role
    }

    fn kept_in(&self) -> String {
        format!("TPM at {}", self.address)
    }

    fn asks(&self) -> Asks {
        Asks::Pin
    }

    fn presence(&self) -> Presence {
        Presence::Pin
    }

    fn attempts(&self) -> Result<Option<Attempts>, KeyError> {
        let counters = with_tpm(&self.address, object::counters)?;
        let attempts = counters.attempts();
        if counters.is_locked || attempts.left == 0 {
            return Err(KeyError::LockedOut {
                seconds: counters.interval,
            });
        }
        Ok(Some(attempts))
    }

    fn unlock(&self, secret: &SecretString) -> Result<Box<dyn Signer + Send + Sync>, KeyError> {
        Ok(Box::new(Unlocked {
            key: self.clone(),
            secret: secret_of(secret),
        }))
    }
}

impl TpmKey {
    /// Collects evidence of where this key is, over a verifier's nonce. Asks for the PIN: the key itself agrees.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    pub fn attest(&self, secret: &SecretString, nonce: &[u8; 32]) -> Result<Evidence, KeyError> {
        let (key, secret, nonce) = (self.clone(), secret_of(secret), *nonce);
        self.with_tpm(move |tpm| attest::evidence(tpm, &key.signing(), &key.attestation(), &secret, &nonce))
    }

    /// Gives the secret of a verifier's credential, where it was made for this TPM and its attestation key.
    ///
    /// # Errors
    /// [`KeyError`] says why not, and what to do.
    pub fn activate(&self, credential: &Credential) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (attestation, credential) = (self.attestation(), credential.clone());
        self.with_tpm(move |tpm| attest::activate(tpm, &attestation, &credential))
            .map_err(|error| match error {
                KeyError::OtherTpm => KeyError::Device(
                    "the credential is not for this TPM and this key; ask for a new one".to_owned(),
                ),
                error => error,
            })
    }

    fn signing(&self) -> Wrapped {
        Wrapped {
            public: self.item.public.clone(),
            private: self.item.private.clone(),
        }
    }

    fn attestation(&self) -> Wrapped {
        Wrapped {
            public: self.item.attestation_public.clone(),
            private: self.item.attestation_private.clone(),
        }
    }

    /// Does something with the TPM that made this key.
    fn with_tpm<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tpm) -> Result<T, TpmFault> + Send + 'static,
    ) -> Result<T, KeyError> {
        let public = object::read_public(&self.item.public)
            .and_then(|public| object::public_key(&public))
            .map_err(|fault| item::damaged(&self.item.key.id(), fault.to_string()))?;
        if public != self.item.key {
            return Err(item::damaged(
                &self.item.key.id(),
                "its two halves do not belong together".to_owned(),
            ));
        }
        let expected = self.item.storage.clone();
        with_tpm(&self.address, move |tpm| {
            let storage = object::storage_key(tpm)?;
            tpm.flush(storage.handle)?;
            if storage.name != expected {
                return Ok(None);
            }
            work(tpm).map(Some)
        })?
        .ok_or(KeyError::OtherTpm)
    }

    fn sign(&self, secret: Zeroizing<Vec<u8>>, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let digest = sha256(&[message]);
        let (key, storage_name) = (self.signing(), self.item.storage.clone());
        let signature = with_tpm(&self.address, move |tpm| {
            let storage = object::storage_key(tpm)?;
            // Also who stands in the TPM's place has another storage key, and is told nothing about the PIN.
            if storage.name != storage_name {
                return Ok(None);
            }
            let mut session = Session::salted(tpm, storage.handle, storage.point()?)?;
            let loaded = object::load(tpm, &storage, &key)?;
            tpm.flush(storage.handle)?;
            object::sign(tpm, &mut session, &loaded, &secret, &digest).map(Some)
        })?
        .ok_or(KeyError::OtherTpm)?;
        // A device that errs, or somebody on the wire, is noticed here and not by the backend.
        if self.item.key.accepts(message, &signature) {
            Ok(signature)
        } else {
            Err(KeyError::Device(
                "the TPM made a signature that does not verify".to_owned(),
            ))
        }
    }
}

impl Signer for Unlocked {
    fn public_key(&self) -> &PublicKey {
        &self.key.item.key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.key.sign(self.secret.clone(), message)?)
    }
}

/// The secret that stands for a PIN inside the TPM: of one length, whatever the PIN's is.
fn secret_of(pin: &SecretString) -> Zeroizing<Vec<u8>> {
    let digest = Sha256Digest::of_domain("countersign/tpm-pin/v1", &[pin.expose_secret().as_bytes()]);
    Zeroizing::new(digest.as_bytes().to_vec())
}

/// Runs `work` on a thread of its own over a fresh connection, which leaves nothing behind in the TPM.
fn with_tpm<T: Send + 'static>(
    address: &Address,
    work: impl FnOnce(&mut Tpm) -> Result<T, TpmFault> + Send + 'static,
) -> Result<T, KeyError> {
    let address = address.clone();
    let run = move || {
        let mut tpm = Tpm::new(transport::connect(&address).map_err(|error| explain(error.into(), None))?);
        work(&mut tpm).map_err(|fault| {
            let counters = is_about_pin(&fault)
                .then(|| object::counters(&mut tpm).ok())
                .flatten();
            explain(fault, counters)
        })
    };
    ask("the TPM", PATIENCE, run)
}

fn is_about_pin(fault: &TpmFault) -> bool {
    matches!(
        fault.code(),
        Some(TpmRcBase::AuthFail | TpmRcBase::BadAuth | TpmRcBase::Lockout)
    )
}

fn explain(fault: TpmFault, counters: Option<object::Counters>) -> KeyError {
    match fault {
        TpmFault::Transport(error @ TransportError::Missing { .. }) => KeyError::NoTpm(error.to_string()),
        TpmFault::Transport(TransportError::Late { limit, .. }) => KeyError::TimedOut {
            what: "the TPM",
            limit,
        },
        TpmFault::Transport(error) => KeyError::DeviceGone(error.to_string()),
        fault => match fault.code() {
            Some(TpmRcBase::AuthFail) => KeyError::WrongPin {
                left: counters.map(|counters| counters.attempts().left),
            },
            Some(TpmRcBase::Lockout) => KeyError::LockedOut {
                seconds: counters.map_or(0, |counters| counters.interval),
            },
            Some(TpmRcBase::Integrity) => KeyError::OtherTpm,
            Some(TpmRcBase::BadAuth) => KeyError::Device(
                "the TPM's storage or endorsement hierarchy has a password of its own; keys can be made only where it has none"
                    .to_owned(),
            ),
            _ => KeyError::Device(fault.to_string()),
        },
    }
}
