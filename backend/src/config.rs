//! The configuration file: TOML, every key with a default, unknown keys refused.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What can be configured. Nothing here says whom or what to trust.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen; `--listen` overrides it.
    pub listen: SocketAddr,
    /// The certificate chain in PEM; needed off loopback.
    pub tls_cert: Option<PathBuf>,
    /// Its private key in PEM.
    pub tls_key: Option<PathBuf>,
    /// How often each key may ask in a minute.
    pub requests_per_minute: u32,
    /// How many connections are held at once.
    pub max_connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7420)),
            tls_cert: None,
            tls_key: None,
            requests_per_minute: 3000,
            max_connections: 512,
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration `{path}`: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is not in the form of this program.
    #[error("configuration `{path}`: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// Certificate and key come together.
    #[error("`tls_cert` and `tls_key` have to be given together")]
    HalfTls,
    /// Nothing would protect the connection.
    #[error(
        "refusing to listen on {0} without TLS: set `tls_cert` and `tls_key` in the configuration, or listen on \
         127.0.0.1"
    )]
    Open(IpAddr),
    /// Nobody could connect.
    #[error("`requests_per_minute` and `max_connections` have to be at least 1")]
    Zero,
}

impl Config {
    /// Reads a file, or takes the defaults.
    ///
    /// # Errors
    /// [`ConfigError`] names the key that is refused.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::File {
            path: path.to_owned(),
            error,
        })?;
        Self::parse(&text).map_err(|problem| ConfigError::Malformed {
            path: path.to_owned(),
            problem,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let message = error.to_string();
            let message = message.trim_end();
            match unknown_key(message).and_then(nearest) {
                Some(known) => format!("{message}; did you mean `{known}`?"),
                None => message.to_owned(),
            }
        })
    }

    /// Refuses what cannot be served safely.
    ///
    /// # Errors
    /// [`ConfigError`] says what to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.requests_per_minute == 0 || self.max_connections == 0 {
            return Err(ConfigError::Zero);
        }
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), Some(_)) => Ok(()),
            (None, None) if self.listen.ip().is_loopback() => Ok(()),
            (None, None) => Err(ConfigError::Open(self.listen.ip())),
            (Some(_), None) | (None, Some(_)) => Err(ConfigError::HalfTls),
        }
    }
}

const KEYS: &[&str] = &[
    "listen",
    "tls_cert",
    "tls_key",
    "requests_per_minute",
    "max_connections",
];

fn unknown_key(message: &str) -> Option<&str> {
    message
        .split_once("unknown field `")?
        .1
        .split_once('`')
        .map(|(key, _)| key)
}

fn nearest(key: &str) -> Option<&'static str> {
    let near = KEYS
        .iter()
        .map(|known| (strsim::levenshtein(key, known), *known))
        .min()?;
    (near.0 <= key.len().div_ceil(2)).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_loopback_needs_tls() {
        let mut config = Config::default();
        assert!(config.check().is_ok());
        config.listen = "0.0.0.0:7420".parse().unwrap();
        assert!(matches!(config.check(), Err(ConfigError::Open(_))));
        config.tls_cert = Some("c".into());
        assert!(matches!(config.check(), Err(ConfigError::HalfTls)));
        config.tls_key = Some("k".into());
        assert!(config.check().is_ok());
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = Config::parse("tls_crt = \"x\"").unwrap_err();
        assert!(error.contains("did you mean `tls_cert`?"), "{error}");
        assert_eq!(
            Config::parse("listen = \"127.0.0.1:1\"").unwrap().listen.port(),
            1
        );
    }
}
