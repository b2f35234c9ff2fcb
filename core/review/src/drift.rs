//! Drift: what a target has become since it was approved, against what is now proposed for it.
//!
//! Three states are laid side by side by structure: the baseline (last approved or declared), the live one and
//! the proposed one. The dangerous row is the one in which live was changed by somebody and the proposal,
//! which never saw it, puts it back. A state that could not be read makes no row: [`Drift::Unknown`] is never
//! "no drift". It judges nothing and reads no target; the bytes are given to it.

use crate::diff::structure::{Format, MAX_SIZE, Node, Path, Side, Step, Tree, Written, align, name};
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

/// What the proposal does to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
/// What no structure is known for is compared as a whole.
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
    let sample = proposed.or(live).or(baseline).unwrap_or_default();
    let hash = RandomState::new();
    let read = |format, bytes| Side::read(format, bytes, &hash);
    let format = Format::detect(kind, sample);
    for format in format.into_iter().chain(yaml_instead(format)) {
        let (Ok(b), Ok(l), Ok(p)) = (read(format, baseline), read(format, live), read(format, proposed))
        else {
            continue;
        };
        if let Some(rows) = by_structure([&b, &l, &p]) {
            return Drift::Compared(rows);
        }
    }
    Drift::Compared(as_a_whole(baseline, live, proposed))
}

