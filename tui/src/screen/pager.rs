//! The sheet in the person's own pager: `$PAGER`, else `less`.
//!
//! The pager gets plain, escaped text on its standard input and nothing else: no file, no name, no shell. What was
//! on screen there is not counted as seen.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

/// Shows a text until the person leaves the pager.
///
/// # Errors
/// When the pager cannot be started, or fails.
pub fn show(text: &str) -> io::Result<()> {
    let configured = std::env::var("PAGER").unwrap_or_default();
    let mut words = configured.split_whitespace();
    let program = words.next().unwrap_or("less");
    let mut child = Command::new(program)
        .args(words)
        // No shell, no editor and no other files from inside of less.
        .env("LESSSECURE", "1")
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("`{program}` cannot be started: {error}; set PAGER"),
            )
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A pager that is left early reads no further.
        let _ = stdin.write_all(text.as_bytes());
    }
    let status = child.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("`{program}` ended with {status}")))
    }
}
