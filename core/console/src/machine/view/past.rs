//! The history as it is drawn: what was found, and two pictures whose numbers stand beside them.

use std::time::Duration;

use serde::Serialize;

use super::super::Moment;
use super::super::past::{AGES, Ending, Past, Sought, waiting};
use super::super::state::{Row, State};
use super::piece::{Piece, Text, Tone, foreign, risk, span};
use super::queue::phase;

/// The length of the longest bar.
const WHOLE: u128 = 1000;

/// The history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct HistoryView {
    /// What is searched for, as it was typed.
    pub text: String,
    /// The rows of the window.
    pub rows: Vec<PastRow>,
    /// The place of the first of them.
    pub first: usize,
    /// How many were found.
    pub found: usize,
    /// Whether more of the queue is still on its way.
    pub more: bool,
    /// The ways to end: title, how many, and whether these are shown.
    pub endings: Vec<(&'static str, usize, bool)>,
    /// How long decisions took, the worst severity first.
    pub paces: Vec<PaceView>,
    /// The ages by which open requests are counted.
    pub ages: Vec<&'static str>,
    /// The open requests, the worst severity first.
    pub waiting: Vec<WaitingView>,
}

/// One request that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct PastRow {
    /// The request.
    pub id: String,
    /// How it ended.
    pub state: Piece,
    /// How bad it was.
    pub risk: Piece,
    /// What sort of change it was.
    pub kind: String,
    /// What it acted on.
    pub target: Text,
    /// Who asked.
    pub agent: String,
    /// Where it took effect.
    pub environment: String,
    /// Who decided.
    pub by: String,
    /// When the last of them did, or else when it was asked.
    pub at: String,
    /// How long that took.
    pub took: String,
}

/// How long decisions of one severity took. Bars are in thousandths of the longest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct PaceView {
    /// The severity.
    pub risk: Piece,
    /// How many were decided.
    pub count: usize,
    /// Half of them took at most this long, in words.
    pub median: String,
    /// The bar of it.
    pub median_bar: u32,
    /// Nine in ten of them took at most this long, in words.
    pub slow: String,
    /// The bar of it.
    pub slow_bar: u32,
}

/// The open requests of one severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct WaitingView {
    /// The severity.
    pub risk: Piece,
    /// How many, by age, and the bar of each.
    pub counts: Vec<(usize, u32)>,
}

/// The rows from `first` on, at most `count`.
#[must_use]
pub fn history(state: &State, sought: &Sought, now: Moment, first: usize, count: usize) -> HistoryView {
    let queue = &state.queue;
    let past = Past::of(queue, sought, now.wall);
    let first = first.min(past.len().saturating_sub(1));
    let rows = (first..past.len().min(first.saturating_add(count)))
        .filter_map(|place| row(&past.row(queue, place)?))
        .collect();
    let paces = past.paces(queue);
    let slowest = paces
        .iter()
        .map(|pace| pace.slow.as_millis())
        .max()
        .unwrap_or_default();
    let waiting = waiting(queue, now.wall);
    let most = waiting
        .iter()
        .flat_map(|(_, counts)| counts)
        .max()
        .copied()
        .unwrap_or_default();
    HistoryView {
        text: sought.text().to_owned(),
        rows,
        first,
        found: past.len(),
        more: queue.more,
        endings: Ending::ALL
            .into_iter()
            .zip(past.counts())
            .map(|(ending, count)| (ending.title(), count, ending == sought.ending))
            .collect(),
        paces: paces
            .into_iter()
            .map(|pace| PaceView {
                risk: risk(pace.severity),
                count: pace.count,
                median: took(pace.median),
                median_bar: bar(pace.median.as_millis(), slowest),
                slow: took(pace.slow),
                slow_bar: bar(pace.slow.as_millis(), slowest),
            })
            .collect(),
        ages: AGES.iter().map(|(_, title)| *title).collect(),
        waiting: waiting
            .into_iter()
            .map(|(severity, counts)| WaitingView {
                risk: risk(severity),
                counts: counts
                    .into_iter()
                    .map(|count| (count, bar(wide(count), wide(most))))
                    .collect(),
            })
            .collect(),
    }
}

fn row(row: &Row) -> Option<PastRow> {
    let summary = row.summary()?;
    let names = |people: &[_]| {
        let names: Vec<String> = people.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let decided = summary.decided.as_ref();
    Some(PastRow {
        id: row.id.to_string(),
        state: phase(summary.phase),
        risk: risk(summary.severity),
        kind: summary.kind.id().to_owned(),
        target: foreign(&summary.target, Tone::Plain),
        agent: summary.agent.to_string(),
        environment: summary.environment.to_string(),
        by: decided.map_or_else(|| "nobody".to_owned(), |decided| names(&decided.by)),
        at: decided
            .map_or(summary.created_at, |decided| decided.at)
            .to_string(),
        took: decided.map_or_else(
            || "–".to_owned(),
            |decided| took(decided.at.since(summary.created_at)),
        ),
    })
}

/// A stretch of time in words; what took no whole second took less than one.
fn took(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        "under 1s".to_owned()
    } else {
        span(time)
    }
}

fn wide(count: usize) -> u128 {
    u128::try_from(count).unwrap_or(u128::MAX)
}

/// The bar of a part of the longest; what is there at all is to be seen.
fn bar(part: u128, longest: u128) -> u32 {
    if part == 0 || longest == 0 {
        return 0;
    }
    u32::try_from(part.saturating_mul(WHOLE) / longest).map_or(1000, |bar| bar.clamp(8, 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_parts_of_the_longest_and_never_vanish() {
        assert_eq!(
            [bar(0, 9), bar(9, 9), bar(3, 9), bar(1, 1_000_000), bar(5, 0)],
            [0, 1000, 333, 8, 0]
        );
    }
}
