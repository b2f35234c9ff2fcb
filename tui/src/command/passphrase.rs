//! Passphrases and PINs: typed at the terminal without being shown, or fed through a file descriptor. Never prompted for
//! where there is no terminal, never taken from arguments or the environment, which other processes can read.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};

use countersign_console::config::ConfiguredKey;
use countersign_console::desk::key_standing;
use countersign_console::keys::{Asks, KeyError, MIN_PASSPHRASE, MIN_PIN, ReviewerKey, Secret};
use countersign_console::machine::Unlock;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::output;
use crate::cli::Pin;

/// The longest passphrase that is read, in bytes.
const MAX_BYTES: u64 = 1024;
/// What to do where a key asks for nothing here.
const ELSEWHERE: &str =
    "confirm the signature where the key is: in the agent's window, or by touching the device";

/// Asks for the passphrase of an existing key.
pub fn ask(pin: &Pin, prompt: &str) -> Result<SecretString, Failure> {
    match pin.pin_fd {
        Some(number) => from_descriptor(number),
        None => from_terminal(prompt),
    }
}

/// Asks for what a key wants, in its words. How many tries a device allows is said before one is used up; where none
/// is left, nothing is asked.
pub fn of_key(key: &dyn ReviewerKey, pin: &Pin, whose: &str) -> Result<SecretString, Failure> {
    Asking::with(pin).of_key(key, whose)
}

/// What unlocks the key that signs a decision: what is fed, else what is remembered, else what is typed now. That a PIN
/// is remembered is said each time.
pub fn of_signing_key(configured: &ConfiguredKey, pin: &Pin) -> Result<Secret, Failure> {
    if configured.pin_remembered {
        output::note("the PIN of this key is remembered: lower assurance, and the decision says so");
    }
    let standing = key_standing(configured)?;
    match standing.unlock {
        Unlock::Remembered if pin.pin_fd.is_none() => return Ok(Secret::Remembered),
        Unlock::Touch => {
            output::note(ELSEWHERE);
            return Ok(SecretString::default().into());
        }
        Unlock::Remembered | Unlock::Pin | Unlock::Passphrase => {}
    }
    if let Some(warning) = &standing.warning {
        output::note(warning);
    }
    ask(pin, &prompt(standing.unlock.word(), "the signing key")).map(Secret::from)
}

/// What the keys of one command ask for, one key after the other. Where it is fed, each line is for one key, and the
/// last line for all that are left.
#[derive(Debug)]
pub struct Asking<'a> {
    pin: &'a Pin,
    fed: Option<VecDeque<SecretString>>,
}

impl<'a> Asking<'a> {
    /// Nothing is asked or read yet.
    pub const fn with(pin: &'a Pin) -> Self {
        Self { pin, fed: None }
    }

    /// Asks for what a key wants, as [`of_key`] does.
    pub fn of_key(&mut self, key: &dyn ReviewerKey, whose: &str) -> Result<SecretString, Failure> {
        let attempts = key.attempts()?;
        if key.asks() == Asks::Confirmation {
            output::note(ELSEWHERE);
            return Ok(SecretString::default());
        }
        if let Some(warning) = attempts.and_then(|attempts| attempts.warning()) {
            output::note(&warning);
        }
        self.ask(&prompt(key.asks().word(), whose))
    }

    fn ask(&mut self, prompt: &str) -> Result<SecretString, Failure> {
        let Some(number) = self.pin.pin_fd else {
            return from_terminal(prompt);
        };
        let fed = match self.fed.take() {
            Some(fed) => self.fed.insert(fed),
            None => self.fed.insert(lines_of(number)?),
        };
        match fed.len() {
            0 => Ok(SecretString::default()),
            1 => Ok(fed.front().cloned().unwrap_or_default()),
            _ => Ok(fed.pop_front().unwrap_or_default()),
        }
    }
}

fn prompt(what: &str, whose: &str) -> String {
    let mut what = what.to_owned();
    if let Some(first) = what.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{what} of {whose}: ")
}

/// Asks for a new PIN or passphrase `of` keys, twice where it is typed. One that is too short is refused before anything
/// is made.
pub fn choose(pin: &Pin, kind: Asks, of: &str) -> Result<SecretString, Failure> {
    let (least, too_short): (usize, fn(usize) -> KeyError) = match kind {
        Asks::Pin => (MIN_PIN, KeyError::WeakPin),
        Asks::Passphrase | Asks::Confirmation => (MIN_PASSPHRASE, KeyError::WeakPassphrase),
    };
    let prompt = format!("A {} for {of} ({least} characters or more): ", kind.word());
    let first = ask(pin, &prompt)?;
    if first.expose_secret().chars().count() < least {
        return Err(too_short(least).into());
    }
    if pin.pin_fd.is_none() {
        let again = from_terminal("The same again: ")?;
        if first.expose_secret() != again.expose_secret() {
            return Err(Failure::usage("the two differ; no key was made", ""));
        }
    }
    Ok(first)
}

fn from_descriptor(number: u32) -> Result<SecretString, Failure> {
    Ok(lines_of(number)?.pop_front().unwrap_or_default())
}

fn lines_of(number: u32) -> Result<VecDeque<SecretString>, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("file descriptor {number}: {error}"), "");
    let file = File::open(format!("/dev/fd/{number}")).map_err(failed)?;
    let mut text = Zeroizing::new(String::with_capacity(1024));
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text
        .lines()
        .map(|line| SecretString::from(line.trim_end_matches('\r')))
        .collect())
}

fn from_terminal(prompt: &str) -> Result<SecretString, Failure> {
    let no_terminal = |_| {
        Failure::usage(
            "a PIN or passphrase is needed, and there is no terminal to ask at",
            "feed it through a file descriptor: `--pin-fd 3 3<FILE`",
        )
    };
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        return Err(no_terminal(std::io::Error::other("stdin")));
    }
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(no_terminal)?;
    terminal.write_all(prompt.as_bytes())?;
    let shown = tcgetattr(&terminal).map_err(std::io::Error::from)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &hidden).map_err(std::io::Error::from)?;
    let line = read_line(&mut terminal);
    // Whatever happened, the terminal shows again what is typed.
    tcsetattr(&terminal, OptionalActions::Flush, &shown).map_err(std::io::Error::from)?;
    terminal.write_all(b"\n")?;
    Ok(first_line(&line?))
}

fn read_line(terminal: &mut File) -> std::io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    let mut byte = [0];
    while bytes.len() < 1024 && terminal.read(&mut byte)? == 1 && byte != *b"\n" {
        bytes.extend_from_slice(&byte);
    }
    std::str::from_utf8(&bytes)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| std::io::Error::other("what was typed is not UTF-8"))
}

fn first_line(text: &str) -> SecretString {
    SecretString::from(text.split(['\n', '\r']).next().unwrap_or_default().to_owned())
}
