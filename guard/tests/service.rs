//! The real service process, with thin clients of another user where the tests run as root.
//!
//! The backend here only hands out signed trust: what it takes to have people decide is told on the real binaries
//! elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken step is a failed test"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_client::key_file::{self, FileSigner};
use countersign_client::now;
use countersign_guard::held::Held;
use countersign_guard::record::{Journal, NewRequest, Route};
use countersign_protocol::api::{PROBLEM_TYPE, Problem, TrustDocument, VerdictBatch, VerdictItem};
use countersign_protocol::canonical;
use countersign_protocol::digest::{ProposalDigest, RootId, Sha256Digest};
use countersign_protocol::directory::{
    Agent, Directory, DirectoryKey, Environment, Guard, KeyHolder, Person, Team,
};
use countersign_protocol::identity::{KeyAssurance, Presence, PublicKey, RequestId, Role};
use countersign_protocol::log::origin;
use countersign_protocol::policy_bundle::{Limits, PolicyBundle, PolicyFile, SCHEMA_VERSION};
use countersign_protocol::root::{Root, RootKey, Thresholds, TrustedRoot};
use countersign_protocol::signed::{Envelope, Predicate, Signed, Signer as _};
use countersign_protocol::text::{Bounded, Line};

/// A user that nobody is.
const AGENT: u32 = 54_322;

const POLICY: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("run") permit (principal, action == Action::"execute", resource);
@id("no-rm") forbid (principal, action == Action::"propose", resource) when { resource.target like "*/rm" };
"#;

/// The type of statements that a picky backend refuses.
const UNWANTED: &str = "application/unwanted";

/// What the backend shows and gets.
#[derive(Default)]
struct Shown {
    trust: Option<TrustDocument>,
    verdicts: Vec<VerdictBatch>,
    lost: bool,
    /// Whether it refuses verdicts of the type [`UNWANTED`].
    picky: bool,
}

struct World {
    folder: tempfile::TempDir,
    shown: Arc<Mutex<Shown>>,
    root: RootId,
    roots: Vec<Envelope>,
    guard_key: PublicKey,
    url: String,
    service: Option<Child>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

impl World {
    fn start() -> Self {
        let mut world = Self::prepare();
        world.serve();
        world
    }

    fn prepare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open.clone()).unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        let binary = folder.path().join("countersign-guard");
        std::fs::copy(env!("CARGO_BIN_EXE_countersign-guard"), &binary).unwrap();
        std::fs::set_permissions(&binary, open).unwrap();
        let made = Command::new(&binary)
            .arg("keygen")
            .arg("--home")
            .arg(folder.path().join("home"))
            .output()
            .unwrap();
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        assert_eq!(made["schema"], "countersign/guard-key/v1");
        let guard_key = serde_json::from_value(made["guard"].clone()).unwrap();
        let mut world = Self {
            url: String::new(),
            folder,
            shown: Arc::default(),
            root: "ab".repeat(32).parse().unwrap(),
            roots: vec![],
            guard_key,
            service: None,
        };
        world.make_root();
        world.show(1, 1, POLICY);
        world.url = listen(world.shown.clone());
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn key(&self, name: &str) -> FileSigner {
        let path = self.path("keys").join(name);
        if path.exists() {
            key_file::load(&path)
        } else {
            key_file::create(&path)
        }
        .unwrap()
    }

    fn seal<T: Predicate>(&self, statement: &T, by: &str) -> Envelope {
        Signed::seal(statement, &[&self.key(by)]).unwrap().into_envelope()
    }

    fn make_root(&mut self) {
        let owner = |name: &str, role| RootKey {
            key: self.key(name).public_key().clone(),
            role,
            holder: Some("owner".parse().unwrap()),
        };
        let log = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let root = Root {
            organisation: line("Test"),
            version: 1,
            issued_at: now(),
            expires_at: now().after(Duration::from_secs(3600)),
            previous: None,
            keys: vec![
                owner("root", Role::Root),
                owner("directory", Role::DirectoryOwner),
                owner("policy", Role::PolicyOwner),
                RootKey {
                    holder: None,
                    ..owner("backend", Role::Backend)
                },
                RootKey {
                    key: PublicKey::ed25519(log.verifying_key().as_bytes()),
                    role: Role::Log,
                    holder: None,
                },
            ],
            thresholds: Thresholds {
                root: 1,
                directory: 1,
                policy: 1,
            },
        };
        self.roots = vec![self.seal(&root, "root")];
        self.root = TrustedRoot::id_of(&self.roots[0]);
    }

