//! The three questions, put to Cedar.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, Request, RestrictedExpression};
use countersign_protocol::decision::Shown;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::{KeyAssurance, PersonId, Presence};
use countersign_protocol::moment::Timestamp;
use serde::Serialize;

use crate::load::PolicySet;
use crate::operation::{Approval, Credential, Operation};
use crate::recall::{Key, MAX_HOLDERS, MAX_TEAMS, Put, Recall, Situation, VerdictKey};
use crate::schema::Ask;
use crate::sight::Sight;
use crate::source::printable;
use crate::tally::{Approver, Tally, ways};
use crate::verdict::Verdict;
use crate::world::{World, agent, person, reference, team, this, uid};

/// Policy's answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Yes.
    Permit {
        /// The ids of the policies that permit it.
        policies: Vec<String>,
    },
    /// No.
    Deny {
        /// The ids of the policies that forbid it; none when no policy permits it.
        policies: Vec<String>,
        /// What no policy can lift: an evaluation error, an excluded or unknown person.
        errors: Vec<String>,
    },
}

impl Answer {
    /// Whether it is yes.
    #[must_use]
    pub const fn is_permit(&self) -> bool {
        matches!(self, Self::Permit { .. })
    }

    /// The policies that decided.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        match self {
            Self::Permit { policies } | Self::Deny { policies, .. } => policies,
        }
    }

    /// What no policy can lift.
    pub(crate) fn errors(&self) -> &[String] {
        match self {
            Self::Permit { .. } => &[],
            Self::Deny { errors, .. } => errors,
        }
    }

    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Deny {
            policies: vec![],
            errors: vec![reason.into()],
        }
    }
}

impl PolicySet {
    /// Everything that can be asked about one operation, in one directory, at one moment. Whoever asks more than
    /// once does so here: the directory is read for policy only once.
    #[must_use]
    pub fn about<'a>(
        &'a self,
        operation: &'a Operation,
        directory: &TrustedDirectory,
        now: Timestamp,
    ) -> Inquiry<'a> {
        let frozen = self.frozen(&operation.environment, now);
        let world = Cow::Owned(World::of(directory, now));
        Inquiry(Question::new(self, operation, world, now, frozen).map_err(Answer::refused))
    }

    /// May this be asked at all?
    #[must_use]
    pub fn propose(&self, operation: &Operation, directory: &TrustedDirectory, now: Timestamp) -> Answer {
        self.about(operation, directory, now).propose()
    }

    /// May this person decide this, now, with this key? See [`Inquiry::approve`].
    #[must_use]
    pub fn approve(
        &self,
        operation: &Operation,
        directory: &TrustedDirectory,
        person: &PersonId,
        with: &Credential,
        now: Timestamp,
    ) -> Answer {
        self.about(operation, directory, now).approve(person, with)
    }

    /// May it run with these approvals? See [`Inquiry::execute`].
    #[must_use]
    pub fn execute(
        &self,
        operation: &Operation,
        directory: &TrustedDirectory,
        approvals: &[Approval],
        now: Timestamp,
    ) -> Answer {
        self.about(operation, directory, now).execute(approvals)
    }
}

/// Policy, directory and moment, ready to answer about one operation.
pub struct Inquiry<'a>(Result<Question<'a>, Answer>);

impl fmt::Debug for Inquiry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry").finish_non_exhaustive()
    }
}

impl Inquiry<'_> {
    /// May this be asked at all?
    #[must_use]
    pub fn propose(&self) -> Answer {
        match &self.0 {
            Ok(question) => question.propose(),
            Err(refusal) => refusal.clone(),
        }
    }

    /// May this person decide this, now, with this key? Never an excluded or unknown one, whatever policy says.
    #[must_use]
    pub fn approve(&self, person: &PersonId, with: &Credential) -> Answer {
        self.put(|question| question.approve(person, *with, Duration::ZERO))
    }

    /// May it run with these approvals? Approvals that are too old or dated in the future, and those of people
    /// who are not eligible now or hold no such key, are dropped first; then each way in which the people can
    /// stand for their teams is asked about until one is permitted.
    #[must_use]
    pub fn execute(&self, approvals: &[Approval]) -> Answer {
        self.put(|question| question.execute(approvals))
    }

    fn put(&self, ask: impl FnOnce(&Question<'_>) -> Answer) -> Answer {
        self.0.as_ref().map_or_else(Clone::clone, ask)
    }

    pub(crate) fn question(&self) -> Option<&Question<'_>> {
        self.0.as_ref().ok()
    }
}

/// One operation in one world at one moment, ready to be asked about.
pub(crate) struct Question<'a> {
    policies: &'a PolicySet,
    operation: &'a Operation,
    world: Cow<'a, World>,
    /// Gathered for the first question that Cedar has to be asked.
    entities: OnceCell<Result<Arc<Entities>, String>>,
    now: Timestamp,
    frozen: bool,
    sight: &'a Sight,
    /// The same for what was asked before; nothing where that is not looked up.
    situation: Option<Arc<Situation>>,
    recall: Arc<Recall>,
    /// Whether Cedar could not answer something.
    erred: Cell<bool>,
}

