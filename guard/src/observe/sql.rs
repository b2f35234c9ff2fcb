//! A database script: which database its name stands for, and the text.

use std::os::unix::ffi::OsStrExt as _;

use countersign_protocol::action::{Dialect, Payload, Sql};
use countersign_protocol::kind::Kind;
use countersign_protocol::text::Line;

use super::{Artifacts, ObserveError, Observed, refused, uri};
use crate::config::Config;
use crate::run::{postgresql, statements};
use crate::socket::{MAX_DOCUMENT_BYTES, SqlCall};

/// The action of an `sql` call.
///
/// # Errors
/// [`ObserveError`] when the database is not known, or the script would leave its transaction.
pub fn sql(call: SqlCall, config: &Config) -> Result<Observed, ObserveError> {
    let Some(database) = config.database(call.database.raw()) else {
        return refused("the guard's configuration names no such database");
    };
    if call.script.0.len() > MAX_DOCUMENT_BYTES {
        return refused(format!("the script is over {MAX_DOCUMENT_BYTES} bytes"));
    }
    let Ok(script) = std::str::from_utf8(&call.script.0) else {
        return refused("the script is not UTF-8");
    };
    let target = match (database.dialect, &database.path, &database.url) {
        (Dialect::Sqlite, Some(path), _) => uri("sqlite", &config.host, path.as_os_str().as_bytes())?,
        (Dialect::Postgresql, _, Some(url)) => {
            statements(script)?;
            match postgresql::address(url) {
                Ok(address) => Line::new(format!("postgresql://{address}"))?,
                Err(error) => return refused(error.to_string()),
            }
        }
        _ => return refused("the database is not whole in the guard's configuration"),
    };
    let mut artifacts = Artifacts::default();
    Ok(Observed {
        kind: Kind::named("sql")?,
        target,
        payload: Payload::Sql(Sql {
            dialect: database.dialect,
            database: call.database,
            statement: artifacts.take(call.script),
            max_rows: call.max_rows,
        }),
        artifacts: artifacts.0,
        binary: None,
        facts: vec![],
    })
}
