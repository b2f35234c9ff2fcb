//! Withdrawal, grant and receipt: how the request ended, or why it must not run.

use countersign_protocol::bundle::Evidence;
use countersign_protocol::decision::Verdict;
use countersign_protocol::grant::Grant;
use countersign_protocol::identity::Role;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::receipt::{ExecutionReceipt, Outcome, Withdrawal};
use countersign_protocol::request::{Event, Phase, RequestState, Vote};
use countersign_protocol::signed::Verified;

use super::decisions::{Cast, Policies, approvals};
use super::record::Record;
use super::request::Asked;
use super::trust::Trust;
use super::{Problem, Purpose};
use crate::account::Step;
use crate::log::check_seen;

/// How the request ended, as far as it has.
pub(super) struct Ending {
    pub grant: Option<Verified<Grant>>,
    pub receipt: Option<Verified<ExecutionReceipt>>,
    pub state: RequestState,
}

#[expect(
    clippy::too_many_arguments,
    reason = "the whole chain so far is what an ending is judged by"
)]
pub(super) fn replay(
    evidence: &Evidence,
    trust: &Trust,
    asked: &Asked,
    record: &Record,
    cast: &Cast,
    now: Timestamp,
    purpose: Purpose,
    problems: &mut Vec<Problem>,
) -> Ending {
    let mut ending = Ending {
        grant: None,
        receipt: None,
        state: cast.state.clone(),
    };
    if let Err(problem) = withdrawal(evidence, trust, asked, record, now, &mut ending) {
        problems.push(problem);
    }
    if let Err(problem) = grant(evidence, trust, asked, record, cast, now, purpose, &mut ending) {
        problems.push(problem);
    }
    if let Err(problem) = receipt(evidence, trust, asked, record, now, &mut ending) {
        problems.push(problem);
    }
    if purpose == Purpose::Execute && problems.is_empty() && ending.state.phase() != Phase::Claimed {
        let phase = ending.state.phase().word();
        problems.push(Problem::new(
            "not-granted",
            format!("the request is `{phase}`, so nothing may run"),
        ));
    }
    if ending.state.phase().is_open()
        && now >= asked.request.expires_at
        && let Ok((expired, _)) = ending.state.apply(Event::TimePassed, now)
    {
        ending.state = expired;
    }
    ending
}

fn withdrawal(
    evidence: &Evidence,
    trust: &Trust,
    asked: &Asked,
    record: &Record,
    now: Timestamp,
    ending: &mut Ending,
) -> Result<(), Problem> {
    let Some(logged) = &evidence.withdrawal else {
        return Ok(());
    };
    let withdrawal = logged
        .envelope
        .verify::<Withdrawal>(trust.directories.newest())
        .map_err(|error| Problem::new("invalid-withdrawal", error))?;
    let ours = withdrawal.request == asked.request.id
        && withdrawal.request_digest == asked.request.request_digest()
        && withdrawal.signer() == Some(asked.request.guard_key);
    if !ours {
        return Err(Problem::new(
            "invalid-withdrawal",
            "the withdrawal is not this guard's, or of another request",
        ));
    }
    let at = record.logged_at(logged).unwrap_or(now);
    let (state, _) = ending
        .state
        .apply(Event::Withdrawn, at)
        .map_err(|error| Problem::new("invalid-withdrawal", error))?;
    ending.state = state;
    Ok(())
}

