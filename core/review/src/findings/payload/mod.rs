//! Payloads of named facts: data exports, secret rotations, model promotions.
//!
//! - `fact`: the facts, the detector that hands them on, and rotations
//! - `export`: data exports
//! - `promotion`: model promotions

mod export;
mod fact;
mod promotion;

pub(super) use fact::Payloads;
