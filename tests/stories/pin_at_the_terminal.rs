//! The full screen with a key in a TPM: the PIN's dialog, wrong PINs counted before the next is asked for, the lock with
//! its seconds, and a TPM that is gone. Each says what to do next, and nothing is ever signed by it.

use std::time::Duration;

use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_tests::device::Swtpm;
use countersign_tests::process::Running;
use countersign_tests::{Home, Organisation, Setup, Terminal};

const PIN: &str = "correct horse";
const ONE: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("run") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

/// A machine whose reviewer's key is in this TPM, in an organisation where one change waits for it.
fn reviewer(tpm: &Swtpm) -> (Home, Organisation, Running, RequestId) {
    let home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.succeeds(PIN, &["keys", "create", "--provider", "tpm", "--pin-fd", "3"]);
    let mut organisation = Organisation::with(&Setup {
        policy: Some(ONE),
        ..Setup::default()
    });
    let enrolment = home.path("enrolment.json");
    let (url, root) = (organisation.url.clone(), organisation.root.to_string());
    let mut login = vec!["login", "--backend", &url, "--root", &root, "--person", "lee"];
    login.extend(["--output", enrolment.to_str().unwrap(), "--pin-fd", "3"]);
    home.succeeds(PIN, &login);
    organisation.enrol("lee", &enrolment);

    let client = organisation.ask_change("app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    let _ = organisation.chain(id);
    (home, organisation, client, id)
}

/// Opens the only request and begins to approve it, up to the field for the PIN.
fn approve(terminal: &mut Terminal) {
    terminal.wait_for_words("You can decide this.");
    terminal.press("\r");
    terminal.wait_for_words("lines seen");
    terminal.press("A");
    terminal.wait_for_words("the PIN of your key is entered");
    write_reason(terminal);
}

fn write_reason(terminal: &mut Terminal) {
    settle();
    terminal.write("read it all");
    terminal.press("\t");
}

/// Leaves the dialog and comes back to it.
fn again(terminal: &mut Terminal) {
    terminal.press("\u{1b}");
    terminal.press("A");
}

/// What is typed in the moment in which something new came up is not for it, and is dropped.
fn settle() {
    std::thread::sleep(Duration::from_millis(1000));
}

fn sign(terminal: &mut Terminal, pin: &str) {
    terminal.write(pin);
    terminal.press("\u{13}");
}

#[test]
fn wrong_pins_a_lock_and_a_missing_tpm_are_told_with_what_to_do_next() {
    let mut tpm = Swtpm::blank();
    let (home, organisation, client, id) = reviewer(&tpm);
    let mut terminal = home.full_screen((120, 40));
    approve(&mut terminal);

    // A wrong PIN is not shown, is counted by the TPM, and the next dialog says so before it is used up.
    terminal.write("wrong horse");
    let screen = terminal.wait_for_words("•••••••••••");
    assert!(!screen.contains("wrong horse"), "{screen}");
    terminal.press("\u{13}");
    terminal.wait_for_words("the PIN is wrong; nothing was signed; 2 attempts are left before it is locked");
    again(&mut terminal);
    terminal.wait_for_words("2 of 3 PIN attempts are left");
    write_reason(&mut terminal);
    sign(&mut terminal, "wrong horse");
    terminal.wait_for_words("1 attempt is left before it is locked");
    assert_eq!(organisation.record(id).phase, Phase::Pending);

    // The last one locks it; how long, and what then, is said at once, and again before anything is asked.
    sign(&mut terminal, "wrong horse");
    let locked = "it forgets one within 1000 seconds, while it is switched on: wait, or let its administrator clear the lock";
    terminal.wait_for_words(locked);
    again(&mut terminal);
    terminal.wait_for_words(locked);

    // A machine whose TPM is gone says where it was looked for, and the lock is not taken for it.
    tpm.stop();
    again(&mut terminal);
    terminal.wait_for_words("if it is another one, name it with `COUNTERSIGN_TPM`");
    terminal.press("\u{1b}");
    assert_eq!(organisation.record(id).phase, Phase::Pending);
    drop(client);
}

#[test]
fn the_right_pin_in_the_dialog_signs_and_the_change_runs() {
    let tpm = Swtpm::blank();
    let (home, organisation, client, id) = reviewer(&tpm);
    let mut terminal = home.full_screen((120, 40));
    approve(&mut terminal);
    sign(&mut terminal, PIN);
    terminal.wait_for_words("proven to this console");
    assert_eq!(client.finish().code, Some(0));
    organisation.wait_until(id, Phase::Succeeded);
}
