//! Shell commands, wherever they stand: in calls, pipelines, builds, packages.
//!
//! - `script`: the detector, and the way through scripts and wrappers to single commands
//! - `syntax`: a script split into simple commands
//! - `program`: what each program does with its arguments; `cloud` and `store` know more of them by tables, `trial`
//!   those that only try
//! - `hidden`: what a script hides

mod cloud;
mod hidden;
mod program;
mod script;
mod store;
mod syntax;
mod trial;

pub(super) use hidden::is_system_file;
pub(super) use program::command;
pub(super) use script::{At, Commands, at, script};
pub(super) use syntax::parse;
