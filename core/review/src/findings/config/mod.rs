//! Configuration of well-known programs, in JSON, YAML or formats of their own.
//!
//! - `setting`: the detector for single settings that switch a guard off; `key` and `line` are its tables, for
//!   documents and for lines of text
//! - `server`: the detector for servers' files as a whole; `target` tells where they send things
//! - `turn`: settings of documents that are weaker than they were, whatever the program
//! - `alert`: the detector for the routes of Alertmanager
//!
//! Settings of cloud resources are in [`super::cloud`].

mod alert;
mod key;
mod line;
mod server;
mod setting;
mod target;
mod turn;

pub(super) use alert::Alerts;
pub(super) use server::Servers;
pub(super) use setting::Settings;
