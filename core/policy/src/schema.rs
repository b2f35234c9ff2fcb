//! The published schema, and the kinds of action as Cedar entities.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cedar_policy::Schema;
use countersign_protocol::kind::KINDS;

/// The published schema's text: what policies can speak about.
pub const SCHEMA: &str = include_str!("../../../assets/policies/schema.cedarschema");

/// The three questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Propose,
    Approve,
    Execute,
}

impl Ask {
    pub(crate) const ALL: [Self; 3] = [Self::Propose, Self::Approve, Self::Execute];

    /// The schema's name of its action.
    pub(crate) const fn action(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Approve => "approve",
            Self::Execute => "execute",
        }
    }
}

/// The group that every kind is in.
pub(crate) const EVERY_KIND: &str = "privileged";

/// Groups of kinds, beside [`EVERY_KIND`].
pub(crate) const GROUPS: &[(&str, &[&str])] = &[
    (
        "access",
        &["iam", "k8s-rbac", "s3", "secret-rotation", "security-group"],
    ),
    ("command", &["exec", "http", "mcp-call"]),
    ("data", &["data-export", "s3", "sql"]),
    ("delivery", &["build", "code-push", "model-promotion", "workflow"]),
    (
        "infrastructure",
        &[
            "config-file",
            "k8s",
            "k8s-rbac",
            "security-group",
            "terraform-plan",
        ],
    ),
];

/// The schema, compiled once. The text is part of this program; a test compiles it.
pub(crate) fn compiled() -> Result<&'static Schema, String> {
    static COMPILED: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
        Schema::from_cedarschema_str(SCHEMA)
            .map(|(schema, _)| schema)
            .map_err(|error| error.to_string())
    });
    COMPILED.as_ref().map_err(Clone::clone)
}

/// The groups that a kind is in.
pub(crate) fn groups_of(kind: &str) -> impl Iterator<Item = &'static str> {
    let within = GROUPS
        .iter()
        .filter(move |(_, kinds)| kinds.contains(&kind))
        .map(|(group, _)| *group);
    std::iter::once(EVERY_KIND).chain(within)
}

/// Every name that `Kind::"…"` can have in a policy.
pub(crate) fn kind_names() -> BTreeSet<&'static str> {
    let groups = GROUPS.iter().map(|(group, _)| *group);
    KINDS
        .iter()
        .map(|row| row.id)
        .chain(groups)
        .chain([EVERY_KIND])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_compiles_without_warnings() {
        let (_, warnings) = Schema::from_cedarschema_str(SCHEMA).unwrap();
        assert_eq!(
            warnings.map(|warning| warning.to_string()).collect::<Vec<_>>(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_kind_is_in_a_group_and_no_group_is_a_kind() {
        for row in KINDS {
            assert!(groups_of(row.id).count() >= 2, "{} is in no group", row.id);
        }
        for (group, kinds) in GROUPS {
            assert!(KINDS.iter().all(|row| row.id != *group), "{group}");
            for kind in *kinds {
                assert!(KINDS.iter().any(|row| row.id == *kind), "{kind}");
            }
        }
    }
}
