//! SQL: what statements destroy, grant, rewrite or lock.
//!
//! What no dialect understands is not analyzed; transaction control is looked for even then, since it could end the
//! guard's own transaction.

use super::alteration::alteration;
use super::block::Block;
use super::condition::{matches_all, misleading};
use super::inner::{ScriptFacts, inner, is_one_transaction, unjoined, unjoined_deletion, untied};
use super::script::{Script, parse};
use crate::findings::observation::quote;
use crate::findings::{Detector, Input, Observation, Outcome, Severity, rule};
use sqlparser::ast::{CopyTarget, ObjectType, Privileges, Statement};

/// The rules for statements.
pub(in crate::findings) struct Statements;

impl Detector for Statements {
    fn kinds(&self) -> &'static [&'static str] {
        &["sql"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let Some(text) = input.text().filter(|_| input.kind == "sql") else {
            return Outcome::NotMine;
        };
        match parse(text) {
            Ok(script) if script.statements.is_empty() && script.blocks.is_empty() => Outcome::NotMine,
            Ok(Script {
                statements,
                blocks,
                waiting,
            }) => {
                let count = statements.len() + blocks.len();
                if count > 1 {
                    let what = format!("{count} statements stand in one action");
                    seen.push(Observation::new(&rule::SQL_SEVERAL, "", what));
                }
                let wrapped = is_one_transaction(&statements);
                let mut own = ScriptFacts::new(waiting);
                for (line, statement) in &statements {
                    if !own.dropped_by(statement) {
                        judge(statement, *line, wrapped, &own, seen);
                    }
                }
                for block in &blocks {
                    judge_block(block, &own, seen);
                }
                Outcome::Analyzed
            }
            Err(problem) => {
                words(text, seen);
                Outcome::Failed(problem)
            }
        }
    }
}

fn judge_block(block: &Block, own: &ScriptFacts, seen: &mut Vec<Observation>) {
    let what = "a block of code runs in the database at once";
    let runs = Observation::new(&rule::SQL_CODE, block.key(), what);
    seen.push(runs.severity(block.severity()).line(block.line));
    for (line, statement) in block.statements() {
        judge(&statement, line, false, own, seen);
    }
}

