//! Rows of the store as the types they stand for.

use std::collections::{BTreeMap, BTreeSet};

use countersign_protocol::api::{Change, ChangeSubject};
use countersign_protocol::approval::Severity;
use countersign_protocol::bundle::{Artifact, Logged};
use countersign_protocol::canonical;
use countersign_protocol::digest::{
    ActionDigest, ArtifactDigest, DirectoryDigest, PolicyDigest, Sha256Digest,
};
use countersign_protocol::identity::{AgentId, GuardId, RequestId};
use countersign_protocol::log::{EntryType, Leaf, Salt};
use countersign_protocol::moment::Timestamp;
use countersign_protocol::request::{Phase, RequestState};
use countersign_protocol::signed::Envelope;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::key;
use crate::log::tree::{int, uint};

/// What sort of statement a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A root.
    Root,
    /// A directory.
    Directory,
    /// A policy bundle.
    Policy,
    /// A proposal; the log only knows its request.
    Proposal,
    /// A request.
    Request,
    /// A decision.
    Decision,
    /// A withdrawal.
    Withdrawal,
    /// A grant.
    Grant,
    /// A receipt.
    Receipt,
    /// A verdict that needed no human.
    Verdict,
}

impl Sort {
    /// The word in the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Directory => "directory",
            Self::Policy => "policy",
            Self::Proposal => "proposal",
            Self::Request => "request",
            Self::Decision => "decision",
            Self::Withdrawal => "withdrawal",
            Self::Grant => "grant",
            Self::Receipt => "receipt",
            Self::Verdict => "verdict",
        }
    }
}

/// A statement to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Filing<'a> {
    /// What sort it is.
    pub sort: Sort,
    /// The request it belongs to.
    pub request: Option<&'a RequestId>,
    /// The version, of roots, directories and policies.
    pub version: Option<u64>,
    /// The envelope as it came.
    pub envelope: &'a Envelope,
    /// How it enters the log, where it does.
    pub entry: Option<EntryType>,
}

/// A statement that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The envelope as it came.
    pub envelope: Envelope,
    /// The salt of its commitment.
    pub salt: Salt,
    /// Its index in the log.
    pub index: Option<u64>,
    /// The version, of roots, directories and policies.
    pub version: u64,
}

impl Kept {
    /// As evidence under a checkpoint of `size` shows it.
    #[must_use]
    pub fn logged(self, size: u64) -> Logged {
        Logged {
            envelope: self.envelope,
            salt: self.salt,
            index: self.index.filter(|index| *index < size),
        }
    }
}

/// What the findings of a request came to, as policy is asked about them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The rules that fired and count.
    pub findings: BTreeSet<String>,
    /// The worst of them.
    pub severity: Severity,
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

/// Keeps a statement, and puts its leaf into the outbox where it belongs in the log.
///
/// # Errors
/// [`StoreError`]; one that is kept already is refused.
pub fn file(conn: &Connection, filing: &Filing<'_>, now: Timestamp) -> Result<(), StoreError> {
    let salt = Salt::from_random(key::random().map_err(|error| StoreError::Corrupt(error.to_string()))?);
    let envelope = encode(filing.envelope)?;
    conn.prepare_cached(
        "INSERT INTO statements (kind, request, digest, version, envelope, salt) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        filing.sort.word(),
        filing.request.map(ToString::to_string),
        filing.envelope.payload_digest().to_string(),
        filing.version.map(int),
        envelope,
        text_of(&salt)?,
    ])?;
    let statement = conn.last_insert_rowid();
    if let Some(entry) = filing.entry {
        let leaf = Leaf::new(entry, filing.request.copied(), filing.envelope, &salt, now)
            .and_then(|leaf| leaf.to_bytes())
            .map_err(|error| StoreError::Corrupt(error.to_string()))?;
        conn.prepare_cached("INSERT INTO leaves (statement, bytes) VALUES (?1, ?2)")?
            .execute(params![statement, leaf])?;
    }
    Ok(())
}

/// A statement by the digest of its signed bytes.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn statement(conn: &Connection, sort: Sort, digest: &Sha256Digest) -> Result<Option<Kept>, StoreError> {
    let found = kept(conn, "s.digest = ?2", &[&sort.word(), &digest.to_string()])?;
    Ok(found.into_iter().next())
}

