//! AWS policies: what rights a change gives, to whom, under which conditions.
//!
//! A statement is recognised wherever it stands: in a policy file, a template, a plan, or as JSON inside a
//! text. The rights *gained* are what counts: a right is existing only where the same holder had it before on
//! resources that cover it. Grammar: IAM JSON policy language; keys are read in any case, since AWS does.

use super::action::{Power, SENSITIVE};
use super::arn::account;
use super::gain::gains;
use super::statement::{Statement, owner, statements};
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Problem, Severity, Side, rule};
use std::collections::BTreeSet;

/// The rules for policies.
pub(in crate::findings) struct Policies;

impl Detector for Policies {
    fn kinds(&self) -> &'static [&'static str] {
        &["iam", "s3", "data-export"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        let attached = attached_policies(input, seen);
        let statements = statements(input);
        if too_many(&statements) {
            return Outcome::Failed(Problem {
                line: None,
                what: "there are too many statements, actions or resources".to_owned(),
            });
        }
        for statement in statements.iter().filter(|statement| statement.allow) {
            let ours = accounts_of_resources(statement);
            let denials: Vec<&Statement> = statements
                .iter()
                .filter(|denial| denial.denies_plainly() && denial.owner == statement.owner)
                .collect();
            statement.rights(&denials, seen);
            statement.trust(&ours, seen);
        }
        for statement in statements.iter().filter(|statement| !statement.allow) {
            statement.lockout(seen);
        }
        if statements.is_empty() && !attached {
            Outcome::NotMine
        } else {
            Outcome::Analyzed
        }
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
        let (old, new) = (statements(before), statements(after));
        if too_many(&new) {
            // Said when that side was observed.
            return Vec::new();
        }
        if too_many(&old) {
            let what = "not analyzed: too many statements, actions or resources before to say what is gone";
            let seen = Observation::new(&rule::NOT_ANALYZED, "", what);
            return vec![(seen, Delta::Unknown, Side::Before)];
        }
        let mut changes = gains(&old, &new);
        for statement in &new {
            let same = old.iter().find(|earlier| earlier.same_but_condition(statement));
            let less = || old.iter().find(|earlier| statement.lets_in_as(earlier));
            let Some(earlier) = same.or_else(less) else {
                continue;
            };
            let lost: Vec<_> = earlier
                .conditions
                .keys()
                .filter(|key| {
                    !statement.conditions.contains_key(*key) && !statement.still_limits(earlier, key)
                })
                .collect();
            if !statement.allow || lost.is_empty() {
                continue;
            }
            let names = lost.iter().map(|key| quote(key)).collect::<Vec<_>>().join(", ");
            let what = format!("the condition {names} no longer limits {}", statement.summary());
            changes.push((
                statement.seen(&rule::IAM_CONDITION_DROPPED, "", what),
                Delta::Widened,
                Side::After,
            ));
        }
        for denied in old.iter().filter(|statement| !statement.allow) {
            if !new.iter().any(|statement| {
                !statement.allow && statement.owner == denied.owner && statement.covers(denied)
            }) {
                let what = format!("a denial of {} is gone or narrower", denied.summary());
                changes.push((
                    denied.seen(&rule::IAM_DENY_REMOVED, "", what),
                    Delta::Widened,
                    Side::Before,
                ));
            }
        }
        changes
    }
}

/// Looks for AWS's own policies of wide reach being attached.
fn attached_policies(input: &Input<'_>, seen: &mut Vec<Observation>) -> bool {
    const WIDE: &[(&str, Severity)] = &[
        ("AdministratorAccess", Severity::Critical),
        ("IAMFullAccess", Severity::Critical),
        ("PowerUserAccess", Severity::High),
        ("AWSOrganizationsFullAccess", Severity::High),
        ("AmazonS3FullAccess", Severity::High),
        ("SecretsManagerReadWrite", Severity::High),
        ("AmazonEC2FullAccess", Severity::Medium),
        ("AmazonSSMFullAccess", Severity::High),
        ("AWSLambda_FullAccess", Severity::Medium),
    ];
    let mut found = false;
    input.walk(&mut |place, value| {
        let Some((arn, name)) = value
            .text()
            .and_then(|text| Some((text, text.split_once(":policy/")?.1)))
        else {
            return;
        };
        if !arn.starts_with("arn:") || !arn.contains(":iam::aws:") {
            return;
        }
        found = true;
        let name = name.rsplit('/').next().unwrap_or(name);
        if let Some((_, severity)) = WIDE.iter().find(|(wide, _)| *wide == name) {
            let what = format!("the AWS policy {} is attached", quote(name));
            let key = format!("{} {name}", owner(&place.identity));
            seen.push(
                Observation::new(&rule::IAM_WIDE_POLICY_ATTACHED, key, what)
                    .at(place, value.line)
                    .severity(*severity),
            );
        }
    });
    found
}