#[expect(clippy::too_many_lines, reason = "one table, a row for each statement")]
fn judge(statement: &Statement, line: u32, wrapped: bool, own: &ScriptFacts, seen: &mut Vec<Observation>) {
    for within in inner(statement) {
        judge(within, line, wrapped, own, seen);
    }
    let shown = statement.to_string();
    let mut add = |about, severity, why: String| {
        let what = format!("{why}: {}", quote(&shown));
        seen.push(
            Observation::new(about, shown.clone(), what)
                .severity(severity)
                .line(line),
        );
    };
    let condition = match statement {
        Statement::Update(update) => update.selection.as_ref(),
        Statement::Delete(delete) => delete.selection.as_ref(),
        _ => None,
    };
    if matches!(statement, Statement::Update(update) if untied(update)) {
        let why = "nothing ties the rows that are updated to those of the other table".to_owned();
        add(&rule::SQL_CONDITION_MISLEADS, Severity::Medium, why);
    }
    for why in misleading(condition) {
        add(&rule::SQL_CONDITION_MISLEADS, Severity::Medium, why);
    }
    match statement {
        Statement::Update(update) if matches_all(update.selection.as_ref(), own) || unjoined(update) => {
            add(
                &rule::SQL_NO_WHERE,
                Severity::High,
                "every row is updated".to_owned(),
            );
        }
        Statement::Delete(delete)
            if (matches_all(delete.selection.as_ref(), own) || unjoined_deletion(delete))
                && delete.limit.is_none() =>
        {
            add(
                &rule::SQL_NO_WHERE,
                Severity::Critical,
                "every row is deleted".to_owned(),
            );
        }
        Statement::Truncate(_) => add(
            &rule::SQL_TRUNCATE,
            Severity::Critical,
            "every row is deleted".to_owned(),
        ),
        Statement::Drop {
            object_type, cascade, ..
        } => {
            let severity = match object_type {
                ObjectType::Database | ObjectType::Schema | ObjectType::Table => Severity::Critical,
                // It waits for nobody and loses no data: only what it made fast.
                ObjectType::Index if own.waits_on(line) => Severity::Low,
                ObjectType::Index | ObjectType::View => Severity::Medium,
                _ => Severity::High,
            };
            let severity = if *cascade {
                severity.max(Severity::High)
            } else {
                severity
            };
            add(
                &rule::SQL_DROP,
                severity,
                format!("a {} is dropped", object_type.to_string().to_lowercase()),
            );
        }
        Statement::DropFunction(_)
        | Statement::DropProcedure { .. }
        | Statement::DropTrigger(_)
        | Statement::DropPolicy(_)
        | Statement::DropExtension(_) => {
            add(
                &rule::SQL_DROP,
                Severity::Medium,
                "an object is dropped".to_owned(),
            );
        }
        Statement::Grant(grant) => {
            let all = matches!(grant.privileges, Privileges::All { .. }) || grant.with_grant_option;
            let public = grant
                .grantees
                .iter()
                .any(|grantee| grantee.to_string().to_uppercase().contains("PUBLIC"));
            add(
                &rule::SQL_GRANT,
                if all || public {
                    Severity::High
                } else {
                    Severity::Medium
                },
                "rights are granted".to_owned(),
            );
        }
        Statement::Revoke(_) => add(&rule::SQL_GRANT, Severity::Low, "rights are revoked".to_owned()),
        Statement::CreateRole(_)
        | Statement::CreateUser(_)
        | Statement::AlterRole { .. }
        | Statement::AlterUser(_) => {
            let upper = shown.to_uppercase();
            let power = ["SUPERUSER", "BYPASSRLS", "CREATEROLE", "REPLICATION"]
                .iter()
                .any(|word| upper.contains(word) && !upper.contains(&format!("NO{word}")));
            add(
                &rule::SQL_ROLE,
                match power {
                    true => Severity::High,
                    false if only_limits(&upper) => Severity::Low,
                    false => Severity::Medium,
                },
                "a role is made or changed".to_owned(),
            );
        }
        Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. } => {
            add(
                &rule::SQL_TRANSACTION_CONTROL,
                if wrapped { Severity::Low } else { Severity::High },
                "the statement steers the transaction it is to run in".to_owned(),
            );
        }
        Statement::Copy { to, target, .. } => match target {
            CopyTarget::Program { .. } => add(
                &rule::SQL_RUNS_PROGRAM,
                Severity::Critical,
                "a program is run on the server".to_owned(),
            ),
            CopyTarget::File { .. } if *to => add(
                &rule::SQL_EXPORT,
                Severity::High,
                "data is written to a file of the server".to_owned(),
            ),
            _ if *to => add(
                &rule::SQL_EXPORT,
                Severity::Medium,
                "data is copied out".to_owned(),
            ),
            _ => {}
        },
        Statement::CreateExtension(_) | Statement::Load { .. } => add(
            &rule::SQL_EXTENSION,
            Severity::Medium,
            "code is loaded into the server".to_owned(),
        ),
        Statement::CreateFunction(_) | Statement::CreateTrigger(_) => {
            let definer = shown.to_uppercase().contains("SECURITY DEFINER");
            add(
                &rule::SQL_CODE,
                if definer { Severity::High } else { Severity::Medium },
                "code is put into the database".to_owned(),
            );
        }
        Statement::CreateIndex(index) if !index.concurrently => {
            add(
                &rule::SQL_LOCKS,
                Severity::Medium,
                "the table can't be written while the index is built".to_owned(),
            );
        }
        Statement::Lock(_) | Statement::LockTables { .. } => {
            add(&rule::SQL_LOCKS, Severity::Medium, "tables are locked".to_owned());
        }
        Statement::Call(_) | Statement::Execute { .. } => add(
            &rule::SQL_OPAQUE,
            Severity::Medium,
            "what it does is not in the statement".to_owned(),
        ),
        Statement::AlterTable(_) if shown.to_uppercase().contains(" SET UNLOGGED") => add(
            &rule::SQL_GUARD_OFF,
            Severity::High,
            "after a crash the table is empty".to_owned(),
        ),
        Statement::AlterTable(table) => {
            for operation in &table.operations {
                if let Some((about, severity, why)) = alteration(operation) {
                    add(about, severity, why.to_owned());
                }
            }
        }
        _ if shown.to_uppercase().contains("INTO OUTFILE") => add(
            &rule::SQL_EXPORT,
            Severity::High,
            "data is written to a file of the server".to_owned(),
        ),
        Statement::Vacuum(vacuum) if vacuum.full => add(
            &rule::SQL_LOCKS,
            Severity::Medium,
            "the table is written anew under a lock".to_owned(),
        ),
        Statement::Set(_) | Statement::Reset(_) if guards_off(&shown) => add(
            &rule::SQL_GUARD_OFF,
            Severity::High,
            "a setting switches guards off or takes another role".to_owned(),
        ),
        other if is_known(other) => {}
        _ => add(
            &rule::SQL_OPAQUE,
            Severity::Medium,
            "no rule knows this kind of statement".to_owned(),
        ),
    }
    for function in REACHING_OUT.iter().filter(|name| calls(&shown, name)) {
        add(
            &rule::SQL_OPAQUE,
            Severity::High,
            format!("{function} acts on the server or beyond it"),
        );
    }
}

