//! Statements inside statements, and what a script as a whole tells of each of them.
//!
//! A `WITH` may hold a deletion under a question, `EXPLAIN ANALYZE` runs what it explains. A script that is one
//! transaction from end to end and drops only the temporary tables it made does no more than it would without.

use sqlparser::ast::{
    Delete, Expr, FromTable, FunctionArguments, ObjectName, ObjectType, Query, SetExpr, Statement,
    TableFactor, TableWithJoins, Update, UpdateTableFromKind,
};
use std::collections::BTreeSet;

/// What a script as a whole tells of its statements: the temporary tables that it has made so far, and the lines on
/// which it drops indexes without a lock.
pub(super) struct ScriptFacts {
    made: BTreeSet<String>,
    waiting: BTreeSet<u32>,
}

impl ScriptFacts {
    pub(super) fn new(waiting: BTreeSet<u32>) -> Self {
        Self {
            made: BTreeSet::new(),
            waiting,
        }
    }

    /// Says whether the index that is dropped on a line is dropped without a lock.
    pub(super) fn waits_on(&self, line: u32) -> bool {
        self.waiting.contains(&line)
    }

    /// Says whether a table is a temporary one that it made.
    pub(super) fn holds(&self, table: &TableFactor) -> bool {
        matches!(table, TableFactor::Table { name, .. } if self.made.contains(&named(name)))
    }

    /// Takes the next statement; says whether it only drops tables that the script made before it.
    pub(super) fn dropped_by(&mut self, statement: &Statement) -> bool {
        match statement {
            Statement::CreateTable(table) if table.temporary => {
                self.made.insert(named(&table.name));
                false
            }
            Statement::Drop {
                object_type: ObjectType::Table,
                names,
                ..
            } => {
                !names.is_empty()
                    && names
                        .iter()
                        .all(|name| self.made.remove(&named(name)) || is_temporary(name))
            }
            Statement::Truncate(truncate) => {
                let own = |name: &ObjectName| self.made.contains(&named(name)) || is_temporary(name);
                !truncate.table_names.is_empty() && truncate.table_names.iter().all(|table| own(&table.name))
            }
            _ => false,
        }
    }
}

/// Says whether a name is in the schema that holds the temporary tables of the session alone.
fn is_temporary(name: &ObjectName) -> bool {
    named(name).starts_with("pg_temp.")
}

/// Says whether a script begins and ends one transaction, with no other control of it.
pub(super) fn is_one_transaction(statements: &[(u32, Statement)]) -> bool {
    let controls = statements
        .iter()
        .filter(|(_, statement)| is_control(statement))
        .count();
    let begins = matches!(
        statements.first(),
        Some((_, Statement::StartTransaction { statements, exception: None, .. })) if statements.is_empty()
    );
    let ends = matches!(
        statements.last(),
        Some((_, Statement::Commit { chain: false, .. }))
    );
    begins && ends && controls == 2
}

fn named(name: &ObjectName) -> String {
    name.to_string().to_ascii_lowercase()
}

fn is_control(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. }
            | Statement::Savepoint { .. }
            | Statement::ReleaseSavepoint { .. }
    )
}

/// Returns the statements that run with another one.
pub(super) fn inner(statement: &Statement) -> Vec<&Statement> {
    let mut found = Vec::new();
    match statement {
        Statement::Query(query) => within(query, &mut found),
        Statement::Insert(insert) => {
            if let Some(source) = &insert.source {
                within(source, &mut found);
            }
        }
        Statement::Explain {
            analyze,
            statement,
            options,
            ..
        } => {
            let named = options
                .iter()
                .flatten()
                .any(|option| option.name.value.eq_ignore_ascii_case("analyze"));
            if *analyze || named {
                found.push(statement);
            }
        }
        Statement::Prepare { statement, .. } => found.push(statement),
        Statement::CreateTable(table) => {
            if let Some(query) = &table.query {
                within(query, &mut found);
            }
        }
        _ => {}
    }
    found
}

fn within<'a>(query: &'a Query, found: &mut Vec<&'a Statement>) {
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        within(&table.query, found);
    }
    body(&query.body, found);
}

/// The parser bounds the depth.
fn body<'a>(body_: &'a SetExpr, found: &mut Vec<&'a Statement>) {
    match body_ {
        SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => {
            found.push(statement);
        }
        SetExpr::Merge(statement) => found.push(statement),
        SetExpr::Query(query) => within(query, found),
        SetExpr::SetOperation { left, right, .. } => {
            body(left, found);
            body(right, found);
        }
        _ => {}
    }
}

