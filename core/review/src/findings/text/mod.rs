//! Text that deceives the eye, in any document.
//!
//! - `hidden`: the detectors for characters that hide or move text, and for keys that stand twice
//! - `look_alike`: the detector for words that look like others

mod hidden;
mod look_alike;

pub(super) use hidden::{HostileText, RepeatedKeys};
pub(super) use look_alike::LookAlikes;
