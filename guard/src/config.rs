//! The guard service's configuration: one TOML file of the guard's own user.
//!
//! The service reads nothing else: no environment variable and no file of its callers. Unknown keys are errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_protocol::action::Dialect;
use countersign_protocol::digest::RootId;
use countersign_protocol::identity::{AgentId, GuardId};
use serde::Deserialize;

/// The largest configuration file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// The most output that is kept of a process.
const MAX_OUTPUT_BYTES: usize = 16 * 1024 * 1024;
/// Where binaries are looked for when the configuration names no folders.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration `{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not understood.
    #[error("configuration `{path}`: {problem}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        problem: String,
    },
    /// A value breaks a rule.
    #[error("configuration key `{key}` {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

/// The configuration of a guard service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This guard's id in the directory.
    pub guard: GuardId,
    /// The backend's address.
    pub backend: String,
    /// The pinned root.
    #[serde(deserialize_with = "root_id")]
    pub root: RootId,
    /// Key, journal, held bytes and trust.
    pub home: PathBuf,
    /// The socket for clients.
    pub socket: PathBuf,
    /// The name of this host in targets.
    pub host: String,
    /// Whether an agent may be the guard's own user: recorded as `isolation: none`.
    #[serde(default)]
    pub same_user: bool,
    /// Which operating system user is which agent.
    #[serde(default)]
    pub agents: Vec<AgentUser>,
    /// How processes run.
    #[serde(default)]
    pub exec: ExecConfig,
    /// Databases that statements may go to.
    #[serde(default)]
    pub databases: Vec<Database>,
    /// The file that all of this was read from.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// One agent's operating system user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentUser {
    /// The user's number.
    pub uid: u32,
    /// The agent.
    pub agent: AgentId,
}

/// How processes run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExecConfig {
    /// Names of variables that pass from the caller to the process. `PATH` always has the guard's own value.
    pub env: Vec<String>,
    /// Folders where binaries are looked for, separated by colons.
    pub path: String,
    /// A process that runs longer is killed.
    pub time_limit_seconds: u64,
    /// Kept of each output stream for `wait`, in bytes.
    pub output_bytes: usize,
}

impl Default for ExecConfig {
    fn default() -> Self {
        Self {
            env: vec![],
            path: DEFAULT_PATH.to_owned(),
            time_limit_seconds: 3600,
            output_bytes: 1024 * 1024,
        }
    }
}

impl ExecConfig {
    /// How long a process may run.
    #[must_use]
    pub const fn time_limit(&self) -> Duration {
        Duration::from_secs(self.time_limit_seconds)
    }
}

