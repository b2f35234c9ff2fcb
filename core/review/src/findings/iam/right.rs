//! Rights: what one statement lets its holder do, whatever was before.
//!
//! What is held silently is noted as well, so that a right that was held before as part of a wider one is none that is
//! gained.

use super::action::{AS_OF, POWERFUL_SERVICES, Power, acts_on, sensitive, writes};
use super::arn::broad;
use super::statement::{Statement, join};
use super::table::table;
use crate::findings::observation::quote;
use crate::findings::{Breadth, Observation, Severity, rule};

/// From so many observations on, what is held silently is no longer noted; then more counts as introduced.
const MOST_SILENT: usize = 20_000;

impl Statement {
    /// Observes what the statement lets its holder do.
    pub(super) fn rights(&self, denials: &[&Statement], seen: &mut Vec<Observation>) {
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

    fn widest(&self) -> String {
        self.resources
            .iter()
            .find(|resource| broad(resource))
            .or(self.resources.first())
            .cloned()
            .unwrap_or_else(|| "*".to_owned())
    }

    fn all_but(&self, excepted: &[String], glob: &str) -> Breadth {
        Breadth::AllBut {
            excepted: excepted.iter().map(|name| name.to_ascii_lowercase()).collect(),
            glob: glob.to_owned(),
            condition: self.condition(),
        }
    }

    pub(super) fn reaching(
        &self,
        rule: &'static rule::Rule,
        key: &str,
        what: String,
        resource: &str,
    ) -> Observation {
        let breadth = Breadth::Pattern {
            glob: resource.to_owned(),
            condition: self.condition(),
        };
        self.seen(rule, key, what).breadth(breadth)
    }
}
