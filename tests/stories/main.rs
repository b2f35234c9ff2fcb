//! Stories on the real binaries over loopback: each promise, and the attack that would break it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken step is a failed test"
)]

mod approve;
mod backend_lies;
mod batch;
mod cases;
mod changed_after_approval;
mod counter_proposal;
mod demonstration;
mod deny;
mod drift;
mod enrolment;
mod expired;
mod flaky_link;
mod hardware_key;
mod kill_backend;
mod kill_guard;
mod lost_laptop;
mod offline_review;
mod owners;
mod personal;
mod pin_at_the_terminal;
mod remembered_pin;
mod replayed_decision;
mod reveal;
mod root_rotation;
mod second_guard;
mod secret;
mod self_approval;
mod service_keys;
mod talk;
mod tampered_log;
mod tls;
mod two_keys_one_person;
mod weakened_policy;
mod withdrawn;

/// The state in a guard client's `--json` line on standard error.
fn guard_state(stderr: &str) -> String {
    let line = stderr
        .lines()
        .rev()
        .find(|line| line.starts_with('{'))
        .unwrap_or_else(|| panic!("no JSON in: {stderr}"));
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    value["state"].as_str().unwrap_or_default().to_owned()
}

/// The code of the problem that the backend answered with.
fn refusal<T: std::fmt::Debug>(answer: Result<T, countersign_client::transport::ClientError>) -> String {
    answer.unwrap_err().code().to_owned()
}
