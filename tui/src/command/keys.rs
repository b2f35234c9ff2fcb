//! `countersign keys`: the signing keys of this machine.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_console::config::{Config, ConfigError, ConfiguredKey, Provider};
use countersign_console::home::Home;
use countersign_console::keys::listing;
use countersign_console::keys::tpm::TpmKeys;
use countersign_console::keys::tpm::attest::Credential;
use countersign_console::keys::{self, Checked, KeyError, NewKey, ReviewerKey, remembered};
use countersign_protocol::identity::{Role, SignatureFormat};
use countersign_protocol::sshsig;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::failure::Failure;
use super::{enroll, file, output, passphrase, session};
use crate::cli::{Attest, CheckKey, CreateKey, Keys, ProviderName, RememberPin};

pub async fn run(config: Option<&Path>, chosen: Keys) -> Result<(), Failure> {
    match chosen {
        Keys::List { json } => list(config, json),
        Keys::Create(options) => create_reviewer_key(config, &options),
        Keys::Check(options) => check(config, &options),
        Keys::Attest(options) => attest(config, &options),
        Keys::Enroll(options) => enroll::enroll(config, &options).await,
        Keys::Rotate(options) => enroll::rotate(config, &options).await,
        Keys::Revoke(options) => enroll::revoke(config, &options),
        Keys::RememberPin(options) => remember_pin(config, &options),
        Keys::ForgetPin(options) => forget_pin(config, &options.name),
    }
}

fn create_reviewer_key(config: Option<&Path>, options: &CreateKey) -> Result<(), Failure> {
    let (home, known) = session::configuration(config)?;
    if known.keys.contains_key(&options.name) {
        return Err(ConfigError::KeyExists(options.name.clone()).into());
    }
    let provider = which(options.provider);
    let keys = keys::provider(provider, options.at.as_deref())?;
    keys.probe()?;
    let secret = match provider {
        // The PIN of a token is the token's, whatever keys it holds.
        Provider::Pkcs11 => passphrase::ask(&options.pin, "PIN of the token: ")?,
        Provider::SshAgent => SecretString::default(),
        _ => passphrase::choose(&options.pin, keys.asks(), "the new key")?,
    };
    let wanted = NewKey {
        role: Role::Reviewer,
        secret: &secret,
        select: options.select.as_deref(),
    };
    let key = add(
        &home,
        config,
        &options.name,
        provider,
        options.at.as_deref(),
        &wanted,
    )?;
    if options.json {
        return output::json(&json!({ "schema": "countersign/key/v1", "name": options.name,
            "provider": key.provider, "role": key.role, "id": key.id }));
    }
    let did = if provider == Provider::SshAgent {
        "took into use"
    } else {
        "made"
    };
    output::say(&format!("{did} key `{}`: {}", options.name, key.id))?;
    output::say(
        "it signs nothing until an owner adds it to the directory; `countersign login` writes the request for that",
    )
}

/// Makes a software key and puts it into the configuration.
pub fn create(
    home: &Home,
    config: Option<&Path>,
    name: &str,
    provider: Provider,
    role: Role,
    secret: &SecretString,
) -> Result<ConfiguredKey, Failure> {
    let wanted = NewKey {
        role,
        secret,
        select: None,
    };
    add(home, config, name, provider, None, &wanted)
}

/// Makes a key and puts it into the configuration.
pub fn add(
    home: &Home,
    config: Option<&Path>,
    name: &str,
    provider: Provider,
    at: Option<&str>,
    wanted: &NewKey<'_>,
) -> Result<ConfiguredKey, Failure> {
    home.create()?;
    let file = config.map_or_else(|| home.config_file(), Path::to_owned);
    if Config::load(&file)?.keys.contains_key(name) {
        return Err(ConfigError::KeyExists(name.to_owned()).into());
    }
    let made = keys::provider(provider, at)?.create(wanted)?;
    let key = ConfiguredKey {
        provider,
        role: wanted.role,
        id: made.public_key().id(),
        at: at.map(ToOwned::to_owned),
        pin_remembered: false,
    };
    Config::add_key(&file, name, &key)?;
    Ok(key)
}

fn list(config: Option<&Path>, as_json: bool) -> Result<(), Failure> {
    let (_, config) = session::configuration(config)?;
    let listed = listing::list(&config, None);
    if as_json {
        let documents: Vec<Value> = listed
            .iter()
            .map(|one| {
                json!({ "name": one.name, "provider": one.key.provider, "role": one.key.role, "id": one.key.id,
                    "kept_in": one.kept_in, "asks": one.asks, "pin_remembered": one.key.pin_remembered,
                    "attempts_left": one.attempts_left,
                    "available": one.problem.is_none(), "problem": one.problem })
            })
            .collect();
        return output::json(&json!({ "schema": "countersign/keys/v1", "keys": documents }));
    }
    for one in &listed {
        let found = match (&one.problem, one.attempts_left) {
            (Some(problem), _) => format!("NOT available: {}", output::shown(problem.as_str())),
            (None, Some(left)) => format!("available, {left} PIN attempts left"),
            (None, None) => "available".to_owned(),
        };
        let remembered = if one.key.pin_remembered {
            ", PIN remembered: lower assurance"
        } else {
            ""
        };
        output::say(&format!(
            "{}: {} key, {}, {} ({found}{remembered})",
            one.name,
            one.key.role.word(),
            one.key.provider.word(),
            one.key.id
        ))?;
    }
    if listed.is_empty() {
        output::say("no keys; make one with `countersign keys create`")
    } else {
        Ok(())
    }
}

