//! Secrets that stand in the clear.
//!
//! - `literal`: the detector, and the mask that keeps secrets out of every sentence
//! - `script`: secrets in the boot scripts of machines
//! - `file`: files in which programs keep their secrets
//!
//! The shapes of well-known tokens are in [`crate::secret`], which masks the sheet as well.

mod file;
mod literal;
mod script;

pub(super) use file::holds_secret;
pub(super) use literal::{Secrets, is_secret, mask, mask_source, names_secret};
