//! What a push changes in a repository, besides its configuration.
//!
//! - `source`: the detector for source code of any language: checks that are gone, calls that are rarely safe
//! - `package`: the detector for packages: what runs when one is installed, where those come from that are taken in
//! - `owners`: the detector for owners of code: what leaves their review

mod owners;
mod package;
mod source;

pub(super) use owners::Owners;
pub(super) use package::Packages;
pub(super) use source::Code;
