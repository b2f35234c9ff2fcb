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
fn the_tab_key_goes_through_everything_and_what_has_the_keyboard_is_marked() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = story.reads();
    window.js("document.body.focus(); document.activeElement?.blur?.()");
    let at = "const at = document.activeElement; const how = getComputedStyle(at); return [at.id || at.dataset.place || at.dataset.tab || at.dataset.lane || at.className, (how.outlineStyle !== 'none' && parseFloat(how.outlineWidth) >= 2) || (at.id === 'lines' && parseFloat(how.borderLeftWidth) >= 2 && how.borderLeftColor !== 'rgba(0, 0, 0, 0)')]";
    let mut stops = Vec::new();
    for _ in 0..40 {
        window.press("\u{e004}");
        let stop = window.js(at);
        let name = stop[0].as_str().unwrap().to_owned();
        if stops.first() == Some(&name) {
            break;
        }
        assert_eq!(stop[1], true, "{name} has the keyboard, and no mark");
        stops.push(name);
    }
    let places: Vec<usize> = [
        "history",
        "filter",
        "order",
        "rows-scroll",
        "sheet",
        "lines",
        "ask",
        "approve",
    ]
    .iter()
    .map(|wanted| {
        let found = stops.iter().position(|stop| stop == wanted);
        found.unwrap_or_else(|| panic!("{wanted} is no stop of {stops:?}"))
    })
    .collect();
    assert!(places.is_sorted(), "{stops:?}");
    // A button under the keyboard is pressed by it; tabs go on by arrows.
    window.js("document.querySelector('#tabs [aria-selected=true]').focus()");
    window.press("\u{e014}");
    window.until(
        "the next tab, with the keyboard on it",
        "return now.detail.tabs[1].selected && document.activeElement.dataset.tab === 'change'",
    );
    window.press("\u{e036}");
    window.until("the next part", "return document.activeElement.id === 'lines'");
}

#[test]
fn the_palette_finds_what_the_page_does_not_hold() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let second = story.organisation.ask_change("other.conf", "a = 1\n", "a = 2\n");
    let window = Window::open(story.reviewer.home(), &[]);
    window.until("two rows", "return now.queue.rows.length === 2");
    window.press("/");
    window.press("nothing like it");
    window.until("no row", "return now.queue.passing === 0");
    window.press("\u{e007}");
    window.press("\u{e009}k\u{e000}");
    window.until("the palette", "return document.getElementById('palette').open");
    window.press("other.conf");
    window.until(
        "the request",
        "return document.querySelectorAll('.palette-entry').length === 1",
    );
    window.settles();
    window.press("\u{e007}");
    window.until(
        "it to be read",
        "return now.screen === 'detail' && now.detail.readable && document.getElementById('sentence').innerText.includes('other.conf')",
    );
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
