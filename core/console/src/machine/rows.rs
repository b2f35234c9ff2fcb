//! The rows of a queue, close together in memory: a hundred thousand of them cost a dozen megabytes.
//!
//! Names that many rows share are kept once, targets stand one after the other, and a whole [`Row`] is made where
//! one is looked at. What is asked of every row at once (its lane, its rank, whether it answers a search) is read
//! from the records as they are.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash, RandomState};

use hashbrown::HashTable;

use countersign_protocol::api::Decided;
use countersign_protocol::approval::Severity;
use countersign_protocol::identity::{AgentId, EnvironmentId, PersonId, RequestId};
use countersign_protocol::kind::{KINDS, Kind};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;

use super::queue::{Lane, Order};
use super::state::{DigestStart, Row, RowContent, Summary, Trouble};

/// The rows of a queue, in the order they came, each request once.
#[derive(Debug, Default)]
pub struct Rows {
    records: Vec<Record>,
    /// Where each request stands. Only looked up, never walked; the same of all maps here that have no order.
    places: HashTable<u32>,
    hasher: RandomState,
    /// Every target, one after the other, each behind its length in groups of seven bits.
    targets: Vec<u8>,
    names: Names,
    /// What is wrong with the rows that are not believed.
    refused: BTreeMap<u32, Vec<Trouble>>,
    /// How the digest of each row's action begins.
    digest_starts: Vec<DigestStart>,
    /// Who decided what, where anybody did.
    decided: BTreeMap<u32, Decided>,
}

/// What rows share, each once.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub agents: Numbered<AgentId>,
    pub environments: Numbered<EnvironmentId>,
    counts: Numbered<Count>,
}

impl Names {
    /// Who approved, for each number of what rows take and have.
    pub fn approvers(&self) -> impl Iterator<Item = &[PersonId]> {
        self.counts.iter().map(|count| count.approved_by.as_slice())
    }
}

/// Things with a number each.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    all: Vec<T>,
    numbers: HashMap<T, u32>,
}

/// What a request takes and has, and why this person cannot decide it: the same of most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Count {
    needs: u32,
    hardware: u32,
    teams: u32,
    /// Whether the key of this machine is too weak for it.
    weak_key: bool,
    approved_by: Vec<PersonId>,
    why_not: Option<String>,
}

/// One row. Numbers stand for places in [`Names`].
#[derive(Debug, Clone)]
struct Record {
    id: RequestId,
    change: u64,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// Where its target begins.
    target: u32,
    /// Which letters its target has.
    letters: Letters,
    agent: u32,
    environment: u32,
    count: u32,
    phase: Phase,
    severity: Severity,
    kind: u8,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Refused,
    /// This person cannot decide it.
    Verified,
    /// This person can.
    Open,
    /// The same two, where it is supervision of one's own agent.
    Personal,
    PersonalOpen,
}

impl Standing {
    const fn of(personal: bool, may_decide: bool) -> Self {
        match (personal, may_decide) {
            (false, false) => Self::Verified,
            (false, true) => Self::Open,
            (true, false) => Self::Personal,
            (true, true) => Self::PersonalOpen,
        }
    }

    const fn may_decide(self) -> bool {
        matches!(self, Self::Open | Self::PersonalOpen)
    }

    const fn is_personal(self) -> bool {
        matches!(self, Self::Personal | Self::PersonalOpen)
    }
}

/// The letters and digits of a text, in any case. A word whose letters are not all there cannot stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letters(u32);

impl Letters {
    pub fn of(text: &[u8]) -> Self {
        Self(text.iter().fold(0, |all, byte| {
            all | match byte.to_ascii_lowercase() {
                letter @ b'a'..=b'z' => 1 << (letter - b'a'),
                digit @ b'0'..=b'9' => 1 << (26 + (digit - b'0') / 2),
                _ => 0,
            }
        }))
    }

    pub const fn holds(self, word: Self) -> bool {
        word.0 & !self.0 == 0
    }
}

