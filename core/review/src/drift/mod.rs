//! Drift: what a target has become since it was approved, against what is now proposed for it.
//!
//! Three states are laid side by side by structure: the baseline (last approved or declared), the live one and
//! the proposed one, and by lines where there is no structure. The dangerous row is the one in which live was
//! changed by somebody and the proposal, which never saw it, puts it back; where a row is both that and a new
//! change, it is that. A state that could not be read makes no row: [`Drift::Unknown`] is never "no drift". It
//! judges nothing and reads no target; the bytes are given to it.

mod line;
mod structure;

use crate::diff::structure::{Format, Path, Side, Written};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::hash::RandomState;

/// The state of a target as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State<'a> {
    /// It holds these bytes.
    Bytes(&'a [u8]),
    /// There is surely nothing there.
    Absent,
    /// It could not be read, for this reason.
    Unread(&'a str),
}

/// How three states of a target lie to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// They were compared; every path that differs anywhere has a row. No rows: all three are the same.
    Compared(Vec<Row>),
    /// They could not be compared: nothing may be concluded.
    Unknown {
        /// Which state is missing: `baseline`, `live` or `proposed`.
        state: &'static str,
        /// Why; printable.
        why: String,
    },
}

/// One path that is not the same in all three states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where.
    pub path: Path,
    /// What it means.
    pub standing: Standing,
    /// The value in the baseline.
    pub baseline: Option<Written>,
    /// The value that is live.
    pub live: Option<Written>,
    /// The value proposed.
    pub proposed: Option<Written>,
}

/// What the proposal does to one path; the dangerous ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Somebody changed it live, and the proposal puts the old value back without having been asked to.
    RevertsLive,
    /// Somebody changed it live, and the proposal changes it to something else.
    OnTopOfDrift,
    /// Nobody touched it; the proposal changes it.
    AskedFor,
    /// Somebody changed it live, and the proposal leaves it so.
    UntouchedDrift,
}

impl Standing {
    /// Returns the words for it.
    pub fn id(self) -> &'static str {
        match self {
            Self::RevertsLive => "reverts a live change",
            Self::OnTopOfDrift => "asked for on top of drift",
            Self::AskedFor => "asked for",
            Self::UntouchedDrift => "untouched drift",
        }
    }

    /// Judges three values by which of them are the same; `None` where all are.
    fn of(live_is_baseline: bool, proposed_is_baseline: bool, proposed_is_live: bool) -> Option<Self> {
        match (live_is_baseline, proposed_is_baseline, proposed_is_live) {
            (true, true, _) => None,
            (true, false, _) => Some(Self::AskedFor),
            (false, true, _) => Some(Self::RevertsLive),
            (false, false, true) => Some(Self::UntouchedDrift),
            (false, false, false) => Some(Self::OnTopOfDrift),
        }
    }
}

impl Drift {
    /// Returns the rows of one standing.
    pub fn rows(&self, standing: Standing) -> impl Iterator<Item = &Row> {
        let rows = match self {
            Self::Compared(rows) => rows.as_slice(),
            Self::Unknown { .. } => &[],
        };
        rows.iter().filter(move |row| row.standing == standing)
    }
}

/// Compares three states of a target of some kind; the kind is read as in [`crate::diff::structure::compare`].
///
/// What no structure is known for is compared by lines; what is no text, or is missing on a side, as a whole.
pub fn drift(kind: &str, baseline: State<'_>, live: State<'_>, proposed: State<'_>) -> Drift {
    let states = [("baseline", baseline), ("live", live), ("proposed", proposed)];
    let mut bytes = [None; 3];
    for ((state, given), bytes) in states.into_iter().zip(&mut bytes) {
        *bytes = match given {
            State::Bytes(bytes) => Some(bytes),
            State::Absent => None,
            State::Unread(why) => {
                let why = crate::text::Untrusted::from(why).escaped();
                return Drift::Unknown { state, why };
            }
        };
    }
    let [baseline, live, proposed] = bytes;
    let (Some(b), Some(l), Some(p)) = (baseline, live, proposed) else {
        return Drift::Compared(as_a_whole(baseline, live, proposed));
    };
    let rows = by_structure(kind, [b, l, p]).or_else(|| line::compare([b, l, p]));
    Drift::Compared(rows.unwrap_or_else(|| as_a_whole(baseline, live, proposed)))
}

/// Compares by structure; nothing where not all three have the same one, or it says no more than that the whole
/// file is another.
fn by_structure(kind: &str, [baseline, live, proposed]: [&[u8]; 3]) -> Option<Vec<Row>> {
    let hash = RandomState::new();
    let read = |format, bytes| Side::read(format, Some(bytes), &hash);
    let format = Format::detect(kind, proposed);
    for format in format.into_iter().chain(yaml_instead(format)) {
        let (Ok(b), Ok(l), Ok(p)) = (read(format, baseline), read(format, live), read(format, proposed))
        else {
            continue;
        };
        let rows = structure::compare([&b, &l, &p]);
        return rows.filter(|rows| rows.iter().all(|row| !row.path.steps.is_empty()));
    }
    None
}

