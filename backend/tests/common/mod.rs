//! A really signed organisation around the real `countersignd`.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "shared by tests, each of which uses a part"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use countersign_protocol::action::{Action, ArtifactRef, FileChange, Payload};
use countersign_protocol::api::{EnvelopeBody, Problem, ProposeBody, RequestRecord, TrustDocument};
use countersign_protocol::authn::{self, Parts};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::decision::{Attention, Decision, SeenCheckpoint, Surface, Verdict};
use countersign_protocol::digest::{GrantDigest, RootId, Sha256Digest};
use countersign_protocol::directory::{
    Agent, Directory, DirectoryKey, Environment, EnvironmentRule, Guard, KeyHolder, Person, Team,
};
use countersign_protocol::identity::{Algorithm, KeyAssurance, Presence, PublicKey, RequestId, Role};
use countersign_protocol::log::origin;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::{Limits, PolicyBundle, PolicyFile, SCHEMA_VERSION};
use countersign_protocol::proposal::{Claims, Isolation, Nonce, Proposal};
use countersign_protocol::receipt::{ExecutionReceipt, Outcome, Withdrawal};
use countersign_protocol::root::{Root, RootKey, Thresholds, TrustedRoot};
use countersign_protocol::signed::{Envelope, SignError, Signed, Signer};
use countersign_protocol::text::{Bounded, Line, OsBytes, Prose};
use countersign_verify::{Chain, Pinned, Purpose, verify};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A software key made from one byte.
pub struct TestKey {
    secret: p256::ecdsa::SigningKey,
    public: PublicKey,
}

impl TestKey {
    pub fn new(seed: u8) -> Self {
        use p256::pkcs8::EncodePublicKey as _;
        let secret = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
        let spki = secret.verifying_key().to_public_key_der().unwrap();
        let public = PublicKey::from_spki(Algorithm::EcdsaP256Sha256, spki.as_bytes()).unwrap();
        Self { secret, public }
    }
}

impl Signer for TestKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        use p256::ecdsa::signature::Signer as _;
        let signature: p256::ecdsa::Signature = self.secret.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

pub const ROOT_KEY: u8 = 1;
const DIRECTORY_KEY: u8 = 2;
const POLICY_KEY: u8 = 3;
pub const GUARD_KEY: u8 = 10;
pub const OTHER_GUARD_KEY: u8 = 11;
/// alice owns the agent; bob and carol review.
pub const PEOPLE: [(&str, u8, u8); 3] = [("alice", 20, 30), ("bob", 21, 31), ("carol", 22, 32)];

pub const POLICIES: &str = r#"
@id("may-ask") permit (principal, action == Action::"propose", resource)
  unless { resource.target like "*forbidden*" };
@id("may-review") permit (principal, action == Action::"approve", resource);
@id("two") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 2 };
"#;

pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

pub fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

/// The organisation and its running backend, which is killed when this is dropped.
pub struct Organisation {
    pub home: tempfile::TempDir,
    pub root_id: RootId,
    pub document: TrustDocument,
    pub directory: Directory,
    pub policy: PolicyBundle,
    pub url: String,
    child: Option<Child>,
    pub client: reqwest::Client,
}

impl Drop for Organisation {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn countersignd() -> Command {
    Command::new(env!("CARGO_BIN_EXE_countersignd"))
}

pub fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

impl Organisation {
    /// Made and initialised, and serving.
    pub fn start() -> Self {
        Self::start_with(Limits::default())
    }

    pub fn start_with(limits: Limits) -> Self {
        let mut organisation = Self::initialised(limits);
        organisation.serve();
        organisation
    }

    pub fn initialised(limits: Limits) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let home = tempfile::tempdir().unwrap();
        let keys = succeed(countersignd().arg("keygen").arg("--home").arg(home.path()));
        let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
        let key = |name: &str| serde_json::from_value::<PublicKey>(keys[name].clone()).unwrap();
        let root = seal(&root(key("backend"), key("log")), ROOT_KEY);
        let root_id = TrustedRoot::id_of(&root);
        let directory = directory(root_id);
        let policy = policy(root_id, limits);
        let document = TrustDocument {
            roots: vec![root],
            directory: seal(&directory, DIRECTORY_KEY),
            policy: seal(&policy, POLICY_KEY),
            log_origin: origin(&root_id),
        };
        let file = home.path().join("trust.json");
        std::fs::write(&file, serde_json::to_vec(&document).unwrap()).unwrap();
        succeed(
            countersignd()
                .arg("init")
                .arg("--home")
                .arg(home.path())
                .arg("--trust")
                .arg(&file),
        );
        Self {
            home,
            root_id,
            document,
            directory,
            policy,
            url: String::new(),
            child: None,
            client: reqwest::Client::new(),
        }
    }