    /// Shows a directory and a policy of these versions.
    fn show(&self, directory: u64, policy: u64, text: &str) {
        let bundle = PolicyBundle {
            root: self.root,
            version: policy,
            issued_at: now(),
            expires_at: now().after(Duration::from_secs(3600)),
            schema: line(SCHEMA_VERSION),
            policies: vec![PolicyFile {
                name: line("test.cedar"),
                text: Bounded::new(text).unwrap(),
            }],
            freezes: vec![],
            limits: Limits::default(),
        };
        self.shown.lock().unwrap().trust = Some(TrustDocument {
            roots: self.roots.clone(),
            directory: self.seal(&self.directory(directory), "directory"),
            policy: self.seal(&bundle, "policy"),
            log_origin: origin(&self.root),
        });
    }

    fn directory(&self, version: u64) -> Directory {
        Directory {
            root: self.root,
            version,
            issued_at: now(),
            expires_at: now().after(Duration::from_secs(3600)),
            people: vec![Person {
                id: "alex".parse().unwrap(),
                display: line("Alex"),
                teams: BTreeSet::from(["sre".parse().unwrap()]),
                on_call: false,
                accounts: BTreeSet::new(),
            }],
            teams: vec![Team {
                id: "sre".parse().unwrap(),
                display: line("SRE"),
            }],
            agents: ["deployer", "other"]
                .map(|id| Agent {
                    id: id.parse().unwrap(),
                    display: line(id),
                    owners: BTreeSet::from(["alex".parse().unwrap()]),
                    team: "sre".parse().unwrap(),
                    guards: BTreeSet::from(["g1".parse().unwrap()]),
                })
                .to_vec(),
            guards: vec![Guard {
                id: "g1".parse().unwrap(),
                display: line("Guard"),
            }],
            environments: vec![Environment {
                id: "production".parse().unwrap(),
                display: line("Production"),
                strictness: 9,
                personal: false,
                allow_same_user: true,
            }],
            attestations: Default::default(),
            environment_rules: vec![],
            keys: vec![DirectoryKey {
                key: self.guard_key.clone(),
                role: Role::Guard,
                holder: KeyHolder::Guard("g1".parse().unwrap()),
                assurance: KeyAssurance::Software,
                presence: Presence::None,
                not_before: now().before(Duration::from_secs(60)),
                not_after: now().after(Duration::from_secs(3600)),
                revoked: None,
            }],
        }
    }

    fn serve(&mut self) {
        let uid = if is_root() {
            AGENT
        } else {
            rustix::process::geteuid().as_raw()
        };
        let config = self.path("guard.toml");
        let text = format!(
            "guard = \"g1\"\nbackend = \"{}\"\nroot = \"{}\"\nhome = {:?}\nsocket = {:?}\nhost = \"web-1\"\n\
             same_user = {}\n[[agents]]\nuid = {uid}\nagent = \"deployer\"\n\
             [[agents]]\nuid = {}\nagent = \"other\"\n[exec]\nenv = [\"LANG\"]\n",
            self.url,
            self.root,
            self.path("home"),
            self.path("guard.sock"),
            !is_root(),
            uid + 1,
        );
        std::fs::write(&config, text).unwrap();
        let mut service = Command::new(self.path("countersign-guard"))
            .args(["serve", "--config"])
            .arg(&config)
            .env("PATH", "/nowhere")
            .env("LD_LIBRARY_PATH", "/nowhere")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(service.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        assert!(first.starts_with("listening "), "{first}");
        self.service = Some(service);
    }

    fn kill(&mut self) {
        if let Some(mut service) = self.service.take() {
            let _ = service.kill();
            let _ = service.wait();
        }
    }

    fn client_as(&self, uid: u32, arguments: &[&str]) -> Command {
        let mut client = Command::new(self.path("countersign-guard"));
        client
            .args(arguments)
            .env("COUNTERSIGN_GUARD_SOCKET", self.path("guard.sock"))
            .current_dir("/")
            .stdin(Stdio::null());
        if is_root() {
            client.uid(uid).gid(uid);
        }
        client
    }

    fn agent(&self, arguments: &[&str]) -> Output {
        self.client_as(AGENT, arguments).output().unwrap()
    }

    /// Puts statements of a picky backend's dislike on their way, each of a request of its own, while nobody serves.
    fn send_unwanted(&self, count: u32) {
        let journal = Journal::open(&self.path("home")).unwrap();
        let unwanted = unwanted();
        let item = VerdictItem {
            proposal: unwanted.clone(),
            record: unwanted,
        };
        let body = canonical::to_bytes(&item).unwrap();
        for number in 0..count {
            journal
                .send(request_id(&number.to_string()), Route::Verdict, &body)
                .unwrap();
        }
    }

    /// Asks for a shell script to be run, with a ticket.
    fn ticket(&self, script: &str) -> String {
        let asked = self.agent(&["exec", "--ticket", "--", "/bin/sh", "-c", script]);
        assert_eq!(asked.status.code(), Some(75), "{}", stderr(&asked));
        stdout(&asked).trim().to_owned()
    }
}

fn unwanted() -> Envelope {
    Envelope {
        payload_type: UNWANTED.into(),
        payload: b"{}".to_vec(),
        signatures: vec![],
    }
}

fn request_id(name: &str) -> RequestId {
    RequestId::of(&ProposalDigest::new(Sha256Digest::of(name.as_bytes())))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The JSON reason that a client gave.
fn reason(output: &Output) -> serde_json::Value {
    serde_json::from_str(stderr(output).lines().last().unwrap()).unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "waited in vain for {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn listen(shown: Arc<Mutex<Shown>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if !shown.lock().unwrap().lost {
                // A client that breaks off is its own problem.
                let _ = answer(stream, &shown);
            }
        }
    });
    url
}

