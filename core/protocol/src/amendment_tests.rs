use super::*;
use crate::action::tests::change;
use crate::action::{ArtifactRef, EnvVar, FileChange, Operand};
use crate::approval::{ApprovalRule, People, Severity};
use crate::decision::{Attention, SeenCheckpoint, Surface};
use crate::digest::{DecisionDigest, FindingsDigest, PolicyDigest, Sha256Digest, ViewDigest};
use crate::directory::tests::{accept, line, sample};
use crate::directory::{Directory, Person};
use crate::grant::One;
use crate::identity::{KeyAssurance, Presence};
use crate::proposal::Nonce;
use crate::proposal::tests::proposal;
use crate::request::{Event, Phase, PolicyAnswer, Refusal, RequestState, Terms, Vote};
use crate::root::TrustedRoot;
use crate::signed::tests::TestKey;
use crate::signed::{Keys, Signed, Signer as _};
use proptest::prelude::*;

const REVIEWERS: [&str; 6] = ["bob", "carol", "r0", "r1", "r2", "r3"];

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn key(person: &str) -> TestKey {
    let known = ["alice", "bob", "carol", "r0", "r1", "r2", "r3"];
    let place = known.iter().position(|name| *name == person).unwrap();
    TestKey::new(if place < 3 {
        10 + u8::try_from(place).unwrap()
    } else {
        80 + u8::try_from(place).unwrap()
    })
}

/// The sample organisation with more reviewers.
fn organisation() -> (TrustedRoot, Directory) {
    let (root, mut directory) = sample();
    for name in ["r0", "r1", "r2", "r3"] {
        let mut entry = directory.keys[0].clone();
        entry.key = key(name).public_key().clone();
        entry.holder = KeyHolder::Person(name.parse().unwrap());
        directory.keys.push(entry);
        directory.people.push(Person {
            id: name.parse().unwrap(),
            accounts: BTreeSet::new(),
            ..directory.people[0].clone()
        });
    }
    (root, directory)
}

fn signed<T: Predicate>(predicate: &T, key: &TestKey, keys: &impl Keys) -> Verified<T> {
    Signed::seal(predicate, &[key]).unwrap().verify(keys).unwrap()
}

struct World {
    root: TrustedRoot,
    directory: TrustedDirectory,
}

fn world() -> World {
    let (root, directory) = organisation();
    let directory = accept(&root, &directory).unwrap();
    World { root, directory }
}

impl World {
    fn propose(&self, proposal: &Proposal) -> Verified<Proposal> {
        proposal.check().unwrap();
        signed(proposal, &TestKey::new(20), &self.directory)
    }

    fn hold(&self, proposal: &Verified<Proposal>) -> Verified<ApprovalRequest> {
        let people = People::of(proposal, &self.directory);
        let digest = |name: &str| Sha256Digest::of(name.as_bytes());
        let request = ApprovalRequest {
            root: proposal.root,
            id: proposal.request_id(),
            proposal: proposal.proposal_digest(),
            guard: proposal.guard.clone(),
            guard_key: proposal.signer().unwrap(),
            agent: proposal.agent.clone(),
            initiators: people.initiators,
            excluded: people.excluded,
            personal: false,
            isolation: proposal.isolation,
            kind: proposal.action.kind,
            environment: proposal.action.environment.clone(),
            target: proposal.action.target.clone(),
            action_digest: proposal.action_digest,
            baseline: None,
            approved: None,
            drift: None,
            directory: self.directory.digest(),
            policy: PolicyDigest::new(digest("p")),
            ruleset: line("rules"),
            sheet: line("sheet"),
            findings: FindingsDigest::new(digest("f")),
            severity: Severity::None,
            rule: ApprovalRule {
                approvals: 1,
                hardware: 0,
                teams: 1,
                eligible: BTreeSet::new(),
                policies: vec![],
            },
            context: vec![],
            created_at: at(2_000),
            expires_at: proposal.expires_at,
            uses: One,
            mask_key: None,
        };
        signed(&request, &TestKey::new(200), &self.root)
    }

    fn amendment(&self, request: &Verified<ApprovalRequest>, by: &str, action: Action) -> Amendment {
        Amendment {
            denial: denial(request, by),
            action,
            until: request.expires_at,
        }
    }

