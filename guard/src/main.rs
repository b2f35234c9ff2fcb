//! `countersign-guard`: the guard service and its thin clients.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign_guard::cli::run(std::env::args_os())
}