fn answer(stream: TcpStream, shown: &Mutex<Shown>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut shown = shown.lock().unwrap();
    let json = "application/json";
    let (status, kind, answer) = if head.starts_with("GET /v1/trust ") {
        ("200 OK", json, serde_json::to_vec(&shown.trust).unwrap())
    } else if head.starts_with("POST /v1/verdicts ") {
        let batch: VerdictBatch = serde_json::from_slice(&body).unwrap();
        if shown.picky && batch.records[0].record.payload_type == UNWANTED {
            let problem = Problem::new("invalid-statement", "the statement is refused", 422, "unwanted");
            ("422 Refused", PROBLEM_TYPE, serde_json::to_vec(&problem).unwrap())
        } else {
            shown.verdicts.push(batch);
            ("204 No Content", json, vec![])
        }
    } else {
        ("404 Not Found", json, vec![])
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(&answer)
}

#[test]
fn what_policy_permits_runs_and_is_reported() {
    let world = World::start();
    let ran = world.agent(&["exec", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert_eq!(
        (ran.status.code(), stdout(&ran).as_str()),
        (Some(3), "out\n"),
        "{}",
        stderr(&ran)
    );
    assert!(stderr(&ran).contains("err\n"), "{}", stderr(&ran));
    until("the verdict to be reported", || {
        !world.shown.lock().unwrap().verdicts.is_empty()
    });

    let mut client = world.client_as(AGENT, &["exec", "--", "cat"]);
    let mut client = client
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(b"piped").unwrap();
    assert_eq!(stdout(&client.wait_with_output().unwrap()), "piped");
}

/// Each request lets go of its bytes when it ends, and the next one holds the same bytes at the same moment.
#[test]
fn one_program_is_run_by_many_at_once() {
    let world = World::start();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..12 {
                    let ran = world.agent(&["exec", "--", "true"]);
                    assert!(ran.status.success(), "{}", stderr(&ran));
                }
            });
        }
    });
}

