//! What is configured on this machine: the inbox of a reviewer, or why there is none.

use std::path::{Path, PathBuf};

use countersign_client::http::Options;
use countersign_console::config::{Config, ConfigError, Desktop};
use countersign_console::home::{Home, NoHome};
use countersign_console::inbox::{Inbox, InboxError};
use countersign_console::keys::listing::{self, KeyListing};
use countersign_console::machine;
use countersign_console::offline::evidence::{EvidenceDesk, EvidenceError};
use countersign_console::offline::review::{FileReview, ReviewError};

/// Why there is no inbox.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Nothing is configured.
    #[error("nothing is configured")]
    Nothing,
    /// There is no place for a home.
    #[error(transparent)]
    Home(#[from] NoHome),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What is configured does not make an inbox.
    #[error(transparent)]
    Inbox(#[from] InboxError),
    /// A file cannot be reviewed here.
    #[error(transparent)]
    File(#[from] ReviewError),
    /// A file of evidence cannot be shown here.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

impl Unready {
    /// What is wrong; nothing when merely nothing is configured.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            other => Some(machine::view::escaped(&other.to_string().as_str().into())),
        }
    }
}

/// The inbox that is configured.
///
/// # Errors
/// [`Unready`] says what is missing.
pub fn inbox(config: Option<&PathBuf>) -> Result<Inbox, Unready> {
    let (home, config) = configured(config)?;
    let options = Options {
        ca_file: config.ca_file.clone(),
        ..Options::default()
    };
    Ok(Inbox::open_with(&home, config, options)?)
}

/// A file that can be opened.
#[derive(Debug)]
pub enum Opened {
    /// Exported requests, to be reviewed here.
    Exported(Box<FileReview>),
    /// Evidence, to be read.
    Evidence(Box<EvidenceDesk>),
}

/// Opens an exported file, or one of evidence.
///
/// # Errors
/// [`Unready`] says why it is neither.
pub fn file(config: Option<&PathBuf>, path: &Path) -> Result<Opened, Unready> {
    let (home, config) = configured(config)?;
    // One JSON document is evidence; an exported file is a line for each thing in it, and says so in the first.
    match EvidenceDesk::open(&home, config.clone(), path) {
        Ok(desk) => return Ok(Opened::Evidence(Box::new(desk))),
        Err(EvidenceError::NoEvidence(_) | EvidenceError::TooLarge) => {}
        Err(error) => return Err(error.into()),
    }
    let review = FileReview::open(&home, config, path, None)?;
    Ok(Opened::Exported(Box::new(review)))
}

/// How the desktop console is to tell of itself; as usual where nothing is configured.
pub fn manners(config: Option<&PathBuf>) -> Desktop {
    configured(config)
        .map(|(_, config)| config.desktop)
        .unwrap_or_default()
}

/// The keys that are configured, as this machine has them and as the directory that was seen last knows them. Blocks.
///
/// # Errors
/// [`Unready`] says what is missing.
pub fn keys(config: Option<&PathBuf>) -> Result<Vec<KeyListing>, Unready> {
    let inbox = inbox(config)?;
    let trusted = inbox.store().trusted().ok();
    Ok(listing::list(
        inbox.config(),
        trusted.as_ref().map(|trusted| &trusted.directory),
    ))
}

/// The file of the configuration.
///
/// # Errors
/// [`NoHome`] where there is no place for one.
pub fn config_file(config: Option<&PathBuf>) -> Result<PathBuf, NoHome> {
    match config {
        Some(file) => Ok(file.clone()),
        None => Ok(Home::from_environment()?.config_file()),
    }
}

fn configured(config: Option<&PathBuf>) -> Result<(Home, Config), Unready> {
    let home = Home::from_environment()?;
    let config = match config {
        Some(file) => Config::load(file)?,
        None => Config::load(&home.config_file())?,
    };
    if config.root.is_none() && config.person.is_none() {
        return Err(Unready::Nothing);
    }
    Ok((home, config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_is_wrong_is_told_and_a_missing_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let problem = |text: &str| {
            let file = folder.path().join("config.toml");
            std::fs::write(&file, text).unwrap();
            inbox(Some(&file)).unwrap_err().problem()
        };
        assert_eq!(problem(""), None);
        assert!(
            problem("persn = 'alex'")
                .unwrap()
                .contains("did you mean `person`?")
        );
        assert!(problem("person = 'alex'").unwrap().contains("countersign login"));
    }
}
