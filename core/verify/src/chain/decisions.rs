//! Decisions: each checked by itself, then put through the one state machine in their order.

use countersign_policy::{Approval, Credential, Inquiry};
use countersign_protocol::approval::People;
use countersign_protocol::bundle::{Evidence, Logged};
use countersign_protocol::decision::{Decision, Shown, Verdict};
use countersign_protocol::digest::{DecisionDigest, KeyId};
use countersign_protocol::directory::{KeyHolder, TrustedDirectory};
use countersign_protocol::identity::{KeyAssurance, Presence, Role};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::{Event, PolicyAnswer, RequestState, Terms, Vote};

use super::record::Record;
use super::request::Asked;
use super::trust::{Policy, Trust};
use super::{CheckedDecision, Problem};
use crate::log::check_seen;

/// A key and presence that no policy could ask more of.
pub(super) const STRONGEST: Credential = Credential {
    assurance: KeyAssurance::HardwareAttested,
    presence: Presence::Touch,
    shown: Shown::Whole,
    offline: false,
};
/// The most decisions that evidence may hold.
const MAX_DECISIONS: usize = 1024;

/// The decisions and the state they lead to.
pub(super) struct Cast {
    pub decisions: Vec<CheckedDecision>,
    pub state: RequestState,
}

pub(super) fn replay(
    evidence: &Evidence,
    trust: &Trust,
    asked: &Asked,
    record: &Record,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) -> Cast {
    let mut cast = Cast {
        decisions: Vec::new(),
        state: RequestState::new(terms(asked)),
    };
    if evidence.decisions.len() > MAX_DECISIONS {
        problems.push(Problem::new(
            "too-large",
            format!("evidence holds more than {MAX_DECISIONS} decisions"),
        ));
        return cast;
    }
    for logged in &evidence.decisions {
        match one(logged, evidence, trust, asked, record, now) {
            Ok(checked) => enter(checked, logged.index, trust, asked, now, &mut cast),
            Err(problem) => problems.push(problem),
        }
    }
    cast
}

fn terms(asked: &Asked) -> Terms {
    Terms {
        id: asked.request.id,
        request_digest: asked.request.request_digest(),
        action_digest: asked.request.action_digest,
        view_digest: asked.sheet.view_digest(),
        excluded: asked.request.excluded.clone(),
        minimum: asked.request.rule.approvals,
        expires_at: asked.request.expires_at,
    }
}

/// Reads and checks one decision. A problem means that the evidence is wrong; a decision that merely may not
/// count comes back void.
fn one(
    logged: &Logged,
    evidence: &Evidence,
    trust: &Trust,
    asked: &Asked,
    record: &Record,
    now: Timestamp,
) -> Result<CheckedDecision, Problem> {
    let directory = trust.directories.newest();
    let decision = logged
        .envelope
        .verify::<Decision>(directory)
        .map_err(|error| Problem::new("invalid-decision", error))?;
    let logged_at = record.logged_at(logged);
    if !record.says(logged, decision.verdict) {
        return Err(Problem::new(
            "log",
            "the log calls an approval a denial, or the other way round",
        ));
    }
    let signed = Given {
        decision: &decision,
        digest: decision.decision_digest(),
        signer: decision.signer(),
        logged_at,
        logged_index: logged.index.filter(|_| logged_at.is_some()),
    };
    let (vote, void) = signed.check(evidence, trust, asked, record, now)?;
    Ok(CheckedDecision {
        decision,
        vote,
        logged_at,
        logged_index: logged.index.filter(|_| logged_at.is_some()),
        void,
    })
}

/// What somebody signed as their answer: a decision, or the denial in an amendment.
pub(super) struct Given<'a> {
    pub decision: &'a Decision,
    pub digest: DecisionDigest,
    pub signer: Option<KeyId>,
    pub logged_at: Option<Timestamp>,
    pub logged_index: Option<u64>,
}

