//! Terraform and OpenTofu: plans and source.
//!
//! - `plan`: the detector for plans; their resources, and what is destroyed, replaced or unknown
//! - `source`: the detector for source; `tree` reads it as the tree that JSON and YAML give
//! - `output`: outputs that are shown now
//! - `turn`: settings that are weaker than they were; `turn_table` and `guard_table` know them by type
//! - `made`: resources that are new, and defaults that are bad for them
//! - `expiry`: terms after which a bucket deletes
//! - `purpose`: what a type of resource is for
//!
//! What stands inside of a plan or source is judged by every family by its shape. [`super::cloud`] asks `turn`, `made`
//! and `expiry` beside its own rules, so that nothing is told twice.

pub(super) mod expiry;
mod guard_table;
pub(super) mod made;
mod output;
mod plan;
mod purpose;
mod source;
mod tree;
pub(super) mod turn;
mod turn_table;

pub(super) use output::still_hidden;
pub(super) use plan::{Plan, after, before};
pub(super) use source::{Source, is_source, resolve};
pub(super) use tree::read;
