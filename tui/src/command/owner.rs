//! An owner's keys on this machine: made, offered to a root, and used to sign what owners sign.
//!
//! An owner has a key for each of three roles. A renewed key stands beside the one before, under a name with a number,
//! until no root names that one any more.

use std::path::Path;

use countersign_client::trust::TrustStore;
use countersign_console::config::{Config, ConfiguredKey, Provider};
use countersign_console::home::Home;
use countersign_console::keys::{self as console_keys, NewKey};
use countersign_console::organisation::{self as org, OWNER_KEYS_SCHEMA, OwnerKeys};
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{PersonId, Role};
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::{Envelope, Predicate};
use countersign_protocol::text::Line;
use secrecy::SecretString;

use super::failure::Failure;
use super::passphrase::Asking;
use super::{keys, output, passphrase, session};
use crate::cli::{Init, OwnerRole, Pin};

/// The three kinds, with the names of their first keys in the configuration.
pub const KINDS: [(OwnerRole, &str, Role); 3] = [
    (OwnerRole::Root, "owner-root", Role::Root),
    (OwnerRole::Directory, "owner-directory", Role::DirectoryOwner),
    (OwnerRole::Policy, "owner-policy", Role::PolicyOwner),
];

/// A key of this machine by its name.
pub type Named = (String, ConfiguredKey);

/// This owner's public keys, the newest of each kind: made where there are none yet, and where new ones are wanted.
/// Gives the secret too that was chosen for what was made.
pub fn own_keys(
    home: &Home,
    person: &PersonId,
    options: &Init,
) -> Result<(OwnerKeys, Option<SecretString>), Failure> {
    home.create()?;
    let known = Config::load(&home.config_file())?;
    let wanted: Vec<(String, Role)> = KINDS
        .iter()
        .filter(|(kind, base, _)| newest(&known, base).is_none() || options.renew.contains(kind))
        .map(|(_, base, role)| (next_name(&known, base), *role))
        .collect();
    let secret = if wanted.is_empty() {
        None
    } else {
        Some(make(home, &wanted, options)?)
    };
    let mut public = Vec::new();
    for (_, key) in configured(home)? {
        public.push(console_keys::open(&key)?.public_key().clone());
    }
    let [root, directory, policy] =
        <[_; 3]>::try_from(public).map_err(|_| Failure::internal("the owner keys are not complete"))?;
    let display = options.display.clone().unwrap_or_else(|| person.to_string());
    let own = OwnerKeys {
        schema: OWNER_KEYS_SCHEMA.to_owned(),
        person: person.clone(),
        display: Line::new(display).map_err(|error| Failure::usage(error.to_string(), ""))?,
        root,
        directory,
        policy,
    };
    Ok((own, secret))
}

fn make(home: &Home, wanted: &[(String, Role)], options: &Init) -> Result<SecretString, Failure> {
    let provider = keys::which(options.provider);
    if provider == Provider::SshAgent {
        return Err(Failure::usage(
            "what an SSH agent signs counts for decisions alone, so its keys are no owner's keys",
            "choose `--provider tpm`, `pkcs11` or `software`",
        ));
    }
    let kept_by = console_keys::provider(provider, options.at.as_deref())?;
    kept_by.probe()?;
    let secret = match provider {
        // The PIN of a token is the token's, whatever keys it holds.
        Provider::Pkcs11 => passphrase::ask(&options.pin, "PIN of the token: ")?,
        _ => passphrase::choose(&options.pin, kept_by.asks(), "your owner keys")?,
    };
    for (name, role) in wanted {
        let key = NewKey {
            role: *role,
            secret: &secret,
            select: options.select.as_deref(),
        };
        let made = keys::add(home, None, name, provider, options.at.as_deref(), &key)?;
        output::say(&format!("made key `{name}` ({}): {}", provider.word(), made.id))?;
    }
    Ok(secret)
}

/// This owner's newest key of each kind.
pub fn configured(home: &Home) -> Result<Vec<Named>, Failure> {
    let known = Config::load(&home.config_file())?;
    KINDS
        .iter()
        .map(|(_, base, _)| {
            newest(&known, base).ok_or_else(|| {
                Failure::usage(
                    format!("there is no key `{base}` here"),
                    "`countersign init --owner-keys` makes an owner's keys",
                )
            })
        })
        .collect()
}

