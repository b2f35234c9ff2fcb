//! What backend and guard log and tell, by the writers that each has: this file is the tests of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::*;
use crate::look_alikes::LOOK_ALIKES;

#[test]
fn an_event_is_one_printable_line() {
    assert_eq!(log_line("a\nb\u{202e}\n".as_bytes()), "a⟦LF⟧b⟦U+202E⟧");
    assert_eq!(
        log_line(b"refused error=a\nINFO forged \x1b[2K\n"),
        "refused error=a⟦LF⟧INFO forged ⟦U+001B⟧[2K"
    );
    assert_ne!(log_line("x\u{202e}".as_bytes()), log_line(b"x"));
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
