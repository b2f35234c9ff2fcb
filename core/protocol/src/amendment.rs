//! A counter-proposal: a reviewer says no to what was asked, and signs what could be asked instead.
//!
//! An amendment ends its request as a denial does. It permits nothing: a guard may propose the amended action as a
//! new one, and says in that proposal what it [`Amends`]. Whoever amended may not approve what came of it, nor may
//! anybody who could not approve what was amended, along the whole chain: [`check_lineage`] is the one place that
//! says whether a proposal follows from the amendments it names. Asks no policy and renders nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionError, Exec, Payload};
use crate::approval::ApprovalRequest;
use crate::decision::{Decision, Verdict};
use crate::digest::{AmendmentDigest, RequestDigest};
use crate::directory::{KeyHolder, TrustedDirectory};
use crate::identity::{PersonId, RequestId, Role};
use crate::moment::Timestamp;
use crate::proposal::Proposal;
use crate::signed::{Predicate, Subject, Verified};
use crate::text::{OsBytes, Prose};

/// The most amendments that lead to one proposal.
pub const MAX_AMENDMENTS: usize = 16;

/// An amendment statement, signed by one reviewer's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// The no to what was asked: bound, timed and counted as any other. Its reason says why this is better.
    pub denial: Decision,
    /// What could be asked instead: the same kind, environment and target, not more than was asked.
    pub action: Action,
    /// After this nothing can come of it: a request that follows from it expires no later.
    pub until: Timestamp,
}

/// What a proposal says it follows from, signed by the guard with the proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amends {
    /// The request that was amended.
    pub request: RequestId,
    /// That asking.
    pub request_digest: RequestDigest,
    /// The amendment.
    pub amendment: AmendmentDigest,
    /// Who amended.
    pub amender: PersonId,
    /// Why, in the amender's words.
    pub reason: Prose,
    /// The amender, and everybody who could not approve what was amended.
    pub excluded: BTreeSet<PersonId>,
}

impl Predicate for Amendment {
    const TYPE: &'static str = "https://countersign.dev/attestation/amendment/v1";
    const ROLE: Role = Role::Reviewer;

    fn subject(&self) -> Subject {
        Subject::new(
            self.denial.request.to_string(),
            *self.denial.request_digest.sha256(),
        )
    }
}

impl Verified<Amendment> {
    /// The digest that names this amendment.
    #[must_use]
    pub const fn amendment_digest(&self) -> AmendmentDigest {
        AmendmentDigest::new(*self.digest())
    }
}

