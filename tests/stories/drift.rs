//! A live change that nobody asked the agent to take back does not go unseen.

use countersign_protocol::approval::{LastApproved, Severity};
use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;
use countersign_verify::Purpose;

#[test]
fn a_proposal_that_takes_back_a_live_change_says_so_on_the_sheet() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "workers = 4\nlog = 1\n", "workers = 8\nlog = 1\n");
    let first = organisation.wait_for(Phase::Pending);
    let chain = organisation.chain(first);
    assert_eq!(chain.request.approved, Some(LastApproved::Never {}));
    assert!(
        chain
            .sheet
            .text()
            .contains("no approved state of this target is on record"),
        "{}",
        chain.sheet.text()
    );
    organisation.decide(first, "alex", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(first, Phase::Succeeded);

    // Somebody mends it by hand at night; the agent, which does not know, proposes what it always does. Another word
    // for what kind of change it is leads away from nothing.
    let live = "workers = 16\nlog = 1\n";
    let target = organisation.write("app.conf", live.as_bytes());
    let new = organisation.write("new.conf", b"workers = 8\nlog = 2\n");
    let client = organisation.agent(&[
        "apply",
        "--kind",
        "build",
        "--path",
        target.to_str().unwrap(),
        "--after",
        new.to_str().unwrap(),
        "--reason",
        "as always",
        "--json",
    ]);
    let id = organisation.wait_for(Phase::Pending);
    let chain = organisation.chain(id);
    let found = &chain.findings[0];
    assert_eq!(found.rule.as_str(), "drift-reverts-live-change");
    assert_eq!(
        found.explanation,
        "at workers somebody changed live what was approved last, from `8` to `16`; this puts back `8`"
    );
    assert_eq!(chain.request.severity, Severity::High);
    let sheet = chain.sheet.text();
    for part in [
        "# drift from the last approved state (2)",
        &format!("last approved: by {first}, which had run at "),
        "live document: not as approved",
        "[reverts a live change] workers",
        "    approved, line 1: 8",
        "    live, line 1: 16",
        "    proposed, line 1: 8",
        "[asked for] log",
    ] {
        assert!(sheet.contains(part), "{part}\n{sheet}");
    }
    organisation.decide(id, "alex", Verdict::Deny).unwrap();
    assert_eq!(client.finish().code, Some(77));
    let report = organisation.judge(&organisation.wait_until(id, Phase::Denied), Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);

    // What was denied is not what was approved: the next one is still compared with the first.
    let client = organisation.ask_change("app.conf", live, "workers = 16\nlog = 3\n");
    let id = organisation.wait_for(Phase::Pending);
    let chain = organisation.chain(id);
    assert!(
        chain.sheet.text().contains("[untouched drift] workers"),
        "{}",
        chain.sheet.text()
    );
    assert_eq!(chain.request.severity, Severity::None);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
}
