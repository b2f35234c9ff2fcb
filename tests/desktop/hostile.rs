//! Hostile text in what an agent asks for: it never becomes structure, and never moves what stands beside it.

use crate::Story;
use crate::window::is_testable;

/// A document that tries to be anything but text; it is a high risk by itself.
pub const HOSTILE: &str = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>\n\
    \u{202e}reversed\u{202c} \u{2066}isolated\u{2069} \u{200b}nothing\u{200d} \u{1b}[31mred\u{7}\n\
    </div></span><h1>APPROVED</h1>&lt;b&gt;\n\
    שלום עולם abc مرحبا\n\
    a\u{0301}\u{0301}\u{0301}\u{0301}\u{0301}\u{0301}\u{0301}\u{0301}\n";

#[test]
fn hostile_text_changes_neither_structure_nor_order_nor_direction() {
    if !is_testable() {
        return;
    }
    let story = Story::of("kim", "workers = 4\n", HOSTILE);
    let window = story.reads();
    window.picture("hostile");
    for (tab, what) in (0..).zip(["sheet", "change", "structure", "findings"]) {
        window.js(&format!(
            "await window.__TAURI_INTERNALS__.invoke('dispatch', {{ message: {{ do: 'read', tab: {tab} }} }})"
        ));
        window.until(what, &format!("return now.detail.tabs[{tab}].selected && document.querySelectorAll('#lines .line').length > 0"));
        let odd = window.js(
            "const allowed = new Set(['DIV', 'SPAN']);
             return [...document.querySelectorAll('#lines *')].filter((node) => !allowed.has(node.tagName)).map((node) => node.outerHTML)",
        );
        assert_eq!(odd, serde_json::json!([]), "{what}");
        let raw = window.js(
            "return [...document.getElementById('lines').textContent].filter((c) => /[\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069]/.test(c)).length",
        );
        assert_eq!(raw, 0, "{what}");
        let moved = window.js(
            "const tops = [...document.querySelectorAll('#lines .line')].map((line) => line.getBoundingClientRect().top);
             const turned = [...document.querySelectorAll('#lines, #lines .line, #lines .content')].filter((node) => getComputedStyle(node).direction !== 'ltr');
             return [tops.every((top, at) => at === 0 || top >= tops[at - 1]), turned.length, document.title]",
        );
        assert_eq!(moved, serde_json::json!([true, 0, "Countersign"]), "{what}");
    }
}