/// Signs something that is worth nothing, and verifies it, so that a key is tried before it is needed.
fn check(config: Option<&Path>, options: &CheckKey) -> Result<(), Failure> {
    let key = opened(config, &options.name)?;
    let secret = passphrase::of_key(key.as_ref(), &options.pin, &options.name)?;
    let Checked { message, signature } = keys::check(key.as_ref(), &secret)?;
    let public = key.public_key();
    if let Some(folder) = &options.output {
        std::fs::create_dir_all(folder)?;
        file::write(&folder.join("message"), &message)?;
        file::write(&folder.join("signature"), &signature)?;
        file::write(
            &folder.join("public.pem"),
            pem("PUBLIC KEY", public.spki()).as_bytes(),
        )?;
        if public.format() == SignatureFormat::Sshsig {
            let signer = format!("reviewer {}\n", sshsig::key_line(public));
            file::write(
                &folder.join("signature.sshsig"),
                sshsig::armoured(&signature).as_bytes(),
            )?;
            file::write(&folder.join("allowed_signers"), signer.as_bytes())?;
        }
    }
    output::say(&format!(
        "key `{}` signs, and its signature verifies",
        options.name
    ))
}

/// Keeps what unlocks a key, and has what it signs say so from now on.
fn remember_pin(config: Option<&Path>, options: &RememberPin) -> Result<(), Failure> {
    let (home, known) = session::configuration(config)?;
    let configured = find(&known, &options.name)?;
    let key = keys::open(configured)?;
    let (name, what) = (&options.name, key.asks().word());
    output::note(&format!(
        "whoever can use your unlocked keyring will be able to sign with `{name}`; its decisions say so, prove no presence, and are refused wherever policy asks for presence"
    ));
    let secret = passphrase::of_key(key.as_ref(), &options.pin, name)?;
    remembered::remember(key.as_ref(), &secret)?;
    let file = config.map_or_else(|| home.config_file(), Path::to_owned);
    if let Err(error) = Config::keep_pin_remembered(&file, name, true) {
        // Nothing may lie there that no decision tells of.
        remembered::forget(&configured.id).map_err(KeyError::from)?;
        return Err(error.into());
    }
    output::say(&format!(
        "the {what} of `{name}` is remembered: lower assurance; `countersign keys forget-pin {name}` ends it"
    ))
}

/// Forgets what unlocks a key; only then does what it signs stop saying that it is remembered.
fn forget_pin(config: Option<&Path>, name: &str) -> Result<(), Failure> {
    let (home, known) = session::configuration(config)?;
    remembered::forget(&find(&known, name)?.id).map_err(KeyError::from)?;
    let file = config.map_or_else(|| home.config_file(), Path::to_owned);
    Config::keep_pin_remembered(&file, name, false)?;
    output::say(&format!(
        "nothing is remembered for `{name}`; it is asked for at each signature"
    ))
}

/// Collects evidence of where a key is, or answers the challenge that was made from it.
fn attest(config: Option<&Path>, options: &Attest) -> Result<(), Failure> {
    let (_, known) = session::configuration(config)?;
    let configured = find(&known, &options.name)?;
    if configured.provider != Provider::Tpm {
        return Err(Failure::usage(
            format!("a `{}` key can't prove where it is", configured.provider.word()),
            "only keys in a TPM can; the directory says of the others how far they are believed",
        ));
    }
    let at = std::env::var("COUNTERSIGN_TPM")
        .ok()
        .filter(|text| !text.is_empty());
    let key = TpmKeys::at(at.as_deref().or(configured.at.as_deref()))?.key(&configured.id)?;
    if let Some(challenge) = &options.credential {
        let credential: Credential = file::read_json(challenge)?;
        let secret = key.activate(&credential)?;
        return match &options.output {
            Some(output) => file::write(output, &secret),
            None => output::say(&STANDARD.encode(secret.as_slice())),
        };
    }
    let nonce = options
        .nonce
        .as_ref()
        .ok_or_else(|| Failure::usage("`--nonce` is needed", "whoever verifies the evidence gives it"))?;
    let secret = passphrase::of_key(&key, &options.pin, &options.name)?;
    let evidence = key.attest(&secret, nonce.as_bytes())?;
    match &options.output {
        Some(output) => file::write_json(output, &evidence),
        None => output::json(&evidence),
    }
}

fn opened(config: Option<&Path>, name: &str) -> Result<Box<dyn ReviewerKey>, Failure> {
    let (_, known) = session::configuration(config)?;
    Ok(keys::open(find(&known, name)?)?)
}

/// A configured key by its name.
pub fn find<'a>(config: &'a Config, name: &str) -> Result<&'a ConfiguredKey, Failure> {
    config.keys.get(name).ok_or_else(|| {
        Failure::usage(
            format!("there is no key named `{name}` here"),
            "`countersign keys list` shows them",
        )
    })
}

/// The textual form of RFC 7468.
fn pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<String> = text
        .chars()
        .collect::<Vec<_>>()
        .chunks(64)
        .map(|line| line.iter().collect())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// The provider of that name.
pub const fn which(name: ProviderName) -> Provider {
    match name {
        ProviderName::Tpm => Provider::Tpm,
        ProviderName::Pkcs11 => Provider::Pkcs11,
        ProviderName::SshAgent => Provider::SshAgent,
        ProviderName::Software => Provider::Software,
        ProviderName::SecureEnclave => Provider::SecureEnclave,
        ProviderName::WindowsTpm => Provider::WindowsTpm,
        ProviderName::Fido2 => Provider::Fido2,
    }
}
