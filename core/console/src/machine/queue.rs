//! The requests as a list: lanes, order, search, the cursor.
//!
//! Everything that drawing needs is kept, so that a frame costs the rows on screen and nothing else; lanes are
//! computed again when rows come and when the next request expires.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;

use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;

use super::fuzzy::{self, Score};
pub use super::lane::{Lane, Order};
use super::rows::{Rows, Taken};
use super::search::Search;
use super::state::{Row, Summary, Trouble};

/// The most new requests that are kept to be told of.
const MAX_ARRIVALS: usize = 16;
/// So many more rows may come before a list of them has to grow.
const SPARE: usize = 1024;
/// So many times all rows, what searches found is kept.
const KEPT: usize = 2;
/// So many searches are kept at the most.
const MAX_KEPT: usize = 128;

/// The requests.
#[derive(Debug, Default)]
pub struct Queue {
    /// All of them, in the order they came.
    pub rows: Rows,
    /// The rows in the order of the queue, as indexes into `rows`.
    sorted: Vec<u32>,
    /// The rows that are in the lane and pass the filter, in the order shown, as indexes into `rows`.
    pub passing: Vec<u32>,
    /// The cursor, as an index into `passing`.
    pub cursor: usize,
    /// The lane that is shown.
    pub lane: Lane,
    /// How the rows are ordered.
    pub order: Order,
    /// Whether rows by risk and by deadline stand in groups as well.
    pub grouped: bool,
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
    /// The newest of them, until a front end takes them to tell of them.
    pub arrivals: Vec<RequestId>,
    /// How many rows each lane holds, in the order of [`Lane::ALL`].
    counts: [usize; Lane::ALL.len()],
    /// Each row's lane; refused rows have none and are in every lane.
    lanes: Vec<Option<Lane>>,
    /// What `passing` answers, as long as rows, lanes and order are the same.
    answered: Option<Asked>,
    /// What shorter searches of the same lane found, so that a letter that is taken back asks no row again.
    earlier: Vec<(Asked, Vec<u32>)>,
    /// When the next open request expires, or sooner.
    next_expiry: Option<Timestamp>,
}

/// What rows were asked for: a lane, and words in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    lane: Lane,
    words: Vec<Vec<u8>>,
}

