//! Where a request stands, and the words for it. What leads from one phase to the next is the state machine's.

use serde::{Deserialize, Serialize};

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Waits for decisions.
    Pending,
    /// Has its quorum, waits for the guard.
    Approved,
    /// A reviewer said no, or answered with a counter-proposal.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// The asker took it back.
    Withdrawn,
    /// Target, policy or directory moved away under it.
    Stale,
    /// The guard holds the grant. Consumed.
    Claimed,
    /// The guard started. Consumed.
    Executing,
    /// It ran and did what it should.
    Succeeded,
    /// It ran, or was rolled back, and did not.
    Failed,
    /// A part of it took effect.
    Partial,
    /// Nobody knows what took effect. Never run again by itself.
    Unknown,
    /// Policy alone let it run; only a record.
    Permitted,
    /// Policy alone forbade it; only a record.
    Forbidden,
}

impl Phase {
    /// Every phase, in the order of a request's life.
    pub const ALL: [Self; 14] = [
        Self::Pending,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Withdrawn,
        Self::Stale,
        Self::Claimed,
        Self::Executing,
        Self::Succeeded,
        Self::Failed,
        Self::Partial,
        Self::Unknown,
        Self::Permitted,
        Self::Forbidden,
    ];

    /// The word that lists and logs use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Stale => "stale",
            Self::Claimed => "claimed",
            Self::Executing => "executing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
            Self::Permitted => "permitted",
            Self::Forbidden => "forbidden",
        }
    }

    /// What a sentence says of a request: "the request …".
    #[must_use]
    pub const fn said(self) -> &'static str {
        match self {
            Self::Pending => "is pending",
            Self::Approved => "is approved",
            Self::Denied => "is denied",
            Self::Expired => "has expired",
            Self::Withdrawn => "is withdrawn",
            Self::Stale => "is stale: what it was about has changed",
            Self::Claimed => "is claimed by its guard",
            Self::Executing => "runs now",
            Self::Succeeded => "has succeeded",
            Self::Failed => "has failed",
            Self::Partial => "took effect in part",
            Self::Unknown => "ended, and nobody knows how",
            Self::Permitted => "is permitted without review",
            Self::Forbidden => "is forbidden by policy",
        }
    }

    /// The phase with this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.word() == word)
    }

    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Approved | Self::Claimed | Self::Executing => false,
            Self::Denied
            | Self::Expired
            | Self::Withdrawn
            | Self::Stale
            | Self::Succeeded
            | Self::Failed
            | Self::Partial
            | Self::Unknown
            | Self::Permitted
            | Self::Forbidden => true,
        }
    }

    /// Whether decisions can still be given.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }
}
