//! The tables and their versions.
//!
//! A version is never changed once it was released: a newer one adds statements here.

use rusqlite::Connection;

use super::StoreError;

/// Each version's statements, in order. The database's `user_version` counts how many were run.
const VERSIONS: &[&str] = &[
    "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- Every envelope as it came, with the salt that opens its commitment.
CREATE TABLE statements (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  request TEXT,
  digest TEXT NOT NULL,
  version INTEGER,
  envelope BLOB NOT NULL,
  salt TEXT NOT NULL,
  UNIQUE (kind, digest)
) STRICT;
CREATE INDEX statements_of_request ON statements (request, kind, id);
-- The outbox and the log: a leaf waits with no index until it is sequenced.
CREATE TABLE leaves (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  statement INTEGER NOT NULL UNIQUE REFERENCES statements (id),
  idx INTEGER UNIQUE,
  bytes BLOB NOT NULL
) STRICT;
CREATE INDEX leaves_waiting ON leaves (seq) WHERE idx IS NULL;
CREATE TABLE hashes (idx INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
CREATE TABLE checkpoints (
  size INTEGER PRIMARY KEY, root TEXT NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE requests (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  phase TEXT NOT NULL,
  state BLOB NOT NULL,
  change INTEGER NOT NULL,
  guard TEXT NOT NULL,
  agent TEXT NOT NULL,
  action TEXT NOT NULL,
  directory TEXT NOT NULL,
  policy TEXT NOT NULL,
  judged BLOB NOT NULL,
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
CREATE INDEX requests_by_phase ON requests (phase, seq);
CREATE INDEX requests_by_agent ON requests (agent, created);
CREATE INDEX requests_by_action ON requests (action, phase);
CREATE INDEX requests_by_guard ON requests (guard, seq);
-- Answers that needed no human.
CREATE TABLE verdicts (
  id TEXT PRIMARY KEY,
  phase TEXT NOT NULL,
  guard TEXT NOT NULL,
  agent TEXT NOT NULL,
  policies TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX verdicts_by_agent ON verdicts (agent, at);
CREATE TABLE artifacts (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE request_artifacts (
  request TEXT NOT NULL REFERENCES requests (id),
  digest TEXT NOT NULL REFERENCES artifacts (digest),
  PRIMARY KEY (request, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
  change INTEGER PRIMARY KEY AUTOINCREMENT,
  guard TEXT,
  subject TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE idempotency (
  owner TEXT NOT NULL,
  key TEXT NOT NULL,
  asked TEXT NOT NULL,
  status INTEGER NOT NULL,
  media TEXT NOT NULL,
  body BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (owner, key)
) STRICT;
",
    "
-- What people asked about a request and the agent answered, in order.
CREATE TABLE talk (
  request TEXT NOT NULL REFERENCES requests (id),
  place INTEGER NOT NULL,
  person TEXT,
  at INTEGER NOT NULL,
  remark BLOB NOT NULL,
  PRIMARY KEY (request, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX talk_by_person ON talk (person, at) WHERE person IS NOT NULL;
CREATE INDEX requests_by_change ON requests (change);
",
    "
-- What reviewers wrote as counter-proposals, and the request that came of each.
CREATE TABLE amendments (
  digest TEXT PRIMARY KEY,
  request TEXT NOT NULL UNIQUE REFERENCES requests (id),
  action TEXT NOT NULL,
  until INTEGER NOT NULL,
  accepted TEXT
) STRICT;
CREATE INDEX amendments_by_action ON amendments (action, until);
",
    "
-- What each target was last approved to hold, and came to hold; no digest where it was removed. Of each guard by
-- itself: a guard is shown nothing of another's.
CREATE TABLE approved (
  guard TEXT NOT NULL,
  target TEXT NOT NULL,
  request TEXT NOT NULL REFERENCES requests (id),
  digest TEXT,
  length INTEGER,
  ended INTEGER NOT NULL,
  PRIMARY KEY (guard, target)
) STRICT, WITHOUT ROWID;
",
    "
-- Enrolments that owners opened: relayed, never believed, and forgotten when their time is over.
CREATE TABLE enrolments (
  code TEXT PRIMARY KEY,
  key BLOB NOT NULL,
  person TEXT NOT NULL,
  by TEXT NOT NULL,
  until INTEGER NOT NULL,
  claim BLOB,
  credential BLOB,
  activation BLOB
) STRICT, WITHOUT ROWID;
",
    "
-- Who had which masked secrets of which request revealed, and why.
CREATE TABLE reveals (
  request TEXT NOT NULL REFERENCES requests (id),
  place INTEGER NOT NULL,
  person TEXT NOT NULL,
  nonce TEXT NOT NULL,
  reveal BLOB NOT NULL,
  PRIMARY KEY (request, place),
  UNIQUE (request, person, nonce)
) STRICT, WITHOUT ROWID;
",
];

/// The version that this program writes.
#[must_use]
pub fn newest() -> usize {
    VERSIONS.len()
}

/// The version of a database; 0 for an empty one.
///
/// # Errors
/// [`StoreError`] when it is no database.
pub fn version(conn: &Connection) -> Result<usize, StoreError> {
    let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    usize::try_from(version).map_err(|_| StoreError::Corrupt("the schema version is negative".to_owned()))
}

/// Brings a database to the newest version.
///
/// # Errors
/// [`StoreError::Newer`] when a newer program wrote it.
pub fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let found = version(conn)?;
    if found > newest() {
        return Err(StoreError::Newer {
            found,
            known: newest(),
        });
    }
    for (number, statements) in VERSIONS.iter().enumerate().skip(found) {
        let change = conn.transaction()?;
        change.execute_batch(statements)?;
        change.pragma_update(
            None,
            "user_version",
            i64::try_from(number + 1).unwrap_or(i64::MAX),
        )?;
        change.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_brought_up_once_and_refused_when_newer() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        migrate(&mut conn).unwrap();
        assert_eq!(version(&conn).unwrap(), newest());
        conn.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            migrate(&mut conn),
            Err(StoreError::Newer { found: 99, .. })
        ));
    }
}