/// Where a row stands in the queue; less is higher up.
pub(super) type Rank = (bool, u32, u8, Reverse<Severity>, u64);

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
            change: record.change,
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
        if record.standing == Standing::Refused {
            return None;
        }
        let names = &self.names;
        let count = names.counts.at(record.count)?;
        Some(Summary {
            phase: record.phase,
            severity: record.severity,
            kind: record.kind()?,
            target: self.target(record).into(),
            agent: names.agents.at(record.agent)?.clone(),
            environment: names.environments.at(record.environment)?.clone(),
            created_at: record.created_at,
            expires_at: record.expires_at,
            needs: count.needs,
            hardware: count.hardware,
            teams: count.teams,
            approved_by: count.approved_by.clone(),
            personal: record.standing.is_personal(),
            why_not: count.why_not.clone(),
            weak_key: count.weak_key,
            decided: self.decided(index).cloned(),
            digest_start: self.digest_start(index),
        })
    }

    /// The lane of a row; a refused one has none.
    pub(super) fn lane(&self, index: usize, now: Timestamp) -> Option<Lane> {
        let record = self.records.get(index)?;
        (record.standing != Standing::Refused).then(|| {
            Lane::where_it_stands(record.phase, record.standing.may_decide(), record.expires_at, now)
        })
    }

    /// When a row expires, where it is open and has not.
    pub(super) fn expiry(&self, index: usize, now: Timestamp) -> Option<Timestamp> {
        let record = self.records.get(index)?;
        let open = record.standing != Standing::Refused && record.phase.is_open();
        (open && now < record.expires_at).then_some(record.expires_at)
    }

    /// The name of the group that a row is in; rows in one group stand together in the order.
    pub(super) fn group(&self, index: usize, order: Order, now: Timestamp) -> Option<&str> {
        let record = self.records.get(index)?;
        Some(match order {
            _ if record.standing == Standing::Refused => return None,
            Order::Environment => self.names.environments.at(record.environment)?.as_str(),
            Order::Agent => self.names.agents.at(record.agent)?.as_str(),
            Order::Risk | Order::Deadline if record.phase.is_terminal() => "over",
            Order::Risk | Order::Deadline if record.phase != Phase::Pending => "with its guard",
            Order::Risk => record.severity.word(),
            Order::Deadline => match record.expires_at.since(now).as_secs() {
                0 => "passed",
                1..=299 => "within 5 minutes",
                300..=3599 => "within the hour",
                3600..=86_399 => "within a day",
                _ => "later",
            },
        })
    }

    /// The places of the groups of an order among each other, by their numbers.
    pub(super) fn groups(&self, order: Order) -> Vec<u32> {
        match order {
            Order::Risk | Order::Deadline => Vec::new(),
            Order::Environment => ranks(&self.names.environments.all),
            Order::Agent => ranks(&self.names.agents.all),
        }
    }

    /// Where a row stands, and its index, so that those that are alike stay as they came.
    pub(super) fn rank(&self, index: u32, order: Order, groups: &[u32]) -> Option<(Rank, u32)> {
        let record = self.records.get(usize::try_from(index).ok()?)?;
        Some((record.rank(order, groups), index))
    }

    /// The rows in an order.
    pub(super) fn sorted(&self, order: Order) -> Vec<u32> {
        let groups = self.groups(order);
        let mut ranked: Vec<(Rank, u32)> = (0..)
            .zip(&self.records)
            .map(|(index, record)| (record.rank(order, &groups), index))
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, index)| index).collect()
    }

    /// Rows of the same target or the same agent as `like`, the newest first, at most `most`.
    pub(super) fn like(&self, id: RequestId, like: &Summary, most: usize) -> Vec<(RequestId, Summary)> {
        let agent = self.names.agents.number(&like.agent);
        let mut found: Vec<(bool, Reverse<Timestamp>, usize)> = self
            .records
            .iter()
            .enumerate()
            .filter(|(_, record)| record.id != id && record.standing != Standing::Refused)
            .filter_map(|(index, record)| {
                let other_target = self.target(record) != like.target.bytes();
                (!other_target || Some(record.agent) == agent).then_some((
                    other_target,
                    Reverse(record.created_at),
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

    fn digest_start(&self, index: usize) -> DigestStart {
        self.digest_starts.get(index).copied().unwrap_or_default()
    }

    /// What the history reads of a row that is believed.
    pub(super) fn passage(&self, index: usize) -> Option<Passage<'_>> {
        let record = self.records.get(index)?;
        (record.standing != Standing::Refused).then(|| Passage {
            phase: record.phase,
            severity: record.severity,
            created_at: record.created_at,
            expires_at: record.expires_at,
            decided: self.decided(index),
        })
    }

    /// What a search reads of a row.
    pub(super) fn searched(&self, index: usize) -> Option<Searched<'_>> {
        let record = self.records.get(index)?;
        Some(Searched {
            id: record.id,
            refused: record.standing == Standing::Refused,
            phase: record.phase,
            severity: record.severity,
            kind: usize::from(record.kind),
            agent: usize::try_from(record.agent).ok()?,
            environment: usize::try_from(record.environment).ok()?,
            count: usize::try_from(record.count).ok()?,
            digest_start: self.digest_start(index),
            deciders: self.decided(index).map_or(&[], |decided| &decided.by),
            letters: record.letters,
            target: self.target(record),
        })
    }

    fn target(&self, record: &Record) -> &[u8] {
        let start = usize::try_from(record.target).ok();
        start
            .and_then(|start| behind_length(self.targets.get(start..)?))
            .unwrap_or_default()
    }

    /// Takes a row in the place of an older state of its request, or at the end. Gives its index, and whether it is
    /// another row than before; nothing where an equally new or newer one is there, or no room is left.
    pub(super) fn take(&mut self, row: Row) -> Option<Taken> {
        let (id, change) = (row.id, row.change);
        let known = self.place(id);
        let old = known.and_then(|index| self.records.get(usize::try_from(index).ok()?));
        if old.is_some_and(|old| old.change > change) {
            return None;
        }
        let old = old.cloned();
        let end = u32::try_from(self.records.len()).ok()?;
        let index = known.unwrap_or(end);
        let (mut digest_start, mut decided) = (DigestStart::default(), None);
        let record = match row.content {
            RowContent::Verified(mut summary) => {
                (digest_start, decided) = (summary.digest_start, summary.decided.take());
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
        let place = usize::try_from(index).ok()?;
        match self.digest_starts.get_mut(place) {
            Some(old) => *old = digest_start,
            None => self.digest_starts.push(digest_start),
        }
        match self.records.get_mut(place) {
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
        let same = old.filter(|old| self.target(old) == target).map(|old| old.target);
        let place = match same {
            Some(place) => place,
            None => {
                let place = u32::try_from(self.targets.len()).ok()?;
                put_length(&mut self.targets, target.len());
                self.targets.extend_from_slice(target);
                place
            }
        };
        let names = &mut self.names;
        let may_decide = summary.why_not.is_none();
        Some(Record {
            id,
            change,
            created_at: summary.created_at,
            expires_at: summary.expires_at,
            target: place,
            letters: Letters::of(target),
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
            phase: summary.phase,
            severity: summary.severity,
            kind: u8::try_from(kind).ok()?,
            standing: Standing::of(summary.personal, may_decide),
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

impl<T> Numbered<T> {
    fn at(&self, number: u32) -> Option<&T> {
        self.all.get(usize::try_from(number).ok()?)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.all.iter()
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    /// The number of a thing that is known.
    fn number(&self, thing: &T) -> Option<u32> {
        self.numbers.get(thing).copied()
    }

    /// The number of a thing; it gets one where it has none.
    fn know(&mut self, thing: T) -> u32 {
        if let Some(number) = self.number(&thing) {
            return number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(thing.clone());
        self.numbers.insert(thing, number);
        number
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

/// What a search reads of a row.
pub(super) struct Searched<'a> {
    pub id: RequestId,
    pub refused: bool,
    pub phase: Phase,
    pub severity: Severity,
    /// The number of its kind, and its agent's and its environment's among the names.
    pub kind: usize,
    pub agent: usize,
    pub environment: usize,
    /// The number of what it takes and has, among it who approved.
    pub count: usize,
    pub digest_start: DigestStart,
    pub deciders: &'a [PersonId],
    pub letters: Letters,
    pub target: &'a [u8],
}

/// What the history reads of a row.
pub(super) struct Passage<'a> {
    pub phase: Phase,
    pub severity: Severity,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub decided: Option<&'a Decided>,
}

impl Record {
    /// A row that is not believed: only what it calls itself is kept.
    fn refused(id: RequestId, change: u64) -> Self {
        Self {
            id,
            change,
            created_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(0),
            target: u32::MAX,
            letters: Letters::of(&[]),
            agent: 0,
            environment: 0,
            count: 0,
            phase: Phase::Unknown,
            severity: Severity::Critical,
            kind: 0,
            standing: Standing::Refused,
        }
    }

    fn kind(&self) -> Option<Kind> {
        Kind::named(KINDS.get(usize::from(self.kind))?.id).ok()
    }

    /// What is not believed first, then by group, then what waits for people, what waits for a guard, the rest.
    fn rank(&self, order: Order, groups: &[u32]) -> Rank {
        if self.standing == Standing::Refused {
            return (false, 0, 0, Reverse(Severity::Critical), 0);
        }
        let name = if order == Order::Agent {
            self.agent
        } else {
            self.environment
        };
        let group = usize::try_from(name).ok().and_then(|name| groups.get(name));
        let group = group.copied().unwrap_or_default();
        if self.phase.is_terminal() {
            let newest_first = u64::MAX - self.created_at.millis();
            return (true, group, 3, Reverse(Severity::None), newest_first);
        }
        let waits = if self.phase == Phase::Pending { 1 } else { 2 };
        let severity = if order == Order::Deadline {
            Severity::None
        } else {
            self.severity
        };
        (true, group, waits, Reverse(severity), self.expires_at.millis())
    }
}

/// Writes a length: seven bits in each byte, the lowest first, and a mark on all but the last.
fn put_length(to: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        to.extend(u8::try_from(length & 0x7f).map(|low| low | 0x80));
        length >>= 7;
    }
    to.extend(u8::try_from(length));
}

/// The text that stands behind its length.
fn behind_length(bytes: &[u8]) -> Option<&[u8]> {
    let last = bytes.iter().position(|byte| *byte < 0x80)?;
    let (length, rest) = bytes.split_at_checked(last + 1)?;
    let length = length
        .iter()
        .rev()
        .fold(0, |length: usize, byte| length << 7 | usize::from(byte & 0x7f));
    rest.get(..length)
}

/// For each name its place in the order of names.
fn ranks<T: Ord>(names: &[T]) -> Vec<u32> {
    let mut sorted: Vec<(&T, usize)> = names.iter().zip(0..).collect();
    sorted.sort_unstable();
    let mut ranks = vec![0; names.len()];
    for (rank, (_, index)) in (0..).zip(sorted) {
        if let Some(place) = ranks.get_mut(index) {
            *place = rank;
        }
    }
    ranks
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
    fn targets_of_any_length_come_back_whole() {
        let mut rows = Rows::default();
        for (number, length) in (0..).zip([0, 1, 127, 128, 129, 16_383, 16_384, 70_000]) {
            let mut one = row(number * 7);
            if let RowContent::Verified(summary) = &mut one.content {
                summary.target = vec![b'x'; length].as_slice().into();
            }
            rows.take(one.clone()).unwrap();
            assert_eq!(rows.row(number as usize), Some(one), "{length}");
        }
    }

    #[test]
    fn the_newest_state_of_a_request_stands_in_its_place_and_its_target_once() {
        let mut rows: Rows = (0..20).map(row).collect();
        let bytes = rows.targets.len();
        let mut newer = row(5);
        newer.change += 1;
        let taken = rows.take(newer.clone()).unwrap();
        assert!(taken.known && taken.index == 5);
        assert!(rows.take(row(5)).is_none(), "an older one says nothing");
        assert_eq!(rows.row(5), Some(newer.clone()));
        newer.content = RowContent::Refused(vec![Trouble::new("moved", "another target")]);
        rows.take(newer.clone()).unwrap();
        assert_eq!(rows.row(5), Some(newer));
        assert_eq!((rows.len(), rows.targets.len()), (20, bytes));
        rows.take(row(21)).unwrap();
        assert_eq!(rows.place(id(21)), Some(20));
    }

    #[test]
    fn a_record_stays_small() {
        assert!(size_of::<Record>() <= 64, "{}", size_of::<Record>());
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

    #[test]
    fn letters_that_are_not_there_rule_a_word_out() {
        let target = Letters::of(b"file://Web-1/etc");
        assert!(target.holds(Letters::of(b"web")) && target.holds(Letters::of(b"-/")));
        assert!(!target.holds(Letters::of(b"webx")) && !target.holds(Letters::of(b"9")));
    }
}
