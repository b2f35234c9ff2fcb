//! The one way to standard output, standard error and the log: whatever comes from outside is made printable.
//!
//! Nothing else in this crate writes to them: the lints hold it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the gate that all other modules go through"
)]

use std::io::{self, Write};

use countersign_review::text::{Untrusted, gate, printable_json, problem_lines};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::fmt::{MakeWriter, SubscriberBuilder};

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
    let _ = io::stderr().lock().write_all(complaint(message).as_bytes());
}

/// Prints a problem of several lines on standard error.
pub(crate) fn complain_at_length(message: &str) {
    let lines = problem_lines(&format!("countersignd: {message}"));
    let _ = io::stderr().lock().write_all(lines.as_bytes());
}

fn complaint(message: &str) -> String {
    format!("countersignd: {}\n", Untrusted::from(message).escaped())
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
#[path = "print_tests.rs"]
mod tests;
