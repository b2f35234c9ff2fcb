//! Facts about a request, each with its one origin.

use serde::{Deserialize, Serialize};

use crate::text::{Line, Prose};

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The agent claims it. Believe it as far as you believe the agent.
    Claimed,
    /// The guard observed it.
    Observed,
    /// The backend looked it up. It may tighten the answer, never loosen it.
    LookedUp,
    /// It was computed here from verified bytes.
    Computed,
}

impl Origin {
    /// The words under which every surface shows it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Claimed => "claimed by the agent",
            Self::Observed => "observed by the guard",
            Self::LookedUp => "looked up by the backend",
            Self::Computed => "computed here",
        }
    }
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Who says so.
    pub origin: Origin,
    /// What it is about.
    pub name: Line,
    /// What is said.
    pub value: Prose,
}
