//! Answers that were given before.
//!
//! Asking Cedar takes tens of microseconds, and a chain of evidence asks some eleven times, mostly what was asked for the
//! chain before. An answer follows from the policies, the people and places of the directory, and a [`Key`]: the question
//! with all that it is asked with, each of the four facts that hardly ever repeat as far as the policies see it
//! ([`Sight`]). One [`Recall`] belongs to one set of policies and one society, so equal keys have equal answers, the
//! deciding policies included. What Cedar is not asked about (who is excluded, which key counts now) is decided before it
//! comes here. A verdict follows from such answers and from the keys that count. Nothing is kept that met an error: its
//! words may name what policies do not see, and it may be gone the next time.
//!
//! Bounded: some hundreds of answers, none about an operation of more than [`MAX_BYTES`] of names or approvals from more
//! than [`MAX_TEAMS`] teams, and no verdict over the keys of more than [`MAX_HOLDERS`] people.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_protocol::identity::PersonId;
use countersign_protocol::moment::Timestamp;

use crate::operation::{Credential, Operation};
use crate::question::Answer;
use crate::sight::{Seen, Sight};
use crate::tally::Tally;
use crate::verdict::Verdict;
use crate::world::Keys;

/// The most answers in each of the two halves.
const MAX_ANSWERS: usize = 512;
/// The most bytes of names and texts in an operation whose answers are kept.
const MAX_BYTES: usize = 4096;
/// The most people with keys among whom a verdict that is kept may choose.
pub(crate) const MAX_HOLDERS: usize = 128;

/// The most teams in a tally whose answer is kept.
pub(crate) const MAX_TEAMS: usize = 128;

/// What one set of policies answered in one society.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    pub(crate) answers: Memory<Key, Answer>,
    pub(crate) verdicts: Memory<VerdictKey, Verdict>,
}

/// Answers by their keys. When the younger half is full, it becomes the older one.
#[derive(Debug)]
pub(crate) struct Memory<K, A>(Mutex<[HashMap<K, A>; 2]>);

/// All that an answer can depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) situation: Arc<Situation>,
    pub(crate) question: Put,
}

/// All that a verdict can depend on.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct VerdictKey {
    pub(crate) situation: Arc<Situation>,
    pub(crate) frozen: bool,
    pub(crate) keys: Arc<Keys>,
}

/// What is asked about, and when.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Situation {
    /// Without target and findings.
    operation: Operation,
    target: Seen<String>,
    findings: Seen<BTreeSet<String>>,
    now: Seen<Timestamp>,
}

/// A question with what it alone is asked with.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Put {
    Propose,
    Approve {
        person: PersonId,
        with: Credential,
        age: Seen<Duration>,
    },
    Execute {
        tally: Tally,
        frozen: bool,
    },
}

impl Situation {
    /// An operation and a moment as far as policies see them; nothing where it is too large to be kept.
    pub(crate) fn of(operation: &Operation, now: Timestamp, sight: &Sight) -> Option<Arc<Self>> {
        let people = [&operation.owners, &operation.initiators, &operation.excluded];
        let names = people.into_iter().flatten().map(|person| person.as_str().len());
        let texts = operation
            .findings
            .iter()
            .chain([&operation.target])
            .map(String::len);
        if names.chain(texts).sum::<usize>() > MAX_BYTES {
            return None;
        }
        Some(Arc::new(Self {
            target: sight.target.of(&operation.target),
            findings: sight.findings.of(&operation.findings),
            now: sight.now.of(&now),
            operation: Operation {
                target: String::new(),
                findings: BTreeSet::new(),
                ..operation.clone()
            },
        }))
    }
}

impl<K: Hash + Eq, A: Clone> Memory<K, A> {
    /// The answer that was given before, or else what `ask` gives. That is kept if it `may` be.
    pub(crate) fn or_ask(&self, key: K, may: impl FnOnce(&A) -> bool, ask: impl FnOnce() -> A) -> A {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().iter().find_map(|half| half.get(&key)).cloned();
        if let Some(answer) = known {
            return answer;
        }
        // Not under the lock: others need not wait for it.
        let answer = ask();
        if may(&answer) {
            let [younger, older] = &mut *lock();
            if younger.len() >= MAX_ANSWERS {
                *older = mem::take(younger);
            }
            younger.insert(key, answer.clone());
        }
        answer
    }
}

