//! How long one signature takes, for each provider: `tests/with-keyring cargo bench -p countersign-tests --bench signing`.
//!
//! Software TPM, software token and agent answer faster than chips and cards do; what is measured is our side: the
//! connection, the session, the checks. A real TPM adds tens to hundreds of milliseconds.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench has nobody to report an error to but its reader"
)]

use std::time::{Duration, Instant};

use countersign_console::config::Provider;
use countersign_console::keys::{self, NewKey};
use countersign_protocol::identity::Role;
use countersign_tests::device::{SoftHsm, SshAgent, Swtpm};
use secrecy::SecretString;

const SIGNATURES: usize = 60;

fn main() {
    // SoftHSM finds its tokens by a variable, which a process can only be started with.
    if std::env::var_os("SOFTHSM2_CONF").is_none() {
        let hsm = SoftHsm::new();
        let own = std::env::current_exe().unwrap();
        let status = std::process::Command::new(own)
            .envs(hsm.variables())
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let tpm = Swtpm::blank();
    let agent = SshAgent::new();
    let _ = agent.add("ed25519");
    let socket = agent.socket().display().to_string();
    println!(
        "{:<10} {:>10} {:>10} {:>10}   ({SIGNATURES} signatures each)",
        "provider", "median", "p95", "most"
    );
    for (provider, at, secret) in [
        (Provider::Software, None, "correct horse"),
        (Provider::Tpm, Some(tpm.address()), "correct horse"),
        (Provider::Pkcs11, None, SoftHsm::PIN),
        (Provider::SshAgent, Some(socket), ""),
    ] {
        measure(provider, at.as_deref(), &SecretString::from(secret.to_owned()));
    }
}

fn measure(provider: Provider, at: Option<&str>, secret: &SecretString) {
    let wanted = NewKey {
        role: Role::Reviewer,
        secret,
        select: None,
    };
    let keys = keys::provider(provider, at).unwrap();
    let id = keys.create(&wanted).unwrap().public_key().id();
    let key = keys.open(&id).unwrap();
    let mut took: Vec<Duration> = (0..SIGNATURES)
        .map(|index| {
            let message = format!("message {index}");
            let start = Instant::now();
            let signature = key.unlock(secret).unwrap().sign(message.as_bytes()).unwrap();
            let took = start.elapsed();
            assert!(key.public_key().accepts(message.as_bytes(), &signature));
            took
        })
        .collect();
    took.sort();
    let at = |part: usize| {
        took.get((took.len() - 1) * part / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{:<10} {:>10.2?} {:>10.2?} {:>10.2?}",
        provider.word(),
        at(50),
        at(95),
        at(100)
    );
    keys.delete(&id).unwrap();
}
