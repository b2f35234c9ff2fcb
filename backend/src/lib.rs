//! The approval backend: takes proposals in, holds them for people, keeps the log, gives grants.
//!
//! It is trusted with availability alone. Consoles, guards and verifiers check everything it says against pinned
//! roots; a stolen backend can delay or suppress a decision, never make one. It reads statements, asks policy, lets
//! the state machine of `countersign-protocol` decide, and writes; it counts nothing itself.

pub mod cli;
pub mod config;
pub mod home;
pub mod maintenance;
pub mod openapi;
pub mod rotation;
pub mod serve;

pub mod authn;
pub mod idempotency;
pub mod limit;
pub mod presence;
pub mod problem;
pub mod router;
pub mod routes;
pub mod watch;

pub mod engine;
pub mod evidence;
pub mod trust;

pub mod key;
pub mod log;
pub mod store;

mod clock;
mod print;

#[cfg(test)]
#[path = "../../core/review/src/text/look_alikes.rs"]
mod look_alikes;
