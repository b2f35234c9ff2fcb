//! The action: exactly what would run.
//!
//! Payload bytes are opaque and digested as received; artifacts travel beside the statement and are named by
//! digest and length. The action digest names the content: the same change asked twice has the same digest.

use serde::{Deserialize, Serialize};

use crate::canonical::{self, EncodeError};
use crate::digest::{ActionDigest, ArtifactDigest, Sha256Digest};
use crate::identity::EnvironmentId;
use crate::kind::{Kind, PayloadType};
use crate::text::{Line, OsBytes};

/// The most arguments, variables or operands of a process.
pub const MAX_ITEMS: usize = 4096;

/// What would run, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What sort of change it is.
    pub kind: Kind,
    /// Where it takes effect, derived from the target by the directory's rules.
    pub environment: EnvironmentId,
    /// What it acts on, as the guard observed it: a URI such as `file://web-1/etc/nginx/nginx.conf`.
    pub target: Line,
    /// The change itself.
    pub payload: Payload,
}

/// The change itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Payload {
    /// A document, before and after.
    FileChange(FileChange),
    /// A process.
    Exec(Exec),
    /// A database statement.
    Sql(Sql),
}

/// Bytes that travel beside a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactRef {
    /// Their digest.
    pub digest: ArtifactDigest,
    /// Their number.
    pub length: u64,
}

impl ArtifactRef {
    /// Names `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            digest: ArtifactDigest::of(bytes),
            length: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }
    }

    /// Whether these are the bytes.
    #[must_use]
    pub fn names(&self, bytes: &[u8]) -> bool {
        *self == Self::of(bytes)
    }
}

/// A document before and after. Refused when the live document is no longer the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileChange {
    /// The absolute path.
    pub path: OsBytes,
    /// The live document; absent when the file is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ArtifactRef>,
    /// The document to write; absent when the file is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<ArtifactRef>,
    /// Permission bits of the file to write; absent keeps the file's own, or `0644` for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// A process, without a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The absolute path of the binary.
    pub binary: OsBytes,
    /// The binary's bytes. They are too many to travel: the guard keeps the sealed copy, the digest binds it.
    pub binary_digest: ArtifactRef,
    /// Arguments, the program's own name first.
    pub argv: Vec<OsBytes>,
    /// The absolute working directory.
    pub cwd: OsBytes,
    /// The whole environment, sorted by name.
    pub env: Vec<EnvVar>,
    /// What the process reads on standard input; absent for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<ArtifactRef>,
    /// Files named by arguments, replaced by sealed copies when it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operands: Vec<Operand>,
}

/// One variable of a process's environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvVar {
    /// Its name.
    pub name: OsBytes,
    /// Its value.
    pub value: OsBytes,
}

/// A file that an argument names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operand {
    /// The index of the argument in `argv`.
    pub argument: u32,
    /// The absolute path it named.
    pub path: OsBytes,
    /// The bytes it held.
    pub content: ArtifactRef,
}

/// A database statement, or several, run in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    /// The database's language.
    pub dialect: Dialect,
    /// The name under which the guard's configuration knows the database.
    pub database: Line,
    /// The statement's text, in UTF-8.
    pub statement: ArtifactRef,
    /// More rows changed than this roll the transaction back.
    pub max_rows: u64,
}

/// SQL dialects that a guard runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgresql,
}

/// Why an action is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// The kind is not asked with such a payload.
    #[error("kind `{kind}` cannot be asked with a `{payload:?}` payload")]
    WrongPayload {
        /// The kind.
        kind: Kind,
        /// The payload given.
        payload: PayloadType,
    },
    /// A field breaks its rule.
    #[error("action field `{field}` {problem}")]
    Field {
        /// The field.
        field: &'static str,
        /// The rule it breaks.
        problem: &'static str,
    },
}

impl Payload {
    /// Its shape.
    #[must_use]
    pub const fn payload_type(&self) -> PayloadType {
        match self {
            Self::FileChange(_) => PayloadType::FileChange,
            Self::Exec(_) => PayloadType::Exec,
            Self::Sql(_) => PayloadType::Sql,
        }
    }
}

