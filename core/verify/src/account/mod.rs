//! What a report comes to, in words: the chain step by step in the order of its making, with who signed what when, and
//! what evidence of this kind does not prove. It judges nothing that [`verify`](crate::verify) did not judge.
//!
//! Values may hold foreign text: show them escaped.

mod fact;
mod step;
mod unproven;

pub use fact::kept;
pub use step::Step;
pub(crate) use step::UNTRUSTED;

use crate::chain::{Chain, Report};
use countersign_protocol::request::Phase;
use fact::facts;
use unproven::unproven;

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was checked, and it holds.
    Holds,
    /// It was checked, and does not hold.
    Fails,
    /// There is nothing of it in the evidence.
    Absent,
    /// It was not checked, because something before it fails.
    NotReached,
}

/// One step, as it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which.
    pub step: Step,
    /// How it stands.
    pub standing: Standing,
    /// What is known of it: names and values.
    pub facts: Vec<(String, String)>,
}

/// What a report comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whether everything holds.
    pub valid: bool,
    /// Every step, in the order of its making.
    pub steps: Vec<Checked>,
    /// What does not hold: the step, a stable code, and a sentence.
    pub problems: Vec<(Step, &'static str, String)>,
    /// Where the request stands.
    pub outcome: Option<Phase>,
    /// Whether somebody else than those who asked approved it; nothing where not even the request could be verified.
    pub four_eyes: Option<bool>,
    /// What all of this does not prove.
    pub unproven: Vec<String>,
}

impl Account {
    /// What a report comes to.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let chain = report.chain.as_ref();
        let checked = |step: Step| Checked {
            step,
            standing: standing(report, step),
            facts: chain.map(|chain| facts(chain, step)).unwrap_or_default(),
        };
        let problems = report.problems.iter();
        Self {
            valid: report.is_valid(),
            steps: Step::ALL.into_iter().map(checked).collect(),
            problems: problems
                .map(|problem| (problem.step, problem.code, problem.message.clone()))
                .collect(),
            outcome: chain.map(|chain| chain.state.phase()),
            four_eyes: chain.map(Chain::is_four_eyes),
            unproven: chain.map(unproven).unwrap_or_default(),
        }
    }
}

fn standing(report: &Report, step: Step) -> Standing {
    if report.problems.iter().any(|problem| problem.step == step) {
        return Standing::Fails;
    }
    // Under a root that nobody pinned, nothing that holds proves anything: anybody can make a root.
    if report.problems.iter().any(|problem| problem.code == UNTRUSTED) {
        return Standing::NotReached;
    }
    let Some(chain) = &report.chain else {
        // The walk ended at the last problem. Root, directory and policy are walked in this order before all else.
        let ended = report.problems.last().map_or(Step::Root, |problem| problem.step);
        return if step < ended && step <= Step::Policy {
            Standing::Holds
        } else {
            Standing::NotReached
        };
    };
    let absent = match step {
        Step::Log => chain.log.checkpoint.is_none(),
        Step::Decisions => chain.decisions.is_empty(),
        Step::CounterProposals => chain.amended.is_empty() && chain.amendment.is_none(),
        Step::Grant => chain.grant.is_none(),
        Step::Outcome => chain.receipt.is_none() && chain.state.phase() != Phase::Withdrawn,
        // These were not computed again, but taken as they were recorded.
        Step::Findings if chain.findings_recorded => return Standing::NotReached,
        _ => false,
    };
    if absent { Standing::Absent } else { Standing::Holds }
}