/// More principals than this are not looked at: those of one account are compared with each other.
const MOST_PRINCIPALS: usize = 4_000;

/// Says whether looking at statements would take long; real policies are far smaller.
fn too_many(statements: &[Statement]) -> bool {
    const MOST_STATEMENTS: usize = 2_000;
    const MOST_OBSERVATIONS: usize = 50_000;
    const MOST_SCANS: usize = 2_000_000;
    let patterns = || {
        statements
            .iter()
            .flat_map(|it| it.actions.iter().chain(&it.not_actions))
    };
    // A pattern is observed as each powerful action that it may stand for.
    let rights = |statement: &Statement| {
        let weight = |action: &String| match action.split_once(':') {
            Some((service, name)) if name.contains(['*', '?']) && !service.contains(['*', '?']) => {
                let theirs = |(known, _): &&(&str, Power)| known.split(':').next() == Some(service);
                SENSITIVE.iter().filter(theirs).count() + 1
            }
            _ if action.contains(['*', '?']) => SENSITIVE.len(),
            _ => 1,
        };
        let actions: usize = statement.actions.iter().map(weight).sum();
        (actions + 1).saturating_mul(statement.resources.len() + 1)
    };
    // A pattern is looked up in its service, or everywhere.
    let scan = |action: &String| match action.split_once(':') {
        Some((service, _)) if service.contains(['*', '?']) => 20_000,
        Some((_, name)) if name.contains(['*', '?']) => 500,
        _ => 1,
    };
    statements.len() > MOST_STATEMENTS
        || statements.iter().map(rights).fold(0, usize::saturating_add) > MOST_OBSERVATIONS
        || statements.iter().map(|it| it.principals.len()).sum::<usize>() > MOST_PRINCIPALS
        || patterns().map(scan).fold(0, usize::saturating_add) > MOST_SCANS
}

