//! One person and their own agents: a start that did not come to its end is begun anew.

use std::process::Command;

use countersign_tests::process::binary;
use countersign_tests::{Home, Terminal};

const PASSPHRASE: &str = "correct horse battery";

/// `countersign --personal` at a terminal of its own, where passphrases are asked for.
fn start(home: &Home) -> Terminal {
    let mut program = Command::new("setsid");
    program
        .args(["--ctty", "--wait"])
        .arg(binary("countersign"))
        .arg("--personal")
        .env("COUNTERSIGN_HOME", home.path("home"))
        .env_remove("COUNTERSIGN_BACKEND");
    Terminal::start(program, (100, 30))
}

#[test]
fn a_start_that_did_not_come_to_its_end_is_begun_anew() {
    let home = Home::new();
    // What an earlier start left: keys, and nothing that rests on them.
    let keys = home.path("owner.json");
    let mut made = vec!["init", "--owner-keys", "--person", "me", "--pin-fd", "3"];
    made.extend(["-o", keys.to_str().unwrap()]);
    home.succeeds(PASSPHRASE, &made);

    let mut terminal = start(&home);
    terminal.wait_for_words("your keys (8 characters or more):");
    terminal.write("short\r");
    terminal.wait_for_words("a passphrase needs at least 8 characters");
    assert_ne!(terminal.end(), Some(0));
    assert!(!home.path("home/backend").exists(), "nothing was begun");

    let mut terminal = start(&home);
    terminal.wait_for_words("your keys (8 characters or more):");
    terminal.write(&format!("{PASSPHRASE}\r"));
    terminal.wait_for_words("The same again:");
    terminal.write(&format!("{PASSPHRASE}\r"));
    terminal.wait_for_words("Nothing waits for you.");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}
