//! Loading: a bundle's Cedar files, strictly validated against the published schema.
//!
//! Everything that could make a policy mean less than it says is refused with its place: a syntax error, a
//! misspelt attribute, an unknown kind of action, a missing or doubled `@id`, a template. So are brackets nested deeper than
//! anybody reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicyId, Schema, ValidationMode, Validator};
use countersign_protocol::digest::PolicyDigest;
use countersign_protocol::identity::{EnvironmentId, PersonId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::{Freeze, Limits, PolicyFile, TrustedBundle};

use crate::recall::Recall;
use crate::schema::{Ask, compiled, kind_names};
use crate::sight::{EVERYTHING, Sight};
use crate::source::{Problem, deeper_than, printable};
use crate::world::Society;
use countersign_protocol::kept::Kept;

/// The longest `@id`.
const MAX_POLICY_ID: usize = 64;
/// The deepest nesting of brackets that is read.
const MAX_BRACKETS: usize = 24;
/// Operations asked about before it is read what the policies can tell apart.
const FIRST_LOOKS: u32 = 8;

/// A bundle's policies, compiled, with its freezes and limits.
pub struct PolicySet {
    pub(crate) cedar: cedar_policy::PolicySet,
    asked: Asked,
    pub(crate) schema: &'static Schema,
    pub(crate) limits: Limits,
    freezes: Vec<Freeze>,
    titles: BTreeMap<String, Title>,
    warnings: Vec<Problem>,
    pub(crate) sight: OnceLock<Sight>,
    /// How often something was looked at by it.
    looks: AtomicU32,
    pub(crate) recalls: Kept<Arc<Society>, Recall>,
}

/// The policies that can have a say in each question.
#[derive(Clone, Default)]
struct Asked {
    propose: cedar_policy::PolicySet,
    approve: cedar_policy::PolicySet,
    execute: cedar_policy::PolicySet,
    /// Whom the policies of `approve` name.
    named: BTreeSet<String>,
}

/// What people are shown of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// Its `@title`, or nothing.
    pub text: String,
    /// Where it stands.
    pub file: String,
    /// The line it starts on, from 1.
    pub line: usize,
}

/// Why a bundle's policies are refused: every problem found, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LoadError {
    /// At least one, in the order of files and places.
    pub problems: Vec<Problem>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet")
            .field("policies", &self.titles)
            .finish_non_exhaustive()
    }
}

impl PolicySet {
    /// Loads a signed bundle.
    ///
    /// Compiling takes milliseconds, and nearly all requests of an organisation are made under few bundles. Their
    /// digest names every byte of them, so the sets compiled last are kept by it: the answer is the same.
    ///
    /// # Errors
    /// [`LoadError`] names every problem with file, line and column.
    pub fn load(bundle: &TrustedBundle) -> Result<Arc<Self>, LoadError> {
        static LOADED: Kept<PolicyDigest, PolicySet> = Kept::new();
        let digest = bundle.digest();
        LOADED.or_compute(
            |of| *of == digest,
            || digest,
            || Self::compile(&bundle.policies, &bundle.freezes, bundle.limits),
        )
    }

    /// Compiles policy files that nobody has signed yet: for authors, before they sign.
    ///
    /// # Errors
    /// [`LoadError`] names every problem with file, line and column.
    pub fn compile(files: &[PolicyFile], freezes: &[Freeze], limits: Limits) -> Result<Self, LoadError> {
        let schema = compiled().map_err(|message| LoadError {
            problems: vec![Problem {
                file: "schema.cedarschema".to_owned(),
                line: 1,
                column: 1,
                message,
            }],
        })?;
        let mut set = Self {
            cedar: cedar_policy::PolicySet::new(),
            asked: Asked::default(),
            schema,
            limits,
            freezes: freezes.to_vec(),
            titles: BTreeMap::new(),
            warnings: vec![],
            sight: OnceLock::new(),
            looks: AtomicU32::new(0),
            recalls: Kept::new(),
        };
        let mut problems: Vec<Problem> = files.iter().flat_map(|file| set.add(file)).collect();
        if problems.is_empty() {
            return Ok(set);
        }
        problems.sort();
        problems.dedup();
        Err(LoadError { problems })
    }

