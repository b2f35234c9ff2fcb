//! Options of `countersign root`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_protocol::identity::PersonId;

use super::Pin;

/// The root.
#[derive(Debug, Subcommand)]
pub enum Root {
    /// The newest root.
    Show {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Write the next root, for old and new owners to sign.
    Propose(RootPropose),
    /// Sign a root.
    Sign(RootSign),
}

/// Options of `root propose`.
#[derive(Debug, Args)]
pub struct RootPropose {
    /// An owner who comes, or one who has other keys from now on, as `init --owner-keys` wrote them.
    #[arg(long, value_name = "FILE")]
    pub owner: Vec<PathBuf>,
    /// An owner who leaves.
    #[arg(long, value_name = "PERSON")]
    pub leave: Vec<PersonId>,
    /// The backend's new keys, as `countersignd keygen --next` printed them; those of today go.
    #[arg(long, value_name = "FILE")]
    pub service_keys: Option<PathBuf>,
    /// Let the backend's keys of today count besides, until it has changed over.
    #[arg(long, requires = "service_keys")]
    pub keep_service_keys: bool,
    /// How many owners have to sign each root, directory and policy bundle from then on; as before unless given.
    #[arg(long)]
    pub threshold: Option<u32>,
    /// How many days it is valid.
    #[arg(long, default_value_t = 730)]
    pub days: u32,
    /// Where it is written.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Options of `root sign`.
#[derive(Debug, Args)]
pub struct RootSign {
    /// The root, as `propose` or another owner's `sign` wrote it.
    pub file: PathBuf,
    /// Where it is written; the same file unless given.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Sign with this key alone, by its name on this machine.
    #[arg(long, value_name = "NAME")]
    pub key: Vec<String>,
    /// Hand it to the backend, once enough old and new owners signed.
    #[arg(long)]
    pub publish: bool,
    /// Publish it even where the directory or policies in force do not stand under it: nothing is approved until its
    /// owners have signed others.
    #[arg(long, requires = "publish")]
    pub pause: bool,
    #[command(flatten)]
    pub pin: Pin,
}

/// The kinds of owners' keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OwnerRole {
    /// Signs roots.
    Root,
    /// Signs directories.
    Directory,
    /// Signs policy bundles.
    Policy,
}
