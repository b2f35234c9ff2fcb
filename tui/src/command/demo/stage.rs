//! The stage of the demonstration: services, targets, agents, and the inboxes of both reviewers.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use countersign_client::http::Options;
use countersign_console::config::Config;
use countersign_console::inbox::Inbox;
use countersign_protocol::canonical;
use countersign_protocol::digest::RootId;
use countersign_protocol::identity::AgentId;
use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};

use super::case::Case;
use super::organisation::{self, Member, ROBIN, Services, YOU};
use crate::command::failure::{Code, Failure};
use crate::command::launch::{self, Service};
use crate::command::{file, output};

/// The first user id of the agents, where the demonstration may give them one each.
const FIRST_AGENT_UID: u32 = 61_001;

/// Everything that the demonstration stands on.
pub struct Stage {
    /// Your inbox.
    pub you: Inbox,
    /// The colleague's inbox.
    pub robin: Inbox,
    /// The organisation's root.
    pub root: RootId,
    /// Where evidence is written.
    pub evidence: PathBuf,
    work: PathBuf,
    agents_folder: PathBuf,
    socket: PathBuf,
    guard_program: PathBuf,
    /// Agents by name, with their users; none where all run as one user.
    users: BTreeMap<String, u32>,
    backend: Service,
    guard: Service,
    asking: Vec<Child>,
}

impl Stage {
    /// Sets everything up.
    pub async fn set(folder: &Path, cases: &[Case], evidence: Option<&Path>) -> Result<Self, Failure> {
        let (backend_program, guard_program) = (
            launch::beside("countersignd")?,
            launch::beside("countersign-guard")?,
        );
        let (backend_home, guard_home) = (folder.join("home/backend"), folder.join("home/guard"));
        let work = folder.join("work");
        let agents_folder = folder.join("agents");
        for folder in [&work, &agents_folder] {
            std::fs::create_dir_all(folder)?;
        }
        let services = Services {
            backend: keygen(&backend_program, &backend_home).await?,
            guard: keygen(&guard_program, &guard_home).await?,
        };
        let users = users(&guard_program, cases).await;
        let names: Vec<AgentId> = agent_names(&users)?;
        let (document, root) = organisation::found(folder, &services, &names, users.is_empty())?;
        let trust = folder.join("home/trust.json");
        file::write_json(&trust, &document)?;
        let home = backend_home.as_os_str();
        let arguments = [
            OsStr::new("init"),
            OsStr::new("--home"),
            home,
            OsStr::new("--trust"),
            trust.as_os_str(),
        ];
        launch::output(&backend_program, &arguments).await?;
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--home"].map(OsStr::new);
        let arguments = [arguments.as_slice(), &[home]].concat();
        let backend = Service::start(&backend_program, &arguments, &folder.join("home/backend.log")).await?;

        for case in cases {
            prepare(case, &work)?;
        }
        let socket = folder.join("guard.sock");
        let config = guard_config(
            &backend.address,
            root,
            &guard_home,
            &socket,
            &users,
            &database_of(cases, &work),
        );
        let config_file = folder.join("home/guard.toml");
        file::write(&config_file, config.as_bytes())?;
        let arguments = [
            OsStr::new("serve"),
            OsStr::new("--config"),
            config_file.as_os_str(),
        ];
        let guard = Service::start(&guard_program, &arguments, &folder.join("home/guard.log")).await?;
        Ok(Self {
            you: inbox(folder, &YOU, &backend.address)?,
            robin: inbox(folder, &ROBIN, &backend.address)?,
            root,
            evidence: evidence_folder(evidence)?,
            work,
            agents_folder,
            socket,
            guard_program,
            users,
            backend,
            guard,
            asking: Vec::new(),
        })
    }

    /// Says what stands.
    pub fn introduce(&self) -> Result<(), Failure> {
        output::say("Countersign demonstration: everything here is thrown away afterwards.")?;
        output::say(&format!(
            "backend {}; root words: {}",
            self.backend.address,
            self.root.words().join(" ")
        ))?;
        output::say("root threshold 1: in a real organisation two owners sign")?;
        if self.users.is_empty() {
            output::say(
                "guard and agents run as one user: recorded as `isolation: none` (a real guard has a user of its own)",
            )
        } else {
            output::say("each agent runs as an operating system user of its own, apart from the guard")
        }
    }

