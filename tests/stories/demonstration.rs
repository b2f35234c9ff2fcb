//! The demonstration at a terminal: what is decided in it leaves evidence that verifies by the root alone.

use std::process::Command;

use countersign_tests::process::binary;
use countersign_tests::{Home, Terminal};

#[test]
fn what_is_decided_in_the_demonstration_leaves_evidence() {
    let home = Home::new();
    let evidence = home.path("evidence");
    let mut program = Command::new(binary("countersign"));
    program.arg("demo").arg("--evidence").arg(&evidence);
    let mut terminal = Terminal::start(program, (120, 40));
    terminal.wait_for("Press Enter to open the console.");
    terminal.press("\r");
    terminal.wait_for_words("You can decide this.");
    terminal.press("\r");
    terminal.wait_for_words("lines seen");
    terminal.press("D");
    terminal.wait_for_words("the passphrase of your key is entered");
    // What is typed in the moment in which something new came up is not for it.
    terminal.press("n");
    terminal.write("ot this");
    terminal.press("\t");
    terminal.write("countersign-demo");
    terminal.press("\u{13}");
    terminal.wait_for_words("proven to this console");
    terminal.press("\r");
    terminal.press("q");
    terminal.wait_for_words("countersign verify");
    assert_eq!(terminal.end(), Some(0));

    let files = std::fs::read_dir(&evidence)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let bundles: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    assert_eq!(bundles.len(), 1, "{bundles:?}");
    let verify = |root: &str| {
        Command::new(binary("countersign"))
            .arg("verify")
            .arg(&bundles[0])
            .arg("--trust")
            .arg(evidence.join(root))
            .output()
            .unwrap()
    };
    let verified = verify("root.txt");
    assert!(
        String::from_utf8_lossy(&verified.stdout).starts_with("valid\n"),
        "{verified:?}"
    );
    std::fs::write(evidence.join("another.txt"), "0".repeat(64)).unwrap();
    assert!(!verify("another.txt").status.success());
}
