//! Every screen, light, dark and in high contrast: without a violation that axe-core knows of, all of it on a narrow screen,
//! and a picture of each.

use std::path::PathBuf;

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use serde_json::Value;

use crate::Story;
use crate::window::{Window, is_testable};

const CONTROL_K: &str = "\u{e009}k\u{e000}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
/// Best practices as well as what the guidelines ask for.
const RULES: &str = "wcag2a wcag2aa wcag21a wcag21aa wcag22aa best-practice";
const THEMES: [&str; 3] = ["light", "dark", "contrast"];

const BEFORE: &str = "\
service: billing
replicas: 2
image: registry.example.com/billing:1.8.0
limits:
  memory: 512Mi
  cpu: 500m
permissions:
  - read:invoices
network:
  ingress: internal
";
const AFTER: &str = "\
service: billing
replicas: 6
image: registry.example.com/billing:1.9.2
limits:
  memory: 512Mi
  cpu: 500m
permissions:
  - read:invoices
  - write:invoices
network:
  ingress: 0.0.0.0/0
";

/// axe-core, where it was installed.
fn axe() -> Option<String> {
    let folder = std::env::var_os("COUNTERSIGN_WEB").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/countersign/tools/web"),
        PathBuf::from,
    );
    let found = std::fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js")).ok();
    if found.is_none() {
        let why = "axe-core is missing; `./x setup test` installs it";
        assert!(std::env::var_os("COUNTERSIGN_DESKTOP_TESTS").is_none(), "{why}");
        eprintln!("skipped: {why}");
    }
    found
}

/// An organisation with something open, something approved and something denied; the window on its queue.
fn busy() -> (Story, Window) {
    let mut story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    story
        .organisation
        .decide(story.request, "alex", Verdict::Approve)
        .unwrap();
    assert_eq!(story.agent.take().unwrap().finish().code, Some(0));
    story.organisation.wait_until(story.request, Phase::Succeeded);
    let denied =
        story
            .organisation
            .ask_change("sshd_config", "PermitRootLogin no\n", "PermitRootLogin yes\n");
    let request = story.organisation.wait_for(Phase::Pending);
    story.organisation.decide(request, "alex", Verdict::Deny).unwrap();
    story.organisation.wait_until(request, Phase::Denied);
    drop(denied);
    story.agent = Some(story.organisation.ask_change("billing.yaml", BEFORE, AFTER));
    story.request = story.organisation.wait_for(Phase::Pending);
    let window = Window::open(story.reviewer.home(), &[]);
    window.until("the rows", "return now.queue.rows.length === 3 && now.complete");
    (story, window)
}

/// Goes to every screen and calls `visit` with its name.
fn walk(window: &Window, mut visit: impl FnMut(&str)) {
    let go = |place: &str, there: &str| {
        window.js(&format!(
            "await window.__TAURI_INTERNALS__.invoke('dispatch', {{ message: {{ do: 'go', to: '{place}' }} }})"
        ));
        window.until(place, there);
    };
    visit("queue");
    window.press(CONTROL_K);
    window.until("the palette", "return document.getElementById('palette').open");
    visit("palette");
    window.press(ESCAPE);
    window.until("no palette", "return !document.getElementById('palette').open");
    window.press("?");
    window.until("the keys", "return document.getElementById('help').open");
    visit("help");
    window.press(ESCAPE);
    window.until("no keys", "return !document.getElementById('help').open");
    go(
        "history",
        "return document.querySelectorAll('#history-rows tr').length === 2",
    );
    visit("history");
    go(
        "keys",
        "return now.aside?.is === 'keys' && !now.aside.asking && document.querySelectorAll('.key').length > 0",
    );
    visit("keys");
    go("settings", "return now.screen === 'settings'");
    visit("settings");
    go("requests", "return now.screen === 'queue'");
    window.js("const row = now.queue.rows.find((row) => row.state.text === 'pending'); await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'open', id: row.id } })");
    window.until("the request to be readable", "return now.detail?.readable");
    let tabs = window.js("return now.detail.tabs.map((tab) => tab.title)");
    for (place, title) in tabs.as_array().unwrap().iter().enumerate() {
        window.js(&format!(
            "await window.__TAURI_INTERNALS__.invoke('dispatch', {{ message: {{ do: 'read', tab: {place} }} }})"
        ));
        window.until(
            "the tab",
            &format!("return now.detail.tabs[{place}].selected && document.querySelectorAll('#lines .line').length > 0"),
        );
        visit(&format!(
            "request-{}",
            title.as_str().unwrap().to_lowercase().replace(' ', "-")
        ));
        if title == "Change" {
            window.press("v");
            window.until(
                "both sides",
                "return document.querySelector('.line.pair') !== null",
            );
            visit("request-beside");
            window.press("v");
        }
    }
    window.settles();
    window.press("t");
    window.until("the question", "return document.getElementById('question').open");
    visit("question");
    window.press(ESCAPE);
    window.until("no question", "return now.question === null");
    window.settles();
    window.press("D");
    window.until("the ceremony", "return document.getElementById('ceremony').open");
    visit("ceremony");
    window.press(ESCAPE);
    window.until("no ceremony", "return now.ceremony === null");
}