impl Action {
    /// The digest that names this content.
    ///
    /// # Errors
    /// [`EncodeError`] when a length is 2^53 or above.
    pub fn digest(&self) -> Result<ActionDigest, EncodeError> {
        let bytes = canonical::to_bytes(self)?;
        Ok(ActionDigest::new(Sha256Digest::of_domain(
            "countersign/action/v1",
            &[&bytes],
        )))
    }

    /// The state before, where the action has one.
    #[must_use]
    pub const fn baseline(&self) -> Option<ArtifactRef> {
        match &self.payload {
            Payload::FileChange(change) => change.before,
            Payload::Exec(_) | Payload::Sql(_) => None,
        }
    }

    /// Every artifact that must travel with the action, so that a reviewer sees it: each once, in order.
    #[must_use]
    pub fn artifacts(&self) -> Vec<ArtifactRef> {
        let mut all: Vec<ArtifactRef> = match &self.payload {
            Payload::FileChange(change) => change.before.into_iter().chain(change.after).collect(),
            Payload::Exec(exec) => exec
                .stdin
                .into_iter()
                .chain(exec.operands.iter().map(|operand| operand.content))
                .collect(),
            Payload::Sql(sql) => vec![sql.statement],
        };
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Refuses what no guard may run, whatever policy says.
    ///
    /// # Errors
    /// [`ActionError`] names the field.
    pub fn check(&self) -> Result<(), ActionError> {
        let payload = self.payload.payload_type();
        if !self.kind.accepts(payload) {
            return Err(ActionError::WrongPayload {
                kind: self.kind,
                payload,
            });
        }
        let target = self.target.raw();
        if !target.contains("://") || target.chars().any(char::is_control) {
            return field("target", "is not a URI");
        }
        match &self.payload {
            Payload::FileChange(change) => check_change(change),
            Payload::Exec(exec) => check_exec(exec),
            Payload::Sql(sql) if sql.database.is_empty() => field("database", "is empty"),
            Payload::Sql(_) => Ok(()),
        }
    }
}

fn field(field: &'static str, problem: &'static str) -> Result<(), ActionError> {
    Err(ActionError::Field { field, problem })
}

fn check_change(change: &FileChange) -> Result<(), ActionError> {
    if !is_plain_absolute(&change.path) {
        return field("path", "is not an absolute path without `.`, `..` or empty parts");
    }
    if change.before.is_none() && change.after.is_none() {
        return field("after", "is missing, and so is `before`: nothing would change");
    }
    if change.mode.is_some_and(|mode| mode > 0o777) {
        return field("mode", "has bits beyond 0777");
    }
    Ok(())
}

fn check_exec(exec: &Exec) -> Result<(), ActionError> {
    if !is_plain_absolute(&exec.binary) {
        return field(
            "binary",
            "is not an absolute path without `.`, `..` or empty parts",
        );
    }
    if !is_plain_absolute(&exec.cwd) && exec.cwd.as_bytes() != b"/" {
        return field("cwd", "is not an absolute path without `.`, `..` or empty parts");
    }
    if exec.argv.is_empty() {
        return field("argv", "is empty; the program's own name comes first");
    }
    if exec.argv.len() > MAX_ITEMS || exec.env.len() > MAX_ITEMS || exec.operands.len() > MAX_ITEMS {
        return field("argv", "or `env` or `operands` has more than 4096 items");
    }
    let nul = |bytes: &OsBytes| bytes.as_bytes().contains(&0);
    if exec.argv.iter().any(nul) || exec.env.iter().any(|var| nul(&var.name) || nul(&var.value)) {
        return field("argv", "or `env` holds a NUL byte");
    }
    if exec
        .env
        .iter()
        .any(|var| var.name.as_bytes().is_empty() || var.name.as_bytes().contains(&b'='))
    {
        return field("env", "has a name that is empty or holds `=`");
    }
    if !exec
        .env
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a.name < b.name))
    {
        return field("env", "is not sorted by name, or has a name twice");
    }
    let within =
        |operand: &Operand| usize::try_from(operand.argument).is_ok_and(|index| index < exec.argv.len());
    let rising = exec
        .operands
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a.argument < b.argument));
    if !rising || !exec.operands.iter().all(within) {
        return field(
            "operands",
            "name an argument that is not there, or are not in order",
        );
    }
    if !exec
        .operands
        .iter()
        .all(|operand| is_plain_absolute(&operand.path))
    {
        return field("operands", "name a path that is not absolute");
    }
    Ok(())
}

