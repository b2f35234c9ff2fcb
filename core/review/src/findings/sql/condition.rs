//! Conditions of updates and deletions: which of them let every row pass, and which don't mean what they seem to.
//!
//! No schema is known here. A name without its table inside an inner query is taken for one of that query's own
//! tables, as SQL does where such a column exists.

use super::inner::ScriptFacts;
use crate::findings::name;
use crate::findings::observation::quote;
use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, SetExpr, TableFactor, Value};
use std::collections::BTreeSet;

/// Says whether a condition lets every row pass: it is missing, or plainly true.
pub(super) fn matches_all(selection: Option<&Expr>, own: &ScriptFacts) -> bool {
    match selection {
        None => true,
        Some(Expr::Nested(inner)) => matches_all(Some(inner), own),
        Some(Expr::Value(value)) => match &value.value {
            Value::Boolean(truth) => *truth,
            Value::Number(digits, _) => digits != "0",
            _ => false,
        },
        Some(Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        }) => left == right,
        Some(Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        }) => matches_all(Some(left), own) || matches_all(Some(right), own),
        Some(Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        }) => matches_all(Some(left), own) && matches_all(Some(right), own),
        Some(Expr::BinaryOp { left, op, right }) if is_plainly_so(left, op, right) => true,
        // What has a value at all, or looks like anything.
        Some(Expr::IsNotNull(_)) => true,
        Some(Expr::Like {
            negated: false,
            pattern,
            ..
        }) => pattern.to_string() == "'%'",
        // A row is always among all rows of its own column.
        Some(Expr::InSubquery {
            expr,
            subquery,
            negated: false,
        }) => selects_all_of(subquery, expr, own),
        Some(Expr::Exists {
            subquery,
            negated: false,
        }) => !depends_on_row(subquery),
        _ => false,
    }
}

/// Says whether every row is likely to compare so: a key that is above nothing, a time of the past that is before now.
fn is_plainly_so(left: &Expr, op: &BinaryOperator, right: &Expr) -> bool {
    const PAST: &[&str] = &[
        "created",
        "inserted",
        "updated",
        "logged",
        "occurred",
        "recorded",
        "added",
        "registered",
        "received",
        "made",
    ];
    let name = match left {
        Expr::Identifier(name) => bare(&name.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|name| bare(&name.value)).unwrap_or_default(),
        _ => return false,
    };
    let text = right.to_string().to_ascii_lowercase();
    match op {
        BinaryOperator::Gt | BinaryOperator::GtEq | BinaryOperator::NotEq => {
            (name == "id" || name.ends_with("_id")) && matches!(text.as_str(), "0" | "-1")
        }
        BinaryOperator::Lt | BinaryOperator::LtEq => {
            let now = [
                "now()",
                "current_timestamp",
                "current_timestamp()",
                "current_date",
                "getdate()",
                "sysdate",
            ];
            let words = name::words(&name);
            now.contains(&text.as_str()) && words.iter().any(|word| PAST.contains(&word.as_str()))
        }
        _ => false,
    }
}

/// Says whether a query gives every value of a column: it selects just that, under no condition. A temporary table of
/// the script's own holds what the script put there.
fn selects_all_of(query: &Query, column: &Expr, own: &ScriptFacts) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return false;
    };
    let name = |text: String| text.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let one = match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(selected)] => name(selected.to_string()) == name(column.to_string()),
        _ => false,
    };
    let picked = match select.from.as_slice() {
        [only] if only.joins.is_empty() => own.holds(&only.relation),
        _ => false,
    };
    one && !picked
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && select.having.is_none()
        && matches_all(select.selection.as_ref(), own)
}

/// Returns what is wrong with parts of a condition that is not wrong as a whole.
pub(super) fn misleading(selection: Option<&Expr>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(condition) = selection {
        // Alone it lets every row pass, and that is told.
        if let Expr::BinaryOp {
            op: BinaryOperator::And,
            ..
        } = condition
        {
            void(condition, &mut found);
        }
        if mixes(condition) {
            found.push("`AND` binds before `OR`, and no brackets say what belongs together".to_owned());
        }
    }
    found
}

/// Finds parts of a conjunction that are the same for every row. The parser bounds the depth.
fn void(condition: &Expr, found: &mut Vec<String>) {
    match condition {
        Expr::Nested(inner) => void(inner, found),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            void(left, found);
            void(right, found);
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } if left == right => found.push(format!(
            "{} compares a value with itself",
            quote(&condition.to_string())
        )),
        Expr::Exists { subquery, .. } if !depends_on_row(subquery) => found.push(format!(
            "{} is the same for every row",
            quote(&condition.to_string())
        )),
        _ => {}
    }
}

/// Says whether `OR` stands beside an `AND` without brackets around it.
fn mixes(condition: &Expr) -> bool {
    let is = |expression: &Expr, wanted: &BinaryOperator| matches!(expression, Expr::BinaryOp { op, .. } if op == wanted);
    match condition {
        Expr::Nested(inner) => mixes(inner),
        Expr::BinaryOp { left, op, right } => {
            *op == BinaryOperator::Or && [left, right].iter().any(|side| is(side, &BinaryOperator::And))
                || mixes(left)
                || mixes(right)
        }
        _ => false,
    }
}

