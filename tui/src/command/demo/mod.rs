//! `countersign demo`: the whole of it on throw-away targets, with a keyring, a home and services of its own.
//!
//! Nothing of the user's is touched: the demonstration runs inside a private D-Bus session with a private
//! keyring, and ends every process it started.

mod case;
mod organisation;
mod session;
mod stage;
mod story;

use countersign_console::machine::State;

use super::failure::Failure;
use super::{console, output};
use crate::cli::Demo;
use stage::Stage;

/// Unlocks the keys of the demonstration, which live as long as it does.
pub const PASSPHRASE: &str = "countersign-demo";

pub async fn run(options: Demo) -> Result<(), Failure> {
    let Some(folder) = options.inside.clone() else {
        return session::enter(&options).await;
    };
    session::unlock_keyring().await?;
    let cases = case::load(options.cases.as_deref())?;
    let has_terminal = output::has_terminal();
    let mut stage = Stage::set(&folder, &cases, options.evidence.as_deref()).await?;
    let outcome = if options.headless || !has_terminal {
        story::tell(&mut stage, &cases).await
    } else {
        play(&mut stage, &cases).await
    };
    stage.clear().await;
    outcome
}

/// Lets all agents ask and opens the console.
async fn play(stage: &mut Stage, cases: &[case::Case]) -> Result<(), Failure> {
    stage.introduce()?;
    for case in cases {
        stage.ask(case)?;
    }
    output::say("Robin of the other team approves a request once you have, where it takes two.")?;
    output::say(&format!("The passphrase of your key is: {PASSPHRASE}"))?;
    output::say("Press Enter to open the console.")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let inbox = stage.you.clone();
    let robin = tokio::spawn(story::follow(stage.robin.clone(), stage.you.person().clone()));
    let outcome = console::open(inbox, State::queue()).await;
    robin.abort();
    outcome?;
    story::hand_out_evidence(stage).await
}
