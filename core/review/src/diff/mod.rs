//! Differences between the state before and the state after.
//!
//! [`text`] is the exact view over lines of bytes. Nothing here is ever approximate: what is too large for the
//! exact view is refused by name.

mod inline;
pub mod text;

pub use inline::{Inline, inline};
