//! Stories that hold for every kind of change.

use super::*;
use proptest::prelude::*;

#[test]
fn what_is_not_understood_is_at_least_medium() {
    for (kind, bytes) in [
        ("iam", &b"{\"a\": 1}"[..]),
        ("k8s", b"{{ .Values.x }}\n---\n: :"),
        ("terraform-plan", b"\x00\xff"),
        ("no-such-kind", b"x: 1"),
        ("sql", b""),
    ] {
        let findings = analyze(kind, None, bytes);
        assert!(
            findings
                .iter()
                .any(|finding| finding.rule.as_str() == "not-analyzed"),
            "{kind}"
        );
        assert!(severity(&findings) >= Severity::Medium, "{kind}");
    }
}

#[test]
fn machine_code_is_not_judged_by_its_looks_and_hides_nothing() {
    let rules = |bytes: &[u8]| -> Vec<&'static str> {
        let findings = analyze_given(bytes);
        findings.iter().map(|finding| finding.rule.as_str()).collect()
    };
    let looks = "adm\u{456}n \u{202e}\nPermitRootLogin yes\n".as_bytes();
    let program = [b"\x7fELF\x02\n", looks, b"\xff"].concat();
    assert_eq!(rules(&program), ["not-analyzed"]);
    // What a shell would make of its lines is still said.
    let lines = [b"\x7fELF\x02\n", looks].concat();
    assert_eq!(rules(&lines), ["config-guard-off"]);
    assert!(rules(looks).contains(&"hostile-text"));
}

#[test]
fn a_before_that_is_not_understood_hides_nothing() {
    let after = br#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    let findings = analyze("iam", Some(b"{broken: ["), after);
    assert_eq!(
        (findings[0].rule.as_str(), findings[0].delta),
        ("iam-full-admin", Delta::Unknown)
    );
    assert_eq!(severity(&findings), Severity::Critical);
}

#[test]
fn depth_without_end_is_refused_not_followed() {
    let deep = "[".repeat(1_000_000);
    assert!(
        analyze("iam", None, deep.as_bytes())
            .iter()
            .any(|finding| finding.rule.as_str() == "not-analyzed")
    );
}

#[test]
fn hostile_text_is_found_in_every_kind() {
    for kind in KINDS {
        let findings = analyze(kind, None, "a: \"\u{202E}x\"".as_bytes());
        assert!(
            findings
                .iter()
                .any(|finding| finding.rule.as_str() == "hostile-text"),
            "{kind}"
        );
    }
}

#[test]
fn older_names_of_kinds_are_known() {
    let call = br#"{"tool": "delete_x", "arguments": {}}"#;
    assert_eq!(analyze("tool-call", None, call), analyze("mcp-call", None, call));
}

#[test]
fn findings_serialise_with_the_names_that_scripts_rely_on() {
    let findings = analyze("sql", None, b"DROP TABLE t");
    let json = serde_json::to_value(&findings[0]).unwrap();
    assert_eq!(
        (&json["id"], &json["severity"], &json["delta"]),
        (&"sql-drop".into(), &"critical".into(), &"introduced".into())
    );
    assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), findings[0]);
}

#[test]
fn explanations_hold_no_raw_text_from_outside() {
    let findings = analyze(
        "mcp-call",
        None,
        "{\"tool\": \"delete_\u{202E}x\", \"arguments\": {}}".as_bytes(),
    );
    for finding in &findings {
        assert!(
            finding
                .explanation
                .chars()
                .all(|c| !c.is_control() && c != '\u{202E}'),
            "{finding:?}"
        );
    }
}

struct TooQuiet;

static NO_OWNER: Rule = Rule {
    id: RuleId("x-no-owner"),
    severity: Severity::Critical,
    title: "Nobody owns it",
    reference: None,
    peers: &[],
};

impl Detector for TooQuiet {
    fn kinds(&self) -> &'static [&'static str] {
        &["iam"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        input.walk(&mut |place, value| {
            if value.text_at("owner").is_none() && place.pointer.is_empty() {
                seen.push(Observation::of(&NO_OWNER, "", "no owner\u{202E}\n").seen_at(place, value.line));
            }
        });
        seen.push(Observation::of(&rule::SQL_DROP, "", "a built-in name"));
        Outcome::Analyzed
    }
}

#[test]
fn detectors_of_ones_own_are_shown_and_never_count() {
    let findings = analyze_with(&[&TooQuiet], "iam", None, b"{\"a\": 1}");
    let own = findings
        .iter()
        .find(|finding| finding.rule == NO_OWNER.id)
        .unwrap();
    assert_eq!(own.explanation, "no owner⟦U+202E⟧⟦LF⟧");
    assert!(!own.counts() && severity(std::slice::from_ref(own)) == Severity::Info);
    let rest: Vec<_> = findings
        .iter()
        .filter(|finding| !finding.rule.is_extra())
        .cloned()
        .collect();
    assert_eq!(
        rest,
        analyze("iam", None, b"{\"a\": 1}"),
        "they change nothing else"
    );
    assert!(RuleId::extra("x-mine").is_some());
    for bad in ["sql-drop", "x-", "x-Mine", "x-a b"] {
        assert!(RuleId::extra(bad).is_none(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn analysis_is_deterministic_and_never_panics(
        kind in prop::sample::select(KINDS), before in "[ -~\n]{0,80}", after in "[ -~\n]{0,80}"
    ) {
        let one = analyze(kind, Some(before.as_bytes()), after.as_bytes());
        prop_assert_eq!(&one, &analyze(kind, Some(before.as_bytes()), after.as_bytes()));
        for finding in &one {
            prop_assert!(finding.explanation.chars().all(|c| !c.is_control()));
        }
    }

    #[test]
    fn an_unchanged_text_introduces_nothing(text in "[ -~\n]{0,80}") {
        for finding in analyze("config-file", Some(text.as_bytes()), text.as_bytes()) {
            prop_assert!(matches!(finding.delta, Delta::Existing), "{:?}", finding);
        }
    }
}