/// Why an amendment is refused, or a proposal does not follow from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmendmentError {
    /// The amended action is refused.
    #[error("amended action is refused: {0}")]
    Action(#[from] ActionError),
    /// It asks for something else or for more.
    #[error("an amendment {0}; ask the agent to propose that by itself")]
    NotNarrower(&'static str),
    /// It changes nothing.
    #[error("the amendment changes nothing; approve or deny the request as it is")]
    Nothing,
    /// It contradicts itself or its request.
    #[error("amendment field `{field}` {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// The key that signed it is another person's.
    #[error("the amendment names `{0}`, but is signed by somebody else's key")]
    OtherAmender(PersonId),
    /// The amendments that a proposal follows from are not there, or others are.
    #[error("the proposal says that it amends {said}, but {shown} amendments are shown")]
    Lineage {
        /// What the proposal says.
        said: &'static str,
        /// How many are shown.
        shown: usize,
    },
    /// Too many amendments.
    #[error("more than {MAX_AMENDMENTS} amendments lead to this proposal; ask the agent to start afresh")]
    TooLong,
    /// A proposal does not follow from its amendment.
    #[error("proposal field `{0}` does not follow from the amendment that it names")]
    DoesNotFollow(&'static str),
}

impl Amendment {
    /// Refuses an amendment that is not about this request, or not narrower than it.
    ///
    /// # Errors
    /// [`AmendmentError`] says how.
    pub fn check(
        &self,
        proposal: &Proposal,
        request: &Verified<ApprovalRequest>,
    ) -> Result<(), AmendmentError> {
        let denial = &self.denial;
        let checks = [
            ("verdict", denial.verdict == Verdict::Deny, "is not a denial"),
            (
                "request",
                denial.request == request.id
                    && denial.request_digest == request.request_digest()
                    && denial.action_digest == request.action_digest,
                "is about another request or action",
            ),
            (
                "reason",
                !denial.reason.raw().trim().is_empty(),
                "is empty; the agent is told it",
            ),
            (
                "until",
                self.until <= request.expires_at,
                "is later than the request expires; it can only be earlier",
            ),
            ("until", denial.decided_at < self.until, "is over already"),
        ];
        if let Some((field, _, problem)) = checks.iter().find(|(_, holds, _)| !holds) {
            return Err(AmendmentError::Field { field, problem });
        }
        self.action.check()?;
        check_narrower(&proposal.action, &self.action)?;
        if self.action == proposal.action && self.until == request.expires_at {
            return Err(AmendmentError::Nothing);
        }
        Ok(())
    }
}

/// Refuses an amended action that acts on something else, or could do what was not asked at all.
///
/// Texts that are read whole may be rewritten: a document's content, a script. What surrounds them may only get less.
///
/// # Errors
/// [`AmendmentError::NotNarrower`] says how.
pub fn check_narrower(asked: &Action, amended: &Action) -> Result<(), AmendmentError> {
    let differs = |how| Err(AmendmentError::NotNarrower(how));
    if (asked.kind, &asked.environment, &asked.target)
        != (amended.kind, &amended.environment, &amended.target)
    {
        return differs("keeps kind, environment and target");
    }
    match (&asked.payload, &amended.payload) {
        (Payload::FileChange(asked), Payload::FileChange(amended)) => {
            if (&asked.path, asked.before, asked.mode) != (&amended.path, amended.before, amended.mode) {
                return differs("of a document changes its new content alone");
            }
            if asked.after.is_some() != amended.after.is_some() {
                return differs("does not turn a change into a removal, nor the other way round");
            }
            Ok(())
        }
        (Payload::Sql(asked), Payload::Sql(amended)) => {
            if (asked.dialect, &asked.database) != (amended.dialect, &amended.database) {
                return differs("keeps the database");
            }
            if amended.max_rows > asked.max_rows {
                return differs("does not let more rows be changed");
            }
            Ok(())
        }
        (Payload::Exec(asked), Payload::Exec(amended)) => check_narrower_process(asked, amended),
        (Payload::FileChange(_) | Payload::Sql(_) | Payload::Exec(_), _) => {
            differs("keeps the sort of payload")
        }
    }
}

fn check_narrower_process(asked: &Exec, amended: &Exec) -> Result<(), AmendmentError> {
    let differs = |how| Err(AmendmentError::NotNarrower(how));
    let same = (&asked.binary, asked.binary_digest, &asked.cwd)
        == (&amended.binary, amended.binary_digest, &amended.cwd);
    if !same || asked.argv.first() != amended.argv.first() {
        return differs("keeps the program and its working directory");
    }
    if !is_part(&asked.argv, &amended.argv) || !is_part(&asked.env, &amended.env) {
        return differs("only leaves arguments and variables out");
    }
    if amended.stdin.is_some() && asked.stdin.is_none() {
        return differs("adds no standard input");
    }
    // Contents may be rewritten; which files are handed over may not.
    let files = |exec: &Exec| -> BTreeSet<(Option<OsBytes>, OsBytes)> {
        let named = |operand: &crate::action::Operand| {
            let argument = usize::try_from(operand.argument).ok();
            let word = argument.and_then(|argument| exec.argv.get(argument));
            (word.cloned(), operand.path.clone())
        };
        exec.operands.iter().map(named).collect()
    };
    let (before, after) = (files(asked), files(amended));
    // A file's name that stays must stay a sealed copy: left bare, it would name whatever stands there by then.
    let bare = before
        .difference(&after)
        .any(|(word, _)| word.as_ref().is_some_and(|word| amended.argv.contains(word)));
    if !after.is_subset(&before) || bare {
        return differs("hands over the same files");
    }
    Ok(())
}

/// Whether `part` is `whole` with some items left out.
fn is_part<T: PartialEq>(whole: &[T], part: &[T]) -> bool {
    let mut left = whole.iter();
    part.iter().all(|item| left.any(|other| other == item))
}

/// One step of a chain of amendments: what was asked, and the amendment that ended it.
#[derive(Debug, Clone)]
pub struct Amended {
    proposal: Verified<Proposal>,
    request: Verified<ApprovalRequest>,
    amendment: Verified<Amendment>,
}

impl Amended {
    /// Ties an amendment to its request, and its signature to its amender.
    ///
    /// # Errors
    /// [`AmendmentError`] when they do not belong together.
    pub fn new(
        proposal: Verified<Proposal>,
        request: Verified<ApprovalRequest>,
        amendment: Verified<Amendment>,
        directory: &TrustedDirectory,
    ) -> Result<Self, AmendmentError> {
        let amender = &amendment.denial.reviewer;
        let signed = amendment.signer().is_some_and(|signer| {
            directory.keys.iter().any(|key| {
                key.key.id() == signer
                    && key.role == Role::Reviewer
                    && key.holder == KeyHolder::Person(amender.clone())
            })
        });
        if !signed {
            return Err(AmendmentError::OtherAmender(amender.clone()));
        }
        if request.proposal != proposal.proposal_digest() || request.id != proposal.request_id() {
            return Err(AmendmentError::Field {
                field: "request",
                problem: "holds another proposal",
            });
        }
        amendment.check(&proposal, &request)?;
        Ok(Self {
            proposal,
            request,
            amendment,
        })
    }

    /// What was asked.
    #[must_use]
    pub const fn proposal(&self) -> &Verified<Proposal> {
        &self.proposal
    }

    /// The request that it led to.
    #[must_use]
    pub const fn request(&self) -> &Verified<ApprovalRequest> {
        &self.request
    }

    /// What ended it.
    #[must_use]
    pub const fn amendment(&self) -> &Verified<Amendment> {
        &self.amendment
    }

    /// What a proposal that follows from this says of it.
    #[must_use]
    pub fn amends(&self) -> Amends {
        let amender = self.amendment.denial.reviewer.clone();
        let earlier = self.proposal.amends.iter().flat_map(|amends| &amends.excluded);
        let excluded = self.request.excluded.iter().chain(earlier).cloned();
        Amends {
            request: self.request.id,
            request_digest: self.request.request_digest(),
            amendment: self.amendment.amendment_digest(),
            reason: self.amendment.denial.reason.clone(),
            excluded: excluded.chain([amender.clone()]).collect(),
            amender,
        }
    }

    /// Checks that `next` is what follows from this: exactly the amended action, by the same guard for the same
    /// agent, on behalf of nobody fewer.
    fn check_next(&self, next: &Proposal) -> Result<(), AmendmentError> {
        let asked = &*self.proposal;
        let checks = [
            ("amends", next.amends.as_ref() == Some(&self.amends())),
            ("root", next.root == asked.root),
            ("guard", next.guard == asked.guard),
            ("agent", next.agent == asked.agent),
            ("action", next.action == self.amendment.action),
            ("expires_at", next.expires_at <= self.amendment.until),
            (
                "initiators",
                asked
                    .claims
                    .initiators
                    .iter()
                    .all(|initiator| next.claims.initiators.contains(initiator)),
            ),
        ];
        match checks.iter().find(|(_, holds)| !holds) {
            Some((field, _)) => Err(AmendmentError::DoesNotFollow(field)),
            None => Ok(()),
        }
    }
}

/// Checks that `proposal` follows from `amended`, the oldest first, and that this is the whole chain.
///
/// # Errors
/// [`AmendmentError`] when a step is missing, stands there for nothing, or does not lead to the next.
pub fn check_lineage(proposal: &Proposal, amended: &[Amended]) -> Result<(), AmendmentError> {
    if amended.len() > MAX_AMENDMENTS {
        return Err(AmendmentError::TooLong);
    }
    let mut next = proposal;
    for (place, step) in amended.iter().enumerate().rev() {
        if next.amends.is_none() {
            return Err(AmendmentError::Lineage {
                said: "nothing",
                shown: place + 1,
            });
        }
        step.check_next(next)?;
        next = &step.proposal;
    }
    if next.amends.is_some() {
        return Err(AmendmentError::Lineage {
            said: "an earlier request",
            shown: amended.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "amendment_tests.rs"]
mod tests;
