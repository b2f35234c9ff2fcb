//! What the keyring keeps of a key: one small, versioned document for each, found by the key's own id.

use countersign_protocol::canonical;
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::PublicKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::KeyError;
use crate::keyring;

/// What every item says, whatever provider it is of.
pub trait Item: Serialize + DeserializeOwned {
    /// The schema name. New meaning is a new one.
    const SCHEMA: &'static str;

    /// The schema name that it carries.
    fn schema(&self) -> &str;

    /// The public half.
    fn key(&self) -> &PublicKey;
}

/// The item's name: keys are found by their own id, whatever they are called on this machine.
#[must_use]
pub fn name(id: &KeyId) -> String {
    format!("key/{id}")
}

/// Puts an item into the keyring, and reads it back, so that a keyring that lost it is noticed now.
pub fn store<T: Item>(item: &T) -> Result<T, KeyError> {
    let id = item.key().id();
    let bytes = canonical::to_bytes(item).map_err(|error| KeyError::Make(error.to_string()))?;
    keyring::set(&name(&id), &bytes)?;
    load(&id)
}

/// Reads a key's item from the keyring.
pub fn load<T: Item>(id: &KeyId) -> Result<T, KeyError> {
    read(id, &keyring::get(&name(id))?)
}

/// Reads a key's item.
pub fn read<T: Item>(id: &KeyId, bytes: &[u8]) -> Result<T, KeyError> {
    let item: T = canonical::parse(bytes).map_err(|error| damaged(id, error.to_string()))?;
    if item.schema() != T::SCHEMA {
        return Err(damaged(id, format!("this program reads `{}`", T::SCHEMA)));
    }
    if item.key().id() != *id {
        return Err(damaged(id, "it holds another key".to_owned()));
    }
    Ok(item)
}

/// An item that is not what it should be.
#[must_use]
pub fn damaged(id: &KeyId, problem: String) -> KeyError {
    KeyError::Damaged {
        item: name(id),
        problem,
    }
}