    fn amend(&self, proposal: &Proposal, by: &str, action: Action) -> Result<Amended, AmendmentError> {
        let proposal = self.propose(proposal);
        let request = self.hold(&proposal);
        let amendment = self.amendment(&request, by, action);
        let amendment = signed(&amendment, &key(by), &self.directory);
        Amended::new(proposal, request, amendment, &self.directory)
    }
}

fn denial(request: &Verified<ApprovalRequest>, by: &str) -> Decision {
    Decision {
        request: request.id,
        request_digest: request.request_digest(),
        action_digest: request.action_digest,
        view_digest: ViewDigest::new(Sha256Digest::of(b"v")),
        verdict: Verdict::Deny,
        reason: Prose::new("three are enough").unwrap(),
        reviewer: by.parse().unwrap(),
        presence: Presence::Pin,
        surface: Surface {
            name: line("tui"),
            version: line("0"),
        },
        attention: Attention::None,
        offline: false,
        revealed: false,
        pin_remembered: false,
        checkpoint: SeenCheckpoint {
            size: 0,
            root_hash: Sha256Digest::of(b""),
        },
        decided_at: at(3_000),
        expires_at: at(90_000),
        nonce: Nonce::from_random([2; 32]),
    }
}

/// The document of the sample with other content.
fn written(content: &str) -> Action {
    let mut action = change("/etc/a");
    if let Payload::FileChange(change) = &mut action.payload {
        change.after = Some(ArtifactRef::of(content.as_bytes()));
    }
    action
}

fn first(world: &World) -> Proposal {
    Proposal {
        root: *world.root.id(),
        ..proposal()
    }
}

/// The proposal that follows from an amendment.
fn follow(amended: &Amended) -> Proposal {
    let action = amended.amendment().action.clone();
    Proposal {
        action_digest: action.digest().unwrap(),
        action,
        amends: Some(amended.amends()),
        ..(**amended.proposal()).clone()
    }
}

#[test]
fn an_accepted_counter_proposal_excludes_its_author() {
    let world = world();
    let step = world.amend(&first(&world), "bob", written("three")).unwrap();
    let next = follow(&step);
    check_lineage(&next, &[step]).unwrap();
    let people = People::of(&next, &world.directory);
    let expected = ["alice", "bob"].map(|id| id.parse().unwrap());
    assert_eq!(people.excluded, BTreeSet::from(expected));
}

#[test]
fn what_does_not_follow_is_refused() {
    let world = world();
    let step = world.amend(&first(&world), "bob", written("three")).unwrap();
    let next = follow(&step);
    let refuse = |change: &dyn Fn(&mut Proposal)| {
        let mut other = next.clone();
        change(&mut other);
        check_lineage(&other, std::slice::from_ref(&step)).unwrap_err()
    };
    let nobody = |proposal: &mut Proposal| proposal.amends.as_mut().unwrap().excluded.clear();
    assert_eq!(refuse(&nobody), AmendmentError::DoesNotFollow("amends"));
    assert_eq!(
        refuse(&|proposal| proposal.amends.as_mut().unwrap().amender = "carol".parse().unwrap()),
        AmendmentError::DoesNotFollow("amends")
    );
    assert_eq!(
        refuse(&|proposal| proposal.action = written("thirty")),
        AmendmentError::DoesNotFollow("action")
    );
    assert_eq!(
        refuse(&|proposal| proposal.agent = "other".parse().unwrap()),
        AmendmentError::DoesNotFollow("agent")
    );
    assert_eq!(
        refuse(&|proposal| proposal.expires_at = at(100_001)),
        AmendmentError::DoesNotFollow("expires_at")
    );
    assert!(matches!(
        refuse(&|proposal| proposal.amends = None),
        AmendmentError::Lineage { shown: 1, .. }
    ));
    assert!(matches!(
        check_lineage(&next, &[]),
        Err(AmendmentError::Lineage { shown: 0, .. })
    ));
    let mut lets = next.clone();
    nobody(&mut lets);
    assert!(lets.check().is_err());
}

