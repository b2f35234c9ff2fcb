//! The requests that are over, searched, and what they and the open ones come to in numbers.
//!
//! All of it is read from the rows of the queue: who decided, and when, is what the backend says. Nothing is decided by
//! it, and no more is known here than what the queue holds.

use std::cmp::Reverse;
use std::time::Duration;

use countersign_protocol::approval::Severity;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;

use super::fuzzy;
use super::queue::{Lane, Queue};
use super::search::Search;
use super::state::Row;

/// The longest text that is searched for, in bytes.
const MAX_TEXT: usize = 100;
/// Every severity, the worst first.
pub const SEVERITIES: [Severity; 5] = [
    Severity::Critical,
    Severity::High,
    Severity::Medium,
    Severity::Low,
    Severity::None,
];
/// Up to which age an open request is counted with others, and how that is said.
pub const AGES: [(Duration, &str); 4] = [
    (Duration::from_secs(3600), "under an hour"),
    (Duration::from_secs(86_400), "under a day"),
    (Duration::from_secs(604_800), "under a week"),
    (Duration::MAX, "older"),
];

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// In any way.
    #[default]
    Any,
    /// It was approved, and came to an end after that.
    Approved,
    /// It was denied.
    Denied,
    /// Nobody decided it: it expired, was withdrawn, or went stale.
    Undecided,
}

impl Ending {
    /// All, in the order shown.
    pub const ALL: [Self; 4] = [Self::Any, Self::Approved, Self::Denied, Self::Undecided];

    /// Its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Any => "All",
            Self::Approved => "Approved",
            Self::Denied => "Denied",
            Self::Undecided => "Not decided",
        }
    }

    const fn of(phase: Phase) -> Self {
        match phase {
            Phase::Denied => Self::Denied,
            Phase::Succeeded | Phase::Failed | Phase::Partial | Phase::Unknown => Self::Approved,
            _ => Self::Undecided,
        }
    }
}

/// What is looked for among the requests that are over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sought {
    /// Words that name an actor, a resource, a digest, a verdict, a kind, an environment.
    text: String,
    /// How they ended.
    pub ending: Ending,
}

impl Sought {
    /// Looks for words, of which too many are left out.
    #[must_use]
    pub fn new(text: &str, ending: Ending) -> Self {
        let mut length = 0;
        let fits = |c: &char| {
            length += c.len_utf8();
            length <= MAX_TEXT
        };
        let text = text
            .chars()
            .filter(|c| !c.is_control())
            .take_while(fits)
            .collect();
        Self { text, ending }
    }

    /// The words.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What was found: places among the rows, the newest first, and how many of each ending the words alone find.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    found: Vec<usize>,
    counts: [usize; Ending::ALL.len()],
}

/// How long decisions of one severity took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The severity.
    pub severity: Severity,
    /// How many were decided.
    pub count: usize,
    /// Half of them took at most this long.
    pub median: Duration,
    /// Nine in ten of them took at most this long.
    pub slow: Duration,
}

impl Past {
    /// Looks among the rows of a queue.
    #[must_use]
    pub fn of(queue: &Queue, sought: &Sought, now: Timestamp) -> Self {
        let words = fuzzy::words(&sought.text);
        let mut search = (!words.is_empty()).then(|| Search::new(words, queue.rows.names()));
        let mut past = Self::default();
        let mut found = Vec::new();
        for index in 0..queue.rows.len() {
            let over = matches!(queue.rows.lane(index, now), Some(Lane::Decided | Lane::Expired));
            let Some(passage) = queue.rows.passage(index).filter(|_| over) else {
                continue;
            };
            if let Some(search) = &mut search
                && queue
                    .rows
                    .searched(index)
                    .is_none_or(|row| search.score(&row).is_none())
            {
                continue;
            }
            let ending = Ending::of(passage.phase);
            for (count, counted) in past.counts.iter_mut().zip(Ending::ALL) {
                *count += usize::from(counted == Ending::Any || counted == ending);
            }
            if sought.ending == Ending::Any || sought.ending == ending {
                let ended = passage.decided.map_or(passage.created_at, |decided| decided.at);
                found.push((Reverse(ended), index));
            }
        }
        found.sort_unstable();
        past.found = found.into_iter().map(|(_, index)| index).collect();
        past
    }

    /// How many were found.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether none was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The row at a place.
    #[must_use]
    pub fn row(&self, queue: &Queue, place: usize) -> Option<Row> {
        queue.rows.row(*self.found.get(place)?)
    }

    /// How many of each ending the words alone find, in the order of [`Ending::ALL`].
    #[must_use]
    pub const fn counts(&self) -> [usize; Ending::ALL.len()] {
        self.counts
    }

    /// How long decisions took, from the asking to the last decision, by severity; of those that were found.
    #[must_use]
    pub fn paces(&self, queue: &Queue) -> Vec<Pace> {
        SEVERITIES
            .into_iter()
            .filter_map(|severity| {
                let mut times: Vec<Duration> = self
                    .found
                    .iter()
                    .filter_map(|index| queue.rows.passage(*index))
                    .filter(|passage| passage.severity == severity)
                    .filter_map(|passage| Some(passage.decided?.at.since(passage.created_at)))
                    .collect();
                times.sort_unstable();
                Some(Pace {
                    severity,
                    count: times.len(),
                    median: *times.get((times.len().checked_sub(1)?) / 2)?,
                    slow: *times.get((times.len() * 9).div_ceil(10) - 1)?,
                })
            })
            .collect()
    }
}

