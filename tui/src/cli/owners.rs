//! Options of the owners' commands: policy, directory, log.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{PersonId, RequestId, TeamId};
use countersign_protocol::moment::Timestamp;

use super::{Later, Pin};

/// Policies.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Check policy files against the schema.
    Check {
        /// Cedar files, or folders of them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Run scenarios against policy files.
    Test {
        /// Cedar files, or folders of them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The scenarios; `scenarios.toml` in the folder unless given.
        #[arg(long, value_name = "FILE")]
        scenarios: Vec<PathBuf>,
    },
    /// Why a request needs what it needs.
    Explain {
        /// The request.
        id: RequestId,
    },
    /// Sign a policy bundle.
    Sign(PolicySign),
    /// Put yesterday's requests to a draft (comes later).
    Replay(Later),
}

/// Options of `policy sign`.
#[derive(Debug, Args)]
pub struct PolicySign {
    /// Cedar files, or folders of them; or one bundle that another owner signed.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// How many days it is valid.
    #[arg(long, default_value_t = 7)]
    pub days: u32,
    /// Where the bundle is written.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Sign with this key alone, by its name on this machine.
    #[arg(long, value_name = "NAME")]
    pub key: Vec<String>,
    /// Hand it to the backend, once enough owners signed.
    #[arg(long)]
    pub publish: bool,
    #[command(flatten)]
    pub pin: Pin,
}

/// The directory.
#[derive(Debug, Subcommand)]
pub enum Directory {
    /// The newest directory.
    Show {
        /// One JSON document, which `propose --from` takes.
        #[arg(long)]
        json: bool,
    },
    /// Write the next directory, for the owners to sign.
    Propose(DirectoryPropose),
    /// Draw a one-time code with which a person enrols a key.
    Invite(Invite),
    /// Judge what people sent for the codes drawn here, challenge their TPMs, and accept them.
    Enrolments(Enrolments),
    /// Write the next directory, in which a key has ended.
    Revoke(Revoke),
    /// Sign a directory.
    Sign(SignDirectory),
}

/// Options of `directory sign`.
#[derive(Debug, Args)]
pub struct SignDirectory {
    /// The directory, as `propose` or another owner's `sign` wrote it.
    pub file: PathBuf,
    /// Where it is written; the same file unless given.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Sign with this key alone, by its name on this machine.
    #[arg(long, value_name = "NAME")]
    pub key: Vec<String>,
    /// Hand it to the backend, once enough owners signed.
    #[arg(long)]
    pub publish: bool,
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `directory invite`.
#[derive(Debug, Args)]
pub struct Invite {
    /// The person, new or known.
    pub person: PersonId,
    /// A team they are to be in.
    #[arg(long, value_name = "TEAM")]
    pub team: Vec<TeamId>,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Options of `directory enrolments`.
#[derive(Debug, Args)]
pub struct Enrolments {
    /// Put this person's key into the next directory.
    #[arg(long, value_name = "PERSON")]
    pub accept: Vec<PersonId>,
    /// You saw yourself that the accepted keys without evidence are in hardware.
    #[arg(long)]
    pub vouch_hardware: bool,
    /// Where the next directory is written, for the owners to sign.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How many days it is valid.
    #[arg(long, default_value_t = 7)]
    pub days: u32,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Options of `directory revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The key's id, as `directory show` prints it.
    pub key: KeyId,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// Since when it may have been in other hands: nothing logged from then on counts.
    #[arg(long, value_name = "TIME")]
    pub compromised_since: Option<Timestamp>,
    /// Where the next directory is written, for the owners to sign.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// How many days it is valid.
    #[arg(long, default_value_t = 7)]
    pub days: u32,
}

/// Options of `directory propose`.
#[derive(Debug, Args)]
pub struct DirectoryPropose {
    /// An edited directory, as `show --json` printed it, instead of the newest.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// A trust document to take the newest directory from, instead of this home's.
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Add a person, by the enrolment request that `login` wrote.
    #[arg(long, value_name = "FILE")]
    pub enrol: Vec<PathBuf>,
    /// Teams of the added people.
    #[arg(long, value_name = "TEAM")]
    pub team: Vec<String>,
    /// Add a guard, by the key that `countersign-guard keygen` printed.
    #[arg(long, value_name = "ID=FILE")]
    pub guard: Vec<String>,
    /// Add an agent.
    #[arg(long, value_name = "ID:OWNER:TEAM:GUARD")]
    pub agent: Vec<String>,
    /// Believe a maker of TPMs, by its root certificates (PEM or DER).
    #[arg(long, value_name = "FILE")]
    pub attestation_root: Vec<PathBuf>,
    /// Add certificates between makers' roots and their TPMs (PEM or DER).
    #[arg(long, value_name = "FILE")]
    pub attestation_issuer: Vec<PathBuf>,
    /// Put targets that fit a pattern into an environment.
    #[arg(long, value_name = "ENVIRONMENT=PATTERN")]
    pub rule: Vec<String>,
    /// How many days it is valid.
    #[arg(long, default_value_t = 7)]
    pub days: u32,
    /// Where it is written.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// The log.
#[derive(Debug, Subcommand)]
pub enum Log {
    /// The newest checkpoint, verified against the pinned root and the one seen before.
    Checkpoint {
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Verify that the log continues the one seen here before.
    Verify,
    /// Prove that something stands in the log (comes later).
    Prove(Later),
}