    /// Every policy by its id, with what people are shown of it.
    #[must_use]
    pub const fn titles(&self) -> &BTreeMap<String, Title> {
        &self.titles
    }

    /// The policies that can have a say in a question; all others neither match nor err in it.
    pub(crate) const fn asked(&self, ask: Ask) -> &cedar_policy::PolicySet {
        match ask {
            Ask::Propose => &self.asked.propose,
            Ask::Approve => &self.asked.approve,
            Ask::Execute => &self.asked.execute,
        }
    }

    /// What the policies can tell apart. Reading it takes as long as compiling them, which pays where they are asked
    /// about more than a chain or two: until then they may see everything.
    pub(crate) fn sight(&self) -> &Sight {
        if self.looks.fetch_add(1, Ordering::Relaxed) < FIRST_LOOKS {
            return &EVERYTHING;
        }
        self.sight.get_or_init(|| Sight::of(self.cedar.policies()))
    }

    /// The answers that were given in a society.
    pub(crate) fn recall(&self, society: &Arc<Society>) -> Arc<Recall> {
        self.recalls.or_read(
            |of| Arc::ptr_eq(of, society),
            || Arc::clone(society),
            Recall::default,
        )
    }

    /// Whether a policy about who may approve names this person, and not only a team or what they have to do with it.
    pub(crate) fn names(&self, person: &PersonId) -> bool {
        self.asked.named.contains(person.as_str())
    }

    /// What Cedar's validator warns of.
    pub(crate) fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Whether a freeze holds in `environment` at `now`.
    pub(crate) fn frozen(&self, environment: &EnvironmentId, now: Timestamp) -> bool {
        self.freezes
            .iter()
            .any(|freeze| freeze.environment == *environment && freeze.from <= now && now < freeze.until)
    }

    fn add(&mut self, file: &PolicyFile) -> Vec<Problem> {
        if let Some(place) = deeper_than(MAX_BRACKETS, file.text.raw()) {
            let message = format!("brackets nest deeper than {MAX_BRACKETS}; write it as several policies");
            return vec![Problem::at(file, place, &message)];
        }
        let parsed: cedar_policy::PolicySet = match file.text.raw().parse() {
            Ok(parsed) => parsed,
            Err(errors) => {
                let errors: &cedar_policy::ParseErrors = &errors;
                return errors
                    .iter()
                    .map(|error| Problem::from_cedar(file, &error.into()))
                    .collect();
            }
        };
        if let Some(template) = parsed.templates().next() {
            let place = offset_of(file, &template.to_cedar());
            return vec![Problem::at(
                file,
                place,
                "templates are not used here; write the policy out for each case",
            )];
        }
        let mut problems = self.validate(file, &parsed);
        for policy in parsed.policies() {
            let place = policy.to_cedar().map_or(0, |text| offset_of(file, &text));
            problems.extend(unknown_kinds(file, policy, place));
            if let Err(message) = self.insert(file, policy, place) {
                problems.push(Problem::at(file, place, &message));
            }
        }
        problems
    }

    fn validate(&mut self, file: &PolicyFile, parsed: &cedar_policy::PolicySet) -> Vec<Problem> {
        let result = Validator::new(self.schema.clone()).validate(parsed, ValidationMode::Strict);
        let problem = |id: &PolicyId, error: &DetailedError| {
            // Cedar numbers the policies of a file; people know them by their own ids.
            let numbered = format!("for policy `{id}`, ");
            let own = parsed.policy(id).and_then(|policy| policy.annotation("id"));
            let named = own.map_or_else(String::new, |own| format!("policy `{own}`: "));
            let message = error.message.replacen(&numbered, &named, 1);
            Problem::from_cedar(
                file,
                &DetailedError {
                    message,
                    ..error.clone()
                },
            )
        };
        for warning in result.validation_warnings() {
            self.warnings
                .push(problem(warning.policy_id(), &DetailedError::from(warning)));
        }
        result
            .validation_errors()
            .map(|error| problem(error.policy_id(), &DetailedError::from(error)))
            .collect()
    }

