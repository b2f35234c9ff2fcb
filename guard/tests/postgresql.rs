//! Scripts on a private PostgreSQL server: one transaction, no way out of it, a bound on the rows.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a broken step is a failed test"
)]

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_guard::config::Config;
use countersign_guard::held::Held;
use countersign_guard::observe;
use countersign_guard::run::{Live, Prepared, Ran};
use countersign_guard::socket::{Asking, SqlCall};
use countersign_protocol::action::{Action, Payload};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::{ProposalDigest, Sha256Digest};
use countersign_protocol::identity::RequestId;
use countersign_protocol::receipt::Outcome;
use countersign_protocol::text::Line;

/// The user that the server runs as: it refuses to run as root.
const NOBODY: u32 = 65534;

struct Server {
    folder: tempfile::TempDir,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        let _ = self.child.wait();
    }
}

/// The newest PostgreSQL on this machine, if there is one.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdout(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

impl Server {
    fn start(bin: &Path) -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let made = as_nobody(&bin.join("initdb"))
            .args(["--no-sync", "-A", "trust", "-U", "guard", "-D"])
            .arg(&data)
            .status()
            .unwrap();
        assert!(made.success());
        let child = as_nobody(&bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { folder, child }
    }

    fn url(&self) -> String {
        format!("host={} user=guard dbname=postgres", self.folder.path().display())
    }

    async fn connect(&self) -> tokio_postgres::Client {
        for _ in 0..150 {
            if let Ok((client, connection)) =
                tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await
            {
                tokio::spawn(connection);
                return client;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server did not start")
    }
}

struct Guard {
    home: tempfile::TempDir,
    config: Config,
    held: Held,
}

impl Guard {
    fn new(server: &Server) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = Config::parse(&format!(
            "guard = \"g1\"\nbackend = \"http://127.0.0.1:1\"\nroot = \"{}\"\nhome = {:?}\nsocket = \"/g/s\"\n\
             host = \"web-1\"\n[exec]\ntime_limit_seconds = 3\n\
             [[databases]]\nname = \"orders\"\ndialect = \"postgresql\"\nurl = {:?}",
            "ab".repeat(32),
            home.path(),
            server.url(),
        ))
        .unwrap();
        let held = Held::open(home.path()).unwrap();
        Self { home, config, held }
    }

    async fn run(&self, script: &str, max_rows: u64) -> Result<Ran, String> {
        let call = SqlCall {
            database: Line::new("orders").unwrap(),
            script: Artifact(script.as_bytes().to_vec()),
            max_rows,
            asking: Asking::default(),
        };
        let observed = observe::sql(call, &self.config).map_err(|error| error.to_string())?;
        Ok(self.run_held(script, observed.payload, observed.target).await)
    }

    async fn run_held(&self, script: &str, payload: Payload, target: Line) -> Ran {
        assert!(self.home.path().exists());
        self.held.keep(script.as_bytes()).unwrap();
        let action = Action {
            kind: "sql".parse().unwrap(),
            environment: "production".parse().unwrap(),
            target,
            payload,
        };
        let prepared = Prepared::of(&action, &self.held).unwrap();
        let id = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"p")));
        prepared.run(id, &self.config, Live::default()).await
    }
}

async fn states(client: &tokio_postgres::Client) -> String {
    let row = client
        .query_one(
            "SELECT coalesce(string_agg(state, '' ORDER BY id), '') FROM orders",
            &[],
        )
        .await
        .unwrap();
    row.get(0)
}

#[tokio::test]
async fn scripts_run_in_one_transaction_or_not_at_all() {
    let Some(bin) = programs() else {
        return eprintln!("skipped: no PostgreSQL is installed; `./x setup test` installs it");
    };
    let server = Server::start(&bin);
    let client = server.connect().await;
    client
        .batch_execute(
            "CREATE TABLE orders (id int PRIMARY KEY, state text UNIQUE DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO orders VALUES (1, 'a'), (2, 'b'), (3, 'c');
             CREATE TABLE audit (id int);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN INSERT INTO audit SELECT generate_series(1, 10); RETURN NULL; END $$;
             CREATE PROCEDURE escape() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;",
        )
        .await
        .unwrap();
    let guard = Guard::new(&server);

    let ran = guard
        .run(
            "UPDATE orders SET state = 'z' WHERE id = 1; SELECT id, state FROM orders ORDER BY id LIMIT 1",
            1,
        )
        .await
        .unwrap();
    assert_eq!(ran.outcome, Outcome::Succeeded, "{}", ran.detail);
    assert_eq!(ran.stdout.unwrap().tail, b"[\"1\",\"z\"]\n");
    assert_eq!(states(&client).await, "zbc");

    // Refused before anybody is asked.
    for script in [
        "DELETE FROM orders; COMMIT",
        "/* x */ rollback",
        "begin; select 1",
        "DELETE FROM orders WHERE id = 1; DO $$ BEGIN COMMIT; END $$",
    ] {
        assert!(guard.run(script, 10).await.is_err(), "{script}");
    }
    // Refused while it runs, and rolled back.
    for (script, rows) in [
        ("DELETE FROM orders WHERE id = 1; CALL escape()", 10),
        (
            "DELETE FROM orders WHERE id = 1; DO $$ BEGIN EXECUTE 'COM' || 'MIT'; END $$",
            10,
        ),
        ("DELETE FROM orders WHERE id = 1; SELECT 1/0", 10),
        ("DELETE FROM orders", 2),
        ("WITH gone AS (DELETE FROM orders RETURNING 1) SELECT 1", 2),
        ("UPDATE orders SET state = 'same'", 10),
        ("DELETE FROM orders WHERE id = 1; SELECT pg_sleep(30)", 10),
        ("DELETE FROM orders WHERE id = 1; VACUUM", 10),
    ] {
        let ran = guard.run(script, rows).await.unwrap();
        assert_eq!(ran.outcome, Outcome::Failed, "{script}: {}", ran.detail);
        assert_eq!(states(&client).await, "zbc", "{script}");
    }

    // What a trigger changes counts too.
    client
        .batch_execute("CREATE TRIGGER note AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION note()")
        .await
        .unwrap();
    let ran = guard.run("DELETE FROM orders WHERE id = 3", 5).await.unwrap();
    assert_eq!(ran.outcome, Outcome::Failed, "{}", ran.detail);
    assert!(ran.detail.contains("11 rows"), "{}", ran.detail);
    assert_eq!(states(&client).await, "zbc");
    drop(server);
    let ran = guard.run("SELECT 1", 1).await.unwrap();
    assert_eq!(ran.outcome, Outcome::Failed, "{}", ran.detail);
}
