//! Where a reviewer's machine keeps its things: configuration, trust, login key, outbox.
//!
//! `$COUNTERSIGN_HOME` holds all of it when it is set; else the XDG base directories do. No signing key is ever
//! among these files: those are in the keyring of the operating system.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folders of a reviewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    config: PathBuf,
    state: PathBuf,
}

/// There is no place for a home.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no home folder; set `COUNTERSIGN_HOME` to a folder of your own")]
pub struct NoHome;

impl Home {
    /// A home in one folder.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self {
            config: folder.clone(),
            state: folder,
        }
    }

    /// The home that the environment names.
    ///
    /// # Errors
    /// [`NoHome`] when it names none.
    pub fn from_environment() -> Result<Self, NoHome> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoHome> {
        let path = |name| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| !path.as_os_str().is_empty())
        };
        if let Some(folder) = path("COUNTERSIGN_HOME") {
            return Ok(Self::in_folder(folder));
        }
        // The specification says that a relative path in these variables is to be ignored.
        let absolute = |name| path(name).filter(|path| path.is_absolute());
        let home = absolute("HOME");
        let base = |name, under: &str| {
            absolute(name)
                .or_else(|| home.as_ref().map(|home| home.join(under)))
                .map(|base| base.join("countersign"))
                .ok_or(NoHome)
        };
        Ok(Self {
            config: base("XDG_CONFIG_HOME", ".config")?,
            state: base("XDG_STATE_HOME", ".local/state")?,
        })
    }

    /// The configuration.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The trust store.
    #[must_use]
    pub fn trust_folder(&self) -> PathBuf {
        self.state.join("trust")
    }

    /// The key that authenticates HTTP requests, and nothing else.
    #[must_use]
    pub fn login_key(&self) -> PathBuf {
        self.state.join("login.key")
    }

    /// Decisions that are not yet proven to be logged.
    #[must_use]
    pub fn outbox_folder(&self) -> PathBuf {
        self.state.join("outbox")
    }

    /// Requests as they were seen last.
    #[must_use]
    pub fn copies_folder(&self) -> PathBuf {
        self.state.join("copies")
    }

    /// The folder for everything but the configuration.
    #[must_use]
    pub fn state_folder(&self) -> &Path {
        &self.state
    }

    /// Makes the folders, for their owner alone.
    ///
    /// # Errors
    /// The error of the file system.
    pub fn create(&self) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        for folder in [&self.config, &self.state] {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(variables: &[(&str, &str)]) -> Result<Home, NoHome> {
        Home::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn one_folder_or_the_xdg_ones() {
        let one = home(&[("COUNTERSIGN_HOME", "/c"), ("HOME", "/h")]).unwrap();
        assert_eq!(
            (one.config_file(), one.login_key()),
            ("/c/config.toml".into(), "/c/login.key".into())
        );
        let xdg = home(&[
            ("HOME", "/h"),
            ("XDG_CONFIG_HOME", "/x"),
            ("XDG_STATE_HOME", "relative"),
        ])
        .unwrap();
        assert_eq!(xdg.config_file(), PathBuf::from("/x/countersign/config.toml"));
        assert_eq!(
            xdg.trust_folder(),
            PathBuf::from("/h/.local/state/countersign/trust")
        );
        assert_eq!(home(&[]), Err(NoHome));
    }
}