    fn insert(&mut self, file: &PolicyFile, policy: &Policy, place: usize) -> Result<(), String> {
        let id = policy.annotation("id").unwrap_or_default();
        if id.is_empty() {
            return Err("policy has no `@id(\"…\")`; records and messages name policies by it".to_owned());
        }
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        if id.len() > MAX_POLICY_ID || !id.bytes().all(plain) {
            return Err(format!(
                "`@id(\"{id}\")` is not 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`"
            ));
        }
        if let Some(other) = self.titles.get(id) {
            return Err(format!(
                "`@id(\"{id}\")` is taken by the policy at {}:{}; ids are unique across files",
                other.file, other.line
            ));
        }
        let title = Title {
            text: printable(policy.annotation("title").unwrap_or_default()),
            file: printable(file.name.raw()),
            line: Problem::at(file, place, "").line,
        };
        self.titles.insert(id.to_owned(), title);
        let policy = policy.new_id(PolicyId::new(id));
        for ask in Ask::ALL.into_iter().filter(|ask| concerns(&policy, *ask)) {
            self.asked.add(ask, policy.clone())?;
        }
        self.cedar.add(policy).map_err(|error| error.to_string())
    }
}

impl Asked {
    fn add(&mut self, ask: Ask, policy: Policy) -> Result<(), String> {
        let set = match ask {
            Ask::Propose => &mut self.propose,
            Ask::Approve => {
                self.named.extend(literals(&policy, "Person"));
                &mut self.approve
            }
            Ask::Execute => &mut self.execute,
        };
        set.add(policy).map_err(|error| error.to_string())
    }
}

/// Whether a policy can have a say in a question. Cedar looks at a policy's conditions only where its scope fits, and a
/// scope that names nothing but other questions never does.
fn concerns(policy: &Policy, ask: Ask) -> bool {
    let another = |uid: &EntityUid| {
        let named =
            |other: Ask| uid.type_name().to_string() == "Action" && uid.id().unescaped() == other.action();
        Ask::ALL.into_iter().any(|other| other != ask && named(other))
    };
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => !another(&uid),
        ActionConstraint::In(uids) => !uids.iter().all(another),
    }
}

/// Where a policy's own text stands in its file.
fn offset_of(file: &PolicyFile, text: &str) -> usize {
    file.text.raw().find(text).unwrap_or(0)
}

/// A misspelt kind would make a policy apply to nothing, and Cedar's validator cannot know the names.
fn unknown_kinds(file: &PolicyFile, policy: &Policy, place: usize) -> Vec<Problem> {
    let known = kind_names();
    let named: BTreeSet<String> = literals(policy, "Kind")
        .filter(|name| !known.contains(name.as_str()))
        .collect();
    let from = file.text.raw().get(place..).unwrap_or_default();
    let problem = |name: &String| {
        let offset = from.find(&format!("Kind::\"{name}\"")).unwrap_or(0);
        let nearest = known
            .iter()
            .min_by_key(|candidate| distance(name, candidate))
            .copied()
            .unwrap_or_default();
        let message = format!("kind `{name}` does not exist; did you mean `{nearest}`?");
        Problem::at(file, place.saturating_add(offset), &message)
    };
    named.iter().map(problem).collect()
}

/// The entities of one type that a policy names.
fn literals(policy: &Policy, kind: &str) -> impl Iterator<Item = String> {
    let all = policy.entity_literals().into_iter();
    all.filter(move |literal| literal.type_name().to_string() == kind)
        .map(|literal| literal.id().unescaped().to_owned())
}

/// The edit distance of two names, for hints.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    strsim::generic_levenshtein(&first(a), &first(b))
}

