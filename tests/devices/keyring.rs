//! The keyring itself: absent, locked, and how much it holds of a key.

use countersign_tests::Home;
use countersign_tests::device::Swtpm;

#[test]
fn without_a_keyring_no_key_is_made_and_none_is_found() {
    let tpm = Swtpm::blank();
    let mut home = Home::new().with("COUNTERSIGN_TPM", tpm.address());
    home.create_and_sign("tpm", "correct horse");
    home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    home.refuses(
        "correct horse",
        &["keys", "check", "--pin-fd", "3"],
        "no keyring can be reached",
    );
    let create = [
        "keys",
        "create",
        "--provider",
        "tpm",
        "--name",
        "second",
        "--pin-fd",
        "3",
    ];
    home.refuses("correct horse", &create, "no keyring can be reached");
}

#[test]
fn a_locked_keyring_says_so_and_nothing_hangs() {
    let home = Home::new();
    home.create_and_sign("software", "correct horse");
    // A bus with a daemon of its own that nobody unlocked, over the same saved keyrings.
    let data = home.path("locked");
    std::fs::create_dir(&data).unwrap();
    let started = std::time::Instant::now();
    let script = r#"dbus-run-session -- sh -c 'exec 3<"$0"; exec "$@"' "$@""#;
    let mut command = std::process::Command::new("sh");
    std::fs::write(home.path("pin"), "correct horse").unwrap();
    command
        .args(["-c", script, "sh"])
        .arg(home.path("pin"))
        .arg(countersign_tests::process::binary("countersign"))
        .args(["keys", "create", "--name", "other", "--pin-fd", "3"])
        .env("COUNTERSIGN_HOME", home.path("home"))
        .env("XDG_RUNTIME_DIR", &data)
        .env("HOME", &data)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("GNOME_KEYRING_CONTROL")
        .env_remove("DISPLAY")
        .stdin(std::process::Stdio::null());
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(6), "{said}");
    assert!(said.contains("the keyring is locked"), "{said}");
    assert!(
        started.elapsed() < std::time::Duration::from_secs(55),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn providers_that_are_not_here_say_so() {
    let home = Home::new();
    for provider in ["secure-enclave", "windows-tpm", "fido2"] {
        let done = home.countersign(
            "correct horse",
            &["keys", "create", "--provider", provider, "--pin-fd", "3"],
        );
        assert_eq!(done.code, Some(2), "{provider}");
        assert!(done.stderr.contains("not on this build"), "{}", done.stderr);
    }
}
