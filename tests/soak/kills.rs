//! Backend and guard die at moments spread over the life of a request: nothing runs twice, nothing is lost.

use std::time::Duration;

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;
use countersign_tests::process::until;
use countersign_verify::Purpose;

use crate::soak;

#[test]
fn nothing_runs_twice_whoever_dies_when() {
    let mut organisation = Organisation::start();
    let mut unknown = 0;
    soak("kills", |round| {
        let counter = organisation.work(&format!("count-{round}"));
        std::fs::write(&counter, "").unwrap();
        let script = format!("echo ran >> {}", counter.display());
        let ticket = organisation
            .agent(&[
                "exec", "--ticket", "--reason", "count", "--json", "--", "/bin/sh", "-c", &script,
            ])
            .finish();
        assert_eq!(ticket.code, Some(75), "{}", ticket.stderr);
        let id = organisation.wait_for(Phase::Pending);
        organisation.decide(id, "alex", Verdict::Approve).unwrap();
        // Moments from before the grant to after the receipt, in an order that neighbours don't share.
        let moment = u64::try_from(round * 37 % 400).unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        if round % 3 != 1 {
            organisation.guard.as_mut().unwrap().kill();
        }
        if round % 3 != 0 {
            organisation.backend.as_mut().unwrap().kill();
            organisation.start_backend();
        }
        if round % 3 != 1 {
            organisation.start_guard();
        }
        let record = until("the request to end", || {
            Some(organisation.record(id)).filter(|record| record.phase.is_terminal())
        });
        let runs = std::fs::read_to_string(&counter).unwrap().lines().count();
        match record.phase {
            Phase::Succeeded => assert_eq!(runs, 1, "round {round}"),
            Phase::Unknown => {
                unknown += 1;
                assert!(runs <= 1, "round {round}: ran {runs} times");
            }
            other => panic!("round {round}: {other:?}"),
        }
        assert!(
            organisation.judge(&record, Purpose::Audit).is_valid(),
            "round {round}"
        );
    });
    eprintln!("kills: {unknown} of {} ended as unknown", crate::rounds());
}