    /// Lets an agent ask; it waits for the answer as a child of this program.
    pub fn ask(&mut self, case: &Case) -> Result<usize, Failure> {
        let child = self.client(case)?.spawn()?;
        self.asking.push(child);
        Ok(self.asking.len() - 1)
    }

    /// How an agent's asking ended, once it did.
    pub fn answered(&mut self, asking: usize) -> Result<Option<i32>, Failure> {
        let child = self
            .asking
            .get_mut(asking)
            .ok_or_else(|| Failure::internal("no such asking"))?;
        Ok(child.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }

    /// Waits until an agent's asking ended.
    pub async fn answer(&mut self, asking: usize, limit: Duration) -> Result<i32, Failure> {
        let child = self
            .asking
            .get_mut(asking)
            .ok_or_else(|| Failure::internal("no such asking"))?;
        match tokio::time::timeout(limit, child.wait()).await {
            Ok(status) => Ok(status?.code().unwrap_or(-1)),
            Err(_) => Err(Failure::new(
                Code::No,
                "the guard did not answer its agent in time",
                "",
            )),
        }
    }

    /// The real path of a target.
    pub fn target(&self, case: &Case) -> PathBuf {
        PathBuf::from(in_work(
            case.spec.target.trim_start_matches("sqlite:"),
            &self.work,
        ))
    }

    /// Where an agent's own output went.
    pub fn agent_output(&self, case: &Case) -> PathBuf {
        self.agents_folder.join(format!("{}.out", case.spec.id))
    }

    /// Ends every process that was started here.
    pub async fn clear(self) {
        for mut child in self.asking {
            // It may have ended by itself.
            drop(child.kill().await);
        }
        self.guard.end().await;
        self.backend.end().await;
    }

    fn client(&self, case: &Case) -> Result<Command, Failure> {
        let spec = &case.spec;
        let mut arguments: Vec<OsString> = vec![OsString::from("--socket"), self.socket.clone().into()];
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        let target = self.target(case).display().to_string();
        let after = match &spec.files.after {
            Some(name) => Some(self.hand_over(case, name)?.display().to_string()),
            None => None,
        };
        match (spec.kind.as_str(), &spec.exec, &after) {
            (_, Some(_), _) => add(&["exec"]),
            ("sql", None, Some(after)) => add(&[
                "sql",
                "--database",
                "demo",
                "--file",
                after,
                "--max-rows",
                "100000",
            ]),
            (kind, None, Some(after)) => add(&["apply", "--kind", kind, "--path", &target, "--after", after]),
            (_, None, None) => {
                return Err(Failure::usage(format!("case `{}` proposes nothing", spec.id), ""));
            }
        }
        add(&["--wait", "30m", "--json", "--reason", &spec.reason]);
        if let Some(initiator) = &spec.initiator {
            add(&["--initiator", initiator]);
        }
        let mut cwd = self.agents_folder.clone();
        if let Some(exec) = &spec.exec {
            cwd = PathBuf::from(in_work(&exec.cwd, &self.work));
            add(&["--"]);
            arguments.extend(
                exec.argv
                    .iter()
                    .map(|word| OsString::from(in_work(word, &self.work))),
            );
        }
        let mut command = match self.users.get(&spec.agent) {
            Some(user) => as_user(*user, &self.guard_program),
            None => Command::new(&self.guard_program),
        };
        let said = std::fs::File::create(self.agent_output(case))?;
        command
            .args(arguments)
            .current_dir(cwd)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .kill_on_drop(true);
        Ok(command)
    }

    /// Puts a proposed document where its agent can read it.
    fn hand_over(&self, case: &Case, name: &str) -> Result<PathBuf, Failure> {
        let path = self
            .agents_folder
            .join(format!("{}-{}", case.spec.id, name.replace('/', "-")));
        std::fs::write(&path, case.file(name)?)?;
        Ok(path)
    }
}

async fn keygen<T: DeserializeOwned>(program: &Path, home: &Path) -> Result<T, Failure> {
    let printed = launch::output(
        program,
        &[OsStr::new("keygen"), OsStr::new("--home"), home.as_os_str()],
    )
    .await?;
    canonical::parse(printed.trim_ascii())
        .map_err(|error| Failure::internal(format!("{}: {error}", program.display())))
}

/// A user id for each agent, where this program may give them, and the guard's program runs under them.
async fn users(guard: &Path, cases: &[Case]) -> BTreeMap<String, u32> {
    let may = rustix::process::geteuid().is_root()
        && as_user(FIRST_AGENT_UID, guard)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .is_ok_and(|status| status.success());
    if !may {
        return BTreeMap::new();
    }
    let names: std::collections::BTreeSet<&str> = cases.iter().map(|case| case.spec.agent.as_str()).collect();
    names
        .into_iter()
        .map(str::to_owned)
        .zip(FIRST_AGENT_UID..)
        .collect()
}

/// Runs a program as another user, and lets it end when this program does.
fn as_user(user: u32, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={user}"))
        .arg(format!("--regid={user}"))
        .args(["--clear-groups", "--pdeathsig=TERM", "--"])
        .arg(program);
    command
}

fn agent_names(users: &BTreeMap<String, u32>) -> Result<Vec<AgentId>, Failure> {
    let parse = |name: &str| {
        name.parse::<AgentId>()
            .map_err(|error| Failure::usage(format!("agent `{name}`: {error}"), ""))
    };
    if users.is_empty() {
        Ok(vec![parse("demo-agent")?])
    } else {
        users.keys().map(|name| parse(name)).collect()
    }
}

fn inbox(folder: &Path, member: &Member, address: &str) -> Result<Inbox, Failure> {
    let home = organisation::home(folder, member);
    let mut config = Config::load(&home.config_file())?;
    config.backend = Some(address.to_owned());
    Ok(Inbox::open_with(&home, config, Options::default())?)
}

fn evidence_folder(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    match wanted {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            Ok(folder.to_owned())
        }
        // Kept: it is what the demonstration leaves behind.
        None => Ok(tempfile::Builder::new()
            .prefix("countersign-evidence-")
            .tempdir()?
            .keep()),
    }
}