#[expect(
    clippy::too_many_arguments,
    reason = "the whole chain so far is what a grant is judged by"
)]
fn grant(
    evidence: &Evidence,
    trust: &Trust,
    asked: &Asked,
    record: &Record,
    cast: &Cast,
    now: Timestamp,
    purpose: Purpose,
    ending: &mut Ending,
) -> Result<(), Problem> {
    let Some(logged) = &evidence.grant else {
        return Ok(());
    };
    let grant = trust
        .verify::<Grant>(&logged.envelope)
        .map_err(|error| Problem::new("invalid-grant", error))?;
    check_bindings(&grant, asked, trust)?;
    check_logged(&grant, evidence, cast, record)?;
    let at = match purpose {
        Purpose::Execute => now,
        Purpose::Review | Purpose::Audit => grant.issued_at,
    };
    check_time(&grant, asked, trust, at)?;
    check_guard_key(asked, trust, at).map_err(|problem| problem.at(Step::Grant))?;
    let votes = granted_votes(&grant, cast, trust, at)?;
    let index = if purpose == Purpose::Execute {
        None
    } else {
        logged.index
    };
    let approvals = approvals(&votes, &cast.decisions, asked.sheet.lines().len());
    let satisfied = Policies::at(trust, asked, index, at).are_satisfied(&approvals);
    // The least number of people is counted from what the grant rests on too, and from nothing else.
    let standing = votes.iter().map(|vote| vote.person.clone()).collect();
    let granted = Event::Granted {
        grant: grant.grant_digest(),
        satisfied,
    };
    let counted = ending.state.apply(Event::Reevaluated { standing, satisfied }, at);
    let (state, _) = counted
        .and_then(|(state, _)| state.apply(granted, at))
        .map_err(|error| Problem::new("no-quorum", error))?;
    ending.state = state;
    ending.grant = Some(grant);
    Ok(())
}

fn check_bindings(grant: &Grant, asked: &Asked, trust: &Trust) -> Result<(), Problem> {
    let request = &asked.request;
    let checks = [
        (
            "request",
            grant.request == request.id && grant.request_digest == request.request_digest(),
        ),
        ("action", grant.action_digest == request.action_digest),
        (
            "guard",
            grant.guard == request.guard && grant.guard_key == request.guard_key,
        ),
        (
            "directory",
            trust
                .directories
                .iter()
                .any(|directory| directory.digest() == grant.directory),
        ),
        (
            "policy",
            trust
                .policies
                .iter()
                .any(|policy| policy.bundle.digest() == grant.policy),
        ),
        (
            "order of decisions",
            grant
                .decisions
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if a < b)),
        ),
    ];
    match checks.iter().find(|(_, holds)| !holds) {
        Some((what, _)) => Err(Problem::new(
            "grant-differs",
            format!("the grant's {what} is not the request's"),
        )),
        None => Ok(()),
    }
}

/// The request and every decision of the grant stand under the checkpoint that the grant names.
fn check_logged(grant: &Grant, evidence: &Evidence, cast: &Cast, record: &Record) -> Result<(), Problem> {
    let not_logged = |what: &str| {
        Problem::new(
            "not-logged",
            format!("{what} did not stand in the log when the grant was given"),
        )
    };
    let checkpoint = record.view.checkpoint.ok_or_else(|| not_logged("the request"))?;
    check_seen(&grant.checkpoint, &checkpoint, &evidence.consistency)
        .map_err(|error| Problem::new("log-fork", error))?;
    let covered = |index: Option<u64>| index.is_some_and(|index| index < grant.checkpoint.size);
    if !covered(evidence.request.index) {
        return Err(not_logged("the request"));
    }
    for (logged, checked) in evidence.decisions.iter().zip(&cast.decisions) {
        let named = grant.decisions.contains(&checked.vote.decision);
        if named && !covered(logged.index) {
            return Err(not_logged("a decision"));
        }
    }
    Ok(())
}

fn check_time(grant: &Grant, asked: &Asked, trust: &Trust, at: Timestamp) -> Result<(), Problem> {
    let limits = trust.policies.newest().bundle.limits;
    let longest = grant
        .issued_at
        .after(std::time::Duration::from_secs(limits.grant_seconds.into()));
    let in_time = grant.issued_at.before(limits.skew()) <= at && at < grant.expires_at;
    if grant.expires_at > longest || grant.expires_at > asked.request.expires_at {
        return Err(Problem::new(
            "grant-time",
            "the grant lasts longer than the policy or the request allows",
        ));
    }
    if !in_time {
        return Err(Problem::new(
            "grant-time",
            "the grant has expired or is from the future; check this machine's clock",
        ));
    }
    Ok(())
}

