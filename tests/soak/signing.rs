//! A device signs for a long time: no handle is left behind in it, no session leaks, every signature holds.

use countersign_console::config::Provider;
use countersign_console::keys::{self, NewKey};
use countersign_protocol::identity::Role;
use countersign_tests::device::Swtpm;
use secrecy::SecretString;

use crate::{rounds, soak};

/// Signatures in a round.
const EACH: usize = 50;

#[test]
fn a_tpm_signs_again_and_again() {
    let tpm = Swtpm::blank();
    let pin = SecretString::from("correct horse".to_owned());
    let keys = keys::provider(Provider::Tpm, Some(&tpm.address())).unwrap();
    let wanted = NewKey {
        role: Role::Reviewer,
        secret: &pin,
        select: None,
    };
    let id = keys.create(&wanted).unwrap().public_key().id();
    soak("signing", |round| {
        let key = keys.open(&id).unwrap();
        for index in 0..EACH {
            let message = format!("{round} {index}");
            let signature = key.unlock(&pin).unwrap().sign(message.as_bytes()).unwrap();
            assert!(key.public_key().accepts(message.as_bytes(), &signature));
        }
    });
    eprintln!("signing: {} signatures by one key", rounds() * EACH);
}
