//! Signatures and keys in the form of OpenSSH.
#![no_main]

use countersign_protocol::identity::{PublicKey, SignatureFormat};
use countersign_protocol::sshsig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let key = PublicKey::ed25519(&[7; 32]).in_format(SignatureFormat::Sshsig);
    assert!(!sshsig::accepts(&key, b"nobody signed this", bytes));
    if let Some(read) = sshsig::read_key(bytes) {
        assert_eq!(sshsig::key_blob(&read), bytes);
    }
});
