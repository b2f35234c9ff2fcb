//! Scenarios: questions with their expected answers, kept beside the policies they test.
//!
//! A scenario file is TOML. It brings a small directory of its own, so that it needs no signature and says all
//! that it depends on.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use countersign_protocol::approval::Severity;
use countersign_protocol::decision::Shown;
use countersign_protocol::identity::{AgentId, EnvironmentId, KeyAssurance, PersonId, Presence, TeamId};
use countersign_protocol::kind::Kind;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Isolation;
use serde::{Deserialize, Serialize};

use crate::explain::needs;
use crate::load::PolicySet;
use crate::operation::{Approval, Credential, Operation};
use crate::question::{Answer, Question};
use crate::source::printable;
use crate::verdict::Verdict;
use crate::world::{Member, Place, Society, World};

/// Why a scenario file cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// It is not the TOML that is read here.
    #[error("scenario file, line {line}: {message}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A scenario names something that the file does not define.
    #[error("scenario `{scenario}` names {what} `{name}`, which the file does not define")]
    Unknown {
        /// The scenario.
        scenario: String,
        /// `agent` or `environment`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A scenario lacks what its question needs, or expects what its question cannot answer.
    #[error("scenario `{scenario}` {problem}")]
    Incomplete {
        /// The scenario.
        scenario: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// How the scenarios of a file went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One for each scenario, in the file's order.
    pub outcomes: Vec<Outcome>,
}

/// How one scenario went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Whether it went as expected.
    pub passed: bool,
    /// What was expected, in words.
    pub expected: String,
    /// What policy answered, in words.
    pub answered: String,
}

impl Report {
    /// Whether every scenario went as expected; false for a file without any.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.outcomes.is_empty() && self.outcomes.iter().all(|outcome| outcome.passed)
    }

    /// The report in words: each failure, then the count.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for outcome in self.outcomes.iter().filter(|outcome| !outcome.passed) {
            let _ = writeln!(text, "failed: {}", outcome.name);
            let _ = writeln!(text, "  expected {}", outcome.expected);
            let _ = writeln!(text, "  answered {}", outcome.answered);
        }
        let passed = self.outcomes.iter().filter(|outcome| outcome.passed).count();
        let _ = writeln!(text, "{passed} of {} scenarios as expected", self.outcomes.len());
        text
    }
}