/// The keys of this machine that may sign for a role: those that the newest root names, and those that no root has
/// named yet. One that a root has taken out is left alone. `only` names some of them.
pub fn signing_keys(config: Option<&Path>, role: Role, only: &[String]) -> Result<Vec<Named>, Failure> {
    let (home, known) = session::configuration(config)?;
    if let Some(unknown) = only.iter().find(|name| {
        !known
            .keys
            .iter()
            .any(|(known, key)| known == *name && key.role == role)
    }) {
        return Err(Failure::usage(
            format!("there is no key `{unknown}` of this role here"),
            "`countersign keys list` shows them",
        ));
    }
    let roots = roots_seen(&home);
    let has_gone = |id: &KeyId| match roots.split_last() {
        Some((newest, earlier)) => !newest.names(id) && earlier.iter().any(|root| root.names(id)),
        None => false,
    };
    let found: Vec<Named> = known
        .keys
        .into_iter()
        .filter(|(name, key)| {
            key.role == role && !has_gone(&key.id) && (only.is_empty() || only.contains(name))
        })
        .collect();
    if found.is_empty() {
        let what = match role {
            Role::Root => "root owner's",
            Role::DirectoryOwner => "directory owner's",
            _ => "policy owner's",
        };
        return Err(Failure::usage(
            format!("there is no {what} key here"),
            "`countersign init --owner-keys` makes an owner's keys",
        ));
    }
    Ok(found)
}

/// Adds the signatures of these keys to a statement; each asks for its own PIN or passphrase.
pub fn sign<T: Predicate>(mut envelope: Envelope, with: &[Named], pin: &Pin) -> Result<Envelope, Failure> {
    let mut asking = Asking::with(pin);
    for (name, key) in with {
        if envelope
            .signatures
            .iter()
            .any(|signature| signature.keyid == key.id)
        {
            continue;
        }
        let opened = console_keys::open(key)?;
        let secret = asking.of_key(opened.as_ref(), &format!("your key `{name}`"))?;
        let signer = opened.unlock(&secret)?;
        envelope = org::countersign::<T>(envelope, signer.as_ref())?;
    }
    Ok(envelope)
}

/// The roots that this home has seen, each followed from the pinned one, the newest last.
fn roots_seen(home: &Home) -> Vec<TrustedRoot> {
    let Ok(store) = TrustStore::open(&home.trust_folder()) else {
        return Vec::new();
    };
    let roots = store
        .document()
        .map(|document| document.roots.as_slice())
        .unwrap_or_default();
    (1..=roots.len())
        .filter_map(|length| TrustedRoot::follow(&store.root_id(), roots.get(..length)?).ok())
        .collect()
}

fn newest(known: &Config, base: &str) -> Option<Named> {
    let found = known
        .keys
        .iter()
        .filter_map(|(name, key)| Some((number(name, base)?, name, key)))
        .max_by_key(|(number, _, _)| *number);
    found.map(|(_, name, key)| (name.clone(), key.clone()))
}

fn next_name(known: &Config, base: &str) -> String {
    match known.keys.keys().filter_map(|name| number(name, base)).max() {
        Some(last) => format!("{base}-{}", last + 1),
        None => base.to_owned(),
    }
}

/// Which key of its kind a name is: 1 for `owner-root`, 2 for `owner-root-2`.
fn number(name: &str, base: &str) -> Option<u32> {
    match name.strip_prefix(base)? {
        "" => Some(1),
        rest => rest.strip_prefix('-')?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::digest::Sha256Digest;

    #[test]
    fn renewed_keys_are_counted_up_and_the_newest_is_offered() {
        let mut known = Config::default();
        assert_eq!(next_name(&known, "owner-root"), "owner-root");
        for (name, seed) in [
            ("owner-root", 1),
            ("owner-root-10", 2),
            ("owner-root-2", 3),
            ("owner-rooted", 4),
        ] {
            let key = ConfiguredKey {
                provider: Provider::Software,
                role: Role::Root,
                id: KeyId::new(Sha256Digest::of(&[seed])),
                at: None,
                pin_remembered: false,
            };
            known.keys.insert(name.to_owned(), key);
        }
        assert_eq!(newest(&known, "owner-root").unwrap().0, "owner-root-10");
        assert_eq!(next_name(&known, "owner-root"), "owner-root-11");
        assert_eq!(next_name(&known, "owner-policy"), "owner-policy");
    }
}
