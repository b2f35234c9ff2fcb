//! From bytes to trees, one file for each syntax.

mod env;
mod hcl;
mod json;
mod sql;
mod toml;
mod yaml;

use super::Format;
use super::tree::{Grower, Tree};
use crate::document::ReadError;

/// Reads the documents of a file: any number for YAML, one for every other format.
pub(super) fn read<'a>(
    format: Format,
    text: &'a str,
    grower: &mut Grower<'_>,
) -> Result<Vec<Tree<'a>>, ReadError> {
    match format {
        Format::Json => json::read(text, grower).map(|tree| vec![tree]),
        Format::Yaml => yaml::read(text, grower),
        Format::Toml => toml::read(text, grower).map(|tree| vec![tree]),
        Format::Hcl => hcl::read(text, grower).map(|tree| vec![tree]),
        Format::Sql => sql::read(text, grower).map(|tree| vec![tree]),
        Format::Env => env::read(text, grower).map(|tree| vec![tree]),
    }
}

/// Returns the line, from 1, on which a byte stands.
pub(super) fn line_of(text: &str, at: usize) -> u32 {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + u32::try_from(memchr::memchr_iter(b'\n', before).count()).unwrap_or(u32::MAX - 1)
}
