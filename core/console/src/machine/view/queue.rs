//! The queue as it is drawn.

use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use serde::Serialize;

use super::super::Moment;
use super::super::queue::{Lane, Queue};
use super::super::state::{Row, RowContent, State};
use super::piece::{Piece, Text, Tone, foreign, left, risk, written};
use super::talk::looking;

/// The queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct QueueView {
    /// The rows of the window.
    pub rows: Vec<QueueRow>,
    /// Rows that pass the filter.
    pub passing: usize,
    /// Rows in all.
    pub total: usize,
    /// Whether more of them are still on their way.
    pub more: bool,
    /// The lanes, each with its title and how many it holds, and whether it is shown.
    pub lanes: Vec<(&'static str, usize, bool)>,
    /// How the rows are ordered.
    pub order: &'static str,
    /// What to know of the request under the cursor before it is read.
    pub selected: Text,
    /// The place of the cursor among those that pass.
    pub cursor: usize,
    /// The filter, where there is one.
    pub filter: Option<Text>,
    /// Whether the filter is being written.
    pub filtering: bool,
    /// What to say where no row is.
    pub empty: Vec<Text>,
    /// Why the last load failed.
    pub trouble: Option<Text>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct QueueRow {
    /// The request.
    pub id: String,
    /// The group that begins with it.
    pub group: Option<String>,
    /// Whether the cursor is on it.
    pub selected: bool,
    /// Whether it is marked, to be decided with others.
    pub marked: bool,
    /// Whether its request statement is signed by the pinned backend.
    pub believed: bool,
    /// Where it stands.
    pub state: Piece,
    /// How bad it is, by sign and word.
    pub risk: Piece,
    /// What sort of change it is.
    pub kind: Piece,
    /// What it acts on, or why it is refused.
    pub target: Text,
    /// Who asks.
    pub agent: String,
    /// Where it takes effect.
    pub environment: String,
    /// How long it can be decided.
    pub left: Piece,
    /// Approvals given, of those it takes.
    pub needs: Piece,
    /// Whether this person can decide it.
    pub yours: Piece,
    /// Who else looks at it now.
    pub looking: Option<String>,
}

/// The rows from `first` on, at most `count`.
#[must_use]
pub fn queue(state: &State, now: Moment, first: usize, count: usize) -> QueueView {
    let queue = &state.queue;
    let rows = (first..queue.passing.len().min(first.saturating_add(count)))
        .filter_map(|place| {
            queue.row(place).map(|shown| QueueRow {
                group: if place == first || begins_group(queue, place, now) {
                    group(queue, place, now).map(|group| format!("{} {group}", queue.order.word()))
                } else {
                    None
                },
                looking: looking(state, shown.id),
                marked: state.marked.contains(&shown.id),
                ..row(&shown, place == queue.cursor, now)
            })
        })
        .collect();
    let filter = (queue.filtering || !queue.filter.is_empty()).then(|| written(&queue.filter, Tone::Strong));
    QueueView {
        rows,
        passing: queue.passing.len(),
        total: queue.rows.len(),
        more: queue.more,
        lanes: Lane::ALL
            .into_iter()
            .map(|lane| (lane.title(), queue.count(lane), lane == queue.lane))
            .collect(),
        order: queue.order.word(),
        selected: about(state, now),
        cursor: queue.cursor,
        filter,
        filtering: queue.filtering,
        empty: empty(state),
        trouble: queue
            .trouble
            .as_ref()
            .map(|trouble| foreign(&trouble.message, Tone::Bad)),
    }
}

/// The rows of the whole queue that answer a text, whatever is shown of it; at most `most`.
#[must_use]
pub fn find(state: &State, now: Moment, text: &str, most: usize) -> Vec<QueueRow> {
    let found = state.queue.find(text, most);
    found.iter().map(|one| row(one, false, now)).collect()
}

/// Whether another group begins at a place than the one before it is in.
#[must_use]
pub fn begins_group(queue: &Queue, place: usize, now: Moment) -> bool {
    let of = |place: usize| group(queue, place, now);
    let own = of(place);
    own.is_some() && place.checked_sub(1).is_none_or(|before| of(before) != own)
}

/// The group of a row. What is searched for stands in the order of how well it fits, in no groups.
fn group(queue: &Queue, place: usize, now: Moment) -> Option<&str> {
    if queue.filter.trim().is_empty() {
        queue.group(place, now.wall)
    } else {
        None
    }
}

fn with_looking(mut text: Text, looking: Option<String>) -> Text {
    if let Some(people) = looking {
        text.push(Piece::new(format!("  Also looking: {people}."), Tone::Hunk));
    }
    text
}

/// About the request under the cursor, and how many are marked.
fn about(state: &State, now: Moment) -> Text {
    let mut text = state
        .queue
        .selected()
        .map(|row| {
            let mut said = selected(&row, now);
            said.extend(remembered(state, &row, now));
            with_looking(said, looking(state, row.id))
        })
        .unwrap_or_default();
    match state.marked.len() {
        0 => {}
        1 => text.push(Piece::new(
            format!("   1 marked; mark another with {}", state.keys.mark),
            Tone::Match,
        )),
        count => text.push(Piece::new(
            format!(
                "   {count} marked; {} reads them together",
                state.keys.read_marked
            ),
            Tone::Match,
        )),
    }
    text
}

/// What policy asks of the person who signs is known once the request is open; that it may ask for more is said here.
fn remembered(state: &State, row: &Row, now: Moment) -> Option<Piece> {
    let key = state.trust.as_ref()?.key.as_ref()?;
    let summary = row.summary()?;
    let mine = Lane::of(summary, now.wall) == Lane::Mine && !summary.weak_key;
    let text = "  Your key's PIN is remembered, which policy may refuse: open it to see.";
    (mine && key.pin_remembered).then(|| Piece::new(text, Tone::Warn))
}

fn selected(row: &Row, now: Moment) -> Text {
    let Some(summary) = row.summary() else {
        return vec![Piece::new(
            "✗ Not believed: open it to see what is wrong.",
            Tone::Bad,
        )];
    };
    match (Lane::of(summary, now.wall), &summary.why_not) {
        (Lane::Mine, _) if summary.weak_key => vec![
            Piece::new("! You can deny this, but not approve it: ", Tone::Warn),
            Piece::new(
                "your key counts as software, and every approval this needs has to come from one in hardware",
                Tone::Plain,
            ),
        ],
        (Lane::Mine, _) => vec![Piece::new("✓ You can decide this.", Tone::Good)],
        (Lane::Expired, _) if summary.phase.is_open() => {
            vec![Piece::new(
                "Expired: nothing can be decided any more; the agent has to ask again.",
                Tone::Faint,
            )]
        }
        (Lane::Others, None) => vec![Piece::new("Approved: it waits for its guard.", Tone::Faint)],
        (Lane::Others, Some(why)) if summary.phase == Phase::Pending => vec![
            Piece::new("✗ You cannot decide this: ", Tone::Warn),
            Piece::new(why.clone(), Tone::Plain),
        ],
        _ => vec![Piece::new(
            format!("This request {}.", summary.phase.said()),
            Tone::Faint,
        )],
    }
}

fn row(row: &Row, selected: bool, now: Moment) -> QueueRow {
    let summary = match &row.content {
        RowContent::Verified(summary) => summary,
        RowContent::Refused(problems) => return refused(row.id, problems, selected),
    };
    let open = summary.phase.is_open() && now.wall < summary.expires_at;
    let faint = |tone| if open { tone } else { Tone::Faint };
    let mut risk = risk(summary.severity);
    risk.tone = faint(risk.tone);
    QueueRow {
        id: row.id.to_string(),
        group: None,
        selected,
        marked: false,
        believed: true,
        state: phase(summary.phase),
        risk,
        kind: Piece::new(summary.kind.id(), faint(Tone::Plain)),
        target: foreign(&summary.target, faint(Tone::Plain)),
        agent: summary.agent.to_string(),
        environment: summary.environment.to_string(),
        left: if open {
            left(summary.expires_at, now.wall)
        } else {
            Piece::new("–", Tone::Faint)
        },
        needs: Piece::new(
            format!("{} of {}", summary.approved_by.len(), summary.needs),
            faint(Tone::Plain),
        ),
        yours: match &summary.why_not {
            None if open && summary.weak_key => Piece::new("deny", Tone::Warn),
            None if open => Piece::new("yes", Tone::Good),
            Some(_) | None => Piece::new("no", Tone::Faint),
        },
        looking: None,
    }
}

fn refused(id: RequestId, problems: &[super::super::state::Trouble], selected: bool) -> QueueRow {
    let mut target = vec![Piece::new("not believed: ", Tone::Bad)];
    match problems.first() {
        Some(problem) => target.extend(foreign(&problem.message, Tone::Plain)),
        None => target.push(Piece::new("its evidence could not be verified", Tone::Plain)),
    }
    let none = || Piece::new("–", Tone::Faint);
    QueueRow {
        id: id.to_string(),
        group: None,
        selected,
        marked: false,
        believed: false,
        state: Piece::new("refused", Tone::Bad),
        risk: Piece::new("? unknown", Tone::Bad),
        kind: none(),
        target,
        agent: "–".to_owned(),
        environment: "–".to_owned(),
        left: none(),
        needs: none(),
        yours: Piece::new("no", Tone::Faint),
        looking: None,
    }
}

/// A phase by its word.
pub(super) fn phase(phase: Phase) -> Piece {
    let tone = match phase {
        Phase::Pending => Tone::Strong,
        Phase::Approved | Phase::Succeeded | Phase::Permitted => Tone::Good,
        Phase::Denied | Phase::Failed | Phase::Forbidden | Phase::Unknown | Phase::Partial => Tone::Bad,
        Phase::Stale | Phase::Claimed | Phase::Executing => Tone::Warn,
        Phase::Expired | Phase::Withdrawn => Tone::Faint,
    };
    Piece::new(phase.word(), tone)
}

fn empty(state: &State) -> Vec<Text> {
    let line = |text: &str, tone| vec![Piece::new(text, tone)];
    let queue = &state.queue;
    if !queue.passing.is_empty() {
        Vec::new()
    } else if !queue.rows.is_empty() && queue.filter.trim().is_empty() {
        vec![
            line("Nothing is in this lane.", Tone::Plain),
            line(
                &format!("{} shows the next one.", state.keys.next_lane),
                Tone::Faint,
            ),
        ]
    } else if !queue.rows.is_empty() {
        vec![
            line("Nothing passes the filter.", Tone::Plain),
            line("Esc clears it.", Tone::Faint),
        ]
    } else if queue.loaded_at.is_none() {
        vec![line("Fetching and verifying requests …", Tone::Faint)]
    } else {
        vec![
            line("Nothing waits for you.", Tone::Plain),
            line("New requests appear here by themselves.", Tone::Faint),
        ]
    }
}
