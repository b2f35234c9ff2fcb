//! At home on the desktop: exported files, links, one window for each home, notifications.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use countersign_protocol::decision::Verdict;
use countersign_protocol::digest::{RootId, Sha256Digest};
use countersign_protocol::request::Phase;
use countersign_tests::process::binary;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use crate::Story;
use crate::decide::{PASSPHRASE, fill, sign};
use crate::window::{Undriven, Window, is_testable};
use crate::x11::Neighbour;

#[test]
fn an_exported_file_is_reviewed_without_a_backend() {
    if !is_testable() {
        return;
    }
    let mut story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let file = story.organisation.path("week.countersign");
    let file = file.to_str().unwrap();
    story
        .reviewer
        .must(&["export", "-o", file, &story.request.to_string()]);
    story.organisation.backend.as_mut().unwrap().kill();

    let window = Window::open(story.reviewer.home(), &["--open", file]);
    window.until(
        "the file",
        "return now.queue.rows.length === 1 && document.getElementById('file').innerText.includes('week.countersign')",
    );
    assert!(window.text("#connection").contains("offline"));
    window.settles();
    window.press("\u{e007}");
    window.until("the request to be readable", "return now.detail?.readable");
    window.picture("offline");
    window.settles();
    window.press("D");
    fill(&window);
    sign(&window);
    window.prompt().types(&format!("{PASSPHRASE}\n"));
    window.until(
        "the decision to be in the file",
        "return now.ceremony?.over === true && document.getElementById('ceremony-progress').innerText.includes('week')",
    );
    drop(window);

    story.organisation.start_backend();
    story.reviewer.must(&["import", file]);
    story.organisation.wait_until(story.request, Phase::Denied);
}

#[test]
fn evidence_is_verified_and_read() {
    if !is_testable() {
        return;
    }
    let mut story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    story
        .organisation
        .decide(story.request, "alex", Verdict::Approve)
        .unwrap();
    assert_eq!(story.agent.take().unwrap().finish().code, Some(0));
    story.organisation.wait_until(story.request, Phase::Succeeded);
    let file = story.organisation.path("evidence.json");
    let file = file.to_str().unwrap();
    story
        .reviewer
        .must(&["evidence", &story.request.to_string(), "-o", file]);

    let window = Window::open(story.reviewer.home(), &["--open", file]);
    window.until(
        "the file",
        "return now.file !== null && now.queue.rows.length === 1",
    );
    window.until(
        "the verdict",
        "return now.screen === 'detail' && now.detail.tabs[0].selected && document.querySelectorAll('#lines .line').length > 20",
    );
    assert!(window.text("#file").contains("evidence") && window.text("#file").contains("evidence.json"));
    assert!(window.text("#connection").contains("✓ valid evidence"));
    let page = window.text("#lines");
    for told in [
        "✓ VALID",
        "✓ log",
        "✓ outcome",
        "alex",
        "kept in software",
        "What it does not prove",
        "no witness",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(window.text("#facts").contains("succeeded"));
    assert_eq!(window.js("return now.detail.problems"), serde_json::json!([]));
    assert_eq!(window.js("return document.getElementById('decide').hidden"), true);
    window.picture("evidence");
    window.press("2");
    window.until(
        "the sheet",
        "return now.detail.tabs[1].selected && now.tab.sheet !== null",
    );
    window.settles();
    window.press("D");
    window.until(
        "that nothing is decided here",
        "return now.ceremony === null && now.notices.length > 0",
    );
    drop(window);

    spoil(file);
    let window = Window::open(story.reviewer.home(), &["--open", file]);
    window.until(
        "the doubt to be told",
        "return document.getElementById('connection').innerText.includes('NOT VALID')",
    );
    window.until(
        "what does not hold",
        "const page = document.getElementById('lines').innerText; return page.includes('✗ NOT VALID') && page.includes('What does not hold')",
    );
    assert!(!window.text("#lines").contains("✓ VALID"));
}

/// Changes one digit of the first signature in a file.
fn spoil(file: &str) {
    let mut text = std::fs::read_to_string(file).unwrap();
    let signature = text.find("\"sig\"").unwrap() + "\"sig\"".len();
    let place = signature + text[signature..].find('"').unwrap() + 20;
    let other = if &text[place..=place] == "A" { "B" } else { "A" };
    text.replace_range(place..=place, other);
    std::fs::write(file, text).unwrap();
}

#[test]
fn evidence_of_another_organisation_is_not_believed() {
    if !is_testable() {
        return;
    }
    let [story, other] = [(); 2].map(|()| Story::of("kim", "workers = 4\n", "workers = 8\n"));
    let theirs = other.organisation.path("theirs.json");
    let theirs = theirs.to_str().unwrap();
    other
        .reviewer
        .must(&["evidence", &other.request.to_string(), "-o", theirs]);
    let window = Window::open(story.reviewer.home(), &["--open", theirs]);
    window.until(
        "the root to be told",
        "const page = document.getElementById('lines').innerText; return page.includes('✗ root') && page.includes('not proven here')",
    );
    window.picture("evidence-not-trusted");
}

#[test]
fn a_second_start_opens_in_the_first_window() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = Window::open(story.reviewer.home(), &[]);
    window.until("the row", "return now.queue.rows.length === 1");
    let start = |target: &str| start_again(&story, &[target]);
    let (request, root) = (story.request, story.organisation.root);
    let other = RootId::new(Sha256Digest::of(b"another organisation"));
    assert_eq!(
        start(&format!("countersign://request/{request}?org={other}")).0,
        Some(0)
    );
    window.until(
        "the refusal",
        "return now.notices.some((notice) => notice.some((piece) => piece.text.includes('another organisation')))",
    );
    assert_eq!(window.js("return now.detail"), Value::Null);
    assert_eq!(
        start(&format!("countersign://request/{request}?org={root}")).0,
        Some(0)
    );
    window.until(
        "the request",
        "return now.detail?.readable && now.ceremony === null",
    );
    let (code, told) = start(&format!("countersign://approve/{request}"));
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("no link to a request"), "{told}");
}

