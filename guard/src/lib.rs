//! Guarded endpoints on the agent's side: what catches a privileged call, holds it, and runs it once it may.
//!
//! The thin client (`intercept`, `socket`) runs as the agent and holds no key. The service runs as a user of its own:
//! it observes, proposes, waits, verifies the whole chain by itself, and runs exactly the approved bytes from sealed
//! copies, at most once. It never decides who may approve (`countersign-policy`), nor whether evidence is good
//! (`countersign-verify`).
//!
//! Modules stand in the order in which a call travels.

pub mod cli;
pub mod config;

pub mod intercept;
pub mod socket;
pub mod talk;

pub mod observe;
pub mod service;

pub mod enforce;

pub mod folder;
pub mod held;
pub mod run;
pub mod seal;

pub mod record;
pub mod report;

mod print;

#[cfg(test)]
#[path = "../../core/review/src/text/look_alikes.rs"]
mod look_alikes;
