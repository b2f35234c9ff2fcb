//! A counter-proposal in the window: all that it changes has to have been on screen before it can be signed.

use countersign_protocol::request::Phase;

use crate::Story;
use crate::decide::{PASSPHRASE, sign};
use crate::window::is_testable;

#[test]
fn what_a_counter_proposal_changes_has_to_have_been_on_screen() {
    if !is_testable() {
        return;
    }
    let text = |workers: u32| (0..60).fold(String::new(), |all, at| format!("{all}pool_{at} = {workers}\n"));
    let mut story = Story::of("kim", &text(4), &text(64));
    let window = story.reads();
    window.press("C");
    window.until("the ceremony", "return document.getElementById('ceremony').open");
    window.settles();
    window.press("eight are enough");
    window.press("\u{e009}e\u{e000}");
    window.until(
        "the editor",
        "return now.editing !== null && !document.getElementById('ceremony-editor').hidden",
    );
    window.js("const text = document.getElementById('ceremony-text'); text.value = text.value.replaceAll('64', '8'); document.getElementById('ceremony-edited').click()");
    window.until(
        "the difference",
        "return now.ceremony.difference.length > 60 && now.editing === null",
    );
    window.settles();
    // A page that claims all of it at once, and another draft's.
    window.js("const all = now.ceremony.difference.length; for (const action of [now.ceremony.instead, '0'.repeat(64)]) { await window.__TAURI_INTERNALS__.invoke('dispatch', { message: { do: 'showing-draft', action, from: [0, 0], to: [all + 1, 0] } }); await new Promise((then) => setTimeout(then, 300)); }");
    let unseen =
        "return now.ceremony.requirements.some(([met, text]) => !met && text.includes('whole difference'))";
    assert_eq!(window.js(unseen), true);
    sign(&window);
    window.until(
        "what is missing",
        "return (now.ceremony.notice ?? []).some((piece) => piece.text.includes('whole difference'))",
    );
    assert!(!window.has_prompt());
    window.picture("counter");
    window.until(
        "all of it to have been on screen",
        // One part of it at a time, from its end to its beginning.
        "if (now.ceremony.ready) return true;
         const pane = document.getElementById('difference-lines');
         pane.scrollIntoView({ block: 'nearest' });
         pane.scrollTo({ top: pane.scrollTop > 0 ? Math.max(pane.scrollTop - 130, 0) : pane.scrollHeight });
         await new Promise((then) => setTimeout(then, 500));",
    );
    window.settles();
    sign(&window);
    window.prompt().types(&format!("{PASSPHRASE}\n"));
    window.until(
        "the decision to be in the log",
        "return now.ceremony?.over === true",
    );
    story.organisation.wait_until(story.request, Phase::Denied);
    let ended = story.agent.take().unwrap().finish();
    assert!(ended.stderr.contains("eight are enough"), "{}", ended.stderr);
}
