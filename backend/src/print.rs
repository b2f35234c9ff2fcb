//! The one way to standard output, standard error and the log: whatever comes from outside is made printable.
//!
//! Nothing else in this crate writes to them: the lints hold it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the gate that all other modules go through"
)]

use std::io::{self, Write};

use countersign_review::text::{Untrusted, gate, printable_json};

/// Prints lines on standard output.
///
/// # Errors
/// Where nobody reads any more.
pub(crate) fn say(lines: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", gate(lines))?;
    out.flush()
}

/// Prints a JSON document on standard output.
///
/// # Errors
/// Where nobody reads any more.
pub(crate) fn say_json(document: &str) -> io::Result<()> {
    say(&printable_json(document))
}

/// Prints a problem on standard error, in one line.
pub(crate) fn complain(message: &str) {
    let message = Untrusted::from(message).escaped();
    let _ = writeln!(io::stderr(), "countersignd: {message}");
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
        assert_eq!(log_line("a\nb\u{202e}\n".as_bytes()), "a⟦LF⟧b⟦U+202E⟧");
    }
}