/// Makes the colours those of a theme, as the settings do.
fn paint(window: &Window, theme: &str) {
    window.js(&format!(
        "await window.__TAURI_INTERNALS__.invoke('dispatch', {{ message: {{ do: 'keep', settings: {{ theme: '{theme}', density: 'comfortable', notify: false, quiet_hours: '', tray: false }} }} }})"
    ));
    window.until(
        theme,
        &format!("return document.documentElement.dataset.theme === '{theme}'"),
    );
}

/// What axe-core has against the page as it is.
fn violations(window: &Window) -> Vec<String> {
    let found = window.js(&format!(
        "await new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)));
         const found = await axe.run(document, {{ runOnly: {{ type: 'tag', values: '{RULES}'.split(' ') }}, resultTypes: ['violations'] }});
         return found.violations.flatMap((rule) => rule.nodes.map((node) => rule.id + ' ' + node.target.join(' ') + ': ' + node.failureSummary));"
    ));
    match found {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        other => vec![other.to_string()],
    }
}

/// The check of one window, screen by screen, in every theme.
struct Check {
    wrong: Vec<String>,
}

impl Check {
    fn of(window: &Window, axe: &str) -> Self {
        window.script(axe);
        // A check that finds nothing where something is wrong checks nothing.
        window.js("const wrong = document.createElement('img'); wrong.id = 'wrong'; document.getElementById('top').append(wrong)");
        assert!(
            violations(window).iter().any(|one| one.contains("image-alt")),
            "axe-core does not see what is wrong"
        );
        window.js("document.getElementById('wrong').remove()");
        Self { wrong: Vec::new() }
    }

    fn visit(&mut self, window: &Window, screen: &str) {
        for theme in THEMES {
            paint(window, theme);
            let found = violations(window);
            self.wrong
                .extend(found.into_iter().map(|one| format!("{screen}, {theme}: {one}")));
            if theme != "contrast" || screen == "request-sheet" {
                window.picture(&format!("{screen}-{theme}"));
            }
        }
    }
}

#[test]
fn no_screen_has_a_violation_in_any_theme() {
    if !is_testable() {
        return;
    }
    let Some(axe) = axe() else { return };
    let (story, window) = busy();
    let mut check = Check::of(&window, &axe);
    walk(&window, |screen| check.visit(&window, screen));
    drop(window);
    drop(story);
    assert!(check.wrong.is_empty(), "{}", check.wrong.join("\n"));
}

