use super::*;
use crate::digest::{ProposalDigest, Sha256Digest};
use proptest::prelude::*;

fn digest(name: &str) -> Sha256Digest {
    Sha256Digest::of(name.as_bytes())
}

fn person(index: u8) -> PersonId {
    format!("p{index}").parse().unwrap()
}

fn terms(minimum: u32) -> Terms {
    Terms {
        id: RequestId::of(&ProposalDigest::new(digest("p"))),
        request_digest: RequestDigest::new(digest("r")),
        action_digest: ActionDigest::new(digest("a")),
        view_digest: ViewDigest::new(digest("v")),
        excluded: BTreeSet::from([person(0), person(1)]),
        minimum,
        expires_at: Timestamp::from_millis(1000),
    }
}

fn vote(who: u8, verdict: Verdict, serial: u16) -> Vote {
    Vote {
        person: person(who),
        key: KeyId::new(digest(&format!("k{who}"))),
        decision: DecisionDigest::new(digest(&format!("d{who}-{serial}"))),
        verdict,
        request_digest: RequestDigest::new(digest("r")),
        action_digest: ActionDigest::new(digest("a")),
        view_digest: ViewDigest::new(digest("v")),
        assurance: KeyAssurance::Software,
        presence: Presence::Pin,
        decided_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(800),
    }
}

const YES: PolicyAnswer = PolicyAnswer {
    eligible: true,
    satisfied: true,
};