/// Says whether an update takes in other tables and its condition never speaks of the one that is updated: then one
/// row that fits is enough to change all of them.
pub(super) fn unjoined(update: &Update) -> bool {
    match &update.from {
        Some(UpdateTableFromKind::BeforeSet(others) | UpdateTableFromKind::AfterSet(others)) => {
            apart(&update.table.relation, others, update.selection.as_ref())
        }
        None => false,
    }
}

/// Says the same of a deletion.
pub(super) fn unjoined_deletion(delete: &Delete) -> bool {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    match (from.as_slice(), &delete.using) {
        ([target], Some(others)) => apart(&target.relation, others, delete.selection.as_ref()),
        _ => false,
    }
}

fn apart(target: &TableFactor, others: &[TableWithJoins], selection: Option<&Expr>) -> bool {
    let mut spoken_of = BTreeSet::new();
    let known = selection.is_some_and(|condition| qualifiers(condition, &mut spoken_of));
    // Joins among the others may name the target.
    let joined = others.iter().any(|table| !table.joins.is_empty());
    known && !joined && !spoken_of.is_empty() && names(target).is_disjoint(&spoken_of)
}

/// Says whether an update takes in other tables and no comparison ties one of them to the one that is updated: each
/// row that fits by itself is changed as soon as one row of the others fits by itself.
pub(super) fn untied(update: &Update) -> bool {
    let others = match &update.from {
        Some(UpdateTableFromKind::BeforeSet(others) | UpdateTableFromKind::AfterSet(others)) => others,
        None => return false,
    };
    let mut spoken_of = BTreeSet::new();
    let known = update
        .selection
        .as_ref()
        .is_some_and(|condition| qualifiers(condition, &mut spoken_of));
    let target = names(&update.table.relation);
    let simple = others
        .iter()
        .all(|table| table.joins.is_empty() && matches!(table.relation, TableFactor::Table { .. }));
    known
        && simple
        && !spoken_of.is_disjoint(&target)
        && !update
            .selection
            .as_ref()
            .is_some_and(|condition| ties(condition, &target))
}

/// Says whether a comparison speaks of the target on one side and of another table on the other.
fn ties(condition: &Expr, target: &BTreeSet<String>) -> bool {
    match condition {
        Expr::Nested(inner) => ties(inner, target),
        Expr::BinaryOp { left, right, .. } => {
            let owners = |side: &Expr| {
                let mut owners = BTreeSet::new();
                qualifiers(side, &mut owners);
                (
                    owners.iter().any(|owner| target.contains(owner)),
                    owners.iter().any(|owner| !target.contains(owner)),
                )
            };
            let ((left_own, left_other), (right_own, right_other)) = (owners(left), owners(right));
            // `a AND b` holds both without tying them.
            let compares = matches!(left.as_ref(), Expr::CompoundIdentifier(_))
                || matches!(right.as_ref(), Expr::CompoundIdentifier(_));
            compares && (left_own && right_other || left_other && right_own)
                || ties(left, target)
                || ties(right, target)
        }
        _ => false,
    }
}

