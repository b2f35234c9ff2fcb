//! The guard dies at any moment: an outcome nobody knows is `unknown`, and it is never run twice.

use std::time::Duration;

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;
use countersign_tests::process::until;

#[test]
fn killed_while_it_runs_the_outcome_is_unknown_and_it_does_not_run_again() {
    let mut organisation = Organisation::start();
    let counter = organisation.work("count");
    std::fs::write(&counter, "").unwrap();
    let script = format!("echo started >> {}; sleep 3", counter.display());
    let ticket = organisation
        .agent(&[
            "exec", "--ticket", "--reason", "long", "--json", "--", "/bin/sh", "-c", &script,
        ])
        .finish();
    assert_eq!(ticket.code, Some(75), "{}", ticket.stderr);
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    until("the command to start", || {
        (std::fs::read_to_string(&counter).ok()? == "started\n").then_some(())
    });
    organisation.guard.as_mut().unwrap().kill();
    organisation.start_guard();
    organisation.wait_until(id, Phase::Unknown);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(std::fs::read_to_string(counter).unwrap(), "started\n");
}

#[test]
fn killed_while_it_waits_it_goes_on_after_a_restart() {
    let mut organisation = Organisation::start();
    let ticket = organisation
        .ask_change_with("app.conf", "a\n", "b\n", &["--ticket"])
        .finish();
    assert_eq!(ticket.code, Some(75), "{}", ticket.stderr);
    let id = organisation.wait_for(Phase::Pending);
    organisation.guard.as_mut().unwrap().kill();
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    organisation.start_guard();
    organisation.wait_until(id, Phase::Succeeded);
    organisation.wait_for_file("app.conf", "b\n");
}

#[test]
fn killed_at_random_moments_it_never_runs_anything_twice() {
    for delay in [0, 30, 80, 150, 300] {
        let mut organisation = Organisation::start();
        let counter = organisation.work("count");
        std::fs::write(&counter, "").unwrap();
        let script = format!("echo ran >> {}", counter.display());
        let _ = organisation
            .agent(&[
                "exec", "--ticket", "--reason", "count", "--json", "--", "/bin/sh", "-c", &script,
            ])
            .finish();
        let id = organisation.wait_for(Phase::Pending);
        organisation.decide(id, "alex", Verdict::Approve).unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        organisation.guard.as_mut().unwrap().kill();
        organisation.start_guard();
        let phase = until("the request to end", || {
            Some(organisation.record(id).phase).filter(|phase| phase.is_terminal())
        });
        let runs = std::fs::read_to_string(&counter).unwrap().lines().count();
        assert!(runs <= 1, "ran {runs} times, killed after {delay} ms");
        match phase {
            Phase::Succeeded => assert_eq!(runs, 1),
            Phase::Unknown => {}
            other => panic!("{other:?} after {delay} ms"),
        }
    }
}
