//! A database script: which database its name stands for, and the text.

use std::os::unix::ffi::OsStrExt as _;

use countersign_protocol::action::{Dialect, Payload, Sql};
use countersign_protocol::kind::Kind;
use countersign_protocol::text::Line;

use super::{Artifacts, ObserveError, Observed, refused, uri};
use countersign_review::findings;

use crate::config::Config;
use crate::run::{postgresql, statements};
use crate::socket::{MAX_DOCUMENT_BYTES, SqlCall};

/// The finding that a script steers its transaction.
const TRANSACTION_CONTROL: &str = "sql-transaction-control";

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
    // The same rule that reviewers would see; the database refuses it once more when it runs.
    let found = findings::analyze("sql", None, script.as_bytes());
    if found
        .iter()
        .any(|finding| finding.rule.as_str() == TRANSACTION_CONTROL)
    {
        return refused(
            "the script holds transaction control; the guard runs the whole in one transaction of its own",
        );
    }
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

#[cfg(test)]
mod tests {
    use countersign_protocol::bundle::Artifact;

    use super::*;
    use crate::socket::Asking;

    #[test]
    fn a_script_that_leaves_its_transaction_is_refused_before_anybody_is_asked() {
        assert!(findings::RuleId::known(TRANSACTION_CONTROL).is_some());
        let config = Config::parse(&format!(
            "guard = \"g1\"\nbackend = \"http://127.0.0.1:1\"\nroot = \"{}\"\nhome = \"/g\"\nsocket = \"/g/s\"\n\
             host = \"web-1\"\n[[databases]]\nname = \"orders\"\ndialect = \"sqlite\"\npath = \"/d/orders.db\"",
            "ab".repeat(32)
        ))
        .unwrap();
        let ask = |database: &str, script: &str| {
            let call = SqlCall {
                database: Line::new(database).unwrap(),
                script: Artifact(script.as_bytes().to_vec()),
                max_rows: 1,
                asking: Asking::default(),
            };
            sql(call, &config)
        };
        let observed = ask("orders", "DELETE FROM orders WHERE id = 1").unwrap();
        assert_eq!(observed.target.raw(), "sqlite://web-1/d/orders.db");
        assert!(ask("orders", "DELETE FROM orders; COMMIT; DROP TABLE orders").is_err());
        assert!(ask("elsewhere", "SELECT 1").is_err());
    }
}