/// The statements of a request, in the order they came.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn statements(conn: &Connection, sort: Sort, request: &RequestId) -> Result<Vec<Kept>, StoreError> {
    kept(conn, "s.request = ?2", &[&sort.word(), &request.to_string()])
}

/// The first statement of a request.
///
/// # Errors
/// [`StoreError`] when the store fails or there is none.
pub fn the_statement(conn: &Connection, sort: Sort, request: &RequestId) -> Result<Kept, StoreError> {
    let found = statements(conn, sort, request)?.into_iter().next();
    found.ok_or_else(|| StoreError::Corrupt(format!("request {request} has no {}", sort.word())))
}

/// Every version of a trust document from `from` on.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn versions(conn: &Connection, sort: Sort, from: u64) -> Result<Vec<Kept>, StoreError> {
    let mut all = kept(conn, "s.version >= ?2", &[&sort.word(), &int(from)])?;
    all.sort_by_key(|kept| kept.version);
    Ok(all)
}

fn kept(conn: &Connection, which: &str, with: &[&dyn ToSql]) -> Result<Vec<Kept>, StoreError> {
    let mut rows = conn.prepare_cached(&format!(
        "SELECT s.envelope, s.salt, l.idx, s.version FROM statements s LEFT JOIN leaves l ON l.statement = s.id \
         WHERE s.kind = ?1 AND {which} ORDER BY s.id"
    ))?;
    let mut found = rows.query(with)?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(Kept {
            envelope: decode(&row.get::<_, Vec<u8>>(0)?)?,
            salt: decode(row.get::<_, String>(1)?.as_bytes())?,
            index: row.get::<_, Option<i64>>(2)?.map(uint),
            version: row.get::<_, Option<i64>>(3)?.map_or(0, uint),
        });
    }
    Ok(all)
}

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
    /// At most so many.
    pub limit: u32,
}

/// A page of the queue, newest first.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn page(conn: &Connection, wanted: &Wanted) -> Result<Vec<Entry>, StoreError> {
    entries(
        conn,
        "WHERE (?1 IS NULL OR guard = ?1) AND (?2 IS NULL OR phase = ?2) AND (?3 IS NULL OR agent = ?3) \
         AND (?4 IS NULL OR seq < ?4) ORDER BY seq DESC LIMIT ?5",
        &[
            &wanted.guard.as_ref().map(GuardId::as_str),
            &wanted.phase.map(Phase::word),
            &wanted.agent.as_ref().map(AgentId::as_str),
            &wanted.before.map(int),
            &wanted.limit,
        ],
    )
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

/// Keeps a request's artifacts.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn insert_artifacts(
    conn: &Connection,
    request: &RequestId,
    artifacts: &BTreeMap<ArtifactDigest, Artifact>,
) -> Result<(), StoreError> {
    for (digest, artifact) in artifacts {
        conn.prepare_cached("INSERT OR IGNORE INTO artifacts (digest, bytes) VALUES (?1, ?2)")?
            .execute(params![digest.to_string(), artifact.0])?;
        conn.prepare_cached("INSERT INTO request_artifacts (request, digest) VALUES (?1, ?2)")?
            .execute(params![request.to_string(), digest.to_string()])?;
    }
    Ok(())
}

/// A request's artifacts.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn artifacts(
    conn: &Connection,
    request: &RequestId,
) -> Result<BTreeMap<ArtifactDigest, Artifact>, StoreError> {
    let mut rows = conn.prepare_cached(
        "SELECT a.digest, a.bytes FROM request_artifacts r JOIN artifacts a ON a.digest = r.digest WHERE r.request = ?1",
    )?;
    let mut found = rows.query([request.to_string()])?;
    let mut all = BTreeMap::new();
    while let Some(row) = found.next()? {
        all.insert(parsed(row, 0)?, Artifact(row.get(1)?));
    }
    Ok(all)
}

/// A verdict that needed no human.
#[derive(Debug)]
pub struct NewVerdict<'a> {
    /// The id that its request would have had.
    pub id: RequestId,
    /// `permitted` or `forbidden`.
    pub phase: Phase,
    /// The guard that asked.
    pub guard: &'a GuardId,
    /// The agent that asked.
    pub agent: &'a AgentId,
    /// The policies that gave it.
    pub policies: &'a str,
}

