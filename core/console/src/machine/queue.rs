//! The requests as a list: lanes, order, search, the cursor.
//!
//! Everything that drawing needs is kept, so that a frame costs the rows on screen and nothing else; lanes are
//! computed again when rows come and when the next request expires.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use countersign_protocol::approval::Severity;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;

use super::fuzzy::{self, Score};
use super::state::{Row, RowContent, Summary, Trouble};

/// The requests.
#[derive(Debug, Default)]
pub struct Queue {
    /// All of them, in the order shown.
    pub rows: Vec<Row>,
    /// The rows that are in the lane and pass the filter, as indexes into `rows`.
    pub passing: Vec<u32>,
    /// The cursor, as an index into `passing`.
    pub cursor: usize,
    /// The lane that is shown.
    pub lane: Lane,
    /// How the rows are ordered.
    pub order: Order,
    /// What is searched for.
    pub filter: String,
    /// Whether the filter is being written.
    pub filtering: bool,
    /// When the rows came.
    pub loaded_at: Option<Timestamp>,
    /// Whether a load is on its way.
    pub loading: bool,
    /// Whether more of the queue is still on its way.
    pub more: bool,
    /// Whether something changed since that load began, so that it is followed by another.
    pub again: bool,
    /// Why the last load failed.
    pub trouble: Option<Trouble>,
    /// Requests that came to need this person since the first load; it only rises.
    pub arrived: u64,
    /// How many rows each lane holds, in the order of [`Lane::ALL`].
    counts: [usize; Lane::ALL.len()],
    /// The requests that needed this person when rows came last, in order of their ids.
    known: Vec<RequestId>,
    /// Each row's lane; refused rows have none and are in every lane.
    lanes: Vec<Option<Lane>>,
    /// When the next open request expires.
    next_expiry: Option<Timestamp>,
}

/// A part of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lane {
    /// All requests.
    #[default]
    All,
    /// Open, and this person can decide it.
    Mine,
    /// Open, and it waits for others: for other reviewers, or for its guard.
    Others,
    /// Over, by a decision or by what came after.
    Decided,
    /// Nobody decided in time, or it was withdrawn.
    Expired,
}

impl Lane {
    /// All, in the order shown.
    pub const ALL: [Self; 5] = [Self::All, Self::Mine, Self::Others, Self::Decided, Self::Expired];

    /// Its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Mine => "Needs you",
            Self::Others => "Waits for others",
            Self::Decided => "Decided",
            Self::Expired => "Expired",
        }
    }

    /// The lane of a request.
    #[must_use]
    pub fn of(summary: &Summary, now: Timestamp) -> Self {
        match summary.phase {
            Phase::Expired | Phase::Withdrawn | Phase::Stale => Self::Expired,
            phase if phase.is_terminal() => Self::Decided,
            phase if phase.is_open() && now >= summary.expires_at => Self::Expired,
            Phase::Pending if summary.why_not.is_none() => Self::Mine,
            _ => Self::Others,
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::All => 0,
            Self::Mine => 1,
            Self::Others => 2,
            Self::Decided => 3,
            Self::Expired => 4,
        }
    }
}

/// How rows are ordered. Those by environment and by agent stand in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The worst on top.
    #[default]
    Risk,
    /// The most urgent on top.
    Deadline,
    /// By where it takes effect.
    Environment,
    /// By who asks.
    Agent,
}

impl Order {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Deadline => "deadline",
            Self::Environment => "environment",
            Self::Agent => "agent",
        }
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Risk => Self::Deadline,
            Self::Deadline => Self::Environment,
            Self::Environment => Self::Agent,
            Self::Agent => Self::Risk,
        }
    }

    /// The group of a request, where the order has groups.
    #[must_use]
    pub fn group(self, summary: &Summary) -> Option<&str> {
        match self {
            Self::Risk | Self::Deadline => None,
            Self::Environment => Some(summary.environment.as_str()),
            Self::Agent => Some(summary.agent.as_str()),
        }
    }
}

/// Where a row stands: what is not believed, then by group, then what waits for people, what waits for a guard,
/// the rest.
type Rank<'a> = (bool, Option<&'a str>, u8, Reverse<Severity>, u64);

