//! `serve` and `keygen`: what runs as the guard's own user and holds its key. They speak to no socket as a client.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::misconfigured;
use crate::config::Config;
use crate::print::{log, log_to, say_json};
use crate::service::{self, Service};

/// Serves until a signal ends it.
pub(super) fn serve(path: &Path) -> ExitCode {
    close_inherited();
    // Fixed: the service does not read its environment.
    log_to(log).with_max_level(tracing::Level::INFO).init();
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(error) => return misconfigured(&error.to_string()),
    };
    // Core files and other processes of this user must not see the key.
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        tracing::warn!(%error, "core files could not be switched off");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return misconfigured(&error.to_string()),
    };
    let served = runtime.block_on(async {
        let service = Service::open(config)?;
        service.serve(stopped()).await
    });
    // A blocking run that cannot be interrupted does not hold the end up.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => misconfigured(&error.to_string()),
    }
}

/// Closes what this process was started with beyond the standard three, before it opens anything itself: what runs
/// later must not inherit it.
fn close_inherited() {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers: Vec<i32> = open
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in numbers {
        // The listing's own descriptor is closed already.
        let _ = nix::unistd::close(number);
    }
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be caught; stop the service with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Makes the key and prints its public half.
pub(super) fn keygen(home: &Path) -> ExitCode {
    match service::keygen(home) {
        Ok(guard) => {
            say_json(&serde_json::json!({ "schema": "countersign/guard-key/v1", "guard": guard }));
            ExitCode::SUCCESS
        }
        Err(error) => misconfigured(&error.to_string()),
    }
}
