//! What a report comes to, in words: the chain step by step in the order of its making, with who signed what when, and
//! what evidence of this kind does not prove. It judges nothing that [`verify`](crate::verify) did not judge.
//!
//! Values may hold foreign text: show them escaped.

use countersign_protocol::decision::{Attention, Decision, Verdict};
use countersign_protocol::identity::{KeyAssurance, Presence, Role};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Isolation;
use countersign_protocol::request::{Phase, Vote};
use countersign_protocol::text::Line;

use crate::chain::{Chain, CheckedAmendment, CheckedDecision, Report};

/// The code of a problem with the root itself: it is not the one that is pinned.
pub(crate) const UNTRUSTED: &str = "untrusted-root";

/// A step of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Whom everything else is trusted by.
    Root,
    /// People, keys, agents and guards.
    Directory,
    /// What may run, and what it takes.
    Policy,
    /// What the guard asked for.
    Proposal,
    /// What the backend held for people to decide.
    Request,
    /// The bytes that it is about.
    Documents,
    /// What the rules find in them.
    Findings,
    /// What policy asks of people.
    Rule,
    /// The record that nobody can bend afterwards.
    Log,
    /// What people answered.
    Decisions,
    /// What was proposed instead.
    CounterProposals,
    /// The one permission to run it.
    Grant,
    /// How it ended.
    Outcome,
}

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

impl Step {
    /// All, in the order of their making.
    pub const ALL: [Self; 13] = [
        Self::Root,
        Self::Directory,
        Self::Policy,
        Self::Proposal,
        Self::Request,
        Self::Documents,
        Self::Findings,
        Self::Rule,
        Self::Log,
        Self::Decisions,
        Self::CounterProposals,
        Self::Grant,
        Self::Outcome,
    ];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Directory => "directory",
            Self::Policy => "policy",
            Self::Proposal => "proposal",
            Self::Request => "request",
            Self::Documents => "documents",
            Self::Findings => "findings",
            Self::Rule => "approval rule",
            Self::Log => "log",
            Self::Decisions => "decisions",
            Self::CounterProposals => "counter-proposals",
            Self::Grant => "grant",
            Self::Outcome => "outcome",
        }
    }

    /// What was checked of it.
    #[must_use]
    pub const fn checked(self) -> &'static str {
        match self {
            Self::Root => "it is the pinned one, and each later one is signed by old and new owners",
            Self::Directory => "signed by as many of its owners as the root asks for",
            Self::Policy => "signed by as many of its owners as the root asks for",
            Self::Proposal => "signed by the guard that asks, by a key that counted then",
            Self::Request => "signed by the backend, and about exactly this proposal",
            Self::Documents => "every document is byte for byte the one that is named",
            Self::Findings => "risk and sheet come out the same when they are computed from the same bytes",
            Self::Rule => "policy asks for exactly this when it is asked again",
            Self::Log => {
                "signed by the log, holds every statement at its place, hides none about this request"
            }
            Self::Decisions => {
                "signed by the reviewer's own key, about exactly this request, action and sheet"
            }
            Self::CounterProposals => "signed by the reviewer's own key, and tied to what it answers",
            Self::Grant => "signed by the backend, for this guard alone, on decisions that count",
            Self::Outcome => "signed by the guard that ran it, about exactly this grant",
        }
    }

    /// The step that a problem is about, by its code; what is ambiguous is said where it is found.
    pub(crate) fn of(code: &str) -> Self {
        match code {
            UNTRUSTED | "invalid-root" | "expired-root" => Self::Root,
            "invalid-directory" | "older-directory" | "expired-directory" => Self::Directory,
            "invalid-policy" | "older-policy" | "expired-policy" => Self::Policy,
            "invalid-proposal" | "guard-key" | "time" => Self::Proposal,
            "invalid-amendment" => Self::CounterProposals,
            "incomplete" | "artifact-differs" => Self::Documents,
            "findings-differ" | "drift-differs" | "severity-differs" | "no-sheet" | "unknown-ruleset" => {
                Self::Findings
            }
            "rule-differs" => Self::Rule,
            "log" | "log-fork" | "log-behind" | "not-logged" | "hidden-entry" => Self::Log,
            "invalid-decision" | "too-large" => Self::Decisions,
            "invalid-grant" | "grant-differs" | "grant-time" | "no-quorum" | "not-granted" => Self::Grant,
            "invalid-receipt" | "ran-something-else" | "invalid-withdrawal" => Self::Outcome,
            _ => Self::Request,
        }
    }
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

