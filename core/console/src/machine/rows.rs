//! The rows of a queue, close together in memory: a hundred thousand of them cost some nine megabytes.
//!
//! What rows share is kept once (`Names`), targets stand one after the other (`Targets`), and a whole [`Row`] is
//! made where one is looked at. What is asked of every row at once (its lane, its rank, whether it answers a search) is read
//! from the records as they are.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;

use countersign_protocol::api::Decided;
use countersign_protocol::approval::Severity;
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::kind::{KINDS, Kind};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;

use super::names::{Count, Family, Names};
use super::queue::{Lane, Order};
use super::rank::Rank;
use super::record::{Record, Standing};
use super::state::{DigestStart, Row, RowContent, Summary, Trouble};
use super::target::{Letters, Target, Targets};

/// The rows of a queue, in the order they came, each request once.
#[derive(Debug, Default)]
pub struct Rows {
    records: Vec<Record>,
    /// Where each request stands. Only looked up, never walked; the same of all maps here that have no order.
    places: HashTable<u32>,
    hasher: RandomState,
    targets: Targets,
    names: Names,
    /// What is wrong with the rows that are not believed.
    refused: BTreeMap<u32, Vec<Trouble>>,
    /// Who decided what, where anybody did.
    decided: BTreeMap<u32, Decided>,
}

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// One row.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<Row> {
        let record = self.records.get(index)?;
        let content = match self.summary(index) {
            Some(summary) => RowContent::Verified(Box::new(summary)),
            None => RowContent::Refused(
                self.refused
                    .get(&u32::try_from(index).ok()?)
                    .cloned()
                    .unwrap_or_default(),
            ),
        };
        Some(Row {
            id: record.id,
            change: record.change.into(),
            content,
        })
    }

    /// All, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.len()).filter_map(|index| self.row(index))
    }

    /// The request of a row.
    #[must_use]
    pub fn id(&self, index: usize) -> Option<RequestId> {
        Some(self.records.get(index)?.id)
    }

    fn summary(&self, index: usize) -> Option<Summary> {
        let record = self.records.get(index)?;
        if record.standing.is_refused() {
            return None;
        }
        let names = &self.names;
        let family = names.families.at(record.family)?;
        let count = names.counts.at(family.count)?;
        let kind = KINDS.get(usize::from(family.kind))?;
        let mut target = Vec::new();
        self.target(record).write_to(&mut target);
        Some(Summary {
            phase: record.phase,
            severity: record.standing.severity(),
            kind: Kind::named(kind.id).ok()?,
            target: target.into(),
            agent: names.agents.at(family.agent)?.clone(),
            environment: names.environments.at(family.environment)?.clone(),
            created_at: record.created_at.into(),
            expires_at: record.expires_at.into(),
            needs: count.needs,
            hardware: count.hardware,
            teams: count.teams,
            approved_by: count.approved_by.clone(),
            personal: record.standing.is_personal(),
            why_not: count.why_not.clone(),
            weak_key: count.weak_key,
            decided: self.decided(index).cloned(),
            digest_start: record.digest_start,
        })
    }

    /// The lane of a row; a refused one has none.
    pub(super) fn lane(&self, index: usize, now: Timestamp) -> Option<Lane> {
        let record = self.records.get(index)?;
        (!record.standing.is_refused()).then(|| {
            let expires = record.expires_at.into();
            Lane::where_it_stands(record.phase, record.standing.may_decide(), expires, now)
        })
    }

    /// When a row expires, where it is open and has not.
    pub(super) fn expiry(&self, index: usize, now: Timestamp) -> Option<Timestamp> {
        let record = self.records.get(index)?;
        let open = !record.standing.is_refused() && record.phase.is_open();
        let expires = Timestamp::from(record.expires_at);
        (open && now < expires).then_some(expires)
    }

    /// The name of the group that a row is in; rows in one group stand together in the order.
    pub(super) fn group(&self, index: usize, order: Order, now: Timestamp) -> Option<&str> {
        let record = self.records.get(index)?;
        let family = self.names.families.at(record.family);
        Some(match order {
            _ if record.standing.is_refused() => return None,
            Order::Environment => self.names.environments.at(family?.environment)?.as_str(),
            Order::Agent => self.names.agents.at(family?.agent)?.as_str(),
            Order::Risk | Order::Deadline if record.phase.is_terminal() => "over",
            Order::Risk | Order::Deadline if record.phase != Phase::Pending => "with its guard",
            Order::Risk => record.standing.severity().word(),
            Order::Deadline => match Timestamp::from(record.expires_at).since(now).as_secs() {
                0 => "passed",
                1..=299 => "within 5 minutes",
                300..=3599 => "within the hour",
                3600..=86_399 => "within a day",
                _ => "later",
            },
        })
    }

    /// The places of the groups of an order among each other, by family of row.
    pub(super) fn groups(&self, order: Order) -> Vec<u32> {
        let names = &self.names;
        let (ranks, number): (_, fn(&Family) -> u32) = match order {
            Order::Risk | Order::Deadline => return Vec::new(),
            Order::Environment => (names.environments.ranks(), |family| family.environment),
            Order::Agent => (names.agents.ranks(), |family| family.agent),
        };
        let rank = |family| {
            usize::try_from(number(family))
                .ok()
                .and_then(|number| ranks.get(number))
        };
        names
            .families
            .iter()
            .map(|family| rank(family).copied().unwrap_or_default())
            .collect()
    }

    /// Where a row stands.
    pub(super) fn rank(&self, index: u32, order: Order, groups: &[u32]) -> Option<Rank> {
        let record = self.records.get(usize::try_from(index).ok()?)?;
        Some(record.rank(index, order, groups))
    }

    /// The rows in an order.
    pub(super) fn sorted(&self, order: Order) -> Vec<u32> {
        let groups = self.groups(order);
        let mut ranks: Vec<Rank> = (0..)
            .zip(&self.records)
            .map(|(index, record)| record.rank(index, order, &groups))
            .collect();
        ranks.sort_unstable();
        let mut sorted: Vec<u32> = ranks.into_iter().map(Rank::index).collect();
        // The list may stand where the ranks stood.
        sorted.shrink_to_fit();
        sorted
    }

    /// Rows of the same target or the same agent as `like`, the newest first, at most `most`.
    pub(super) fn like(&self, id: RequestId, like: &Summary, most: usize) -> Vec<(RequestId, Summary)> {
        let agent = self.names.agents.number(&like.agent);
        let agent_of = |record: &Record| Some(self.names.families.at(record.family)?.agent);
        let mut found: Vec<(bool, Reverse<Timestamp>, usize)> = self
            .records
            .iter()
            .enumerate()
            .filter(|(_, record)| record.id != id && !record.standing.is_refused())
            .filter_map(|(index, record)| {
                let other_target = !self.target(record).is(like.target.bytes());
                (!other_target || agent_of(record) == agent).then_some((
                    other_target,
                    Reverse(record.created_at.into()),
                    index,
                ))
            })
            .collect();
        found.sort_unstable();
        let found = found.into_iter().take(most);
        found
            .filter_map(|(_, _, index)| Some((self.id(index)?, self.summary(index)?)))
            .collect()
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Who decided a row, where anybody did.
    fn decided(&self, index: usize) -> Option<&Decided> {
        self.decided.get(&u32::try_from(index).ok()?)
    }

    /// What the history reads of a row that is believed.
    pub(super) fn passage(&self, index: usize) -> Option<Passage<'_>> {
        let record = self.records.get(index)?;
        (!record.standing.is_refused()).then(|| Passage {
            phase: record.phase,
            severity: record.standing.severity(),
            created_at: record.created_at.into(),
            expires_at: record.expires_at.into(),
            decided: self.decided(index),
        })
    }

    /// What a search reads of a row.
    pub(super) fn searched(&self, index: usize) -> Option<Searched<'_>> {
        let record = self.records.get(index)?;
        Some(Searched {
            id: record.id,
            refused: record.standing.is_refused(),
            phase: record.phase,
            severity: record.standing.severity(),
            family: usize::try_from(record.family).ok()?,
            digest_start: record.digest_start,
            deciders: self.decided(index).map_or(&[], |decided| &decided.by),
            letters: record.letters,
            target: self.target(record),
        })
    }

    fn target(&self, record: &Record) -> Target<'_> {
        self.targets.at(record.target).unwrap_or_default()
    }

    /// Takes a row in the place of an older state of its request, or at the end. Gives its index, and whether it is
    /// another row than before; nothing where an equally new or newer one is there, or no room is left.
    pub(super) fn take(&mut self, row: Row) -> Option<Taken> {
        let (id, change) = (row.id, row.change);
        let known = self.place(id);
        let old = known.and_then(|index| self.records.get(usize::try_from(index).ok()?));
        if old.is_some_and(|old| old.change > change.into()) {
            return None;
        }
        let old = old.cloned();
        let end = u32::try_from(self.records.len()).ok()?;
        let index = known.unwrap_or(end);
        let mut decided = None;
        let record = match row.content {
            RowContent::Verified(mut summary) => {
                decided = summary.decided.take();
                let record = self.record(id, change, *summary, old.as_ref())?;
                self.refused.remove(&index);
                record
            }
            RowContent::Refused(problems) => {
                self.refused.insert(index, problems);
                Record::refused(id, change)
            }
        };
        match decided {
            Some(decided) => drop(self.decided.insert(index, decided)),
            None => drop(self.decided.remove(&index)),
        }
        match self.records.get_mut(usize::try_from(index).ok()?) {
            Some(old) => *old = record,
            None => {
                self.records.push(record);
                let (records, hasher) = (&self.records, &self.hasher);
                let hash = |index: &u32| {
                    let record = usize::try_from(*index).ok().and_then(|index| records.get(index));
                    hasher.hash_one(record.map(|record| record.id))
                };
                self.places.insert_unique(hash(&index), index, hash);
            }
        }
        Some(Taken {
            index,
            known: known.is_some(),
        })
    }

    /// The index of a request.
    pub(super) fn place(&self, id: RequestId) -> Option<u32> {
        let is_it = |index: &u32| usize::try_from(*index).is_ok_and(|index| self.id(index) == Some(id));
        self.places.find(self.hasher.hash_one(Some(id)), is_it).copied()
    }

    fn record(
        &mut self,
        id: RequestId,
        change: u64,
        summary: Summary,
        old: Option<&Record>,
    ) -> Option<Record> {
        let kind = KINDS.iter().position(|row| row.id == summary.kind.id())?;
        let target = summary.target.bytes();
        let same = old
            .filter(|old| self.target(old).is(target))
            .map(|old| old.target);
        let place = match same {
            Some(place) => place,
            None => self.targets.take(target)?,
        };
        let names = &mut self.names;
        let may_decide = summary.why_not.is_none();
        let family = Family {
            agent: names.agents.know(summary.agent),
            environment: names.environments.know(summary.environment),
            count: names.counts.know(Count {
                needs: summary.needs,
                hardware: summary.hardware,
                teams: summary.teams,
                weak_key: summary.weak_key,
                approved_by: summary.approved_by,
                why_not: summary.why_not,
            }),
            kind: u8::try_from(kind).ok()?,
        };
        Some(Record {
            id,
            change: change.into(),
            created_at: summary.created_at.into(),
            expires_at: summary.expires_at.into(),
            target: place,
            letters: Letters::of(target),
            family: names.families.know(family),
            digest_start: summary.digest_start,
            phase: summary.phase,
            standing: Standing::believed(summary.severity, summary.personal, may_decide),
        })
    }
}

