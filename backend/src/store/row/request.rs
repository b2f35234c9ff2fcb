//! Requests: where each stands, and what was asked before.

use std::collections::BTreeSet;

use countersign_protocol::api::ChangeSubject;
use countersign_protocol::approval::Severity;
use countersign_protocol::digest::{ActionDigest, DirectoryDigest, PolicyDigest};
use countersign_protocol::identity::{AgentId, GuardId, RequestId};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::{Phase, RequestState};
use rusqlite::{Connection, ToSql, params};
use serde::{Deserialize, Serialize};

use super::{announce, decode, encode, parsed};
use crate::log::tree::{int, uint};
use crate::store::StoreError;

/// What the findings of a request came to, as policy is asked about them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The rules that fired and count.
    pub findings: BTreeSet<String>,
    /// The worst of them.
    pub severity: Severity,
    /// How long the sheet is.
    pub sheet_lines: usize,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place in the queue.
    pub seq: u64,
    /// Its id.
    pub id: RequestId,
    /// Where it stands.
    pub state: RequestState,
    /// Its newest change.
    pub change: u64,
    /// The guard that proposed.
    pub guard: GuardId,
    /// The agent that asks.
    pub agent: AgentId,
    /// The directory it was judged under.
    pub directory: DirectoryDigest,
    /// The policy it was judged under.
    pub policy: PolicyDigest,
    /// What its findings came to.
    pub judged: Judged,
    /// When it was held.
    pub created: Timestamp,
}

const ENTRY: &str =
    "SELECT seq, id, state, change, guard, agent, directory, policy, judged, created FROM requests";

/// A request that is new to the store.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Its state.
    pub state: &'a RequestState,
    /// The guard that proposed.
    pub guard: &'a GuardId,
    /// The agent that asks.
    pub agent: &'a AgentId,
    /// The directory it was judged under.
    pub directory: DirectoryDigest,
    /// The policy it was judged under.
    pub policy: PolicyDigest,
    /// What its findings came to.
    pub judged: &'a Judged,
}

/// Keeps a new request.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn insert_request(conn: &Connection, new: &NewEntry<'_>, now: Timestamp) -> Result<(), StoreError> {
    let (terms, phase) = (new.state.terms(), new.state.phase());
    let change = announce(
        conn,
        Some(new.guard),
        &ChangeSubject::Request { id: terms.id, phase },
        now,
    )?;
    conn.prepare_cached(
        "INSERT INTO requests (id, phase, state, change, guard, agent, action, directory, policy, judged, created, \
         changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)",
    )?
    .execute(params![
        terms.id.to_string(),
        phase.word(),
        encode(new.state)?,
        int(change),
        new.guard.as_str(),
        new.agent.as_str(),
        terms.action_digest.to_string(),
        new.directory.to_string(),
        new.policy.to_string(),
        encode(new.judged)?,
        int(now.millis()),
    ])?;
    Ok(())
}

/// Keeps a request's next state.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn update_request(
    conn: &Connection,
    entry: &mut Entry,
    state: RequestState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let subject = ChangeSubject::Request {
        id: entry.id,
        phase: state.phase(),
    };
    entry.change = announce(conn, Some(&entry.guard), &subject, now)?;
    entry.state = state;
    let changed = conn
        .prepare_cached(
            "UPDATE requests SET phase = ?2, state = ?3, change = ?4, changed = ?5 WHERE id = ?1",
        )?
        .execute(params![
            entry.id.to_string(),
            entry.state.phase().word(),
            encode(&entry.state)?,
            int(entry.change),
            int(now.millis()),
        ])?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Corrupt(format!("request {} is not there", entry.id)))
    }
}

/// Tells those who watch to look at a request again whose state is as before.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn announce_again(conn: &Connection, entry: &mut Entry, now: Timestamp) -> Result<(), StoreError> {
    let subject = ChangeSubject::Request {
        id: entry.id,
        phase: entry.state.phase(),
    };
    entry.change = announce(conn, Some(&entry.guard), &subject, now)?;
    conn.prepare_cached("UPDATE requests SET change = ?2 WHERE id = ?1")?
        .execute(params![entry.id.to_string(), int(entry.change)])?;
    Ok(())
}

/// The request with this id.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn request(conn: &Connection, id: &RequestId) -> Result<Option<Entry>, StoreError> {
    Ok(entries(conn, "WHERE id = ?1", &[&id.to_string()])?
        .into_iter()
        .next())
}

/// Requests that wait for decisions or for the guard.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn open_requests(conn: &Connection) -> Result<Vec<Entry>, StoreError> {
    entries(conn, "WHERE phase IN ('pending', 'approved') ORDER BY seq", &[])
}

