//! Trust: whom a resource policy or a trust policy lets in, and whom it shuts out.

use super::action::{sensitive, writes};
use super::arn::account;
use super::statement::{Statement, join};
use crate::findings::observation::quote;
use crate::findings::{Observation, Severity, rule};
use std::collections::BTreeSet;

/// How the subjects of well-known providers begin, whoever they are.
const EVERY_SUBJECT: &[&str] = &[
    "repo:",
    "system:serviceaccount:",
    "project_path:",
    "organization:",
    "org:",
    "user:",
];

/// Says whether a pattern of a principal leaves the account open, so that strangers meet it with a name of their choice.
fn is_of_any_account(pattern: &str) -> bool {
    let account = pattern.split(':').nth(4).unwrap_or("*");
    account.is_empty() || !account.starts_with("${") && account.contains(['*', '?'])
}

impl Statement {
    /// Observes who is let in by a resource or trust policy.
    pub(super) fn trust(&self, ours: &BTreeSet<String>, seen: &mut Vec<Observation>) {
        let assumes = self
            .actions
            .iter()
            .any(|action| action.to_ascii_lowercase().starts_with("sts:assumerole"));
        if self.not_principal {
            let what = format!("everybody but those named may do {}", join(&self.actions));
            seen.push(
                self.seen(&rule::IAM_PUBLIC_PRINCIPAL, "not", what)
                    .severity(Severity::High),
            );
        }
        for (kind, name) in &self.principals {
            let public = name == "*" && kind != "Service" || name.ends_with(":iam::*:root");
            if public && !self.is_restricted() {
                let what = format!(
                    "anybody may do {} on {}",
                    join(&self.actions),
                    join(&self.resources)
                );
                let worse = assumes || self.actions.iter().any(|action| writes(action));
                let severity = if worse { Severity::Critical } else { Severity::High };
                seen.push(
                    self.seen(&rule::IAM_PUBLIC_PRINCIPAL, "public", what)
                        .severity(severity),
                );
            } else if kind == "Federated" && assumes && !self.limits_subject(name) {
                let what = format!(
                    "every identity of {} may assume the role: no condition names a subject",
                    quote(name)
                );
                seen.push(self.seen(&rule::IAM_FEDERATION_OPEN, name, what));
            } else if let Some(account) = account(name).filter(|account| !ours.contains(account)) {
                let what = format!(
                    "{} of account {account} may do {}{}",
                    quote(name),
                    join(&self.actions),
                    self.under()
                );
                let key = format!("{account} {}", self.actions.join(","));
                // An account as a whole is everybody in it.
                let whole = *name == account || name.ends_with(":root");
                let who = if whole {
                    format!("arn:*::{account}:*")
                } else {
                    name.clone()
                };
                seen.push(
                    self.reaching(&rule::IAM_ACCOUNT_TRUSTED, &key, what, &who)
                        .severity(self.trust_severity()),
                );
            }
        }
    }

    /// Says whether a condition keeps strangers out: a positive test of who or where the caller is.
    fn is_restricted(&self) -> bool {
        const WHO: &[&str] = &[
            "aws:sourcearn",
            "aws:sourceaccount",
            "aws:sourceorgid",
            "aws:principalorgid",
            "aws:principalorgpaths",
            "aws:principalarn",
            "aws:principalaccount",
            "aws:sourcevpce",
            "aws:sourcevpc",
            "aws:sourceip",
            "aws:userid",
            "aws:vpcsourceip",
            "kms:calleraccount",
            "s3:dataaccesspointaccount",
            "sts:externalid",
        ];
        self.conditions.iter().any(|(test, values)| {
            let Some((operator, key)) = test.split_once(' ') else {
                return false;
            };
            let operator = operator.to_ascii_lowercase();
            WHO.contains(&key.to_ascii_lowercase().as_str())
                && !operator.contains("not")
                && !operator.ends_with("ifexists")
                && !operator.starts_with("null")
                && !operator.starts_with("forallvalues")
                && !values.is_empty()
                && !values.iter().any(|value| {
                    matches!(value.as_str(), "*" | "0.0.0.0/0" | "::/0" | "arn:*" | "arn:aws:*")
                        || key.eq_ignore_ascii_case("aws:principalarn") && is_of_any_account(value)
                })
        })
    }

