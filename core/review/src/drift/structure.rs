//! Three states side by side by paths and values.
//!
//! An element of a list is the same in two states as it is in a comparison of two: by name, content or likeness.

use super::{Row, Standing, takes_back};
use crate::diff::structure::{MAX_SIZE, Node, Path, Side, Step, Tree, Written, align, name};

/// Compares; `None` when there is more than can be listed.
pub(super) fn compare(sides: [&Side<'_>; 3]) -> Option<Vec<Row>> {
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
        match proposed.map(|tree| &tree.node) {
            Some(Node::Map(_)) if goes_in(three) => self.maps(three),
            Some(Node::List(_)) if goes_in(three) => {
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
        let standing = match (standing, three) {
            (Standing::OnTopOfDrift, [Some(b), Some(l), Some(p)]) => {
                let [b, l, p] = [b, l, p].map(Tree::written);
                if takes_back(&parts(&b), &parts(&l), &parts(&p)) {
                    Standing::RevertsLive
                } else {
                    standing
                }
            }
            _ => standing,
        };
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

/// Whether the rows are made of the parts: all three are lists or all are maps. Where live and the proposal both
/// gained one that the baseline does not have, its parts tell what the proposal keeps of it.
fn goes_in([baseline, live, proposed]: Three<'_, '_>) -> bool {
    let alike = |a: &Tree<'_>, b: &Tree<'_>| {
        let containers = matches!(
            (&a.node, &b.node),
            (Node::Map(_), Node::Map(_)) | (Node::List(_), Node::List(_))
        );
        containers && a.mark == b.mark
    };
    match (baseline, live, proposed) {
        (Some(baseline), Some(live), Some(proposed)) => alike(baseline, live) && alike(live, proposed),
        (None, Some(live), Some(proposed)) => alike(live, proposed) && live != proposed,
        _ => false,
    }
}

/// The lines of a value; in a text of JSON they are divided by an escape.
fn parts(written: &str) -> Vec<&[u8]> {
    let lines = written.lines().flat_map(|line| line.split("\\n"));
    lines.map(str::as_bytes).collect()
}
