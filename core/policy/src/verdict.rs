//! The verdict: whether it runs, is forbidden, or waits for people, and for how many.
//!
//! `propose` is asked first, so that nobody is bothered with what is forbidden anyway. What `execute` permits
//! with no approval runs. Else `execute` is asked with rising hypothetical approvals of the people whom `approve`
//! lets decide now with the best of their keys; the smallest quorum that is permitted is the approval rule.
//! What not even all of them together could get permitted is forbidden: a request that nobody can answer would
//! only wait until it expires. That includes a freeze, which a new asking after it has ended gets past.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign_protocol::approval::ApprovalRule;
use countersign_protocol::decision::Shown;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::{PersonId, TeamId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::text::Line;
use serde::Serialize;

use crate::load::PolicySet;
use crate::operation::{Credential, Operation};
use crate::question::{Answer, Question};
use crate::tally::{Approver, Size, Tally, bound, quorums};
use crate::world::Member;

/// The most people that a rule can ask for. A policy that wants more can be satisfied by nobody.
pub(crate) const MAX_NEEDED: usize = 8;

/// Policy's answer to a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It runs without review.
    Permit {
        /// The policies that permit it.
        policies: Vec<String>,
    },
    /// It does not run, and nobody is asked.
    Forbid {
        /// The policies that forbid it; none when no policy permits it, or nobody could approve it now.
        policies: Vec<String>,
    },
    /// It waits for people.
    RequireApproval(ApprovalRule),
}

impl PolicySet {
    /// What policy says to a proposal.
    #[must_use]
    pub fn verdict(&self, operation: &Operation, directory: &TrustedDirectory, now: Timestamp) -> Verdict {
        match self.about(operation, directory, now).question() {
            Some(question) => question.verdict(),
            None => Verdict::Forbid { policies: vec![] },
        }
    }
}

/// All that policies can tell people apart by, when they are asked who may approve: what the entity of a person holds,
/// which of the operation's sets the person is in, and, for people whom a policy names, who it is. Two people with the
/// same traits could change places without any policy noticing, so they get the same answer.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Traits<'a> {
    teams: &'a BTreeSet<TeamId>,
    on_call: bool,
    owns: bool,
    asked: bool,
    excluded: bool,
    name: Option<&'a PersonId>,
}

impl Question<'_> {
    pub(crate) fn verdict(&self) -> Verdict {
        self.recalled_verdict(|| self.find_verdict())
    }

    fn find_verdict(&self) -> Verdict {
        if let Answer::Deny { policies, .. } = self.propose() {
            return Verdict::Forbid { policies };
        }
        match self.execute_with(&Tally::default()) {
            Answer::Permit { policies } => return Verdict::Permit { policies },
            Answer::Deny { errors, .. } if !errors.is_empty() => return Verdict::Forbid { policies: vec![] },
            Answer::Deny { .. } => {}
        }
        let eligible = self.eligible();
        let people: Vec<Approver> = eligible.iter().map(|(_, approver)| approver.clone()).collect();
        match self.smallest_quorum(&people) {
            Ok((tally, policies)) => Verdict::RequireApproval(ApprovalRule {
                approvals: tally.count,
                hardware: tally.hardware,
                teams: tally.teams,
                eligible: eligible
                    .into_iter()
                    .map(|(person, _)| person)
                    .collect::<BTreeSet<PersonId>>(),
                policies: policies.into_iter().filter_map(|id| Line::new(id).ok()).collect(),
            }),
            Err(policies) => Verdict::Forbid { policies },
        }
    }

    /// The people who may approve now, each with the best key they may do it with. Of people who are alike one is
    /// asked about, for all of them.
    pub(crate) fn eligible(&self) -> Vec<(PersonId, Approver)> {
        let world = self.world();
        let mut answered: BTreeMap<(Traits<'_>, Credential), bool> = BTreeMap::new();
        let mut all = Vec::new();
        for (person, member) in &world.society.people {
            let may = |(assurance, presence): &&_| {
                let with = Credential {
                    assurance: *assurance,
                    presence: *presence,
                    shown: Shown::Whole,
                    offline: false,
                };
                let answer = || self.approve(person, with, Duration::ZERO).is_permit();
                *answered
                    .entry((self.traits(person, member), with))
                    .or_insert_with(answer)
            };
            // The keys are sorted, so the last is the best.
            if let Some((assurance, _)) = world.keys_of(person).rev().find(may) {
                all.push((
                    person.clone(),
                    Approver {
                        assurance: *assurance,
                        teams: member.teams.clone(),
                    },
                ));
            }
        }
        all
    }

    fn traits<'a>(&self, person: &'a PersonId, member: &'a Member) -> Traits<'a> {
        let operation = self.operation();
        Traits {
            teams: &member.teams,
            on_call: member.on_call,
            owns: operation.owners.contains(person),
            asked: operation.initiators.contains(person),
            excluded: operation.excluded.contains(person),
            name: Some(person).filter(|person| self.policies().names(person)),
        }
    }

    /// The same quorum without the teams that policy does not ask for: who is there comes from several teams even
    /// where one would do.
    fn with_fewest_teams(&self, tally: Tally) -> (Tally, Vec<String>) {
        let mut fewest = tally;
        for team in fewest.from.clone() {
            let fewer = fewest.without(&team);
            if fewer.teams >= 1 && self.execute_with(&fewer).is_permit() {
                fewest = fewer;
            }
        }
        let policies = self.execute_with(&fewest).policies().to_vec();
        (fewest, policies)
    }

    /// The smallest quorum that `execute` permits, with the policies that do; else the policies that forbid it.
    fn smallest_quorum(&self, people: &[Approver]) -> Result<(Tally, Vec<String>), Vec<String>> {
        for size in self.plausible_sizes(people) {
            let tallies = quorums(people, size).map_err(|_| vec![])?;
            for tally in tallies {
                match self.execute_with(&tally) {
                    Answer::Permit { .. } => return Ok(self.with_fewest_teams(tally)),
                    Answer::Deny { errors, .. } if !errors.is_empty() => return Err(vec![]),
                    Answer::Deny { .. } => {}
                }
            }
        }
        match self.execute_with(&bound(people, MAX_NEEDED)) {
            Answer::Deny { policies, .. } => Err(policies),
            Answer::Permit { .. } => Err(vec![]),
        }
    }

    /// The sizes of quorum that could be enough with every team behind them, the smallest first. Saves looking
    /// through the quorums of sizes that never are; sound since policies are monotone in approvals.
    fn plausible_sizes(&self, people: &[Approver]) -> impl Iterator<Item = Size> {
        let counts = 1..=people.len().min(MAX_NEEDED);
        counts.flat_map(move |count| {
            let best = bound(people, count);
            let permitted = |size: &Size| {
                let (hardware, attested) = (size.hardware, size.attested);
                self.execute_with(&Tally {
                    hardware,
                    attested,
                    ..best.clone()
                })
                .is_permit()
            };
            let most = Size {
                count,
                hardware: best.hardware,
                attested: best.attested,
            };
            if permitted(&most) {
                most.and_smaller().into_iter().filter(permitted).collect()
            } else {
                vec![]
            }
        })
    }
}
