//! Payloads of named facts: data exports, secret rotations, model promotions.
//!
//! - `fact`: the facts, and the detector that hands them on
//! - `export`: data exports
//! - `rotation`: secret rotations
//! - `promotion`: model promotions

mod export;
mod fact;
mod promotion;
mod rotation;

pub(super) use fact::Payloads;
