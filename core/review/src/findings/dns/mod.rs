//! Records of the domain name system.
//!
//! - `target`: the detector; names that lead to somebody else than before
//! - `record`: records, read out of any document
//! - `mail`: who may send mail in the name of a domain

mod mail;
mod record;
mod target;

pub(super) use target::Records;
