//! The one table of action kinds.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::read_as;

/// Where the state before an action comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// The guard reads the live file and seals it with the proposal.
    LiveFile,
    /// The guard seals what the target's own tool reports.
    Observed,
    /// There is none to show.
    Nothing,
}

/// The shapes of payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayloadType {
    /// A document, before and after.
    FileChange,
    /// A process: argv, environment, operands.
    Exec,
    /// A database statement.
    Sql,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct KindRow {
    /// The stable id.
    pub id: &'static str,
    /// Another name that is understood.
    pub alias: Option<&'static str>,
    /// The payload it is asked with, besides [`PayloadType::FileChange`], which every kind accepts: the
    /// change of a document of that kind.
    pub payload: PayloadType,
    /// Where the before-state comes from.
    pub before: Before,
    /// What it is, in a few words.
    pub title: &'static str,
}

const fn row(
    id: &'static str,
    alias: Option<&'static str>,
    payload: PayloadType,
    before: Before,
    title: &'static str,
) -> KindRow {
    KindRow {
        id,
        alias,
        payload,
        before,
        title,
    }
}

/// Every action kind.
pub const KINDS: &[KindRow] = &[
    row(
        "build",
        None,
        PayloadType::Exec,
        Before::Nothing,
        "production build",
    ),
    row("code-push", None, PayloadType::Exec, Before::Nothing, "code push"),
    row(
        "config-file",
        None,
        PayloadType::FileChange,
        Before::LiveFile,
        "configuration file change",
    ),
    row(
        "data-export",
        Some("data"),
        PayloadType::Exec,
        Before::Nothing,
        "data export",
    ),
    row("exec", None, PayloadType::Exec, Before::Nothing, "command"),
    row("http", None, PayloadType::Exec, Before::Nothing, "HTTP request"),
    row(
        "iam",
        None,
        PayloadType::FileChange,
        Before::LiveFile,
        "IAM role or policy change",
    ),
    row(
        "k8s",
        None,
        PayloadType::FileChange,
        Before::LiveFile,
        "Kubernetes rollout",
    ),
    row(
        "k8s-rbac",
        None,
        PayloadType::FileChange,
        Before::LiveFile,
        "Kubernetes access change",
    ),
    row(
        "mcp-call",
        Some("tool-call"),
        PayloadType::FileChange,
        Before::Nothing,
        "MCP tool call",
    ),
    row(
        "model-promotion",
        None,
        PayloadType::FileChange,
        Before::LiveFile,
        "model promotion",
    ),
    row(
        "s3",
        None,
        PayloadType::FileChange,
        Before::LiveFile,
        "S3 bucket policy change",
    ),
    row(
        "secret-rotation",
        None,
        PayloadType::Exec,
        Before::Nothing,
        "secret rotation",
    ),
    row(
        "security-group",
        None,
        PayloadType::FileChange,
        Before::LiveFile,
        "security group change",
    ),
    row(
        "sql",
        None,
        PayloadType::Sql,
        Before::Observed,
        "database statement",
    ),
    row(
        "terraform-plan",
        Some("terraform"),
        PayloadType::FileChange,
        Before::LiveFile,
        "infrastructure deployment",
    ),
    row(
        "workflow",
        None,
        PayloadType::FileChange,
        Before::LiveFile,
        "CI workflow change",
    ),
];

/// A name that is in the table neither as id nor as alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown action kind; known are: {}", ids())]
pub struct UnknownKind;

fn ids() -> String {
    let ids: Vec<&str> = KINDS.iter().map(|row| row.id).collect();
    ids.join(", ")
}

/// An action kind: one row of [`KINDS`].
#[derive(Clone, Copy)]
pub struct Kind(&'static KindRow);

impl Kind {
    /// The kind with this id or alias.
    ///
    /// # Errors
    /// [`UnknownKind`] when there is none.
    pub fn named(name: &str) -> Result<Self, UnknownKind> {
        KINDS
            .iter()
            .find(|row| row.id == name || row.alias == Some(name))
            .map(Self)
            .ok_or(UnknownKind)
    }

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.0.id
    }

    /// What it is, in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.0.title
    }

    /// Where the before-state comes from.
    #[must_use]
    pub const fn before(self) -> Before {
        self.0.before
    }

    /// Whether the kind can be asked with such a payload.
    #[must_use]
    pub fn accepts(self, payload: PayloadType) -> bool {
        payload == PayloadType::FileChange || payload == self.0.payload
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}
impl Eq for Kind {}
impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}
impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Kind {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.id.cmp(other.0.id)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    /// Reads an id; aliases are for command lines ([`Kind::named`]), not for signed bytes.
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        KINDS
            .iter()
            .find(|row| row.id == text)
            .map(Self)
            .ok_or(UnknownKind)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.id)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_as(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_names_are_unique() {
        let ids: Vec<_> = KINDS.iter().map(|row| row.id).collect();
        assert!(ids.is_sorted());
        let mut names: Vec<_> = ids
            .iter()
            .copied()
            .chain(KINDS.iter().filter_map(|row| row.alias))
            .collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn aliases_are_for_people_only() {
        assert_eq!(Kind::named("tool-call").unwrap().id(), "mcp-call");
        assert!("tool-call".parse::<Kind>().is_err());
    }
}
