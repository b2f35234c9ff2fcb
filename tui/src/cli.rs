//! The command line as it is typed, and the way to each command.
//!
//! Names, options and exit codes are a promise: they are added to, never changed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::Styles;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use countersign_protocol::digest::{RootId, ViewDigest};
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::mask::SecretMark;

use crate::command;
use crate::command::failure::Failure;

mod decide;
mod keys;
mod owners;
mod root;

pub use decide::{Amend, Approve, Deny};
pub use keys::{
    Attest, CheckKey, CreateKey, EnrollKey, Keys, ProviderName, RememberPin, RevokeKey, RotateKey,
};
pub use owners::{
    Directory, DirectoryPropose, Enrolments, Invite, Log, Policy, PolicySign, Revoke, SignDirectory,
};
pub use root::{OwnerRole, Root, RootPropose, RootSign};

/// Signed human review for single privileged actions of AI agents and automation.
///
/// Without a command it opens the full-screen console.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
pub struct Cli {
    /// Start a backend of your own for this machine and supervise your own agents.
    #[arg(long)]
    pub personal: bool,
    /// The configuration file, instead of the one in the home.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it work, with sample proposals, in a throw-away home.
    Demo(Demo),
    /// Make an organisation: its root, directory and first policy bundle.
    Init(Init),
    /// Join an organisation: pin its root and make your keys.
    Login(Login),
    /// Say what is wrong here, and how to mend it.
    Doctor,
    /// The queue.
    List(List),
    /// Changes as they happen, one line each; for scripts and screen readers.
    Watch {
        /// One JSON document in each line.
        #[arg(long)]
        json: bool,
    },
    /// One request: who wants what, and exactly what would change.
    Show(Show),
    /// Approve a request without the full screen; recorded as not attended.
    Approve(Approve),
    /// Deny a request.
    Deny(Deny),
    /// Ask the agent of an open request. Nothing is signed by it.
    Ask {
        /// The request.
        id: RequestId,
        /// The question.
        text: String,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Deny a request with a counter-proposal, which somebody else has to approve.
    Amend(Amend),
    /// Write the evidence of a request to a file.
    Evidence {
        /// The request.
        id: RequestId,
        /// Where to.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Verify an evidence file, with no network and no secret of a server.
    Verify(Verify),
    /// What a reviewer would see of an action, or of two local files: the difference, findings, suspicious text.
    Inspect(Inspect),
    /// Your signing keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Policies: check, try, explain, sign.
    #[command(subcommand)]
    Policy(Policy),
    /// The directory of people, keys, agents and guards.
    #[command(subcommand)]
    Directory(Directory),
    /// The root: who the owners are, and which keys the backend and the log have.
    #[command(subcommand)]
    Root(Root),
    /// The transparency log.
    #[command(subcommand)]
    Log(Log),
    /// Write requests to a file for review without a network.
    Export(Export),
    /// Review an exported file.
    Review(Review),
    /// Take back decisions from a file.
    Import {
        /// The file that came back.
        file: PathBuf,
        /// One JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// The manual page.
    Man,
}

/// A command that comes later takes whatever is given.
#[derive(Debug, Args)]
pub struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub rest: Vec<OsString>,
}

/// Options of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The requests; all that wait for decisions unless named.
    pub ids: Vec<RequestId>,
    /// Where the file is written.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// A checkpoint that the machine without a network holds, as `countersign log checkpoint` prints it there.
    /// Those of earlier exports are known.
    #[arg(long, value_name = "SIZE:HASH")]
    pub seen: Vec<String>,
}

/// Options of `review`.
#[derive(Debug, Args)]
pub struct Review {
    /// The exported file.
    pub file: PathBuf,
    /// Write decisions into this file instead of the exported one.
    #[arg(long, value_name = "FILE")]
    pub into: Option<PathBuf>,
    /// Print what is in the file instead of opening the console.
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,
    /// Print what is in the file as one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Print the sheet of this request.
    #[arg(long, value_name = "ID", conflicts_with_all = ["plain", "json"])]
    pub show: Option<RequestId>,
    #[command(flatten)]
    pub clear: Clear,
    /// Approve this request without the full screen; recorded as not attended.
    #[arg(long, value_name = "ID", requires_all = ["reason", "view_digest"], conflicts_with_all = ["plain", "json", "show"])]
    pub approve: Option<RequestId>,
    /// Deny this request without the full screen.
    #[arg(long, value_name = "ID", requires = "reason", conflicts_with_all = ["plain", "json", "show", "approve"])]
    pub deny: Option<RequestId>,
    /// Why.
    #[arg(long)]
    pub reason: Option<String>,
    /// The digest of the sheet that was read.
    #[arg(long, value_name = "HEX")]
    pub view_digest: Option<ViewDigest>,
    /// The key to sign with, where there are several.
    #[arg(long)]
    pub key: Option<String>,
    #[command(flatten)]
    pub pin: Pin,
}

impl Review {
    /// Whether the full screen is wanted, and nothing that is printed or decided without it.
    pub const fn opens_screen(&self) -> bool {
        let prints = self.plain || self.json || self.show.is_some() || self.clear.reveal;
        !prints && self.approve.is_none() && self.deny.is_none()
    }
}

/// Options of `demo`.
#[derive(Debug, Default, Args)]
pub struct Demo {
    /// Tell the whole story in text, without a screen.
    #[arg(long)]
    pub headless: bool,
    /// A folder of cases instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub cases: Option<PathBuf>,
    /// Where the evidence is written; a new folder below the system's temporary one unless given.
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// The demonstration runs itself again inside a session of its own.
    #[arg(long, hide = true)]
    pub inside: Option<PathBuf>,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The organisation's name.
    #[arg(long, required_unless_present_any = ["sign", "owner_keys"])]
    pub organisation: Option<String>,
    /// Your id, as statements will name you.
    #[arg(long, required_unless_present = "sign")]
    pub person: Option<PersonId>,
    /// Your name, as consoles will show it.
    #[arg(long)]
    pub display: Option<String>,
    /// The backend's public keys, as `countersignd keygen` printed them.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["sign", "owner_keys"])]
    pub service_keys: Option<PathBuf>,
    /// Another owner's public keys, as `init --owner-keys` wrote them on their machine.
    #[arg(long, value_name = "FILE")]
    pub co_owner: Vec<PathBuf>,
    /// How many owners have to sign each root, directory and policy bundle.
    #[arg(long, default_value_t = 2)]
    pub threshold: u32,
    /// Cedar policy files of the first bundle; the sample for small teams unless given.
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
    /// Only make your owner keys and write the public halves, for the owner who runs `init`.
    #[arg(long, conflicts_with_all = ["service_keys", "co_owner", "sign"])]
    pub owner_keys: bool,
    /// Make new keys of these kinds besides those you have, for the next root to name.
    #[arg(long, value_name = "KIND", requires = "owner_keys")]
    pub renew: Vec<OwnerRole>,
    /// What is to keep the owner keys that are made.
    #[arg(long, default_value = "software")]
    pub provider: ProviderName,
    /// Where its device is: a TPM's address, a PKCS#11 module.
    #[arg(long)]
    pub at: Option<String>,
    /// Which token (serial number or label).
    #[arg(long)]
    pub select: Option<String>,
    /// Add your signatures to a trust document that another owner made.
    #[arg(long, value_name = "FILE")]
    pub sign: Option<PathBuf>,
    /// Where the result is written.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    #[command(flatten)]
    pub pin: Pin,
}

/// Where a PIN or passphrase comes from when nobody types it.
#[derive(Debug, Clone, Args)]
pub struct Pin {
    /// Read the PIN or passphrase from this file descriptor instead of asking for it.
    #[arg(long, value_name = "N")]
    pub pin_fd: Option<u32>,
}

/// Options of `login`.
#[derive(Debug, Args)]
pub struct Login {
    /// The backend's address.
    #[arg(long, required_unless_present = "from")]
    pub backend: Option<String>,
    /// An exported file, on a machine without a network.
    #[arg(long, value_name = "FILE", conflicts_with = "backend")]
    pub from: Option<PathBuf>,
    /// The organisation's root, as an owner told you: 64 hexadecimal digits.
    #[arg(long)]
    pub root: Option<RootId>,
    /// The organisation's root, as the twelve words an owner told you.
    #[arg(long, conflicts_with = "root", num_args = 1.., value_name = "WORD")]
    pub root_words: Vec<String>,
    /// Your id in the organisation.
    #[arg(long)]
    pub person: PersonId,
    /// Your name.
    #[arg(long)]
    pub display: Option<String>,
    /// A PEM file of certificate authorities to trust besides the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Where your enrolment request for the owners is written.
    #[arg(short, long, value_name = "FILE", default_value = "enrolment.json")]
    pub output: PathBuf,
    #[command(flatten)]
    pub pin: Pin,
}

/// Options of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
    /// Only requests in this state.
    #[arg(long)]
    pub state: Option<String>,
    /// Only requests that you may decide now.
    #[arg(long)]
    pub mine: bool,
    /// Print the list again whenever it changes.
    #[arg(long)]
    pub watch: bool,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The request.
    pub id: RequestId,
    /// The sheet: exactly the bytes whose SHA-256 is the view digest.
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub clear: Clear,
    /// Why the secrets have to be seen. Others will read it.
    #[arg(long, requires = "reveal")]
    pub reason: Option<String>,
}

