//! Container builds and the names of images.
//!
//! - `build`: the detector for builds
//! - `read`: builds, read into their stages
//! - `image`: names of images, which pods and pipelines have too

mod build;
mod image;
mod read;

pub(super) use build::Builds;
pub(super) use image::{image, is_version_tag};
pub(super) use read::{is_build, read};
