//! `countersign inspect`: what a reviewer would see of local files. No backend, no key; says what it finds and
//! exits 0 whatever that is.

mod document;
mod kind;
mod say;
pub mod subject;

use countersign_review::sheet::drift::Record;
use countersign_review::text::{Suspicious, suspicious};

use super::failure::Failure;
use super::output;
use crate::cli::{Inspect, Part};
use subject::Subject;

/// Says what is asked for; what is not asked for costs nothing.
pub fn run(options: &Inspect) -> Result<(), Failure> {
    let subject = Subject::read(options)?;
    let masks = subject.masks(options.reveal)?;
    if options.json {
        return output::json(&document::of(&subject, &masks)?);
    }
    let wants = |part| options.only.is_none() || options.only == Some(part);
    let drift = subject.drift();
    if let Some(problem) = subject.refused() {
        output::say(&format!("no guard would run this: {problem}"))?;
    }
    // An action is told as its reviewer reads it, whole; a part of it is asked for by name.
    let whole = options.only.is_none() && subject.action.is_some();
    if whole {
        let found = subject.findings(drift.as_ref())?;
        match subject.sheet(&found) {
            Ok(sheet) => say::sheet(&sheet)?,
            Err(error) => output::say(&format!("the action cannot be shown whole: {error}"))?,
        }
    } else if wants(Part::Findings) {
        say::findings(subject.kind, &subject.findings(drift.as_ref())?, &masks)?;
    }
    if wants(Part::Findings) || wants(Part::Text) {
        say::suspicious(&odd(&subject))?;
    }
    if let Some(drift) = drift.filter(|_| wants(Part::Structure) || wants(Part::Findings)) {
        say::drift(&Record::from(&drift), &masks)?;
    }
    if wants(Part::Structure) {
        for document in &subject.documents {
            say::structure(&document.structure(subject.kind), &masks)?;
        }
    }
    if wants(Part::Text) && !whole {
        for document in subject.documents {
            say::text(&document, &masks)?;
        }
    }
    Ok(())
}

/// What is suspicious in all that would be written or run.
fn odd(subject: &Subject) -> Vec<Suspicious> {
    let after = subject
        .documents
        .iter()
        .filter_map(|document| document.after.as_deref());
    let mut found: Vec<Suspicious> = after.flat_map(suspicious).collect();
    found.extend(suspicious(&subject.words()));
    found.sort_by_key(|odd| odd.class);
    found.dedup_by(|next, first| {
        let same = next.class == first.class;
        if same {
            first.count += next.count;
        }
        same
    });
    found
}
