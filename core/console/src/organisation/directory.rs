//! The next version of a directory: people, keys, guards, agents and rules that come, and keys that end.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_protocol::digest::KeyId;
use countersign_protocol::directory::{
    Agent, Directory, DirectoryKey, EnvironmentRule, Guard, KeyHolder, Person, Revocation, Team,
};
use countersign_protocol::identity::{
    EnvironmentId, GuardId, KeyAssurance, PersonId, Presence, PublicKey, Role, SignatureFormat, TeamId,
};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::text::Line;

use super::{Enrolment, GuardKey, KEY_VALIDITY, OrganisationError};

/// Adds a person with their keys, or further keys of a person who is there, and the teams named where they are
/// new. The owners vouch that the keys are the person's; software keys prove a passphrase at most.
pub fn enrol(directory: &mut Directory, enrolment: &Enrolment, teams: &BTreeSet<TeamId>, now: Timestamp) {
    let arrival = Arrival {
        person: &enrolment.person,
        display: &enrolment.display,
        login: Some(&enrolment.login),
        reviewer: &enrolment.reviewer,
        assurance: KeyAssurance::Software,
    };
    admit(directory, &arrival, teams.iter(), now);
}

/// A person with the keys of one machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival<'a> {
    pub person: &'a PersonId,
    pub display: &'a Line,
    pub login: Option<&'a PublicKey>,
    pub reviewer: &'a PublicKey,
    pub assurance: KeyAssurance,
}

/// Puts a person, new or known, with keys and teams into a directory.
pub(crate) fn admit<'a>(
    directory: &mut Directory,
    arrival: &Arrival<'_>,
    teams: impl Iterator<Item = &'a TeamId> + Clone,
    now: Timestamp,
) {
    for team in teams.clone() {
        if !directory.teams.iter().any(|known| known.id == *team) {
            directory.teams.push(Team {
                id: team.clone(),
                display: Line::new(team.as_str()).unwrap_or_default(),
            });
        }
    }
    match directory
        .people
        .iter_mut()
        .find(|person| person.id == *arrival.person)
    {
        Some(person) => person.teams.extend(teams.cloned()),
        None => directory.people.push(Person {
            id: arrival.person.clone(),
            display: arrival.display.clone(),
            teams: teams.cloned().collect(),
            on_call: false,
            accounts: BTreeSet::new(),
        }),
    }
    let holder = KeyHolder::Person(arrival.person.clone());
    if let Some(login) = arrival.login {
        let entry = directory_key(login.clone(), Role::Login, holder.clone(), Presence::None, now);
        directory.keys.push(entry);
    }
    // An agent asks nobody as far as anybody can know.
    let presence = match arrival.reviewer.format() {
        SignatureFormat::Sshsig => Presence::None,
        SignatureFormat::Dsse => Presence::Pin,
    };
    directory.keys.push(DirectoryKey {
        assurance: arrival.assurance,
        ..directory_key(arrival.reviewer.clone(), Role::Reviewer, holder, presence, now)
    });
}

/// Ends a key early: what it signs counts from now on no more, and nothing of it from `compromised_since` on.
///
/// # Errors
/// [`OrganisationError::Refused`] when there is no such key, or it ended earlier already.
pub fn revoke(
    directory: &mut Directory,
    key: &KeyId,
    reason: Line,
    compromised_since: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), OrganisationError> {
    let entry = directory.keys.iter_mut().find(|entry| entry.key.id() == *key);
    let entry =
        entry.ok_or_else(|| OrganisationError::Refused(format!("key `{key}` is not in the directory")))?;
    let next = Revocation {
        at: now,
        compromised_since,
        reason,
    };
    if let Some(earlier) = &entry.revoked
        && earlier.effective() <= next.effective()
    {
        return Err(OrganisationError::Refused(format!(
            "key `{key}` is revoked from {} on already; a revocation is only ever moved earlier",
            earlier.effective()
        )));
    }
    // When it was revoked first stays, however far back it turns out to have been in other hands.
    let at = entry.revoked.as_ref().map_or(now, |earlier| earlier.at.min(now));
    entry.revoked = Some(Revocation { at, ..next });
    Ok(())
}

/// Adds a guard with its key.
///
/// # Errors
/// [`OrganisationError::TooLong`] when its name is.
pub fn add_guard(
    directory: &mut Directory,
    id: &GuardId,
    key: &GuardKey,
    now: Timestamp,
) -> Result<(), OrganisationError> {
    if !directory.guards.iter().any(|guard| guard.id == *id) {
        directory.guards.push(Guard {
            id: id.clone(),
            display: Line::new(id.as_str())?,
        });
    }
    let holder = KeyHolder::Guard(id.clone());
    directory.keys.push(directory_key(
        key.guard.clone(),
        Role::Guard,
        holder,
        Presence::None,
        now,
    ));
    Ok(())
}

/// Adds an agent, or replaces the one of that name.
pub fn add_agent(directory: &mut Directory, agent: Agent) {
    directory.agents.retain(|known| known.id != agent.id);
    directory.agents.push(agent);
}

/// Adds a rule that puts targets into an environment. The first rule that fits counts.
///
/// # Errors
/// [`OrganisationError::TooLong`] when the pattern is.
pub fn add_rule(
    directory: &mut Directory,
    environment: EnvironmentId,
    target: &str,
) -> Result<(), OrganisationError> {
    directory.environment_rules.push(EnvironmentRule {
        environment,
        target: Line::new(target)?,
        kinds: BTreeSet::new(),
        guards: BTreeSet::new(),
    });
    Ok(())
}

/// Makes a directory the next version, valid from now.
pub fn renew(directory: &mut Directory, seen: u64, now: Timestamp, validity: Duration) {
    directory.version = seen + 1;
    directory.issued_at = now;
    directory.expires_at = now.after(validity);
}

fn directory_key(
    key: PublicKey,
    role: Role,
    holder: KeyHolder,
    presence: Presence,
    now: Timestamp,
) -> DirectoryKey {
    DirectoryKey {
        key,
        role,
        holder,
        assurance: KeyAssurance::Software,
        presence,
        // Clocks differ a little; a key that was made just now must count just now.
        not_before: now.before(Duration::from_secs(300)),
        not_after: now.after(KEY_VALIDITY),
        revoked: None,
    }
}