/// Options that show secrets.
#[derive(Debug, Args)]
pub struct Clear {
    /// Show masked secrets in the clear, after the sheet. It is recorded first, with your name and reason; others see
    /// that, and your decision says so.
    #[arg(long, requires = "reason", conflicts_with_all = ["json", "plain"])]
    pub reveal: bool,
    /// Only the secret of this mark, as its mask shows it.
    #[arg(long, value_name = "HEX", requires = "reveal")]
    pub mark: Option<SecretMark>,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The evidence.
    pub file: PathBuf,
    /// A file with the root to trust: its 64 digits, a trust document, or a trust store.
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// One JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Options of `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A file that holds an action with its artifacts; any other document is taken as one that is created.
    #[arg(value_name = "ACTION.json", conflicts_with_all = ["before", "after"])]
    pub file: Option<PathBuf>,
    /// The document that was approved last: tells what of `--before` is drift from it, and what `--after` takes back.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// The document before.
    #[arg(long, value_name = "FILE", requires = "after")]
    pub before: Option<PathBuf>,
    /// The document after.
    #[arg(long, value_name = "FILE")]
    pub after: Option<PathBuf>,
    /// What sort of change it is; guessed from the document when left out.
    #[arg(long)]
    pub kind: Option<String>,
    /// Only this part.
    #[arg(long)]
    pub only: Option<Part>,
    /// One JSON document.
    #[arg(long, conflicts_with_all = ["plain", "tui"])]
    pub json: bool,
    /// Plain text; the default.
    #[arg(long)]
    pub plain: bool,
    /// The full-screen console.
    #[arg(long, conflicts_with = "plain")]
    pub tui: bool,
    /// Shows secrets in the clear; without it they are masked by their length and a mark of this run.
    #[arg(long)]
    pub reveal: bool,
}

