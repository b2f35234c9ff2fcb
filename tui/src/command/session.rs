//! What most commands begin with: home, configuration, inbox.

use std::path::Path;

use countersign_client::http::Options;
use countersign_client::trust::TrustError;
use countersign_console::config::Config;
use countersign_console::home::Home;
use countersign_console::inbox::Inbox;
use countersign_protocol::root::TrustedRoot;

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

/// The newest root that the backend shows, followed from the pinned one. Owners need it before there is a directory or
/// policy that stands under it.
pub async fn newest_root(inbox: &Inbox) -> Result<TrustedRoot, Failure> {
    let document = inbox.backend().trust().await?;
    let pinned = inbox.store().root_id();
    Ok(TrustedRoot::follow(&pinned, &document.roots).map_err(TrustError::from)?)
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
