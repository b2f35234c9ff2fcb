//! The backend's own keys change, at once or with both counting for a while, and a root is published under which directory
//! and policy don't stand yet: what waits, what goes on, and what nobody can do meanwhile.

use std::path::PathBuf;

use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::Role;
use countersign_protocol::request::Phase;
use countersign_protocol::root::Root;
use countersign_protocol::signed::Signer as _;
use countersign_tests::{Home, Organisation, Setup};
use countersign_verify::Purpose;

use crate::owners::{ONE, Owner, PIN, by_founder, countersignd, done, newest};
use crate::{guard_state, refusal};

/// An organisation whose founder's keys are files of the story, and the machine of olga, who is to be an owner too.
struct Story {
    organisation: Organisation,
    olga: Owner,
    root: PathBuf,
}

impl Story {
    fn begin() -> Self {
        let organisation = Organisation::with(&Setup {
            policy: Some(ONE),
            ..Setup::default()
        });
        let olga = Owner::new(&organisation, "owner", Home::new(), PIN);
        let root = organisation.path("next-root.json");
        Self {
            organisation,
            olga,
            root,
        }
    }

    /// Makes olga's keys; gives the file with the public halves.
    fn owner_keys(&self) -> String {
        let file = self.organisation.path("olga.json").display().to_string();
        let make = [
            "init",
            "--owner-keys",
            "--person",
            "olga",
            "--pin-fd",
            "3",
            "-o",
            &file,
        ];
        self.olga.must(&make);
        file
    }

    /// Makes the next keys of the backend's host; gives the file with the public halves.
    fn next_keys(&self, only: &[&str]) -> String {
        let made = countersignd(&[&["keygen", "--home", &self.backend(), "--next"], only].concat());
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let file = self.organisation.path("services.json");
        std::fs::write(&file, &made.stdout).unwrap();
        file.display().to_string()
    }

    fn backend(&self) -> String {
        self.organisation.path("backend").display().to_string()
    }

    fn propose(&self, how: &[&str]) {
        // Fetches the newest root, from which the next one follows.
        self.olga.must(&["root", "show"]);
        let to = self.root.to_str().unwrap();
        self.olga.must(&[&["root", "propose"], how, &["-o", to]].concat());
    }

    fn by_founder(&self) {
        by_founder::<Root>(&self.organisation, &self.root, "root");
    }

    /// Stops the backend, puts its next keys in their place, and starts it again.
    fn rotate(&mut self, more: &[&str]) {
        let home = self.backend();
        assert_eq!(self.organisation.backend.as_mut().unwrap().terminate(), Some(0));
        let rotated = countersignd(&[&["rotate", "--home", &home], more].concat());
        assert_eq!(rotated.code, Some(0), "{}", rotated.stderr);
        let whole = countersignd(&["verify-store", "--home", &home]);
        assert_eq!(whole.code, Some(0), "{}", whole.stderr);
        self.organisation.start_backend();
    }

    /// The keys that the newest root names for a service.
    fn named(&self, role: Role) -> Vec<KeyId> {
        let root = newest(&self.organisation);
        let keys = root.root().keys.iter().filter(|key| key.role == role);
        keys.map(|key| key.key.id()).collect()
    }

    fn audit(&self, id: countersign_protocol::identity::RequestId) {
        let report = self
            .organisation
            .judge(&self.organisation.record(id), Purpose::Audit);
        assert!(report.is_valid(), "{id}: {:?}", report.problems);
    }
}

#[test]
fn a_backend_key_that_is_taken_out_leaves_what_waits_stale_and_the_new_one_goes_on() {
    let mut story = Story::begin();
    let before = done(&story.organisation, "before.conf");
    let old = countersign_client::key_file::load(&story.organisation.path("backend/backend.key")).unwrap();
    let waiting = story.organisation.ask_change("waiting.conf", "a\n", "b\n");
    let open = story.organisation.wait_for(Phase::Pending);
    let decision = story.organisation.decision(open, "alex", Verdict::Approve);

    let services = story.next_keys(&["--only", "backend"]);
    story.propose(&["--service-keys", &services]);
    story.by_founder();
    let root = story.root.display().to_string();
    story.rotate(&["--root", &root]);
    assert_eq!(story.named(Role::Backend).len(), 1);
    assert_ne!(story.named(Role::Backend), [old.public_key().id()]);

    // What was held under the old key can't be approved by anybody, and its agent is told to ask again.
    story.organisation.wait_until(open, Phase::Stale);
    let refused = story.organisation.send(&decision, "alex", "alex");
    assert_ne!(refusal(refused), "");
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(65), "{}", ended.stderr);
    assert_eq!(guard_state(&ended.stderr), "stale");
    let untouched = std::fs::read_to_string(story.organisation.work("waiting.conf")).unwrap();
    assert_eq!(untouched, "a\n");

    // The same, asked again, is another request, and runs.
    let again = done(&story.organisation, "waiting.conf");
    assert_ne!(again, open);
    for id in [before, again] {
        story.audit(id);
    }
    story.olga.must(&["log", "verify"]);
}