impl Given<'_> {
    /// The vote in it, and why it may not count, as far as key, holder, time and the log its signer saw go.
    pub(super) fn check(
        &self,
        evidence: &Evidence,
        trust: &Trust,
        asked: &Asked,
        record: &Record,
        now: Timestamp,
    ) -> Result<(Vote, Option<String>), Problem> {
        let (decision, logged_at) = (self.decision, self.logged_at);
        let (vote, void) = self
            .vote(trust.directories.newest(), logged_at.unwrap_or(now))
            .map_err(|why| Problem::new("invalid-decision", why))?;
        let seen = decision.checkpoint;
        if self.logged_index.is_some_and(|index| index < seen.size) {
            return Err(Problem::new(
                "log-fork",
                "a decision stands where its signer had seen something else: the log was forked or rewritten",
            ));
        }
        let void = void.or_else(|| {
            let checkpoint = record.view.checkpoint?;
            let check = if seen.size > checkpoint.size {
                Ok(())
            } else {
                check_seen(&seen, &checkpoint, &evidence.consistency)
            };
            check.err().map(|error| error.to_string())
        });
        if let (Some(checkpoint), Some(why)) = (record.view.checkpoint, &void)
            && seen.size <= checkpoint.size
            && check_seen(&seen, &checkpoint, &evidence.consistency).is_err()
        {
            return Err(Problem::new("log-fork", why));
        }
        let skew = trust.policies.newest().bundle.limits.skew();
        let (from, until) = (
            asked.request.created_at.before(skew),
            logged_at.unwrap_or(now).after(skew),
        );
        let in_time = from <= decision.decided_at && decision.decided_at <= until;
        let void =
            void.or_else(|| (!in_time).then(|| "it states a time outside the request's life".to_owned()));
        Ok((vote, void))
    }

    /// The vote in it, and why it may not count as far as the key and its holder go.
    fn vote(&self, directory: &TrustedDirectory, at: Timestamp) -> Result<(Vote, Option<String>), String> {
        let decision = self.decision;
        let signer = self.signer.ok_or_else(|| "a decision has no signer".to_owned())?;
        let known = directory
            .keys
            .iter()
            .find(|key| key.key.id() == signer && key.role == Role::Reviewer);
        let key = known.ok_or_else(|| "a decision is signed by a key that is no reviewer's".to_owned())?;
        let KeyHolder::Person(person) = &key.holder else {
            return Err("a decision is signed by a key that is no person's".to_owned());
        };
        if decision.reviewer != *person {
            return Err(format!(
                "a decision names `{}`, but the key is `{person}`'s",
                decision.reviewer
            ));
        }
        let vote = Vote {
            person: person.clone(),
            key: signer,
            decision: self.digest,
            verdict: decision.verdict,
            request_digest: decision.request_digest,
            action_digest: decision.action_digest,
            view_digest: decision.view_digest,
            assurance: key.assurance,
            presence: decision.counted_presence(key),
            decided_at: decision.decided_at,
            expires_at: decision.expires_at,
        };
        Ok((
            vote,
            directory
                .key_at(&signer, Role::Reviewer, at)
                .err()
                .map(|error| error.to_string()),
        ))
    }
}

/// Puts a decision through the state machine as of when it was logged.
fn enter(
    mut checked: CheckedDecision,
    index: Option<u64>,
    trust: &Trust,
    asked: &Asked,
    now: Timestamp,
    cast: &mut Cast,
) {
    if checked.void.is_none() {
        let at = checked.logged_at.unwrap_or(now);
        let policies = Policies::at(trust, asked, index, at);
        reevaluate(cast, &policies, asked, at);
        let votes = cast.state.standing_with(&checked.vote, at);
        let approvals = approvals(
            &votes,
            cast.decisions.iter().chain([&checked]),
            asked.sheet.lines().len(),
        );
        let answer = PolicyAnswer {
            eligible: policies.let_decide(&checked.vote, credential(&checked, asked.sheet.lines().len())),
            satisfied: policies.are_satisfied(&approvals),
        };
        let vote = Box::new(checked.vote.clone());
        match cast.state.apply(Event::Decided { vote, answer }, at) {
            Ok((state, _)) => cast.state = state,
            Err(refusal) => checked.void = Some(refusal.to_string()),
        }
    }
    cast.decisions.push(checked);
}

