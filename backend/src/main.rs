//! The approval backend's program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersignd::cli::run()
}