fn guard_config(
    backend: &str,
    root: RootId,
    home: &Path,
    socket: &Path,
    users: &BTreeMap<String, u32>,
    database: &Option<PathBuf>,
) -> String {
    let mut text = format!(
        "guard = \"g1\"\nbackend = \"{backend}\"\nroot = \"{root}\"\nhome = \"{}\"\nsocket = \"{}\"\nhost = \"demo\"\nsame_user = {}\n",
        home.display(),
        socket.display(),
        users.is_empty(),
    );
    let own = rustix::process::getuid().as_raw();
    let single = BTreeMap::from([("demo-agent".to_owned(), own)]);
    for (agent, user) in if users.is_empty() { &single } else { users } {
        text.push_str(&format!("\n[[agents]]\nuid = {user}\nagent = \"{agent}\"\n"));
    }
    text.push_str("\n[exec]\nenv = [\"PATH\"]\n");
    if let Some(path) = database {
        text.push_str(&format!(
            "\n[[databases]]\nname = \"demo\"\ndialect = \"sqlite\"\npath = \"{}\"\n",
            path.display()
        ));
    }
    text
}

fn database_of(cases: &[Case], work: &Path) -> Option<PathBuf> {
    let targets = cases
        .iter()
        .filter_map(|case| case.spec.target.strip_prefix("sqlite:"));
    targets.map(|target| PathBuf::from(in_work(target, work))).next()
}

fn in_work(text: &str, work: &Path) -> String {
    text.replace("{work}", &work.display().to_string())
}

/// Sets the target up as the case says it stands first.
fn prepare(case: &Case, work: &Path) -> Result<(), Failure> {
    for leaf in &case.spec.tree {
        let path = work.join(&leaf.path);
        put(&path, case.file(&leaf.source)?)?;
        let age = Duration::from_secs(leaf.age_days * 24 * 3600);
        let changed = SystemTime::now()
            .checked_sub(age)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        std::fs::File::options()
            .write(true)
            .open(&path)?
            .set_modified(changed)?;
    }
    let target = PathBuf::from(in_work(case.spec.target.trim_start_matches("sqlite:"), work));
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if let Some(schema) = &case.spec.files.schema {
        let text = std::str::from_utf8(case.file(schema)?)
            .map_err(|error| Failure::usage(format!("case `{}`: {error}", case.spec.id), ""))?;
        let broken = |error: rusqlite::Error| Failure::usage(format!("case `{}`: {error}", case.spec.id), "");
        let database = rusqlite::Connection::open(&target).map_err(broken)?;
        database.execute_batch(text).map_err(broken)?;
    } else if let Some(before) = &case.spec.files.before {
        put(&target, case.file(before)?)?;
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(std::fs::write(path, bytes)?)
}