/// JSON is YAML too, and one side may be written in the other.
fn yaml_instead(format: Option<Format>) -> Option<Format> {
    (format == Some(Format::Json)).then_some(Format::Yaml)
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

/// Compares by structure; `None` when there is more than can be listed.
fn by_structure(sides: [&Side<'_>; 3]) -> Option<Vec<Row>> {
    let mut walk = Walk {
        sides,
        path: Vec::new(),
        size: 0,
        rows: Vec::new(),
    };
    let documents = sides.map(|side| side.documents.as_slice());
    if documents.iter().all(|documents| documents.len() <= 1) {
        walk.value(documents.map(<[Tree<'_>]>::first));
    } else {
        walk.lists(documents.map(|documents| documents.iter().collect()));
    }
    (walk.size <= MAX_SIZE).then_some(walk.rows)
}

struct Walk<'s, 'a> {
    sides: [&'s Side<'a>; 3],
    path: Vec<Step>,
    /// What the paths of the rows take, in bytes.
    size: usize,
    rows: Vec<Row>,
}

/// One value in the baseline, live and proposed, where it exists.
type Three<'s, 'a> = [Option<&'s Tree<'a>>; 3];

impl<'s, 'a> Walk<'s, 'a> {
    fn value(&mut self, three: Three<'s, 'a>) {
        let [baseline, live, proposed] = three;
        let Some(standing) = Standing::of(live == baseline, proposed == baseline, proposed == live) else {
            return;
        };
        let first = three.into_iter().flatten().next();
        let together = first.is_some_and(|first| {
            three.iter().all(|tree| {
                tree.is_some_and(|tree| {
                    tree.mark == first.mark
                        && matches!(
                            (&tree.node, &first.node),
                            (Node::Map(_), Node::Map(_)) | (Node::List(_), Node::List(_))
                        )
                })
            })
        });
        match three.map(|tree| tree.map(|tree| &tree.node)) {
            [Some(Node::Map(_)), ..] if together => self.maps(three),
            [Some(Node::List(_)), ..] if together => {
                self.lists(three.map(|tree| tree.map_or(&[][..], Tree::items).iter().collect()));
            }
            _ => self.row(standing, three),
        }
    }

    fn maps(&mut self, three: Three<'s, 'a>) {
        let mut keys: Vec<(&'s str, u32)> = three
            .iter()
            .flatten()
            .flat_map(|tree| tree.entries())
            .map(|entry| (&*entry.key, entry.nth))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        for (key, nth) in keys {
            self.path.push(Step::Key {
                name: key.to_owned(),
                nth,
            });
            self.value(three.map(|tree| {
                let entries = tree?.entries();
                let found = entries.binary_search_by(|entry| (&*entry.key, entry.nth).cmp(&(key, nth)));
                entries.get(found.ok()?).map(|entry| &entry.value)
            }));
            self.path.pop();
        }
    }

    fn lists(&mut self, [baseline, live, proposed]: [Vec<&'s Tree<'a>>; 3]) {
        let mut threes: Vec<[Option<usize>; 3]> = (0..baseline.len())
            .map(|index| [Some(index), None, None])
            .collect();
        let (mut only_live, mut only_proposed) = (Vec::new(), Vec::new());
        for (place, list, rest) in [(1, &live, &mut only_live), (2, &proposed, &mut only_proposed)] {
            for pair in align(&baseline, list) {
                let (old, new) = (pair.old, pair.new);
                match old
                    .and_then(|old| threes.get_mut(old))
                    .and_then(|three| three.get_mut(place))
                {
                    Some(slot) => *slot = new,
                    None => rest.extend(new),
                }
            }
        }
        // What is in neither baseline may still be one and the same in live and proposed.
        let some = |list: &[&'s Tree<'a>], places: &[usize]| -> Vec<&'s Tree<'a>> {
            places
                .iter()
                .filter_map(|place| list.get(*place).copied())
                .collect()
        };
        for pair in align(&some(&live, &only_live), &some(&proposed, &only_proposed)) {
            let at = |places: &[usize], index: Option<usize>| places.get(index?).copied();
            threes.push([None, at(&only_live, pair.old), at(&only_proposed, pair.new)]);
        }
        for three in &threes {
            let [b, l, p] = *three;
            let trees =
                [(&baseline, b), (&live, l), (&proposed, p)].map(|(list, index)| list.get(index?).copied());
            let named = trees.iter().rev().flatten().next().copied();
            self.path.push(Step::Element {
                name: named.and_then(name).map(std::borrow::Cow::into_owned),
                before: b.or(l),
                after: p,
            });
            self.value(trees);
            self.path.pop();
        }
        self.order(&threes, [&baseline, &live, &proposed]);
    }

    /// Adds a row where the elements that all three have stand in different orders.
    fn order(&mut self, threes: &[[Option<usize>; 3]], lists: [&[&'s Tree<'a>]; 3]) {
        let everywhere: Vec<[usize; 3]> = threes
            .iter()
            .filter_map(|[b, l, p]| Some([(*b)?, (*l)?, (*p)?]))
            .collect();
        // Positions among each other, as seen from the baseline.
        let order = |side: fn(&[usize; 3]) -> usize| {
            let mut ranks: Vec<usize> = (0..everywhere.len()).collect();
            ranks.sort_by_key(|rank| everywhere.get(*rank).map(side));
            ranks
        };
        let (b, l, p) = (
            order(|three| three[0]),
            order(|three| three[1]),
            order(|three| three[2]),
        );
        let Some(standing) = Standing::of(l == b, p == b, p == l) else {
            return;
        };
        let mut written = lists
            .into_iter()
            .zip(self.sides)
            .zip([&b, &l, &p])
            .map(|((list, side), ranks)| {
                let first = list.first().map_or(0, |tree| tree.start);
                // Elements by their number in the baseline: short, and the same whatever changed inside of them.
                let ranks: Vec<String> = ranks.iter().map(usize::to_string).collect();
                Some(Written {
                    text: format!("order {}", ranks.join(", ")).into(),
                    line: side.line(first),
                })
            });
        let written = [written.next(), written.next(), written.next()];
        self.push(standing, written.map(Option::flatten));
    }

    fn row(&mut self, standing: Standing, three: Three<'s, 'a>) {
        let mut written = three.into_iter().zip(self.sides).map(|(tree, side)| {
            tree.map(|tree| Written {
                text: tree.written().into(),
                line: side.line(tree.start),
            })
        });
        let written = [written.next(), written.next(), written.next()];
        self.push(standing, written.map(Option::flatten));
    }
}

impl Walk<'_, '_> {
    fn push(&mut self, standing: Standing, [baseline, live, proposed]: [Option<Written>; 3]) {
        if self.size > MAX_SIZE {
            return;
        }
        let path = Path {
            steps: self.path.clone(),
        };
        self.size += path.size();
        self.rows.push(Row {
            path,
            standing,
            baseline,
            live,
            proposed,
        });
    }
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
    fn an_element_that_live_and_the_proposal_both_gained_is_one_row() {
        let rows = told(
            "json",
            "[]",
            r#"[{"id": "x", "v": 1}]"#,
            r#"[{"id": "x", "v": 2}]"#,
        );
        assert_eq!(rows, ["[x]: asked for on top of drift"]);
    }

    #[test]
    fn an_order_changed_live_and_put_back_is_told() {
        let rows = told("json", r#"["a", "b"]"#, r#"["b", "a"]"#, r#"["a", "b"]"#);
        assert_eq!(rows, ["(whole file): reverts a live change"]);
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
    fn what_has_no_structure_is_compared_as_a_whole() {
        let rows = told("exec", "plain words", "other words", "plain words");
        assert_eq!(rows, ["(whole file): reverts a live change"]);
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