/// Functions that do more than to compute.
const REACHING_OUT: &[&str] = &[
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_reload_conf",
    "pg_drop_replication_slot",
    "pg_promote",
    "lo_export",
    "lo_import",
    "dblink",
    "dblink_exec",
    "load_file",
    "load_extension",
    "xp_cmdshell",
    "sp_executesql",
    "query_to_xml",
    "set_config",
];

fn calls(shown: &str, function: &str) -> bool {
    let lower = shown.to_ascii_lowercase();
    lower.match_indices(function).any(|(at, _)| {
        let before = lower.get(..at).and_then(|head| head.chars().next_back());
        let after = lower.get(at + function.len()..).unwrap_or_default();
        after.trim_start().starts_with('(') && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Says whether a change of a role only takes rights from it: each of its words is a limit.
fn only_limits(upper: &str) -> bool {
    const LIMITS: &[&str] = &[
        "WITH",
        "NOLOGIN",
        "NOSUPERUSER",
        "NOCREATEDB",
        "NOCREATEROLE",
        "NOREPLICATION",
        "NOBYPASSRLS",
        "CONNECTION",
        "LIMIT",
        "VALID",
        "UNTIL",
    ];
    let mut words = upper.split_whitespace();
    let altered = (words.next(), words.next()) == (Some("ALTER"), Some("ROLE"));
    let limit =
        |word: &str| LIMITS.contains(&word) || word.starts_with(|c: char| c.is_ascii_digit() || c == '\'');
    altered && upper.contains("NOLOGIN") && words.skip(1).all(limit)
}

fn guards_off(shown: &str) -> bool {
    let upper = shown.to_uppercase();
    [
        "SESSION_REPLICATION_ROLE",
        "SET ROLE",
        "SESSION AUTHORIZATION",
        "ROW_SECURITY",
        "FOREIGN_KEY_CHECKS",
        "SQL_SAFE_UPDATES",
    ]
    .iter()
    .any(|word| upper.contains(word))
}

/// Says whether a kind of statement is known to be harmless where no rule above speaks of it.
fn is_known(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Query(_)
            | Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::CreateTable(_)
            | Statement::CreateView(_)
            | Statement::CreateSchema { .. }
            | Statement::CreateSequence { .. }
            | Statement::CreateType { .. }
            | Statement::CreateDomain(_)
            | Statement::CreateIndex(_)
            | Statement::CreatePolicy(_)
            | Statement::AlterIndex { .. }
            | Statement::AlterView { .. }
            | Statement::Comment { .. }
            | Statement::Analyze(_)
            | Statement::Vacuum(_)
            | Statement::Set(_)
            | Statement::Reset(_)
            | Statement::Use(_)
            | Statement::Explain { .. }
            | Statement::ExplainTable { .. }
            | Statement::ShowVariable { .. }
            | Statement::ShowVariables { .. }
            | Statement::ShowTables { .. }
            | Statement::ShowColumns { .. }
            | Statement::ShowCreate { .. }
            | Statement::Copy { .. }
            | Statement::UnlockTables
    )
}

/// Looks for words that must not be missed in SQL that is not understood.
fn words(text: &str, seen: &mut Vec<Observation>) {
    for (number, line) in (1u32..).zip(text.lines()) {
        let upper = line.to_uppercase();
        let first = upper
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .find(|word| !word.is_empty())
            .unwrap_or_default();
        let (about, severity) = match first {
            "COMMIT" | "ROLLBACK" | "BEGIN" | "START" | "SAVEPOINT" | "END" => {
                (&rule::SQL_TRANSACTION_CONTROL, Severity::High)
            }
            "DROP" => (&rule::SQL_DROP, Severity::High),
            "TRUNCATE" => (&rule::SQL_TRUNCATE, Severity::Critical),
            "GRANT" => (&rule::SQL_GRANT, Severity::Medium),
            _ => continue,
        };
        let what = format!("a line begins with {first}: {}", quote(line));
        seen.push(
            Observation::new(about, line, what)
                .severity(severity)
                .line(number),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn ids(sql: &str) -> Vec<String> {
        analyze("sql", None, sql.as_bytes())
            .iter()
            .map(|finding| finding.rule.to_string())
            .collect()
    }

    #[test]
    fn an_index_that_is_dropped_beside_the_traffic_is_understood() {
        assert_eq!(ids("DROP INDEX CONCURRENTLY IF EXISTS a"), ["sql-drop"]);
        assert_eq!(ids("drop index concurrently a"), ["sql-drop"]);
        let level = |sql: &str| severity(&analyze("sql", None, sql.as_bytes()));
        assert_eq!(
            level("DROP INDEX CONCURRENTLY IF EXISTS a;\nRESET statement_timeout;"),
            Severity::Low
        );
        assert_eq!(level("DROP INDEX a"), Severity::Medium);
        // Which of two on a line waits is not known.
        assert_eq!(level("DROP INDEX CONCURRENTLY a; DROP INDEX b"), Severity::Medium);
        assert!(level("RESET ROLE") >= Severity::High);
    }

    #[test]
    fn careful_statements_are_quiet() {
        for sql in [
            "SELECT 1",
            "UPDATE t SET a = 1 WHERE id = 3;",
            "ALTER TABLE t ADD COLUMN b int",
            "CREATE INDEX CONCURRENTLY i ON t (a)",
            "DELETE FROM t WHERE id IN (SELECT id FROM old WHERE x < 3)",
            "SELECT dblink FROM t",
            "CREATE TABLE u (id int)",
            "VACUUM t",
        ] {
            assert_eq!(ids(sql), Vec::<String>::new(), "{sql}");
        }
    }

    #[test]
    fn conditions_that_hold_for_every_row_count_as_missing() {
        for sql in [
            "DELETE FROM t",
            "DELETE FROM t WHERE 1=1",
            "UPDATE t SET a=1 WHERE (true)",
            "UPDATE t SET a=1 WHERE id=2 OR 1=1",
            "DELETE FROM t WHERE id IN (SELECT t.id FROM t)",
            "DELETE FROM t WHERE id IS NOT NULL",
            "UPDATE t SET a=1 WHERE name LIKE '%'",
        ] {
            assert_eq!(ids(sql), ["sql-no-where"], "{sql}");
        }
    }

    #[test]
    fn destroying_granting_and_locking_are_told() {
        for (sql, id) in [
            ("DROP TABLE t", "sql-drop"),
            ("TRUNCATE t", "sql-truncate"),
            ("ALTER TABLE t DROP COLUMN c", "sql-drop-column"),
            ("GRANT ALL ON t TO PUBLIC", "sql-grant"),
            ("ALTER TABLE t ALTER COLUMN c TYPE bigint", "sql-locks"),
            ("COPY t TO PROGRAM 'curl x'", "sql-runs-program"),
            ("ALTER ROLE a SUPERUSER", "sql-role"),
            ("VACUUM FULL t", "sql-locks"),
            ("SET session_replication_role = replica", "sql-guard-off"),
            ("SELECT pg_terminate_backend(7)", "sql-opaque"),
            ("KILL 7", "sql-opaque"),
        ] {
            assert_eq!(ids(sql), [id], "{sql}");
        }
    }

    #[test]
    fn transaction_control_is_found_even_where_sql_is_not_understood() {
        assert!(
            ids("UPDATE t SET a=1 WHERE id=1; COMMIT; DROP TABLE t")
                .contains(&"sql-transaction-control".to_owned())
        );
        let broken = ids("FROBNICATE;\nCOMMIT;\n");
        assert!(
            broken.contains(&"sql-transaction-control".to_owned())
                && broken.contains(&"not-analyzed".to_owned())
        );
    }

    #[test]
    fn deep_nesting_ends_as_not_analyzed() {
        let sql = format!("SELECT {}1{}", "(".repeat(3000), ")".repeat(3000));
        assert_eq!(severity(&analyze("sql", None, sql.as_bytes())), Severity::Medium);
    }
}