impl<K, A> Default for Memory<K, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::OnceLock;

    use countersign_protocol::approval::Severity;
    use countersign_protocol::decision::Shown;
    use countersign_protocol::identity::{KeyAssurance, Presence};
    use countersign_protocol::kept::Kept;
    use countersign_protocol::policy_bundle::{Limits, PolicyFile};
    use countersign_protocol::proposal::Isolation;
    use countersign_protocol::text::{Bounded, Line};
    use proptest::prelude::*;

    use super::*;
    use crate::load::PolicySet;
    use crate::question::Question;
    use crate::sight::View;
    use crate::world::{Member, Place, Society, World};

    /// Each looks at one of the four facts in its own way, in a question or in all of them.
    const CONDITIONS: [(&str, &str); 18] = [
        ("action", r#"resource.target like "file://*/etc/*""#),
        (
            "action",
            r#"resource.target like "db://*" && resource.severity > 2"#,
        ),
        ("action", r#"resource.target == "db://a""#),
        ("action", r#"["db://b", "db://c"].contains(resource["target"])"#),
        (
            "action",
            r#"resource has target && !(resource.target like "*a*")"#,
        ),
        (
            "action",
            r#"(if resource.sameUser then resource else resource).target like "*b""#,
        ),
        ("action", r#"resource.findings.contains("logging-off")"#),
        (
            "action",
            r#"resource.findings.isEmpty() && resource.severity > 2"#,
        ),
        (
            "action",
            r#"resource.findings.containsAny(["open-port", "other"])"#,
        ),
        (
            "action",
            r#"context.now >= datetime("2026-12-24") && context.now < datetime("2026-12-27T12:00:00Z")"#,
        ),
        ("action", r#"context.now.toTime() < duration("7h")"#),
        (
            "action",
            r#"resource.severity * 4611686018427387904 > 0 && resource.target like "*c""#,
        ),
        (
            "action == Action::\"approve\"",
            r#"context.age > duration("30m") && !context.offline"#,
        ),
        (
            "action == Action::\"approve\"",
            r#"context.age == duration("1h")"#,
        ),
        (
            "action == Action::\"approve\"",
            r#"context.age.toMinutes() == 45"#,
        ),
        (
            "action == Action::\"approve\"",
            r#"duration("2h") <= context.age"#,
        ),
        (
            "action == Action::\"approve\"",
            r#"context == {now: datetime("2026-12-25"), age: duration("1h"), assurance: 1, presence: 1, scripted: false, whole: true, offline: false}"#,
        ),
        (
            "action == Action::\"execute\"",
            r#"context.approvals.count < 2 && resource.target like "*:*""#,
        ),
    ];

    /// One request: indexes into what it can be about.
    type Drawn = (usize, usize, usize, usize, usize);

    fn requests() -> impl Strategy<Value = Drawn> {
        (0..5_usize, 0..4_usize, 0..5_usize, 0..6_usize, 0..8_usize)
    }

    fn compile(chosen: impl Iterator<Item = usize>) -> PolicySet {
        let mut text = "@id(\"all\")\npermit (principal, action, resource);\n".to_owned();
        for index in chosen {
            let (action, condition) = CONDITIONS[index];
            text += &format!(
                "@id(\"p{index}\")\nforbid (principal, {action}, resource) when {{ {condition} }};\n"
            );
        }
        let file = PolicyFile {
            name: Line::new("drawn.cedar").unwrap(),
            text: Bounded::new(text).unwrap(),
        };
        PolicySet::compile(&[file], &[], Limits::default()).unwrap()
    }

    fn world() -> World {
        let place = Place {
            strictness: 9,
            personal: false,
            allow_same_user: false,
        };
        let people = ["alice", "bob", "carol"].map(|id| (id.parse().unwrap(), Member::default()));
        let own = BTreeSet::from([(KeyAssurance::Software, Presence::Pin)]);
        let keys = ["bob", "carol"].map(|id| (id.parse().unwrap(), own.clone()));
        World {
            society: Arc::new(Society::new(
                people.into(),
                [("production".parse().unwrap(), place)].into(),
            )),
            keys: Arc::new(keys.into()),
        }
    }

    fn operation() -> Operation {
        Operation {
            agent: "deployer".parse().unwrap(),
            owners: BTreeSet::from(["alice".parse().unwrap()]),
            initiators: BTreeSet::new(),
            excluded: BTreeSet::new(),
            team: "platform".parse().unwrap(),
            kind: "k8s".parse().unwrap(),
            target: String::new(),
            environment: "production".parse().unwrap(),
            personal: false,
            isolation: Isolation::SeparateUser,
            findings: BTreeSet::new(),
            severity: Severity::Low,
        }
    }

    /// The verdict on one request, and all three questions about it.
    fn answers(policies: &PolicySet, world: &World, drawn: Drawn) -> (Verdict, [Answer; 3]) {
        let (target, findings, now, age, rest) = drawn;
        let named: [&[&str]; 4] = [
            &[],
            &["logging-off"],
            &["open-port"],
            &["open-port", "logging-off"],
        ];
        let operation = Operation {
            target: ["file://h/etc/a", "file://h/srv/b", "db://a", "db://b", "db://c"][target].to_owned(),
            findings: named[findings].iter().map(|name| (*name).to_owned()).collect(),
            severity: if rest & 1 == 0 {
                Severity::Low
            } else {
                Severity::High
            },
            ..operation()
        };
        let now = [
            "2026-12-23T06:59:59.999Z",
            "2026-12-23T07:00:00.000Z",
            "2026-12-24T00:00:00.000Z",
            "2026-12-25T00:00:00.000Z",
            "2026-12-27T12:00:00.000Z",
        ][now];
        let age = Duration::from_mins([0, 30, 31, 45, 60, 120][age]);
        let with = Credential {
            assurance: KeyAssurance::Software,
            presence: Presence::Pin,
            shown: Shown::Whole,
            offline: rest & 2 != 0,
        };
        let tally = Tally {
            count: if rest & 4 == 0 { 0 } else { 2 },
            ..Tally::default()
        };
        let question = Question::new(
            policies,
            &operation,
            Cow::Borrowed(world),
            now.parse().unwrap(),
            false,
        )
        .unwrap();
        let answers = [
            question.propose(),
            question.approve(&"bob".parse().unwrap(), with, age),
            question.execute_with(&tally),
        ];
        (question.verdict(), answers)
    }

    /// The first request of which memory gives another answer than asking, and how many answers it keeps.
    fn differs(remembering: &PolicySet, forgetful: &mut PolicySet, all: &[Drawn]) -> (Option<Drawn>, usize) {
        let world = world();
        let other = all.iter().find(|drawn| {
            forgetful.recalls = Kept::new();
            answers(remembering, &world, **drawn) != answers(forgetful, &world, **drawn)
        });
        let kept = remembering
            .recall(&world.society)
            .answers
            .0
            .lock()
            .unwrap()
            .each_ref()
            .map(HashMap::len);
        (other.copied(), kept.iter().sum())
    }

    fn every_request() -> Vec<Drawn> {
        let mut all = vec![];
        for (target, findings) in (0..5).flat_map(|target| (0..4).map(move |findings| (target, findings))) {
            for (now, age) in (0..5).flat_map(|now| (0..6).map(move |age| (now, age))) {
                all.push((target, findings, now, age, 5));
            }
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

        #[test]
        fn memory_answers_as_asking_does(
            chosen in proptest::collection::btree_set(0..CONDITIONS.len(), 0..6),
            all in proptest::collection::vec(requests(), 1..32),
        ) {
            let remembering = compile(chosen.iter().copied());
            let mut forgetful = compile(chosen.iter().copied());
            let (other, _) = differs(&remembering, &mut forgetful, &all);
            prop_assert_eq!(other, None);
        }
    }

    #[test]
    fn each_way_to_look_at_a_fact_is_seen() {
        for (index, (_, condition)) in CONDITIONS.iter().enumerate() {
            let (remembering, mut forgetful) = (compile([index].into_iter()), compile([index].into_iter()));
            let (other, kept) = differs(&remembering, &mut forgetful, &every_request());
            assert_eq!(other, None, "{condition}");
            // Of 1800 questions, and more for the verdicts; none is alike to who sees the whole context.
            assert!(
                kept < 150 || condition.starts_with("context =="),
                "{condition}: {kept}"
            );
        }
    }

    type Blind = fn(&mut Sight);

    /// What the tests above would say to a fact that is overlooked.
    #[test]
    fn a_fact_that_is_overlooked_is_noticed() {
        let blinded: [(usize, Blind); 8] = [
            (0, |sight| sight.target = View::default()),
            (3, |sight| sight.target = View::default()),
            (6, |sight| sight.findings = View::default()),
            (8, |sight| sight.findings = View::default()),
            (9, |sight| sight.now = View::default()),
            (10, |sight| sight.now = View::default()),
            (12, |sight| sight.age = View::default()),
            (16, |sight| sight.age = View::default()),
        ];
        for (index, blind) in blinded {
            let mut remembering = compile([index].into_iter());
            let mut sight = Sight::of(remembering.cedar.policies());
            blind(&mut sight);
            remembering.sight = OnceLock::from(sight);
            let (other, _) = differs(&remembering, &mut compile([index].into_iter()), &every_request());
            assert!(other.is_some(), "{}", CONDITIONS[index].1);
        }
    }

    #[test]
    fn a_verdict_is_kept_for_the_same_keys_and_freezes_only() {
        let (policies, world) = (compile([17].into_iter()), world());
        let operation = Operation {
            target: "db://a".to_owned(),
            ..operation()
        };
        let verdict = |world: &World, frozen| {
            let now = Timestamp::from_millis(1);
            Question::new(&policies, &operation, Cow::Borrowed(world), now, frozen)
                .unwrap()
                .verdict()
        };
        let two = verdict(&world, false);
        assert!(
            matches!(&two, Verdict::RequireApproval(rule) if rule.approvals == 2),
            "{two:?}"
        );
        let mut fewer = world.clone();
        Arc::make_mut(&mut fewer.keys).remove(&"carol".parse().unwrap());
        assert!(matches!(verdict(&fewer, false), Verdict::Forbid { .. }));
        assert_eq!(verdict(&world, false), two);
        let recall = policies.recall(&world.society);
        assert_eq!(recall.verdicts.0.lock().unwrap()[0].len(), 2);
        verdict(&world, true);
        assert_eq!(recall.verdicts.0.lock().unwrap()[0].len(), 3);
    }

    #[test]
    fn what_met_an_error_is_not_kept() {
        let world = world();
        for (severity, kept) in [(Severity::None, true), (Severity::High, false)] {
            let policies = compile([11].into_iter());
            let erring = Operation {
                severity,
                ..operation()
            };
            let now = Timestamp::from_millis(1);
            let question = Question::new(&policies, &erring, Cow::Borrowed(&world), now, false).unwrap();
            let _ = question.verdict();
            assert_eq!(question.propose().errors().is_empty(), kept);
            let recall = policies.recall(&world.society);
            assert_eq!(!recall.answers.0.lock().unwrap()[0].is_empty(), kept);
            assert_eq!(!recall.verdicts.0.lock().unwrap()[0].is_empty(), kept);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (policies, world) = (compile([10].into_iter()), world());
        let mut operation = operation();
        let kept = |policies: &PolicySet| {
            let recall = policies.recall(&world.society);
            let halves = recall.answers.0.lock().unwrap();
            halves.iter().map(HashMap::len).sum::<usize>()
        };
        for minute in 0..3 * MAX_ANSWERS as u64 {
            let now = Timestamp::from_millis(minute * 60_000);
            let question = Question::new(&policies, &operation, Cow::Borrowed(&world), now, false).unwrap();
            let _ = question.propose();
        }
        assert_eq!(kept(&policies), 2 * MAX_ANSWERS);
        let before = kept(&policies);
        operation.target = "x".repeat(MAX_BYTES + 1);
        let now = Timestamp::from_millis(1);
        let question = Question::new(&policies, &operation, Cow::Borrowed(&world), now, false).unwrap();
        assert!(question.propose().errors().is_empty());
        assert_eq!(kept(&policies), before);
        operation.target.clear();
        let question = Question::new(&policies, &operation, Cow::Borrowed(&world), now, false).unwrap();
        let from = (0..=MAX_TEAMS).map(|number| format!("t{number}").parse().unwrap());
        let crowd = Tally {
            from: from.collect(),
            ..Tally::default()
        };
        assert!(question.execute_with(&crowd).errors().is_empty());
        assert_eq!(kept(&policies), before);
    }
}
