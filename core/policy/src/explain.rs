//! Why policy answers as it does: which policies decided, and what would be needed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use countersign_protocol::decision::Shown;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::{KeyAssurance, PersonId, Presence};
use countersign_protocol::moment::Timestamp;
use serde::Serialize;

use crate::load::PolicySet;
use crate::operation::{Credential, Operation};
use crate::question::{Answer, Question};
use crate::tally::Tally;
use crate::verdict::Verdict;
use crate::world::World;

/// Everything that led to a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it may be asked at all.
    pub propose: Answer,
    /// Whether it may run with no approval.
    pub unattended: Answer,
    /// Whether a freeze holds.
    pub frozen: bool,
    /// Every person of the directory.
    pub people: Vec<PersonExplanation>,
    /// The titles of the policies named here.
    pub titles: BTreeMap<String, String>,
}

/// Whether one person may approve, and why or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonExplanation {
    /// The person.
    pub person: PersonId,
    /// The key that was asked about: the best that may approve, else the best there is. None without a key.
    pub key: Option<(KeyAssurance, Presence)>,
    /// The answer.
    pub answer: Answer,
    /// The answer to a decision from the command line, where it is another: nothing was on a screen then.
    pub scripted: Option<Answer>,
}

impl PolicySet {
    /// Explains the verdict on an operation.
    #[must_use]
    pub fn explain(
        &self,
        operation: &Operation,
        directory: &TrustedDirectory,
        now: Timestamp,
    ) -> Explanation {
        let world = World::of(directory, now);
        let frozen = self.frozen(&operation.environment, now);
        let explanation = match Question::new(self, operation, Cow::Borrowed(&world), now, frozen) {
            Ok(question) => question.explain(frozen),
            Err(problem) => Explanation {
                verdict: Verdict::Forbid { policies: vec![] },
                propose: Answer::refused(problem.clone()),
                unattended: Answer::refused(problem),
                frozen,
                people: vec![],
                titles: BTreeMap::new(),
            },
        };
        let titles = self
            .titles()
            .iter()
            .map(|(id, title)| (id.clone(), title.text.clone()))
            .collect();
        Explanation {
            titles,
            ..explanation
        }
    }
}

impl Question<'_> {
    fn explain(&self, frozen: bool) -> Explanation {
        Explanation {
            verdict: self.verdict(),
            propose: self.propose(),
            unattended: self.execute_with(&Tally::default()),
            frozen,
            people: self
                .world()
                .society
                .people
                .keys()
                .map(|person| self.explain_person(person))
                .collect(),
            titles: BTreeMap::new(),
        }
    }

    fn explain_person(&self, person: &PersonId) -> PersonExplanation {
        let mut best_no = None;
        for key in self.world().keys_of(person).rev() {
            let approve = |shown| {
                let with = Credential {
                    assurance: key.0,
                    presence: key.1,
                    shown,
                    offline: false,
                };
                self.approve(person, with, Duration::ZERO)
            };
            let answer = approve(Shown::Whole);
            let scripted = approve(Shown::Nothing);
            let explained = PersonExplanation {
                person: person.clone(),
                key: Some(*key),
                scripted: (scripted.is_permit() != answer.is_permit()).then_some(scripted),
                answer,
            };
            if explained.answer.is_permit() {
                return explained;
            }
            best_no.get_or_insert(explained);
        }
        best_no.unwrap_or_else(|| PersonExplanation {
            person: person.clone(),
            key: None,
            scripted: None,
            answer: Answer::refused(
                "has no valid decision key in the directory; `countersign keys enroll` asks for one",
            ),
        })
    }
}

impl Explanation {
    /// The explanation in words, one fact to a line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let verdict = match &self.verdict {
            Verdict::Permit { policies } => {
                format!("permit: it runs without review, by {}", self.named(policies))
            }
            Verdict::Forbid { policies } if policies.is_empty() => {
                format!("forbid: {}", self.why_forbidden())
            }
            Verdict::Forbid { policies } => format!("forbid: {}", self.named(policies)),
            Verdict::RequireApproval(rule) => {
                let policies: Vec<String> = rule.policies.iter().map(|id| id.raw().to_owned()).collect();
                let needs = needs(rule.approvals, rule.hardware, rule.teams);
                format!("require approval: {needs}, by {}", self.named(&policies))
            }
        };
        let _ = writeln!(text, "{verdict}");
        let _ = writeln!(text, "  may be asked: {}", self.answer(&self.propose));
        let _ = writeln!(text, "  without approval: {}", self.answer(&self.unattended));
        if self.frozen {
            let _ = writeln!(text, "  a change freeze holds");
        }
        for person in &self.people {
            let key = person.key.map_or_else(String::new, |(assurance, presence)| {
                format!(
                    " ({} key, presence {})",
                    assurance_word(assurance),
                    presence_word(presence)
                )
            });
            let _ = writeln!(text, "  {}{key}: {}", person.person, self.answer(&person.answer));
            if let Some(scripted) = &person.scripted {
                let _ = writeln!(text, "    without the full screen: {}", self.answer(scripted));
            }
        }
        text
    }

    fn why_forbidden(&self) -> &'static str {
        if self.propose.is_permit() {
            "nobody could approve this now; see below who may, and why others may not"
        } else {
            "no policy permits asking for it"
        }
    }

    fn answer(&self, answer: &Answer) -> String {
        match answer {
            Answer::Permit { policies } => format!("yes, by {}", self.named(policies)),
            Answer::Deny { policies, errors } if errors.is_empty() && policies.is_empty() => {
                "no, no policy permits it".to_owned()
            }
            Answer::Deny { policies, errors } if errors.is_empty() => {
                format!("no, by {}", self.named(policies))
            }
            Answer::Deny { errors, .. } => format!("no: {}", errors.join("; ")),
        }
    }

    fn named(&self, policies: &[String]) -> String {
        let one = |id: &String| match self.titles.get(id).filter(|title| !title.is_empty()) {
            Some(title) => format!("`{id}` ({title})"),
            None => format!("`{id}`"),
        };
        policies.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// A rule in words, such as `2 people from 2 teams, 1 of them with a key in hardware`.
#[must_use]
pub fn needs(approvals: u32, hardware: u32, teams: u32) -> String {
    let people = if approvals == 1 { "person" } else { "people" };
    let mut text = format!("{approvals} {people}");
    if teams > 1 {
        let _ = write!(text, " from {teams} teams");
    }
    if hardware > 0 && hardware == approvals {
        text.push_str(" with keys in hardware");
    } else if hardware > 0 {
        let _ = write!(text, ", {hardware} of them with a key in hardware");
    }
    text
}

const fn assurance_word(assurance: KeyAssurance) -> &'static str {
    match assurance {
        KeyAssurance::Software => "software",
        KeyAssurance::HardwareUnattested => "unproven hardware",
        KeyAssurance::HardwareAttested => "hardware",
    }
}

const fn presence_word(presence: Presence) -> &'static str {
    match presence {
        Presence::None => "none",
        Presence::Pin => "pin",
        Presence::Touch => "touch",
    }
}

#[cfg(test)]
mod tests {
    use super::needs;

    #[test]
    fn rules_read_as_english() {
        assert_eq!(needs(1, 0, 1), "1 person");
        assert_eq!(needs(2, 0, 2), "2 people from 2 teams");
        assert_eq!(needs(2, 1, 1), "2 people, 1 of them with a key in hardware");
        assert_eq!(needs(2, 2, 2), "2 people from 2 teams with keys in hardware");
    }
}