/// Parts of `inspect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The difference of the lines.
    Text,
    /// The difference of the structure.
    Structure,
    /// The findings.
    Findings,
}

/// Reads the command line, does it, and says how it went.
pub fn main() -> ExitCode {
    let cli = match read(Cli::command(), std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes; a mistake repeats what was typed, or what a script put there.
            if error.use_stderr() {
                command::output::problem(&mistake(std::env::args_os()));
                return ExitCode::from(2);
            }
            drop(error.print());
            return ExitCode::SUCCESS;
        }
    };
    // One thread waits for what comes in while this one draws; whatever takes long has threads of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Failure::internal(format!("no runtime can be started: {error}")).report(),
    };
    let outcome = runtime.block_on(run(cli));
    // A keyring call that nobody answers must not hold the program up.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Reads a command line. `--personal` opens a console of its own, so no command goes with it; options that go with every
/// command may stand before it.
fn read(mut words: clap::Command, arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let matches = words.try_get_matches_from_mut(arguments)?;
    let cli = Cli::from_arg_matches(&matches)?;
    if cli.personal && cli.command.is_some() {
        let what = "`--personal` opens a console of its own and takes no command; leave one of the two out";
        return Err(words.error(ErrorKind::ArgumentConflict, what));
    }
    Ok(cli)
}