    /// The first root's predicate.
    pub fn root(&self) -> Root {
        let keys = TrustedRoot::follow(&self.root_id, &self.document.roots).unwrap();
        Root::clone(keys.root())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn command(&self, name: &str) -> Command {
        let mut command = countersignd();
        command.arg(name).arg("--home").arg(self.home.path());
        command
    }

    pub fn serve(&mut self) {
        self.serve_with(&[]);
    }

    pub fn serve_with(&mut self, options: &[&str]) {
        let mut command = self.command("serve");
        command.args(options);
        command
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if std::env::var_os("SHOW_BACKEND").is_none() {
            command.stderr(Stdio::null());
        }
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        self.url = first
            .trim()
            .strip_prefix("listening ")
            .expect("the first line tells the address")
            .to_owned();
        self.child = Some(child);
    }

    /// Serves under a tracer; false when it died before it listened.
    pub fn try_serve_under(&mut self, tracer: &[&str]) -> bool {
        let mut command = Command::new(tracer[0]);
        command.args(&tracer[1..]).arg(env!("CARGO_BIN_EXE_countersignd"));
        command
            .arg("serve")
            .arg("--home")
            .arg(self.home.path())
            .args(["--listen", "127.0.0.1:0"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        self.child = Some(child);
        match first.trim().strip_prefix("listening ") {
            Some(url) => {
                url.clone_into(&mut self.url);
                true
            }
            None => false,
        }
    }

    /// Sends a signed request; nothing when the backend died over it.
    pub async fn try_send(&self, key: u8, method: &str, path: &str, body: Vec<u8>) -> Option<Answer> {
        let signed = self.signed(key, method, path, &body, now().millis() / 1000, &random());
        let headers = [
            ("Content-Digest", signed.content_digest),
            ("Signature-Input", signed.signature_input),
            ("Signature", signed.signature),
        ];
        self.plain(method, path, body, &headers).await.ok()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end; gives its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        child.wait().unwrap().code()
    }

    /// Sends a request signed by a key.
    pub async fn send(&self, key: u8, method: &str, path: &str, body: Vec<u8>) -> Answer {
        self.send_with(key, method, path, body, &[]).await
    }

    pub async fn send_with(
        &self,
        key: u8,
        method: &str,
        path: &str,
        body: Vec<u8>,
        extra: &[(&str, &str)],
    ) -> Answer {
        let signed = self.signed(key, method, path, &body, now().millis() / 1000, &random());
        let mut headers = vec![
            ("Content-Digest", signed.content_digest),
            ("Signature-Input", signed.signature_input),
            ("Signature", signed.signature),
        ];
        headers.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.plain(method, path, body, &headers).await.unwrap()
    }

    pub fn signed(
        &self,
        key: u8,
        method: &str,
        path: &str,
        body: &[u8],
        created: u64,
        nonce: &[u8; 16],
    ) -> authn::Headers {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let authority = self.url.strip_prefix("http://").unwrap();
        authn::sign(
            &Parts {
                method,
                authority,
                path,
                query,
                body,
            },
            &TestKey::new(key),
            created,
            nonce,
        )
        .unwrap()
    }

    pub async fn plain(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, String)],
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.url))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.timeout(Duration::from_secs(30)).send().await?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned());
        Ok(Answer {
            status,
            retry_after,
            body: response.bytes().await?.to_vec(),
        })
    }

    pub async fn fetch(&self, path: &str) -> Answer {
        self.plain("GET", path, vec![], &[]).await.unwrap()
    }

    pub fn proposal(&self, target: &str, after: &[u8]) -> Proposal {
        let action = Action {
            kind: "config-file".parse().unwrap(),
            environment: "production".parse().unwrap(),
            target: line(&format!("file://web-1/{target}")),
            payload: Payload::FileChange(FileChange {
                path: OsBytes::new(format!("/{target}").into_bytes()),
                before: Some(ArtifactRef::of(b"workers = 1\n")),
                after: Some(ArtifactRef::of(after)),
                mode: None,
            }),
        };
        let now = now();
        Proposal {
            root: self.root_id,
            guard: "g1".parse().unwrap(),
            agent: "deployer".parse().unwrap(),
            isolation: Isolation::SeparateUser,
            nonce: Nonce::from_random(random()),
            claims: Claims {
                reason: Prose::new("more workers").unwrap(),
                ..Claims::default()
            },
            observed: vec![],
            action_digest: action.digest().unwrap(),
            action,
            directory: countersign_protocol::digest::DirectoryDigest::new(
                self.document.directory.payload_digest(),
            ),
            policy: countersign_protocol::digest::PolicyDigest::new(self.document.policy.payload_digest()),
            amends: None,
            checkpoint: None,
            created_at: now,
            expires_at: now.after(Duration::from_secs(3600)),
        }
    }

    pub fn propose_body(&self, proposal: &Proposal, after: &[u8]) -> Vec<u8> {
        json(&ProposeBody {
            proposal: seal(proposal, GUARD_KEY),
            artifacts: vec![Artifact(b"workers = 1\n".to_vec()), Artifact(after.to_vec())],
        })
    }

    /// Proposes a change of a file, as guard `g1`.
    pub async fn propose(&self, target: &str, after: &[u8]) -> Answer {
        let body = self.propose_body(&self.proposal(target, after), after);
        self.send(GUARD_KEY, "POST", "/v1/proposals", body).await
    }

    pub async fn held(&self, target: &str) -> RequestRecord {
        let answer = self.propose(target, b"workers = 2\n").await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    pub fn judge(&self, record: &RequestRecord, purpose: Purpose) -> Chain {
        let report = verify(&record.evidence, &Pinned::new(self.root_id), now(), purpose);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        report.chain.unwrap()
    }

    pub fn decision(&self, record: &RequestRecord, person: &str, verdict: Verdict) -> Decision {
        let chain = self.judge(record, Purpose::Review);
        let checkpoint = chain.log.checkpoint.unwrap_or(SeenCheckpoint {
            size: 0,
            root_hash: Sha256Digest::of(b""),
        });
        let now = now();
        Decision {
            request: chain.request.id,
            request_digest: chain.request.request_digest(),
            action_digest: chain.request.action_digest,
            view_digest: chain.sheet.view_digest(),
            verdict,
            reason: Prose::new("looked at it").unwrap(),
            reviewer: person.parse().unwrap(),
            presence: Presence::Pin,
            surface: Surface {
                name: line("tui"),
                version: line("0"),
            },
            attention: Attention::Shown {
                lines: 10,
                of_lines: 10,
                seconds: 5,
            },
            offline: false,
            revealed: false,
            pin_remembered: false,
            checkpoint,
            decided_at: now,
            expires_at: now.after(Duration::from_secs(1800)),
            nonce: Nonce::from_random(random()),
        }
    }

    /// Sends a decision, signed and sent by the same person.
    pub async fn decide(&self, record: &RequestRecord, person: &str, verdict: Verdict) -> Answer {
        let decision = self.decision(record, person, verdict);
        let (_, reviewer, login) = *PEOPLE.iter().find(|(name, _, _)| *name == person).unwrap();
        self.send_decision(&decision, reviewer, login).await
    }

    pub async fn send_decision(&self, decision: &Decision, reviewer: u8, login: u8) -> Answer {
        let path = format!("/v1/requests/{}/decisions", decision.request);
        self.send(login, "POST", &path, envelope(decision, reviewer))
            .await
    }

    pub async fn approved(&self, target: &str) -> RequestRecord {
        let record = self.held(target).await;
        for person in ["bob", "carol"] {
            let answer = self.decide(&record, person, Verdict::Approve).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        self.show(&id_of(&record)).await
    }

    pub async fn show(&self, id: &RequestId) -> RequestRecord {
        self.send(GUARD_KEY, "GET", &format!("/v1/requests/{id}"), vec![])
            .await
            .json()
    }

    pub async fn grant(&self, id: &RequestId) -> Answer {
        self.send(GUARD_KEY, "POST", &format!("/v1/requests/{id}/grant"), vec![])
            .await
    }

    pub fn receipt(&self, chain: &Chain, outcome: Outcome) -> ExecutionReceipt {
        ExecutionReceipt {
            request: chain.request.id,
            request_digest: chain.request.request_digest(),
            action_digest: chain.request.action_digest,
            grant: chain.grant.as_ref().unwrap().grant_digest(),
            guard: "g1".parse().unwrap(),
            outcome,
            exit_code: None,
            stdout: None,
            stderr: None,
            after: None,
            detail: Prose::new("written").unwrap(),
            started_at: now(),
            ended_at: now(),
        }
    }

    pub fn withdrawal(&self, chain: &Chain) -> Withdrawal {
        Withdrawal {
            request: chain.request.id,
            request_digest: chain.request.request_digest(),
            guard: "g1".parse().unwrap(),
            reason: line("no longer needed"),
            at: now(),
        }
    }

    pub async fn publish_directory(&self, directory: &Directory) -> Answer {
        self.plain(
            "POST",
            "/v1/trust/directory",
            envelope(directory, DIRECTORY_KEY),
            &[],
        )
        .await
        .unwrap()
    }
}

/// An answer that was read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.body))
        })
    }

    /// The code of the problem it tells.
    pub fn code(&self) -> String {
        self.json::<Problem>().code().to_owned()
    }

    #[track_caller]
    pub fn is(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "{}",
            String::from_utf8_lossy(&self.body)
        );
    }
}