#[test]
fn neither_environment_nor_descriptors_are_inherited() {
    let world = World::start();
    let mut client = world.client_as(AGENT, &["exec", "--", "env"]);
    let ran = client
        .env("PATH", "/tmp/evil")
        .env("SECRET", "1")
        .env("LANG", "C")
        .output()
        .unwrap();
    let text = stdout(&ran);
    assert!(
        text.contains("LANG=C\n") && !text.contains("SECRET") && !text.contains("evil"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 2, "{text}");
    let ran = world.agent(&["exec", "--", "ls", "/proc/self/fd"]);
    // The standard three, the sealed binary, and the folder that `ls` reads.
    assert_eq!(stdout(&ran).lines().count(), 5, "{}", stdout(&ran));
}

#[test]
fn what_policy_forbids_does_not_run() {
    let world = World::start();
    let ran = world.agent(&["exec", "--json", "--", "rm", "-rf", "/tmp/nothing-there"]);
    assert_eq!(ran.status.code(), Some(77), "{}", stderr(&ran));
    let reason = reason(&ran);
    assert_eq!(
        (&reason["schema"], &reason["state"], &reason["exit"]),
        (
            &"countersign/guard-result/v1".into(),
            &"forbidden".into(),
            &77.into()
        )
    );
    assert!(reason["message"].as_str().unwrap().contains("no-rm"), "{reason}");
}

/// Policies know the time: what was allowed until yesterday is not allowed by a clock that says it is yesterday.
#[test]
fn a_clock_that_was_set_back_stops_what_policy_alone_permits() {
    let mut world = World::start();
    let (first, second) = (world.path("first"), world.path("second"));
    let touch =
        |world: &World, file: &Path| world.agent(&["exec", "--json", "--", "touch", file.to_str().unwrap()]);
    assert_eq!(touch(&world, &first).status.code(), Some(0));
    world.kill();
    let journal = rusqlite::Connection::open(world.path("home/journal.sqlite")).unwrap();
    let seen = i64::try_from(now().after(Duration::from_secs(1800)).millis()).unwrap();
    let noted = journal.execute(
        "INSERT INTO clock (id, seen) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen",
        [seen],
    );
    assert_eq!(noted.unwrap(), 1);
    drop(journal);
    world.serve();
    let ran = touch(&world, &second);
    assert_eq!(ran.status.code(), Some(78), "{}", stderr(&ran));
    assert!(first.exists() && !second.exists());
}

/// What is refused is not held: nobody would ever let go of it.
#[test]
fn an_agent_that_was_taken_out_fills_no_disk() {
    let world = World::start();
    let mut directory = world.directory(2);
    directory.agents.retain(|agent| agent.id.as_str() != "deployer");
    let signed = world.seal(&directory, "directory");
    world.shown.lock().unwrap().trust.as_mut().unwrap().directory = signed;
    let ran = world.agent(&["exec", "--", "true"]);
    assert_eq!(ran.status.code(), Some(77), "{}", stderr(&ran));
    assert_eq!(std::fs::read_dir(world.path("home/held")).unwrap().count(), 0);
}

#[test]
fn nobody_is_believed_but_the_kernel() {
    let world = World::start();
    if is_root() {
        let stranger = world
            .client_as(AGENT + 7, &["exec", "--", "true"])
            .output()
            .unwrap();
        assert_eq!(stranger.status.code(), Some(77), "{}", stderr(&stranger));
        let ticket = world.ticket("echo mine");
        let other = world.client_as(AGENT + 1, &["wait", &ticket]).output().unwrap();
        assert_eq!(
            (other.status.code(), stdout(&other).as_str()),
            (Some(77), ""),
            "{}",
            stderr(&other)
        );
        let own = world.agent(&["wait", &ticket]);
        assert_eq!(
            (own.status.code(), stdout(&own).as_str()),
            (Some(0), "mine\n"),
            "{}",
            stderr(&own)
        );
    }
    let mut raw = std::os::unix::net::UnixStream::connect(world.path("guard.sock")).unwrap();
    let _ = raw.write_all(&[0xff; 64]);
    let mut answer = Vec::new();
    let _ = raw.read_to_end(&mut answer);
    assert!(world.agent(&["exec", "--", "true"]).status.success());
}

#[test]
fn without_a_backend_nothing_runs() {
    let world = World::start();
    world.shown.lock().unwrap().lost = true;
    let mark = world.path("mark");
    let ran = world.agent(&["exec", "--json", "--", "touch", mark.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(69), "{}", stderr(&ran));
    assert_eq!(reason(&ran)["code"], "backend-unreachable");
    assert!(!mark.exists());
}

#[test]
fn what_the_backend_refuses_holds_nothing_up_and_is_not_lost() {
    const MANY: u32 = 150;
    let mut world = World::prepare();
    world.shown.lock().unwrap().picky = true;
    world.send_unwanted(MANY);
    world.serve();
    assert!(world.agent(&["exec", "--", "true"]).status.success());
    let arrived = |world: &World| world.shown.lock().unwrap().verdicts.len();
    until("the verdict behind what is refused", || arrived(&world) == 1);
    let told = stdout(&world.agent(&["doctor"]));
    assert!(told.contains("refused by the backend: 150"), "{told}");
    assert!(told.contains("unwanted"), "the backend's reason: {told}");

    // Mended, they arrive after all.
    world.shown.lock().unwrap().picky = false;
    world.kill();
    world.serve();
    until("what was refused", || arrived(&world) == 1 + MANY as usize);
    let told = stdout(&world.agent(&["doctor"]));
    assert!(told.contains("nothing to report"), "{told}");
}

#[test]
fn what_a_crash_left_held_for_nobody_is_removed() {
    let mut world = World::start();
    world.kill();
    // As far as a call gets that is killed after its bytes were held and before the journal names them.
    let held = Held::open(&world.path("home")).unwrap();
    let (orphan, needed) = (held.keep(b"orphan").unwrap(), held.keep(b"needed").unwrap());
    let journal = Journal::open(&world.path("home")).unwrap();
    let waiting = NewRequest {
        id: request_id("waiting"),
        agent: &"deployer".parse().unwrap(),
        proposal: &unwanted(),
        ticket: true,
        accepts: None,
        held: &[needed],
        created_at: now(),
        expires_at: now().after(Duration::from_secs(600)),
    };
    journal.propose(&waiting).unwrap();
    drop(journal);
    world.serve();
    assert!(held.read(&orphan).is_err());
    assert!(held.read(&needed).is_ok(), "a request that waits needs it");
}

#[test]
fn an_older_policy_is_refused() {
    let world = World::prepare();
    world.show(5, 5, POLICY);
    let mut world = world;
    world.serve();
    assert!(world.agent(&["exec", "--", "true"]).status.success());
    for (directory, policy) in [(5, 4), (4, 5)] {
        world.show(directory, policy, POLICY);
        let ran = world.agent(&["exec", "--json", "--", "true"]);
        assert_eq!(ran.status.code(), Some(78), "{}", stderr(&ran));
        assert!(stderr(&ran).contains("older"), "{}", stderr(&ran));
    }
    // Not even after a restart.
    world.kill();
    world.serve();
    assert_eq!(world.agent(&["exec", "--", "true"]).status.code(), Some(78));
}

#[test]
fn kill_in_the_middle_leaves_unknown_and_nothing_runs_again() {
    let mut world = World::start();
    let mark = world.path("count");
    let script = format!("echo ran >> {}; sleep 2", mark.display());
    let ticket = world.ticket(&script);
    until("the script to start", || mark.exists());
    world.kill();
    world.serve();
    let ended = world.agent(&["wait", "--json", &ticket]);
    assert_eq!(ended.status.code(), Some(70), "{}", stderr(&ended));
    assert_eq!(reason(&ended)["state"], "unknown");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), "ran\n");
}

