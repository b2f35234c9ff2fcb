//! The one way to the terminal and to the log: whatever comes from outside is made printable.
//!
//! Only the output of a process that ran passes as it is. Nothing else in this crate writes to standard output or
//! standard error: the lints hold it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the gate that all other modules go through"
)]

use std::io::{self, Write};

use countersign_review::text::{Untrusted, gate, printable_json, problem_lines};
use serde::Serialize;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::fmt::{MakeWriter, SubscriberBuilder};

/// Prints lines that are safe already on standard output; what is not all the same is escaped.
pub(crate) fn say(lines: &str) {
    // A reader that went away does not stop the service.
    let _ = writeln!(io::stdout().lock(), "{}", gate(lines));
}

/// Prints a problem on standard error, in one line.
pub(crate) fn complain(message: &str) {
    let _ = io::stderr().lock().write_all(complaint(message).as_bytes());
}

/// Prints a problem of several lines on standard error.
pub(crate) fn complain_at_length(message: &str) {
    let lines = problem_lines(&format!("countersign-guard: {message}"));
    let _ = io::stderr().lock().write_all(lines.as_bytes());
}

fn complaint(message: &str) -> String {
    format!("countersign-guard: {}\n", Untrusted::from(message).escaped())
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

/// How events become lines: nothing of them is escaped but by [`Log`], whose escapes can't be imitated.
pub(crate) fn log_to<W: for<'a> MakeWriter<'a> + 'static>(
    writer: W,
) -> SubscriberBuilder<DefaultFields, Format, LevelFilter, W> {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_ansi_sanitization(false)
        .with_writer(writer)
}

/// Where log lines go: one printable line for each event.
#[derive(Debug)]
pub(crate) struct Log<W>(pub W);

impl<W: Write> Write for Log<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        writeln!(self.0, "{}", log_line(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The log of this process: its standard error.
pub(crate) fn log() -> Log<io::StderrLock<'static>> {
    Log(io::stderr().lock())
}

/// An event as one line: a line feed inside it is shown, so that no text can write a line of its own.
fn log_line(event: &[u8]) -> String {
    Untrusted::from(event.strip_suffix(b"\n").unwrap_or(event)).escaped()
}

#[cfg(test)]
#[path = "../../backend/src/print_tests.rs"]
mod tests;
