//! What can be said of a setting without knowing the program: vocabulary for the tables of other families.
//!
//! - `turn`: the ways in which a setting gets weaker
//! - `name`: what a name says, where no table knows it
//! - `walk`: the way through two states of one thing, setting by setting
//! - `transport`: which versions of TLS a value accepts
//!
//! It has no detector: [`super::cloud`], [`super::config`] and [`super::terraform`] ask it.

mod name;
pub(super) mod transport;
mod turn;
mod walk;

pub(super) use name::{closes, lets_everybody_in, opens};
pub(super) use turn::{Turn, is_nothing, is_on, same};
pub(super) use walk::{Known, NOTHING, Walk};
