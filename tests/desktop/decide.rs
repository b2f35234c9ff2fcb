//! Deciding with a real key in a real keyring, confirmed in the real prompt.

use countersign_protocol::decision::{Attention, Verdict};
use countersign_protocol::request::Phase;

use crate::Story;
use crate::window::{Window, is_testable};

/// The passphrase of every signing key in the stories.
pub const PASSPHRASE: &str = "correct horse battery staple";
const CONTROL_S: &str = "\u{e009}s\u{e000}";

/// Fills what the ceremony asks for; what is to be typed stands in its label.
pub fn fill(window: &Window) {
    window.until(
        "the ceremony",
        "return now.ceremony !== null && document.getElementById('ceremony').open",
    );
    window.settles();
    window.press("read it, and it is right");
    let name = window.js("return now.ceremony.fields.find((field) => field.field === 'name')?.label ?? null");
    if let Some(name) = name.as_str() {
        window.press("\u{e007}");
        window.press(name.strip_prefix("type ").unwrap());
    }
    window.until("all that is needed", "return now.ceremony.ready");
}

/// Strikes the chord that asks for the signature.
pub fn sign(window: &Window) {
    window.press(CONTROL_S);
}

fn read_all(window: &Window) {
    window.until(
        "every line to have been on screen",
        "if (now.detail.seen[0] === now.detail.seen[1]) return true;
         await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'unseen' } });
         await new Promise((then) => setTimeout(then, 500));",
    );
}

#[test]
fn what_is_approved_in_the_window_runs() {
    if !is_testable() {
        return;
    }
    let mut story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = story.reads();
    read_all(&window);
    window.press("A");
    fill(&window);
    window.picture("ceremony");
    sign(&window);
    let prompt = window.prompt();
    window.screen_picture("prompt");
    assert_eq!(
        window.js("return [now.ceremony.confirming, now.ceremony.over]"),
        serde_json::json!([true, false])
    );
    assert_eq!(story.organisation.record(story.request).phase, Phase::Pending);
    prompt.types("a wrong passphrase\n");
    window.until(
        "the refusal",
        "return (now.ceremony?.notice ?? []).some((piece) => piece.text.includes('passphrase'))",
    );
    assert_eq!(story.organisation.record(story.request).phase, Phase::Pending);
    window.settles();
    sign(&window);
    window.prompt().types(&format!("{PASSPHRASE}\n"));
    window.until("the decision to be in the log", "return now.ceremony?.over === true && document.getElementById('ceremony-progress').innerText.includes('log')");
    window.picture("decided");
    let ended = story.agent.take().unwrap().finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    story.organisation.wait_until(story.request, Phase::Succeeded);
    let decision = &story.organisation.chain(story.request).decisions[0];
    assert_eq!(
        (
            decision.vote.person.as_str(),
            decision.decision.surface.name.raw()
        ),
        ("kim", "desktop")
    );
}

#[test]
fn a_denial_reaches_the_agent_with_its_reason() {
    if !is_testable() {
        return;
    }
    let mut story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = story.reads();
    window.press("D");
    fill(&window);
    sign(&window);
    window.prompt().types(&format!("{PASSPHRASE}\n"));
    window.until(
        "the decision to be in the log",
        "return now.ceremony?.over === true",
    );
    let ended = story.agent.take().unwrap().finish();
    assert_eq!(ended.code, Some(77), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(story.organisation.work("app.conf")).unwrap(),
        "workers = 4\n"
    );
}

#[test]
fn with_a_remembered_passphrase_the_prompt_still_asks_for_a_yes() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    story.reviewer.must(&["keys", "remember-pin", "--pin-fd", "0"]);
    let window = story.reads();
    window.until(
        "the lower assurance to be told",
        "return document.getElementById('who').innerText.includes('PIN remembered: lower assurance')",
    );
    // Production asks for presence, so this key approves nothing here; it may say no.
    window.press("A");
    window.until(
        "that the key will not do",
        "return JSON.stringify(now.notices).includes('with a remembered PIN) will not do here')",
    );
    assert_eq!(window.js("return now.ceremony"), serde_json::Value::Null);
    window.press("D");
    fill(&window);
    sign(&window);
    // There is nothing to type, and the first choice is to cancel.
    let prompt = window.prompt();
    window.settles();
    prompt.keys(&["Return"]);
    window.until(
        "that to be told",
        "return now.ceremony?.confirming === false && now.ceremony.notice.some((piece) => piece.text.includes('did not confirm'))",
    );
    assert_eq!(story.organisation.record(story.request).phase, Phase::Pending);
    window.settles();
    sign(&window);
    let prompt = window.prompt();
    // There has to be time to look.
    std::thread::sleep(std::time::Duration::from_millis(700));
    window.screen_picture("prompt-remembered");
    prompt.keys(&["Tab", "space"]);
    window.until(
        "the decision to be in the log",
        "return now.ceremony?.over === true",
    );
    story.organisation.wait_until(story.request, Phase::Denied);
    let record = story.organisation.record(story.request);
    let report = story
        .organisation
        .judge(&record, countersign_verify::Purpose::Review);
    let decision = &report.chain.unwrap().decisions[0].decision;
    assert!(decision.pin_remembered);
}

