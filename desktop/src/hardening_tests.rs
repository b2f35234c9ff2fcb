//! What the page is not given, as the files say that the build reads. The engine's own answers are in `tests/desktop`.

use serde_json::{Value, json};

const CONFIGURATION: &str = include_str!("../tauri.conf.json");
const CAPABILITY: &str = include_str!("../capabilities/main.json");
const WORKSPACE: &str = include_str!("../../Cargo.toml");
const PAGE: &str = include_str!("../ui/index.html");

#[test]
fn the_page_may_run_its_own_scripts_and_reach_nothing_else() {
    let configuration: Value = serde_json::from_str(CONFIGURATION).unwrap();
    let security = &configuration["app"]["security"];
    let policy = security["csp"].as_str().unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-src 'none'",
        "object-src 'none'",
        "connect-src ipc: http://ipc.localhost",
    ] {
        assert!(policy.split("; ").any(|one| one == rule), "{rule}");
    }
    for loose in ["unsafe", "data:", "blob:", "https:", "*", "nonce", "wasm"] {
        assert!(!policy.contains(loose), "{loose}");
    }
    assert_eq!(security["freezePrototype"], true);
    assert_eq!(security["assetProtocol"]["enable"], false);
    assert_eq!(security["capabilities"], json!(["main"]));
    assert_eq!(security.get("devCsp"), None);
    assert_eq!(configuration["app"]["withGlobalTauri"], false);
    assert_eq!(configuration["build"], json!({ "frontendDist": "ui" }));
    assert_eq!(configuration.get("plugins"), None);
}

#[test]
fn the_page_is_granted_the_commands_of_this_crate_alone() {
    let capability: Value = serde_json::from_str(CAPABILITY).unwrap();
    assert_eq!(capability["windows"], json!(["main"]));
    assert_eq!(
        capability["permissions"],
        json!([
            "allow-snapshot",
            "allow-dispatch",
            "allow-lines",
            "allow-find",
            "allow-sign"
        ])
    );
    for open in ["remote", "webviews", "platforms"] {
        assert_eq!(capability.get(open), None, "{open}");
    }
}

#[test]
fn the_platform_is_built_without_what_opens_it() {
    let tauri = WORKSPACE
        .lines()
        .find(|line| line.starts_with("tauri = "))
        .unwrap();
    assert!(tauri.contains("default-features = false"), "{tauri}");
    for open in [
        "devtools",
        "dynamic-acl",
        "protocol-asset",
        "isolation",
        "config-json5",
    ] {
        assert!(!tauri.contains(open), "{open}");
    }
    assert!(
        !WORKSPACE.contains("tauri-plugin-"),
        "a plugin brings commands of its own"
    );
}

#[test]
fn the_page_has_no_script_in_its_text_and_nothing_of_others() {
    assert_eq!(PAGE.matches("<script").count(), 1);
    assert!(PAGE.contains(r#"<script type="module" src="app.js"></script>"#));
    for foreign in [
        "http:",
        "https:",
        "//",
        "style=",
        " on",
        "javascript:",
        "<iframe",
        "<object",
        "<form",
    ] {
        // `on` begins every handler in an attribute.
        let found = PAGE
            .split('<')
            .skip(1)
            .filter_map(|tag| tag.split_once('>'))
            .any(|(tag, _)| {
                tag.contains(foreign)
                    && (foreign != " on"
                        || tag
                            .split(' ')
                            .any(|word| word.starts_with("on") && word.contains('=')))
            });
        assert!(!found, "{foreign}");
    }
}

#[test]
fn no_script_of_the_page_makes_markup_of_text() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "js") {
            continue;
        }
        // What stands in comments for the types alone is no import.
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("import(\"./types\")", "");
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "DOMParser",
            "createContextualFragment",
            "setHTML",
            "srcdoc",
            "localStorage",
            "sessionStorage",
            "indexedDB",
            "fetch(",
            "XMLHttpRequest",
            "WebSocket",
            "import(",
            "postMessage",
        ] {
            assert!(!text.contains(way), "{}: {way}", path.display());
        }
    }
}