#[test]
fn no_screen_of_a_file_a_batch_or_a_new_home_has_a_violation() {
    if !is_testable() {
        return;
    }
    let Some(axe) = axe() else { return };
    let (story, window) = busy();
    let more: Vec<_> = ["api", "mail"]
        .into_iter()
        .map(|name| {
            story
                .organisation
                .ask_change(&format!("{name}.conf"), "workers = 4\n", "workers = 8\n")
        })
        .collect();
    window.until("the new rows", "return now.queue.rows.length === 5");
    let mut check = Check::of(&window, &axe);
    for _ in 0..2 {
        window.js("const row = now.queue.rows.find((row) => /(api|mail)/.test(row.target.map((piece) => piece.text).join('')) && !row.marked); for (let step = 0; step < 9; step += 1) await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'move', by: -1 } }); await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'move', by: now.queue.rows.indexOf(row) } })");
        window.settles();
        window.press("x");
    }
    window.until(
        "two marks",
        "return now.queue.rows.filter((row) => row.marked).length === 2",
    );
    window.press("B");
    window.until("the batch", "return now.screen === 'batch' && now.complete && document.querySelectorAll('#lines .line').length > 5");
    check.visit(&window, "batch");
    drop(window);
    drop(more);

    let over = story.reviewer.json(&["list", "--json", "--state", "succeeded"]);
    let over = over["requests"][0]["id"].as_str().unwrap().to_owned();
    for (screen, command, id) in [
        ("evidence", "evidence", over),
        ("offline", "export", story.request.to_string()),
    ] {
        let file = story.organisation.path(&format!("{screen}.countersign"));
        let file = file.to_str().unwrap();
        story.reviewer.must(&[command, "-o", file, &id]);
        let window = Window::open(story.reviewer.home(), &["--open", file]);
        window.until(
            "the file",
            "return now.file !== null && now.queue.rows.length === 1",
        );
        if screen == "offline" {
            window.settles();
            window.press(ENTER);
        }
        window.until(
            "the request to be readable",
            "return now.detail?.readable && document.querySelectorAll('#lines .line').length > 5",
        );
        window.script(&axe);
        check.visit(&window, screen);
    }

    visit_secrets(&mut check, &axe);

    let home = tempfile::tempdir().unwrap();
    let window = Window::open(home.path(), &[]);
    window.until(
        "the first steps",
        "return now.setup !== null && document.querySelectorAll('.choices li').length === 3",
    );
    window.script(&axe);
    check.visit(&window, "setup");
    assert!(check.wrong.is_empty(), "{}", check.wrong.join("\n"));
}

/// The dialogs that reveal a secret and show what a counter-proposal changes.
fn visit_secrets(check: &mut Check, axe: &str) {
    let text = |workers| format!("api_token = \"t0ken-9f8e7d6c5b4a39281706\"\nworkers = {workers}\n");
    let secretive = Story::of("kim", &text(4), &text(64));
    let window = secretive.reads();
    window.script(axe);
    window.press("s");
    window.until("the question", "return document.getElementById('reveal').open");
    check.visit(&window, "reveal");
    window.press(ESCAPE);
    window.until("no question", "return now.reveal === null");
    window.settles();
    window.press("C");
    window.until(
        "the ceremony",
        "return document.getElementById('ceremony').open && now.ceremony.rewritable",
    );
    window.settles();
    window.press("\u{e009}e\u{e000}");
    window.until("the editor", "return now.editing !== null");
    window.js("const text = document.getElementById('ceremony-text'); text.value = text.value.replace('64', '8'); document.getElementById('ceremony-edited').click()");
    window.until("the difference", "return now.ceremony.difference.length > 0");
    check.visit(&window, "counter");
}

