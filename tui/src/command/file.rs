//! Reading and writing the files that commands are given.

use std::path::Path;

use countersign_protocol::canonical;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{Code, Failure};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => Code::NotFound,
            _ => Code::Usage,
        };
        Failure::new(code, format!("`{}`: {error}", path.display()), "")
    };
    let found = std::fs::metadata(path).map_err(failed)?;
    if found.len() > MAX_BYTES {
        return Err(failed(std::io::Error::other(format!(
            "it is larger than {MAX_BYTES} bytes"
        ))));
    }
    std::fs::read(path).map_err(failed)
}

/// Reads a text file.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?)
        .map_err(|_| Failure::usage(format!("`{}` is not UTF-8 text", path.display()), ""))
}

/// Reads a strict JSON document.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let bytes = read(path)?;
    canonical::parse_within(&bytes, bytes.len()).map_err(|error| {
        Failure::usage(
            format!("`{}` is not what is expected: {error}", path.display()),
            "",
        )
    })
}

/// Writes a JSON document.
pub fn write_json<T: Serialize>(path: &Path, document: &T) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(document).map_err(|error| Failure::internal(error.to_string()))?;
    write(path, format!("{text}\n").as_bytes())
}

/// Writes a file, durably.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    countersign_client::durable::replace(path, bytes)
        .map_err(|error| Failure::usage(format!("`{}` cannot be written: {error}", path.display()), ""))
}
