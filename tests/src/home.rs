//! A reviewer's machine: a home of its own, and the real command line on it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use countersign_protocol::identity::{Algorithm, PublicKey};
use tempfile::TempDir;

use crate::device::{run, tool};
use crate::process::{Finished, binary};
use crate::terminal::Terminal;

/// A reviewer's machine.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty one. The keyring is the one that the test runs under.
    #[must_use]
    pub fn new() -> Self {
        assert!(
            std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some(),
            "these tests need a keyring: run them under tests/with-keyring, as `./x test` does"
        );
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// The same with a variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.into()));
    }

    /// Opens the full screen on a pseudo-terminal.
    #[must_use]
    pub fn full_screen(&self, size: (u16, u16)) -> Terminal {
        let mut console = Command::new(binary("countersign"));
        console
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("COUNTERSIGN_HOME", self.path("home"))
            .env_remove("COUNTERSIGN_BACKEND");
        Terminal::start(console, size)
    }

    /// Where a file of this machine is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `countersign ARGS`; the PIN comes through a file descriptor.
    #[must_use]
    pub fn countersign(&self, pin: &str, args: &[&str]) -> Finished {
        std::fs::write(self.path("pin"), pin).unwrap();
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "exec 3<\"$1\"; shift; exec \"$@\"", "sh"])
            .arg(self.path("pin"))
            .arg(binary("countersign"))
            .args(args)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("COUNTERSIGN_HOME", self.path("home"))
            .stdin(Stdio::null());
        let done = command.output().unwrap();
        Finished {
            code: done.status.code(),
            stdout: String::from_utf8(done.stdout).unwrap(),
            stderr: String::from_utf8(done.stderr).unwrap(),
        }
    }

    /// The same, and it has to succeed.
    pub fn succeeds(&self, pin: &str, args: &[&str]) -> String {
        let done = self.countersign(pin, args);
        assert_eq!(done.code, Some(0), "{args:?}: {}{}", done.stdout, done.stderr);
        done.stdout
    }

    /// The same, and it has to fail over the key, saying this.
    pub fn refuses(&self, pin: &str, args: &[&str], words: &str) {
        let done = self.countersign(pin, args);
        assert_eq!(done.code, Some(6), "{args:?}: {}{}", done.stdout, done.stderr);
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }

    /// Makes a key and has another process sign with it; `openssl` says whether the signature is good.
    pub fn create_and_sign(&self, provider: &str, pin: &str) {
        self.succeeds(pin, &["keys", "create", "--provider", provider, "--pin-fd", "3"]);
        self.sign_with_openssl(pin);
    }

    /// Signs in a process of its own, and has `openssl` verify it.
    pub fn sign_with_openssl(&self, pin: &str) {
        let out = self.path("out");
        let _ = std::fs::remove_dir_all(&out);
        self.succeeds(
            pin,
            &["keys", "check", "--pin-fd", "3", "-o", out.to_str().unwrap()],
        );
        let verify = || {
            let mut command = tool("openssl");
            command.args(["dgst", "-sha256"]);
            command.arg("-verify").arg(out.join("public.pem"));
            command
                .arg("-signature")
                .arg(out.join("signature"))
                .arg(out.join("message"));
            command
        };
        assert!(run(&mut verify()).contains("Verified OK"));
        let signature = std::fs::read(out.join("signature")).unwrap();
        let parsed = p256::ecdsa::Signature::from_der(&signature).unwrap();
        assert!(parsed.normalize_s().is_none(), "s is the higher of the two");
        let mut message = std::fs::read(out.join("message")).unwrap();
        let last = message.len() - 1;
        message[last] ^= 1;
        std::fs::write(out.join("message"), message).unwrap();
        assert!(
            !verify().output().unwrap().status.success(),
            "a changed byte was accepted"
        );
    }

    /// The public key that `keys check -o` wrote.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let pem = std::fs::read_to_string(self.path("out").join("public.pem")).unwrap();
        let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
        PublicKey::from_spki(Algorithm::EcdsaP256Sha256, &der).unwrap()
    }

    /// `keys list --json`, the first key.
    #[must_use]
    pub fn listed(&self) -> serde_json::Value {
        let text = self.succeeds("", &["keys", "list", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document["keys"][0].clone()
    }
}