#[test]
fn stopping_kills_what_runs_and_says_so() {
    let mut world = World::start();
    let (begun, done) = (world.path("begun"), world.path("done"));
    let script = format!("touch {}; sleep 3; touch {}", begun.display(), done.display());
    let ticket = world.ticket(&script);
    until("the script to start", || begun.exists());
    let mut service = world.service.take().unwrap();
    let pid = rustix::process::Pid::from_child(&service);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(service.wait().unwrap().success());
    world.serve();
    let ended = world.agent(&["wait", &ticket]);
    assert_eq!(ended.status.code(), Some(70), "{}", stderr(&ended));
    std::thread::sleep(Duration::from_secs(3));
    assert!(!done.exists());
}

#[test]
fn a_file_is_changed_only_from_what_it_is() {
    let world = World::start();
    let (target, new) = (world.path("app.conf"), world.path("new"));
    std::fs::write(&target, "old").unwrap();
    std::fs::write(&new, "new").unwrap();
    let apply = |path: &Path, more: &[&str]| {
        let path = path.to_str().unwrap();
        world.agent(&[&["apply", "--kind", "config-file", "--path", path], more].concat())
    };
    let after = ["--after", new.to_str().unwrap()];
    let ran = apply(&target, &after);
    assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
    assert_eq!(apply(&target, &after).status.code(), Some(77));
    let link = world.path("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    assert_eq!(apply(&link, &["--remove"]).status.code(), Some(77));
    assert_eq!(apply(&target, &["--remove"]).status.code(), Some(0));
    assert!(!target.exists());
}

#[test]
fn a_second_service_on_the_same_home_is_refused() {
    let world = World::start();
    let second = Command::new(world.path("countersign-guard"))
        .args(["serve", "--config"])
        .arg(world.path("guard.toml"))
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(78));
    assert!(stderr(&second).contains("in use"), "{}", stderr(&second));
}

#[test]
fn doctor_and_misuse_speak_plainly() {
    let world = World::start();
    let doctor = world.agent(&["doctor"]);
    let text = stdout(&doctor);
    for name in [
        "key",
        "isolation",
        "backend",
        "directory",
        "agent",
        "clock",
        "journal",
    ] {
        assert!(text.contains(name), "{text}");
    }
    assert_eq!(
        doctor.status.code(),
        Some(if is_root() { 0 } else { 78 }),
        "{text}"
    );
    for (arguments, code) in [
        (&["mcp", "--", "server"][..], 78),
        (&["hook", "claude-code"], 78),
        (&["exec"], 78),
        (&["wait", "nonsense"], 78),
        (&["--socket", "/nowhere/s", "exec", "--", "true"], 69),
        (&["--help"], 0),
    ] {
        let ended = world.agent(arguments);
        assert_eq!(
            ended.status.code(),
            Some(code),
            "{arguments:?}: {}",
            stderr(&ended)
        );
    }
}
