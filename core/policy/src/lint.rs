//! Lint: what is valid but hardly meant.
//!
//! Names that the directory does not know, policies that never apply, policies under which one more approval
//! takes a permission away, and kinds of action that nobody could get approved.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;
use countersign_protocol::approval::Severity;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::{EnvironmentId, TeamId};
use countersign_protocol::kind::{KINDS, Kind};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Isolation;

use crate::load::{PolicySet, distance};
use crate::operation::Operation;
use crate::question::Question;
use crate::schema::groups_of;
use crate::source::Problem;
use crate::tally::Tally;
use crate::verdict::{MAX_NEEDED, Verdict};
use crate::world::World;

/// Environments as strict as this are production to the policies that are shipped.
const PRODUCTION: u32 = 5;
const SEVERITIES: [Severity; 5] = [
    Severity::None,
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

impl PolicySet {
    /// Warns of what is valid but hardly meant, against the directory that the policies will meet.
    #[must_use]
    pub fn check(&self, directory: &TrustedDirectory, now: Timestamp) -> Vec<Problem> {
        let mut problems = self.warnings().to_vec();
        problems.extend(self.unknown_names(directory));
        if directory
            .environments
            .iter()
            .all(|place| place.strictness < PRODUCTION)
        {
            problems.push(general("no environment of the directory has strictness 5 or more: policies for production apply nowhere"));
        }
        let world = World::of(directory, now);
        let mut stuck = BTreeSet::new();
        for operation in samples(directory) {
            let Ok(question) = Question::new(self, &operation, Cow::Borrowed(&world), now, false) else {
                continue;
            };
            if !question.propose().is_permit() {
                continue;
            }
            problems.extend(self.losses(&operation, &question, &world));
            let nobody = match question.verdict() {
                Verdict::Forbid { policies } => {
                    policies.is_empty() || question.execute_with(&more_than_enough(directory)).is_permit()
                }
                Verdict::Permit { .. } | Verdict::RequireApproval(_) => false,
            };
            // One example for each agent and place is enough to see it.
            if nobody && stuck.insert((operation.agent.clone(), operation.environment.clone())) {
                problems.push(general(&format!(
                    "nobody could approve {}, to name one, asked by `{}`: it is forbidden",
                    in_words(&operation),
                    operation.agent
                )));
            }
        }
        problems.sort();
        problems.dedup();
        problems
    }

    fn unknown_names(&self, directory: &TrustedDirectory) -> Vec<Problem> {
        let known: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::from([
            (
                "Team",
                directory.teams.iter().map(|team| team.id.as_str()).collect(),
            ),
            (
                "Person",
                directory.people.iter().map(|person| person.id.as_str()).collect(),
            ),
            (
                "Agent",
                directory.agents.iter().map(|agent| agent.id.as_str()).collect(),
            ),
            (
                "Environment",
                directory
                    .environments
                    .iter()
                    .map(|place| place.id.as_str())
                    .collect(),
            ),
        ]);
        let mut problems = Vec::new();
        for policy in self.cedar.policies() {
            let literals: BTreeSet<EntityUid> = policy.entity_literals().into_iter().collect();
            for literal in literals {
                let kind = literal.type_name().to_string();
                let name = literal.id().unescaped();
                let Some(names) = known.get(kind.as_str()).filter(|names| !names.contains(name)) else {
                    continue;
                };
                let nearest = names.iter().min_by_key(|candidate| distance(name, candidate));
                let hint = nearest.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let message = format!("`{}::\"{name}\"` is not in the directory{hint}", kind);
                problems.push(self.warn_of(policy.id().as_ref(), &message));
            }
        }
        problems
    }

    /// Whether every approval is a gain for one operation.
    fn losses(&self, operation: &Operation, question: &Question<'_>, world: &World) -> Vec<Problem> {
        let Some(policies) = losing_policies(question, world) else {
            return vec![];
        };
        let message = format!(
            "one more approval takes the permission away for {}; write conditions on approvals with `>=`",
            in_words(operation)
        );
        if policies.is_empty() {
            return vec![general(&message)];
        }
        policies.iter().map(|id| self.warn_of(id, &message)).collect()
    }

    fn warn_of(&self, id: &str, message: &str) -> Problem {
        let title = self.titles().get(id);
        Problem {
            file: title.map_or_else(String::new, |title| title.file.clone()),
            line: title.map_or(1, |title| title.line),
            column: 1,
            message: format!("policy `{id}`: {message}"),
        }
    }
}

fn in_words(operation: &Operation) -> String {
    let (kind, place, risk) = (operation.kind, &operation.environment, operation.severity.word());
    format!("`{kind}` in `{place}` at {risk} risk")
}

fn general(message: &str) -> Problem {
    Problem {
        file: "policies".to_owned(),
        line: 1,
        column: 1,
        message: message.to_owned(),
    }
}

/// As many approvals as a rule can want, by the best keys and from every team.
fn more_than_enough(directory: &TrustedDirectory) -> Tally {
    let from: BTreeSet<TeamId> = directory.teams.iter().map(|team| team.id.clone()).collect();
    let most = u32::try_from(MAX_NEEDED).unwrap_or(u32::MAX);
    let teams = u32::try_from(from.len()).unwrap_or(u32::MAX).min(most);
    Tally {
        count: most,
        hardware: most,
        attested: most,
        teams,
        from,
    }
}

/// One operation for each agent, environment, severity and distinct set of groups of kinds.
fn samples(directory: &TrustedDirectory) -> Vec<Operation> {
    let mut seen: BTreeSet<Vec<&str>> = BTreeSet::new();
    let kinds: Vec<Kind> = KINDS
        .iter()
        .filter(|row| row.id == "iam" || seen.insert(groups_of(row.id).collect()))
        .filter_map(|row| row.id.parse().ok())
        .collect();
    let mut all = Vec::new();
    for agent in directory.agents.iter().take(4) {
        for place in &directory.environments {
            for (kind, severity) in kinds
                .iter()
                .flat_map(|kind| SEVERITIES.map(|severity| (*kind, severity)))
            {
                all.push(Operation {
                    agent: agent.id.clone(),
                    owners: agent.owners.clone(),
                    initiators: agent.owners.clone(),
                    excluded: if place.personal {
                        BTreeSet::new()
                    } else {
                        agent.owners.clone()
                    },
                    team: agent.team.clone(),
                    kind,
                    target: "file://host/sample".to_owned(),
                    environment: EnvironmentId::clone(&place.id),
                    personal: place.personal,
                    isolation: Isolation::SeparateUser,
                    findings: BTreeSet::new(),
                    severity,
                });
            }
        }
    }
    all
}

/// The policies that forbid with more approvals what less of them permitted; none when it is as it should be.
fn losing_policies(question: &Question<'_>, world: &World) -> Option<Vec<String>> {
    let teams: BTreeSet<&TeamId> = world
        .society
        .people
        .values()
        .flat_map(|member| &member.teams)
        .collect();
    let tally = |count: u32, hardware: u32, from: usize| {
        let from: BTreeSet<TeamId> = teams.iter().take(from).map(|team| (*team).clone()).collect();
        let number = u32::try_from(from.len()).unwrap_or(u32::MAX);
        Tally {
            count,
            hardware,
            attested: hardware,
            teams: number,
            from,
        }
    };
    let most_teams = teams.len().min(3);
    for count in 0..=3_u32 {
        for hardware in 0..=count {
            for from in 0..=most_teams.min(usize::try_from(count).unwrap_or(0)) {
                if !question.execute_with(&tally(count, hardware, from)).is_permit() {
                    continue;
                }
                let mut more = vec![tally(count + 1, hardware, from)];
                if hardware < count {
                    more.push(tally(count, hardware + 1, from));
                }
                if from < most_teams && from < usize::try_from(count).unwrap_or(0) {
                    more.push(tally(count, hardware, from + 1));
                }
                let lost = more
                    .iter()
                    .map(|tally| question.execute_with(tally))
                    .find(|answer| !answer.is_permit());
                if let Some(answer) = lost {
                    return Some(answer.policies().to_vec());
                }
            }
        }
    }
    None
}