#[test]
fn who_does_not_confirm_signs_nothing() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = story.reads();
    window.press("D");
    fill(&window);
    sign(&window);
    window.prompt().keys(&["Escape"]);
    window.until("that to be told", "return now.ceremony?.confirming === false && now.ceremony.notice.some((piece) => piece.text.includes('did not confirm'))");
    // Leaving while the prompt is open takes it back.
    window.settles();
    sign(&window);
    let _ = window.prompt();
    window.press("\u{e00c}");
    window.until("no ceremony", "return now.ceremony === null");
    countersign_tests::process::until("the prompt to go", || (!window.has_prompt()).then_some(()));
    assert_eq!(story.organisation.record(story.request).phase, Phase::Pending);
}

#[test]
fn the_agents_owner_reads_that_they_cannot_decide() {
    if !is_testable() {
        return;
    }
    let story = Story::of("sam", "workers = 4\n", "workers = 8\n");
    let window = story.reads();
    assert!(
        window.text("#why-not").contains("cannot decide"),
        "{}",
        window.text("#why-not")
    );
    window.picture("excluded");
    window.press("A");
    window.until("the reason to be told", "return now.notices.length > 0");
    assert_eq!(window.js("return now.ceremony"), serde_json::Value::Null);
}

#[test]
fn a_request_that_ended_meanwhile_is_not_signed() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let window = story.reads();
    window.press("D");
    fill(&window);
    story
        .organisation
        .decide(story.request, "alex", Verdict::Deny)
        .unwrap();
    window.until(
        "it to be told",
        "return now.moved === true && now.ceremony.ready === false",
    );
    sign(&window);
    window.until(
        "the refusal",
        "return (now.ceremony?.notice ?? []).some((piece) => piece.text.includes('not signed'))",
    );
    window.picture("stale");
    assert!(!window.has_prompt());
    assert_eq!(story.organisation.chain(story.request).decisions.len(), 1);
}

#[test]
fn what_is_grave_is_read_typed_held_and_compared() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", crate::hostile::HOSTILE);
    let window = story.reads();
    window.press("A");
    window.until(
        "what was not read to be told",
        "return now.ceremony === null && now.notices.some((notice) => notice.some((piece) => piece.text.includes('not on screen yet')))",
    );
    read_all(&window);
    window.press("A");
    fill(&window);
    window.picture("ceremony-high");
    // The chord alone does not ask for it here; a button that is held does.
    sign(&window);
    let point = |event: &str| {
        window.js(&format!("document.getElementById('ceremony-sign').dispatchEvent(new PointerEvent('{event}')); await new Promise((then) => setTimeout(then, 400))"));
    };
    point("pointerdown");
    point("pointerup");
    assert!(!window.has_prompt(), "it was not held");
    point("pointerdown");
    window.until(
        "it to be held for long enough",
        "return document.getElementById('ceremony-sign').innerText.includes('Let go')",
    );
    assert!(!window.has_prompt(), "nobody has let go");
    point("pointerup");
    let prompt = window.prompt();
    prompt.types(PASSPHRASE);
    prompt.keys(&["Return"]);
    window.settles();
    assert_eq!(
        window.js("return now.ceremony.confirming"),
        true,
        "not before it was compared"
    );
    prompt.keys(&["Tab", "space"]);
    window.screen_picture("prompt-high");
    prompt.keys(&["shift+Tab", "Return"]);
    window.until(
        "the decision to be in the log",
        "return now.ceremony?.over === true",
    );
    let decision = &story.organisation.chain(story.request).decisions[0];
    assert_eq!(decision.vote.verdict, Verdict::Approve);
    let attention = decision.decision.attention;
    assert!(
        matches!(attention, Attention::Shown { lines, of_lines, .. } if lines == of_lines && lines > 60),
        "{attention:?}"
    );
}
