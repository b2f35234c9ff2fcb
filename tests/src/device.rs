//! Real devices in throw-away folders: software TPMs, tokens and agents, each ended with its story.
//!
//! A missing tool is a failed test and not a skipped one: `./x setup test` installs them all.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::endorsement;
use crate::process::until;

/// A software TPM (`swtpm`) on a loopback port.
#[derive(Debug)]
pub struct Swtpm {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Swtpm {
    /// A fresh TPM without certificates.
    #[must_use]
    pub fn blank() -> Self {
        let folder = folder("swtpm");
        std::fs::create_dir(folder.path().join("state")).unwrap();
        let mut tpm = Self {
            folder,
            port: 0,
            process: None,
        };
        tpm.start();
        tpm
    }

    /// A fresh TPM with an endorsement key certified by a manufacturer of its own; [`Swtpm::roots`] is its chain.
    #[must_use]
    pub fn certified() -> Self {
        let folder = folder("swtpm");
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["state", "ca"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        let write = |name: &str, text: String| std::fs::write(at(name), text).unwrap();
        write(
            "setup.conf",
            format!(
                "create_certs_tool=swtpm_localca\ncreate_certs_tool_config={}\ncreate_certs_tool_options={}\nactive_pcr_banks=sha256\n",
                at("ca.conf"),
                at("ca.options")
            ),
        );
        write(
            "ca.conf",
            format!(
                "statedir={ca}\nsigningkey={ca}/signkey.pem\nissuercert={ca}/issuercert.pem\ncertserial={ca}/certserial\n",
                ca = at("ca")
            ),
        );
        write(
            "ca.options",
            "--platform-manufacturer Countersign\n--platform-version 1\n--platform-model tests\n".to_owned(),
        );
        run(Command::new("swtpm_setup")
            .args([
                "--tpm2",
                "--tpm-state",
                &at("state"),
                "--config",
                &at("setup.conf"),
            ])
            .args(["--create-ek-cert", "--lock-nvram", "--not-overwrite"]));
        let mut tpm = Self {
            folder,
            port: 0,
            process: None,
        };
        tpm.start();
        tpm
    }

    /// A fresh TPM whose endorsement key is on P-256, certified by a manufacturer of its own.
    #[must_use]
    pub fn certified_p256() -> Self {
        let tpm = Self::blank();
        let ca = tpm.folder.path().join("ca");
        std::fs::create_dir(&ca).unwrap();
        endorsement::certify(tpm.port, &ca);
        tpm
    }

    /// Where it is, as `COUNTERSIGN_TPM` names it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("tcp:127.0.0.1:{}", self.port)
    }

    /// The root certificate and the issuing one of its manufacturer, in PEM.
    #[must_use]
    pub fn roots(&self) -> [PathBuf; 2] {
        ["swtpm-localca-rootca-cert.pem", "issuercert.pem"]
            .map(|name| self.folder.path().join("ca").join(name))
    }

    /// Switches it off, as a machine would; its state stays.
    pub fn stop(&mut self) {
        end(&mut self.process);
    }