/// As much of a name as can be one: hints need not be dear.
fn first(name: &str) -> Vec<char> {
    name.chars().take(MAX_POLICY_ID).collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::time::Duration;

    use countersign_protocol::approval::Severity;
    use countersign_protocol::decision::Shown;
    use countersign_protocol::identity::{KeyAssurance, Presence};
    use countersign_protocol::proposal::Isolation;
    use countersign_protocol::text::{Bounded, Line};

    use super::*;
    use crate::operation::{Credential, Operation};
    use crate::question::Question;
    use crate::tally::Tally;
    use crate::world::{Member, Place, World};

    const MIXED: &str = r#"
@id("everything")
permit (principal, action, resource) when { resource.severity < 3 };
@id("two")
forbid (principal, action in [Action::"propose", Action::"execute"], resource) when { resource.sameUser };
@id("bob")
forbid (principal == Person::"bob", action == Action::"approve", resource) when { context.offline };
"#;

    fn compile() -> PolicySet {
        let file = |name: &str, text: &str| PolicyFile {
            name: Line::new(name).unwrap(),
            text: Bounded::new(text).unwrap(),
        };
        let shipped = |name| match name {
            "propose.cedar" => include_str!("../../../assets/policies/small-team/propose.cedar"),
            "approve.cedar" => include_str!("../../../assets/policies/small-team/approve.cedar"),
            _ => include_str!("../../../assets/policies/small-team/execute.cedar"),
        };
        let mut files = vec![file("mixed.cedar", MIXED)];
        files.extend(
            ["propose.cedar", "approve.cedar", "execute.cedar"].map(|name| file(name, shipped(name))),
        );
        PolicySet::compile(&files, &[], Limits::default()).unwrap()
    }

    fn world() -> World {
        let member = Member::default();
        let place = Place {
            strictness: 9,
            personal: false,
            allow_same_user: false,
        };
        let people = ["alice", "bob", "carol"].map(|id| (id.parse().unwrap(), member.clone()));
        World {
            society: Arc::new(Society::new(
                people.into(),
                [("production".parse().unwrap(), place)].into(),
            )),
            keys: Arc::default(),
        }
    }

    fn operation(severity: Severity, isolation: Isolation) -> Operation {
        Operation {
            agent: "deployer".parse().unwrap(),
            owners: BTreeSet::from(["alice".parse().unwrap()]),
            initiators: BTreeSet::new(),
            excluded: BTreeSet::new(),
            team: "platform".parse().unwrap(),
            kind: "k8s".parse().unwrap(),
            target: "file://host-1/etc/app.yaml".to_owned(),
            environment: "production".parse().unwrap(),
            personal: false,
            isolation,
            findings: BTreeSet::from(["k8s-exposed".to_owned()]),
            severity,
        }
    }

    /// Everything that is asked here, of one set.
    fn answers(set: &PolicySet) -> Vec<crate::question::Answer> {
        let mut all = Vec::new();
        let isolations = [Isolation::None, Isolation::SeparateUser];
        let severities = [Severity::None, Severity::Medium, Severity::Critical];
        for (isolation, severity) in isolations.into_iter().flat_map(|i| severities.map(|s| (i, s))) {
            let (operation, now) = (operation(severity, isolation), Timestamp::from_millis(0));
            let question = Question::new(set, &operation, Cow::Owned(world()), now, false).unwrap();
            all.push(question.propose());
            for (who, offline) in [("bob", false), ("bob", true), ("carol", true)] {
                let with = Credential {
                    assurance: KeyAssurance::Software,
                    presence: Presence::Pin,
                    shown: Shown::Whole,
                    offline,
                };
                all.push(question.approve(&who.parse().unwrap(), with, Duration::from_secs(3600)));
            }
            for count in 0..3 {
                all.push(question.execute_with(&Tally {
                    count,
                    ..Tally::default()
                }));
            }
        }
        all
    }

    #[test]
    fn policies_of_other_questions_change_no_answer() {
        let sorted = compile();
        let mut unsorted = compile();
        unsorted.asked.propose = sorted.cedar.clone();
        unsorted.asked.approve = sorted.cedar.clone();
        unsorted.asked.execute = sorted.cedar.clone();
        assert_eq!(answers(&sorted), answers(&unsorted));
    }

    #[test]
    fn each_question_has_the_policies_that_name_it_or_none() {
        let set = compile();
        let ids = |ask| {
            let mut ids: Vec<String> = set
                .asked(ask)
                .policies()
                .map(|policy| policy.id().to_string())
                .collect();
            ids.retain(|id| ["everything", "two", "bob"].contains(&id.as_str()));
            ids.sort();
            ids
        };
        assert_eq!(ids(Ask::Propose), ["everything", "two"]);
        assert_eq!(ids(Ask::Approve), ["bob", "everything"]);
        assert_eq!(ids(Ask::Execute), ["everything", "two"]);
        assert!(set.names(&"bob".parse().unwrap()) && !set.names(&"carol".parse().unwrap()));
    }
}
