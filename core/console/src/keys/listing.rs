//! The keys that are configured here: where each is kept, whether it can be used now, and what the directory says of it.

use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::{KeyAssurance, Presence};
use countersign_protocol::moment::Timestamp;

use super::open;
use crate::config::{Config, ConfiguredKey};

/// One configured key.
#[derive(Debug, Clone)]
pub struct KeyListing {
    /// Its name on this machine.
    pub name: String,
    /// How it is configured.
    pub key: ConfiguredKey,
    /// Where it is kept.
    pub kept_in: Option<String>,
    /// What it asks for before it signs.
    pub asks: Option<&'static str>,
    /// How many wrong tries its device still takes.
    pub attempts_left: Option<u32>,
    /// Why it cannot be used now.
    pub problem: Option<String>,
    /// What the directory says of it, where it names it.
    pub standing: Option<Standing>,
}

/// What the signed directory says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How it is kept.
    pub assurance: KeyAssurance,
    /// The most presence that a signature by it proves.
    pub presence: Presence,
    /// From when it counts.
    pub not_before: Timestamp,
    /// Until when it counts.
    pub not_after: Timestamp,
    /// When it stopped counting early.
    pub revoked: Option<Timestamp>,
}

/// Lists the keys of a configuration, in the order of their names. Asks devices, agents and the keyring; blocks.
#[must_use]
pub fn list(config: &Config, directory: Option<&TrustedDirectory>) -> Vec<KeyListing> {
    config
        .keys
        .iter()
        .map(|(name, key)| listing(name, key, directory))
        .collect()
}

fn listing(name: &str, key: &ConfiguredKey, directory: Option<&TrustedDirectory>) -> KeyListing {
    let opened = open(key);
    let attempts = opened.as_ref().map_or(Ok(None), |opened| opened.attempts());
    let problem = match (&opened, &attempts) {
        (Err(error), _) | (_, Err(error)) => Some(error.to_string()),
        _ => None,
    };
    KeyListing {
        name: name.to_owned(),
        key: key.clone(),
        kept_in: opened.as_ref().ok().map(|opened| opened.kept_in()),
        asks: opened.as_ref().ok().map(|opened| opened.asks().word()),
        attempts_left: attempts.ok().flatten().map(|attempts| attempts.left),
        problem,
        standing: directory.and_then(|directory| standing(key, directory)),
    }
}

fn standing(key: &ConfiguredKey, directory: &TrustedDirectory) -> Option<Standing> {
    let entry = directory
        .keys
        .iter()
        .find(|entry| entry.key.id() == key.id && entry.role == key.role)?;
    Some(Standing {
        assurance: entry.assurance,
        presence: entry.presence,
        not_before: entry.not_before,
        not_after: entry.not_after,
        revoked: entry.revoked.as_ref().map(|revoked| revoked.at),
    })
}