/// The guard's key has to count, by the newest directory, when it runs and when it accounts for it.
fn check_guard_key(asked: &Asked, trust: &Trust, at: Timestamp) -> Result<(), Problem> {
    trust
        .directories
        .newest()
        .key_at(&asked.request.guard_key, Role::Guard, at)
        .map(|_| ())
        .map_err(|error| Problem::new("guard-key", error))
}

/// The votes a grant rests on: each an approval that counts, by a key that is valid at `at` too.
fn granted_votes(grant: &Grant, cast: &Cast, trust: &Trust, at: Timestamp) -> Result<Vec<Vote>, Problem> {
    let mut votes = Vec::new();
    for digest in &grant.decisions {
        let found = cast
            .decisions
            .iter()
            .find(|checked| checked.vote.decision == *digest);
        let checked = found.ok_or_else(|| {
            Problem::new(
                "no-quorum",
                "the grant rests on a decision that is not in the evidence",
            )
        })?;
        if let Some(why) = &checked.void {
            return Err(Problem::new(
                "no-quorum",
                format!("the grant rests on a decision that does not count: {why}"),
            ));
        }
        if checked.vote.verdict != Verdict::Approve {
            return Err(Problem::new("no-quorum", "the grant rests on a denial"));
        }
        trust
            .directories
            .newest()
            .key_at(&checked.vote.key, Role::Reviewer, at)
            .map_err(|error| Problem::new("no-quorum", error))?;
        if checked.vote.expires_at <= at {
            return Err(Problem::new(
                "no-quorum",
                "the grant rests on an approval that has expired",
            ));
        }
        votes.push(checked.vote.clone());
    }
    Ok(votes)
}

fn receipt(
    evidence: &Evidence,
    trust: &Trust,
    asked: &Asked,
    record: &Record,
    now: Timestamp,
    ending: &mut Ending,
) -> Result<(), Problem> {
    let Some(logged) = &evidence.receipt else {
        return Ok(());
    };
    let receipt = logged
        .envelope
        .verify::<ExecutionReceipt>(trust.directories.newest())
        .map_err(|error| Problem::new("invalid-receipt", error))?;
    let Some(grant) = &ending.grant else {
        return Err(Problem::new(
            "invalid-receipt",
            "there is a receipt, but no grant that holds",
        ));
    };
    let ours = receipt.request == asked.request.id
        && receipt.request_digest == asked.request.request_digest()
        && receipt.grant == grant.grant_digest()
        && receipt.guard == asked.request.guard
        && receipt.signer() == Some(asked.request.guard_key)
        && receipt.started_at <= receipt.ended_at;
    if !ours {
        return Err(Problem::new(
            "invalid-receipt",
            "the receipt is not this guard's, or of another grant",
        ));
    }
    check_guard_key(asked, trust, record.logged_at(logged).unwrap_or(now))
        .map_err(|problem| problem.at(Step::Outcome))?;
    // A receipt that says "nothing ran" may name the bytes it found instead of the approved ones.
    if receipt.action_digest != asked.request.action_digest
        && matches!(receipt.outcome, Outcome::Succeeded | Outcome::Partial)
    {
        return Err(Problem::new(
            "ran-something-else",
            "the receipt says that another action ran than was approved",
        ));
    }
    let at = record.logged_at(logged).unwrap_or(now);
    let ended = Event::Ended {
        grant: receipt.grant,
        outcome: receipt.outcome,
    };
    let (state, _) = ending
        .state
        .apply(ended, at)
        .map_err(|error| Problem::new("invalid-receipt", error))?;
    ending.state = state;
    ending.receipt = Some(receipt);
    Ok(())
}
