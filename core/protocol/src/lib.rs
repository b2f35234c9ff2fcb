//! What is proposed, decided, granted and recorded.
//!
//! This crate holds every word of the product as a type, the bytes that get signed, and the one state
//! machine of a request's fate. It reaches no I/O, no clock and no randomness: callers pass `now`, keys and
//! nonces in. It does not evaluate policy (`countersign-policy`), does not render (`countersign-review`) and
//! does not judge a whole chain (`countersign-verify`).
//!
//! Modules stand in the order in which a privileged action travels.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

pub mod canonical;
pub mod digest;
pub mod identity;
pub mod kept;
pub mod moment;

pub mod reveal;
pub mod signed;
pub mod sshsig;

pub mod attestation;
pub mod directory;
pub mod enrolment;
pub mod policy_bundle;
pub mod root;

pub mod action;
pub mod kind;
pub mod text;

pub mod context;
pub mod proposal;

pub mod approval;
pub mod decision;
pub mod mask;
pub mod request;

pub mod amendment;

pub mod grant;
pub mod receipt;

pub mod bundle;
pub mod export;
pub mod log;

pub mod talk;

pub mod api;
pub mod authn;