/// One database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The name that clients use.
    pub name: String,
    /// Its language.
    pub dialect: Dialect,
    /// The file of an SQLite database.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// The address of a PostgreSQL database.
    #[serde(default)]
    pub url: Option<String>,
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`] says what to change.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        use std::io::Read as _;
        let mut text = String::new();
        let length = std::fs::File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
            .map_err(|source| ConfigError::Read {
                path: path.to_owned(),
                source,
            })?;
        // Cut off, it could mean something else.
        if u64::try_from(length).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(ConfigError::Syntax {
                path: path.to_owned(),
                problem: format!("is longer than {MAX_BYTES} bytes; write less"),
            });
        }
        let config = Self::parse(&text).map_err(|error| match error {
            ConfigError::Syntax { problem, .. } => ConfigError::Syntax {
                path: path.to_owned(),
                problem,
            },
            other @ (ConfigError::Read { .. } | ConfigError::Value { .. }) => other,
        })?;
        Ok(Self {
            file: Some(path.to_owned()),
            ..config
        })
    }

    /// Parses and checks a configuration.
    ///
    /// # Errors
    /// [`ConfigError`] says what to change.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax {
            path: PathBuf::new(),
            problem: with_nearest(&error.to_string()),
        })?;
        config.check()?;
        Ok(config)
    }

    /// The agent that a user of the operating system is. Unknown users are nobody.
    #[must_use]
    pub fn agent_of(&self, uid: u32) -> Option<&AgentId> {
        let found = self.agents.iter().find(|user| user.uid == uid);
        found.map(|user| &user.agent)
    }

    /// The database with this name.
    #[must_use]
    pub fn database(&self, name: &str) -> Option<&Database> {
        self.databases.iter().find(|database| database.name == name)
    }

    /// Whether a path without links leads to the service's own: its home with key, journal and held bytes, or its
    /// configuration, which may hold credentials of databases.
    #[must_use]
    pub fn is_own(&self, path: &Path) -> bool {
        let own = |own: &Path| {
            let real = own.canonicalize().unwrap_or_else(|_| own.to_owned());
            path.starts_with(real)
        };
        own(&self.home) || self.file.as_deref().is_some_and(own)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let absolute = [("home", &self.home), ("socket", &self.socket)];
        for (key, path) in absolute {
            if !path.is_absolute() {
                return value(key, "must be an absolute path");
            }
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if self.host.is_empty() || !self.host.bytes().all(plain) {
            return value("host", "must be a host name: letters, digits, `.`, `-`, `_`");
        }
        let mut uids = BTreeMap::new();
        for user in &self.agents {
            if uids.insert(user.uid, &user.agent).is_some() {
                return value("agents", &format!("names uid {} twice", user.uid));
            }
        }
        self.check_exec()?;
        let mut names = BTreeMap::new();
        for database in &self.databases {
            if names.insert(&database.name, ()).is_some() {
                return value("databases", &format!("names `{}` twice", database.name));
            }
            check_database(database)?;
        }
        Ok(())
    }

    fn check_exec(&self) -> Result<(), ConfigError> {
        for name in &self.exec.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return value("exec.env", "holds a name that is empty or has `=`");
            }
            // These make the loader read files that nobody reviewed.
            if name.starts_with("LD_") || name == "GLIBC_TUNABLES" {
                return value("exec.env", &format!("may not let `{name}` pass to a process"));
            }
        }
        if !self.exec.path.split(':').all(|folder| folder.starts_with('/')) {
            return value("exec.path", "must name absolute folders, separated by colons");
        }
        if self.exec.output_bytes > MAX_OUTPUT_BYTES {
            return value("exec.output_bytes", "must be at most 16777216");
        }
        if self.exec.time_limit_seconds == 0 {
            return value("exec.time_limit_seconds", "must be at least 1");
        }
        Ok(())
    }
}

fn check_database(database: &Database) -> Result<(), ConfigError> {
    match (database.dialect, &database.path, &database.url) {
        (Dialect::Sqlite, Some(path), None) if path.is_absolute() => Ok(()),
        (Dialect::Sqlite, _, _) => value(
            "databases",
            &format!("`{}` needs an absolute `path`, and no `url`", database.name),
        ),
        (Dialect::Postgresql, None, Some(url)) => {
            crate::run::postgresql::address(url)
                .map(|_| ())
                .map_err(|error| ConfigError::Value {
                    key: "databases",
                    problem: format!("`{}`: {error}", database.name),
                })
        }
        (Dialect::Postgresql, _, _) => value(
            "databases",
            &format!("`{}` needs a `url`, and no `path`", database.name),
        ),
    }
}

fn value(key: &'static str, problem: &str) -> Result<(), ConfigError> {
    Err(ConfigError::Value {
        key,
        problem: problem.to_owned(),
    })
}

fn root_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<RootId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.trim().parse().map_err(serde::de::Error::custom)
}

/// Adds the nearest known key to serde's message about an unknown one.
fn with_nearest(message: &str) -> String {
    let message = message.trim_end();
    let Some((_, rest)) = message.split_once("unknown field `") else {
        return message.to_owned();
    };
    let mut names = rest.split('`').step_by(2);
    let Some(unknown) = names.next() else {
        return message.to_owned();
    };
    let near = rest
        .split('`')
        .skip(2)
        .step_by(2)
        .min_by_key(|known| strsim::levenshtein(unknown, known));
    match near {
        Some(near) => format!("{message}\ndid you mean `{near}`?"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(more: &str) -> String {
        format!(
            "guard = \"g1\"\nbackend = \"http://127.0.0.1:1\"\nroot = \"{}\"\nhome = \"/g\"\nsocket = \"/g/s\"\n\
             host = \"web-1\"\n{more}",
            "ab".repeat(32)
        )
    }

    #[test]
    fn is_read_with_careful_defaults() {
        let config = Config::parse(&text("[[agents]]\nuid = 1000\nagent = \"deployer\"")).unwrap();
        assert!(!config.same_user && config.exec.env.is_empty());
        assert_eq!(config.agent_of(1000).unwrap().as_str(), "deployer");
        assert!(config.agent_of(0).is_none());
    }

    #[test]
    fn one_that_is_too_long_is_refused_and_not_cut_off() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let comment = "# a line that says nothing\n".repeat(1 + usize::try_from(MAX_BYTES).unwrap() / 27);
        for (more, good) in [("", true), (comment.as_str(), false)] {
            std::fs::write(file.path(), text("same_user = true\n") + more).unwrap();
            assert_eq!(Config::read(file.path()).is_ok(), good);
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let error = Config::parse(&text("same_usr = true")).unwrap_err().to_string();
        assert!(error.contains("did you mean `same_user`?"), "{error}");
    }

    #[test]
    fn what_would_weaken_the_guard_is_refused() {
        for bad in [
            "[exec]\nenv = [\"LD_PRELOAD\"]",
            "[exec]\npath = \"bin:/usr/bin\"",
            "[exec]\ntime_limit_seconds = 0",
            "[[agents]]\nuid = 1\nagent = \"a\"\n[[agents]]\nuid = 1\nagent = \"b\"",
            "[[databases]]\nname = \"d\"\ndialect = \"sqlite\"\npath = \"relative.db\"",
            "[[databases]]\nname = \"d\"\ndialect = \"postgresql\"\nurl = \"postgresql://db.example.com/d\"",
            "[[databases]]\nname = \"d\"\ndialect = \"postgresql\"",
        ] {
            assert!(Config::parse(&text(bad)).is_err(), "{bad}");
        }
    }
}