impl Queue {
    /// The row under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<Row> {
        self.row(self.cursor)
    }

    /// The row at a place of the list that is shown.
    #[must_use]
    pub fn row(&self, place: usize) -> Option<Row> {
        self.rows.row(self.index(place)?)
    }

    /// The request at a place of the list that is shown.
    #[must_use]
    pub fn id(&self, place: usize) -> Option<RequestId> {
        self.rows.id(self.index(place)?)
    }

    /// The name of the group that the row at a place is in, where rows are shown in groups.
    #[must_use]
    pub fn group(&self, place: usize, now: Timestamp) -> Option<&str> {
        if !self.grouped && matches!(self.order, Order::Risk | Order::Deadline) {
            return None;
        }
        self.rows.group(self.index(place)?, self.order, now)
    }

    fn index(&self, place: usize) -> Option<usize> {
        usize::try_from(*self.passing.get(place)?).ok()
    }

    /// Those of some requests that are there, in the order of the queue, whatever the lane and the filter.
    pub(super) fn among(&self, ids: &BTreeSet<RequestId>) -> Vec<Row> {
        let rows = self.sorted.iter().filter_map(|index| {
            let index = usize::try_from(*index).ok()?;
            ids.contains(&self.rows.id(index)?)
                .then(|| self.rows.row(index))?
        });
        rows.collect()
    }

    /// The request under the cursor.
    #[must_use]
    pub fn under_cursor(&self) -> Option<RequestId> {
        self.id(self.cursor)
    }

    /// How many rows a lane holds, whatever the filter.
    #[must_use]
    pub fn count(&self, lane: Lane) -> usize {
        self.counts.get(lane.index()).copied().unwrap_or_default()
    }

    /// When the next open request expires; it may be said too soon, never too late.
    #[must_use]
    pub const fn next_expiry(&self) -> Option<Timestamp> {
        self.next_expiry
    }

    /// Until when the open ones of some rows can be decided, by their places among those that pass.
    pub(super) fn deadlines(
        &self,
        places: Range<usize>,
        now: Timestamp,
    ) -> impl Iterator<Item = Timestamp> + '_ {
        let end = places.end.min(self.passing.len());
        let rows = self.passing.get(places.start.min(end)..end).unwrap_or_default();
        rows.iter()
            .filter_map(move |index| self.rows.expiry(*index as usize, now))
    }

    /// Requests like one that is read: of the same target or the same agent, the newest first, at most `most`.
    pub(super) fn like(&self, id: RequestId, like: &Summary, most: usize) -> Vec<(RequestId, Summary)> {
        self.rows.like(id, like, most)
    }

    /// Takes new rows; the cursor stays on the request it was on. Says whether another request is under it now.
    pub(super) fn replace(&mut self, rows: Vec<Row>, now: Timestamp) -> bool {
        let before = self.selected();
        let known = self.loaded_at.map(|_| self.mine());
        self.rows = rows.into_iter().collect();
        self.sorted = self.rows.sorted(self.order);
        self.sort_into_lanes(now);
        if let Some(known) = known {
            let mine = self.mine();
            let arrived = mine.into_iter().filter(|id| known.binary_search(id).is_err());
            self.arrive(arrived.collect());
        }
        self.refilter(before.as_ref().map(|row| row.id));
        self.selected() != before
    }

    /// Takes a part of the queue beside what is there; the newest change of a request wins. Only what is `new` counts
    /// as arrived. Says whether another request is under the cursor now. What is there is not sorted again.
    pub(super) fn merge(&mut self, rows: Vec<Row>, new: bool, now: Timestamp) -> bool {
        let before = self.selected();
        let mut touched: Vec<Taken> = rows.into_iter().filter_map(|row| self.rows.take(row)).collect();
        // A request that came twice is one row, and known only if it was before the first time.
        touched.sort_unstable_by_key(|taken| (taken.index, taken.known));
        touched.dedup_by_key(|taken| taken.index);
        self.put_in_place(&touched);
        let arrived = self.put_into_lanes(&touched, now);
        self.put_among_passing(&touched);
        if new && self.loaded_at.is_some() {
            self.arrive(arrived);
        }
        self.refilter(before.as_ref().map(|row| row.id));
        self.selected() != before
    }

    fn arrive(&mut self, ids: Vec<RequestId>) {
        self.arrived += u64::try_from(ids.len()).unwrap_or_default();
        self.arrivals.extend(ids);
        let more = self.arrivals.len().saturating_sub(MAX_ARRIVALS);
        self.arrivals.drain(..more);
    }

    /// Puts rows that came, in the order of their indexes, where they belong in the order of the queue.
    fn put_in_place(&mut self, touched: &[Taken]) {
        let (rows, order) = (&self.rows, self.order);
        let groups = rows.groups(order);
        let coming = touched.iter().map(|taken| taken.index).collect();
        renew(&mut self.sorted, touched, coming, |index| {
            rows.rank(index, order, &groups)
        });
    }

    /// Puts those that pass where they belong in the list that is shown, as long as that answers what was asked.
    fn put_among_passing(&mut self, touched: &[Taken]) {
        let Some(Asked { lane, words }) = &self.answered else {
            return;
        };
        let (rows, order) = (&self.rows, self.order);
        let groups = rows.groups(order);
        let mut search = Search::new(words.clone(), rows.names());
        let mut score = |index: u32| search.score(&rows.searched(usize::try_from(index).ok()?)?);
        let coming = touched.iter().map(|taken| taken.index);
        let coming = coming.filter(|index| is_in(&self.lanes, *index, *lane) && score(*index).is_some());
        let coming = coming.collect();
        renew(&mut self.passing, touched, coming, |index| {
            (Reverse(score(index)), rows.rank(index, order, &groups))
        });
    }

    /// Puts rows that came into their lanes. Says which need this person now and did not before.
    fn put_into_lanes(&mut self, touched: &[Taken], now: Timestamp) -> Vec<RequestId> {
        self.earlier = Vec::new();
        self.lanes.resize(self.rows.len(), None);
        let mut arrived = Vec::new();
        for taken in touched {
            let Ok(index) = usize::try_from(taken.index) else {
                continue;
            };
            let lane = self.rows.lane(index, now);
            let old = self
                .lanes
                .get_mut(index)
                .and_then(|place| std::mem::replace(place, lane));
            if let Some(count) = old.and_then(|old| self.counts.get_mut(old.index())) {
                *count = count.saturating_sub(1);
            }
            self.add(lane, 1);
            self.add(Some(Lane::All), usize::from(!taken.known));
            if lane == Some(Lane::Mine) && old != lane {
                arrived.extend(self.rows.id(index));
            }
            let expiry = self.rows.expiry(index, now);
            self.next_expiry = self.next_expiry.into_iter().chain(expiry).min();
        }
        if self.next_expiry.is_some_and(|next| now >= next) {
            self.sort_into_lanes(now);
        }
        arrived
    }

    fn add(&mut self, lane: Option<Lane>, more: usize) {
        if let Some(count) = lane.and_then(|lane| self.counts.get_mut(lane.index())) {
            *count += more;
        }
    }

    /// The requests that need this person, in order of their ids.
    fn mine(&self) -> Vec<RequestId> {
        let in_lane = self.lanes.iter().enumerate();
        let mut ids: Vec<RequestId> = in_lane
            .filter(|(_, lane)| **lane == Some(Lane::Mine))
            .filter_map(|(index, _)| self.rows.id(index))
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Moves what expired into its lane. Says whether another request is under the cursor now.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        if self.next_expiry.is_none_or(|next| now < next) {
            return false;
        }
        let before = self.under_cursor();
        self.sort_into_lanes(now);
        self.refilter(before);
        self.under_cursor() != before
    }

    fn sort_into_lanes(&mut self, now: Timestamp) {
        self.forget();
        let all = 0..self.rows.len();
        self.lanes = all.clone().map(|index| self.rows.lane(index, now)).collect();
        self.counts = [0; Lane::ALL.len()];
        self.add(Some(Lane::All), self.rows.len());
        for index in all.clone() {
            self.add(self.lanes.get(index).copied().flatten(), 1);
        }
        self.next_expiry = all.filter_map(|index| self.rows.expiry(index, now)).min();
    }

    pub(super) fn show(&mut self, lane: Lane) {
        let keep = self.under_cursor();
        self.lane = lane;
        self.refilter(keep);
    }

    pub(super) fn reorder(&mut self, order: Order) {
        let keep = self.under_cursor();
        self.order = order;
        self.sorted = self.rows.sorted(order);
        self.forget();
        self.refilter(keep);
    }

    /// Rows, lanes or order are others now: what was found before says nothing.
    fn forget(&mut self) {
        self.answered = None;
        self.earlier = Vec::new();
    }

    /// Applies lane and filter anew, keeping the cursor on `keep` where it still passes. The best matches come
    /// first, each as good as the next in the order of the queue.
    pub(super) fn refilter(&mut self, keep: Option<RequestId>) {
        let asked = Asked {
            lane: self.lane,
            words: fuzzy::words(&self.filter),
        };
        if self.answered.as_ref() != Some(&asked) {
            self.ask(asked);
        }
        let keep = keep.and_then(|keep| self.rows.place(keep));
        let place = keep.and_then(|keep| self.passing.iter().position(|index| *index == keep));
        self.move_to(place.unwrap_or(self.cursor));
    }

    fn ask(&mut self, asked: Asked) {
        let known = self.earlier.iter().position(|(earlier, _)| *earlier == asked);
        let mut found = match known {
            // What was searched for since then is longer, and will hardly be searched for again.
            Some(known) => self
                .earlier
                .drain(known..)
                .next()
                .map(|(_, found)| found)
                .unwrap_or_default(),
            None if asked.words.is_empty() => {
                // Where nothing was searched for before, the list that is there is filled anew.
                let old = self.answered.as_ref().is_none_or(|old| old.words.is_empty());
                let mut all = if old {
                    std::mem::take(&mut self.passing)
                } else {
                    Vec::new()
                };
                all.clear();
                all.extend(self.in_lane());
                all
            }
            None => self.found(&asked.words),
        };
        found.shrink_to(found.len() + SPARE);
        let before = std::mem::replace(&mut self.passing, found);
        match self.answered.replace(asked) {
            Some(old) if old.lane != self.lane => self.earlier = Vec::new(),
            Some(old) if known.is_none() && !old.words.is_empty() => self.keep(old, before),
            Some(_) | None => {}
        }
    }

    /// Keeps what a search found, as long as there is room; the shortest searches are the cheapest to do again.
    fn keep(&mut self, asked: Asked, found: Vec<u32>) {
        self.earlier.push((asked, found));
        let kept =
            |earlier: &[(Asked, Vec<u32>)]| earlier.iter().map(|(_, found)| found.len()).sum::<usize>();
        while self.earlier.len() > MAX_KEPT || kept(&self.earlier) > KEPT * self.rows.len() {
            self.earlier.remove(0);
        }
    }

    /// The rows of the lane, in the order of the queue.
    fn in_lane(&self) -> impl Iterator<Item = u32> + '_ {
        let shown = |index: &u32| is_in(&self.lanes, *index, self.lane);
        self.sorted.iter().copied().filter(shown)
    }

    /// The rows that answer every word, the best first. Where the words only say more than those before, what
    /// did not answer then is not asked again.
    fn found(&self, words: &[Vec<u8>]) -> Vec<u32> {
        let earlier = self
            .answered
            .as_ref()
            .filter(|old| old.lane == self.lane && fuzzy::narrows(&old.words, words));
        let mut candidate = vec![earlier.is_none(); self.rows.len()];
        for index in earlier.iter().flat_map(|_| &self.passing) {
            if let Some(place) = usize::try_from(*index)
                .ok()
                .and_then(|index| candidate.get_mut(index))
            {
                *place = true;
            }
        }
        let mut search = Search::new(words.to_vec(), self.rows.names());
        let mut found: Vec<(Reverse<Score>, u32)> = (0..)
            .zip(&self.sorted)
            .filter(|(_, index)| is_in(&self.lanes, **index, self.lane))
            .filter_map(|(place, index)| {
                let at = usize::try_from(*index).ok()?;
                let asked = *candidate.get(at)?;
                let score = if asked {
                    search.score(&self.rows.searched(at)?)
                } else {
                    None
                };
                Some((Reverse(score?), place))
            })
            .collect();
        found.sort_unstable();
        let at = |place: u32| self.sorted.get(usize::try_from(place).ok()?).copied();
        found.into_iter().filter_map(|(_, place)| at(place)).collect()
    }

    /// The rows of every lane that answer a text, the best first and each as good as the next in the order of the queue;
    /// at most `most`. Without a word those that come first.
    pub(super) fn find(&self, text: &str, most: usize) -> Vec<Row> {
        let words = fuzzy::words(text);
        let search = (!words.is_empty()).then(|| Search::new(words, self.rows.names()));
        let sorted = self
            .sorted
            .iter()
            .filter_map(|index| usize::try_from(*index).ok());
        let Some(mut search) = search else {
            return sorted
                .take(most)
                .filter_map(|index| self.rows.row(index))
                .collect();
        };
        let mut found: Vec<(Reverse<Score>, usize, usize)> = sorted
            .enumerate()
            .filter_map(|(place, index)| {
                let score = search.score(&self.rows.searched(index)?)?;
                Some((Reverse(score), place, index))
            })
            .collect();
        found.sort_unstable();
        let best = found.into_iter().take(most);
        best.filter_map(|(_, _, index)| self.rows.row(index)).collect()
    }

    pub(super) fn move_to(&mut self, place: usize) {
        self.cursor = place.min(self.passing.len().saturating_sub(1));
    }
}

