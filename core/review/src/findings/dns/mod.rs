//! Records of the domain name system.
//!
//! - `target`: the detector; names that lead to somebody else than before
//! - `mail`: who may send mail in the name of a domain

mod mail;
mod target;

pub(super) use target::Records;
