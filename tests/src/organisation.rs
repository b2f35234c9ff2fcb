//! A small organisation: `sam` owns the agent, `alex` and `kim` review, one owner holds the owners' keys.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign_client::http::{Backend, Options};
use countersign_client::key_file::{self, FileSigner};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::digest::RootId;
use countersign_protocol::directory::{
    Agent, Directory, DirectoryKey, Environment, EnvironmentRule, Guard, KeyHolder, Person, Team,
};
use countersign_protocol::identity::{KeyAssurance, Presence, PublicKey, Role};
use countersign_protocol::log::origin;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::policy_bundle::{Limits, PolicyBundle, PolicyFile, SCHEMA_VERSION};
use countersign_protocol::root::{Root, RootKey, Thresholds, TrustedRoot};
use countersign_protocol::signed::{Envelope, Predicate, Signed, Signer};
use countersign_protocol::text::{Bounded, Line};
use tempfile::TempDir;

use crate::process::{Running, Service, binary, reachable, until};

/// The operating system user of the agent, where the story may choose it.
const AGENT_UID: u32 = 54_321;

/// What differs between organisations.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Cedar instead of the small team's policies.
    pub policy: Option<&'static str>,
    /// Bounds instead of the usual ones.
    pub limits: Option<Limits>,
}

/// An organisation with its processes.
#[derive(Debug)]
pub struct Organisation {
    folder: TempDir,
    /// The root statement.
    pub roots: Vec<Envelope>,
    /// Its id.
    pub root: RootId,
    /// The newest directory.
    pub directory: Directory,
    /// The newest policy bundle.
    pub bundle: PolicyBundle,
    /// The backend's process.
    pub backend: Option<Service>,
    /// The first guard's process.
    pub guard: Option<Service>,
    /// The backend's address.
    pub url: String,
    /// The runtime for client calls.
    pub runtime: tokio::runtime::Runtime,
}

/// Now, by the clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
}

