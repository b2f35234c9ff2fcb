//! Who may connect to whom, by address ranges and ports.
//!
//! - `opening`: the detector for ranges that are let in, wherever a document states them
//! - `range`, `port`: the ranges and ports that a rule names, and how much each is
//! - `list`: ranges outside of rules; `union`: ranges that are everybody only together
//! - `egress`: ways out that were not there
//! - `firewall`: the detector for firewalls whose rules are tried in order
//!
//! Policies inside a cluster are in [`super::kubernetes`].

mod egress;
mod firewall;
mod list;
mod opening;
mod port;
mod range;
mod union;

pub(super) use firewall::Ordered;
pub(super) use opening::Openings;
