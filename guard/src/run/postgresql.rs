//! Runs a script on a PostgreSQL database, in one transaction of the guard's own.
//!
//! Every statement is first prepared by the server by itself, which refuses two in one, and its first word may not
//! be transaction control. The transaction's id before the commit must be the one from the start. More rows changed
//! than allowed, or any error, roll it back. Connections are without TLS and therefore go over loopback or a Unix
//! socket only.

use std::time::Duration;

use countersign_protocol::receipt::Outcome;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::{Limits, Ran, Rows, statements};

/// How long connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long the answer to a commit is waited for, beside the time for the script.
const COMMIT_TIME: Duration = Duration::from_secs(60);

/// Why an address is refused.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Not understood.
    #[error("`url` is not a PostgreSQL address: {0}")]
    Syntax(#[from] tokio_postgres::Error),
    /// Off loopback.
    #[error("`url` leads off this host; without TLS only loopback addresses and Unix sockets are accepted")]
    Remote,
    /// More than one or no host, or no database.
    #[error("`url` must name exactly one host and one database")]
    Several,
}

/// Where a database is, as the target of an action names it: `host:port/database`.
///
/// # Errors
/// [`AddressError`] says what to write instead.
pub fn address(url: &str) -> Result<String, AddressError> {
    let config: Config = url.parse()?;
    let ([host], Some(database)) = (config.get_hosts(), config.get_dbname()) else {
        return Err(AddressError::Several);
    };
    // A `hostaddr` would be connected to in the place of the host.
    if config.get_ports().len() > 1 || !config.get_hostaddrs().is_empty() {
        return Err(AddressError::Several);
    }
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let host = match host {
        Host::Unix(path) => path.display().to_string(),
        Host::Tcp(name) if name == "localhost" => name.clone(),
        Host::Tcp(name) => match name.parse::<std::net::IpAddr>() {
            Ok(ip) if ip.is_loopback() => name.clone(),
            Ok(_) | Err(_) => return Err(AddressError::Remote),
        },
    };
    Ok(format!("{host}:{port}/{database}"))
}