/// Where a row was taken in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// Its index.
    pub index: u32,
    /// Whether an older state of its request stood there.
    pub known: bool,
}

/// What a search reads of a row.
pub(super) struct Searched<'a> {
    pub id: RequestId,
    pub refused: bool,
    pub phase: Phase,
    pub severity: Severity,
    /// The number of what it shares with others.
    pub family: usize,
    pub digest_start: DigestStart,
    pub deciders: &'a [PersonId],
    pub letters: Letters,
    pub target: Target<'a>,
}

/// What the history reads of a row.
pub(super) struct Passage<'a> {
    pub phase: Phase,
    pub severity: Severity,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub decided: Option<&'a Decided>,
}

impl FromIterator<Row> for Rows {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        let mut all = Self::default();
        for row in rows {
            all.take(row);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};

    fn id(number: u32) -> RequestId {
        RequestId::of(&ProposalDigest::new(Sha256Digest::of(&number.to_be_bytes())))
    }

    fn row(number: u32) -> Row {
        let content = if number % 7 == 3 {
            RowContent::Refused(vec![Trouble::new(
                "not-signed-by-backend",
                format!("no {number}").as_str(),
            )])
        } else {
            RowContent::Verified(Box::new(Summary {
                phase: Phase::ALL[number as usize % Phase::ALL.len()],
                severity: Severity::from_level(i64::from(number % 5)),
                kind: Kind::named(KINDS[number as usize % KINDS.len()].id).unwrap(),
                target: format!("file://web-{number}/etc/role.yaml").as_str().into(),
                agent: format!("agent-{}", number % 3).parse().unwrap(),
                environment: format!("place-{}", number % 4).parse().unwrap(),
                created_at: Timestamp::from_millis(u64::from(number) * 17 % 1000),
                expires_at: Timestamp::from_millis(u64::from(number) * 31 % 2000),
                needs: number % 3,
                hardware: number % 2,
                teams: 1,
                approved_by: (0..number % 3)
                    .map(|n| format!("p-{n}").parse().unwrap())
                    .collect(),
                personal: number.is_multiple_of(2),
                why_not: number.is_multiple_of(5).then(|| "not you".to_owned()),
                weak_key: number.is_multiple_of(4),
                decided: number.is_multiple_of(3).then(|| Decided {
                    at: Timestamp::from_millis(u64::from(number) * 19),
                    by: vec!["p-9".parse().unwrap()],
                }),
                digest_start: number.to_be_bytes(),
            }))
        };
        Row {
            id: id(number),
            change: u64::from(number) << 33,
            content,
        }
    }

