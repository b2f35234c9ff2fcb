//! The terminal console and the command line of reviewers and owners: `countersign`.
//!
//! Commands are thin: what they do is the console crate's. This binary holds no agent code and listens on no
//! socket; a personal backend is a child process of its own.

mod cli;
mod command;
mod screen;

fn main() -> std::process::ExitCode {
    cli::main()
}
