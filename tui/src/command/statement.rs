//! What an owner is about to sign: the difference to what is in force, before the passphrase is asked for.

use countersign_protocol::policy_bundle::PolicyBundle;
use countersign_review::diff::text::{RowKind, TextDiff};
use countersign_review::text::spans_to_string;
use serde::Serialize;

use super::failure::Failure;
use super::output;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// Prints how a statement differs from the one in force.
pub fn say_change<T: Serialize>(in_force: &T, next: &T) -> Result<(), Failure> {
    let text = |statement: &T| {
        serde_json::to_string_pretty(statement)
            .map(|text| text + "\n")
            .map_err(|error| Failure::internal(error.to_string()))
    };
    say_difference(text(in_force)?, text(next)?)
}

/// Prints how a policy bundle differs from the one in force, its policies as their own lines.
pub fn say_policy_change(in_force: &PolicyBundle, next: &PolicyBundle) -> Result<(), Failure> {
    say_difference(policy_text(in_force)?, policy_text(next)?)
}

fn policy_text(bundle: &PolicyBundle) -> Result<String, Failure> {
    let mut rest = bundle.clone();
    let mut text = String::new();
    for file in rest.policies.drain(..) {
        text.push_str(&format!("# {}\n{}\n", file.name.raw(), file.text.raw()));
    }
    let rest = serde_json::to_string_pretty(&rest).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(text + &rest + "\n")
}

fn say_difference(before: String, after: String) -> Result<(), Failure> {
    let diff = TextDiff::new(before.into_bytes(), after.into_bytes())
        .map_err(|error| Failure::no(error.to_string()))?;
    output::say("what you are about to sign, compared with what is in force:")?;
    for hunk in diff.hunks(CONTEXT) {
        output::say("@@")?;
        for row in diff.window(&hunk, 0, hunk.rows) {
            let sign = match row.kind {
                RowKind::Context => ' ',
                RowKind::Removed => '-',
                RowKind::Added => '+',
            };
            output::say(&format!("{sign} {}", spans_to_string(&row.spans())))?;
        }
    }
    Ok(())
}
