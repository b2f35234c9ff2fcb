//! `countersign inspect`: local files, by lines, by structure and by findings.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail tests")]

use std::process::Command;

fn inspect(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("a.json"), folder.path().join("b.json"));
    let policy = |actions: &str| {
        format!(
            "{{\"Statement\":[{{\"Sid\":\"One\",\"Effect\":\"Allow\",\"Action\":{actions},\"Resource\":\"*\"}}]}}\n"
        )
    };
    std::fs::write(&before, policy("\"s3:GetObject\"")).unwrap();
    std::fs::write(&after, policy("\"*\"")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .env("COUNTERSIGN_HOME", folder.path())
        .arg("inspect")
        .args([
            "--before",
            before.to_str().unwrap(),
            "--after",
            after.to_str().unwrap(),
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_part_alone_says_nothing_of_the_others() {
    let text = inspect(&["--only", "text"]);
    assert!(text.contains("@@ -1,1 +1,1 @@") && !text.contains("kind:") && !text.contains("structure:"));
    let structure = inspect(&["--only", "structure"]);
    assert!(structure.contains("replace Statement[One].Action"), "{structure}");
    assert!(!structure.contains("@@") && !structure.contains("kind:"));
    let findings = inspect(&["--only", "findings"]);
    assert!(
        findings.contains("risk: critical") && !findings.contains("@@") && !findings.contains("structure:")
    );
}

#[test]
fn a_baseline_tells_what_is_drift() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let baseline = file("baseline", "workers = 4\nlog = 1\n");
    let arguments = |more: &str| {
        [
            "--before".to_owned(),
            file("live", "workers = 8\nlog = 1\n"),
            "--after".to_owned(),
            file("new", "workers = 4\nlog = 2\n"),
            "--kind".to_owned(),
            "config-file".to_owned(),
            more.to_owned(),
        ]
    };
    let say = |more: &str, with: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .env("COUNTERSIGN_HOME", folder.path())
            .arg("inspect")
            .args(arguments(more))
            .args(with)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let document: serde_json::Value =
        serde_json::from_str(&say("--json", &["--baseline", &baseline])).unwrap();
    let rows = document["drift"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{document}");
    assert_eq!(rows[0]["standing"], "reverts-live");
    assert_eq!(rows[0]["path"], "workers");
    assert_eq!(
        (&rows[0]["baseline"], &rows[0]["live"], &rows[0]["proposed"]),
        (&"4".into(), &"8".into(), &"4".into())
    );
    assert_eq!(document["findings"][0]["id"], "drift-reverts-live-change");
    assert_eq!(document["risk"]["level"], "high");
    let text = say("--plain", &["--baseline", &baseline]);
    assert!(
        text.contains("[reverts a live change] workers\n    approved, line 1: 4\n"),
        "{text}"
    );
    let without: serde_json::Value = serde_json::from_str(&say("--json", &[])).unwrap();
    assert!(without.get("drift").is_none(), "{without}");
}

#[test]
fn json_holds_the_changes_by_path() {
    let document: serde_json::Value = serde_json::from_str(&inspect(&["--json"])).unwrap();
    assert_eq!(document["changes"].as_array().unwrap().len(), 1, "{document}");
    assert_eq!(document["changes"][0]["op"], "replace");
    assert_eq!(document["changes"][0]["before"], "\"s3:GetObject\"");
    assert_eq!(document["changes"][0]["after_line"], 1);
    assert_eq!(document["risk"]["level"], "critical");
    assert_eq!(document["format"], "json");
}

/// An action that changes a file, with its artifacts in the same document.
fn action(before: &str, after: &str) -> String {
    use countersign_protocol::action::ArtifactRef;
    let artifact = |text: &str| serde_json::to_value(ArtifactRef::of(text.as_bytes())).unwrap();
    let digest = |text: &str| artifact(text)["digest"].as_str().unwrap().to_owned();
    let base64 = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    serde_json::json!({
        "action": {
            "kind": "config-file", "environment": "production", "target": "file://web-1/etc/app.conf",
            "payload": { "type": "file-change", "path": "/etc/app.conf", "before": artifact(before), "after": artifact(after) }
        },
        "artifacts": { digest(before): base64(before), digest(after): base64(after) }
    })
    .to_string()
}

fn run(folder: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .env("COUNTERSIGN_HOME", folder)
        .current_dir(folder)
        .arg("inspect")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_action_is_shown_as_its_reviewer_would_read_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("action.json"),
        action("port = 1\n", "port = 2\n"),
    )
    .unwrap();
    let (code, text, _) = run(folder.path(), &["action.json"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("# countersign/preview/v1\n"), "{text}");
    for shown in [
        "file://web-1/etc/app.conf",
        "production",
        "\n-port = 1\n+port = 2\n",
        "nothing can be signed",
    ] {
        assert!(text.contains(shown), "{shown} is missing: {text}");
    }
    let digest = |arguments: &[&str]| -> serde_json::Value {
        let (_, text, _) = run(folder.path(), arguments);
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["view_digest"].clone()
    };
    let first = digest(&["action.json", "--json"]);
    assert!(first.as_str().is_some_and(|digest| digest.len() == 64), "{first}");
    assert_eq!(first, digest(&["action.json", "--json"]));
}

#[test]
fn an_action_with_other_bytes_than_it_names_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = action("a\n", "b\n").replace("Ygo=", "Ywo=");
    std::fs::write(folder.path().join("action.json"), wrong).unwrap();
    let (code, _, told) = run(folder.path(), &["action.json"]);
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("holds other bytes"), "{told}");
}

#[test]
fn what_cannot_be_read_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("binary"), b"\0\xff\xfe\n").unwrap();
    for (file, code) in [("nothing", 3), (".", 2), ("/dev/zero", 2)] {
        let (found, _, told) = run(folder.path(), &["--after", file]);
        assert_eq!(found, Some(code), "{told}");
        assert!(told.contains(file), "{told}");
    }
    let (code, text, _) = run(folder.path(), &["--before", "binary", "--after", "binary"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("the same on both sides") && !text.contains('\0'),
        "{text}"
    );
    let (code, _, told) = run(folder.path(), &[]);
    assert_eq!(code, Some(2), "{told}");
}
