//! Which of the keys on this machine signs.

use countersign_client::now;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::Role;

use crate::config::{Config, ConfiguredKey};

use super::DecideError;

/// The key that signs decisions here, with its name: the named one, the only one, or the one that the directory lets
/// count longest.
///
/// # Errors
/// [`DecideError::WhichKey`] when there is none, or it is not clear which.
pub fn signing_key(
    config: &Config,
    directory: Option<&TrustedDirectory>,
    name: Option<&str>,
) -> Result<(String, ConfiguredKey), DecideError> {
    let reviewer_keys: Vec<(&String, &ConfiguredKey)> = config
        .keys
        .iter()
        .filter(|(_, key)| key.role == Role::Reviewer)
        .collect();
    let owned = |(name, key): (&String, &ConfiguredKey)| (name.clone(), key.clone());
    let none = || {
        DecideError::WhichKey(
            "there is no reviewer key here; make one with `countersign keys create`".to_owned(),
        )
    };
    match name {
        Some(name) => config
            .keys
            .get_key_value(name)
            .filter(|(_, key)| key.role == Role::Reviewer)
            .map(owned)
            .ok_or_else(|| {
                DecideError::WhichKey(format!(
                    "there is no reviewer key named `{name}` here; `countersign keys list` shows them"
                ))
            }),
        None => match reviewer_keys.as_slice() {
            [] => Err(none()),
            [only] => Ok(owned(*only)),
            several => longest(several, directory).map(owned).ok_or_else(|| {
                DecideError::WhichKey(
                    "there are several reviewer keys here; name one with `--key`".to_owned(),
                )
            }),
        },
    }
}

/// The one of several keys that the directory lets count longest: a key that was replaced ends before the one that
/// replaces it.
fn longest<'a>(
    keys: &[(&'a String, &'a ConfiguredKey)],
    directory: Option<&TrustedDirectory>,
) -> Option<(&'a String, &'a ConfiguredKey)> {
    let directory = directory?;
    let end = |key: &ConfiguredKey| {
        let entry = directory.key_at(&key.id, Role::Reviewer, now()).ok()?;
        Some(entry.not_after)
    };
    let last = keys.iter().filter_map(|(_, key)| end(key)).max()?;
    let mut found = keys.iter().filter(|(_, key)| end(key) == Some(last));
    match (found.next(), found.next()) {
        (Some(one), None) => Some(*one),
        _ => None,
    }
}
