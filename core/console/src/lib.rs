//! What a reviewer's machine does: keys in the keyring of the operating system, the inbox, decisions on their way,
//! and the state machine of both consoles.
//!
//! Front ends draw and take keys; everything a decision needs is here. What the backend shows is verified on
//! entry, and derived again before anything is signed.

pub mod config;
pub mod enrolment;
pub mod home;
pub mod organisation;
pub mod succession;

pub mod keyring;
pub mod keys;
mod patience;
pub mod reveal;

pub mod amend;
pub mod decide;
pub mod inbox;
pub mod kept;
pub mod outbox;

pub mod backlog;
pub mod offline;

pub mod desk;
pub mod link;
pub mod machine;
