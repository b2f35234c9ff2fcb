//! The command line of `countersignd`.
//!
//! Exit codes: 0 done, 1 it failed or does not hold, 2 wrong use or configuration.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::Styles;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use countersign_protocol::identity::PublicKey;
use countersign_protocol::signed::Signer as _;
use serde::Serialize;

use crate::config::{Config, ConfigError};
use crate::home::Home;
use crate::key::{BACKEND_KEY, BackendKey, LOG_KEY, LogKey};
use crate::print::{complain, complain_at_length, log, log_to, say_json};
use crate::rotation::Which;
use crate::{maintenance, openapi, print, rotation, serve};

/// The approval backend of Countersign.
#[derive(Debug, Parser)]
#[command(name = "countersignd", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the backend's key and the log's key, and print their public halves.
    Keygen {
        #[command(flatten)]
        place: Place,
        /// Make the keys that are to follow, beside those of today; `rotate` puts them in their place.
        #[arg(long)]
        next: bool,
        /// Make one of the two alone.
        #[arg(long, value_name = "KEY", requires = "next")]
        only: Option<Which>,
    },
    /// Put the keys that `keygen --next` made in their place, while nobody serves.
    Rotate {
        #[command(flatten)]
        place: Place,
        /// The owners' new root, where the backend has not taken it in already.
        #[arg(long, value_name = "FILE")]
        root: Option<PathBuf>,
    },
    /// Store an organisation's root, directory and policy.
    Init {
        #[command(flatten)]
        place: Place,
        /// A trust document in JSON.
        #[arg(long, value_name = "FILE")]
        trust: PathBuf,
    },
    /// Serve the API. The first line of standard output tells the address.
    Serve {
        #[command(flatten)]
        place: Place,
        /// Where to listen, such as `127.0.0.1:0`; overrides the configuration.
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
        /// A configuration file in TOML.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Read a configuration and say what is wrong with it.
    CheckConfig {
        /// A configuration file in TOML.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print the OpenAPI document of the API.
    Openapi,
    /// Bring the store to this program's version.
    Migrate(Place),
    /// Copy the store to a new file, while it may be in use.
    Backup {
        #[command(flatten)]
        place: Place,
        /// The file to make.
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
    /// Put a backup in the place of the store, if it continues everything that was signed.
    Restore {
        #[command(flatten)]
        place: Place,
        /// A file that `backup` made.
        #[arg(value_name = "FILE")]
        from: PathBuf,
    },
    /// Hash the whole log again and compare it with every signed checkpoint.
    VerifyStore(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// The folder that holds keys, store and remembered checkpoint.
    #[arg(long, env = "COUNTERSIGN_HOME", value_name = "DIR")]
    home: PathBuf,
}

/// Runs the program.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // It repeats what was typed.
        Err(error) if error.use_stderr() => {
            complain_at_length(&mistake(std::env::args_os()));
            return ExitCode::from(2);
        }
        Err(answer) => {
            // Nothing can be done where not even this can be printed.
            let _ = answer.print();
            return ExitCode::SUCCESS;
        }
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    log_to(log).with_env_filter(filter).init();
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            let wrong_use = error.chain().any(<dyn std::error::Error>::is::<ConfigError>);
            ExitCode::from(if wrong_use { 2 } else { 1 })
        }
    }
}

/// What is wrong with a command line, in words that leave nothing of it out: without styles, whose removal would take
/// escapes of what was typed with them.
fn mistake(arguments: impl IntoIterator<Item = OsString>) -> String {
    let plain = Cli::command().styles(Styles::plain());
    let error = plain.try_get_matches_from(arguments).err();
    error.map_or_else(String::new, |error| error.render().ansi().to_string())
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Keygen { place, next, only } => keygen(&place.home, next, only),
        Command::Rotate { place, root } => rotate(&place.home, root.as_deref()),
        Command::Init { place, trust } => init(&place.home, &trust),
        Command::Serve {
            place,
            listen,
            config,
        } => {
            let mut config = Config::load(config.as_deref())?;
            config.listen = listen.unwrap_or(config.listen);
            config.check()?;
            serve::serve(&Home::take(&place.home)?, &config)
        }
        Command::CheckConfig { config } => {
            Config::load(Some(&config))?.check()?;
            say("the configuration is good")
        }
        Command::Openapi => say(&openapi::document()?),
        Command::Migrate(place) => {
            let (before, after) = maintenance::migrate(&Home::take(&place.home)?)?;
            say(&format!("store had schema version {before}, has {after} now"))
        }
        Command::Backup { place, to } => {
            maintenance::backup(&place.home, &to)?;
            say(&format!("store copied to {}", to.display()))
        }
        Command::Restore { place, from } => {
            maintenance::restore(&Home::take(&place.home)?, &from)?;
            say("store restored; the one before is kept as `store.before-restore`")
        }
        Command::VerifyStore(place) => {
            let found = maintenance::verify(&place.home)?;
            say(&format!(
                "store is whole: {} leaves under {} checkpoints, {} waiting",
                found.leaves, found.checkpoints, found.waiting
            ))
        }
    }
}

fn keygen(home: &Path, next: bool, only: Option<Which>) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Keys<'a> {
        schema: &'static str,
        backend: &'a PublicKey,
        log: &'a PublicKey,
    }
    let print = |(backend, log): (&PublicKey, &PublicKey)| {
        let keys = Keys {
            schema: "countersign/service-keys/v1",
            backend,
            log,
        };
        Ok(say_json(&serde_json::to_string(&keys)?)?)
    };
    if next {
        let (backend, log) = rotation::make(home, only)?;
        return print((&backend, &log));
    }
    let home = Home::create(home)?;
    let (backend, log) = (home.file(BACKEND_KEY), home.file(LOG_KEY));
    if let Some(there) = [&backend, &log].into_iter().find(|file| file.exists()) {
        anyhow::bail!("`{}` exists already; a key is never overwritten", there.display());
    }
    let (backend, log) = (BackendKey::create(&backend)?, LogKey::create(&log)?);
    print((backend.public_key(), log.public_key()))
}

fn rotate(home: &Path, root: Option<&Path>) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let root = root
        .map(|file| std::fs::read(file).with_context(|| format!("root `{}`", file.display())))
        .transpose()?;
    let root = rotation::rotate(&Home::take(home)?, root.as_deref())?;
    say(&format!(
        "root version {} names the keys that are in place now",
        root.root().version
    ))
}

fn init(home: &Path, trust: &Path) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let document = std::fs::read(trust).with_context(|| format!("trust document `{}`", trust.display()))?;
    let root = Home::take(home)?.initialise(&document)?;
    say(&format!(
        "initialised for root {}\n{}",
        root.id(),
        root.id().words().join(" ")
    ))
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(print::say(text)?)
}