#[test]
fn an_amendment_is_about_its_request_and_by_its_amender() {
    let world = world();
    let proposal = world.propose(&first(&world));
    let request = world.hold(&proposal);
    let refuse = |change: &dyn Fn(&mut Amendment), by: &str| {
        let mut amendment = world.amendment(&request, "bob", written("three"));
        change(&mut amendment);
        let amendment = signed(&amendment, &key(by), &world.directory);
        Amended::new(proposal.clone(), request.clone(), amendment, &world.directory)
            .unwrap_err()
            .to_string()
    };
    assert!(refuse(&|_| (), "carol").contains("somebody else's key"));
    assert!(refuse(&|a| a.denial.verdict = Verdict::Approve, "bob").contains("is not a denial"));
    let other = RequestDigest::new(Sha256Digest::of(b"other"));
    assert!(refuse(&|a| a.denial.request_digest = other, "bob").contains("another request"));
    assert!(refuse(&|a| a.denial.reason = Prose::default(), "bob").contains("reason"));
    assert!(refuse(&|a| a.until = at(100_001), "bob").contains("it can only be earlier"));
    assert!(refuse(&|a| a.until = at(3_000), "bob").contains("is over already"));
    assert!(refuse(&|a| a.action = change("/etc/a"), "bob").contains("changes nothing"));
    assert!(refuse(&|a| a.action = change("/etc/b"), "bob").contains("environment and target"));
}

#[test]
fn a_document_keeps_all_but_its_content() {
    let asked = change("/etc/a");
    let with = |change: &dyn Fn(&mut FileChange)| {
        let mut other = asked.clone();
        if let Payload::FileChange(file) = &mut other.payload {
            change(file);
        }
        check_narrower(&asked, &other)
    };
    assert_eq!(with(&|file| file.after = Some(ArtifactRef::of(b"x"))), Ok(()));
    assert!(with(&|file| file.before = None).is_err());
    assert!(with(&|file| file.after = None).is_err());
    assert!(with(&|file| file.mode = Some(0o777)).is_err());
}

#[test]
fn a_process_only_gets_less() {
    let words = |words: &[&str]| words.iter().map(|word| OsBytes::new(*word)).collect::<Vec<_>>();
    let mut asked = change("/etc/a");
    asked.payload = Payload::Exec(Exec {
        binary: OsBytes::new("/usr/bin/tool"),
        binary_digest: ArtifactRef::of(b"ELF"),
        argv: words(&["tool", "--all", "--force", "plan"]),
        cwd: OsBytes::new("/"),
        env: vec![EnvVar {
            name: OsBytes::new("A"),
            value: OsBytes::new("1"),
        }],
        stdin: None,
        operands: vec![Operand {
            argument: 3,
            path: OsBytes::new("/srv/plan"),
            content: ArtifactRef::of(b"plan"),
        }],
    });
    let with = |change: &dyn Fn(&mut Exec)| {
        let mut other = asked.clone();
        if let Payload::Exec(exec) = &mut other.payload {
            change(exec);
        }
        check_narrower(&asked, &other)
    };
    let without_force = |exec: &mut Exec| {
        exec.argv.remove(2);
        exec.operands[0].argument = 2;
    };
    assert_eq!(with(&without_force), Ok(()));
    assert_eq!(with(&|exec| exec.env.clear()), Ok(()));
    assert_eq!(
        with(&|exec| exec.operands[0].content = ArtifactRef::of(b"less")),
        Ok(())
    );
    assert!(with(&|exec| exec.argv.push(OsBytes::new("--more"))).is_err());
    assert!(with(&|exec| exec.argv.swap(1, 2)).is_err());
    assert!(with(&|exec| exec.env[0].value = OsBytes::new("2")).is_err());
    assert!(with(&|exec| exec.stdin = Some(ArtifactRef::of(b"rm"))).is_err());
    assert!(with(&|exec| exec.cwd = OsBytes::new("/tmp")).is_err());
    assert!(with(&|exec| exec.operands[0].path = OsBytes::new("/etc/shadow")).is_err());
    // The name stays, the sealed copy goes: it would be read from the disk.
    assert!(with(&|exec| exec.operands.clear()).is_err());
}

#[test]
fn a_chain_has_an_end() {
    let world = world();
    let mut proposal = first(&world);
    let mut chain = Vec::new();
    for number in 0..=MAX_AMENDMENTS {
        let step = world
            .amend(&proposal, REVIEWERS[number % 2], written(&number.to_string()))
            .unwrap();
        // Nobody amends twice in life: the machine refuses the excluded. Here only the length counts.
        proposal = follow(&step);
        chain.push(step);
    }
    assert_eq!(check_lineage(&proposal, &chain), Err(AmendmentError::TooLong));
}

