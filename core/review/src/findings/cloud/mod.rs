//! Resources of clouds, by the names of their settings, whatever tool writes them down.
//!
//! - `resource`: the detector for settings; what one value of a setting means, and what is gone or kept shorter
//! - `setting_table`: its tables
//! - `turn`, `turn_table`: settings that say something only beside what they were
//! - `alarm`, `capacity`: what watches and what runs, and does so less than before
//! - `share`: resources that only hand something out
//! - `role`: the detector for roles that clouds hand out by name (AWS policies are in [`super::iam`])
//! - `template`: parameters of CloudFormation, replaced by their defaults before any rule looks
//!
//! Settings that only a plan or Terraform source shows are in [`super::terraform`]; who may connect is in
//! [`super::network`].

mod alarm;
mod capacity;
mod resource;
mod role;
mod setting_table;
mod share;
mod template;
mod turn;
mod turn_table;

pub(super) use resource::{Resources, stated};
pub(super) use role::Grants;
pub(super) use template::resolve;
pub(super) use turn::turned;
