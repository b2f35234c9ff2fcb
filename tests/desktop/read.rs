//! Reading: the queue by keys, the sheet byte for byte, a backend that goes and comes back.

use countersign_protocol::digest::Sha256Digest;

use crate::Story;
use crate::window::{Window, is_testable};

#[test]
fn the_queue_is_triaged_by_keys_alone() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let second = story.organisation.ask_change("other.conf", "a = 1\n", "a = 2\n");
    let window = Window::open(story.reviewer.home(), &[]);
    window.until(
        "two rows",
        "return now.queue.rows.length === 2 && document.querySelectorAll('.row').length === 2",
    );
    window.picture("queue");
    window.press("j");
    window.until("the second row", "return now.queue.rows[1].selected");
    window.press("k");
    window.until("the first row", "return now.queue.rows[0].selected");
    window.press("/");
    window.press("other");
    window.until(
        "one row",
        "return now.queue.passing === 1 && document.querySelectorAll('.row').length === 1",
    );
    window.press("\u{e007}");
    window.press("\u{e007}");
    window.until(
        "the request to be readable",
        "return now.screen === 'detail' && now.detail.readable",
    );
    assert!(window.text("#sentence").contains("other.conf"));
    window.press("3");
    window.until("the third tab", "return now.detail.tabs[2].selected");
    window.press("?");
    window.until("the list of keys", "return document.getElementById('help').open");
    window.picture("keys");
    window.press("\u{e00c}");
    window.until("no list", "return !document.getElementById('help').open");
    window.press("\u{e00c}");
    window.until("the queue", "return now.screen === 'queue'");
    drop(second);
}

#[test]
fn the_sheet_on_screen_is_what_is_signed() {
    if !is_testable() {
        return;
    }
    let story = Story::of(
        "kim",
        "workers = 4\n",
        "workers = 8\n# ünïcode \u{202e} and <b>tags</b>\n",
    );
    let window = story.reads();
    window.until(
        "all lines",
        "return document.querySelectorAll('#lines .line').length === now.tab.len",
    );
    let shown = window.js(
        "return [...document.querySelectorAll('#lines .line')].map((line) => line.querySelector('.content').textContent + '\\n').join('')",
    );
    let shown = shown.as_str().unwrap();
    let id = story.request.to_string();
    assert_eq!(shown, story.reviewer.must(&["show", &id, "--plain"]));
    let digest = window.js("return now.tab.sheet");
    assert_eq!(
        Sha256Digest::of(shown.as_bytes()).to_string(),
        digest.as_str().unwrap()
    );
    let listed = story.reviewer.json(&["list", "--json"]);
    assert_eq!(listed["requests"][0]["view_digest"], digest);
    window.picture("sheet");
}

#[test]
fn a_backend_that_is_gone_is_told_and_comes_back() {
    if !is_testable() {
        return;
    }
    let mut story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = story.reads();
    window.until(
        "the link",
        "return document.getElementById('connection').innerText.includes('live')",
    );
    story.organisation.backend.as_mut().unwrap().kill();
    window.until(
        "the loss to be told",
        "return document.getElementById('connection').innerText.includes('no backend')",
    );
    window.picture("backend-gone");
    story.organisation.start_backend();
    window.until(
        "the link again",
        "return document.getElementById('connection').innerText.includes('live')",
    );
}