fn decided(vote: Vote) -> Event {
    Event::Decided {
        vote: Box::new(vote),
        answer: YES,
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn grant(name: &str) -> GrantDigest {
    GrantDigest::new(digest(name))
}

fn apply(state: &RequestState, event: Event) -> Result<RequestState, Refusal> {
    state.apply(event, at(10)).map(|(state, _)| state)
}

#[test]
fn a_request_lives_through_to_success() {
    let state = RequestState::new(terms(2));
    let state = apply(&state, decided(vote(2, Verdict::Approve, 0))).unwrap();
    assert_eq!(state.phase(), Phase::Pending);
    let state = apply(&state, decided(vote(3, Verdict::Approve, 0))).unwrap();
    assert_eq!(state.phase(), Phase::Approved);
    let state = apply(
        &state,
        Event::Granted {
            grant: grant("g"),
            satisfied: true,
        },
    )
    .unwrap();
    assert_eq!(state.phase(), Phase::Claimed);
    assert_eq!(
        apply(
            &state,
            Event::Granted {
                grant: grant("h"),
                satisfied: true
            }
        ),
        Err(Refusal::WrongPhase)
    );
    assert_eq!(
        apply(&state, Event::Started { grant: grant("h") }),
        Err(Refusal::OtherGrant)
    );
    let state = apply(&state, Event::Started { grant: grant("g") }).unwrap();
    let state = apply(
        &state,
        Event::Ended {
            grant: grant("g"),
            outcome: Outcome::Succeeded,
        },
    )
    .unwrap();
    assert_eq!(state.phase(), Phase::Succeeded);
    assert_eq!(apply(&state, Event::TimePassed), Err(Refusal::Over));
    // What it ran on is still told once the approvals themselves have run out.
    assert_eq!(state.standing(at(5000)).count(), 0);
    assert_eq!(state.counted(at(5000)).count(), 2);
}

#[test]
fn decisions_are_refused_with_their_reason() {
    let state = RequestState::new(terms(2));
    let refuse = |vote: Vote| apply(&state, decided(vote)).unwrap_err();
    assert_eq!(refuse(vote(0, Verdict::Approve, 0)), Refusal::Excluded);
    let base = vote(2, Verdict::Approve, 0);
    let other = digest("other");
    assert_eq!(
        refuse(Vote {
            request_digest: RequestDigest::new(other),
            ..base.clone()
        }),
        Refusal::Mismatch
    );
    assert_eq!(
        refuse(Vote {
            action_digest: ActionDigest::new(other),
            ..base.clone()
        }),
        Refusal::Mismatch
    );
    assert_eq!(
        refuse(Vote {
            view_digest: ViewDigest::new(other),
            ..base.clone()
        }),
        Refusal::Mismatch
    );
    assert_eq!(
        refuse(Vote {
            expires_at: at(5),
            ..base.clone()
        }),
        Refusal::DecisionExpired
    );
    let not_eligible = PolicyAnswer {
        eligible: false,
        satisfied: true,
    };
    assert_eq!(
        apply(
            &state,
            Event::Decided {
                vote: Box::new(base.clone()),
                answer: not_eligible
            }
        ),
        Err(Refusal::NotEligible)
    );
    let once = apply(&state, decided(base.clone())).unwrap();
    assert_eq!(apply(&once, decided(base)), Err(Refusal::Replayed));
    assert_eq!(
        apply(&once, decided(vote(2, Verdict::Approve, 1))),
        Err(Refusal::AlreadyVoted)
    );
    assert_eq!(
        state
            .apply(decided(vote(3, Verdict::Approve, 0)), at(1000))
            .unwrap_err(),
        Refusal::Expired
    );
}

#[test]
fn a_denial_wins_until_the_guard_holds_the_grant() {
    let state = RequestState::new(terms(1));
    let approved = apply(&state, decided(vote(2, Verdict::Approve, 0))).unwrap();
    assert_eq!(
        apply(&approved, decided(vote(3, Verdict::Deny, 0)))
            .unwrap()
            .phase(),
        Phase::Denied
    );
    let claimed = apply(
        &approved,
        Event::Granted {
            grant: grant("g"),
            satisfied: true,
        },
    )
    .unwrap();
    assert_eq!(
        apply(&claimed, decided(vote(3, Verdict::Deny, 0))),
        Err(Refusal::WrongPhase)
    );
}

#[test]
fn time_takes_approvals_and_requests_away() {
    let state = RequestState::new(terms(1));
    let approved = apply(&state, decided(vote(2, Verdict::Approve, 0))).unwrap();
    let (back, _) = approved.apply(Event::TimePassed, at(800)).unwrap();
    assert_eq!(back.phase(), Phase::Pending);
    assert_eq!(
        approved
            .apply(
                Event::Granted {
                    grant: grant("g"),
                    satisfied: true
                },
                at(800)
            )
            .unwrap_err(),
        Refusal::NoQuorum
    );
    let (expired, _) = approved.apply(Event::TimePassed, at(1000)).unwrap();
    assert_eq!(expired.phase(), Phase::Expired);
}

#[test]
fn a_new_policy_drops_approvals_that_no_longer_stand() {
    let state = RequestState::new(terms(1));
    let approved = apply(&state, decided(vote(2, Verdict::Approve, 0))).unwrap();
    let kept = Event::Reevaluated {
        standing: BTreeSet::from([person(2)]),
        satisfied: true,
    };
    assert_eq!(apply(&approved, kept).unwrap().phase(), Phase::Approved);
    let dropped = Event::Reevaluated {
        standing: BTreeSet::new(),
        satisfied: true,
    };
    assert_eq!(apply(&approved, dropped).unwrap().phase(), Phase::Pending);
}

fn events() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let verdict = prop_oneof![4 => Just(Verdict::Approve), 1 => Just(Verdict::Deny)];
    let decided = (0u8..5, verdict, 0u16..3, any::<(bool, bool)>(), 0u8..8).prop_map(
        |(who, verdict, serial, answer, slip)| {
            let mut vote = vote(who, verdict, serial);
            match slip {
                0 => vote.action_digest = ActionDigest::new(digest("x")),
                1 => vote.expires_at = at(20),
                _ => {}
            }
            Event::Decided {
                vote: Box::new(vote),
                answer: PolicyAnswer {
                    eligible: answer.0,
                    satisfied: answer.1,
                },
            }
        },
    );
    let amended = (0u8..5, any::<(bool, bool)>()).prop_map(|(who, answer)| {
        let vote = vote(who, Verdict::Deny, 9);
        Event::Amended {
            amendment: AmendmentDigest::new(*vote.decision.sha256()),
            vote: Box::new(vote),
            answer: PolicyAnswer {
                eligible: answer.0,
                satisfied: answer.1,
            },
        }
    });
    let outcome = prop_oneof![
        Just(Outcome::Succeeded),
        Just(Outcome::Unknown),
        Just(Outcome::Stale)
    ];
    let name = prop_oneof![Just("g"), Just("h")];
    let event = prop_oneof![
        12 => decided,
        1 => (proptest::collection::btree_set((0u8..5).prop_map(person), 0..5), any::<bool>())
            .prop_map(|(standing, satisfied)| Event::Reevaluated { standing, satisfied }),
        1 => Just(Event::Withdrawn),
        1 => amended,
        1 => Just(Event::WentStale),
        2 => Just(Event::TimePassed),
        6 => (name.clone(), any::<bool>()).prop_map(|(name, satisfied)| Event::Granted { grant: grant(name), satisfied }),
        4 => name.clone().prop_map(|name| Event::Started { grant: grant(name) }),
        4 => (name, outcome).prop_map(|(name, outcome)| Event::Ended { grant: grant(name), outcome }),
    ];
    proptest::collection::vec((event, 0u64..60), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_breaks_a_promise(minimum in 0u32..4, events in events()) {
        let mut state = RequestState::new(terms(minimum));
        let mut now = 0;
        let mut consumed = 0;
        for (event, wait) in events {
            now += wait;
            let before = state.clone();
            let Ok((next, _)) = state.apply(event.clone(), at(now)) else { continue };
            // Terminal stays terminal.
            prop_assert!(!before.phase().is_terminal());
            // Never approved by an excluded person.
            prop_assert!(next.approvals.keys().all(|who| !next.terms.excluded.contains(who)));
            let quorum = next.standing(at(now)).count() >= usize::try_from(minimum.max(1)).unwrap();
            if next.phase() == Phase::Approved && before.phase() == Phase::Pending {
                prop_assert!(quorum);
            }
            // Never run without quorum, and consumed at most once.
            if let Event::Granted { satisfied, .. } = &event {
                prop_assert!(*satisfied && quorum && before.phase() == Phase::Approved);
                consumed += 1;
            }
            if matches!(next.phase(), Phase::Executing | Phase::Succeeded | Phase::Unknown) {
                prop_assert_eq!(consumed, 1);
            }
            // More approvals never turn yes into no.
            if let Event::Decided { vote, .. } = &event
                && vote.verdict == Verdict::Approve
                && before.phase() == Phase::Approved
            {
                prop_assert_eq!(next.phase(), Phase::Approved);
            }
            prop_assert!(consumed <= 1);
            state = next;
        }
    }

    #[test]
    fn a_state_is_read_back(events in events()) {
        let mut state = RequestState::new(terms(2));
        for (event, _) in events {
            if let Ok((next, _)) = state.apply(event, at(5)) { state = next }
        }
        let bytes = crate::canonical::to_bytes(&state).unwrap();
        prop_assert_eq!(crate::canonical::parse::<RequestState>(&bytes).unwrap(), state);
    }
}
