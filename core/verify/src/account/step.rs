//! The steps of the chain: their names, what is checked of each, and which one a problem is about.

/// The code of a problem with the root itself: it is not the one that is pinned.
pub(crate) const UNTRUSTED: &str = "untrusted-root";

/// A step of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Whom everything else is trusted by.
    Root,
    /// People, keys, agents and guards.
    Directory,
    /// What may run, and what it takes.
    Policy,
    /// What the guard asked for.
    Proposal,
    /// What the backend held for people to decide.
    Request,
    /// The bytes that it is about.
    Documents,
    /// What the rules find in them.
    Findings,
    /// What policy asks of people.
    Rule,
    /// The record that nobody can bend afterwards.
    Log,
    /// What people answered.
    Decisions,
    /// What was proposed instead.
    CounterProposals,
    /// The one permission to run it.
    Grant,
    /// How it ended.
    Outcome,
}

impl Step {
    /// All, in the order of their making.
    pub const ALL: [Self; 13] = [
        Self::Root,
        Self::Directory,
        Self::Policy,
        Self::Proposal,
        Self::Request,
        Self::Documents,
        Self::Findings,
        Self::Rule,
        Self::Log,
        Self::Decisions,
        Self::CounterProposals,
        Self::Grant,
        Self::Outcome,
    ];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Directory => "directory",
            Self::Policy => "policy",
            Self::Proposal => "proposal",
            Self::Request => "request",
            Self::Documents => "documents",
            Self::Findings => "findings",
            Self::Rule => "approval rule",
            Self::Log => "log",
            Self::Decisions => "decisions",
            Self::CounterProposals => "counter-proposals",
            Self::Grant => "grant",
            Self::Outcome => "outcome",
        }
    }

    /// What was checked of it.
    #[must_use]
    pub const fn checked(self) -> &'static str {
        match self {
            Self::Root => "it is the pinned one, and each later one is signed by old and new owners",
            Self::Directory => "signed by as many of its owners as the root asks for",
            Self::Policy => "signed by as many of its owners as the root asks for",
            Self::Proposal => "signed by the guard that asks, by a key that counted then",
            Self::Request => "signed by the backend, and about exactly this proposal",
            Self::Documents => "every document is byte for byte the one that is named",
            Self::Findings => "risk and sheet come out the same when they are computed from the same bytes",
            Self::Rule => "policy asks for exactly this when it is asked again",
            Self::Log => {
                "signed by the log, holds every statement at its place, hides none about this request"
            }
            Self::Decisions => {
                "signed by the reviewer's own key, about exactly this request, action and sheet"
            }
            Self::CounterProposals => "signed by the reviewer's own key, and tied to what it answers",
            Self::Grant => "signed by the backend, for this guard alone, on decisions that count",
            Self::Outcome => "signed by the guard that ran it, about exactly this grant",
        }
    }

    /// The step that a problem is about, by its code; what is ambiguous is said where it is found.
    pub(crate) fn of(code: &str) -> Self {
        match code {
            UNTRUSTED | "invalid-root" | "older-root" | "expired-root" => Self::Root,
            "invalid-directory" | "older-directory" | "expired-directory" => Self::Directory,
            "invalid-policy" | "older-policy" | "expired-policy" => Self::Policy,
            "invalid-proposal" | "guard-key" | "time" => Self::Proposal,
            "invalid-amendment" => Self::CounterProposals,
            "incomplete" | "artifact-differs" => Self::Documents,
            "findings-differ" | "drift-differs" | "severity-differs" | "no-sheet" | "unknown-ruleset" => {
                Self::Findings
            }
            "rule-differs" => Self::Rule,
            "log" | "log-fork" | "log-behind" | "not-logged" | "hidden-entry" => Self::Log,
            "invalid-decision" | "too-large" => Self::Decisions,
            "invalid-grant" | "grant-differs" | "grant-time" | "no-quorum" | "not-granted" => Self::Grant,
            "invalid-receipt" | "ran-something-else" | "invalid-withdrawal" => Self::Outcome,
            _ => Self::Request,
        }
    }
}