fn rank(row: &Row, order: Order) -> Rank<'_> {
    let summary = match &row.content {
        RowContent::Refused(_) => return (false, None, 0, Reverse(Severity::Critical), 0),
        RowContent::Verified(summary) => summary,
    };
    let group = order.group(summary);
    if summary.phase.is_terminal() {
        let newest_first = u64::MAX - summary.created_at.millis();
        return (true, group, 3, Reverse(Severity::None), newest_first);
    }
    let waits = if summary.phase == Phase::Pending { 1 } else { 2 };
    let severity = if order == Order::Deadline {
        Severity::None
    } else {
        summary.severity
    };
    (true, group, waits, Reverse(severity), summary.expires_at.millis())
}

impl Queue {
    /// The row under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<&Row> {
        self.row(self.cursor)
    }

    /// The row at a place of the list that is shown.
    #[must_use]
    pub fn row(&self, place: usize) -> Option<&Row> {
        let index = usize::try_from(*self.passing.get(place)?).ok()?;
        self.rows.get(index)
    }

    /// How many rows a lane holds, whatever the filter.
    #[must_use]
    pub fn count(&self, lane: Lane) -> usize {
        self.counts.get(lane.index()).copied().unwrap_or_default()
    }

    /// When the next open request expires.
    #[must_use]
    pub const fn next_expiry(&self) -> Option<Timestamp> {
        self.next_expiry
    }

    /// Requests like one that is read: of the same target or the same agent, the newest first, at most `most`.
    pub(super) fn like(&self, id: RequestId, like: &Summary, most: usize) -> Vec<(RequestId, Summary)> {
        let mut found: Vec<(RequestId, &Summary)> = self
            .rows
            .iter()
            .filter(|row| row.id != id)
            .filter_map(|row| Some((row.id, row.summary()?)))
            .filter(|(_, summary)| summary.target == like.target || summary.agent == like.agent)
            .collect();
        found.sort_by_key(|(_, summary)| (summary.target != like.target, Reverse(summary.created_at)));
        found
            .into_iter()
            .take(most)
            .map(|(id, summary)| (id, summary.clone()))
            .collect()
    }

    /// Takes new rows; the cursor stays on the request it was on. Says whether another request is under it now.
    pub(super) fn replace(&mut self, rows: Vec<Row>, now: Timestamp) -> bool {
        let before = self.selected().cloned();
        self.take_in(rows, before, true, now)
    }

    fn take_in(&mut self, mut rows: Vec<Row>, before: Option<Row>, new: bool, now: Timestamp) -> bool {
        rows.sort_by(|a, b| rank(a, self.order).cmp(&rank(b, self.order)));
        self.rows = rows;
        self.sort_into_lanes(now);
        let mine = self.mine();
        if new && self.loaded_at.is_some() {
            let arrived = mine.iter().filter(|id| self.known.binary_search(id).is_err());
            self.arrived += u64::try_from(arrived.count()).unwrap_or_default();
        }
        self.known = mine;
        self.refilter(before.as_ref().map(|row| row.id));
        self.selected() != before.as_ref()
    }

    /// Takes a part of the queue beside what is there; the newest change of a request wins. Only what is `new` counts
    /// as arrived. Says whether another request is under the cursor now.
    pub(super) fn merge(&mut self, rows: Vec<Row>, new: bool, now: Timestamp) -> bool {
        let mut coming: BTreeMap<RequestId, Row> = BTreeMap::new();
        for row in rows {
            if coming.get(&row.id).is_none_or(|other| other.change <= row.change) {
                coming.insert(row.id, row);
            }
        }
        let before = self.selected().cloned();
        let mut all = std::mem::take(&mut self.rows);
        for row in &mut all {
            if let Some(newer) = coming.remove(&row.id)
                && newer.change >= row.change
            {
                *row = newer;
            }
        }
        all.extend(coming.into_values());
        self.take_in(all, before, new, now)
    }

    /// The requests that need this person, in order of their ids.
    fn mine(&self) -> Vec<RequestId> {
        let in_lane = self.rows.iter().zip(&self.lanes);
        let mut ids: Vec<RequestId> = in_lane
            .filter(|(_, lane)| **lane == Some(Lane::Mine))
            .map(|(row, _)| row.id)
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Moves what expired into its lane. Says whether another request is under the cursor now.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        if self.next_expiry.is_none_or(|next| now < next) {
            return false;
        }
        let before = self.selected().map(|row| row.id);
        self.sort_into_lanes(now);
        self.refilter(before);
        self.selected().map(|row| row.id) != before
    }

    fn sort_into_lanes(&mut self, now: Timestamp) {
        self.lanes = self
            .rows
            .iter()
            .map(|row| row.summary().map(|summary| Lane::of(summary, now)))
            .collect();
        self.counts = [0; Lane::ALL.len()];
        for lane in self
            .lanes
            .iter()
            .flatten()
            .chain(vec![&Lane::All; self.rows.len()])
        {
            if let Some(count) = self.counts.get_mut(lane.index()) {
                *count += 1;
            }
        }
        self.next_expiry = self
            .rows
            .iter()
            .filter_map(Row::summary)
            .filter(|summary| summary.phase.is_open() && now < summary.expires_at)
            .map(|summary| summary.expires_at)
            .min();
    }

    pub(super) fn show(&mut self, lane: Lane) {
        let keep = self.selected().map(|row| row.id);
        self.lane = lane;
        self.refilter(keep);
    }

    pub(super) fn reorder(&mut self, order: Order) {
        let keep = self.selected().map(|row| row.id);
        self.order = order;
        let mut rows: Vec<(Row, Option<Lane>)> = std::mem::take(&mut self.rows)
            .into_iter()
            .zip(std::mem::take(&mut self.lanes))
            .collect();
        rows.sort_by(|(a, _), (b, _)| rank(a, order).cmp(&rank(b, order)));
        (self.rows, self.lanes) = rows.into_iter().unzip();
        self.refilter(keep);
    }

    /// Applies lane and filter anew, keeping the cursor on `keep` where it still passes. The best matches come
    /// first, each as good as the next in the order of the queue.
    pub(super) fn refilter(&mut self, keep: Option<RequestId>) {
        let words = fuzzy::words(&self.filter);
        let all = 0..u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let shown = |lane: Option<Lane>| self.lane == Lane::All || lane.is_none_or(|lane| lane == self.lane);
        let in_lane = all
            .zip(self.rows.iter().zip(&self.lanes))
            .filter(|(_, (_, lane))| shown(**lane));
        self.passing = if words.is_empty() {
            in_lane.map(|(index, _)| index).collect()
        } else {
            let mut found: Vec<(Reverse<Score>, u32)> = in_lane
                .filter_map(|(index, (row, _))| Some((Reverse(score(row, &words)?), index)))
                .collect();
            found.sort_unstable();
            found.into_iter().map(|(_, index)| index).collect()
        };
        let place = keep.and_then(|keep| {
            (0..self.passing.len()).find(|place| self.row(*place).map(|row| row.id) == Some(keep))
        });
        self.move_to(place.unwrap_or(self.cursor));
    }

    pub(super) fn move_to(&mut self, place: usize) {
        self.cursor = place.min(self.passing.len().saturating_sub(1));
    }
}

/// How well a row answers every word, or nothing where it does not answer one.
fn score(row: &Row, words: &[Vec<u8>]) -> Option<Score> {
    let id = row.id.to_string();
    let refused: [&[u8]; 2] = [b"refused", id.as_bytes()];
    let Some(summary) = row.summary() else {
        return words
            .iter()
            .map(|word| refused.iter().filter_map(|field| fuzzy::exact(word, field)).max())
            .sum();
    };
    let fields = [
        summary.phase.word().as_bytes(),
        summary.severity.word().as_bytes(),
        summary.kind.id().as_bytes(),
        summary.agent.as_str().as_bytes(),
        summary.environment.as_str().as_bytes(),
        summary.target.bytes(),
    ];
    words
        .iter()
        .map(|word| {
            let near = fields.iter().filter_map(|field| fuzzy::score(word, field)).max();
            near.max(fuzzy::exact(word, id.as_bytes()))
        })
        .sum()
}
