//! Runs a script on an SQLite database, in one transaction of the guard's own.
//!
//! An authorizer (sqlite3_set_authorizer) refuses everything that would end or leave the transaction: transaction
//! control, savepoints, attached databases, pragmas. More rows changed than allowed, or any error, roll it back.

use std::path::Path;
use std::time::{Duration, Instant};

use countersign_protocol::receipt::Outcome;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, OpenFlags};

use super::{Limits, Ran, Rows};

/// How long a lock of another writer is waited for.
const LOCK_TIME: Duration = Duration::from_secs(5);
/// How many steps of the database's machine lie between two looks at the clock.
const STEPS: i32 = 10_000;

/// Why a script was rolled back.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}; the whole was rolled back")]
    Database(#[from] rusqlite::Error),
    #[error("{changed} rows changed, over the limit of {limit}; the whole was rolled back")]
    Rows { changed: u64, limit: u64 },
    #[error("the script ended the transaction; what it did before may stand")]
    Left,
}

/// Runs `script` on the database at `path`.
pub(super) fn run(path: &Path, script: &str, limits: Limits) -> Ran {
    let connection = match open(path, limits.time) {
        Ok(connection) => connection,
        Err(error) => return Ran::failed(format!("database cannot be opened: {error}")),
    };
    let mut rows = Rows::new(limits.output);
    match in_transaction(&connection, script, limits, &mut rows) {
        Ok(changed) => match connection.execute_batch("COMMIT") {
            Ok(()) => committed(changed, rows),
            Err(error) => unfinished(&connection, &error),
        },
        Err(problem @ Problem::Left) => Ran::ended(Outcome::Unknown, problem.to_string()),
        Err(problem) => {
            // The connection closes in any case, which rolls back as well.
            let _ = connection.execute_batch("ROLLBACK");
            Ran::failed(problem.to_string())
        }
    }
}

fn open(path: &Path, time: Duration) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_TIME)?;
    let end = Instant::now() + time;
    connection.progress_handler(STEPS, Some(move || Instant::now() > end))?;
    Ok(connection)
}

fn in_transaction(
    connection: &Connection,
    script: &str,
    limits: Limits,
    rows: &mut Rows,
) -> Result<u64, Problem> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let before = connection.total_changes();
    connection.authorizer(Some(judge))?;
    let done = step_through(connection, script, rows);
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    if connection.is_autocommit() {
        // Some conflict clauses roll back by themselves; with an error nothing stands.
        return Err(done.err().map_or(Problem::Left, Problem::Database));
    }
    done?;
    let changed = connection.total_changes().saturating_sub(before);
    if changed > limits.max_rows {
        return Err(Problem::Rows {
            changed,
            limit: limits.max_rows,
        });
    }
    Ok(changed)
}

fn step_through(connection: &Connection, script: &str, rows: &mut Rows) -> rusqlite::Result<()> {
    let mut batch = Batch::new(connection, script);
    while let Some(mut statement) = batch.next()? {
        let columns = statement.column_count();
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let values = (0..columns).map(|column| row.get_ref(column).map(json));
            rows.push(&values.collect::<rusqlite::Result<Vec<_>>>()?);
        }
    }
    Ok(())
}

fn judge(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Pragma { .. }
        | AuthAction::Unknown { .. } => Authorization::Deny,
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

fn committed(changed: u64, rows: Rows) -> Ran {
    let detail = format!("committed; {changed} rows changed{}", rows.note());
    Ran {
        stdout: rows.written(),
        ..Ran::ended(Outcome::Succeeded, detail)
    }
}

/// A commit that was refused leaves the transaction open, so it can be rolled back; otherwise nobody knows.
fn unfinished(connection: &Connection, error: &rusqlite::Error) -> Ran {
    if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_ok() {
        Ran::failed(format!("{error}; the whole was rolled back"))
    } else {
        Ran::ended(Outcome::Unknown, format!("commit broke off: {error}"))
    }
}

fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if matches!(value, ValueRef::Text(_)) => text.into(),
            _ => hex(bytes),
        },
    }
}

