//! The parts of the queue, and the orders of its rows.

use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;

use super::state::Summary;

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
        Self::where_it_stands(summary.phase, summary.why_not.is_none(), summary.expires_at, now)
    }

    pub(super) fn where_it_stands(
        phase: Phase,
        may_decide: bool,
        expires: Timestamp,
        now: Timestamp,
    ) -> Self {
        match phase {
            Phase::Expired | Phase::Withdrawn | Phase::Stale => Self::Expired,
            phase if phase.is_terminal() => Self::Decided,
            phase if phase.is_open() && now >= expires => Self::Expired,
            Phase::Pending if may_decide => Self::Mine,
            _ => Self::Others,
        }
    }

    /// Its place among all.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::All => 0,
            Self::Mine => 1,
            Self::Others => 2,
            Self::Decided => 3,
            Self::Expired => 4,
        }
    }
}

/// How rows are ordered. Those by environment and by agent always stand in groups.
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
}