    #[test]
    fn every_row_comes_back_as_it_went_in() {
        let all: Vec<Row> = (0..200).map(row).collect();
        let rows: Rows = all.iter().cloned().collect();
        assert_eq!(rows.iter().collect::<Vec<_>>(), all);
        assert_eq!(rows.row(200), None);
    }

    #[test]
    fn the_newest_state_of_a_request_stands_in_its_place_and_its_target_once() {
        let mut rows: Rows = (0..20).map(row).collect();
        let bytes = rows.targets.size();
        let mut newer = row(5);
        newer.change += 1;
        let taken = rows.take(newer.clone()).unwrap();
        assert!(taken.known && taken.index == 5);
        assert!(rows.take(row(5)).is_none(), "an older one says nothing");
        assert_eq!(rows.row(5), Some(newer.clone()));
        newer.content = RowContent::Refused(vec![Trouble::new("moved", "another target")]);
        rows.take(newer.clone()).unwrap();
        assert_eq!(rows.row(5), Some(newer));
        assert_eq!((rows.len(), rows.targets.size()), (20, bytes));
        rows.take(row(21)).unwrap();
        assert_eq!(rows.place(id(21)), Some(20));
    }

    #[test]
    fn a_lane_by_record_is_that_of_the_summary() {
        let all: Vec<Row> = (0..200).map(row).collect();
        let rows: Rows = all.iter().cloned().collect();
        let now = Timestamp::from_millis(900);
        for (index, row) in all.iter().enumerate() {
            assert_eq!(
                rows.lane(index, now),
                row.summary().map(|summary| Lane::of(summary, now))
            );
        }
    }

    #[test]
    fn groups_stand_in_the_order_of_their_names_and_what_is_not_believed_on_top() {
        let rows: Rows = (0..200).rev().map(row).collect();
        for order in [Order::Environment, Order::Agent] {
            let sorted = rows.sorted(order);
            let groups: Vec<Option<&str>> = sorted
                .iter()
                .map(|index| rows.group(*index as usize, order, Timestamp::from_millis(0)))
                .collect();
            assert!(groups.is_sorted(), "{groups:?}");
        }
    }

    #[test]
    fn rows_of_one_group_stand_together_in_every_order() {
        let rows: Rows = (0..200).map(row).collect();
        for order in [Order::Risk, Order::Deadline, Order::Environment, Order::Agent] {
            let mut groups: Vec<Option<&str>> = rows
                .sorted(order)
                .iter()
                .map(|index| rows.group(*index as usize, order, Timestamp::from_millis(60_000)))
                .collect();
            groups.dedup();
            let all = groups.len();
            groups.sort_unstable();
            groups.dedup();
            assert_eq!(groups.len(), all, "{order:?}: {groups:?}");
            assert!(all > 1, "{order:?}: {groups:?}");
        }
    }
}
