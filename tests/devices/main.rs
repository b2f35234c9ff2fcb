//! Signing keys on real devices: software TPMs, PKCS#11 tokens and SSH agents, a real keyring between processes.
//!
//! Run under `tests/with-keyring`. What is missing is a failure here, never a skipped test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken step is a failed test"
)]

mod attestation;
mod keyring;
mod pkcs11;
mod ssh_agent;
mod tpm;
