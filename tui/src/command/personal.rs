//! `countersign --personal`: a backend of one's own as a child process, to supervise one's own agents.
//!
//! Everything lives in the home: the backend's folder, its trust, the owner's keys. Records say "personal": it is
//! supervision, not four eyes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use countersign_client::trust::TrustStore;
use countersign_client::{key_file, now};
use countersign_console::config::{Config, Provider};
use countersign_console::home::Home;
use countersign_console::inbox::Inbox;
use countersign_console::keys::{self as console_keys, Asks};
use countersign_console::machine::State;
use countersign_console::organisation::{
    self as org, ENROLMENT_SCHEMA, Enrolment, OWNER_KEYS_SCHEMA, OwnerKeys, ServiceKeys,
};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::canonical;
use countersign_protocol::digest::RootId;
use countersign_protocol::identity::{PersonId, PublicKey, Role};
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::Signer;
use countersign_protocol::text::Line;
use secrecy::SecretString;

use super::failure::Failure;
use super::launch::{self, Service};
use super::{console, file, keys, output, passphrase, policy};
use crate::cli::Pin;

/// Where a backend listens unless it is told otherwise; guards of this machine look for it there.
const USUAL: &str = "127.0.0.1:7420";

pub async fn run() -> Result<(), Failure> {
    let home = Home::from_environment()?;
    home.create()?;
    let backend = launch::beside("countersignd")?;
    let folder = home.state_folder().join("backend");
    let config = Config::load(&home.config_file())?;
    if config.root.is_some() && !folder.is_dir() {
        return Err(Failure::usage(
            "this home belongs to an organisation already",
            "set `COUNTERSIGN_HOME` to another folder for a personal one",
        ));
    }
    if config.root.is_none() {
        found(&home, &backend, &folder).await?;
    }
    let log = home.state_folder().join("backend.log");
    let mut arguments = vec![OsStr::new("serve"), OsStr::new("--home"), folder.as_os_str()];
    if std::net::TcpListener::bind(USUAL).is_err() {
        output::say(&format!(
            "{USUAL} is taken, so this backend listens elsewhere; a guard that knows it there does not find it"
        ))?;
        arguments.extend(["--listen", "127.0.0.1:0"].map(OsStr::new));
    }
    let service = Service::start(&backend, &arguments, &log).await?;
    let outcome = supervise(&home, &service.address).await;
    service.end().await;
    outcome
}