/// Keeps a verdict that needed no human.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn insert_verdict(conn: &Connection, new: &NewVerdict<'_>, now: Timestamp) -> Result<(), StoreError> {
    announce(
        conn,
        Some(new.guard),
        &ChangeSubject::Request {
            id: new.id,
            phase: new.phase,
        },
        now,
    )?;
    conn.prepare_cached(
        "INSERT INTO verdicts (id, phase, guard, agent, policies, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        new.id.to_string(),
        new.phase.word(),
        new.guard.as_str(),
        new.agent.as_str(),
        new.policies,
        int(now.millis()),
    ])?;
    Ok(())
}

/// A verdict that needed no human: its phase and policies.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn verdict(conn: &Connection, id: &RequestId) -> Result<Option<(String, String)>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT phase, policies FROM verdicts WHERE id = ?1")?;
    Ok(rows
        .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// Tells those who watch about a change; gives its number.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn announce(
    conn: &Connection,
    guard: Option<&GuardId>,
    subject: &ChangeSubject,
    now: Timestamp,
) -> Result<u64, StoreError> {
    conn.prepare_cached("INSERT INTO changes (guard, subject, at) VALUES (?1, ?2, ?3)")?
        .execute(params![
            guard.map(GuardId::as_str),
            text_of(subject)?,
            int(now.millis())
        ])?;
    Ok(uint(conn.last_insert_rowid()))
}

/// Tells those who watch that the log grew.
///
/// # Errors
/// When the store fails.
pub fn announce_log(conn: &Connection, size: u64, now: Timestamp) -> Result<(), rusqlite::Error> {
    let subject = format!(r#"{{"size":{size},"type":"log"}}"#);
    conn.prepare_cached("INSERT INTO changes (guard, subject, at) VALUES (NULL, ?1, ?2)")?
        .execute(params![subject, int(now.millis())])?;
    Ok(())
}

/// The number of the newest change; 0 when there is none.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn last_change(conn: &Connection) -> Result<u64, StoreError> {
    let last: Option<i64> = conn.query_row("SELECT max(change) FROM changes", [], |row| row.get(0))?;
    Ok(last.map_or(0, uint))
}

/// The changes after `after`, oldest first; for a guard only its own and those about everybody.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn changes(
    conn: &Connection,
    after: u64,
    guard: Option<&GuardId>,
    limit: u32,
) -> Result<Vec<Change>, StoreError> {
    let mut rows = conn.prepare_cached(
        "SELECT change, subject, at FROM changes WHERE change > ?1 AND (?2 IS NULL OR guard IS NULL OR guard = ?2) \
         ORDER BY change LIMIT ?3",
    )?;
    let mut found = rows.query(params![int(after), guard.map(GuardId::as_str), limit])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push(Change {
            change: uint(row.get(0)?),
            subject: decode(row.get::<_, String>(1)?.as_bytes())?,
            at: Timestamp::from_millis(uint(row.get(2)?)),
        });
    }
    Ok(all)
}

/// When the newest leaf was taken in.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn newest_leaf(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT bytes FROM leaves ORDER BY seq DESC LIMIT 1")?;
    let bytes: Option<Vec<u8>> = rows.query_row([], |row| row.get(0)).optional()?;
    bytes
        .map(|bytes| Leaf::from_bytes(&bytes).map(|leaf| leaf.at))
        .transpose()
        .map_err(|error| StoreError::Corrupt(format!("newest leaf: {error}")))
}

/// A word the store keeps about itself.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn meta(conn: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    let mut rows = conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(rows.query_row([key], |row| row.get(0)).optional()?)
}

/// Keeps a word about the store itself.
///
/// # Errors
/// [`StoreError`] when it is kept already.
pub fn set_meta(conn: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    conn.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", [key, value])?;
    Ok(())
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    canonical::to_bytes(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The bytes are the store's own: they were checked when they came in.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn text_of<T: Serialize>(value: &T) -> Result<String, StoreError> {
    String::from_utf8(encode(value)?).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|_| StoreError::Corrupt(format!("column {column} cannot be read")))
}
