//! Keys on a PKCS#11 token: made there, never out of there, refused without it.

use countersign_tests::Home;
use countersign_tests::device::{SoftHsm, run, tool};

fn home(hsm: &SoftHsm) -> Home {
    let mut home = Home::new();
    for (name, value) in hsm.variables() {
        home.set(name, value);
    }
    home
}

const CHECK: [&str; 4] = ["keys", "check", "--pin-fd", "3"];

#[test]
fn a_key_is_made_kept_and_used_by_other_processes() {
    let hsm = SoftHsm::new();
    let home = home(&hsm);
    home.create_and_sign("pkcs11", SoftHsm::PIN);
    home.sign_with_openssl(SoftHsm::PIN);
    // A token in software is never called hardware.
    let kept_in = home.listed()["kept_in"].as_str().unwrap().to_owned();
    assert!(kept_in.starts_with("software token"), "{kept_in}");
    assert!(kept_in.contains(&hsm.serial), "{kept_in}");
}

#[test]
fn wrong_pins_and_missing_tokens_say_so() {
    let hsm = SoftHsm::new();
    let home = home(&hsm);
    home.create_and_sign("pkcs11", SoftHsm::PIN);
    home.refuses("000000", &CHECK, "the PIN is wrong");
    home.refuses("", &CHECK, "the PIN is wrong");
    home.sign_with_openssl(SoftHsm::PIN);
    hsm.unplug();
    home.refuses(SoftHsm::PIN, &CHECK, "is not there; put it in");
    assert_eq!(home.listed()["available"], false);
}

#[test]
fn the_private_half_is_not_given_out() {
    let hsm = SoftHsm::new();
    let home = home(&hsm);
    home.create_and_sign("pkcs11", SoftHsm::PIN);
    let mut list = tool("pkcs11-tool");
    list.envs(hsm.variables())
        .arg("--module")
        .arg(hsm.module())
        .args([
            "--login",
            "--pin",
            SoftHsm::PIN,
            "--list-objects",
            "--type",
            "privkey",
        ]);
    let shown = run(&mut list);
    let access = shown.lines().find(|line| line.contains("Access:")).unwrap();
    for word in ["sensitive", "always sensitive", "never extractable", "local"] {
        assert!(access.contains(word), "{access}");
    }
    let id = shown
        .lines()
        .find_map(|line| line.trim().strip_prefix("ID:"))
        .unwrap()
        .trim();
    let mut read = tool("pkcs11-tool");
    read.envs(hsm.variables())
        .arg("--module")
        .arg(hsm.module())
        .args([
            "--login",
            "--pin",
            SoftHsm::PIN,
            "--read-object",
            "--type",
            "privkey",
            "--id",
            id,
        ])
        .arg("-o")
        .arg(home.path("stolen"));
    let read = read.output().unwrap();
    let stolen = std::fs::read(home.path("stolen")).unwrap_or_default();
    assert!(
        !read.status.success() || stolen.is_empty(),
        "the private half was given out"
    );
}

#[test]
fn several_tokens_have_to_be_told_apart() {
    let hsm = SoftHsm::new();
    hsm.add("other");
    let home = home(&hsm);
    let create = ["keys", "create", "--provider", "pkcs11", "--pin-fd", "3"];
    let unclear = home.countersign(SoftHsm::PIN, &create);
    assert_eq!(unclear.code, Some(2));
    assert!(unclear.stderr.contains("--select"), "{}", unclear.stderr);
    assert!(unclear.stderr.contains(&hsm.serial), "{}", unclear.stderr);
    let chosen = [&create[..], &["--select", "other"]].concat();
    home.succeeds(SoftHsm::PIN, &chosen);
    home.sign_with_openssl(SoftHsm::PIN);
}
