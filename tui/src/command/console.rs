//! `countersign` alone: the full-screen console.

use std::path::Path;

use countersign_console::config::Terminal;
use countersign_console::desk::ReviewerDesk;
use countersign_console::inbox::Inbox;
use countersign_console::machine::{FirstRunChoice, State};

use super::failure::{Code, Failure};
use super::{demo, output, personal, session};
use crate::cli;
use crate::screen::{self, Outcome};

pub async fn run(config: Option<&Path>) -> Result<(), Failure> {
    let (_, found) = session::configuration(config)?;
    let configured = found.backend.is_some() && found.root.is_some() && found.person.is_some();
    if !output::has_terminal() {
        return Err(if configured {
            Failure::usage(
                "there is no terminal for the console",
                "`countersign list` prints the queue",
            )
        } else {
            Failure::usage("nothing is configured here", FIRST_STEPS)
        });
    }
    if configured {
        let inbox = session::inbox(config)?;
        return open(inbox, State::queue()).await.map(drop);
    }
    match screen::first_run()
        .await
        .map_err(|error| Failure::usage(format!("{error:#}"), ""))?
    {
        Outcome::Chose(FirstRunChoice::Demo) => demo::run(cli::Demo::default()).await,
        Outcome::Chose(FirstRunChoice::Personal) => Box::pin(personal::run()).await,
        Outcome::Chose(FirstRunChoice::Join) => {
            output::say("To join an organisation, ask an owner for its backend and root words, then run:")?;
            output::say("  countersign login --backend https://HOST --root-words WORD… --person YOUR-ID")
        }
        Outcome::Left => Ok(()),
        Outcome::Ended(signal) => Err(ended(signal)),
    }
}

const FIRST_STEPS: &str = "join an organisation with `countersign login`, start personal with `countersign --personal`, or see it work with `countersign demo`";

/// Opens the console on an inbox.
pub async fn open(inbox: Inbox, state: State) -> Result<Outcome, Failure> {
    let look = look(&inbox.config().terminal)?;
    let desk = ReviewerDesk::new(inbox, "tui");
    match screen::run(desk, state, look)
        .await
        .map_err(|error| Failure::usage(format!("{error:#}"), ""))?
    {
        Outcome::Ended(signal) => Err(ended(signal)),
        outcome => Ok(outcome),
    }
}

/// The look that is configured.
pub fn look(terminal: &Terminal) -> Result<screen::Look, Failure> {
    screen::Look::of(terminal)
        .map_err(|error| Failure::usage(error.to_string(), "see `[terminal.keys]` in config.toml"))
}

fn ended(signal: i32) -> Failure {
    Failure::new(Code::No, format!("ended by signal {signal}"), "")
}
