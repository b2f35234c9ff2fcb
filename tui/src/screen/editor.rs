//! A text in the person's own editor: `$VISUAL`, else `$EDITOR`, else `vi`.
//!
//! The text came from an agent. It stands in a file that only this user can read, in a folder of its own, and is
//! removed afterwards; editors that take orders from the texts they open are told not to.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;

/// The largest text that is taken back.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Lets the person rewrite a text; gives what they left.
///
/// # Errors
/// When the editor cannot be started, fails, or leaves nothing that can be read.
pub fn edit(text: &[u8]) -> io::Result<Vec<u8>> {
    let folder = tempfile::Builder::new().prefix("countersign-").tempdir()?;
    let path = folder.path().join("counter-proposal");
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?
        .write_all(text)?;
    let configured = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let mut words = configured.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = Command::new(program)
        .args(words)
        .args(without_orders(program))
        .arg(&path)
        .status()
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("`{program}` cannot be started: {error}; set EDITOR"),
            )
        })?;
    if !status.success() {
        return Err(io::Error::other(format!(
            "`{program}` ended with {status}; nothing was taken over"
        )));
    }
    let mut edited = Vec::new();
    fs::File::open(&path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut edited)?;
    if u64::try_from(edited.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(io::Error::other("the text is too long; nothing was taken over"));
    }
    Ok(edited)
}

/// Arguments that keep an editor from obeying what the text says about itself.
fn without_orders(program: &str) -> &'static [&'static str] {
    let name = Path::new(program).file_name().and_then(|name| name.to_str());
    match name {
        Some("vi" | "vim" | "nvim" | "gvim") => &["--cmd", "set nomodeline"],
        // To `emacsclient` it would mean that the file is an expression.
        Some("emacs") => &[
            "--eval",
            "(setq enable-local-variables nil enable-local-eval nil)",
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editors_are_kept_from_obeying_the_text() {
        assert!(!without_orders("/usr/bin/vim").is_empty());
        assert!(without_orders("nano").is_empty());
    }
}
