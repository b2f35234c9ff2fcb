//! The desktop console: a window over the machine of both consoles.
//!
//! All state is in this process; the page inside the window draws what it is given and sends back what was
//! clicked. It is not trusted: it can ask for nothing but the commands of [`command`], none of which signs. A decision
//! is confirmed, and its key unlocked, by a prompt of [`native`], which the page can't reach.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod command;
mod console;
mod input;
mod instance;
#[cfg(feature = "webdriver")]
mod many;
mod native;
mod ready;
mod snapshot;
mod target;
mod window;

#[cfg(test)]
mod hardening_tests;
#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod types_tests;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser;
use countersign_console::home::Home;
use countersign_review::text::Untrusted;
use tauri::{Manager as _, RunEvent};

use console::Console;
use instance::{First, Standing, Unanswered};
use target::Target;
use window::Place;

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
    /// Opens this request, or this exported file, at once.
    #[arg(long, value_name = "ID|FILE")]
    open: Option<OsString>,
    /// The same, as desktops pass it on: a link, an exported file, or a request's id.
    #[arg(value_name = "LINK|FILE", conflicts_with = "open")]
    target: Option<OsString>,
    /// Shows so many made-up requests instead of those of a backend.
    #[cfg(feature = "webdriver")]
    #[arg(long, value_name = "N", hide = true)]
    made_up: Option<u32>,
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
    let folder = std::env::current_dir().context("the folder that this was started in is gone")?;
    let wanted = arguments.open.or(arguments.target);
    let wanted = wanted.map(|text| Target::read(&text, &folder)).transpose()?;
    let home = Home::from_environment().ok();
    let (first, alone) = match home.as_ref().map(|home| stand(home, wanted.clone())) {
        Some(Ok(Standing::Told)) => return Ok(()),
        Some(Ok(Standing::First(first))) => (Some(first), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let place = Place::kept_in(home.map(|home| home.state_folder().join("desktop.json")));
    let manners = ready::manners(arguments.config.as_ref());
    let console = tauri::async_runtime::block_on(async { Console::start(arguments.config) });
    if let Some(error) = alone {
        complain(&error.to_string());
        console.fail(&error.to_string())?;
    }
    #[cfg(feature = "webdriver")]
    if let Some(many) = arguments.made_up.and_then(many::Many::new) {
        tauri::async_runtime::block_on(async {
            console.drive(many, countersign_console::machine::State::queue(), None);
        });
    }
    let app = tauri::Builder::default()
        .manage(Arc::clone(&console))
        .manage(place)
        .invoke_handler(tauri::generate_handler![
            command::snapshot,
            command::dispatch,
            command::lines,
            command::find,
            command::sign
        ])
        .setup(move |app| {
            #[cfg(target_os = "linux")]
            console.attach(native::Linux::of(app.handle(), &console, manners));
            if let Some(target) = wanted {
                let console = Arc::clone(&console);
                tauri::async_runtime::spawn(async move { console.open(target).await });
            }
            if let Some(first) = first {
                tauri::async_runtime::spawn(listen(first, app.handle().clone(), console));
            }
            Ok(window::open(app)?)
        })
        .build(tauri::generate_context!())
        .context("the window could not be made")?;
    app.run(|app, event| {
        if let RunEvent::ExitRequested { code, api, .. } = event {
            let place = app.state::<Place>();
            // Without a window it can still be called back from the tray; who quits there gives a code.
            if code.is_none() && place.stays() {
                api.prevent_exit();
            } else {
                place.closes();
            }
        }
    });
    Ok(())
}

fn stand(home: &Home, wanted: Option<Target>) -> Result<Standing, Unanswered> {
    home.create()?;
    tauri::async_runtime::block_on(instance::stand(home.state_folder(), wanted))
}

/// Opens what other processes were started for, as long as there is a window to open it in.
async fn listen(first: First, app: tauri::AppHandle, console: Arc<Console>) {
    let listening = first.listen(|target| {
        let (app, console) = (app.clone(), Arc::clone(&console));
        async move {
            let taken = window::present_if_open(&app).await;
            if taken && let Some(target) = target {
                tauri::async_runtime::spawn(async move { console.open(target).await });
            }
            taken
        }
    });
    if let Err(error) = listening.await {
        complain(&format!("other windows over this home are not heard: {error}"));
    }
}
