//! Drift as findings: each path on which a proposal takes back, or changes again, what somebody changed live.
//!
//! They stand beside those of [`super::analyze`], which knows two states only. Values are shown as in every
//! finding: secrets hidden, escaped, cut.

use super::{Delta, Finding, Observation, Side, rule, secret, sort};
use crate::diff::structure::{Path, Step, Written};
use crate::drift::{Drift, Row, Standing};
use crate::text::{Untrusted, escape_line, spans_to_string};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// More paths of one standing than this are told by their number. Each of them is still a row on the sheet.
const MAX_TOLD: usize = 100;

/// Adds what drift tells to the findings of a change.
#[must_use]
pub fn with_drift(mut findings: Vec<Finding>, drift: &Drift) -> Vec<Finding> {
    match drift {
        Drift::Compared(_) => {
            for standing in [Standing::RevertsLive, Standing::OnTopOfDrift] {
                findings.extend(drift.rows(standing).take(MAX_TOLD).map(of_row));
                let more = drift.rows(standing).skip(MAX_TOLD).count();
                if more > 0 {
                    let what = format!("{more} more paths: {}", standing.id());
                    let seen = Observation::new(rule_of(standing), "", what);
                    findings.push(seen.finding(Delta::Introduced, Side::After));
                }
            }
        }
        Drift::Unknown { state, why } => {
            let what = format!(
                "the {state} state could not be read, so what somebody changed live is not known: {why}"
            );
            let seen = Observation::new(&rule::DRIFT_UNREADABLE, *state, what);
            findings.push(seen.finding(Delta::Unknown, Side::Before));
        }
    }
    sort(&mut findings);
    findings
}

/// How much of a value is read beyond what is shown; no secret is known by so many characters only.
const PIECE: usize = 1024;

/// A value as rows show it, secrets hidden, of at most so many characters, and how many more there are.
pub(crate) fn told(path: &Path, written: &Written, longest: usize) -> (String, usize) {
    let Some(text) = written.text.utf8() else {
        let mut text = format!("{} bytes, SHA-256 ", written.text.bytes().len());
        for byte in Sha256::digest(written.text.bytes()) {
            let _ = write!(text, "{byte:02x}");
        }
        return (text, 0);
    };
    let bare = text.trim_matches(['"', '\'']);
    let named = path.steps.iter().any(|step| match step {
        Step::Key { name, .. } | Step::Element { name: Some(name), .. } => secret::is_secret(name, bare),
        Step::Element { .. } | Step::Held | Step::Lines { .. } => false,
    });
    if named {
        return (format!("({} characters not shown)", bare.chars().count()), 0);
    }
    // Only a piece is masked, since that takes time; its end may cut a secret so short that it is not known for one.
    let piece: String = text.chars().take(longest + PIECE).collect();
    let cut = piece.len() < text.len();
    let masked = secret::mask_source(&piece);
    let length = masked.chars().count();
    let shown = longest.min(if cut {
        length.saturating_sub(PIECE / 2)
    } else {
        length
    });
    let more = length - shown + text.chars().skip(longest + PIECE).count();
    (masked.chars().take(shown).collect(), more)
}

fn rule_of(standing: Standing) -> &'static rule::Rule {
    match standing {
        Standing::RevertsLive => &rule::DRIFT_REVERTS_LIVE,
        Standing::OnTopOfDrift | Standing::AskedFor | Standing::UntouchedDrift => &rule::DRIFT_ON_TOP,
    }
}

fn of_row(row: &Row) -> Finding {
    let value = |written: &Option<Written>| match written {
        Some(written) => quote(&row.path, written),
        None => "nothing".to_owned(),
    };
    let (baseline, live, proposed) = (value(&row.baseline), value(&row.live), value(&row.proposed));
    let path = row.path.shown();
    let same = |a: &Option<Written>, b: &Option<Written>| {
        a.as_ref().map(|written| &written.text) == b.as_ref().map(|written| &written.text)
    };
    let does = match row.standing {
        Standing::RevertsLive if same(&row.proposed, &row.baseline) => "this puts back",
        Standing::RevertsLive => "this takes some of that back with",
        _ => "this makes it",
    };
    let what = format!(
        "at {path} somebody changed live what was approved last, from {baseline} to {live}; {does} {proposed}"
    );
    let (side, line) = match (&row.proposed, &row.live) {
        (Some(proposed), _) => (Side::After, Some(proposed.line)),
        (None, live) => (Side::Before, live.as_ref().map(|live| live.line)),
    };
    let mut finding = Observation::new(rule_of(row.standing), "", what).finding(Delta::Introduced, side);
    finding.path = row.path.plain();
    finding.line = line;
    finding
}

