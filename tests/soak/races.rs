//! Everybody decides at the same moment: one outcome, the same for all who ask, and its evidence holds.

use std::sync::Barrier;
use std::time::Duration;

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;
use countersign_tests::process::until;
use countersign_verify::Purpose;

use crate::soak;

#[test]
fn a_yes_and_a_no_at_once_have_one_outcome() {
    let organisation = Organisation::start();
    let (mut ran, mut denied) = (0, 0);
    soak("races", |round| {
        let name = format!("race-{round}.conf");
        let ticket = organisation
            .ask_change_with(&name, "a\n", "b\n", &["--ticket"])
            .finish();
        assert_eq!(ticket.code, Some(75), "{}", ticket.stderr);
        let id = organisation.wait_for(Phase::Pending);
        let decisions = [("alex", Verdict::Approve), ("kim", Verdict::Deny)]
            .map(|(person, verdict)| (person, organisation.decision(id, person, verdict)));
        // A no counts until the guard is given its grant: it comes at moments from before until after that.
        let moment = Duration::from_millis(u64::try_from(round * 67 % 1000).unwrap());
        let together = Barrier::new(4);
        std::thread::scope(|scope| {
            // Each is sent twice at the same time, as clients do that heard no answer.
            for (person, decision) in decisions.iter().chain(&decisions) {
                let (together, organisation) = (&together, &organisation);
                scope.spawn(move || {
                    together.wait();
                    if decision.verdict == Verdict::Deny {
                        std::thread::sleep(moment);
                    }
                    // Whoever comes second may be refused.
                    let _ = organisation.send(decision, person, person);
                });
            }
        });
        let record = until("the request to end", || {
            Some(organisation.record(id)).filter(|record| record.phase.is_terminal())
        });
        let now = std::fs::read_to_string(organisation.work(&name)).unwrap();
        match record.phase {
            Phase::Succeeded => {
                ran += 1;
                assert_eq!(now, "b\n", "round {round}");
            }
            Phase::Denied => {
                denied += 1;
                assert_eq!(now, "a\n", "round {round}");
            }
            other => panic!("round {round}: {other:?}"),
        }
        assert!(
            record.evidence.decisions.len() <= 2,
            "round {round}: a decision counts once"
        );
        assert!(
            organisation.judge(&record, Purpose::Audit).is_valid(),
            "round {round}"
        );
    });
    eprintln!("races: {ran} ran, {denied} were denied");
    assert!(
        ran > 0 && denied > 0,
        "nobody raced: {ran} ran, {denied} were denied"
    );
}
