//! The whole chain, from evidence and pinned trust to an answer.
//!
//! One pure function, [`verify`], judges the evidence of a request: signatures, bindings, policy, quorum, log.
//! Guard, console, backend and `countersign verify` all call it; none of them trusts another's answer.
//! [`judge::judge`] is the part that computes findings and asks policy, used where a request is first made.
//! Reaches no network, clock or file: the caller brings evidence, pins and `now`.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

pub mod account;
pub mod chain;
pub mod judge;
pub mod log;
mod unread;

pub use account::Account;
pub use chain::{
    Chain, CheckedAmendment, CheckedDecision, LogView, Pinned, Problem, Purpose, Report, verify,
};
