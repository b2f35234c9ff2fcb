//! The table of AWS actions: which there are, and what kind of right each is.
//!
//! It is generated (`core/review/data/actions.py`), dated and never complete: an action that is not in it is
//! unknown, not safe. Levels are those of AWS's service authorization reference.

use crate::findings::observation::glob;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

const SOURCE: &str = include_str!("../../../data/aws-actions.txt");

/// What kind of right an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    List,
    Read,
    Tagging,
    Write,
    Permissions,
}

/// The actions, in the order of the table, all of a service together.
pub(super) struct Table {
    /// The month up to which it knows AWS.
    pub(super) as_of: &'static str,
    actions: Vec<(String, Level)>,
    services: BTreeMap<&'static str, Range<usize>>,
    /// Where each action stands, by its name in lower case.
    names: BTreeMap<String, usize>,
}

/// A set of actions of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Actions(Vec<u64>);

/// Returns the table, which is read once.
pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::read(SOURCE))
}

impl Table {
    fn read(source: &'static str) -> Self {
        let mut table = Self {
            as_of: "",
            actions: Vec::new(),
            services: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        for line in source.lines() {
            if let Some(month) = line.strip_prefix("# as of ") {
                table.as_of = month;
            }
            let mut words = line.split(' ').filter(|_| !line.starts_with('#'));
            let (Some(service), Some(level)) = (words.next(), words.next().and_then(Level::read)) else {
                continue;
            };
            let start = table.actions.len();
            for (verb, rests) in words.filter_map(|word| word.split_once('=')) {
                for rest in rests.split(',') {
                    table.actions.push((format!("{service}:{verb}{rest}"), level));
                }
            }
            let end = table.actions.len();
            table.services.entry(service).or_insert(start..start).end = end;
        }
        let name = |(index, (action, _)): (usize, &(String, Level))| (action.to_ascii_lowercase(), index);
        table.names = table.actions.iter().enumerate().map(name).collect();
        table
    }

    /// Returns the actions that a pattern of a policy stands for; none where the table does not know it.
    pub(super) fn expand(&self, pattern: &str) -> Actions {
        let mut found = self.none();
        if matches!(pattern, "*" | "*:*") {
            found.insert(0..self.actions.len());
            return found;
        }
        let pattern = pattern.to_ascii_lowercase();
        if !pattern.contains(['*', '?']) {
            if let Some(index) = self.names.get(&pattern) {
                found.insert(*index..*index + 1);
            }
            return found;
        }
        let Some((service, name)) = pattern.split_once(':') else {
            return found;
        };
        let among = match self.services.get(service) {
            Some(range) => range.clone(),
            None if service.contains(['*', '?']) => 0..self.actions.len(),
            None => return found,
        };
        if name == "*" && self.services.contains_key(service) {
            found.insert(among);
            return found;
        }
        for (index, (action, _)) in self.actions.iter().enumerate().take(among.end).skip(among.start) {
            let same = |want: &u8, have: &u8| *want == have.to_ascii_lowercase();
            if glob(pattern.as_bytes(), action.as_bytes(), (b'*', b'?'), same) {
                found.insert(index..index + 1);
            }
        }
        found
    }

    /// Returns the actions that any of the patterns stands for.
    pub(super) fn expand_all(&self, patterns: &[String]) -> Actions {
        let mut found = self.none();
        for pattern in patterns {
            found.add(&self.expand(pattern));
        }
        found
    }

    /// Says whether an action is known by its name or pattern.
    pub(super) fn knows(&self, pattern: &str) -> bool {
        match pattern.contains(['*', '?']) {
            true => !self.expand(pattern).is_empty(),
            false => self.names.contains_key(&pattern.to_ascii_lowercase()),
        }
    }

    /// Says whether an action of the table is in a set.
    pub(super) fn holds(&self, set: &Actions, action: &str) -> bool {
        let index = self.names.get(&action.to_ascii_lowercase());
        index.is_some_and(|index| set.has(*index))
    }

    pub(super) fn none(&self) -> Actions {
        Actions(vec![0; self.actions.len().div_ceil(64)])
    }

    /// Returns all but those of a set.
    pub(super) fn but(&self, set: &Actions) -> Actions {
        let mut all = self.none();
        all.insert(0..self.actions.len());
        all.remove(set);
        all
    }

    /// Lists a set by name.
    pub(super) fn list(&self, set: &Actions) -> impl Iterator<Item = (&str, Level)> {
        self.actions
            .iter()
            .enumerate()
            .filter(|(index, _)| set.has(*index))
            .map(|(_, (action, level))| (action.as_str(), *level))
    }

    /// Returns the names of the services.
    pub(super) fn services(&self) -> impl Iterator<Item = &'static str> {
        self.services.keys().copied()
    }
}

impl Actions {
    fn insert(&mut self, range: Range<usize>) {
        for index in range {
            if let Some(word) = self.0.get_mut(index / 64) {
                *word |= 1 << (index % 64);
            }
        }
    }

    fn has(&self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(mine, more)| *mine |= more);
    }

    pub(super) fn remove(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(mine, less)| *mine &= !less);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

impl Level {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "L" => Self::List,
            "R" => Self::Read,
            "W" => Self::Write,
            "T" => Self::Tagging,
            "P" => Self::Permissions,
            _ => return None,
        })
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Tagging => "change tags",
            Self::Write => "write",
            Self::Permissions => "manage permissions",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<&'static str> {
        table()
            .list(&table().expand(pattern))
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn the_table_is_dated_and_whole() {
        assert!(table().as_of.starts_with("20"), "{}", table().as_of);
        assert!(table().actions.len() > 15_000);
        assert!(table().services().count() > 300);
        assert_eq!(
            table().actions.len(),
            table()
                .services
                .values()
                .map(ExactSizeIterator::len)
                .sum::<usize>()
        );
    }

    #[test]
    fn patterns_stand_for_what_aws_says() {
        assert_eq!(names("S3:getobject"), ["s3:GetObject"]);
        assert_eq!(names("iam:Pass*"), ["iam:PassRole"]);
        assert!(names("*:PassRole").contains(&"iam:PassRole"));
        assert!(names("s3:*").len() > 100 && names("*").len() > 15_000);
        for unknown in ["nosuch:Thing", "s3:NoSuchThing", "nocolon", ""] {
            assert_eq!(names(unknown), Vec::<&str>::new(), "{unknown}");
        }
    }

    #[test]
    fn levels_are_those_of_the_reference() {
        let level = |name: &str| table().list(&table().expand(name)).next().unwrap().1;
        assert_eq!(level("s3:GetObject"), Level::Read);
        assert_eq!(level("s3:PutBucketPolicy"), Level::Permissions);
        assert_eq!(level("s3:ListAllMyBuckets"), Level::List);
        assert_eq!(level("sqs:SendMessage"), Level::Write);
        assert_eq!(level("ec2:CreateTags"), Level::Tagging);
    }

    #[test]
    fn sets_are_added_and_taken_away() {
        let table = table();
        let (all, s3) = (table.expand("*"), table.expand("s3:*"));
        assert!(table.holds(&all, "s3:GetObject") && table.but(&all).is_empty());
        assert!(
            !table.holds(&table.but(&s3), "s3:GetObject") && table.holds(&table.but(&s3), "sqs:SendMessage")
        );
        let mut rest = s3.clone();
        rest.remove(&table.expand("s3:*"));
        assert!(rest.is_empty());
    }
}
