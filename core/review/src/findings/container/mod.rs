//! Container builds and the names of images.
//!
//! - `build`: the reader of build files and the detector for them

mod build;

pub(super) use build::{Builds, image, is_build, is_version_tag, read};
