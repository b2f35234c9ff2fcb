//! Which element of one list is which of another: by name, else by content, else by likeness.
//!
//! An element is named by what the format calls it, by kind, namespace and name (Kubernetes), or by the surest
//! of a few keys. A name that stands twice on a side names nothing there.

use super::tree::Tree;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::VecDeque;

/// Keys that name an element of a list, the surest first.
const NAMES: [&str; 11] = [
    "address",
    "Sid",
    "sid",
    "PolicyName",
    "name",
    "Name",
    "id",
    "Id",
    "key",
    "Key",
    "uid",
];

/// More pairs than this in one gap are not compared by likeness.
const MAX_LIKENESS: usize = 1024;

/// An element on the sides where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub old: Option<usize>,
    pub new: Option<usize>,
    /// It stands on both sides, but not in the same order among its neighbours.
    pub moved: bool,
}

/// Pairs the elements of two lists, each element once, in the order of the new list; what is removed stands
/// where it was.
pub(crate) fn align(old: &[&Tree<'_>], new: &[&Tree<'_>]) -> Vec<Pair> {
    let (old_ids, new_ids, named) = identify(old, new);
    let mut partner: Vec<Option<(usize, bool)>> = vec![None; new.len()];
    let mut taken = vec![false; old.len()];
    // Gaps between elements that keep their order, as ranges of both lists.
    let mut gaps = Vec::new();
    let mut gap = (0, 0);
    for op in capture_diff_slices(Algorithm::Myers, &old_ids, &new_ids) {
        let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        else {
            continue;
        };
        gaps.push((gap.0..old_index, gap.1..new_index));
        gap = (old_index + len, new_index + len);
        for step in 0..len {
            set(&mut partner, new_index + step, Some((old_index + step, false)));
            set(&mut taken, old_index + step, true);
        }
    }
    gaps.push((gap.0..old.len(), gap.1..new.len()));

    let mut waiting: HashMap<u32, VecDeque<usize>> = HashMap::new();
    for (index, id) in old_ids.iter().enumerate() {
        if !taken.get(index).copied().unwrap_or(true) {
            waiting.entry(*id).or_default().push_back(index);
        }
    }
    for (index, id) in new_ids.iter().enumerate() {
        if partner.get(index).is_some_and(Option::is_none)
            && let Some(from) = waiting.get_mut(id).and_then(VecDeque::pop_front)
        {
            set(&mut partner, index, Some((from, true)));
            set(&mut taken, from, true);
        }
    }
    for (olds, news) in gaps {
        let free = |id: Option<&u32>| id.is_some_and(|id| !named.get(*id as usize).copied().unwrap_or(true));
        let olds: Vec<usize> = olds
            .filter(|at| !taken.get(*at).copied().unwrap_or(true) && free(old_ids.get(*at)))
            .collect();
        let news: Vec<usize> = news
            .filter(|at| partner.get(*at).is_some_and(Option::is_none) && free(new_ids.get(*at)))
            .collect();
        for (from, to) in alike(old, &olds, new, &news) {
            set(&mut partner, to, Some((from, false)));
            set(&mut taken, from, true);
        }
    }
    in_order(&partner, &taken)
}

/// Returns what an element is called, if anything.
pub(crate) fn name<'t>(tree: &'t Tree<'_>) -> Option<Cow<'t, str>> {
    if let Some(name) = &tree.name {
        return Some(Cow::Borrowed(name));
    }
    let metadata = tree.at("metadata");
    if let (Some(kind), Some(name)) = (
        tree.at("kind").and_then(Tree::bare),
        metadata.and_then(|metadata| metadata.at("name")?.bare()),
    ) {
        let namespace = metadata.and_then(|metadata| metadata.at("namespace")?.bare());
        return Some(Cow::Owned(match namespace {
            Some(namespace) => format!("{kind} {namespace}/{name}"),
            None => format!("{kind} {name}"),
        }));
    }
    NAMES
        .iter()
        .find_map(|key| tree.at(key)?.bare())
        .map(Cow::Borrowed)
}