/// JSON is YAML too, and one side may be written in the other.
fn yaml_instead(format: Option<Format>) -> Option<Format> {
    (format == Some(Format::Json)).then_some(Format::Yaml)
}

/// Says whether a change on top of a live one also takes back some of that: a part that live took out of the
/// baseline is there again, or a part that live added is gone with none in its place. Spaces and quotes around
/// parts tell nothing apart here, so that spelling hides nothing.
fn takes_back(baseline: &[&[u8]], live: &[&[u8]], proposed: &[&[u8]]) -> bool {
    let bare = |parts: &[&[u8]]| -> Vec<Vec<u8>> {
        let parts = parts.iter().map(|part| {
            let seen = part.iter().copied();
            seen.filter(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\''))
                .collect()
        });
        parts.filter(|part: &Vec<u8>| !part.is_empty()).collect()
    };
    let (baseline, live, proposed) = (bare(baseline), bare(live), bare(proposed));
    let without = |all: &[Vec<u8>], others: &[Vec<u8>]| -> Vec<Vec<u8>> {
        let others: BTreeSet<&Vec<u8>> = others.iter().collect();
        all.iter()
            .filter(|part| !others.contains(part))
            .cloned()
            .collect()
    };
    let (taken_out, added) = (without(&baseline, &live), without(&live, &baseline));
    without(&taken_out, &proposed).len() < taken_out.len()
        || without(&added, &proposed).len() > taken_out.len()
}

