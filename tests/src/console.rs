//! A reviewer's own machine in a story: the real `countersign` with a home and a key in the keyring.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use countersign_protocol::directory::{DirectoryKey, KeyHolder, Person};
use countersign_protocol::identity::{KeyAssurance, PersonId, Presence, PublicKey, Role};
use serde_json::Value;

use crate::organisation::{Organisation, line, now};
use crate::process::binary;
use crate::terminal::Terminal;

/// The passphrase of every signing key in the stories.
const PASSPHRASE: &str = "correct horse battery staple";

/// A machine of a reviewer.
#[derive(Debug)]
pub struct Console {
    home: PathBuf,
    before: Vec<String>,
}

impl Organisation {
    /// A reviewer who joins with a console of their own, and is enrolled by the owner.
    #[must_use]
    pub fn join(&mut self, person: &str) -> Console {
        let console = self.machine(person);
        let enrolment = self.path(&format!("{person}-enrolment.json"));
        let (url, root) = (self.url.clone(), self.root.to_string());
        let joined = console.run(&[
            "login",
            "--backend",
            &url,
            "--root",
            &root,
            "--person",
            person,
            "--pin-fd",
            "0",
            "-o",
            enrolment.to_str().unwrap(),
        ]);
        assert!(joined.status.success(), "{}", said(&joined));
        self.enrol(person, &enrolment);
        console
    }

    /// A machine with an empty home.
    #[must_use]
    pub fn machine(&self, name: &str) -> Console {
        let home = self.path(&format!("home-{name}"));
        std::fs::create_dir_all(&home).unwrap();
        Console {
            home,
            before: Vec::new(),
        }
    }

    /// Adds the keys of an enrolment to the directory.
    pub fn enrol(&mut self, person: &str, enrolment: &Path) {
        let enrolment: Value = serde_json::from_slice(&std::fs::read(enrolment).unwrap()).unwrap();
        let key = |name: &str| -> PublicKey { serde_json::from_value(enrolment[name].clone()).unwrap() };
        let id: PersonId = person.parse().unwrap();
        let entry = |key: PublicKey, role, presence| DirectoryKey {
            key,
            role,
            holder: KeyHolder::Person(id.clone()),
            assurance: KeyAssurance::Software,
            presence,
            not_before: now().before(std::time::Duration::from_secs(60)),
            not_after: now().after(std::time::Duration::from_secs(86_400)),
            revoked: None,
        };
        let keys = [
            entry(key("login"), Role::Login, Presence::None),
            entry(key("reviewer"), Role::Reviewer, Presence::Pin),
        ];
        self.publish_directory(|directory| {
            if !directory.people.iter().any(|known| known.id == id) {
                directory.people.push(Person {
                    id: id.clone(),
                    display: line(person),
                    teams: ["sre".parse().unwrap()].into(),
                    on_call: true,
                    accounts: [line(&format!("github:{person}"))].into(),
                });
            }
            directory.keys.extend(keys);
        });
    }
}

impl Console {
    /// The same machine behind a command, such as one that takes its network away.
    #[must_use]
    pub fn behind(&self, command: &[&str]) -> Self {
        Self {
            home: self.home.clone(),
            before: command.iter().map(ToString::to_string).collect(),
        }
    }

    /// The folder of its home.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Opens the full screen on a pseudo-terminal.
    #[must_use]
    pub fn full_screen(&self, size: (u16, u16)) -> Terminal {
        let mut console = Command::new(binary("countersign"));
        console
            .env("COUNTERSIGN_HOME", &self.home)
            .env_remove("COUNTERSIGN_BACKEND");
        Terminal::start(console, size)
    }

    /// Types the passphrase of the signing key.
    pub fn unlock(terminal: &mut Terminal) {
        terminal.write(PASSPHRASE);
    }

    /// Runs `countersign`; its standard input is the passphrase.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        let program = binary("countersign");
        let mut command = match self.before.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        let mut child = command
            .args(arguments)
            .env("COUNTERSIGN_HOME", &self.home)
            .env_remove("COUNTERSIGN_BACKEND")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that needs no passphrase may be gone before it is written.
        drop(
            child
                .stdin
                .take()
                .unwrap()
                .write_all(format!("{PASSPHRASE}\n").as_bytes()),
        );
        child.wait_with_output().unwrap()
    }

    /// Runs `countersign`, which has to succeed; what it printed.
    pub fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `countersign`, which has to print one JSON document, whatever it ends with.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", said(&output)))
    }
}

/// Everything a program printed.
#[must_use]
pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
