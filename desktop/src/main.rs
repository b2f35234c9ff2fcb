//! The desktop console: a window over the machine of both consoles.
//!
//! All state is in this process; the page inside the window draws what it is given and sends back what was
//! clicked. It is not trusted: it can ask for nothing but the commands of [`command`], none of which signs. A decision
//! is confirmed, and its key unlocked, by a prompt of [`native`], which the page can't reach.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod command;
mod console;
mod input;
mod native;
mod ready;
mod snapshot;
mod window;

#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod types_tests;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use countersign_protocol::identity::RequestId;
use countersign_review::text::Untrusted;

use console::Console;

#[cfg(all(feature = "webdriver", not(debug_assertions)))]
compile_error!(
    "the feature `webdriver` lets other programs operate the console; it is for debug builds only"
);

/// The desktop console of Countersign: review what agents ask for.
#[derive(Debug, Parser)]
#[command(name = "countersign-desktop", version)]
struct Arguments {
    /// Reads this configuration instead of the one in `$COUNTERSIGN_HOME`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Opens this request at once.
    #[arg(long, value_name = "ID")]
    open: Option<RequestId>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Prints a problem, whose parts come from everywhere, in one printable line.
#[expect(
    clippy::disallowed_methods,
    reason = "the one way to standard error of this program"
)]
fn complain(message: &str) {
    let message = Untrusted::from(message).escaped();
    // There is no other place left to say it.
    let _ = writeln!(std::io::stderr(), "countersign-desktop: {message}");
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    if !cfg!(feature = "webdriver") {
        window::refuse_automation(|name| std::env::var_os(name))?;
    }
    let console = tauri::async_runtime::block_on(async { Console::start(arguments.config, arguments.open) });
    let app = tauri::Builder::default()
        .manage(Arc::clone(&console))
        .invoke_handler(tauri::generate_handler![
            command::snapshot,
            command::dispatch,
            command::lines,
            command::sign
        ])
        .setup(move |app| {
            #[cfg(target_os = "linux")]
            console.attach(native::Gtk::of(app.handle().clone()));
            Ok(window::open(app)?)
        })
        .build(tauri::generate_context!())
        .context("the window could not be made")?;
    app.run(|_, _| {});
    Ok(())
}