impl PolicySet {
    /// Runs a scenario file.
    ///
    /// # Errors
    /// [`ScenarioError`] when the file cannot be run; a scenario that goes otherwise than expected is no error.
    pub fn test(&self, toml: &str) -> Result<Report, ScenarioError> {
        let file: File = toml::from_str(toml).map_err(|error| {
            let before = error
                .span()
                .and_then(|span| toml.get(..span.start))
                .unwrap_or_default();
            ScenarioError::Syntax {
                line: before.matches('\n').count() + 1,
                message: printable(error.message()),
            }
        })?;
        let world = file.world();
        let run = |scenario: &Scenario| scenario.run(self, &file, &world);
        Ok(Report {
            outcomes: file.scenarios.iter().map(run).collect::<Result<_, _>>()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    people: BTreeMap<PersonId, PersonEntry>,
    agents: BTreeMap<AgentId, AgentEntry>,
    environments: BTreeMap<EnvironmentId, EnvironmentEntry>,
    #[serde(rename = "scenario")]
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonEntry {
    teams: BTreeSet<TeamId>,
    #[serde(default)]
    on_call: bool,
    #[serde(default = "software")]
    key: KeyAssurance,
    #[serde(default = "pin")]
    presence: Presence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentEntry {
    owners: BTreeSet<PersonId>,
    team: TeamId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentEntry {
    strictness: u32,
    #[serde(default)]
    personal: bool,
    #[serde(default)]
    allow_same_user: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    question: Ask,
    agent: AgentId,
    #[serde(default)]
    initiators: BTreeSet<PersonId>,
    kind: Kind,
    #[serde(default = "target")]
    target: String,
    environment: EnvironmentId,
    #[serde(default = "separate")]
    isolation: Isolation,
    #[serde(default)]
    findings: BTreeSet<String>,
    #[serde(default)]
    severity: Severity,
    #[serde(default = "morning")]
    now: Timestamp,
    #[serde(default)]
    frozen: bool,
    person: Option<PersonEntryRef>,
    #[serde(default)]
    approvals: Vec<PersonEntryRef>,
    expect: Expect,
    policies: Option<BTreeSet<String>>,
    needs: Option<Needs>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Ask {
    Propose,
    Approve,
    Execute,
    Verdict,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Expect {
    Permit,
    Deny,
    Forbid,
    RequireApproval,
}

/// Who decides, and how: the person's own key unless it says otherwise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonEntryRef {
    id: PersonId,
    key: Option<KeyAssurance>,
    presence: Option<Presence>,
    #[serde(default)]
    scripted: bool,
    #[serde(default)]
    in_part: bool,
    #[serde(default)]
    offline: bool,
    #[serde(default)]
    minutes_ago: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Needs {
    approvals: u32,
    #[serde(default)]
    hardware: u32,
    #[serde(default = "one")]
    teams: u32,
    eligible: Option<BTreeSet<PersonId>>,
}

impl File {
    fn world(&self) -> World {
        let people = self.people.iter().map(|(id, entry)| {
            let member = Member {
                teams: entry.teams.clone(),
                on_call: entry.on_call,
            };
            (id.clone(), member)
        });
        let environments = self.environments.iter().map(|(id, entry)| {
            let place = Place {
                strictness: entry.strictness,
                personal: entry.personal,
                allow_same_user: entry.allow_same_user,
            };
            (id.clone(), place)
        });
        let keys = self
            .people
            .iter()
            .map(|(id, entry)| (id.clone(), BTreeSet::from([(entry.key, entry.presence)])));
        World {
            society: Arc::new(Society::new(people.collect(), environments.collect())),
            keys: Arc::new(keys.collect()),
        }
    }
}

impl Scenario {
    fn run(&self, policies: &PolicySet, file: &File, world: &World) -> Result<Outcome, ScenarioError> {
        let answerable = match self.question {
            Ask::Verdict => self.expect != Expect::Deny,
            Ask::Propose | Ask::Approve | Ask::Execute => {
                matches!(self.expect, Expect::Permit | Expect::Deny)
            }
        };
        if !answerable {
            return Err(self.incomplete("expects what its question cannot answer: `deny` goes with a question, `forbid` and `require-approval` with `verdict`"));
        }
        let operation = self.operation(file)?;
        let question = Question::new(policies, &operation, Cow::Borrowed(world), self.now, self.frozen)
            .map_err(|_| self.incomplete("cannot be put to policy"))?;
        let (expect, ids, needed) = match self.question {
            Ask::Propose => of_answer(&question.propose()),
            Ask::Execute => {
                let approvals: Vec<Approval> = self
                    .approvals
                    .iter()
                    .map(|entry| self.approval(entry, file))
                    .collect();
                of_answer(&question.execute(&approvals))
            }
            Ask::Approve => {
                let entry = self
                    .person
                    .as_ref()
                    .ok_or_else(|| self.incomplete("asks `approve` without a `person`"))?;
                let age = Duration::from_secs(u64::from(entry.minutes_ago) * 60);
                of_answer(&question.approve(&entry.id, entry.credential(file), age))
            }
            Ask::Verdict => of_verdict(&question.verdict()),
        };
        let as_needed = self
            .needs
            .as_ref()
            .is_none_or(|needs| needed.as_ref().is_some_and(|rule| needs.fits(rule)));
        let by_these = self.policies.as_ref().is_none_or(|wanted| *wanted == ids);
        let eligible = self.needs.as_ref().and_then(|needs| needs.eligible.as_ref());
        Ok(Outcome {
            name: printable(&self.name),
            passed: expect == self.expect && by_these && as_needed,
            expected: words(
                self.expect,
                self.policies.as_ref(),
                self.needs.as_ref().map(|n| (n.approvals, n.hardware, n.teams)),
                eligible,
            ),
            answered: words(
                expect,
                Some(&ids),
                needed
                    .as_ref()
                    .map(|rule| (rule.approvals, rule.hardware, rule.teams)),
                needed
                    .as_ref()
                    .map(|rule| &rule.eligible)
                    .filter(|_| eligible.is_some()),
            ),
        })
    }

    fn operation(&self, file: &File) -> Result<Operation, ScenarioError> {
        let unknown = |what, name: &str| ScenarioError::Unknown {
            scenario: printable(&self.name),
            what,
            name: name.to_owned(),
        };
        let agent = file
            .agents
            .get(&self.agent)
            .ok_or_else(|| unknown("agent", self.agent.as_str()))?;
        let place = file
            .environments
            .get(&self.environment)
            .ok_or_else(|| unknown("environment", self.environment.as_str()))?;
        let owners = agent.owners.clone();
        let initiators = if self.initiators.is_empty() {
            owners.clone()
        } else {
            self.initiators.clone()
        };
        let excluded = if place.personal {
            BTreeSet::new()
        } else {
            initiators.union(&owners).cloned().collect()
        };
        Ok(Operation {
            agent: self.agent.clone(),
            owners,
            initiators,
            excluded,
            team: agent.team.clone(),
            kind: self.kind,
            target: self.target.clone(),
            environment: self.environment.clone(),
            personal: place.personal,
            isolation: self.isolation,
            findings: self.findings.clone(),
            severity: self.severity,
        })
    }

    fn approval(&self, entry: &PersonEntryRef, file: &File) -> Approval {
        Approval {
            person: entry.id.clone(),
            credential: entry.credential(file),
            decided_at: self
                .now
                .before(Duration::from_secs(u64::from(entry.minutes_ago) * 60)),
        }
    }

    fn incomplete(&self, problem: &'static str) -> ScenarioError {
        ScenarioError::Incomplete {
            scenario: printable(&self.name),
            problem,
        }
    }
}

impl PersonEntryRef {
    fn credential(&self, file: &File) -> Credential {
        let own = file.people.get(&self.id);
        Credential {
            assurance: self
                .key
                .or_else(|| own.map(|entry| entry.key))
                .unwrap_or_else(software),
            presence: self
                .presence
                .or_else(|| own.map(|entry| entry.presence))
                .unwrap_or_else(pin),
            shown: match (self.scripted, self.in_part) {
                (true, _) => Shown::Nothing,
                (false, true) => Shown::Part,
                (false, false) => Shown::Whole,
            },
            offline: self.offline,
        }
    }
}

impl Needs {
    fn fits(&self, rule: &countersign_protocol::approval::ApprovalRule) -> bool {
        (self.approvals, self.hardware, self.teams) == (rule.approvals, rule.hardware, rule.teams)
            && self
                .eligible
                .as_ref()
                .is_none_or(|eligible| *eligible == rule.eligible)
    }
}

type Found = (
    Expect,
    BTreeSet<String>,
    Option<countersign_protocol::approval::ApprovalRule>,
);

fn of_answer(answer: &Answer) -> Found {
    let expect = if answer.is_permit() {
        Expect::Permit
    } else {
        Expect::Deny
    };
    (expect, answer.policies().iter().cloned().collect(), None)
}

fn of_verdict(verdict: &Verdict) -> Found {
    match verdict {
        Verdict::Permit { policies } => (Expect::Permit, policies.iter().cloned().collect(), None),
        Verdict::Forbid { policies } => (Expect::Forbid, policies.iter().cloned().collect(), None),
        Verdict::RequireApproval(rule) => {
            let ids = rule.policies.iter().map(|id| id.raw().to_owned()).collect();
            (Expect::RequireApproval, ids, Some(rule.clone()))
        }
    }
}

fn words(
    expect: Expect,
    policies: Option<&BTreeSet<String>>,
    rule: Option<(u32, u32, u32)>,
    eligible: Option<&BTreeSet<PersonId>>,
) -> String {
    let mut text = match expect {
        Expect::Permit => "permit",
        Expect::Deny => "deny",
        Expect::Forbid => "forbid",
        Expect::RequireApproval => "require approval",
    }
    .to_owned();
    if let Some((approvals, hardware, teams)) = rule {
        let _ = write!(text, " of {}", needs(approvals, hardware, teams));
    }
    if let Some(eligible) = eligible {
        let names: Vec<&str> = eligible.iter().map(PersonId::as_str).collect();
        let _ = write!(text, " among {}", names.join(", "));
    }
    if let Some(policies) = policies {
        let ids: Vec<String> = policies.iter().map(|id| format!("`{}`", printable(id))).collect();
        let by = if ids.is_empty() {
            "no policy".to_owned()
        } else {
            ids.join(", ")
        };
        let _ = write!(text, " by {by}");
    }
    text
}

const fn software() -> KeyAssurance {
    KeyAssurance::Software
}

const fn pin() -> Presence {
    Presence::Pin
}

const fn separate() -> Isolation {
    Isolation::SeparateUser
}

const fn one() -> u32 {
    1
}

fn target() -> String {
    "file://host-1/srv/app/config.yaml".to_owned()
}

/// A Tuesday, 10:00 UTC.
fn morning() -> Timestamp {
    Timestamp::from_millis(1_795_514_400_000)
}