/// Shows a value in a sentence.
fn quote(path: &Path, written: &Written) -> String {
    const LONGEST: usize = 120;
    let (text, more) = told(path, written, LONGEST);
    let shown = spans_to_string(&escape_line(Untrusted::from(text).bytes()));
    if more == 0 {
        format!("`{shown}`")
    } else {
        format!("`{shown}`⟦{more} more characters⟧")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::{State, drift};
    use crate::findings::{Severity, analyze, severity};
    use crate::sheet::drift::Record;

    fn found(kind: &str, baseline: &str, live: &str, proposed: &str) -> Vec<Finding> {
        let told = drift(
            kind,
            State::Bytes(baseline.as_bytes()),
            State::Bytes(live.as_bytes()),
            State::Bytes(proposed.as_bytes()),
        );
        let findings = analyze(kind, Some(live.as_bytes()), proposed.as_bytes());
        with_drift(findings, &told)
    }

    fn drifted(findings: &[Finding]) -> Vec<(&str, &str)> {
        let drifted = findings
            .iter()
            .filter(|finding| finding.rule.as_str().starts_with("drift-"));
        drifted
            .map(|finding| (finding.rule.as_str(), finding.explanation.as_str()))
            .collect()
    }

    #[test]
    fn taking_a_live_change_back_is_high_and_says_what() {
        let found = found(
            "config-file",
            "workers = 4\nlog = 1\n",
            "workers = 8\nlog = 1\n",
            "workers = 4\nlog = 2\n",
        );
        assert_eq!(
            drifted(&found),
            [(
                "drift-reverts-live-change",
                "at workers somebody changed live what was approved last, from `4` to `8`; this puts back `4`"
            )]
        );
        assert_eq!((severity(&found), found[0].line), (Severity::High, Some(1)));
        assert_eq!(found[0].path.escaped(), "workers");
    }

    #[test]
    fn changing_it_again_is_medium_and_untouched_drift_is_none() {
        let found = found(
            "config-file",
            "a = 1\nb = 1\n",
            "a = 2\nb = 2\n",
            "a = 3\nb = 2\n",
        );
        assert_eq!(drifted(&found).len(), 1);
        assert_eq!(
            (found[0].rule.as_str(), severity(&found)),
            ("drift-on-top-of-drift", Severity::Medium)
        );
    }

    #[test]
    fn what_could_not_be_read_is_said() {
        let unknown = drift(
            "config-file",
            State::Unread("gone\u{1b}"),
            State::Absent,
            State::Absent,
        );
        let found = with_drift(vec![], &unknown);
        assert_eq!(
            (found[0].rule.as_str(), severity(&found)),
            ("drift-unreadable", Severity::Medium)
        );
        assert!(found[0].explanation.contains("gone⟦U+001B⟧"), "{found:?}");
    }

    #[test]
    fn no_value_of_a_secret_is_repeated() {
        let (old, new) = ("hunter2-and-more", "correct-horse-battery");
        for (kind, write) in [
            (
                "config-file",
                (|secret| format!("db_password = \"{secret}\"\nx = 1\n")) as fn(&str) -> String,
            ),
            ("config-file", |secret| {
                format!("server {{\n  set db_password={secret};\n}}\n")
            }),
            ("k8s", |secret| {
                format!("env:\n  - name: API_KEY\n    value: {secret}\n")
            }),
            ("json", |secret| {
                format!("{{\"a\": [{{\"x\": 1, \"clientSecret\": \"{secret}\"}}]}}")
            }),
        ] {
            let (before, after) = (write(old), write(new));
            let (b, l) = (State::Bytes(before.as_bytes()), State::Bytes(after.as_bytes()));
            let record = format!("{:?}", Record::from(&drift(kind, b, l, b)));
            assert!(!record.contains(old) && !record.contains(new), "{record}");
            let found = found(kind, &before, &after, &before);
            let told: Vec<(&str, &str)> = drifted(&found);
            assert!(!told.is_empty(), "{}", write(old));
            let named = told.iter().any(|(_, why)| why.contains("characters not shown"));
            assert!(named && !format!("{told:?}").contains(old), "{told:?}");
        }
    }

    #[test]
    fn floods_are_told_by_their_number() {
        let lines = |value: u32| {
            (0..300)
                .map(|key| format!("k{key} = {value}\n"))
                .collect::<String>()
        };
        let found = found("config-file", &lines(1), &lines(2), &lines(1));
        let told = drifted(&found);
        assert_eq!(told.len(), MAX_TOLD + 1);
        assert!(
            told.iter()
                .any(|(_, why)| *why == "200 more paths: reverts a live change"),
            "{told:?}"
        );
    }
}
