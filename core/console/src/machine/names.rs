//! What the rows of a queue share: names, and whole sets of them, each kept once under a number.

use std::collections::HashMap;
use std::hash::Hash;

use countersign_protocol::identity::{AgentId, EnvironmentId, PersonId};

/// What rows share, each once.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub agents: Numbered<AgentId>,
    pub environments: Numbered<EnvironmentId>,
    pub counts: Numbered<Count>,
    pub families: Numbered<Family>,
}

/// Things with a number each.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    all: Vec<T>,
    numbers: HashMap<T, u32>,
}

/// What a request takes and has, and why this person cannot decide it: the same of most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Count {
    pub needs: u32,
    pub hardware: u32,
    pub teams: u32,
    /// Whether the key of this machine is too weak for it.
    pub weak_key: bool,
    pub approved_by: Vec<PersonId>,
    pub why_not: Option<String>,
}

/// All that a row has in common with others. Numbers stand for places in [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Family {
    pub agent: u32,
    pub environment: u32,
    pub count: u32,
    /// Its place among the kinds.
    pub kind: u8,
}

impl<T> Numbered<T> {
    /// What has a number.
    pub fn at(&self, number: u32) -> Option<&T> {
        self.all.get(usize::try_from(number).ok()?)
    }

    /// All, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.all.iter()
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    /// The number of a thing that is known.
    pub fn number(&self, thing: &T) -> Option<u32> {
        self.numbers.get(thing).copied()
    }

    /// The number of a thing; it gets one where it has none.
    pub fn know(&mut self, thing: T) -> u32 {
        if let Some(number) = self.number(&thing) {
            return number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(thing.clone());
        self.numbers.insert(thing, number);
        number
    }
}

impl<T: Ord> Numbered<T> {
    /// For each thing its place in their order.
    pub fn ranks(&self) -> Vec<u32> {
        let mut sorted: Vec<(&T, usize)> = self.all.iter().zip(0..).collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; self.all.len()];
        for (rank, (_, index)) in (0..).zip(sorted) {
            if let Some(place) = ranks.get_mut(index) {
                *place = rank;
            }
        }
        ranks
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            numbers: HashMap::new(),
        }
    }
}
