//! What can be said of a setting without knowing the program: vocabulary for the tables of other families.
//!
//! - `turn`: the ways in which a setting gets weaker
//! - `name`: what a name says, where no table knows it
//! - `transport`: which versions of TLS a value accepts
//!
//! It has no detector: [`super::cloud`] and [`super::terraform`] ask it.

mod name;
pub(super) mod transport;
mod turn;

pub(super) use name::{closes, lets_everybody_in, meaning, opens};
pub(super) use turn::{Degree, Turn, is_nothing, is_off, is_on, one, same, settings, weaker};
