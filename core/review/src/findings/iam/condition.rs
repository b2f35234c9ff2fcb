//! Conditions: whether one that is gone still limits in another form, and whether a denial still meets all that it met.

use super::statement::Statement;
use crate::findings::observation::matches_glob;
use std::collections::BTreeMap;

impl Statement {
    /// Says whether a test of an earlier statement stands on in another form that limits as much: exact names or
    /// narrower patterns where there were patterns, or no longer passing where the fact is absent.
    pub(super) fn still_limits(&self, earlier: &Self, test: &str) -> bool {
        let Some((operator, key)) = test.split_once(' ') else {
            return false;
        };
        let allowed = earlier
            .conditions
            .get(test)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let (was, was_optional) = base(operator);
        self.conditions.iter().any(|(test, values)| {
            let Some((operator, tested)) = test.split_once(' ') else {
                return false;
            };
            let (is, optional) = base(operator);
            let pattern = matches!(was, "StringLike" | "ArnLike" | "ArnEquals");
            let same = is == was
                || was == "StringLike" && is == "StringEquals"
                || was.starts_with("Arn") && matches!(is, "ArnLike" | "ArnEquals" | "StringEquals");
            let within = |value: &String| {
                allowed
                    .iter()
                    .any(|have| have == value || pattern && matches_glob(have, value))
            };
            // A number or a date has an order that names don't have.
            let stays = if is_named(was) {
                values.iter().all(within)
            } else {
                values == allowed
            };
            tested == key && same && (was_optional || !optional) && !values.is_empty() && stays
        })
    }
}

/// Splits off that a test passes where its fact is absent.
fn base(operator: &str) -> (&str, bool) {
    operator
        .strip_suffix("IfExists")
        .map_or((operator, false), |base| (base, true))
}

/// Says whether an operator passes one of the named values, so that fewer of them limit more.
fn is_named(operator: &str) -> bool {
    matches!(
        operator,
        "StringLike" | "StringEquals" | "StringEqualsIgnoreCase" | "ArnLike" | "ArnEquals"
    )
}

/// Says whether a denial under some tests still meets all that it met under earlier ones: none is new, and each may
/// only have become one that also meets requests without the fact.
pub(super) fn meets_all(now: &Tests, before: &Tests) -> bool {
    now.iter().all(|(test, values)| {
        before.get(test) == Some(values)
            || test
                .split_once(' ')
                .and_then(|(operator, key)| Some((operator.strip_suffix("IfExists")?, key)))
                .is_some_and(|(operator, key)| before.get(&format!("{operator} {key}")) == Some(values))
    })
}

type Tests = BTreeMap<String, Vec<String>>;

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    #[test]
    fn exact_names_in_the_place_of_patterns_limit_more() {
        let trust = |operator: &str, subject: &str| {
            format!(
                r#"{{"Statement": [{{"Effect": "Allow", "Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {{"{operator}": {{"token.actions.githubusercontent.com:sub": "{subject}"}}}}}}]}}"#
            )
        };
        let level =
            |before: &str, after: &str| severity(&analyze("iam", Some(before.as_bytes()), after.as_bytes()));
        let pattern = trust("StringLike", "repo:a/b:*");
        let exact = trust("StringEquals", "repo:a/b:environment:live");
        assert_eq!(level(&pattern, &exact), Severity::Info);
        assert_eq!(level(&exact, &pattern), Severity::Medium);
        let other = trust("StringEquals", "repo:c/d:environment:live");
        assert_eq!(level(&pattern, &other), Severity::Medium);
    }

    fn level(before: &str, after: &str) -> Severity {
        severity(&analyze("iam", Some(before.as_bytes()), after.as_bytes()))
    }

    #[test]
    fn more_tests_limit_more_and_values_that_look_like_tests_do_not() {
        let allow = |condition: &str| {
            format!(
                r#"{{"Statement": [{{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": {{{condition}}}}}]}}"#
            )
        };
        let one = allow(r#""StringEquals": {"iam:PassedToService": "ecs.amazonaws.com"}"#);
        let two = allow(
            r#""StringEquals": {"iam:PassedToService": "ecs.amazonaws.com", "aws:RequestedRegion": "eu-west-1"}"#,
        );
        assert_eq!(level(&one, &two), Severity::Info);
        assert!(level(&two, &one) >= Severity::Medium);
        let strict = allow(r#""StringEquals": {"aws:RequestedRegion": "eu-west-1"}"#);
        let loose = allow(r#""StringEqualsIfExists": {"aws:RequestedRegion": "eu-west-1"}"#);
        assert!(level(&strict, &loose) >= Severity::Medium);
        let forged = allow(
            r#""StringEquals": {"aws:RequestedRegion": "a\"]\n\"StringEquals iam:PassedToService\" [\"ecs.amazonaws.com"}"#,
        );
        assert!(level(&one, &forged) >= Severity::Medium);
    }

    #[test]
    fn a_denial_may_meet_more_but_not_less() {
        let deny = |condition: &str| {
            format!(
                r#"{{"Statement": [{{"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {{{condition}}}}}]}}"#
            )
        };
        let sure = deny(r#""BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}"#);
        let unsure = deny(r#""Bool": {"aws:MultiFactorAuthPresent": "false"}"#);
        assert_eq!(level(&unsure, &sure), Severity::Info);
        assert_eq!(level(&sure, &unsure), Severity::Medium);
        let both = deny(
            r#""Bool": {"aws:MultiFactorAuthPresent": "false"}, "StringEquals": {"aws:RequestedRegion": "eu-west-1"}"#,
        );
        assert_eq!(level(&both, &unsure), Severity::Info);
        assert_eq!(level(&unsure, &both), Severity::Medium);
    }

    #[test]
    fn a_narrower_pattern_gives_no_right_that_was_not_held() {
        let allow = |operator: &str, team: &str| {
            format!(
                r#"{{"Statement": [{{"Effect": "Allow", "Action": "ssm:StartSession", "Resource": "*", "Condition": {{"{operator}": {{"aws:ResourceTag/team": "{team}"}}}}}}]}}"#
            )
        };
        let pattern = allow("StringLike", "billing*");
        assert_eq!(level(&pattern, &allow("StringEquals", "billing")), Severity::Info);
        assert_eq!(
            level(&pattern, &allow("StringLike", "billing-a*")),
            Severity::Info
        );
        assert!(level(&pattern, &allow("StringLike", "*")) >= Severity::Medium);
        assert!(level(&pattern, &allow("StringEquals", "shop")) >= Severity::Medium);
        assert!(level(&pattern, &allow("StringEquals", r#"shop\", \"billing"#)) >= Severity::Medium);
    }
}
