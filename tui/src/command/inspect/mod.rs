//! `countersign inspect`: what a reviewer would see of local files. No backend, no key; says what it finds and
//! exits 0 whatever that is.

mod document;
pub mod kind;
mod say;

use countersign_protocol::kind::Kind;
use countersign_review::diff::structure;
use countersign_review::diff::text::TextDiff;
use countersign_review::drift::{Drift, State, drift};
use countersign_review::findings;
use countersign_review::sheet::drift::Record;
use countersign_review::text::suspicious;

use super::failure::Failure;
use super::file;
use super::output;
use crate::cli::{Inspect, Part};

/// Says what is asked for; what is not asked for costs nothing.
pub fn run(options: &Inspect) -> Result<(), Failure> {
    let baseline = options.baseline.as_deref().map(file::read).transpose()?;
    let before = options.before.as_deref().map(file::read).transpose()?;
    let after = file::read(&options.after)?;
    let kind = kind::kind_of(options.kind.as_deref(), &after)?;
    let wants = |part| options.only.is_none() || options.only == Some(part);
    let drift = drift_of(kind, baseline.as_deref(), before.as_deref(), &after);
    let found = || {
        let found = findings::analyze(kind.id(), before.as_deref(), &after);
        match &drift {
            Some(drift) => findings::with_drift(found, drift),
            None => found,
        }
    };
    let record = drift.as_ref().map(Record::from);
    let structure = || structure::compare(kind.id(), before.as_deref(), Some(&after));
    if options.json {
        let diff = TextDiff::new(before.clone().unwrap_or_default(), after.clone());
        return output::json(&document::of(
            kind,
            &after,
            diff.as_ref().ok(),
            &found(),
            &structure(),
            record.as_ref(),
        ));
    }
    if wants(Part::Findings) {
        say::findings(kind, &found())?;
    }
    if wants(Part::Findings) || wants(Part::Text) {
        say::suspicious(&suspicious(&after))?;
    }
    if let Some(record) = record.filter(|_| wants(Part::Structure) || wants(Part::Findings)) {
        say::drift(&record)?;
    }
    if wants(Part::Structure) {
        say::structure(&structure())?;
    }
    if !wants(Part::Text) {
        return Ok(());
    }
    match TextDiff::new(before.unwrap_or_default(), after) {
        Ok(diff) => say::difference(&diff),
        Err(error) => output::say(&format!("the difference cannot be shown: {error}")),
    }
}

/// How the approved, the live and the proposed file lie to each other; nothing where no approved one is given.
pub fn drift_of(kind: Kind, baseline: Option<&[u8]>, before: Option<&[u8]>, after: &[u8]) -> Option<Drift> {
    let live = before.map_or(State::Absent, State::Bytes);
    let baseline = State::Bytes(baseline?);
    Some(drift(kind.id(), baseline, live, State::Bytes(after)))
}