/// A short text.
#[must_use]
pub fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Organisation {
    /// An organisation with everything running.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&Setup::default())
    }

    /// The same with something else about it.
    #[must_use]
    pub fn with(setup: &Setup) -> Self {
        let mut organisation = Self::found(setup);
        organisation.start_backend();
        organisation.start_guard();
        organisation
    }

    /// Founds it, with no process running yet.
    #[must_use]
    pub fn found(setup: &Setup) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("countersign-story-")
            .tempdir()
            .unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        for name in ["keys", "backend", "g1", "g2", "work"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let service = keygen(&mut command("countersignd", folder.path().join("backend")));
        let guards = ["g1", "g2"].map(|id| {
            (
                id,
                keygen(&mut command("countersign-guard", folder.path().join(id))),
            )
        });
        let keys = Keys(folder.path().join("keys"));
        let (roots, root) = root(&keys, &service);
        let directory = directory(&keys, root, &guards);
        let bundle = bundle(root, setup);
        let organisation = Self {
            folder,
            roots,
            root,
            directory,
            bundle,
            backend: None,
            guard: None,
            url: String::new(),
            runtime: tokio::runtime::Runtime::new().unwrap(),
        };
        organisation.write_trust();
        organisation
    }

    fn write_trust(&self) {
        let trust = TrustDocument {
            roots: self.roots.clone(),
            directory: self.seal(&self.directory, "directory"),
            policy: self.seal(&self.bundle, "policy"),
            log_origin: origin(&self.root),
        };
        let file = self.path("trust.json");
        std::fs::write(&file, serde_json::to_vec(&trust).unwrap()).unwrap();
        let output = Command::new(binary("countersignd"))
            .args(["init", "--home"])
            .arg(self.path("backend"))
            .arg("--trust")
            .arg(file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Starts the backend, on the same port as before if it ran before.
    pub fn start_backend(&mut self) {
        self.start_backend_with(&[]);
    }

    /// The same, with more arguments.
    pub fn start_backend_with(&mut self, more: &[&str]) {
        let address = self.url.rsplit('/').next().filter(|address| !address.is_empty());
        let address = address.unwrap_or("127.0.0.1:0").to_owned();
        let mut serve = Command::new(binary("countersignd"));
        serve
            .arg("serve")
            .arg("--home")
            .arg(self.path("backend"))
            .args(["--listen", &address])
            .args(more);
        let service = Service::start(&mut serve);
        service
            .first_line
            .strip_prefix("listening ")
            .unwrap()
            .clone_into(&mut self.url);
        self.backend = Some(service);
    }

    /// Starts the first guard.
    pub fn start_guard(&mut self) {
        let url = self.url.clone();
        self.guard = Some(self.spawn_guard("g1", &url));
    }

    /// Starts a guard against a backend at `url`.
    #[must_use]
    pub fn spawn_guard(&self, id: &str, url: &str) -> Service {
        let config = self.path(id).join("guard.toml");
        std::fs::write(&config, self.guard_config(id, url)).unwrap();
        let mut serve = Command::new(binary("countersign-guard"));
        serve.arg("serve").arg("--config").arg(config);
        Service::start(&mut serve)
    }

    /// The same, for a guard that may refuse to start: a lie can be the reason.
    #[must_use]
    pub fn spawn_guard_quietly(&self, id: &str, url: &str) -> Quiet {
        let config = self.path(id).join("guard.toml");
        std::fs::write(&config, self.guard_config(id, url)).unwrap();
        let mut serve = Command::new(binary("countersign-guard"));
        let child = serve
            .arg("serve")
            .arg("--config")
            .arg(config)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Time to start or to refuse.
        std::thread::sleep(Duration::from_secs(1));
        Quiet(child)
    }

    /// Writes into the backend's database, as somebody who stole it would.
    pub fn tamper(&self, statement: &str) {
        let database = std::fs::read_dir(self.path("backend"))
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3")))
            .unwrap();
        let changed = rusqlite::Connection::open(database)
            .unwrap()
            .execute(statement, [])
            .unwrap();
        assert!(changed > 0, "nothing was tampered with");
    }

    /// The queue, as alex sees it.
    #[must_use]
    pub fn rows(&self) -> Vec<countersign_protocol::api::RequestRow> {
        let filter = countersign_client::http::RequestFilter::default();
        self.runtime
            .block_on(self.backend_as("alex").requests(&filter))
            .unwrap()
            .requests
    }

    fn guard_config(&self, id: &str, url: &str) -> String {
        let uid = if is_root() {
            AGENT_UID
        } else {
            rustix::process::geteuid().as_raw()
        };
        format!(
            "guard = \"{id}\"\nbackend = \"{url}\"\nroot = \"{}\"\nhome = {:?}\nsocket = {:?}\nhost = \"web-1\"\nsame_user = {}\n\
             [[agents]]\nuid = {uid}\nagent = \"deployer\"\n\
             [[databases]]\nname = \"orders\"\ndialect = \"sqlite\"\npath = {:?}\n",
            self.root,
            self.path(id),
            self.socket(id),
            !is_root(),
            self.work("orders.db"),
        )
    }

    /// A file in the organisation's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file that actions act on.
    #[must_use]
    pub fn work(&self, name: &str) -> PathBuf {
        self.path("work").join(name)
    }

    fn socket(&self, id: &str) -> PathBuf {
        self.path(&format!("{id}.sock"))
    }

    /// A thin client of the first guard, as the agent would start it.
    #[must_use]
    pub fn agent(&self, arguments: &[&str]) -> Running {
        self.agent_of("g1", arguments)
    }

    /// A thin client of a guard, as the agent would start it.
    #[must_use]
    pub fn agent_of(&self, guard: &str, arguments: &[&str]) -> Running {
        let mut client = Command::new(reachable("countersign-guard"));
        client
            .args(arguments)
            .env("COUNTERSIGN_GUARD_SOCKET", self.socket(guard))
            .current_dir("/");
        if is_root() {
            client.uid(AGENT_UID).gid(AGENT_UID);
        }
        Running::start(&mut client)
    }

    /// The agent asks to replace a file that holds `before` with one that holds `after`.
    #[must_use]
    pub fn ask_change(&self, name: &str, before: &str, after: &str) -> Running {
        self.ask_change_with(name, before, after, &[])
    }

    /// The same, with more arguments.
    #[must_use]
    pub fn ask_change_with(&self, name: &str, before: &str, after: &str, more: &[&str]) -> Running {
        std::fs::write(self.work(name), before).unwrap();
        let new = self.path(&format!("new-{}", name.replace('/', "-")));
        std::fs::write(&new, after).unwrap();
        std::fs::set_permissions(&new, PermissionsExt::from_mode(0o644)).unwrap();
        let target = self.work(name);
        let mut arguments = vec![
            "apply",
            "--kind",
            "config-file",
            "--path",
            target.to_str().unwrap(),
        ];
        arguments.extend(["--after", new.to_str().unwrap(), "--reason", "a story", "--json"]);
        arguments.extend(more);
        self.agent(&arguments)
    }

    /// A key file of the organisation, made when it is first asked for.
    #[must_use]
    pub fn key(&self, name: &str) -> FileSigner {
        Keys(self.path("keys")).signer(name)
    }

    /// A statement under one of the organisation's keys.
    #[must_use]
    pub fn seal<T: Predicate>(&self, predicate: &T, key: &str) -> Envelope {
        Signed::seal(predicate, &[&self.key(key)])
            .unwrap()
            .into_envelope()
    }

    /// The backend, as a person's console reaches it.
    #[must_use]
    pub fn backend_as(&self, person: &str) -> Backend {
        self.backend_at(&self.url, person)
    }

    /// The backend at another address, as a person's console reaches it.
    #[must_use]
    pub fn backend_at(&self, url: &str, person: &str) -> Backend {
        let login = Arc::new(self.key(&format!("{person}-login")));
        Backend::new(url, Some(login), Options::default()).unwrap()
    }

    /// Publishes a changed directory, signed by its owner.
    pub fn publish_directory(&mut self, change: impl FnOnce(&mut Directory)) {
        self.directory.version += 1;
        self.directory.issued_at = now();
        change(&mut self.directory);
        let envelope = self.seal(&self.directory, "directory");
        self.runtime
            .block_on(self.backend_as("alex").publish_directory(envelope))
            .unwrap();
    }

    /// Writes a file that the agent may read.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.work(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Waits until a file holds `text`.
    pub fn wait_for_file(&self, name: &str, text: &str) {
        until("the file to change", || {
            (std::fs::read_to_string(self.work(name)).ok()? == text).then_some(())
        });
    }
}

/// A process that is ended with its story and may have ended before.
#[derive(Debug)]
pub struct Quiet(std::process::Child);

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(name: &str, home: PathBuf) -> Command {
    let mut command = Command::new(binary(name));
    command.arg("keygen").arg("--home").arg(home);
    command
}

fn keygen(command: &mut Command) -> serde_json::Value {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

struct Keys(PathBuf);

impl Keys {
    fn signer(&self, name: &str) -> FileSigner {
        let path = self.0.join(format!("{name}.key"));
        if path.exists() {
            key_file::load(&path)
        } else {
            key_file::create(&path)
        }
        .unwrap()
    }

    fn public(&self, name: &str) -> PublicKey {
        self.signer(name).public_key().clone()
    }
}

fn public_key(value: &serde_json::Value) -> PublicKey {
    serde_json::from_value(value.clone()).unwrap()
}

fn root(keys: &Keys, service: &serde_json::Value) -> (Vec<Envelope>, RootId) {
    let owner = Some("owner".parse().unwrap());
    let held = |name: &str, role| RootKey {
        key: keys.public(name),
        role,
        holder: owner.clone(),
    };
    let service = |name: &str, role| RootKey {
        key: public_key(&service[name]),
        role,
        holder: None,
    };
    let root = Root {
        organisation: line("Story"),
        version: 1,
        issued_at: now(),
        expires_at: now().after(Duration::from_secs(86_400)),
        previous: None,
        keys: vec![
            held("root", Role::Root),
            held("directory", Role::DirectoryOwner),
            held("policy", Role::PolicyOwner),
            service("backend", Role::Backend),
            service("log", Role::Log),
        ],
        thresholds: Thresholds {
            root: 1,
            directory: 1,
            policy: 1,
        },
    };
    let envelope = Signed::seal(&root, &[&keys.signer("root")])
        .unwrap()
        .into_envelope();
    let id = TrustedRoot::id_of(&envelope);
    (vec![envelope], id)
}

fn directory(keys: &Keys, root: RootId, guards: &[(&str, serde_json::Value)]) -> Directory {
    let person = |id: &str, team: &str| Person {
        id: id.parse().unwrap(),
        display: line(id),
        teams: BTreeSet::from([team.parse().unwrap()]),
        on_call: true,
        accounts: BTreeSet::from([line(&format!("github:{id}"))]),
    };
    let key = |key: PublicKey, role, holder| DirectoryKey {
        key,
        role,
        holder,
        assurance: KeyAssurance::Software,
        presence: Presence::Pin,
        not_before: now().before(Duration::from_secs(60)),
        not_after: now().after(Duration::from_secs(86_400)),
        revoked: None,
    };
    let mut all = Vec::new();
    for id in ["sam", "alex", "kim", "owner"] {
        let holder = KeyHolder::Person(id.parse().unwrap());
        all.push(key(keys.public(id), Role::Reviewer, holder.clone()));
        all.push(key(keys.public(&format!("{id}-login")), Role::Login, holder));
    }
    // A second key of the owner of the agent, on another device.
    all.push(key(
        keys.public("sam-second"),
        Role::Reviewer,
        KeyHolder::Person("sam".parse().unwrap()),
    ));
    for (id, made) in guards {
        all.push(key(
            public_key(&made["guard"]),
            Role::Guard,
            KeyHolder::Guard(id.parse().unwrap()),
        ));
    }
    Directory {
        root,
        version: 1,
        issued_at: now(),
        expires_at: now().after(Duration::from_secs(80_000)),
        people: vec![
            person("sam", "payments"),
            person("alex", "sre"),
            person("kim", "security"),
            person("owner", "security"),
        ],
        teams: ["payments", "sre", "security"]
            .map(|id| Team {
                id: id.parse().unwrap(),
                display: line(id),
            })
            .to_vec(),
        agents: vec![Agent {
            id: "deployer".parse().unwrap(),
            display: line("Deployer"),
            owners: BTreeSet::from(["sam".parse().unwrap()]),
            team: "payments".parse().unwrap(),
            guards: ["g1", "g2"].map(|id| id.parse().unwrap()).into(),
        }],
        guards: ["g1", "g2"]
            .map(|id| Guard {
                id: id.parse().unwrap(),
                display: line(id),
            })
            .to_vec(),
        environments: environments(),
        attestations: Default::default(),
        environment_rules: vec![EnvironmentRule {
            environment: "staging".parse().unwrap(),
            target: line("file://*/staging-*"),
            kinds: BTreeSet::new(),
            guards: BTreeSet::new(),
        }],
        keys: all,
    }
}

fn environments() -> Vec<Environment> {
    vec![
        Environment {
            id: "production".parse().unwrap(),
            display: line("Production"),
            strictness: 9,
            personal: false,
            allow_same_user: !is_root(),
        },
        Environment {
            id: "staging".parse().unwrap(),
            display: line("Staging"),
            strictness: 2,
            personal: false,
            allow_same_user: !is_root(),
        },
    ]
}

fn bundle(root: RootId, setup: &Setup) -> PolicyBundle {
    let policies = match setup.policy {
        Some(text) => vec![PolicyFile {
            name: line("story.cedar"),
            text: Bounded::new(text).unwrap(),
        }],
        None => small_team(),
    };
    PolicyBundle {
        root,
        version: 1,
        issued_at: now(),
        expires_at: now().after(Duration::from_secs(80_000)),
        schema: line(SCHEMA_VERSION),
        policies,
        freezes: vec![],
        limits: setup.limits.unwrap_or_default(),
    }
}

/// The small team's policies, as they are shipped.
fn small_team() -> Vec<PolicyFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/policies/small-team");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "cedar"));
    files.sort();
    files
        .iter()
        .map(|path| PolicyFile {
            name: line(path.file_name().unwrap().to_str().unwrap()),
            text: Bounded::new(std::fs::read_to_string(path).unwrap()).unwrap(),
        })
        .collect()
}
