//! Conditions: whether one that is gone still limits in another form.

use super::iam_statement::Statement;
use super::observation::matches_glob;

impl Statement {
    /// Says whether a test of an earlier statement stands on in a stricter form: exact names, or narrower patterns,
    /// where there were patterns.
    pub(super) fn still_limits(&self, earlier: &Self, test: &str) -> bool {
        let Some((operator, key)) = test.split_once(' ') else {
            return false;
        };
        let stricter: &[&str] = match operator {
            "StringLike" => &["StringEquals", "StringLike"],
            "ArnLike" | "ArnEquals" => &["ArnEquals", "ArnLike", "StringEquals"],
            _ => return false,
        };
        let patterns = earlier
            .conditions
            .get(test)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let within = |value: &String| patterns.iter().any(|pattern| matches_glob(pattern, value));
        self.conditions.iter().any(|(test, values)| {
            let same = test
                .split_once(' ')
                .is_some_and(|(operator, tested)| stricter.contains(&operator) && tested == key);
            same && !values.is_empty() && values.iter().all(within)
        })
    }
}

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
}
