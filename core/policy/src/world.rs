//! The directory as policies see it: people with their teams and keys, environments; and all of it as Cedar
//! entities around one operation.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use countersign_protocol::digest::DirectoryDigest;
use countersign_protocol::directory::{DirectoryKey, Environment, KeyHolder, Person, TrustedDirectory};
use countersign_protocol::identity::{EnvironmentId, KeyAssurance, PersonId, Presence, Role, TeamId};
use countersign_protocol::kept::Kept;
use countersign_protocol::kind::KINDS;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Isolation;

use crate::operation::Operation;
use crate::schema::{compiled, groups_of, kind_names};

/// People and places, from one directory at one moment.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) society: Arc<Society>,
    /// Everybody's decision keys that count now.
    pub(crate) keys: Arc<Keys>,
}

/// Decision keys by their holders, as policies see them.
pub(crate) type Keys = BTreeMap<PersonId, BTreeSet<(KeyAssurance, Presence)>>;

/// What does not depend on the moment or on what is asked.
#[derive(Debug)]
pub(crate) struct Society {
    pub(crate) people: BTreeMap<PersonId, Member>,
    pub(crate) environments: BTreeMap<EnvironmentId, Place>,
    /// What the directory's keys come to, by which of them count.
    keys: Kept<Vec<bool>, Keys>,
    /// Kinds of action, people and their teams.
    entities: Result<Entities, String>,
}

/// A person.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub(crate) teams: BTreeSet<TeamId>,
    pub(crate) on_call: bool,
}

/// An environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) strictness: u32,
    pub(crate) personal: bool,
    pub(crate) allow_same_user: bool,
}

impl World {
    /// Reads the directory; only keys that count at `now` are seen.
    pub(crate) fn of(directory: &TrustedDirectory, now: Timestamp) -> Self {
        let society = Society::of(directory);
        let counts = |key: &DirectoryKey| key.role == Role::Reviewer && key.check_at(now).is_ok();
        let counting: Vec<bool> = directory.keys.iter().map(counts).collect();
        let gather = || {
            let mut keys = Keys::new();
            for (key, _) in directory
                .keys
                .iter()
                .zip(&counting)
                .filter(|(_, counts)| **counts)
            {
                if let KeyHolder::Person(holder) = &key.holder
                    && society.people.contains_key(holder)
                {
                    let of_holder = keys.entry(holder.clone()).or_default();
                    of_holder.insert((key.assurance, key.presence));
                }
            }
            keys
        };
        let keys = society
            .keys
            .or_read(|of| *of == counting, || counting.clone(), gather);
        Self { society, keys }
    }

    /// A person's decision keys that count now, the best last.
    pub(crate) fn keys_of(
        &self,
        person: &PersonId,
    ) -> impl DoubleEndedIterator<Item = &(KeyAssurance, Presence)> {
        self.keys.get(person).into_iter().flatten()
    }

    /// Every entity that a question about `operation` can reach. One request is asked about at several moments, and
    /// nothing of them depends on the moment.
    pub(crate) fn entities(&self, operation: &Operation) -> Result<Arc<Entities>, String> {
        static GATHERED: Kept<(Arc<Society>, Operation), Entities> = Kept::new();
        GATHERED.or_compute(
            |(society, about)| Arc::ptr_eq(society, &self.society) && about == operation,
            || (Arc::clone(&self.society), operation.clone()),
            || self.society.around(operation),
        )
    }
}

impl Society {
    /// People and places of a directory. Many requests are asked about in one directory, whose digest names every byte
    /// of it: the societies read last are kept by it.
    fn of(directory: &TrustedDirectory) -> Arc<Self> {
        static READ: Kept<DirectoryDigest, Society> = Kept::new();
        let digest = directory.digest();
        let member = |person: &Person| Member {
            teams: person.teams.clone(),
            on_call: person.on_call,
        };
        let place = |environment: &Environment| Place {
            strictness: environment.strictness,
            personal: environment.personal,
            allow_same_user: environment.allow_same_user,
        };
        let read = || {
            let people = directory.people.iter();
            let environments = directory.environments.iter();
            Self::new(
                people.map(|person| (person.id.clone(), member(person))).collect(),
                environments
                    .map(|environment| (environment.id.clone(), place(environment)))
                    .collect(),
            )
        };
        READ.or_read(|of| *of == digest, || digest, read)
    }

    pub(crate) fn new(
        people: BTreeMap<PersonId, Member>,
        environments: BTreeMap<EnvironmentId, Place>,
    ) -> Self {
        Self {
            entities: gather(&people),
            people,
            environments,
            keys: Kept::new(),
        }
    }

    /// Where an operation takes effect.
    pub(crate) fn place(&self, operation: &Operation) -> Result<&Place, String> {
        let place = self.environments.get(&operation.environment);
        place.ok_or_else(|| format!("environment `{}` is not in the directory", operation.environment))
    }

    /// Its entities and those of one operation. People whom the operation names but the directory does not know are
    /// there without teams, so that naming them is no evaluation error.
    fn around(&self, operation: &Operation) -> Result<Entities, String> {
        let everywhere = self.entities.clone()?;
        let place = self.place(operation)?;
        let mut own = vec![
            environment(operation, place)?,
            agent_of(operation)?,
            resource(operation)?,
        ];
        let named = operation
            .owners
            .iter()
            .chain(&operation.initiators)
            .chain(&operation.excluded);
        let strangers: BTreeSet<&PersonId> = named.filter(|id| !self.people.contains_key(id)).collect();
        for id in strangers {
            own.push(member_entity(id, &Member::default())?);
        }
        let team = team(&operation.team)?;
        if everywhere.get(&team).is_none() {
            own.push(Entity::new_no_attrs(team, HashSet::new()));
        }
        everywhere
            .add_entities(own, Some(compiled()?))
            .map_err(|error| error.to_string())
    }
}

