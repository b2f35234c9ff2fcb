//! Proof by others: tools that we did not write accept our artefacts, and reject one flipped byte.
//!
//! The artefacts are the kept vectors under `tests/vectors/parts`. `./x test` installs the tools; where one is
//! missing the test fails and says what to run, so that a green run means that it ran.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_protocol::signed::{Envelope, pae};

fn part(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors/parts")
        .join(name)
}

fn tool(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => panic!("`{variable}` is not set: run `./x test`, which installs the tools that check us"),
    }
}

/// Runs a checker; whether it accepted. Anything but its yes (0) and its no (`no`) is a broken test.
fn accepts(command: &mut Command, no: i32) -> bool {
    let output = command.output().unwrap();
    match output.status.code() {
        Some(0) => true,
        Some(code) if code == no => false,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// A copy of `bytes` with one bit of the byte at `at` changed.
fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    *changed.get_mut(at).unwrap() ^= 1;
    changed
}

fn decision() -> Envelope {
    Envelope::from_json(&std::fs::read(part("decision.dsse.json")).unwrap()).unwrap()
}

#[test]
fn securesystemslib_accepts_a_decision_and_no_flipped_byte() {
    let folder = tempfile::tempdir().unwrap();
    let check = |envelope: &Envelope| {
        let path = folder.path().join("envelope.json");
        std::fs::write(&path, serde_json::to_vec(envelope).unwrap()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/dsse_check.py");
        accepts(
            Command::new(tool("COUNTERSIGN_PYTHON"))
                .arg(script)
                .arg(&path)
                .arg(part("decision.pem")),
            1,
        )
    };
    assert!(check(&decision()));
    for at in [0, decision().payload.len() / 2, decision().payload.len() - 1] {
        let mut changed = decision();
        changed.payload = flipped(&changed.payload, at);
        assert!(!check(&changed), "payload byte {at}");
    }
    let mut changed = decision();
    let signature = changed.signatures.first_mut().unwrap();
    signature.sig = flipped(&signature.sig, 20);
    assert!(!check(&changed));
}

#[test]
fn openssl_accepts_the_signature_over_the_pre_authentication_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let envelope = decision();
    let encoded = pae(&envelope.payload_type, &envelope.payload);
    let check = |message: &[u8]| {
        let (text, signature) = (folder.path().join("pae"), folder.path().join("sig"));
        std::fs::write(&text, message).unwrap();
        std::fs::write(&signature, &envelope.signatures.first().unwrap().sig).unwrap();
        let mut openssl = Command::new("openssl");
        openssl
            .args(["dgst", "-sha256", "-verify"])
            .arg(part("decision.pem"))
            .arg("-signature")
            .arg(signature)
            .arg(text);
        accepts(&mut openssl, 1)
    };
    assert!(check(&encoded));
    for at in [0, encoded.len() / 2, encoded.len() - 1] {
        assert!(!check(&flipped(&encoded, at)), "byte {at}");
    }
}

#[test]
fn gos_checksum_database_accepts_the_checkpoint_and_the_inclusion_proof() {
    let folder = tempfile::tempdir().unwrap();
    let check = |changed: Option<(&str, usize)>| {
        let path = |name: &str| match changed {
            Some((which, at)) if which == name => {
                let copy = folder.path().join(name);
                std::fs::write(&copy, flipped(&std::fs::read(part(name)).unwrap(), at)).unwrap();
                copy
            }
            _ => part(name),
        };
        let mut go = Command::new(tool("COUNTERSIGN_LOGCHECK"));
        go.arg("-checkpoint")
            .arg(path("checkpoint"))
            .arg("-vkey")
            .arg(path("log.vkey"));
        go.arg("-leaf")
            .arg(path("leaf-3"))
            .arg("-proof")
            .arg(path("leaf-3.proof"))
            .args(["-index", "3"]);
        accepts(&mut go, 1)
    };
    assert!(check(None));
    assert!(!check(Some(("leaf-3", 5))));
    assert!(!check(Some(("leaf-3.proof", 5))));
    let checkpoint = std::fs::read_to_string(part("checkpoint")).unwrap();
    let size = checkpoint.find('\n').unwrap() + 1;
    assert!(!check(Some(("checkpoint", size))));
    assert!(!check(Some(("checkpoint", size + 4))));
}
