//! `countersign directory`: show, propose and sign the directory.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_client::now;
use countersign_client::trust::TrustStore;
use countersign_console::organisation::{self as org, Enrolment, GuardKey};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::attestation::Certificate;
use countersign_protocol::directory::{Agent, Directory, KeyHolder, TrustedDirectory};
use countersign_protocol::identity::{PersonId, Role, TeamId};
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::{Envelope, Signed};
use countersign_protocol::text::Line;

use super::failure::{Code, Failure};
use super::output::shown;
use super::{enrolments, file, output, owner, session, statement};
use crate::cli::{self, DirectoryPropose, SignDirectory};

pub async fn run(config: Option<&Path>, chosen: cli::Directory) -> Result<(), Failure> {
    match chosen {
        cli::Directory::Show { json } => show(config, json).await,
        cli::Directory::Propose(options) => propose(config, &options),
        cli::Directory::Invite(options) => enrolments::invite(config, &options).await,
        cli::Directory::Enrolments(options) => enrolments::enrolments(config, &options).await,
        cli::Directory::Revoke(options) => enrolments::revoke(config, &options).await,
        cli::Directory::Sign(options) => sign(config, &options).await,
    }
}

async fn show(config: Option<&Path>, as_json: bool) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let directory = inbox.refresh_trust().await?.directory;
    if as_json {
        return output::json(&*directory);
    }
    output::say(&format!(
        "directory version {}, until {}",
        directory.version, directory.expires_at
    ))?;
    for person in &directory.people {
        let teams: Vec<&str> = person.teams.iter().map(TeamId::as_str).collect();
        output::say(&format!(
            "person {}: {}; teams: {}",
            person.id,
            shown(person.display.raw()),
            teams.join(", ")
        ))?;
    }
    for agent in &directory.agents {
        let owners: Vec<&str> = agent.owners.iter().map(PersonId::as_str).collect();
        output::say(&format!(
            "agent {}: owned by {}, team {}",
            agent.id,
            owners.join(", "),
            agent.team
        ))?;
    }
    for guard in &directory.guards {
        output::say(&format!("guard {}", guard.id))?;
    }
    for place in &directory.environments {
        let personal = if place.personal {
            ", personal: supervision, not four eyes"
        } else {
            ""
        };
        output::say(&format!(
            "environment {}: strictness {}{personal}",
            place.id, place.strictness
        ))?;
    }
    for rule in &directory.environment_rules {
        output::say(&format!(
            "rule: {} is {}",
            shown(rule.target.raw()),
            rule.environment
        ))?;
    }
    for key in &directory.keys {
        let revoked = key
            .revoked
            .as_ref()
            .map(|end| format!(", revoked from {}", end.effective()))
            .unwrap_or_default();
        let holder = match &key.holder {
            KeyHolder::Person(person) => person.as_str(),
            KeyHolder::Guard(guard) => guard.as_str(),
        };
        output::say(&format!(
            "key {}: {} {holder}, {}, until {}{revoked}",
            key.key.id(),
            key.role.word(),
            key.assurance.word(),
            key.not_after
        ))?;
    }
    Ok(())
}

fn propose(config: Option<&Path>, options: &DirectoryPropose) -> Result<(), Failure> {
    let (root, trusted) = match &options.trust {
        Some(path) => {
            let accepted = org::check(&file::read_json::<TrustDocument>(path)?)?;
            (accepted.root, accepted.directory)
        }
        None => {
            let (home, _) = session::configuration(config)?;
            let trusted = TrustStore::open(&home.trust_folder())?.trusted()?;
            (trusted.root, trusted.directory)
        }
    };
    let mut directory: Directory = match &options.from {
        Some(path) => file::read_json(path)?,
        None => (*trusted).clone(),
    };
    let teams = options
        .team
        .iter()
        .map(|team| parse(team, "team"))
        .collect::<Result<BTreeSet<TeamId>, _>>()?;
    for path in &options.enrol {
        let enrolment: Enrolment = file::read_json(path)?;
        if enrolment.schema != org::ENROLMENT_SCHEMA || enrolment.root != directory.root {
            return Err(Failure::new(
                Code::Refused,
                format!(
                    "`{}` is no enrolment request for this organisation",
                    path.display()
                ),
                "",
            ));
        }
        output::say(&format!(
            "adds {} with reviewer key {}",
            enrolment.person,
            enrolment.reviewer.id()
        ))?;
        org::enrol(&mut directory, &enrolment, &teams, now());
    }
    for guard in &options.guard {
        let (id, path) = split(guard, '=', "--guard ID=FILE")?;
        let key: GuardKey = file::read_json(Path::new(path))?;
        output::say(&format!("adds guard {id} with key {}", key.guard.id()))?;
        org::add_guard(&mut directory, &parse(id, "guard")?, &key, now())?;
    }
    for agent in &options.agent {
        org::add_agent(&mut directory, agent_of(agent)?);
    }
    for rule in &options.rule {
        let (environment, pattern) = split(rule, '=', "--rule ENVIRONMENT=PATTERN")?;
        org::add_rule(&mut directory, parse(environment, "environment")?, pattern)?;
    }
    let authorities = &mut directory.attestations;
    for (paths, known) in [
        (&options.attestation_root, &mut authorities.roots),
        (&options.attestation_issuer, &mut authorities.issuers),
    ] {
        for path in paths {
            known.extend(certificates(path)?);
        }
        known.sort();
        known.dedup();
    }
    write_proposal(
        &mut directory,
        &root,
        trusted.version,
        options.days,
        &options.output,
    )
}