/// Says whether an inner query speaks of a table that is none of its own, or may do so.
fn depends_on_row(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return true;
    };
    let mut own = BTreeSet::new();
    for table in &select.from {
        let joined = table.joins.iter().map(|join| &join.relation);
        for relation in [&table.relation].into_iter().chain(joined) {
            let TableFactor::Table { name, alias, .. } = relation else {
                return true;
            };
            own.extend(name.to_string().split('.').map(bare));
            own.extend(alias.iter().map(|alias| bare(&alias.name.value)));
        }
    }
    !owners(&query.to_string()).is_subset(&own)
        || select.selection.as_ref().is_some_and(compares_bare_columns)
}

/// Says whether two columns are compared of which one does not name its table: it may be the row's.
fn compares_bare_columns(condition: &Expr) -> bool {
    let column = |side: &Expr| matches!(side, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    match condition {
        Expr::Nested(inner) => compares_bare_columns(inner),
        Expr::BinaryOp { left, right, .. } => {
            let bare = [left, right]
                .iter()
                .any(|side| matches!(side.as_ref(), Expr::Identifier(_)));
            bare && column(left) && column(right)
                || compares_bare_columns(left)
                || compares_bare_columns(right)
        }
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Value(_) | Expr::InList { .. } => false,
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_) => false,
        Expr::Cast { .. } | Expr::Interval(_) | Expr::Between { .. } | Expr::Like { .. } => false,
        _ => true,
    }
}

/// Returns the names before a point in the text of a query, in lower case.
fn owners(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars() {
        if c == '\'' {
            quoted = !quoted;
        }
        if quoted {
            continue;
        }
        if c.is_alphanumeric() || matches!(c, '_' | '"' | '`') {
            word.push(c);
            continue;
        }
        if c == '.' && !word.starts_with(|first: char| first.is_ascii_digit()) && !word.is_empty() {
            found.insert(bare(&word));
        }
        word.clear();
    }
    found
}

fn bare(name: &str) -> String {
    name.trim_matches(['"', '`']).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    fn told(sql: &str) -> Vec<(&'static str, Severity)> {
        analyze("sql", None, sql.as_bytes())
            .iter()
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn an_inner_query_that_does_not_depend_on_the_row_is_told() {
        for sql in [
            "DELETE FROM s WHERE EXISTS (SELECT 1 FROM users u WHERE u.gone IS NOT NULL)",
            "DELETE FROM s WHERE EXISTS (SELECT 1 FROM users WHERE gone > 3)",
            "DELETE FROM s WHERE EXISTS (SELECT 1 FROM public.users WHERE users.name = 's.x')",
        ] {
            assert_eq!(told(sql), [("sql-no-where", Severity::Critical)], "{sql}");
        }
        assert_eq!(
            told(
                "DELETE FROM s WHERE tenant = 7 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.gone IS NULL)"
            ),
            [("sql-condition-misleads", Severity::Medium)]
        );
        for sql in [
            "DELETE FROM s WHERE EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id)",
            "DELETE FROM s WHERE EXISTS (SELECT 1 FROM users WHERE id = user_id)",
            "DELETE FROM s WHERE EXISTS (SELECT 1 FROM (SELECT 1) q)",
            "DELETE FROM s WHERE id IN (SELECT s.id FROM users u WHERE u.gone)",
        ] {
            assert_eq!(told(sql), [], "{sql}");
        }
    }

    #[test]
    fn a_value_compared_with_itself_is_told() {
        assert_eq!(
            told("UPDATE t SET a = 1 WHERE tenant = tenant AND state = 'x'"),
            [("sql-condition-misleads", Severity::Medium)]
        );
        assert_eq!(told("UPDATE t SET a = 1 WHERE tenant = 7 AND state = 'x'"), []);
    }

    #[test]
    fn or_beside_and_needs_brackets() {
        let misleads = [("sql-condition-misleads", Severity::Medium)];
        assert_eq!(told("DELETE FROM t WHERE a = 1 AND b = 2 OR c = 3"), misleads);
        assert_eq!(
            told("UPDATE t SET x = 1 WHERE a = 1 OR b = 2 AND c = 3"),
            misleads
        );
        assert_eq!(told("DELETE FROM t WHERE a = 1 AND (b = 2 OR c = 3)"), []);
        assert_eq!(told("DELETE FROM t WHERE (a = 1 AND b = 2) OR c = 3"), []);
        assert_eq!(told("SELECT * FROM t WHERE a = 1 AND b = 2 OR c = 3"), []);
    }

    #[test]
    fn a_temporary_table_of_the_script_limits_what_is_changed() {
        let script = "CREATE TEMPORARY TABLE p AS SELECT id FROM t WHERE a = 1; UPDATE t SET b = 2 WHERE id IN (SELECT id FROM p)";
        assert_eq!(told(script), [("sql-several-statements", Severity::Low)]);
        assert_eq!(
            told("UPDATE t SET b = 2 WHERE id IN (SELECT id FROM p)"),
            [("sql-no-where", Severity::High)]
        );
    }

    #[test]
    fn what_every_row_is_likely_to_be_is_no_condition() {
        for condition in [
            "id > 0",
            "order_id <> 0",
            "created_at < now()",
            "t.inserted_on <= CURRENT_TIMESTAMP",
        ] {
            let found = told(&format!("DELETE FROM t WHERE {condition}"));
            assert_eq!(found, [("sql-no-where", Severity::Critical)], "{condition}");
        }
        for condition in [
            "id > 100",
            "expires_at < now()",
            "created_at < now() - interval '2 years'",
            "balance > 0",
        ] {
            assert_eq!(
                told(&format!("DELETE FROM t WHERE {condition}")),
                [],
                "{condition}"
            );
        }
    }
}