/// Why a script was rolled back.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{}", words(.0))]
    Database(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Script(#[from] super::ScriptError),
    #[error("{changed} rows changed, over the limit of {limit}")]
    Rows { changed: u64, limit: u64 },
    #[error("the script left its transaction")]
    Left,
    #[error("the server gave no answer that the guard understands")]
    Answer,
}

/// Runs `script` on the database at `url`.
pub(super) async fn run(url: &str, script: &str, limits: Limits) -> Ran {
    let (client, connection) = match connect(url).await {
        Ok(pair) => pair,
        Err(error) => return Ran::failed(format!("database cannot be reached: {error}")),
    };
    let mut rows = Rows::new(limits.output);
    let work = in_transaction(&client, script, limits, &mut rows);
    let ran = match tokio::time::timeout(limits.time, work).await {
        Ok(Ok(done)) => commit(&client, &done, rows).await,
        // What left its transaction may have been committed.
        Ok(Err(Problem::Left)) => Ran::ended(
            Outcome::Unknown,
            "the script left its transaction; what it did before may stand",
        ),
        Ok(Err(problem)) => Ran::failed(format!("{problem}; the whole was rolled back")),
        Err(_) => Ran::failed(format!(
            "not done within {} s; the whole was rolled back",
            limits.time.as_secs()
        )),
    };
    if ran.outcome == Outcome::Failed {
        // Best effort: the server rolls back by itself when the connection is gone, after what runs now.
        let _ = tokio::time::timeout(CONNECT_TIME, client.cancel_token().cancel_query(NoTls)).await;
    }
    drop(client);
    connection.abort();
    ran
}

struct Done {
    transaction: String,
    changed: u64,
}

type Background = tokio::task::JoinHandle<Result<(), tokio_postgres::Error>>;

async fn connect(url: &str) -> Result<(Client, Background), AddressError> {
    address(url)?;
    let mut config: Config = url.parse()?;
    config
        .ssl_mode(SslMode::Disable)
        .connect_timeout(CONNECT_TIME)
        .application_name("countersign-guard");
    let (client, connection) = config.connect(NoTls).await?;
    Ok((client, tokio::spawn(connection)))
}

async fn in_transaction(
    client: &Client,
    script: &str,
    limits: Limits,
    rows: &mut Rows,
) -> Result<Done, Problem> {
    let statements = statements(script)?;
    // The split relies on it; a role or database may have another default.
    client
        .batch_execute("SET standard_conforming_strings = on; BEGIN")
        .await?;
    let transaction = ask(client, "SELECT txid_current()::text").await?;
    let mut counted = 0u64;
    for statement in statements {
        client.prepare(statement).await?;
        let changes = !reads_only(statement);
        for message in client.simple_query(statement).await? {
            match message {
                SimpleQueryMessage::Row(row) => {
                    let cells = (0..row.len()).map(|column| row.get(column).into());
                    rows.push(&cells.collect::<Vec<serde_json::Value>>());
                }
                SimpleQueryMessage::CommandComplete(count) if changes => {
                    counted = counted.saturating_add(count);
                }
                _ => {}
            }
        }
    }
    if ask(client, "SELECT txid_current()::text").await? != transaction {
        return Err(Problem::Left);
    }
    let changed = counted.max(counted_by_server(client).await?);
    if changed > limits.max_rows {
        return Err(Problem::Rows {
            changed,
            limit: limits.max_rows,
        });
    }
    Ok(Done { transaction, changed })
}

/// Whether the count of a statement is of rows that were read.
fn reads_only(statement: &str) -> bool {
    let word = |word: &str| {
        let start = statement.trim_start().get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    ["select", "values", "table", "show"].into_iter().any(word)
}

/// Rows changed in this transaction by any means, triggers and functions included, where the server counts them.
async fn counted_by_server(client: &Client) -> Result<u64, Problem> {
    let sum =
        "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text FROM pg_stat_xact_user_tables";
    ask(client, sum).await?.parse().map_err(|_| Problem::Answer)
}

async fn ask(client: &Client, query: &str) -> Result<String, Problem> {
    let answer = client.simple_query(query).await?;
    let cell = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    cell.ok_or(Problem::Answer)
}

async fn commit(client: &Client, done: &Done, rows: Rows) -> Ran {
    let unknown = |why: &str| {
        let transaction = &done.transaction;
        Ran::ended(
            Outcome::Unknown,
            format!(
                "{why}; transaction {transaction} may or may not stand: `SELECT txid_status({transaction})` tells"
            ),
        )
    };
    match tokio::time::timeout(COMMIT_TIME, client.batch_execute("COMMIT")).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) if error.as_db_error().is_some() && !client.is_closed() => {
            return Ran::failed(format!("{}; the whole was rolled back", words(&error)));
        }
        Ok(Err(error)) => return unknown(&format!("commit broke off: {error}")),
        Err(_) => return unknown("the server did not answer the commit"),
    }
    // A commit of a transaction that had failed is answered without an error, but rolls back.
    let status = ask(client, &format!("SELECT txid_status({})", done.transaction)).await;
    match status.as_deref() {
        Ok("committed") => {
            let detail = format!("committed; {} rows changed{}", done.changed, rows.note());
            Ran {
                stdout: rows.written(),
                ..Ran::ended(Outcome::Succeeded, detail)
            }
        }
        Ok("aborted") => Ran::failed("the server rolled the whole back at the commit"),
        Ok(_) | Err(_) => unknown("the commit could not be read back"),
    }
}

/// The server's own words, where there are any.
fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} ({})", error.message(), error.code().code()),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_reached() {
        assert_eq!(
            address("postgresql://u:p@127.0.0.1:5433/d").unwrap(),
            "127.0.0.1:5433/d"
        );
        assert_eq!(address("postgresql://u@[::1]/d").unwrap(), "::1:5432/d");
        assert_eq!(
            address("host=/run/postgresql dbname=d user=u").unwrap(),
            "/run/postgresql:5432/d"
        );
        for bad in [
            "postgresql://db.example.com/d",
            "postgresql://10.0.0.1/d",
            "postgresql://127.0.0.1,10.0.0.1/d",
            "host=localhost hostaddr=10.0.0.1 dbname=d",
            "postgresql://127.0.0.1",
            "nonsense",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
