//! What is known of each step, as names and values: who signed what when, by which key.

use super::Step;
use crate::chain::{Chain, CheckedAmendment, CheckedDecision};
use countersign_protocol::decision::{Attention, Decision, Verdict};
use countersign_protocol::identity::{KeyAssurance, Presence, Role};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::proposal::Isolation;
use countersign_protocol::request::{Phase, Vote};
use countersign_protocol::text::Line;

/// Returns what is known of a step: names and values, for people.
pub(super) fn facts(chain: &Chain, step: Step) -> Vec<(String, String)> {
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

#[expect(
    clippy::needless_pass_by_value,
    reason = "what is told is mostly made for it, and short"
)]
fn fact(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}