async fn supervise(home: &Home, address: &str) -> Result<(), Failure> {
    let mut config = Config::load(&home.config_file())?;
    config.backend = Some(address.to_owned());
    let root = config.root()?;
    let inbox = Inbox::open_with(home, config, countersign_client::http::Options::default())?;
    output::say(&format!(
        "personal backend: {address} (supervision of your own agents, not four eyes)"
    ))?;
    output::say("to point a guard at it:")?;
    output::say("  countersign-guard keygen --home DIR > guard.json")?;
    output::say(
        "  countersign directory propose --guard g1=guard.json --agent my-agent:me:owners:g1 -o directory.json",
    )?;
    output::say(&format!(
        "  COUNTERSIGN_BACKEND={address} countersign directory sign directory.json --publish"
    ))?;
    output::say(&format!(
        "  and in its configuration: backend = \"{address}\", root = \"{root}\", same_user = true"
    ))?;
    if output::has_terminal() {
        return console::open(inbox, State::queue()).await.map(drop);
    }
    output::say("no terminal: serving until it is ended")?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Makes the personal organisation: one owner, threshold 1, one personal environment.
async fn found(home: &Home, backend: &Path, folder: &Path) -> Result<(), Failure> {
    let person: PersonId = "me"
        .parse()
        .map_err(|error| Failure::internal(format!("{error}")))?;
    console_keys::provider(Provider::Software, None)?.probe()?;
    if folder.exists() {
        return Err(Failure::usage(
            format!(
                "`{}` holds a backend, but the configuration names no organisation",
                folder.display()
            ),
            "put the configuration back; or move that folder away, and what it recorded with it, to begin anew",
        ));
    }
    let secret = passphrase::choose(&Pin { pin_fd: None }, Asks::Passphrase, "your keys")?;
    // It gets its name once it is whole: what ends half-way is begun anew.
    let unfinished = tempfile::Builder::new()
        .prefix("backend-")
        .tempdir_in(home.state_folder())?;
    let begun = unfinished.path().join("backend");
    let printed = launch::output(
        backend,
        &[OsStr::new("keygen"), OsStr::new("--home"), begun.as_os_str()],
    )
    .await?;
    let services: ServiceKeys =
        canonical::parse(printed.trim_ascii()).map_err(|error| Failure::internal(error.to_string()))?;
    let keys = make_keys(home, &secret)?;
    let login = match key_file::load(&home.login_key()) {
        Ok(login) => login,
        Err(_) => key_file::create(&home.login_key())?,
    };
    let (id, document) = organisation(&person, &services, login.public_key(), &keys)?;
    let trust: PathBuf = home.state_folder().join("trust.json");
    file::write_json(&trust, &document)?;
    let arguments = [
        OsStr::new("init"),
        OsStr::new("--home"),
        begun.as_os_str(),
        OsStr::new("--trust"),
        trust.as_os_str(),
    ];
    launch::output(backend, &arguments).await?;
    std::fs::rename(&begun, folder)?;
    TrustStore::pin(&home.trust_folder(), id)?.refresh(&document, now())?;
    let config = Config {
        root: Some(id),
        person: Some(person),
        ..Config::default()
    };
    Ok(config.join(&home.config_file())?)
}

/// The organisation of one: its root, directory and policies, signed by its only owner.
fn organisation(
    person: &PersonId,
    services: &ServiceKeys,
    login: &PublicKey,
    keys: &[Box<dyn Signer + Send + Sync>; 4],
) -> Result<(RootId, TrustDocument), Failure> {
    let [root_key, directory_key, policy_key, reviewer] = keys;
    let owner = OwnerKeys {
        schema: OWNER_KEYS_SCHEMA.to_owned(),
        person: person.clone(),
        display: line("Me")?,
        root: root_key.public_key().clone(),
        directory: directory_key.public_key().clone(),
        policy: policy_key.public_key().clone(),
    };
    let owners = [owner];
    let statement = org::root(line("Personal")?, &owners, services, 1, now())?;
    let root = org::seal(&statement, &[root_key.as_ref()])?;
    let id = TrustedRoot::id_of(&root);
    let mut directory = org::first_directory(id, &owners, true, now())?;
    let enrolment = Enrolment {
        schema: ENROLMENT_SCHEMA.to_owned(),
        root: id,
        person: person.clone(),
        display: line("Me")?,
        login: login.clone(),
        reviewer: reviewer.public_key().clone(),
    };
    org::enrol(&mut directory, &enrolment, &BTreeSet::new(), now());
    let bundle = org::bundle(
        id,
        1,
        &policy::personal(),
        vec![],
        Limits::default(),
        now(),
        org::VALIDITY,
    )?;
    let document = org::document(
        root,
        org::seal(&directory, &[directory_key.as_ref()])?,
        org::seal(&bundle, &[policy_key.as_ref()])?,
    );
    org::check(&document)?;
    Ok((id, document))
}

/// The owner's three keys and the reviewer's, unlocked; those that an earlier start made are taken as they are.
fn make_keys(home: &Home, secret: &SecretString) -> Result<[Box<dyn Signer + Send + Sync>; 4], Failure> {
    let known = Config::load(&home.config_file())?.keys;
    let mut signers = Vec::new();
    for (name, role) in [
        ("owner-root", Role::Root),
        ("owner-directory", Role::DirectoryOwner),
        ("owner-policy", Role::PolicyOwner),
        ("review", Role::Reviewer),
    ] {
        let key = match known.get(name) {
            Some(key) => key.clone(),
            None => keys::create(home, None, name, Provider::Software, role, secret)?,
        };
        signers.push(console_keys::open(&key)?.unlock(secret)?);
    }
    <[_; 4]>::try_from(signers).map_err(|_| Failure::internal("the keys are not complete"))
}

fn line(text: &str) -> Result<Line, Failure> {
    Line::new(text).map_err(|error| Failure::usage(error.to_string(), ""))
}