/// What a page of the queue is about.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of this guard.
    pub guard: Option<GuardId>,
    /// Only in this phase.
    pub phase: Option<Phase>,
    /// Only of this agent.
    pub agent: Option<AgentId>,
    /// Only older ones than this place in the queue.
    pub before: Option<u64>,
    /// Only those that changed after this change, in the order of their changes.
    pub since: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// A page of the queue: newest first, or in the order of the changes.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn page(conn: &Connection, wanted: &Wanted) -> Result<Vec<Entry>, StoreError> {
    let guard = wanted.guard.as_ref().map(GuardId::as_str);
    let phase = wanted.phase.map(Phase::word);
    let agent = wanted.agent.as_ref().map(AgentId::as_str);
    let (before, since) = (wanted.before.map(int), wanted.since.map(int));
    // Only what is asked for stands in the statement, so that the index that fits it is used.
    let conditions: [(&str, Option<&dyn ToSql>); 5] = [
        ("guard = ?", guard.as_ref().map(|value| value as &dyn ToSql)),
        ("phase = ?", phase.as_ref().map(|value| value as &dyn ToSql)),
        ("agent = ?", agent.as_ref().map(|value| value as &dyn ToSql)),
        ("seq < ?", before.as_ref().map(|value| value as &dyn ToSql)),
        ("change > ?", since.as_ref().map(|value| value as &dyn ToSql)),
    ];
    let asked = conditions
        .into_iter()
        .filter_map(|(condition, value)| Some((condition, value?)));
    let (conditions, mut with): (Vec<&str>, Vec<&dyn ToSql>) = asked.unzip();
    let which = if conditions.is_empty() {
        String::new()
    } else {
        format!("WHERE {}", conditions.join(" AND "))
    };
    let order = if since.is_some() { "change" } else { "seq DESC" };
    with.push(&wanted.limit);
    entries(conn, &format!("{which} ORDER BY {order} LIMIT ?"), &with)
}

fn entries(conn: &Connection, which: &str, with: &[&dyn ToSql]) -> Result<Vec<Entry>, StoreError> {
    let mut rows = conn.prepare_cached(&format!("{ENTRY} {which}"))?;
    let mut found = rows.query(with)?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(Entry {
            seq: uint(row.get(0)?),
            id: parsed(row, 1)?,
            state: decode(&row.get::<_, Vec<u8>>(2)?)?,
            change: uint(row.get(3)?),
            guard: parsed(row, 4)?,
            agent: parsed(row, 5)?,
            directory: parsed(row, 6)?,
            policy: parsed(row, 7)?,
            judged: decode(&row.get::<_, Vec<u8>>(8)?)?,
            created: Timestamp::from_millis(uint(row.get(9)?)),
        });
    }
    Ok(all)
}

/// What an agent has asked so far.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Requests that are open.
    pub open: u64,
    /// Proposals since a moment.
    pub recent: u64,
    /// When the oldest of those came.
    pub oldest: Option<Timestamp>,
}

/// Counts what an agent has open, and what it proposed since `since`.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn asked(conn: &Connection, agent: &AgentId, since: Timestamp) -> Result<Asked, StoreError> {
    let open: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM requests WHERE agent = ?1 AND phase IN ('pending', 'approved')",
        )?
        .query_row([agent.as_str()], |row| row.get(0))?;
    let (recent, oldest): (i64, Option<i64>) = conn
        .prepare_cached(
            "SELECT count(*), min(at) FROM (SELECT created AS at FROM requests WHERE agent = ?1 AND created > ?2 \
             UNION ALL SELECT at FROM verdicts WHERE agent = ?1 AND at > ?2 AND phase = 'forbidden')",
        )?
        .query_row(params![agent.as_str(), int(since.millis())], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Asked {
        open: uint(open),
        recent: uint(recent),
        oldest: oldest.map(|at| Timestamp::from_millis(uint(at))),
    })
}

/// The newest earlier asking of the same action: its id, phase, and when that phase came.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn earlier(
    conn: &Connection,
    action: &ActionDigest,
) -> Result<Option<(RequestId, String, Timestamp)>, StoreError> {
    let mut rows = conn.prepare_cached(
        "SELECT id, phase, changed FROM requests WHERE action = ?1 ORDER BY seq DESC LIMIT 1",
    )?;
    let mut found = rows.query([action.to_string()])?;
    match found.next()? {
        Some(row) => Ok(Some((
            parsed(row, 0)?,
            row.get(1)?,
            Timestamp::from_millis(uint(row.get(2)?)),
        ))),
        None => Ok(None),
    }
}

/// When the same action was last denied.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn denied_at(conn: &Connection, action: &ActionDigest) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = conn
        .prepare_cached("SELECT max(changed) FROM requests WHERE action = ?1 AND phase = 'denied'")?
        .query_row([action.to_string()], |row| row.get(0))?;
    Ok(at.map(|at| Timestamp::from_millis(uint(at))))
}
