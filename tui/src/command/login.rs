//! `countersign login`: join an organisation. Pins the root that an owner told, makes keys, and writes the
//! enrolment request that an owner adds to the directory.

use std::io::IsTerminal as _;

use countersign_client::http::{Backend, Options};
use countersign_client::trust::TrustStore;
use countersign_client::{key_file, now};
use countersign_console::config::{Config, Provider};
use countersign_console::home::Home;
use countersign_console::keys::{self as console_keys, Asks};
use countersign_console::offline::file::ExportedFile;
use countersign_console::organisation::{ENROLMENT_SCHEMA, Enrolment};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::digest::RootId;
use countersign_protocol::identity::Role;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::Signer as _;
use countersign_protocol::text::Line;

use super::failure::{Code, Failure};
use super::{file, keys, output, passphrase};
use crate::cli::Login;

/// The name of the signing key that login makes.
const KEY: &str = "review";

pub async fn run(options: Login) -> Result<(), Failure> {
    let home = Home::from_environment()?;
    let document = shown_trust(&options).await?;
    let root = agreed_root(&options, &document)?;
    home.create()?;
    let mut store = TrustStore::pin(&home.trust_folder(), root)?;
    store.refresh(&document, now())?;
    let organisation = store.trusted()?.root.root().organisation.clone();
    output::say(&format!(
        "pinned {}: {}",
        output::shown(organisation.raw()),
        root.words().join(" ")
    ))?;

    let config = Config {
        backend: options.backend.clone(),
        root: Some(root),
        person: Some(options.person.clone()),
        ca_file: options.ca_file.clone(),
        ..Config::default()
    };
    config.join(&home.config_file())?;
    let login = match key_file::load(&home.login_key()) {
        Ok(login) => login,
        Err(_) => key_file::create(&home.login_key())?,
    };
    let configured = match Config::load(&home.config_file())?.keys.get(KEY) {
        Some(key) => key.clone(),
        None => {
            console_keys::provider(Provider::Software, None)?.probe()?;
            let secret = passphrase::choose(&options.pin, Asks::Passphrase, "your signing key")?;
            keys::create(&home, None, KEY, Provider::Software, Role::Reviewer, &secret)?
        }
    };
    let enrolment = Enrolment {
        schema: ENROLMENT_SCHEMA.to_owned(),
        root,
        display: Line::new(options.display.unwrap_or_else(|| options.person.to_string()))
            .map_err(|error| Failure::usage(error.to_string(), ""))?,
        person: options.person,
        login: login.public_key().clone(),
        reviewer: console_keys::open(&configured)?.public_key().clone(),
    };
    file::write_json(&options.output, &enrolment)?;
    output::say(&format!("wrote {}", options.output.display()))?;
    output::say(
        "give it to a directory owner, who runs: countersign directory propose --enrol FILE -o directory.json",
    )
}

/// What the backend shows, or an exported file on a machine that has no network. Nothing of it is believed before
/// its root was compared.
async fn shown_trust(options: &Login) -> Result<TrustDocument, Failure> {
    if let Some(file) = &options.from {
        return Ok(ExportedFile::open(file)?.header.trust);
    }
    let client = Options {
        ca_file: options.ca_file.clone(),
        ..Options::default()
    };
    let backend = options.backend.as_deref().unwrap_or_default();
    Ok(Backend::new(backend, None, client)?.trust().await?)
}

/// The root that an owner told, which must be the one the backend shows.
fn agreed_root(options: &Login, document: &TrustDocument) -> Result<RootId, Failure> {
    let first = document
        .roots
        .first()
        .ok_or_else(|| Failure::new(Code::Refused, "the backend shows no root", ""))?;
    let found = TrustedRoot::id_of(first);
    let told = match (options.root, options.root_words.as_slice()) {
        (Some(root), _) => root == found,
        (None, []) => return ask(found),
        (None, words) => {
            let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
            words == found.words()
        }
    };
    if told {
        Ok(found)
    } else {
        Err(Failure::new(
            Code::Refused,
            format!(
                "the backend shows another root than the one you were told: {}",
                found.words().join(" ")
            ),
            "do not go on: compare the words with an owner, over another channel",
        ))
    }
}

/// Shows the words and takes only a typed agreement.
fn ask(found: RootId) -> Result<RootId, Failure> {
    output::say(&format!(
        "the backend's root words are: {}",
        found.words().join(" ")
    ))?;
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "the root has to be compared with what an owner told you",
            "give it with `--root HEX` or `--root-words WORD…`",
        ));
    }
    output::say("Compare them with the words an owner told you. Type the last word to pin this root:")?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if found.words().last().copied() == Some(typed.trim()) {
        Ok(found)
    } else {
        Err(Failure::new(
            Code::Refused,
            "that is not the last word; nothing was pinned",
            "",
        ))
    }
}