fn accounts_of_resources(statement: &Statement) -> BTreeSet<String> {
    statement
        .resources
        .iter()
        .filter_map(|resource| account(resource))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{analyze, severity};

    fn found(before: Option<&str>, after: &str) -> Vec<(&'static str, Severity, Delta)> {
        analyze("iam", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .map(|finding| (finding.rule.as_str(), finding.severity, finding.delta))
            .collect()
    }

    fn policy(statement: &str) -> String {
        format!("{{\"Version\": \"2012-10-17\", \"Statement\": [{statement}]}}")
    }

    #[test]
    fn full_admin_is_critical_and_told_once() {
        let after = policy(r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#);
        assert_eq!(
            found(None, &after),
            [("iam-full-admin", Severity::Critical, Delta::Introduced)]
        );
    }

    #[test]
    fn a_right_gained_counts_and_one_held_does_not() {
        let before =
            policy(r#"{"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "arn:aws:iam::1:role/a"}"#);
        let after =
            policy(r#"{"Effect": "Allow", "Action": ["iam:PassRole", "ssm:SendCommand"], "Resource": "*"}"#);
        let gains = found(Some(&before), &after);
        assert!(gains.contains(&("iam-sensitive-action", Severity::High, Delta::Widened)));
        assert!(gains.contains(&("iam-sensitive-action", Severity::High, Delta::Introduced)));
        let wide = policy(r#"{"Effect": "Allow", "Action": ["iam:*", "ssm:*"], "Resource": "*"}"#);
        let narrowed = analyze("iam", Some(wide.as_bytes()), after.as_bytes());
        assert_eq!(severity(&narrowed), Severity::Info, "{narrowed:#?}");
    }

    #[test]
    fn a_dropped_condition_and_a_dropped_denial_are_told() {
        let with = r#"{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}"#;
        let without = r#"{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}"#;
        assert!(found(Some(&policy(with)), &policy(without)).contains(&(
            "iam-condition-dropped",
            Severity::Medium,
            Delta::Widened
        )));
        let deny = format!(
            "{without}, {}",
            r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::logs/*"}"#
        );
        let gone = found(Some(&policy(&deny)), &policy(without));
        assert!(gone.contains(&("iam-deny-removed", Severity::Medium, Delta::Widened)));
    }

    #[test]
    fn a_condition_dropped_from_one_who_may_do_more_is_told() {
        let of = |actions: &str, condition: &str| {
            policy(&format!(
                r#"{{"Effect": "Allow", "Principal": {{"Service": "cloudfront.amazonaws.com"}}, "Action": [{actions}], "Resource": "arn:aws:s3:::b/*"{condition}}}"#
            ))
        };
        let bound = of(
            r#""s3:GetObject""#,
            r#", "Condition": {"StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::1:distribution/D"}}"#,
        );
        let dropped = |after: &str| {
            let found = found(Some(&bound), after);
            found.iter().any(|it| it.0 == "iam-condition-dropped")
        };
        assert!(dropped(&of(r#""s3:GetObject", "s3:ListBucket""#, "")));
        assert!(dropped(&of(r#""s3:GetObject""#, "")));
        assert!(!dropped(&of(r#""s3:ListBucket""#, "")), "something else");
        assert!(!dropped(&bound));
    }

    #[test]
    fn more_principals_than_are_compared_are_told_on_whichever_side() {
        let names = |count: usize| -> String {
            let names: Vec<String> = (0..count)
                .map(|n| format!(r#""arn:aws:iam::{n:012}:root""#))
                .collect();
            names.join(",")
        };
        // Half of them in each statement: it is their sum that counts.
        let of = |count: usize| {
            let (one, other) = (names(count / 2), names(count - count / 2));
            policy(&format!(
                r#"{{"Effect": "Allow", "Principal": {{"AWS": [{one}]}}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}},
                   {{"Effect": "Deny", "Principal": {{"AWS": [{other}]}}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*"}}"#
            ))
        };
        let unanalyzed = |before: Option<&str>, after: &str| {
            let found = found(before, after);
            found.contains(&("not-analyzed", Severity::Medium, Delta::Unknown))
        };
        let (most, over, few) = (of(MOST_PRINCIPALS), of(MOST_PRINCIPALS + 1), of(2));
        assert!(!unanalyzed(Some(&most), &most));
        assert!(unanalyzed(None, &over));
        assert!(unanalyzed(Some(&over), &over));
        assert!(unanalyzed(Some(&few), &over));
        assert!(unanalyzed(Some(&over), &few), "a denial may be gone");
    }

    #[test]
    fn what_is_excepted_may_grow_and_not_shrink() {
        let allow = |but: &str| {
            policy(&format!(
                r#"{{"Effect": "Allow", "NotAction": [{but}], "Resource": "*"}}"#
            ))
        };
        let (more, less) = (allow(r#""iam:*", "kms:*""#), allow(r#""iam:*""#));
        let not_action = |before: &str, after: &str| {
            let found = found(Some(before), after);
            found
                .into_iter()
                .find(|(id, ..)| *id == "iam-not-action")
                .unwrap()
                .2
        };
        assert_eq!(not_action(&more, &less), Delta::Widened);
        assert_eq!(not_action(&less, &more), Delta::Existing);
        let level =
            |before: &str, after: &str| severity(&analyze("iam", Some(before.as_bytes()), after.as_bytes()));
        assert_eq!(level(&less, &more), Severity::Info);
        for key in ["NotAction", "NotResource"] {
            let other = if key == "NotAction" {
                r#""Resource": "*""#
            } else {
                r#""Action": "s3:*""#
            };
            let deny = |but: &str| policy(&format!(r#"{{"Effect": "Deny", "{key}": [{but}], {other}}}"#));
            let (one, two) = (deny(r#""s3:a""#), deny(r#""s3:a", "s3:b""#));
            assert_eq!(level(&one, &two), Severity::Medium, "{key}");
            assert_eq!(level(&two, &one), Severity::Info, "{key}");
        }
        let deny = |who: &str| {
            policy(&format!(
                r#"{{"Effect": "Deny", "Principal": "{who}", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}}"#
            ))
        };
        assert_eq!(
            level(&deny("*"), &deny("arn:aws:iam::1:role/x")),
            Severity::Medium
        );
    }

    #[test]
    fn a_public_principal_needs_a_real_restriction() {
        let open = |condition: &str| {
            policy(&format!(
                r#"{{"Effect": "Allow", "Principal": {{"AWS": "*"}}, "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:111122223333:q"{condition}}}"#
            ))
        };
        let public = ("iam-public-principal", Severity::Critical, Delta::Introduced);
        assert!(found(None, &open("")).contains(&public));
        assert!(
            found(
                None,
                &open(r#", "Condition": {"StringLike": {"aws:SourceArn": "*"}}"#)
            )
            .contains(&public)
        );
        assert!(
            found(
                None,
                &open(r#", "Condition": {"StringNotEquals": {"aws:SourceAccount": "1"}}"#)
            )
            .contains(&public)
        );
        assert!(!found(None, &open(r#", "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:t"}}"#)).contains(&public));
    }

    #[test]
    fn a_name_in_any_account_restricts_nobody() {
        let open = |operator: &str, principal: &str| {
            let text = policy(&format!(
                r#"{{"Effect": "Allow", "Principal": {{"AWS": "*"}}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*", "Condition": {{"{operator}": {{"aws:PrincipalArn": "{principal}"}}}}}}"#
            ));
            found(None, &text)
                .iter()
                .any(|(rule, ..)| *rule == "iam-public-principal")
        };
        assert!(open("ArnLike", "arn:aws:iam::*:role/deploy-*"));
        assert!(open("StringLike", "*:role/deploy"));
        assert!(open("ArnLike", "arn:aws:iam::1111????????:role/deploy"));
        assert!(!open("ArnLike", "arn:aws:iam::111122223333:role/deploy-*"));
        assert!(!open(
            "ArnLike",
            "arn:aws:iam::${aws:ResourceAccount}:role/deploy-*"
        ));
    }

    #[test]
    fn roles_of_an_account_that_was_trusted_as_a_whole_are_no_news() {
        let trust = |who: &str, condition: &str| {
            policy(&format!(
                r#"{{"Effect": "Allow", "Principal": {{"AWS": "{who}"}}, "Action": "sts:AssumeRole"{condition}}}"#
            ))
        };
        let told = |before: &str, after: &str| {
            let found = found(Some(before), after);
            found
                .iter()
                .find(|it| it.0 == "iam-account-trusted")
                .map(|it| it.2)
        };
        let bound = r#", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}"#;
        let role = trust("arn:aws:iam::999988887777:role/a", "");
        for whole in ["arn:aws:iam::999988887777:root", "999988887777"] {
            assert_eq!(told(&trust(whole, ""), &role), Some(Delta::Existing));
            assert_eq!(told(&role, &trust(whole, "")), Some(Delta::Widened));
            assert_eq!(told(&trust(whole, bound), &role), Some(Delta::Widened));
        }
        let other = trust("arn:aws:iam::999988887777:role/b", "");
        assert_eq!(told(&role, &other), Some(Delta::Widened));
        let stranger = trust("arn:aws:iam::111122223333:role/a", "");
        assert_eq!(
            told(&trust("999988887777", ""), &stranger),
            Some(Delta::Introduced)
        );
    }

    #[test]
    fn another_account_and_an_open_federation_are_told() {
        let trust = |principal: &str, action: &str| {
            policy(&format!(
                r#"{{"Effect": "Allow", "Principal": {principal}, "Action": "{action}"}}"#
            ))
        };
        let other = found(
            None,
            &trust(r#"{"AWS": "arn:aws:iam::999988887777:root"}"#, "sts:AssumeRole"),
        );
        assert_eq!(
            other,
            [("iam-account-trusted", Severity::Medium, Delta::Introduced)]
        );
        let oidc = r#"{"Federated": "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"}"#;
        assert_eq!(
            found(None, &trust(oidc, "sts:AssumeRoleWithWebIdentity"))[0].0,
            "iam-federation-open"
        );
    }

    #[test]
    fn policies_are_found_in_templates_and_in_texts() {
        let template = "Resources:\n  R:\n    Properties:\n      Policies:\n        - PolicyName: p\n          PolicyDocument:\n            Statement:\n              - Effect: Allow\n                Action: '*'\n                Resource: '*'\n";
        assert_eq!(found(None, template)[0].0, "iam-full-admin");
        let text =
            r#"{"policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}"#;
        assert_eq!(found(None, text)[0].0, "iam-full-admin");
    }

    #[test]
    fn moving_statements_about_introduces_nothing() {
        let (a, b) = (
            r#"{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}"#,
        );
        let moved = analyze(
            "iam",
            Some(policy(&format!("{a},{b}")).as_bytes()),
            policy(&format!("{b},{a}")).as_bytes(),
        );
        assert_eq!(severity(&moved), Severity::Info);
    }

    #[test]
    fn a_policy_made_to_take_long_is_not_analyzed() {
        let names: Vec<String> = (0..300).map(|n| format!("\"s3:Get{n}\"")).collect();
        let names = names.join(",");
        let after = policy(&format!(
            r#"{{"Effect": "Allow", "Action": [{names}], "Resource": [{names}]}}"#
        ));
        assert!(found(None, &after).iter().any(|(id, ..)| *id == "not-analyzed"));
    }
}
