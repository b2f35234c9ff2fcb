//! Differences between the state before and the state after.
//!
//! [`text`] is the exact view over lines of bytes. Nothing in it is ever approximate: what is too large for the
//! exact view is refused by name. [`structure`] tells the same change by paths and values, as an aid.

mod block;
mod inline;
mod line;
pub mod structure;
pub mod text;

pub use inline::{Inline, inline};
