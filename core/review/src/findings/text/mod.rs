//! Text that deceives the eye, in any document.
//!
//! - `hidden`: the detectors for characters that hide or move text, and for keys that stand twice
//! - `look_alike`: the detector for words that look like others

mod hidden;
mod look_alike;

use super::{RuleId, rule};

pub(super) use hidden::{HostileText, RepeatedKeys};
pub(super) use look_alike::LookAlikes;

/// Whether a rule is about how a text looks to people.
pub(super) fn is_about_looks(rule: RuleId) -> bool {
    let looks = [
        &rule::HOSTILE_TEXT,
        &rule::TEXT_MIXED_SCRIPT,
        &rule::TEXT_CONFUSABLE,
    ];
    looks.iter().any(|known| known.id == rule)
}
