//! Secret rotations: whether those that use a secret get the new one in time, and whether it can be guessed.

use super::fact::Facts;
use crate::document::Value;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Observation, Outcome, Severity, Side, rule};
use std::collections::BTreeSet;

/// Observes what a rotation does to those that use the secret.
pub(super) fn observe(facts: &Facts<'_>, seen: &mut Vec<Observation>) -> Outcome {
    let secret = facts
        .named(&[
            "secret",
            "secretid",
            "secretname",
            "secretarn",
            "name",
            "key",
            "keyid",
            "credential",
        ])
        .next();
    for (name, place, value) in facts.named(&[
        "forcedeletewithoutrecovery",
        "deleteold",
        "deleteoldversion",
        "revokeimmediately",
        "force",
    ]) {
        if value.is_true() {
            let what = format!("{} is true: the old version is gone at once", quote(name));
            seen.push(
                Observation::new(&rule::ROTATION_NO_WAY_BACK, name.clone(), what).at(place, value.line),
            );
        }
    }
    for (name, place, value) in facts.named(&[
        "recoverywindowindays",
        "overlapseconds",
        "overlap",
        "graceperiod",
        "gracedays",
        "overlapminutes",
    ]) {
        if value.integer() == Some(0) {
            let what = format!("{} is 0: consumers of the old version fail at once", quote(name));
            seen.push(
                Observation::new(&rule::ROTATION_NO_WAY_BACK, name.clone(), what).at(place, value.line),
            );
        }
    }
    for (name, place, value) in facts.named(&["newvalue", "secretstring", "secretvalue", "plaintext"]) {
        if value
            .text()
            .is_some_and(|text| !text.is_empty() && !text.starts_with(['$', '{', '<']))
        {
            let what = format!("the new value itself stands under {}", quote(name));
            seen.push(
                Observation::new(&rule::SECRET_LITERAL, name.clone(), what)
                    .severity(Severity::High)
                    .at(place, value.line),
            );
        }
    }
    weak(facts, seen);
    if secret.is_some() {
        Outcome::Analyzed
    } else {
        Outcome::NotMine
    }
}

/// Tells consumers that are no longer named, and so don't get the new secret.
pub(super) fn changes(before: &Facts<'_>, after: &Facts<'_>) -> Vec<Change> {
    const NAMES: &[&str] = &[
        "consumers",
        "clients",
        "dependents",
        "services",
        "subscribers",
        "targets",
    ];
    let named = |facts: &Facts<'_>| -> BTreeSet<String> {
        let lists = facts.named(NAMES).flat_map(|(.., value)| value.one_or_more());
        lists.filter_map(Value::text).map(str::to_owned).collect()
    };
    let left = named(after);
    let lost = named(before).into_iter().filter(|name| !left.contains(name));
    lost.map(|name| {
        let what = format!(
            "{} is no longer named among those that get the new secret",
            quote(&name)
        );
        (
            Observation::new(&rule::ROTATION_CONSUMER_LOST, name, what),
            Delta::Widened,
            Side::After,
        )
    })
    .collect()
}

/// Observes a generator whose secrets are easily guessed: short, or of few different characters.
fn weak(facts: &Facts<'_>, seen: &mut Vec<Observation>) {
    const LEAST: i64 = 16;
    const FEW: &[&str] = &["digits", "numeric", "numbers", "lowercase", "uppercase", "pin"];
    for (name, place, value) in facts.named(&[
        "length",
        "passwordlength",
        "secretlength",
        "characters",
        "charset",
    ]) {
        let text = value.text().unwrap_or_default().to_ascii_lowercase();
        let few = FEW.contains(&text.as_str());
        let short = name.ends_with("length") && value.integer().is_some_and(|length| length < LEAST);
        if few || short {
            let what = format!(
                "the new secret is easily guessed: {} is {}",
                quote(name),
                quote(&text)
            );
            seen.push(Observation::new(&rule::ROTATION_WEAK, name.clone(), what).at(place, value.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::analyze;

    fn ids(kind: &str, before: Option<&str>, after: &str) -> Vec<String> {
        let counting = |finding: &crate::findings::Finding| finding.counts();
        analyze(kind, before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|it| counting(it))
            .map(|it| it.rule.to_string())
            .collect()
    }

    #[test]
    fn a_rotation_without_overlap_is_told() {
        assert_eq!(
            ids(
                "secret-rotation",
                None,
                r#"{"secret": "db", "overlap_seconds": 0}"#
            ),
            ["rotation-no-way-back"]
        );
        assert_eq!(
            ids(
                "secret-rotation",
                None,
                r#"{"secret": "db", "overlap_seconds": 3600}"#
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_consumer_that_is_left_out_is_told() {
        let both = r#"{"secret": "db", "consumers": ["a", "b"]}"#;
        let one = r#"{"secret": "db", "consumers": ["a"]}"#;
        assert_eq!(
            ids("secret-rotation", Some(both), one),
            ["rotation-consumer-lost"]
        );
        assert_eq!(ids("secret-rotation", Some(one), both), Vec::<String>::new());
    }

    #[test]
    fn a_new_secret_that_is_easily_guessed_is_told() {
        let rotation = |length: u32, characters: &str| {
            format!(
                r#"{{"secret": "db", "generator": {{"length": {length}, "characters": "{characters}"}}}}"#
            )
        };
        let strong = rotation(32, "alphanumeric");
        assert_eq!(ids("secret-rotation", None, &strong), Vec::<String>::new());
        for weak in [rotation(8, "alphanumeric"), rotation(32, "digits")] {
            assert_eq!(ids("secret-rotation", Some(&strong), &weak), ["rotation-weak"]);
        }
    }
}