/// Drops earlier approvals that no longer stand: their people may then approve again.
fn reevaluate(cast: &mut Cast, policies: &Policies<'_>, asked: &Asked, at: Timestamp) {
    let approves = |checked: &CheckedDecision| checked.vote.verdict == Verdict::Approve;
    // Without an earlier approval there is nothing that could fall.
    if !cast.decisions.iter().any(approves) {
        return;
    }
    let lines = asked.sheet.lines().len();
    let stands = |checked: &&CheckedDecision| {
        policies
            .directory()
            .key_at(&checked.vote.key, Role::Reviewer, at)
            .is_ok()
            && policies.let_decide(&checked.vote, credential(checked, lines))
    };
    let earlier = cast.decisions.iter().filter(|checked| approves(checked));
    let standing = earlier
        .filter(stands)
        .map(|checked| checked.vote.person.clone())
        .collect();
    let votes: Vec<Vote> = cast.state.standing(at).cloned().collect();
    let satisfied = policies.are_satisfied(&approvals(&votes, &cast.decisions, lines));
    if let Ok((state, _)) = cast.state.apply(Event::Reevaluated { standing, satisfied }, at) {
        cast.state = state;
    }
}

fn credential(checked: &CheckedDecision, sheet_lines: usize) -> Credential {
    Credential {
        assurance: checked.vote.assurance,
        presence: checked.vote.presence,
        shown: checked.decision.attention.of_sheet(sheet_lines),
        offline: checked.decision.offline,
    }
}

/// What has to say yes: policy and directory of the request, and those that were current for what stands in the
/// log at some index, where they are others.
pub(super) struct Policies<'a> {
    asked: &'a Asked,
    of_request: Under<'a>,
    current: Option<Under<'a>>,
}

struct Under<'a> {
    directory: &'a TrustedDirectory,
    inquiry: Inquiry<'a>,
}

impl<'a> Policies<'a> {
    pub(super) fn at(trust: &'a Trust, asked: &'a Asked, index: Option<u64>, at: Timestamp) -> Self {
        let under = |policy: &'a Policy, directory| Under {
            directory,
            inquiry: policy.set.about(&asked.judgement.operation, directory, at),
        };
        let (then, people_then) = (&trust.policies.of_request, &trust.directories.of_request);
        let (now, people_now) = (
            trust.policies.current_at(index),
            trust.directories.current_at(index),
        );
        let unchanged = std::ptr::eq(then, now) && std::ptr::eq(people_then, people_now);
        Self {
            asked,
            of_request: under(then, people_then),
            current: (!unchanged).then(|| under(now, people_now)),
        }
    }

    /// The directory that is current.
    fn directory(&self) -> &'a TrustedDirectory {
        self.current.as_ref().unwrap_or(&self.of_request).directory
    }

    /// Whether policy lets this human decide.
    pub(super) fn let_decide(&self, vote: &Vote, with: Credential) -> bool {
        let with = match vote.verdict {
            Verdict::Approve => with,
            // Saying no is cheap: a script may, with any key.
            Verdict::Deny => STRONGEST,
        };
        let (person, approves) = (&vote.person, vote.verdict == Verdict::Approve);
        self.all().all(|under| {
            // Who answers for the agent by now is excluded as well, whatever the request says.
            let own = approves
                && People::of(&self.asked.proposal, under.directory)
                    .excluded
                    .contains(person);
            !own && under.inquiry.approve(person, &with).is_permit()
        })
    }

    /// Whether policy lets it run with these approvals.
    pub(super) fn are_satisfied(&self, approvals: &[Approval]) -> bool {
        self.all()
            .all(|under| under.inquiry.execute(approvals).is_permit())
    }

    fn all(&self) -> impl Iterator<Item = &Under<'a>> {
        std::iter::once(&self.of_request).chain(&self.current)
    }
}

/// Votes as policy sees them.
pub(super) fn approvals<'a>(
    votes: &[Vote],
    decisions: impl IntoIterator<Item = &'a CheckedDecision>,
    sheet_lines: usize,
) -> Vec<Approval> {
    let decisions: Vec<&CheckedDecision> = decisions.into_iter().collect();
    let approval = |vote: &Vote| {
        let checked = decisions
            .iter()
            .find(|checked| checked.vote.decision == vote.decision)?;
        Some(Approval {
            person: vote.person.clone(),
            credential: credential(checked, sheet_lines),
            decided_at: vote.decided_at,
        })
    };
    votes.iter().filter_map(approval).collect()
}