impl<'a> Question<'a> {
    pub(crate) fn new(
        policies: &'a PolicySet,
        operation: &'a Operation,
        world: Cow<'a, World>,
        now: Timestamp,
        frozen: bool,
    ) -> Result<Self, String> {
        world.society.place(operation)?;
        let sight = policies.sight();
        Ok(Self {
            policies,
            operation,
            entities: OnceCell::new(),
            now,
            frozen,
            sight,
            situation: Situation::of(operation, now, sight),
            recall: policies.recall(&world.society),
            erred: Cell::new(false),
            world,
        })
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    pub(crate) const fn operation(&self) -> &Operation {
        self.operation
    }

    pub(crate) const fn policies(&self) -> &PolicySet {
        self.policies
    }

    pub(crate) fn propose(&self) -> Answer {
        self.recalled(
            || Put::Propose,
            || self.put(Ask::Propose, agent(self.operation), [("now", self.now())]),
        )
    }

    pub(crate) fn approve(&self, who: &PersonId, with: Credential, age: Duration) -> Answer {
        if !self.world.society.people.contains_key(who) {
            return Answer::refused(format!("`{who}` is not in the directory"));
        }
        let place = self.world.society.environments.get(&self.operation.environment);
        if self
            .operation
            .excludes(who, place.is_some_and(|place| place.personal))
        {
            return Answer::refused(format!(
                "`{who}` asked for this, owns the agent or amended it: somebody else has to approve"
            ));
        }
        let asked = || Put::Approve {
            person: who.clone(),
            with,
            age: self.sight.age.of(&age),
        };
        self.recalled(asked, || self.ask_to_approve(who, with, age))
    }

    fn ask_to_approve(&self, who: &PersonId, with: Credential, age: Duration) -> Answer {
        let context = [
            ("now", self.now()),
            ("age", duration(age)),
            (
                "assurance",
                RestrictedExpression::new_long(assurance_level(with.assurance)),
            ),
            (
                "presence",
                RestrictedExpression::new_long(presence_level(with.presence)),
            ),
            (
                "scripted",
                RestrictedExpression::new_bool(with.shown == Shown::Nothing),
            ),
            (
                "whole",
                RestrictedExpression::new_bool(with.shown == Shown::Whole),
            ),
            ("offline", RestrictedExpression::new_bool(with.offline)),
        ];
        self.put(Ask::Approve, person(who), context)
    }

    pub(crate) fn execute(&self, approvals: &[Approval]) -> Answer {
        let mut seen = BTreeSet::new();
        if let Some(twice) = approvals.iter().find(|approval| !seen.insert(&approval.person)) {
            return Answer::refused(format!(
                "`{}` approves twice: one person has one vote",
                twice.person
            ));
        }
        let standing: Vec<Approver> = approvals
            .iter()
            .filter(|approval| self.stands(approval))
            .map(|approval| self.approver(approval))
            .collect();
        let Ok(tallies) = ways(&standing) else {
            return Answer::refused("too many approvals and teams to look through; 16 people at most");
        };
        let mut first_no = None;
        for tally in &tallies {
            match self.execute_with(tally) {
                Answer::Deny { policies, errors } if errors.is_empty() => {
                    first_no.get_or_insert(Answer::Deny { policies, errors });
                }
                decided => return decided,
            }
        }
        first_no.unwrap_or_else(|| Answer::refused("there is nothing to ask"))
    }

    pub(crate) fn execute_with(&self, tally: &Tally) -> Answer {
        if tally.from.len() > MAX_TEAMS {
            return self.ask_to_execute(tally);
        }
        let asked = || Put::Execute {
            tally: tally.clone(),
            frozen: self.frozen,
        };
        self.recalled(asked, || self.ask_to_execute(tally))
    }

    fn ask_to_execute(&self, tally: &Tally) -> Answer {
        let number = |count: u32| RestrictedExpression::new_long(count.into());
        let from: Result<Vec<_>, String> = tally.from.iter().map(|id| team(id).map(reference)).collect();
        let approvals = from.and_then(|from| {
            let fields = [
                ("count", number(tally.count)),
                ("hardware", number(tally.hardware)),
                ("attested", number(tally.attested)),
                ("teams", number(tally.teams)),
                ("from", RestrictedExpression::new_set(from)),
            ];
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
            RestrictedExpression::new_record(fields).map_err(|error| error.to_string())
        });
        match approvals {
            Ok(approvals) => {
                let frozen = RestrictedExpression::new_bool(self.frozen);
                let context = [("now", self.now()), ("frozen", frozen), ("approvals", approvals)];
                self.put(Ask::Execute, agent(self.operation), context)
            }
            Err(problem) => Answer::refused(problem),
        }
    }

    /// Whether an approval still counts: not older than the bundle lets it be, not from the future, its person
    /// still eligible, and still holding such a key.
    fn stands(&self, approval: &Approval) -> bool {
        let limits = &self.policies.limits;
        let latest = self.now.after(limits.skew());
        let age = self.now.since(approval.decided_at);
        let with = approval.credential;
        let holds = self
            .world
            .keys_of(&approval.person)
            .any(|(assurance, most)| *assurance == with.assurance && with.presence <= *most);
        holds
            && approval.decided_at <= latest
            && age < limits.decision_life(with.offline)
            && self
                .approve(&approval.person, approval.credential, age)
                .is_permit()
    }

    fn approver(&self, approval: &Approval) -> Approver {
        let member = self.world.society.people.get(&approval.person);
        Approver {
            assurance: approval.credential.assurance,
            teams: member.map(|member| member.teams.clone()).unwrap_or_default(),
        }
    }

    fn now(&self) -> RestrictedExpression {
        RestrictedExpression::new_datetime(self.now.to_string())
    }

    /// The answer that was given before, where one was, or else what `ask` gives.
    fn recalled(&self, asked: impl FnOnce() -> Put, ask: impl FnOnce() -> Answer) -> Answer {
        match &self.situation {
            Some(situation) => {
                let key = Key {
                    situation: Arc::clone(situation),
                    question: asked(),
                };
                let free_of_errors = |answer: &Answer| answer.errors().is_empty();
                self.recall.answers.or_ask(key, free_of_errors, ask)
            }
            None => ask(),
        }
    }

    /// The verdict that was given before, where one was, or else what `find` finds.
    pub(crate) fn recalled_verdict(&self, find: impl FnOnce() -> Verdict) -> Verdict {
        match &self.situation {
            Some(situation) if self.world.keys.len() <= MAX_HOLDERS => {
                let key = VerdictKey {
                    situation: Arc::clone(situation),
                    frozen: self.frozen,
                    keys: Arc::clone(&self.world.keys),
                };
                let free_of_errors = |_: &Verdict| !self.erred.get();
                self.recall.verdicts.or_ask(key, free_of_errors, find)
            }
            _ => find(),
        }
    }

    fn put<const N: usize>(
        &self,
        ask: Ask,
        principal: Result<EntityUid, String>,
        context: [(&str, RestrictedExpression); N],
    ) -> Answer {
        let request = self.request(ask, principal, context);
        let entities = self.entities.get_or_init(|| self.world.entities(self.operation));
        let answer = match (request, entities) {
            (Ok(request), Ok(entities)) => answer(self.policies.asked(ask), &request, entities),
            (Err(problem), _) => Answer::refused(printable(&problem)),
            (_, Err(problem)) => Answer::refused(printable(problem)),
        };
        if !answer.errors().is_empty() {
            self.erred.set(true);
        }
        answer
    }

    fn request<const N: usize>(
        &self,
        ask: Ask,
        principal: Result<EntityUid, String>,
        context: [(&str, RestrictedExpression); N],
    ) -> Result<Request, String> {
        let pairs = context.into_iter().map(|(name, value)| (name.to_owned(), value));
        let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
        Request::new(
            principal?,
            uid("Action", ask.action())?,
            this()?,
            context,
            Some(self.policies.schema),
        )
        .map_err(|error| error.to_string())
    }
}

/// Asks Cedar.
fn answer(policies: &cedar_policy::PolicySet, request: &Request, entities: &Entities) -> Answer {
    let response = Authorizer::new().is_authorized(request, policies, entities);
    let diagnostics = response.diagnostics();
    let mut policies: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
    policies.sort();
    let mut errors: Vec<String> = diagnostics
        .errors()
        .map(|error| printable(&error.to_string()))
        .collect();
    errors.sort();
    // A forbid that errs is skipped by Cedar; here it denies.
    if response.decision() == Decision::Allow && errors.is_empty() {
        return Answer::Permit { policies };
    }
    if response.decision() == Decision::Allow {
        policies.clear();
    }
    Answer::Deny { policies, errors }
}

/// An age. Most are asked about as none at all, which is read once: reading takes long.
fn duration(age: Duration) -> RestrictedExpression {
    static NONE: LazyLock<RestrictedExpression> = LazyLock::new(|| RestrictedExpression::new_duration("0ms"));
    if age.is_zero() {
        NONE.clone()
    } else {
        RestrictedExpression::new_duration(format!("{}ms", age.as_millis()))
    }
}

/// 1 to 3, as policies see it.
pub(crate) const fn assurance_level(assurance: KeyAssurance) -> i64 {
    match assurance {
        KeyAssurance::Software => 1,
        KeyAssurance::HardwareUnattested => 2,
        KeyAssurance::HardwareAttested => 3,
    }
}

/// 0 to 2, as policies see it.
pub(crate) const fn presence_level(presence: Presence) -> i64 {
    match presence {
        Presence::None => 0,
        Presence::Pin => 1,
        Presence::Touch => 2,
    }
}
