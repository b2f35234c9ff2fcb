//! The command line. Argument forms and exit codes are promises to scripts.
//!
//! `exec`, `apply` and `sql` end with the code of what ran, else: 77 denied or forbidden, 75 still pending or
//! expired, 69 backend or service unreachable, 65 the bytes differ from what was approved, 70 outcome unknown, 78
//! wrong configuration or use. Whatever foreign text is printed is made printable; only the output of the process
//! itself passes as it is.

mod call;
mod result;
mod serve;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::Styles;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use countersign_protocol::talk::AnswerText;
use countersign_protocol::text::{Line, Prose};

use crate::intercept::{self, Change, InterceptError};
use crate::print::{complain, complain_at_length};
use crate::socket::{AcceptCall, AnswerCall, Asking, Call, Empty, TicketCall, WaitCall};
use call::{call, with_ticket};
use serve::{keygen, serve};

/// How often a call accepts counter-proposals by itself.
const MAX_ACCEPTED: u8 = 4;
/// Wrong configuration or use.
const MISCONFIGURED: u8 = 78;

/// Guards privileged actions: holds them, has them approved, and runs exactly that, once.
#[derive(Debug, Parser)]
#[command(name = "countersign-guard", version)]
struct Cli {
    /// The service's socket. It is an address only; nothing is trusted because of it
    #[arg(long, global = true, env = "COUNTERSIGN_GUARD_SOCKET", value_name = "PATH")]
    socket: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the guard service
    Serve {
        /// Its configuration
        #[arg(long, value_name = "FILE", default_value = "/etc/countersign/guard.toml")]
        config: PathBuf,
    },
    /// Make the guard's key and print its public half for the directory's owners
    Keygen {
        /// The guard's home
        #[arg(long, value_name = "DIR")]
        home: PathBuf,
    },
    /// Run a command once it is approved
    Exec {
        #[command(flatten)]
        asking: AskingArgs,
        /// An argument that is a name and not content, though a file is called so (repeatable)
        #[arg(long = "as-name", value_name = "ARG")]
        names: Vec<OsString>,
        /// The command and its arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        argv: Vec<OsString>,
    },
    /// Change a file once it is approved
    Apply {
        /// The kind of document
        #[arg(long)]
        kind: String,
        /// The file to change
        #[arg(long, value_name = "FILE")]
        path: PathBuf,
        /// A file with the new content
        #[arg(
            long,
            value_name = "FILE",
            required_unless_present = "remove",
            conflicts_with = "remove"
        )]
        after: Option<PathBuf>,
        /// Remove the file
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Run a database script, in one transaction, once it is approved
    Sql {
        /// The database's name in the guard's configuration
        #[arg(long, value_name = "NAME")]
        database: String,
        /// The script
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Roll back when more rows are changed
        #[arg(long, value_name = "N", default_value_t = 1000)]
        max_rows: u64,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Ask for what a reviewer proposed instead of an earlier request
    Accept {
        /// The request that was denied with a counter-proposal
        #[arg(value_name = "TICKET")]
        answered: String,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Wait for an earlier request and give its result
    Wait {
        /// The request, as `--ticket` printed it
        ticket: String,
        /// Give up waiting after this time (`30s`, `5m`, `1h`)
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        wait: Option<Duration>,
        /// Print the reason as JSON on standard error
        #[arg(long)]
        json: bool,
    },
    /// List what reviewers asked about an earlier request
    Questions {
        /// The request, as `--ticket` printed it
        ticket: String,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Answer a reviewer's question. Reviewers see it as the agent's claim; it changes nothing that is signed
    Answer {
        /// The request, as `--ticket` printed it
        ticket: String,
        /// The answer
        text: String,
        /// The number of the question, where several wait
        #[arg(long, value_name = "N")]
        question: Option<u32>,
        /// Print all that was said as JSON
        #[arg(long)]
        json: bool,
    },
    /// Withdraw an earlier request
    Withdraw {
        /// The request, as `--ticket` printed it
        ticket: String,
        /// Print the reason as JSON on standard error
        #[arg(long)]
        json: bool,
    },
    /// Say what is wrong with the guard and how to mend it
    Doctor {
        /// Print the checks as JSON
        #[arg(long)]
        json: bool,
    },
    /// Guard an MCP server (comes later)
    #[command(disable_help_flag = true)]
    Mcp(Later),
    /// Guard an HTTP upstream (comes later)
    #[command(disable_help_flag = true)]
    Http(Later),
    /// Guard a coding agent's tool calls (comes later)
    #[command(disable_help_flag = true)]
    Hook(Later),
}

#[derive(Debug, Args)]
struct AskingArgs {
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// On whose behalf (repeatable). It only adds to the people who may not approve
    #[arg(long, value_name = "PERSON")]
    initiator: Vec<String>,
    /// Give up waiting after this time (`30s`, `5m`, `1h`); the request stays open
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    wait: Option<Duration>,
    /// Ask at once for what a reviewer proposes instead, unseen: for agents that nobody attends
    #[arg(long)]
    accept_narrowed: bool,
    /// Print the request's id and end at once with 75; `wait` gives the result
    #[arg(long)]
    ticket: bool,
    /// Print the reason as JSON on standard error
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<OsString>,
}

/// How a client shows what it gets.
#[derive(Debug, Clone, Copy, Default)]
struct Show {
    json: bool,
    ticket: bool,
    /// How often a counter-proposal is accepted unseen.
    accepts: u8,
}

/// Runs the command line; gives the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => dispatch(cli),
        // It repeats what was typed, or what a program put there.
        Err(error) if error.use_stderr() => {
            complain_at_length(&mistake(&args));
            ExitCode::from(MISCONFIGURED)
        }
        Err(answer) => {
            // Nothing can be done where not even this can be printed.
            let _ = answer.print();
            ExitCode::SUCCESS
        }
    }
}

