//! Output that no foreign text can spoil: printable characters and newlines only.
//!
//! Answers go to standard output, problems to standard error. Texts that this program composes escape their
//! foreign parts where they are put in, with [`shown`]; problems, whose parts come from everywhere, are escaped
//! as a whole, line by line. Nothing else of the command line writes: the lints hold it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the gate that all other modules go through"
)]

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use countersign_review::text::{Untrusted, gate, printable_json, problem_lines};
use serde::Serialize;

use super::failure::Failure;

/// Foreign text on one line, safe to print.
pub fn shown(text: impl Into<Untrusted>) -> String {
    text.into().escaped()
}

/// Prints lines that are safe already; what is not all the same is escaped here.
pub fn say(text: &str) -> Result<(), Failure> {
    write(lines(text).as_bytes())
}

/// Lines as [`say`] prints them.
pub fn lines(text: &str) -> String {
    format!("{}\n", gate(text))
}

/// Prints lines as [`say`] does, many at once, each with its own end.
pub fn page(text: &str) -> Result<(), Failure> {
    write(gate(text).as_bytes())
}

/// Says whether a person sits at both ends.
pub fn has_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

/// Prints exactly these bytes.
pub fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}

/// Prints one JSON document over several lines.
pub fn json<T: Serialize>(document: &T) -> Result<(), Failure> {
    say(&json_text(document)?)
}

/// One JSON document as [`json`] prints it.
pub fn json_text<T: Serialize>(document: &T) -> Result<String, Failure> {
    let text =
        serde_json::to_string_pretty(document).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(printable_json(&text).into_owned())
}

/// Prints one JSON document on one line.
pub fn json_line<T: Serialize>(document: &T) -> Result<(), Failure> {
    let text = serde_json::to_string(document).map_err(|error| Failure::internal(error.to_string()))?;
    say(&printable_json(&text))
}

/// Prints a remark to standard error, where it is in no script's way.
pub fn note(text: &str) {
    problem(text);
}

/// Prints a problem to standard error.
pub fn problem(text: &str) {
    // There is no other place left to say it.
    drop(std::io::stderr().lock().write_all(problem_lines(text).as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_within_a_problem_writes_a_problem_of_its_own() {
        let shown = problem_lines("countersign: no file `a\nhint: run this\r\n\u{202e}`");
        assert_eq!(
            shown,
            "countersign: no file `a\n    hint: run this⟦CR⟧\n    ⟦U+202E⟧`\n"
        );
    }

    #[test]
    fn one_character_more_is_another_problem_on_the_screen() {
        let ends = ["", " ", "\n", "\r", "\r\n", "\n\n", "\u{200b}", "\t", "    "];
        let all: std::collections::BTreeSet<String> = ends
            .iter()
            .map(|end| problem_lines(&format!("a{end}b")))
            .collect();
        assert_eq!(all.len(), ends.len(), "{all:?}");
    }
}