/// Starts the program once more, without a screen: it has to end. Its exit code, and what it said.
fn start_again(story: &Story, arguments: &[&str]) -> (Option<i32>, String) {
    let started = Command::new(binary("countersign-desktop"))
        .args(arguments)
        .env("COUNTERSIGN_HOME", story.reviewer.home())
        .output()
        .unwrap();
    (started.status.code(), String::from_utf8(started.stderr).unwrap())
}

/// A reviewer's file, and where it is.
fn exported(story: &Story) -> PathBuf {
    let file = story.organisation.path("a week.countersign");
    let id = story.request.to_string();
    story
        .reviewer
        .must(&["export", "-o", file.to_str().unwrap(), &id]);
    file
}

#[test]
fn a_start_while_the_window_before_is_closed_loses_nothing() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let file = exported(&story);
    for _ in 0..5 {
        let (before, _) = Undriven::start(story.reviewer.home());
        // It answers once it hears what happens to its window.
        assert_eq!(start_again(&story, &[]), (Some(0), String::new()));
        Neighbour::on(before.display()).close();
        let window = Window::open(story.reviewer.home(), &["--open", file.to_str().unwrap()]);
        window.until(
            "the file",
            "return now.file !== null && now.queue.rows.length === 1",
        );
    }
}

#[test]
fn a_start_while_another_hangs_and_ends_loses_nothing() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let file = exported(&story);
    // One that was killed and whose memory is still given back: it holds the lock, and its socket takes what nobody reads.
    let lock = File::create(story.reviewer.home().join("desktop.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let listener = UnixListener::bind(story.reviewer.home().join("desktop.socket")).unwrap();
    let ending = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(3));
        drop((lock, listener));
    });
    let window = Window::open(story.reviewer.home(), &["--open", file.to_str().unwrap()]);
    window.until(
        "the file",
        "return now.file !== null && now.queue.rows.length === 1",
    );
    assert!(ending.is_finished());
}

#[test]
fn a_file_that_is_dropped_on_the_window_opens_and_never_reaches_the_page() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let file = exported(&story);
    let window = Window::open(story.reviewer.home(), &[]);
    window.until(
        "the row",
        "return now.queue.rows.length === 1 && now.file === null",
    );
    // All that a page can see of what is dragged over it.
    window.js("window.seen = []; const see = (event) => { const { types, files, items } = event.dataTransfer; window.seen.push([event.type, [...types], [...types].map((type) => event.dataTransfer.getData(type)), [...files].map((file) => file.name), [...items].map((item) => item.getAsFile()?.name)]) }; for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) addEventListener(kind, see, true)");
    Neighbour::on(window.display()).drop_file(&file);
    window.until(
        "the file",
        "return now.queue.rows.length === 1 && document.getElementById('file').innerText.includes('a week.countersign')",
    );
    let seen = window.js("return window.seen").to_string();
    assert!(!seen.contains("\"drop\"") && !seen.contains("week"), "{seen}");
}

#[test]
fn a_new_request_is_told_by_a_notification_that_decides_nothing() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let mut monitor = Command::new("dbus-monitor")
        .args(["--session", "interface='org.freedesktop.Notifications'"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = mpsc::channel();
    let output = BufReader::new(monitor.stdout.take().unwrap());
    std::thread::spawn(move || {
        output
            .lines()
            .map_while(Result::ok)
            .all(|line| sender.send(line).is_ok())
    });
    let window = Window::open(story.reviewer.home(), &[]);
    window.until(
        "the row",
        "return now.queue.rows.length === 1 && now.header.connection.text.includes('live')",
    );
    window.hide();
    let second = story
        .organisation
        .ask_change("<b>other.conf", "a = 1\n", "a = 2\n");
    window.until("the second row", "return now.queue.rows.length === 2");

    let (mut told, began) = (String::new(), Instant::now());
    // What it may offer stands behind the text.
    while !told.contains("   int32 ") && began.elapsed() < Duration::from_secs(20) {
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(200)) {
            told.push_str(&line);
        }
    }
    let _ = monitor.kill();
    let _ = monitor.wait();
    assert!(
        told.contains("needs you") && told.contains("production"),
        "{told}"
    );
    assert!(told.contains("other.conf") && !told.contains("<b>"), "{told}");
    assert!(
        told.contains("string \"Open\"") && !told.to_lowercase().contains("approve"),
        "{told}"
    );
    drop(second);
}