#[expect(
    clippy::needless_pass_by_value,
    reason = "what is told is mostly made for it, and short"
)]
fn fact(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn facts(chain: &Chain, step: Step) -> Vec<(String, String)> {
    match step {
        Step::Root => {
            let root = chain.root.root();
            vec![
                fact("organisation", root.organisation.raw()),
                fact("root", chain.root.id()),
                fact("version", root.version),
                fact("good until", root.expires_at),
            ]
        }
        Step::Directory => vec![
            fact(
                "version",
                versions(chain.request_directory.version, chain.directory.version),
            ),
            fact("signatures needed", chain.root.threshold(Role::DirectoryOwner)),
            fact("good until", chain.directory.expires_at),
        ],
        Step::Policy => vec![
            fact("digest", chain.request.policy),
            fact("signatures needed", chain.root.threshold(Role::PolicyOwner)),
        ],
        Step::Proposal => vec![
            fact(
                "guard",
                format!("{}, {}", chain.proposal.guard, isolation(chain.request.isolation)),
            ),
            fact("key", chain.request.guard_key),
            fact("agent", &chain.request.agent),
            fact("signed", chain.proposal.created_at),
        ],
        Step::Request => vec![
            fact("request", chain.request.id),
            fact("action", chain.request.action_digest),
            fact("made", chain.request.created_at),
            fact("ran out", chain.request.expires_at),
            fact("may not approve", joined(&chain.request.excluded)),
        ],
        Step::Documents => vec![fact("documents", chain.proposal.action.artifacts().len())],
        Step::Findings => vec![
            fact("risk", chain.request.severity.word()),
            fact("rules", chain.request.ruleset.raw()),
            fact("sheet", chain.sheet.view_digest()),
            fact("check words", chain.sheet.check_code()),
        ],
        Step::Rule => rule(chain),
        Step::Log => log(chain),
        Step::Decisions => chain
            .decisions
            .iter()
            .flat_map(|checked| decision(chain, checked))
            .collect(),
        Step::CounterProposals => counter_proposals(chain),
        Step::Grant => chain
            .grant
            .iter()
            .flat_map(|grant| {
                [
                    fact("given", grant.issued_at),
                    fact("to guard", &grant.guard),
                    fact("on decisions", grant.decisions.len()),
                    fact("grant", grant.grant_digest()),
                ]
            })
            .collect(),
        Step::Outcome => outcome(chain),
    }
}

fn versions(of_request: u64, newest: u64) -> String {
    if of_request == newest {
        newest.to_string()
    } else {
        format!("{of_request} when it was asked, {newest} at last")
    }
}

fn joined<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    if all.is_empty() {
        "nobody".to_owned()
    } else {
        all.join(", ")
    }
}

const fn isolation(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::None => "running as the agent's own user",
        Isolation::SeparateUser => "running as another user than the agent",
    }
}

fn rule(chain: &Chain) -> Vec<(String, String)> {
    let rule = &chain.request.rule;
    let mut facts = vec![fact("approvals needed", rule.approvals)];
    if rule.hardware > 0 {
        facts.push(fact("by keys in hardware", rule.hardware));
    }
    if rule.teams > 1 {
        facts.push(fact("from teams", rule.teams));
    }
    facts.push(fact("who could", joined(&rule.eligible)));
    facts.push(fact("by policy", joined(rule.policies.iter().map(Line::raw))));
    facts
}

fn log(chain: &Chain) -> Vec<(String, String)> {
    let mut facts = vec![fact("log", &chain.log.origin)];
    if let (Some(index), Some(checkpoint)) = (chain.log.request_index, &chain.log.checkpoint) {
        facts.push(fact("request", format!("entry {index} of {}", checkpoint.size)));
        facts.push(fact("tree", checkpoint.root_hash));
        facts.push(fact("witnesses", chain.log.witnesses));
    }
    facts.extend(chain.log.newest_leaf.map(|at| fact("known up to", at)));
    facts
}

fn decision(chain: &Chain, checked: &CheckedDecision) -> Vec<(String, String)> {
    let mut facts = signature(
        &checked.vote,
        &checked.decision,
        checked.logged_index,
        checked.logged_at,
    );
    facts.push(fact(
        "read",
        match checked.decision.attention {
            Attention::None => "by a script; nothing was on a screen".to_owned(),
            Attention::Shown {
                lines,
                of_lines,
                seconds,
            } => format!(
                "{lines} of {of_lines} lines were on screen in {seconds} seconds, as {} says",
                checked.decision.surface.name.raw()
            ),
        },
    ));
    if checked.decision.revealed {
        facts.push(fact("secrets", "had some revealed"));
    }
    if chain.request.excluded.contains(&checked.vote.person) {
        facts.push(fact("excluded", "may not approve this one"));
    }
    facts.extend(checked.void.as_ref().map(|why| fact("does not count", why)));
    facts
}

