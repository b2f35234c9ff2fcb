//! Alterations of tables: what they lose, what they lock for long, whose names they break.

use crate::findings::{Severity, rule};
use sqlparser::ast::{AlterColumnOperation, AlterTableOperation, ColumnOption, Expr, TableConstraint};

/// The rule, how bad it is, and why.
pub(super) type Alteration = (&'static rule::Rule, Severity, &'static str);

/// Says what an alteration of a table loses, locks or breaks.
#[expect(clippy::too_many_lines, reason = "one table, a row for each alteration")]
pub(super) fn alteration(operation: &AlterTableOperation) -> Option<Alteration> {
    Some(match operation {
        AlterTableOperation::DropColumn { .. } => (
            &rule::SQL_DROP_COLUMN,
            Severity::High,
            "a column and its data are dropped",
        ),
        AlterTableOperation::DropPartitions { .. } => (
            &rule::SQL_DROP,
            Severity::High,
            "a partition and its data are dropped",
        ),
        AlterTableOperation::DropConstraint { .. }
        | AlterTableOperation::DropPrimaryKey { .. }
        | AlterTableOperation::DropForeignKey { .. } => {
            (&rule::SQL_DROP, Severity::Medium, "a constraint is dropped")
        }
        AlterTableOperation::DisableRowLevelSecurity
        | AlterTableOperation::DisableTrigger { .. }
        | AlterTableOperation::DisableRule { .. } => (
            &rule::SQL_GUARD_OFF,
            Severity::High,
            "a guard of the table is switched off",
        ),
        AlterTableOperation::RenameColumn { .. }
        | AlterTableOperation::RenameTable { .. }
        | AlterTableOperation::ChangeColumn { .. } => (
            &rule::SQL_BREAKS_READERS,
            Severity::Medium,
            "a name that readers use changes",
        ),
        AlterTableOperation::AlterColumn {
            op: AlterColumnOperation::SetDataType { .. },
            ..
        }
        | AlterTableOperation::ModifyColumn { .. } => (
            &rule::SQL_LOCKS,
            Severity::Medium,
            "the whole table may be rewritten under a lock",
        ),
        AlterTableOperation::AlterColumn {
            op: AlterColumnOperation::SetNotNull,
            ..
        } => (
            &rule::SQL_LOCKS,
            Severity::Medium,
            "the whole table is read under a lock",
        ),
        AlterTableOperation::AddConstraint {
            constraint,
            not_valid: false,
        } => match constraint {
            TableConstraint::ForeignKey(_) | TableConstraint::Check(_) => (
                &rule::SQL_LOCKS,
                Severity::Medium,
                "the whole table is checked under a lock",
            ),
            _ => (
                &rule::SQL_LOCKS,
                Severity::Medium,
                "an index is built under a lock",
            ),
        },
        AlterTableOperation::AddColumn { column_def, .. } => {
            let has = |wanted: fn(&ColumnOption) -> bool| {
                column_def.options.iter().any(|option| wanted(&option.option))
            };
            let required = has(|option| matches!(option, ColumnOption::NotNull));
            let default = column_def.options.iter().find_map(|option| match &option.option {
                ColumnOption::Default(value) => Some(value),
                _ => None,
            });
            if required && default.is_none() {
                (
                    &rule::SQL_LOCKS,
                    Severity::Medium,
                    "a required column without a default fails on a table with rows",
                )
            } else if has(|option| matches!(option, ColumnOption::Unique(_) | ColumnOption::PrimaryKey(_))) {
                (
                    &rule::SQL_LOCKS,
                    Severity::Medium,
                    "an index is built under a lock",
                )
            } else if default.is_some_and(|value| matches!(value, Expr::Function(_))) {
                (
                    &rule::SQL_LOCKS,
                    Severity::Medium,
                    "a computed default may rewrite the whole table under a lock",
                )
            } else {
                return None;
            }
        }
        _ => return None,
    })
}
