//! The organisation of the demonstration: Sam owns the agents, you and Robin review, from two teams.

use std::collections::BTreeSet;
use std::path::Path;

use countersign_client::key_file::{self, FileSigner};
use countersign_client::now;
use countersign_client::trust::TrustStore;
use countersign_console::config::{Config, Provider};
use countersign_console::home::Home;
use countersign_console::keys as console_keys;
use countersign_console::organisation::{
    self as org, ENROLMENT_SCHEMA, Enrolment, GuardKey, OWNER_KEYS_SCHEMA, OwnerKeys, ServiceKeys,
};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::digest::RootId;
use countersign_protocol::directory::{Agent, Directory, Team};
use countersign_protocol::identity::{AgentId, GuardId, Role, TeamId};
use countersign_protocol::policy_bundle::Limits;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::{Envelope, Predicate, Signer};
use countersign_protocol::text::Line;
use secrecy::SecretString;

use super::PASSPHRASE;
use crate::command::failure::{Code, Failure};
use crate::command::{keys, policy};

/// A reviewer of the demonstration.
pub struct Member {
    /// Their id.
    pub id: &'static str,
    /// Their name.
    pub display: &'static str,
    /// Their team.
    pub team: &'static str,
}

/// You.
pub const YOU: Member = Member {
    id: "alex",
    display: "You (Alex)",
    team: "platform",
};
/// The colleague.
pub const ROBIN: Member = Member {
    id: "robin",
    display: "Robin",
    team: "security",
};

/// What founding needs from the services.
pub struct Services {
    /// The backend's keys.
    pub backend: ServiceKeys,
    /// The guard's key.
    pub guard: GuardKey,
}

/// Founds the organisation: the document for all, and the homes of both reviewers.
pub fn found(
    folder: &Path,
    services: &Services,
    agents: &[AgentId],
    same_user: bool,
) -> Result<(TrustDocument, RootId), Failure> {
    let owner = owner_keys(folder)?;
    let [root_key, directory_key, policy_key] = &owner;
    let owners = [OwnerKeys {
        schema: OWNER_KEYS_SCHEMA.to_owned(),
        person: parse("sam")?,
        display: line("Sam")?,
        root: root_key.public_key().clone(),
        directory: directory_key.public_key().clone(),
        policy: policy_key.public_key().clone(),
    }];
    let root = org::root(
        line("Northbank (demonstration)")?,
        &owners,
        &services.backend,
        1,
        now(),
    )?;
    let root = seal(&root, root_key)?;
    let id = TrustedRoot::id_of(&root);
    let mut directory = org::first_directory(id, &owners, false, now())?;
    for place in &mut directory.environments {
        place.allow_same_user = same_user;
    }
    for member in [&YOU, &ROBIN] {
        join(folder, member, id, &mut directory)?;
    }
    let guard: GuardId = parse("g1")?;
    org::add_guard(&mut directory, &guard, &services.guard, now())?;
    for agent in agents {
        org::add_agent(
            &mut directory,
            Agent {
                id: agent.clone(),
                display: line(agent.as_str())?,
                owners: BTreeSet::from([parse("sam")?]),
                team: parse("owners")?,
                guards: BTreeSet::from([guard.clone()]),
            },
        );
    }
    let bundle = org::bundle(
        id,
        1,
        &policy::small_team(),
        vec![],
        Limits::default(),
        now(),
        org::VALIDITY,
    )?;
    let document = org::document(root, seal(&directory, directory_key)?, seal(&bundle, policy_key)?);
    org::check(&document)?;
    for member in [&YOU, &ROBIN] {
        TrustStore::pin(&home(folder, member).trust_folder(), id)?.refresh(&document, now())?;
    }
    Ok((document, id))
}

/// The home of a reviewer.
pub fn home(folder: &Path, member: &Member) -> Home {
    Home::in_folder(folder.join("home").join(member.id))
}

/// Makes a reviewer's keys and home, and puts them into the directory.
fn join(folder: &Path, member: &Member, root: RootId, directory: &mut Directory) -> Result<(), Failure> {
    let home = home(folder, member);
    home.create()?;
    let config = Config {
        root: Some(root),
        person: Some(parse(member.id)?),
        ..Config::default()
    };
    config.join(&home.config_file())?;
    let secret = SecretString::from(PASSPHRASE.to_owned());
    let key = keys::create(&home, None, "review", Provider::Software, Role::Reviewer, &secret)?;
    let enrolment = Enrolment {
        schema: ENROLMENT_SCHEMA.to_owned(),
        root,
        person: parse(member.id)?,
        display: line(member.display)?,
        login: key_file::create(&home.login_key())?.public_key().clone(),
        reviewer: console_keys::open(&key)?.public_key().clone(),
    };
    let team: TeamId = parse(member.team)?;
    directory.teams.push(Team {
        id: team.clone(),
        display: line(member.team)?,
    });
    org::enrol(directory, &enrolment, &BTreeSet::from([team]), now());
    Ok(())
}

/// Owners' keys of a demonstration are thrown away with it; real ones live in the keyring.
fn owner_keys(folder: &Path) -> Result<[FileSigner; 3], Failure> {
    let folder = folder.join("home").join("owner");
    std::fs::create_dir_all(&folder)?;
    let key = |name: &str| key_file::create(&folder.join(name));
    Ok([key("root")?, key("directory")?, key("policy")?])
}

fn seal<T: Predicate>(statement: &T, key: &dyn Signer) -> Result<Envelope, Failure> {
    org::seal(statement, &[key]).map_err(|error| Failure::new(Code::Key, error.to_string(), ""))
}

fn line(text: &str) -> Result<Line, Failure> {
    Line::new(text).map_err(|error| Failure::internal(error.to_string()))
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| Failure::internal(format!("`{text}`: {error}")))
}
