//! AWS policies: what rights a change gives, to whom, under which conditions.
//!
//! A statement is recognised wherever it stands: in a policy file, a template, a plan, or as JSON inside a
//! text. The rights *gained* are what counts: a right is existing only where the same holder had it before on
//! resources that cover it. Grammar: IAM JSON policy language; keys are read in any case, since AWS does.

use super::action::{AS_OF, POWERFUL_SERVICES, Power, SENSITIVE, acts_on, sensitive, writes};
use super::gain::gains;
use super::statement::{Statement, owner, statements};
use super::table::table;
use crate::findings::observation::{matches_glob, quote};
use crate::findings::{Breadth, Delta, Detector, Input, Observation, Outcome, Problem, Severity, Side, rule};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The rules for policies.
pub(in crate::findings) struct Policies;

/// From so many observations on, what is held silently is no longer noted; then more counts as introduced.
const MOST_SILENT: usize = 20_000;

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

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<(Observation, Delta, Side)> {
        let (old, new) = (statements(before), statements(after));
        if too_many(&old) || too_many(&new) {
            return Vec::new();
        }
        let mut changes = gains(&old, &new);
        for statement in &new {
            let Some(earlier) = old.iter().find(|earlier| earlier.same_but_condition(statement)) else {
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

impl Statement {
    /// Observes what the statement lets its holder do.
    fn rights(&self, denials: &[&Statement], seen: &mut Vec<Observation>) {
        if !self.not_actions.is_empty() {
            let what = format!("every action but {} is allowed", join(&self.not_actions));
            let seen_here = self.seen(&rule::IAM_NOT_ACTION, "", what);
            seen.push(seen_here.breadth(self.all_but(&self.not_actions, &self.widest())));
        }
        if !self.not_resources.is_empty() {
            let what = format!(
                "{} is allowed on every resource but {}",
                join(&self.actions),
                join(&self.not_resources)
            );
            let seen_here = self.seen(&rule::IAM_NOT_RESOURCE, &self.actions.join(","), what);
            seen.push(seen_here.breadth(self.all_but(&self.not_resources, "*")));
        }
        for action in &self.actions {
            for resource in self.reached() {
                let denied = |action: &str| denials.iter().any(|denial| denial.reaches(action, &resource));
                if !denied(action) {
                    self.right(action, &resource, &denied, seen);
                }
            }
        }
    }

    fn right(
        &self,
        action: &str,
        resource: &str,
        denied: &dyn Fn(&str) -> bool,
        seen: &mut Vec<Observation>,
    ) {
        let all = action == "*" || action == "*:*";
        let service = action.strip_suffix(":*").filter(|_| !all);
        if all {
            let what = format!("every action is allowed on {}{}", quote(resource), self.under());
            let rule = if broad(resource) {
                &rule::IAM_FULL_ADMIN
            } else {
                &rule::IAM_ALL_ACTIONS
            };
            // A resource policy names its own resource, so `*` there reaches no further.
            let severity = if self.principals.is_empty() {
                rule.severity
            } else {
                Severity::High
            };
            seen.push(self.reaching(rule, "all", what, resource).severity(severity));
            if seen.len() < MOST_SILENT {
                self.all_of_it(resource, seen);
            }
        } else if let Some(service) = service {
            let powerful = POWERFUL_SERVICES.contains(&service.to_ascii_lowercase().as_str());
            let severity = if powerful && broad(resource) {
                Severity::High
            } else {
                Severity::Medium
            };
            let what = format!(
                "every action of {} is allowed on {}{}",
                quote(service),
                quote(resource),
                self.under()
            );
            let key = service.to_ascii_lowercase();
            seen.push(
                self.reaching(&rule::IAM_SERVICE_WILDCARD, &key, what, resource)
                    .severity(severity),
            );
        }
        let wildcard = all || service.is_some();
        let mut sensitive_ones = false;
        for (name, power) in sensitive(action).filter(|(name, _)| !denied(name)) {
            sensitive_ones = true;
            if !acts_on(name, resource) {
                continue;
            }
            if *name == "sts:AssumeRole" && !self.principals.is_empty() {
                continue;
            }
            let what = format!(
                "{} is allowed on {}{}, which {} (table of {AS_OF})",
                quote(name),
                quote(resource),
                self.under(),
                power.words()
            );
            let mut right = self.reaching(&rule::IAM_SENSITIVE_ACTION, name, what, resource);
            right.severity = self.severity_of(*power, resource);
            // The wildcard is reported already; here it only counts as what was held before.
            right.silent = wildcard;
            seen.push(right);
        }
        self.plain_right(action, resource, wildcard, sensitive_ones, seen);
    }

    /// Observes an action that gives no power by itself, or that nobody knows.
    fn plain_right(
        &self,
        action: &str,
        resource: &str,
        wildcard: bool,
        sensitive_ones: bool,
        seen: &mut Vec<Observation>,
    ) {
        let known = wildcard || sensitive_ones || table().knows(action);
        if !known {
            let severity = if writes(action) {
                Severity::Medium
            } else {
                Severity::Low
            };
            let what = format!(
                "{} is allowed on {}{}; AWS's actions of {} have no such one, so what it gives is not known",
                quote(action),
                quote(resource),
                self.under(),
                table().as_of
            );
            let key = action.to_ascii_lowercase();
            seen.push(
                self.reaching(&rule::IAM_ACTION_UNKNOWN, &key, what, resource)
                    .severity(severity),
            );
        } else if !sensitive_ones || wildcard {
            let what = format!(
                "{} is allowed on {}{}",
                quote(action),
                quote(resource),
                self.under()
            );
            let key = action.to_ascii_lowercase();
            let mut right = self.reaching(&rule::IAM_ACTION_ALLOWED, &key, what, resource);
            right.silent = wildcard || !self.principals.is_empty();
            seen.push(right);
        }
    }

    /// Notes that whoever holds every action holds every service's too; it is told once only.
    fn all_of_it(&self, resource: &str, seen: &mut Vec<Observation>) {
        let mut silent = |rule, key: &str| {
            let mut right = self.reaching(rule, key, String::new(), resource);
            right.silent = true;
            seen.push(right);
        };
        silent(&rule::IAM_ALL_ACTIONS, "all");
        for service in table().services() {
            silent(&rule::IAM_SERVICE_WILDCARD, service);
        }
    }

    fn severity_of(&self, power: Power, resource: &str) -> Severity {
        let open = broad(resource) && self.conditions.is_empty();
        match power {
            Power::Escalation | Power::Evasion | Power::Exposure if open => Severity::High,
            Power::Secrets | Power::Destruction if !open => Severity::Low,
            _ => Severity::Medium,
        }
    }

    /// Says whether it denies to whoever holds it, whatever the circumstances.
    pub(super) fn denies_plainly(&self) -> bool {
        !self.allow
            && self.conditions.is_empty()
            && self.not_resources.is_empty()
            && self.principals.is_empty()
    }

    /// Says whether it speaks of an action (or of all that a pattern stands for) on a resource.
    fn reaches(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let named = |patterns: &[String]| {
            patterns
                .iter()
                .any(|pattern| matches_glob(&pattern.to_ascii_lowercase(), &action))
        };
        (named(&self.actions)
            || !self.not_actions.is_empty() && !named(&self.not_actions) && !action.contains('*'))
            && self
                .reached()
                .iter()
                .any(|pattern| matches_glob(pattern, resource))
    }

    pub(super) fn reached(&self) -> Vec<String> {
        if self.resources.is_empty() && self.not_resources.is_empty() && self.principals.is_empty() {
            vec!["*".to_owned()]
        } else {
            self.resources.clone()
        }
    }

    fn widest(&self) -> String {
        self.resources
            .iter()
            .find(|resource| broad(resource))
            .or(self.resources.first())
            .cloned()
            .unwrap_or_else(|| "*".to_owned())
    }

    pub(super) fn condition(&self) -> String {
        self.conditions
            .iter()
            .fold(String::new(), |mut text, (test, values)| {
                // Escaped, so that no value looks like another test.
                let _ = writeln!(text, "{test:?} {values:?}");
                text
            })
    }

    pub(super) fn under(&self) -> String {
        if self.conditions.is_empty() {
            return String::new();
        }
        let tests = self
            .conditions
            .keys()
            .map(|test| quote(test))
            .collect::<Vec<_>>()
            .join(", ");
        format!(" under {tests}")
    }

    pub(super) fn summary(&self) -> String {
        let actions = if self.actions.is_empty() {
            &self.not_actions
        } else {
            &self.actions
        };
        format!("{} on {}", join(actions), join(&self.resources))
    }

    fn same_but_condition(&self, other: &Self) -> bool {
        (self.allow, &self.owner, &self.principals) == (other.allow, &other.owner, &other.principals)
            && (self.actions == other.actions && self.resources == other.resources)
            && self.not_actions == other.not_actions
    }

    fn all_but(&self, excepted: &[String], glob: &str) -> Breadth {
        Breadth::AllBut {
            excepted: excepted.iter().map(|name| name.to_ascii_lowercase()).collect(),
            glob: glob.to_owned(),
            condition: self.condition(),
        }
    }

    fn reaching(&self, rule: &'static rule::Rule, key: &str, what: String, resource: &str) -> Observation {
        let breadth = Breadth::Pattern {
            glob: resource.to_owned(),
            condition: self.condition(),
        };
        self.seen(rule, key, what).breadth(breadth)
    }

    pub(super) fn seen(&self, rule: &'static rule::Rule, key: &str, what: String) -> Observation {
        Observation::new(rule, format!("{} {key}", self.owner), what).at(&self.place, self.line)
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
        || patterns().map(scan).fold(0, usize::saturating_add) > MOST_SCANS
}

fn accounts_of_resources(statement: &Statement) -> BTreeSet<String> {
    statement
        .resources
        .iter()
        .filter_map(|resource| account(resource))
        .collect()
}

/// Returns the account of an ARN, or the text itself where it is an account.
pub(super) fn account(name: &str) -> Option<String> {
    let is_account = |text: &&str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    Some(name)
        .filter(is_account)
        .or_else(|| name.split(':').nth(4).filter(is_account))
        .map(str::to_owned)
}

/// Says whether a resource pattern reaches beyond named resources.
pub(super) fn broad(resource: &str) -> bool {
    let name = resource.splitn(6, ':').nth(5);
    match name {
        None => resource.starts_with('*') || !resource.contains(':') && resource.contains('*'),
        // `bucket/*` is one bucket; `role/*` is every role.
        Some(name) if resource.split(':').nth(2) == Some("s3") => name.starts_with('*'),
        Some(name) => {
            name.starts_with('*') || name.split_once(['/', ':']).is_some_and(|(_, rest)| rest == "*")
        }
    }
}

pub(super) fn join(values: &[String]) -> String {
    const SHOWN: usize = 4;
    if values.is_empty() {
        return "its own resource".to_owned();
    }
    let head = values
        .iter()
        .take(SHOWN)
        .map(|value| quote(value))
        .collect::<Vec<_>>()
        .join(", ");
    match values.len().saturating_sub(SHOWN) {
        0 => head,
        more => format!("{head} and {more} more"),
    }
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

    #[test]
    fn the_breadth_of_resources_is_read_from_their_names() {
        for wide in ["*", "arn:aws:iam::*:role/*", "arn:aws:s3:::*"] {
            assert!(broad(wide), "{wide}");
        }
        for narrow in ["arn:aws:s3:::bucket/*", "arn:aws:iam::1:role/app-*"] {
            assert!(!broad(narrow), "{narrow}");
        }
    }
}