/// The certificates of a file, in PEM or DER.
fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let bytes = file::read(path)?;
    if bytes.first() == Some(&0x30) {
        return Ok(vec![Certificate(bytes)]);
    }
    let unreadable = || {
        Failure::usage(
            format!("`{}` holds no certificate in PEM or DER", path.display()),
            "",
        )
    };
    let text = String::from_utf8(bytes).map_err(|_| unreadable())?;
    let mut found = Vec::new();
    for part in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let (body, _) = part
            .split_once("-----END CERTIFICATE-----")
            .ok_or_else(unreadable)?;
        let body: String = body.split_whitespace().collect();
        found.push(Certificate(STANDARD.decode(body).map_err(|_| unreadable())?));
    }
    if found.is_empty() {
        Err(unreadable())
    } else {
        Ok(found)
    }
}

/// Writes the next directory, for the owners to sign, where every reader would accept it.
pub fn write_proposal(
    directory: &mut Directory,
    root: &TrustedRoot,
    seen: u64,
    days: u32,
    output: &Path,
) -> Result<(), Failure> {
    let validity = Duration::from_secs(u64::from(days) * 24 * 3600);
    org::renew(directory, seen, now(), validity);
    directory.check(root).map_err(|error| {
        Failure::new(
            Code::Refused,
            error.to_string(),
            "nothing was written; mend what is named and propose again",
        )
    })?;
    // A statement without signatures: owners sign exactly these bytes.
    let envelope = org::seal(directory, &[])?;
    file::write_json(output, &envelope)?;
    output::say(&format!(
        "wrote directory version {} to {}; next: countersign directory sign FILE",
        directory.version,
        output.display()
    ))
}

/// Shows the owner what the signature would change, and refuses what no verifier would accept.
fn look(config: Option<&Path>, envelope: &Envelope) -> Result<(), Failure> {
    let refuse = |error: String| Failure::new(Code::Refused, error, "nothing was signed");
    let next = Signed::<Directory>::from(envelope.clone())
        .unproven_for_signing()
        .map_err(|error| refuse(error.to_string()))?;
    let (home, _) = session::configuration(config)?;
    // An owner who signs the very first directory has none in force to compare with.
    let Ok(trusted) = TrustStore::open(&home.trust_folder()).and_then(|store| store.trusted()) else {
        return output::json(&next);
    };
    next.check(&trusted.root)
        .map_err(|error| refuse(error.to_string()))?;
    statement::say_change::<Directory>(&trusted.directory, &next)
}

async fn sign(config: Option<&Path>, options: &SignDirectory) -> Result<(), Failure> {
    let keys = owner::signing_keys(config, Role::DirectoryOwner, &options.key)?;
    let envelope: Envelope = file::read_json(&options.file)?;
    look(config, &envelope)?;
    let envelope = owner::sign::<Directory>(envelope, &keys, &options.pin)?;
    let to = options.output.as_ref().unwrap_or(&options.file);
    file::write_json(to, &envelope)?;
    output::say(&format!("signed {}", to.display()))?;
    if options.publish {
        let inbox = session::inbox(config)?;
        let (root, seen) = (
            session::newest_root(&inbox).await?,
            inbox.store().pinned().directory_seen,
        );
        TrustedDirectory::accept(&root, &envelope, seen).map_err(|error| {
            Failure::new(
                Code::Refused,
                error.to_string(),
                "other owners sign with `countersign directory sign FILE`",
            )
        })?;
        inbox.backend().publish_directory(envelope).await?;
        output::say("the backend took it")?;
    }
    Ok(())
}

fn agent_of(text: &str) -> Result<Agent, Failure> {
    let parts: Vec<&str> = text.split(':').collect();
    let [id, owner, team, guard] = parts.as_slice() else {
        return Err(Failure::usage(format!("`{text}` is not ID:OWNER:TEAM:GUARD"), ""));
    };
    Ok(Agent {
        id: parse(id, "agent")?,
        display: Line::new(*id).map_err(|error| Failure::usage(error.to_string(), ""))?,
        owners: BTreeSet::from([parse(owner, "person")?]),
        team: parse(team, "team")?,
        guards: BTreeSet::from([parse(guard, "guard")?]),
    })
}

fn split<'a>(text: &'a str, at: char, form: &str) -> Result<(&'a str, &'a str), Failure> {
    text.split_once(at)
        .ok_or_else(|| Failure::usage(format!("`{text}` is not of the form `{form}`"), ""))
}

fn parse<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| Failure::usage(format!("{what} `{text}`: {error}"), ""))
}