pub fn id_of(record: &RequestRecord) -> RequestId {
    #[derive(serde::Deserialize)]
    struct Statement {
        predicate: countersign_protocol::approval::ApprovalRequest,
    }
    serde_json::from_slice::<Statement>(&record.evidence.request.envelope.payload)
        .unwrap()
        .predicate
        .id
}

pub fn seal<T: countersign_protocol::signed::Predicate>(predicate: &T, key: u8) -> Envelope {
    Signed::seal(predicate, &[&TestKey::new(key)])
        .unwrap()
        .into_envelope()
}

pub fn envelope<T: countersign_protocol::signed::Predicate>(predicate: &T, key: u8) -> Vec<u8> {
    json(&EnvelopeBody {
        envelope: seal(predicate, key),
    })
}

pub fn start_body(grant: GrantDigest) -> Vec<u8> {
    json(&countersign_protocol::api::StartBody { grant })
}

pub fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn root(backend: PublicKey, log: PublicKey) -> Root {
    let owner = |seed, role| RootKey {
        key: TestKey::new(seed).public_key().clone(),
        role,
        holder: Some("owner".parse().unwrap()),
    };
    let service = |key, role| RootKey {
        key,
        role,
        holder: None,
    };
    Root {
        organisation: line("example"),
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::LAST,
        previous: None,
        keys: vec![
            owner(ROOT_KEY, Role::Root),
            owner(DIRECTORY_KEY, Role::DirectoryOwner),
            owner(POLICY_KEY, Role::PolicyOwner),
            service(backend, Role::Backend),
            service(log, Role::Log),
        ],
        thresholds: Thresholds {
            root: 1,
            directory: 1,
            policy: 1,
        },
    }
}