    /// Says whether a condition of the provider itself names whom it let in; another provider's key never matches.
    fn limits_subject(&self, provider: &str) -> bool {
        let host = provider
            .split_once("oidc-provider/")
            .map_or(provider, |(_, host)| host)
            .to_ascii_lowercase();
        // Cognito and SAML name the pool or the audience; for the others an audience is shared by strangers.
        let facts: &[&str] = match () {
            () if provider.contains(":saml-provider/") => &["saml:aud", "saml:sub", "saml:iss"],
            () if host.starts_with("cognito-identity") => &[":aud", ":sub"],
            () => &[
                ":sub",
                ":repository_id",
                ":repository_owner_id",
                ":environment_id",
            ],
        };
        self.conditions.iter().any(|(test, values)| {
            let test = test.to_ascii_lowercase();
            let Some((operator, key)) = test.split_once(' ') else {
                return false;
            };
            let ours = key.starts_with(&host) || key.starts_with("saml:");
            let positive =
                !operator.contains("not") && !operator.ends_with("ifexists") && !operator.starts_with("null");
            let fixed = |value: &String| {
                let head = value.split(['*', '?']).next().unwrap_or_default();
                let own = EVERY_SUBJECT.iter().find_map(|start| head.strip_prefix(start));
                !own.unwrap_or(head).is_empty()
            };
            ours && positive
                && facts.iter().any(|fact| key.ends_with(fact))
                && !values.is_empty()
                && values.iter().all(fixed)
        })
    }

    /// Weighs that a named account is let in: sharing data to read is common, handing over more is not.
    fn trust_severity(&self) -> Severity {
        let more = self
            .actions
            .iter()
            .any(|action| writes(action) || sensitive(action).next().is_some());
        match more || !self.not_actions.is_empty() {
            true if !self.is_restricted() => Severity::Medium,
            _ => Severity::Low,
        }
    }

    /// Observes a denial that leaves nobody in, the owner included.
    pub(super) fn lockout(&self, seen: &mut Vec<Observation>) {
        let everybody = self.principals.iter().any(|(_, name)| name == "*") && !self.not_principal;
        let everything = self
            .actions
            .iter()
            .any(|action| action == "*" || action.ends_with(":*"));
        if everybody && everything && self.conditions.is_empty() {
            let what = format!(
                "{} is denied to everybody, whoever owns it included",
                self.summary()
            );
            seen.push(self.seen(&rule::IAM_LOCKED_OUT, &self.resources.join(","), what));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    fn level(statement: &str) -> Severity {
        let policy = format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#);
        severity(&analyze("s3", None, policy.as_bytes()))
    }

    #[test]
    fn sharing_to_read_with_a_named_account_weighs_less_than_to_write() {
        let share = |action: &str| {
            format!(
                r#"{{"Effect": "Allow", "Principal": {{"AWS": "arn:aws:iam::222222222222:root"}}, "Action": "{action}", "Resource": "arn:aws:s3:::b/*"}}"#
            )
        };
        assert_eq!(level(&share("s3:GetObject")), Severity::Low);
        assert_eq!(level(&share("s3:PutObject")), Severity::Medium);
        assert_eq!(level(&share("s3:*")), Severity::Medium);
        assert_eq!(level(&share("secretsmanager:GetSecretValue")), Severity::Medium);
    }

    #[test]
    fn a_denial_for_everybody_locks_the_owner_out() {
        let deny = |more: &str| {
            format!(
                r#"{{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b"{more}}}"#
            )
        };
        assert_eq!(level(&deny("")), Severity::High);
        for kept in [
            r#", "Condition": {"Bool": {"aws:SecureTransport": "false"}}"#,
            r#", "Condition": {"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/ops"}}"#,
        ] {
            assert_eq!(level(&deny(kept)), Severity::Info, "{kept}");
        }
        assert_eq!(
            level(&deny("").replace("s3:*", "s3:DeleteObject")),
            Severity::Info
        );
    }

    #[test]
    fn a_subject_that_every_workload_has_is_none() {
        let trust = |subject: &str| {
            format!(
                r#"{{"Effect": "Allow", "Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.test/id/A"}}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {{"StringLike": {{"oidc.test/id/A:sub": "{subject}"}}}}}}"#
            )
        };
        assert_eq!(level(&trust("system:serviceaccount:*:*")), Severity::High);
        assert_eq!(level(&trust("system:serviceaccount:*:ledger")), Severity::High);
        assert!(level(&trust("system:serviceaccount:ledger:*")) < Severity::High);
    }
}
