//! A page that was taken over, in the real engine: what it may not reach, and what it may not sign.

use countersign_protocol::request::Phase;
use serde_json::json;

use crate::Story;
use crate::window::is_testable;

#[test]
fn a_page_that_was_taken_over_reaches_nothing_and_signs_nothing() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = story.reads();

    // The platform.
    assert_eq!(window.js("return typeof window.__TAURI__"), "undefined");
    assert_eq!(window.js("return Object.isFrozen(Object.prototype)"), true);
    for command in [
        "plugin:event|listen",
        "plugin:window|close",
        "plugin:webview|create_webview_window",
        "plugin:fs|read_file",
        "decide",
    ] {
        let thrown = window.js(&format!(
            "return await window.__TAURI_INTERNALS__.invoke({command:?}, {{}})"
        ));
        assert!(thrown["thrown"].is_string(), "{command}: {thrown}");
    }

    // The world outside.
    let other = window.js("return await fetch('http://127.0.0.1:9/').then(() => 'reached')");
    assert!(other["thrown"].is_string(), "{other}");
    window.js("const script = document.createElement('script'); script.textContent = 'window.taken = true'; document.body.append(script)");
    window.js("const frame = document.createElement('iframe'); frame.src = 'https://example.com/'; document.body.append(frame)");
    window.js("window.open('https://example.com/')");
    window.js("location.href = 'https://example.com/'; await new Promise((then) => setTimeout(then, 300))");
    assert_eq!(
        window.js("return [typeof window.taken, location.protocol + '//' + location.host]"),
        json!(["undefined", "tauri://localhost"])
    );
    let evaluated = window.js("return new Function('return 1')()");
    assert!(evaluated["thrown"].is_string(), "{evaluated}");

    // Signing: without a ceremony, about something else, about another sheet, without the person.
    let sign = |request: &str, view: &str| {
        window.js(&format!(
            "return await window.__TAURI_INTERNALS__.invoke('sign', {{ signing: {{ request: {request}, view_digest: {view}, typed: [['reason', 'x']] }} }})"
        ))
    };
    sign("now.detail.id", "now.tab.sheet");
    window.js(
        "await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'begin', verdict: 'deny' } })",
    );
    window.until("the ceremony", "return now.ceremony !== null");
    window.settles();
    sign("now.ceremony.request", "'00'.repeat(32)");
    let told = "return (now.ceremony?.notice ?? []).some((piece) => piece.text.includes('not what would be signed'))";
    window.until("the refusal", told);
    sign(
        "now.ceremony.request.replaceAll(/[0-9a-f]/g, '0')",
        "now.ceremony.view_digest",
    );
    assert!(sign("now.ceremony.request", "'x'")["thrown"].is_string());
    assert!(!window.has_prompt());
    // The prompt is not the page's: no command answers it, and no event of the page reaches it.
    sign("now.ceremony.request", "now.ceremony.view_digest");
    let _ = window.prompt();
    window.js("for (const key of ['Enter', ' ', 'Tab']) document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))");
    window.js("await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'enter' } })");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(
        window.js("return [now.ceremony.confirming, now.ceremony.over]"),
        json!([true, false])
    );
    assert_eq!(story.organisation.record(story.request).phase, Phase::Pending);
}

#[test]
fn lines_that_were_not_on_screen_long_enough_do_not_count() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", &"more = 1\n".repeat(400));
    let window = story.reads();
    // A page that claims everything at once, again and again, never having asked for most lines.
    window.js(
        "for (let at = 0; at < 5; at += 1) {
           await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'showing', view: now.tab.sheet, from: [0, 0], to: [now.tab.len, 0] } });
           await new Promise((then) => setTimeout(then, 300));
         }",
    );
    let seen = window.js("return now.detail.seen[0] < now.detail.seen[1] / 2");
    assert_eq!(seen, true);
}

#[test]
fn only_what_is_near_the_screen_is_in_the_page_even_without_its_style() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", &"more = 1\n".repeat(6000));
    let window = story.reads();
    window.until("a long sheet", "return now.tab.len > 6000");
    let counted = "return document.querySelectorAll('#lines .line').length";
    assert!(window.js(counted).as_u64().unwrap() <= 1200);
    window.js("document.querySelector('link[rel=stylesheet]').remove(); await new Promise((then) => setTimeout(then, 1000))");
    let without = window.js(counted).as_u64().unwrap();
    assert!(without <= 1200, "{without}");
    assert!(
        window
            .js("return document.querySelectorAll('.row').length")
            .as_u64()
            .unwrap()
            <= 80
    );
}