fn directory(root: RootId) -> Directory {
    let key = |seed: u8, role, holder: KeyHolder, presence| DirectoryKey {
        key: TestKey::new(seed).public_key().clone(),
        role,
        holder,
        assurance: KeyAssurance::Software,
        presence,
        not_before: Timestamp::from_millis(0),
        not_after: Timestamp::LAST,
        revoked: None,
    };
    let guard = |seed, id: &str| {
        key(
            seed,
            Role::Guard,
            KeyHolder::Guard(id.parse().unwrap()),
            Presence::None,
        )
    };
    let mut keys = vec![guard(GUARD_KEY, "g1"), guard(OTHER_GUARD_KEY, "g2")];
    for (name, reviewer, login) in PEOPLE {
        let holder = KeyHolder::Person(name.parse().unwrap());
        keys.push(key(reviewer, Role::Reviewer, holder.clone(), Presence::Pin));
        keys.push(key(login, Role::Login, holder, Presence::None));
    }
    Directory {
        root,
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::LAST,
        people: PEOPLE
            .iter()
            .map(|(name, _, _)| Person {
                id: name.parse().unwrap(),
                display: line(name),
                teams: BTreeSet::from(["sre".parse().unwrap()]),
                on_call: false,
                accounts: BTreeSet::new(),
            })
            .collect(),
        teams: vec![Team {
            id: "sre".parse().unwrap(),
            display: line("SRE"),
        }],
        agents: vec![Agent {
            id: "deployer".parse().unwrap(),
            display: line("deployer"),
            owners: BTreeSet::from(["alice".parse().unwrap()]),
            team: "sre".parse().unwrap(),
            guards: BTreeSet::from(["g1".parse().unwrap()]),
        }],
        guards: ["g1", "g2"]
            .map(|id| Guard {
                id: id.parse().unwrap(),
                display: line(id),
            })
            .to_vec(),
        environments: vec![Environment {
            id: "production".parse().unwrap(),
            display: line("production"),
            strictness: 5,
            personal: false,
            allow_same_user: false,
        }],
        attestations: Default::default(),
        environment_rules: vec![EnvironmentRule {
            environment: "production".parse().unwrap(),
            target: line("*"),
            kinds: BTreeSet::new(),
            guards: BTreeSet::new(),
        }],
        keys,
    }
}

fn policy(root: RootId, limits: Limits) -> PolicyBundle {
    PolicyBundle {
        root,
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::LAST,
        schema: line(SCHEMA_VERSION),
        policies: vec![PolicyFile {
            name: line("all.cedar"),
            text: Bounded::new(POLICIES).unwrap(),
        }],
        freezes: vec![],
        limits,
    }
}
