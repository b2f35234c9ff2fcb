//! Boot scripts of machines in documents, in base64 or as they are: secrets that are written into them.
//!
//! Whoever may describe the machine, or reach its metadata server, reads its script.

use super::literal::{assigned, digest};
use crate::document::{Place, Value};
use crate::findings::name::plain;
use crate::findings::observation::quote;
use crate::findings::{Observation, Severity, rule};
use crate::secret::tokens;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Keys under which the script of a machine stands.
const SCRIPTS: &[&str] = &[
    "userdata",
    "userdatabase64",
    "customdata",
    "startupscript",
    "metadatastartupscript",
    "cloudconfig",
    "cloudinit",
    "bootstrapscript",
    "windowsstartupscriptps1",
];

/// Observes the secrets in the script under a key.
pub(super) fn observe(place: &Place, key: &str, value: &Value, seen: &mut Vec<Observation>) {
    let Some(text) = value.text().filter(|_| SCRIPTS.contains(&plain(key).as_str())) else {
        return;
    };
    let decoded = decoded(text);
    let mut add = |name: &str, length: usize, secret: &[u8]| {
        let what = format!(
            "{name} of {length} characters stands in the script under {}",
            quote(key)
        );
        let id = format!("{} script {}", place.identity, digest(secret));
        let seen_here = Observation::new(&rule::SECRET_LITERAL, id, what).severity(Severity::High);
        seen.push(seen_here.at(place, value.line));
    };
    for secret in assigned(decoded.as_deref().unwrap_or(text)) {
        add("a literal value", secret.chars().count(), secret.as_bytes());
    }
    // Known shapes in a script as it stands are found in the file already.
    for (_, name, token) in decoded.iter().flat_map(|script| tokens(script.as_bytes())) {
        add(name, token.len(), token);
    }
}

/// Returns a script that stands in base64.
fn decoded(text: &str) -> Option<String> {
    let joined: String = text.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(joined).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{analyze, severity};

    fn level(key: &str, before: &str, after: &str) -> Severity {
        let side = |script: &str| format!(r#"{{"{key}": {}}}"#, serde_json::Value::from(script));
        let plan = format!(
            r#"{{"format_version": "1.2", "resource_changes": [{{"address": "aws_launch_template.a", "type": "aws_launch_template", "change": {{"actions": ["update"], "before": {}, "after": {}}}}}]}}"#,
            side(before),
            side(after)
        );
        let findings = analyze("terraform-plan", None, plan.as_bytes());
        assert!(!format!("{findings:?}").contains("t5rV-2mXz"));
        severity(&findings)
    }

    #[test]
    fn a_secret_in_a_boot_script_is_told_however_it_is_written() {
        let fetched = "#!/bin/bash\nexport DB_PASSWORD=$(fetch db)\nrun --password-file /etc/db\n";
        let written = "#!/bin/bash\nexport DB_PASSWORD=\"t5rV-2mXz-9Lp\"\n";
        for (key, form) in [
            ("user_data", (|text| STANDARD.encode(text)) as fn(&str) -> String),
            ("user_data", str::to_owned),
            ("custom_data", |text| STANDARD.encode(text)),
        ] {
            assert_eq!(level(key, &form(fetched), &form(written)), Severity::High);
            assert_eq!(level(key, &form(written), &form(fetched)), Severity::Info);
            assert_eq!(level(key, &form(written), &form(written)), Severity::Info);
        }
        let token = format!("curl -H 'x: ghp_{}'", "a1B2".repeat(9));
        assert_eq!(level("user_data", "", &STANDARD.encode(token)), Severity::High);
        assert_eq!(level("note", fetched, written), Severity::Info);
    }
}
