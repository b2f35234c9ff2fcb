//! What was reviewed is what runs: a target that moved is not touched.

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;

use crate::guard_state;

#[test]
fn a_file_that_is_no_longer_the_reviewed_one_is_left_alone() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    std::fs::write(organisation.work("app.conf"), "somebody's live fix\n").unwrap();
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(65), "{}", ended.stderr);
    assert_eq!(guard_state(&ended.stderr), "stale");
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "somebody's live fix\n"
    );
    organisation.wait_until(id, Phase::Stale);
}

#[test]
fn a_script_swapped_after_it_was_proposed_does_not_run() {
    let organisation = Organisation::start();
    let out = organisation.work("out");
    let script = organisation.write(
        "run.sh",
        format!("echo reviewed > {}\n", out.display()).as_bytes(),
    );
    let client = organisation.agent(&[
        "exec",
        "--reason",
        "swap",
        "--json",
        "--",
        "/bin/sh",
        script.to_str().unwrap(),
    ]);
    let id = organisation.wait_for(Phase::Pending);
    std::fs::write(&script, format!("echo swapped > {}\n", out.display())).unwrap();
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "reviewed\n");
}

#[test]
fn held_bytes_that_were_changed_on_disk_do_not_run() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    let held: Vec<_> = walk(&organisation.path("g1"))
        .into_iter()
        .filter(|path| std::fs::read(path).is_ok_and(|bytes| bytes == b"b\n"))
        .collect();
    assert!(
        !held.is_empty(),
        "the guard keeps the new bytes somewhere in its home"
    );
    for path in held {
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        std::fs::set_permissions(&path, permissions).unwrap();
        std::fs::write(&path, "c\n").unwrap();
    }
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(65), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "a\n"
    );
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}
