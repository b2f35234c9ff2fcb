//! A window on a screen of its own, operated by WebDriver; prompts outside the page are operated by X11.

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign_tests::Service;
use countersign_tests::process::binary;
use serde_json::Value;

use crate::driver::Driver;

/// How long a step may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long what is typed is not heard after the screen has changed, and a little more.
const SETTLED: Duration = Duration::from_millis(350);
/// What the page is asked with: the newest snapshot under `now`.
const NOW: &str = "const now = await window.__TAURI_INTERNALS__.invoke('snapshot', { after: 0 });";
/// What was drawn last is on screen two frames later.
const FRAMES: &str = "await new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)));";
/// Gives the folders of a test other names in the page, however many nodes a name is spread over, and keeps what stood there.
const RENAME: &str = r"
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const lines = new Map();
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      lines.set(node.parentNode, [...(lines.get(node.parentNode) ?? []), node]);
    }
    for (const nodes of lines.values()) {
      const line = nodes.map((node) => node.data).join('');
      for (const { 0: found, 1: work, index } of [...line.matchAll(/[/]tmp[/]countersign-story-\w+([/]work)?/g)].reverse()) {
        let [name, at] = [work ? '/etc' : '/home/kim', 0];
        for (const node of nodes) {
          const text = node.data;
          const [from, to] = [Math.max(index - at, 0), Math.min(index + found.length - at, text.length)];
          at += text.length;
          if (from >= to) continue;
          window.renamed.push([node, text]);
          node.data = text.slice(0, from) + name + text.slice(to);
          name = '';
        }
      }
    }";

/// The desktop console in its window.
pub struct Window {
    driver: Driver,
    display: String,
    group: Group,
    _screen: Service,
}

/// Whether the window can be tested here. Says why where it cannot, and fails where it has to be.
pub fn is_testable() -> bool {
    let missing = ["Xvfb", "WebKitWebDriver", "xdotool"]
        .into_iter()
        .find(|tool| !is_there(tool));
    let why = match missing {
        Some(tool) => Some(format!("`{tool}` is missing")),
        None if !is_automatable() => Some(
            "the binary refuses automation; build it with `--features countersign-desktop/webdriver`"
                .to_owned(),
        ),
        None => None,
    };
    let Some(why) = why else {
        return true;
    };
    assert!(std::env::var_os("COUNTERSIGN_DESKTOP_TESTS").is_none(), "{why}");
    eprintln!("skipped: {why}");
    false
}

fn is_there(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).exists())
}

fn is_automatable() -> bool {
    let refused = Command::new(binary("countersign-desktop"))
        .env("TAURI_WEBVIEW_AUTOMATION", "true")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    !String::from_utf8_lossy(&refused.stderr).contains("TAURI_WEBVIEW_AUTOMATION")
}

/// A screen of its own, and its name.
fn empty_screen() -> (Service, String) {
    let arguments = [
        "-displayfd",
        "1",
        "-screen",
        "0",
        "1280x900x24",
        "-nolisten",
        "tcp",
    ];
    let screen = Service::start(Command::new("Xvfb").args(arguments).stderr(Stdio::null()));
    let display = format!(":{}", screen.first_line);
    (screen, display)
}

/// The program as a person starts it, without a driver.
pub struct Undriven {
    display: String,
    _group: Group,
    _screen: Service,
}

impl Undriven {
    /// Starts it, and says after what time its window is on screen.
    pub fn start(home: &Path) -> (Self, Duration) {
        let (screen, display) = empty_screen();
        let began = Instant::now();
        let program = Command::new(binary("countersign-desktop"))
            .envs([
                ("DISPLAY", display.as_str()),
                ("GDK_BACKEND", "x11"),
                ("NO_AT_BRIDGE", "1"),
            ])
            .env("COUNTERSIGN_HOME", home)
            .env_remove("COUNTERSIGN_BACKEND")
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let started = Self {
            display,
            _group: Group(program),
            _screen: screen,
        };
        let found = Command::new("xdotool")
            .env("DISPLAY", &started.display)
            .args(["search", "--sync", "--onlyvisible", "--name", "^Countersign$"])
            .output()
            .unwrap();
        assert!(found.status.success());
        (started, began.elapsed())
    }

