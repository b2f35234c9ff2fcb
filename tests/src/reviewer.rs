//! A reviewer's steps, with the keys of the story: fetch, verify, sign, send.

use std::process::Command;
use std::time::Duration;

use countersign_client::http::{Backend, RequestFilter};
use countersign_client::transport::ClientError;
use countersign_protocol::api::RequestRecord;
use countersign_protocol::decision::{Attention, Decision, SeenCheckpoint, Surface, Verdict};
use countersign_protocol::digest::Sha256Digest;
use countersign_protocol::identity::{Presence, RequestId};
use countersign_protocol::proposal::Nonce;
use countersign_protocol::request::Phase;
use countersign_protocol::text::Prose;
use countersign_verify::{Chain, Pinned, Purpose, Report, verify};

use crate::organisation::{Organisation, line, now};
use crate::process::{Finished, Running, binary, until};

impl Organisation {
    /// Waits for a request in `phase` and gives its id.
    #[must_use]
    pub fn wait_for(&self, phase: Phase) -> RequestId {
        self.wait_for_another(phase, None)
    }

    /// Waits until a request other than `known` is in `phase`.
    pub fn wait_for_another(&self, phase: Phase, known: Option<RequestId>) -> RequestId {
        let backend = self.backend_as("alex");
        until(&format!("a request that is {}", phase.word()), || {
            let page = self
                .runtime
                .block_on(backend.requests(&RequestFilter::default()))
                .ok()?;
            page.requests
                .iter()
                .find(|row| row.phase == phase && Some(row.id) != known)
                .map(|row| row.id)
        })
    }

    /// Waits until a request is in `phase`.
    pub fn wait_until(&self, id: RequestId, phase: Phase) -> RequestRecord {
        let backend = self.backend_as("alex");
        until(&format!("the request to be {}", phase.word()), || {
            self.runtime
                .block_on(backend.request(id))
                .ok()
                .filter(|record| record.phase == phase)
        })
    }

    /// The request as the backend gives it.
    #[must_use]
    pub fn record(&self, id: RequestId) -> RequestRecord {
        self.runtime
            .block_on(self.backend_as("alex").request(id))
            .unwrap()
    }

    /// What a verifier with the pinned root says to a record now.
    #[must_use]
    pub fn judge(&self, record: &RequestRecord, purpose: Purpose) -> Report {
        verify(&record.evidence, &Pinned::new(self.root), now(), purpose)
    }

    /// The chain of a request that holds.
    #[must_use]
    pub fn chain(&self, id: RequestId) -> Chain {
        // What is not logged yet is a moment later.
        until("evidence that holds and is logged", || {
            let report = self.judge(&self.record(id), Purpose::Review);
            assert!(report.is_valid(), "{:?}", report.problems);
            report.chain.filter(|chain| chain.log.checkpoint.is_some())
        })
    }

    /// Runs the console's command line on a machine of `person`.
    #[must_use]
    pub fn console(&self, person: &str, arguments: &[&str]) -> Finished {
        let home = self.path(&format!("{person}-home"));
        if !home.exists() {
            std::fs::create_dir(&home).unwrap();
            let _ = self.key(&format!("{person}-login"));
            let key = self.path("keys").join(format!("{person}-login.key"));
            std::fs::copy(key, home.join("login.key")).unwrap();
            let (url, root) = (&self.url, &self.root);
            let config = format!("backend = \"{url}\"\nroot = \"{root}\"\nperson = \"{person}\"\n");
            std::fs::write(home.join("config.toml"), config).unwrap();
        }
        let mut console = Command::new(binary("countersign"));
        Running::start(console.args(arguments).env("COUNTERSIGN_HOME", home)).finish()
    }

    /// A decision about a request, as the console would build it.
    #[must_use]
    pub fn decision(&self, id: RequestId, person: &str, verdict: Verdict) -> Decision {
        let chain = self.chain(id);
        let lines = u32::try_from(chain.sheet.lines().len()).unwrap();
        Decision {
            request: id,
            request_digest: chain.request.request_digest(),
            action_digest: chain.request.action_digest,
            view_digest: chain.sheet.view_digest(),
            verdict,
            reason: Prose::new("read it all").unwrap(),
            reviewer: person.parse().unwrap(),
            presence: Presence::Pin,
            surface: Surface {
                name: line("tui"),
                version: line("0.1.0"),
            },
            attention: Attention::Shown {
                lines,
                of_lines: lines,
                seconds: 30,
            },
            offline: false,
            revealed: false,
            pin_remembered: false,
            checkpoint: chain.log.checkpoint.unwrap(),
            decided_at: now(),
            expires_at: now().after(Duration::from_secs(600)),
            nonce: nonce(),
        }
    }

    /// Sends a decision under a key, over the console of `person`.
    ///
    /// # Errors
    /// What the backend says against it.
    pub fn send(&self, decision: &Decision, key: &str, person: &str) -> Result<RequestRecord, ClientError> {
        let envelope = self.seal(decision, key);
        self.runtime
            .block_on(self.backend_as(person).decide(decision.request, envelope))
    }

    /// Approves or denies as `person`, with that person's key.
    ///
    /// # Errors
    /// What the backend says against it.
    pub fn decide(
        &self,
        id: RequestId,
        person: &str,
        verdict: Verdict,
    ) -> Result<RequestRecord, ClientError> {
        self.send(&self.decision(id, person, verdict), person, person)
    }

    /// What the log shows now, verified.
    #[must_use]
    pub fn checkpoint(&self, backend: &Backend) -> SeenCheckpoint {
        let root = countersign_protocol::root::TrustedRoot::follow(&self.root, &self.roots).unwrap();
        let text = self.runtime.block_on(backend.checkpoint()).unwrap();
        countersign_verify::log::open_checkpoint(&text, &root).unwrap()
    }
}

/// A nonce that no other call gives.
#[must_use]
pub fn nonce() -> Nonce {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let serial = NEXT.fetch_add(1, Ordering::Relaxed);
    let text = format!("{} {} {serial}", std::process::id(), now().millis());
    Nonce::from_random(*Sha256Digest::of(text.as_bytes()).as_bytes())
}