/// Returns the names by which a table is spoken of.
fn names(table: &TableFactor) -> BTreeSet<String> {
    match table {
        TableFactor::Table { name, alias, .. } => {
            let whole = named(name);
            let last = whole.rsplit('.').next().unwrap_or_default().to_owned();
            let alias = alias.as_ref().map(|alias| alias.name.value.to_ascii_lowercase());
            [whole, last].into_iter().chain(alias).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Adds the tables of all columns of a condition; says whether each column names its table and all else is plain.
fn qualifiers(condition: &Expr, tables: &mut BTreeSet<String>) -> bool {
    match condition {
        Expr::CompoundIdentifier(parts) => {
            let owner = parts
                .iter()
                .rev()
                .nth(1)
                .map(|part| part.value.to_ascii_lowercase());
            tables.extend(owner);
            true
        }
        Expr::Value(_) | Expr::TypedString { .. } | Expr::Interval(_) => true,
        // `current_date`, `now()`
        Expr::Function(function) => match &function.args {
            FunctionArguments::None => true,
            FunctionArguments::List(list) => list.args.is_empty(),
            FunctionArguments::Subquery(_) => false,
        },
        Expr::Cast { expr, .. } => qualifiers(expr, tables),
        Expr::Nested(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner) => qualifiers(inner, tables),
        Expr::UnaryOp { expr, .. } => qualifiers(expr, tables),
        Expr::BinaryOp { left, right, .. } => qualifiers(left, tables) && qualifiers(right, tables),
        Expr::InList { expr, list, .. } => {
            qualifiers(expr, tables) && list.iter().all(|item| qualifiers(item, tables))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(sql: &str) -> Severity {
        severity(&analyze("sql", None, sql.as_bytes()))
    }

    #[test]
    fn what_runs_inside_a_question_is_judged() {
        for sql in [
            "WITH x AS (DELETE FROM t RETURNING id) SELECT count(*) FROM x",
            "EXPLAIN ANALYZE DELETE FROM t",
            "EXPLAIN (ANALYZE, BUFFERS) DELETE FROM t",
            "INSERT INTO old WITH x AS (DELETE FROM t RETURNING id) SELECT id FROM x",
            "CREATE TABLE old AS WITH x AS (DELETE FROM t RETURNING id) SELECT id FROM x",
        ] {
            assert_eq!(level(sql), Severity::Critical, "{sql}");
        }
        for sql in [
            "WITH x AS (DELETE FROM t WHERE id = 1 RETURNING id) SELECT count(*) FROM x",
            "EXPLAIN DELETE FROM t",
            "WITH x AS (SELECT 1) SELECT * FROM x",
        ] {
            assert_eq!(level(sql), Severity::Info, "{sql}");
        }
    }

    #[test]
    fn an_update_that_is_joined_to_nothing_changes_all() {
        for (condition, expected) in [
            ("c.country = 'DE'", Severity::High),
            ("c.a = 1 AND c.b IN (2, 3)", Severity::High),
            (
                "c.seen < current_date - interval '1 year' AND o.a <> now()",
                Severity::Medium,
            ),
            ("o.customer = c.id AND c.country = 'DE'", Severity::Info),
            ("orders.customer = c.id", Severity::Info),
            ("country = 'DE'", Severity::Info),
        ] {
            let table = if condition.contains("orders.") {
                "orders"
            } else {
                "orders AS o"
            };
            let sql = format!("UPDATE {table} SET paid = true FROM customers c WHERE {condition}");
            assert_eq!(level(&sql), expected, "{sql}");
        }
        let delete = |condition: &str| {
            level(&format!(
                "DELETE FROM orders o USING customers c WHERE {condition}"
            ))
        };
        assert_eq!(delete("c.left_at < 5"), Severity::Critical);
        assert_eq!(delete("c.left_at < 5 AND o.customer = c.id"), Severity::Info);
    }

    #[test]
    fn a_script_that_is_one_transaction_is_weighed_as_such() {
        assert_eq!(
            level("BEGIN; UPDATE t SET a = 1 WHERE id = 2; COMMIT"),
            Severity::Low
        );
        for sql in [
            "BEGIN; UPDATE t SET a = 1 WHERE id = 2; COMMIT; SELECT 1",
            "UPDATE t SET a = 1 WHERE id = 2; COMMIT",
            "BEGIN; COMMIT; BEGIN; COMMIT",
            "BEGIN; UPDATE t SET a = 1 WHERE id = 2; ROLLBACK",
        ] {
            assert_eq!(level(sql), Severity::High, "{sql}");
        }
    }

    #[test]
    fn a_temporary_table_of_its_own_may_go() {
        let made = "CREATE TEMPORARY TABLE x (a int); DROP TABLE ";
        assert_eq!(level(&format!("{made}x")), Severity::Low);
        for sql in [
            &format!("{made}x, y"),
            &format!("{made}x; DROP TABLE x"),
            "CREATE TABLE x (a int); DROP TABLE x",
            "DROP TABLE x; CREATE TEMPORARY TABLE x (a int)",
        ] {
            assert_eq!(level(sql), Severity::Critical, "{sql}");
        }
    }

    #[test]
    fn an_update_that_nothing_ties_is_told() {
        let update =
            |condition: &str| level(&format!("UPDATE a AS i SET x = 1 FROM b AS p WHERE {condition}"));
        assert_eq!(update("p.state = 'x' AND i.state = 'y'"), Severity::Medium);
        assert_eq!(update("p.id = i.b_id AND i.state = 'y'"), Severity::Info);
        assert_eq!(update("p.state = 'x' AND i.b_id = p.id"), Severity::Info);
    }

    #[test]
    fn tables_of_the_session_are_nobody_elses() {
        assert_eq!(level("TRUNCATE pg_temp.a"), Severity::Info);
        assert_eq!(level("DROP TABLE pg_temp.a"), Severity::Info);
        assert_eq!(level("TRUNCATE a"), Severity::Critical);
    }
}