/// Who said what, when, by which key, and where the log has it.
fn signature(
    vote: &Vote,
    decision: &Decision,
    index: Option<u64>,
    logged_at: Option<Timestamp>,
) -> Vec<(String, String)> {
    let said = match vote.verdict {
        Verdict::Approve => "approved",
        Verdict::Deny => "denied",
    };
    let place = match (index, logged_at) {
        (Some(index), Some(at)) => format!("entry {index}, taken in at {at}"),
        _ => "not in the log".to_owned(),
    };
    let asked = if decision.pin_remembered {
        "its PIN is remembered, so nothing was asked of its holder"
    } else {
        asked(vote.presence)
    };
    vec![
        fact(
            vote.person.as_str(),
            format!("{said}, signed at {}", vote.decided_at),
        ),
        fact("in the log", place),
        fact(
            "key",
            format!("{}; {}; {}", vote.key, kept(vote.assurance), asked),
        ),
    ]
}

/// How a key is kept, as far as the directory proves it.
#[must_use]
pub const fn kept(assurance: KeyAssurance) -> &'static str {
    match assurance {
        KeyAssurance::Software => "kept in software",
        KeyAssurance::HardwareUnattested => "said to be in hardware, without proof",
        KeyAssurance::HardwareAttested => "proven to be in hardware",
    }
}

const fn asked(presence: Presence) -> &'static str {
    match presence {
        Presence::None => "nothing was asked of its holder",
        Presence::Pin => "a PIN or passphrase was asked for",
        Presence::Touch => "a touch was asked for",
    }
}

fn counter_proposals(chain: &Chain) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = chain
        .amended
        .iter()
        .map(|step| {
            let by = &step.amendment().denial.reviewer;
            fact(
                "follows from",
                format!("the one of {by} to {}", step.request().id),
            )
        })
        .collect();
    if let Some(CheckedAmendment {
        amendment,
        vote,
        logged_at,
        logged_index,
        void,
    }) = &chain.amendment
    {
        facts.extend(signature(vote, &amendment.denial, *logged_index, *logged_at));
        facts.push(fact("open until", amendment.until));
        facts.extend(void.as_ref().map(|why| fact("does not count", why)));
    }
    facts
}

fn outcome(chain: &Chain) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    if let Some(receipt) = &chain.receipt {
        facts.push(fact("ended", chain.state.phase().word()));
        facts.push(fact("by guard", &receipt.guard));
        facts.push(fact("began", receipt.started_at));
        facts.push(fact("was over", receipt.ended_at));
        facts.extend(receipt.exit_code.map(|code| fact("exit code", code)));
    } else if chain.state.phase() == Phase::Withdrawn {
        facts.push(fact("withdrawn", "by the guard that asked"));
    }
    facts
}

fn unproven(chain: &Chain) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |so: bool, what: &str| all.extend(so.then(|| what.to_owned()));
    say(
        chain.findings_recorded,
        "What the rules find: this request was made with other rules than this program has, so its findings are the recorded ones.",
    );
    say(
        chain.request.isolation == Isolation::None,
        "That the agent could not go round the guard: it ran as the agent's own user.",
    );
    say(
        chain.request.personal,
        "Four eyes: a person supervised their own agent.",
    );
    say(
        chain.request.approved.is_some(),
        "That what is called the last approved state was the last: the backend looked it up.",
    );
    say(
        chain.log.checkpoint.is_none(),
        "That the request stands in the log, and that nothing about it is hidden.",
    );
    say(
        chain.log.checkpoint.is_some() && chain.log.witnesses == 0,
        "That everybody is shown the same log: no witness signed its tree.",
    );
    if let Some(at) = chain.log.newest_leaf {
        say(
            true,
            &format!("What came after {at}: a later revocation, denial or alarm is not in here."),
        );
    }
    let counting = || chain.decisions.iter().filter(|checked| checked.void.is_none());
    say(
        counting().any(|checked| checked.vote.assurance != KeyAssurance::HardwareAttested),
        "That no copy of a reviewer's key exists: not every one is proven to be in hardware.",
    );
    say(
        counting().next().is_some(),
        "That a reviewer read and understood: what was on screen is what their console says.",
    );
    say(
        counting().any(|checked| checked.logged_at.is_none()),
        "When a decision was made: not every one stands in the log.",
    );
    say(
        chain.receipt.is_some(),
        "What really happened on the target: the outcome is what the guard signed.",
    );
    say(
        chain.grant.is_some() && chain.receipt.is_none(),
        "Whether it ran: it was granted, and no guard has accounted for it in here.",
    );
    all
}