fn vote(who: &str, terms: &Terms, verdict: Verdict) -> Vote {
    Vote {
        person: who.parse().unwrap(),
        key: key(who).public_key().id(),
        decision: DecisionDigest::new(Sha256Digest::of(who.as_bytes())),
        verdict,
        request_digest: terms.request_digest,
        action_digest: terms.action_digest,
        view_digest: terms.view_digest,
        assurance: KeyAssurance::Software,
        presence: Presence::Pin,
        decided_at: at(4_000),
        expires_at: at(90_000),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever amends what, in whatever order, and whichever steps a liar leaves out or bends: what is accepted as a
    /// chain never lets an amender approve.
    #[test]
    fn no_amender_can_approve(
        amenders in proptest::sample::subsequence(REVIEWERS.to_vec(), 1..5).prop_shuffle(),
        omit in proptest::option::of(0usize..5),
        forget in proptest::option::of((0usize..5, 0usize..6)),
    ) {
        let world = world();
        let mut proposal = first(&world);
        let mut chain = Vec::new();
        for (number, amender) in amenders.iter().enumerate() {
            let step = world.amend(&proposal, amender, written(&number.to_string())).unwrap();
            proposal = follow(&step);
            // A liar's guard names fewer people.
            if let (Some((place, who)), Some(amends)) = (forget, &mut proposal.amends)
                && place == number
                && REVIEWERS[who] != *amender
            {
                let left_out: PersonId = REVIEWERS[who].parse().unwrap();
                amends.excluded.remove(&left_out);
            }
            chain.push(step);
        }
        // A liar's backend shows fewer steps.
        if let Some(place) = omit && place < chain.len() {
            chain.remove(place);
        }
        let bent = forget.is_some_and(|(place, who)| {
            amenders.iter().take(place).any(|amender| *amender == REVIEWERS[who]) && place < amenders.len()
        });
        let honest = omit.is_none_or(|place| place >= amenders.len()) && !bent;
        prop_assert_eq!(check_lineage(&proposal, &chain).is_ok(), honest);
        if honest {
            let held = world.hold(&world.propose(&proposal));
            let terms = Terms {
                id: held.id,
                request_digest: held.request_digest(),
                action_digest: held.action_digest,
                view_digest: ViewDigest::new(Sha256Digest::of(b"v")),
                excluded: held.excluded.clone(),
                minimum: 1,
                expires_at: held.expires_at,
            };
            let state = RequestState::new(terms.clone());
            let answer = PolicyAnswer { eligible: true, satisfied: true };
            for who in REVIEWERS {
                let vote = Box::new(vote(who, &terms, Verdict::Approve));
                let decided = state.apply(Event::Decided { vote, answer }, at(5_000));
                if amenders.contains(&who) {
                    prop_assert_eq!(decided.unwrap_err(), Refusal::Excluded);
                } else {
                    prop_assert_eq!(decided.unwrap().0.phase(), Phase::Approved);
                }
            }
        }
    }
}

#[test]
fn an_amendment_ends_its_request_as_a_denial() {
    let world = world();
    let held = world.hold(&world.propose(&first(&world)));
    let terms = Terms {
        id: held.id,
        request_digest: held.request_digest(),
        action_digest: held.action_digest,
        view_digest: ViewDigest::new(Sha256Digest::of(b"v")),
        excluded: held.excluded.clone(),
        minimum: 1,
        expires_at: held.expires_at,
    };
    let state = RequestState::new(terms.clone());
    let answer = PolicyAnswer {
        eligible: true,
        satisfied: true,
    };
    let amended = |who: &str, verdict| {
        let vote = Box::new(vote(who, &terms, verdict));
        let amendment = AmendmentDigest::new(*vote.decision.sha256());
        state.apply(
            Event::Amended {
                vote,
                answer,
                amendment,
            },
            at(5_000),
        )
    };
    let (ended, _) = amended("bob", Verdict::Deny).unwrap();
    assert_eq!(ended.phase(), Phase::Denied);
    assert!(ended.amendment().is_some() && ended.denial().is_some());
    assert_eq!(amended("bob", Verdict::Approve).unwrap_err(), Refusal::Mismatch);
    assert_eq!(amended("alice", Verdict::Deny).unwrap_err(), Refusal::Excluded);
}
