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
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::look_alikes::LOOK_ALIKES;

    #[test]
    fn an_event_is_one_printable_line() {
        assert_eq!(log_line("a\nb\u{202e}\n".as_bytes()), "a⟦LF⟧b⟦U+202E⟧");
    }

    /// What a log holds after one event, by the very writer that the program has.
    fn logged(event: impl Fn()) -> String {
        #[derive(Clone, Default)]
        struct Kept(Arc<Mutex<Vec<u8>>>);

        impl Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = log_to(move || Log(writer.clone())).without_time().finish();
        tracing::subscriber::with_default(subscriber, event);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    /// Wherever a text stands in what is logged or told.
    type Surface = fn(&str) -> String;

    const SURFACES: [(&str, Surface); 6] = [
        ("a field as it is", |text| {
            logged(|| tracing::warn!(reason = %text, "refused"))
        }),
        ("a field in quotes", |text| {
            logged(|| tracing::warn!(reason = ?text, "refused"))
        }),
        ("a plain field", |text| {
            logged(|| tracing::warn!(reason = text, "refused"))
        }),
        ("an error", |text| {
            let error = io::Error::other(text.to_owned());
            let error: &(dyn std::error::Error + 'static) = &error;
            logged(|| tracing::warn!(error, "refused"))
        }),
        ("the message", |text| logged(|| tracing::warn!("refused: {text}"))),
        ("a problem", complaint),
    ];

    #[test]
    fn texts_that_differ_in_one_code_point_are_different_lines() {
        for (name, surface) in SURFACES {
            let mut seen = BTreeMap::new();
            let characters = ('\0'..'\u{3100}').map(String::from);
            let all = characters.chain(LOOK_ALIKES.iter().map(|text| (*text).to_owned()));
            let texts: BTreeSet<String> = all.map(|text| format!("ab{text}cd")).collect();
            for text in texts {
                let line = surface(&text);
                assert_eq!(line.matches('\n').count(), 1, "{name}: {text:?}");
                assert!(
                    line.ends_with('\n') && !line.contains(|c: char| c.is_control() && c != '\n'),
                    "{name}: {text:?}"
                );
                if let Some(other) = seen.insert(line, text.clone()) {
                    panic!("{name}: {text:?} and {other:?} are told alike");
                }
            }
        }
    }
}
