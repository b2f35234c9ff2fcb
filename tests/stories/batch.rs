//! A reviewer decides several like requests together, at a terminal of 80 by 24: read as one, signed one by one.

use std::collections::BTreeSet;

use countersign_protocol::decision::{Attention, Verdict};
use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_tests::{Console, Organisation};

const BEFORE: &str = "limits {\n  conns 512;\n}\n";
const AFTER: &str = "limits {\n  conns 1024;\n}\n";
/// The same change with a character that turns the line around: high risk.
const HIGH: &str = "limits {\n  conns 1024; # \u{202e}ok\n}\n";

fn pending(organisation: &Organisation) -> BTreeSet<RequestId> {
    let rows = organisation.rows();
    let open = rows.iter().filter(|row| row.phase == Phase::Pending);
    open.map(|row| row.id).collect()
}

#[test]
fn like_requests_are_read_together_signed_one_by_one_and_all_run_and_a_high_one_stays_out() {
    let mut organisation = Organisation::start();
    let robin = organisation.join("robin");
    let high = organisation.ask_change("high.conf", BEFORE, HIGH);
    let high_id = organisation.wait_for(Phase::Pending);
    let clients: Vec<_> = (1..=3)
        .map(|number| organisation.ask_change(&format!("limits-{number}.conf"), BEFORE, AFTER))
        .collect();
    let all = countersign_tests::process::until("four requests", || {
        Some(pending(&organisation)).filter(|all| all.len() == 4)
    });
    let alike: Vec<RequestId> = all.into_iter().filter(|id| *id != high_id).collect();

    let mut terminal = robin.full_screen((80, 24));
    terminal.wait_for("Needs you 4");
    terminal.wait_for("complete");
    // The worst risk is on top; it may not join.
    terminal.press("g");
    terminal.press("x");
    terminal.wait_for("not marked: a high risk is decided by itself");
    terminal.press("j");
    terminal.press("X");
    terminal.wait_for("3 marked; B reads them together");
    terminal.press("B");
    terminal.wait_for("3 requests of one shape");
    // Not before all of it was on screen.
    terminal.press("A");
    terminal.wait_for("lines were not on screen yet");
    terminal.press_until(" ", "✓");

    terminal.press("A");
    terminal.wait_for("1 of 3, one signature each");
    terminal.write("the same limit on three hosts, as agreed");
    // Enter goes to the next field and never decides; a chord without the passphrase doesn't either.
    terminal.press("\r");
    terminal.press("\u{13}");
    terminal.wait_for("not signed");
    assert_eq!(pending(&organisation).len(), 4);
    for signed in 1..=3 {
        Console::unlock(&mut terminal);
        terminal.press("\u{13}");
        if signed < 3 {
            terminal.wait_for(&format!("{} of 3, one signature each", signed + 1));
        }
        terminal.wait_until("the next decision does not count", || {
            pending(&organisation).len() == 4 - signed
        });
    }
    terminal.wait_for("All 3 are decided");

    for client in clients {
        let ended = client.finish();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    let mut signed = BTreeSet::new();
    for id in alike {
        organisation.wait_until(id, Phase::Succeeded);
        let chain = organisation.chain(id);
        assert_eq!(chain.decisions.len(), 1, "one signature each");
        let decision = &chain.decisions[0].decision;
        assert_eq!(decision.reviewer.as_str(), "robin");
        let Attention::Shown { lines, of_lines, .. } = decision.attention else {
            panic!("{:?}", decision.attention)
        };
        assert_eq!((lines, of_lines as usize), (of_lines, chain.sheet.lines().len()));
        assert_eq!(decision.request_digest, chain.request.request_digest());
        assert_eq!(decision.view_digest, chain.sheet.view_digest());
        signed.insert((decision.request_digest, decision.nonce));
    }
    assert_eq!(signed.len(), 3);
    for number in 1..=3 {
        organisation.wait_for_file(&format!("limits-{number}.conf"), AFTER);
    }
    // The high one waits as before: it is decided by itself.
    assert_eq!(pending(&organisation), BTreeSet::from([high_id]));
    terminal.press("\u{1b}");
    terminal.wait_for("high.conf");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
    organisation.decide(high_id, "alex", Verdict::Deny).unwrap();
    assert_eq!(high.finish().code, Some(77));
}
