//! What most commands begin with: home, configuration, inbox.

use std::path::Path;

use countersign_client::http::Options;
use countersign_console::config::Config;
use countersign_console::home::Home;
use countersign_console::inbox::Inbox;

use super::failure::Failure;

/// The home with its configuration, or another one that was named.
pub fn configuration(file: Option<&Path>) -> Result<(Home, Config), Failure> {
    let home = Home::from_environment()?;
    let config = match file {
        Some(file) => Config::load(file)?,
        None => Config::load(&home.config_file())?,
    };
    Ok((home, config))
}

/// The inbox of the home.
pub fn inbox(file: Option<&Path>) -> Result<Inbox, Failure> {
    let (home, config) = configuration(file)?;
    let options = Options {
        ca_file: config.ca_file.clone(),
        ..Options::default()
    };
    Ok(Inbox::open_with(&home, config, options)?)
}