#[derive(PartialEq, Eq, Hash)]
enum Id<'t, 'a> {
    Name(Cow<'t, str>),
    Content(&'t Tree<'a>),
}

/// Gives equal numbers to elements that are the same one, and says which numbers stand for a name.
fn identify(old: &[&Tree<'_>], new: &[&Tree<'_>]) -> (Vec<u32>, Vec<u32>, Vec<bool>) {
    let mut seen: HashMap<Cow<'_, str>, (u32, u32)> = HashMap::new();
    for tree in old {
        if let Some(name) = name(tree) {
            seen.entry(name).or_default().0 += 1;
        }
    }
    for tree in new {
        if let Some(name) = name(tree) {
            seen.entry(name).or_default().1 += 1;
        }
    }
    // Only looked up, never walked: the order of the maps reaches no result.
    let mut known: HashMap<Id<'_, '_>, u32> = HashMap::new();
    let mut named = Vec::new();
    let mut assign = |tree| {
        let name = name(tree).filter(|name| seen.get(name).is_some_and(|(old, new)| *old < 2 && *new < 2));
        let next = known.len() as u32;
        let is_name = name.is_some();
        let id = *known
            .entry(name.map_or(Id::Content(tree), Id::Name))
            .or_insert(next);
        if id == next {
            named.push(is_name);
        }
        id
    };
    let old = old.iter().map(|tree| assign(tree)).collect();
    let new = new.iter().map(|tree| assign(tree)).collect();
    (old, new, named)
}

/// Pairs what is left between two fixed elements: one by one where there are as many, else by likeness.
fn alike(old: &[&Tree<'_>], olds: &[usize], new: &[&Tree<'_>], news: &[usize]) -> Vec<(usize, usize)> {
    if olds.len() == news.len() {
        return olds.iter().copied().zip(news.iter().copied()).collect();
    }
    if olds.len().saturating_mul(news.len()) > MAX_LIKENESS {
        return Vec::new();
    }
    let mut scores = Vec::new();
    for from in olds {
        for to in news {
            let (Some(a), Some(b)) = (old.get(*from), new.get(*to)) else {
                continue;
            };
            let (shared, all) = likeness(a, b);
            if shared * 2 >= all && shared > 0 {
                scores.push((shared * 1000 / all, *from, *to));
            }
        }
    }
    scores.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (_, from, to) in scores {
        if !pairs.iter().any(|(a, b)| *a == from || *b == to) {
            pairs.push((from, to));
        }
    }
    pairs
}

/// Returns how many entries of two maps are the same, and how many there are at most.
fn likeness(a: &Tree<'_>, b: &Tree<'_>) -> (usize, usize) {
    let shared = a
        .entries()
        .iter()
        .filter(|entry| b.at(&entry.key).is_some_and(|other| *other == entry.value))
        .count();
    (shared, a.entries().len().max(b.entries().len()).max(1))
}

/// Lists the pairs in the order of the new list, with each removed element behind its old neighbour.
fn in_order(partner: &[Option<(usize, bool)>], taken: &[bool]) -> Vec<Pair> {
    let mut new_of = vec![None; taken.len()];
    for (to, pair) in partner.iter().enumerate() {
        if let Some((from, false)) = pair {
            set(&mut new_of, *from, Some(to));
        }
    }
    let mut removed_at: Vec<(usize, usize)> = Vec::new();
    let mut place = 0;
    for (from, (taken, to)) in taken.iter().zip(&new_of).enumerate() {
        match to {
            // Pairs by likeness may cross; places only grow.
            Some(to) => place = place.max(to + 1),
            None if !*taken => removed_at.push((place, from)),
            None => {}
        }
    }
    let mut removed = removed_at.into_iter().peekable();
    let mut pairs = Vec::with_capacity(partner.len());
    for to in 0..=partner.len() {
        while let Some((_, from)) = removed.next_if(|(place, _)| *place <= to) {
            pairs.push(Pair {
                old: Some(from),
                new: None,
                moved: false,
            });
        }
        if let Some(pair) = partner.get(to) {
            pairs.push(Pair {
                old: pair.map(|(from, _)| from),
                new: Some(to),
                moved: pair.is_some_and(|(_, moved)| moved),
            });
        }
    }
    mark_crossings(&mut pairs);
    pairs
}

/// Marks pairs by likeness that cross their neighbours as moved, so that what is not moved is in order.
fn mark_crossings(pairs: &mut [Pair]) {
    let mut last = None;
    for pair in pairs.iter_mut().filter(|pair| pair.new.is_some() && !pair.moved) {
        if let Some(old) = pair.old {
            if last.is_some_and(|last| old < last) {
                pair.moved = true;
            } else {
                last = Some(old);
            }
        }
    }
}

fn set<T>(list: &mut [T], index: usize, value: T) {
    if let Some(place) = list.get_mut(index) {
        *place = value;
    }
}