#[test]
fn nothing_is_lost_where_everything_is_twice_as_large() {
    if !is_testable() {
        return;
    }
    let (story, window) = busy();
    // A screen of 1280 pixels at 200 % has room for 640.
    window.resize(640, 450);
    let mut lost = Vec::new();
    walk(&window, |screen| {
        window.picture(&format!("{screen}-twice"));
        let beyond = window.js(
            "const seen = (node) => node.checkVisibility?.({ visibilityProperty: true }) ?? true;
             const scrolls = (node) => { for (let at = node.parentElement; at; at = at.parentElement) { const how = getComputedStyle(at); if (/auto|scroll/.test(how.overflowX + how.overflowY) || how.textOverflow === 'ellipsis') return true; } return false; };
             const modal = document.querySelector('dialog[open]') ?? document.body;
             return [...modal.querySelectorAll('button, input, h1, h2, dd, li')].filter(seen).filter((node) => !scrolls(node)).map((node) => [node.id || node.className || node.tagName, node.getBoundingClientRect()]).filter(([, box]) => box.width > 0 && (box.right > innerWidth + 1 || box.left < -1 || box.bottom > innerHeight + 1)).map(([name, box]) => `${name} ${Math.round(box.right)} ${Math.round(box.bottom)}`);",
        );
        for one in beyond.as_array().into_iter().flatten() {
            lost.push(format!("{screen}: {one}"));
        }
        if window
            .js("const top = document.getElementById('top'); return top.scrollHeight > top.clientHeight + 1")
            == true
        {
            lost.push(format!("{screen}: the second line on top is cut"));
        }
    });
    drop(story);
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn everything_gets_larger_by_keys_in_a_dialog_too_and_stays_so() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = story.reads();
    let usual = window.js("return innerWidth").as_u64().unwrap();
    window.press("D");
    window.until("the ceremony", "return document.getElementById('ceremony').open");
    for _ in 0..4 {
        window.press("\u{e009}+\u{e000}");
    }
    let twice = format!("return Math.abs(innerWidth * 2 - {usual}) < 4");
    window.until("everything to be twice as large", &twice);
    window.picture("zoomed");
    drop(window);

    let window = Window::open(story.reviewer.home(), &[]);
    window.until("everything to be as large as it was", &twice);
    window.press("\u{e009}0\u{e000}");
    window.until("the usual size", &format!("return innerWidth === {usual}"));
}

#[test]
fn what_is_over_is_searched_by_who_decided_and_opened() {
    if !is_testable() {
        return;
    }
    let (_story, window) = busy();
    window.press("\u{e009}2\u{e000}");
    window.until(
        "the history",
        "return document.querySelectorAll('#history-rows tr').length === 2",
    );
    assert_eq!(
        window.js("return now.aside.paces.map((pace) => pace.count).reduce((one, other) => one + other)"),
        2
    );
    window.press("/");
    window.press("denied alex");
    window.until("the denied one", "return document.querySelectorAll('#history-rows tr').length === 1 && now.aside.rows[0].state.text.includes('denied')");
    window.press(ENTER);
    window.until(
        "the row to have the keyboard",
        "return document.activeElement.className === 'past-open'",
    );
    window.press(ENTER);
    window.until(
        "the request",
        "return now.screen === 'detail' && now.aside === null && now.detail.readable",
    );
    assert!(window.text("#sentence").contains("sshd_config"));
}

#[test]
fn settings_are_kept_and_taken_again() {
    if !is_testable() {
        return;
    }
    let (story, window) = busy();
    paint(&window, "dark");
    let file = story.reviewer.home().join("config.toml");
    let kept = std::fs::read_to_string(&file).unwrap_or_else(|_| {
        std::fs::read_to_string(story.reviewer.home().join("config/config.toml")).unwrap()
    });
    assert!(
        kept.contains("theme = \"dark\"") && kept.contains("root"),
        "{kept}"
    );
    drop(window);
    let again = Window::open(story.reviewer.home(), &[]);
    again.until(
        "the colours",
        "return document.documentElement.dataset.theme === 'dark'",
    );
    again
        .js("await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'go', to: 'settings' } })");
    again.until("the settings", "return now.screen === 'settings'");
    again.js("await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'keep', settings: { theme: 'light', density: 'compact', notify: true, quiet_hours: '25:00', tray: false } } })");
    again.until(
        "the refusal",
        "return now.aside.trouble !== null && now.look.theme === 'dark'",
    );
}