/// Bytes that are no text, without loss.
fn hex(bytes: &[u8]) -> serde_json::Value {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Orders {
        _folder: tempfile::TempDir,
        path: std::path::PathBuf,
    }

    fn orders() -> Orders {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("orders.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT UNIQUE);
                 INSERT INTO orders VALUES (1, 'a'), (2, 'b'), (3, 'c');",
            )
            .unwrap();
        Orders {
            _folder: folder,
            path,
        }
    }

    impl Orders {
        fn run(&self, script: &str, max_rows: u64) -> Ran {
            run(
                &self.path,
                script,
                Limits {
                    max_rows,
                    time: Duration::from_secs(2),
                    output: 1000,
                },
            )
        }

        fn states(&self) -> String {
            Connection::open(&self.path)
                .unwrap()
                .query_row("SELECT group_concat(state, '') FROM orders", [], |row| row.get(0))
                .unwrap()
        }
    }

    #[test]
    fn changes_and_reads_in_one_transaction() {
        let orders = orders();
        let ran = orders.run(
            "UPDATE orders SET state = 'z' WHERE id = 1; SELECT id, state FROM orders ORDER BY id LIMIT 1;",
            1,
        );
        assert_eq!(ran.outcome, Outcome::Succeeded, "{}", ran.detail);
        assert_eq!(ran.stdout.unwrap().tail, b"[1,\"z\"]\n");
        assert_eq!(orders.states(), "zbc");
    }

    #[test]
    fn nothing_leaves_the_transaction() {
        let orders = orders();
        for way_out in [
            "COMMIT",
            "END",
            "ROLLBACK",
            "SAVEPOINT s",
            "ATTACH ':memory:' AS other",
            "PRAGMA writable_schema = 1",
            "VACUUM",
        ] {
            let ran = orders.run(
                &format!("DELETE FROM orders WHERE id = 1; {way_out}; DELETE FROM orders WHERE id = 2"),
                10,
            );
            assert_eq!(ran.outcome, Outcome::Failed, "{way_out}: {}", ran.detail);
            assert_eq!(orders.states(), "abc", "{way_out}");
        }
        let ran = orders.run(
            "UPDATE OR ROLLBACK orders SET state = 'a'; DELETE FROM orders",
            10,
        );
        assert_eq!(ran.outcome, Outcome::Failed, "{}", ran.detail);
        assert_eq!(orders.states(), "abc");
    }

    #[test]
    fn too_many_rows_roll_back() {
        let orders = orders();
        let ran = orders.run("DELETE FROM orders", 2);
        assert_eq!(ran.outcome, Outcome::Failed);
        assert!(ran.detail.contains("3 rows"), "{}", ran.detail);
        assert_eq!(orders.states(), "abc");
        assert_eq!(
            orders.run("DELETE FROM orders WHERE id > 1", 2).outcome,
            Outcome::Succeeded
        );
    }

    #[test]
    fn a_script_without_end_is_stopped() {
        let orders = orders();
        let ran = orders.run(
            "DELETE FROM orders; WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
            10,
        );
        assert_eq!(ran.outcome, Outcome::Failed);
        assert_eq!(orders.states(), "abc");
    }

    #[test]
    fn a_missing_or_linked_database_is_not_made_up() {
        let orders = orders();
        let link = orders.path.with_file_name("link.db");
        std::os::unix::fs::symlink(&orders.path, &link).unwrap();
        let limits = Limits {
            max_rows: 1,
            time: Duration::from_secs(1),
            output: 10,
        };
        assert_eq!(run(&link, "SELECT 1", limits).outcome, Outcome::Failed);
        let missing = orders.path.with_file_name("missing.db");
        assert_eq!(run(&missing, "SELECT 1", limits).outcome, Outcome::Failed);
        assert!(!missing.exists());
    }
}
