//! The backend dies at any moment: what it acknowledged is there afterwards, and nothing runs twice.

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;
use countersign_verify::Purpose;

fn restart(organisation: &mut Organisation) {
    organisation.backend.as_mut().unwrap().kill();
    organisation.start_backend();
}

#[test]
fn acknowledged_things_survive_a_kill_after_every_step() {
    let mut organisation = Organisation::start();
    let ticket = organisation
        .ask_change_with("app.conf", "a\n", "b\n", &["--ticket"])
        .finish();
    assert_eq!(ticket.code, Some(75), "{}", ticket.stderr);
    let id = organisation.wait_for(Phase::Pending);
    restart(&mut organisation);
    assert_eq!(organisation.record(id).phase, Phase::Pending);

    let decision = organisation.decision(id, "alex", Verdict::Approve);
    // The guard is held back, so that the approval itself is what survives.
    organisation.guard.as_mut().unwrap().kill();
    organisation.send(&decision, "alex", "alex").unwrap();
    restart(&mut organisation);
    assert_eq!(organisation.record(id).phase, Phase::Approved);

    organisation.start_guard();
    organisation.wait_until(id, Phase::Succeeded);
    restart(&mut organisation);
    let record = organisation.record(id);
    assert_eq!(record.phase, Phase::Succeeded);
    assert!(organisation.judge(&record, Purpose::Audit).is_valid());
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "b\n"
    );
}

#[test]
fn a_change_runs_once_however_often_the_backend_dies() {
    let mut organisation = Organisation::start();
    let counter = organisation.work("count");
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
    for _ in 0..5 {
        restart(&mut organisation);
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    organisation.wait_until(id, Phase::Succeeded);
    assert_eq!(std::fs::read_to_string(counter).unwrap(), "ran\n");
}

#[test]
fn a_backend_that_is_asked_to_end_ends_well() {
    let mut organisation = Organisation::start();
    assert_eq!(organisation.backend.as_mut().unwrap().terminate(), Some(0));
}