/// Kinds of action, people and their teams as entities.
fn gather(people: &BTreeMap<PersonId, Member>) -> Result<Entities, String> {
    let mut all = kinds()?;
    for (id, member) in people {
        all.push(member_entity(id, member)?);
    }
    let teams: BTreeSet<&TeamId> = people.values().flat_map(|member| &member.teams).collect();
    for id in teams {
        all.push(Entity::new_no_attrs(team(id)?, HashSet::new()));
    }
    Entities::from_entities(all, Some(compiled()?)).map_err(|error| error.to_string())
}

/// The agent that asks.
pub(crate) fn agent(operation: &Operation) -> Result<EntityUid, String> {
    uid("Agent", operation.agent.as_str())
}

/// A person.
pub(crate) fn person(id: &PersonId) -> Result<EntityUid, String> {
    uid("Person", id.as_str())
}

/// A team.
pub(crate) fn team(id: &TeamId) -> Result<EntityUid, String> {
    uid("Team", id.as_str())
}

/// The one operation of a question.
pub(crate) fn this() -> Result<EntityUid, String> {
    uid("Operation", "this")
}

/// An entity's name.
pub(crate) fn uid(kind: &'static str, id: &str) -> Result<EntityUid, String> {
    Ok(EntityUid::from_type_name_and_id(
        type_name(kind)?,
        EntityId::new(id),
    ))
}

/// The name of an entity type, read once: parsing it takes longer than most that is done with it.
fn type_name(kind: &'static str) -> Result<EntityTypeName, String> {
    static READ: Mutex<BTreeMap<&'static str, EntityTypeName>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = read.get(kind) {
        return Ok(name.clone());
    }
    let name: EntityTypeName = kind.parse().map_err(|error| format!("type `{kind}`: {error}"))?;
    read.insert(kind, name.clone());
    Ok(name)
}

/// A reference to an entity.
pub(crate) fn reference(uid: EntityUid) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid)
}

fn member_entity(id: &PersonId, member: &Member) -> Result<Entity, String> {
    let parents = member.teams.iter().map(team).collect::<Result<HashSet<_>, _>>()?;
    let attributes = [("onCall", RestrictedExpression::new_bool(member.on_call))];
    entity(person(id)?, attributes, parents)
}

fn environment(operation: &Operation, place: &Place) -> Result<Entity, String> {
    let attributes = [
        (
            "strictness",
            RestrictedExpression::new_long(place.strictness.into()),
        ),
        (
            "personal",
            RestrictedExpression::new_bool(place.personal && operation.personal),
        ),
        (
            "allowSameUser",
            RestrictedExpression::new_bool(place.allow_same_user),
        ),
    ];
    let id = uid("Environment", operation.environment.as_str())?;
    entity(id, attributes, HashSet::new())
}

fn agent_of(operation: &Operation) -> Result<Entity, String> {
    let attributes = [
        ("owners", people_set(&operation.owners)?),
        ("team", reference(team(&operation.team)?)),
    ];
    entity(agent(operation)?, attributes, HashSet::new())
}

fn resource(operation: &Operation) -> Result<Entity, String> {
    let texts = |all: &BTreeSet<String>| {
        RestrictedExpression::new_set(
            all.iter()
                .map(|text| RestrictedExpression::new_string(text.clone())),
        )
    };
    let attributes = [
        ("agent", reference(agent(operation)?)),
        ("team", reference(team(&operation.team)?)),
        ("initiators", people_set(&operation.initiators)?),
        ("excluded", people_set(&operation.excluded)?),
        ("kind", reference(uid("Kind", operation.kind.id())?)),
        (
            "target",
            RestrictedExpression::new_string(operation.target.clone()),
        ),
        (
            "environment",
            reference(uid("Environment", operation.environment.as_str())?),
        ),
        (
            "sameUser",
            RestrictedExpression::new_bool(operation.isolation == Isolation::None),
        ),
        ("findings", texts(&operation.findings)),
        (
            "severity",
            RestrictedExpression::new_long(operation.severity.level()),
        ),
    ];
    entity(this()?, attributes, HashSet::new())
}

fn kinds() -> Result<Vec<Entity>, String> {
    let mut all = Vec::new();
    for name in kind_names() {
        let groups = if KINDS.iter().any(|row| row.id == name) {
            groups_of(name)
                .map(|group| uid("Kind", group))
                .collect::<Result<HashSet<_>, _>>()?
        } else {
            HashSet::new()
        };
        all.push(Entity::new_no_attrs(uid("Kind", name)?, groups));
    }
    Ok(all)
}

fn people_set(people: &BTreeSet<PersonId>) -> Result<RestrictedExpression, String> {
    let all = people
        .iter()
        .map(|id| person(id).map(reference))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RestrictedExpression::new_set(all))
}

fn entity<const N: usize>(
    uid: EntityUid,
    attributes: [(&str, RestrictedExpression); N],
    parents: HashSet<EntityUid>,
) -> Result<Entity, String> {
    let attributes: HashMap<String, RestrictedExpression> = attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Entity::new(uid, attributes, parents).map_err(|error| error.to_string())
}