    /// Switches it on again, at the same address.
    pub fn start(&mut self) {
        if self.port == 0 {
            self.port = free_port();
        }
        let control = free_port();
        let mut command = tool("swtpm");
        command
            .args(["socket", "--tpm2", "--flags", "startup-clear", "--tpmstate"])
            .arg(format!("dir={}", self.folder.path().join("state").display()))
            .args([
                "--server",
                &format!("type=tcp,bindaddr=127.0.0.1,port={}", self.port),
            ])
            .args(["--ctrl", &format!("type=tcp,bindaddr=127.0.0.1,port={control}")]);
        self.process = Some(spawn(&mut command));
        // A connection would end the server of one that does not outlive it, so only the port is looked at.
        let port = format!(":{:04X}", self.port);
        until("swtpm to listen", || {
            std::fs::read_to_string("/proc/net/tcp")
                .ok()?
                .lines()
                .any(|line| line.contains(&port) && line.contains(" 0A "))
                .then_some(())
        });
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A PKCS#11 token (SoftHSM2) in a folder of its own.
#[derive(Debug)]
pub struct SoftHsm {
    folder: TempDir,
    /// The serial number of the token.
    pub serial: String,
}

impl SoftHsm {
    /// The user's PIN of every token here.
    pub const PIN: &'static str = "246810";

    /// A token that is ready for keys.
    #[must_use]
    pub fn new() -> Self {
        let folder = folder("softhsm");
        let tokens = folder.path().join("tokens");
        std::fs::create_dir(&tokens).unwrap();
        std::fs::write(
            folder.path().join("softhsm2.conf"),
            format!(
                "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
                tokens.display()
            ),
        )
        .unwrap();
        let mut hsm = Self {
            folder,
            serial: String::new(),
        };
        hsm.add("countersign");
        let shown = run(hsm.with(tool("softhsm2-util").arg("--show-slots")));
        hsm.serial = shown
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Serial number:"))
            .map(|serial| serial.trim().to_owned())
            .find(|serial| !serial.is_empty())
            .unwrap();
        hsm
    }

    /// Adds one more token.
    pub fn add(&self, label: &str) {
        run(self.with(
            tool("softhsm2-util")
                .args(["--init-token", "--free", "--label", label])
                .args(["--so-pin", "13571357", "--pin", Self::PIN]),
        ));
    }

    /// Takes all tokens out, as if they were unplugged.
    pub fn unplug(&self) {
        std::fs::rename(self.folder.path().join("tokens"), self.folder.path().join("away")).unwrap();
        std::fs::create_dir(self.folder.path().join("tokens")).unwrap();
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> PathBuf {
        [
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib64/pkcs11/libsofthsm2.so",
            "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        ]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("SoftHSM2 is not installed; run `./x setup test`"))
    }

    /// The variables that lead to it.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            (
                "SOFTHSM2_CONF",
                self.folder.path().join("softhsm2.conf").display().to_string(),
            ),
            ("COUNTERSIGN_PKCS11_MODULE", self.module().display().to_string()),
        ]
    }

    fn with<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.variables())
    }
}

impl Default for SoftHsm {
    fn default() -> Self {
        Self::new()
    }
}

/// An OpenSSH agent with a key of its own.
#[derive(Debug)]
pub struct SshAgent {
    folder: TempDir,
    process: Option<Child>,
}

impl SshAgent {
    /// An agent that holds no key.
    #[must_use]
    pub fn new() -> Self {
        let folder = folder("agent");
        let socket = folder.path().join("socket");
        let process = spawn(tool("ssh-agent").arg("-D").arg("-a").arg(&socket));
        until("ssh-agent to listen", || socket.exists().then_some(()));
        Self {
            folder,
            process: Some(process),
        }
    }

    /// The agent's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Makes a key of this type (`ed25519`, `ecdsa`) and hands it to the agent; gives the public key's file.
    #[must_use]
    pub fn add(&self, kind: &str) -> PathBuf {
        let file = self.folder.path().join(format!("id_{kind}"));
        run(tool("ssh-keygen")
            .args([
                "-q",
                "-t",
                kind,
                "-N",
                "",
                "-C",
                &format!("{kind}@countersign"),
                "-f",
            ])
            .arg(&file));
        run(self.with(tool("ssh-add").arg("-q").arg(&file)));
        file.with_extension("pub")
    }

    /// Takes all keys away.
    pub fn forget(&self) {
        run(self.with(tool("ssh-add").args(["-q", "-D"])));
    }

    /// Locks or unlocks it, as `ssh-add -x` and `-X` do.
    pub fn stop(&mut self) {
        end(&mut self.process);
        let _ = std::fs::remove_file(self.socket());
    }

    fn with<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SSH_AUTH_SOCK", self.socket())
    }
}

impl Default for SshAgent {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a tool to its end and gives what it wrote; a failure of it is the test's.
pub fn run(command: &mut Command) -> String {
    let done = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run `./x setup test`"));
    assert!(
        done.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

/// A tool by its name; system folders are looked through too.
#[must_use]
pub fn tool(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    let found = path
        .split(':')
        .chain(["/usr/bin", "/usr/sbin", "/sbin"])
        .map(|folder| Path::new(folder).join(name))
        .find(|file| file.exists());
    if let Some(found) = found {
        let mut command = Command::new(found);
        command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        return command;
    }
    command
}

fn spawn(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run `./x setup test`"))
}

fn end(process: &mut Option<Child>) {
    if let Some(mut child) = process.take() {
        let id = rustix::process::Pid::from_child(&child);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        std::thread::sleep(Duration::from_millis(50));
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn folder(name: &str) -> TempDir {
    tempfile::Builder::new()
        .prefix(&format!("countersign-{name}-"))
        .tempdir()
        .unwrap()
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