fn as_a_whole(baseline: Option<&[u8]>, live: Option<&[u8]>, proposed: Option<&[u8]>) -> Vec<Row> {
    let written = |bytes: Option<&[u8]>| {
        bytes.map(|bytes| Written {
            text: bytes.into(),
            line: 1,
        })
    };
    let standing = Standing::of(live == baseline, proposed == baseline, proposed == live);
    standing
        .map(|standing| Row {
            path: Path::default(),
            standing,
            baseline: written(baseline),
            live: written(live),
            proposed: written(proposed),
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(kind: &str, baseline: &str, live: &str, proposed: &str) -> Vec<String> {
        let state = |text: &'static str| State::Bytes(text.as_bytes());
        let leak = |text: &str| state(Box::leak(text.to_owned().into_boxed_str()));
        match drift(kind, leak(baseline), leak(live), leak(proposed)) {
            Drift::Compared(rows) => rows
                .iter()
                .map(|row| format!("{}: {}", row.path.shown(), row.standing.id()))
                .collect(),
            unknown => panic!("{unknown:?}"),
        }
    }

    #[test]
    fn every_standing_has_its_name() {
        let rows = told(
            "k8s",
            "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\n",
            "a: 1\nb: 2\nc: 2\nd: 2\ne: 1\n",
            "a: 9\nb: 9\nc: 1\nd: 2\ne: 1\n",
        );
        assert_eq!(
            rows,
            [
                "a: asked for",
                "b: asked for on top of drift",
                "c: reverts a live change",
                "d: untouched drift"
            ]
        );
    }

    #[test]
    fn a_rule_added_live_that_the_proposal_drops_is_a_reversal() {
        let rows = told(
            "security-group",
            r#"{"rules": [{"id": "web", "port": 443}]}"#,
            r#"{"rules": [{"id": "hotfix", "port": 22}, {"id": "web", "port": 443}]}"#,
            r#"{"rules": [{"id": "web", "port": 8443}]}"#,
        );
        assert_eq!(
            rows,
            [
                "rules[web].port: asked for",
                "rules[hotfix]: reverts a live change"
            ]
        );
    }

    #[test]
    fn an_element_that_live_and_the_proposal_both_gained_is_told_by_its_parts() {
        let rows = told(
            "json",
            "[]",
            r#"[{"id": "x", "v": 1}]"#,
            r#"[{"id": "x", "v": 2}]"#,
        );
        assert_eq!(
            rows,
            ["[x].id: untouched drift", "[x].v: asked for on top of drift"]
        );
    }

    #[test]
    fn an_order_changed_live_and_put_back_is_told() {
        let rows = told("json", r#"["a", "b"]"#, r#"["b", "a"]"#, r#"["a", "b"]"#);
        assert_eq!(rows, ["(line 1 proposed): reverts a live change"]);
    }

    #[test]
    fn a_state_that_was_not_read_is_never_no_drift() {
        let same = State::Bytes(b"{}");
        let unknown = drift("json", same, State::Unread("permission denied\u{1b}"), same);
        assert_eq!(
            unknown,
            Drift::Unknown {
                state: "live",
                why: "permission denied⟦U+001B⟧".to_owned()
            }
        );
        assert_ne!(unknown, drift("json", same, same, same));
        assert_eq!(unknown.rows(Standing::RevertsLive).count(), 0);
        assert!(matches!(
            drift("json", State::Unread("none was approved"), same, same),
            Drift::Unknown {
                state: "baseline",
                ..
            }
        ));
    }

    #[test]
    fn what_has_no_structure_is_compared_by_lines() {
        let rows = told(
            "config-file",
            "user www;\nworkers 4;\nlog off;\nend;\n",
            "user www;\nworkers 8;\nlog off;\nend;\nmore;\n",
            "user www;\nworkers 4;\nlog on;\nend;\nmore;\n",
        );
        assert_eq!(
            rows,
            [
                "(line 2 proposed): reverts a live change",
                "(line 3 proposed): asked for",
                "(line 5 proposed): untouched drift"
            ]
        );
    }

    #[test]
    fn a_live_change_taken_back_under_a_new_one_is_still_taken_back() {
        // Lines: the old value comes back with another spelling and company.
        let rows = told("config-file", "w 4;\n", "w 8;\n", "w  4;\nx;\n");
        assert_eq!(rows, ["(lines 1-2 proposed): reverts a live change"]);
        // A line that live added goes while its neighbour changes.
        let rows = told("config-file", "a;\n", "a;\nhotfix;\n", "b;\n");
        assert_eq!(rows, ["(line 1 proposed): reverts a live change"]);
        let rows = told("config-file", "a 1;\n", "a 2;\n", "a 3;\n");
        assert_eq!(rows, ["(line 1 proposed): asked for on top of drift"]);
        // Structure: the same inside a text of several lines, and by quotes.
        let rows = told(
            "json",
            r#"{"c": "w 4;\nx 1;", "n": 4}"#,
            r#"{"c": "w 8;\nx 1;", "n": 8}"#,
            r#"{"c": "w 4;\nx 2;", "n": "4"}"#,
        );
        assert_eq!(rows, ["c: reverts a live change", "n: reverts a live change"]);
        // A part of what live added as a whole is gone.
        let rows = told("json", "{}", r#"{"a": {"x": 1, "y": 2}}"#, r#"{"a": {"x": 1}}"#);
        assert_eq!(rows, ["a.x: untouched drift", "a.y: reverts a live change"]);
    }

    #[test]
    fn what_is_no_text_or_not_there_is_compared_as_a_whole() {
        let rows = match drift(
            "config-file",
            State::Bytes(b"\xff\n1\n"),
            State::Bytes(b"\xff\n2\n"),
            State::Bytes(b"\xff\n1\n"),
        ) {
            Drift::Compared(rows) => rows,
            unknown => panic!("{unknown:?}"),
        };
        assert_eq!((rows.len(), rows[0].standing), (1, Standing::RevertsLive));
        assert_eq!(rows[0].path.shown(), "(whole file)");
        let gone = drift("json", State::Bytes(b"{}"), State::Absent, State::Bytes(b"{}"));
        assert_eq!(gone.rows(Standing::RevertsLive).count(), 1);
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["1", "2", "\"x\"", "[]", "{}"]).prop_map(str::to_owned);
        leaf.prop_recursive(3, 20, 4, |inner| {
            let key = prop::sample::select(vec!["a", "b", "id"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::btree_map(key, inner, 0..4).prop_map(|entries| {
                    let entries: Vec<String> = entries
                        .iter()
                        .map(|(key, value)| format!("\"{key}\": {value}"))
                        .collect();
                    format!("{{{}}}", entries.join(", "))
                }),
            ]
        })
    }

    fn standings(baseline: &str, live: &str, proposed: &str) -> Vec<Standing> {
        let state = |text: &'_ str| text.as_bytes().to_vec();
        let (b, l, p) = (state(baseline), state(live), state(proposed));
        match drift("json", State::Bytes(&b), State::Bytes(&l), State::Bytes(&p)) {
            Drift::Compared(rows) => rows.into_iter().map(|row| row.standing).collect(),
            unknown => panic!("{unknown:?}"),
        }
    }

    proptest! {
        #[test]
        fn without_drift_all_is_asked_for(baseline in json(), proposed in json()) {
            for standing in standings(&baseline, &baseline, &proposed) {
                prop_assert_eq!(standing, Standing::AskedFor);
            }
        }

        #[test]
        fn proposing_what_is_live_leaves_all_drift_untouched(baseline in json(), live in json()) {
            for standing in standings(&baseline, &live, &live) {
                prop_assert_eq!(standing, Standing::UntouchedDrift);
            }
        }

        #[test]
        fn proposing_the_baseline_reverts_all_drift(baseline in json(), live in json()) {
            let found = standings(&baseline, &live, &baseline);
            prop_assert!(found.iter().all(|standing| *standing == Standing::RevertsLive), "{:?}", found);
        }

        #[test]
        fn no_rows_means_all_three_say_the_same(baseline in json(), live in json(), proposed in json()) {
            let same = |a: &str, b: &str| {
                crate::diff::structure::compare("json", Some(a.as_bytes()), Some(b.as_bytes())).changes.is_empty()
            };
            let none = standings(&baseline, &live, &proposed).is_empty();
            prop_assert_eq!(none, same(&baseline, &live) && same(&baseline, &proposed));
        }
    }
}
