//! `countersign keys`: the signing keys of this machine.

use std::path::Path;

use countersign_console::config::{Config, ConfiguredKey, Provider};
use countersign_console::home::Home;
use countersign_console::keys;
use countersign_protocol::identity::Role;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::failure::Failure;
use super::{later, output, passphrase, session};
use crate::cli::{Keys, ProviderName};

pub fn run(config: Option<&Path>, chosen: Keys) -> Result<(), Failure> {
    match chosen {
        Keys::List { json } => list(config, json),
        Keys::Create { name, provider, pin } => {
            let (home, _) = session::configuration(config)?;
            let provider = keys::provider(which(provider))?;
            provider.probe()?;
            let secret = passphrase::choose(&pin, "A passphrase for the new key: ")?;
            let key = create(&home, config, &name, provider.provider(), Role::Reviewer, &secret)?;
            output::say(&format!("made key `{name}`: {}", key.id))?;
            output::say(
                "it signs nothing until an owner adds it to the directory; `countersign login` writes the request for that",
            )
        }
        Keys::Enroll(_) => later("keys enroll"),
        Keys::Attest(_) => later("keys attest"),
        Keys::Rotate(_) => later("keys rotate"),
        Keys::Revoke(_) => later("keys revoke"),
    }
}

/// Makes a key and puts it into the configuration.
pub fn create(
    home: &Home,
    config: Option<&Path>,
    name: &str,
    provider: Provider,
    role: Role,
    secret: &SecretString,
) -> Result<ConfiguredKey, Failure> {
    home.create()?;
    let file = config.map_or_else(|| home.config_file(), Path::to_owned);
    if Config::load(&file)?.keys.contains_key(name) {
        return Err(countersign_console::config::ConfigError::KeyExists(name.to_owned()).into());
    }
    let made = keys::provider(provider)?.create(role, secret)?;
    let key = ConfiguredKey {
        provider,
        role,
        id: made.public_key().id(),
    };
    Config::add_key(&file, name, &key)?;
    Ok(key)
}

fn list(config: Option<&Path>, as_json: bool) -> Result<(), Failure> {
    let (_, config) = session::configuration(config)?;
    let mut documents: Vec<Value> = Vec::new();
    for (name, key) in &config.keys {
        let problem = keys::open(key).err().map(|error| error.to_string());
        if as_json {
            documents.push(
                json!({ "name": name, "provider": key.provider, "role": key.role, "id": key.id,
                "available": problem.is_none(), "problem": problem }),
            );
        } else {
            let found = problem.map_or_else(
                || "available".to_owned(),
                |problem| format!("NOT available: {problem}"),
            );
            output::say(&format!(
                "{name}: {:?} key, {}, {} ({found})",
                key.role,
                key.provider.word(),
                key.id
            ))?;
        }
    }
    if as_json {
        output::json(&json!({ "schema": "countersign/keys/v1", "keys": documents }))
    } else if config.keys.is_empty() {
        output::say("no keys; make one with `countersign keys create`")
    } else {
        Ok(())
    }
}

const fn which(name: ProviderName) -> Provider {
    match name {
        ProviderName::Tpm => Provider::Tpm,
        ProviderName::Pkcs11 => Provider::Pkcs11,
        ProviderName::SshAgent => Provider::SshAgent,
        ProviderName::Software => Provider::Software,
    }
}