/// Whether a row is in a lane; refused ones are in all.
fn is_in(lanes: &[Option<Lane>], index: u32, lane: Lane) -> bool {
    let own = usize::try_from(index).ok().and_then(|index| lanes.get(index));
    lane == Lane::All || own.is_some_and(|own| own.is_none_or(|own| own == lane))
}

/// Takes what was touched out of a list in the order of a key, and puts what comes where it belongs.
fn renew<K: Ord>(
    list: &mut Vec<u32>,
    touched: &[Taken],
    mut coming: Vec<u32>,
    mut key: impl FnMut(u32) -> K,
) {
    if touched.iter().any(|taken| taken.known) {
        list.retain(|index| touched.binary_search_by_key(index, |taken| taken.index).is_err());
    }
    coming.sort_by_cached_key(|index| key(*index));
    // From the end on, in place: what stands below a row that comes moves down by as many as still come.
    let mut end = list.len();
    list.resize(end + coming.len(), 0);
    for (left, index) in coming.iter().enumerate().rev() {
        let own = key(*index);
        let above = list.get(..end).unwrap_or_default();
        let place = above.partition_point(|other| key(*other) < own);
        list.copy_within(place..end, place + left + 1);
        if let Some(gap) = list.get_mut(place + left) {
            *gap = *index;
        }
        end = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::state::RowContent;
    use countersign_protocol::approval::Severity;
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
    use countersign_protocol::kind::{KINDS, Kind};
    use countersign_protocol::request::Phase;
    use proptest::prelude::*;

    fn row((number, change, phase, level): (u8, u64, usize, i64)) -> Row {
        let content = if level > 4 {
            RowContent::Refused(vec![Trouble::new("refused", "not signed")])
        } else {
            RowContent::Verified(Box::new(Summary {
                phase: Phase::ALL[phase % Phase::ALL.len()],
                severity: Severity::from_level(level),
                kind: Kind::named(KINDS[0].id).unwrap(),
                target: format!("file://web-{number}").as_str().into(),
                agent: format!("agent-{}", level % 3).parse().unwrap(),
                environment: format!("place-{}", number % 3).parse().unwrap(),
                created_at: Timestamp::from_millis(change),
                expires_at: Timestamp::from_millis(100 + 7 * u64::from(number)),
                needs: 1,
                hardware: 0,
                teams: 0,
                approved_by: Vec::new(),
                personal: false,
                why_not: change.is_multiple_of(2).then(|| "not you".to_owned()),
                weak_key: false,
                decided: None,
                digest_start: [0; 4],
            }))
        };
        let id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number])));
        Row { id, change, content }
    }

    #[test]
    fn a_letter_taken_back_finds_what_a_new_search_finds() {
        let rows = || {
            let sketch = |number: u8| (number, u64::from(number), number.into(), i64::from(number % 6));
            (0..60).map(|number| row(sketch(number))).collect()
        };
        let now = Timestamp::from_millis(60);
        let mut queue = Queue::default();
        queue.replace(rows(), now);
        let mut kept = 0;
        let typed = "w we web web- web-1 web- web-12 web-1 web- web we wex we w";
        let lanes = [Lane::All, Lane::Mine, Lane::All];
        for (lane, filter) in lanes
            .iter()
            .flat_map(|lane| typed.split(' ').map(move |filter| (*lane, filter)))
        {
            queue.filter = filter.to_owned();
            queue.show(lane);
            kept = kept.max(queue.earlier.len());
            let mut new = Queue {
                lane,
                filter: filter.to_owned(),
                ..Queue::default()
            };
            new.replace(rows(), now);
            assert_eq!(queue.passing, new.passing, "{filter} {lane:?}");
        }
        assert_eq!(
            kept, 5,
            "all shorter searches are kept while the longest is shown"
        );
    }

    proptest! {
        /// However a queue came, page by page, it stands as if all of it had come at once.
        #[test]
        fn pages_put_in_place_stand_as_if_sorted_at_once(
            pages in prop::collection::vec(
                prop::collection::vec((0u8..12, 0u64..4, 0usize..12, 0i64..6), 0..8), 1..6),
            order in 0usize..4,
            lane in 0usize..5,
            filter in prop::sample::select(vec!["", "web", "1", "eb-1 ag", "agent-2", "refused"]),
        ) {
            let order = [Order::Risk, Order::Deadline, Order::Environment, Order::Agent][order];
            let asked = || Queue { order, lane: Lane::ALL[lane], filter: filter.to_owned(), ..Queue::default() };
            let mut queue = asked();
            let now = |page: usize| Timestamp::from_millis(60 + 30 * page as u64);
            for (at, page) in pages.iter().enumerate() {
                queue.merge(page.iter().copied().map(row).collect(), true, now(at));
            }
            let last = now(pages.len() - 1);
            queue.expire(last);
            let mut whole = asked();
            whole.replace(queue.rows.iter().collect(), last);
            let shown = |queue: &Queue| (0..queue.passing.len()).map(|place| queue.row(place)).collect::<Vec<_>>();
            prop_assert_eq!(shown(&queue), shown(&whole));
            prop_assert_eq!(Lane::ALL.map(|lane| queue.count(lane)), Lane::ALL.map(|lane| whole.count(lane)));
            prop_assert_eq!(&queue.lanes, &whole.lanes);
            prop_assert!(whole.next_expiry.is_none_or(|next| queue.next_expiry.is_some_and(|sooner| sooner <= next)));
        }
    }
}