    /// The name of its screen.
    #[allow(dead_code, reason = "the bench has no need of it")]
    pub fn display(&self) -> &str {
        &self.display
    }
}

impl Window {
    /// Opens a window over a reviewer's home.
    pub fn open(home: &Path, arguments: &[&str]) -> Self {
        Self::open_with(home, arguments, &[])
    }

    /// Opens a window over a reviewer's home, with variables of the environment.
    pub fn open_with(home: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let (screen, display) = empty_screen();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let driver = Command::new("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .env("DISPLAY", &display)
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("COUNTERSIGN_HOME", home)
            .env_remove("COUNTERSIGN_BACKEND")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // The engine's own processes end a moment after the test, and would hold its standard error open.
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let group = Group(driver);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "the driver does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            driver: Driver::start(port, &binary("countersign-desktop"), arguments),
            display,
            group,
            _screen: screen,
        }
    }

    /// Runs JavaScript in the page, as a page that was taken over could; `now` is the newest snapshot. What it throws comes
    /// back as `{ "thrown": … }`.
    pub fn js(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {NOW} {body} }})().then((value) => done(value === undefined ? null : value),
               (error) => done({{ thrown: String(error?.message ?? error) }}));"
        );
        self.driver.execute(&script)
    }

    /// Runs a script as it is, before anything else is asked.
    #[allow(dead_code, reason = "the bench has no need of it")]
    pub fn script(&self, script: &str) {
        self.driver
            .execute(&format!("{script}\n;arguments[arguments.length - 1](null);"));
    }

    /// Gives the window another size.
    #[allow(dead_code, reason = "the bench has no need of it")]
    pub fn resize(&self, width: u32, height: u32) {
        self.driver.resize(width, height);
    }

    /// Waits until the page says yes, and shows what it says yes to: a key struck before would be heard by the screen before.
    pub fn until(&self, what: &str, body: &str) {
        let began = Instant::now();
        let body = format!(
            "if (!(Number(document.body.dataset.revision) >= now.revision)) return 'not drawn yet'; {body}"
        );
        loop {
            let answer = self.js(&body);
            if answer == true {
                return;
            }
            if began.elapsed() > PATIENCE {
                self.picture("timed-out");
                let page = self.js("return [now, document.body.innerText]");
                panic!("waited for {what}: {answer}: {page}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for as long as keys that open or decide are not heard after the screen has changed.
    #[allow(dead_code, reason = "the bench has no need of it")]
    pub fn settles(&self) {
        std::thread::sleep(SETTLED);
    }

    /// The text of an element.
    pub fn text(&self, selector: &str) -> String {
        let text = self.js(&format!(
            "return document.querySelector({selector:?})?.innerText ?? ''"
        ));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Presses keys, one after the other, wherever the keyboard is. Letters as they are; others by their WebDriver code.
    pub fn press(&self, keys: &str) {
        self.driver.send_keys(keys);
    }

    /// Keeps a picture for people to look at. The folders of a test stand in it under the names that they would have elsewhere.
    pub fn picture(&self, name: &str) {
        self.js(&format!("window.renamed = []; {RENAME} {FRAMES}"));
        let png = self.driver.screenshot();
        self.js("for (const [node, text] of window.renamed.reverse()) node.data = text;");
        std::fs::write(pictures().join(format!("{name}.png")), png).unwrap();
    }

    /// Keeps a picture of the whole screen, prompts included, where a tool for it is there.
    pub fn screen_picture(&self, name: &str) {
        if is_there("import") {
            let file = pictures().join(format!("{name}.png"));
            let _ = self.x11("import").args(["-window", "root"]).arg(file).status();
        }
    }

    /// The processes of the program: what the driver started, and what that did.
    #[allow(dead_code, reason = "the bench asks for their memory")]
    pub fn processes(&self) -> Vec<u32> {
        let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| {
                let id = entry.file_name().to_str()?.parse().ok()?;
                let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
                let parent = stat.rsplit(')').next()?.split(' ').nth(2)?.parse().ok()?;
                Some((id, parent))
            })
            .collect();
        let mut all = vec![self.group.0.id()];
        let mut at = 0;
        while let Some(parent) = all.get(at).copied() {
            all.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
            at += 1;
        }
        all.remove(0);
        all
    }

    /// Takes the window from the screen, as somebody who looks at something else.
    #[allow(dead_code, reason = "the bench has no need of it")]
    pub fn hide(&self) {
        let done = self
            .x11("xdotool")
            .args([
                "search",
                "--sync",
                "--onlyvisible",
                "--name",
                "^Countersign$",
                "windowunmap",
            ])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// Whether the window is on the screen.
    #[allow(dead_code, reason = "the bench has no need of it")]
    pub fn is_on_screen(&self) -> bool {
        let found = self
            .x11("xdotool")
            .args(["search", "--onlyvisible", "--name", "^Countersign$"])
            .output()
            .unwrap();
        !found.stdout.is_empty()
    }

    /// The name of its screen.
    #[allow(dead_code, reason = "the bench has no need of it")]
    pub fn display(&self) -> &str {
        &self.display
    }

    fn x11(&self, tool: &str) -> Command {
        let mut command = Command::new(tool);
        command.env("DISPLAY", &self.display);
        command
    }

    /// The prompt that is open outside the page, once one is.
    pub fn prompt(&self) -> Prompt<'_> {
        let began = Instant::now();
        loop {
            let found = self
                .x11("xdotool")
                .args(["search", "--onlyvisible", "--name", "^Confirm"])
                .output()
                .unwrap();
            let ids = String::from_utf8(found.stdout).unwrap();
            if let Some(id) = ids.lines().last() {
                return Prompt {
                    window: self,
                    id: id.to_owned(),
                };
            }
            if began.elapsed() > PATIENCE {
                self.screen_picture("no-prompt");
                panic!("no prompt came: {}", self.js("return now.ceremony"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether a prompt is open outside the page.
    pub fn has_prompt(&self) -> bool {
        let found = self
            .x11("xdotool")
            .args(["search", "--onlyvisible", "--name", "^Confirm"])
            .output()
            .unwrap();
        !found.stdout.is_empty()
    }
}

impl Drop for Window {
    /// Ends the program, as a power cut would where it has not ended by itself.
    fn drop(&mut self) {
        self.driver.close();
        self.group.kill();
    }
}

/// The driver with everything that it started; ends with its test.
struct Group(Child);

impl Group {
    fn kill(&self) {
        if let Some(group) = rustix::process::Pid::from_raw(i32::try_from(self.0.id()).unwrap_or(0)) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        let _ = self.0.wait();
    }
}

/// A prompt outside the page, which takes keys as from a keyboard.
pub struct Prompt<'a> {
    window: &'a Window,
    id: String,
}

impl Prompt<'_> {
    /// Types a text of letters, spaces and line ends.
    pub fn types(&self, text: &str) {
        let names: Vec<String> = text
            .chars()
            .map(|c| match c {
                ' ' => "space".to_owned(),
                '\n' => "Return".to_owned(),
                c => c.to_string(),
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.keys(&names);
    }

    /// Presses keys by their X11 names.
    pub fn keys(&self, keys: &[&str]) {
        let done = self
            .window
            .x11("xdotool")
            .args(["windowfocus", "--sync", &self.id, "key", "--delay", "12"])
            .args(keys)
            .status()
            .unwrap();
        assert!(done.success());
    }
}

fn pictures() -> PathBuf {
    let folder = binary("countersign-desktop")
        .parent()
        .unwrap()
        .join("../desktop-pictures");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
