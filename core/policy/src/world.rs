//! The directory as policies see it: people with their teams and keys, environments; and all of it as Cedar
//! entities around one operation.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema};
use countersign_protocol::directory::{KeyHolder, TrustedDirectory};
use countersign_protocol::identity::{EnvironmentId, KeyAssurance, PersonId, Presence, Role, TeamId};
use countersign_protocol::kind::KINDS;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Isolation;

use crate::operation::Operation;
use crate::schema::{groups_of, kind_names};
use countersign_protocol::kept::Kept;

/// People and places, from one directory at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) people: BTreeMap<PersonId, Member>,
    pub(crate) environments: BTreeMap<EnvironmentId, Place>,
}

/// What entities are made of: people and environments without their keys.
#[derive(Clone, PartialEq, Eq)]
struct Society {
    people: BTreeMap<PersonId, (BTreeSet<TeamId>, bool)>,
    environments: BTreeMap<EnvironmentId, Place>,
}

/// A person.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub(crate) teams: BTreeSet<TeamId>,
    pub(crate) on_call: bool,
    /// The person's decision keys that count now.
    pub(crate) keys: BTreeSet<(KeyAssurance, Presence)>,
}

/// An environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) strictness: u32,
    pub(crate) personal: bool,
    pub(crate) allow_same_user: bool,
}

impl World {
    /// Reads the directory; only keys that count at `now` are seen.
    pub(crate) fn of(directory: &TrustedDirectory, now: Timestamp) -> Self {
        let mut people: BTreeMap<PersonId, Member> = directory
            .people
            .iter()
            .map(|person| {
                let member = Member {
                    teams: person.teams.clone(),
                    on_call: person.on_call,
                    keys: BTreeSet::new(),
                };
                (person.id.clone(), member)
            })
            .collect();
        for key in &directory.keys {
            let KeyHolder::Person(holder) = &key.holder else {
                continue;
            };
            if directory.key_at(&key.key.id(), Role::Reviewer, now).is_err() {
                continue;
            }
            if let Some(member) = people.get_mut(holder) {
                member.keys.insert((key.assurance, key.presence));
            }
        }
        let place = |environment: &countersign_protocol::directory::Environment| Place {
            strictness: environment.strictness,
            personal: environment.personal,
            allow_same_user: environment.allow_same_user,
        };
        let environments = directory
            .environments
            .iter()
            .map(|environment| (environment.id.clone(), place(environment)))
            .collect();
        Self { people, environments }
    }

    /// The entities of [`World::gather`]. One request is asked about at several moments, and nothing of them depends
    /// on the moment.
    pub(crate) fn entities(&self, operation: &Operation, schema: &Schema) -> Result<Arc<Entities>, String> {
        static GATHERED: Kept<(Society, Operation), Entities> = Kept::new();
        let society = self.society();
        GATHERED.or_compute(
            |(of, about)| about == operation && *of == society,
            || (society.clone(), operation.clone()),
            || self.gather(operation, schema),
        )
    }

    /// All of this world that entities are made of.
    fn society(&self) -> Society {
        let member = |member: &Member| (member.teams.clone(), member.on_call);
        Society {
            people: (self.people.iter().map(|(id, of)| (id.clone(), member(of)))).collect(),
            environments: self.environments.clone(),
        }
    }

    /// Every entity that a question about `operation` can reach. People whom the operation names but the
    /// directory does not know are there without teams, so that naming them is no evaluation error.
    fn gather(&self, operation: &Operation, schema: &Schema) -> Result<Entities, String> {
        let place = self
            .environments
            .get(&operation.environment)
            .ok_or_else(|| format!("environment `{}` is not in the directory", operation.environment))?;
        let mut all = kinds()?;
        let named = operation
            .owners
            .iter()
            .chain(&operation.initiators)
            .chain(&operation.excluded);
        let people: BTreeSet<&PersonId> = self.people.keys().chain(named).collect();
        let nobody = Member::default();
        let mut teams: BTreeSet<&TeamId> = BTreeSet::from([&operation.team]);
        for id in people {
            let member = self.people.get(id).unwrap_or(&nobody);
            teams.extend(&member.teams);
            let parents = member.teams.iter().map(team).collect::<Result<HashSet<_>, _>>()?;
            let attributes = [("onCall", RestrictedExpression::new_bool(member.on_call))];
            all.push(entity(person(id)?, attributes, parents)?);
        }
        for id in teams {
            all.push(Entity::new_no_attrs(team(id)?, HashSet::new()));
        }
        all.push(entity(
            uid("Environment", operation.environment.as_str())?,
            [
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
            ],
            HashSet::new(),
        )?);
        let agent_attributes = [
            ("owners", people_set(&operation.owners)?),
            ("team", reference(team(&operation.team)?)),
        ];
        all.push(entity(agent(operation)?, agent_attributes, HashSet::new())?);
        all.push(resource(operation)?);
        Entities::from_entities(all, Some(schema)).map_err(|error| error.to_string())
    }
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