/// What is wrong with a command line, in words that leave nothing of it out: without styles, whose removal would take
/// escapes of what was typed with them.
fn mistake(args: &[OsString]) -> String {
    let plain = Cli::command().styles(Styles::plain());
    let error = plain.try_get_matches_from(args).err();
    error.map_or_else(String::new, |error| error.render().ansi().to_string())
}

fn dispatch(cli: Cli) -> ExitCode {
    let socket = cli.socket;
    match cli.command {
        Command::Serve { config } => serve(&config),
        Command::Keygen { home } => keygen(&home),
        Command::Exec { asking, names, argv } => call(socket, show(&asking), || {
            Ok(Call::Exec(intercept::exec(&argv, &names, asking.asking()?)?))
        }),
        Command::Apply {
            kind,
            path,
            after,
            remove: _,
            asking,
        } => call(socket, show(&asking), || {
            let change = after.as_deref().map_or(Change::Remove, Change::After);
            Ok(Call::Apply(intercept::apply(
                &kind,
                &path,
                change,
                asking.asking()?,
            )?))
        }),
        Command::Sql {
            database,
            file,
            max_rows,
            asking,
        } => call(socket, show(&asking), || {
            Ok(Call::Sql(intercept::sql(
                &database,
                &file,
                max_rows,
                asking.asking()?,
            )?))
        }),
        Command::Accept { answered, asking } => with_ticket(&answered, asking.json, |request| {
            call(socket, show(&asking), || {
                Ok(Call::Accept(AcceptCall {
                    request,
                    asking: asking.asking()?,
                }))
            })
        }),
        Command::Wait { ticket, wait, json } => with_ticket(&ticket, json, |request| {
            call(socket, Show::as_json(json), || {
                Ok(Call::Wait(WaitCall {
                    request,
                    wait_ms: wait.map(millis),
                }))
            })
        }),
        Command::Withdraw { ticket, json } => with_ticket(&ticket, json, |request| {
            call(socket, Show::as_json(json), || {
                Ok(Call::Withdraw(TicketCall { request }))
            })
        }),
        Command::Questions { ticket, json } => with_ticket(&ticket, json, |request| {
            call(socket, Show::as_json(json), || {
                Ok(Call::Questions(TicketCall { request }))
            })
        }),
        Command::Answer {
            ticket,
            text,
            question,
            json,
        } => with_ticket(&ticket, json, |request| {
            call(socket, Show::as_json(json), || {
                Ok(Call::Answer(AnswerCall {
                    request,
                    question,
                    text: AnswerText::new(text)?,
                }))
            })
        }),
        Command::Doctor { json } => call(socket, Show::as_json(json), || Ok(Call::Doctor(Empty {}))),
        Command::Mcp(later) => comes_later("mcp", &later),
        Command::Http(later) => comes_later("http", &later),
        Command::Hook(later) => comes_later("hook", &later),
    }
}

const fn show(asking: &AskingArgs) -> Show {
    Show {
        json: asking.json,
        ticket: asking.ticket,
        accepts: if asking.accept_narrowed { MAX_ACCEPTED } else { 0 },
    }
}

impl Show {
    const fn as_json(json: bool) -> Self {
        Self {
            json,
            ticket: false,
            accepts: 0,
        }
    }
}

impl AskingArgs {
    fn asking(&self) -> Result<Asking, InterceptError> {
        Ok(Asking {
            reason: Prose::new(self.reason.clone().unwrap_or_default())?,
            initiators: self.initiator.iter().map(Line::new).collect::<Result<_, _>>()?,
            wait_ms: self.wait.map(millis),
            ticket: self.ticket,
        })
    }
}

fn misconfigured(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(MISCONFIGURED)
}

fn comes_later(name: &str, _: &Later) -> ExitCode {
    misconfigured(&format!(
        "`{name}` is not in this version; `exec`, `apply` and `sql` are"
    ))
}

/// `90` or `90s`, `5m`, `1h`, `250ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let wrong = || format!("`{text}` is no duration; write `30s`, `5m` or `1h`");
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => Some(number),
        "" | "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    // A year is longer than any request lives, and within the integers of strict JSON.
    millis
        .filter(|millis| *millis <= 366 * 24 * 3_600_000)
        .map(Duration::from_millis)
        .ok_or_else(wrong)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_strictly() {
        assert_eq!(duration("90").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("5m").unwrap(), Duration::from_secs(300));
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        for bad in ["", "s", "1d", "-1s", "1.5s", "99999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
