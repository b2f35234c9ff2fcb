//! The one way to the terminal and to the log: whatever comes from outside is made printable.
//!
//! Only the output of a process that ran passes as it is. Nothing else in this crate writes to standard output or
//! standard error: the lints hold it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the gate that all other modules go through"
)]

use std::io::{self, Write};

use countersign_review::text::{Untrusted, gate, printable_json};
use serde::Serialize;

/// Prints lines that are safe already on standard output; what is not all the same is escaped.
pub(crate) fn say(lines: &str) {
    // A reader that went away does not stop the service.
    let _ = writeln!(io::stdout().lock(), "{}", gate(lines));
}

/// Prints a problem on standard error, in one line.
pub(crate) fn complain(message: &str) {
    let message = Untrusted::from(message).escaped();
    let _ = writeln!(io::stderr().lock(), "countersign-guard: {message}");
}

/// Prints a document for programs in one line: on standard output.
pub(crate) fn say_json(document: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(document) {
        let _ = writeln!(io::stdout().lock(), "{}", printable_json(&line));
    }
}

/// Prints a document for programs in one line: on standard error.
pub(crate) fn complain_json(document: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(document) {
        let _ = writeln!(io::stderr().lock(), "{}", printable_json(&line));
    }
}

/// The process's own output, as it is. A reader that went away does not matter to what ran.
pub(crate) fn pass(stream: Stream, bytes: &[u8]) {
    let _ = match stream {
        Stream::Stdout => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
        Stream::Stderr => io::stderr().write_all(bytes),
    };
}

/// Which of the two.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Where log lines go: standard error, one printable line for each event.
#[derive(Debug)]
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        writeln!(io::stderr().lock(), "{}", log_line(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// An event as one line: a line feed inside it is shown, so that no text can write a line of its own.
fn log_line(event: &[u8]) -> String {
    Untrusted::from(event.strip_suffix(b"\n").unwrap_or(event)).escaped()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_printable_line() {
        assert_eq!(
            log_line(b"refused error=a\nINFO forged \x1b[2K\n"),
            "refused error=a⟦LF⟧INFO forged ⟦U+001B⟧[2K"
        );
        assert_ne!(log_line("x\u{202e}".as_bytes()), log_line(b"x"));
    }
}