#[test]
fn with_both_service_keys_counting_for_a_while_nothing_that_waits_is_lost() {
    let mut story = Story::begin();
    let before = done(&story.organisation, "before.conf");
    let owner = story.owner_keys();
    let services = story.next_keys(&[]);
    story.propose(&[
        "--owner",
        &owner,
        "--service-keys",
        &services,
        "--keep-service-keys",
    ]);
    story.by_founder();
    let root = story.root.display().to_string();
    let publish = ["root", "sign", &root, "--publish", "--pin-fd", "3"];
    // The backend that runs holds the old keys alone, and takes the root: it names them still.
    assert!(story.olga.must(&publish).contains("the backend took it"));
    for role in [Role::Backend, Role::Log] {
        assert_eq!(story.named(role).len(), 2, "{role:?}");
    }
    let old = done(&story.organisation, "old-keys.conf");

    // It changes over when it suits; what waited under the old key is approved and runs under the new one.
    let waiting = story.organisation.ask_change("waiting.conf", "a\n", "b\n");
    let open = story.organisation.wait_for(Phase::Pending);
    story.rotate(&[]);
    story.organisation.decide(open, "alex", Verdict::Approve).unwrap();
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let new = done(&story.organisation, "new-keys.conf");

    // Then the old keys are taken out. Nothing that waits is held by them, so it goes on too.
    let waiting = story.organisation.ask_change("last.conf", "a\n", "b\n");
    let last = story.organisation.wait_for(Phase::Pending);
    story.propose(&["--service-keys", &services]);
    story.olga.must(&publish);
    for role in [Role::Backend, Role::Log] {
        assert_eq!(story.named(role).len(), 1, "{role:?}");
    }
    story.organisation.decide(last, "alex", Verdict::Approve).unwrap();
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let after = done(&story.organisation, "after.conf");
    for id in [before, old, open, new, last, after] {
        story.audit(id);
    }
    story.olga.must(&["log", "verify"]);
}

#[test]
fn a_root_published_with_a_pause_approves_nothing_until_its_owners_have_signed() {
    let story = Story::begin();
    let before = done(&story.organisation, "before.conf");
    let waiting = story.organisation.ask_change("waiting.conf", "a\n", "b\n");
    let open = story.organisation.wait_for(Phase::Pending);
    let decision = story.organisation.decision(open, "alex", Verdict::Approve);
    let owner = story.owner_keys();
    story.propose(&["--owner", &owner, "--leave", "owner"]);
    story.by_founder();
    let root = story.root.display().to_string();
    let publish = ["root", "sign", &root, "--publish", "--pin-fd", "3"];
    story.olga.refused(&publish, "would not stand under this root");
    assert_eq!(newest(&story.organisation).root().version, 1);
    let paused = story.olga.must(&[&publish[..], &["--pause"]].concat());
    assert!(
        paused.contains("until the owners of this root signed a new directory"),
        "{paused}"
    );
    assert!(paused.contains("signed a new policy bundle"), "{paused}");
    let shown = story.olga.must(&["root", "show"]);
    assert_eq!(shown.matches("NOTHING IS APPROVED").count(), 2, "{shown}");

    // Nothing is approved, nothing new is held, and the founder, who left, signs no way out.
    let organisation = &story.organisation;
    let mut alone = organisation.directory.clone();
    alone.version += 1;
    let alone = organisation.seal(&alone, "directory");
    let sent = organisation
        .runtime
        .block_on(organisation.backend_as("alex").publish_directory(alone));
    assert_ne!(refusal(sent), "");
    let approved = organisation.send(&decision, "alex", "alex");
    assert_ne!(refusal(approved), "");
    assert_eq!(organisation.record(open).phase, Phase::Pending);
    let refused = organisation.ask_change("meanwhile.conf", "a\n", "b\n").finish();
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    let untouched = std::fs::read_to_string(organisation.work("meanwhile.conf")).unwrap();
    assert_eq!(untouched, "a\n");

    // Its owner signs a directory and a bundle, and everything goes on, with what waited.
    let [directory, policy, cedar] =
        ["directory.json", "policy.json", "one.cedar"].map(|name| organisation.path(name));
    let (directory_file, bundle) = (directory.to_str().unwrap(), policy.to_str().unwrap());
    story.olga.must(&["directory", "propose", "-o", directory_file]);
    let signed = story.olga.sign("directory", &directory, &["--publish"]);
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    std::fs::write(&cedar, ONE).unwrap();
    let signed = story.olga.sign("policy", &cedar, &["-o", bundle, "--publish"]);
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    let shown = story.olga.must(&["root", "show"]);
    assert!(!shown.contains("NOTHING IS APPROVED"), "{shown}");
    organisation.decide(open, "alex", Verdict::Approve).unwrap();
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let after = done(organisation, "after.conf");
    for id in [before, open, after] {
        story.audit(id);
    }
}
