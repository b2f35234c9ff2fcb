//! What the journal holds of requests: where they stand, how they ended, what they need.

use countersign_protocol::action::ArtifactRef;
use countersign_protocol::identity::{AgentId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::Phase;
use countersign_protocol::signed::Envelope;

use super::JournalError;

/// Where a request stands in this guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Proposed; nothing has run.
    Waiting,
    /// Used up; a result is not yet known.
    Executing,
    /// Over.
    Ended,
}

/// A request as the journal keeps it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub id: RequestId,
    /// The agent that asked.
    pub agent: AgentId,
    /// The proposal that this guard signed.
    pub proposal: Envelope,
    /// Where it stands.
    pub stage: Stage,
    /// Whether it goes on without a client.
    pub ticket: bool,
    /// How it ended.
    pub end: Option<End>,
    /// What gave the right to run it, once it was used up: a JSON document of [`crate::enforce`].
    pub authority: Option<Vec<u8>>,
    /// When it was used up.
    pub started_at: Option<Timestamp>,
    /// When the guard caught it.
    pub created_at: Timestamp,
    /// After this nothing runs.
    pub expires_at: Timestamp,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The last phase.
    pub phase: Phase,
    /// The exit code for its client.
    pub code: u8,
    /// What happened.
    pub message: String,
}

/// The last part of what a process wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tails {
    /// Of standard output.
    pub stdout: Vec<u8>,
    /// Of standard error.
    pub stderr: Vec<u8>,
}

/// A counter-proposal to a request of this guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCounter {
    /// What the agent is told of it: a JSON document of [`crate::socket`].
    pub told: Vec<u8>,
    /// The request that came of it.
    pub accepted: Option<RequestId>,
}

/// A proposal to keep.
#[derive(Debug)]
pub struct NewRequest<'a> {
    /// Its request's id.
    pub id: RequestId,
    /// The agent.
    pub agent: &'a AgentId,
    /// The signed proposal.
    pub proposal: &'a Envelope,
    /// Whether it goes on without a client.
    pub ticket: bool,
    /// The request whose counter-proposal it is.
    pub accepts: Option<RequestId>,
    /// The artifacts that it needs.
    pub held: &'a [ArtifactRef],
    /// When the guard caught it.
    pub created_at: Timestamp,
    /// After this nothing runs.
    pub expires_at: Timestamp,
}

impl Entry {
    /// A row of the table of requests.
    pub(super) fn of(row: &rusqlite::Row<'_>) -> Result<Self, JournalError> {
        let id: String = row.get(0)?;
        let damaged = || JournalError::Damaged(id.clone());
        let agent: String = row.get(1)?;
        let proposal: Vec<u8> = row.get(2)?;
        let stage: String = row.get(3)?;
        let phase: Option<String> = row.get(5)?;
        let end = match (
            phase,
            row.get::<_, Option<u8>>(6)?,
            row.get::<_, Option<String>>(7)?,
        ) {
            (Some(phase), Some(code), Some(message)) => Some(End {
                phase: Phase::named(&phase).ok_or_else(damaged)?,
                code,
                message,
            }),
            _ => None,
        };
        Ok(Self {
            id: id.parse().map_err(|_| damaged())?,
            agent: agent.parse().map_err(|_| damaged())?,
            proposal: Envelope::from_json(&proposal).map_err(|_| damaged())?,
            stage: match stage.as_str() {
                "waiting" => Stage::Waiting,
                "executing" => Stage::Executing,
                "ended" => Stage::Ended,
                _ => return Err(damaged()),
            },
            ticket: row.get(4)?,
            end,
            authority: row.get(8)?,
            started_at: row.get::<_, Option<i64>>(9)?.map(timestamp),
            created_at: timestamp(row.get(10)?),
            expires_at: timestamp(row.get(11)?),
        })
    }
}

pub(super) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or_default())
}