/// Absolute, and equal to its own normal form: no `.`, no `..`, no empty part, no NUL.
fn is_plain_absolute(path: &OsBytes) -> bool {
    let Some(rest) = path.as_bytes().strip_prefix(b"/") else {
        return false;
    };
    !rest.is_empty()
        && !rest.contains(&0)
        && rest
            .split(|byte| *byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b".."))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn change(path: &str) -> Action {
        Action {
            kind: Kind::named("config-file").unwrap(),
            environment: "production".parse().unwrap(),
            target: Line::new(format!("file://web-1{path}")).unwrap(),
            payload: Payload::FileChange(FileChange {
                path: OsBytes::new(path),
                before: Some(ArtifactRef::of(b"old\n")),
                after: Some(ArtifactRef::of(b"new\n")),
                mode: None,
            }),
        }
    }

    fn exec() -> Exec {
        Exec {
            binary: OsBytes::new("/usr/bin/true"),
            binary_digest: ArtifactRef::of(b"ELF"),
            argv: vec![OsBytes::new("true"), OsBytes::new("f")],
            cwd: OsBytes::new("/"),
            env: vec![],
            stdin: None,
            operands: vec![],
        }
    }

    fn check(exec: Exec) -> Result<(), ActionError> {
        let mut action = change("/etc/a");
        action.kind = Kind::named("exec").unwrap();
        action.payload = Payload::Exec(exec);
        action.check()
    }

    #[test]
    fn the_digest_follows_every_field() {
        let base = change("/etc/a").digest().unwrap();
        assert_eq!(base, change("/etc/a").digest().unwrap());
        let mut other = change("/etc/a");
        other.environment = "staging".parse().unwrap();
        assert_ne!(base, other.digest().unwrap());
        assert_ne!(base, change("/etc/b").digest().unwrap());
    }

    #[test]
    fn paths_are_plain() {
        assert_eq!(change("/etc/a").check(), Ok(()));
        for bad in [
            "etc/a",
            "/",
            "/etc/../a",
            "/etc//a",
            "/etc/./a",
            "/etc/a/",
            "/etc/\0",
        ] {
            assert!(change(bad).check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn processes_are_complete_and_unambiguous() {
        assert_eq!(check(exec()), Ok(()));
        let var = |name: &str| EnvVar {
            name: OsBytes::new(name),
            value: OsBytes::new("v"),
        };
        let operand = |argument| Operand {
            argument,
            path: OsBytes::new("/f"),
            content: ArtifactRef::of(b""),
        };
        assert!(
            check(Exec {
                env: vec![var("A"), var("B")],
                operands: vec![operand(1)],
                ..exec()
            })
            .is_ok()
        );
        for bad in [
            Exec {
                argv: vec![],
                ..exec()
            },
            Exec {
                binary: OsBytes::new("true"),
                ..exec()
            },
            Exec {
                env: vec![var("B"), var("A")],
                ..exec()
            },
            Exec {
                env: vec![var("A"), var("A")],
                ..exec()
            },
            Exec {
                env: vec![var("A=B")],
                ..exec()
            },
            Exec {
                argv: vec![OsBytes::new("a\0b")],
                ..exec()
            },
            Exec {
                operands: vec![operand(2)],
                ..exec()
            },
            Exec {
                operands: vec![operand(1), operand(1)],
                ..exec()
            },
        ] {
            assert!(check(bad.clone()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_payload_has_to_fit_its_kind() {
        let mut action = change("/etc/a");
        action.payload = Payload::Exec(exec());
        assert!(matches!(action.check(), Err(ActionError::WrongPayload { .. })));
    }

    #[test]
    fn unknown_fields_are_refused() {
        let mut json = serde_json::to_value(change("/etc/a")).unwrap();
        json["payload"]["extra"] = true.into();
        let error = canonical::parse::<Action>(json.to_string().as_bytes()).unwrap_err();
        assert!(error.to_string().contains("unknown field `extra`"), "{error}");
    }
}
