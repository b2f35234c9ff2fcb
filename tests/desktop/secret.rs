//! Masked secrets in the window: the page gets one only after the person confirmed it outside the page and it was recorded.

use countersign_protocol::request::Phase;
use serde_json::json;

use crate::Story;
use crate::decide::{PASSPHRASE, fill, sign};
use crate::window::{Window, is_testable};

const OLD: &str = "t0ken-9f8e7d6c5b4a39281706";
const NEW: &str = "t0ken-0a1b2c3d4e5f60718293";

fn config(token: &str) -> String {
    format!("[upstream]\napi_token = \"{token}\"\n")
}

/// Whether the page holds a token anywhere: in what it was given, or in what it draws.
fn knows_a_token(window: &Window) -> bool {
    let all = window.js(
        "const lines = await window.__TAURI_INTERNALS__.invoke('lines', { first: 0, count: 400 });
         return JSON.stringify([now, lines]) + document.documentElement.outerHTML",
    );
    let all = all.as_str().unwrap();
    [OLD, NEW].iter().any(|token| all.contains(token))
}

#[test]
fn a_secret_is_shown_once_it_is_confirmed_outside_the_page_and_recorded() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", &config(OLD), &config(NEW));
    let window = story.reads();
    let recorded = || story.organisation.record(story.request).reveals.len();
    assert!(!knows_a_token(&window));
    window.press("s");
    window.until("the question", "return document.getElementById('reveal').open");
    window.settles();
    window.press("is it the new one");
    window.picture("reveal");
    // A page that was taken over asks for it as often as it likes.
    window.press("\u{e007}");
    let prompt = window.prompt();
    window.js("for (const choice of [0, 1, 2]) await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'reveal-this', choice, reason: 'x' } })");
    window.js("await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'enter' } })");
    window.settles();
    assert!(!knows_a_token(&window));
    assert_eq!(
        (recorded(), window.js("return now.reveal.confirming")),
        (0, json!(true))
    );
    window.screen_picture("prompt-reveal");
    prompt.keys(&["Escape"]);
    window.until("the no", "return now.reveal.confirming === false && now.reveal.notice.some((piece) => piece.text.includes('did not confirm'))");
    assert!(recorded() == 0 && !knows_a_token(&window));

    window.settles();
    window.press("\u{e007}");
    let prompt = window.prompt();
    // There has to be time to look, then a choice of one's own: what comes first is to cancel.
    std::thread::sleep(std::time::Duration::from_millis(700));
    prompt.keys(&["Tab", "Return"]);
    window.until("the secret", "return now.reveal?.seconds > 20 && document.getElementById('reveal-secrets').innerText.includes('t0ken')");
    assert_eq!(recorded(), 1);
    assert!(
        window
            .js("return JSON.stringify(now.tab)")
            .as_str()
            .is_some_and(|tab| !tab.contains("t0ken"))
    );
    window.picture("revealed");
    window.press("\u{e00c}");
    window.until(
        "it to be masked again",
        "return now.reveal === null && !document.getElementById('reveal').open",
    );
    assert!(!knows_a_token(&window));

    window.settles();
    window.press("D");
    fill(&window);
    sign(&window);
    window.prompt().types(&format!("{PASSPHRASE}\n"));
    window.until(
        "the decision to be in the log",
        "return now.ceremony?.over === true",
    );
    story.organisation.wait_until(story.request, Phase::Denied);
    let chain = story.organisation.chain(story.request);
    assert!(chain.decisions[0].decision.revealed, "the decision says so");
}