/// How many requests wait for people, by severity, the worst first, and by age in the order of [`AGES`].
#[must_use]
pub fn waiting(queue: &Queue, now: Timestamp) -> Vec<(Severity, [usize; AGES.len()])> {
    let mut all: Vec<(Severity, [usize; AGES.len()])> = SEVERITIES
        .into_iter()
        .map(|severity| (severity, [0; AGES.len()]))
        .collect();
    for index in 0..queue.rows.len() {
        let Some(passage) = queue.rows.passage(index) else {
            continue;
        };
        if passage.phase != Phase::Pending || now >= passage.expires_at {
            continue;
        }
        let age = now.since(passage.created_at);
        let counts = all.iter_mut().find(|(severity, _)| *severity == passage.severity);
        let place = AGES.iter().position(|(most, _)| age < *most);
        if let Some(count) = counts
            .zip(place)
            .and_then(|((_, counts), place)| counts.get_mut(place))
        {
            *count += 1;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use countersign_protocol::api::Decided;
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
    use countersign_protocol::identity::RequestId;
    use countersign_protocol::kind::Kind;

    use super::super::state::{RowContent, Summary};
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn row(number: u8, phase: Phase, severity: Severity, decided: Option<(u64, &str)>) -> Row {
        let summary = Summary {
            phase,
            severity,
            kind: Kind::named("iam").unwrap(),
            target: format!("file://web-{number}").as_str().into(),
            agent: format!("agent-{}", number % 2).parse().unwrap(),
            environment: "production".parse().unwrap(),
            created_at: Timestamp::from_millis(u64::from(number) * HOUR),
            expires_at: Timestamp::from_millis(u64::from(number) * HOUR + 2 * HOUR),
            needs: 1,
            hardware: 0,
            teams: 0,
            approved_by: Vec::new(),
            personal: false,
            why_not: None,
            weak_key: false,
            decided: decided.map(|(after, who)| Decided {
                at: Timestamp::from_millis(u64::from(number) * HOUR + after),
                by: vec![who.parse().unwrap()],
            }),
            digest_start: [number; 4],
        };
        Row {
            id: RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[number]))),
            change: 1,
            content: RowContent::Verified(Box::new(summary)),
        }
    }

    fn queue() -> Queue {
        let mut queue = Queue::default();
        let rows = vec![
            row(1, Phase::Succeeded, Severity::High, Some((60_000, "p-alex"))),
            row(2, Phase::Denied, Severity::High, Some((120_000, "p-kim"))),
            row(3, Phase::Expired, Severity::Low, None),
            row(4, Phase::Pending, Severity::Low, None),
            row(9, Phase::Pending, Severity::Critical, None),
        ];
        queue.replace(rows, Timestamp::from_millis(9 * HOUR));
        queue
    }

    fn found(text: &str, ending: Ending) -> Vec<String> {
        let (queue, sought) = (queue(), Sought::new(text, ending));
        let past = Past::of(&queue, &sought, Timestamp::from_millis(9 * HOUR));
        let target = |row: Row| row.summary().unwrap().target.escaped();
        (0..past.len())
            .map(|place| target(past.row(&queue, place).unwrap()))
            .collect()
    }

    #[test]
    fn what_is_over_is_found_by_actor_resource_digest_and_verdict_newest_first() {
        // The fourth ran out of time without anybody having said so yet.
        assert_eq!(
            found("", Ending::Any),
            ["file://web-4", "file://web-3", "file://web-2", "file://web-1"]
        );
        assert_eq!(found("p-kim", Ending::Any), ["file://web-2"]);
        assert_eq!(found("agent-1", Ending::Any), ["file://web-3", "file://web-1"]);
        assert_eq!(found("web-3", Ending::Any), ["file://web-3"]);
        assert_eq!(found("denied", Ending::Any), ["file://web-2"]);
        assert_eq!(found("02020202", Ending::Any), ["file://web-2"]);
        assert_eq!(found("agent-1", Ending::Approved), ["file://web-1"]);
        assert_eq!(found("", Ending::Undecided), ["file://web-4", "file://web-3"]);
        assert_eq!(found("nobody-at-all", Ending::Any), Vec::<String>::new());
    }

    #[test]
    fn endings_are_counted_whatever_is_chosen() {
        let sought = Sought::new("", Ending::Denied);
        let past = Past::of(&queue(), &sought, Timestamp::from_millis(9 * HOUR));
        assert_eq!(past.counts(), [4, 1, 1, 2]);
    }

    #[test]
    fn times_to_decide_are_counted_by_severity() {
        let queue = queue();
        let past = Past::of(&queue, &Sought::default(), Timestamp::from_millis(9 * HOUR));
        let expected = Pace {
            severity: Severity::High,
            count: 2,
            median: Duration::from_secs(60),
            slow: Duration::from_secs(120),
        };
        assert_eq!(past.paces(&queue), [expected]);
    }

    #[test]
    fn what_waits_is_counted_by_severity_and_age() {
        let all = waiting(&queue(), Timestamp::from_millis(10 * HOUR + HOUR / 2));
        assert_eq!(all.first(), Some(&(Severity::Critical, [0, 1, 0, 0])));
        assert!(
            all.iter()
                .skip(1)
                .all(|(_, counts)| counts.iter().all(|count| *count == 0))
        );
    }

    #[test]
    fn a_text_without_end_is_cut() {
        assert!(Sought::new(&"ü\n".repeat(1000), Ending::Any).text().len() <= MAX_TEXT);
    }
}
