//! A rewritten database comes to light.

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;
use countersign_tests::process::binary;
use countersign_verify::{Pinned, Purpose, verify};

use countersign_tests::organisation::now;

#[test]
fn a_changed_leaf_or_envelope_is_found_by_the_store_check_and_by_every_verifier() {
    let mut organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
    let good = organisation.record(id);
    assert!(organisation.judge(&good, Purpose::Audit).is_valid());

    // A verifier finds every changed leaf.
    let mut bent = good.evidence.clone();
    let leaf = &mut bent.log.as_mut().unwrap().leaves.last_mut().unwrap().leaf;
    *leaf = leaf.replace("receipt", "verdict");
    assert!(!verify(&bent, &Pinned::new(organisation.root), now(), Purpose::Audit).is_valid());

    // And so does the operator's own check, on a database that somebody wrote into.
    let check = |organisation: &Organisation| {
        std::process::Command::new(binary("countersignd"))
            .arg("verify-store")
            .arg("--home")
            .arg(organisation.path("backend"))
            .output()
            .unwrap()
    };
    assert_eq!(organisation.backend.as_mut().unwrap().terminate(), Some(0));
    let before = check(&organisation);
    assert!(
        before.status.success(),
        "{}",
        String::from_utf8_lossy(&before.stderr)
    );
    organisation.tamper("UPDATE leaves SET bytes = CAST(replace(CAST(bytes AS TEXT), 'approve', 'verdict') AS BLOB) WHERE bytes LIKE '%approve%'");
    let after = check(&organisation);
    assert!(
        !after.status.success(),
        "{}",
        String::from_utf8_lossy(&after.stdout)
    );
}
