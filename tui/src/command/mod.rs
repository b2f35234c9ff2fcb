//! One file for each command, and what they share: failures with exit codes, safe output, passphrases,
//! the look at a statement before an owner signs it.

pub mod failure;
pub mod file;
pub mod output;
pub mod passphrase;
pub mod session;
pub mod statement;

pub mod amend;
pub mod ask;
pub mod completions;
pub mod console;
pub mod decide;
pub mod demo;
pub mod directory;
pub mod doctor;
pub mod enroll;
pub mod enrolments;
pub mod evidence;
pub mod init;
pub mod inspect;
pub mod keys;
pub mod launch;
pub mod list;
pub mod local;
pub mod log;
pub mod login;
pub mod offline;
pub mod owner;
pub mod personal;
pub mod policy;
pub mod reveal;
pub mod root;
pub mod show;
pub mod verify;
pub mod watch;

#[cfg(test)]
mod plain_tests;

use failure::Failure;

/// Says plainly that a command is not on this build.
pub fn later(name: &str) -> Result<(), Failure> {
    Err(Failure::usage(
        format!("`countersign {name}` is not on this build; it comes with a later one"),
        "`countersign --help` lists the commands; those that come later say so",
    ))
}