/// What is wrong with a command line, in words that leave nothing of it out: without styles, whose removal would take
/// escapes of what was typed with them.
pub(crate) fn mistake(arguments: impl IntoIterator<Item = OsString>) -> String {
    let error = read(Cli::command().styles(Styles::plain()), arguments).err();
    error.map_or_else(String::new, |error| error.render().ansi().to_string())
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let config = cli.config.as_deref();
    let Some(chosen) = cli.command else {
        return match cli.personal {
            true => command::personal::run().await,
            false => command::console::run(config).await,
        };
    };
    match chosen {
        Command::Demo(options) => command::demo::run(options).await,
        Command::Init(options) => command::init::run(&options),
        Command::Login(options) => command::login::run(options).await,
        Command::Doctor => command::doctor::run(config).await,
        Command::List(options) => command::list::run(config, options).await,
        Command::Watch { json } => command::watch::run(config, json).await,
        Command::Show(options) => command::show::run(config, options).await,
        Command::Approve(options) => command::decide::approve(config, options).await,
        Command::Deny(options) => command::decide::deny(config, options).await,
        Command::Ask { id, text, json } => command::ask::run(config, id, text, json).await,
        Command::Amend(options) => command::amend::run(config, options).await,
        Command::Evidence { id, output } => command::evidence::run(config, id, &output).await,
        Command::Verify(options) => command::verify::run(&options),
        Command::Inspect(options) if options.tui => command::local::run(config, options).await,
        Command::Inspect(options) => command::inspect::run(&options),
        Command::Keys(chosen) => command::keys::run(config, chosen).await,
        Command::Policy(chosen) => command::policy::run(config, chosen).await,
        Command::Directory(chosen) => command::directory::run(config, chosen).await,
        Command::Root(chosen) => command::root::run(config, chosen).await,
        Command::Log(chosen) => command::log::run(config, chosen).await,
        Command::Export(options) => command::offline::export(config, options).await,
        Command::Review(options) => command::offline::review(config, options).await,
        Command::Import { file, json } => command::offline::import(config, &file, json).await,
        Command::Completions { shell } => command::completions::run(shell, &mut Cli::command()),
        Command::Man => command::completions::man(Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn promised_forms_are_read() {
        for line in [
            "countersign",
            "countersign --personal",
            "countersign demo --headless --cases d",
            "countersign list --json --state pending --mine --watch",
            "countersign watch --json",
            "countersign verify f --trust t --json",
            "countersign inspect --before a --after b --kind iam --only findings --json",
            "countersign inspect action.json --json",
            "countersign keys create --provider tpm",
            "countersign keys enroll --code aaaaa-aaaaa-aaaaa-aaaaa-aaaaa-a",
            "countersign policy check d",
            "countersign log prove 5",
            "countersign completions bash",
        ] {
            let read = typed(line);
            assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
        }
        for line in [
            "countersign approve",
            "countersign list --colour",
            "countersign show abc",
            "countersign verify",
        ] {
            assert!(typed(line).is_err(), "{line}");
        }
    }

    fn typed(line: &str) -> Result<Cli, clap::Error> {
        read(Cli::command(), line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_configuration_stands_before_or_after_the_command() {
        for line in ["countersign --config f list", "countersign list --config f"] {
            let cli = typed(line).unwrap();
            assert_eq!(cli.config.as_deref(), Some("f".as_ref()), "{line}");
            assert!(matches!(cli.command, Some(Command::List(_))), "{line}");
        }
    }

    #[test]
    fn personal_takes_no_command_and_says_so() {
        let line = "countersign --personal list";
        assert!(typed(line).is_err());
        let told = mistake(line.split(' ').map(OsString::from));
        assert!(told.contains("`--personal` opens a console of its own"), "{told}");
    }
}
