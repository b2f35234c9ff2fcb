//! What stories about owners and the keys of services share: an owner's machine, and the backend's own commands.

use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_protocol::decision::Verdict;
use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::{Envelope, Predicate, Signed};
use countersign_tests::process::{Finished, Running, binary};
use countersign_tests::{Home, Organisation};

pub const PIN: &str = "correct horse";
/// One approval is enough, also by a script.
pub const ONE: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("one") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

/// One owner's machine, with the tool's files in it.
pub struct Owner {
    pub home: Home,
    pub pin: &'static str,
}

impl Owner {
    pub fn new(organisation: &Organisation, person: &str, home: Home, pin: &'static str) -> Self {
        std::fs::create_dir_all(home.path("home")).unwrap();
        let (url, root) = (&organisation.url, &organisation.root);
        let config = format!("backend = \"{url}\"\nroot = \"{root}\"\nperson = \"{person}\"\n");
        std::fs::write(home.path("home").join("config.toml"), config).unwrap();
        let _ = organisation.key(&format!("{person}-login"));
        let login = organisation.path("keys").join(format!("{person}-login.key"));
        std::fs::copy(login, home.path("home").join("login.key")).unwrap();
        home.succeeds("", &["directory", "show"]);
        Self { home, pin }
    }

    /// Runs a command whose PIN, if it asks for one, is this owner's.
    pub fn run(&self, args: &[&str]) -> Finished {
        self.home.countersign(self.pin, args)
    }

    pub fn must(&self, args: &[&str]) -> String {
        self.home.succeeds(self.pin, args)
    }

    pub fn refused(&self, args: &[&str], words: &str) {
        let done = self.run(args);
        assert_eq!(done.code, Some(4), "{args:?}: {}{}", done.stdout, done.stderr);
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }

    pub fn sign(&self, what: &str, file: &Path, more: &[&str]) -> Finished {
        let file = file.to_str().unwrap();
        self.run(&[&[what, "sign", file, "--pin-fd", "3"], more].concat())
    }
}

/// An envelope in a file.
pub fn envelope(file: &Path) -> Envelope {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Adds the founding owner's signature, whose keys are files of the story.
pub fn by_founder<T: Predicate>(organisation: &Organisation, file: &PathBuf, key: &str) {
    let mut signed = Signed::<T>::from(envelope(file));
    signed.countersign(&organisation.key(key)).unwrap();
    std::fs::write(file, serde_json::to_vec(&signed.into_envelope()).unwrap()).unwrap();
}

/// A change that alex approves and that runs.
pub fn done(organisation: &Organisation, name: &str) -> RequestId {
    let client = organisation.ask_change(name, "a\n", "b\n");
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    organisation.wait_until(id, Phase::Succeeded);
    id
}

/// Runs a command of the backend's to its end.
pub fn countersignd(args: &[&str]) -> Finished {
    Running::start(Command::new(binary("countersignd")).args(args)).finish()
}

/// The newest root, as the backend shows it and everybody follows it from the pinned one.
pub fn newest(organisation: &Organisation) -> TrustedRoot {
    let trust = organisation
        .runtime
        .block_on(organisation.backend_as("alex").trust())
        .unwrap();
    TrustedRoot::follow(&organisation.root, &trust.roots).unwrap()
}
