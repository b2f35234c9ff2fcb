//! What makes a directory one that owners may sign: it doesn't contradict itself or the root.

use std::collections::BTreeSet;

use super::{Directory, DirectoryKey, KeyHolder};
use crate::attestation::{self, Claim};
use crate::digest::KeyId;
use crate::identity::{GuardId, KeyAssurance, PersonId, Presence, Role, TeamId};
use crate::root::TrustedRoot;
use crate::text::Line;

/// Names are there once, what names something names what is there, and each key has one holder and one fitting role.
pub(super) fn check(directory: &Directory, root: &TrustedRoot) -> Result<(), String> {
    let people = unique("person", directory.people.iter().map(|person| person.id.as_str()))?;
    let teams = unique("team", directory.teams.iter().map(|team| team.id.as_str()))?;
    let guards = unique("guard", directory.guards.iter().map(|guard| guard.id.as_str()))?;
    let environments = unique(
        "environment",
        directory.environments.iter().map(|place| place.id.as_str()),
    )?;
    unique("agent", directory.agents.iter().map(|agent| agent.id.as_str()))?;
    unique(
        "account",
        directory
            .people
            .iter()
            .flat_map(|person| person.accounts.iter().map(Line::raw)),
    )?;
    for person in &directory.people {
        known("team", &teams, person.teams.iter().map(TeamId::as_str))?;
        if let Some(taken) = person
            .accounts
            .iter()
            .find(|account| people.contains(account.raw()))
        {
            return Err(format!("account `{}` is also the id of a person", taken.raw()));
        }
    }
    for agent in &directory.agents {
        known("person", &people, agent.owners.iter().map(PersonId::as_str))?;
        known("team", &teams, [agent.team.as_str()])?;
        known("guard", &guards, agent.guards.iter().map(GuardId::as_str))?;
        if agent.owners.is_empty() {
            return Err(format!("agent `{}` has no owner", agent.id));
        }
    }
    if directory.environments.is_empty() {
        return Err("there is no environment".to_owned());
    }
    for rule in &directory.environment_rules {
        known("environment", &environments, [rule.environment.as_str()])?;
        known("guard", &guards, rule.guards.iter().map(GuardId::as_str))?;
    }
    check_keys(directory, root, &people, &guards)?;
    check_attestations(directory)
}

/// No name in a directory makes a key attested: the evidence does, and each reader checks it again.
fn check_attestations(directory: &Directory) -> Result<(), String> {
    attestation::check_sizes(&directory.attestations)?;
    let proven = &directory.attestations.keys;
    unique("attestation", proven.iter().map(|one| one.key.to_string()))?;
    let is_attested = |key: &&DirectoryKey| key.assurance == KeyAssurance::HardwareAttested;
    for key in directory.keys.iter().filter(is_attested) {
        let id = key.key.id();
        let KeyHolder::Person(person) = &key.holder else {
            return Err(format!("key `{id}` is a service's, and called attested"));
        };
        let found = proven.iter().find(|one| one.key == id);
        let one = found.ok_or_else(|| format!("key `{id}` is called attested, without evidence"))?;
        if one.at > directory.issued_at {
            return Err(format!(
                "the evidence of key `{id}` was judged after the directory was made"
            ));
        }
        let claim = Claim {
            root: &directory.root,
            person,
            key: &key.key,
            challenge: &one.challenge,
        };
        attestation::check(&one.evidence, &claim, &directory.attestations, one.at)
            .map_err(|error| format!("key `{id}` is called attested, but {error}"))?;
    }
    let attested = |id: &KeyId| {
        directory
            .keys
            .iter()
            .filter(is_attested)
            .any(|key| key.key.id() == *id)
    };
    match proven.iter().find(|one| !attested(&one.key)) {
        Some(stray) => Err(format!(
            "there is evidence of key `{}`, which is not called attested",
            stray.key
        )),
        None => Ok(()),
    }
}

fn check_keys(
    directory: &Directory,
    root: &TrustedRoot,
    people: &BTreeSet<&str>,
    guards: &BTreeSet<&str>,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for key in &directory.keys {
        let id = key.key.id();
        if root.names(&id) || !seen.insert(id) {
            return Err(format!(
                "key `{id}` is named twice; a key has one holder and one role"
            ));
        }
        match (key.role, &key.holder) {
            (Role::Reviewer | Role::Login, KeyHolder::Person(person)) => {
                known("person", people, [person.as_str()])?;
            }
            (Role::Guard, KeyHolder::Guard(guard)) => {
                known("guard", guards, [guard.as_str()])?;
            }
            (role, _) => {
                return Err(format!(
                    "key `{id}` has role {role:?}, which its holder cannot have"
                ));
            }
        }
        if key.role != Role::Reviewer && !key.key.format().is_dsse() {
            return Err(format!(
                "key `{id}` signs in a format that is for decisions alone"
            ));
        }
        if key.assurance != KeyAssurance::HardwareAttested && key.presence == Presence::Touch {
            return Err(format!("key `{id}` claims touch without attested hardware"));
        }
    }
    Ok(())
}

fn unique<T: Ord + Clone + std::fmt::Display>(
    what: &str,
    names: impl Iterator<Item = T>,
) -> Result<BTreeSet<T>, String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.clone()) {
            return Err(format!("{what} `{name}` is there twice"));
        }
    }
    Ok(seen)
}

fn known<'a>(
    what: &str,
    all: &BTreeSet<&str>,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), String> {
    match names.into_iter().find(|name| !all.contains(name)) {
        Some(missing) => Err(format!("{what} `{missing}` is named but not there")),
        None => Ok(()),
    }
}
